"""``compare`` leaves a record, and ``rerun`` repeats the comparison bit for bit or names what changed."""

from __future__ import annotations

import json
from pathlib import Path

from test_bad_input import one_sentence

#: figures of one line of the table
TABLE = ("name", "cycles", "energy_J", "latency_s", "area_m2", "leakage_W", "edp_Js", "accuracy")


def test_a_comparison_with_accuracy_runs_again(axbar, trained: Path, tmp_path: Path) -> None:
    words = ("compare", str(trained), "--data", "fashion-mnist-small", "--images", "40", "--chips", "1")
    done = axbar(
        *words, "--hardware", "imc-rram-65nm,sata", "--set", "clock_Hz=150e6", "--seed", "3",
        "--technique", "prune:sparsity=0.5,epochs=0", "--out", "run", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["verb"] == "compare" and record["command"] == first["command"]
    assert record["arguments"]["seed"] == 3 and record["arguments"]["hardware"] == ["imc-rram-65nm", "sata"]
    assert set(record["inputs"]) == {"weights", "data", "hardware imc-rram-65nm", "hardware sata", "workload"}
    assert record["splits"]["test"] > 0 and record["versions"]["torch"]
    for name in ("comparison.html", "comparison.json", "comparison.csv", "workload.npz"):
        assert (tmp_path / "run" / name).stat().st_size > 100
    page = (tmp_path / "run" / "comparison.html").read_text()
    assert "axbar rerun run.json" in page
    assert f"First made at {record['made']} by axbar {record['versions']['axbar']} with" in page

    again = axbar("rerun", "run", "--json")
    assert again.returncode == 0, again.stderr
    second = json.loads(again.stdout)
    assert second["same"] is True and not second["differences"]
    for then, now in zip(first["hardware"], second["hardware"], strict=True):
        assert {key: then[key] for key in TABLE} == {key: now[key] for key in TABLE}
    assert second["hardware"][0]["accuracy"]["analog"]["chips"]

    record["report"]["hardware"][1]["energy_J"] *= 2
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    off = axbar("rerun", "run")
    assert off.returncode == 1 and "hardware.1.energy_J" in off.stderr


def test_random_weights_are_told_everywhere_and_trained_ones_are_not(
    axbar, trained: Path, tmp_path: Path
) -> None:
    words = ("--data", "fashion-mnist-small", "--images", "20", "--samples", "2")
    small = ("--config", "width=2", "--config", "steps=2")
    said = "the weights of 'spiking-cnn' are random"
    one = axbar("evaluate", "spiking-cnn", *words, *small, "--hardware", "sata", "--out", "run")
    assert one.returncode == 0, one.stderr
    assert " ".join(one.stdout.split()).count(said) == 1
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert sum(said in note for note in record["report"]["notes"]) == 1
    assert "are random: where no technique" in (tmp_path / "run" / "report.html").read_text()
    two = axbar("compare", "spiking-cnn", *words, *small, "--hardware", "sata,loas")
    assert two.returncode == 0, two.stderr
    assert " ".join(two.stdout.split()).count(said) == 1
    own = axbar("evaluate", str(trained), *words, "--hardware", "sata")
    assert own.returncode == 0 and "are random" not in own.stdout


def test_a_comparison_by_shape_runs_again_or_names_the_chip(axbar, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: imc-sram-28nm\nname: mine\ncrossbar: {rows: 64}\n")
    words = ("compare", "cnn", "--config", "width=4", "--hardware", "imc-rram-65nm,mine.yaml")
    assert axbar(*words, "--out", "run").returncode == 0
    again = axbar("rerun", "run/run.json")
    assert again.returncode == 0 and "same figures" in again.stdout, again.stderr
    assert "least energy × delay" in axbar("show", "run").stdout
    (tmp_path / "mine.yaml").write_text("extends: imc-sram-28nm\nname: mine\ncrossbar: {rows: 32}\n")
    one_sentence(axbar("rerun", "run"), 1, "the hardware mine changed")


def test_a_record_is_not_written_over_by_another_verb(axbar, tmp_path: Path) -> None:
    assert axbar("compare", "cnn", "--hardware", "imc-rram-65nm", "--out", "run").returncode == 0
    refused = axbar("evaluate", "spiking-cnn", "--data", "fashion-mnist-small", "--out", "run")
    one_sentence(refused, 2, "holds the record of 'axbar compare'")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["verb"] == "compare"
    assert axbar("compare", "cnn", "--hardware", "imc-sram-28nm", "--out", "run").returncode == 0
    one_sentence(axbar("export", "run"), 1, "comparison of chips")


def test_a_record_of_a_comparison_that_was_edited(axbar, tmp_path: Path) -> None:
    assert axbar("compare", "cnn", "--hardware", "imc-rram-65nm", "--out", "run").returncode == 0
    file = tmp_path / "run" / "run.json"
    record = json.loads(file.read_text())
    few = {key: value for key, value in record["arguments"].items() if key != "hardware"}
    for edited, said in (
        ({**record, "verb": "conpare"}, "did you mean 'compare'"),
        ({**record, "arguments": few}, "other arguments than 'axbar compare': hardware"),
        ({**record, "inputs": {}}, "inputs.workload missing"),
    ):
        file.write_text(json.dumps(edited))
        one_sentence(axbar("rerun", "run"), 1, said)
