"""A whole network to integers and to arrays."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from chips import IDEAL, SpikingNet, chip, full_path, images, spiking_net
from torch import nn

from axbar.crossbar import AnalogModel, DigitalModel, digital, to_analog
from axbar.errors import DataError, ModelError, SpecError, UsageError


def test_ideal_network_equals_the_digital_one() -> None:
    model, x = spiking_net(), images()
    exact, analog = digital(model, chip(IDEAL), x), to_analog(model, chip(IDEAL), data=x)
    assert torch.equal(analog(x), exact(x))
    with full_path():
        assert torch.equal(analog(x), exact(x))
    assert exact(x).abs().sum() > 0


def test_default_chip_differs_from_die_to_die_but_not_from_call_to_call() -> None:
    model, x = spiking_net(), images()
    analog = to_analog(model, chip(), seed=0, data=x)
    first = analog(x)
    assert torch.equal(analog(x), first)
    assert not torch.equal(analog.program(1)(x), first)
    assert torch.equal(analog.program(0)(x), first)
    assert torch.equal(to_analog(model, chip(), seed=1, data=x)(x), analog.program(1)(x))


def test_any_batch_split_gives_the_same_bits() -> None:
    model, x = spiking_net(), images(7)
    analog = to_analog(model, chip(), seed=0, data=images(8, seed=5))
    whole = analog(x)
    split = torch.cat([analog(x[:1]), analog(x[1:5]), analog(x[5:])], dim=1)
    assert torch.equal(split, whole)


def test_threads_do_not_change_a_bit() -> None:
    model, x = spiking_net(), images(64)
    analog = to_analog(model, chip(), data=x[:8])
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = analog(x)
        torch.set_num_threads(2)
        assert torch.equal(analog(x), one)
    finally:
        torch.set_num_threads(threads)


def test_the_users_class_stays() -> None:
    analog = to_analog(spiking_net(), chip(), data=images())
    assert isinstance(analog, SpikingNet) and isinstance(analog, AnalogModel)
    assert analog.describe() == "3 steps"
    assert analog.steps == 3 and analog.input_shape == (1, 8, 8)
    assert type(analog).__name__ == "AnalogSpikingNet"
    assert type(digital(spiking_net(), chip(), images())).__name__ == "DigitalSpikingNet"
    assert analog.state_dict().keys() == spiking_net().state_dict().keys()


@pytest.mark.parametrize("convert", [digital, to_analog])
def test_copies_and_pickles(convert) -> None:
    x = images()
    made = convert(spiking_net(), chip(), data=x)
    y = made(x)
    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert type(other) is type(made)
        assert torch.equal(other(x), y)
    if isinstance(made, AnalogModel):
        copy.deepcopy(made).program(9)
        assert torch.equal(made(x), y)


def test_batch_norm_is_folded_before_quantising() -> None:
    pytest.importorskip("axbar.workload", reason="folding lives there")
    model, x = spiking_net(norm=True), images()
    assert isinstance(model.norm, nn.BatchNorm2d)
    model.norm.running_mean.uniform_(-0.1, 0.1)
    model.norm.weight.data.uniform_(0.5, 1.5)
    exact = digital(model, chip({"crossbar.weight_bits": 8}), x)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in exact.modules())
    assert exact.unconverted == ()
    without_data = digital(model, chip({"crossbar.weight_bits": 8}))
    assert torch.equal(without_data.first.weight, exact.first.weight)


def test_what_stays_digital_is_listed() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.PReLU(), nn.Linear(4, 2))
    analog = to_analog(model, chip(), data=torch.randn(4, 4))
    assert analog.unconverted == ("1 (LayerNorm, 8 parameters)", "2 (PReLU, 1 parameters)")
    assert list(analog.chip_layers) == ["0", "3"]
    assert analog.n_arrays == 2


def test_a_layer_used_twice_is_converted_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(6, 6)
            self.b = self.a

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(torch.relu(self.a(x)))

    analog = to_analog(Twice(), chip(), data=torch.rand(4, 6))
    assert analog.a is analog.b
    assert list(analog.chip_layers) == ["a"]


def test_parametrised_weights_become_plain() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(6, 3))
    x = torch.rand(4, 6)
    model = nn.Sequential(layer)
    analog = to_analog(model, chip(IDEAL), data=x)
    plain = nn.Sequential(nn.Linear(6, 3))
    plain[0].weight.data, plain[0].bias.data = layer.weight.detach().clone(), layer.bias.detach().clone()
    assert torch.equal(analog(x), digital(plain, chip(IDEAL), x)(x))


class Odd(nn.Linear):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return super().forward(input) * 2


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.ConvTranspose2d(1, 1, 2), "layer 'odd' is a ConvTranspose2d"),
        (nn.Conv1d(1, 1, 2), "layer 'odd' is a Conv1d"),
        (nn.LSTM(2, 2), "layer 'odd' is a LSTM"),
        (nn.MultiheadAttention(4, 2), "layer 'odd' is a MultiheadAttention"),
        (Odd(2, 2), "layer 'odd' is a Odd with a forward of its own"),
    ],
)
def test_unsupported_layers_are_named(layer: nn.Module, words: str) -> None:
    model = nn.Module()
    model.odd = layer
    with pytest.raises(ModelError, match=words):
        to_analog(model, chip())


def test_a_network_without_layers_and_one_converted_twice() -> None:
    with pytest.raises(ModelError, match="no Conv2d or Linear"):
        digital(nn.Sequential(nn.ReLU()), chip())
    analog = to_analog(nn.Linear(2, 2), chip())
    with pytest.raises(ModelError, match="converted already"):
        to_analog(analog, chip())


def test_cells_that_hold_too_many_bits() -> None:
    with pytest.raises(SpecError, match="'sram' cell holds 1 bit"):
        to_analog(nn.Linear(2, 2), chip({"device": "sram"}))
    made = to_analog(nn.Linear(2, 2), chip({"device": "sram", "crossbar.cell_bits": 1}))
    assert made(torch.ones(1, 2)).shape == (1, 2)


@pytest.mark.parametrize(
    "data", [torch.tensor([[0.0, float("nan")]]), torch.zeros(0, 2), torch.zeros(3), "images"]
)
def test_bad_calibration_data(data) -> None:
    with pytest.raises(DataError):
        to_analog(nn.Linear(2, 2), chip(), data=data)


def test_calibration_data_of_the_wrong_shape() -> None:
    with pytest.raises(DataError, match=r"can't take calibration data of shape \(4, 3\)"):
        to_analog(nn.Linear(2, 2), chip(), data=torch.rand(4, 3))


def test_a_hardware_name_and_an_unknown_one() -> None:
    assert isinstance(digital(nn.Linear(2, 2), "imc-rram-65nm"), DigitalModel)
    with pytest.raises(UsageError, match="did you mean"):
        to_analog(nn.Linear(2, 2), "imc-rram-65n")


@pytest.mark.parametrize("t_s", [-1.0, float("nan")])
def test_times_that_can_not_be(t_s: float) -> None:
    analog = to_analog(nn.Linear(2, 2), chip())
    with pytest.raises(UsageError, match="at_time"):
        analog.at_time(t_s)


def test_time_passes_and_can_be_turned_back() -> None:
    x = images()
    analog = to_analog(spiking_net(), chip(), seed=4, data=x)
    fresh = analog(x)
    assert analog.at_time(86400.0) is analog and analog.die_age_s == 86400.0 and analog.die_seed == 4
    aged = analog(x)
    assert not torch.equal(aged, fresh)
    assert torch.equal(analog.at_time(1.0)(x), fresh)
    assert torch.equal(analog.at_time(86400.0)(x), aged)
    assert analog.program(5).die_age_s == 1.0


def test_time_before_the_first_read_is_refused() -> None:
    analog = to_analog(spiking_net(), chip({"device": "pcm-mushroom"}), data=images())
    with pytest.raises(UsageError, match=r"19.9 s.*20 s after programming"):
        analog.at_time(19.9)


def test_modes_are_left_as_they_were() -> None:
    model = spiking_net(norm=False).train()
    model.pool.eval()
    analog = to_analog(model, chip(), data=images())
    assert analog.training and analog.first.training and not analog.pool.training


def test_a_layer_that_saw_no_spike_is_decided_per_call() -> None:
    model = spiking_net()
    model.fire1.threshold = 1e9
    analog = to_analog(model, chip(), data=images())
    assert analog.chip_layers["second"].drive is None
    assert analog.chip_layers["first"].drive is not None
    assert analog(images()).shape == (3, 8, 4)


def test_nan_inside_the_network_is_found_in_calibration() -> None:
    class Bad(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x / 0)

    with pytest.raises(ModelError, match="input of layer 'fc' holds NaN or infinity"):
        to_analog(Bad(), chip(), data=torch.rand(2, 2))
