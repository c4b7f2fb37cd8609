"""The store keeps what was put to the bit, mends its file, and refuses what would mix two studies."""

from __future__ import annotations

import errno
import json
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axbar.errors import AxbarError, UsageError
from axbar.search.store import Record, Store, key_of
from axbar.search.store.lines import encode

PARTS: dict[str, Any] = dict(workload="w", spec={"rows": 64}, techniques=["prune"], fidelity="F1", seed=0)


def record(i: int, **more: Any) -> Record:
    return Record(f"key-{i}", {"index": i}, {"energy_J": 1e-12 / (i + 1), **more})


def filled(folder: Path, count: int = 5) -> Path:
    with Store(folder) as store:
        store.put_all(record(i) for i in range(count))
    return folder / "records.jsonl"


def bits(value: float) -> bytes:
    return struct.pack(">d", value)


@given(st.lists(st.floats(), max_size=8), st.text(max_size=8), st.integers())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_floats_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], text: str, whole: int
) -> None:
    folder = tmp_path_factory.mktemp("s")
    odd = struct.unpack(">d", bytes.fromhex("fff8000000000001"))[0]
    values = {"many": [*numbers, odd, -0.0, 5e-324], "text": text, "whole": whole, "none": None, "yes": True}
    with Store(folder) as store:
        store.put(Record("a", {}, values))
        now = store.get("a")
    with Store(folder) as store:
        later = store.get("a")
    for found in (now, later):
        assert found is not None
        assert [bits(x) for x in found.values["many"]] == [bits(x) for x in values["many"]]
        assert {**found.values, "many": 0} == {**values, "many": 0}


def test_lines_are_plain_json_and_name_what_json_lacks(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.put(Record("a", {"x": math.inf}, {"y": math.nan, "z": [-math.inf, 0.1]}))

    def never(name: str) -> None:
        raise AssertionError(name)

    [line] = (tmp_path / "records.jsonl").read_text().splitlines()
    found = json.loads(line, parse_constant=never)
    assert found["record"]["values"] == {"y": {"$float": "nan"}, "z": [{"$float": "-inf"}, 0.1]}
    assert found["record"]["asked"] == {"x": {"$float": "inf"}}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"a": {"b": [1, np.float32(1)]}}, "'values.a.b.1' is a numpy.float32"),
        ({"a": {1: 2}}, "'values.a' has the key 1"),
        ({"$float": 1.0}, "'values' has the key '$float'"),
    ],
)
def test_what_is_no_json_is_refused_where_it_stands(
    tmp_path: Path, values: dict[str, Any], words: str
) -> None:
    with Store(tmp_path) as store:
        with pytest.raises(AxbarError) as caught:
            store.put_all([record(0), Record("a", {}, values)])
        assert words in str(caught.value)
        assert len(store) == 0, "nothing of a refused batch is written"
        with pytest.raises(AxbarError, match="keys are 1 to 200"):
            store.put(Record('a"b', {}, {}))


def test_a_key_ignores_the_order_of_mappings_only() -> None:
    key = key_of(**PARTS)
    assert len(key) == 32 and int(key, 16)
    assert key == key_of(**dict(reversed(PARTS.items())))
    assert key_of(**{**PARTS, "spec": {"a": 1, "b": {"c": 2, "d": 3}}}) == key_of(
        **{**PARTS, "spec": {"b": {"d": 3, "c": 2}, "a": 1}}
    )
    others = [{name: "other"} for name in PARTS] + [
        {"version": "9.9"},
        {"extra": 1},
        {"spec": {"rows": 64.0}},
    ]
    others += [{"techniques": ["prune", "mint"]}, {"techniques": ["mint", "prune"]}]
    assert len({key, *(key_of(**{**PARTS, **other}) for other in others)}) == len(others) + 1
    assert key_of(**PARTS, **{"more.seed": 1}) != key_of(**{**PARTS, "seed": 1})


def test_the_same_record_is_written_once_and_a_failure_may_be_mended(tmp_path: Path) -> None:
    lost = Record("key-0", {"index": 0}, {}, failure="out of memory")
    with Store(tmp_path) as store:
        store.put(lost)
        assert store.get("key-0") == lost
        store.put_all([record(0), record(0), lost])
        assert store.get("key-0") == record(0) and len(store) == 1
        with pytest.raises(AxbarError, match=r"'values\.energy_J' = 1e-12, now 2\.0; the same key must give"):
            store.put(Record("key-0", {"index": 0}, {"energy_J": 2.0}))
    assert len((tmp_path / "records.jsonl").read_text().splitlines()) == 2
    with Store(tmp_path) as store:
        assert list(store.records()) == [record(0)]


def test_what_a_caller_changes_stays_his(tmp_path: Path) -> None:
    values = {"a": [1]}
    with Store(tmp_path) as store:
        store.put(Record("k", {}, values))
        values["a"].append(2)
        found = store.get("k")
        assert found is not None and found.values == {"a": [1]}
        found.values["a"].append(3)
        assert store.get("k") == Record("k", {}, {"a": [1]})


