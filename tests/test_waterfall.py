"""What each effect costs: sums, errors, order, and that nothing but the chip decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import axbar
from axbar._report import STEPS, Waterfall
from axbar._waterfall import absent_effects, measure_waterfall, right
from axbar.crossbar import digital
from axbar.data import Dataset, Split
from axbar.errors import UsageError
from axbar.spec import ideal, load_hardware
from axbar.spec.imc import ImcSpec

#: a chip on which every effect hurts a little
HARSH = {
    "device": "rram-neurram",
    "device.age_s": 1e5,
    "device.stuck_on": 0.02,
    "device.stuck_off": 0.02,
    "device.read_noise": 3.0,
    "wires.r_row_ohm": 5.0,
    "wires.r_col_ohm": 5.0,
    "crossbar.rows": 32,
    "crossbar.cols": 32,
    "adc.bits": 4,
    "input.bits": 4,
}


def chip(**changes: Any) -> ImcSpec:
    spec = load_hardware("imc-pcm-14nm", {**HARSH, **changes})
    assert isinstance(spec, ImcSpec)
    return spec


def data(n: int = 120, classes: int = 6) -> Dataset:
    """Noisy prototypes: a linear network is right on some and wrong on others."""
    rng = np.random.default_rng(1)
    prototypes = rng.random((classes, 1, 6, 6))
    y = np.arange(n) % classes
    x = np.clip(prototypes[y] + 0.45 * rng.standard_normal((n, 1, 6, 6)), 0, 1).astype(np.float32)
    return Dataset.from_arrays("prototypes", (x, y), (x, y))


class Net(nn.Module):
    """Two layers that are prototypes' nearest neighbours, and one whose output counts for nothing."""

    def __init__(self, dataset: Dataset, idle: int = 1) -> None:
        super().__init__()
        x, y = dataset.train.images().reshape(-1, 36), dataset.train.labels()
        means = torch.tensor(np.stack([x[y == k].mean(0) for k in range(6)]))
        self.idle = nn.ModuleList([nn.Linear(36, 6, bias=False) for _ in range(idle)])
        self.match = nn.Linear(36, 6)
        with torch.no_grad():
            self.match.weight.copy_(means - 0.5)
            self.match.bias.copy_(-0.5 * (means**2).sum(1) + 0.5 * means.sum(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(1)
        return self.match(flat) + sum(0.0 * layer(flat) for layer in self.idle)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return data()


@pytest.fixture(scope="module")
def harsh(dataset: Dataset) -> Waterfall:
    return measured(dataset, chip())


def measured(dataset: Dataset, spec: ImcSpec, idle: int = 1, **options: Any) -> Waterfall:
    torch.manual_seed(0)
    network = Net(dataset, idle).eval()
    calibration = torch.from_numpy(dataset.calibration.images())
    integer = digital(network, spec, calibration)
    given: dict[str, Any] = {"seed": 0, "dies": 2, **options}
    return measure_waterfall(network, integer, spec, dataset.test, calibration, **given)


def test_the_steps_are_all_there_and_their_losses_add_up(harsh: Waterfall) -> None:
    assert [step.name for step in harsh.steps] == [name for name in STEPS if name != "techniques"]
    assert all(step.measured for step in harsh.steps)
    lost = sum(step.lost_points for step in harsh.steps)
    assert lost == pytest.approx(100 * (harsh.steps[0].accuracy - harsh.steps[-1].accuracy), abs=1e-9)
    assert lost > 0


def test_without_the_last_step_comes_back_what_it_lost(harsh: Waterfall) -> None:
    drift, without = harsh.steps[-1], harsh.leave_one_out[-1]
    assert without.name == drift.name == "drift"
    assert (without.points, without.std_error) == (drift.lost_points, drift.lost_std_error)
    assert without.accuracy == harsh.steps[-2].accuracy


def test_a_layer_whose_output_counts_for_nothing_loses_nothing(harsh: Waterfall) -> None:
    assert [row.name for row in harsh.layers] == ["match", "idle.0"]
    assert harsh.layers[0].points > 2 * harsh.layers[0].std_error > 0
    assert (harsh.layers[1].points, harsh.layers[1].std_error) == (0.0, 0.0)
    assert harsh.layers[0].accuracy == pytest.approx(harsh.steps[-1].accuracy)


def test_the_same_seed_gives_the_same_figures_under_any_batch_size(
    harsh: Waterfall, dataset: Dataset
) -> None:
    assert measured(dataset, chip(), batch_size=37) == harsh
    assert measured(dataset, chip(), seed=5) != harsh


def test_an_ideal_chip_loses_nothing_after_rounding(dataset: Dataset) -> None:
    spec = ideal(chip()).replace({"wires.r_row_ohm": 0.0, "wires.r_col_ohm": 0.0})
    assert isinstance(spec, ImcSpec)
    told: list[tuple[str, int, int]] = []
    found = measured(dataset, spec, progress=lambda *words: told.append(words))
    assert [s.name for s in found.steps if not s.measured] == list(absent_effects(spec))
    assert [s.name for s in found.steps if s.measured] == ["float", "quantised", "adc"]
    assert all((s.lost_points, s.accuracy) == (0.0, found.steps[1].accuracy) for s in found.steps[2:])
    assert all(s.note for s in found.steps if not s.measured)
    assert [change.name for change in found.leave_one_out] == ["adc"]
    assert {change.points for change in (*found.leave_one_out, *found.layers)} == {0.0}
    assert told[-1] == ("waterfall", 3, 3)  # the ADC once, and once in each of two layers: dies do not differ


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({}, []),
        ({"device.stuck_on": 0.0}, []),
        ({"device.stuck_on": 0.0, "device.stuck_off": 0.0}, ["faults"]),
        ({"device.read_noise": 0.0}, ["read_noise"]),
        ({"device.program_noise": 0.0}, ["programming"]),
        ({"device.drift": 0.0, "device.flicker_noise": 0.0}, ["drift"]),
        ({"wires.r_row_ohm": 0.0}, []),
        ({"wires.r_row_ohm": 0.0, "wires.r_col_ohm": 0.0}, ["wires"]),
    ],
)
def test_effects_that_the_chip_has_not_are_named(changes: dict[str, Any], absent: list[str]) -> None:
    assert list(absent_effects(chip(**changes))) == absent


