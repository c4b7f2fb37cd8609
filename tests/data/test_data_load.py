"""From a name or a path to a data set."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from data_makers import grey, write_cifar10_pickles, write_idx, write_mnist_like

from axbar.data import Dataset, data_names, load_data
from axbar.errors import DataError, UsageError


def test_names_have_a_line_each() -> None:
    names = data_names()
    assert {"fashion-mnist-small", "fashion-mnist", "mnist", "cifar-10", "cifar-100"} <= set(names)
    assert all(names.values())


def test_a_data_set_is_returned_as_it_is() -> None:
    data = load_data("fashion-mnist-small").subset(train=100, test=10)
    assert load_data(data) is data


def test_alias() -> None:
    assert load_data("fashion-mnist-embedded").hash() == load_data("fashion-mnist-small").hash()


@pytest.mark.parametrize("place", ["mnist", "MNIST/raw", "MNIST"])
def test_named_sets_are_found_where_people_keep_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    write_mnist_like(tmp_path / place)
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("AXBAR_DATA", str(tmp_path))
    data = load_data("mnist")
    assert (data.name, data.input_shape, len(data.test)) == ("mnist", (1, 28, 28), 20)
    assert "LeCun" in data.source
    monkeypatch.delenv("AXBAR_DATA")
    assert load_data("mnist", data_dir=tmp_path).hash() == data.hash()


def test_the_sets_own_folder_may_be_given(tmp_path: Path) -> None:
    write_mnist_like(tmp_path / "FashionMNIST" / "raw")
    for folder in ("FashionMNIST", "FashionMNIST/raw"):
        assert load_data("fashion-mnist", data_dir=tmp_path / folder).classes[9] == "Ankle boot"
    with pytest.raises(DataError, match="'mnist' is not in"):
        load_data("mnist", data_dir=tmp_path / "FashionMNIST")


@pytest.mark.parametrize("place", ["cifar-10-batches-py", "cifar-10/cifar-10-batches-py"])
def test_named_cifar(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    write_cifar10_pickles(tmp_path / place)
    assert load_data("cifar-10", tmp_path).classes[0] == "thing 0"


def test_data_dir_beats_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist_like(tmp_path / "a" / "mnist")
    (tmp_path / "b").mkdir()
    monkeypatch.setenv("AXBAR_DATA", str(tmp_path / "b"))
    assert len(load_data("mnist", tmp_path / "a").test) == 20
    with pytest.raises(DataError, match="looked for mnist/, MNIST/"):
        load_data("mnist")


def test_no_data_folder_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AXBAR_DATA", raising=False)
    with pytest.raises(UsageError, match=r"--data-dir or AXBAR_DATA.*cifar-10-batches-py/"):
        load_data("cifar-10")


def test_a_data_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_data("mnist", tmp_path / "no")


def test_files_of_another_set_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "mnist", "train", *grey(100, 26, 28))
    with pytest.raises(DataError, match="1x28x28 images of 26 classes; mnist has 1x28x28 images of 10"):
        load_data("mnist", tmp_path)


def test_unknown_names_get_a_hint() -> None:
    with pytest.raises(
        UsageError, match=r"did you mean 'fashion-mnist-small'\?.*Known: braille, cifar-10,"
    ) as caught:
        load_data("fashion-mnist-smal")
    assert caught.value.exit_code == 2


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file or folder"):
        load_data(tmp_path / "no.npz")
    with pytest.raises(UsageError, match=r"names no loader; write data\.py:"):
        load_data("data.py")
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(DataError, match=r"a\.csv' is no data set"):
        load_data(tmp_path / "a.csv")


def test_empty_and_unknown_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty"):
        load_data(tmp_path)
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(DataError, match=r"found readme\.txt.*train-images-idx3-ubyte"):
        load_data(tmp_path)


def test_a_folder_of_several_sets_asks_which(tmp_path: Path) -> None:
    write_mnist_like(tmp_path / "MNIST" / "raw")
    write_cifar10_pickles(tmp_path / "cifar-10-batches-py")
    with pytest.raises(DataError, match=r"several data sets.*MNIST.raw.*cifar-10-batches-py"):
        load_data(tmp_path)


def test_a_nest_is_opened_and_named(tmp_path: Path) -> None:
    write_mnist_like(tmp_path / "KMNIST" / "raw")
    assert load_data(tmp_path / "KMNIST" / "raw").name == "KMNIST"
    assert load_data(tmp_path / "KMNIST").name == "KMNIST"


def write_loader(folder: Path, body: str) -> str:
    (folder / "mine.py").write_text(
        f"import numpy as np\nX = np.zeros((40, 4, 4)); Y = np.arange(40) % 4\n{body}"
    )
    return f"{folder / 'mine.py'}:load"


def test_loaders_of_arrays_and_data_sets(tmp_path: Path) -> None:
    four = load_data(write_loader(tmp_path, "def load(): return X, Y, X[:8], Y[:8]\n"))
    assert (len(four.train), len(four.calibration), len(four.test)) == (36, 4, 8)
    two = load_data(write_loader(tmp_path, "def load(): return X, Y\n"))
    assert len(two.test) == 8
    body = (
        "from axbar.data import Dataset\ndef load():\n"
        "    x = X[:, None].astype('u1')\n"
        "    return Dataset.from_arrays('own', (x, Y), (x[:8], Y[:8]))\n"
    )
    own = load_data(write_loader(tmp_path, body))
    assert isinstance(own, Dataset)
    assert own.name == "own"


def test_a_loader_may_import_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "axbar_test_neighbour.py").write_text("CLASSES = 4\n")
    before = list(sys.path)
    body = "import axbar_test_neighbour as n\ndef load(): return X, Y % n.CLASSES\n"
    assert len(load_data(write_loader(tmp_path, body)).classes) == 4
    assert sys.path == before
    sys.modules.pop("axbar_test_neighbour")


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ("def load(): return X\n", DataError, "returned a ndarray"),
        ("def load(): return X, Y, X\n", DataError, "returned 3 values"),
        ("def load(): return 1 / 0\n", DataError, "ZeroDivisionError"),
        ("import nothing_of_that_name\n", DataError, "importing .* failed with ModuleNotFoundError"),
        ("def (:\n", DataError, "SyntaxError"),
        ("def loaad(): pass\n", UsageError, "no loader 'load'; did you mean 'loaad'"),
        ("load = 3\n", UsageError, "no loader 'load'"),
        ("def load(): return X, Y[:-1]\n", DataError, "39 labels for 40 images"),
    ],
)
def test_loaders_that_fail_are_named(tmp_path: Path, body: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        load_data(write_loader(tmp_path, body))


def test_a_loader_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        load_data(f"{tmp_path / 'no.py'}:load")


def test_the_seed_reaches_the_split(tmp_path: Path) -> None:
    x, y = grey(100)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    first, again, other = (load_data(tmp_path / "a.npz", seed=s).hash() for s in (0, 0, 1))
    assert first == again != other
