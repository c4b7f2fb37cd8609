"""The training loop: it learns, repeats itself bit for bit, resumes, and stops cleanly."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from nn_makers import bars, tiny
from torch import nn

from axbar.errors import AxbarError, DataError, ModelError, UsageError
from axbar.nn import (
    TrainConfig,
    accuracy,
    load_checkpoint,
    load_network,
    predict_logits,
    save_checkpoint,
    train,
)
from axbar.nn._optim import augment, clip_weights, learning_rate, make_optimizer, noisy_weights, objective

SHORT = TrainConfig(epochs=3, batch_size=16, lr=5e-3, augment="shift-flip", shift_px=1, weight_noise=0.02)


def _state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


def _equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_it_learns() -> None:
    data, model = bars(192), tiny()
    result = train(model, data, TrainConfig(epochs=6, batch_size=16, lr=1e-2))
    assert accuracy(model, data.test) > 0.9
    assert result.history[-1].loss < result.history[0].loss
    assert not model.training
    assert result.best_accuracy == max(r.calibration_accuracy for r in result.history)
    assert result.history[result.best_epoch].calibration_accuracy == result.best_accuracy


@pytest.mark.parametrize("settings", [{"optimizer": "sgd"}, {"loss": "tet", "tet_mse": 0.1}, {"amp": True}])
def test_other_settings_learn_too(settings: dict) -> None:
    data, model = bars(192), tiny()
    train(model, data, TrainConfig(epochs=5, batch_size=16, lr=1e-2, label_smoothing=0.05, **settings))
    assert accuracy(model, data.test) > 0.8


def test_same_seed_same_bits_other_seed_other_bits() -> None:
    def run(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(np.random.randint(1000))  # the global generator must not matter  # noqa: NPY002
        model = tiny()
        train(model, bars(), dataclasses.replace(SHORT, seed=seed))
        return _state(model)

    first = run(0)
    assert _equal(first, run(0))
    assert not _equal(first, run(1))


class _Stop(Exception):
    pass


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, _Stop])
def test_a_stopped_run_resumes_to_the_same_bits(
    tmp_path: Path, optimizer: str, stop: type[BaseException]
) -> None:
    config = dataclasses.replace(SHORT, optimizer=optimizer)
    whole = tiny()
    expected = train(whole, bars(), config, tmp_path / "whole")

    def interrupt(epoch: int, step: int, *_: object) -> None:
        if (epoch, step) == (2, 2):
            raise stop

    with pytest.raises(stop):
        train(tiny(), bars(), config, tmp_path / "cut", progress=interrupt)
    kept = load_checkpoint(tmp_path / "cut")[2]
    assert kept.next_epoch == 2
    assert not list((tmp_path / "cut").glob("*.tmp"))
    resumed = tiny(seed=0)
    result = train(resumed, bars(), config, tmp_path / "cut", resume=True)
    assert result == expected
    assert _equal(_state(resumed), _state(whole))
    for name in ("last.safetensors", "best.safetensors", "history.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_stopped_before_the_first_epoch_ends(tmp_path: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny(), bars(), SHORT, tmp_path, progress=interrupt)
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]
    assert len(train(tiny(), bars(), SHORT, tmp_path, resume=True).history) == 3


def test_a_kill_between_two_files_leaves_a_run_that_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny()
    train(whole, bars(), SHORT, tmp_path / "whole")
    replace = Path.replace
    written: list[str] = []

    def dying(self: Path, target: Path) -> Path:
        written.append(target.name)
        if written.count("last.safetensors") == 2:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            train(tiny(), bars(), SHORT, tmp_path / "cut")
    assert not list((tmp_path / "cut").glob(".*.tmp"))
    resumed = tiny()
    train(resumed, bars(), SHORT, tmp_path / "cut", resume=True)
    assert _equal(_state(resumed), _state(whole))


def test_a_finished_run_is_taken_up_as_it_is(tmp_path: Path) -> None:
    model = tiny()
    first = train(model, bars(), SHORT, tmp_path)
    again = tiny(seed=0)
    assert train(again, bars(), SHORT, tmp_path, resume=True) == first
    assert _equal(_state(again), _state(model))


def test_the_run_folder_is_a_network(tmp_path: Path) -> None:
    data, model = bars(), tiny()
    result = train(model, data, SHORT, tmp_path)
    x = torch.from_numpy(data.test.images())
    loaded = load_network(tmp_path)
    assert torch.equal(predict_logits(loaded, x), predict_logits(model, x))
    best = load_network(tmp_path / "best.safetensors")
    assert accuracy(best, data.calibration) == result.best_accuracy
    assert json.loads((tmp_path / "history.json").read_text())[2]["epoch"] == 2
    facts = json.loads((tmp_path / "config.json").read_text())
    assert facts["model"] == model.config
    assert facts["data"] == {"name": "bars", "hash": data.tuning().hash()}
    assert TrainConfig.from_dict(facts["train"]) == SHORT


def test_test_images_are_never_looked_at() -> None:
    data = bars()
    model, other = tiny(), tiny()
    train(model, data, SHORT)
    train(other, data.tuning(), SHORT)  # has no test part
    assert _equal(_state(model), _state(other))


def test_another_run_in_the_folder_is_not_touched(tmp_path: Path) -> None:
    train(tiny(), bars(), SHORT, tmp_path)
    before = (tmp_path / "last.safetensors").read_bytes()
    with pytest.raises(UsageError, match="already holds a run"):
        train(tiny(), bars(), SHORT, tmp_path)
    with pytest.raises(UsageError, match=r"train lr = 0.005, now it is 0.1"):
        train(tiny(), bars(), dataclasses.replace(SHORT, lr=0.1), tmp_path, resume=True)
    with pytest.raises(UsageError, match=r"model width = 4, now it is 6"):
        train(tiny(width=6), bars(), SHORT, tmp_path, resume=True)
    with pytest.raises(UsageError, match="data hash"):
        train(tiny(), bars(seed=1), SHORT, tmp_path, resume=True)
    assert (tmp_path / "last.safetensors").read_bytes() == before


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(AxbarError, match="can't make the folder") as caught:
        train(tiny(), bars(), SHORT, tmp_path / "file" / "run")
    assert caught.value.exit_code == 1


def test_a_diverged_run_is_said_with_advice(tmp_path: Path) -> None:
    model = tiny()
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(ModelError, match=r"diverged.*epoch 1, step 1; lower lr \(now 0.005\)"):
        train(model, bars(), SHORT, tmp_path)
    assert not (tmp_path / "last.safetensors").exists()


def test_data_that_do_not_fit_are_named() -> None:
    with pytest.raises(DataError, match=r"input_shape=\(1, 8, 8\)"):
        train(tiny(input_shape=(3, 8, 8)), bars(), SHORT)
    with pytest.raises(DataError, match="2 classes, the network 1"):
        train(tiny(classes=1), bars(), SHORT)


def test_progress_and_epochs_are_told() -> None:
    told: list[tuple] = []
    epochs: list[int] = []
    data = bars()
    config = dataclasses.replace(SHORT, epochs=2)
    train(tiny(), data, config, progress=lambda *a: told.append(a), on_epoch=lambda r: epochs.append(r.epoch))
    steps = len(data.train) // 16
    assert [a[:3] for a in told] == [(e, s + 1, steps) for e in range(2) for s in range(steps)]
    assert all(np.isfinite(a[3]) and 0 <= a[4] <= 1 for a in told)
    assert epochs == [0, 1]


def test_a_network_of_the_user_trains(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))  # logits [B, K], no config
    train(model, bars(), SHORT, tmp_path)
    with pytest.raises(ModelError, match="says not how to build it"):
        load_network(tmp_path)


def test_batches_larger_than_the_data() -> None:
    result = train(tiny(), bars(), TrainConfig(epochs=1, batch_size=1000))
    assert len(result.history) == 1


def test_an_absent_device_is_named() -> None:
    for device in ("cuda:7", "gpu"):
        with pytest.raises(UsageError, match=f"'{device}'"):
            train(tiny(), bars(), dataclasses.replace(SHORT, device=device))


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"epochs": 0}, "epochs = 0"), ({"lr": 0.0}, "lr = 0.0"), ({"grad_clip": -1.0}, "grad_clip"),
        ({"optimizer": "adam"}, "did you mean 'adamw'"), ({"augment": "flop"}, "did you mean 'flip'"),
        ({"loss": "hinge"}, "training loss 'hinge'"), ({"label_smoothing": 2.0}, "label_smoothing = 2.0"),
    ],
)  # fmt: skip
def test_wrong_settings_are_named(settings: dict, part: str) -> None:
    with pytest.raises(UsageError, match=part):
        TrainConfig(**settings)
    with pytest.raises(UsageError, match="did you mean 'epochs'"):
        TrainConfig.from_dict({"epoch": 3})


def test_schedule_rises_and_falls() -> None:
    rates = [learning_rate(step, 100, 10, 2.0) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[9] == 2.0
    assert all(a <= b for a, b in pairwise(rates[:10]))
    assert all(a >= b for a, b in pairwise(rates[9:]))
    assert 0 < rates[-1] < 0.01
    assert learning_rate(0, 1, 0, 2.0) == 2.0


def test_losses_by_hand() -> None:
    logits = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([0, 1, 2, 3, 0])
    mean = objective(logits, y, TrainConfig())
    assert torch.allclose(mean, nn.functional.cross_entropy(logits.mean(0), y))
    tet = objective(logits, y, TrainConfig(loss="tet", tet_mse=0.25))
    each = torch.stack([nn.functional.cross_entropy(o, y) for o in logits]).mean()
    assert torch.allclose(tet, 0.75 * each + 0.25 * ((logits - 1) ** 2).mean())
    repeated = logits[:1].repeat(3, 1, 1)
    assert torch.allclose(
        objective(repeated, y, TrainConfig(loss="tet")), objective(repeated, y, TrainConfig())
    )


def test_augmentation_moves_whole_images() -> None:
    x = torch.zeros(64, 2, 7, 9)
    x[:, :, 3, 4] = 1.0
    generator = torch.Generator().manual_seed(0)
    moved = augment(x, TrainConfig(augment="shift", shift_px=2), generator)
    assert torch.equal(moved[:, 0], moved[:, 1])
    at = moved[:, 0].flatten(1).argmax(1)
    offsets = {(int(i) // 9 - 3, int(i) % 9 - 4) for i in at}
    assert torch.equal(moved.sum((1, 2, 3)), torch.full((64,), 2.0))
    assert max(abs(d) for pair in offsets for d in pair) == 2
    assert len(offsets) > 10
    ramp = torch.arange(9.0).expand(64, 1, 7, 9)
    flipped = augment(ramp, TrainConfig(augment="flip"), generator)
    turned = torch.tensor([torch.equal(image, ramp[0].flip(-1)) for image in flipped])
    assert 10 < int(turned.sum()) < 54
    assert torch.equal(flipped[~turned], ramp[~turned])
    assert augment(x, TrainConfig(), generator) is x


def test_weight_limits_and_noise() -> None:
    model = tiny()
    clip_weights(model, 1.0)
    before = _state(model)
    with noisy_weights(model, 0.1, torch.Generator().manual_seed(0)):
        inside = _state(model)
    assert _equal(_state(model), before)
    for name, p in model.named_parameters():
        if p.ndim > 1:
            spread = (inside[name] - before[name]).std() / before[name].abs().max()
            assert spread == pytest.approx(0.1, rel=0.3)
        else:
            assert torch.equal(inside[name], before[name])
    wide = tiny()
    with torch.no_grad():
        wide.conv2.weight[0, 0, 0, 0] = 100.0
    bound = 2.0 * float(wide.conv2.weight.detach().std(correction=0))
    clip_weights(wide, 2.0)
    assert float(wide.conv2.weight.detach().abs().max()) == pytest.approx(bound)


def test_norms_and_biases_do_not_decay() -> None:
    optimizer = make_optimizer(tiny(), TrainConfig(weight_decay=0.1))
    decaying, free = optimizer.param_groups
    assert all(p.ndim > 1 for p in decaying["params"])
    assert all(p.ndim <= 1 for p in free["params"])
    assert (decaying["weight_decay"], free["weight_decay"]) == (0.1, 0.0)


def test_a_checkpoint_without_a_run(tmp_path: Path) -> None:
    model = tiny()
    path = save_checkpoint(tmp_path / "made" / "here", model)
    weights, optimizer, state = load_checkpoint(path)
    assert _equal(weights, _state(model))
    assert optimizer == {}
    assert state.next_epoch == 0
    assert _equal(_state(load_network(tmp_path / "made" / "here")), _state(model))


def test_evaluation_restores_the_mode_and_takes_flat_logits() -> None:
    model = tiny().train()
    model.norm1.eval()
    data = bars()
    predict_logits(model, data.test.images())
    assert model.training
    assert not model.norm1.training
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    assert predict_logits(flat, data.test.images(), batch_size=5).shape == (1, 32, 2)
    with pytest.raises(ModelError, match=r"returned \(32, 1, 8, 8\) for 32 images"):
        predict_logits(nn.Identity(), data.test.images())


def test_readout_can_be_chosen() -> None:
    data, model = bars(), tiny()
    last = accuracy(model, data.test, read_out=lambda logits: logits[-1])
    logits = predict_logits(model, data.test.images())[-1]
    assert last == float((logits.argmax(-1) == torch.from_numpy(data.test.y)).float().mean())
