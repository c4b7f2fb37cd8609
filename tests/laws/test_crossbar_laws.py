"""Laws of the chip: ideal equals digital, sums do not depend on how work is cut, better parts err less."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from axbar.crossbar import AnalogLayer, Mapping, digital, to_analog
from axbar.spec import load_hardware

BASE: dict[str, Any] = {
    "device": "ideal", "adc.bits": 12, "crossbar.cell_bits": 2, "crossbar.weight_bits": 4,
    "wires.r_row_ohm": 0.0, "wires.r_col_ohm": 0.0,
}  # fmt: skip


def chip(changes: dict[str, Any]) -> Any:
    return load_hardware("imc-rram-65nm").replace({**BASE, **changes})


@st.composite
def chips(draw: st.DrawFn) -> dict[str, Any]:
    weight_bits, cell_bits = draw(st.integers(2, 8)), draw(st.integers(1, 4))
    slices = -(-(weight_bits - 1) // cell_bits)
    return {
        "crossbar.rows": draw(st.sampled_from([4, 7, 16, 64])),
        "crossbar.cols": max(4, 2 * slices * draw(st.integers(1, 5)) + draw(st.integers(0, 1))),
        "crossbar.weight_bits": weight_bits,
        "crossbar.cell_bits": cell_bits,
        "input.bits": draw(st.integers(1, 8)),
        "input.dac_bits": draw(st.sampled_from([1, 1, 2, 3])),
        "mapping.layout": draw(st.sampled_from(["flattened", "kernel_split"])),
    }


@st.composite
def layers(draw: st.DrawFn) -> tuple[nn.Module, Tensor]:
    """A convolution or linear layer and a batch that drives it."""
    torch.manual_seed(draw(st.integers(0, 2**16)))
    batch = draw(st.integers(1, 4))
    if draw(st.booleans()):
        layer: nn.Module = nn.Linear(
            draw(st.integers(1, 40)), draw(st.integers(1, 9)), bias=draw(st.booleans())
        )
        tokens = draw(st.sampled_from([(), (3,)]))
        shape = (batch, *tokens, layer.in_features)
    else:
        groups = draw(st.sampled_from([1, 1, 2, 4]))
        layer = nn.Conv2d(
            groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3)),
            (draw(st.integers(1, 3)), draw(st.integers(1, 3))), stride=draw(st.integers(1, 2)),
            padding=draw(st.integers(0, 2)), dilation=draw(st.integers(1, 2)), groups=groups,
            bias=draw(st.booleans()),
        )  # fmt: skip
        shape = (batch, layer.in_channels, draw(st.integers(5, 7)), draw(st.integers(5, 7)))
    kind = draw(st.sampled_from(["spikes", "signed", "real"]))
    noise = torch.randn(shape)
    spikes = (noise > 0.5).float() - (noise < -0.5).float() * (kind == "signed")
    return layer, noise if kind == "real" else spikes


def without_short_cut(layer: nn.Module, x: Tensor) -> Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AnalogLayer, "collapsed", property(lambda layer: False))
        return layer(x)


@settings(max_examples=60, deadline=None)
@given(layers(), chips())
def test_ideal_equals_digital_bit_for_bit(made: tuple[nn.Module, Tensor], changes: dict[str, Any]) -> None:
    layer, x = made
    with torch.no_grad():
        exact = digital(layer, chip(changes), x)(x)
        analog = to_analog(layer, chip(changes), seed=1, data=x)
        assert torch.equal(analog(x), exact)
        assert torch.equal(without_short_cut(analog, x), exact)


@settings(max_examples=30, deadline=None)
@given(layers(), chips(), st.floats(0.01, 0.9))
def test_a_finite_ratio_cancels_in_the_pair(
    made: tuple[nn.Module, Tensor], changes: dict[str, Any], ratio: float
) -> None:
    layer, x = made
    changes = {**changes, "crossbar.rows": 7, "device.g_off_S": ratio * 1e-4}
    with torch.no_grad():
        analog = to_analog(layer, chip(changes), data=x)
        if float(analog.chip_layers["root"].full_scale().max()) > 2**12 - 1:
            return  # no 12-bit converter covers a ratio that close to one
        assert torch.equal(without_short_cut(analog, x), digital(layer, chip(changes), x)(x))


@settings(max_examples=30, deadline=None)
@given(
    layers(), chips(), st.integers(1, 8), st.sampled_from(["max", "percentile", "mse"]), st.integers(0, 99)
)
def test_noisy_outputs_do_not_depend_on_the_batch(
    made: tuple[nn.Module, Tensor], changes: dict[str, Any], bits: int, method: str, seed: int
) -> None:
    """Every flaw is on: wires, programming, noise of every read, time, stuck cells, bent converters."""
    layer, x = made
    flaws = {
        "device": "rram-neurram", "device.age_s": 3600.0, "device.stuck_on": 0.02, "device.stuck_off": 0.02,
        "wires.r_row_ohm": 3.0, "wires.r_col_ohm": 2.0, "adc.inl_lsb": 0.5,
    }  # fmt: skip
    spec = chip({**changes, **flaws, "adc.bits": bits, "adc.calibration": method})
    with torch.no_grad():
        analog = to_analog(layer, spec, seed=seed, data=x)
        y = analog(x)
        analog.rewind()
        assert torch.equal(torch.cat([analog(part) for part in x.split(1)]), y)
        assert torch.equal(to_analog(layer, spec, seed=seed + 1, data=x).program(seed)(x), y)


@settings(max_examples=20, deadline=None)
@given(layers(), chips())
def test_more_converter_bits_err_less(made: tuple[nn.Module, Tensor], changes: dict[str, Any]) -> None:
    """The mean error of 2, 5, 8 and 12 bits falls (or stays) in this order."""
    layer, x = made
    errors = []
    with torch.no_grad():
        exact = digital(layer, chip(changes), x)(x)
        for bits in (2, 5, 8, 12):
            spec = chip({**changes, "adc.bits": bits, "adc.calibration": "max"})
            errors.append(float((to_analog(layer, spec, data=x)(x) - exact).abs().mean()))
    slack = 1e-6 + 0.15 * errors[0]  # few samples: neighbours may cross by chance
    assert all(finer <= coarser + slack for coarser, finer in pairwise(errors))


@given(
    st.integers(1, 200), st.integers(1, 40), st.integers(1, 12), st.integers(4, 64), st.integers(2, 8),
    st.integers(1, 7), st.data(),
)  # fmt: skip
def test_arrays_hold_every_weight_once(
    fan_in: int, fan_out: int, groups: int, rows: int, weight_bits: int, cell_bits: int, data: st.DataObject
) -> None:
    slices = -(-(weight_bits - 1) // cell_bits)
    cols = data.draw(st.integers(max(4, 2 * slices), 2 * slices + 64))
    mapping = Mapping(fan_in, fan_out, groups, rows, cols, weight_bits, cell_bits)
    cells_needed = fan_in * fan_out * groups * slices * 2
    assert mapping.n_arrays * mapping.rows * mapping.cols >= cells_needed
    assert mapping.used_rows <= rows and mapping.used_outs * 2 * slices <= cols
    assert mapping.bundles * mapping.groups_per_array >= groups
    if mapping.groups_per_array > 1:
        assert mapping.row_tiles == mapping.col_tiles == 1
