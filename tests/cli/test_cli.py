"""Every verb on real input, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from axbar.cli._app import app

VERBS = (
    "demo",
    "train",
    "trace",
    "evaluate",
    "estimate",
    "explain",
    "rerun",
    "reproduce",
    "ls",
    "show",
    "new",
    "schema",
    "doctor",
)


def test_help_lists_every_verb_and_imports_no_heavy_package(axbar) -> None:
    done = axbar("--help")
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_ends_in_an_example(verb: str) -> None:
    command = next(c for c in app.registered_commands if c.name == verb)
    assert "axbar " + verb in (command.epilog or "")


def test_help_loads_neither_torch_nor_numpy_nor_pydantic(axbar, tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; sys.argv = ['axbar', '--help']\n"
        "from axbar.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "bad = [m for m in ('torch', 'numpy', 'scipy', 'pydantic', 'jinja2', 'ruamel') if m in sys.modules]\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_evaluate_writes_a_report_and_rerun_gives_the_same_bits(axbar, trained: Path, tmp_path: Path) -> None:
    words = ("evaluate", str(trained), "--data", "fashion-mnist-small", "--chips", "2", "--images", "100")
    done = axbar(*words, "--set", "adc.bits=6", "--technique", "adc-recalibrate", "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert len(report["accuracy"]["analog"]["chips"]) == 2
    assert report["energy_J"] == pytest.approx(
        sum(report["breakdown"]["energy_J"]["component"].values()), rel=1e-12
    )
    assert report["edp_Js"] == pytest.approx(report["energy_J"] * report["latency_s"], rel=1e-12)
    assert report["diff"]["adc.bits"][1] == 6
    assert report["techniques"][0]["name"] == "adc-recalibrate"
    for name in ("report.html", "report.json", "run.json", "workload.npz", "hardware.yaml"):
        assert (tmp_path / "run" / name).stat().st_size > 100
    again = axbar("rerun", "run", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["same"] is True


def test_rerun_names_the_input_that_changed(axbar, trained: Path, tmp_path: Path) -> None:
    import shutil

    mine = tmp_path / "model"
    shutil.copytree(trained, mine)
    assert axbar("new", "chip", "mine.yaml").returncode == 0
    words = (
        "evaluate",
        "model",
        "--data",
        "fashion-mnist-small",
        "--hardware",
        "mine.yaml",
        "--chips",
        "1",
        "--images",
        "20",
    )
    assert axbar(*words, "--out", "run").returncode == 0
    chip = tmp_path / "mine.yaml"
    chip.write_text(chip.read_text() + "crossbar: {rows: 32}\n")
    done = axbar("rerun", "run")
    assert done.returncode == 1
    assert "hardware changed" in done.stderr


def test_estimate_explain_and_trace_share_one_workload(axbar, trained: Path) -> None:
    assert axbar("trace", str(trained), "--data", "fashion-mnist-small", "-o", "w.npz").returncode == 0
    estimate = json.loads(axbar("estimate", "w.npz", "--json").stdout)
    assert estimate["energy_J"] > 0
    explained = json.loads(axbar("explain", "adc.energy", "-w", "w.npz", "--json").stdout)
    assert explained["result"] == pytest.approx(
        estimate["breakdown"]["energy_J"]["component"]["adc"], rel=1e-12
    )
    assert "fashion" not in axbar("show", "w.npz").stderr


def test_trace_of_a_training_step(axbar, trained: Path) -> None:
    words = (
        "trace",
        str(trained),
        "--data",
        "fashion-mnist-small",
        "--samples",
        "4",
        "-o",
        "w.npz",
        "--training",
    )
    shown = axbar(*words)
    assert shown.returncode == 0, shown.stderr
    assert "du " in shown.stdout and "df 100.0%  (neuron1)" in shown.stdout
    traced = json.loads(axbar(*words, "--json").stdout)
    rates = {row["name"]: row for row in traced["layers"] if "du_rate" in row}
    assert list(rates) == ["conv1", "conv2", "fc1", "fc2"] and len(rates["conv2"]["du_rate"]) == 2
    assert json.loads(axbar("show", "w.npz", "--json").stdout)["hash"] == traced["hash"]


def test_a_sweep_prints_and_writes_every_point(axbar, tmp_path: Path) -> None:
    done = axbar(
        "estimate", "vgg9", "--sweep", "adc.bits=3:6", "--sweep", "crossbar.rows=64,128", "--csv", "s.csv"
    )
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 1 + 4 * 2


def test_what_does_not_fit_ends_with_3_and_a_reason(axbar) -> None:
    done = axbar("estimate", "vgg9", "--set", "chip.max_tiles=1", "--json")
    assert done.returncode == 3
    assert "chip.max_tiles" in done.stderr
    assert json.loads(done.stdout)["energy_J"] > 0


@pytest.mark.parametrize(
    "what",
    ["hardware", "kinds", "devices", "techniques", "models", "data", "shapes", "reproductions", "paths"],
)
def test_ls_lists(axbar, what: str) -> None:
    rows = json.loads(axbar("ls", what, "--json").stdout)[what]
    assert rows
    assert all(summary for _, summary in rows)


def test_show_and_schema_and_doctor(axbar) -> None:
    assert "assumed" in axbar("show", "imc-rram-65nm").stdout
    assert "S" in axbar("show", "rram-neurram").stdout
    schema = json.loads(axbar("schema", "imc").stdout)
    assert "crossbar" in schema["properties"]
    assert json.loads(axbar("doctor", "--json").stdout)["ok"] is True


def test_a_chip_printed_as_yaml_is_the_same_chip(axbar, tmp_path: Path) -> None:
    (tmp_path / "copy.yaml").write_text(axbar("show", "imc-pcm-14nm", "--yaml").stdout)
    mine = json.loads(axbar("estimate", "vgg9", "--hardware", "copy.yaml", "--json").stdout)
    theirs = json.loads(axbar("estimate", "vgg9", "--hardware", "imc-pcm-14nm", "--json").stdout)
    assert mine["energy_J"] == theirs["energy_J"]
