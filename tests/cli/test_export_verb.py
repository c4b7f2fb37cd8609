"""``axbar export`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path


def test_a_run_and_an_estimate_are_exported(axbar, tmp_path: Path) -> None:
    words = (
        "--config",
        "width=4",
        "--config",
        "steps=2",
        "--images",
        "20",
        "--chips",
        "1",
        "--waterfall",
        "0",
    )
    done = axbar("evaluate", "spiking-cnn", "--data", "fashion-mnist-small", *words, "--out", "run")
    assert done.returncode == 0, done.stderr
    done = axbar("export", "run", "--to", "latex,csv,bibtex,methods,neurobench", "-o", "paper", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["warnings"] == []
    assert list(told["files"]) == ["latex", "csv", "bibtex", "methods", "neurobench"]
    for file in told["files"].values():
        assert (tmp_path / file).stat().st_size > 0
    assert not list((tmp_path / "paper").glob(".*"))
    done = axbar("export", "run/report.json", "--to", "csv")
    assert done.returncode == 0 and (tmp_path / "run" / "export" / "figures.csv").is_file()


def test_an_estimate_is_exported(axbar, tmp_path: Path) -> None:
    (tmp_path / "vgg9.json").write_text(axbar("estimate", "vgg9", "--json").stdout)
    done = axbar("export", "vgg9.json", "--to", "latex", "-o", "paper")
    assert done.returncode == 0, done.stderr
    assert "paper/tables.tex: " in done.stdout


def test_mistakes_are_one_sentence(axbar, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words, code, told in (
        (("empty",), 1, "holds no report.json"),
        (("nowhere",), 2, "there is no file or folder 'nowhere'"),
    ):
        done = axbar("export", *words)
        assert done.returncode == code and told in done.stderr and len(done.stderr.splitlines()) == 1
        assert not done.stdout
    (tmp_path / "vgg9.json").write_text(axbar("estimate", "vgg9", "--json").stdout)
    done = axbar("export", "vgg9.json", "--to", "latx", "-o", "paper")
    assert done.returncode == 2 and "did you mean 'latex'" in done.stderr
    assert not (tmp_path / "paper").exists()


def test_help_ends_in_an_example(axbar) -> None:
    text = " ".join(axbar("export", "--help").stdout.split())
    assert "Example: axbar export runs/demo --to latex,csv,bibtex,methods,neurobench" in text
