"""Weights of vision transformers from elsewhere: names that are translated, and weights that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn import build_model, load_network, load_weights

CONFIG = {"width": 12, "depth": 2, "heads": 3, "patch": 4, "input_shape": (2, 8, 8), "classes": 5}
OUTSIDE = {
    "cls_token": "{p}.embeddings.cls_token",
    "pos_embed": "{p}.embeddings.position_embeddings",
    "patch_embed.proj.weight": "{p}.embeddings.patch_embeddings.projection.weight",
    "patch_embed.proj.bias": "{p}.embeddings.patch_embeddings.projection.bias",
    "norm.weight": "{p}.layernorm.weight",
    "norm.bias": "{p}.layernorm.bias",
    "head.weight": "classifier.weight",
    "head.bias": "classifier.bias",
}
INSIDE = {
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}


def network(**config: object) -> nn.Module:
    """A network whose biases and norms are random too."""
    made = build_model("vit-tiny", **{**CONFIG, "seed": 5, **config})
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return made.eval()


def as_hugging_face(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The same tensors as ``ViTForImageClassification`` names them."""
    found: dict[str, Tensor] = {}
    for key, value in weights.items():
        if key in OUTSIDE:
            found[OUTSIDE[key].format(p=prefix)] = value
            continue
        _, number, layer = key.split(".", 2)
        layer, kind = layer.rsplit(".", 1)
        path = f"{prefix}.encoder.layer.{number}"
        if layer == "attn.qkv":
            for which, part in zip(("query", "key", "value"), value.chunk(3), strict=True):
                found[f"{path}.attention.attention.{which}.{kind}"] = part
        else:
            found[f"{path}.{INSIDE[layer]}.{kind}"] = value
    return found


def written(folder: Path, weights: dict[str, Tensor], kind: str = "safetensors") -> Path:
    file = folder / f"weights.{kind}"
    if kind == "safetensors":
        save_file({key: value.detach().clone().contiguous() for key, value in weights.items()}, file)
    else:
        torch.save(weights, file)
    return file


def answers(made: nn.Module) -> Tensor:
    with torch.no_grad():
        return made(torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(0)))


def test_names_of_timm_are_ours(tmp_path: Path) -> None:
    theirs = network()
    expected = {
        *("cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias", "norm.weight", "norm.bias"),
        *("head.weight", "head.bias"),
        *(
            f"blocks.{n}.{layer}.{kind}"
            for n in (0, 1)
            for layer in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
            for kind in ("weight", "bias")
        ),
    }  # fmt: skip
    assert set(theirs.state_dict()) == expected
    file = written(tmp_path, {"model": theirs.state_dict()}, "pt")  # type: ignore[dict-item]  # as DeiT's authors do
    assert torch.equal(answers(load_network("vit-tiny", file, **CONFIG)), answers(theirs))


@pytest.mark.parametrize("prefix", ["vit", "deit"])
@pytest.mark.parametrize("kind", ["safetensors", "pt"])
def test_names_of_hugging_face_are_translated(tmp_path: Path, prefix: str, kind: str) -> None:
    theirs = network()
    weights = as_hugging_face(dict(theirs.state_dict()), prefix)
    assert len(weights) == 8 + 2 * 16 and f"{prefix}.encoder.layer.1.attention.attention.key.bias" in weights
    weights[f"{prefix}.pooler.dense.weight"] = torch.ones(12, 12)  # carried along by some, used by none
    loaded = load_network("vit-tiny", written(tmp_path, weights, kind), **CONFIG)
    assert torch.equal(answers(loaded), answers(theirs))


def test_weights_in_sixteen_bits_are_read_as_numbers(tmp_path: Path) -> None:
    theirs = network()
    file = written(tmp_path, {key: value.half() for key, value in theirs.state_dict().items()})
    loaded = load_network("vit-tiny", file, **CONFIG)
    assert answers(loaded).dtype == torch.float32
    assert torch.equal(answers(loaded), answers(theirs.half().float()))


@pytest.mark.parametrize("key", ["dist_token", "vit.embeddings.distillation_token"])
def test_distilled_weights_are_refused(tmp_path: Path, key: str) -> None:
    weights = {key: torch.zeros(1, 1, 12), **network().state_dict()}
    with pytest.raises(ModelError, match=r"^weights '.*' do not fit: they have a distillation token"):
        load_weights(network(), written(tmp_path, weights))


@pytest.mark.parametrize(
    ("config", "differs", "build"),
    [
        (
            {"width": 24},
            "with width = 24, MLP features = 96, this one has width = 12",
            "build it with width=24, ",
        ),
        ({"depth": 3}, "with depth = 3, this one has depth = 2", "depth=3"),
        ({"patch": 2}, "with patch = 2, tokens = 17", r"patch=2, mlp_ratio=4, input_shape=\(2, 8, 8\)"),
        (
            {"input_shape": (2, 16, 16)},
            "with tokens = 17, this one has tokens = 5",
            r"input_shape=\(2, 16, 16\)",
        ),
        ({"input_shape": (2, 8, 12)}, "with tokens = 7", "6 patches, classes=5"),
        ({"input_shape": (3, 8, 8)}, "with channels = 3", r"input_shape=\(3, 8, 8\)"),
        (
            {"classes": 7},
            "with classes = 7",
            r"input_shape=\(2, 8, 8\), classes=7, and with the number of heads",
        ),
        ({"mlp_ratio": 2.5}, "with MLP features = 30", r"mlp_ratio=2\.5"),
    ],
)
@pytest.mark.parametrize("foreign", [False, True])
def test_other_sizes_are_told(tmp_path: Path, config: dict, differs: str, build: str, foreign: bool) -> None:
    weights = dict(network(**config).state_dict())
    file = written(tmp_path, as_hugging_face(weights, "vit") if foreign else weights)
    ours = build_model("vit-tiny", **CONFIG)
    before = {key: value.clone() for key, value in ours.state_dict().items()}
    with pytest.raises(
        ModelError, match=rf"do not fit: they are of a vision transformer {differs}"
    ) as caught:
        load_weights(ours, file)
    with pytest.raises(ModelError, match=build):
        load_weights(ours, file)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(value, before[key]) for key, value in ours.state_dict().items())


def test_what_the_sentence_says_to_build_takes_the_weights(tmp_path: Path) -> None:
    theirs = network(width=24, depth=1, patch=2, input_shape=(3, 4, 4), classes=3, mlp_ratio=2.0)
    file = written(tmp_path, dict(theirs.state_dict()))
    with pytest.raises(ModelError) as caught:
        load_weights(network(), file)
    said = str(caught.value).split("build it with ")[1].split(", and with")[0]
    arguments = eval(f"dict({said})")
    load_network("vit-tiny", file, **arguments, heads=3)


def test_weights_of_no_transformer_are_named_by_key(tmp_path: Path) -> None:
    cnn = build_model("cnn", width=4)
    with pytest.raises(ModelError, match=r"is not in the network.*the network they were trained for"):
        load_weights(network(), written(tmp_path, dict(cnn.state_dict())))
    headless = {key: value for key, value in network().state_dict().items() if not key.startswith("head")}
    with pytest.raises(ModelError, match=r"network's 'head\.weight' is not in the file"):
        load_weights(network(), written(tmp_path, headless))
    half = as_hugging_face(dict(network().state_dict()), "vit")
    del half["vit.encoder.layer.0.attention.attention.value.bias"]
    with pytest.raises(ModelError, match=r"'blocks\.0\.attn\.key\.bias' is not in the network"):
        load_weights(network(), written(tmp_path, half))
