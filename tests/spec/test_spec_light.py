"""A chip is read without torch and scipy, and one preset reads one file."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import axbar.spec
heavy = [name for name in ("torch", "scipy", "numpy", "ruamel.yaml", "pandas") if name in sys.modules]
assert not heavy, f"import axbar.spec imports {heavy}"

import pathlib
read, real = [], pathlib.Path.read_bytes
pathlib.Path.read_bytes = lambda path: (read.append(path.name), real(path))[1]
axbar.spec.load_hardware("imc-rram-65nm", ["adc.bits=4"])
assert read == ["imc-rram-65nm.yaml"], read
heavy = [name for name in ("torch", "scipy", "pandas") if name in sys.modules]
assert not heavy, f"loading a chip imports {heavy}"
"""


def test_no_heavy_imports() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
