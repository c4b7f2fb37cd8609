"""Vision transformers: a small one for 32×32 images, DeiT-S and ViT-B/16.

An image of R×C pixels is cut into patches of p×p; each becomes a token of D = ``width`` features, and a class token
goes in front of them, so that N = (R/p)·(C/p) + 1:

    x = [x_class; patches W_patch] + e_pos          e_pos[N, D] learned
    x ← x + Attention(LayerNorm(x))                 ``depth`` times, with
    x ← x + MLP(LayerNorm(x))                       MLP(x) = GELU(x W_1 + b_1) W_2 + b_2, W_1[D, r·D]
    logits = LayerNorm(x)[class] W_head + b_head

Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, equations 1 to 4; sizes of ``deit-s`` after Touvron et
al., "Training data-efficient image transformers", ICML 2021, table 1, without its distillation token.

The parameter names are those of the widely used checkpoints of both, so that these load as they are; the other
common spelling is translated (see ``_vit_keys``). Weights start as normals of σ = 0.02, truncated at ±2, biases at
zero.

Checked: 22,050,664 parameters of ``deit-s`` and 86,567,656 of ``vit-b16`` at 1000 classes, as published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from axbar.errors import OptionError
from axbar.nn.attention import Attention
from axbar.nn.models._options import check_sizes, one_step, seeded
from axbar.nn.models._vit_keys import check_sizes_of, translate
from axbar.nn.network import SpikingNetwork

__all__ = ["VisionTransformer", "deit_s", "vit_b16", "vit_tiny"]

_SIGMA = 0.02  # of all initial weights
_EPSILON = 1e-6  # of the layer norms


@dataclass(frozen=True)
class _Sizes:
    """What makes a vision transformer beside its images; see the factories."""

    width: int
    depth: int
    heads: int
    patch: int
    mlp_ratio: float
    drop_path: float


class PatchEmbed(nn.Module):
    """One token per patch."""

    def __init__(self, channels: int, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, stride=patch)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, N − 1, D]`` of images ``[B, C, R, S]``, row by row."""
        return self.proj(x).flatten(2).transpose(1, 2)


class Mlp(nn.Module):
    """linear-GELU-linear on each token."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.act = nn.Linear(width, hidden), nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, N, D]`` of ``[B, N, D]``."""
        return self.fc2(self.act(self.fc1(x)))


class DropPath(nn.Module):
    """Leave out a branch for a ``share`` of the samples in training, and scale it up for the others.

    Stochastic depth (Huang et al., ECCV 2016); one number per sample instead of dropout's one per feature, which
    would make a training step on a CPU a third slower.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, N, D]`` of ``[B, N, D]``."""
        if not self.training:
            return x
        kept = torch.rand(x.shape[0], 1, 1, device=x.device, dtype=x.dtype) >= self.share
        return x * kept / (1.0 - self.share)

    def extra_repr(self) -> str:
        """Show the share in ``print(model)``."""
        return f"share={self.share:g}"


class Block(nn.Module):
    """Attention and MLP, each behind a norm and beside a shortcut."""

    def __init__(self, sizes: _Sizes, drop_path: float) -> None:
        super().__init__()
        width = sizes.width
        self.norm1 = nn.LayerNorm(width, eps=_EPSILON)
        self.attn = Attention(width, sizes.heads)
        self.drop_path1 = _drop_path(drop_path)
        self.norm2 = nn.LayerNorm(width, eps=_EPSILON)
        self.mlp = Mlp(width, int(width * sizes.mlp_ratio))
        self.drop_path2 = _drop_path(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, N, D]`` of ``[B, N, D]``."""
        x = x + self.drop_path1(self.attn(self.norm1(x)))
        return x + self.drop_path2(self.mlp(self.norm2(x)))


class VisionTransformer(SpikingNetwork):
    """A vision transformer; see the module for the layers.

    Attributes:
        undecayed: parameters that training neither decays nor clips nor disturbs: they are no weights of a layer.
    """

    undecayed: ClassVar[tuple[str, ...]] = ("cls_token", "pos_embed")

    def __init__(
        self,
        sizes: _Sizes,
        input_shape: Sequence[int],
        classes: int,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        super().__init__(1, input_shape, classes, mean=mean, std=std)
        channels, rows, columns = self.frame_shape
        _check_patch(sizes.patch, rows, columns)
        tokens = (rows // sizes.patch) * (columns // sizes.patch) + 1
        self.patch_embed = PatchEmbed(channels, sizes.width, sizes.patch)
        self.cls_token = nn.Parameter(torch.empty(1, 1, sizes.width))
        self.pos_embed = nn.Parameter(torch.empty(1, tokens, sizes.width))
        shares = (sizes.drop_path * n / max(1, sizes.depth - 1) for n in range(sizes.depth))
        self.blocks = nn.Sequential(*(Block(sizes, share) for share in shares))
        self.norm = nn.LayerNorm(sizes.width, eps=_EPSILON)
        self.head = nn.Linear(sizes.width, classes)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.trunc_normal_(module.weight, std=_SIGMA)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.cls_token, std=_SIGMA)
        nn.init.trunc_normal_(self.pos_embed, std=_SIGMA)

    def body(self, x: Tensor, batch: int) -> Tensor:
        """Run embedding, blocks and classifier."""
        x = torch.cat((self.cls_token.expand(batch, -1, -1), self.patch_embed(x)), dim=1)
        x = self.blocks(x + self.pos_embed)
        return self.head(self.norm(x[:, 0]))  # the norm acts on each token alone: that of the class will do

    def translated(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of a published vision transformer under the names of this one.

        Raises:
            ModelError: they have a distillation token, or are of other sizes (which are told).
        """
        found = translate(weights)
        check_sizes_of(found, self.state_dict(), self.frame_shape)
        return found


