"""Writing the weights: by hand, as laws, in sweeps, against the prices of training."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from cost_cases import chip, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar import registry
from axbar.cost import estimate, programming
from axbar.cost._tuning_prices import write_price
from axbar.devices import expected_writes
from axbar.errors import UsageError
from axbar.spec import load_hardware
from axbar.workload import shapes

LAW = settings(max_examples=15, deadline=None)

# the small network: conv1 27 x 8, conv2 2 groups of 36 x 6, fc 432 x 5; one pair of 3-bit cells per 4-bit weight
CELLS = (2 * 27 * 8, 2 * 2 * 36 * 6, 2 * 432 * 5)


def test_cells_energy_time_and_wear_by_hand() -> None:
    p = programming(small_network(), chip(), reprograms_per_day=1000)
    assert p.cells[0].tolist() == list(CELLS)
    assert p.energy_J[0] == pytest.approx(sum(CELLS) * 1.491e-9, rel=1e-12)
    # rows of an array one after the other, 56 us each: the linear layer fills all 64
    assert p.time_s[0] == pytest.approx(64 * 56e-6, rel=1e-12)
    assert p.power_W[0] == pytest.approx(p.energy_J[0] / p.time_s[0])
    assert p.wear[0] == 1e-6 and p.lifetime_years is not None
    assert p.lifetime_years[0] == pytest.approx(1e6 / 1000 / 365.25)


def test_cell_by_cell_is_the_other_end() -> None:
    # conv1: 27 rows x 16 columns in one array; fc: 64 rows x 10 columns
    cell_by_cell = programming(small_network(), chip(), at_once=1)
    assert cell_by_cell.time_s[0] == pytest.approx(64 * 10 * 56e-6)
    by_four = programming(small_network(), chip(), at_once=4)
    assert by_four.time_s[0] == pytest.approx(64 * 3 * 56e-6)
    assert cell_by_cell.energy_J[0] == by_four.energy_J[0]
    assert "4 cells of a row of every array" in by_four.notes[0]


def test_two_slices_take_twice_the_cells() -> None:
    one, two = (
        programming(shapes.vgg9(), chip(crossbar__weight_bits=4, crossbar__cell_bits=c)) for c in (3, 2)
    )
    assert (two.cells == 2 * one.cells).all()
    weights = sum(float(np.prod(layer.geometry.fan_in * layer.geometry.fan_out * layer.geometry.groups))
                  for layer in shapes.vgg9().matmuls)  # fmt: skip
    assert one.cells.sum() == 2 * weights


def test_an_estimate_tells_it_beside_the_inference() -> None:
    done = estimate(small_network(), chip())
    assert done.programming is not None
    told = json.loads(json.dumps(done.to_dict(), allow_nan=False))["programming"]
    assert told["cells"] == sum(CELLS) and told["lifetime_years"] is None
    assert told["cells_by_layer"] == dict(zip(done.layers, CELLS, strict=True))
    assert "assumed" in " ".join(told["notes"])
    again = pickle.loads(pickle.dumps(done)).programming
    assert again.energy_J == done.programming.energy_J


def test_points_of_a_sweep_are_single_ones() -> None:
    sweep = {
        "device": ["rram-neurram", "pcm-hermes", "ideal", "rram-neurram"],
        "crossbar.cell_bits": [3, 1, 2, 3], "crossbar.rows": [64, 32, 128, 16],
    }  # fmt: skip
    swept = estimate(small_network(), chip(), sweep)
    assert swept.programming is not None
    for i in range(4):
        spec = chip().replace({path: values[i] for path, values in sweep.items()})
        for alone in (estimate(small_network(), spec).programming, swept.at(i).programming):
            assert alone is not None
            assert (alone.cells[0] == swept.programming.cells[i]).all()
            for name in ("energy_J", "time_s", "wear", "power_W"):
                assert getattr(alone, name)[0] == getattr(swept.programming, name)[i], name
    assert swept.programming.energy_J[2] == 0 and swept.programming.power_W[2] == 0


def test_a_users_own_figures_and_their_columns() -> None:
    own = chip(device__write_energy_J="2 nJ", device__write_time_s="1 us", device__endurance=1e4)
    p = programming(
        small_network(), own, {"device.endurance": [1e3, 1e4], "device.write_energy_J": [1e-9, 2e-9]}
    )
    np.testing.assert_allclose(p.energy_J, [sum(CELLS) * 1e-9, sum(CELLS) * 2e-9])
    np.testing.assert_allclose(p.wear, [1e-3, 1e-4])
    assert p.time_s[0] == pytest.approx(64e-6)


def test_cells_that_are_verified_are_written_more_than_once() -> None:
    sweep = {"device.verify_tolerance": [0.0, 0.05, 0.05, 0.01], "device.verify_writes": [10, 10, 2, 10]}
    p = programming(small_network(), chip(), sweep)
    assert p.writes[0] == 1.0 and 1 < p.writes[2] < 2 and p.writes[2] < p.writes[1] < p.writes[3] < 10
    for name in ("energy_J", "time_s", "wear"):
        figures = getattr(p, name)
        np.testing.assert_allclose(figures / figures[0], p.writes, rtol=1e-12)
    alone = programming(small_network(), chip(device__verify_tolerance=0.05))
    assert alone.writes[0] == p.writes[1] == expected_writes(chip(device__verify_tolerance=0.05).device, 3)


@LAW
@given(
    st.integers(1, 64), st.integers(1, 63), st.floats(1e-15, 1e-6), st.floats(1e-9, 1e-3), st.floats(1.1, 10)
)
def test_laws(at_once: int, fewer: int, energy_J: float, time_s: float, factor: float) -> None:
    base = chip(device__write_energy_J=energy_J, device__write_time_s=time_s)
    more = programming(small_network(), base, at_once=at_once)
    less = programming(small_network(), base, at_once=max(1, at_once - fewer))
    assert less.time_s[0] >= more.time_s[0] > 0 and less.energy_J[0] == more.energy_J[0]
    swept = programming(small_network(), base, {"device.write_time_s": [time_s, min(10, time_s * factor)]})
    assert swept.time_s[1] > swept.time_s[0] and swept.energy_J[1] == swept.energy_J[0]


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_rate_that_can_not_be_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="reprograms_per_day"):
        programming(small_network(), chip(), reprograms_per_day=rate)


def test_no_cells_at_once_is_refused() -> None:
    with pytest.raises(UsageError, match="at_once is 0; give a whole number of at least 1"):
        programming(small_network(), chip(), at_once=0)


@pytest.mark.parametrize("name", registry.names("devices"))
def test_training_pays_the_same_prices(name: str) -> None:
    """``tuning_cost`` prices families of devices, presets hold each device's own: the same figures."""
    price, spec = write_price(name), registry.get("devices", name).spec
    if price is not None:
        assert spec.write_energy_J == price.energy.value
        assert price.time is None or spec.write_time_s == price.time.value


@pytest.mark.parametrize("name", ["imc-rram-65nm", "imc-rram-32nm", "imc-pcm-14nm", "imc-sram-28nm"])
def test_shipped_chips_tell_where_the_figures_come_from(name: str) -> None:
    chip = load_hardware(name)
    for path in ("device.write_energy_J", "device.write_time_s", "device.endurance"):
        assert len(chip.sources[path].source) > 15
    assert programming(shapes.cnn(), chip).energy_J[0] > 0
