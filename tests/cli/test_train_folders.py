"""``axbar train`` never writes over a run, and says where a network comes from if that may be a surprise."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from test_bad_input import one_sentence
from typer.testing import CliRunner

from axbar.cli._app import app
from axbar.nn import build_model, save_checkpoint

PRUNE = ("--technique", "prune:sparsity=0.5,epochs=0")
MINT = ("--technique", "mint:bits=4,epochs=0")


def tune(axbar, source: Path | str, out: str, *words: str, epochs: int = 0):
    return axbar(
        "train", str(source), "--data", "fashion-mnist-small", "--epochs", str(epochs), "-o", out, *words
    )


def bits(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def axbar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call the program in an empty folder, in this process: there are many calls, which do little."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        done = CliRunner().invoke(app, list(words))
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder; how well its network was trained does not matter here."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    save_checkpoint(folder, build_model("spiking-cnn", width=4, steps=1, seed=3))
    return folder


@pytest.fixture
def mine(trained: Path, tmp_path: Path) -> Path:
    """A run of another network, in the folder where the program runs."""
    shutil.copytree(trained, tmp_path / "mine")
    return tmp_path / "mine"


def test_techniques_do_not_write_over_a_run_they_did_not_make(axbar, trained: Path, mine: Path) -> None:
    before = bits(mine)
    for words in (PRUNE, (*PRUNE, "--resume")):
        for epochs in (0, 1):
            done = tune(axbar, trained, "mine", *words, epochs=epochs)
            one_sentence(
                done, 2, "'mine' already holds a run", "did not begin with 'prune'", "another folder"
            )
    assert bits(mine) == before


def test_a_chain_that_is_done_is_gone_on_with_only_if_asked(axbar, trained: Path, tmp_path: Path) -> None:
    assert tune(axbar, trained, "out", *PRUNE).returncode == 0
    before = bits(tmp_path / "out")
    one_sentence(tune(axbar, trained, "out", *PRUNE), 2, "'out' already holds a run; resume it (--resume)")
    assert bits(tmp_path / "out") == before
    longer = tune(axbar, trained, "out", *PRUNE, *MINT, "--resume")
    assert longer.returncode == 0, longer.stderr
    assert "technique 2 of 2: mint" in longer.stderr and "technique 1 of 2" not in longer.stderr
    (tmp_path / "out" / "last.safetensors").unlink()  # as if stopped before the last link
    again = tune(axbar, trained, "out", *PRUNE, *MINT, "--resume")
    assert again.returncode == 0 and (tmp_path / "out" / "last.safetensors").exists()


@pytest.mark.parametrize(
    ("source", "out", "words"),
    [
        ("mine", "mine", PRUNE),
        ("mine", "mine", (*PRUNE, "--resume")),
        ("mine", "mine", ("--resume",)),
        ("mine/best.safetensors", "./mine", PRUNE),
        ("top/0-float", "top", PRUNE),
        ("top/1-prune", "top", PRUNE),
        ("spiking-cnn", "mine", (*PRUNE, "--weights", "mine", "--config", "width=4", "--config", "steps=1")),
    ],
)
def test_the_run_to_start_from_is_not_written_over(
    axbar, mine: Path, tmp_path: Path, source: str, out: str, words: tuple[str, ...]
) -> None:
    if source.startswith("top/"):
        shutil.copytree(mine, tmp_path / source)
    before = bits(tmp_path)
    done = tune(axbar, source, out, *words, epochs=1)
    one_sentence(done, 2, "is the run to start from", f"--out {Path(out)} would write over it")
    assert bits(tmp_path) == before


def test_techniques_on_random_weights_are_told(axbar, trained: Path) -> None:
    random = tune(axbar, "spiking-cnn", "out", "--config", "width=4", "--config", "steps=1", *PRUNE)
    assert random.returncode == 0, random.stderr
    assert "note: the weights of 'spiking-cnn' are random" in random.stderr
    given = ("--config", "width=4", "--config", "steps=1", "--weights", str(trained))
    for done in (tune(axbar, "spiking-cnn", "o2", *given, *PRUNE), tune(axbar, trained, "o3", *PRUNE)):
        assert done.returncode == 0 and "random" not in done.stderr


@pytest.mark.parametrize("verb", ["train", "trace", "evaluate", "compare"])
def test_a_run_folder_behind_the_name_of_a_network_is_told(
    axbar, trained: Path, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "cnn").mkdir()  # any folder
    words = ("--data", "none.npz", "--out", "out")
    note = "note: 'cnn' is the registered network; write ./cnn for the folder."
    assert note not in axbar(verb, "cnn", *words).stderr
    shutil.copy(trained / "config.json", tmp_path / "cnn")
    assert note in axbar(verb, "cnn", *words).stderr
    assert note not in axbar(verb, "./cnn", *words).stderr
