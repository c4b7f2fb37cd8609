"""Vision transformers: sizes as published, the equations, arguments, training and run folders."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from axbar.data import load_data
from axbar.errors import DataError, ModelError, OptionError, UsageError
from axbar.nn import (
    Attention,
    MatMul,
    TrainConfig,
    accuracy,
    arguments_of,
    build_model,
    is_untrained,
    load_network,
    train,
)
from axbar.nn._optim import clip_weights, make_optimizer, noisy_weights
from axbar.nn.models import VisionTransformer
from axbar.nn.models.vit import DropPath
from axbar.workload import macs, trace

NAMES = ["vit-tiny", "deit-s", "vit-b16"]
SCRIPT = Path(__file__).parents[2] / "examples" / "train_vit.py"


def small(**config: object) -> VisionTransformer:
    settings = {"width": 12, "depth": 2, "heads": 3, "patch": 4, "input_shape": (2, 8, 12), "classes": 5}
    network = build_model("vit-tiny", **{**settings, **config})
    assert isinstance(network, VisionTransformer)
    return network


def images(count: int = 3) -> Tensor:
    return torch.rand(count, 2, 8, 12, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "count"), [("deit-s", 22_050_664), ("vit-b16", 86_567_656)])
def test_parameters_are_as_many_as_published(name: str, count: int) -> None:
    with torch.device("meta"):
        network = build_model(name)
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("vit-tiny", (128, 6, 4, 4, 65)),
        ("deit-s", (384, 12, 6, 16, 197)),
        ("vit-b16", (768, 12, 12, 16, 197)),
    ],
)
def test_sizes_unless_given(name: str, sizes: tuple[int, ...]) -> None:
    with torch.device("meta"):
        network = build_model(name)
    assert isinstance(network, VisionTransformer)
    width, depth, heads, patch, tokens = sizes
    assert (network.config["width"], network.config["depth"], network.config["patch"]) == (
        width,
        depth,
        patch,
    )
    assert network.config["heads"] == heads == network.blocks[0].attn.heads
    assert network.pos_embed.shape == (1, tokens, width)


def written_out(network: VisionTransformer, x: Tensor, heads: int) -> Tensor:
    """The equations of the module, straight from a ``state_dict``."""
    w = network.state_dict()
    width, patch = w["cls_token"].shape[-1], w["patch_embed.proj.weight"].shape[-1]
    cut = F.unfold(x, patch, stride=patch).transpose(1, 2)
    tokens = cut @ w["patch_embed.proj.weight"].flatten(1).T + w["patch_embed.proj.bias"]
    y = torch.cat([w["cls_token"].expand(len(x), 1, width), tokens], 1) + w["pos_embed"]

    def norm(z: Tensor, path: str) -> Tensor:
        centred = z - z.mean(-1, keepdim=True)
        spread = (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
        return centred / spread * w[f"{path}.weight"] + w[f"{path}.bias"]

    def linear(z: Tensor, path: str) -> Tensor:
        return z @ w[f"{path}.weight"].T + w[f"{path}.bias"]

    for n in range(len(network.blocks)):
        q, k, v = linear(norm(y, f"blocks.{n}.norm1"), f"blocks.{n}.attn.qkv").split(width, dim=-1)
        d, mixed = width // heads, []
        for at in range(0, width, d):
            scores = q[..., at : at + d] @ k[..., at : at + d].mT / d**0.5
            mixed.append(scores.softmax(-1) @ v[..., at : at + d])
        y = y + linear(torch.cat(mixed, -1), f"blocks.{n}.attn.proj")
        hidden = linear(norm(y, f"blocks.{n}.norm2"), f"blocks.{n}.mlp.fc1")
        y = y + linear(hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5)), f"blocks.{n}.mlp.fc2")
    return linear(norm(y, "norm")[:, 0], "head")


@pytest.mark.parametrize("heads", [1, 3, 12])
def test_logits_are_those_of_the_equations(heads: int) -> None:
    network = small(heads=heads).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():  # norms and biases that are not the identity
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
        x = images().double()
        assert torch.allclose(network(x), written_out(network, x, heads)[None], atol=1e-10)


def test_normalisation_is_inside() -> None:
    plain, inside = small().eval(), small(mean=[0.5, 0.4], std=[0.2, 0.5]).eval()
    mean, std = torch.tensor([0.5, 0.4]).view(2, 1, 1), torch.tensor([0.2, 0.5]).view(2, 1, 1)
    assert torch.equal(inside(images()), plain((images() - mean) / std))
    assert inside.state_dict().keys() == plain.state_dict().keys()


def test_products_of_attention_are_modules() -> None:
    network = small()
    attention = network.get_submodule("blocks.1.attn")
    assert isinstance(attention, Attention)
    assert isinstance(attention.scores, MatMul) and isinstance(attention.mix, MatMul)


def multiplications(tokens: int, width: int, depth: int, patch: int, channels: int, classes: int) -> int:
    """MACs of one image: patches, per block 12 N·D² of weights and 2 N²·D of attention, classifier."""
    block = 12 * tokens * width**2 + 2 * tokens**2 * width
    return (tokens - 1) * channels * patch**2 * width + depth * block + width * classes


def test_traced_multiplications_are_those_of_the_formula() -> None:
    workload = trace(small().eval(), images())
    assert sum(macs(layer) for layer in workload.matmuls) == multiplications(7, 12, 2, 4, 2, 5)
    run_time = [layer.name for layer in workload.matmuls if layer.at_run_time]
    assert run_time == [f"blocks.{n}.attn.{what}" for n in (0, 1) for what in ("scores", "mix")]
    # 4.6 G and 17.6 G multiplications are published for images of 224x224
    assert multiplications(197, 384, 12, 16, 3, 1000) == pytest.approx(4.6e9, rel=0.01)
    assert multiplications(197, 768, 12, 16, 3, 1000) == pytest.approx(17.6e9, rel=0.01)


def test_initial_weights_are_truncated_normals() -> None:
    network = build_model("vit-tiny", depth=1)
    for name, value in network.state_dict().items():
        if value.ndim > 1:
            assert float(value.std()) == pytest.approx(0.02, rel=0.2), name
            assert float(value.abs().max()) < 2.0
        else:
            assert set(value.tolist()) == ({1.0} if "norm" in name and "weight" in name else {0.0}), name


@pytest.mark.parametrize("name", NAMES)
def test_config_builds_the_same_network_again(name: str) -> None:
    sizes = {"width": 8, "depth": 1, "patch": 8, "input_shape": (1, 16, 24), "classes": 3, "heads": 2}
    network = build_model(name, **sizes, seed=3, drop_path=0.2, mlp_ratio=2.5, mean=[0.2], std=[0.4])
    facts = json.loads(json.dumps(network.config))
    again = build_model(**facts)
    assert repr(again) == repr(network)
    for key, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[key], value)
    assert is_untrained(network)
    other = build_model(**{**facts, "seed": 4})
    assert not torch.equal(other.state_dict()["pos_embed"], network.state_dict()["pos_embed"])


def test_one_step_of_frames_is_an_image() -> None:
    network = small(input_shape=(1, 2, 8, 12)).eval()
    assert torch.equal(network(images()[:, None]), small().eval()(images()))
    assert build_model(**network.config).input_shape == (1, 2, 8, 12)


def test_heads_follow_the_width() -> None:
    def heads(name: str, width: int) -> int:
        return build_model(name, width=width, depth=1, patch=16, input_shape=(1, 16, 16)).config["heads"]

    assert [heads("vit-tiny", width) for width in (2, 32, 64, 100, 192)] == [1, 1, 2, 2, 6]
    assert [heads("deit-s", width) for width in (32, 128, 192)] == [1, 2, 3]


def test_building_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    small()
    assert torch.equal(torch.get_rng_state(), before)


def test_arguments_are_known_before_building() -> None:
    known = arguments_of("vit-tiny")
    assert known is not None
    assert {"width", "depth", "heads", "patch", "mlp_ratio", "drop_path", "mean", "std", "seed"} <= set(known)
    assert "norm" not in known and "beta" not in known


@pytest.mark.parametrize(
    ("config", "error", "part"),
    [
        ({"patch": 5}, OptionError, r"5x5 pixels do not tile images of 8x12.*: 1, 2, 4\."),
        ({"patch": 16}, OptionError, "do not tile"),
        ({"patch": 0}, OptionError, "patch = 0 is out of range"),
        ({"heads": 5}, OptionError, r"5 heads do not divide the width 12.*: 1, 2, 3, 4, 6, 12\."),
        ({"heads": 0}, OptionError, "heads = 0 is out of range"),
        ({"depth": 0}, OptionError, "depth = 0 is out of range; give a whole number from 1"),
        ({"depth": 1.5}, OptionError, r"depth = 1\.5"),
        ({"width": 0}, OptionError, "width = 0"),
        ({"steps": 4}, OptionError, "steps = 4 must be 1"),
        ({"mlp_ratio": 0.01}, OptionError, "mlp_ratio = 0.01"),
        ({"drop_path": 1.0}, OptionError, "drop_path = 1.0"),
        ({"mean": [0.5], "std": [0.5]}, ModelError, r"do not fit 2 channel"),
        ({"input_shape": (8, 12)}, ModelError, "no image shape"),
        ({"pach": 4}, UsageError, "did you mean 'patch'"),
        ({"norm": "none"}, UsageError, "unknown argument of model 'vit-tiny' 'norm'"),
    ],
)
def test_wrong_arguments_are_named(config: dict, error: type[Exception], part: str) -> None:
    with pytest.raises(error, match=part) as caught:
        small(**config)
    assert "\n" not in str(caught.value)


def test_images_of_the_wrong_size_are_named() -> None:
    with pytest.raises(DataError, match=r"\(2, 8, 8\) do not fit"):
        small()(torch.zeros(1, 2, 8, 8))


def test_branches_are_left_out_in_training_alone() -> None:
    network, whole = small(depth=3, drop_path=0.5), small(depth=3).eval()
    shares = [getattr(block.drop_path1, "share", 0.0) for block in network.blocks]
    assert shares == [0.0, 0.25, 0.5]
    torch.manual_seed(0)
    assert not torch.equal(network.train()(images()), network(images()))
    assert torch.equal(network.eval()(images()), whole(images()))
    traced, plain = trace(network, images()), trace(whole, images())
    assert [layer.name for layer in traced.layers] == [layer.name for layer in plain.layers]


def test_a_left_out_branch_is_made_up_for_by_the_others() -> None:
    drop, x = DropPath(0.3).train(), torch.ones(4000, 2, 3)
    torch.manual_seed(1)
    y = drop(x)
    assert torch.equal(y, y[:, :1, :1].expand_as(x))  # whole samples
    assert y.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    assert float(y.mean()) == pytest.approx(1.0, abs=0.04)


def test_only_weights_of_layers_decay() -> None:
    network = small()
    decaying, free = make_optimizer(network, TrainConfig(weight_decay=0.05)).param_groups
    assert (decaying["weight_decay"], free["weight_decay"]) == (0.05, 0.0)
    names = {id(p): name for name, p in network.named_parameters()}
    expected = {name for name in names.values() if name.endswith(".weight") and "norm" not in name}
    assert {names[id(p)] for p in decaying["params"]} == expected
    assert {names[id(p)] for p in free["params"]} == set(names.values()) - expected


def test_embeddings_are_neither_clipped_nor_disturbed() -> None:
    network = small()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with noisy_weights(network, 0.1, torch.Generator().manual_seed(0)):
        moved = {key for key, value in network.state_dict().items() if not torch.equal(value, before[key])}
    assert {"head.weight", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight"} <= moved
    assert not {"cls_token", "pos_embed"} & moved
    clip_weights(network, 0.5)
    assert torch.equal(network.pos_embed, before["pos_embed"])
    assert not torch.equal(network.head.weight, before["head.weight"])


def test_it_learns_and_its_run_folder_is_enough(tmp_path: Path) -> None:
    data = load_data("fashion-mnist-small").subset(train=600, calibration=50, test=300)
    network = build_model("vit-tiny", width=32, depth=2, patch=7, input_shape=(1, 28, 28))
    settings = TrainConfig(epochs=2, batch_size=20, weight_decay=0.05, grad_clip=1.0, device="cpu")
    result = train(network, data, settings, tmp_path)
    assert result.history[-1].loss < result.history[0].loss
    reached = accuracy(network, data.test)
    assert reached > 0.25  # of ten classes; about 0.46
    loaded = load_network(tmp_path)
    assert loaded.config == network.config
    assert accuracy(loaded, data.test) == reached
    for key, value in {"heads": 2, "depth": 3, "patch": 4, "mlp_ratio": 2.0}.items():
        with pytest.raises(OptionError, match=rf"has {key} = .*train one for that"):
            load_network(tmp_path, **{key: value})
    assert load_network(tmp_path, drop_path=0.1).config["drop_path"] == 0.1


def test_the_training_script_runs_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (
        "--data fashion-mnist-small --width 16 --depth 1 --heads 2 --patch 7 --images 60 --test-images 40 "
        "--epochs 2 --batch 20 --device cpu --out"
    ).split()
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words, str(tmp_path)])
    results: list[dict[str, object]] = []
    for _ in range(2):
        runpy.run_path(str(SCRIPT), run_name="__main__")
        results.append(json.loads((tmp_path / "result.json").read_text()))
    assert results[0] == results[1]
    assert (tmp_path / "progress.log").read_text().count("epoch 2 done") == 1
    half = load_network(tmp_path / "half")
    assert all(p.dtype == torch.float32 for p in half.parameters())  # read back for computing
    whole = load_network(tmp_path / "run").state_dict()
    for key, value in half.state_dict().items():
        assert torch.equal(value, whole[key].half().float()), key
    parameters = sum(p.numel() for p in half.parameters())
    assert results[0]["parameters"] == parameters
    assert (tmp_path / "half" / "last.safetensors").stat().st_size < 2 * parameters + 8192
