"""Statistics of batch norms taken on the die: exact moments, exact repair of gains and offsets, nothing else."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from bn_nets import blobs, changed, network, trained
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from axbar.errors import ModelError, UsageError
from axbar.nn import accuracy
from axbar.techniques import parse_technique
from axbar.techniques._norms import Moments, adapt_norms, norms_of
from axbar.techniques.bn_adapt import TECHNIQUE

DATA = blobs()
IMAGES = torch.from_numpy(DATA.train.images())


def adapted(model: nn.Module, settings: str = "images=400"):
    technique, config = parse_technique(f"bn-adapt:{settings}")
    return technique.apply(model, None, DATA.tuning(), config)


class TestMoments:
    @settings(max_examples=30, deadline=None)
    @given(seed=st.integers(0, 1000), cuts=st.sets(st.integers(1, 39), max_size=5))
    def test_do_not_depend_on_how_the_values_come(self, seed: int, cuts: set[int]) -> None:
        generator = torch.Generator().manual_seed(seed)
        z = 5 * torch.randn(40, 3, 2, 2, generator=generator, dtype=torch.float64) + 100
        moments = Moments(3)
        for part in torch.tensor_split(z, sorted(cuts)):
            moments.add(part)
        assert moments.count == 160
        torch.testing.assert_close(moments.mean, z.mean((0, 2, 3)), rtol=1e-12, atol=0)
        torch.testing.assert_close(moments.var, z.var((0, 2, 3), correction=0), rtol=1e-10, atol=0)

    def test_are_not_the_mean_of_batch_variances(self) -> None:
        moments = Moments(1)
        moments.add(torch.zeros(4, 1))
        moments.add(torch.ones(4, 1))
        assert float(moments.var) == 0.25


class TestAdaptation:
    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 10_000), td=st.booleans())
    def test_gain_and_offset_per_channel_vanish_to_rounding(self, seed: int, td: bool) -> None:
        ideal = network(eps=1e-12, seed=seed, td=td)
        adapt_norms(ideal, IMAGES, 400, "sequential")
        flawed = copy.deepcopy(ideal)
        generator = torch.Generator().manual_seed(seed)
        for i in (1, 5, 10):
            flawed[i].gain.copy_(torch.empty_like(flawed[i].gain).uniform_(0.1, 2.0, generator=generator))
            flawed[i].offset.copy_(torch.empty_like(flawed[i].offset).normal_(0, 0.3, generator=generator))
        exact = ideal(IMAGES).detach()
        assert (flawed(IMAGES).detach() - exact).abs().max() > 0.05 * exact.std()
        adapt_norms(flawed, IMAGES, 90, "sequential")
        torch.testing.assert_close(flawed(IMAGES), exact, rtol=0, atol=2e-5 * float(exact.abs().max()))

    def test_with_eps_scaled_as_the_gain_nothing_is_lost_at_all(self) -> None:
        ideal = network(eps=1e-2)
        adapt_norms(ideal, IMAGES, 400, "joint")
        flawed = copy.deepcopy(ideal)
        for flaw, norm in ((1, 2), (5, 6), (10, 11)):
            flawed[flaw].gain.fill_(0.25)
            flawed[norm].eps *= 0.25**2
        adapt_norms(flawed, IMAGES, 400, "joint")
        torch.testing.assert_close(flawed(IMAGES), ideal(IMAGES), rtol=0, atol=1e-5)

    def test_a_common_drift_vanishes_but_not_its_spread(self) -> None:
        ideal = network(eps=1e-12)
        ideal[13] = nn.Identity()  # no norm stands behind the classifier
        adapt_norms(ideal, IMAGES, 400, "joint")
        exact, errors = ideal(IMAGES).detach(), []
        for spread in (0.0, 0.03):
            aged = copy.deepcopy(ideal)
            generator = torch.Generator().manual_seed(1)
            with torch.no_grad():
                for i in (0, 4, 9):
                    weight = aged[i].weight
                    nu = 0.06 + spread * torch.randn(weight.shape, generator=generator)
                    weight.mul_((1e6) ** -nu)
                    if aged[i].bias is not None:
                        aged[i].bias.zero_()  # a constant that every norm takes out
            adapt_norms(aged, IMAGES, 400, "joint")
            errors.append(float((aged(IMAGES).detach() - exact).std() / exact.std()))
        assert errors[0] < 1e-5 and errors[1] > 0.05

    @pytest.mark.parametrize("mode", ["joint", "sequential"])
    def test_changes_statistics_and_nothing_else(self, mode: str) -> None:
        model = network(td=True).train()
        before, modes = copy.deepcopy(model), [m.training for m in model.modules()]
        result = adapted(model, f"images=300,mode={mode}")
        names = changed(model, result.target)
        assert names == {f"{i}.running_{what}" for i in (2, 6, 11) for what in ("mean", "var")}
        assert changed(before, model) == set() and [m.training for m in result.target.modules()] == modes
        assert result.cost["images"] == 300 and result.cost["writes"] == 0
        assert result.cost["settings"] == 2 * (6 + 8 + 12)
        one = 6 * 9 * 64 + 8 * 54 * 16 + 128 * 12 + 12 * 4
        passes = 300 if mode == "joint" else 3 * 300 + 1
        assert result.cost["macs_forward"] == passes * one and result.cost["macs_backward"] == 0

    def test_sequential_statistics_are_those_of_the_adapted_network(self) -> None:
        model = network()
        adapt_norms(model, IMAGES, 64, "sequential")
        seen: dict[int, Tensor] = {}
        for i in (2, 6, 11):
            model[i].register_forward_pre_hook(lambda _m, z, i=i: seen.update({i: z[0]}))
        model(IMAGES)
        for i, z in seen.items():
            axes = [a for a in range(z.dim()) if a != 1]
            torch.testing.assert_close(model[i].running_mean, z.mean(axes), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(model[i].running_var, z.var(axes, correction=0), rtol=1e-4, atol=1e-6)

    def test_one_batch_makes_both_modes_one(self) -> None:
        models = network(), network()
        adapt_norms(models[0], IMAGES, 400, "joint")
        adapt_norms(models[1], IMAGES, 400, "sequential")
        for (name, a), b in zip(models[0].named_buffers(), models[1].buffers(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6, msg=name)

    @pytest.mark.parametrize("mode", ["joint", "sequential"])
    def test_a_norm_used_twice_gets_the_moments_of_both_uses(self, mode: str) -> None:
        class Twice(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.norm, self.idle = nn.BatchNorm1d(1), nn.BatchNorm1d(7)

            def forward(self, x: Tensor) -> Tensor:
                return self.norm(x) + self.norm(x + 2)

        model, x = Twice().eval(), torch.randn(50, 1, generator=torch.Generator().manual_seed(0))
        adapt_norms(model, x, 20, mode)
        both = torch.cat([x, x + 2])
        torch.testing.assert_close(model.norm.running_mean, both.mean(0))
        torch.testing.assert_close(model.norm.running_var, both.var(0, correction=0))
        assert torch.equal(model.idle.running_var, torch.ones(7))  # never reached

    @pytest.mark.parametrize("mode", ["joint", "sequential"])
    def test_without_flaws_accuracy_moves_within_sampling_noise(self, mode: str) -> None:
        model = trained()
        before = accuracy(model, DATA.test)
        after = accuracy(adapted(model, f"mode={mode}").target, DATA.test)
        noise = np.sqrt(before * (1 - before) / len(DATA.test.y))
        assert 0.8 < before < 0.98 and abs(after - before) <= 2 * noise

    def test_mends_a_trained_network(self) -> None:
        model = trained()
        for i in (1, 5, 10):
            model[i].gain.copy_(torch.linspace(0.2, 0.5, len(model[i].gain)))
        flawed, mended = (accuracy(m, DATA.test) for m in (model, adapted(model).target))
        assert mended > flawed + 0.1 and mended > accuracy(trained(), DATA.test) - 0.05

    def test_images_are_a_seeded_choice_of_training_images(self) -> None:
        results = [adapted(network(), f"images=50,seed={seed}").target for seed in (0, 0, 1)]
        assert changed(results[0], results[1]) == set() and changed(results[0], results[2])

    def test_refuses_what_it_cannot_do(self) -> None:
        plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, track_running_stats=False))
        with pytest.raises(UsageError, match=r"no batch norm.*norms='keep'"):
            adapted(plain)
        broken = network()
        with torch.no_grad():
            broken[4].weight[0] = torch.nan
        with pytest.raises(ModelError, match="norm '6' holds NaN"):
            adapted(broken)

    def test_says_that_norms_must_stay(self) -> None:
        assert TECHNIQUE.keeps_norms and list(norms_of(network())) == ["2", "6", "11"]
