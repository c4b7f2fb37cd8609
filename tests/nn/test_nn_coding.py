"""Codings: shapes, ranges and expected counts."""

from __future__ import annotations

import pytest
import torch

from axbar.errors import DataError, ModelError
from axbar.nn import coding


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_direct_repeats_one_image_in_memory() -> None:
    x = torch.randn(3, 2, 4, 4)
    coded = coding.direct(x, 5)
    assert coded.shape == (5, 3, 2, 4, 4)
    assert coded.stride(0) == 0
    assert all(torch.equal(step, x) for step in coded)


def test_rate_fires_as_often_as_the_value_says() -> None:
    x = torch.tensor([[0.0, 0.25, 0.5, 1.0]]).repeat(4000, 1)
    spikes = coding.rate(x, 8, _generator())
    assert spikes.shape == (8, 4000, 4)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    rates = spikes.mean((0, 1))
    assert rates[0] == 0
    assert rates[3] == 1
    assert rates[1:3].tolist() == pytest.approx(
        [0.25, 0.5], abs=0.01
    )  # 3.3 standard deviations of 32,000 draws


def test_rate_is_a_function_of_its_seed() -> None:
    x = torch.rand(4, 9, generator=_generator())
    assert torch.equal(coding.rate(x, 6, _generator(1)), coding.rate(x, 6, _generator(1)))
    assert not torch.equal(coding.rate(x, 6, _generator(1)), coding.rate(x, 6, _generator(2)))


def test_rate_with_a_shared_field_does_not_see_the_batch() -> None:
    x = torch.rand(5, 9, generator=_generator())
    noise = coding.uniform_noise((6, 1, 9), _generator(1))
    whole = coding.rate(x, 6, noise=noise)
    parts = [coding.rate(part, 6, noise=noise) for part in x.split(2)]
    assert torch.equal(torch.cat(parts, dim=1), whole)


def test_latency_by_hand() -> None:
    spikes = coding.latency(torch.tensor([[1.0, 0.76, 0.75, 0.1, 0.0]]), 5)
    # ⌈(1 − x)·4⌉ = 0, 1, 1, 4; nothing for 0
    assert spikes[:, 0].T.tolist() == [
        [1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0],
    ]  # fmt: skip


def test_latency_gives_one_spike_and_keeps_the_order() -> None:
    x = torch.rand(200, generator=_generator()).sort(descending=True).values
    spikes = coding.latency(x, 16)
    assert torch.equal(spikes.sum(0), (x > 0).float())
    assert (spikes.argmax(0).diff() >= 0).all()
    assert coding.latency(x, 1).sum() == 200


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_values_out_of_range_are_refused(value: float) -> None:
    x = torch.tensor([[value]])
    with pytest.raises(DataError, match=r"0\.\.1"):
        coding.latency(x, 4)
    with pytest.raises(DataError, match=r"0\.\.1"):
        coding.rate(x, 4, _generator())


def test_rate_needs_one_source_of_chance() -> None:
    x = torch.zeros(1, 2)
    with pytest.raises(ModelError, match="either"):
        coding.rate(x, 4)
    with pytest.raises(ModelError, match="either"):
        coding.rate(x, 4, _generator(), noise=x)
    with pytest.raises(ModelError, match="steps = 0"):
        coding.direct(x, 0)
