"""Current-mode readout: by hand, against the voltage mode, and what follows for bit lines and word lines."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import chip, geometry, product, real, silent, small_network, spiking
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost import estimate
from axbar.cost.components.bit_lines import column_F
from axbar.cost.components.row_drivers import ACCESS_GATE_F
from axbar.cost.constants import WIRE_F_M
from axbar.spec import ImcSpec, load_hardware
from axbar.workload import Workload

LAW = settings(max_examples=15, deadline=None)


def part(name: str, spec: ImcSpec, workload: Workload | None = None) -> np.ndarray:
    """Energy of a component by layer."""
    done = estimate(workload or small_network(), spec)
    return done.energy_J[0, :, done.components.index(name)]


def test_bit_by_bit_it_costs_the_supply_over_the_read_voltage() -> None:
    voltage, current = part("cells", chip()), part("cells", chip(read__mode="current"))
    np.testing.assert_allclose(current, voltage * (1.1 / 0.1), rtol=1e-12)


def test_digits_count_by_their_share_not_its_square() -> None:
    """A code of 255 and one of 17 with 4-bit digits: shares 1, 1 and 1/15, 1/15 of the read voltage."""
    rng = np.random.default_rng(0)
    where = geometry(1, 2, 2, kernel=1)
    operand = real(rng, where.in_shape)
    assert operand.words is not None
    operand.words[:] = 17
    operand.words[:, 0, 0, 0] = 255
    network = Workload("w", (product("c", where, operand, rng),), 1, samples=2)
    changes = {"input__dac_bits": 4, "input__bits": 8, "technology__vdd_V": 1.1}
    voltage = part("cells", chip(**changes), network)[0]
    current = part("cells", chip(**changes, read__mode="current"), network)[0]
    squares, shares = 2 * 1 + 3 * 2 / 15**2, 2 * 1 + 3 * 2 / 15
    assert current / voltage == pytest.approx(1.1 / 0.1 * shares / squares, rel=1e-12)


def test_it_is_a_word_that_points_of_a_sweep_share() -> None:
    sweep = {"read.mode": ["voltage", "current", "voltage"], "technology.sram": ["HP", "HP", "LOP"]}
    done = estimate(small_network(), chip(), sweep)
    for i, mode in enumerate(("voltage", "current")):
        alone = estimate(small_network(), chip(read__mode=mode, technology__sram="HP"))
        assert (done.energy_J[i] == alone.energy_J[0]).all()
    assert "V_DD · V_read" in done.explain("cells.energy", 1).text()
    assert "V_DD" not in done.explain("cells.energy", 0).formula


def test_a_supply_below_the_read_voltage_can_not_feed_the_cells() -> None:
    done = estimate(
        small_network(), chip(read__v_read_V=0.6), {"technology.vdd_V": [0.5, 0.7], "read.mode": "current"}
    )
    assert done.feasible.tolist() == [False, True]
    assert "below read.v_read_V = 600 mV" in done.reasons[0]
    assert estimate(small_network(), chip(read__v_read_V=0.6, technology__vdd_V=0.5)).feasible[0]


@LAW
@given(st.floats(0.05, 1.0), st.floats(1.0, 2.0), st.floats(0.05, 0.9))
def test_never_cheaper_than_voltage_mode_and_silent_arrays_cost_nothing(
    v_read_V: float, vdd_V: float, rate: float
) -> None:
    network = small_network(rate=rate)
    spec = chip(read__v_read_V=v_read_V, technology__vdd_V=vdd_V)
    for name in ("cells", "bit_lines"):
        voltage, current = (
            part(name, spec.replace({"read.mode": m}), network) for m in ("voltage", "current")
        )
        assert (current >= voltage * (1 - 1e-12)).all() and (voltage > 0).all()
        assert (part(name, spec.replace({"read.mode": "current"}), silent(network)) == 0).all()


def test_a_volatile_cell_puts_two_gates_on_its_word_line() -> None:
    # 6T cell at 28 nm: 0.35 fF per cell and 0.2 fF/um of wire (zigzag-imc)
    sram = load_hardware("imc-sram-28nm")
    assert isinstance(sram, ImcSpec)
    values = sram.values()
    pitch_um = values["device.cell_area_F2"] ** 0.5 * 0.028
    each_J = (128 * (0.2e-15 * pitch_um + 0.35e-15) + 2.1e-15) * 0.9**2
    rows = estimate(small_network(), sram).plan.at(0).n("row_activations")[:, 0]
    np.testing.assert_allclose(part("row_drivers", sram), rows * each_J, rtol=1e-9)
    one = sram.replace({"device": "ideal", "device.cell_area_F2": values["device.cell_area_F2"]})
    assert (part("row_drivers", one) < part("row_drivers", sram)).all()  # pyright: ignore[reportArgumentType]


def test_bit_lines_by_hand_and_against_a_magnetic_column() -> None:
    spec = chip(crossbar__rows=32)
    x = estimate(small_network(), spec).plan.at(0)
    swings = np.minimum(x.n("conversions"), x.n("row_activations") * x.n("used_columns"))[:, 0]
    pitch_m = 125.74**0.5 * 65e-9
    column = float(
        column_F(np.array(32.0), np.array(pitch_m), WIRE_F_M.at(1, 1), ACCESS_GATE_F.at(65e-9, 1.1))
    )
    np.testing.assert_allclose(part("bit_lines", spec), swings * column * 0.1**2, rtol=1e-12)
    # Jung et al., Nature 2022: 2.1 fF per cell of a column at 28 nm; wire and junction alone are a tenth of it
    magnetic = float(
        column_F(np.array(1.0), np.array(30**0.5 * 28e-9), WIRE_F_M.at(1, 1), ACCESS_GATE_F.at(28e-9, 1))
    )
    assert 0.05 < magnetic / 2.1e-15 < 0.2


def test_few_spikes_swing_few_columns() -> None:
    rng = np.random.default_rng(1)
    where = geometry(4, 6, 5)
    inputs = [spiking(rng, where.in_shape, rate=rate) for rate in (0.002, 0.5)]
    layers = [product("c", where, operand, np.random.default_rng(2)) for operand in inputs]
    quiet, busy = (Workload("w", (layer,), 4, samples=2) for layer in layers)
    x = estimate(busy, chip()).plan.at(0)
    assert part("bit_lines", chip(), quiet)[0] < part("bit_lines", chip(), busy)[0] / 4
    assert (
        x.n("conversions") >= np.minimum(x.n("conversions"), x.n("row_activations") * x.n("used_columns"))
    ).all()


@LAW
@given(st.sampled_from(["voltage", "current"]), st.floats(1.1, 8.0))
def test_longer_wires_cost_more(mode: str, factor: float) -> None:
    spec = chip(read__mode=mode, crossbar__rows=512)
    area = spec.values()["device.cell_area_F2"]
    done = estimate(
        small_network(), spec, {"device.cell_area_F2": [area, area * factor], "crossbar.rows": [512, 512]}
    )
    taller = estimate(small_network(), spec, {"crossbar.rows": [512, 1024, 2048]})  # one row tile in each
    at = done.components.index("bit_lines")
    assert np.diff(done.by_component("energy_J")[:, at])[0] > 0
    assert (np.diff(taller.by_component("energy_J")[:, at]) > 0).all()
