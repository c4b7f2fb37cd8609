"""Products of two operands of run time on an in-memory-computing chip: what is counted, by hand and by brute force."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from cost_cases import attention, chip, of_two, real, small_network, spiking

from axbar import registry
from axbar.cost import Estimate, estimate
from axbar.cost._graph import EXTERNAL, graph_of
from axbar.devices import clipped_codes
from axbar.spec import load_hardware
from axbar.workload import LayerTrace, Operand, Workload, shapes

UNITS = ("nvm", "sram", "digital")
PRODUCTS = [2, 3]  # scores and mix among qkv, scores, mix, proj


def _alone(layer: LayerTrace) -> Workload:
    steps = layer.operands[0].steps
    return Workload("alone", (layer,), steps, samples=2)


def _counts(done: Estimate, name: str) -> np.ndarray:
    return done.plan.events[0].counts[name]


def _figure(done: Estimate, quantity: str, component: str) -> np.ndarray:
    return getattr(done, quantity)[0, :, done.components.index(component)]


# --- DeiT-S by hand -------------------------------------------------------------------------------------------------


def test_deit_writes_as_many_cells_as_by_hand() -> None:
    done = estimate(shapes.deit_s(), "imc-rram-clipformer")
    written = _counts(done, "cell_writes")
    values = 12 * 2 * 197 * 384
    assert values == 1_815_552
    assert written.sum() == values * 4 * 2 == 14_524_416  # 8 bits on 2-bit cells, plus and minus column
    at_run_time = np.array([layer.at_run_time for layer in done.plan.workload.matmuls])
    assert (written[at_run_time] == 197 * 384 * 8).all() and (written[~at_run_time] == 0).all()
    assert at_run_time.sum() == 24
    device = registry.get("devices", "rram-clipformer").spec
    energy = _figure(done, "energy_J", "writes")
    assert energy.sum() == pytest.approx(14_524_416 * device.write_energy_J)
    assert energy == pytest.approx(written * device.write_energy_J)
    # K^T has 64 rows, V 197 in tiles of 64: 64 rows one after the other in either
    assert _figure(done, "latency_s", "writes")[at_run_time] == pytest.approx(64 * device.write_time_s)


def test_a_low_bound_drops_exactly_one_slice_of_four() -> None:
    spec = load_hardware("imc-rram-clipformer")
    done = estimate(shapes.deit_s(), spec, {"run_time.clip_high": [1.0, 0.5, 0.26, 0.25, 0.06]})
    written = [done.at(i).plan.events[0].counts["cell_writes"].sum() for i in range(5)]
    assert written == [14_524_416, 14_524_416, 14_524_416, 10_893_312, 7_262_208]
    assert done.at(3).total("area_m2")[0] < done.at(0).total("area_m2")[0]
    arrays = [done.at(i).mapping["arrays"][2] for i in (0, 3)]
    assert arrays == [6 * 25, 6 * 20]  # 197 outputs, 8 and 10 of them in the 64 columns of an array


# --- reads, as of weights -------------------------------------------------------------------------------------------


def test_counts_of_reads_are_those_of_a_grouped_layer() -> None:
    rng = np.random.default_rng(0)
    left, right = real(rng, (5, 2 * 100)), real(rng, (2, 100, 7), signed=True)
    spec = chip(run_time__unit="nvm", run_time__cell_bits=4, adc__bits=6)
    done = estimate(_alone(of_two("p", left, right, ("input",))), spec)
    n = {name: values[0] for name, values in done.plan.events[0].counts.items()}
    reads = 5 * spec.input.bits  # positions, one bit each; the left operand has no signs
    assert n["reads"] == reads and n["used_columns"] == 7 * 4
    assert n["conversions"] == reads * 2 * 2 * 7 * 4  # two row tiles of 64, two groups, two slices of a pair
    assert n["shift_adds"] == reads * 2 * 2 * 7 + 5 * 2 * 7 * (spec.input.bits - 1)
    assert n["accumulations"] == reads * 2 * 7
    assert n["cell_writes"] == 2 * 100 * 7 * 4 and n["write_turns"] == 64
    assert n["carry_bits"] == 1 + 4 + 1 + spec.input.bits - 1
    assert done.mapping["arrays"][0] == 4


@pytest.mark.parametrize("dac_bits", [1, 3])
@pytest.mark.parametrize("clip", [(0.0, 1.0), (2.0, 0.25)])
def test_levels_are_met_by_drives_of_their_own_sample(dac_bits: int, clip: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    left, right = real(rng, (3, 2 * 4), batch=3), real(rng, (2, 4, 5), signed=True, batch=3)
    spec = load_hardware("imc-rram-clipformer").replace(
        {"input.dac_bits": dac_bits, "run_time.clip_low": clip[0], "run_time.clip_high": clip[1]}
    )
    done = estimate(_alone(of_two("p", left, right, ("input",))), spec)
    table = clipped_codes(8, *clip, 1e-7, 1e-5).astype(int)
    squares = shares = 0.0
    assert left.words is not None and right.words is not None
    for b in range(3):
        for m, i in np.ndindex(3, 8):
            code, levels = int(left.words[b, m, i]), 0.0
            for value in table[right.words[b, i // 4, i % 4]]:
                levels += sum((value >> 2 * s & 3) / 3 for s in range(4))
            for low in range(0, 8, dac_bits):
                pulse = (code >> low & 2**dac_bits - 1) / (2**dac_bits - 1)
                squares, shares = squares + pulse**2 * levels / 3, shares + pulse * levels / 3
    assert _counts(done, "level_drive")[0] == pytest.approx(squares, rel=1e-12)
    assert _counts(done, "level_current")[0] == pytest.approx(shares, rel=1e-12)


def test_samples_and_steps_that_are_silent_meet_nothing() -> None:
    """Operands that are never there at the same time draw no level current, as a product of means would say."""
    rng = np.random.default_rng(2)
    left, right = spiking(rng, (3, 8), rate=0.9), spiking(rng, (2, 4, 5), rate=0.9)
    assert left.words is not None and right.words is not None
    first, second = np.uint8(0b0011), np.uint8(0b1100)

    def level(left_words: Any, right_words: Any) -> float:
        pair = (dataclasses.replace(left, words=left_words), dataclasses.replace(right, words=right_words))
        done = estimate(_alone(of_two("p", *pair, ("input",))), chip(run_time__unit="nvm"))
        return float(_counts(done, "level_drive")[0])

    assert level(left.words & first, right.words & second) == 0.0
    expected = 0
    for b in range(2):
        for t in range(4):
            x, y = (o.words[b] >> t & 1 for o in (left, right))
            expected += int((x.astype(int).sum(0).reshape(2, 4) * y.astype(int).sum(-1)).sum())
    assert level(left.words, right.words) == expected / 2


def test_spikes_take_one_cell_and_are_not_clipped() -> None:
    rng = np.random.default_rng(6)
    layer = of_two("p", spiking(rng, (3, 8)), spiking(rng, (2, 4, 5)), ("input",))
    base = load_hardware("imc-rram-clipformer")
    whole, clipped = (
        estimate(_alone(layer), base.replace({"run_time.clip_high": high})) for high in (1.0, 0.25)
    )
    for name in ("cell_writes", "level_drive", "conversions"):
        assert _counts(whole, name)[0] == _counts(clipped, name)[0] > 0, name
    assert _counts(whole, "cell_writes")[0] == 4 * 2 * 4 * 5 * 2


def test_codes_that_change_from_step_to_step_are_written_on_each() -> None:
    rng = np.random.default_rng(3)
    shape, steps = (2, 4, 5), 3
    words = rng.integers(0, 256, (2, steps, *shape)).astype(np.uint8)
    left = spiking(rng, (3, 8), steps)
    assert left.words is not None
    changing = Operand(shape, "real", 8, steps, words, per_step=True)
    constant = Operand(shape, "real", 8, steps, words[:, 0])
    done = [
        estimate(_alone(of_two("p", left, right, ("input",))), chip(run_time__unit="nvm"))
        for right in (changing, constant)
    ]
    assert [_counts(d, "rewrites")[0] for d in done] == [steps, 1]
    once = 2 * 4 * 5 * 2 * 4
    assert [_counts(d, "cell_writes")[0] for d in done] == [steps * once, once]
    expected = 0.0
    for b, t in np.ndindex(2, steps):
        q = (left.words[b] >> t & 1).astype(float).sum(0).reshape(2, 4)
        y = words[b, t].astype(int)
        expected += (q[..., None] * sum((y >> 2 * s & 3) / 3 for s in range(4))).sum() / 2
    assert _counts(done[0], "level_drive")[0] == pytest.approx(expected)


def test_who_leaves_early_writes_no_more() -> None:
    rng = np.random.default_rng(4)
    layer = of_two("p", spiking(rng, (3, 8)), spiking(rng, (2, 4, 5)), ("input",))
    whole = _alone(layer)
    early = dataclasses.replace(whole, exit_step=np.array([1, 2]))
    full, cut = (_counts(estimate(w, chip(run_time__unit="nvm")), "cell_writes")[0] for w in (whole, early))
    assert full == 4 * 2 * 4 * 5 * 2 and cut == full * 1.5 / 4  # spikes: one cell each


def test_without_records_bits_are_set_at_the_rate() -> None:
    rng = np.random.default_rng(5)
    shape = (4, 50, 40)
    left = real(rng, (6, 200))
    seen = real(rng, shape)
    unseen = Operand(shape, "real", 8, 1, rate=0.5)
    for clip_high in (1.0, 0.5):
        spec = load_hardware("imc-rram-clipformer").replace({"run_time.clip_high": clip_high})
        level = [
            _counts(estimate(_alone(of_two("p", left, right, ("input",))), spec), "level_drive")[0]
            for right in (seen, unseen)
        ]
        assert level[1] == pytest.approx(level[0], rel=0.02)
        assert level[1] != level[0]
    notes = estimate(_alone(of_two("p", left, unseen, ("input",))), "imc-rram-clipformer").notes
    assert any("no operand recorded that is written for p" in note for note in notes)
    half = Operand(shape, "real", 8, 1, rate=0.25)
    sparse = _counts(
        estimate(_alone(of_two("p", left, half, ("input",))), "imc-rram-clipformer"), "level_drive"
    )
    dense = _counts(
        estimate(_alone(of_two("p", left, unseen, ("input",))), "imc-rram-clipformer"), "level_drive"
    )
    assert sparse[0] == pytest.approx(dense[0] / 2)


def test_copies_are_written_each_and_at_once() -> None:
    one, two = (
        estimate(attention(), chip(run_time__unit="nvm", mapping__duplication=d, mapping__layout="flattened"))
        for d in (1, 2)
    )
    assert _counts(two, "cell_writes").sum() == 2 * _counts(one, "cell_writes").sum() > 0
    assert (_counts(two, "write_turns") == _counts(one, "write_turns")).all()


# --- what travels ---------------------------------------------------------------------------------------------------


def test_both_operands_travel_from_where_they_come_from() -> None:
    graph = graph_of(attention())
    assert graph.sources == [(EXTERNAL,), (0,), (0, 1), (2,)]
    assert graph.lefts[2] == (1,) and graph.rights == [(), (0,), (0,), ()]
    for unit in UNITS:
        done = estimate(attention(), chip(run_time__unit=unit, run_time__bits=7, input__bits=5))
        serial = _counts(done, "serial_bits")
        assert serial[1] == 5 * 12 * 6 + 2 * 6 * 5 * 8  # queries and keys, with signs
        assert serial[2] == 5 * 10 * 5 + 2 * 5 * 6 * 8  # shares of a softmax have no signs
        assert _counts(done, "transfers").tolist() == [1, 2, 2, 1]
        assert _counts(done, "output_bits")[0] == 5 * 36 * 8  # stored as wide as keys and values are written


def test_keys_cross_dies_on_their_own() -> None:
    spec = chip(run_time__unit="nvm", chip__max_tiles=1, chip__max_dies=4)
    crossing = _counts(estimate(attention(), spec), "die_bits")
    bits = spec.input.bits
    assert crossing[1] == 5 * 12 * (bits + 1) + 2 * 6 * 5 * 9
    assert crossing[2] == 5 * 10 * bits + 2 * 5 * 6 * 9


# --- units ----------------------------------------------------------------------------------------------------------


def test_sram_cells_have_the_figures_of_their_device() -> None:
    layer = attention().layers[2]
    spec = chip(run_time__unit="sram")
    done = estimate(_alone(layer), spec)
    sram = registry.get("devices", "sram").spec
    level = _counts(done, "level_drive")[0]
    read = spec.read.v_read_V**2 * spec.read.t_read_s * sram.g_on_S * level
    assert _figure(done, "energy_J", "cells")[0] == pytest.approx(read)
    cells = _counts(done, "built_cells")[0]
    assert _figure(done, "area_m2", "cells")[0] == pytest.approx(
        cells * sram.cell_area_F2 * spec.technology.node_m**2
    )
    assert _figure(done, "leakage_W", "cells")[0] > 0
    written = _counts(done, "cell_writes")[0]
    assert written == 2 * 6 * 5 * 2 * 8
    assert _figure(done, "energy_J", "writes")[0] == pytest.approx(written * sram.write_energy_J)
    assert _figure(done, "latency_s", "writes")[0] == pytest.approx(6 / spec.clock_Hz)  # slower than 1 ns
    exact = estimate(_alone(layer), chip(run_time__unit="sram", device="sram", crossbar__cell_bits=1))
    for name in ("cells", "row_drivers", "bit_lines"):
        assert _figure(exact, "energy_J", name) == pytest.approx(_figure(done, "energy_J", name)), name
        assert _figure(exact, "area_m2", name) == pytest.approx(_figure(done, "area_m2", name)), name


def test_stored_weights_keep_the_cells_of_the_chip() -> None:
    figures = [
        _figure(estimate(attention(), chip(run_time__unit=unit)), quantity, name)[[0, 3]]
        for unit in UNITS
        for quantity, name in (("energy_J", "cells"), ("area_m2", "cells"), ("energy_J", "row_drivers"))
    ]
    for i, values in enumerate(figures):
        assert (values == figures[i % 3]).all()


def test_digital_units_are_counted_by_hand() -> None:
    layer = attention().layers[2]
    spec = chip(run_time__unit="digital", units__per_tile=2)
    done = estimate(_alone(layer), spec)
    n = {name: values[0] for name, values in done.plan.events[0].counts.items()}
    assert n["products"] == 5 * 12 * 5 and n["tiles"] == 2 and n["arrays_built"] == 0
    assert n["operand_reads"] == 5 * 12 * 5 * 9 and n["operand_writes"] == 12 * 5 * 9
    assert n["operand_B"] == 6 * 5 * 9 / 8
    assert all(
        n[name] == 0 for name in ("reads", "conversions", "cell_writes", "level_drive", "row_activations")
    )
    clocks = 5 * 12 * 5 / (2 * 2)
    assert _figure(done, "latency_s", "multipliers")[0] == pytest.approx(clocks / spec.clock_Hz)
    assert all(_figure(done, q, "multipliers")[0] > 0 for q in ("energy_J", "area_m2", "leakage_W"))
    assert all(_figure(done, q, "operand_memory")[0] > 0 for q in ("energy_J", "area_m2", "leakage_W"))
    assert all(np.isfinite(v).all() for v in (done.energy_J, done.latency_s, done.area_m2, done.leakage_W))


def test_digital_units_cannot_outrun_their_memory() -> None:
    units = np.array([1, 2, 4, 8, 16, 32, 64])
    done = estimate(attention(), chip(run_time__unit="digital"), {"units.per_tile": units})
    made, waited = (
        done.latency_s[:, 1, done.components.index(name)] for name in ("multipliers", "operand_memory")
    )
    assert (np.diff(made) <= 0).all() and waited[0] == 0 and waited[-1] > 0
    words = np.ceil(5 * 12 * 5 * 9 / (2 * 64))
    assert (made + waited)[-1] >= words / 250e6 * (1 - 1e-12)


def test_fewer_bits_cost_less_in_every_unit() -> None:
    for unit in UNITS:
        done = estimate(attention(), chip(run_time__unit=unit), {"run_time.bits": [8, 4, 2]})
        assert (np.diff(done.total("energy_J")) < 0).all(), unit


# --- sweeps, rules, notes -------------------------------------------------------------------------------------------


def test_points_of_a_mixed_sweep_are_those_alone_bit_for_bit() -> None:
    base = load_hardware("imc-rram-clipformer")
    columns: dict[str, list[Any]] = {
        "run_time.unit": ["nvm", "sram", "digital", "nvm", "nvm", "digital"],
        "run_time.clip_high": [1.0, 0.25, 1.0, 0.25, 0.25, 0.5],
        "run_time.bits": [8, 8, 4, 4, 8, 8],
        "device.g_on_S": [1e-5, 1e-5, 2e-5, 1e-6, 1e-5, 1e-5],
        "adc.bits": [8, 6, 8, 6, 8, 6],
        "chip.power_gating": ["tile", "pe", "array", "none", "pe", "array"],
    }
    done = estimate(attention(), base, columns)
    for i in range(6):
        alone = estimate(attention(), base.replace({path: column[i] for path, column in columns.items()}))
        for quantity in ("energy_J", "latency_s", "area_m2", "leakage_W"):
            assert alone.total(quantity)[0] == done.total(quantity)[i], (quantity, i)
        assert alone.warnings[0] == done.warnings[i]


def test_the_range_counts_where_it_clips_and_nowhere_else() -> None:
    base = load_hardware("imc-rram-clipformer")
    ranges = {"device.g_on_S": np.linspace(1e-6, 1e-5, 20)}
    assert len(estimate(attention(), base, ranges).plan.events) == 1
    clipped = base.replace({"run_time.clip_low": 2.0})
    assert len(estimate(attention(), clipped, ranges).plan.events) == 20
    assert len(estimate(small_network(), clipped, ranges).plan.events) == 1
    assert len(estimate(attention(), clipped.replace({"run_time.unit": "digital"}), ranges).plan.events) == 1


def test_what_cannot_be_written_has_a_reason() -> None:
    base = load_hardware("imc-rram-clipformer")
    narrow = estimate(attention(), base.replace({"run_time.cell_bits": 1}), {"crossbar.cols": [8, 64]})
    assert narrow.feasible.tolist() == [False, True]
    assert "needs 16 columns of 1-bit cells, crossbar.cols is 8" in narrow.reasons[0]
    wide = estimate(attention(), base, {"run_time.cell_bits": [2, 4]})
    assert wide.feasible.tolist() == [True, False]
    assert "holds 2 bit, run_time.cell_bits is 4; set run_time.cell_bits=2" in wide.reasons[1]
    empty = estimate(attention(), base, {"run_time.clip_high": [0.5, 0.005]})
    assert (
        empty.feasible.tolist() == [True, False]
        and "nothing but zero to write at 'scores'" in empty.reasons[1]
    )
    assert estimate(small_network(), base, {"run_time.cell_bits": [2, 4]}).feasible.all()


def test_notes_say_where_products_are_made() -> None:
    for unit, words in zip(UNITS, ("the chip's cells", "SRAM cells", "digital multipliers"), strict=True):
        notes = estimate(attention(), chip(run_time__unit=unit)).notes
        assert f"2 products of operands computed at run time: in {words}" in notes
        assert not any("no weights recorded" in note for note in notes)
    assert not any("run time" in note for note in estimate(small_network(), chip()).notes)


@pytest.mark.parametrize("unit", UNITS)
def test_every_figure_of_a_product_can_be_explained(unit: str) -> None:
    done = estimate(attention(), chip(run_time__unit=unit))
    for name in ("writes", "multipliers", "operand_memory", "cells", "input_buffer"):
        found = done.explain(name).text()
        assert found.startswith(name) and "nan" not in found
    total = sum(getattr(done.explain(f"{name}.energy"), "result") for name in done.components)  # noqa: B009
    assert total == pytest.approx(done.total("energy_J")[0])


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("pipeline", ["none", "layers"])
@pytest.mark.parametrize("order", ["step", "layer"])
def test_every_schedule_takes_them(unit: str, pipeline: str, order: str) -> None:
    spec = chip(run_time__unit=unit, mapping__pipeline=pipeline, mapping__order=order)
    balanced = spec.replace({"mapping.balance": "throughput"})
    for done in (estimate(attention(), spec), estimate(attention(), balanced)):
        for quantity in ("energy_J", "latency_s", "area_m2", "leakage_W"):
            each = getattr(done, quantity)
            assert np.isfinite(each).all() and (each >= 0).all()
            assert each.sum() == pytest.approx(done.total(quantity)[0])
        if unit == "digital":
            assert (done.mapping["copies"][1:3] == 1).all()
