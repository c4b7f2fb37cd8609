"""What every study leaves behind: its files, and where they lie."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from axbar.errors import AxbarError
from axbar.published._reproduction import write_study


def test_table_figure_and_results_are_written_into_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "study"
    written = write_study(folder, results={"± µ": [1.5, None]}, table="| a |\n", figure="<svg/>")
    assert written == {"table": str(folder / "table.md"), "figure": str(folder / "figure.svg")}
    assert Path(written["table"]).read_text(encoding="utf-8") == "| a |\n"
    assert Path(written["figure"]).read_text(encoding="utf-8") == "<svg/>"
    results = (folder / "results.json").read_text(encoding="utf-8")
    assert json.loads(results) == {"± µ": [1.5, None]}
    assert "± µ" in results  # readable as it stands


def test_without_results_there_is_no_results_file(tmp_path: Path) -> None:
    write_study(tmp_path, table="", figure="")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["figure.svg", "table.md"]


def test_results_that_are_empty_are_results(tmp_path: Path) -> None:
    write_study(tmp_path, results=[], table="", figure="")
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8")) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AxbarError, match=r"results\.json"):
        write_study(tmp_path / "file", results={}, table="", figure="")
