"""Terminal tables and data forms."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fake_report import fake_estimate, fake_report, fake_workload

from axbar import registry
from axbar._report import QUANTITIES, Report
from axbar.cli import _common
from axbar.errors import AxbarError
from axbar.report import (
    estimate_text,
    report_text,
    sweep_csv,
    sweep_text,
    technique_cost,
    workload_table,
)
from axbar.report.text import to_terminal


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_text_tells_what_the_page_tells(report: Report) -> None:
    text = squeezed(report_text(report))
    for words in (
        report.verdict,
        "88.4",
        "ADC 1.78 µJ",
        "conv2",
        "crossbar.rows 64 128",
        "21.4 %",
        "adc-recalibrate",
        "programming 86.13 % −3.13 ± 0.78 +2.34 ± 0.70",
        "None on this chip: faults (no cell is stuck).",
        "All effects in one layer only, points: conv1 −1.1 ± 0.3, conv2",
        "wires: 1 Ω a cell",
    ):
        assert squeezed(words) in text


def test_text_is_plain(report: Report) -> None:
    text = report_text(report)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_layer_names_are_no_markup() -> None:
    shapes = [("[bold]x[/nope]", 3, 8, 8, None)]
    report = fake_report(estimate=fake_estimate(shapes), workload=fake_workload(shapes), notes=("[/red]",))
    assert "[bold]x[/nope]" in report_text(report)


def test_emoji_codes_and_names_of_chips_are_no_markup(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = "rocket.py:fire:[b]"
    shapes = [(network, 3, 8, 8, None)]
    base = report.base.model_copy(update={"name": network})
    told = replace(
        fake_report(estimate=fake_estimate(shapes), workload=fake_workload(shapes), notes=(network,)),
        base=base,
    )
    text = report_text(told)
    assert f"note: {network}" in text and f"Changed from {network}" in text
    assert re.search(rf"^ *{re.escape(network)} ", text, re.MULTILINE)  # its row among the layers
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    to_terminal(lambda wide: [network])
    assert out.getvalue() == f"{network}\n"


def test_names_in_progress_bars_are_no_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, as far as rich can see
    monkeypatch.setattr(_common, "quiet", lambda json_output: False)
    with _common.progress_bar(False) as tell:
        assert tell is not None
        tell(":fire:[b]", 1, 2)
    assert ":fire:[b]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ({"skipped": "", "images": 128, "layers": []}, "images 128"),
        ({"skipped": "fc1", "seconds": 0.0, "share": 0.25}, "skipped fc1, share 0.25"),
        ({"skipped": "", "notes": ()}, "nothing"),
        (None, "not recorded"),
    ],
)
def test_what_a_technique_cost_leaves_out_what_is_empty(cost: Any, said: str) -> None:
    assert technique_cost({"cost": cost}) == said


def test_csv_is_tidy_and_sums_to_the_totals(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(report.render("csv"))))
    assert list(rows[0]) == ["layer", "component", "quantity", "value", "unit"]
    assert len(rows) == 4 * 9 * 12
    for key in QUANTITIES:
        name, _, unit = key.rpartition("_")
        values = [float(r["value"]) for r in rows if r["quantity"] == name and r["unit"] == unit]
        assert sum(values) == pytest.approx(report.total(key), rel=1e-12)


def test_csv_keeps_all_digits(report: Report) -> None:
    first = next(csv.DictReader(io.StringIO(report.render("csv"))))
    assert float(first["value"]) == report.estimate.energy_J[0, 0, 0]


def test_json_is_the_report(report: Report) -> None:
    assert json.loads(report.render("json")) == report.to_dict()


def test_frame_without_pandas_says_what_to_install(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(AxbarError, match="pip install pandas"):
        report.to_frame()


def test_frame_with_pandas(report: Report) -> None:
    pytest.importorskip("pandas")
    frame = report.to_frame()
    assert frame.groupby("quantity")["value"].sum()["energy"] == pytest.approx(report.total("energy_J"))


def test_show_writes_to_the_terminal(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    report.show()
    assert capsys.readouterr().out.split() == report_text(report).split()


def test_narrow_terminals_keep_every_name_and_figure(
    report: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    report.show()
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for words in ("membrane memory", "conv1", "input buffer", "57.5 %", "996 nJ"):
        assert words in text


@pytest.mark.parametrize("form", ["html", "json", "txt", "csv"])
def test_save_picks_the_form_by_suffix(report: Report, form: str, tmp_path: Any) -> None:
    path = report.save(tmp_path / f"r.{form}")
    assert path.read_text(encoding="utf-8") == report.render(form)


def test_every_renderer_resolves() -> None:
    assert {"csv", "frame", "html", "json", "notebook", "terminal", "txt"} <= set(registry.names("renderers"))
    assert all(callable(registry.get("renderers", name)) for name in registry.names("renderers"))


def test_estimate_alone(report: Report) -> None:
    text = squeezed(estimate_text(report.estimate, report.hardware))
    assert text.startswith("imc-rram-65nm: 3.10 µJ · 810 µs · 4.20 mm² · EDP 2.51 nJ·s")
    assert "input activity" not in text


def test_infeasible_estimates_say_why() -> None:
    estimate: Any = fake_estimate(feasible=np.array([False]), reasons=("needs 190 tiles",))
    assert "does not fit: needs 190 tiles" in estimate_text(estimate)


def sweep() -> Any:
    one = fake_estimate()
    factor = np.linspace(1, 2, 50)[:, None, None]
    cubes = {key: getattr(one, key) * factor for key in QUANTITIES}
    fits = np.arange(50) != 3
    return replace(
        one,
        **cubes,
        feasible=fits,
        reasons=tuple("" if f else "too wide" for f in fits),
        points={"adc.bits": np.arange(50), "read.t_read_s": np.full(50, 1e-8)},
    )


def test_sweep_csv_has_one_line_per_point() -> None:
    rows = list(csv.DictReader(io.StringIO(sweep_csv(sweep()))))
    assert len(rows) == 50
    assert rows[3]["feasible"] == "no"
    assert rows[3]["reason"] == "too wide"
    assert float(rows[49]["energy_J"]) == pytest.approx(6.2e-6)


def test_sweep_text_names_the_best_and_what_it_left_out() -> None:
    text = squeezed(sweep_text(sweep()))
    assert "10 more of 50 points" in text
    assert "least energy: 3.10 µJ at adc.bits = 0, read.t_read_s = 10 ns" in text
    assert "does not fit: too wide" in text


def test_workload_table_says_what_was_not_recorded() -> None:
    class Workload:
        name, steps, samples, spikes_of = "net", 4, 0, "assumed"

        def summary(self) -> list[dict[str, Any]]:
            return [dict(row, spike_rate=None, synops=None) for row in fake_workload()]

    text = squeezed(workload_table(Workload()))
    assert "net: T = 4, no samples recorded" in text
    assert "64×32×32" in text
    assert "not recorded" in text
