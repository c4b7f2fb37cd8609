"""When networks of first spikes answer, what spikes they need, and windows fitted to data."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from axbar.data import load_data
from axbar.errors import ModelError
from axbar.nn import build_model
from axbar.nn.models import TtfsNetwork
from axbar.nn.ttfs import Delay, Spikes, fit_windows, timing


class _Given:
    """Spikes written down."""

    def run(self, x: Tensor) -> tuple[Tensor, dict[str, Spikes]]:
        inf = torch.inf
        path = Spikes(torch.tensor([[1.0, inf, 3.0, 5.0]]), 6.0, False)
        skip = Spikes(torch.tensor([[0.5, inf]]), 6.0, False)
        out = Spikes(torch.tensor([[4.0, 4.5]]), 6.0, False)
        return torch.zeros(1, 2), {"b.conv2": path, "b.skip": skip, "output": out}


def test_what_is_measured_is_what_was_defined() -> None:
    found = timing(_Given(), torch.zeros(1, 1))
    assert found.latency == 4.0
    assert found.answered == 1.0
    assert found.spikes_per_neuron == 3 / 4
    assert found.needless == {"b.conv2": pytest.approx(1 / 3)}  # the spike at 5
    assert found.gap == {"b": pytest.approx(3.0 - 0.5)}


class _HalfSilent:
    """Of two images one is answered."""

    def run(self, x: Tensor) -> tuple[Tensor, dict[str, Spikes]]:
        inf = torch.inf
        out = Spikes(torch.tensor([[4.0, inf], [inf, inf]]), 6.0, False)
        return torch.zeros(2, 2), {"output": out}


def test_images_without_an_answer_count_for_themselves() -> None:
    found = timing(_HalfSilent(), torch.zeros(2, 1))
    assert (found.latency, found.answered) == (4.0, 0.5)


def _network(name: str = "ttfs-concat", **options: object) -> tuple[TtfsNetwork, Tensor]:
    network = build_model(name, width=4, **options)
    assert isinstance(network, TtfsNetwork)
    images = torch.from_numpy(load_data("fashion-mnist-small").calibration.images(slice(0, 64)))
    network.train()
    network(images)  # norms see images
    return network.eval(), images


def test_skips_of_constant_slope_run_ahead_by_the_windows_of_the_block() -> None:
    network, images = _network()
    found = timing(network, images)
    assert set(found.gap) == {"blocks.0", "blocks.1"}
    assert all(gap > 4.0 for gap in found.gap.values())
    assert set(found.needless.values()) == {0.0}
    assert 0 < found.spikes_per_neuron < 1


def test_closed_form_spikes_after_the_answer_are_needless() -> None:
    network, images = _network("ttfs-plain", neuron="exact")
    assert any(share > 0 for share in timing(network, images).needless.values())


@pytest.mark.parametrize("name", ["ttfs-plain", "ttfs-add"])
def test_fitted_windows_hold_nearly_all_activations_and_answer_sooner(name: str) -> None:
    network, images = _network(name, window=50.0)
    with torch.no_grad():
        before, logits = timing(network, images), network(images)
        fitted = fit_windows(network, images, percentile=100)
        torch.testing.assert_close(network(images), logits)  # nothing was clipped
    assert timing(network, images).latency < 0.5 * before.latency
    assert "encode" not in fitted
    assert len(fitted) == 6
    assert all(fit.clipped == 0 for fit in fitted.values())
    tighter = fit_windows(network, images, percentile=90)
    assert all(tighter[path].window < fit.window for path, fit in fitted.items())
    assert all(0 < fit.clipped < 0.15 for fit in tighter.values())


def _delayed(window: float, weights: float) -> tuple[TtfsNetwork, Tensor, list[Delay]]:
    network, images = _network("ttfs-concat-delay", window=window)
    random = torch.Generator().manual_seed(0)
    delays = [module for module in network.modules() if isinstance(module, Delay)]
    for delay in delays:
        delay.delta.data += torch.rand(delay.delta.shape, generator=random)
    for name, weight in network.named_parameters():
        if "conv" in name:
            weight.data *= weights
    return network.eval(), images, delays


def test_joined_skips_keep_their_place_before_the_path() -> None:
    """Windows become shorter: delays do, until one is used up; the last window of a block then stays open."""
    network, images, delays = _delayed(window=50.0, weights=0.1)
    waited = [delay.delay.clone() for delay in delays]
    with torch.no_grad():
        logits, before = network.run(images)
        fit_windows(network, images, percentile=100)
        fitted, after = network.run(images)
    torch.testing.assert_close(fitted, logits, rtol=1e-4, atol=1e-4)  # nothing was clipped
    for block, (delay, was) in enumerate(zip(delays, waited, strict=True)):
        assert float(delay.delay.detach().min()) == pytest.approx(0, abs=1e-4)
        torch.testing.assert_close(was - delay.delay, (was - delay.delay).mean().expand_as(was))
        assert _ahead(after, block) == pytest.approx(_ahead(before, block), abs=0.01)
        assert after[f"blocks.{block}.skip"].end < before[f"blocks.{block}.skip"].end


def test_joined_skips_wait_for_windows_that_become_longer() -> None:
    network, images, delays = _delayed(window=0.05, weights=1.0)
    waited = [delay.delay.clone() for delay in delays]
    fit_windows(network, images, percentile=100)
    assert all((delay.delay > was).all() for delay, was in zip(delays, waited, strict=True))


def _ahead(seen: Mapping[str, Spikes], block: int) -> float:
    """Return how far a skip comes before the end of its path."""
    path, skip = seen[f"blocks.{block}.conv2"], seen[f"blocks.{block}.skip"]
    return float(path.end - skip.times[skip.fired].mean())


def test_what_has_no_windows_is_told() -> None:
    network, images = _network("ttfs-plain", neuron="exact")
    with pytest.raises(ModelError, match="no layer of constant slope"):
        fit_windows(network, images)
    with pytest.raises(ModelError, match="percentile = 0 is out of range"):
        fit_windows(network, images, 0)
