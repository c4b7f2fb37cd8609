"""A network on its first time steps gives what it gave on them before."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from axbar import load_hardware
from axbar.errors import ModelError
from axbar.nn import LIF, build_model, fewer_steps
from axbar.techniques import parse_technique


def images(count: int = 3) -> Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def network(**settings: object) -> nn.Module:
    wanted = {"width": 4, "steps": 4, "input_shape": (1, 8, 8), "classes": 3, "seed": 1, **settings}
    return build_model("spiking-cnn", **wanted).eval()


@pytest.mark.parametrize("settings", [{}, {"input_coding": "rate"}, {"norm": "bntt"}], ids=str)
def test_the_first_steps_are_the_same(settings: dict[str, object]) -> None:
    long = network(**settings)
    short = fewer_steps(long, 4, 3)
    with torch.no_grad():
        assert torch.equal(short(images()), long(images())[:3])
        assert long(images()).shape[0] == 4  # left as it was
    assert short.config["steps"] == 3 or not long.config


def test_norms_worked_into_neurons_are_cut() -> None:
    from axbar.data import Dataset

    long = network(norm="bntt")
    x = torch.cat([images(40), images(40)]).numpy()
    data = Dataset.from_arrays("noise", (x, torch.arange(80).numpy() % 3), (x, torch.arange(80).numpy() % 3))
    fold, config = parse_technique("fold-norms")
    folded = fold.apply(long, load_hardware("imc-rram-65nm"), data.tuning(), config).target
    with torch.no_grad():
        assert torch.equal(fewer_steps(folded, 4, 2)(images()), folded(images())[:2])


def test_sequences_bring_fewer_frames() -> None:
    long = network(input_shape=(4, 1, 8, 8))
    x = torch.rand(2, 4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        short = fewer_steps(long, 4, 2, told_by_input=True)
        assert torch.equal(short(x[:, :2]), long(x)[:2])
    assert tuple(short.input_shape) == (2, 1, 8, 8)


class Looped(nn.Module):
    """A network of somebody else, which counts its steps in ``T``."""

    def __init__(self, counts: bool) -> None:
        super().__init__()
        self.fc, self.lif, self.delay = nn.Linear(64, 3), LIF(), nn.Identity()
        self.delay.steps = 4  # type: ignore[assignment]
        self.T = 4 if counts else None

    def forward(self, x: Tensor) -> Tensor:
        return self.lif(self.fc(x.flatten(1)).expand(self.T or 4, len(x), 3))


def test_a_network_of_others_is_told_by_its_attribute() -> None:
    short = fewer_steps(Looped(True).eval(), 4, 2)
    assert short(images()).shape[0] == 2
    assert short.delay.steps == 4  # a layer counts something else


def test_a_network_that_does_not_state_its_steps_is_refused() -> None:
    with pytest.raises(ModelError, match="Looped runs 4 steps but has no attribute 'steps'"):
        fewer_steps(Looped(False), 4, 2)
    with pytest.raises(ModelError, match="4 of 4 steps are no fewer"):
        fewer_steps(Looped(True), 4, 4)
