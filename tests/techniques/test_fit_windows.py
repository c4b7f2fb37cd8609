"""fit-windows: shorter windows, the same answers, kept in a run folder, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from axbar.data import load_data
from axbar.errors import ModelError, UsageError
from axbar.nn import build_model, load_network, save_checkpoint
from axbar.nn.models import TtfsNetwork
from axbar.nn.ttfs import timing
from axbar.techniques import parse_technique

DATA = load_data("fashion-mnist-small")
IMAGES = torch.from_numpy(DATA.test.images(slice(0, 50)))


def applied(text: str, network: torch.nn.Module):
    technique, config = parse_technique(text)
    return technique.apply(network, None, DATA.tuning(), config)


def network(name: str = "ttfs-plain", **options: object) -> TtfsNetwork:
    made = build_model(name, width=4, **options)
    assert isinstance(made, TtfsNetwork)
    return made.eval()


@pytest.mark.parametrize("name", ["ttfs-plain", "ttfs-add"])
def test_it_answers_sooner_and_alike(name: str) -> None:
    wide = network(name, window=50.0)
    result = applied("fit-windows:percentile=100", wide)
    assert isinstance(result.target, TtfsNetwork)
    with torch.no_grad():
        assert (result.target(IMAGES).argmax(-1) == wide(IMAGES).argmax(-1)).float().mean() > 0.95
    assert timing(result.target, IMAGES).latency < 0.5 * timing(wide, IMAGES).latency
    assert result.cost["windows_after"] < 0.5 * result.cost["windows_before"]
    assert result.cost["windows"] == 6
    assert result.cost["most_clipped"] == 0


def test_fewer_images_and_a_lower_percentile_clip_more() -> None:
    costs = [applied(f"fit-windows:percentile={p},images=64", network()).cost for p in (99.9, 80)]
    assert costs[0]["images"] == 64
    assert costs[0]["most_clipped"] < costs[1]["most_clipped"] < 0.25


def test_windows_are_kept_with_the_weights(tmp_path: Path) -> None:
    made = applied("fit-windows", network("ttfs-concat-delay")).target
    save_checkpoint(tmp_path, made)
    again = load_network(str(tmp_path))
    kept = dict(again.named_buffers())
    assert all(torch.equal(kept[path], value) for path, value in made.named_buffers())
    with torch.no_grad():
        torch.testing.assert_close(again.eval()(IMAGES), made(IMAGES))


def test_what_it_refuses() -> None:
    with pytest.raises(ModelError, match=r"no layer of constant slope.*leave it out"):
        applied("fit-windows", build_model("cnn", width=4))
    with pytest.raises(ModelError, match="no layer of constant slope"):
        applied("fit-windows", build_model("ttfs-plain", width=4, neuron="exact"))
    with pytest.raises(UsageError, match="percentile = '0' is refused"):
        applied("fit-windows:percentile=0", network())
