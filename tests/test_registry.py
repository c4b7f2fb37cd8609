from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from axbar import registry
from axbar.errors import AxbarError, UsageError


def test_every_built_in_target_resolves() -> None:
    for group in registry.GROUPS:
        for entry in registry.entries(group):
            assert registry.get(group, entry.name) is not None


def test_every_built_in_has_a_summary() -> None:
    for group in registry.GROUPS:
        assert all(entry.summary for entry in registry.entries(group) if entry.origin == "axbar")


def test_an_unknown_name_gets_the_closest_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'rram-neurram'"):
        registry.get("devices", "rram-neuram")
    with pytest.raises(UsageError, match="registry group"):
        registry.names("gadgets")


def test_a_name_given_twice_names_both_givers(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = EntryPoint("sram", "somewhere:else", "axbar.devices")
    monkeypatch.setattr(registry, "entry_points", lambda group: [twice] if group == "axbar.devices" else [])
    registry._table.cache_clear()
    try:
        with pytest.raises(AxbarError, match="'sram' is given twice, by axbar and by"):
            registry.names("devices")
    finally:
        registry._table.cache_clear()


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys, axbar.registry as r\n"
        "[r.names(g) for g in r.GROUPS]\n"
        "bad = [m for m in ('torch', 'numpy', 'pydantic', 'axbar.spec', 'axbar.nn') if m in sys.modules]\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
