"""The kind of converter is a matter of cost alone: accuracy knows bits, so one bit runs as a sense amplifier too."""

from __future__ import annotations

import pytest
import torch
from chips import chip

from axbar.crossbar import to_analog


def output(**changes: object) -> torch.Tensor:
    torch.manual_seed(0)
    layer = torch.nn.Linear(40, 12)
    x = (torch.rand(16, 40, generator=torch.Generator().manual_seed(1)) < 0.4).float()
    with torch.no_grad():
        return to_analog(
            layer, chip({f"adc.{name}": value for name, value in changes.items()}), seed=1, data=x
        )(x)


def test_sense_amplifiers_run() -> None:
    found = output(kind="sense", bits=1)
    assert torch.isfinite(found).all() and found.std() > 0
    assert torch.equal(found, output(kind="flash", bits=1))


@pytest.mark.parametrize("kind", ["ramp", "flash", "survey"])
def test_the_kind_changes_no_sum(kind: str) -> None:
    assert torch.equal(output(kind=kind, bits=5), output(kind="sar", bits=5))
    assert not torch.equal(output(kind=kind, bits=5), output(kind=kind, bits=2))
