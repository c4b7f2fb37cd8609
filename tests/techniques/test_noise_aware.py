"""Fine-tuning on dies: the weights seen are those of a die, gradients reach the float weights, it helps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bn_nets import blobs, changed, chip, plain_network, plain_trained
from torch import nn

from axbar.calibration import CalibrationSource
from axbar.crossbar import Effects, effective_conductance, folded_copy, to_analog
from axbar.errors import ModelError
from axbar.nn import accuracy
from axbar.techniques import noise_aware, parse_technique
from axbar.techniques.noise_aware import NoiseAwareConfig

DATA = blobs()
IMAGES = torch.from_numpy(DATA.train.images())
NOISY = {"device": "rram-generic", "device__read_noise": 0.0, "device__program_noise": 3.0}


def tuned(model: nn.Module, settings: str, **changes: object):
    technique, config = parse_technique(f"noise-aware:{settings}")
    return technique.apply(model, chip(**changes), DATA.tuning(), config)


class TestHeldWeights:
    @pytest.mark.parametrize(
        ("norms", "exact"), [("fold", False), ("keep", False), ("fold", True), ("keep", True)]
    )
    def test_are_those_of_a_die(self, norms: str, exact: bool) -> None:
        model, spec = plain_network(), chip(**NOISY)
        held = noise_aware._new_die(model, spec, IMAGES[:1], NoiseAwareConfig(norms=norms, exact=exact), 0)
        assert list(held) == ["0.weight", "3.weight", "7.weight", "10.weight"]
        seen: dict[str, torch.Tensor] = {}
        with torch.no_grad():
            for name, h in held.items():
                seen[name] = h(model.get_parameter(name))
        seed = int(noise_aware.stream(0, "noise-aware", 0).integers(1 << 48))
        written = folded_copy(model, CalibrationSource(IMAGES[:1])) if norms == "fold" else model
        die = to_analog(written, spec, seed=seed, norms="keep")
        run = torch.func.functional_call(model, seen, (IMAGES[:20],))
        for layer in die.chip_layers.values():  # the die's weights, without input quantisation
            path = f"{layer.path}.weight"
            exact = torch.from_numpy(layer.effective_weight()).float().view_as(layer.weight)
            with torch.no_grad():
                written.get_parameter(path).copy_(exact)
        torch.testing.assert_close(
            run, written(IMAGES[:20]), rtol=0, atol=2e-4 * float(run.detach().abs().max())
        )

    def test_without_errors_and_at_scale_zero_are_the_weights(self) -> None:
        model = plain_network()
        config = NoiseAwareConfig(noise=0.0)
        held = noise_aware._new_die(model, chip(**NOISY), IMAGES[:1], config, 0)
        for name, h in held.items():
            w = model.get_parameter(name).detach()
            torch.testing.assert_close(w * h.gain + h.shift, w, rtol=0, atol=1e-6)
            torch.testing.assert_close(h.gain, torch.ones_like(h.gain))

    def test_gain_is_what_wires_leave_and_scales_the_gradient(self) -> None:
        model = plain_network()
        spec = chip(wires__r_driver_ohm=2000.0, wires__r_sense_ohm=1000.0)
        held = noise_aware._new_die(model, spec, IMAGES[:1], NoiseAwareConfig(norms="keep"), 0)
        gain = held["7.weight"].gain
        assert gain.shape == (12, 1) and 0.3 < float(gain.min()) and float(gain.max()) < 0.95
        x = torch.rand(5, 128, generator=torch.Generator().manual_seed(0))
        weight = model[7].weight
        (weight * gain + held["7.weight"].shift).matmul(x.t()).sum().backward()
        torch.testing.assert_close(weight.grad, gain * x.sum(0))

    def test_dead_channels_do_no_harm(self) -> None:
        model = plain_network()
        with torch.no_grad():
            model[1].weight[0] = 0.0  # the fold makes this channel zero
            model[3].weight[2] = 0.0
        held = noise_aware._new_die(model, chip(**NOISY), IMAGES[:1], NoiseAwareConfig(), 0)
        assert all(bool(torch.isfinite(h.gain).all() & torch.isfinite(h.shift).all()) for h in held.values())
        assert float(held["0.weight"].shift[0].abs().max()) < 1e-6


class TestTraining:
    def test_makes_a_network_stand_its_dies_better(self) -> None:
        model = plain_trained()
        spec = {**NOISY, "crossbar__weight_bits": 4, "crossbar__cell_bits": 3}
        more = ("noise=0,dies=1,refresh=999", "noise=1")
        networks = [model, *(tuned(model, f"epochs=6,batch=32,{how}", **spec).target for how in more)]
        errors: list[float] = []
        for network in networks:
            quick = Effects.only("programming")
            dies = [to_analog(network, chip(**spec), s, IMAGES[:32], effects=quick) for s in range(4)]
            errors.append(float(np.mean([1 - accuracy(die, DATA.test) for die in dies])))
        assert errors[2] < 0.8 * min(errors[:2])

    def test_dies_take_turns_and_the_oldest_goes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[int] = []
        used: list[int] = []
        forward = noise_aware._forward

        def new_die(*arguments: object) -> dict[str, int]:
            made.append(len(made))
            return {"number": made[-1]}

        def spy(model: nn.Module, held: dict[str, int], x: torch.Tensor) -> torch.Tensor:
            used.append(held["number"])
            return forward(model, {}, x)

        monkeypatch.setattr(noise_aware, "_new_die", new_die)
        monkeypatch.setattr(noise_aware, "_forward", spy)
        monkeypatch.setattr(noise_aware, "_clip", lambda *_: None)
        tuned(plain_network(), "epochs=2,images=192,batch=32,dies=3,refresh=4")
        assert (len(used) == 12 and used[:3] == [0, 0, 0]) or set(used[:3]) <= {0, 1, 2}
        assert made == [0, 1, 2, 3, 4] and set(used[4:8]) == {1, 2, 3} and set(used[8:]) == {2, 3, 4}

    def test_same_seed_same_bits_and_the_network_given_stays(self) -> None:
        model = plain_network()
        keep, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
        results = [
            tuned(model, f"epochs=1,images=128,dies=1,refresh=1,seed={s}", **NOISY).target for s in (0, 0, 1)
        ]
        assert changed(results[0], results[1]) == set()
        assert changed(results[0], results[2]) >= {"0.weight", "1.weight", "1.running_mean", "10.bias"}
        assert all(torch.equal(model.state_dict()[k], v) for k, v in keep.items())
        assert torch.equal(torch.get_rng_state(), state) and not results[0].training

    def test_weights_are_clipped_layer_by_layer(self) -> None:
        model = plain_network()
        with torch.no_grad():
            model[7].weight[0, 0] = 3.0
        result = tuned(model, "epochs=1,images=128,clip=2,lr=1e-4").target
        # the first clip takes most of the outlier; sigma shrinks with it, so later ones bind as well
        largest = float(result[7].weight.detach().abs().max())
        assert largest <= 2.2 * float(result[7].weight.detach().std(correction=0)) and largest < 1.0

    def test_counts(self) -> None:
        cost = tuned(plain_network(), "epochs=2,images=100,batch=32,dies=2,refresh=4").cost
        one = 6 * 9 * 64 + 8 * 54 * 16 + 128 * 12 + 12 * 4
        assert cost["images"] == 100 and cost["dies"] == 3 and cost["settings"] == 0
        assert cost["macs_forward"] == 2 * 96 * one and cost["macs_backward"] == 2 * cost["macs_forward"]
        assert cost["bytes_trained"] == 4 * (6 * 9 + 8 * 54 + 128 * 12 + 12 * 4)

    def test_refuses_what_it_cannot_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch, pytest.raises(ModelError, match="diverged in step 1; lower lr"):
            patch.setattr(noise_aware, "loss_of", lambda output, y: output.sum() * torch.nan)
            tuned(plain_network(), "epochs=1,images=64")
        normed = plain_network()
        nn.utils.parametrizations.weight_norm(normed[10])
        with pytest.raises(ModelError, match="layer '10' is made from other parameters"):
            tuned(normed, "epochs=1,images=64")


class TestGradient:
    def test_one_gain_per_output_points_where_the_exact_gradient_points(self) -> None:
        """Against the derivative of the array's effective conductance, through pairs of columns."""
        generator = torch.Generator().manual_seed(0)
        weight = torch.randn(16, 32, generator=generator, dtype=torch.float64).clamp(-2.5, 2.5)
        inputs = (torch.rand(100, 32, generator=generator, dtype=torch.float64) - 0.4).clamp(min=0)
        upstream = torch.randn(16, 100, generator=generator, dtype=torch.float64) @ inputs
        for r_ohm, least in ((1.0, 0.99), (5.0, 0.97)):
            w = weight.clone().requires_grad_(True)
            pair = torch.stack([w.clamp(min=0), (-w).clamp(min=0)], 1)  # [outputs, 2, rows]
            cells = 5e-6 + 4.5e-5 / 2.5 * pair.flatten(0, 1).t()
            seen = effective_conductance(cells, r_ohm, 2 * r_ohm, 200 * r_ohm, 200 * r_ohm)
            split = seen.t().unflatten(0, (16, 2))
            on_die = (split[:, 0] - split[:, 1]) * (2.5 / 4.5e-5)
            (exact,) = torch.autograd.grad(on_die, w, upstream)
            ours = noise_aware._held(weight, weight, on_die.detach(), 1.0).gain * upstream
            assert float(torch.cosine_similarity(ours.flatten(), exact.flatten(), 0)) > least
