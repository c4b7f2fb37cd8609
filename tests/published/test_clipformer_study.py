"""The study of clipped keys and values: what it computes, what it says, what it draws, what it keeps."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch

import axbar
from axbar.errors import UsageError
from axbar.nn import build_model
from axbar.published import clipformer_study as study
from axbar.published.clipformer_chips import costs
from axbar.published.clipformer_claims import claims
from axbar.published.clipformer_figure import panels
from axbar.published.clipformer_measure import chip_at, empty_slices, snr_table
from axbar.published.clipformer_networks import Net
from axbar.published.clipformer_table import crossover, gain, markdown, rows
from axbar.techniques.clipformer import CHOICES
from axbar.workload import shapes

TINY = Net(
    "tiny", "fashion-mnist-small", options={"width": 16, "depth": 1, "patch": 7}, epochs=1,
    vat="epochs=1,images=200", tests=10, levels=(0.0, 0.5),
)  # fmt: skip
SIZE = study.Scale((TINY,), (0, 1), 8, 8, 1, ("rram-clipformer", "rram-neurram"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clipformer")


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """Everything, at a scale of seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(study.SCALES, "quick", SIZE)
        study.reproduce(folder, scale="quick")
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_a_crossover_lies_between_the_last_loss_and_the_gains_behind_it() -> None:
    levels = [0.0, 0.1, 0.2, 0.3]
    assert crossover(levels, [-3.0, -1.0, 1.0, 2.0]) == pytest.approx(0.15)
    assert crossover(levels, [1.0, 2.0, -1.0, 1.0]) == pytest.approx(0.25)  # noise of the measurement below
    assert crossover(levels, [1.0, 1.0, 1.0, 1.0]) == 0.0
    assert crossover(levels, [1.0, 1.0, 1.0, 0.0]) is None


def test_a_gain_is_paired_by_die() -> None:
    row = {"accuracy": {"none": [0.5, 0.7], "chosen": [0.6, 0.84]}}
    points, error = gain(row)
    assert points == pytest.approx(12.0) and error == pytest.approx(2.0)


@pytest.mark.parametrize(("high", "share"), [(1.0, 0.0), (0.5, 0.0), (0.25, 0.25), (0.06, 0.5)])
def test_empty_slices_follow_from_the_largest_value(high: float, share: float) -> None:
    assert empty_slices(chip_at(0.4, {"run_time.clip_low": 2.0, "run_time.clip_high": high})) == share


def test_noise_is_that_of_what_is_written_at_run_time_alone() -> None:
    spec = chip_at(0.2)
    assert spec.run_time.write_noise == pytest.approx(0.5)
    assert spec.device == axbar.load_hardware("imc-rram-clipformer").device  # type: ignore[attr-defined]


