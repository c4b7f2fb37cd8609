"""The example that trains dual-sparse networks runs from end to end, and a second call only reads."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

from axbar.workload import Workload

SCRIPT = Path(__file__).parents[2] / "examples" / "train_dual_sparse.py"
WORDS = (
    "--model spiking-cnn --width 2 --data fashion-mnist-small --images 100 --rounds 2 --rewind 1 --epochs 1 "
    "--tune-epochs 1 --test-images 40 --out"
).split()


def test_runs_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *WORDS, str(tmp_path)])
    results: list[dict[str, object]] = []
    for _ in range(2):
        runpy.run_path(str(SCRIPT), run_name="__main__")
        results.append(json.loads((tmp_path / "result.json").read_text()))
    assert results[0] == results[1]
    log = (tmp_path / "progress.log").read_text()
    assert (
        log.count("round 1 epoch 1:") == log.count("masked epoch 1:") == 1 and log.count("round 2 done") == 2
    )
    sparsity = {name: results[0][name]["weight_sparsity"] for name in ("dense", "ticket", "masked")}  # type: ignore[index]
    assert sparsity["dense"] == 0 and sparsity["ticket"] == sparsity["masked"] == pytest.approx(
        0.4375, abs=1e-3
    )
    assert results[0]["masked"]["neurons_firing_once"] == 0  # type: ignore[index]
    workload = Workload.load(tmp_path / "masked.npz")
    assert sum(int((at.weight == 0).sum()) for at in workload.matmuls if at.weight is not None) > 0
