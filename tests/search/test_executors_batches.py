"""Who is asked again when workers die, without any worker."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axbar.search.work.outcomes import Batch, after_death, batches
from axbar.search.work.packing import Opened, pack, unpacked


@given(st.integers(0, 40), st.integers(1, 9))
def test_batches_hold_each_task_once_in_order(count: int, size: int) -> None:
    parts = [batch.indices for batch in batches(count, size)]
    assert [i for part in parts for i in part] == list(range(count))
    assert all(part == tuple(range(count))[i * size : (i + 1) * size] for i, part in enumerate(parts))


@given(
    st.integers(1, 12), st.sets(st.integers(0, 11)), st.integers(1, 5), st.integers(1, 4), st.integers(0, 99)
)
def test_exactly_the_poison_tasks_are_given_up(
    count: int, poison: set[int], size: int, deaths: int, seed: int
) -> None:
    """Batches beside a poison one are blamed at random, as Dask does; none of them may fail for it."""
    rng = random.Random(seed)
    waiting, suspects, right, given_up = list(batches(count, size)), [], [], []
    steps = 0
    while waiting or suspects:
        steps += 1
        assert steps < 500
        batch = waiting.pop(0) if waiting else suspects.pop(0)
        guilty = bool(poison & set(batch.indices))
        if not guilty and (batch.alone or rng.random() < 0.6):
            right += batch.indices
            continue
        again = after_death(batch, deaths)
        if not again:
            assert batch.alone
            given_up += batch.indices
        for part in again:
            (suspects if part.alone else waiting).append(part)
    assert sorted(given_up) == sorted(poison & set(range(count)))
    assert sorted(right) == sorted(set(range(count)) - poison)


def test_a_batch_is_done_again_then_split_and_a_task_is_given_up_after_three_workers() -> None:
    batch = Batch((3, 4))
    (again,) = after_death(batch, 1)
    assert again.indices == (3, 4)
    assert [part.indices for part in after_death(again, 1)] == [(3,), (4,)]
    assert [part.indices for part in after_death(batch, 4)] == [(3,), (4,)], "Dask tried four workers already"
    (alone,) = after_death(Batch((3,)), 1)
    assert alone.alone
    (again,) = after_death(alone, 1)
    assert after_death(again, 1) == (), "three workers in all"
    (alone,) = after_death(Batch((3,)), 4)
    assert alone.alone and after_death(alone, 4) == (), "never without having been alone"


def test_opened_objects_are_kept_while_there_is_room() -> None:
    packs = dict(pack(bytes([i]) * 1000) for i in range(4))
    names = list(packs)
    opened = Opened(kept_B=2500)
    first = opened.get(names[0], packs)
    assert opened.get(names[0], {}) is first, "opened once"
    opened.get(names[1], packs)
    opened.get(names[0], packs)
    opened.get(names[2], packs)
    assert names[0] in opened and names[1] not in opened, "the one used longest ago goes first"
    with pytest.raises(KeyError):
        opened.get(names[1], {})
    one = Opened(kept_B=1)
    assert one.get(names[3], packs) == one.get(names[3], {}), "one is always kept"


def test_names_are_of_the_bytes() -> None:
    name, data = pack({"a": 1})
    assert pack({"a": 1}) == (name, data) and pack({"a": 2})[0] != name
    assert unpacked(data) == {"a": 1}