def test_ratios_of_exact_cells_tell_the_error_of_clipping_alone() -> None:
    network = build_model("vit-tiny", width=16, depth=2, patch=7, input_shape=(1, 28, 28), seed=0).eval()
    images = torch.rand(12, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    quiet = {"device": "ideal", "wires.r_row_ohm": 0.0, "wires.r_col_ohm": 0.0, "adc.bits": 12}
    table = snr_table(network, chip_at(0.0, quiet), images[:2], images)
    assert [tuple(row["clip"]) for row in table] == list(CHOICES)
    ratios = [row["snr_dB"] for row in table]
    assert ratios[0] > 100 or ratios[0] == float("inf")
    assert ratios[0] > ratios[1] > ratios[2] >= ratios[3] > ratios[4] > 0


def test_everything_is_measured_and_kept(found: dict[str, Any], folder: Path) -> None:
    arms = found["nets"]["tiny"]["arms"]
    assert set(arms) == {"standard", "VAT"} and [row["level"] for row in arms["VAT"]] == [0.0, 0.5]
    for row in (*arms["standard"], *arms["VAT"], *found["devices"].values()):
        assert set(row["accuracy"]) == {"none", "published", "chosen"} and tuple(row["chosen"]) in CHOICES
        assert all(
            len(each) == 2 and all(0 <= value <= 1 for value in each) for each in row["accuracy"].values()
        )
        assert row["tests"] == 10
    for row in (*arms["standard"], *found["devices"].values()):
        assert len(row["snr"]) == len(CHOICES)
    quiet, loud = (arms["standard"][at]["snr"][0]["snr_dB"] for at in (0, 1))
    assert quiet > loud + 6
    assert found["deit-s"]["cells"]["cells"] == 14_524_416
    kept = {file.name for file in (folder / "quick" / "tiny").glob("*.json")}
    assert {"standard-level-0.json", "vat-level-0.5.json", "standard-device-rram-neurram.json"} <= kept


def test_a_second_call_reads_all_back(
    found: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("measured again")

    monkeypatch.setitem(study.SCALES, "quick", SIZE)
    for name in ("on_dies", "snr_table", "costs"):
        monkeypatch.setattr(study, name, never)
    done = study.reproduce(folder, scale="quick")
    assert done.name == "clipformer" and done.seeds == (0, 1)
    assert json.loads((folder / "results.json").read_text(encoding="utf-8")) == found


def test_figure_and_table_show_every_arm(found: dict[str, Any]) -> None:
    svg = panels(found, "a caption")
    ElementTree.fromstring(svg)
    assert "tiny, standard" in svg and "tiny, VAT" in svg and "a caption" in svg
    text = markdown(found)
    assert text.count("| γσ |") == 3 and "rram-neurram" in text and "SRAM cells" in text
    assert len(rows(found)) == 4


def high_noise(found: dict[str, Any], which: str, clip: str, value: float) -> dict[str, Any]:
    """Return results whose highest noise has another accuracy."""
    changed = copy.deepcopy(found)
    changed["nets"]["tiny"]["arms"][which][-1]["accuracy"][clip] = [value, value]
    return changed


def claim(found: dict[str, Any], words: str) -> Any:
    (made,) = [each for each in claims(found) if words in each.what]
    return made


def test_claims_can_fail(found: dict[str, Any]) -> None:
    words = "lifts the standard network"
    plain = high_noise(found, "standard", "none", 0.5)
    assert claim(high_noise(plain, "standard", "chosen", 0.56), words).agrees
    assert not claim(high_noise(plain, "standard", "chosen", 0.54), words).agrees
    less = "gains less"
    gains = high_noise(high_noise(plain, "standard", "chosen", 0.6), "VAT", "none", 0.5)
    assert claim(high_noise(gains, "VAT", "chosen", 0.55), less).agrees
    assert not claim(high_noise(gains, "VAT", "chosen", 0.65), less).agrees
    wear = claim(found, "cells wear")
    assert wear.agrees and "14,524,416 cells" in wear.ours
    fewer = copy.deepcopy(found)
    fewer["deit-s"]["cells, clipped"]["cells"] = 14_524_416
    assert claim(found, "highest digit").agrees and not claim(fewer, "highest digit").agrees


def test_costs_share_out_the_energy_of_attention() -> None:
    found = costs(shapes.vit_tiny())
    assert found["digital units"]["cells"] == 0 and found["digital units"]["life_days"] is None
    assert found["cells"]["life_days"] == pytest.approx(1e6 / 30 / 86_400)
    assert 0 < found["digital units"]["attention_energy"] < found["cells"]["attention_energy"] < 1


@pytest.mark.parametrize(
    ("scale", "data_dir", "weights", "words"),
    [
        ("full", None, "w.safetensors", "give --data-dir with a folder of 224×224 images by class"),
        ("full", "images", None, "and --weights with those of DeiT-S"),
        ("quick", None, "w.safetensors", "takes no weights; leave out --weights, or give --full"),
    ],
)
def test_what_a_scale_needs_is_said(
    tmp_path: Path, scale: str, data_dir: str | None, weights: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        study.reproduce(tmp_path, scale=scale, data_dir=data_dir, weights=weights)
    assert not list(tmp_path.iterdir())


def test_the_network_trained_on_noise_may_run_at_fewer_levels() -> None:
    few = Net("few", "fashion-mnist-small", levels=(0.0, 0.5, 1.0), vat_levels=(0.0, 1.0))
    assert few.levels_of("standard") == (0.0, 0.5, 1.0) and few.levels_of("VAT") == (0.0, 1.0)
    assert TINY.levels_of("VAT") == TINY.levels


def test_every_scale_has_five_dies_or_is_quick_and_starts_without_noise() -> None:
    for name, size in study.SCALES.items():
        assert len(size.seeds) >= 5 or name == "quick"
        every = [net.levels_of(which) for net in size.nets for which in study.ARMS]
        assert all(levels[0] == 0 and sorted(levels) == list(levels) for levels in every)
        assert all(net.levels_of(which)[-1] == net.levels[-1] for net in size.nets for which in study.ARMS)
