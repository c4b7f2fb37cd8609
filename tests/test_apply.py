"""Recommendations carried out: what is promised, what comes of it, and what can't be done."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import axbar
from axbar import _ready
from axbar._apply import Answers, Applied, apply_advice, apply_changes, compared
from axbar._ready import Measured, Ready, measure_on, prepare
from axbar.cost import WhatIf, estimate
from axbar.data import Dataset
from axbar.nn import LIF, TrainConfig, build_model, predict_logits, train
from axbar.spec import load_hardware

FIGURES = ("energy_J", "latency_s", "area_m2", "leakage_W", "edp_Js", "fps")


def bars() -> Dataset:
    """8×8 images of a bright row or column with noise; the class is which of the two."""
    rng = np.random.default_rng(0)

    def part(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(n, dtype=np.int64) % 2
        x = rng.uniform(0, 0.6, (n, 1, 8, 8)).astype(np.float32)
        for image, label, at in zip(x, y, rng.integers(0, 8, n), strict=True):
            image[0, at if label else slice(None), slice(None) if label else at] = 1.0
        return x, y

    return Dataset.from_arrays("bars", part(200), part(60), ("column", "row"), calibration=20)


@cache
def ready(hardware: str) -> Ready:
    network = build_model("spiking-cnn", width=4, steps=4, input_shape=(1, 8, 8), classes=2)
    train(network, bars(), TrainConfig(epochs=3, batch_size=20, seed=0, device="cpu"))
    return prepare(
        network, bars(), load_hardware(hardware), weights=None, config=None, techniques=(), images=None,
        trace_samples=8, data_dir=None, progress=None,
    )  # fmt: skip


@cache
def first(hardware: str) -> Measured:
    spec = load_hardware(hardware)
    return measure_on(ready(hardware), spec, spec, chips=2, seed=3, waterfall=0, progress=None)


def advice(hardware: str, kind: str) -> WhatIf:
    held = first(hardware).report.bottlenecks
    assert held is not None
    return next(change for change in held.advice() if change.kind == kind)


def done(hardware: str, change: WhatIf) -> Applied:
    (found,) = apply_changes(ready(hardware), first(hardware), [change], chips=2, seed=3)
    return found


@pytest.mark.parametrize("hardware", ["imc-rram-65nm", "sata", "loas"])
def test_a_changed_spec_keeps_its_promise_to_the_bit(hardware: str) -> None:
    change = advice(hardware, "spec")
    made = done(hardware, change)
    spec = load_hardware(hardware).replace(change.changes)
    anew = estimate(ready(hardware).workload, spec)
    before = first(hardware).report.estimate
    assert made.obtained is not None and set(made.obtained) == set(FIGURES)
    assert made.obtained == dict(change.factors)
    assert made.obtained["edp_Js"] == float(anew.edp_Js[0]) / float(before.edp_Js[0])
    assert "as promised" in made.words


def test_the_network_is_not_traced_again_where_only_the_chip_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("traced again")

    change = advice("imc-rram-65nm", "spec")
    monkeypatch.setattr(_ready, "_traced", never)
    assert not done("imc-rram-65nm", change).refused


def test_a_change_that_leaves_the_arithmetic_alone_leaves_every_die_alone() -> None:
    held = first("imc-rram-65nm").report.bottlenecks
    assert held is not None
    change = next(c for c in held.advice() if c.accuracy == "no")
    answers = done("imc-rram-65nm", change).answers
    assert answers is not None and answers.of == "dies" and len(answers.before) == 2
    assert answers.before == answers.after == first("imc-rram-65nm").chip.dies
    assert answers.points == 0 and answers.std_error == 0 and "stays at" in answers.words


def test_fewer_steps_are_run_and_traced() -> None:
    change = advice("sata", "steps")
    made = done("sata", change)
    assert change.steps is not None and made.obtained is not None and made.answers is not None
    # direct coding: the spikes of fewer steps are those recorded on the first ones
    assert made.obtained["edp_Js"] == pytest.approx(change.factors["edp_Js"], rel=1e-12)
    short = _ready.with_steps(ready("sata"), change.steps)
    assert short.workload.steps == change.steps and short.test is ready("sata").test
    logits = predict_logits(ready("sata").network, short.test.images())[: change.steps]
    right = logits.mean(0).argmax(-1).numpy() == short.test.labels()
    assert short.float_accuracy == right.mean()


def test_sequences_are_cut() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 1, (40, 3, 1, 8, 8)).astype(np.float32), np.arange(40) % 2
    data = Dataset.from_arrays("frames", (x, y), (x[:10], y[:10]))
    network = build_model("spiking-cnn", width=4, steps=3, input_shape=(3, 1, 8, 8), classes=2)
    whole = prepare(
        network, data, load_hardware("sata"), weights=None, config=None, techniques=(), images=None,
        trace_samples=4, data_dir=None, progress=None,
    )  # fmt: skip
    cut = _ready.with_steps(whole, 2)
    assert cut.workload.steps == 2 and cut.dataset.input_shape == (2, 1, 8, 8)
    assert whole.dataset.input_shape == (3, 1, 8, 8)


def test_a_technique_is_really_run() -> None:
    change = advice("loas", "technique")
    made = done("loas", change)
    assert not made.refused and made.answers is not None
    assert made.obtained is not None and made.obtained["edp_Js"] < 1
    (row,) = made.techniques
    assert row["name"] == change.title and row["cost"]["images"] > 0
    assert row["config"] == {**row["config"], **_defaults(change.title)}


def _defaults(name: str) -> dict[str, Any]:
    from axbar.techniques import parse_technique

    return parse_technique(name)[1].model_dump()


def named(title: str, kind: Any, **facts: Any) -> WhatIf:
    return WhatIf(
        title, kind, facts.pop("changes", {}), dict.fromkeys(FIGURES, 0.5), True, "", "yes", "", **facts
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (named("fold-pools", "technique"), "fold-pools finds no average pool"),
        (named("crossbar.weight_bits", "spec", changes={"crossbar.weight_bits": 99}), "crossbar.weight_bits"),
        (named("dies", "spec", changes={"chip.max_tiles": 1, "chip.max_dies": 1}), "does not fit"),
    ],
    ids=lambda value: getattr(value, "title", ""),
)
def test_what_can_not_be_applied_says_why(change: WhatIf, reason: str) -> None:
    spec = load_hardware("imc-rram-65nm", {"tile.pes_per_tile": 1, "crossbar.rows": 16, "crossbar.cols": 16})
    start = ready("imc-rram-65nm")
    before = measure_on(start, spec, spec, chips=0, seed=0, waterfall=0, progress=None)
    made, after = apply_changes(start, before, [change, named("T 4 → 3", "steps", steps=3)], chips=0, seed=0)
    assert made.obtained is None and made.answers is None
    assert reason in made.refused and made.words == f"could not be applied: {made.refused}"
    assert math.isnan(made.gains()[1])
    assert not after.refused  # the others are still carried out


def test_a_network_that_hides_its_steps_is_refused_by_sentence() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.lif, self.fc2 = nn.Linear(64, 64), LIF(), nn.Linear(64, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc2(self.lif(self.fc1(x.flatten(1)).expand(4, len(x), 64)))

    report = axbar.evaluate(Hidden(), bars(), "sata", chips=0, images=10, apply=99)
    assert report.applied is not None
    refused = [a for a in report.applied if a.advice.kind == "steps"]
    assert refused and all("has no attribute 'steps'" in a.refused for a in refused)


def test_techniques_follow_those_that_were_run() -> None:
    start = ready("loas")
    once = _ready.with_technique(start, "clip-weights", load_hardware("loas"))
    assert [row["name"] for row in once.applied] == ["clip-weights"] and len(once.plan) == 1
    spec = load_hardware("loas")
    before = measure_on(once, spec, spec, chips=0, seed=0, waterfall=0, progress=None)
    (made,) = apply_changes(once, before, [named("clip-weights", "technique")], chips=0, seed=0)
    assert "can't run twice" in made.refused
    (chip,) = apply_changes(
        once, before, [named("clock", "spec", changes={"clock_Hz": 1.6e9})], chips=0, seed=0
    )
    assert "techniques of the network were not run again for the changed chip" in chip.notes


def test_only_what_is_asked_for_is_carried_out() -> None:
    network, data = ready("sata").network, bars()
    silent = axbar.evaluate(network, data, "sata", chips=0)
    assert silent.applied is None and silent.to_dict()["applied"] is None
    report = axbar.evaluate(network, data, "sata", chips=0, images=20, apply=2)
    assert report.applied is not None and report.bottlenecks is not None
    assert [a.advice for a in report.applied] == list(report.bottlenecks.advice(2))
    told = json.loads(report.to_json())["applied"]
    assert [row["title"] for row in told] == [a.advice.title for a in report.applied]
    assert told[0]["promised"]["edp_Js"] == report.applied[0].advice.factors["edp_Js"]
    assert told[0]["words"] in " ".join(report.render("txt").split())


def test_where_nothing_is_recommended_nothing_is_carried_out() -> None:
    before = first("sata")
    assert before.report.bottlenecks is not None
    without = replace(before.report, bottlenecks=replace(before.report.bottlenecks, changes=()))
    assert apply_advice(ready("sata"), replace(before, report=without), count=3, chips=0, seed=0) == ()


def test_a_design_that_did_not_fit_has_no_accuracy_before() -> None:
    small = {"tile.pes_per_tile": 1, "crossbar.rows": 16, "crossbar.cols": 16}
    spec = load_hardware("imc-rram-65nm", {**small, "chip.max_tiles": 1, "chip.max_dies": 1})
    before = measure_on(ready("imc-rram-65nm"), spec, spec, chips=1, seed=0, waterfall=0, progress=None)
    assert not before.report.estimate.feasible[0]
    larger = named("more tiles", "spec", changes={"chip.max_tiles": 1000})
    (made,) = apply_changes(ready("imc-rram-65nm"), before, [larger], chips=1, seed=0)
    assert made.answers is not None and made.answers.before == () and len(made.answers.after) == 1
    assert "none before to compare with" in made.words


def test_the_error_of_a_difference_counts_images_and_dies() -> None:
    before = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)
    after = np.array([[1, 1, 1, 0], [1, 1, 1, 0]], dtype=bool)
    found = compared("dies", before, after)
    assert found.before == (0.5, 0.25) and found.after == (0.75, 0.75)
    assert found.points == 37.5
    # by image 0, .5, 1, 0: variance .2292; by die .25, .5: variance .03125
    assert found.std_error == pytest.approx(100 * math.sqrt(0.2291666667 / 4 + 0.03125 / 2))
    assert not found.significant and "within noise" in found.words


def test_the_error_is_that_of_repeated_draws() -> None:
    rng = np.random.default_rng(0)
    errors, points = [], []
    for _ in range(400):
        hard = rng.uniform(0, 1, 60)  # a share of the dies gets an image right
        weak = rng.normal(0, 0.1, 4)[:, None]  # a die is better or worse after the change
        before = rng.uniform(size=(4, 60)) < hard
        found = compared("dies", before, rng.uniform(size=(4, 60)) < hard + weak)
        assert found.points is not None and found.std_error is not None
        points.append(found.points)
        errors.append(found.std_error)
    assert np.std(points) <= np.sqrt(np.mean(np.square(errors))) <= 1.5 * np.std(points)


def test_small_samples_say_so() -> None:
    one = compared("digital", np.array([[True]]), np.array([[False]]))
    assert one.std_error is None and "one image tells nothing" in one.words and not one.significant
    same = compared("digital", np.ones((1, 9), dtype=bool), np.ones((1, 9), dtype=bool))
    assert same.words == "accuracy stays at 100.0 %"


@pytest.mark.parametrize(
    ("promised", "obtained", "words"),
    [
        (0.76, 0.77, "gained 23 % EDP as promised (24 %)"),
        (0.50, 0.70, "gained 30 % EDP less than promised (50 %)"),
        (0.90, 0.70, "gained 30 % EDP more than promised (10 %)"),
        (0.90, 1.05, "lost 5.0 % EDP where a gain of 10 % was promised"),
    ],
)
def test_a_gain_in_words(promised: float, obtained: float, words: str) -> None:
    change = replace(named("x", "spec"), factors=dict.fromkeys(FIGURES, promised))
    answers = Answers("dies", (0.881,), (0.879,), -0.2, 0.4)
    made = Applied(change, dict.fromkeys(FIGURES, obtained), answers=answers)
    assert made.words == f"{words}, accuracy 88.1 → 87.9 %: within noise"
    lost = replace(answers, std_error=0.05)
    assert "0.2 ± 0.1 points lost" in lost.words or "0.2 ± 0.0 points lost" in lost.words


def test_what_the_accuracy_model_does_not_know_is_told() -> None:
    change = replace(named("x", "spec"), accuracy="unknown", why="settling is not modelled")
    made = Applied(change, dict.fromkeys(FIGURES, 0.5), answers=Answers("digital", (0.5,), (0.5,), 0.0, 0.0))
    assert made.words.endswith("(what it does on silicon is not known: settling is not modelled)")