def test_an_absent_effect_is_not_run_and_keeps_the_accuracy_before_it(dataset: Dataset) -> None:
    spec = chip(**{"device.stuck_on": 0.0, "device.stuck_off": 0.0})
    steps = {step.name: step for step in measured(dataset, spec).steps}
    assert not steps["faults"].measured
    assert steps["faults"].accuracy == steps["wires"].accuracy
    assert steps["faults"].lost_points == 0.0


def test_many_layers_are_measured_in_part(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("axbar._waterfall.MOST_LAYERS", 2)
    found = measured(dataset, chip(), idle=3, dies=1)
    assert ({row.name for row in found.layers}, found.layers_left_out) == ({"idle.0", "idle.1"}, 2)


def test_the_errors_are_those_of_paired_differences(dataset: Dataset) -> None:
    """For 0/1 scores: var(d) = (b + c - (b - c)^2 / n) / (n - 1), with b and c the images that change sides."""
    spec = chip(**{"adc.bits": 3})
    torch.manual_seed(0)
    network = Net(dataset).eval()
    integer = digital(network, spec, torch.from_numpy(dataset.calibration.images()))
    step = measured(dataset, spec, dies=1).steps[1]
    before, after = right(network, dataset.test), right(integer, dataset.test)
    n, b, c = len(before), int((before & ~after).sum()), int((~before & after).sum())
    assert step.lost_points == pytest.approx(100 * (b - c) / n)
    assert step.lost_std_error == pytest.approx(100 * np.sqrt((b + c - (b - c) ** 2 / n) / (n - 1) / n))


def test_right_reads_images_in_any_order(dataset: Dataset) -> None:
    network = Net(dataset).eval()
    hits = right(network, dataset.test)
    turned = Split(dataset.test.x[::-1].copy(), dataset.test.y[::-1].copy(), "test")
    assert np.array_equal(right(network, turned), hits[::-1])
    assert 0 < hits.mean() < 1


def test_the_last_step_is_the_chip_of_the_report(dataset: Dataset) -> None:
    report = axbar.evaluate(Net(dataset), dataset, chip(), chips=2, waterfall=1000)
    assert report.accuracy is not None and report.waterfall is not None
    assert report.waterfall.images == report.accuracy.images == len(dataset.test.y)
    assert report.waterfall.steps[0].accuracy == pytest.approx(report.accuracy.float_)
    assert report.waterfall.steps[1].accuracy == pytest.approx(report.accuracy.digital)
    assert report.waterfall.steps[-1].accuracy == pytest.approx(report.accuracy.mean)


def test_techniques_on_the_chip_are_the_last_step(dataset: Dataset) -> None:
    report = axbar.evaluate(
        Net(dataset), dataset, chip(), chips=2, waterfall=1000, techniques=["adc-recalibrate:images=20"]
    )
    assert report.accuracy is not None and report.waterfall is not None
    assert report.waterfall.steps[-1].name == "techniques"
    assert report.waterfall.steps[-1].accuracy == pytest.approx(report.accuracy.mean)


@pytest.mark.parametrize("options", [{"waterfall": 0}, {"waterfall": None}, {"chips": 0}])
def test_it_can_be_left_out(dataset: Dataset, options: dict[str, Any]) -> None:
    report = axbar.evaluate(Net(dataset), dataset, chip(), **{"chips": 1, "images": 12, **options})
    assert report.waterfall is None
    assert report.to_dict()["waterfall"] is None


def test_a_negative_number_of_images_is_refused(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match="waterfall = -1"):
        axbar.evaluate(Net(dataset), dataset, chip(), waterfall=-1)
