"""``axbar evaluate --apply N``: recommendations carried out, kept in the record, and run again."""

from __future__ import annotations

import json
from pathlib import Path

WORDS = ("--data", "fashion-mnist-small", "--hardware", "sata", "--images", "60", "--samples", "4")


def test_advice_is_carried_out_and_rerun_gives_the_same_bits(axbar, trained: Path, tmp_path: Path) -> None:
    done = axbar("evaluate", str(trained), *WORDS, "--apply", "3", "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    applied = report["applied"]
    recommended = sorted(report["bottlenecks"]["changes"], key=lambda change: change["factors"]["edp_Js"])
    assert [row["title"] for row in applied] == [change["title"] for change in recommended[:3]]
    for row in applied:
        assert row["refused"] is None and row["obtained"]["edp_Js"] < 1
        assert row["accuracy"]["of"] == "digital" and len(row["accuracy"]["after"]) == 1
    assert 'id="applied"' in (tmp_path / "run" / "report.html").read_text()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["arguments"]["apply"] == 3 and record["report"]["applied"] == applied
    again = axbar("rerun", "run", "--json")
    assert again.returncode == 0, again.stdout
    told = json.loads(again.stdout)
    assert told["same"] is True and len(told["applied"]) == 3


def test_older_records_without_the_argument_still_run(axbar, trained: Path, tmp_path: Path) -> None:
    assert axbar("evaluate", str(trained), *WORDS, "--out", "run").returncode == 0
    file = tmp_path / "run" / "run.json"
    record = json.loads(file.read_text())
    assert record["arguments"].pop("apply") == 0 and record["report"].pop("applied") is None
    file.write_text(json.dumps(record))
    again = axbar("rerun", "run")
    assert again.returncode == 0, again.stderr
    assert "same figures, bit for bit" in again.stdout
    del record["arguments"]["chips"]
    file.write_text(json.dumps(record))
    wrong = axbar("rerun", "run")
    assert wrong.returncode == 1 and "other arguments than 'axbar evaluate': chips" in wrong.stderr


def test_the_terminal_tells_promise_and_outcome(axbar, trained: Path) -> None:
    done = axbar("evaluate", str(trained), *WORDS, "--apply", "1")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "Carried out: promised → obtained" in text and "EDP as promised" in text
    refused = axbar("evaluate", str(trained), *WORDS, "--apply", "-1")
    assert refused.returncode == 2 and "--apply" in refused.stderr
