"""tensor-train: what is decomposed, exact merges, forms, ranks, training, run folders, what comes behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from prune_nets import applied, images, spiking
from torch import Tensor, nn

import axbar
from axbar.crossbar import digital
from axbar.errors import ModelError, UsageError
from axbar.nn import build_model, fewer_steps, load_network, save_checkpoint
from axbar.nn.norm import is_norm
from axbar.nn.tensor_train import HalfConv2d, TTConv2d
from axbar.spec import ideal
from axbar.techniques import get_technique, merge_tensor_train, parse_plan, parse_technique, tensor_train

X = torch.rand(4, 1, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def awake(model: nn.Module) -> nn.Module:
    """Give norms statistics with which neurons fire."""
    model.train()
    for norm in filter(is_norm, model.modules()):
        vars(norm)["momentum"] = 1.0
    torch.manual_seed(0)
    with torch.no_grad():
        for _ in range(3):
            model(torch.rand(32, *model.input_shape))  # pyright: ignore[reportCallIssue]
    return model.eval()


def resnet(steps: int = 4, **options: Any) -> nn.Module:
    return build_model("ms-resnet18", width=4, steps=steps, input_shape=(1, 12, 12), classes=3, **options)


def kernels(model: nn.Module) -> dict[str, Tensor]:
    return {path: m.weight for path, m in model.named_modules() if isinstance(m, nn.Conv2d)}


def trains(model: nn.Module) -> dict[str, TTConv2d]:
    return {path: m for path, m in model.named_modules() if isinstance(m, TTConv2d)}


def test_all_3x3_kernels_of_blocks_become_trains_and_nothing_else() -> None:
    made = tensor_train(resnet(), "ptt", 0.5)
    assert len(trains(made)) == 16
    assert sorted(path for path in kernels(made) if ".shortcut." in path or "." not in path) == [
        "blocks.2.shortcut.0", "blocks.4.shortcut.0", "blocks.6.shortcut.0", "conv1",
    ]  # fmt: skip
    assert {m.rank for m in trains(made).values()} == {2, 4, 8, 16}
    assert trains(made)["blocks.2.conv1"].stride == 2


@pytest.mark.parametrize("mode", ["stt", "ptt", "htt"])
@pytest.mark.parametrize("stride", ["subsample", "maxpool"])
@pytest.mark.parametrize("form", ["merged", "factored"])
def test_a_merged_network_has_the_logits_of_the_train(mode: Any, stride: Any, form: Any) -> None:
    made = awake(tensor_train(resnet(), mode, 0.5, stride=stride)).double()
    seen: list[Tensor] = []
    for network in (made, merge_tensor_train(made, form)):
        last: Any = network
        last.blocks[7].norm2.register_forward_pre_hook(lambda _m, given: seen.append(given[0]))
        with torch.no_grad():
            network(X)
    assert seen[0].abs().max() > 1e-3  # spikes came through
    assert (seen[0] - seen[1]).abs().max() < 1e-10


def test_merged_kernels_are_crosses_and_pairs() -> None:
    cross = merge_tensor_train(tensor_train(resnet(), "ptt", 0.5))
    weight = kernels(cross)["blocks.0.conv1"]
    assert weight.shape == (4, 4, 3, 3)
    assert not weight[:, :, ::2, ::2].any() and weight[:, :, 1].all()
    pair = merge_tensor_train(tensor_train(resnet(steps=5), "htt", 0.5)).get_submodule("blocks.0.conv1")
    assert isinstance(pair, HalfConv2d)
    assert (pair.full, pair.steps) == (2, 5)
    assert not torch.allclose(pair.early.weight[:, :, 1, 1], pair.late.weight[:, :, 0, 0], atol=1e-2)


def test_full_rank_starts_as_the_dense_network() -> None:
    dense = awake(resnet())
    ranks = {
        path: int(max(min(w.shape[1], 9 * w.shape[0]), 3 * min(w.shape[:2]), min(9 * w.shape[1], w.shape[0])))
        for path, w in kernels(dense).items()
        if w.shape[2:] == (3, 3) and path != "conv1"
    }
    made = tensor_train(dense.double(), "stt", ranks, init="trained")
    with torch.no_grad():
        assert (made(X) - dense(X)).abs().max() < 1e-9


def test_a_layer_of_the_network_keeps_its_bias() -> None:
    dense = resnet(norm="none").eval()
    made = tensor_train(dense, "ptt", 0.5, init="trained")
    assert torch.equal(trains(made)["blocks.0.conv1"].expand.bias, dense.get_submodule("blocks.0.conv1").bias)  # pyright: ignore[reportArgumentType]
    merged = merge_tensor_train(made, "factored")
    assert torch.equal(kernels_bias(merged, "blocks.0.conv1.1"), kernels_bias(dense, "blocks.0.conv1"))


def kernels_bias(model: nn.Module, path: str) -> Tensor:
    bias = model.get_submodule(path).bias
    assert isinstance(bias, Tensor)
    return bias


def test_fresh_cores_are_those_of_their_seed_and_leave_the_generator_alone() -> None:
    state = torch.random.get_rng_state()
    first, again, other = (tensor_train(resnet(), "ptt", 0.5, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), state)
    path = "blocks.0.conv1.reduce"
    assert torch.equal(kernels(first)[path], kernels(again)[path])
    assert not torch.equal(kernels(first)[path], kernels(other)[path])


def test_an_untrained_network_gets_fresh_cores_and_no_ranks_from_noise() -> None:
    fresh, fitted = (tensor_train(resnet(), "stt", 0.5, init=init) for init in ("auto", "trained"))  # pyright: ignore[reportArgumentType]
    explicit = tensor_train(resnet(), "stt", 0.5, init="fresh")
    assert torch.equal(kernels(fresh)["blocks.0.conv1.expand"], kernels(explicit)["blocks.0.conv1.expand"])
    assert not torch.equal(kernels(fresh)["blocks.0.conv1.expand"], kernels(fitted)["blocks.0.conv1.expand"])
    for ranks in ("vbmf", "energy:0.9"):
        with pytest.raises(
            ModelError, match="those of this network are random: any rank would be noise; train it"
        ):
            tensor_train(resnet(), "ptt", ranks)


@pytest.mark.parametrize(
    ("what", "error", "match"),
    [
        ({"ranks": 0}, UsageError, "ranks = 0 can't be used; give a whole number from 1"),
        ({"ranks": 1.5}, UsageError, "ranks = 1.5 can't be used"),
        ({"ranks": 13}, ModelError, "rank 13 of layer 'blocks.0.conv1' is beyond 12"),
        ({"layers": ["blocks.2.shortcut.0"]}, ModelError, "its kernel is 1x1"),
        ({"layers": ["blocks.0.convl"]}, ModelError, "not in the network; did you mean 'blocks.0.conv"),
        ({"ranks": {"blocks.0.conv1": 2}}, ModelError, "has 1 of 16 layers and lacks"),
        ({"mode": "htt", "full_steps": 5}, ModelError, "full_steps = 5 of a half layer of 4 steps"),
    ],
)
def test_what_does_not_fit_is_refused(what: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        tensor_train(resnet(), **what)


def test_grouped_kernels_and_networks_without_any_are_refused() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1, groups=2))
    with pytest.raises(ModelError, match="no layer is left to decompose"):
        tensor_train(network)
    with pytest.raises(ModelError, match="layer '1' can't become a tensor train: it has 2 groups"):
        tensor_train(network, layers=["1"])
    with pytest.raises(ModelError, match="Linear has no tensor train; make one with"):
        merge_tensor_train(nn.Linear(2, 2))


class Looping(nn.Module):
    """Steps one after the other, each a call of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.steps, self.input_shape = 4, (1, 8, 8)
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.second(self.first(x)).mean((2, 3)) for _ in range(self.steps)])


