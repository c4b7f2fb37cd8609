"""``axbar validate``: the shipped example, a chip of arrays, and mistakes named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from axbar.cli._app import app

EXAMPLES = Path(__file__).parents[2] / "examples"
CHIP, TABLE = EXAMPLES / "macro-chip.yaml", EXAMPLES / "macro-measured.csv"


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["validate", *map(str, words)])
    return done.exit_code, done.stdout, done.stderr


def test_the_example_of_the_help_works(axbar) -> None:
    text = axbar("validate", "--help").stdout
    assert text.rstrip().endswith("cd examples && axbar validate macro-chip.yaml -m macro-measured.csv")
    done = axbar("validate", str(CHIP), "--measured", str(TABLE))
    assert done.returncode == 0, done.stderr
    assert "held-out rows" in done.stdout and "adc.sar" in done.stdout


def test_json_holds_every_comparison_and_calibration_helps() -> None:
    code, out, _ = run(CHIP, "-m", TABLE, "--json")
    found = json.loads(out)
    assert code == 0 and found["factors_from"] == "rows to calibrate"
    assert {c["what"] for c in found["comparisons"]} == {"energy", "area", "array", "adc.sar", "drivers"}
    assert found["held_out_error_calibrated"] < 0.15 < found["held_out_error"]
    assert 2.0 < found["factors"]["adc.sar"] < 4.0


def test_without_use_the_factors_of_published_chips_stand_in(tmp_path: Path) -> None:
    table = tmp_path / "m.csv"
    table.write_text("vdd_V,tops_per_W\n1.0,16.4\n", encoding="utf-8")
    found = json.loads(run(CHIP, "-m", table, "--json")[1])
    assert found["factors_from"] == "published chips" and found["held_out_error"] is None
    assert "published chips" in run(CHIP, "-m", table)[1]


def test_a_chip_of_arrays_is_taken_at_array_level(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text("extends: imc-rram-65nm\nadc: {bits: 6}\n", encoding="utf-8")
    (tmp_path / "m.csv").write_text("name,energy_per_op_J\nnominal,1 nJ\n", encoding="utf-8")
    code, out, _ = run(tmp_path / "chip.yaml", "-m", tmp_path / "m.csv", "--json")
    found = json.loads(out)
    assert code == 0 and found["macro"] == "chip"
    assert found["comparisons"][0]["measured"] == 1e-9


def test_a_slip_of_units_is_doubted(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("energy_per_op_J\n125\n", encoding="utf-8")
    code, _, err = run(CHIP, "-m", tmp_path / "m.csv")
    assert code == 0 and "check its unit" in err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("vdd_V\n1.0\n", "missing column: energy_per_op_J"),
        ("tops_per_W,vdd\n16,1.0\n", "did you mean 'vdd_V'"),
        ("tops_per_W,adc_enegry_J\n16,1 pJ\n", "did you mean 'adc_energy_J'"),
        ("vdd_V;tops_per_W\n1,0;16,4\n", "separate cells by commas"),
        ("energy_per_op_J\n-3 pJ\n", "not positive"),
        ("energy_per_op_J\n0\n", "not positive"),
        ("energy_per_op_J\n3 mW\n", "expected the unit J"),
        ("energy_per_op_J\nabout 3\n", "not a number"),
        ("energy_per_op_J,tops_per_W\n1 pJ,16\n", "say the same"),
        ("tops_per_W,tops_per_W\n16,16\n", "given twice"),
        ("tops_per_W,use\n16,calibrat\n", "did you mean 'calibrate'"),
        ("tops_per_W,use\n16,test\n", "no row to calibrate on"),
        ("tops_per_W,vdd_V\n,1.0\n", "no total is measured"),
        ("tops_per_W,vdd_V\n16\n", "1 cells under 2 columns"),
        ("tops_per_W,vdd_V\n16,900\n", "outside 0.3 to 2.5"),
        ("tops_per_W,digital_energy_J\n16,1 pJ\n", "puts no energy there"),
        ("tops_per_W\n", "holds no measurements"),
        ("", "holds no measurements"),
    ],
)
def test_a_bad_table_is_one_sentence(tmp_path: Path, table: str, said: str) -> None:
    (tmp_path / "m.csv").write_text(table, encoding="utf-8")
    code, _, err = run(CHIP, "-m", tmp_path / "m.csv")
    assert code == 1 and said in err, err
    assert err.startswith("error: ") and "Traceback" not in err


@pytest.mark.parametrize(
    ("chip", "code", "said"),
    [
        ("array: charge\n", 1, "missing key: kind"),
        ("kind: macro\narray: charge\n", 1, "missing key: node_m"),
        ("kind: macro\narray: charges\n", 1, "did you mean 'charge'"),
        ("kind: macro\nvdd: 1\n", 1, "did you mean 'vdd_V'"),
        (
            CHIP.read_text(encoding="utf-8").replace("22 nm", "22 V", 1).replace("vdd_V: 1.0 V", "vdd_V: 9"),
            1,
            "vdd_V",
        ),
    ],
)
def test_a_bad_macro_is_named_with_its_line(tmp_path: Path, chip: str, code: int, said: str) -> None:
    (tmp_path / "chip.yaml").write_text(chip, encoding="utf-8")
    found, _, err = run(tmp_path / "chip.yaml", "-m", TABLE)
    assert found == code and said in err, err
    assert "chip.yaml:" in err


def test_files_that_are_not_there() -> None:
    assert run("no.yaml", "-m", TABLE)[0] == 2
    code, _, err = run(CHIP, "-m", "no.csv")
    assert code == 2 and "there is no file 'no.csv'" in err
