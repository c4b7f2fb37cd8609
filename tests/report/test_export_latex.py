"""The tables compile: a strict reader of what they use, and LaTeX itself where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fake_report import fake_report
from hypothesis import given
from hypothesis import strategies as st

from axbar.report import export
from axbar.report._export.latex import escape, quantity

COMMANDS = {
    "begin", "end", "centering", "caption", "label", "toprule", "midrule", "bottomrule", "renewcommand", "arraystretch",
    "par", "smallskip", "pm", "times", "mu", "Omega", "cdot", "sigma", "div", "to", "leq", "geq", "dots",
    "textbackslash", "textasciitilde", "textasciicircum",
    "\\", "%", "&", "_", "#", "$", "{", "}", ",",
}  # fmt: skip


def check(text: str) -> None:
    """Refuse what LaTeX would refuse: open groups and environments, raw specials, unknown commands, ragged rows."""
    open_, maths, columns, cells = [], False, 0, 1
    for line in text.splitlines():
        line = re.sub(r"(?<!\\)%.*", "", line)
        at = 0
        while at < len(line):
            c = line[at]
            if c == "\\":
                found = re.match(r"\\([A-Za-z]+|.)", line[at:])
                assert found and found[1] in COMMANDS, f"unknown command in {line!r}"
                at += len(found[0])
                if found[1] in ("begin", "end"):
                    name = re.match(r"\{(\w+)\}", line[at:])
                    assert name, line
                    at += len(name[0])
                    if found[1] == "begin":
                        open_.append(name[1])
                    else:
                        assert open_.pop() == name[1]
                    if name[1] == "tabular" and found[1] == "begin":
                        spec = re.match(r"\{([lrc]+)\}", line[at:])
                        assert spec, line
                        columns, cells, at = len(spec[1]), 1, at + len(spec[0])
                elif found[1] == "\\":
                    assert open_[-1] == "tabular" and cells == columns, (
                        f"{cells} cells of {columns}: {line!r}"
                    )
                    cells = 1
                continue
            if c == "{":
                open_.append("{")
            elif c == "}":
                assert open_.pop() == "{", line
            elif c == "$":
                maths = not maths
            elif c == "&":
                assert open_[-1] == "tabular", line
                cells += 1
            elif c in "_^":
                assert maths, f"raw {c} in {line!r}"
            else:
                assert c not in "#~", f"raw {c} in {line!r}"
            at += 1
        assert not maths, f"open formula in {line!r}"
    assert not open_


def nasty() -> dict[str, str]:
    """A report whose names hold all that LaTeX reads as a command."""
    from dataclasses import replace

    report = fake_report(model='a_b & 50% $x$ {y} \\cmd ~^ #1 <z> [q] "w" é 中 µ', data="d_1%")
    chip = report.hardware.model_copy(update={"name": "chip_#1 & co"})
    return export(replace(report, hardware=chip), "latex")


def test_the_strict_reader_refuses() -> None:
    for wrong in (
        r"\begin{table}",
        "a_b",
        r"{\pm",
        "$x",
        r"\nosuch",
        r"\begin{tabular}{ll}a \\\end{tabular}",
    ):
        with pytest.raises(AssertionError):
            check(wrong)


def test_tables_read_strictly() -> None:
    check(export(fake_report(), "latex")["latex"])
    check(nasty()["latex"])


def test_accuracy_stands_with_its_spread() -> None:
    text = export(fake_report(), "latex")["latex"]
    assert r"91.2\,\%" in text
    assert r"90.8\,\%" in text or r"90.9\,\%" in text
    assert r"on chip, mean $\pm$ std of 5 dies" in text
    assert r"$88.4 \pm 0.6$\,\%" in text
    assert r"\toprule" in text and r"\bottomrule" in text


def test_what_was_not_measured_has_no_row() -> None:
    text = export(fake_report(accuracy=None, data=""), "latex")["latex"]
    assert "Accuracy" not in text and "test images" not in text
    assert "Spreads of costs are not recorded" in text


def test_quantities() -> None:
    assert quantity(3.14e-6, "J") == r"3.14\,$\mu$J"
    assert quantity(3.84e-6, "m2") == r"3.84\,mm$^2$"
    assert quantity(4.838e-9, "Js") == r"4.84\,nJ$\cdot$s"
    assert quantity(3.14e-6, "J", (2.1e-6, 7.0e-6)) == r"$3.14^{+3.9}_{-1.0}$\,$\mu$J"
    check(quantity(0.0, "J"))


@given(st.text(max_size=40))
def test_any_text_can_be_set(text: str) -> None:
    check(escape(text))


@given(st.text("abc xyz0189.,:;!?()+-=/*@", max_size=40))
def test_plain_text_stays(text: str) -> None:
    assert escape(text) == text


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="LaTeX is not installed; the strict reader stands in"
)
@pytest.mark.parametrize("which", ["plain", "nasty"])
def test_latex_compiles_them(which: str, tmp_path: Path) -> None:
    texts = export(fake_report(), "latex") if which == "plain" else nasty()
    (tmp_path / "tables.tex").write_text(texts["latex"], encoding="utf-8")
    page = r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{tables}\end{document}"
    (tmp_path / "page.tex").write_text(page)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
