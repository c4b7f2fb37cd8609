"""Early exit: the rule of DT-SNN, its threshold, and the steps that hardware is charged for."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import axbar
from axbar.data import Dataset, load_data
from axbar.errors import ModelError, UsageError
from axbar.nn import (
    EarlyExit,
    MeanOverTime,
    TrainConfig,
    accuracy,
    build_model,
    load_network,
    predict_logits,
    read_out_of,
    save_checkpoint,
    train,
)
from axbar.techniques import check_plan, noted, parse_plan, parse_technique
from axbar.techniques.early_exit import exit_curve


def _logits(seed: int, steps: int = 5, samples: int = 40, classes: int = 4) -> torch.Tensor:
    return 2.0 * torch.randn(steps, samples, classes, generator=torch.Generator().manual_seed(seed))


def _by_hand(logits: torch.Tensor, threshold: float) -> tuple[list[int], list[list[float]]]:
    """Sample by sample and step by step, as the equations stand in the paper."""
    steps, scores = [], []
    for b in range(logits.shape[1]):
        for t in range(1, len(logits) + 1):
            f = [sum(float(logits[i, b, k]) for i in range(t)) / t for k in range(logits.shape[2])]
            total = sum(math.exp(v) for v in f)
            p = [math.exp(v) / total for v in f]
            if -sum(v * math.log(v) for v in p) / math.log(len(p)) < threshold or t == len(logits):
                steps.append(t)
                scores.append(f)
                break
    return steps, scores


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_the_read_out_is_the_equation(threshold: float) -> None:
    logits = _logits(1).double()
    steps, scores = _by_hand(logits, threshold)
    read_out = EarlyExit(threshold)
    assert read_out.exit_step(logits.float()).tolist() == steps
    torch.testing.assert_close(read_out(logits), torch.tensor(scores, dtype=torch.float64))


@given(seed=st.integers(0, 1000), low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_higher_threshold_never_keeps_a_sample_longer(seed: int, low: float, high: float) -> None:
    low, high = sorted((low, high))
    logits = _logits(seed, samples=8)
    assert bool((EarlyExit(high).exit_step(logits) <= EarlyExit(low).exit_step(logits)).all())


def test_threshold_zero_runs_all_steps_and_answers_as_the_mean_bit_for_bit() -> None:
    logits = 100.0 * _logits(2)  # so sure that the entropy is 0
    assert EarlyExit(0.0).exit_step(logits).unique().tolist() == [len(logits)]
    assert torch.equal(EarlyExit(0.0)(logits), MeanOverTime()(logits))


def test_the_answer_does_not_depend_on_later_steps() -> None:
    logits, read_out = _logits(3), EarlyExit(0.5)
    at, scores = read_out.exit_step(logits), read_out(logits)
    changed = logits.clone()
    for b, t in enumerate(at.tolist()):
        changed[t:, b] = 1e3
    left = at < len(logits)
    assert bool(left.any())
    torch.testing.assert_close(read_out(changed)[left], scores[left])


def test_the_curve_is_the_read_out_at_every_threshold() -> None:
    logits, labels = _logits(4), torch.arange(40) % 4
    thresholds = np.linspace(0, 1, 7)
    curve = exit_curve(logits, labels, thresholds)
    for at, threshold in enumerate(thresholds):
        read_out = EarlyExit(float(threshold))
        assert curve["mean_steps"][at] == pytest.approx(read_out.exit_step(logits).float().mean().item())
        assert curve["accuracy"][at] == pytest.approx(
            (read_out(logits).argmax(-1) == labels).float().mean().item()
        )


def test_bad_thresholds_and_networks_are_refused() -> None:
    with pytest.raises(ModelError, match=r"entropy 1\.5 is out of range"):
        EarlyExit(1.5)
    with pytest.raises(ModelError, match="has 1 output"):
        EarlyExit(0.5).exit_step(torch.zeros(2, 3, 1))
    technique, config = parse_technique("early-exit")
    data = load_data("fashion-mnist-small").subset(train=16, calibration=16, test=16)
    with pytest.raises(ModelError, match="runs one: build it with steps=2"):
        technique.apply(build_model("spiking-cnn", width=2, steps=1), None, data.tuning(), config)


def test_nothing_that_changes_the_network_comes_after_it() -> None:
    check_plan(parse_plan(["prune", "early-exit", "bn-adapt"]))
    with pytest.raises(UsageError, match="'prune' can't come after 'early-exit': its threshold belongs"):
        parse_plan(["early-exit", "prune"])


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_data("fashion-mnist-small").subset(train=2000, calibration=400, test=400)


@pytest.fixture(scope="module")
def network(data: Dataset) -> torch.nn.Module:
    model = build_model("spiking-cnn", width=6, steps=4)
    train(model, data, TrainConfig(epochs=2, batch_size=50, lr=4e-3, loss="tet"))
    return model


def test_on_real_images_the_wanted_accuracy_is_kept_on_fewer_steps(
    data: Dataset, network: torch.nn.Module, tmp_path: Path
) -> None:
    technique, config = parse_technique("early-exit:drop=0.01")
    result = technique.apply(network, None, data.tuning(), config)
    cost, exited = result.cost, result.target
    assert getattr(network, "read_out", None) is None
    assert cost["calibration_accuracy"] >= accuracy(network, data.calibration) - 0.01
    assert cost["calibration_accuracy"] == pytest.approx(accuracy(exited, data.calibration))
    assert cost["mean_steps"] < 3.0
    assert sum(cost["left_at"]) == len(data.calibration.y)
    assert accuracy(exited, data.test) >= accuracy(network, data.test) - 0.04

    save_checkpoint(tmp_path, exited)
    again = load_network(tmp_path)
    assert read_out_of(again) == read_out_of(exited)
    assert noted(again) == ("early-exit",)


def test_the_trace_holds_exit_steps_and_every_kind_charges_fewer(
    data: Dataset, network: torch.nn.Module
) -> None:
    technique, config = parse_technique("early-exit:threshold=0.95")
    exited = technique.apply(network, None, data.tuning(), config).target
    images = data.test.images(slice(0, 32))
    whole, early = axbar.trace(network, images), axbar.trace(exited, images)
    assert whole.exit_step is None
    assert early.exit_step is not None
    logits = predict_logits(network, images)
    assert early.exit_step.mean() < 3
    assert early.exit_step.tolist() == EarlyExit(0.95).exit_step(logits).tolist()
    for chip in ("imc-rram-65nm", "sata", "loas"):
        before, after = axbar.estimate(whole, chip), axbar.estimate(early, chip)
        assert after.total("energy_J") < before.total("energy_J"), chip
        assert after.total("latency_s") < before.total("latency_s"), chip


def test_the_integer_network_and_a_die_leave_by_the_same_rule(
    data: Dataset, network: torch.nn.Module
) -> None:
    technique, config = parse_technique("early-exit:threshold=0.95")
    exited = technique.apply(network, None, data.tuning(), config).target
    report = axbar.evaluate(exited, data, "imc-rram-65nm", chips=1, images=100, waterfall=0)
    assert report.accuracy is not None
    assert report.accuracy.float_ == pytest.approx(accuracy(exited, data.test.balanced(100)))
    chip = axbar.to_analog(
        exited, "imc-rram-65nm", data=torch.from_numpy(data.calibration.images(slice(0, 16)))
    )
    assert read_out_of(chip) == EarlyExit(0.95)