def test_halves_need_all_steps_in_one_call() -> None:
    with pytest.raises(ModelError, match="layer 'second' gets 2 entries for 2 images, not all 4 steps"):
        tensor_train(Looping(), "htt", 0.5)
    assert trains(tensor_train(Looping(), "ptt", 0.5))
    plain = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1))
    with pytest.raises(ModelError, match="has no attribute 'steps' that says how many"):
        tensor_train(plain, "htt", 0.5)
    vars(plain)["steps"] = 2
    with pytest.raises(ModelError, match="give example=, a batch of images"):
        tensor_train(plain, "htt", 0.5)


def test_the_technique_trains_merges_and_reports() -> None:
    network = spiking()
    before = {path: weight.clone() for path, weight in network.state_dict().items()}
    result = applied("tensor-train:rank=0.5,epochs=1,images=64,batch=32", network)
    cost, made = result.cost, result.target
    assert all(torch.equal(weight, before[path]) for path, weight in network.state_dict().items())
    assert not trains(made) and not made.training
    assert cost["layers"] == len(cost["ranks"]) > 0
    assert cost["weights_trained"] < cost["weights_dense"] and cost["macs_trained"] < cost["macs_dense"]
    assert cost["merge_macs"] > 0 and cost["largest_difference"] <= 1e-8 and cost["images"] == 64
    assert not kernels(made)["conv2"][:, :, ::2, ::2].any()


@pytest.mark.parametrize("form", ["merged", "factored", "cores"])
@pytest.mark.parametrize("mode", ["ptt", "htt"])
def test_a_run_folder_brings_every_form_back(tmp_path: Path, mode: str, form: str) -> None:
    result = applied(f"tensor-train:mode={mode},rank=0.5,epochs=1,images=32,batch=32,form={form}", spiking())
    save_checkpoint(tmp_path / "net", result.target)
    again = load_network(tmp_path / "net")
    assert again.state_dict().keys() == result.target.state_dict().keys()
    with torch.no_grad():
        assert torch.equal(again(images(4)), result.target(images(4)))


