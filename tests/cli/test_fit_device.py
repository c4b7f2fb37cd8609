"""``axbar fit-device``: a hardware file that works at once, a picture, and mistakes named."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from axbar import load_hardware
from axbar.cli._app import app


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    lines = ["target_uS,read_uS,time_s,cell"]
    for cell, target in enumerate(np.repeat([10.0, 50.0, 100.0], 20)):
        start = target + (1 + 0.02 * target) * rng.standard_normal()
        for time in (1.0, 1e3, 1e6):
            for _ in range(2):
                read = start * time**-0.02 + 0.3 * rng.standard_normal()
                lines.append(f"{target:g},{max(read, 0):.5g},{time:g},c{cell}")
    path = tmp_path / "cells.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_file_is_usable_at_once(axbar, csv: Path, tmp_path: Path) -> None:
    done = axbar("fit-device", "cells.csv", "-o", "my.yaml", "--plot", "fit.svg", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["cells"] == 60 and found["g_on_S"] == 1e-4
    low, high = found["intervals"]["drift_nu0"]
    assert low < 0.02 < high
    assert any("1/f" in sentence for sentence in found["undetermined"])
    assert "hardware: my.yaml" in done.stderr

    shown = axbar("show", "my.yaml")
    assert shown.returncode == 0, shown.stderr
    assert "device.custom.drift_nu0" in shown.stdout and "fit to cells.csv" in shown.stdout
    assert axbar("estimate", "vgg9", "-H", "my.yaml").returncode == 0

    drawn = ET.parse(tmp_path / "fit.svg").getroot()  # well-formed
    dots = [mark for mark in drawn.iter() if mark.get("class") == "dot"]
    assert len(dots) == 9  # three targets in three panels


def test_text_page_and_chip_of_ones_own(axbar, csv: Path, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("extends: imc-rram-65nm\nname: base\nadc: {bits: 6}\n")
    done = axbar("fit-device", "cells.csv", "-o", "out/my.yaml", "--extends", "base.yaml", "--plot", "fit.html",
                 "--g-on", "120 uS", "--g-off", "0")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "The data can't determine:" in done.stdout and "95 %" in done.stdout
    assert 'extends: "../base.yaml"' in (tmp_path / "out" / "my.yaml").read_text()
    chip = load_hardware(tmp_path / "out" / "my.yaml", {})
    assert chip.values()["adc.bits"] == 6 and chip.values()["device.g_on_S"] == 1.2e-4
    page = (tmp_path / "fit.html").read_text()
    assert "<svg" in page and "http" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (("none.csv",), 2, ("none.csv",)),
        (("cells.csv", "-o", "my.txt"), 2, ("my.txt", ".yaml")),
        (("cells.csv", "-o", "my.yaml", "--plot", "fit.png"), 2, ("fit.png", ".svg")),
        (("cells.csv", "-o", "my.yaml", "--extends", "imc-rram-65mn"), 2, ("did you mean 'imc-rram-65nm'",)),
        (("cells.csv", "-o", "my.yaml", "--g-on", "5 V"), 2, ("--g-on", "50 uS")),
        (("cells.csv", "-o", "my.yaml", "--g-on", "1 uS"), 2, ("below the largest target", "0.0001 S")),
    ],
)
def test_a_mistake_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
    csv: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    code: int,
    parts: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["fit-device", *words])
    assert done.exit_code == code, done.output
    lines = [line for line in done.output.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and all(part in lines[0] for part in parts), done.output
    assert {p.name for p in tmp_path.iterdir()} == {"cells.csv"}


def test_a_wrong_value_is_named_with_its_line(
    monkeypatch: pytest.MonkeyPatch, csv: Path, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = csv.read_text().splitlines()
    lines[7] = lines[7].replace(lines[7].split(",")[1], "-3")
    csv.write_text("\n".join(lines))
    done = CliRunner().invoke(app, ["fit-device", "cells.csv", "-o", "my.yaml"])
    assert done.exit_code == 1 and "cells.csv:8: read_uS = -3" in done.output
    assert not (tmp_path / "my.yaml").exists()


def test_help_ends_in_an_example() -> None:
    assert "Example: axbar fit-device" in CliRunner().invoke(app, ["fit-device", "--help"]).output
