"""Techniques one behind the other: which orders are refused, and what a chain of run folders keeps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from axbar.data import load_data
from axbar.errors import ModelError, UsageError
from axbar.nn import accuracy, build_model, load_network
from axbar.spec import load_hardware
from axbar.techniques import (
    Technique,
    check_network,
    check_plan,
    get_technique,
    note,
    noted,
    parse_plan,
    run_chain,
)
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques.prune import Prune

CHAIN = ["prune:sparsity=0.6,epochs=0", "mask-single-spikes:epochs=0"]


class _Late(Prune):
    name = "late"
    not_after: ClassVar[dict[str, str]] = {"prune": "it needs every weight"}


class _Often(Prune):
    name = "often"
    repeats = True


def test_an_order_that_makes_no_sense_is_refused_with_one_that_does() -> None:
    late, prune = (_Late(), _Late.Config()), (get_technique("prune"), Prune.Config())
    check_plan([late, prune])
    with pytest.raises(
        UsageError, match="'late' can't come after 'prune': it needs every weight; give --technique late"
    ):
        check_plan([prune, late])
    with pytest.raises(UsageError, match="start from a network before 'prune'"):
        check_plan([late], done=["prune"])


def test_techniques_of_the_chip_come_behind_those_of_the_network_wherever_they_stand() -> None:
    plan = parse_plan(["bn-adapt", "prune"])
    assert [technique.stage for technique, _ in plan] == ["chip", "network"]


def test_twice_the_same_technique_is_refused_unless_it_may() -> None:
    with pytest.raises(UsageError, match=r"'prune' can't run twice \(it is given twice\)"):
        parse_plan(["prune", "prune"])
    with pytest.raises(UsageError, match="has gone through it already"):
        parse_plan(["prune"], done=["prune"])
    check_plan([(_Often(), _Often.Config())] * 2)


def test_a_network_remembers_in_order_and_one_without_config_nothing() -> None:
    model = build_model("spiking-cnn", width=4)
    before = model.config
    note(model, "prune", {"a": 1})
    note(model, "mint", {"bits": 2})
    assert noted(model) == ("prune", "mint")
    assert "techniques" not in before
    bare = torch.nn.Linear(2, 2)
    note(bare, "prune", {})
    assert noted(bare) == ()


@pytest.mark.parametrize(
    ("text", "steps", "says"),
    [
        ("early-exit", 1, "early-exit needs a network that runs several steps"),
        ("share-neurons:groups=3", 2, "share-neurons finds no layer that can share"),
    ],
)
def test_a_network_that_a_later_technique_cannot_serve_is_refused_before_the_first(
    text: str, steps: int, says: str
) -> None:
    image = torch.rand(1, 1, 28, 28)
    plan = parse_plan(["prune", text])
    with pytest.raises(ModelError, match=says):
        check_network(plan, build_model("spiking-cnn", width=4, steps=steps), image)
    check_network(plan, build_model("spiking-cnn", width=6, steps=2), image)


def test_mint_says_before_any_work_that_a_network_has_no_spiking_neurons() -> None:
    with pytest.raises(ModelError, match="has no spiking neurons"):
        check_network(
            parse_plan(["prune", "mint:bits=4"]), build_model("cnn", width=4), torch.rand(1, 1, 28, 28)
        )


def test_a_chain_keeps_each_network_and_goes_on_where_it_was(tmp_path: Path) -> None:
    data = load_data("fashion-mnist-small").subset(train=64, calibration=32, test=32)
    start, spec = build_model("spiking-cnn", width=4, steps=3), load_hardware("imc-rram-65nm")
    made = list(run_chain(start, parse_plan(CHAIN), spec, data.tuning(), tmp_path))
    assert [link.name for _, link in made] == ["prune", "mask-single-spikes"]
    assert made[0][1].cost["sparsity"] == pytest.approx(0.6, abs=1e-3)
    assert made[1][1].calibration_accuracy == accuracy(made[1][0], data.calibration)

    again = load_network(tmp_path / "2-mask-single-spikes")
    images = torch.from_numpy(data.test.images())
    assert torch.equal(again(images), made[1][0](images))

    (tmp_path / "2-mask-single-spikes" / "technique.json").unlink()
    told: list[str] = []
    resumed = list(
        run_chain(
            start,
            parse_plan(CHAIN),
            spec,
            data.tuning(),
            tmp_path,
            resume=True,
            on_start=lambda n, *_: told.append(n),
        )
    )
    assert told == ["mask-single-spikes"]
    assert torch.equal(resumed[1][0](images), made[1][0](images))
    assert json.loads((tmp_path / "1-prune" / "technique.json").read_text())["config"]["sparsity"] == 0.6


def test_a_chain_refuses_a_used_folder_other_settings_and_techniques_of_the_chip(tmp_path: Path) -> None:
    data = load_data("fashion-mnist-small").subset(train=32, calibration=16, test=16)
    start, spec = build_model("spiking-cnn", width=4, steps=2), load_hardware("imc-rram-65nm")

    def run(text: str, resume: bool = False) -> None:
        list(run_chain(start, parse_plan([text]), spec, data.tuning(), tmp_path, resume=resume))

    run("prune:epochs=0")
    with pytest.raises(UsageError, match="already holds a result; resume it"):
        run("prune:epochs=0")
    with pytest.raises(UsageError, match=r"sparsity = 0\.8, now it is 0\.5"):
        run("prune:epochs=0,sparsity=0.5", resume=True)
    with pytest.raises(UsageError, match="'bn-adapt' runs on every programmed die"):
        run("bn-adapt")


def test_a_chain_refuses_links_of_another_network_other_data_or_a_link_done_again(tmp_path: Path) -> None:
    data = load_data("fashion-mnist-small").subset(train=64, calibration=16, test=16)
    start, spec = build_model("spiking-cnn", width=4, steps=2), load_hardware("imc-rram-65nm")

    def run(network: torch.nn.Module, texts: list[str], images: int = 64) -> None:
        few = data.subset(train=images).tuning()
        list(run_chain(network, parse_plan(texts), spec, few, tmp_path, resume=True))

    run(start, CHAIN)
    run(start, CHAIN)
    for network, images in ((build_model("spiking-cnn", width=4, steps=2, seed=1), 64), (start, 32)):
        with pytest.raises(
            UsageError, match="1-prune' holds a result of prune that began with another network or"
        ):
            run(network, CHAIN, images)
    shutil.rmtree(tmp_path / "1-prune")
    with pytest.raises(
        UsageError, match="2-mask-single-spikes' holds a result of mask-single-spikes that began"
    ):
        run(start, ["prune:sparsity=0.3,epochs=0", CHAIN[1]])


def test_a_link_stopped_before_its_facts_is_done_again_with_its_own_config(tmp_path: Path) -> None:
    data = load_data("fashion-mnist-small").subset(train=32, calibration=16, test=16)
    start, spec = build_model("spiking-cnn", width=4, steps=2), load_hardware("imc-rram-65nm")
    for bits in (4, 8):
        plan = parse_plan([f"mint:bits={bits},epochs=0"])
        list(run_chain(start, plan, spec, data.tuning(), tmp_path, resume=True))
        assert load_network(tmp_path / "1-mint").fc1.weight_bits == bits
        (tmp_path / "1-mint" / "technique.json").unlink()  # as if the power had gone


def test_the_protocol_still_takes_a_technique_without_the_new_attributes() -> None:
    class Plain:
        name, stage, Config = "plain", "network", TechniqueConfig

        def apply(self, target, hardware, data, config):
            return TechniqueResult(target)

    assert isinstance(Plain(), Technique)
    check_plan([(Plain(), TechniqueConfig())])
