"""tdBN against its equation, and the fold of norms into layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from axbar.errors import ModelError
from axbar.nn import TdBatchNorm1d, TdBatchNorm2d, folded_norm


def _randomised(norm: nn.Module, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        norm.weight.copy_(torch.randn(norm.weight.shape, generator=generator))
        norm.bias.copy_(torch.randn(norm.bias.shape, generator=generator))
        norm.running_mean.copy_(torch.randn(norm.bias.shape, generator=generator))
        norm.running_var.copy_(torch.rand(norm.bias.shape, generator=generator) + 0.1)
    return norm


def test_statistics_run_over_time_batch_and_pixels() -> None:
    norm = _randomised(TdBatchNorm2d(3, alpha=0.5, threshold=0.8).double())
    x = torch.randn(4, 5, 3, 6, 6, dtype=torch.float64)  # T, B, C, H, W
    mean = x.mean((0, 1, 3, 4), keepdim=True)
    var = x.var((0, 1, 3, 4), unbiased=False, keepdim=True)
    gamma, beta = norm.weight.view(3, 1, 1), norm.bias.view(3, 1, 1)
    expected = gamma * 0.5 * 0.8 * (x - mean) / torch.sqrt(var + norm.eps) + beta
    norm.train()
    assert torch.allclose(norm(x.flatten(0, 1)), expected.flatten(0, 1), atol=1e-12)


@pytest.mark.parametrize(("ours", "torchs", "shape"), [
    (TdBatchNorm2d, nn.BatchNorm2d, (6, 3, 5, 5)), (TdBatchNorm1d, nn.BatchNorm1d, (6, 3)),
])  # fmt: skip
def test_with_unit_scale_it_is_batch_norm(ours: type, torchs: type, shape: tuple[int, ...]) -> None:
    mine, other = ours(3), torchs(3)
    assert isinstance(mine, torchs)
    assert mine.fold_scale == 1.0
    for _ in range(3):
        x = torch.randn(shape)
        assert torch.equal(mine(x), other(x))
    mine.eval()
    other.eval()
    assert torch.equal(mine(x), other(x))
    for key, value in other.state_dict().items():
        assert torch.equal(mine.state_dict()[key], value)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("bias", [True, False])
def test_folded_convolution_equals_convolution_and_norm(
    dtype: torch.dtype, tolerance: float, bias: bool
) -> None:
    conv = nn.Conv2d(4, 6, 3, padding=1, bias=bias).to(dtype)
    norm = _randomised(TdBatchNorm2d(6, alpha=0.7, threshold=1.3).to(dtype)).eval()
    x = torch.randn(2, 4, 8, 8, dtype=dtype)
    weight, new_bias = folded_norm(conv.weight, conv.bias, norm)
    folded = nn.functional.conv2d(x, weight, new_bias, padding=1)
    assert weight.dtype == dtype
    assert (folded - norm(conv(x))).abs().max() < tolerance


def test_folded_linear_and_norm_without_affine() -> None:
    linear = nn.Linear(5, 4).double()
    norm = nn.BatchNorm1d(4, affine=False).double()
    norm(torch.randn(50, 4, dtype=torch.float64) * 3 + 1)
    norm.eval()
    x = torch.randn(7, 5, dtype=torch.float64)
    weight, bias = folded_norm(linear.weight, linear.bias, norm)
    assert torch.allclose(nn.functional.linear(x, weight, bias), norm(linear(x)), atol=1e-12)


def test_what_cannot_be_folded_is_named() -> None:
    weight = torch.zeros(4, 3)
    with pytest.raises(ModelError, match="no running statistics"):
        folded_norm(weight, None, nn.BatchNorm1d(4, track_running_stats=False))
    with pytest.raises(ModelError, match="5 channels"):
        folded_norm(weight, None, nn.BatchNorm1d(5))
    with pytest.raises(ModelError, match="above 0"):
        TdBatchNorm2d(3, threshold=0.0)
