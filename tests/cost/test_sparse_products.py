"""Attention on the dual-sparse kind: zeros of both operands, one right operand per sample, head and step, DRAM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from product_cases import (
    COLUMNS,
    FEATURES,
    HEADS,
    SAMPLES,
    TOKENS,
    attention,
    heads_of,
    network,
    numbers,
    spikes,
)

from axbar.cost import estimate
from axbar.cost.sparse import simulate_layers
from axbar.cost.sparse.unfold import pieces, windows
from axbar.errors import UsageError
from axbar.spec import load_hardware
from axbar.workload import Operand, Workload, shapes

PRESETS = ("gamma", "gospa", "loas", "loas-nmtk", "ptb", "sparten")


def operands(workload: Workload) -> tuple[Operand, Operand]:
    left, right = workload.layer("scores").operands
    return left, right


def set_bits(workload: Workload, sample: int) -> Any:
    """Bits of the two's complement of the left numbers, ``[H, M, K]``."""
    left, _ = operands(workload)
    assert left.words is not None and left.negative is not None
    value = np.where(left.negative[sample], -left.words[sample].astype(int), left.words[sample]) & 511
    return heads_of(np.array([[bin(v).count("1") for v in row] for row in value.tolist()]))


@pytest.mark.parametrize("dataflow", ["sparten", "gospa", "gamma", "loas"])
@pytest.mark.parametrize("sample", range(SAMPLES))
def test_zeros_of_both_operands_are_skipped(dataflow: str, sample: int) -> None:
    work = numbers()
    right = operands(work)[1]
    assert right.words is not None
    kept = np.rint(right.words[sample] * (127 / 255)) != 0
    met = (set_bits(work, sample)[..., None] * kept[:, None]).sum()
    found = simulate_layers(work, dataflow, "join", sample=sample)["scores"]
    assert found.acs == met
    assert (found.checked_outputs > 0) == (
        sample == 0
    )  # sums of the first one were recomputed with these numbers


def test_few_weight_bits_round_small_numbers_to_zero() -> None:
    work = numbers()
    counts = [simulate_layers(work, "sparten", "join", weight_bits=bits)["scores"].acs for bits in (8, 3)]
    right = operands(work)[1]
    assert right.words is not None
    coarse = np.rint(right.words[0] * (3 / 255)) != 0
    assert counts[1] == (set_bits(work, 0)[..., None] * coarse[:, None]).sum() < counts[0]


@pytest.mark.parametrize("dataflow", ["sparten", "gospa", "gamma", "loas", "ptb"])
def test_spikes_have_a_right_operand_per_step(dataflow: str) -> None:
    work = spikes()
    left, right = (
        np.array([(o.words[0] >> t) & 1 for t in range(3)]) for o in operands(work) if o.words is not None
    )
    met = (heads_of(left)[..., None] * right[:, :, None]).sum()
    found = simulate_layers(work, dataflow, "join")["scores"]
    assert found.acs == met


def test_numbers_of_several_steps_meet_the_right_operand_of_theirs() -> None:
    rng = np.random.default_rng(3)
    left = rng.integers(0, 256, (1, 2, TOKENS, HEADS * FEATURES)).astype(np.uint8)
    right = rng.integers(0, 2, (1, 2, HEADS, FEATURES, COLUMNS)).astype(np.uint8) * 200
    one, other = (
        Operand(words.shape[2:], "real", 8, 2, words=words, per_step=True) for words in (left, right)
    )
    ones = heads_of(np.vectorize(lambda v: bin(v).count("1"))(left[0].astype(int)))
    met = (ones[..., None] * (right[0] != 0)[:, :, None]).sum()
    assert simulate_layers(network(attention(one, other), 2), "sparten", "join")["scores"].acs == met
    constant = replace(one, words=left[:, 0], per_step=False)
    again = network(attention(constant, other), 2)
    met = (ones[0][None, ..., None] * (right[0] != 0)[:, :, None]).sum()
    assert simulate_layers(again, "sparten", "join")["scores"].acs == met


