"""The study of first-spike networks: what it runs, disturbs, prices, says, draws and keeps."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch

from axbar.data import load_data
from axbar.errors import UsageError
from axbar.nn import build_model
from axbar.nn.models import TtfsNetwork
from axbar.nn.ttfs import fit_windows
from axbar.published import ttfs_study as study
from axbar.published.ttfs_claims import claims
from axbar.published.ttfs_figure import panels
from axbar.published.ttfs_measure import jitter, sweep_bits, sweep_jitter
from axbar.published.ttfs_networks import NETWORKS, Task, linear_share
from axbar.published.ttfs_pde import regression, solution
from axbar.published.ttfs_table import markdown, mean, rows, spread

SMALL = Task("waves, 3x3", "wave-3x3", 1, 64, options={"width": 4})
EXACT = Task("small", "fashion-mnist-small", 1, 128, options={"width": 4})
SIZE = study.Scale((SMALL,), (0, 1), EXACT, 20, bits=(4, 5), dies=1, tests=9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ttfs")


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """Everything, at a scale of seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(study.SCALES, "quick", SIZE)
        study.reproduce(folder, scale="quick")
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_every_network_has_a_run_per_seed(found: dict[str, Any]) -> None:
    task = found["tasks"]["waves, 3x3"]
    assert set(task["runs"]) == set(NETWORKS)
    assert all(len(runs) == 2 for runs in task["runs"].values())
    for runs in task["runs"].values():
        assert all(0 <= run["spikes_per_neuron"] <= 1 and run["latency"] > 0 for run in runs)
    waves = load_data("wave-3x3")
    assert f"{task['linear']:.1%}" in waves.notes[0] and task["linear"] == linear_share(waves)
    assert set(found["exact"]) == {"slope", "exact"}


def test_skips_have_gaps_and_only_learned_delays_differ_by_channel(found: dict[str, Any]) -> None:
    runs = found["tasks"]["waves, 3x3"]["runs"]
    assert runs["plain"][0]["gap"] == {} and set(runs["add"][0]["gap"]) == {"blocks.0", "blocks.1"}
    assert all(set(d) == {0.0} for d in runs["concat"][0]["delays"].values())
    assert all(len(set(d)) > 1 for d in runs["concat, delay"][0]["delays"].values())


def test_chips_read_one_network_in_three_ways(found: dict[str, Any]) -> None:
    by = {(row["chip"], row["read"], row["bits"]): row for row in found["tasks"]["waves, 3x3"]["chips"]}
    assert len(by) == 2 * (3 + 2 + 2)
    pulse, slots = (by["imc-rram-65nm", way, 4] for way in ("pulse", "slots"))
    assert pulse["energy_J"] < slots["energy_J"] and pulse["latency_s"] < slots["latency_s"]
    assert pulse["digital"] == slots["digital"] == by["imc-rram-65nm", "rate", 4]["digital"]
    assert pulse["dies"] is not None and by["sata", "slots", 4]["dies"] is None
    assert by["loas", "slots", 5]["energy_J"] < by["loas", "rate", 5]["energy_J"]


@pytest.fixture(scope="module")
def network() -> TtfsNetwork:
    made = build_model("ttfs-plain", width=4)
    assert isinstance(made, TtfsNetwork)
    return made.eval()


def test_jitter_moves_spikes_and_makes_or_loses_none(network: TtfsNetwork) -> None:
    data = load_data("fashion-mnist-small")
    images = torch.from_numpy(data.test.images(slice(0, 8)))
    with torch.no_grad():
        clean = network.stem.neuron(torch.linspace(-1, 3, 50)[None])
        before = network(images)
        with jitter(network, 0.1, torch.Generator().manual_seed(0)):
            moved, off = network.stem.neuron(torch.linspace(-1, 3, 50)[None]), network(images)
        assert not torch.equal(off, before) and torch.equal(network(images), before)
    assert torch.equal(moved > 0, clean > 0) and float((moved - clean).abs().max()) > 0.1
    assert float(moved.max()) <= float(network.stem.neuron.window)


def test_sweeps_leave_the_network_as_it_was(network: TtfsNetwork) -> None:
    data = load_data("fashion-mnist-small")
    before = copy.deepcopy(network.state_dict())
    found = sweep_bits(network, data, (1, 8))
    assert [row["bits"] for row in found] == [1, 8]
    calm = sweep_jitter(network, data, (0.0, 0.3))
    fitted = copy.deepcopy(network)
    fit_windows(fitted, torch.from_numpy(data.calibration.images(slice(0, 512))))
    assert calm[0]["accuracy"] == pytest.approx(found[1]["accuracy"], abs=0.03)
    assert network.encode.bits is None
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_the_solution_solves_the_equation() -> None:
    places = torch.rand(16, 2, dtype=torch.float64, requires_grad=True)
    u = solution(places)
    (slope,) = torch.autograd.grad(u.sum(), places, create_graph=True)
    bent = sum(torch.autograd.grad(slope[:, n].sum(), places, retain_graph=True)[0][:, n] for n in range(2))
    torch.testing.assert_close(bent, -8 * torch.pi**2 * u[:, 0])


def test_regression_learns_and_repeats() -> None:
    short, long = regression(10), regression(200)
    assert long["error"] < 0.7 * short["error"]
    assert regression(10) == short
    assert long["bits"][-1]["error"] == pytest.approx(long["error"], rel=0.1)


def test_claims_follow_the_figures(found: dict[str, Any]) -> None:
    said = {claim.what: claim for claim in claims(found)}
    assert len(said) == 7 and all(claim.gap for claim in said.values())
    assert said["skips that add spike times delay the answer"].agrees
    other = copy.deepcopy(found)
    for run in other["tasks"]["waves, 3x3"]["runs"]["add"]:
        run["latency"] = 0.1
    assert not {claim.what: claim for claim in claims(other)}[
        "skips that add spike times delay the answer"
    ].agrees
    for run in other["tasks"]["waves, 3x3"]["runs"]["concat, delay"]:
        run["accuracy"] = 1.0
    assert {claim.what: claim for claim in claims(other)}[
        "learned delays make concatenation more accurate"
    ].agrees


def test_tables_and_figure(found: dict[str, Any], folder: Path) -> None:
    runs = found["tasks"]["waves, 3x3"]["runs"]["add"]
    row = next(row for row in rows(found) if row["network"] == "add")
    assert row["accuracy, %"] == pytest.approx(100 * mean(runs, "accuracy"))
    assert row["std"] == pytest.approx(100 * spread(runs, "accuracy"))
    text = markdown(found)
    assert (folder / "table.md").read_text(encoding="utf-8") == text
    assert "| imc-rram-65nm | pulse | 4 |" in text and "Poisson" in text
    titles = [node.text for node in ElementTree.fromstring(panels(found, "x")).iter() if node.text]
    assert "Spikes per neuron" in titles and "waves, 3x3: path behind skip" in titles


def test_finished_runs_are_read_back(
    folder: Path, found: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(study.SCALES, "quick", SIZE)
    monkeypatch.setattr(study, "trained", lambda *_, **__: pytest.fail("trained again"))
    monkeypatch.setattr(study, "regression", lambda *_: pytest.fail("fitted again"))
    told: list[tuple[int, int]] = []
    result = study.reproduce(
        folder, scale="quick", progress=lambda _, done, total: told.append((done, total))
    )
    assert len(result.rows) == len(NETWORKS)
    assert told[0][0] == 0 and told[-1][0] == told[-1][1] - 1


def test_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="trains its own networks"):
        study.reproduce(tmp_path, scale="quick", weights="x")
