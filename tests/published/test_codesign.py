"""The co-design study: its space is the example, single designs are taken apart rightly, statements follow figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from axbar.published.codesign_claims import claims, gains
from axbar.published.codesign_figure import panels
from axbar.published.codesign_space import AXES, BASE, SCALES, SPACE
from axbar.published.codesign_study import _own, _reverted
from axbar.published.codesign_table import markdown
from axbar.search import load_space

EXAMPLE = Path(__file__).parents[2] / "examples" / "codesign.yaml"


def test_the_example_asks_the_same() -> None:
    example = load_space(EXAMPLE)
    asked = {
        "name": "codesign",
        "space": SPACE,
        "objectives": ["accuracy max", "energy_J min", "latency_s min"],
        "constraints": [f"accuracy >= {SCALES['default'].least_accuracy}"],
    }
    assert load_space(asked).parameters == example.parameters
    assert load_space(asked).constraints == example.constraints
    assert example.fidelity == SCALES["default"].fidelity


def test_every_axis_is_of_the_space_and_has_a_base_in_it() -> None:
    assert {path for paths in AXES.values() for path in paths} | {"hardware"} == set(SPACE)
    space = load_space({"space": SPACE, "objectives": ["energy_J min"]})
    for hardware in SPACE["hardware"]:
        space.encode([{"hardware": hardware, **_own(hardware)}])  # raises where a value is none of the space
    assert set(BASE) | {"hardware", "technique.mint.bits"} == set(SPACE)


@pytest.mark.parametrize("hardware", SPACE["hardware"])
def test_one_choice_undone_is_a_point_of_the_space(hardware: str) -> None:
    space = load_space({"space": SPACE, "objectives": ["energy_J min"]})
    own = {"hardware": hardware, **_own(hardware, mint=True)}
    point = {
        **own,
        "model.steps": 2,
        "technique.mint": True,
        "technique.mint.bits": 8,
        "technique.early-exit": True,
    }
    for axis in AXES:
        new = _reverted(point, axis)
        space.encode([new])
        changed = {path for path in SPACE if new.get(path) != point.get(path)}
        allowed = {*AXES[axis], *(["technique.bn-adapt"] if axis == "MINT" else [])}
        assert changed <= allowed
    assert "technique.mint.bits" not in _reverted(point, "MINT")


def row(hardware: str, accuracy: float, edp_Js: float, **more: Any) -> dict[str, Any]:
    figures = {"energy_J": 1e-6, "latency_s": edp_Js / 1e-6, "area_m2": 1e-6, "edp_Js": edp_Js}
    ends = {"accuracy": accuracy, "accuracy_low": accuracy - 0.01, "accuracy_high": accuracy + 0.01}
    return {"point": {"hardware": hardware, **more}, **ends, **figures}


def found(best_edp: float = 1e-9, without: float = 2e-9, few_bits: float = 0.895) -> dict[str, Any]:
    best = row("loas", 0.9, best_edp, **{"technique.early-exit": True, "technique.mint": False})
    mint = {"technique.mint": True, "technique.mint.bits": 4, "model.steps": 2}
    return {
        "designs": 1000, "priced": 1000, "bar": 0.89, "measured": 50, "net": {}, "front": [], "failed": [],
        "untouched": [
            row("imc-rram-65nm", 0.88, 1e-9), row("sata", 0.9, 4e-9),
            {"point": {"hardware": "loas"}, "reason": "no"},
        ],
        "full": [
            best, row("sata", 0.9, 3e-9, **{"technique.mint": False, "model.steps": 2}),
            row("sata", few_bits, 2e-9, **mint),
        ],
        "proxy": [best], "best": best, "ablation": {"early exit": row("loas", 0.905, without)},
    }  # fmt: skip


def test_statements_follow_the_figures() -> None:
    good = {claim.what: claim for claim in claims(found())}
    assert len(good) == 4 and all(claim.agrees for claim in good.values())
    joint = next(claim.ours for claim in good.values() if "together" in claim.what)
    assert "4.0 times less than sata" in joint  # the crossbars' EDP is less, their accuracy below the bar
    bits = next(claim.ours for claim in good.values() if "4 bits" in claim.what)
    assert "on sata EDP is 0.67 times" in bits and "accuracy -0.5 points" in bits
    worse = claims(found(best_edp=5e-9, without=5e-9, few_bits=0.88))
    assert [claim.agrees for claim in worse] == [False, True, False, False]
    assert gains(found()) == {"early exit": {"edp": pytest.approx(2.0), "points": pytest.approx(-0.5)}}


def test_dual_sparse_hardware_is_judged_by_time_and_by_energy() -> None:
    three = found() | {"untouched": [row("sata", 0.9, 4e-9), row("loas", 0.9, 1e-9) | {"energy_J": 4e-6}]}
    said = {claim.what: claim for claim in claims(three) if "dual-sparse" in claim.what}
    time, energy = (next(c for w, c in said.items() if word in w) for word in ("faster", "energy"))
    assert (
        time.agrees and time.ours.startswith("4 times") and not energy.agrees and "0.25 times" in energy.ours
    )


def test_table_and_figure_hold_all_designs() -> None:
    text, drawn = markdown(found()), panels(found(), "caption")
    assert "early exit as before" in text and "loas, untouched |  |" in text.replace("None", "")
    assert drawn.startswith("<svg") and "crossbars" not in drawn and "LoAS" in drawn
    json.dumps(found())
