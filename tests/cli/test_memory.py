"""Memory of freed tensors stays with the process of a command, for the next ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

_FREED = """
import sys, torch
from axbar.cli import _keep_freed_memory

def held():
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1]) * 4096

if sys.argv[1] == "kept":
    _keep_freed_memory()
before = held()
for _ in range(3):
    block = torch.ones(25_000_000)
    del block
print((held() - before) / 1e8)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="blocks are kept by glibc only")
def test_freed_tensors_leave_their_memory() -> None:
    def share(how: str) -> float:
        done = subprocess.run([sys.executable, "-c", _FREED, how], capture_output=True, text=True, check=True)
        return float(done.stdout)

    assert share("given back") < 0.5 < share("kept")
