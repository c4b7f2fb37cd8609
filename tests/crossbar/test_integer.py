"""Integer networks of digital chips: exact sums at every width, one scale per layer, the same codes as on arrays."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from chips import images, spiking_net
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from axbar import devices
from axbar.crossbar import digital, digital_integer
from axbar.crossbar._sums import integer_total
from axbar.errors import UsageError
from axbar.spec import load_hardware


def sata(bits: int, inputs: int = 8) -> Any:
    return load_hardware("sata", {"weight_bits": bits, "input.bits": inputs})


def linear(inputs: Tensor, weights: Tensor) -> Tensor:
    return F.linear(inputs.to(weights.dtype), weights)


def by_hand(inputs: np.ndarray, weights: np.ndarray) -> list[list[int]]:
    """Sums in integers without a width, ``[samples][outputs]``."""
    return [
        [sum(int(a) * int(b) for a, b in zip(x, w, strict=True)) for w in weights] for x in inputs.tolist()
    ]


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 32), st.integers(1, 16), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_sums_are_those_of_unbounded_integers(bits: int, inputs: int, fan_in: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    q_max, x_max = 2 ** (bits - 1) - 1, 2**inputs - 1
    weights = rng.integers(-q_max, q_max + 1, size=(3, fan_in)).astype(np.int32)
    weights[0], weights[1, ::2] = q_max, -q_max  # the widest sum, and one that cancels
    codes = rng.integers(-x_max, x_max + 1, size=(2, fan_in))
    codes[0] = x_max
    largest = fan_in * 2 ** (bits - 1) * x_max
    total = integer_total(linear, torch.from_numpy(codes.astype(np.float32)), weights, largest, "fc")
    assert [[int(v) for v in row] for row in total.tolist()] == by_hand(codes, weights)


@pytest.mark.parametrize(
    ("largest", "dtype"),
    [
        (2**24 - 1, torch.float32), (2**24, torch.float64), (2**53 - 1, torch.float64), (2**53, torch.int64),
        (2**63 - 1, torch.int64),
    ],
)  # fmt: skip
def test_the_first_type_that_holds_a_sum_is_taken(largest: int, dtype: torch.dtype) -> None:
    total = integer_total(linear, torch.ones(1, 2), np.array([[5, -7]], np.int32), largest, "fc")
    assert total.dtype == dtype and total.item() == -2


def test_sums_that_nothing_holds_are_refused() -> None:
    with pytest.raises(UsageError, match=r"layer 'fc' may take 65 bits.*lower weight_bits"):
        integer_total(linear, torch.ones(1, 1), np.ones((1, 1), np.int32), 2**63, "fc")


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_digital_chip_computes_as_ideal_arrays_of_its_bits(bits: int) -> None:
    model, x = spiking_net(), images()
    arrays = load_hardware("imc-sram-28nm", {"crossbar.weight_bits": bits, "crossbar.cell_bits": 1})
    here, there = digital(model, sata(bits), x), digital(model, arrays, x)
    assert torch.equal(here(x), there(x)) and here(x).abs().sum() > 0
    sparse = load_hardware("loas", {"weight_bits": bits})
    assert torch.equal(digital_integer(model, sparse, x)(x), here(x))


def test_a_small_rest_of_large_weights_is_not_lost() -> None:
    """2^31 - 1 and its negative cancel; float32, or a sum of float32 values, would swallow the weight of one code."""
    layer = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    q_max = 2**31 - 1
    layer.weight.data = torch.tensor([[float(q_max), -float(q_max), 1.0]], dtype=torch.float64)
    chip = digital(nn.Sequential(layer), sata(32))
    assert chip(torch.ones(1, 3, dtype=torch.float64)).item() == 1.0
    assert chip.chip_layers["0"]._codes.tolist() == [[q_max, -q_max, 1]]


@pytest.mark.parametrize("bits", [2, 8, 9, 16, 24, 32])
def test_each_layer_has_one_scale_and_is_off_by_half_a_step(bits: int) -> None:
    model, x = spiking_net(), images()
    for path, layer in digital(model, sata(bits), x, norms="keep").chip_layers.items():
        weight = model.get_submodule(path).weight.detach().double().flatten(1).numpy()
        scale = np.abs(weight).max() / (2 ** (bits - 1) - 1)
        assert np.abs(layer.ideal_weight() - weight).max() <= scale * (0.5 + 1e-6)
        assert np.abs(layer._codes.astype(np.int64)).max() == 2 ** (bits - 1) - 1
        assert layer._scale == pytest.approx(scale, rel=1e-15)


@pytest.mark.parametrize("inputs", [8, 16])
def test_wide_weights_of_a_convolution_give_the_float_network(inputs: int) -> None:
    """At 32-bit weights only the inputs are rounded: to 1/2 of a code, and with 16 bits sums pass 2^53."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(8, 4, 3, padding=1)).double()
    x = torch.rand(2, 8, 6, 6, dtype=torch.float64)
    chip = digital(model, sata(32, inputs), x)
    codes = torch.round(x / (x.max() / (2**inputs - 1))) * (x.max() / (2**inputs - 1))
    assert torch.allclose(chip(x), model(codes), rtol=0, atol=1e-8)
    largest = 72 * 2**31 * (2**inputs - 1)
    assert (largest >= 2**53) == (inputs == 16)


def test_the_chip_is_kept_through_copies() -> None:
    model, x = spiking_net(), images()
    made = digital(model, sata(12), x)
    assert made.axbar_hardware == sata(12)
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert torch.equal(twin(x), made(x))


def test_gradients_reach_the_weights() -> None:
    model = nn.Sequential(nn.Linear(5, 2))
    made = digital(model, sata(20))
    made(torch.rand(3, 5)).sum().backward()
    assert made[0].weight.grad.abs().sum() > 0


def test_bits_that_a_technique_fixed_are_held_against_the_chips_field() -> None:
    model = nn.Sequential(nn.Linear(5, 2))
    model[0].weight_bits = 4
    with pytest.raises(UsageError, match="but weight_bits is 8; set weight_bits=4"):
        digital(model, sata(8))
    assert digital(model, sata(4)).chip_layers


def test_a_chip_without_bits_has_no_integer_network() -> None:
    for values, missing in (({"input.bits": 8}, "weight_bits"), ({"weight_bits": 8}, "input.bits")):
        odd: Any = SimpleNamespace(kind="odd", values=lambda values=values: values)
        with pytest.raises(UsageError, match=f"'odd' states no {missing}"):
            digital_integer(nn.Linear(2, 2), odd)


def test_a_weight_is_a_sign_and_a_magnitude() -> None:
    with pytest.raises(UsageError, match=r"weight_bits = 1 .* allowed 2\.\.32"):
        sata(1)
    assert devices.quantise([1.0, -0.4], 32)[0].tolist() == [2**31 - 1, -858993459]
