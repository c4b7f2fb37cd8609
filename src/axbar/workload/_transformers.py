"""Vision transformers by shape alone: the layers that a trace of such a network has, without weights and activity.

With images of R x C pixels in patches of p x p, N = R C / p^2 + 1 tokens (one of them for the class) of D features, H
heads of d = D/H features, and an MLP of F = ``mlp_ratio`` D hidden features, an inference multiplies

    patches    (N - 1) C_in p^2 D           as a convolution of stride p; the class token and positions are added
    qkv        N D 3D                       in each of ``depth`` blocks, N tokens at a time
    scores     H N d N = N^2 D              Q K^T / sqrt(d): both operands are computed at run time, K^T is written
    mix        H N N d = N^2 D              S V: V is written
    proj       N D D
    fc1, fc2   N D F each
    head       D classes                    of the class token, whose norm alone is needed

so that 2 N D numbers per block and image are written at run time. Between the products stand norms, the scaling of Q,
softmax, GELU and sums, as layers of their own. Names are those of checkpoints of DeiT and ViT (Touvron et al., ICML
2021; Dosovitskiy et al., ICLR 2021), with ``attn.scores`` and ``attn.mix`` for the two products.

All operands are real numbers of 8 magnitude bits, of which one half is taken to be set; those behind norms, projections
and GELU have signs, images and softmax have none. Both are assumed, unlike those of a traced network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from axbar.errors import UsageError
from axbar.workload._types import Geometry, LayerTrace, Operand, Workload

__all__ = ["deit_s", "vit", "vit_b16", "vit_tiny"]

_BITS, _RATE = 8, 0.5
_ONCE = (0,)


@dataclass
class _Net:
    """Layers in execution order; the last one feeds the next unless it is told otherwise."""

    layers: list[LayerTrace] = field(default_factory=list[LayerTrace])

    @property
    def last(self) -> str:
        return self.layers[-1].name if self.layers else "input"

    def multiply(
        self, name: str, op: str, shape: Geometry, operands: Sequence[Operand], inputs: Sequence[str] = ()
    ) -> str:
        """Add a matrix product and return its name."""
        sources = tuple(inputs) or (self.last,)
        self.layers.append(LayerTrace(name, op, sources, shape, _ONCE, tuple(operands), kind=op))
        return name

    def linear(self, name: str, shape: tuple[int, ...], features: int) -> str:
        """Add a linear layer that reads signed numbers of ``shape``."""
        return self.multiply(name, "linear", Geometry(shape, (*shape[:-1], features)), [_real(shape)])

    def other(self, name: str, op: str, kind: str, shape: tuple[int, ...], inputs: Sequence[str] = ()) -> str:
        """Add an operation that is no product and return its name."""
        sources = tuple(inputs) or (self.last,)
        self.layers.append(LayerTrace(name, op, sources, Geometry(shape, shape), _ONCE, kind=kind))
        return name


def _real(shape: tuple[int, ...], signed: bool = True) -> Operand:
    """Return an operand of which a rate is known, and whether its numbers have signs."""
    signs = np.zeros((0, *shape), dtype=np.bool_) if signed else None
    return Operand(shape, "real", bits=_BITS, rate=_RATE, negative=signs)


def vit(
    *,
    width: int,
    depth: int,
    heads: int,
    patch: int,
    input_shape: Sequence[int],
    classes: int,
    mlp_ratio: float = 4.0,
    name: str = "vit",
) -> Workload:
    """Return a vision transformer without recorded samples; see the module for its layers.

    Args:
        width: D, features of a token.
        depth: number of blocks.
        heads: H, a divisor of the width.
        patch: p, a divisor of the rows and columns of an image.
        input_shape: ``(C_in, R, C)`` of an image.
        classes: outputs.
        mlp_ratio: hidden features of the MLP over the width.
        name: of the workload.

    Raises:
        UsageError: a number is out of range, or the sizes do not divide.

    >>> w = vit(width=16, depth=1, heads=2, patch=4, input_shape=(3, 8, 8), classes=10)
    >>> w.layer("blocks.0.attn.scores").operands[1].shape  # heads, features, tokens
    (2, 8, 5)
    """
    _check(
        name,
        {"width": width, "depth": depth, "heads": heads, "patch": patch, "classes": classes},
        input_shape,
    )
    channels, rows, columns = input_shape
    hidden = int(width * mlp_ratio)
    if hidden < 1:
        raise UsageError(f"shape '{name}': mlp_ratio is {mlp_ratio}; width times it must be 1 or more.")
    net = _Net()
    grid = (rows // patch, columns // patch)
    patches = Geometry((channels, rows, columns), (width, *grid), (patch, patch), (patch, patch))
    net.multiply("patch_embed.proj", "conv2d", patches, [_real(patches.in_shape, signed=False)])
    tokens = (grid[0] * grid[1] + 1, width)
    stream = net.other("add_1", "add", "add", tokens)
    for number in range(depth):
        stream = _block(net, f"blocks.{number}", tokens, heads, hidden, stream)
    net.other("norm", "norm", "layer_norm", (width,))
    net.linear("head", (width,), classes)
    return Workload(name=name, layers=tuple(net.layers), steps=1, samples=0, spikes_of="assumed")


def _block(net: _Net, name: str, tokens: tuple[int, int], heads: int, hidden: int, stream: str) -> str:
    """Add attention and MLP, each behind a norm and beside a shortcut; return the name of the sum."""
    net.other(f"{name}.norm1", "norm", "layer_norm", tokens)
    _attention(net, f"{name}.attn", tokens, heads)
    stream = net.other(f"{name}.add_1", "add", "add", tokens, (stream, net.last))
    net.other(f"{name}.norm2", "norm", "layer_norm", tokens)
    net.linear(f"{name}.mlp.fc1", tokens, hidden)
    net.other(f"{name}.mlp.act", "activation", "gelu", (tokens[0], hidden))
    net.linear(f"{name}.mlp.fc2", (tokens[0], hidden), tokens[1])
    return net.other(f"{name}.add_2", "add", "add", tokens, (stream, net.last))


def _attention(net: _Net, name: str, tokens: tuple[int, int], heads: int) -> None:
    count, width = tokens
    each, shares = width // heads, (count, heads * count)
    qkv = net.linear(f"{name}.qkv", tokens, 3 * width)
    scaled = net.other(f"{name}.mul_1", "mul", "mul", (heads, count, each))
    keys, values = _real((heads, each, count)), _real((heads, count, each))
    scores = Geometry(tokens, shares, groups=heads)
    net.multiply(f"{name}.scores", "matmul", scores, [_real(tokens), keys], (scaled, qkv))
    softmax = net.other(f"{name}.softmax", "softmax", "softmax", (heads, count, count))
    mix = Geometry(shares, tokens, groups=heads)
    net.multiply(f"{name}.mix", "matmul", mix, [_real(shares, signed=False), values], (softmax, qkv))
    net.linear(f"{name}.proj", tokens, width)


def _check(name: str, sizes: dict[str, int], input_shape: Sequence[int]) -> None:
    for what, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size < 2**31:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"shape '{name}': {what} is {size!r}; give a whole number of at least 1.")
    if len(input_shape) != 3 or any(n < 1 for n in input_shape):
        raise UsageError(
            f"shape '{name}' takes images (channels, rows, columns) of at least one pixel, got {tuple(input_shape)}."
        )
    if sizes["width"] % sizes["heads"]:
        raise UsageError(
            f"shape '{name}': {sizes['heads']} heads do not divide the width {sizes['width']}; give a divisor of it."
        )
    if any(n % sizes["patch"] for n in input_shape[1:]):
        raise UsageError(
            f"shape '{name}': patches of {sizes['patch']}x{sizes['patch']} pixels do not tile images of "
            f"{input_shape[1]}x{input_shape[2]}; give a patch that divides both."
        )


def _of_name(
    name: str, width: int, heads: int | None, features: int, depth: int, patch: int, input_shape: Sequence[int],
    classes: int, mlp_ratio: float,
) -> Workload:  # fmt: skip
    """Build a network of a name, unless given with the most heads of at least ``features`` features that fit."""
    if heads is None:
        heads = next((n for n in range(max(1, width // features), 1, -1) if width % n == 0), 1)
    return vit(
        width=width, depth=depth, heads=heads, patch=patch, input_shape=input_shape, classes=classes,
        mlp_ratio=mlp_ratio, name=name,
    )  # fmt: skip


def vit_tiny(
    width: int = 128,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    depth: int = 6,
    heads: int | None = None,
    patch: int = 4,
    mlp_ratio: float = 4.0,
) -> Workload:
    """A small vision transformer: 6 blocks of 128 features for 32 x 32 images."""
    return _of_name("vit-tiny", width, heads, 32, depth, patch, input_shape, classes, mlp_ratio)


def deit_s(
    width: int = 384,
    input_shape: Sequence[int] = (3, 224, 224),
    classes: int = 1000,
    depth: int = 12,
    heads: int | None = None,
    patch: int = 16,
    mlp_ratio: float = 4.0,
) -> Workload:
    """DeiT-S: 12 blocks of 384 features in 6 heads for 224 x 224 images."""
    return _of_name("deit-s", width, heads, 64, depth, patch, input_shape, classes, mlp_ratio)


def vit_b16(
    width: int = 768,
    input_shape: Sequence[int] = (3, 224, 224),
    classes: int = 1000,
    depth: int = 12,
    heads: int | None = None,
    patch: int = 16,
    mlp_ratio: float = 4.0,
) -> Workload:
    """ViT-B/16: 12 blocks of 768 features in 12 heads for 224 x 224 images."""
    return _of_name("vit-b16", width, heads, 64, depth, patch, input_shape, classes, mlp_ratio)
