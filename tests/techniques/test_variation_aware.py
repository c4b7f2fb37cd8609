"""variation-aware: moments of what is written, training on it, what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import axbar
from axbar.errors import ModelError, UsageError
from axbar.nn import build_model
from axbar.spec import ImcSpec
from axbar.techniques import get_technique, parse_technique
from axbar.techniques._written_noise import WrittenValues, written_sigma


def chip(**settings: Any) -> ImcSpec:
    spec = axbar.load_hardware("imc-rram-clipformer", settings)
    assert isinstance(spec, ImcSpec)
    return spec


@pytest.mark.parametrize("scale", [0.25, 1.0, 2.0])
def test_the_spread_of_a_value_is_that_of_its_cells(scale: float) -> None:
    codes, sigma = written_sigma(chip(**{"run_time.write_noise": scale}))
    assert np.array_equal(codes, np.arange(256))
    digits = (np.arange(256)[:, None] >> np.arange(0, 8, 2)) & 3
    # 0.4 √((G − g_off)(g_on − g_off)) in levels is 0.4 √(3 l)
    expected = 0.4 * scale * np.sqrt((16.0 ** np.arange(4) * 3 * digits).sum(1))
    assert sigma == pytest.approx(expected, rel=1e-12)


def test_clipping_bounds_code_and_spread() -> None:
    codes, sigma = written_sigma(chip(**{"run_time.clip_low": 2, "run_time.clip_high": 0.25}))
    assert codes.max() == 62 and sigma.max() < written_sigma(chip())[1].max() / 3


@pytest.mark.parametrize("device", ["rram-neurram", "pcm-joshi"])
def test_cells_at_level_zero_count_where_they_are_noisy(device: str) -> None:
    spec = chip(device=device, **{"run_time.cell_bits": 2})
    sigma = written_sigma(spec)[1]
    assert sigma[0] > 0 and (sigma >= sigma[0]).mean() > 0.5


def test_written_values_have_these_moments_and_pass_gradients() -> None:
    torch.manual_seed(0)
    x = torch.tensor([-1.0, 0.0, 100 / 255]).repeat(20_000, 1).requires_grad_()
    held = WrittenValues(chip())(x)
    held.sum().backward()
    assert x.grad is not None and torch.equal(x.grad, torch.ones_like(x))
    sigma = written_sigma(chip())[1][[255, 0, 100]] / 255
    found = held.detach().double()
    assert found.std(0).numpy() == pytest.approx(sigma, rel=0.02)
    assert found.mean(0).numpy() == pytest.approx([-1.0, 0.0, 100 / 255], abs=4 * sigma.max() / 20_000**0.5)
    assert torch.allclose(WrittenValues(chip(), noise=0.0)(x), x, atol=1e-6)
    assert torch.equal(WrittenValues(chip())(torch.zeros(3)), torch.zeros(3))


def test_training_disturbs_keys_and_values_and_evaluation_does_not() -> None:
    data = axbar.load_data("fashion-mnist-small").subset(train=120, calibration=20)
    network = build_model("vit-tiny", width=16, depth=1, patch=7, input_shape=(1, 28, 28)).eval()
    technique, config = parse_technique("variation-aware:epochs=1,batch=40")
    loud, again, quiet = (
        technique.apply(network, chip(), data.tuning(), config.model_copy(update={"noise": noise}))
        for noise in (1.0, 1.0, 0.0)
    )
    weights = [done.target.state_dict()["blocks.0.attn.qkv.weight"] for done in (loud, again, quiet)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    images = torch.from_numpy(data.test.images(slice(0, 4)))
    with torch.no_grad():
        assert torch.equal(loud.target(images), loud.target(images))
    assert not any(module._forward_pre_hooks for module in loud.target.modules())
    assert loud.cost["macs_backward"] > 0 and not loud.target.training


def test_chips_and_networks_without_written_keys_are_refused() -> None:
    technique = get_technique("variation-aware")
    config: Any = technique.Config()
    data = axbar.load_data("fashion-mnist-small").subset(train=20, calibration=20).tuning()
    vit = build_model("vit-tiny", width=16, depth=1, patch=7, input_shape=(1, 28, 28))
    with pytest.raises(UsageError, match=r"run_time\.unit is sram; give --set run_time\.unit=nvm"):
        technique.apply(vit, chip(**{"run_time.unit": "sram"}), data, config)
    with pytest.raises(UsageError, match=r"'sata' \(kind systolic\) has no cells"):
        technique.apply(vit, axbar.load_hardware("sata"), data, config)
    plain: nn.Module = build_model("cnn", width=4)
    with pytest.raises(ModelError, match="has no product of run-time operands as a module"):
        technique.apply(plain, chip(), data, config)
