"""The study of measured macros: facts as published, the split, what ships with the package."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from axbar import registry
from axbar.cost.macro import calibration, calibration_record, fit_factors
from axbar.published.macros_chips import Chip, calibrating, chips
from axbar.published.macros_study import calibration_of, measure

CHIPS = {chip.name: chip for chip in chips()}


def test_there_are_enough_chips_of_enough_kinds() -> None:
    assert len(CHIPS) >= 8
    assert len({chip.family for chip in CHIPS.values()}) >= 4
    for chip in CHIPS.values():
        assert len(chip.source) > 15 and chip.boundary
        assert chip.confidence in ("code", "abs", "sec")
        assert any(point.name == chip.anchor for point in chip.points), chip.name


@pytest.mark.parametrize(
    ("name", "macs", "tops"),
    [
        ("jia2020", 589824, 0.874), ("wang2022", 1024, 0.3), ("sinangil", 1024, 0.3724), ("neurram", 32768, 2.122),
        ("hermes", 65536, 1.008), ("dimc_isscc22", 192, 1.198), ("jia2022", 36864, 3.0),
    ],
)  # fmt: skip
def test_geometry_gives_the_published_throughput(name: str, macs: int, tops: float) -> None:
    found = CHIPS[name].estimate(CHIPS[name].points[0])
    assert found.macs[0] == macs
    assert found.tops[0] == pytest.approx(tops, rel=0.02)


@pytest.mark.parametrize(
    "chip", [c for c in CHIPS.values() if any(p.parts_J for p in c.points)], ids=lambda c: c.name
)
def test_published_components_sum_to_the_published_total(chip: Chip) -> None:
    for point in chip.points:
        if point.parts_J:
            assert sum(point.parts_J.values()) == pytest.approx(point.energy_per_mac_J, rel=0.02), point.name


def test_the_halves_are_apart_and_forward_in_time() -> None:
    fitted = calibrating(tuple(CHIPS.values()))
    tested = set(CHIPS) - set(fitted)
    assert len(fitted) >= 4 and len(tested) >= 4
    for name in fitted:
        later = [c for c in CHIPS.values() if c.family == CHIPS[name].family and c.name in tested]
        assert later and all(c.year >= CHIPS[name].year for c in later)


def test_the_shipped_factors_are_those_of_the_chips() -> None:
    rows, record = measure(tuple(CHIPS.values()))
    assert calibration() == calibration_of(tuple(CHIPS.values()))
    assert calibration_record() == record
    assert {row["chip"] for row in rows if row["half"] == "test"} == set(record["tested_on"])


def test_held_out_chips_do_not_touch_the_factors() -> None:
    fitted = calibrating(tuple(CHIPS.values()))
    seen = [o for c in CHIPS.values() for o in c.observations() if c.name in fitted]
    assert {kind: round(v, 4) for kind, v in fit_factors(seen).items()} == calibration()
    assert "adc.charge-decrement" not in calibration()  # its only chip is held out


@pytest.mark.parametrize(("name", "bound"), [("wang2022", 1.3), ("jia2020", 1.3), ("neurocim", 1.3)])
def test_one_point_predicts_the_others(name: str, bound: float) -> None:
    rows, _ = measure(tuple(CHIPS.values()))
    ratios = [row["predicted_x"] for row in rows if row["chip"] == name and row["predicted_x"]]
    assert ratios and all(1 / bound <= ratio <= bound for ratio in ratios)


def test_precision_of_colonnade_is_predicted_and_its_supply_is_not() -> None:
    rows, _ = measure(tuple(CHIPS.values()))
    found = {r["point"]: r["predicted_x"] for r in rows if r["chip"] == "colonnade" and r["predicted_x"]}
    assert all(1 / 1.3 < x < 1.3 for point, x in found.items() if "0.8 V" in point)
    assert all(x > 2.0 for point, x in found.items() if "0.6 V" in point)


def test_an_anchor_predicts_itself() -> None:
    from axbar.published import macros_study

    for chip in CHIPS.values():
        anchor = next(p for p in chip.points if p.name == chip.anchor)
        same = type(anchor)(
            anchor.name, {**anchor.changes, "sets": chip.macro.sets}, anchor.tops_per_W, None, {}
        )
        again = macros_study._predicted(chip, same)
        assert again == pytest.approx(anchor.energy_per_mac_J, rel=0.02), chip.name


def test_the_study_writes_its_files(tmp_path: Path) -> None:
    study = registry.get("reproductions", "macros")(tmp_path, scale="quick")
    json.dumps(study.to_dict(), allow_nan=False)
    assert all(claim.ours and claim.gap for claim in study.claims)
    picture = ElementTree.parse(tmp_path / "figure.svg").getroot()
    titles = list(picture.iter("{http://www.w3.org/2000/svg}title"))
    assert len(titles) == 3 * len(study.rows)  # one mark in the scatter, two on the line of its chip
    assert "wang2022" in (tmp_path / "table.md").read_text(encoding="utf-8")
    record = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))
    assert record == calibration_record()
    assert "held" not in study.text() or "uncalibrated" in study.text()
