"""Integer weights and membranes: on real images, on chips, from a run folder, and what is refused."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from prune_nets import applied, images, spiking, weights, zeros
from torch import Tensor, nn

import axbar
from axbar.data import Dataset, load_data
from axbar.errors import ModelError, UsageError
from axbar.nn import (
    TrainConfig,
    accuracy,
    build_model,
    integer_copy,
    load_network,
    save_checkpoint,
    train,
)
from axbar.nn.quantised import QuantisedConv2d, QuantisedLIF
from axbar.spec import load_hardware
from axbar.techniques import noted, parse_plan, parse_technique
from axbar.techniques._grids import groups_of
from axbar.techniques.mint import Mint
from axbar.workload import fold_norms

CHIPS = {
    "imc-rram-65nm": ("crossbar.weight_bits", "crossbar.cell_bits"),
    "sata": ("weight_bits", None),
    "loas": ("weight_bits", None),
}


def _chip(name: str, bits: int, **more: Any) -> Any:
    weight, cell = CHIPS[name]
    changes: dict[str, Any] = {weight: bits, "neuron.membrane_bits": bits, **more}
    return load_hardware(name, changes if cell is None else {cell: 1, **changes})


def _spikes(model: nn.Module, batch: Tensor) -> list[Tensor]:
    """Spikes of all neuron layers, in order of execution."""
    seen: list[Any] = []
    neurons = [m for m in model.modules() if getattr(m, "is_neuron", False)]
    handles = [m.register_forward_hook(lambda _m, _i, out: seen.append(out)) for m in neurons]
    with torch.no_grad():
        model(batch)
    for handle in handles:
        handle.remove()
    return seen


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_data("fashion-mnist-small").subset(train=2000, calibration=400, test=400)


@pytest.fixture(scope="module")
def network(data: Dataset) -> nn.Module:
    model = build_model("spiking-cnn", width=6, steps=4)
    train(model, data, TrainConfig(epochs=3, batch_size=50, lr=4e-3))
    return model


@pytest.fixture(scope="module")
def on_grid(data: Dataset, network: nn.Module) -> dict[int, Any]:
    """The results of 8 and of 4 bits."""
    found = {}
    for bits in (8, 4):
        technique, config = parse_technique(f"mint:bits={bits},epochs=1,batch=50")
        found[bits] = technique.apply(network, None, data.tuning(), config)
    return found


def test_on_real_images_eight_bits_lose_nothing_and_four_little(
    data: Dataset, network: nn.Module, on_grid: dict[int, Any]
) -> None:
    before = accuracy(network, data.test)
    assert before > 0.7
    assert accuracy(on_grid[8].target, data.test) >= before - 0.02
    assert accuracy(on_grid[4].target, data.test) >= before - 0.05


def test_the_cost_says_what_is_stored(network: nn.Module, on_grid: dict[int, Any]) -> None:
    cost = on_grid[4].cost
    stored = sum(weight.numel() for weight in weights(network).values())
    assert cost["weights"] == stored
    assert cost["membranes"] == 6 * 28 * 28 + 12 * 14 * 14 + 24
    assert cost["memory_bits_before"] == 32 * (stored + cost["membranes"])
    assert cost["memory_bits_after"] == 4 * (stored + cost["membranes"])
    assert cost["memory_saved"] == 0.875
    assert 0 < cost["saturated_weights"] < 1
    assert 0 < cost["saturated_membranes"] < 1


@pytest.mark.parametrize("bits", [8, 4])
def test_real_images_give_the_same_spikes_in_integers_alone(
    data: Dataset, on_grid: dict[int, Any], bits: int
) -> None:
    model = on_grid[bits].target
    pixels = torch.from_numpy(data.test.images(slice(0, 100)))
    codes = torch.round(pixels * 255).to(torch.int64)
    assert model.conv1.input_step == pytest.approx(1 / 255)
    assert model.neuron1.shift == 8
    floats, integers = _spikes(model, pixels), _spikes(integer_copy(model), codes)
    assert len(floats) == len(integers) == 3
    for a, b in zip(floats, integers, strict=True):
        assert 0 < float(a.mean()) < 1
        assert torch.equal(a, b.float())


@pytest.mark.parametrize("bits", [2, 3, 6, 8])
def test_reset_to_zero_gives_the_same_spikes_as_well(data: Dataset, network: nn.Module, bits: int) -> None:
    model = copy.deepcopy(network)
    for module in model.modules():
        if getattr(module, "is_neuron", False):
            vars(module)["reset"] = "zero"
    technique, config = parse_technique(f"mint:bits={bits},epochs=0")
    made = technique.apply(model, None, data.tuning(), config).target
    pixels = torch.from_numpy(data.test.images(slice(0, 64)))
    codes = torch.round(pixels * 255).to(torch.int64)
    for a, b in zip(_spikes(made, pixels), _spikes(integer_copy(made), codes), strict=True):
        assert 0 < float(a.mean()) < 1
        assert torch.equal(a, b.float())


@pytest.mark.parametrize("chip", CHIPS)
def test_the_integer_network_of_a_chip_is_the_network(
    data: Dataset, on_grid: dict[int, Any], chip: str
) -> None:
    model, batch = on_grid[4].target, torch.from_numpy(data.test.images(slice(0, 50)))
    digital = axbar.digital(model, _chip(chip, 4, **{"input.bits": 8}), data=batch)
    for a, b in zip(_spikes(model, batch), _spikes(digital, batch), strict=True):
        assert torch.equal(a, b)
    assert accuracy(digital, data.test) == pytest.approx(accuracy(model, data.test), abs=0.003)


def test_an_ideal_die_holds_exactly_the_codes(data: Dataset, on_grid: dict[int, Any]) -> None:
    model, batch = on_grid[4].target, torch.from_numpy(data.test.images(slice(0, 16)))
    no_wires = dict.fromkeys(
        ("wires.r_row_ohm", "wires.r_col_ohm", "wires.r_driver_ohm", "wires.r_sense_ohm"), 0.0
    )
    spec = _chip("imc-rram-65nm", 4, **{"device": "ideal", "adc.bits": 12, "input.bits": 8, **no_wires})
    die = axbar.to_analog(model, spec, seed=1, data=batch)
    for a, b in zip(_spikes(model, batch), _spikes(die, batch), strict=True):
        assert torch.equal(a, b)


def test_the_trace_holds_bits_and_steps(data: Dataset, on_grid: dict[int, Any]) -> None:
    model = on_grid[4].target
    workload = axbar.trace(model, data.test.images(slice(0, 8)))
    layers = {name: module for name, module in model.named_modules() if hasattr(module, "weight_bits")}
    assert [layer.name for layer in workload.matmuls] == list(layers)
    for layer in workload.matmuls:
        assert layer.bits == 4
        assert layer.scale == pytest.approx(float(layers[layer.name].weight_scale))
        assert layer.weight is not None and layer.scale is not None
        codes = layer.weight / layer.scale
        assert abs(codes - codes.round()).max() < 1e-3
    assert all(node.neuron is not None and node.neuron.bits == 4 for node in workload.neurons)
    digital = axbar.digital(model, _chip("imc-rram-65nm", 4), data=torch.rand(2, 1, 28, 28))
    again = axbar.trace(digital, data.test.images(slice(0, 8)), spikes_of="digital")
    assert [layer.scale for layer in again.matmuls] == [layer.scale for layer in workload.matmuls]


@pytest.mark.parametrize("chip", CHIPS)
def test_a_chip_of_other_bits_is_told_all_settings_at_once(
    data: Dataset, on_grid: dict[int, Any], chip: str
) -> None:
    workload = axbar.trace(on_grid[4].target, data.test.images(slice(0, 8)))
    weight, _ = CHIPS[chip]
    with pytest.raises(
        UsageError, match=f"on eight-bit; give --set {weight}=4 --set neuron.membrane_bits=4,"
    ):
        axbar.estimate(workload, _chip(chip, 8).replace({"name": "eight-bit"}))
    with pytest.raises(UsageError, match=f"on {chip}; give ") as told:
        axbar.estimate(workload, chip)
    settings = dict(re.findall(r"--set ([\w.]+)=(\d+)", str(told.value)))
    assert axbar.estimate(workload, axbar.load_hardware(chip, settings)).feasible.all()
    with pytest.raises(UsageError, match=r"--set neuron\.membrane_bits=4"):
        axbar.estimate(workload, _chip(chip, 4, **{"neuron.membrane_bits": 16}))
    small = axbar.estimate(workload, _chip(chip, 4))
    assert small.total("energy_J")[0] > 0


def test_a_run_folder_brings_the_network_back(data: Dataset, on_grid: dict[int, Any], tmp_path: Path) -> None:
    model = on_grid[4].target
    save_checkpoint(tmp_path, model)
    again = load_network(tmp_path)
    assert noted(again) == ("mint",)
    assert isinstance(again.get_submodule("conv1"), QuantisedConv2d)
    batch = torch.from_numpy(data.test.images(slice(0, 20)))
    with torch.no_grad():
        assert torch.equal(again(batch), model(batch))
    for a, b in zip(model.modules(), again.modules(), strict=True):
        if isinstance(a, QuantisedLIF):
            assert isinstance(b, QuantisedLIF)
            assert a.grid == b.grid


def test_removed_weights_stay_removed() -> None:
    pruned = applied("prune:sparsity=0.7,epochs=0", spiking()).target
    made = applied("mint:bits=4,epochs=2,lr=0.01", pruned)
    before, after = weights(pruned), weights(made.target)
    for path, weight in before.items():
        assert bool((after[path][weight == 0] == 0).all()), path
        assert not torch.equal(after[path], weight), path
    assert sum(zeros(made.target).values()) >= sum(zeros(pruned).values())


def test_evaluate_asks_for_a_chip_of_its_bits_before_any_training(data: Dataset, network: nn.Module) -> None:
    with pytest.raises(UsageError, match=r"makes 4-bit weights and membranes.*--set neuron\.membrane_bits=4"):
        axbar.evaluate(network, data, "loas", techniques=["mint:bits=4,epochs=1000"], images=20)
    report = axbar.evaluate(
        network, data, "loas", techniques=["mint:bits=4,epochs=1"], images=200, chips=0, waterfall=0,
        overrides={"weight_bits": 4, "neuron.membrane_bits": 4, "input.bits": 8},
    )  # fmt: skip
    assert report.accuracy is not None and report.accuracy.digital is not None
    assert report.accuracy.digital == pytest.approx(report.accuracy.float_, abs=0.011)
    assert not any("full precision" in note for note in report.notes)


def test_the_given_network_is_left_alone_and_the_result_is_repeatable() -> None:
    model = spiking()
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    one, two = (applied("mint:bits=3,epochs=1", model).target for _ in range(2))
    assert all(torch.equal(value, kept[key]) for key, value in model.state_dict().items())
    assert all(torch.equal(value, two.state_dict()[key]) for key, value in one.state_dict().items())


def test_layers_that_meet_at_one_neuron_share_a_grid() -> None:
    model: Any = build_model("spiking-resnet19", width=2, steps=2, input_shape=(1, 8, 8), classes=4).eval()
    made: Any = applied("mint:bits=4,epochs=1", model).target
    for block in (made.blocks[3], made.blocks[6]):
        assert torch.equal(block.conv2.weight_scale, block.shortcut[0].weight_scale)
        assert torch.equal(block.neuron2.membrane_scale, block.conv2.weight_scale)
        assert not block.neuron2.adds_spikes
    assert made.blocks[0].neuron2.adds_spikes  # its shortcut is the spikes themselves
    batch = images(8)
    digital = axbar.digital(made, _chip("imc-rram-65nm", 4), data=batch)
    for a, b in zip(_spikes(made, batch), _spikes(digital, batch), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(ModelError, match="adds spikes to its current"):
        integer_copy(made)


def test_neurons_that_share_membranes_keep_sharing() -> None:
    shared = applied("share-neurons:groups=2,epochs=0", spiking()).target
    made: Any = applied("mint:bits=4,epochs=0", shared).target
    found = [m for m in made.modules() if isinstance(m, QuantisedLIF)]
    assert [m.share for m in found] == [2, 2, 2]
    codes = torch.round(images(4) / made.conv1.input_step).to(torch.int64)
    exact = (codes * made.conv1.input_step).float()
    for a, b in zip(_spikes(made, exact), _spikes(integer_copy(made), codes), strict=True):
        assert torch.equal(a, b.float())


def test_what_comes_after_it_and_what_does_not() -> None:
    parse_plan(["prune", "mint:bits=4", "early-exit"])
    for other in ("prune", "noise-aware", "clip-weights", "mask-single-spikes", "share-neurons"):
        with pytest.raises(UsageError, match=f"'{other}' can't come after 'mint': its weights are whole"):
            parse_plan(["mint", other])
    for other in ("bn-adapt", "bn-finetune"):
        with pytest.raises(UsageError, match=f"'{other}' can't come after 'mint'"):
            parse_plan(["mint", other])
    parse_plan(["mint", "adc-recalibrate", "drift-compensate"])


class _Through(nn.Module):
    """Layers in a row, over T = 2 steps."""

    steps = 2
    input_shape = (1, 8, 8)

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        x = x.expand(2, *x.shape).flatten(0, 1)
        for layer in self.layers:
            if getattr(layer, "is_neuron", False):
                x = layer(x.unflatten(0, (2, -1))).flatten(0, 1)
            else:
                x = layer(x)
        return x.unflatten(0, (2, -1))


def _through(*layers: nn.Module) -> nn.Module:
    return _Through(*layers).eval()


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ([nn.Flatten(), nn.Linear(64, 4)], "has no spiking neurons"),
        ([nn.Conv2d(1, 2, 3), axbar.nn.LIF(beta=0.9), nn.Flatten(), nn.Linear(72, 4)], "arithmetic shift"),
        (
            [nn.Conv2d(1, 2, 3), nn.AvgPool2d(2), axbar.nn.LIF(), nn.Flatten(), nn.Linear(18, 4)],
            r"'layers.2' are charged through 'layers.1' \(avg\)",
        ),
        (
            [nn.Conv2d(1, 2, 3), axbar.nn.LIF(), nn.Flatten(), nn.Linear(72, 8), nn.ReLU(), nn.Linear(8, 4)],
            "'layers.3' feeds layer 'layers.5' without neurons between",
        ),
        ([axbar.nn.LIF(), nn.Flatten(), nn.Linear(64, 4)], "charged through the network's input"),
        (
            [nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.BatchNorm2d(2), axbar.nn.LIF(), nn.Flatten(), nn.Linear(18, 4)],
            r"norm 'layers.2' \(BatchNorm2d\) can't be folded",
        ),
    ],
)  # fmt: skip
def test_networks_without_an_integer_form_are_refused(layers: list[nn.Module], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        applied("mint:epochs=0", _through(*layers))


def test_groups_are_found_and_a_plain_module_will_do() -> None:
    model = _through(
        nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), axbar.nn.LIF(), nn.Flatten(), nn.Linear(18, 4), axbar.nn.IF()
    )
    groups = groups_of(axbar.trace(model, images(2)), model)
    assert [(group.layers, group.neurons) for group in groups] == [
        (("layers.0",), ("layers.2",)),
        (("layers.4",), ("layers.5",)),
    ]
    made: Any = applied("mint:bits=5,epochs=1", model).target
    assert made.layers[2].membrane_bits == 5


def test_twice_is_refused() -> None:
    made = applied("mint:epochs=0", spiking()).target
    with pytest.raises(
        ModelError, match=r"layer 'conv1' is on a grid of 4 bits already; start from the network"
    ):
        applied("mint:epochs=0", made)


def test_the_offer_is_fewer_bits_where_the_chip_has_more() -> None:
    workload = axbar.trace(fold_norms(spiking(), images(2)), images(4))
    for name, (weight, _) in CHIPS.items():
        offer = Mint().what_if(load_hardware(name), workload)
        assert offer is not None
        assert offer.changes["neuron.membrane_bits"] == 4
        assert offer.changes.get(weight, 4) == 4
        assert axbar.estimate(workload, load_hardware(name).replace(offer.changes)).feasible[0]
    small = load_hardware("loas", {"weight_bits": 4, "neuron.membrane_bits": 4})
    assert Mint().what_if(small, workload) is None
    made = applied("mint:epochs=0", spiking()).target
    assert Mint().what_if(load_hardware("loas"), axbar.trace(made, images(4))) is None


def test_a_training_step_can_be_traced() -> None:
    made = applied("mint:epochs=0", spiking()).target
    workload = axbar.trace(made, images(4), labels=torch.tensor([0, 1, 2, 3]))
    assert workload.grad is not None
    assert set(workload.grad) == {"conv1", "conv2", "fc1", "fc2"}
