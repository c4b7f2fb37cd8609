"""How wide the sum of a layer is, and the warning of a chip whose adders are narrower."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cost_cases import geometry, product, small_network, spiking
from hypothesis import given
from hypothesis import strategies as st

from axbar._compare import compare_workload
from axbar.cost import estimate
from axbar.cost._sums import SUM_EVENT, most_inputs, sum_bits
from axbar.spec import HardwareSpec, load_hardware
from axbar.workload import Geometry, LayerTrace, Operand, Workload, shapes

WIDE = {"pe.accumulator_bits": 32, "pe.correction_bits": 32, "neuron.membrane_bits": 32}
#: chip and the field that holds its sums
ADDERS = (
    ("sata", "neuron.membrane_bits"),
    ("loas", "pe.accumulator_bits"),
    ("loas", "pe.correction_bits"),
    ("loas-nmtk", "pe.correction_bits"),
    ("sparten", "pe.accumulator_bits"),
    ("gospa", "pe.accumulator_bits"),
    ("gamma", "pe.accumulator_bits"),
    ("ptb", "pe.accumulator_bits"),
)


def chip(name: str, **changes: Any) -> HardwareSpec:
    """The preset with adders that hold anything; ``pe__steps=1`` sets ``pe.steps``."""
    spec = load_hardware(name)
    wide = {path: bits for path, bits in WIDE.items() if path in spec.values()}
    return spec.replace(wide | {key.replace("__", "."): value for key, value in changes.items()})


def line(inputs: int, weight: np.ndarray | None = None, mask: np.ndarray | None = None) -> LayerTrace:
    """A linear layer of two outputs on silent spikes."""
    operand = Operand((inputs,), steps=1, words=np.zeros((1, inputs), np.uint8))
    return LayerTrace(
        "fc", "linear", ("input",), Geometry((inputs,), (2,)), (0,), (operand,), weight=weight, mask=mask
    )


def needed(workload: Workload, spec: HardwareSpec) -> np.ndarray:
    return estimate(workload, spec).plan.events[0].counts[SUM_EVENT]


@given(st.integers(1, 10**6), st.integers(2, 32), st.integers(1, 2**16 - 1))
def test_the_largest_sum_fits_and_one_bit_less_is_too_few(inputs: int, bits: int, code: int) -> None:
    largest = inputs * (2 ** (bits - 1) - 1) * code
    width = sum_bits(line(inputs), bits, code)
    assert -(2 ** (width - 1)) <= -largest and largest <= 2 ** (width - 1) - 1
    assert largest > 2 ** (width - 2) - 1
    assert sum_bits(line(inputs), bits) <= bits + math.ceil(math.log2(inputs))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation"),
    [(2, 3, 1, 1, 1), (5, 3, 2, 0, 1), (4, 3, 1, 2, 2), (3, 5, 1, 2, 1), (6, 1, 1, 0, 1)],
)
def test_padding_is_no_summand(
    size: int, kernel: int, stride: int, padding: int, dilation: int, groups: int
) -> None:
    """The most inputs of a window are the largest output of a convolution of ones with ones."""
    torch = pytest.importorskip("torch")
    ones = torch.ones(1, 4, size, size), torch.ones(6, 4 // groups, kernel, kernel)
    out = torch.nn.functional.conv2d(*ones, stride=stride, padding=padding, dilation=dilation, groups=groups)
    where = Geometry(
        (4, size, size), tuple(out.shape[1:]), kernel=(kernel, kernel), stride=(stride, stride),
        padding=(padding, padding), dilation=(dilation, dilation), groups=groups,
    )  # fmt: skip
    layer = LayerTrace("conv", "conv2d", ("input",), where, (0,), (Operand(where.in_shape),))
    assert most_inputs(layer) == int(out.max())


def test_weights_that_are_zero_are_no_summands() -> None:
    weight = np.array([[1, 0, 2, 0], [3, 0, 0, 0]], np.float32)
    assert most_inputs(line(4, weight)) == 2
    assert most_inputs(line(4, weight, np.array([[True, True, False, True]] * 2))) == 1
    assert most_inputs(line(4)) == 4
    assert sum_bits(line(4, np.zeros((2, 4), np.float32)), 8) == 1


@pytest.mark.parametrize(("name", "path"), ADDERS)
def test_a_width_of_the_need_is_silent_and_one_bit_less_is_not(name: str, path: str) -> None:
    work = small_network()
    bits = int(needed(work, chip(name)).max())
    key = path.replace(".", "__")
    assert estimate(work, chip(name, **{key: bits})).warnings == ("",)
    (said,) = estimate(work, chip(name, **{key: bits - 1})).warnings
    worst = work.matmuls[int(needed(work, chip(name)).argmax())].name
    assert f"layer '{worst}' has sums of up to {bits} bits, more than {path} = {bits - 1}," in said
    assert f"set {path} to {bits} or more" in said and said.count("saturate") == 1


def test_images_are_products_on_an_array_and_bit_planes_on_a_sparse_chip() -> None:
    work = small_network()
    array, sparse = (needed(work, chip(name)) for name in ("sata", "loas"))
    first = work.matmuls[0]
    assert first.operands[0].coding == "real"
    assert array[0] == sum_bits(first, 8, 255) > sparse[0] == sum_bits(first, 8)
    assert array[1:].tolist() == sparse[1:].tolist()
    assert needed(work, chip("sata", input__bits=1))[0] == sparse[0]


def test_sums_that_no_chip_holds_ask_for_narrower_weights() -> None:
    work = small_network()
    wide = chip("sata", weight_bits=32)
    over = int(needed(work, wide).max()) - 32
    (said,) = estimate(work, wide).warnings
    assert over > 0 and f"set weight_bits lower by {over} or more" in said
    assert estimate(work, chip("sata", weight_bits=32 - over)).warnings == ("",)


def test_nothing_is_taken_back_on_a_single_step() -> None:
    rng = np.random.default_rng(0)
    one = product("conv", geometry(4, 4, 6), spiking(rng, (4, 6, 6), steps=1), rng)
    assert estimate(Workload("one", (one,), 1, 2), chip("loas", pe__correction_bits=4)).warnings == ("",)


def test_points_of_a_sweep_are_warned_as_alone() -> None:
    work, spec = small_network(), chip("loas")
    columns: dict[str, Any] = {
        "pe.accumulator_bits": [8, 12, 12, 16, 20, 20],
        "weight_bits": [8, 4, 8, 8, 8, 2],
        "clock_Hz": [1e8, 2e8, 3e8, 4e8, 5e8, 6e8],
    }
    swept = estimate(work, spec, columns).warnings
    for point, said in enumerate(swept):
        alone = spec.replace({path: column[point] for path, column in columns.items()})
        assert (said,) == estimate(work, alone).warnings
    assert any(swept) and not all(swept)


@pytest.mark.parametrize(("name", "bits"), [("sata", 21), ("loas", 20), ("ptb", 20)])
def test_published_adders_are_narrow_for_a_large_network(name: str, bits: int) -> None:
    """VGG9: 256 channels of 3x3 at 8 bits take 8 + ceil(log2 2304) = 20 bits; 3x3x3 8-bit pixels take 21."""
    work = shapes.vgg9()
    (said,) = estimate(work, name).warnings
    assert f"sums of up to {bits} bits" in said and "may saturate" in said
    assert said in estimate(work, name).notes
    assert estimate(work, chip(name)).warnings == ("",)


def test_a_comparison_says_it_of_the_chip() -> None:
    page = compare_workload(shapes.cnn(steps=2), ["imc-rram-65nm", "sata"]).render("txt")
    words = " ".join(page.split())
    assert words.count("more than neuron.membrane_bits = 16") == 1
    assert "note: sata: layer 'conv1' has sums of up to 20 bits" in words


def test_weights_that_were_not_recorded_count_as_dense_ones() -> None:
    work = small_network()
    bare = replace(work, layers=tuple(replace(layer, weight=None) for layer in work.layers))
    assert needed(bare, chip("sata")).tolist() == needed(work, chip("sata")).tolist()
