"""Average pools in the layers behind them: the same network, which reads spikes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fold_nets import applied, data, images, mismatches, pool_net, wide
from torch import Tensor, nn

import axbar
from axbar.errors import ModelError, UsageError
from axbar.nn import LIF, SpikingNetwork, accuracy, build_model, load_network, load_weights, save_checkpoint
from axbar.techniques import noted, parse_plan, parse_technique
from axbar.techniques._norms import adapt_norms
from axbar.techniques.fold_pools import TECHNIQUE


def test_a_trained_network_fires_the_same_spikes_without_its_pools() -> None:
    network = pool_net()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    result = applied("fold-pools", network)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())

    x = images()
    folded = TECHNIQUE.apply(wide(network), None, data().tuning(), TECHNIQUE.Config()).target
    different, fired, apart = mismatches(wide(network), folded, x.double())
    assert (different, fired > 20_000) == (0, True)
    assert apart < 1e-12

    with torch.no_grad():
        single = (result.target(x) - network(x)).abs()
    assert float(single.median()) < 1e-5
    assert accuracy(result.target, data().test) == pytest.approx(accuracy(network, data().test), abs=0.011)


def test_the_cost_says_what_it_takes_and_the_trace_reads_spikes() -> None:
    network = pool_net()
    result = applied("fold-pools", network)
    cost = result.cost
    assert cost["pools_folded"] == ["pool1", "pool2"]
    assert cost["layers"] == ["conv2", "fc"]
    # conv2: 3 channels of 3x3 to 7x7 (2*(3-1)+3), fc: 12 channels of 5x5 to 11x11
    assert (cost["rows_before"], cost["rows_after"]) == (3 * 9 + 12 * 25, 3 * 49 + 12 * 121)
    assert cost["macs_per_step_before"] == 27 * 12 * 121 + 300 * 10
    assert cost["macs_per_step_after"] == 147 * 12 * 121 + 1452 * 10
    before, after = (axbar.trace(net, images(8)) for net in (network, result.target))
    assert {layer.name: layer.operands[0].coding for layer in before.matmuls[1:]} == {
        "conv2": "real",
        "fc": "real",
    }
    assert {layer.name: layer.operands[0].coding for layer in after.matmuls[1:]} == {
        "conv2": "spikes",
        "fc": "spikes",
    }
    assert not [layer for layer in after.layers if layer.op == "pool"]


def test_what_it_offers_is_what_it_does() -> None:
    network = pool_net()
    before, after = (axbar.trace(net, images(8)) for net in (network, applied("fold-pools", network).target))
    assert TECHNIQUE.what_if(None, after) is None  # type: ignore[arg-type]
    offer: Any = TECHNIQUE.what_if(None, before)  # type: ignore[arg-type]
    for mine, traced in zip(offer.workload.layers, after.layers, strict=True):
        assert (mine.name, mine.geometry, mine.inputs) == (traced.name, traced.geometry, traced.inputs)
        if mine.is_matmul:
            assert np.array_equal(mine.operands[0].words, traced.operands[0].words)
            np.testing.assert_allclose(mine.weight, traced.weight, atol=1e-6)


def test_a_built_in_network_folds_its_global_pool_and_comes_back_from_its_folder(tmp_path: Path) -> None:
    network = build_model("spiking-resnet19", width=4, steps=2, input_shape=(1, 28, 28)).eval()
    x = images()
    adapt_norms(network, x, len(x))  # untrained, but alive to the last layer
    result = applied("fold-pools", network)
    assert result.cost["layers"] == ["fc1"]
    assert (result.cost["rows_before"], result.cost["rows_after"]) == (16, 16 * 49)
    folded = TECHNIQUE.apply(wide(network), None, data().tuning(), TECHNIQUE.Config()).target
    different, fired, apart = mismatches(wide(network), folded, x[:10].double())
    assert (different, fired > 10_000) == (0, True)
    assert apart < 1e-12

    save_checkpoint(tmp_path, result.target)
    again = load_network(tmp_path)
    assert noted(again) == ("fold-pools",)
    assert torch.equal(again(x[:4]), result.target(x[:4]))


def test_on_a_chip_spikes_need_no_rounding_and_no_bit_planes() -> None:
    """Averages are rounded to the converter's codes and presented bit by bit; spikes take one bit."""
    network, batch = pool_net(), (images(32) > 0.5).float()  # black and white: no rounding in the first layer
    folded = applied("fold-pools", network).target
    spec = axbar.load_hardware("imc-rram-65nm", {"crossbar.weight_bits": 8, "input.bits": 2})
    with torch.no_grad():
        wanted = network(batch)
        errors = [
            float((axbar.digital(net, spec, data=batch)(batch) - wanted).abs().mean())
            for net in (network, folded)
        ]
    assert errors[1] < 0.5 * errors[0]
    costs = [axbar.estimate(axbar.trace(net, batch[:8]), "imc-rram-65nm") for net in (network, folded)]
    for quantity in ("energy_J", "latency_s"):
        assert costs[1].total(quantity) < 0.8 * costs[0].total(quantity)