def test_a_torn_last_line_is_set_aside_at_every_length(tmp_path: Path) -> None:
    path = filled(tmp_path, 3)
    whole = path.read_bytes()
    second = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    for cut in range(second, len(whole)):
        path.write_bytes(whole[:cut])
        (tmp_path / "torn.txt").unlink(missing_ok=True)
        with Store(tmp_path) as store:
            kept = 3 if cut == len(whole) - 1 else 2  # a line that lacks its newline only is whole
            assert len(store) == kept
            assert bool(store.notes) == (second < cut < len(whole) - 1)
            store.put(record(9))
        if store.notes:
            assert (tmp_path / "torn.txt").read_bytes() == whole[second:cut] + b"\n"
            assert f"{cut - second} bytes went to 'torn.txt'" in store.notes[0]
        with Store(tmp_path) as store:
            assert len(store) == kept + 1 and not store.notes


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
def test_a_wrong_byte_costs_one_record_at_most(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("s")
    path = filled(folder, 4)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255).filter(lambda b: b != content[at]))
    path.write_bytes(content)
    with Store(folder) as store:
        found = list(store.records())
        assert len(found) >= 3 and all(r in [record(i) for i in range(4)] for r in found)
        assert store.notes
        store.put_all(record(i) for i in range(4))
    with Store(folder) as store:
        assert not store.notes and sorted(r.key for r in store.records()) == [f"key-{i}" for i in range(4)]


def test_damaged_lines_are_named_and_kept_aside(tmp_path: Path) -> None:
    path = filled(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"energy", b"enargy")
    lines[3] = b"\0" * 40 + b"\n"
    path.write_bytes(b"".join(lines))
    with Store(tmp_path, read_only=True) as store:
        assert "lines 2, 4 of" in store.notes[0] and "stay where they are; 3 records stay" in store.notes[0]
    assert path.read_bytes() == b"".join(lines), "a reader mends nothing"
    with Store(tmp_path) as store:
        assert [r.key for r in store.records()] == ["key-0", "key-2", "key-4"]
        assert "lines 2, 4 of" in store.notes[0] and "went to 'damaged.txt'" in store.notes[0]
    assert (tmp_path / "damaged.txt").read_bytes() == b"line 2: " + lines[1] + b"line 4: " + lines[3]
    with Store(tmp_path) as store:
        assert not store.notes


def test_a_file_of_others_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("my notes\nof last year\n")
    with pytest.raises(AxbarError, match="2 lines and none is a record of axbar"):
        Store(tmp_path)
    assert path.read_text() == "my notes\nof last year\n"
    with pytest.raises(UsageError, match="is a file; a study is a folder"):
        Store(path)


def test_a_changed_question_is_refused_by_name(tmp_path: Path) -> None:
    asked = {"space": {"adc.bits": (3, 8)}, "seed": 0, "limit": math.inf}
    with Store(tmp_path, asked=asked):
        pass
    with Store(tmp_path, asked={"limit": math.inf, "seed": 0, "space": {"adc.bits": [3, 8]}}) as store:
        assert store.asked == {"space": {"adc.bits": [3, 8]}, "seed": 0, "limit": math.inf}
    with Store(tmp_path) as store:
        assert store.asked["limit"] == math.inf
    for change, words in [
        ({"seed": 1}, "'seed' = 0, now 1;"),
        ({"seed": 1, "space": {"adc.bits": [3, 9]}}, "'space.adc.bits.1' = 8, now 9 (also changed: 'seed')"),
        ({"batch": 64}, "without 'batch', now 64"),
    ]:
        with pytest.raises(UsageError) as caught:
            Store(tmp_path, asked={**asked, **change})
        assert words in str(caught.value)
    with pytest.raises(UsageError, match="'seed' = 0, now it is gone"):
        Store(tmp_path, asked={k: v for k, v in asked.items() if k != "seed"})
    with Store(tmp_path, asked=asked):
        pass  # a refusal leaves no lock


