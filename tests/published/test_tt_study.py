"""The tensor-train study: what is counted, measured and priced, statements from figures, runs read back."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from axbar.nn import build_model
from axbar.published import tt_study
from axbar.published.tt_chips import ARRAYS
from axbar.published.tt_claims import claims, lost
from axbar.published.tt_measure import kept_bytes
from axbar.published.tt_networks import MODES, Net, build, data_of
from axbar.published.tt_sizes import PUBLISHED_PARAMS, solved
from axbar.published.tt_study import SCALES, Scale, reproduce
from axbar.techniques import tensor_train

TINY = Scale(
    (
        Net("quarter", "fashion-mnist-small", 4, 60, 1, 40, (0, 1), batch=20),
        Net("half", "fashion-mnist-small", 4, 60, 1, 40, (0,), rank=0.5, batch=20),
    ),
    width=4, batch=2, rounds=1, samples=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[int]]:
    folder, seen = tmp_path_factory.mktemp("tt"), list[int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCALES, "tiny", TINY)
        reproduce(folder, scale="tiny", progress=lambda _what, done, _total: seen.append(done))
    return folder, json.loads((folder / "results.json").read_text(encoding="utf-8")), seen


def test_every_network_mode_and_seed_is_run_and_merging_changes_no_answer(study: Any) -> None:
    folder, found, seen = study
    assert {name: len(net["runs"]["ptt"]) for name, net in found["nets"].items()} == {"quarter": 2, "half": 1}
    for net in found["nets"].values():
        for mode in MODES:
            for run in net["runs"][mode]:
                assert run["accuracy"] == run["merged_accuracy"] == run["right"] / 40
    assert seen == list(range(4 * 3 + 1))
    assert (folder / "figure.svg").read_text(encoding="utf-8").count("<g transform") == 6
    table = (folder / "table.md").read_text(encoding="utf-8")
    assert table.count("\n## ") == 7 and "nan" not in table


def test_networks_that_differ_in_ranks_share_the_dense_run(study: Any) -> None:
    folder, found, _ = study
    runs = {name: net["runs"]["dense"][0] for name, net in found["nets"].items()}
    assert runs["quarter"] == runs["half"]
    assert len(list((folder / "tiny").glob("*-dense-0"))) == 1
    weights = [found["nets"][name]["runs"]["ptt"][0]["weights"] for name in ("quarter", "half")]
    assert weights[0] < weights[1] < runs["quarter"]["weights"]


def test_a_second_call_reads_everything_back(study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, found, _ = study
    monkeypatch.setitem(SCALES, "tiny", TINY)
    for name in ("trained", "steps", "training", "inference"):
        monkeypatch.setattr(tt_study, name, lambda *_: pytest.fail("done once already"))
    reproduce(folder, scale="tiny")
    assert json.loads((folder / "results.json").read_text(encoding="utf-8")) == found


def test_parts_of_a_training_step_sum_to_it_and_shared_engines_are_never_slower(study: Any) -> None:
    _, found, _ = study
    for mode in MODES:
        for array in ARRAYS:
            row = found["training"][mode][array]
            assert sum(row["phases"].values()) == pytest.approx(row["energy_J"], rel=1e-9)
            assert all(value > 0 for value in row["phases"].values())
        chips = found["training"][mode]
        assert chips["two engines, shared"]["latency_s"] <= chips["two engines"]["latency_s"] * (1 + 1e-9)


def test_crosses_alone_leave_rows_out(study: Any) -> None:
    _, found, _ = study
    saved = {mode: found["inference"][mode]["merged"]["arrays_saved"] for mode in MODES}
    assert saved["dense"] == saved["stt"] == 0
    assert (
        found["inference"]["ptt"]["cores"]["adc_energy_J"]
        > found["inference"]["ptt"]["merged"]["adc_energy_J"]
    )


def test_statements_follow_the_figures(study: Any) -> None:
    _, found, _ = study
    changed = json.loads(json.dumps(found))
    for run in changed["nets"]["half"]["runs"]["dense"]:
        run["accuracy"] = 0.5
    for mode, points in (("stt", 0.5), ("ptt", 0.49), ("htt", 0.51)):
        changed["nets"]["half"]["runs"][mode][0]["accuracy"] = points
    last = claims(changed)[-1]
    assert last.agrees and "STT 0.0, PTT 1.0, HTT -1.0" in last.ours
    changed["nets"]["half"]["runs"]["htt"][0]["accuracy"] = 0.48
    assert not claims(changed)[-1].agrees


def test_points_lost_are_paired_by_seed() -> None:
    def runs(values: list[float]) -> list[dict[str, float]]:
        return [{"accuracy": value} for value in values]

    net = {"runs": {"dense": runs([0.6, 0.7, 0.8]), "ptt": runs([0.59, 0.69, 0.79])}}
    points, error = lost(net, "ptt")
    assert points == pytest.approx(1.0) and error == pytest.approx(0.0, abs=1e-9)
    one = {"runs": {"dense": runs([0.6]), "ptt": runs([0.5])}}
    assert lost(one, "ptt")[0] == pytest.approx(10.0) and math.isnan(lost(one, "ptt")[1])


def test_the_solved_rank_has_the_published_parameters() -> None:
    found = solved()
    assert found["ptt"]["param_ratio"] == pytest.approx(PUBLISHED_PARAMS, rel=0.01)
    assert found["stt"]["mac_ratio"] == found["ptt"]["mac_ratio"] < found["htt"]["mac_ratio"]


def test_variants_start_from_one_recipe() -> None:
    net = SCALES["quick"].nets[0]
    dataset = data_of(net, None)
    made = {mode: build(net, mode, dataset, 0) for mode in MODES}
    stems = [model.get_submodule("conv1").weight for model in made.values()]
    assert all(torch.equal(stem, stems[0]) for stem in stems)  # pyright: ignore[reportArgumentType]
    assert torch.equal(
        build(net, "ptt", dataset, 0).state_dict()["blocks.0.conv1.reduce.weight"],
        made["ptt"].state_dict()["blocks.0.conv1.reduce.weight"],
    )


def test_kept_memory_is_of_maps_and_grows_with_the_batch() -> None:
    model = tensor_train(build_model("ms-resnet18", width=4, input_shape=(3, 16, 16)), "ptt", 0.5).train()
    one, two = (kept_bytes(model, torch.rand(n, 3, 16, 16)) for n in (2, 4))
    assert 1.9 < two / one < 2.1
