"""Kills at any moment lose nothing that was put, and one process at a time works on a study."""

from __future__ import annotations

import json
import os
import platform
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from axbar.errors import AxbarError
from axbar.search.store import Record, Store
from axbar.search.store.lock import FolderLock, check_free

#: puts records one by one and says each only after its put returned; long ones, so that kills find lines half written
WRITER = """
import sys
import threading
from axbar.search.store import Record, Store
from axbar.search.store.lock import FolderLock, check_free
folder, first = sys.argv[1], int(sys.argv[2])
with Store(folder, asked={"seed": 0}) as store:
    print("open", flush=True)
    for i in range(first, first + 100_000):
        store.put(Record(f"key-{i}", {"index": i}, {"x": [i / 7] * 3000}))
        print(i, flush=True)
"""

HOLDER = """
import sys
import threading
from axbar.search.store import Store
from axbar.search.store.lock import FolderLock, check_free
with Store(sys.argv[1]):
    print("open", flush=True)
    sys.stdin.read()
"""


def started(code: str, *arguments: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", code, *map(str, arguments)]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "open\n"
    return child


def killed(child: subprocess.Popen[str]) -> str:
    """Kill with SIGKILL and return what was said."""
    child.kill()
    assert child.stdout is not None and child.stdin is not None
    said = child.stdout.read()  # not communicate(), which loses what readline() read ahead
    child.wait(60)
    child.stdin.close()
    child.stdout.close()
    return said


def test_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    moments, said = random.Random(1), {-1}
    for _ in range(6):
        child = started(WRITER, tmp_path, max(said) + 1_000_000)
        assert child.stdout is not None
        said.add(int(child.stdout.readline()))  # on a busy core too, something was put
        time.sleep(moments.uniform(0, 0.15))
        # a line that was cut while it was said is no promise
        said |= {int(line) for line in killed(child).split("\n")[:-1]}
        with Store(tmp_path, asked={"seed": 0}) as store:
            assert any(f"process {child.pid} on {platform.node()}" in note for note in store.notes)
            assert not any("damaged" in note for note in store.notes)
            for i in said - {-1}:
                assert store.get(f"key-{i}") == Record(f"key-{i}", {"index": i}, {"x": [i / 7] * 3000})
            found = list(store.records())
            assert len(said) - 1 <= len(found), "a record that was put but not yet said may be there too"
    assert len(said) >= 7


def test_a_second_process_is_refused_with_a_sentence(tmp_path: Path) -> None:
    child = started(HOLDER, tmp_path)
    try:
        start_s = time.monotonic()
        with pytest.raises(AxbarError) as caught:
            Store(tmp_path)
        assert time.monotonic() - start_s < 10, "refused at once"
        sentence = str(caught.value)
        since = json.loads((tmp_path / "owner.json").read_text())["since"]
        assert f"'{tmp_path}' is in use by process {child.pid} on {platform.node()} since {since}" in sentence
        assert f"'kill {child.pid}'" in sentence and "choose another folder" in sentence
    finally:
        child.communicate("", timeout=60)
    with Store(tmp_path) as store:
        assert not store.notes, "the other closed the store"


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    child = started(HOLDER, tmp_path)
    killed(child)
    with Store(tmp_path) as store:
        assert f"process {child.pid}" in store.notes[0] and "ended without closing" in store.notes[0]
        assert json.loads((tmp_path / "owner.json").read_text())["pid"] == os.getpid()
    assert not (tmp_path / "owner.json").exists()


def test_who_only_looks_whether_a_study_is_free_is_no_owner(tmp_path: Path) -> None:
    Store(tmp_path).close()
    stale = {"pid": 7, "host": "far-away", "since": "2025-01-01 00:00:00 UTC"}  # of a container that is gone
    (tmp_path / "owner.json").write_text(json.dumps(stale))
    looking, found = threading.Event(), list[str]()

    def look() -> None:
        while not looking.is_set():
            try:
                check_free(tmp_path)
            except AxbarError as error:
                found.append(str(error))

    other = threading.Thread(target=look)
    other.start()
    try:
        for _ in range(20):
            lock = FolderLock(tmp_path)
            lock.release()
            (tmp_path / "owner.json").write_text(json.dumps(stale))
    finally:
        looking.set()
        other.join()
    assert not found


def test_one_process_opens_a_study_once(tmp_path: Path) -> None:
    with (
        Store(tmp_path) as store,
        pytest.raises(AxbarError, match=rf"this process \({os.getpid()} on .*close the store that is open"),
    ):
        Store(tmp_path)
    store.close()  # again, which does nothing
    with Store(tmp_path):
        pass


def test_an_owner_elsewhere_is_named_with_his_host(tmp_path: Path) -> None:
    with Store(tmp_path):
        owner = tmp_path / "owner.json"
        owner.write_text(json.dumps({"pid": 7, "host": "far-away", "since": "2025-01-01 00:00:00 UTC"}))
        with pytest.raises(AxbarError, match=r"process 7 on far-away since 2025.*end it on far-away"):
            Store(tmp_path)
        owner.write_text("")  # being written, or no space for it
        with pytest.raises(AxbarError, match="in use by another process; wait until it ends"):
            Store(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="only POSIX copies processes")
def test_a_copy_of_the_process_may_not_put_and_holds_no_lock(tmp_path: Path) -> None:
    store = Store(tmp_path)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store.put(Record("a", {}, {}))
            os.write(writing, b"put")
        except AxbarError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        assert f"belongs to process {os.getpid()}" in said.read()
    os.waitpid(child, 0)
    store.put(Record("a", {}, {}))
    store.close()
    with Store(tmp_path) as again:
        assert len(again) == 1
