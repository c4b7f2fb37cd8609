"""What mint takes as codes of the images, with normalised ones too, and what it counts about rounding and clipping."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from prune_nets import DATA, applied, images, spiking
from torch import Tensor, nn

import axbar
from axbar.data import Dataset
from axbar.nn import LIF, SpikingNetwork, build_model, integer_copy, load_network, save_checkpoint
from axbar.nn._fused_grid import whole_currents
from axbar.nn.quantised import QuantisedLIF, QuantisedNormalise, rounded_shift
from axbar.techniques import parse_technique
from axbar.techniques._finetune import FewImages
from axbar.techniques._grid_inputs import centre_pixels

COLOUR: dict[str, Any] = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2470, 0.2435, 0.2616)}


def _dataset(shape: tuple[int, ...], train: Any = None) -> Dataset:
    """Random bytes in four classes; ``train``: other training images."""
    rng = np.random.default_rng(0)

    def part(count: int) -> Any:
        return rng.integers(0, 256, (count, *shape), dtype=np.uint8), np.arange(count) % 4

    first = part(200) if train is None else (train, np.arange(len(train)) % 4)
    return Dataset.from_arrays("bytes", first, part(40), ("a", "b", "c", "d"), calibration=16)


def _on_grid(model: nn.Module, data: Dataset, bits: int = 4, epochs: int = 0) -> Any:
    technique, config = parse_technique(f"mint:bits={bits},epochs={epochs}")
    return technique.apply(model.eval(), None, data.tuning(), config)


def _colour(**options: Any) -> nn.Module:
    return build_model(
        "spiking-cnn", width=4, steps=4, input_shape=(3, 8, 8), classes=4, seed=0, **COLOUR, **options
    ).eval()


def _spikes(model: nn.Module, batch: Tensor) -> list[Tensor]:
    seen: list[Any] = []
    neurons = [m for m in model.modules() if getattr(m, "is_neuron", False)]
    handles = [m.register_forward_hook(lambda _m, _i, out: seen.append(out)) for m in neurons]
    with torch.no_grad():
        model(batch)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("bits", [8, 4])
def test_a_network_that_normalises_its_images_runs_on_the_codes_of_its_pixels(bits: int) -> None:
    data = _dataset((3, 8, 8))
    made = _on_grid(_colour(threshold=0.2), data, bits)
    assert made.target.conv1.input_step == pytest.approx(1 / 255)
    assert made.target.neuron1.shift == 8
    assert made.target.normalise.codes == (125, 123, 114)
    assert made.cost["input_rounded"] == 0.0
    pixels = torch.from_numpy(data.test.images())
    codes = torch.round(pixels * 255).to(torch.int64)
    floats, integers = _spikes(made.target, pixels), _spikes(integer_copy(made.target), codes)
    assert all(0 < float(layer.mean()) < 1 for layer in floats[:2])  # the third is silent before training
    for a, b in zip(floats, integers, strict=True):
        assert torch.equal(a, b.float())


class _Behind(nn.Module):
    """Some layer behind the normalisation of a network, and nothing else."""

    def __init__(self, model: Any, *layers: nn.Module) -> None:
        super().__init__()
        self.normalise, self.layers = model.normalise, nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.normalise(x))


@pytest.mark.parametrize(
    "layer",
    [
        nn.Sequential(nn.Conv2d(3, 4, 3)),
        nn.Sequential(nn.Conv2d(3, 6, 3, groups=3, bias=False)),
        nn.Sequential(nn.Flatten(), nn.Linear(192, 5)),
    ],
)
def test_the_layer_behind_takes_over_the_rest_of_the_normalisation(layer: nn.Sequential) -> None:
    data = _dataset((3, 8, 8))
    model: Any = _Behind(_colour(), *layer).eval()
    pixels = torch.from_numpy(data.test.images(slice(0, 8)))
    with torch.no_grad():
        before = model(pixels)
        made = centre_pixels(model, axbar.trace(model, pixels[:2]), FewImages(data.tuning(), 100, 0))
        assert made == {"normalise": [pytest.approx(1 / 255), [125, 123, 114]]}
        assert isinstance(model.normalise, QuantisedNormalise)
        torch.testing.assert_close(model(pixels), before)


def test_normalised_images_that_more_than_layers_read_stay_and_the_cost_says_what_is_rounded() -> None:
    class Pooled(SpikingNetwork):
        def __init__(self) -> None:
            super().__init__(2, (3, 8, 8), 4, mean=COLOUR["mean"], std=COLOUR["std"])
            self.pool, self.conv = nn.AvgPool2d(2), nn.Conv2d(3, 4, 3)
            self.neuron, self.head = LIF(threshold=0.2), nn.Linear(16, 4)

        def body(self, x: Tensor, batch: int) -> Tensor:
            return self.head(self.fire(self.neuron, self.conv(self.pool(x)), batch).flatten(1))

    made = _on_grid(Pooled(), _dataset((3, 8, 8)))
    assert not isinstance(made.target.normalise, QuantisedNormalise)
    assert 0.4 < made.cost["input_rounded"] <= 0.5


def test_a_run_folder_brings_centred_pixels_back(tmp_path: Path) -> None:
    data = _dataset((3, 8, 8))
    made = _on_grid(_colour(), data, epochs=1).target
    save_checkpoint(tmp_path, made)
    again: Any = load_network(tmp_path)
    assert again.normalise.codes == made.normalise.codes
    batch = torch.from_numpy(data.test.images(slice(0, 8)))
    with torch.no_grad():
        assert torch.equal(again(batch), made(batch))


def test_the_step_of_pixels_is_found_on_all_training_images() -> None:
    rng = np.random.default_rng(0)
    train = rng.integers(0, 2, (400, 1, 8, 8)).astype(np.uint8) * 255
    train[380:] = rng.integers(0, 256, (20, 1, 8, 8))
    data = _dataset((1, 8, 8), train)
    made = _on_grid(spiking(), data)
    assert made.target.conv1.input_step == pytest.approx(1 / 255)
    assert made.cost["input_rounded"] == 0.0
    pixels = torch.from_numpy(data.test.images())
    codes = torch.round(pixels * 255).to(torch.int64)
    for a, b in zip(_spikes(made.target, pixels), _spikes(integer_copy(made.target), codes), strict=True):
        assert torch.equal(a, b.float())


class _Wide(SpikingNetwork):
    """784 pixels into 128 neurons, with large positive weights."""

    def __init__(self) -> None:
        super().__init__(2, (1, 28, 28), 4)
        self.one, self.neuron, self.two = nn.Linear(784, 128), LIF(threshold=5.0), nn.Linear(128, 4)
        with torch.no_grad():
            self.one.weight.abs_()

    def body(self, x: Tensor, batch: int) -> Tensor:
        return self.two(self.fire(self.neuron, self.one(x.flatten(1)), batch))


def test_currents_that_float32_rounds_amiss_are_counted() -> None:
    torch.manual_seed(0)
    data = _dataset((1, 28, 28))
    made = _on_grid(_Wide(), data, bits=8)
    model, whole = made.target, integer_copy(made.target)
    pixels = torch.from_numpy(data.train.images(slice(0, 32)))
    codes = torch.round(pixels * 255).to(torch.int64)
    with torch.no_grad():
        found = whole_currents(model.one(pixels.flatten(1)), model.neuron.grid).long()
    wanted = rounded_shift(whole.get_submodule("one")(codes.flatten(1)), model.neuron.shift)
    assert made.cost["currents_off"] == pytest.approx(float((found != wanted).float().mean()), abs=1e-3)
    assert 0 < made.cost["currents_off"] < 0.05
    assert int((found - wanted).abs().max()) <= 1
    assert applied("mint:epochs=0", spiking()).cost["currents_off"] == 0.0


def _clipped_by_hand(neuron: QuantisedLIF, x: Tensor) -> tuple[int, int]:
    """Clipped and all stored potentials of ``x[T, B, C, ...]``, group by group in each step."""
    p, clipped, total = neuron.grid, 0, 0
    kept = torch.zeros_like(x[0].chunk(neuron.share, dim=1)[0])
    for row in x:
        for group in row.chunk(neuron.share, dim=1):
            h = torch.floor(kept * p.beta) + whole_currents(group, p)
            free = h - p.threshold * (h >= p.threshold)
            kept = free.clamp(-p.largest, p.largest)
            clipped, total = clipped + int((free != kept).sum()), total + free.numel()
    return clipped, total


def test_clipped_potentials_of_shared_membranes_are_counted_turn_by_turn() -> None:
    shared = applied("share-neurons:groups=2,epochs=0", spiking()).target
    made = applied("mint:bits=2,epochs=0", shared)
    counts: list[tuple[int, int]] = []

    def count(neuron: Any, given: Any) -> None:
        counts.append(_clipped_by_hand(neuron, given[0]))

    for module in made.target.modules():
        if isinstance(module, QuantisedLIF):
            assert module.share == 2
            module.register_forward_pre_hook(count)
    few = torch.from_numpy(DATA.train.images(slice(0, 32)))
    with torch.no_grad():
        made.target(few)
    clipped, total = (sum(column) for column in zip(*counts, strict=True))
    assert len(counts) == 3
    assert 0 < clipped < total
    assert made.cost["saturated_membranes"] == pytest.approx(clipped / total)


class _Stepped(nn.Module):
    """Neurons called step by step, between two layers."""

    steps = 3
    input_shape = (1, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.one, self.neuron, self.two = nn.Linear(64, 16), LIF(beta=0.5, threshold=0.2), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        state, out = None, []
        for _ in range(self.steps):
            spikes, state = self.neuron.step(self.one(x.flatten(1)), state)
            out.append(self.two(spikes))
        return torch.stack(out)


def test_clipped_potentials_of_neurons_that_are_stepped_are_counted() -> None:
    made = applied("mint:bits=2,epochs=0", _Stepped().eval())
    model: Any = made.target
    few = torch.from_numpy(DATA.train.images(slice(0, 32)))
    with torch.no_grad():
        currents = model.one(few.flatten(1)).expand(3, -1, -1)
    clipped, total = _clipped_by_hand(model.neuron, currents)
    assert clipped > 0
    assert made.cost["saturated_membranes"] == pytest.approx(clipped / total)


class _Twice(SpikingNetwork):
    """One object of neurons under two names."""

    def __init__(self) -> None:
        super().__init__(4, (1, 8, 8), 4)
        self.c1, self.n1 = nn.Conv2d(1, 4, 3, padding=1), LIF(threshold=0.2)
        self.c2, self.c3 = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.n2 = self.n3 = LIF(threshold=0.2)
        self.fc = nn.Linear(256, 4)

    def body(self, x: Tensor, batch: int) -> Tensor:
        x = self.fire(self.n1, self.c1(x), batch)
        x = self.fire(self.n2, self.c2(x), batch)
        return self.fc(self.fire(self.n3, self.c3(x), batch).flatten(1))


def test_one_object_of_neurons_under_two_names_stays_one() -> None:
    torch.manual_seed(0)
    model: Any = applied("mint:bits=4,epochs=1", _Twice().eval()).target
    assert isinstance(model.n2, QuantisedLIF)
    assert model.n2 is model.n3
    assert torch.equal(model.c2.weight_scale, model.c3.weight_scale)
    whole: Any = integer_copy(model)
    assert whole.n2 is whole.n3
    codes = torch.round(images(8) / model.c1.input_step).to(torch.int64)
    exact = (codes * model.c1.input_step).float()
    floats, integers = _spikes(model, exact), _spikes(whole, codes)
    assert len(floats) == len(integers) == 3
    for a, b in zip(floats, integers, strict=True):
        assert torch.equal(a, b.float())
