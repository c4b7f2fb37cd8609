"""The twins at toy size, and the arithmetic behind the study's words."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from axbar.data import load_data
from axbar.nn import TrainConfig, build_model, train
from axbar.published import snn_vs_ann
from axbar.published._twins import ANN
from axbar.published.snn_vs_ann_conditions import ALL, CONDITIONS, HARSH, Condition
from axbar.published.snn_vs_ann_measure import measure, relative_error
from axbar.published.snn_vs_ann_study import Key, claims, summary
from axbar.spec import load_hardware
from axbar.spec.imc import ImcSpec

TOY = snn_vs_ann.Scale((1, 2), (0,), 1, 1, 2, 20, train_images=50)
FEW = tuple(c for c in CONDITIONS if c.name in ("programming", HARSH, ALL))


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("twin")
    calls: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(snn_vs_ann.SCALES, "quick", TOY)
        patch.setattr(snn_vs_ann, "CONDITIONS", FEW)
        study = snn_vs_ann.reproduce(
            folder, scale="quick", progress=lambda _, done, of: calls.append((done, of))
        )
        yield folder, study, calls


def test_every_row_is_there_and_the_figure_is_drawn(toy: Any) -> None:
    folder, study, calls = toy
    assert len(study.rows) == len(FEW) + sum(len(c.mitigations) for c in FEW)
    assert {ANN, "T=1", "T=2"} <= study.rows[0].keys()
    assert calls[-1] == (3 * len(study.rows), 3 * len(study.rows))
    assert all(claim.ours and claim.gap for claim in study.claims)
    json.dumps(study.to_dict(), allow_nan=False)
    picture = ElementTree.parse(folder / "figure.svg").getroot()
    assert sum(1 for _ in picture.iter("{http://www.w3.org/2000/svg}circle")) > 3 * len(FEW)
    assert ALL in (folder / "table.md").read_text(encoding="utf-8")


def test_a_second_call_measures_nothing_and_says_the_same(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, study, _ = toy
    monkeypatch.setattr(snn_vs_ann, "measure", lambda *_, **__: pytest.fail("measured again"))
    assert snn_vs_ann.reproduce(folder, scale="quick") == study


def test_a_row_of_other_settings_is_measured_anew(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _, _ = toy
    file = folder / "quick" / "seed0" / "ANN" / "programming.json"
    before = file.read_text(encoding="utf-8")
    other = json.loads(before)
    other["settings"]["dies"] = 7
    file.write_text(json.dumps(other), encoding="utf-8")
    asked: list[str] = []

    def counted(*arguments: Any, **settings: Any) -> dict[str, Any]:
        asked.append(arguments[3].name)
        return measure(*arguments, **settings)

    monkeypatch.setattr(snn_vs_ann, "measure", counted)
    snn_vs_ann.reproduce(folder, scale="quick")
    assert asked == ["programming"]
    assert json.loads(file.read_text(encoding="utf-8")) == json.loads(before)


def _measured(condition: Condition, steps: int = 3) -> dict[str, Any]:
    spec = load_hardware("imc-rram-65nm", condition.changes)
    assert isinstance(spec, ImcSpec)
    network = build_model("spiking-cnn", width=2, steps=steps)
    data = load_data("fashion-mnist-small").subset(train=200, calibration=10)
    train(network, data, TrainConfig(epochs=1, batch_size=10, lr=4e-3))
    return measure(network, spec, data, condition, dies=2, images=20, seed=0)


def test_without_flaws_nothing_is_lost_and_no_layer_errs() -> None:
    row = _measured(Condition("none", ()))
    assert row["chip"] == [row["integer"]]
    assert row["image_error"] == 0
    assert row["readout"] == [[0.0, 0.0, 0.0]]
    assert all(set(np.ravel(e["same"] + e["own"])) == {0.0} for e in row["layers"].values())


def test_frozen_flaws_hit_the_first_layer_alike_on_both_inputs_and_gather_behind_it() -> None:
    row = _measured(Condition("programming", ("programming",)))
    assert row["layers"]["conv1"]["same"] == row["layers"]["conv1"]["own"]  # images come in either way
    assert np.shape(row["layers"]["conv1"]["own"]) == (2, 1)  # constant over time
    assert np.shape(row["layers"]["fc2"]["own"]) == (2, 3)
    deep = row["layers"]["fc1"]
    assert np.mean(deep["own"]) > np.mean(deep["same"]) > 0


def test_relative_error() -> None:
    wanted = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    actual = wanted + torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    # a silent step is taken relative to the mean power of all steps: (12.5 + 0) / 2
    assert relative_error(actual, wanted) == pytest.approx([0.2, np.sqrt(0.5 / 6.25)])
    assert relative_error(wanted, wanted) == [0.0, 0.0]


def _made(integer: float, chips: list[float], steps: int, readout: tuple[float, float]) -> dict[str, Any]:
    error = np.linspace(*readout, steps).tolist()
    return {
        "integer": [integer] * steps,
        "chip": [[chip] * steps for chip in chips],
        "image_error": 0.003,
        "layers": {"fc2": {"same": [[0.1] * steps] * len(chips), "own": [error] * len(chips)}},
        "readout": [error] * len(chips),
    }


def _study(ann: float, one: float, four: float, spread: float) -> dict[str, Any]:
    """Losses under every condition, in points, with dies ``spread`` apart; mitigations bring all back."""
    rows: dict[Key, Any] = {}
    for name, steps, lost in ((ANN, 1, ann), ("T=1", 1, one), ("T=4", 4, four)):
        for condition in CONDITIONS:
            for mitigation in ("", *condition.mitigations):
                gone = 0.0 if mitigation else lost
                chips = [0.9 - (gone + way * spread) / 100 for way in (-1, 0, 1)]
                rows[Key(name, condition.name, mitigation)] = [_made(0.9, chips, steps, (0.1, 0.3))]
    return {claim.what.split()[0]: claim for claim in claims(summary(rows))}


def test_claims_agree_where_the_differences_are_clear() -> None:
    found = _study(ann=2.0, one=4.0, four=10.0, spread=0.5)
    assert {name: claim.agrees for name, claim in found.items()} == dict.fromkeys(found, True)
    assert "100 % of the loss" in found["adapting"].ours


def test_differences_within_the_spread_of_dies_are_no_agreement() -> None:
    found = _study(ann=2.0, one=2.5, four=3.0, spread=2.0)
    assert not found["on"].agrees and "within the spread" in found["on"].ours
    assert not found["networks"].agrees and not found["noise-aware"].agrees


def test_the_spread_holds_dies_and_images() -> None:
    chips = [0.80, 0.84]
    entry = summary({Key("T=2", HARSH): [_made(0.9, chips, 2, (0.1, 0.1))]})[0]
    assert entry.lost == pytest.approx(8.0)
    assert entry.spread == pytest.approx(100 * np.hypot(np.std(chips, ddof=1), 0.003))