def test_a_damaged_question_says_how_to_mend(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    for content, words in [("{", "damaged"), ("[]", "damaged"), ('{"format": 2, "asked": {}}', "format 2")]:
        (tmp_path / "study.json").write_text(content)
        with pytest.raises(AxbarError, match=words):
            Store(tmp_path, asked={"seed": 0})
    (tmp_path / "study.json").write_text('{"format": 1, "made_with": "0.0.1", "asked": {}}')
    with Store(tmp_path) as store:
        assert "begun with axbar 0.0.1" in store.notes[0]


def full_after(room: int, step: int):
    """Return an os.write of a disk with ``room`` bytes left that takes ``step`` bytes at a time."""
    write, left = os.write, room

    def short(file: int, data: bytes) -> int:
        nonlocal left
        if left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = write(file, bytes(data)[: min(step, left)])
        left -= done
        return done

    return short


@pytest.mark.parametrize("mendable", [True, False])
@pytest.mark.parametrize(("lines", "more"), [(0, 0), (0, 1), (1, -1), (1, 0), (1, 1), (2, 9)])
def test_a_full_disk_keeps_whole_lines_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int, more: int, mendable: bool
) -> None:
    path = filled(tmp_path, 2)
    before = path.read_bytes()
    room = sum(len(encode(record(2 + i))) for i in range(lines)) + more
    with Store(tmp_path) as store, monkeypatch.context() as patch:
        patch.setattr(os, "write", full_after(room, 7))
        if not mendable:
            patch.setattr(os, "ftruncate", full_after(0, 1))
        with pytest.raises(AxbarError) as caught:
            store.put_all(record(i) for i in range(2, 9))
        kept = 2 + lines - (more < 0)
        assert len(store) == kept
        sentence = f"{kept} records are kept and {9 - kept} could not be added: free some space"
        assert "No space left" in str(caught.value) and sentence in str(caught.value)
        patch.undo()
        tail = path.read_bytes()[len(before) :]
        assert tail.count(b"\n") == kept - 2
        assert (tail.endswith(b"\n") or not tail) == (mendable or more == 0)
        if mendable or more == 0:
            store.put(record(8))  # space was freed
        else:
            with pytest.raises(AxbarError, match="open the store again"):
                store.put(record(8))
            assert store.get("key-0") == record(0)
    with Store(tmp_path) as store:
        assert [r.key for r in store.records()][:kept] == [f"key-{i}" for i in range(kept)]
        store.put_all(record(i) for i in range(9))
        assert {r.key: r for r in store.records()} == {f"key-{i}": record(i) for i in range(9)}


def test_short_writes_make_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(tmp_path) as store, monkeypatch.context() as patch:
        patch.setattr(os, "write", full_after(10**6, 1))
        store.put_all(record(i) for i in range(3))
    with Store(tmp_path) as store:
        assert list(store.records()) == [record(i) for i in range(3)] and not store.notes


def test_a_disk_that_refuses_a_sync_ends_the_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path, sync_s=0)
    store.put(record(0))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: full_after(0, 1)(file, b"x"))
        with pytest.raises(AxbarError, match="1 records are kept for sure and the last 1 perhaps"):
            store.put(record(1))
    with pytest.raises(AxbarError, match="refuses what was written"):
        store.put(record(2))
    store.close()
    with Store(tmp_path) as store:
        assert len(store) == 2 and not store.notes


def test_syncs_follow_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    with Store(tmp_path / "each", sync_s=0) as each, Store(tmp_path / "rare", sync_s=1e6) as rare:
        monkeypatch.setattr(os, "fsync", counted.append)
        for i in range(3):
            each.put(record(i))
        assert len(counted) == 3
        for i in range(3):
            rare.put(record(i))
        assert len(counted) == 3
        rare.flush()
        rare.flush()
        assert len(counted) == 4


def test_a_slow_disk_is_synced_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s, syncs_s = 0.0, list[float]()

    def slow(file: int) -> None:
        nonlocal clock_s
        syncs_s.append(clock_s)
        clock_s += 2.0

    monkeypatch.setattr("axbar.search.store._store.time.monotonic", lambda: clock_s)
    with Store(tmp_path / "s", sync_s=1.0) as store:
        monkeypatch.setattr(os, "fsync", slow)
        for i in range(200):
            clock_s += 0.125
            store.put(record(i))
        waited_s = 2.0 * len(syncs_s)
        assert len(syncs_s) > 1 and waited_s <= 0.25 * clock_s
        assert syncs_s[0] == pytest.approx(1.0) and np.diff(syncs_s) == pytest.approx(10.0)


def test_others_hands_on_an_open_file_are_noticed(tmp_path: Path) -> None:
    path = filled(tmp_path / "a")
    with Store(tmp_path / "a") as store:
        path.write_bytes(path.read_bytes() + b"x")
        with pytest.raises(AxbarError, match="was changed by others"):
            store.put(record(9))
    path = filled(tmp_path / "b")
    with Store(tmp_path / "b") as store:
        path.unlink()
        with pytest.raises(AxbarError, match="was deleted by others"):
            store.put(record(9))
    store = Store(tmp_path / "c")
    store.close()
    with pytest.raises(AxbarError, match="is closed"):
        store.put(record(9))


def test_reading_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no study in"):
        Store(tmp_path / "none", read_only=True)
    assert not (tmp_path / "none").exists()
    with Store(tmp_path) as store:
        store.put(record(0))
        with Store(tmp_path, read_only=True) as view:  # while another writes
            assert list(view.records()) == [record(0)]
            with pytest.raises(AxbarError, match="was opened to read"):
                view.put(record(1))
