"""The estimate as a whole: labels, sums, sweeps, feasibility, explanations, pins, errors."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from cost_cases import chip, small_network

from axbar.cost import ComponentExplanation, Explanation, Listing, estimate
from axbar.cost import _result as result_module
from axbar.cost._types import QUANTITIES
from axbar.errors import UsageError
from axbar.spec import Pin
from axbar.units import format_quantity
from axbar.workload import shapes


def test_labels_and_shapes() -> None:
    done = estimate(small_network(), chip(), {"adc.bits": [4, 5, 6]})
    assert done.layers == ("conv1", "conv2", "fc")
    for quantity in QUANTITIES:
        assert getattr(done, quantity).shape == (3, 3, len(done.components))
        assert done.by_component(quantity).shape == (3, len(done.components))
        assert done.by_layer(quantity).shape == (3, 3)
        assert done.total(quantity).shape == (3,)
    assert sorted(n for names in done.groups.values() for n in names) == sorted(done.components)
    assert done.points["adc.bits"].tolist() == [4, 5, 6]
    assert done.feasible.all()
    assert done.reasons == ("", "", "")
    np.testing.assert_allclose(done.edp_Js, done.total("energy_J") * done.total("latency_s"))


def test_a_preset_name_stands_for_its_chip() -> None:
    by_name, by_spec = estimate(small_network(), "imc-rram-65nm"), estimate(small_network(), chip())
    assert by_name.total("energy_J") == by_spec.total("energy_J")


SWEEP = {
    "adc.bits": [3, 5, 8, 5], "crossbar.rows": [32, 64, 64, 128], "crossbar.cell_bits": [1, 2, 3, 3],
    "read.v_read_V": [0.1, 0.2, 0.15, 0.3], "technology.node_m": [28e-9, 65e-9, 40e-9, 7e-9],
    "adc.kind": ["sar", "flash", "survey", "sar"],
    "device": ["rram-neurram", "pcm-mushroom", "rram-generic", "ideal"],
    "interconnect.kind": ["htree", "mesh", "mesh", "htree"], "technology.sram": ["LOP", "HP", "LSTP", "LOP"],
}  # fmt: skip


def test_a_sweep_equals_single_estimates_bit_for_bit() -> None:
    swept = estimate(small_network(), chip(), SWEEP)
    for i in range(4):
        spec = chip().replace({path: values[i] for path, values in SWEEP.items()})
        alone, taken = estimate(small_network(), spec), swept.at(i)
        for quantity in QUANTITIES:
            assert (getattr(swept, quantity)[i] == getattr(alone, quantity)[0]).all(), (i, quantity)
            assert (getattr(taken, quantity)[0] == getattr(alone, quantity)[0]).all()
            assert swept.total(quantity)[i] == alone.total(quantity)[0] == taken.total(quantity)[0]
        assert swept.assumed_share[i] == alone.assumed_share[0] == taken.assumed_share[0]
        assert (
            swept.explain("adc.energy", i).to_dict()["result"]
            == alone.explain("adc.energy").to_dict()["result"]
        )


def test_an_estimate_travels_between_processes() -> None:
    swept = estimate(small_network(), chip(), SWEEP)
    for there in (pickle.loads(pickle.dumps(swept)), pickle.loads(pickle.dumps(swept.at(2)))):
        assert there.energy_J[-1].shape == swept.energy_J[-1].shape
    assert (pickle.loads(pickle.dumps(swept)).energy_J == swept.energy_J).all()
    assert (pickle.loads(pickle.dumps(swept.at(2))).energy_J[0] == swept.energy_J[2]).all()
    assert "3 layers" in repr(swept)


def test_a_scalar_column_holds_for_all_points() -> None:
    one = estimate(small_network(), chip(), {"adc.bits": [4, 6], "clock_Hz": 1e8})
    assert (
        one.total("energy_J")[1]
        == estimate(small_network(), chip(adc__bits=6, clock_Hz=1e8)).total("energy_J")[0]
    )


def test_large_sweeps_keep_totals_and_give_the_same_numbers_on_demand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from axbar.cost import _result

    bits = np.tile([4, 5, 6], 500)
    kept = estimate(small_network(), chip(), {"adc.bits": bits})
    monkeypatch.setattr(_result, "BREAKDOWN_CELLS", 100)
    large = estimate(small_network(), chip(), {"adc.bits": bits})
    assert large.cells is None
    with pytest.raises(UsageError, match=r"\.by_component"):
        _ = large.energy_J
    for quantity in QUANTITIES:
        assert (large.total(quantity) == kept.total(quantity)).all()
        assert (large.by_component(quantity) == kept.by_component(quantity)).all()
        assert (large.by_layer(quantity) == kept.by_layer(quantity)).all()
    monkeypatch.undo()
    assert (large.at(700).energy_J[0] == kept.energy_J[700]).all()


def test_what_does_not_fit_is_a_result_with_a_reason() -> None:
    sweep = {
        "chip.max_tiles": [1, 1024, 1024, 1024], "device.g_on_S": [1e-5, 1e-7, 1e-5, 1e-5],
        "crossbar.cols": [64, 64, 4, 64], "crossbar.cell_bits": [3, 3, 1, 3],
    }  # fmt: skip
    done = estimate(small_network(), chip(tile__arrays_per_pe=2, tile__pes_per_tile=2), sweep)
    assert done.feasible.tolist() == [False, False, False, True]
    words = (
        "chip.max_tiles is 1;",
        "is not larger than device.g_off_S",
        "needs 6 columns of 1-bit cells",
        "",
    )
    for reason, expected in zip(done.reasons, words, strict=True):
        assert expected in reason
    assert done.reasons[3] == ""
    for quantity in QUANTITIES:
        cells = getattr(done, quantity)
        assert np.isfinite(cells).all()
        assert (done.total(quantity) > 0).all()
    assert "chip.max_tiles" in done.to_dict(0)["reason"]


def test_a_window_that_spills_is_noted() -> None:
    small, large = (
        estimate(shapes.vgg9(), chip(buffer__input_B=size, buffer__global_B=0)) for size in (64, 2**14)
    )
    assert any("input window" in note for note in small.notes)
    assert not any("does not fit" in note for note in large.notes)
    assert small.feasible[0]


def test_breakdown_and_json() -> None:
    one = estimate(small_network(), chip())
    tree = one.breakdown()["energy_J"]
    for level in ("group", "component", "layer"):
        assert sum(tree[level].values()) == pytest.approx(tree["total"], rel=1e-12)
    dumped = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert dumped["energy_J"] == one.total("energy_J")[0]
    assert np.array(dumped["cells"]["area_m2"]).shape == (3, len(one.components))
    assert dumped["mapping"]["arrays"] == one.mapping["arrays"].tolist()
    low, high = one.spread("energy_J")
    assert 0 < low[0] < one.total("energy_J")[0] < high[0]


def test_explain_tells_formula_counts_parameters_and_sources() -> None:
    one = estimate(small_network(), chip())
    found = one.explain("adc.energy")
    assert isinstance(found, Explanation)
    assert found.result == pytest.approx(
        one.by_component("energy_J")[0][one.components.index("adc")], rel=1e-12
    )
    assert [e.name for e in found.events] == ["conversions"]
    assert {p.name for p in found.parameters} == {"adc.bits", "technology.vdd_V"}
    text = found.text()
    for part in (
        "conversions",
        "zigzag-imc",
        "k2 · 4^bits",
        "conv2",
        "adc.bits = 5",
        "x/÷ 2.6",
        one.plan.spec.sources["adc.bits"].source,
    ):
        assert part in text
    json.dumps(found.to_dict())
    assert one.explain("adc.energy_J").to_dict()["result"] == found.result


@pytest.mark.parametrize("quantity", ["energy", "latency", "area", "leakage"])
def test_everything_can_be_explained(quantity: str) -> None:
    one = estimate(small_network(), chip())
    for name in one.components:
        found = one.explain(f"{name}.{quantity}")
        assert isinstance(found, Explanation)
        assert found.text().startswith(f"{name}.{quantity} = ")
        total = one.total(
            {"energy": "energy_J", "latency": "latency_s", "area": "area_m2", "leakage": "leakage_W"}[
                quantity
            ]
        )[0]
        assert found.result == pytest.approx(found.share * total)


def test_explain_lists_and_suggests() -> None:
    one = estimate(small_network(), chip())
    everything, adc = one.explain(""), one.explain("adc")
    assert isinstance(everything, Listing) and isinstance(adc, ComponentExplanation)
    assert len(everything.rows) == 4 * len(one.components)
    assert [part.query for part in adc.parts] == ["adc.energy", "adc.latency", "adc.area", "adc.leakage"]
    assert "adc.energy" in everything.text()
    assert everything.to_dict()["results"]["adc.area"] > 0
    with pytest.raises(UsageError, match="did you mean 'cells'"):
        one.explain("cell.energy")
    with pytest.raises(UsageError, match="did you mean 'energy'"):
        one.explain("adc.enrgy")
    with pytest.raises(UsageError, match="point 3 does not exist"):
        one.explain("adc.energy", 3)


def test_a_constant_far_from_its_node_shows_both_readings() -> None:
    found = estimate(small_network(), chip(technology__node_m=7e-9)).explain("accumulators.energy")
    assert isinstance(found, Explanation)
    adder = next(c for c in found.constants if c.name == "digital.adder_bit.energy")
    assert adder.interval is not None and adder.interval[0] < adder.scaled <= adder.interval[1] * (1 + 1e-9)
    assert "between" in found.text()
    assert "scaled after Stillmaker" in found.text()


def test_explain_shows_what_comes_from_other_components() -> None:
    one = estimate(small_network(), chip())
    found = one.explain("leakage.energy")
    assert isinstance(found, Explanation)
    used = {name: value for name, value, _ in found.uses}
    assert used["leakage of all other components"] == pytest.approx(one.total("leakage_W")[0], rel=1e-12)
    waking = one.by_component("latency_s")[0][one.components.index("leakage")]
    expected = one.total("latency_s")[0] - waking
    assert used["latency of all other components"] == pytest.approx(expected, rel=1e-12)
    assert "leakage of all other components = " in found.text()


def test_explanations_show_counts_in_full() -> None:
    one = estimate(shapes.vgg9(), chip())
    assert "buffer.global_B = 131,072  [" in one.explain("global_buffer.energy").text()
    assert "  conv1    1,048,576  " in one.explain("adc.energy").text()


def _pinned(**figures: float):
    spec = chip()
    return spec.model_copy(update={"pins": {"adc": Pin(source="own measurement", **figures)}})


@pytest.mark.parametrize(
    ("figure", "quantity", "event"),
    [("energy_J", "energy_J", "conversions"), ("area_m2", "area_m2", None), ("leakage_W", "leakage_W", None)],
)
def test_a_pin_replaces_the_model(figure: str, quantity: str, event: str | None) -> None:
    one = estimate(small_network(), _pinned(**{figure: 1e-9}))
    at = one.components.index("adc")
    counted = one.plan.events[0].counts[event] if event else one.plan.events[0].counts["arrays_built"] * 8
    np.testing.assert_allclose(getattr(one, quantity)[0, :, at], counted * 1e-9, rtol=1e-12)
    found = one.explain(f"adc.{quantity.split('_')[0]}")
    assert isinstance(found, Explanation)
    assert "own measurement" in found.text()
    plain = estimate(small_network(), chip())
    other = one.components.index("mux")
    assert (one.energy_J[0, :, other] == plain.energy_J[0, :, other]).all()


def test_a_pinned_latency_counts_turns() -> None:
    one = estimate(small_network(), _pinned(latency_s=1e-9))
    counts = one.plan.events[0].counts
    at = one.components.index("adc")
    expected = counts["reads"] * np.minimum(counts["used_columns"], 8) * 1e-9
    np.testing.assert_allclose(one.latency_s[0, :, at], expected)


def test_a_pin_counts_as_the_users_own_number_and_can_be_swept() -> None:
    base = _pinned(energy_J=1e-12)
    swept = estimate(small_network(), base, {"pins.adc.energy_J": [1e-12, 2e-12]})
    at = swept.components.index("adc")
    np.testing.assert_allclose(swept.energy_J[1, :, at], 2 * swept.energy_J[0, :, at])
    assert any(basis.name == "pins.adc.energy_J" for basis, _ in estimate(small_network(), base).assumptions)


def test_a_pin_far_from_the_model_is_doubted_with_both_figures() -> None:
    plain = estimate(small_network(), chip())
    at = plain.components.index("adc")
    each = plain.energy_J[0, :, at].sum() / plain.plan.events[0].counts["conversions"].sum()
    for factor, apart in ((2e6, "2,000,000 times larger"), (1 / 2e6, "2,000,000 times smaller")):
        pin = factor * each
        (said,) = estimate(small_network(), _pinned(energy_J=pin)).warnings
        assert said == (
            f"pins.adc.energy_J = {format_quantity(pin, 'J')} is {apart} than the {format_quantity(each, 'J')} that "
            "the model computes for one conversion: check its unit"
        )
        assert said in estimate(small_network(), _pinned(energy_J=pin)).notes


@pytest.mark.parametrize("figure", ["energy_J", "latency_s", "area_m2", "leakage_W"])
def test_a_pin_of_nothing_or_near_the_model_is_not_doubted(figure: str) -> None:
    one = estimate(small_network(), _pinned(**{figure: 0.0}))
    assert one.warnings == ("",) and not any("pins." in note for note in one.notes)
    far = estimate(small_network(), _pinned(**{figure: 1e-3}))
    assert f"pins.adc.{figure} = " in far.warnings[0]
    component, x = next(c for c in far.plan.components if c.name == "adc"), far.plan.at(0)
    model, count = component.terms(x)[figure].value(x), component.count_of(figure).value(x)
    near = 900 * model.sum() / np.broadcast_to(count, model.shape).sum()
    assert estimate(small_network(), _pinned(**{figure: float(near)})).warnings == ("",)


def test_pins_are_doubted_point_by_point_unless_they_are_swept() -> None:
    bits = {"adc.bits": [3, 12]}
    plain = estimate(small_network(), chip(), bits)
    low, high = plain.by_component("energy_J")[:, plain.components.index("adc")]
    conversions = plain.plan.events[0].counts["conversions"].sum()
    first, second = estimate(small_network(), _pinned(energy_J=500 * high / conversions), bits).warnings
    assert high > 3 * low and "check its unit" in first and not second
    swept = estimate(small_network(), _pinned(energy_J=1.0), {"pins.adc.energy_J": [1.0, 2.0]})
    assert swept.warnings == ("", "")


def test_pins_of_nothing_are_refused() -> None:
    spec = chip()
    with pytest.raises(UsageError, match="did you mean 'adc'"):
        estimate(
            small_network(), spec.model_copy(update={"pins": {"adcs": Pin(energy_J=1e-12, source="own")}})
        )
    with pytest.raises(UsageError, match=r"pins\.mux\.latency_s can't be pinned"):
        estimate(
            small_network(), spec.model_copy(update={"pins": {"mux": Pin(latency_s=1e-9, source="own")}})
        )


def test_the_share_of_assumed_numbers_follows_the_sources() -> None:
    # the delay of wires is an assumed constant, on which leakage rests too
    one = estimate(small_network(), chip(interconnect__kind="none"))
    spec = one.plan.spec
    sure = {path: p.model_copy(update={"confidence": "code"}) for path, p in spec.sources.items()}
    assert estimate(small_network(), spec.model_copy(update={"sources": sure})).assumed_share[0] == 0
    weak = dict(sure) | {"read.v_read_V": sure["read.v_read_V"].model_copy(update={"confidence": "assumed"})}
    shaky = estimate(small_network(), spec.model_copy(update={"sources": weak}))
    at = [shaky.components.index(name) for name in ("cells", "bit_lines")]  # what the read voltage drives
    cells = shaky.by_component("energy_J")[0][at].sum() / shaky.total("energy_J")[0]
    assert shaky.assumed_share[0] == pytest.approx(cells, rel=1e-12)
    found = {basis.name: share for basis, share in shaky.assumptions if share > 0}
    assert set(found) == {"read.v_read_V"} and found["read.v_read_V"] <= cells * (1 + 1e-12)


def test_conventional_is_accumulates_and_multiplies() -> None:
    found = estimate(small_network(), chip()).conventional
    assert found["mac"] == 36 * 27 * 8
    assert found["energy_J"] == pytest.approx(found["ac"] * 0.9e-12 + found["mac"] * 4.6e-12)
    assert found["int8"]["energy_J"] == pytest.approx(found["ac"] * 0.05e-12 + found["mac"] * 0.3e-12)


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({"adc.bitz": [4]}, "did you mean 'adc.bits'"),
        ({"adc.bits": [4, 40]}, "out of range"),
        ({"adc.bits": [4.5]}, "whole number"),
        ({"adc.bits": [4, 5], "clock_Hz": [1e8, 2e8, 3e8]}, "adc.bits has 2, clock_Hz has 3"),
        ({"adc.kind": ["sa"]}, "did you mean 'sar'"),
    ],
)
def test_wrong_sweeps(sweep: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        estimate(small_network(), chip(), sweep)


def test_unknown_quantities_are_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'energy_J'"):
        estimate(small_network(), chip()).total("energy")


def test_the_limit_of_breakdowns_is_documented() -> None:
    assert result_module.BREAKDOWN_CELLS >= 10_000 * 9 * 12


def test_no_torch_is_imported() -> None:
    code = (
        "import sys; from axbar.workload import shapes; from axbar.cost import estimate\n"
        "e = estimate(shapes.vgg9(), 'imc-rram-65nm', {'adc.bits': [4, 5]})\n"
        "e.explain('adc.energy').text(); e.to_dict()\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
