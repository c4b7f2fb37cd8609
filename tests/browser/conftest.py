"""A headless Chromium and the page that it opens; skipped with a reason where there is none."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """Return the path of a Chromium: ``AXBAR_CHROMIUM``, or what the PATH holds."""
    asked = os.environ.get("AXBAR_CHROMIUM")
    return asked or next((found for name in NAMES if (found := shutil.which(name))), None)


def load(path: Path) -> ModuleType:
    """Import a file that is not on the path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A running browser."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium found: install the system's package 'chromium', or set AXBAR_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install axbar[dev]")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def fake_report() -> Callable[..., Any]:
    """The maker of a realistic report."""
    return load(Path(__file__).parents[1] / "report" / "fake_report.py").fake_report


@pytest.fixture(scope="session")
def page_file(fake_report: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report's page as a file."""
    return fake_report().save(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def fake() -> Callable[..., dict[str, Any]]:
    """The maker of realistic data of a search."""
    return load(Path(__file__).parents[1] / "report" / "fake_exploration.py").fake_exploration


@pytest.fixture(scope="session")
def small(fake: Callable[..., Any]) -> dict[str, Any]:
    return fake(2_000, 100)


@pytest.fixture(scope="session")
def small_file(small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("exploration") / "small.html"
    from axbar.report.exploration import exploration_html

    file.write_text(exploration_html(small), encoding="utf-8")
    return file
