"""Accuracy on chips that compute digitally: a spiking network trained on real images, on an array and on sparse PEs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import axbar
from axbar.crossbar import folded_copy
from axbar.data import Dataset, load_data
from axbar.devices import quantise
from axbar.errors import UsageError
from axbar.nn import TrainConfig, build_model, train
from axbar.report._scale import wilson
from axbar.spec import load_hardware

IMAGES = 200


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_data("fashion-mnist-small")


@pytest.fixture(scope="module")
def network(data: Dataset) -> nn.Module:
    model = build_model("spiking-cnn", width=8, steps=2)
    train(model, data, TrainConfig(epochs=1, batch_size=100, seed=0, device="cpu"))
    return model


def accuracy_on(network: nn.Module, data: Dataset, chip: Any) -> Any:
    report = axbar.evaluate(network, data, chip, chips=0, images=IMAGES, trace_samples=2, waterfall=0)
    return report.accuracy


def rounded(network: nn.Module, data: Dataset, bits: int, inputs: int) -> nn.Module:
    """The network in float64 with rounded weights and images, by torch alone."""
    few = torch.from_numpy(data.calibration.images(slice(0, 128)))
    made = folded_copy(network, axbar.calibration.CalibrationSource.of(few)).double().eval()
    layers = [layer for layer in made.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in layers:
        codes, scale = quantise(layer.weight.detach().numpy(), bits)
        layer.weight.data = torch.from_numpy(codes * scale)
    most = 2**inputs - 1
    step = float(few.max()) / most
    layers[0].register_forward_pre_hook(lambda _, x: (torch.round(x[0] / step).clamp(-most, most) * step,))
    return made


def answers(network: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return network(x).mean(0).argmax(-1)


@pytest.mark.parametrize("bits", [3, 8, 12, 32])
def test_an_array_has_the_accuracy_of_rounded_weights(network: nn.Module, data: Dataset, bits: int) -> None:
    chip = load_hardware("sata", {"weight_bits": bits})
    found = accuracy_on(network, data, chip)
    test = data.test.balanced(IMAGES)
    x, y = torch.from_numpy(test.images()), torch.from_numpy(test.labels())
    expected = answers(rounded(network, data, bits, 8), x.double())
    # float32 and float64 membranes may part at a threshold: at most two images
    assert found.digital == pytest.approx(float((expected == y).double().mean()), abs=2 / IMAGES)
    assert not found.analog and 0.4 < found.float_ < 1.0
    few = torch.from_numpy(data.calibration.images(slice(0, 128)))
    integer = answers(axbar.digital(network, chip, data=few), x)
    assert found.digital == pytest.approx(float((integer == y).double().mean()), abs=1e-12)


@pytest.mark.parametrize("chip", ["sata", "loas", "imc-rram-65nm"])
def test_the_verdict_is_of_the_integers_that_the_chip_computes(
    network: nn.Module, data: Dataset, chip: str
) -> None:
    bits = {"imc-rram-65nm": "imc.weight_bits"}.get(chip, "weight_bits")
    spec = load_hardware(chip, {bits: 2} if bits in load_hardware(chip).values() else {})
    words: dict[str, Any] = {"chips": 0, "images": IMAGES, "trace_samples": 2, "waterfall": 0}
    report = axbar.evaluate(network, data, spec, **words)
    found = report.accuracy
    assert found is not None and found.digital is not None and found.of == "digital"
    first = report.verdict.split(" · ")[0]
    digital, float_ = f"{100 * found.digital:.1f} % in integers", f"{100 * found.float_:.1f} %"
    assert first == (digital if digital.startswith(float_) else f"{float_} → {digital}")
    assert report.to_dict()["verdict"] == report.verdict
    low, high = wilson(found.digital, IMAGES)
    interval = f"pin that of the integer network down to between {100 * low:.1f} and {100 * high:.1f} %"
    for form in ("txt", "html"):
        text = " ".join(report.render(form).split())
        assert first in text and interval in text, form
    if chip == "sata":
        assert digital[:5] != float_[:5] and " → " in first


def test_accuracy_falls_to_that_of_the_bits(network: nn.Module, data: Dataset) -> None:
    coarse, fine = (
        accuracy_on(network, data, load_hardware("sata", {"weight_bits": bits})) for bits in (2, 32)
    )
    assert coarse.digital < fine.digital - 0.02
    assert fine.digital == pytest.approx(fine.float_, abs=0.02)


def test_chips_of_the_same_bits_have_one_accuracy(network: nn.Module, data: Dataset) -> None:
    found = axbar.compare(network, data, ["sata", "loas"], chips=0, images=IMAGES, trace_samples=2)
    sata, loas = (report.accuracy.digital for report in found.reports)
    assert sata == loas is not None
    assert f"{sata:.1%}".rstrip("%") in found.render("txt")


def test_a_training_chip_says_whose_accuracy_it_is(network: nn.Module, data: Dataset) -> None:
    chips = [load_hardware("sata", {"task": task}) for task in ("inference", "training")]
    reports = [
        axbar.evaluate(network, data, chip, chips=0, images=50, trace_samples=2, waterfall=0)
        for chip in chips
    ]
    assert reports[0].accuracy == reports[1].accuracy
    said = [any("on the way forward" in note for note in report.notes) for report in reports]
    assert said == [False, True]


def test_techniques_for_dies_say_that_there_are_none(network: nn.Module, data: Dataset) -> None:
    words: dict[str, Any] = {"images": 20, "trace_samples": 2, "techniques": ["adc-recalibrate:images=16"]}
    found = axbar.compare(network, data, ["imc-rram-65nm", "sata", "loas"], chips=1, **words)
    told = [[note for note in report.notes if "adc-recalibrate acts on" in note] for report in found.reports]
    assert told[0] == [] and told[1] == [
        "adc-recalibrate acts on programmed dies; sata has none, so nothing changed"
    ]
    assert "loas has none" in told[2][0]
    alone = axbar.evaluate(network, data, "imc-rram-65nm", chips=0, waterfall=0, **words)
    assert any("none was programmed (0 chips asked for)" in note for note in alone.notes)
    plain = axbar.evaluate(network, data, "sata", images=20, trace_samples=2, waterfall=0)
    assert not any("programmed dies" in note for note in plain.notes)


def test_noise_aware_needs_dies(network: nn.Module, data: Dataset) -> None:
    with pytest.raises(UsageError, match=r"'noise-aware' needs a chip whose dies are programmed, and 'sata'"):
        axbar.evaluate(network, data, "sata", images=20, trace_samples=2, techniques=["noise-aware:epochs=1"])