class Small(SpikingNetwork):
    """conv-LIF-<pool>-<layer>, for what can't be folded."""

    def __init__(self, pool: nn.Module, layer: nn.Module, between: Any = None) -> None:
        super().__init__(2, (1, 28, 28), 10)
        self.conv, self.neuron, self.pool, self.layer = (
            nn.Conv2d(1, 2, 3, padding=1),
            LIF(threshold=0.1),
            pool,
            layer,
        )
        self.between = between or (lambda x: x)
        self.last = nn.LazyLinear(10)
        self(torch.zeros(1, 1, 28, 28))

    def body(self, x: Tensor, batch: int) -> Tensor:
        x = self.pool(self.fire(self.neuron, self.conv(x), batch))
        return self.last(self.layer(self.between(x)).flatten(1))


CONV = nn.Conv2d(2, 3, 3, padding=1)


@pytest.mark.parametrize(
    ("pool", "layer", "between", "reason"),
    [
        (nn.MaxPool2d(2), CONV, None, "'pool': it takes the maximum"),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), CONV, None, "a divisor of their own"),
        (nn.AvgPool2d(3, 3, ceil_mode=True), CONV, None, "reach beyond the map"),
        (nn.AvgPool2d(3, 2), CONV, None, r"overlap or leave pixels out \(28 pixels in windows of 3 every 2\)"),
        (nn.AvgPool2d(3, 2, 1), CONV, None, "which the padding of 'layer' would see"),
        (nn.AvgPool2d(3), CONV, None, r"\(28 pixels in windows of 3 every 3\)"),
        (nn.AdaptiveAvgPool2d(5), CONV, None, r"windows differ in size \(28x28 to 5x5 pixels\)"),
        (nn.AvgPool2d(2), nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), None, "in a way of its own"),
        (nn.AvgPool2d(2), nn.Conv2d(2, 3, 2, padding="same"), None, "in a way of its own"),
        (nn.AvgPool2d(2), CONV, lambda x: nn.functional.pad(x, (1, 1, 1, 1)), "in a way of its own"),
        (nn.AvgPool2d(2), nn.ReLU(), None, r"feeds 'layer' \(activation\), which has no weights"),
        (nn.AvgPool2d(2), nn.Linear(14, 4), None, "gives 392 values, and 'layer' reads 28x14"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_what_would_change_the_network_is_refused_with_the_reason(
    pool: nn.Module, layer: nn.Module, between: Any, reason: str
) -> None:
    with pytest.raises(ModelError, match=reason):
        applied("fold-pools", Small(pool, layer, between).eval())


@pytest.mark.parametrize("mode", ["replicate", "circular", "reflect"])
def test_the_zeros_around_a_pool_stay_zeros_in_a_layer_that_pads_otherwise(mode: Any) -> None:
    """Such a layer pads nothing of its own; what the fold makes it pad is the pool's."""
    torch.manual_seed(0)
    network = Small(nn.AvgPool2d(2, padding=1), nn.Conv2d(2, 3, 3, padding_mode=mode)).double().eval()
    result = applied("fold-pools", network)
    folded: Any = result.target.get_submodule("layer")
    assert (folded.kernel_size, folded.stride, folded.padding) == ((6, 6), (2, 2), (1, 1))
    x = images().double()
    with torch.no_grad():
        assert float((result.target(x) - network(x)).abs().max()) < 1e-12
    shape = {"kernel": [6, 6], "stride": [2, 2], "padding": [1, 1]}
    again = TECHNIQUE.restructure(copy.deepcopy(network), {"pools": ["pool"], "layers": {"layer": shape}})
    again.load_state_dict(result.target.state_dict())
    assert torch.equal(again(x), result.target(x))


def test_pools_of_no_spikes_and_pools_in_code_are_named() -> None:
    class InCode(Small):
        def body(self, x: Tensor, batch: int) -> Tensor:
            x = nn.functional.avg_pool2d(self.fire(self.neuron, self.conv(x), batch), 2)
            return self.last(self.layer(x).flatten(1))

    with pytest.raises(ModelError, match="a function call, not a module"):
        applied("fold-pools", InCode(nn.Identity(), CONV).eval())
    conventional = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(338, 10)
    )
    with pytest.raises(ModelError, match="'2': it does not read spikes"):
        applied("fold-pools", conventional.eval())
    with pytest.raises(ModelError, match="which has no pools"):
        applied("fold-pools", build_model("spiking-mlp", width=4, steps=2).eval())


