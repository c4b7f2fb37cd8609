"""Norms in the weights before them, norms per step in the neurons behind: the same spikes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from fold_nets import applied, cnn_of, data, images, mismatches, wide
from torch import Tensor, nn

import axbar
from axbar.errors import ModelError, UsageError
from axbar.nn import (
    IF,
    LIF,
    BNTT2d,
    PerStepAffine,
    PerStepLIF,
    SpikingNetwork,
    SynapticLIF,
    TdBatchNorm2d,
    accuracy,
    build_model,
    load_network,
    save_checkpoint,
)
from axbar.nn.norm import is_norm
from axbar.techniques import check_plan, noted, parse_plan
from axbar.techniques._norms import adapt_norms
from axbar.techniques.fold_norms import TECHNIQUE, FoldNormsConfig


def _folded(network: nn.Module, form: Any = "threshold") -> nn.Module:
    return TECHNIQUE.apply(network, None, data().tuning(), FoldNormsConfig(bntt=form)).target


@pytest.mark.parametrize(
    ("norm", "reset", "form"),
    [
        ("tdbn", "subtract", "threshold"),
        ("bntt", "subtract", "threshold"),
        ("bntt", "subtract_unleaked", "threshold"),
        ("bntt", "zero", "threshold"),
        ("bntt", "subtract", "affine"),
    ],
)
def test_a_trained_network_fires_the_same_spikes_without_norms(norm: str, reset: str, form: str) -> None:
    network, x = cnn_of(norm, reset), images()
    different, fired, apart = mismatches(wide(network), _folded(wide(network), form), x.double())
    assert (different, fired > 20_000) == (0, True)
    assert apart < 1e-12
    folded = applied(f"fold-norms:bntt={form}", network).target
    with torch.no_grad():
        assert float((folded(x) - network(x)).abs().median()) < 1e-5
    assert accuracy(folded, data().test) == pytest.approx(accuracy(network, data().test), abs=0.011)


def test_the_network_given_is_left_as_it_was_and_the_cost_says_what_changed() -> None:
    network = cnn_of("tdbn")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    result = applied("fold-norms", network)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert (result.cost["norms_folded"], result.cost["biases_added"], result.cost["norms_per_step"]) == (
        3,
        3,
        0,
    )
    assert not any(is_norm(m) for m in result.target.modules())
    assert "not_charged" not in result.cost
    cost = applied("fold-norms", cnn_of("bntt")).cost
    assert (cost["norms_folded"], cost["norms_per_step"]) == (0, 3)
    assert "leak of its own" in cost["not_charged"]


@pytest.mark.parametrize(("norm", "form"), [("tdbn", "threshold"), ("bntt", "threshold"), ("bntt", "affine")])
def test_a_run_folder_brings_it_back(norm: str, form: str, tmp_path: Path) -> None:
    folded = applied(f"fold-norms:bntt={form}", cnn_of(norm)).target
    save_checkpoint(tmp_path, folded)
    again = load_network(tmp_path)
    assert noted(again) == ("fold-norms",)
    x = images(8)
    assert torch.equal(again(x), folded(x))
    with pytest.raises(UsageError, match="'fold-norms' can't run twice"):
        parse_plan(["fold-norms"], noted(again))


def test_what_the_chip_computes_per_step_is_charged_or_said() -> None:
    x = images(4)
    for form, norms, kinds in (("affine", 3, {"LIF"}), ("threshold", 0, {"PerStepLIF"})):
        work = axbar.trace(applied(f"fold-norms:bntt={form}", cnn_of("bntt")).target, x)
        assert sum(layer.op == "norm" for layer in work.layers) == norms
        assert {layer.kind for layer in work.neurons} == kinds
        energy = axbar.estimate(work, "imc-rram-65nm").breakdown()["energy_J"]["component"]["norm"]
        assert (energy > 0) == (norms > 0)


def test_a_residual_network_folds_tdbn_everywhere_and_bntt_where_neurons_follow() -> None:
    settings: dict[str, Any] = {"width": 4, "steps": 2, "input_shape": (1, 28, 28)}
    x = images(20)
    network = build_model("spiking-resnet19", **settings).eval()
    adapt_norms(network, x, len(x))
    different, fired, _ = mismatches(wide(network), _folded(wide(network)), x[:6].double())
    assert (different, fired > 10_000) == (0, True)

    network = build_model("spiking-resnet19", norm="bntt", **settings).eval()
    adapt_norms(network, x, len(x))
    with pytest.raises(ModelError, match=r"norm 'blocks\.0\.norm2' acts by step and feeds .*bntt=affine"):
        applied("fold-norms", network)
    folded = _folded(wide(network), "affine")
    assert sum(isinstance(m, PerStepAffine) for m in folded.modules()) == 20
    different, fired, _ = mismatches(wide(network), folded, x[:6].double())
    assert (different, fired > 10_000) == (0, True)


class OneNorm(SpikingNetwork):
    """conv-BNTT-neurons-linear."""

    def __init__(self, neuron: nn.Module, norm: nn.Module | None = None) -> None:
        super().__init__(3, (1, 28, 28), 10)
        self.conv, self.norm = nn.Conv2d(1, 2, 3, stride=3), norm or BNTT2d(2, 3)
        self.neuron, self.last = neuron, nn.Linear(162, 10)

    def body(self, x: Tensor, batch: int) -> Tensor:
        x = self.fire(self.neuron, self.fire(self.norm, self.conv(x), batch), batch)
        return self.last(x.flatten(1))


def _with_factors(*rows: tuple[float, float], neuron: nn.Module | None = None) -> Any:
    torch.manual_seed(0)
    network = OneNorm(neuron or LIF(beta=0.8, input_scale=3.0)).double().eval()
    adapt_norms(network, images().double(), 40)
    for part, row in zip(network.norm.norms, rows, strict=True):  # type: ignore[arg-type]
        part.weight.data = torch.tensor(row, dtype=torch.float64)  # type: ignore[union-attr]
    return network


def test_factors_below_0_turn_the_weights_and_the_input_scale_goes_in() -> None:
    network = _with_factors((-1.0, 0.5), (-0.3, 2.0), (-2.0, 1.0))
    folded: Any = _folded(network)
    different, fired, apart = mismatches(network, folded, images().double())
    assert (different, fired > 3000) == (0, True)
    assert apart < 1e-12
    torch.testing.assert_close(folded.conv.weight[0], -network.conv.weight[0])
    assert torch.equal(folded.conv.weight[1], network.conv.weight[1])
    assert isinstance(folded.neuron, PerStepLIF) and bool((folded.neuron.thresholds > 0).all())


def test_factors_that_change_their_sign_are_refused_as_thresholds_but_not_as_factors() -> None:
    network = _with_factors((1.0, 0.5), (-0.3, 2.0), (2.0, 1.0))
    with pytest.raises(
        ModelError, match=r"norm 'norm' has 1 of 2 channels whose factor is 0 or changes its sign"
    ):
        _folded(network)
    different, _, _ = mismatches(network, _folded(network, "affine"), images().double())
    assert different == 0


def test_neurons_without_such_a_form_are_named() -> None:
    with pytest.raises(ModelError, match="neurons 'neuron' are a SynapticLIF"):
        _folded(_with_factors((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), neuron=SynapticLIF()))
    each = torch.linspace(0.5, 1.5, 2, dtype=torch.float64).view(2, 1, 1)
    with pytest.raises(ModelError, match="one beta, threshold and input_scale for the whole layer"):
        _folded(_with_factors((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), neuron=LIF(threshold=each)))


def test_norms_that_stay_are_named_with_the_reason() -> None:
    plain = nn.BatchNorm2d(2, track_running_stats=False)
    with pytest.raises(ModelError, match="can't fold norm 'norm' without running statistics"):
        _folded(OneNorm(IF(), plain).eval())

    class Before(OneNorm):
        def body(self, x: Tensor, batch: int) -> Tensor:
            return self.last(self.fire(self.neuron, self.conv(self.norm(x)), batch).flatten(1))

    with pytest.raises(ModelError, match="can't fold norm 'norm' not directly behind one convolution"):
        _folded(Before(IF(), TdBatchNorm2d(1)).eval())
    with pytest.raises(ModelError, match="has no batch norm to fold"):
        _folded(build_model("spiking-cnn", width=2, steps=2, norm="none"))


def test_techniques_on_norms_do_not_come_after_it_nor_does_it_fold_twice() -> None:
    check_plan(parse_plan(["prune", "fold-norms", "adc-recalibrate"]))
    for name in ("bn-adapt", "bn-finetune"):
        for order in (["fold-norms", name], [name, "fold-norms"]):
            with pytest.raises(
                UsageError, match=f"'{name}' can't come after 'fold-norms': it leaves no batch norms"
            ):
                parse_plan(order)