def test_orders_that_make_no_sense_are_refused() -> None:
    for before in ("prune", "lottery-ticket", "mint"):
        with pytest.raises(UsageError, match=f"technique 'tensor-train' can't come after '{before}'"):
            parse_plan([before, "tensor-train"])
    assert len(parse_plan(["tensor-train", "prune", "mint"])) == 3
    with pytest.raises(UsageError, match="rank = 'energy:2' is refused: give a whole number from 1"):
        parse_technique("tensor-train:rank=energy:2")


@pytest.mark.parametrize("mode", ["stt", "ptt", "htt"])
def test_other_techniques_and_chips_follow_a_merged_network(mode: str) -> None:
    made = applied(f"tensor-train:mode={mode},rank=0.5,epochs=1,images=64,batch=32", spiking()).target
    for text in ("prune:sparsity=0.5,epochs=0", "fold-norms", "mint:bits=4,epochs=0,images=32"):
        other = applied(text, made).target
        work = axbar.trace(other, images(4))
        bits = {"weight_bits": 4, "neuron.membrane_bits": 4} if text.startswith("mint") else {}
        assert axbar.estimate(work, axbar.load_hardware("loas").replace(bits)).feasible.all(), text
    chip = ideal(axbar.load_hardware("imc-rram-65nm"))
    analog, integer = (
        axbar.to_analog(made, chip, data=images(8)),
        digital(made, chip, images(8)),
    )
    with torch.no_grad():
        assert torch.equal(analog(images(4)), integer(images(4)))


def test_crosses_take_fewer_rows_of_arrays() -> None:
    dense, cross = spiking(), applied("tensor-train:rank=0.5,epochs=0", spiking()).target
    spec = axbar.load_hardware("imc-rram-65nm").replace({"crossbar.rows": 16})
    built = [axbar.estimate(axbar.trace(net, images(4)), spec).mapping for net in (dense, cross)]
    rows = [found["row_tiles"] for found in built]
    assert np.all(rows[1] <= rows[0]) and rows[1].sum() < rows[0].sum()


def test_the_offer_empties_corners_but_for_the_first_layer() -> None:
    technique: Any = get_technique("tensor-train")
    work = axbar.trace(spiking(), images(4))
    offer = technique.what_if(axbar.load_hardware("imc-rram-65nm"), work)
    for old, new in zip(work.matmuls, offer.workload.matmuls, strict=True):
        assert old.weight is not None and new.weight is not None
        changed = old.name != work.matmuls[0].name and old.geometry.kernel == (3, 3)
        assert (not new.weight[:, :, ::2, ::2].any()) if changed else np.array_equal(old.weight, new.weight)
    assert technique.what_if(axbar.load_hardware("imc-rram-65nm"), offer.workload) is None


def test_layers_by_and_by_are_all_brought_back(tmp_path: Path) -> None:
    first = tensor_train(resnet(), "htt", 2, layers=["blocks.0.conv1"])
    both = tensor_train(merge_tensor_train(first), "stt", 3, layers=["blocks.0.conv2"])
    for number, network in enumerate((both, merge_tensor_train(both, "factored"))):
        save_checkpoint(tmp_path / str(number), network)
        again = load_network(tmp_path / str(number))
        x = torch.rand(2, 1, 12, 12)
        with torch.no_grad():
            assert torch.equal(again(x), network.eval()(x))


def test_half_layers_of_fewer_steps_are_brought_back(tmp_path: Path) -> None:
    network = merge_tensor_train(tensor_train(resnet(), "htt", 2)).eval()
    fewer = fewer_steps(network, 4, 3)
    save_checkpoint(tmp_path / "fewer", fewer)
    again = load_network(tmp_path / "fewer")
    pair = again.get_submodule("blocks.0.conv1")
    assert isinstance(pair, HalfConv2d) and (pair.steps, pair.full) == (3, 2)
    with torch.no_grad():
        assert torch.equal(again(images_of(3)), fewer(images_of(3)))
    save_checkpoint(tmp_path / "all", network)
    with pytest.raises(ModelError, match="made for 4 steps and can't run 5"):
        load_network(tmp_path / "all", steps=5)


def images_of(count: int) -> Tensor:
    return torch.rand(count, 1, 12, 12, generator=torch.Generator().manual_seed(2))


def test_one_convolution_under_two_names_becomes_one_train() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), conv := nn.Conv2d(4, 4, 3, padding=1), conv)
    made = tensor_train(network, "stt", 2)
    assert isinstance(made[1], TTConv2d) and made[1] is made[2]
    merged = merge_tensor_train(made)
    assert type(merged[1]) is nn.Conv2d and merged[1] is merged[2]


def test_words_that_mean_nothing_are_refused() -> None:
    for wrong in ({"mode": "ppt"}, {"stride": "pool"}, {"init": "new"}):
        with pytest.raises(ModelError, match="unknown"):
            tensor_train(resnet(), **wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ModelError, match=r"form of a tensor train 'merge'.*merged"):
        merge_tensor_train(tensor_train(resnet()), "merge")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ModelError, match="a convolution and not a network"):
        tensor_train(nn.Conv2d(4, 4, 3, padding=1), layers=[""])
    assert type(merge_tensor_train(TTConv2d(4, 4, 2))) is nn.Conv2d
