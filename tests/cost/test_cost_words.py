"""Points that differ in words are evaluated together, and each has the bits that it has alone."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import chip, small_network

from axbar.cost import estimate
from axbar.cost._types import QUANTITIES, Context, WordsDiffer
from axbar.cost._words import by_words, timing_by_words

WORDS = {
    "adc.kind": ["sar", "flash", "sar", "ramp", "flash"],
    "mapping.pipeline": ["none", "layers", "layers", "none", "layers"],
    "mapping.order": ["step", "step", "layer", "layer", "step"],
    "technology.sram": ["HP", "LSTP", "LOP", "HP", "HP"],
    "interconnect.kind": ["mesh", "htree", "none", "htree", "htree"],
}


def _context() -> tuple[Context, Context]:
    """The context of all points of ``WORDS``, and of the second alone."""
    plan = estimate(small_network(), chip(), WORDS).plan
    return plan.context(np.arange(5)), plan.at(1)


def test_points_of_different_words_have_the_bits_that_they_have_alone():
    swept = estimate(small_network(), chip(), WORDS)
    for i in range(5):
        spec = chip().replace({path: words[i] for path, words in WORDS.items()})
        one = estimate(small_network(), spec)
        assert swept.interval_s[i] == one.interval_s[0]
        for quantity in QUANTITIES:
            np.testing.assert_array_equal(getattr(swept, quantity)[i], getattr(one, quantity)[0])


def test_pins_hold_where_the_count_of_what_is_pinned_depends_on_a_word():
    pin = {"pins.global_buffer.energy_J": np.full(3, 1e-15)}
    words = {"dram.kind": ["none", "hbm2", "none"]}
    swept = estimate(small_network(), chip(), words | pin).total("energy_J")
    alone = [estimate(small_network(), chip(), {"dram.kind": [w], "pins.global_buffer.energy_J": [1e-15]})
             for w in words["dram.kind"]]  # fmt: skip
    assert swept.tolist() == [float(e.total("energy_J")[0]) for e in alone]


def test_only_who_reads_a_word_is_asked_apart():
    x, _ = _context()
    asked: list[int] = []

    def reads(part: Context) -> np.ndarray:
        asked.append(part.points)
        return np.full(1, float(len(part.text("adc.kind"))))

    def reads_nothing(part: Context) -> np.ndarray:
        asked.append(part.points)
        return part.p("adc.bits")

    by_words(x, reads_nothing)
    assert asked == [5]
    assert by_words(x, reads).tolist() == [3.0, 5.0, 3.0, 4.0, 5.0]
    assert sorted(asked[2:]) == [1, 2, 2]


def test_a_context_refuses_a_word_in_which_its_points_differ():
    x, _ = _context()
    with pytest.raises(WordsDiffer, match=r"adc\.kind"):
        x.text("adc.kind")
    assert x.text("read.mode") == "voltage"  # shared by all


def test_parts_show_the_results_so_far_of_their_own_points():
    x, _ = _context()
    x.results["area_m2"] = {"one": np.arange(10.0).reshape(2, 5), "nothing": x.zeros}
    for at, part in x.parts("adc.kind"):
        np.testing.assert_array_equal(part.results["area_m2"]["one"], x.results["area_m2"]["one"][:, at])
        assert part.results["area_m2"]["nothing"] is part.zeros
        assert part.results["area_m2"]["one"].flags.c_contiguous


def test_timing_is_none_only_if_layers_take_turns_at_all_points():
    x, _ = _context()
    assert timing_by_words(x, lambda part: part.text("adc.kind") and None) is None
    swept, alone = estimate(small_network(), chip(), WORDS).plan.evaluate(np.arange(5)), _context()[1]
    assert swept.timing is not None and alone.timing is not None
    np.testing.assert_array_equal(swept.timing.busy_s[:, 1], alone.timing.busy_s[:, 0])
    np.testing.assert_array_equal(swept.timing.shares["adc"][:, 0], 1.0)  # takes turns
