"""The study of SpikeSim's model: every number computed, every quirk by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from axbar.cli._app import app
from axbar.published import spikesim_study
from axbar.published.spikesim import STATE_M2, evaluate
from axbar.published.spikesim_claims import Pair, claims, pair
from axbar.published.spikesim_design import CASES
from axbar.published.spikesim_quirks import QUIRKS, Change, changes
from axbar.published.spikesim_real import CLASSES, Cost, real, real_cost, workload

VGG9 = CASES["vgg9_default"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("spikesim")
    calls: list[tuple[int, int]] = []
    found = spikesim_study.reproduce(folder, progress=lambda _, done, total: calls.append((done, total)))
    assert calls[-1] == (6, 6)
    return folder, found


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], Change]:
    return {(change.quirk.name, change.case): change for change in changes()}


def _ratios(change: Change) -> tuple[float, float, float]:
    return (
        change.mended.energy_J / change.published.energy_J,
        change.mended.latency_s / change.published.latency_s,
        change.mended.area_m2 / change.published.area_m2,
    )


def test_the_real_network_has_the_sizes_of_its_convolutions() -> None:
    products = workload(VGG9).matmuls
    assert [layer.geometry.out_shape[1] for layer in products] == list(VGG9.in_sizes)
    assert [len(layer.steps) for layer in products] == [1, 5, 5, 5, 5, 5, 5]
    weights = sum(9 * i * o for i, o in zip(VGG9.in_channels, VGG9.out_channels, strict=True))
    assert int(sum(real(VGG9).mapping["arrays"])) >= weights / 64 / 32  # two columns per signed weight


def test_classes_hold_every_component() -> None:
    cost = real_cost(VGG9)
    assert sum(cost.energy_by_class.values()) == pytest.approx(cost.energy_J)
    assert sum(cost.area_by_class.values()) == pytest.approx(cost.area_m2)
    named = {group for groups, _ in CLASSES.values() for group in groups}
    assert {"array", "conversion", "neuron"} <= named & set(real(VGG9).groups)


def test_every_quirk_is_there_once_and_says_what_it_mends(study: Any) -> None:
    _, result = study
    assert [quirk.name for quirk in QUIRKS] == [f"Q{n}" for n in range(1, 12)]
    assert all(
        name in result.settings and quirk.mended in result.settings[name]
        for quirk in QUIRKS
        for name in [quirk.name]
    )


def test_quirks_change_what_they_should(found: dict[tuple[str, str], Change]) -> None:
    energy, latency, area = _ratios(found["Q1", "vgg9_default"])
    assert (energy, latency) == pytest.approx((1.6, 97.97632 / 62.83264))
    assert area > 1.1
    # Q2: c converters of 8 conversions; published c of c, c = 4, 8, 16
    for case, c in (("vgg9_x32", 4), ("vgg9_default", 8), ("vgg9_x128", 16)):
        change = found["Q2", case]
        assert change.mended.energy_breakdown["adc"] / change.published.energy_breakdown[
            "adc"
        ] == pytest.approx(8 / c)
        change = found["Q3", case]
        for parts in ("energy_breakdown", "area_breakdown"):
            before, after = getattr(change.published, parts)["xbar"], getattr(change.mended, parts)["xbar"]
            assert after / before == pytest.approx((c / 8) ** 2)
    # Q4: 1024 + 256 + 256 + 64 + 64 + 64 positions, of which three quarters count, and 16 of the last layer
    assert found["Q4", "vgg9_default"].mended.latency_s == pytest.approx(5 * 104e-9 * (0.75 * 1728 + 16))
    # Q5: two layers more
    more = found["Q5", "vgg9_default"]
    assert more.mended.area_m2 - more.published.area_m2 == pytest.approx(256 * (64 + 16) * STATE_M2.value)
    # Q6: 1024 of 3840 cycles read an image, the others spikes at 0.15
    sparse = found["Q6", "vgg9_default"]
    share = (1024 + 0.15 * 2816) / 3840
    assert sparse.mended.energy_breakdown["xbar"] / sparse.published.energy_breakdown[
        "xbar"
    ] == pytest.approx(share)
    assert _ratios(found["Q7", "vgg9_default"])[0] == pytest.approx((1024 / 5 + 2816) / 3840)
    assert found["Q8", "vgg9_sram"].mended.energy_J == pytest.approx(evaluate(VGG9).energy_J)
    assert 1 < _ratios(found["Q9", "vgg9_default"])[2] < 1.1
    assert _ratios(found["Q10", "vgg9_default"]) == (1, 1, 1)
    cells = found["Q11", "vgg9_default"]
    assert cells.mended.area_breakdown["xbar"] / cells.published.area_breakdown["xbar"] == pytest.approx(
        (65 / 40) ** 2
    )


@pytest.mark.parametrize("name", [quirk.name for quirk in QUIRKS])
def test_a_correction_leaves_the_rest_alone(name: str, found: dict[tuple[str, str], Change]) -> None:
    """Which of energy, latency and area a correction touches."""
    touched = {
        "Q1": (True, True, True), "Q2": (True, False, False), "Q3": (True, False, True), "Q4": (False, True, False),
        "Q5": (False, False, True), "Q6": (True, False, False), "Q7": (True, True, False), "Q8": (True, False, False),
        "Q9": (False, False, True), "Q10": (False, False, False), "Q11": (False, False, True),
    }  # fmt: skip
    case = "vgg9_x128" if name in ("Q2", "Q3") else "vgg9_sram" if name == "Q8" else "vgg9_default"
    assert tuple(abs(ratio - 1) > 1e-9 for ratio in _ratios(found[name, case])) == touched[name]


def test_claims_follow_from_their_numbers() -> None:
    default = pair(VGG9)
    told = claims(default)
    assert len(told) == 4 and all(claim.ours and claim.gap for claim in told)
    assert "26.9 %" in told[0].ours
    assert "neuronal area 1.23x, EDP 1.23x (7.7x with T = 2 as well)" in told[1].ours and not told[1].agrees
    assert "energy ~ T^1.00, latency ~ T^1.00, EDP ~ T^2.00" in told[2].ours
    assert "64: 6 tiles, 15.9 µJ; 128: 2 tiles, 14.0 µJ" in told[3].paper
    assert (
        "0.7893 of 32 rows, 0.5210 of 64 rows" in told[3].ours
    )  # our wires give the column solver's figures
    assert "x = 128 in the released formula" in told[3].gap and "x = 64 if arrays cost what" in told[3].gap
    few = {**default.real.area_by_class, "neurons": 0.05 * default.real.area_m2}
    small = Cost(
        default.real.energy_J, default.real.latency_s, default.real.area_m2, default.real.energy_by_class, few
    )
    assert not claims(Pair(default.legacy, small))[0].agrees


def test_files_and_rows(study: Any) -> None:
    folder, result = study
    assert [row["case"] for row in result.rows] == list(CASES)
    assert json.loads((folder / "results.json").read_text(encoding="utf-8"))["rows"] == [
        dict(r) for r in result.rows
    ]
    json.dumps(result.to_dict(), allow_nan=False)
    lines = (folder / "table.md").read_text(encoding="utf-8").splitlines()
    tables = [line for line in lines if line.startswith("|")]
    # 6 cases, 2 quantities, 4 claims, 11 quirks of which three have two further cases; a head of two lines each
    assert len(tables) == (6 + 2) + (2 + 2) + (4 + 2) + (11 + 3 * 2 + 2)
    for line in tables[-17:]:
        assert line.count("|") == 7
    picture = ElementTree.parse(folder / "figure.svg").getroot()
    titles = [title.text or "" for title in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert sum("neurons" in title for title in titles) == 4


def test_the_command_prints_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["reproduce", "spikesim", "--quick", "--out", str(tmp_path / "new" / "run")]
    )
    assert done.exit_code == 0, done.output
    assert "DIFFERS" in done.output and "Q4" in done.output and "62.83" in done.output