def _drop_path(share: float) -> nn.Module:
    return DropPath(share) if share else nn.Identity()  # dropping nothing would still draw numbers


def _check_patch(patch: int, rows: int, columns: int) -> None:
    if rows % patch or columns % patch:
        fits = [n for n in range(1, min(rows, columns) + 1) if not (rows % n or columns % n)]
        raise OptionError(
            f"patches of {patch}x{patch} pixels do not tile images of {rows}x{columns}; give a patch that divides "
            f"both: {', '.join(map(str, fits))}."
        )


def _check(name: str, sizes: _Sizes) -> None:
    for what, value, high in (
        ("depth", sizes.depth, 256),
        ("heads", sizes.heads, sizes.width),
        ("patch", sizes.patch, 1024),
    ):
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= high:
            raise OptionError(
                f"{name}: {what} = {value} is out of range; give a whole number from 1 to {high}."
            )
    if sizes.width % sizes.heads:
        fits = [n for n in range(1, sizes.width + 1) if sizes.width % n == 0]
        raise OptionError(
            f"{name}: {sizes.heads} heads do not divide the width {sizes.width}; give a divisor of it: "
            f"{', '.join(map(str, fits))}."
        )
    if not 1 <= sizes.width * sizes.mlp_ratio <= 65536:
        raise OptionError(
            f"{name}: mlp_ratio = {sizes.mlp_ratio} is out of range; width times it must be 1 to 65536."
        )
    if not 0.0 <= sizes.drop_path < 1.0:
        raise OptionError(f"{name}: drop_path = {sizes.drop_path} is out of range; give 0 up to below 1.")


def _heads(width: int, features: int) -> int:
    """Return the most heads that divide the width and have at least ``features`` features each; 1 if there are none."""
    return next((n for n in range(width // features, 1, -1) if width % n == 0), 1)


def _build(
    name: str,
    sizes: _Sizes,
    steps: int,
    input_shape: Sequence[int],
    classes: int,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    seed: int,
) -> VisionTransformer:
    one_step(name, steps)
    check_sizes(name, sizes.width, steps, input_shape, classes, smallest=1)
    _check(name, sizes)
    means, stds = (None if v is None else [float(n) for n in v] for v in (mean, std))
    with seeded(seed):
        network = VisionTransformer(sizes, input_shape, classes, means, stds)
    images = {"steps": steps, "input_shape": list(input_shape), "classes": classes}
    return network.ready({"name": name, **images, **asdict(sizes), "mean": means, "std": stds, "seed": seed})


def vit_tiny(
    *,
    width: int = 128,
    steps: int = 1,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    depth: int = 6,
    heads: int | None = None,
    patch: int = 4,
    mlp_ratio: float = 4.0,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    seed: int = 0,
    drop_path: float = 0.0,
) -> VisionTransformer:
    """Return a small vision transformer for images of about 32×32 pixels.

    Args:
        width: features of a token.
        steps: 1; it has no neurons with memory.
        input_shape: ``(C, R, S)`` of an image.
        classes: K.
        depth: number of blocks.
        heads: a divisor of the width; unless given one per 32 features (64 in ``deit-s`` and ``vit-b16``).
        patch: rows and columns of a patch, in pixels; a divisor of those of the image.
        mlp_ratio: hidden features of the MLP over the width.
        mean, std: per-channel normalisation of the images, inside the network.
        seed: of initial weights.
        drop_path: share of samples for which training leaves out a branch of the last block; linear in depth from 0.

    Raises:
        OptionError: a number is out of range, or the sizes do not divide.

    >>> import torch
    >>> vit_tiny(width=16, depth=2)(torch.rand(3, 3, 32, 32)).shape
    torch.Size([1, 3, 10])
    """
    sizes = _Sizes(width, depth, _heads(width, 32) if heads is None else heads, patch, mlp_ratio, drop_path)
    return _build("vit-tiny", sizes, steps, input_shape, classes, mean, std, seed)


def deit_s(
    *,
    width: int = 384,
    steps: int = 1,
    input_shape: Sequence[int] = (3, 224, 224),
    classes: int = 1000,
    depth: int = 12,
    heads: int | None = None,
    patch: int = 16,
    mlp_ratio: float = 4.0,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    seed: int = 0,
    drop_path: float = 0.0,
) -> VisionTransformer:
    """Return DeiT-S without distillation token; arguments as of ``vit_tiny``."""
    sizes = _Sizes(width, depth, _heads(width, 64) if heads is None else heads, patch, mlp_ratio, drop_path)
    return _build("deit-s", sizes, steps, input_shape, classes, mean, std, seed)


def vit_b16(
    *,
    width: int = 768,
    steps: int = 1,
    input_shape: Sequence[int] = (3, 224, 224),
    classes: int = 1000,
    depth: int = 12,
    heads: int | None = None,
    patch: int = 16,
    mlp_ratio: float = 4.0,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    seed: int = 0,
    drop_path: float = 0.0,
) -> VisionTransformer:
    """Return ViT-B/16; arguments as of ``vit_tiny``."""
    sizes = _Sizes(width, depth, _heads(width, 64) if heads is None else heads, patch, mlp_ratio, drop_path)
    return _build("vit-b16", sizes, steps, input_shape, classes, mean, std, seed)
