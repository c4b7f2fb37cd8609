"""The ladder of cheaper spiking networks on a tiny network: what it measures, says, draws and keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from axbar.data import load_data
from axbar.published import snn_study
from axbar.published.snn_networks import Net, Tuning, unseen, variants
from axbar.techniques._finetune import FewImages


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The whole study on one small network, a few images and one epoch; run twice, the second time from its folder."""
    folder, patch = tmp_path_factory.mktemp("snn"), pytest.MonkeyPatch()
    small = load_data("fashion-mnist-small").subset(train=200, calibration=50, test=100)
    net = Net("small", "spiking-cnn", 4, "fashion-mnist-small", 200, 1, 60, Tuning(1, 100))
    patch.setattr(snn_study, "load_data", lambda *_, **__: small)
    patch.setitem(snn_study.SCALES, "quick", snn_study.Scale((net,), (1, 2), (8, 2), (0.9,), 0.05, 16))
    try:
        first = snn_study.reproduce(folder, scale="quick")
        rows = {p: p.stat().st_mtime_ns for p in folder.rglob("row.json")}
        assert snn_study.reproduce(folder, scale="quick") == first
        assert {p: p.stat().st_mtime_ns for p in folder.rglob("row.json")} == rows and rows
        return first, folder
    finally:
        patch.undo()


def test_every_variant_starts_from_the_network_of_four_steps() -> None:
    made = variants((1, 4, 8), (8, 4), (0.9,), Tuning(1, 100), 0.0, 0)
    assert made[0].name == "T = 4" and not made[0].techniques
    assert [v.steps for v in made if v.name.startswith("T = ")] == [4, 1, 8]
    assert [v.bits for v in made if v.fixed] == [8, 4, 4]
    assert [t.partition(":")[0] for t in made[-1].techniques] == ["prune", "mint", "early-exit"]


def test_thresholds_are_chosen_on_images_that_nothing_was_trained_on() -> None:
    data = load_data("fashion-mnist-small").subset(train=200, calibration=50, test=100).tuning()
    held = unseen(data, (60, 30), 3)
    rows = {image.tobytes() for image in held.calibration.images()}
    assert len(held.calibration) >= 110 and held.calibration.role == "calibration"
    for count in (60, 30):
        few = FewImages(data, count, 3).train
        assert not rows & {image.tobytes() for image in few.images(slice(None))}
    assert unseen(data, (200,), 3) is data  # nothing left


def test_what_is_measured_holds_together(study: tuple[Any, Path]) -> None:
    _, folder = study
    net = json.loads((folder / "results.json").read_text(encoding="utf-8"))["nets"]["small"]
    rows, whole = net["rows"], net["rows"]["T = 4"]
    assert whole["accuracy"] == whole["by_step"][-1] and whole["mean_steps"] == 4
    for row in rows.values():
        assert sum(row["left_at"]) == row["images"] == 60
        assert sum((t + 1) * n for t, n in enumerate(row["left_at"])) / 60 == pytest.approx(row["mean_steps"])
        assert row["traced_steps"] == pytest.approx(row["mean_steps"], abs=0.2)  # 16 stand for 60
        for chip in row["chips"].values():
            product = chip["energy_J"] * chip["latency_s"]  # of means: less than the mean of products
            mixed = len([n for n in row["left_at"] if n]) > 1
            assert chip["edp_Js"] > product if mixed else chip["edp_Js"] == pytest.approx(product)
    assert rows["pruned 90%"]["weight_sparsity"] > 0.85
    assert rows["MINT, 2 bits"]["memory_bits"]["weights"] * 4 == whole["memory_bits"]["weights"]
    for chip in ("crossbar", "systolic", "dual-sparse"):
        energies = [rows[name]["chips"][chip]["energy_J"] for name in ("T = 1", "T = 2", "T = 4")]
        assert energies == sorted(energies)
        assert (
            rows["MINT, 2 bits"]["chips"][chip]["energy_J"] < rows["MINT, 8 bits"]["chips"][chip]["energy_J"]
        )


def test_the_curve_begins_with_all_steps_and_never_lengthens(study: tuple[Any, Path]) -> None:
    _, folder = study
    net = json.loads((folder / "results.json").read_text(encoding="utf-8"))["nets"]["small"]
    bend = net["curve"]
    assert bend["mean_steps"][0] == 4 and bend["accuracy"][0] == net["rows"]["T = 4"]["accuracy"]
    assert bend["mean_steps"] == sorted(bend["mean_steps"], reverse=True)
    assert bend["edp_Js"][0] == pytest.approx(net["rows"]["T = 4"]["chips"]["crossbar"]["edp_Js"])
    assert bend["edp_Js"][-1] == pytest.approx(min(bend["edp_Js"])) and bend["edp_Js"][-1] < bend["edp_Js"][0]


def test_claims_table_and_figure(study: tuple[Any, Path]) -> None:
    found, folder = study
    assert len(found.claims) == 4 and all(claim.ours and claim.gap for claim in found.claims)
    memory = next(claim for claim in found.claims if "memory" in claim.what)
    assert memory.agrees and memory.ours.startswith("-93.75 %")
    assert "early exit against its threshold" in (folder / "table.md").read_text(encoding="utf-8")
    ElementTree.fromstring((folder / "figure.svg").read_text(encoding="utf-8"))
    assert {row["variant"] for row in found.rows} >= {"T = 4", "T = 1", "early exit", "all together"}
