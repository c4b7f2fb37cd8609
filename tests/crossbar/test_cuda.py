"""The same chip on a GPU."""

from __future__ import annotations

import pytest
import torch
from chips import IDEAL, chip, images, spiking_net

from axbar.crossbar import digital, to_analog

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.parametrize("changes", [{}, IDEAL, {"device": "rram-generic", "adc.calibration": "max"}])
def test_a_network_stays_on_its_gpu_and_gives_the_bits_of_the_cpu(changes: dict) -> None:
    model, x = spiking_net(), images(16)
    on_cpu = to_analog(model, chip(changes), seed=2, data=x)
    on_gpu = to_analog(model.cuda(), chip(changes), seed=2, data=x)
    assert next(on_gpu.parameters()).is_cuda
    y = on_gpu(x.cuda())
    assert y.is_cuda
    assert torch.equal(y.cpu(), on_cpu(x))
    assert torch.equal(on_gpu.cpu()(x), on_cpu(x))


def test_digital_on_the_gpu_even_with_tf32() -> None:
    model, x = spiking_net(), images(16)
    exact = digital(model, chip(), x)(x)
    torch.set_float32_matmul_precision("high")
    try:
        assert torch.equal(digital(model.cuda(), chip(), x)(x.cuda()).cpu(), exact)
        analog = to_analog(model, chip(), data=x)
        assert torch.equal(analog(x.cuda()).cpu(), to_analog(model.cpu(), chip(), data=x)(x))
    finally:
        torch.set_float32_matmul_precision("highest")


def test_gradients_on_the_gpu() -> None:
    analog = to_analog(spiking_net().cuda(), chip(), data=images())
    analog(images().cuda()).sum().backward()
    gradient = analog.last.weight.grad
    assert gradient is not None and gradient.is_cuda and bool(torch.isfinite(gradient).all())
