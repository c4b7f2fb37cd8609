"""Workloads on disk."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from workload_nets import Folded, with_statistics

from axbar.errors import DataError, UsageError
from axbar.workload import GradTrace, LayerTrace, Workload, shapes, trace


@pytest.fixture(scope="module")
def workload() -> Workload:
    torch.manual_seed(0)
    return trace(with_statistics(Folded()), torch.rand(3, 1, 8, 8))


def same(a, b) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if dataclasses.is_dataclass(a):
        names = [f.name for f in dataclasses.fields(a) if f.name != "cache"]
        return type(a) is type(b) and all(same(getattr(a, n), getattr(b, n)) for n in names)
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def test_round_trip(workload, tmp_path):
    workload.save(tmp_path / "w.npz")
    found = Workload.load(tmp_path / "w.npz")
    assert same(found, workload)
    assert found.hash() == workload.hash()


def test_round_trip_of_what_is_optional(tmp_path):
    layer = shapes.cnn().layers[0]
    masked = dataclasses.replace(layer, mask=np.ones((2, 2), bool), bits=4, scale=0.25)
    full = Workload(
        "w",
        (masked,),
        4,
        exit_step=np.array([1, 4]),
        grad={"conv1": GradTrace(np.ones((2, 3), np.uint8), steps=4)},
        meta={"a": "b"},
    )
    full.save(tmp_path / "w.npz")
    found = Workload.load(tmp_path / "w.npz")
    assert same(dataclasses.replace(found, grad=None), dataclasses.replace(full, grad=None))
    assert same(found.grad["conv1"], full.grad["conv1"])


def test_shared_arrays_are_stored_and_loaded_once(workload, tmp_path):
    path = tmp_path / "w.npz"
    workload.save(path)
    found = Workload.load(path)
    assert np.shares_memory(found.layer("fire1").output.words, found.layer("down").operands[0].words)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    arrays = [layer.operands[0].words for layer in workload.matmuls] + [
        n.output.words for n in workload.neurons
    ]
    assert len(arrays) == 7 and len({a.tobytes() for a in arrays}) == 5  # fire1 feeds two layers


def test_the_hash_sees_content_and_nothing_else(workload):
    renamed = dataclasses.replace(workload, name="other", meta={"torch": "0"})
    assert renamed.hash() == workload.hash()
    layers = list(workload.layers)
    layers[0] = dataclasses.replace(layers[0], weight=layers[0].weight * np.float32(1.001))
    assert dataclasses.replace(workload, layers=tuple(layers)).hash() != workload.hash()
    assert dataclasses.replace(workload, spikes_of="digital").hash() != workload.hash()


def test_the_hash_is_the_same_in_another_process(workload, tmp_path):
    workload.save(tmp_path / "w.npz")
    code = "import sys; from axbar.workload import Workload; print(Workload.load(sys.argv[1]).hash())"
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "w.npz")],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert found.stdout.strip() == workload.hash()


def test_equal_workloads_give_equal_files(workload, tmp_path):
    workload.save(tmp_path / "a.npz")
    Workload.load(tmp_path / "a.npz").save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_numpy_reads_the_arrays(workload, tmp_path):
    workload.save(tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as found:
        assert any(
            found[key].size == workload.layer("fc").weight.size for key in found if key != "workload.json"
        )


def test_a_truncated_file(workload, tmp_path):
    path = tmp_path / "w.npz"
    workload.save(path)
    whole = path.read_bytes()
    for share in (0.0, 0.1, 0.5, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(DataError, match=r"no readable .npz file"):
            Workload.load(path)


def test_flipped_bytes_never_pass(workload, tmp_path):
    path = tmp_path / "w.npz"
    workload.save(path)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    for position in rng.integers(0, whole.size, 60):
        changed = whole.copy()
        changed[position] ^= 0xFF
        path.write_bytes(changed.tobytes())
        try:
            found = Workload.load(path)
        except DataError as error:
            assert str(path) in str(error)
        else:
            assert found.hash() == workload.hash()  # a byte of the container that carries nothing


def test_foreign_files(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.ones(3))
    with pytest.raises(DataError, match=r"other.npz is no axbar workload: it holds no 'workload.json'"):
        Workload.load(tmp_path / "other.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(DataError, match=r"no readable .npz"):
        Workload.load(tmp_path / "text.npz")
    with zipfile.ZipFile(tmp_path / "json.npz", "w") as archive:
        archive.writestr("workload.json", "[1]")
    with pytest.raises(DataError, match="describes something else"):
        Workload.load(tmp_path / "json.npz")
    with zipfile.ZipFile(tmp_path / "half.npz", "w") as archive:
        archive.writestr("workload.json", '{"format": "axbar-workload", "version": 1}')
    with pytest.raises(DataError, match="is damaged"):
        Workload.load(tmp_path / "half.npz")
    with zipfile.ZipFile(tmp_path / "new.npz", "w") as archive:
        archive.writestr("workload.json", '{"format": "axbar-workload", "version": 99}')
    with pytest.raises(DataError, match=r"workload format 99.*update axbar"):
        Workload.load(tmp_path / "new.npz")


def test_nothing_is_unpickled(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr(
            "workload.json", '{"format": "axbar-workload", "version": 1, "a": {"array": "k", "shape": []}}'
        )
        with archive.open("k.npy", "w") as stream:
            np.save(stream, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"is damaged: .*pickle"):
        Workload.load(tmp_path / "w.npz")


def test_missing_and_unwritable_places(workload, tmp_path):
    with pytest.raises(UsageError, match="there is no workload file"):
        Workload.load(tmp_path / "none.npz")
    with pytest.raises(DataError, match="can't read the workload"):
        Workload.load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="can't write the workload to"):
        workload.save(tmp_path / "file" / "w.npz")


def test_a_failed_save_leaves_the_old_file(workload, tmp_path, monkeypatch):
    path = tmp_path / "w.npz"
    workload.save(path)
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(DataError, match="No space left"):
        workload.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["w.npz"]


def test_folders_on_the_way_are_made(workload, tmp_path):
    workload.save(str(tmp_path / "a" / "b.npz"))
    assert isinstance(Workload.load(str(tmp_path / "a" / "b.npz")).layers[0], LayerTrace)
