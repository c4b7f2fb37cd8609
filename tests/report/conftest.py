"""Fixtures of the report room; ``fake_report`` is a module beside this file; the browser tests use it too."""

from __future__ import annotations

import pytest
from fake_report import fake_report

from axbar._report import Report


@pytest.fixture(scope="session")
def report() -> Report:
    return fake_report()
