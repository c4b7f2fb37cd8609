"""What makes two evaluations the same: nothing that changes an outcome may be missing from their keys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from studies import data

from axbar import evaluate
from axbar.errors import UsageError
from axbar.nn import build_model
from axbar.search import explore, open_study
from axbar.search.question.identity import content_of
from axbar.spec import load_hardware, to_yaml

CONFIG = {"width": 4, "seed": 0}
PROXY = {"images": 20, "chips": 1, "survivors": 8, "generations": 0}


def asked(space: dict[str, Any], **more: Any) -> dict[str, Any]:
    fidelity = {"sweep": False, "proxy": PROXY, "full": False, "samples": 4}
    return {"space": space, "objectives": ["accuracy max", "energy_J min"], "fidelity": fidelity} | more


def test_time_steps_are_networks_of_their_own() -> None:
    study = explore(asked({"hardware": "sata", "model.steps": [1, 4]}), "spiking-cnn", data(), config=CONFIG)
    rows = {row.point["model.steps"]: row for row in study.rows}
    assert set(rows) == {1, 4}
    for steps, row in rows.items():
        report = evaluate(
            "spiking-cnn",
            data(),
            "sata",
            config={**CONFIG, "steps": steps},
            images=20,
            trace_samples=4,
            waterfall=0,
        )
        assert report.accuracy is not None and row.accuracy is not None
        assert (report.accuracy.digital, report.accuracy.float_) == (
            row.accuracy["digital"],
            row.accuracy["float"],
        )
        assert report.estimate.total("energy_J")[0] == row.values["energy_J"]


def test_chips_that_share_an_accuracy_keep_their_own_costs() -> None:
    names = ["loas", "gospa"]
    config = {**CONFIG, "steps": 2}
    study = explore(asked({"hardware": names}), "spiking-cnn", data(), config=config)
    rows = {row.point["hardware"]: row for row in study.rows}
    assert len({row.values["accuracy"] for row in rows.values()}) == 1
    for name in names:
        report = evaluate("spiking-cnn", data(), name, config=config, images=20, trace_samples=4, waterfall=0)
        assert report.estimate.total("energy_J")[0] == rows[name].values["energy_J"]
    assert study.counts["measured"] == 1


def test_rungs_may_look_in_the_same_way() -> None:
    fidelity = {"sweep": False, "proxy": PROXY, "full": {**PROXY, "survivors": 2}, "samples": 4}
    study = explore(
        asked({"hardware": "sata", "array.rows": [8, 16]}, fidelity=fidelity), "cnn", data(), config=CONFIG
    )
    assert study.rungs == ("proxy", "full")
    assert {row.values["accuracy"] for row in study.designs("full")} == {
        row.values["accuracy"] for row in study.designs("proxy")
    }


def test_an_edited_chip_file_is_another_question(tmp_path: Path) -> None:
    file, chip = tmp_path / "mine.yaml", load_hardware("sata")
    file.write_text(to_yaml(chip))
    space = {"space": {"hardware": [str(file)], "array.rows": [8, 16]}, "objectives": ["latency_s min"]}
    explore(space, "vgg9", study=tmp_path / "s")
    file.write_text(to_yaml(chip.replace({"clock_Hz": chip.values()["clock_Hz"] / 4})))
    with pytest.raises(UsageError, match=r"was asked 'chips\."):
        explore(space, "vgg9", study=tmp_path / "s")


def test_another_network_is_another_question(tmp_path: Path) -> None:
    space = asked({"hardware": "sata"})
    explore(space, "cnn", data(), config=CONFIG, study=tmp_path / "s")
    with pytest.raises(UsageError, match=r"was asked 'networks\."):
        explore(space, "cnn", data(), config={**CONFIG, "seed": 1}, study=tmp_path / "s")


def test_fewer_rungs_keep_what_the_others_found(tmp_path: Path) -> None:
    fidelity = {"sweep": False, "proxy": PROXY, "full": {**PROXY, "images": 30, "survivors": 1}, "samples": 4}
    space = asked({"hardware": "sata", "array.rows": [8, 16]}, fidelity=fidelity)
    whole = explore(space, "cnn", data(), config=CONFIG, study=tmp_path / "s")
    part = explore(space, "cnn", data(), config=CONFIG, study=tmp_path / "s", until="proxy")
    for study in (part, open_study(tmp_path / "s")):
        assert study.rungs == ("proxy", "full")
        assert study.command(study.designs("full")[0]) == whole.command(whole.designs("full")[0])


def test_designs_that_cost_too_much_are_priced_and_not_measured() -> None:
    space = asked({"hardware": "sata", "array.rows": [8, 16]}, constraints=["area_m2 <= 1 µm²"])
    study = explore(space, "cnn", data(), config=CONFIG)
    assert len(study.rows) == 2 and not study.front()
    assert all(row.accuracy is None and row.values["area_m2"] > 0 for row in study.rows)


def changed(attribute: str) -> Callable[[torch.nn.Module], None]:
    def change(network: torch.nn.Module) -> None:
        first = next(part for part in network.modules() if isinstance(part, torch.nn.Conv2d))
        if attribute == "weight":
            with torch.no_grad():
                first.weight[0, 0, 0, 0] += 1e-7
        elif attribute == "stride":
            first.stride = (2, 2)
        elif attribute == "own":
            first.leak = 0.3
        else:
            first.register_buffer("noise", torch.zeros(3), persistent=False)

    return change


@pytest.mark.parametrize("attribute", ["weight", "stride", "own", "buffer"])
def test_the_content_of_a_network_is_all_that_it_computes_with(attribute: str) -> None:
    network = build_model("cnn", width=4, seed=0)
    before = content_of(network, {})
    assert content_of(build_model("cnn", width=4, seed=0), {}) == before != content_of(network, {"steps": 2})
    changed(attribute)(network)
    assert content_of(network, {}) != before


def test_content_is_the_same_in_every_process() -> None:
    code = (
        "from axbar.nn import build_model; from axbar.search.question.identity import content_of; "
        "print(content_of(build_model('spiking-cnn', width=4, steps=2, seed=0), {'width': 4, 'steps': 2}))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1
