"""What a run becomes: every figure is the recorded one, every setting is named, what is absent stays absent."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_runs import COMMAND, made_run
from fake_report import fake_report

from axbar import estimate, registry
from axbar._report import QUANTITIES, Report
from axbar.errors import AxbarError, DataError, UsageError
from axbar.report import Format, export, formats, read_record
from axbar.report._export._sources import cited
from axbar.spec import load_hardware, preset_names
from axbar.workload import shapes

BUILTIN = ["latex", "csv", "bibtex", "methods", "neurobench"]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "run"
    made_run(folder)
    return folder


@pytest.fixture
def copy(run_folder: Path, tmp_path: Path) -> Path:
    """The same run, to be spoiled."""
    return Path(shutil.copytree(run_folder, tmp_path / "run"))


@pytest.fixture(scope="module")
def saved() -> dict[str, Any]:
    """What ``axbar estimate vgg9 --json`` prints."""
    spec = load_hardware("imc-rram-65nm")
    return json.loads(json.dumps({"hardware": spec.name, **estimate(shapes.vgg9(), spec).to_dict()}))


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def value(rows: list[dict[str, str]], quantity: str, layer: str = "total", component: str = "total") -> float:
    found = [r for r in rows if (r["quantity"], r["layer"], r["component"]) == (quantity, layer, component)]
    assert len(found) == 1
    return float(found[0]["value"])


# --- the record -----------------------------------------------------------------------------------------------------


def test_the_folder_and_the_report_say_the_same(run_folder: Path, tmp_path: Path) -> None:
    texts = export(run_folder)
    assert list(texts) == BUILTIN
    record = read_record(run_folder)
    assert record.alike and not record.warnings
    assert record.network == "spiking-cnn" and record.chip == "imc-rram-65nm"


def test_nothing_is_written_unless_all_is_made(run_folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def fail(record: Any) -> str:
        raise AxbarError("no")

    made = formats()
    monkeypatch.setattr(
        "axbar.report._export.formats", lambda: {**made, "bad": Format("bad", "bad.txt", "", fail)}
    )
    with pytest.raises(AxbarError, match="no"):
        export(run_folder, ["csv", "bad"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_have_their_names(run_folder: Path, tmp_path: Path) -> None:
    texts = export(run_folder, ["csv", "bibtex"], tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"figures.csv", "references.bib"}
    assert (tmp_path / "out" / "figures.csv").read_text(encoding="utf-8") == texts["csv"]


def test_an_unknown_format_names_the_closest(run_folder: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'bibtex'"):
        export(run_folder, "bibtext")
    with pytest.raises(UsageError, match="latex, csv"):
        export(run_folder, [])


def test_a_format_of_somebody_else_stands_beside_ours(monkeypatch: Any) -> None:
    mine = Format("wiki", "run.wiki", "a wiki page", lambda record: f"= {record.network} =\n")
    entry = registry.Entry("renderers", "wiki", "theirs:FORMAT", "", "their-package")
    listed, get = registry.entries, registry.get
    monkeypatch.setattr(
        registry, "entries", lambda group: (*listed(group), *([entry] * (group == "renderers")))
    )
    monkeypatch.setattr(registry, "get", lambda group, name: mine if name == "wiki" else get(group, name))
    assert list(formats()) == [*BUILTIN, "wiki"]
    assert export(fake_report(), "wiki") == {"wiki": "= spiking-vgg9 =\n"}
    assert mine(fake_report()) == "= spiking-vgg9 =\n"


def test_a_format_may_not_leave_its_folder() -> None:
    with pytest.raises(AxbarError, match="leave out the folder"):
        Format("bad", "../bad.txt", "", str)


# --- what can be wrong with a run -----------------------------------------------------------------------------------


def test_a_folder_without_a_report_says_what_to_give(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(f"did you mean '{run_folder}'")):
        read_record(run_folder.parent)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(DataError, match="trained network; evaluate it first"):
        read_record(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(DataError, match="axbar evaluate --out"):
        read_record(tmp_path)


def test_files_that_hold_no_run_are_refused(tmp_path: Path, saved: dict[str, Any]) -> None:
    file = tmp_path / "x.json"
    with pytest.raises(UsageError, match="there is no file or folder"):
        read_record(file)
    for text, told in (
        ("{", "not JSON"),
        ("[]", "holds a list"),
        ("{}", "neither a report nor an estimate"),
        (json.dumps({"points": {}, "feasible": [True] * 3}), "sweep of 3 points"),
        (json.dumps({k: v for k, v in saved.items() if k != "edp_Js"}), "lacks edp_Js"),
    ):
        file.write_text(text)
        with pytest.raises(DataError, match=told):
            read_record(file)


def test_an_older_report_is_named_with_the_command_that_makes_it_anew(copy: Path) -> None:
    facts, run = (json.loads((copy / name).read_text()) for name in ("report.json", "run.json"))
    del facts["assumed_share"], facts["breakdown"]["area_m2"]
    run["versions"]["axbar"] = "0.0.7"
    (copy / "report.json").write_text(json.dumps(facts))
    (copy / "run.json").write_text(json.dumps(run))
    with pytest.raises(
        DataError, match=r"lacks assumed_share: it was written by axbar 0\.0\.7, this is .* anew: axbar"
    ):
        read_record(copy)


def test_a_newer_run_record_is_refused(copy: Path) -> None:
    run = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**run, "format": 2}))
    with pytest.raises(DataError, match=r"has the format 2, this axbar .* reads format 1"):
        read_record(copy)


def test_figures_of_another_cost_model_stay_but_lose_spreads_and_constants(copy: Path) -> None:
    facts = json.loads((copy / "report.json").read_text())
    facts["energy_J"] *= 1.5
    (copy / "report.json").write_text(json.dumps(facts))
    record = read_record(copy)
    assert not record.alike and any("prices this run" in w for w in record.warnings)
    assert any("not the report of run.json" in w for w in record.warnings)
    texts = export(record)
    rows = table(texts["csv"])
    assert value(rows, "energy") == facts["energy_J"]
    assert all(r["low"] == "" for r in rows if r["quantity"] == "energy")
    assert "constant " not in texts["bibtex"] and "moitra2023spikesim" in texts["bibtex"]
    assert "Spreads are not recorded" in texts["methods"] and "prices this run" in texts["methods"]


def test_a_lonely_report_exports_without_sources(copy: Path) -> None:
    for name in ("run.json", "hardware.yaml", "workload.npz"):
        (copy / name).unlink()
    texts = export(copy)
    assert "versions not recorded" in texts["methods"] and "command was not recorded" in texts["methods"]
    # what report.json itself names: the data set and the techniques
    assert entries(texts["bibtex"]).keys() == {
        "axbar",
        "xiao2017fashion",
        "joshi2020accurate",
        "rasch2023hardware",
    }
    metrics = json.loads(texts["neurobench"])
    assert metrics["synaptic_operations"] is None and metrics["activation_sparsity"] is None


def test_figures_of_merit_stand_where_they_were_recorded(copy: Path) -> None:
    facts = json.loads((copy / "report.json").read_text())
    facts["metrics"] = {
        "tops_per_W": {"label": "efficiency", "value": 21.5, "unit": "TOPS/W", "definition": "x"},
        "edp_Js": {"label": "energy x delay", "value": 1.0, "unit": "Js", "definition": "x"},
        "edap_Jsm2": {"label": "energy x delay x area", "value": 2e-15, "unit": "Jsm2", "definition": "x"},
        "energy_per_synop_J": {
            "label": "energy per operation",
            "value": 3e-12,
            "unit": "J",
            "definition": "x",
        },
        "unknown": {"label": "y", "value": None, "unit": "1", "definition": "x"},
    }
    (copy / "report.json").write_text(json.dumps(facts))
    texts = export(copy, ["csv", "methods"])
    rows = table(texts["csv"])
    assert value(rows, "tops_per_W") == 21.5
    assert not [r for r in rows if r["quantity"] in ("edp_Js", "unknown")]
    assert "efficiency 21.5 TOPS/W" in texts["methods"]
    assert "energy x delay x area 2e-15 J·s·m²; energy per operation 3.00 pJ" in texts["methods"]
    del facts["metrics"]
    (copy / "report.json").write_text(json.dumps(facts))
    assert "Figures of merit" not in export(copy, "methods")["methods"]


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_exports_in_every_form(name: str) -> None:
    spec = load_hardware(name)
    made = Report(
        "cnn", "none", spec, spec, estimate(shapes.TABLE["cnn"](), spec), (), {"name": "cnn", "steps": 5}
    )
    texts = export(made)
    assert all(texts.values()) and len(entries(texts["bibtex"])) > 5
    assert not [key for key in entries(texts["bibtex"]) if key.startswith("source")]  # all is known by name


def test_an_edited_chip_brings_no_sources(copy: Path) -> None:
    text = (copy / "hardware.yaml").read_text()
    (copy / "hardware.yaml").write_text(text.replace("cols_per_adc: {value: 8", "cols_per_adc: {value: 16"))
    record = read_record(copy)
    assert record.spec is None and any("not the chip of report.json" in w for w in record.warnings)
    assert not record.alike and record.spread("energy_J") is None


# --- csv ------------------------------------------------------------------------------------------------------------


def test_cells_add_up_to_every_total(run_folder: Path) -> None:
    rows = table(export(run_folder, "csv")["csv"])
    facts = json.loads((run_folder / "report.json").read_text())
    for key in QUANTITIES:
        name = key.partition("_")[0]
        mine = [r for r in rows if r["quantity"] == name]
        cells = [r for r in mine if "total" not in (r["layer"], r["component"])]
        assert np.isclose(sum(float(r["value"]) for r in cells), facts[key], rtol=1e-12)
        assert value(rows, name) == facts[key]
        for layer, total in facts["breakdown"][key]["layer"].items():
            assert np.isclose(sum(float(r["value"]) for r in cells if r["layer"] == layer), total, rtol=1e-12)
            assert value(rows, name, layer=layer) == total
        for component, total in facts["breakdown"][key]["component"].items():
            assert value(rows, name, component=component) == total


def test_spreads_are_those_of_the_estimate(run_folder: Path) -> None:
    record = read_record(run_folder)
    assert record.estimate is not None
    for key in QUANTITIES:
        low, high = record.estimate.spread(key)
        assert record.spread(key) == pytest.approx((float(low[0]), float(high[0])), rel=1e-12)
    assert record.spread("edp_Js") is None
    for row in table(export(record, "csv")["csv"]):
        if row["low"]:
            assert float(row["low"]) <= float(row["value"]) <= float(row["high"])


def test_accuracy_rows(run_folder: Path) -> None:
    rows = table(export(run_folder, "csv")["csv"])
    facts = json.loads((run_folder / "report.json").read_text())["accuracy"]
    dies = [float(r["value"]) for r in rows if r["quantity"] == "accuracy_die"]
    assert dies == facts["analog"]["chips"]
    assert value(rows, "accuracy_chip") == facts["analog"]["mean"]
    assert value(rows, "accuracy_float") == facts["float"]


# --- bibtex ---------------------------------------------------------------------------------------------------------


def entries(text: str) -> dict[str, str]:
    """Key -> entry; braces must balance and nothing else may start with @."""
    assert text.count("{") == text.count("}")
    found = re.findall(r"^@(\w+)\{([\w]+),\n(.*?)^\}$", text, flags=re.MULTILINE | re.DOTALL)
    assert len(found) == text.count("@")
    keys = [key for _, key, _ in found]
    assert len(keys) == len(set(keys))
    return {key: body for _, key, body in found}


def test_what_was_used_is_cited_and_nothing_else(run_folder: Path) -> None:
    found = entries(export(run_folder, "bibtex")["bibtex"])
    # chip, device, components, technology, data, techniques (drift-compensate: Joshi, clip-weights: Rasch)
    assert {"axbar", "moitra2023spikesim", "wan2022neurram", "xiao2017fashion", "joshi2020accurate",
            "rasch2023hardware", "houshmand2023benchmarking"} <= found.keys()  # fmt: skip
    # not of this run: other presets' chips, other devices, other converters
    assert not {"kim2022neurocim", "agrawal2022sonos", "andrulis2024adc", "khaddam2022hermes"} & found.keys()


def test_a_component_without_cost_is_not_cited() -> None:
    spec = load_hardware("imc-rram-65nm")
    made = Report(
        "vgg9",
        "none",
        spec,
        spec,
        estimate(shapes.vgg9(), spec),
        (),
        {"name": "vgg9", "steps": 5, "samples": 0},
    )
    assert made.estimate.by_component("energy_J")[0][made.estimate.components.index("dac")] == 0
    assert "constant dac." not in export(made, "bibtex")["bibtex"]


def test_a_users_own_source_stands_word_for_word() -> None:
    from axbar.spec import Provenance

    spec = load_hardware("imc-rram-65nm").replace({"adc.bits": 6})
    words = "Smith & Doe, unpublished: 50% of {x}"
    known = {**spec.sources, "adc.bits": Provenance(source=words, confidence="user")}
    spec = spec.model_copy(update={"sources": known})
    made = Report("vgg9", "none", spec, spec, estimate(shapes.vgg9(), spec), (), {"name": "vgg9", "steps": 5})
    text = export(made, "bibtex")["bibtex"]
    assert r"Smith \& Doe, unpublished: 50\% of \{x\}" in entries(text)["source1"]
    assert "adc.bits" in entries(text)["source1"].replace("\\_", "_")


def test_a_law_keeps_its_paper_when_its_scale_changes() -> None:
    spec = load_hardware("imc-rram-65nm").replace({"device.program_noise": 0.5, "device.g_on_S": 2e-5})
    made = Report("vgg9", "none", spec, spec, estimate(shapes.vgg9(), spec), (), {"name": "vgg9", "steps": 5})
    used = {reference.key: what for reference, what in cited(read_record(made))}
    assert "device.program_noise" in used["wan2022neurram"] and "device.g_on_S" not in used["wan2022neurram"]


# --- methods --------------------------------------------------------------------------------------------------------


def test_methods_name_every_setting(run_folder: Path) -> None:
    text = export(run_folder, "methods")["methods"]
    facts = json.loads((run_folder / "report.json").read_text())
    for path in facts["hardware"]["values"]:
        if not path.startswith("device.custom."):
            assert path.rpartition(".")[2] in text, path
    for words in (
        "T = 2", "5,488 training, 512 calibration and 2,000 test images", "20 test images", "adc.bits 5 → 6",
        "bits 6†", "2 programmed dies", "seed 3 + i", "clip-weights (before programming): sigma = 2.5",
        "drift-compensate (on every die)", "uncalibrated", "assumed or set by the user", COMMAND, "axbar rerun",
        "programming noise", facts["hardware"]["hash"], "torch ",
    ):  # fmt: skip
        assert words in text, words


def test_methods_of_an_estimate_claim_no_accuracy(saved: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "vgg9.json"
    file.write_text(json.dumps(saved))
    text = export(file, "methods")["methods"]
    assert "Accuracy" not in text and "Techniques" not in text and "Data" not in text
    assert "versions not recorded" in text and "without any --set" in text


def test_training_is_told_only_for_the_very_weights(copy: Path, tmp_path: Path, monkeypatch: Any) -> None:
    torch = pytest.importorskip("torch")
    from axbar._run import weights_hash
    from axbar.nn import build_model, save_checkpoint

    network = build_model("spiking-cnn", width=4, steps=2)
    save_checkpoint(tmp_path / "net", network)
    config = {
        "format": 1,
        "model": {"name": "spiking-cnn", "width": 4},
        "train": {"epochs": 7},
        "data": {"name": "clothes"},
    }
    (tmp_path / "net" / "config.json").write_text(json.dumps(config))
    run = json.loads((copy / "run.json").read_text())
    run["cwd"], run["arguments"]["model"], run["inputs"]["weights"] = (
        str(tmp_path),
        "net",
        weights_hash(network),
    )
    (copy / "run.json").write_text(json.dumps(run))
    assert "trained on clothes with epochs 7" in export(copy, "methods")["methods"]
    with torch.no_grad():
        next(network.parameters()).add_(1)
    save_checkpoint(tmp_path / "net", network)
    assert "trained on" not in export(copy, "methods")["methods"]


# --- estimates ------------------------------------------------------------------------------------------------------


def test_a_saved_estimate_exports_with_cells_and_spreads(saved: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "vgg9.json"
    file.write_text(json.dumps(saved))
    rows = table(export(file, "csv")["csv"])
    energy = [r for r in rows if r["quantity"] == "energy"]
    cells = [r for r in energy if "total" not in (r["layer"], r["component"])]
    assert len(cells) == len(saved["layers"]) * len(saved["components"])
    assert np.isclose(sum(float(r["value"]) for r in cells), saved["energy_J"], rtol=1e-12)
    assert all(r["low"] for r in energy)
    assert not [r for r in rows if r["quantity"].startswith("accuracy")]


def test_a_saved_estimate_that_records_its_chip_names_its_changes(
    saved: dict[str, Any], tmp_path: Path
) -> None:
    spec = load_hardware("imc-rram-65nm").replace({"adc.bits": 7})
    given = {"kind": spec.kind, "hash": spec.hash(), "values": spec.values()}
    (tmp_path / "x.json").write_text(json.dumps({**saved, "axbar": "0.1.0", "spec": given}))
    record = read_record(tmp_path / "x.json")
    assert not record.warnings and record.version == "0.1.0"
    assert record.spec is not None and record.spec.hash() == spec.hash()
    assert "bits 7†" in export(record, "methods")["methods"]


def test_a_chip_of_somebody_else_has_no_sources_here(saved: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({**saved, "hardware": "my-chip"}))
    record = read_record(tmp_path / "x.json")
    assert record.spec is None and "not known here" in record.warnings[0]
    assert export(record)["bibtex"].count("@") == 1


def test_a_fake_report_exports_in_every_form() -> None:
    texts = export(replace(fake_report(), run={}))
    assert list(texts) == BUILTIN and all(texts.values())
