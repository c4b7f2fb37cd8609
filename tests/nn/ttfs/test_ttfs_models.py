"""Networks of first-spike neurons: shapes, times, training, tracing, what goes wrong."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

import axbar
from axbar.data import load_data
from axbar.errors import AxbarError, DataError
from axbar.nn import TrainConfig, accuracy, build_model, load_network, save_checkpoint, train
from axbar.nn.models import TtfsNetwork
from axbar.nn.ttfs import SlopeSpiking
from axbar.nn.ttfs.silent import never_firing

NAMES = ("ttfs-plain", "ttfs-add", "ttfs-concat", "ttfs-concat-delay")
NEURONS = ("slope", "exact")


def _made(name: str, neuron: str = "slope", **options: object) -> TtfsNetwork:
    network = build_model(name, width=4, neuron=neuron, **options)
    assert isinstance(network, TtfsNetwork)
    return network.eval()


def _images(count: int = 4) -> torch.Tensor:
    return torch.from_numpy(load_data("fashion-mnist-small").test.images(slice(0, count)))


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("name", NAMES)
def test_each_neuron_fires_at_most_once_inside_its_window(name: str, neuron: str) -> None:
    network = _made(name, neuron)
    with torch.no_grad():
        logits, seen = network.run(_images())
    assert logits.shape == (4, 10)
    for spikes in seen.values():
        times = spikes.times[spikes.fired]
        assert float(times.min()) >= 0
        if spikes is not seen["output"]:
            assert float(times.max()) <= spikes.end + 1e-4


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("name", NAMES)
def test_the_first_output_spike_is_the_answer(name: str, neuron: str) -> None:
    network = _made(name, neuron)
    with torch.no_grad():
        logits, seen = network.run(_images(16))
    times = seen["output"].times
    assert torch.equal(times.argmin(1), logits.argmax(1))


def test_skips_that_add_times_come_later_by_value_they_do_not() -> None:
    by = {way: _made("ttfs-add", add=way) for way in ("time", "value")}
    by["value"].load_state_dict(by["time"].state_dict())
    with torch.no_grad():
        found = {way: network.run(_images()) for way, network in by.items()}
    torch.testing.assert_close(found["time"][0], found["value"][0])
    ends = {way: seen["output"].end for way, (_, seen) in found.items()}
    assert ends["value"] == 1.0 + (5 + 8) * 4.0
    assert ends["time"] > ends["value"]


def test_a_learned_delay_of_zero_is_the_network_without() -> None:
    without, learned = _made("ttfs-concat"), _made("ttfs-concat-delay", initial_delay=0.0)
    learned.load_state_dict(without.state_dict())
    assert torch.equal(without(_images()), learned(_images()))
    moved = _made("ttfs-concat-delay", initial_delay=1.0)
    moved.load_state_dict(
        {**without.state_dict(), **{k: v for k, v in moved.state_dict().items() if "delta" in k}}
    )
    assert not torch.equal(without(_images()), moved(_images()))


def test_what_was_saved_loads_again(tmp_path: Path) -> None:
    network = _made("ttfs-concat-delay", bits=5)
    with torch.no_grad():
        network.stem.neuron.window.fill_(2.5)
    save_checkpoint(tmp_path / "net", network)
    again = load_network(tmp_path / "net")
    assert torch.equal(network(_images()), again(_images()))


@pytest.mark.parametrize("neuron", NEURONS)
def test_it_learns(neuron: str) -> None:
    data = load_data("fashion-mnist-small").subset(train=600, calibration=60, test=200)
    network = build_model("ttfs-concat-delay", width=8, neuron=neuron)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    train(network, data, TrainConfig(epochs=4, batch_size=32, lr=3e-3))
    assert accuracy(network, data.test) > 0.35
    assert not torch.equal(
        before["blocks.0.delay.delta"], dict(network.named_parameters())["blocks.0.delay.delta"]
    )


def test_late_spikes_are_dropped_where_sparsity_is_asked_for() -> None:
    data = load_data("fashion-mnist-small").subset(train=600, calibration=60, test=100)
    shares: list[float] = []
    for sparsity in (0.0, 5.0):
        network = build_model("ttfs-plain", width=4, sparsity=sparsity)
        train(network, data, TrainConfig(epochs=3, batch_size=32, lr=3e-3))
        with torch.no_grad():
            shares.append(float(network.run(_images(50))[1]["stem"].fired.float().mean()))
    assert shares[1] < 0.9 * shares[0]


def test_what_layers_read_is_traced_as_times() -> None:
    network = _made("ttfs-concat-delay")
    workload = axbar.trace(network, _images().numpy())
    assert [layer.operands[0].coding for layer in workload.matmuls] == ["time"] * 6
    stem = workload.layer("stem.neuron")
    assert stem.output is not None and stem.output.coding == "time"
    with torch.no_grad():
        fired = network.run(_images())[1]["stem"].fired
    share = (stem.output.words > 0).mean()
    assert share == pytest.approx(
        float(fired.float().mean()), abs=0.02
    )  # codes of 8 bits lose the latest spikes


def test_neurons_that_can_never_fire_are_named() -> None:
    network = build_model("ttfs-plain", width=4, neuron="exact")
    with torch.no_grad():
        network.blocks[0].conv1.conv.weight[:3] = 0.001
    assert never_firing(network) == {"blocks.0.conv1.conv": (3, 4)}
    network.train()
    with pytest.warns(UserWarning, match=r"3 of 4 neurons of layer 'blocks.0.conv1.conv' can never fire"):
        network.eval()
    slope = build_model("ttfs-plain", width=4)
    stem = slope.stem
    assert isinstance(stem, SlopeSpiking)
    with torch.no_grad():
        stem.conv.weight[1] = -stem.conv.weight[1].abs()
    assert never_firing(slope) == {"stem": (1, 4)}


def test_pixels_outside_the_window_are_refused() -> None:
    network = _made("ttfs-plain")
    with pytest.raises(DataError, match=r"pixels span -0.5 to 1, outside the time window 0..1"):
        network(torch.cat((_images(), torch.full((1, 1, 28, 28), -0.5))))
    with pytest.raises(DataError, match=r"pixels span nan to nan, outside the time window"):
        network(torch.full((1, 1, 28, 28), torch.nan))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window": 0.0}, "window = 0.0 is no time"),
        ({"window": math.inf}, "window = inf is no time"),
        ({"neuron": "slop"}, "slope"),
        ({"add": "times"}, "time"),
        ({"pull": -1.0}, "pull = -1.0"),
        ({"sparsity": -1.0}, "sparsity = -1.0"),
        ({"steps": 4}, "must be 1"),
        ({"input_shape": (1, 2, 2)}, "at least 4x4"),
        ({"bits": 20}, "a spike time of 20 bits"),
    ],
)
def test_options_out_of_range_are_told(options: dict[str, object], said: str) -> None:
    with pytest.raises(AxbarError, match=said):
        build_model("ttfs-plain", **options)
