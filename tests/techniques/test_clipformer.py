"""clipformer: α and β given or chosen on a die, in accuracy and cost alike; what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import axbar
from axbar.crossbar import to_analog
from axbar.errors import ModelError, UsageError
from axbar.nn import TrainConfig, build_model, train
from axbar.spec import ImcSpec
from axbar.techniques import get_technique, parse_plan, parse_technique
from axbar.techniques.clipformer import CHOICES, ClipFormerConfig, _best

CHIP = "imc-rram-clipformer"
#: no wires, and digits of eight bits: what is tested is what is written
QUICK: dict[str, Any] = {"wires.r_row_ohm": 0, "wires.r_col_ohm": 0, "input.dac_bits": 8}


def chip(**settings: Any) -> ImcSpec:
    spec = axbar.load_hardware(CHIP, QUICK | settings)
    assert isinstance(spec, ImcSpec)
    return spec


@pytest.fixture(scope="module")
def data() -> Any:
    return axbar.load_data("fashion-mnist-small").subset(train=600, calibration=48)


@pytest.fixture(scope="module")
def network(data: Any) -> nn.Module:
    made = build_model("vit-tiny", width=16, depth=1, patch=7, input_shape=(1, 28, 28))
    train(made, data, TrainConfig(epochs=3, batch_size=50, seed=0))
    return made.eval()


def test_given_bounds_are_settings_of_the_chip(network: nn.Module, data: Any) -> None:
    technique, config = parse_technique("clipformer:low=2,high=0.25")
    settings, cost = technique.choose_settings(network, chip(), data.tuning(), config)  # pyright: ignore[reportAttributeAccessIssue]
    assert (
        settings == {"run_time.clip_low": 2.0, "run_time.clip_high": 0.25}
        and cost["held_out_cross_entropy"] == {}
    )
    done = technique.apply(
        to_analog(network, chip(), 0, data.calibration.images()), chip(), data.tuning(), config
    )
    direct = to_analog(network, chip().replace(settings), 0, torch.from_numpy(data.calibration.images()))
    images = torch.from_numpy(data.test.images(slice(0, 8)))
    with torch.no_grad():
        assert torch.equal(done.target.rewind(epoch=1)(images), direct.rewind(epoch=1)(images))  # pyright: ignore
    assert done.target.axbar_hardware.run_time.clip_high == 0.25  # pyright: ignore[reportAttributeAccessIssue]


def test_the_choice_is_that_of_held_out_images(network: nn.Module, data: Any) -> None:
    technique, config = parse_technique("clipformer:images=48")
    loud = chip(**{"run_time.write_noise": 2.5})
    settings, cost = technique.choose_settings(network, loud, data.tuning(), config)  # pyright: ignore[reportAttributeAccessIssue]
    held = cost["held_out_cross_entropy"]
    assert list(held) == [f"α {low:g}, β {high:g}" for low, high in CHOICES]
    chosen = f"α {settings['run_time.clip_low']:g}, β {settings['run_time.clip_high']:g}"
    assert held[chosen] == min(held.values()) and cost["images"] == 48
    again, _ = technique.choose_settings(network, loud, data.tuning(), config)  # pyright: ignore[reportAttributeAccessIssue]
    assert again == settings


def test_no_clipping_is_given_up_for_a_gain_beyond_its_standard_error_only() -> None:
    none, clear, more = (0.0, 1.0), (1.0, 0.5), (2.0, 0.25)
    steady = torch.full((40,), 0.5)
    wild = torch.cat([torch.full((20,), 3.0), torch.full((20,), -2.5)])  # 0.25 ± 0.44
    base = torch.full((40,), 4.0)
    assert _best({none: base, clear: base - wild, more: base + steady}) == none
    assert _best({none: base, clear: base - 0.1 * steady, more: base - wild}) == clear
    assert _best({none: base, clear: base - 0.1 * steady, more: base - steady}) == more
    assert _best({none: base, clear: base, more: base}) == none
    assert _best({none: base[:1], more: base[:1] - 1.0}) == more  # of one image no spread is known


def test_an_evaluation_charges_what_it_chose(network: nn.Module, data: Any) -> None:
    plain, clipped = (
        axbar.evaluate(network, data, chip(), chips=1, images=40, waterfall=0, techniques=techniques)
        for techniques in ((), ("clipformer:low=2,high=0.25",))
    )
    assert (
        clipped.hardware.values()["run_time.clip_high"] == 0.25
        and plain.hardware.values()["run_time.clip_high"] == 1.0
    )
    assert clipped.techniques[0]["name"] == "clipformer"
    writes = [
        dict(zip(r.estimate.components, r.estimate.by_component("energy_J")[0], strict=True))["writes"]
        for r in (plain, clipped)
    ]
    assert writes[1] == pytest.approx(0.75 * writes[0], rel=1e-9)  # one slice of four stays empty


def test_advice_offers_the_published_point_where_keys_are_written(network: nn.Module, data: Any) -> None:
    workload = axbar.trace(network, data.test.images(slice(0, 4)))
    offer = get_technique("clipformer").what_if(chip(), workload)  # pyright: ignore[reportAttributeAccessIssue]
    assert offer is not None and dict(offer.changes) == {"run_time.clip_low": 2.0, "run_time.clip_high": 0.25}
    assert "does not pay" in offer.why  # at the published noise normal values lose more to the clip
    loud = get_technique("clipformer").what_if(chip(**{"run_time.write_noise": 2.5}), workload)  # pyright: ignore
    assert loud is not None and "clipping pays" in loud.why
    for other in (
        chip(**{"run_time.unit": "sram"}),
        chip(**{"run_time.clip_high": 0.5}),
        axbar.load_hardware("sata"),
    ):
        assert get_technique("clipformer").what_if(other, workload) is None  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clipformer:low=2", "clipformer': low = 2.0 and high = None: give both, or none"),
        ("clipformer:low=0.5,high=0.5", "takes less than one g_off off; give 0 for none, or 1 or more"),
        ("clipformer:low=1,high=0", "high"),
        ("clipformer:low=1,high=1.5", "high"),
        ("clipformer:low=-1,high=0.5", "low"),
    ],
)
def test_bounds_out_of_range_are_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_plan([text])


def test_chips_and_networks_without_written_keys_are_refused(
    network: nn.Module, data: Any, tmp_path: Path
) -> None:
    technique, config = get_technique("clipformer"), ClipFormerConfig()
    for spec, words in ((chip(**{"run_time.unit": "digital"}), "run_time.unit is digital; give --set"),
                        (axbar.load_hardware("sata"), "has no cells; give a chip of kind imc")):  # fmt: skip
        with pytest.raises(UsageError, match=words):
            technique.choose_settings(network, spec, data.tuning(), config)  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ModelError, match="has no product of run-time operands as a module"):
        technique.choose_settings(build_model("cnn", width=4), chip(), data.tuning(), config)  # pyright: ignore[reportAttributeAccessIssue]


def test_the_waterfall_ranks_written_products_among_the_layers(network: nn.Module, data: Any) -> None:
    for unit, expected in (("nvm", True), ("digital", False)):
        report = axbar.evaluate(
            network, data, chip(**{"run_time.unit": unit}), chips=1, images=20, waterfall=10
        )
        assert report.waterfall is not None
        names = {row.name for row in report.waterfall.layers}
        assert ({"blocks.0.attn.scores", "blocks.0.attn.mix"} <= names) is expected
        assert {"blocks.0.attn.qkv", "head"} <= names
