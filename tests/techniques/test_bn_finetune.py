"""Training gamma and beta on the die: what changes, what stays, and that it helps beyond adaptation."""

from __future__ import annotations

import copy

import pytest
import torch
from bn_nets import blobs, changed, network, trained
from torch import nn

from axbar.errors import ModelError, UsageError
from axbar.nn import accuracy
from axbar.techniques import parse_technique
from axbar.techniques._tuning import count_macs, loss_of

DATA = blobs()


def tuned(model: nn.Module, settings: str = "images=400"):
    technique, config = parse_technique(f"bn-finetune:{settings}")
    return technique.apply(model, None, DATA.tuning(), config)


def noisy(model: nn.Sequential, sigma: float = 0.5) -> nn.Sequential:
    """Programming error that differs from cell to cell."""
    model, generator = copy.deepcopy(model), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for i in (0, 4, 9):
            weight = model[i].weight
            weight.add_(sigma * weight.std() * torch.randn(weight.shape, generator=generator))
    return model


def test_changes_statistics_gamma_and_beta_and_nothing_else() -> None:
    model = network().train()
    model[0].weight.requires_grad_(False)
    before, flags = copy.deepcopy(model), [p.requires_grad for p in model.parameters()]
    result = tuned(model, "images=100,epochs=1")
    kinds = ("running_mean", "running_var", "weight", "bias")
    assert changed(model, result.target) == {f"{i}.{kind}" for i in (2, 6, 11) for kind in kinds}
    assert changed(before, model) == set()
    assert [p.requires_grad for p in result.target.parameters()] == flags
    assert all(p.grad is None for p in result.target.parameters())
    assert all(module.training for module in result.target.modules())


def test_cost_counts_what_was_trained() -> None:
    cost = tuned(network(), "images=100,epochs=2,batch=30,adapt_images=50").cost
    assert cost["steps"] == 2 * 4 and 100 <= cost["images"] <= 150 and cost["writes"] == 0
    assert cost["settings"] == 4 * (6 + 8 + 12) and cost["bytes_trained"] == 2 * (6 + 8 + 12) * 4
    one, behind = 6 * 9 * 64 + 8 * 54 * 16 + 128 * 12 + 12 * 4, 8 * 54 * 16 + 128 * 12 + 12 * 4
    assert cost["macs_forward"] == (50 + 200) * one and cost["macs_backward"] == 200 * behind


def test_learns_where_adaptation_alone_falls_short() -> None:
    model = noisy(trained(), sigma=1.2)
    technique, config = parse_technique("bn-adapt:images=400")
    plain = technique.apply(model, None, DATA.tuning(), config).target
    fine = tuned(model, "images=400,batch=16").target
    x, y = torch.from_numpy(DATA.test.images()), torch.from_numpy(DATA.test.labels())
    loss = [float(loss_of(m(x), y).detach()) for m in (plain, fine)]
    assert loss[1] < 0.9 * loss[0]
    assert accuracy(fine, DATA.test) > accuracy(plain, DATA.test)


def test_same_seed_same_bits_and_another_order_with_another() -> None:
    results = [tuned(network(), f"images=100,epochs=1,seed={seed}").target for seed in (0, 0, 1)]
    assert changed(results[0], results[1]) == set() and changed(results[0], results[2])


def test_schedule_divides_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.SGD.step

    def spy(self: torch.optim.SGD, *args: object) -> None:
        rates.append(self.param_groups[0]["lr"])
        step(self)

    monkeypatch.setattr(torch.optim.SGD, "step", spy)
    tuned(network(), "images=64,batch=64")
    assert rates == pytest.approx([0.01, 0.01, 0.002, 0.002, 0.0004])


def test_refuses_what_it_cannot_do() -> None:
    with pytest.raises(UsageError, match="no gamma or beta"):
        tuned(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, affine=False), nn.Flatten()))
    with pytest.raises(ModelError, match="must return logits"):
        tuned(network()[:3])
    with pytest.raises(ModelError, match="diverged in epoch 1; lower lr"):
        tuned(network(), "lr=10,images=400,batch=4,momentum=0.99,epochs=50")


def test_loss_is_that_of_the_mean_over_time() -> None:
    logits = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([0, 1, 2, 3, 0])
    torch.testing.assert_close(loss_of(logits, y), nn.functional.cross_entropy(logits.mean(0), y))
    torch.testing.assert_close(loss_of(logits[0], y), nn.functional.cross_entropy(logits[0], y))


def test_macs_of_a_layer_that_runs_twice_count_twice() -> None:
    layer = nn.Linear(3, 3)
    macs = count_macs(nn.Sequential(layer, layer), torch.zeros(1, 3))
    assert macs.forward == 18 and macs.behind == 0
