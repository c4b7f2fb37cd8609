"""The tensor-train study: what is counted, measured and priced, statements from figures, runs read back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from axbar.cost.systolic import COMPONENTS as SYSTOLIC
from axbar.nn import build_model
from axbar.published import tt_study
from axbar.published.tt_chips import ARRAYS, SHARED, phase_of
from axbar.published.tt_claims import claims, lost
from axbar.published.tt_measure import kept_bytes
from axbar.published.tt_networks import MODES, VARIANTS, Net, build, data_of, narrow_width, warmed
from axbar.published.tt_sizes import PUBLISHED_PARAMS, merged_weights, sizes, solved
from axbar.published.tt_study import SCALES, Scale, reproduce
from axbar.techniques import merge_tensor_train, tensor_train
from axbar.workload import trace

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
        for mode in VARIANTS:
            for run in net["runs"][mode]:
                assert run["accuracy"] == run["merged_accuracy"] == run["right"] / 40
    assert seen == list(range(5 * 3 + 1))
    assert (folder / "figure.svg").read_text(encoding="utf-8").count("<g transform") == 6
    table = (folder / "table.md").read_text(encoding="utf-8")
    assert table.count("\n## ") == 8 and "nan" not in table


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
    for name in ("trained", "warmed", "steps", "training", "inference"):
        monkeypatch.setattr(tt_study, name, lambda *_: pytest.fail("done once already"))
    reproduce(folder, scale="tiny")
    assert json.loads((folder / "results.json").read_text(encoding="utf-8")) == found


def test_other_chips_are_priced_anew(study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _, _ = study
    monkeypatch.setitem(SCALES, "tiny", TINY)
    monkeypatch.setitem(ARRAYS, "one array", ("sata", {"task": "training", "training.batch": 64}))
    asked: list[str] = []

    class Stop(Exception):
        pass

    def priced(*_: Any) -> Any:
        asked.append("training")
        raise Stop

    monkeypatch.setattr(tt_study, "training", priced)
    with pytest.raises(Stop):
        reproduce(folder, scale="tiny")
    assert asked == ["training"]


@pytest.mark.parametrize("which", ["trained", "untrained"])
def test_parts_of_a_training_step_sum_to_it_and_shared_engines_are_never_slower(
    study: Any, which: str
) -> None:
    _, found, _ = study
    training = found["training"] if which == "trained" else found["untrained"]["training"]
    for mode in MODES:
        for array in ARRAYS:
            row = training[mode][array]
            for parts in (row["phases"], row["groups"]):
                assert sum(parts.values()) == pytest.approx(row["energy_J"], rel=1e-9)
                assert all(value > 0 for value in parts.values())
        chips = training[mode]
        assert chips["two engines, shared"]["latency_s"] <= chips["two engines"]["latency_s"] * (1 + 1e-9)


def test_every_component_of_a_training_array_works_in_one_phase() -> None:
    phases = {c.name: phase_of(c.name) for c in SYSTOLIC}
    assert {name for name, phase in phases.items() if phase == SHARED} == {"registers", "control", "leakage"}
    assert {name for name, phase in phases.items() if phase == "update"} == {
        "mac_wup", "dram_wup", "glb_wup", "spad_wup"
    }  # fmt: skip
    assert phases["lif"] == "forward" and phases["pgu"] == "backward"


@pytest.mark.parametrize("mode", MODES)
def test_merged_weights_are_those_of_merged_networks(mode: str) -> None:
    net = Net("tiny", "fashion-mnist-small", 4, 60, 1, 40, (0,), rank=0.5)
    dataset = data_of(net, None)
    network = build(net, mode, dataset, 0)
    merged = network if mode == "dense" else merge_tensor_train(network)
    layers = [m for m in merged.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    held = sum(int(torch.count_nonzero(layer.weight)) for layer in layers)
    biases = sum(layer.bias.numel() for layer in layers if layer.bias is not None)
    assert merged_weights(build(net, "dense", dataset, 0), mode) == held + biases


def test_the_narrow_network_has_no_more_weights_than_the_trains() -> None:
    net = Net("tiny", "fashion-mnist-small", 16, 60, 1, 40, (0,))
    dataset = data_of(net, None)

    def weights(network: nn.Module) -> int:
        return sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear))

    trains, narrow = (weights(build(net, mode, dataset, 0)) for mode in ("ptt", "narrow"))
    wider = weights(build(replace(net, width=narrow_width(net, dataset) + 1), "dense", dataset, 0))
    assert narrow <= trains < wider


def test_full_width_sizes_add_up() -> None:
    rows = sizes(0.25)["CIFAR-10"]
    assert rows["dense"]["param_ratio"] == rows["dense"]["mac_ratio"] == 1
    # 3x3 kernels inside blocks: 10,985,472 weights, of which a cross keeps five ninths and a half layer six
    inside = 9 * (4 * 64**2 + 64 * 128 + 3 * 128**2 + 128 * 256 + 3 * 256**2 + 256 * 512 + 3 * 512**2)
    for mode, taps in (("dense", 9), ("stt", 9), ("ptt", 5), ("htt", 6)):
        assert rows[mode]["stored_B"] == 11_164_362 - inside * (9 - taps) // 9
    assert rows["ptt"]["trained_B"] == 4 * 1_193_162


def test_untrained_networks_fire() -> None:
    net = Net("tiny", "fashion-mnist-small", 4, 60, 1, 40, (0,))
    dataset = data_of(net, None)
    network, again = (warmed(net, "ptt", dataset, 0, 8) for _ in range(2))
    assert not network.training and len(network.state_dict()["conv1.weight"]) == 8
    seen = trace(network, dataset.test.balanced(20).images()).summary()
    rates = {row["name"]: row["spike_rate"] for row in seen if "neuron" in row["name"]}
    assert len(rates) == 17 and all(0.01 < sum(each) / len(each) < 0.5 for each in rates.values())
    states = zip(network.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in states)


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


def test_parameters_are_compared_at_the_ranks_that_were_trained(study: Any) -> None:
    _, found, _ = study
    assert claims(found)[0].agrees
    changed = json.loads(json.dumps(found))
    changed["sizes"]["N-Caltech101"]["htt"]["param_ratio"] = 7.9
    assert not claims(changed)[0].agrees


def test_operations_agree_near_the_published_ratio_alone(study: Any) -> None:
    _, found, _ = study
    changed = json.loads(json.dumps(found))
    for ratio, near in ((9.25, True), (8.4, True), (8.2, False), (10.2, False)):
        for mode in MODES:
            changed["solved"][mode]["mac_ratio"] = ratio if mode == "htt" else 5.0
        claim = claims(changed)[1]
        assert claim.agrees is near and ("HTT" in claim.gap) is near


def test_steps_take_less_time_if_they_do_in_every_round(study: Any) -> None:
    _, found, _ = study
    for highest, agrees in ((0.99, True), (1.01, False)):
        changed = json.loads(json.dumps(found))
        for row in changed["steps"]["rows"].values():
            row["step_highest"] = 0.5
        changed["steps"]["rows"]["ptt maxpool"]["step_highest"] = highest
        assert claims(changed)[2].agrees is agrees


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
