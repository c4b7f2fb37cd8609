"""Products of two run-time operands on a chip: exactness, calibration, gradients, and what converted networks offer."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from axbar import devices
from axbar.crossbar import (
    AnalogMatMul,
    DigitalMatMul,
    Effects,
    diagnose,
    digital,
    product_snr_dB,
    to_analog,
)
from axbar.errors import ModelError, SpecError, UsageError
from axbar.nn.attention import Attention, MatMul
from axbar.spec import ideal, load_hardware
from axbar.spec.imc import ImcSpec

CLIP = {"run_time.clip_low": 2.0, "run_time.clip_high": 0.25}
NO_WIRES = {"wires.r_row_ohm": 0.0, "wires.r_col_ohm": 0.0}


def chip(changes: dict[str, Any] | None = None) -> ImcSpec:
    spec = load_hardware("imc-rram-clipformer").replace(changes or {})
    assert isinstance(spec, ImcSpec)
    return spec


class Block(nn.Module):
    """Embedding - norm - attention - norm - MLP - head, on ``[B, tokens, 6]``."""

    def __init__(self, width: int = 12, heads: int = 3) -> None:
        super().__init__()
        self.embed = nn.Linear(6, width)
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.up, self.act = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU()
        self.down, self.head = nn.Linear(2 * width, width), nn.Linear(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        x = x + self.attention(self.norm1(x))
        x = x + self.down(self.act(self.up(self.norm2(x))))
        return self.head(x.mean(1))[None]


class Pair(nn.Module):
    """One product of the two halves of its input, ``[B, 2, heads, n, n]``."""

    def __init__(self) -> None:
        super().__init__()
        self.product = MatMul()

    def forward(self, both: Tensor) -> Tensor:
        return self.product(both[:, 0], both[:, 1])


def block(seed: int = 0) -> Block:
    torch.manual_seed(seed)
    return Block().eval()


def tokens(count: int = 5, seed: int = 1, n: int = 7) -> Tensor:
    return torch.randn(count, n, 6, generator=torch.Generator().manual_seed(seed))


def pairs(count: int = 3, heads: int = 3, n: int = 9, seed: int = 2) -> Tensor:
    return torch.randn(count, 2, heads, n, n, generator=torch.Generator().manual_seed(seed))


class arrays_always:
    """Inside, no product takes the short cut of exact integers."""

    def __enter__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(AnalogMatMul, "_collapsed", lambda *_: False)

    def __exit__(self, *_: object) -> None:
        self.patch.undo()


# --- exactness ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["nvm", "sram", "digital"])
@pytest.mark.parametrize(
    "changes", [{}, CLIP, {"run_time.bits": 5}, {"input.dac_bits": 4, "crossbar.rows": 16}]
)
def test_an_ideal_chip_equals_its_integer_network(unit: str, changes: dict[str, Any]) -> None:
    spec = ideal(chip({**changes, "run_time.unit": unit}))
    model, x = block(), tokens()
    exact, analog = digital(model, spec, x), to_analog(model, spec, seed=1, data=x)
    assert torch.equal(analog(x), exact(x))
    with arrays_always():
        assert torch.equal(analog(x), exact(x))


@pytest.mark.parametrize("changes", [{}, CLIP])
def test_the_offset_of_a_finite_ratio_cancels(changes: dict[str, Any]) -> None:
    spec = chip({**changes, **NO_WIRES, "run_time.write_noise": 0.0})
    model, x = block(), tokens()
    with arrays_always():
        exact = digital(model, spec, x)(x)
        flawless = to_analog(model, spec, seed=1, data=x, effects=Effects.none())(x)
    assert (flawless - exact).abs().max() < 1e-3 * exact.abs().max()  # the grid of the cells, 2^-15 levels


def test_digital_is_one_integer_product_and_one_rescale() -> None:
    x = pairs()
    left, right = x[:, 0], x[:, 1]
    lscale, rscale = float(left.abs().max()) / 255, float(right.abs().max()) / 255
    table = devices.clipped_codes(8, 2.0, 0.25, 1e-7, 1e-5).astype(np.int64)
    codes = torch.round(right / rscale).long()
    kept = torch.from_numpy(table)[codes.abs()] * codes.sign()
    total = torch.round(left / lscale).double() @ kept.double()
    assert torch.equal(digital(Pair(), chip(CLIP), x)(x), total.float() * (lscale * rscale))


def test_eight_bits_come_close_to_float() -> None:
    x = pairs()
    assert product_snr_dB(Pair()(x), digital(Pair(), chip(), x)(x)) > 38


def test_spikes_on_either_side_are_exact() -> None:
    x = (pairs(heads=2, n=16) > 0.5).float()
    for spec in (chip({**CLIP, **NO_WIRES, "run_time.write_noise": 0.0}), ideal(chip(CLIP))):
        assert torch.equal(digital(Pair(), spec, x)(x), x[:, 0] @ x[:, 1])
        with arrays_always():
            assert torch.equal(to_analog(Pair(), spec, data=x)(x), x[:, 0] @ x[:, 1])
            uncalibrated = to_analog(Pair(), spec)
            assert torch.equal(uncalibrated(x), x[:, 0] @ x[:, 1])


def test_other_kinds_of_chips_multiply_integers() -> None:
    model, x = block(), tokens()
    twin = digital(model, "sata", x)
    assert isinstance(twin.attention.scores, DigitalMatMul)  # pyright: ignore
    assert product_snr_dB(model(x), twin(x)) > 25


@pytest.mark.parametrize("shape", [(4, 5), (2, 4, 5), (2, 3, 4, 5), (3, 2, 2, 4, 5)])
def test_any_leading_axes(shape: tuple[int, ...]) -> None:
    left, right = torch.rand(shape), torch.rand(*shape[:-2], 5, 6)
    spec = chip({"device": "ideal", **NO_WIRES, "adc.bits": 12})
    product = to_analog(MatMul(), spec)
    with arrays_always():
        y = product(left, right)
    assert torch.equal(y, digital(MatMul(), spec)(left, right))
    assert y.shape == (left @ right).shape
    if len(shape) > 2:
        assert product(left[:0], right[:0]).shape == (left[:0] @ right[:0]).shape


# --- calibration ----------------------------------------------------------------------------------------------


def test_values_beyond_the_calibrated_range_saturate_and_are_counted() -> None:
    x = pairs()
    for model in (digital(Pair(), chip(), x), to_analog(Pair(), chip(), data=x)):
        product: Any = model.product
        assert product.saturated == 0
        model(x)
        assert product.saturated == 0
        large = x.clone()
        large[:, 1, 0] *= 1000
        model(large)
        assert product.saturated == pytest.approx(0.5 / 3, rel=0.02)


def test_saturated_counts_begin_with_a_die() -> None:
    x = pairs()
    analog: Any = to_analog(Pair(), chip(), data=x)
    analog(100 * x)
    assert analog.product.saturated > 0.9
    assert analog.program(3).product.saturated == 0


def test_without_calibration_only_values_between_0_and_1_have_a_scale() -> None:
    analog = to_analog(Pair(), chip({**NO_WIRES, "device": "ideal"}))
    x = pairs()
    assert product_snr_dB(Pair()(x.sigmoid()), analog(x.sigmoid())) > 38
    with pytest.raises(ModelError, match=r"product \(left\).*data="):
        analog(x)


def test_both_operands_are_calibrated_in_the_same_walk() -> None:
    x = pairs()
    x[:, 1] *= 7
    twin: Any = digital(Pair(), chip({"input.bits": 6}), x)
    assert twin.product.drive.bits == 6 and twin.product.right.bits == 8
    assert twin.product.drive.scale == pytest.approx(float(x[:, 0].abs().max()) / 63)
    assert twin.product.right.scale == pytest.approx(float(x[:, 1].abs().max()) / 255)


def test_operands_may_be_named() -> None:
    class Named(Pair):
        def forward(self, both: Tensor) -> Tensor:
            return self.product(right=both[:, 1], left=both[:, 0])

    x = pairs()
    x[:, 1] *= 7
    assert torch.equal(digital(Named(), chip(), x)(x), digital(Pair(), chip(), x)(x))


def test_converter_ranges_are_fitted_per_array() -> None:
    x = pairs(n=40)
    spec = chip({"adc.bits": 5, **NO_WIRES, "run_time.write_noise": 0.0})
    fitted, worst = to_analog(Pair(), spec, data=x), to_analog(Pair(), spec, data=x)
    product: Any = worst.product
    product._fitted.clear()
    product._adc.clear()
    want = Pair()(x)
    assert product_snr_dB(want, fitted(x)) > product_snr_dB(want, worst(x)) + 3
    (mapping,) = fitted.product._fitted  # pyright: ignore
    assert fitted.product._fitted[mapping].shape == (1, 3, 5)  # pyright: ignore


# --- gradients ------------------------------------------------------------------------------------------------


def test_gradients_are_straight_through_on_the_values_as_held() -> None:
    x = pairs()
    analog: Any = to_analog(Pair(), chip(NO_WIRES), seed=4, data=x)
    left = x[:, 0].clone().requires_grad_()
    right = x[:, 1].clone().requires_grad_()
    analog.product(left, right).sum().backward()
    analog.rewind()
    drive = analog.product.drive
    ideal_left = torch.round(x[:, 0] / drive.scale) * drive.scale
    unit = torch.eye(9).expand(3, 3, 9, 9)
    held = to_analog(Pair(), chip(NO_WIRES), seed=4, data=x, effects=Effects().without("adc"))
    held.product.drive = type(drive)("real", 8, 1 / 255)  # pyright: ignore
    values = held.product(unit, x[:, 1])  # pyright: ignore
    assert left.grad is not None and right.grad is not None
    assert torch.allclose(left.grad, values.sum(-1)[..., None, :].expand_as(left), atol=1e-4)
    assert torch.allclose(right.grad, ideal_left.sum(-2)[..., None].expand_as(right), atol=1e-4)
    assert (values - x[:, 1]).abs().max() > 0.1  # write noise is in the backward pass


def test_no_gradient_beyond_the_calibrated_range() -> None:
    x = pairs()
    twin: Any = digital(Pair(), chip(), x)
    right = (3 * x[:, 1]).requires_grad_()
    twin.product(x[:, 0], right).square().sum().backward()
    beyond = right.detach().abs() > x[:, 1].abs().max()
    assert right.grad is not None
    assert beyond.any() and (right.grad[beyond] == 0).all() and (right.grad[~beyond] != 0).any()


def test_a_network_trains_through_write_noise() -> None:
    model, x = block(), tokens()
    analog = to_analog(model, chip(), seed=1, data=x)
    analog(x).square().sum().backward()
    for parameter in analog.parameters():
        assert parameter.grad is not None and bool(torch.isfinite(parameter.grad).all())
    assert analog.attention.qkv.weight.grad.abs().sum() > 0  # pyright: ignore


# --- the network around it ------------------------------------------------------------------------------------


def test_products_are_part_of_the_network() -> None:
    model, x = block(), tokens()
    analog: Any = to_analog(model, chip(), data=x)
    assert list(analog.chip_products) == ["attention.scores", "attention.mix"]
    assert not any("MatMul" in line for line in analog.unconverted)
    assert analog.state_dict().keys() == model.state_dict().keys()
    assert isinstance(analog.attention.scores, AnalogMatMul) and isinstance(analog.attention.scores, MatMul)
    assert type(model.attention.scores) is MatMul
    layers = sum(layer.mapping.n_arrays for layer in analog.chip_layers.values())
    assert analog.n_arrays == layers + 3 + 2  # 8 outputs per array: one head of 4x7 each; two heads of 7x4
    assert set(analog.effects) == set(analog.chip_layers) | set(analog.chip_products)


def test_clipping_leaves_out_the_slices_above_the_largest_code() -> None:
    x = pairs(heads=1, n=16)
    counts = []
    for changes in ({}, CLIP):
        analog: Any = to_analog(Pair(), chip(changes), data=x)
        (mapping,) = analog.product._fitted
        counts.append((mapping.slices, analog.n_arrays))
    assert counts == [(4, 2), (3, 2)]  # 16 outputs at 8 or at 10 per array of 64 columns
    assert devices.clipped_codes(8, 0.0, 0.25, 1e-7, 1e-5).max() < 64


def test_switches_act_on_products() -> None:
    x = pairs()
    analog: Any = to_analog(Pair(), chip(), seed=1, data=x)
    exact = digital(Pair(), chip(), x)(x)
    noisy = product_snr_dB(exact, analog(x))
    analog.set_effects(Effects.none(), ["product"])
    quiet = product_snr_dB(exact, analog(x))
    only_wires = product_snr_dB(exact, analog.set_effects(Effects.only("wires"))(x))
    assert noisy < 20 < 30 < only_wires < quiet
    with pytest.raises(UsageError, match="product"):
        analog.set_effects(Effects(), ["produkt"])


def test_what_needs_weights_leaves_products_out(tmp_path: Any) -> None:
    model, x = block(), tokens()
    analog: Any = to_analog(model, chip(), seed=1, data=x)
    path = analog.export_conductances(tmp_path / "cells.npz")
    with np.load(path) as file:
        assert not any("scores" in key or "mix" in key for key in file.files)
    assert analog.load_conductances(path) is analog
    analog.program(2).at_time(10.0).compensate_drift()
    found = diagnose(analog, x)
    assert [d.layer for d in found] == list(analog.chip_layers)


def test_copies_and_pickles_give_the_same_bits() -> None:
    x = pairs()
    analog = to_analog(Pair(), chip(), seed=3, data=x)
    copies = copy.deepcopy(analog), pickle.loads(pickle.dumps(analog))
    y = analog(x)
    assert all(torch.equal(each(x), y) for each in copies)


def test_a_product_of_ones_own_is_refused() -> None:
    class Own(MatMul):
        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return 2 * left @ right

    with pytest.raises(ModelError, match="Own"):
        to_analog(nn.Sequential(Own()), chip())


def test_cells_and_columns_must_hold_the_operand() -> None:
    with pytest.raises(SpecError, match=r"run_time\.cell_bits = 3"):
        to_analog(Pair(), chip({"run_time.cell_bits": 3}))
    with pytest.raises(SpecError, match=r"crossbar\.cols = 6"):
        to_analog(Pair(), chip({"crossbar.cols": 6}))
    to_analog(Pair(), chip({"crossbar.cols": 6, "run_time.unit": "digital"}))


def test_snr_of_known_vectors() -> None:
    one = torch.tensor([3.0, -4.0])
    assert product_snr_dB(one, one + torch.tensor([0.3, 0.4])) == pytest.approx(20.0, abs=1e-5)
    assert product_snr_dB(one, one) == float("inf")
    with pytest.raises(UsageError, match="shapes"):
        product_snr_dB(one, one[:1])
    with pytest.raises(UsageError, match="zero"):
        product_snr_dB(0 * one, one)
