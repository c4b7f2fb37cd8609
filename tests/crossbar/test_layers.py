"""Layers on a chip: exactness, gradients, and everything a torch user expects of a module."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
import torch.nn.functional as F
from chips import IDEAL, chip, full_path
from torch import nn

from axbar import devices
from axbar.crossbar import AnalogConv2d, AnalogLinear, digital, to_analog
from axbar.errors import ModelError, UsageError


def conv(**options: object) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(6, 8, 3, **options)  # pyright: ignore[reportArgumentType]


def real(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_digital_is_the_integer_convolution() -> None:
    layer, x = conv(padding=1, stride=2), real(2, 6, 7, 7)
    codes, scale = devices.quantise(layer.weight.detach().numpy(), 4)
    x_scale = float(x.abs().max()) / 255
    total = F.conv2d(torch.round(x / x_scale).double(), torch.from_numpy(codes).double(), None, 2, 1)
    assert layer.bias is not None
    expected = total.float() * (scale * x_scale) + layer.bias.view(-1, 1, 1)
    assert torch.equal(digital(layer, chip(), x)(x), expected)


def test_digital_comes_close_to_float_with_many_bits() -> None:
    layer, x = conv(), real(2, 6, 7, 7)
    fine = digital(layer, chip({"crossbar.weight_bits": 8}), x)(x)
    assert (fine - layer(x)).abs().max() < 0.02 * layer(x).abs().max()


def test_sums_beyond_float32_stay_exact() -> None:
    layer = nn.Linear(2000, 3, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    with torch.no_grad():
        layer.weight[1, 0] = 1 - 1 / 127
    x = torch.ones(1, 2000)
    x[0, 0] = 1 / 255
    spec = chip({"crossbar.weight_bits": 8})
    y = digital(layer.double(), spec, x.double())(x.double())
    assert (y[0, 0] - y[0, 1]).item() == pytest.approx(1 / 127 / 255, rel=1e-6)


def test_tokens_and_single_vectors() -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(20, 5), real(3, 7, 20)
    analog = to_analog(layer, chip(), data=x)
    assert analog(x).shape == (3, 7, 5)
    assert torch.equal(analog(x)[1, 2], analog(x[1, 2]))


def test_single_image_without_batch_axis() -> None:
    layer, x = conv(padding=1), real(2, 6, 7, 7)
    analog = to_analog(layer, chip(), data=x)
    assert torch.equal(analog(x[0]), analog(x)[0])


def test_empty_batch() -> None:
    layer, x = conv(), real(2, 6, 7, 7)
    assert to_analog(layer, chip(), data=x)(x[:0]).shape == (0, 8, 5, 5)


@pytest.mark.parametrize("options", [{"padding": "same"}, {"padding": 1, "padding_mode": "circular"},
                                     {"padding": 2, "padding_mode": "reflect", "dilation": 2}])  # fmt: skip
def test_every_padding_of_conv2d(options: dict) -> None:
    layer, x = conv(**options), real(2, 6, 7, 7)
    exact, analog = digital(layer, chip(IDEAL), x), to_analog(layer, chip(IDEAL), data=x)
    assert exact(x).shape == layer(x).shape
    assert (exact(x) - layer(x)).abs().max() < 0.2 * layer(x).abs().max()
    with full_path():
        assert torch.equal(analog(x), exact(x))


def test_kept_constructor_arguments_and_state_dict() -> None:
    layer = conv(padding=1, stride=2, groups=2)
    analog = to_analog(layer, chip(), data=real(2, 6, 7, 7))
    assert isinstance(analog, AnalogConv2d) and isinstance(analog, nn.Conv2d)
    for name in ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"):
        assert getattr(analog, name) == getattr(layer, name)
    assert analog.state_dict().keys() == layer.state_dict().keys()
    assert isinstance(to_analog(nn.Linear(4, 2), chip()), AnalogLinear)


def test_original_is_not_changed() -> None:
    layer = conv()
    before = copy.deepcopy(layer.state_dict())
    to_analog(layer, chip(), data=real(2, 6, 7, 7))
    assert type(layer) is nn.Conv2d
    assert all(torch.equal(layer.state_dict()[k], before[k]) for k in before)


def test_copies_and_pickles_give_the_same_bits() -> None:
    x = real(2, 6, 7, 7)
    analog = to_analog(conv(), chip(), seed=3, data=x)
    y = analog(x)
    assert torch.equal(copy.deepcopy(analog)(x), y)
    assert torch.equal(pickle.loads(pickle.dumps(analog))(x), y)
    file = io.BytesIO()
    torch.save(analog, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=False)(x), y)


def test_a_copy_does_not_program_again(monkeypatch: pytest.MonkeyPatch) -> None:
    x = real(2, 6, 7, 7)
    analog = to_analog(conv(), chip(), data=x)
    y = analog(x)
    again = copy.deepcopy(analog)
    monkeypatch.setattr("axbar.crossbar._analog.build_cells", None)
    assert torch.equal(again(x), y)


def test_new_weights_are_written_to_the_arrays() -> None:
    x = real(2, 6, 7, 7)
    analog, other = to_analog(conv(), chip(), data=x), conv()
    before = analog(x)
    with torch.no_grad():
        other.weight.mul_(-1)
    analog.load_state_dict(other.state_dict())
    after = analog(x)
    assert not torch.equal(before, after)
    analog.load_state_dict(conv().state_dict())
    assert torch.equal(analog(x), before)


def test_changed_weights_survive_a_copy() -> None:
    x = real(2, 6, 7, 7)
    analog = to_analog(conv(), chip(), data=x)
    analog(x)
    with torch.no_grad():
        analog.weight.mul_(-1)
    assert torch.equal(copy.deepcopy(analog)(x), analog(x))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_float_types_keep_their_type(dtype: torch.dtype) -> None:
    x = real(2, 6, 7, 7)
    analog = to_analog(conv(), chip(), data=x).to(dtype)
    y = analog(x.to(dtype))
    assert y.dtype == dtype and bool(torch.isfinite(y).all())


def test_settings_that_trade_precision_for_speed_change_nothing() -> None:
    x = real(4, 6, 7, 7)
    analog = to_analog(conv(), chip(), data=x)
    y = analog(x)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert torch.equal(analog(x), y)
        assert torch.get_float32_matmul_precision() == "medium"
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(analog(x), y)
    finally:
        torch.set_float32_matmul_precision(before)


def test_precision_set_per_backend_is_respected_and_restored() -> None:
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("this torch has one global setting only")
    x = real(2, 6, 7, 7)
    analog = to_analog(conv(), chip(), data=x)
    y, cpu = analog(x), torch.backends.mkldnn.matmul
    before = cpu.fp32_precision
    cpu.fp32_precision = "bf16"
    try:
        assert torch.equal(analog(x), y)
        assert cpu.fp32_precision == "bf16"
    finally:
        cpu.fp32_precision = before


class TestGradients:
    def test_digital_gradient_is_that_of_the_quantised_layer(self) -> None:
        x = real(2, 6, 7, 7).requires_grad_()
        layer = conv(padding=1)
        exact = digital(layer, chip(), x.detach())
        held = devices.quantise(layer.weight.detach().numpy(), 4)
        weight = torch.from_numpy(held[0] * held[1]).float()
        exact(x).pow(2).sum().backward()
        assert x.grad is not None and exact.weight.grad is not None and exact.bias.grad is not None
        y = exact(x).detach()
        codes = torch.round(x.detach() / (x.detach().abs().max() / 255)) * (x.detach().abs().max() / 255)
        expected_x = nn.grad.conv2d_input(x.shape, weight, 2 * y, padding=1)
        expected_w = nn.grad.conv2d_weight(codes, layer.weight.shape, 2 * y, padding=1)
        assert torch.allclose(x.grad, expected_x, rtol=1e-4, atol=1e-4)
        assert torch.allclose(exact.weight.grad, expected_w, rtol=1e-4, atol=1e-3)
        assert torch.allclose(exact.bias.grad, (2 * y).sum((0, 2, 3)), rtol=1e-4, atol=1e-3)

    def test_analog_backward_uses_the_programmed_weights(self) -> None:
        x = real(5, 40).requires_grad_()
        torch.manual_seed(0)
        analog = to_analog(nn.Linear(40, 4), chip(), seed=2, data=x.detach())
        analog(x).sum().backward()
        assert x.grad is not None
        held = torch.from_numpy(analog.effective_weight()).float()
        assert torch.allclose(x.grad, held.sum(0).expand(5, -1), atol=1e-5)
        assert not torch.allclose(held, analog.weight, atol=1e-2)

    def test_value_is_the_same_with_and_without_gradient(self) -> None:
        x = real(2, 6, 7, 7)
        analog = to_analog(conv(), chip(), data=x)
        with torch.no_grad():
            y = analog(x)
        assert torch.equal(analog(x), y)
        assert analog(x).requires_grad and not y.requires_grad

    def test_clipped_inputs_get_no_gradient(self) -> None:
        exact = digital(nn.Linear(2, 1), chip(), torch.tensor([[1.0, -0.5]]))
        x = torch.tensor([[5.0, 0.3]], requires_grad=True)
        exact(x).sum().backward()
        assert x.grad is not None
        assert x.grad[0, 0] == 0 and x.grad[0, 1] != 0

    def test_training_steps_lower_the_loss_through_the_noise(self) -> None:
        torch.manual_seed(0)
        x, target = (torch.rand(64, 30) < 0.5).float(), real(64, 4)
        analog = to_analog(nn.Linear(30, 4), chip({"device": "rram-generic"}), data=x)
        losses = []
        for _ in range(30):
            loss = F.mse_loss(analog(x), target)
            gradients = torch.autograd.grad(loss, list(analog.parameters()))
            with torch.no_grad():
                for parameter, gradient in zip(analog.parameters(), gradients, strict=True):
                    parameter -= 0.05 * gradient
            losses.append(loss.item())
        assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


class TestRefusals:
    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_weights_that_are_no_numbers(self, bad: float) -> None:
        layer = nn.Sequential(nn.Linear(3, 2))
        with torch.no_grad():
            layer[0].weight[0, 1] = bad
        with pytest.raises(ModelError, match="layer '0' has 1 weights that are NaN or infinite"):
            to_analog(layer, chip())

    def test_bits_of_a_technique_against_the_chip(self) -> None:
        layer = nn.Sequential(nn.Linear(3, 2))
        layer[0].weight_bits = 2  # pyright: ignore[reportArgumentType]
        with pytest.raises(UsageError, match=r"fixed to 2-bit weights, but crossbar\.weight_bits is 4"):
            digital(layer, chip())
        digital(layer, chip({"crossbar.weight_bits": 2}))

    def test_a_fixed_scale_is_used(self) -> None:
        layer = nn.Linear(2, 1, bias=False)
        layer.weight_scale = 0.5  # pyright: ignore[reportArgumentType]
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([[1.0, -0.6]]))
        assert digital(layer, chip())(torch.ones(1, 2)).item() == 0.5

    def test_inputs_without_calibration(self) -> None:
        analog = to_analog(nn.Linear(3, 2), chip())
        assert analog(torch.tensor([[0.0, 1.0, 1.0]])).shape == (1, 2)
        assert analog(torch.tensor([[0.0, 0.5, 1.0]])).shape == (1, 2)
        with pytest.raises(ModelError, match="data="):
            analog(torch.tensor([[0.0, 2.0, 1.0]]))
