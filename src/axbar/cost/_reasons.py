"""Why points of a sweep do not fit, by kind: which rules they break, and one point of each kind to tell it.

``Estimate.reasons`` writes a sentence for every point; of a hundred thousand points there are a handful of kinds.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from axbar.cost._engine import CHUNK
from axbar.cost._result import Estimate
from axbar.cost._types import Indices
from axbar.cost._words import by_words

__all__ = ["kind_of_sentence", "reason_kinds"]

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")

#: codes of kinds are int64, one bit a rule
_MOST_RULES = 40


def kind_of_sentence(sentence: str) -> str:
    """Return a sentence without its numbers: sentences that differ in those only are of one kind.

    >>> kind_of_sentence("needs 120 tiles, chip.max_tiles is 64")
    'needs # tiles, chip.max_tiles is #'
    """
    return _NUMBER.sub("#", sentence)


def reason_kinds(found: Estimate) -> tuple[NDArray[np.int32], tuple[tuple[str, ...], ...]]:
    """Return ``[P]`` the kind of each point, 0 where it fits, and for each kind the sentences of one of its points."""
    plan = found.plan
    fatal = [rule for rule in plan.rules if rule.fatal]
    assert len(fatal) <= _MOST_RULES, "a kind of hardware has more rules than codes have bits"
    kinds = np.zeros(plan.sweep.points, dtype=np.int32)
    bad = np.flatnonzero(~found.feasible)
    table: list[tuple[str, ...]] = [()]
    if not len(bad):
        return kinds, tuple(table)
    counted = _counted_kinds(found)
    codes = np.empty(len(bad), dtype=np.int64)
    for start in range(0, len(bad), CHUNK):
        points: Indices = bad[start : start + CHUNK]
        x = plan.context(points)
        code = counted[plan.choice[points]] << len(fatal)
        for bit, rule in enumerate(fatal):
            code = code | (by_words(x, rule.violated).astype(np.int64) << bit)
        codes[start : start + CHUNK] = code
    each, first, which = np.unique(codes, return_index=True, return_inverse=True)
    for code, at in zip(each.tolist(), bad[first].tolist(), strict=True):
        x = plan.context(np.array([at]))
        broken = [rule.reason(x) for bit, rule in enumerate(fatal) if code >> bit & 1]
        table.append((*plan.events[int(plan.choice[at])].reasons, *broken))
    kinds[bad] = which.reshape(-1) + 1
    return kinds, tuple(table)


def _counted_kinds(found: Estimate) -> NDArray[np.int64]:
    """Return for each structural choice the kind of what its counting said, ``[choices]``; 0 where nothing."""
    numbers: dict[tuple[str, ...], int] = {(): 0}
    kinds = [tuple(map(kind_of_sentence, events.reasons)) for events in found.plan.events]
    return np.array([numbers.setdefault(kind, len(numbers)) for kind in kinds], dtype=np.int64)
