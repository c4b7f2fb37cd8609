"""One search from the sweep to several dies: what it returns, keeps, reuses and exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studies import CONFIG, MODEL, SPACE, data, found

from axbar import evaluate
from axbar.cost import estimate
from axbar.errors import AxbarError, UsageError
from axbar.nn import TrainConfig, build_model, train
from axbar.search import Study, explore, load_space, open_study
from axbar.search.front.pareto import nondominated
from axbar.spec import load_hardware
from axbar.workload import Workload, shapes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study") / "s"


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return explore(SPACE, MODEL, data(), config=CONFIG, study=folder)


def test_every_rung_has_its_designs(study: Study) -> None:
    assert study.rungs == ("sweep", "proxy", "full")
    assert study.swept is not None and study.swept.looked_at == study.space.count
    proxy, full = study.designs("proxy"), study.designs("full")
    assert {row.generation for row in proxy} == {0, 1}
    assert {row.id for row in full} <= {row.id for row in proxy}
    for row in (*proxy, *full):
        assert row.accuracy is not None and 0 <= row.values["accuracy_low"] <= row.values["accuracy"]
    analog = [row for row in full if row.point["hardware"] == "imc-rram-65nm"]
    assert all(row.accuracy is not None and len(row.accuracy["dies"]) == 2 for row in analog)


def test_random_weights_are_noted_once_a_study(study: Study, folder: Path) -> None:
    noted = [note for note in study.notes if f"weights of '{MODEL}' are random" in note]
    assert len(noted) == 1
    assert open_study(folder).notes == study.notes
    assert study.render("html").count(" are random: where no technique trains it, its accuracy") == 1
    measured = [row.accuracy for row in study.rows if row.accuracy is not None]
    assert measured and not any("are random" in note for found in measured for note in found["notes"])


def test_a_trained_network_is_not_noted(tmp_path: Path) -> None:
    network = build_model(MODEL, **CONFIG)
    train(network, data(), TrainConfig(epochs=1, batch_size=50, device="cpu"), out_dir=tmp_path / "run")
    space = {**SPACE, "fidelity": {"proxy": {"images": 10, "survivors": 1, "generations": 0}, "samples": 2}}
    found = explore(space, str(tmp_path / "run"), data(), until="proxy")
    assert found.designs("proxy") and not any("are random" in note for note in found.notes)


def test_designs_that_differ_in_cost_alone_share_an_accuracy(study: Study) -> None:
    by_class: dict[str, set[float]] = {}
    for row in study.designs("proxy"):
        key = json.dumps({k: v for k, v in row.point.items() if k not in ("adc.cols_per_adc", "array.rows")})
        by_class.setdefault(key, set()).add(row.values["accuracy"])
    assert len(study.designs("proxy")) > len(by_class)
    assert all(len(values) == 1 for values in by_class.values())


def test_the_same_call_again_measures_nothing_and_finds_the_same(study: Study, folder: Path) -> None:
    again = explore(SPACE, MODEL, data(), config=CONFIG, study=folder)
    assert again.counts.get("measured", 0) == 0 and again.counts["reused"] >= len(again.designs("proxy"))
    assert found(again) == found(study)
    assert found(open_study(folder)) == found(study)


def test_more_points_go_on_from_what_is_known(study: Study, folder: Path, tmp_path: Path) -> None:
    more = {**SPACE, "fidelity": {**SPACE["fidelity"], "full": {"images": 40, "chips": 2, "survivors": 3}}}
    again = explore(more, MODEL, data(), config=CONFIG, study=folder)
    assert {row.id for row in study.designs("full")} <= {row.id for row in again.designs("full")}
    assert 0 < again.counts["measured"] <= 1


def test_another_question_in_the_same_folder_is_refused(study: Study, folder: Path) -> None:
    other = {**SPACE, "space": {**SPACE["space"], "adc.bits": "4..7"}}
    with pytest.raises(UsageError, match=r"was asked.*adc\.bits"):
        explore(other, MODEL, data(), config=CONFIG, study=folder)


def test_costs_are_those_of_estimate(study: Study) -> None:
    assert study.swept is not None
    traces = {p.name for p in (study.folder or Path()).glob("workloads/*.npz")}
    assert traces
    row = study.front("full")[0]
    report = evaluate(
        MODEL, data(), study.spec(row), config=CONFIG, techniques=row.techniques, chips=2, images=40,
        trace_samples=4, waterfall=0,
    )  # fmt: skip
    assert report.estimate.total("energy_J")[0] == row.values["energy_J"]
    assert report.estimate.total("area_m2")[0] == row.values["area_m2"]
    assert report.accuracy is not None
    mean = report.accuracy.mean if report.accuracy.mean is not None else report.accuracy.digital
    assert mean == row.values["accuracy"]


def test_an_exported_chip_gives_the_same_figures(study: Study, tmp_path: Path) -> None:
    for row in study.front("full"):
        file = study.export(row, tmp_path / "best.yaml")
        assert load_hardware(str(file)).hash() == study.spec(row).hash()
        report = evaluate(
            MODEL, data(), str(file), config=CONFIG, techniques=row.techniques, chips=2, images=40, trace_samples=4,
            waterfall=0,
        )  # fmt: skip
        for quantity in ("energy_J", "latency_s", "area_m2", "leakage_W"):
            assert report.estimate.total(quantity)[0] == row.values[quantity]
        assert row.accuracy is not None and report.accuracy is not None
        assert list(report.accuracy.analog) == row.accuracy["dies"]
        assert report.accuracy.digital == row.accuracy["digital"]


def test_best_and_where(study: Study) -> None:
    rows = study.designs("proxy")
    best = study.best("energy_J", rung="proxy")
    assert best.values["energy_J"] == min(row.values["energy_J"] for row in rows)
    wanted = (
        study.best("energy_J", where="hardware == sata", rung="proxy")
        if any(row.point["hardware"] == "sata" for row in rows)
        else best
    )
    assert wanted.values["energy_J"] >= best.values["energy_J"]
    most = study.best("accuracy", rung="proxy")
    assert most.values["accuracy"] == max(row.values["accuracy"] for row in rows)
    with pytest.raises(UsageError, match="none of"):
        study.best("energy_J", where="accuracy > 0.999")
    with pytest.raises(UsageError, match=r"write 0\.7"):
        study.best("energy_J", where="accuracy > 70")
    assert best.id[:8] in repr(best) and len(repr(best)) < 600
    assert study.front()[0].id[:8] in study._repr_html_()
    with pytest.raises(UsageError, match="did you mean 'energy_J'"):
        study.best("energy_j")
    with pytest.raises(UsageError, match=r"did you mean 'adc\.bits'"):
        study.best("energy_J", where="adc.bit <= 4", rung="proxy")
    with pytest.raises(UsageError, match="no condition"):
        study.best("energy_J", where="accuracy")


def test_records_are_one_row_a_design_and_rung(study: Study) -> None:
    rows = list(study.records())
    assert len(rows) == sum(len(study.designs(rung)) for rung in study.rungs)
    lines = study.to_csv().splitlines()
    assert len(lines) == len(rows) + 1 and lines[0].startswith("id,rung,generation,hardware")
    on = [row for row in rows if row["rung"] == "full" and row["front"]]
    assert [row["id"] for row in on] == [row.id for row in study.front("full")]


def test_a_search_by_cost_alone_finds_the_front_of_the_grid() -> None:
    space = load_space(
        {
            "space": {"crossbar.rows": [64, 128], "adc.bits": "4..6", "adc.cols_per_adc": [4, 8, 16]},
            "objectives": ["energy_J min", "area_m2 min"],
        },
        "imc-rram-65nm",
    )
    study = explore(space, "vgg9", hardware="imc-rram-65nm")
    assert space.size is not None
    columns = space.columns(np.arange(space.size))
    truth = estimate(shapes.vgg9(), "imc-rram-65nm", columns.values)
    values = np.stack([truth.total("energy_J"), truth.total("area_m2")], axis=1)
    flags = nondominated(values, [False, False])
    wanted = sorted(map(tuple, values[flags].tolist()))
    assert sorted((r.values["energy_J"], r.values["area_m2"]) for r in study.front()) == wanted
    assert all(row.breakdown["energy_J"]["component"] for row in study.front())


def test_constraints_say_what_they_removed() -> None:
    space = {
        "space": {"crossbar.rows": [64, 128], "adc.bits": "4..6"},
        "objectives": ["energy_J min"],
        "constraints": ["area_m2 <= 1 µm²"],
    }
    study = explore(space, "vgg9", hardware="imc-rram-65nm")
    assert not study.front()
    assert study.swept is not None and any("area_m2" in what for what in study.swept.infeasible)
    assert any("no design is left" in note for note in study.notes)
    with pytest.raises(UsageError, match="area_m2 <="):
        study.best("energy_J")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"objectives": ["accuracy max"]}, "can't be given without images"),
        ({"space": {"technique.prune": [True, False]}}, "give --data"),
        ({"space": {"adc.bit": [4, 5]}}, "adc.bits"),
        ({"space": {"hardware": ["sata"]}}, "leave --hardware out"),
        ({"fidelity": {"prox": {}}}, "did you mean 'proxy'"),
        ({"fidelity": {"sweep": {"point": 3}}}, "did you mean 'points'"),
        ({"fidelity": {"sweep": {"points": 0}}}, "whole number from 1"),
        ({"fidelity": {"sweep": False}}, "leaves no rung"),
    ],
)
def test_bad_questions_by_cost(change: dict[str, Any], error: str) -> None:
    asked = {"space": {"adc.bits": [4, 5]}, "objectives": ["energy_J min"]} | change
    with pytest.raises(AxbarError, match=error):
        explore(asked, "vgg9", hardware="imc-rram-65nm")


@pytest.mark.parametrize(
    ("change", "options", "error"),
    [
        ({"fidelity": {"proxy": False, "full": False}}, {}, "can't be given by the sweep"),
        ({}, {"hardware": "sata", "overrides": {"array.rows": 8}}, "leave --hardware out"),
        ({}, {"until": "ful"}, "did you mean 'full'"),
        ({}, {"sampler": "nsga"}, "did you mean 'nsga2'"),
        ({"fidelity": {"retrain": {"survivors": 2}}}, {}, "retrain trains nothing"),
        ({"fidelity": {"proxy": {"set": {"technique.mint.epochs": 0}}}}, {}, "does not have"),
        ({"fidelity": {"proxy": {"set": {"technique.clip-weights.sigm": 2}}}}, {}, "did you mean 'sigma'"),
        ({"fidelity": {"proxy": {"images": "many"}}}, {}, "whole number"),
        ({"fidelity": {"full": 3}}, {}, "no mapping"),
        ({}, {"workers": -1}, "workers"),
        ({}, {"config": {"widht": 4}}, "widht: unknown argument .* did you mean 'width'"),
        ({"space": {**SPACE["space"], "model.stepz": [2, 4]}}, {}, r"model\.stepz: .* did you mean 'steps'"),
    ],
)
def test_bad_questions_with_images(change: dict[str, Any], options: dict[str, Any], error: str) -> None:
    with pytest.raises(AxbarError, match=error):
        explore(SPACE | change, MODEL, data(), **{"config": CONFIG, **options})


def test_a_network_that_is_built_takes_no_arguments_of_a_space() -> None:
    space = SPACE | {"space": {**SPACE["space"], "model.steps": [2, 4]}}
    with pytest.raises(UsageError, match=r"model\.steps can't change a network that is built already"):
        explore(space, build_model(MODEL, **CONFIG), data())


def test_a_design_that_fails_is_a_row_with_its_reason(tmp_path: Path) -> None:
    space = {
        "space": {"hardware": "imc-rram-65nm", "technique.mint": [True, False], "adc.bits": [5, 6]},
        "objectives": ["accuracy max", "energy_J min"],
        "fidelity": {
            "sweep": False,
            "proxy": {"images": 10, "survivors": 4, "generations": 0},
            "full": False,
        },
    }
    study = explore(
        space, "cnn", data(), config={"width": 4, "seed": 0}, study=tmp_path / "s", sampler="grid"
    )
    failed = [row for row in study.rows if row.failed]
    assert {row.point["technique.mint"] for row in failed} == {True}
    assert all("mint" in row.reason for row in failed)
    assert study.counts["failed"] == 2 and len(study.front()) >= 1
    assert "failed" in study.render("txt")


def test_what_failed_is_looked_at_again_on_request_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = {
        "space": {"hardware": "sata", "array.rows": [8, 16]},
        "fidelity": {**SPACE["fidelity"], "sweep": False, "full": False},
    }

    def run(folder: str, **options: Any) -> Study:
        return explore(
            space, MODEL, data(), config=CONFIG, study=tmp_path / folder, sampler="grid", **options
        )

    def no_memory(*asked: object) -> dict[str, Any]:
        raise MemoryError("8 GiB")

    with monkeypatch.context() as once:
        once.setattr("axbar.search.climb.task._accuracy", no_memory)
        assert all(row.failed and "8 GiB" in row.reason for row in run("s").rows)
    again = run("s")
    assert all(row.failed for row in again.rows) and "measured" not in again.counts
    mended, undisturbed = run("s", retry=True), run("t")
    assert mended.counts["measured"] > 0 and not any(row.failed for row in mended.rows)
    assert [(r.id, r.values) for r in mended.rows] == [(r.id, r.values) for r in undisturbed.rows]
    assert "measured" not in run("s", retry=True).counts


def test_networks_that_could_not_be_traced_are_tried_again_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = {
        "space": {"hardware": "sata", "technique.clip-weights": [False, True]},
        "fidelity": {**SPACE["fidelity"], "full": False},
    }

    def run(**options: Any) -> Study:
        return explore(space, MODEL, data(), config=CONFIG, study=tmp_path / "s", until="sweep", **options)

    def no_memory(*asked: object) -> Workload:
        raise AxbarError("8 GiB are not enough.")

    with monkeypatch.context() as once:
        once.setattr("axbar.search.climb.pricing.traced", no_memory)
        first = run()
    assert first.swept is not None and sum(first.swept.infeasible.values()) == 2
    again, mended = run(), run(retry=True)
    assert again.swept is not None and again.swept.infeasible
    assert mended.swept is not None and not mended.swept.infeasible and mended.front()


def test_prices_first_and_the_whole_search_later_are_one_question(tmp_path: Path) -> None:
    space = {
        "space": {"hardware": "sata", "array.rows": [8, 16]},
        "fidelity": {**SPACE["fidelity"], "full": False},
    }
    first = explore(space, MODEL, data(), config=CONFIG, study=tmp_path / "s", until="sweep")
    assert first.rungs == ("sweep",) and first.front()
    assert explore(space, MODEL, data(), config=CONFIG, study=tmp_path / "s").rungs == ("sweep", "proxy")
