"""The training loop.

One step is: images, augmentation, forward over all T steps, loss, backward through time, clipped gradient,
step. Learning rate, order and augmentation are functions of seed, epoch and step alone, so a run that was
stopped and resumed goes through the same bits as one that was not. Epochs are measured on calibration
images; test images are never looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import nn

from axbar.errors import DataError, ModelError, UsageError
from axbar.nn import _optim
from axbar.nn._checkpoint import RunState, prepare_folder, restore, save_checkpoint
from axbar.nn._config import EpochRecord, Progress, TrainConfig, TrainResult
from axbar.nn._predict import accuracy
from axbar.nn.read_out import MeanOverTime

if TYPE_CHECKING:
    from axbar.data import Dataset, Split, TuningData

__all__ = ["train"]


@runtime_checkable
class Penalised(Protocol):
    """A network with a term of its own in the loss."""

    def take_penalty(self) -> torch.Tensor | None:
        """Return the term of the last forward call in training mode, a scalar, and forget it."""
        ...


def train(
    model: nn.Module,
    dataset: Dataset | TuningData,
    config: TrainConfig | None = None,
    out_dir: Path | str | None = None,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> TrainResult:
    """Train a network in place; it ends in evaluation mode with the weights of the last epoch.

    The cosine schedule makes the last epoch the right one to keep: the best of several epochs on a few
    hundred calibration images is mostly luck. Its weights are kept beside them in ``best.safetensors``.

    Args:
        model: logits ``[T, B, K]`` of images in 0..1; moved to the device of ``config``.
        dataset: its train part is learned, its calibration part watched.
        config: settings; the defaults of ``TrainConfig`` unless given.
        out_dir: run folder for checkpoints; None keeps nothing. Ctrl-C leaves the last finished epoch there.
        resume: go on with the run in ``out_dir``, if there is one.
        progress: called after each step.
        on_epoch: called after each epoch.

    Returns:
        Records of all epochs, also of those before a resume.

    Raises:
        UsageError: the folder holds another run, or the device does not exist.
        DataError: the images do not fit the network.
        ModelError: the loss is no longer a number.

    >>> from axbar.data import load_data
    >>> from axbar.nn import build_model
    >>> data = load_data("fashion-mnist-small").subset(train=64, calibration=16)
    >>> result = train(build_model("spiking-cnn", width=2), data, TrainConfig(epochs=1, batch_size=32))
    """
    config = config or TrainConfig()
    _check_fit(model, dataset)
    device = _device(config.device)
    folder = None if out_dir is None else Path(out_dir)
    going_on = folder is not None and prepare_folder(folder, model, config, _facts(dataset), resume)
    model.to(device)
    optimizer = _optim.make_optimizer(model, config)
    state = restore(folder, model, optimizer) if folder is not None and going_on else RunState()
    with _repeatable():
        for epoch in range(state.next_epoch, config.epochs):
            record = _epoch(model, dataset, config, optimizer, epoch, device, progress)
            state = state.with_epoch(record)
            if folder is not None:
                save_checkpoint(folder, model, optimizer, state)
            if on_epoch is not None:
                on_epoch(record)
    model.eval()
    return TrainResult(state.history, state.best_accuracy, state.best_epoch)


@contextmanager
def _repeatable() -> Iterator[None]:
    """Have cuDNN pick algorithms that give the same bits each time; the CPU's do."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


def _facts(dataset: Dataset | TuningData) -> dict[str, str]:
    tuning = getattr(dataset, "tuning", None)
    view = tuning() if tuning is not None else dataset
    return {"name": dataset.name, "hash": view.hash()}


def _check_fit(model: nn.Module, dataset: Dataset | TuningData) -> None:
    shape, classes = getattr(model, "input_shape", None), getattr(model, "classes", None)
    if shape is not None and tuple(shape) != dataset.input_shape:
        raise DataError(
            f"images of '{dataset.name}' are {dataset.input_shape} (channels, rows, columns), the network "
            f"takes {tuple(shape)}; build it with input_shape={dataset.input_shape}."
        )
    if classes is not None and classes < len(dataset.classes):
        raise DataError(
            f"'{dataset.name}' has {len(dataset.classes)} classes, the network {classes}; build it with "
            f"classes={len(dataset.classes)}."
        )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        raise UsageError(f"the device '{name}' is not to be had here; give auto, cpu or cuda.") from error
    return device


def _epoch(
    model: nn.Module,
    dataset: Dataset | TuningData,
    config: TrainConfig,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    device: torch.device,
    progress: Progress | None,
) -> EpochRecord:
    """Run one epoch and measure it."""
    model.train()
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
    # Layers of a user's own, dropout for one, draw from torch's global generators: each epoch starts them anew.
    torch.manual_seed(config.seed * 1_000_003 + epoch)
    images = len(dataset.train.y)
    size = min(config.batch_size, images)
    steps = images // size
    order = torch.randperm(images, generator=generator)
    warmup = math.ceil(config.warmup_epochs * steps)
    loss_sum, right, rate = 0.0, 0, 0.0
    for step in range(steps):
        rate = _optim.learning_rate(epoch * steps + step, config.epochs * steps, warmup, config.lr)
        for group in optimizer.param_groups:
            group["lr"] = rate
        picked = order[step * size : (step + 1) * size]
        loss, hits = _step(model, dataset.train, picked, config, optimizer, generator, device)
        if not math.isfinite(loss):
            raise ModelError(
                f"training diverged: loss or gradient is {loss} in epoch {epoch + 1}, step {step + 1}; "
                f"lower lr (now {config.lr:g}) or set grad_clip (now {config.grad_clip})."
            )
        loss_sum, right = loss_sum + loss, right + hits
        if progress is not None:
            progress(epoch, step + 1, steps, loss_sum / (step + 1), right / ((step + 1) * size))
    held = accuracy(model, dataset.calibration)
    return EpochRecord(epoch, loss_sum / steps, right / (steps * size), held, rate)


def _step(
    model: nn.Module,
    split: Split,
    picked: torch.Tensor,
    config: TrainConfig,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    device: torch.device,
) -> tuple[float, int]:
    """Learn from one batch; return its loss and the number of right answers."""
    index = picked.numpy()
    x = _optim.augment(torch.from_numpy(split.images(index)), config, generator).to(device)
    y = torch.from_numpy(split.labels(index)).to(device)
    half = torch.autocast(device.type, dtype=torch.bfloat16) if config.amp else nullcontext()
    optimizer.zero_grad(set_to_none=True)
    with _optim.noisy_weights(model, config.weight_noise, generator):
        with half:
            logits = model(x)
        logits = logits.float() if logits.ndim == 3 else logits.float().unsqueeze(0)
        loss = _optim.objective(logits, y, config)
        penalty = model.take_penalty() if isinstance(model, Penalised) else None
        loss = loss if penalty is None else loss + penalty
        loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip or math.inf)
    if not math.isfinite(norm):
        return math.nan, 0  # before the step, so that the weights stay numbers
    optimizer.step()
    if config.weight_clip is not None:
        _optim.clip_weights(model, config.weight_clip)
    right = (MeanOverTime()(logits.detach()).argmax(-1) == y).sum()
    return float(loss.detach()), int(right)
