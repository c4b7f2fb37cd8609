"""The page of a real search: what it shows is what the study found."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from exploration_visits import opened, selected, table

from axbar.search import Study, explore

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def study() -> Study:
    space = {
        "name": "by-cost",
        "space": {
            "hardware": ["imc-rram-65nm", "sata"],
            "crossbar.rows": [64, 128],
            "adc.bits": "4..6",
            "array.rows": [8, 16, 32],
        },
        "objectives": ["energy_J min", "latency_s min"],
        "constraints": ["area_m2 <= 40 mm²"],
    }
    return explore(space, "vgg9")


def test_designs_front_and_figures_are_those_of_the_study(browser: Any, study: Study, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(study.to_csv())))
    assert len(rows) == 9
    with opened(browser, study.save(tmp_path / "study.html")) as v:
        assert selected(v) == len(rows)
        text = v.page.locator("body").inner_text()
        for row in study.front():
            assert row.id[:8] in text
        assert str(len(study.front())) in text
        assert {text[:8] for text in table(v, "design")} == {row["id"][:8] for row in rows}


def test_a_report_of_the_front_opens_with_its_command(browser: Any, study: Study, tmp_path: Path) -> None:
    with opened(browser, study.save(tmp_path / "study.html")) as v:
        v.page.locator("button", has_text="Open its report").first.click()
        dialog = v.page.locator("dialog[open]")
        text = dialog.inner_text()
        assert "axbar estimate vgg9 --hardware" in text
        assert any(row.id[:8] in text for row in study.front())
