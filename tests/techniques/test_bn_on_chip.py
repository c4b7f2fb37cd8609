"""Techniques on batch norms with real dies: what they leave alone, and what they bring."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bn_nets import blobs, changed, chip, plain_network, plain_trained
from torch import nn

from axbar.crossbar import Effects, to_analog
from axbar.crossbar._diagnose import diagnose
from axbar.nn import accuracy
from axbar.techniques import parse_technique

DATA = blobs()
IMAGES = torch.from_numpy(DATA.train.images())
WIRES = {
    "wires__r_row_ohm": 5.0,
    "wires__r_col_ohm": 10.0,
    "wires__r_driver_ohm": 1000.0,
    "wires__r_sense_ohm": 1000.0,
    "device__g_on_S": 4e-5,
    "device__g_off_S": 4e-6,
}


def applied(text: str, die: nn.Module):
    technique, config = parse_technique(text)
    return technique.apply(die, chip(), DATA.tuning(), config)


@pytest.mark.parametrize("text", ["bn-adapt:images=64", "bn-finetune:images=16,epochs=1,adapt_images=16"])
def test_cells_scales_and_ranges_stay_bit_for_bit(text: str) -> None:
    spec = chip(device="rram-neurram", adc__bits=6, **WIRES)
    die = to_analog(plain_network(), spec, seed=2, data=IMAGES[:16], norms="keep")
    kinds = (
        ("running_mean", "running_var")
        if "adapt:" in text
        else ("running_mean", "running_var", "weight", "bias")
    )
    result = applied(text, die)
    assert changed(die, result.target) == {f"{i}.{kind}" for i in (1, 4, 8) for kind in kinds}
    assert result.target.die_seed == 2 and result.cost["writes"] == 0
    for path, layer in result.target.chip_layers.items():
        before = die.chip_layers[path]
        assert np.array_equal(layer.effective_weight(), before.effective_weight())
        assert np.array_equal(layer.held_S(0), before.held_S(0), equal_nan=True)
        assert np.array_equal(layer.range_levels, before.range_levels)
        assert layer.drive == before.drive


def test_without_flaws_accuracy_moves_within_sampling_noise() -> None:
    die = to_analog(plain_trained(), chip(), data=IMAGES[:64], norms="keep", effects=Effects.none())
    before, after = (accuracy(m, DATA.test) for m in (die, applied("bn-adapt", die).target))
    assert 0.8 < before < 0.98
    assert abs(after - before) <= 2 * np.sqrt(before * (1 - before) / len(DATA.test.y))


def test_recover_what_wires_take() -> None:
    model, wires = plain_trained(), Effects.only("wires")
    die = to_analog(model, chip(**WIRES), data=IMAGES[:64], norms="keep", effects=wires)
    assert all(d.repairable_by_bn and d.residual < 0.3 for d in diagnose(die, IMAGES))
    floating = accuracy(model, DATA.test)
    flawed = accuracy(die, DATA.test)
    adapted = accuracy(applied("bn-adapt", die).target, DATA.test)
    assert flawed < floating - 0.15
    assert adapted > flawed + 0.6 * (floating - flawed)


def test_adaptation_and_use_read_with_different_noise() -> None:
    spec = chip(device="rram-neurram", device__program_noise=0.0)
    noisy = Effects.only("read_noise")
    die = to_analog(plain_network(), spec, seed=1, data=IMAGES[:16], norms="keep", effects=noisy)
    adapted = applied("bn-adapt:images=50", die).target
    used = adapted(IMAGES[:8]).detach()
    again = adapted.rewind()(IMAGES[:8]).detach()
    assert not torch.equal(used, again)
