"""Laws of folding: an average pool and the layer behind it are one layer, exactly where the rule says so."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.techniques._pools import conv_shape, folded_kernel, folded_matrix, pool_of, why_inexact
from axbar.workload import Geometry, LayerTrace

PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
NONE_OR_ONE = st.tuples(st.integers(0, 2), st.integers(0, 2))


def _map(rows: int, columns: int, channels: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(rows * 100 + columns)
    return torch.randn(2, channels, rows, columns, generator=generator, dtype=torch.float64)


def _layer(op: str, into: tuple[int, ...], out: tuple[int, ...], **options: Any) -> LayerTrace:
    return LayerTrace(op, op, ("x",), Geometry(into, out, **options), (0,), kind="avg")


@settings(deadline=None, max_examples=300)
@given(
    size=st.tuples(st.integers(4, 11), st.integers(4, 11)), kernel=PAIR, stride=PAIR, padding=NONE_OR_ONE,
    conv_kernel=PAIR, conv_stride=PAIR, conv_padding=NONE_OR_ONE, dilation=PAIR, groups=st.sampled_from([1, 2]),
    ceil_mode=st.booleans(), include=st.booleans(), divisor=st.sampled_from([None, 3]),
)  # fmt: skip
def test_a_pool_and_a_convolution_are_one_convolution_where_the_rule_says_so_and_nowhere_else(
    size: Any, kernel: Any, stride: Any, padding: Any, conv_kernel: Any, conv_stride: Any, conv_padding: Any,
    dilation: Any, groups: int, ceil_mode: bool, include: bool, divisor: int | None,
) -> None:  # fmt: skip
    assume(all(2 * p <= k for p, k in zip(padding, kernel, strict=True)))
    pool = nn.AvgPool2d(kernel, stride, padding, ceil_mode, include, divisor)
    x = _map(*size)
    try:
        pooled = pool(x)
        conv = nn.Conv2d(4, 6, conv_kernel, conv_stride, conv_padding, dilation, groups).double()
        wanted = conv(pooled)
    except RuntimeError:  # nothing is left of the map
        assume(False)
        return
    assume(bool((wanted - conv.bias.view(-1, 1, 1)).any()))  # it reads more than its own padding
    into, between, out = (tuple(v.shape[1:]) for v in (x, pooled, wanted))
    how = pool_of(pool, _layer("pool", into, between))
    behind = _layer(
        "conv2d", between, out, kernel=conv_kernel, stride=conv_stride, padding=conv_padding,
        dilation=dilation, groups=groups,
    )  # fmt: skip
    if isinstance(how, str):
        assert ceil_mode or (any(padding) and not include and divisor is None)
        return
    shape = conv_shape(how, behind.geometry)
    weight = folded_kernel(conv.weight, how, dilation)
    got = F.conv2d(x, weight, conv.bias, shape.stride, shape.padding, groups=groups)
    assert got.shape == wanted.shape
    same = torch.allclose(got, wanted, rtol=0, atol=1e-12)
    assert same == (why_inexact(how, behind) is None)


@settings(deadline=None, max_examples=100)
@given(size=st.tuples(st.integers(4, 9), st.integers(4, 9)), kernel=PAIR, stride=PAIR, padding=NONE_OR_ONE)
def test_a_pool_and_a_linear_layer_are_one_linear_layer(
    size: Any, kernel: Any, stride: Any, padding: Any
) -> None:
    assume(all(2 * p <= k for p, k in zip(padding, kernel, strict=True)))
    x, pool = _map(*size), nn.AvgPool2d(kernel, stride, padding)
    pooled = pool(x)
    linear = nn.Linear(pooled[0].numel(), 3).double()
    how = pool_of(pool, _layer("pool", tuple(x.shape[1:]), tuple(pooled.shape[1:])))
    assert not isinstance(how, str)
    assert why_inexact(how, _layer("linear", (pooled[0].numel(),), (3,))) is None
    got = F.linear(x.flatten(1), folded_matrix(linear.weight, how), linear.bias)
    torch.testing.assert_close(got, linear(pooled.flatten(1)), rtol=0, atol=1e-12)


@given(out=PAIR, size=st.tuples(st.integers(3, 9), st.integers(3, 9)))
def test_adaptive_pools_are_plain_ones_where_all_windows_are_alike(out: Any, size: Any) -> None:
    x, pool = _map(*size), nn.AdaptiveAvgPool2d(out)
    how = pool_of(pool, _layer("pool", tuple(x.shape[1:]), (4, *out)))
    if isinstance(how, str):
        assert any(n % m for n, m in zip(size, out, strict=True))
        return
    torch.testing.assert_close(F.avg_pool2d(x, how.kernel, how.stride), pool(x), rtol=0, atol=1e-12)