def test_a_shape_written_into_the_network_is_refused() -> None:
    def by_number(x: Tensor) -> Tensor:
        return x.reshape(-1, 2 * 14 * 14)

    with pytest.raises(ModelError, match=r"without 'pool' the network does not run any more.*flatten"):
        applied("fold-pools", Small(nn.AvgPool2d(2), nn.Linear(392, 4), by_number).eval())


def test_a_reordering_that_no_module_shows_is_refused() -> None:
    def shifted(x: Tensor) -> Tensor:
        return x.roll(1, 2)

    with pytest.raises(ModelError, match=r"would change this network: logits differ by"):
        applied("fold-pools", Small(nn.AvgPool2d(2), CONV, shifted).eval())


class Branches(SpikingNetwork):
    """A maximum, then an average that two layers read; two averages in a row at the end."""

    def __init__(self) -> None:
        super().__init__(2, (1, 28, 28), 10)
        self.conv, self.neuron = nn.Conv2d(1, 2, 3, padding=1), LIF(threshold=0.1)
        self.maxpool, self.pool1 = nn.MaxPool2d(2), nn.AvgPool2d(2)
        self.left, self.right, self.middle = nn.Conv2d(2, 3, 2), nn.Conv2d(2, 3, 2), LIF(threshold=0.01)
        self.pool2, self.pool3, self.last = nn.AvgPool2d(2), nn.AvgPool2d(3), nn.Linear(3, 10)

    def body(self, x: Tensor, batch: int) -> Tensor:
        x = self.pool1(self.maxpool(self.fire(self.neuron, self.conv(x), batch)))
        x = self.fire(self.middle, self.left(x) - self.right(x), batch)
        return self.last(self.pool3(self.pool2(x)).flatten(1))


def test_a_pool_may_feed_two_layers_and_follow_a_maximum_or_another_pool() -> None:
    torch.manual_seed(0)
    network = Branches().double().eval()
    with torch.no_grad():
        network.conv.weight.mul_(4)
        network.left.weight.mul_(8)
    result = applied("fold-pools", network)
    assert sorted(result.cost["pools_folded"]) == ["pool1", "pool2", "pool3"]
    assert sorted(result.cost["layers"]) == ["last", "left", "right"]
    assert list(result.cost["pools_left"]) == ["maxpool"]
    assert result.target.get_submodule("last").in_features == 3 * 6 * 6
    different, fired, apart = mismatches(network, result.target, images().double())
    assert (different, fired > 500) == (0, True)
    assert apart < 1e-12


def test_after_mint_it_is_refused() -> None:
    with pytest.raises(UsageError, match="'fold-pools' can't come after 'mint'"):
        parse_plan(["mint", "fold-pools"])
    assert parse_technique("fold-pools")[1].model_dump() == {}


def test_a_folder_without_the_change_does_not_take_the_weights(tmp_path: Path) -> None:
    network = build_model("spiking-resnet19", width=2, steps=2, input_shape=(1, 28, 28)).eval()
    save_checkpoint(tmp_path, applied("fold-pools", network).target)
    with pytest.raises(ModelError, match=r"'fc1.weight' has shape \(4, 392\)"):
        load_weights(network, tmp_path)
