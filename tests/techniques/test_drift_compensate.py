"""Digital compensation of drift: exact for one common exponent, partial for a spread one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bn_nets import blobs, changed, chip, plain_network

from axbar.crossbar import Effects, to_analog
from axbar.errors import UsageError
from axbar.techniques import parse_technique
from axbar.techniques._norms import adapt_norms

DATA = blobs()
IMAGES = torch.from_numpy(DATA.train.images())


def drifting(spread: float, norms: str = "fold"):
    """A die without converters whose cells all drift with nu = 0.06, or around it."""
    spec = chip(device="custom", device__custom__drift_nu0=0.06, device__custom__drift_nu_sigma=spread)
    analog = to_analog(plain_network(), spec, seed=3, data=IMAGES[:16], norms=norms)
    return analog.set_effects(Effects.only("drift"))


def compensated(die, mode: str):
    technique, config = parse_technique(f"drift-compensate:mode={mode}")
    return technique.apply(die, None, DATA.tuning(), config)


def error(die, fresh: torch.Tensor) -> float:
    return float((die(IMAGES).detach() - fresh).std() / fresh.std())


@pytest.mark.parametrize("mode", ["global", "column"])
def test_one_exponent_is_undone_and_a_spread_one_is_not(mode: str) -> None:
    for spread, low, high in ((0.0, 0.0, 1e-3), (0.02, 5e-3, 0.5)):
        die = drifting(spread)
        fresh = die(IMAGES).detach()
        die.at_time(1e6)
        assert error(die, fresh) > 0.2
        assert low <= error(compensated(die, mode).target, fresh) < high


def test_batch_norms_undo_one_exponent_as_well() -> None:
    for spread, low, high in ((0.0, 0.0, 1e-3), (0.005, 0.05, 0.5)):
        die = drifting(spread, norms="keep")
        for module in die.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.eps = 1e-12
        die[-1] = torch.nn.Identity()  # no norm stands behind the classifier
        adapt_norms(die, IMAGES, 400, "joint")
        fresh = die(IMAGES).detach()
        die.at_time(1e6)
        adapt_norms(die, IMAGES, 400, "joint")
        assert low <= error(die, fresh) < high


def test_leaves_the_given_die_alone_and_writes_no_cell() -> None:
    die = drifting(0.01).at_time(1e4)
    before = {path: layer.effective_weight() for path, layer in die.chip_layers.items()}
    for mode, settings in (("global", 4), ("column", 6 + 8 + 12 + 4)):
        result = compensated(die, mode)
        assert (
            result.cost["writes"] == 0 and result.cost["images"] == 0 and result.cost["settings"] == settings
        )
        assert changed(die, result.target) == set() and result.target.die_age_s == 1e4
        for path, layer in result.target.chip_layers.items():
            ratio = layer.effective_weight() / np.where(before[path] == 0, 1, before[path])
            kinds = np.unique(ratio[before[path] != 0].round(9))
            assert len(kinds) <= (1 if mode == "global" else len(layer.weight)) and (kinds > 1).all()
            assert np.array_equal(die.chip_layers[path].effective_weight(), before[path])


def test_needs_arrays() -> None:
    with pytest.raises(UsageError, match="on no crossbar arrays"):
        compensated(plain_network(), "global")