def test_signed_spikes_are_cut_into_steps_with_their_signs() -> None:
    rng = np.random.default_rng(4)
    for steps in (3, 40):  # both signs in one word, and in one each
        words = rng.integers(0, 2**steps, (1, TOKENS, HEADS * FEATURES), dtype=np.uint64)
        minus = words & rng.integers(0, 2**steps, words.shape, dtype=np.uint64)
        left = Operand(words.shape[1:], "signed", 1, steps, words, minus)
        right = Operand((HEADS, FEATURES, COLUMNS), "spikes", 1, steps, rate=0.5)
        layer = attention(left, right)
        found = pieces(layer, 0, 8)
        assert [piece.right for piece in found] == list(range(steps))
        for t, piece in enumerate(found):
            plus = (words[0] & ~minus[0]) >> np.uint64(t) & np.uint64(1)
            assert np.array_equal(piece.words & 1, plus)
            assert np.array_equal(piece.words >> 1, minus[0] >> np.uint64(t) & np.uint64(1))
        assert all(cut.right == 2 for cut in windows(found[2], 1))


def test_a_right_operand_of_zeros_is_never_met() -> None:
    left, right = operands(numbers())
    assert right.words is not None
    nothing = replace(right, words=np.zeros_like(right.words), negative=None)
    found = simulate_layers(network(attention(left, nothing)), "sparten", "join")["scores"]
    assert (found.acs, found.ops) == (0, 0)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_prices_attention(preset: str) -> None:
    found = estimate(numbers(), preset)
    assert found.feasible.all()
    at = found.layers.index("scores")
    assert found.by_layer("energy_J")[0, at] > 0 and found.by_layer("latency_s")[0, at] > 0
    moved = found.plan.events[0].mapping
    assert moved["dram_weight_bits"][at] == 0 < moved["dram_input_bits"][at]
    assert moved["dram_weight_bits"][0] > 0
    streams = ("weight", "input", "sum", "output")
    assert found.plan.events[0].counts["dram_bits"][at] == pytest.approx(
        sum(moved[f"dram_{s}_bits"][at] for s in streams)
    )


def test_density_is_that_of_the_recorded_words() -> None:
    work = numbers()
    right = operands(work)[1]
    assert right.words is not None
    kept = (np.rint(right.words * (127 / 255)) != 0).mean()
    mapping = estimate(work, "loas").plan.events[0].mapping
    assert mapping["weight_density"][-1] == pytest.approx(kept)


def test_samples_have_right_operands_of_their_own() -> None:
    work = numbers()
    each = [simulate_layers(work, "gospa", "join", sample=i)["scores"].ops for i in range(SAMPLES)]
    assert each[0] != each[1]
    spec = load_hardware("gospa", {"fidelity": "join"})
    assert estimate(work, spec).plan.events[0].counts["matches"][-1] == pytest.approx(np.mean(each))


def test_spikes_on_the_right_take_a_bit_of_traffic() -> None:
    work = spikes()
    found = simulate_layers(work, "sparten", "join")["scores"]
    right = operands(work)[1]
    assert right.words is not None
    ones = sum(int(((right.words[0] >> t) & 1).sum()) for t in range(3))
    assert found.dram_bits["w"] == ones


def test_what_was_not_recorded_is_drawn_and_said() -> None:
    built = shapes.vit_tiny(width=16, depth=1, heads=2, input_shape=(3, 8, 8))
    notes = estimate(built, "loas").plan.events[0].notes
    assert any(
        "right operands of blocks.0.attn.scores, blocks.0.attn.mix are drawn" in note for note in notes
    )
    assert any(
        "take" in note and "blocks.0.attn.scores" in note and "read from DRAM" in note for note in notes
    )
    assert not any("no weights recorded" in note and "attn.mix" in note for note in notes)
    left, right = operands(numbers())
    unknown = network(attention(left, replace(right, words=None, negative=None)))
    with pytest.raises(UsageError, match="right operand of layer 'scores' has neither"):
        simulate_layers(unknown, "loas", "join")
