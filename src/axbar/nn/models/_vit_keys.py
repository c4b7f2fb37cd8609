"""Published weights of vision transformers: names of Hugging Face's models, and sizes read off the weights.

timm and the authors of DeiT name the parameters as ``axbar.nn.models.vit`` does. In Hugging Face's
``ViTForImageClassification`` the same tensors stand under other names, behind ``vit.`` or ``deit.``, and those of
Q, K and V apart:

    embeddings.cls_token, .position_embeddings       cls_token, pos_embed
    embeddings.patch_embeddings.projection           patch_embed.proj
    encoder.layer.N.layernorm_before, _after         blocks.N.norm1, norm2
    encoder.layer.N.attention.attention.{query, key, value}     blocks.N.attn.qkv, in this order
    encoder.layer.N.attention.output.dense           blocks.N.attn.proj
    encoder.layer.N.{intermediate, output}.dense     blocks.N.mlp.fc1, fc2
    layernorm, classifier                            norm, head
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from axbar.errors import ModelError

__all__ = ["check_sizes_of", "translate"]

_OUTSIDE = {
    "embeddings.cls_token": "cls_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "layernorm": "norm",
}
_INSIDE = {
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "attention.output.dense": "attn.proj",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
}
_LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)")
_QKV = ("query", "key", "value")
_DISTILLED = ("dist_token", "embeddings.distillation_token")


def translate(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under timm's names; what has no other name keeps the one that it has.

    Raises:
        ModelError: they are of a distilled network.
    """
    prefix = next((p for p in ("vit.", "deit.") if any(key.startswith(p) for key in weights)), None)
    bare = {key.removeprefix(prefix or ""): value for key, value in weights.items()}
    if any(key in bare for key in _DISTILLED):
        raise ModelError(
            "they have a distillation token, a second class token that this network lacks; take the weights of the "
            "same network trained without distillation."
        )
    if prefix is None:
        return bare
    found: dict[str, Tensor] = {}
    for key, value in bare.items():
        if not key.startswith("pooler."):  # a layer that classifiers carry along and do not use
            found[_renamed(key)] = value
    return _joined(found)


def _renamed(key: str) -> str:
    """Translate one key; those of Q, K and V become ``blocks.N.attn.query.weight`` and so on."""
    path, dot, kind = key.rpartition(".")
    if key in _OUTSIDE:  # parameters of the network itself
        return _OUTSIDE[key]
    if path == "classifier":
        return f"head{dot}{kind}"
    if (inside := _LAYER.fullmatch(path)) is None:
        return f"{_OUTSIDE.get(path, path)}{dot}{kind}"
    number, layer = inside.groups()
    layer = _INSIDE.get(layer, layer.replace("attention.attention.", "attn."))
    return f"blocks.{number}.{layer}{dot}{kind}"


def _joined(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Stack the projections to Q, K and V of each block into one."""
    found: dict[str, Tensor] = {}
    for key, value in weights.items():
        head, _, kind = key.rpartition(".")
        path, _, which = head.rpartition(".")
        parts = [f"{path}.{name}.{kind}" for name in _QKV]
        if not path.endswith(".attn") or which not in _QKV or any(part not in weights for part in parts):
            found[key] = value
        elif which == _QKV[0]:
            found[f"{path}.qkv.{kind}"] = torch.cat([weights[part] for part in parts])
    return found


def check_sizes_of(
    given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], frame_shape: tuple[int, int, int]
) -> None:
    """Refuse weights of a vision transformer of other sizes; leave any others to the loader.

    Args:
        given: weights under timm's names.
        wanted: those of the network.
        frame_shape: ``(C, R, S)`` of its images.

    Raises:
        ModelError: with what to build the network to load them.
    """
    theirs, ours = _sizes_of(given), _sizes_of(wanted)
    if theirs is None or ours is None:
        return
    differ = [what for what in theirs if theirs[what] != ours[what]]
    if not differ:
        return
    said = ", ".join(f"{what} = {theirs[what]}" for what in differ)
    have = ", ".join(f"{what} = {ours[what]}" for what in differ)
    raise ModelError(
        f"they are of a vision transformer with {said}, this one has {have}; build it with "
        f"{_arguments(theirs, ours, frame_shape)}, and with the number of heads that they were trained with."
    )


def _sizes_of(weights: Mapping[str, Tensor]) -> dict[str, int] | None:
    """Return sizes read off the shapes; None if these are no weights of a vision transformer."""
    patch, place, head = (weights.get(k) for k in ("patch_embed.proj.weight", "pos_embed", "head.weight"))
    hidden = weights.get("blocks.0.mlp.fc1.weight")
    if patch is None or place is None or head is None or hidden is None:
        return None
    if (patch.ndim, place.ndim, head.ndim, hidden.ndim) != (4, 3, 2, 2):
        return None
    numbers = {key.split(".")[1] for key in weights if key.startswith("blocks.")}
    return {
        "width": patch.shape[0],
        "depth": len(numbers),
        "patch": patch.shape[-1],
        "channels": patch.shape[1],
        "tokens": place.shape[1],
        "classes": head.shape[0],
        "MLP features": hidden.shape[0],
    }


def _arguments(theirs: Mapping[str, int], ours: Mapping[str, int], frame_shape: tuple[int, int, int]) -> str:
    """Return the arguments of a factory that make a network of these sizes."""
    patch, rows = theirs["patch"], math.isqrt(theirs["tokens"] - 1)
    grid = f"{theirs['tokens'] - 1} patches"
    if rows * rows == theirs["tokens"] - 1:
        grid = f"input_shape=({theirs['channels']}, {rows * patch}, {rows * patch})"
    same = all(theirs[what] == ours[what] for what in ("patch", "channels", "tokens"))
    shown = f"input_shape={frame_shape}" if same else grid
    ratio = theirs["MLP features"] / theirs["width"]
    return (
        f"width={theirs['width']}, depth={theirs['depth']}, patch={patch}, mlp_ratio={ratio:g}, {shown}, "
        f"classes={theirs['classes']}"
    )
