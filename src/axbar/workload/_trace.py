# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""``trace``: run a network on real data and return what it asks of hardware."""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

import axbar
from axbar.errors import AxbarError, DataError, ModelError, TraceError, UsageError
from axbar.workload._build import workload_of
from axbar.workload._events import Event, Run
from axbar.workload._grad import add_masks, input_for, tape_for, trainable_copy
from axbar.workload._layout import by_probe, by_shape, samples_outermost
from axbar.workload._pack import MAX_STEPS
from axbar.workload._record import record
from axbar.workload._types import MATMUL_OPS, Workload

__all__ = ["check_weights", "ready_batch", "trace"]

Progress = Callable[[int, int, str], None]


def trace(
    model: nn.Module,
    batch: Tensor | np.ndarray[Any, Any],
    *,
    steps: int | None = None,
    name: str | None = None,
    spikes_of: Literal["float", "digital", "on-chip"] = "float",
    on_progress: Progress | None = None,
    batch_axis: int = 0,
    loss: Callable[..., Tensor] | None = None,
    labels: Tensor | np.ndarray[Any, Any] | None = None,
) -> Workload:
    """Run ``model`` on ``batch`` and record its layers, weights, spikes and graph.

    Any torch module will do: spiking networks that fold time into the batch or loop over it, and plain ones.
    Batch norms are folded into the weights of the layers before them. The model runs in eval mode without
    gradients on its own device, and is left as it was.

    With a loss or labels, one step of training by backpropagation through time is traced too, in that same
    pass: ``workload.grad`` then holds, for each layer with weights, where the gradients of its output and the
    surrogate derivatives of its neurons are not zero (see ``GradTrace``). This runs on a copy of the model.

    A model with a ``read_out`` that lets samples leave early (``exit_step(logits[T, B, K])``) gives the workload its
    ``exit_step``.

    Args:
        model: called as ``model(batch)``; modules with ``is_neuron = True`` are neurons.
        batch: ``[B, ...]``, floats; whatever is recorded is recorded per sample.
        steps: T, where neither ``model.steps``, an output ``[T, B, K]``, folded calls nor neurons tell.
        name: of the workload; the class of the model if None.
        spikes_of: what ``model`` is: the float network, its integer twin, or the programmed chip.
        on_progress: called with (layers done, layers in all or 0, name of the layer) after each layer.
        batch_axis: where the batch holds the samples; 1 for event data ``[T, B, ...]``.
        loss: called as ``loss(logits, labels)``, without labels as ``loss(logits)``; ``logits`` are the output
            of the model, as ``[1, B, K]`` where that is ``[B, K]``. Returns one number. None with labels: the
            cross entropy of the mean logits over time.
        labels: ``[B]`` classes, or what the loss takes.

    Raises:
        TraceError: an operation can't be traced, the time steps can't be told, or gradients do not come back.
        DataError: the batch or the labels are empty, not finite, or do not fit the network.
        ModelError: weights, loss or gradients are not finite.
        UsageError: an argument is out of range, or the loss fails.

    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    >>> [(layer.name, layer.op) for layer in trace(net, torch.rand(2, 1, 8, 8)).layers]
    [('0', 'conv2d'), ('1', 'activation'), ('3', 'linear')]
    >>> trace(net, torch.rand(2, 1, 8, 8), labels=torch.tensor([3, 0])).grad["0"].du.shape
    (2, 4, 6, 6)
    """
    model = getattr(model, "module", model) if isinstance(model, nn.DataParallel) else model
    check_weights(model)
    _check_steps(steps)
    data = ready_batch(model, batch, batch_axis)
    tape = tape_for(loss, labels, data.shape[batch_axis])
    probe = _probe(model, data, batch_axis)
    count = _counter(on_progress, probe)
    told = steps if steps is not None else _told(model)
    with contextlib.nullcontext() if tape is None else _training(data):
        net = model if tape is None else trainable_copy(model)
        seen = data if tape is None else input_for(net, data)
        run = record(net, seen, batch_axis=batch_axis, on_event=count, tape=tape)
        layouts = by_probe(run, probe) if probe is not None else None
        outermost = probe is not None and layouts is not None and samples_outermost(run, probe, layouts)
        layouts = layouts if layouts is not None else by_shape(run, told)
        if tape is not None:
            add_masks(tape, run, layouts, outermost)
    workload = workload_of(
        run,
        layouts,
        steps=steps,
        told=told,
        outermost=outermost,
        name=name or type(getattr(model, "_orig_mod", model)).__name__,
        spikes_of=spikes_of,
        meta={"axbar": axbar.__version__, "torch": str(torch.__version__)},
    )
    return replace(workload, exit_step=_exits(model, run.output))


def _exits(model: nn.Module, logits: Tensor) -> NDArray[np.int64] | None:
    """Return the steps after which the samples leave; None if the read-out takes all steps."""
    exit_step: Callable[[Tensor], Tensor] | None = getattr(
        getattr(model, "read_out", None), "exit_step", None
    )
    if exit_step is None:
        return None
    return exit_step(logits if logits.ndim == 3 else logits.unsqueeze(0)).cpu().numpy().astype(np.int64)


def check_weights(model: nn.Module) -> None:
    """Raise a ``ModelError`` if a parameter or buffer is not finite."""
    for key, value in model.state_dict().items():
        if not isinstance(value, Tensor) or isinstance(value, (UninitializedBuffer, UninitializedParameter)):
            continue
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            bad = int((~torch.isfinite(value)).sum())
            raise ModelError(
                f"'{key}' holds {bad} values of {value.numel()} that are not finite (NaN or infinite); load "
                "good weights or train again with a lower learning rate."
            )


def ready_batch(model: nn.Module, batch: Tensor | np.ndarray[Any, Any], batch_axis: int = 0) -> Tensor:
    """Check a batch and bring it to the device and float type of the model.

    Raises:
        DataError: the batch is empty, holds no floats or values that are not finite, or has the wrong shape.
    """
    data = torch.as_tensor(batch).detach()
    shape = tuple(data.shape)
    if data.ndim < 2 or data.numel() == 0:
        raise DataError(f"the batch has the shape {shape}; give at least one sample, [B, ...].")
    if not 0 <= batch_axis < data.ndim:
        raise UsageError(f"batch_axis is {batch_axis}, but the batch has the shape {shape}.")
    if not data.is_floating_point():
        raise DataError(f"the batch holds {data.dtype}; give floats, for images of bytes batch / 255.")
    if not bool(torch.isfinite(data).all()):
        raise DataError("the batch holds values that are not finite (NaN or infinite); clean the data.")
    expected = getattr(model, "input_shape", None)
    if isinstance(expected, (tuple, list)) and batch_axis == 0 and shape[-len(expected) :] != tuple(expected):
        raise DataError(f"the batch has samples of shape {shape[1:]}, the network takes {tuple(expected)}.")
    like = next((p for p in [*model.parameters(), *model.buffers()] if p.is_floating_point()), data)
    # a copy even where nothing changes: networks may write into their input
    return data.to(device=like.device, dtype=like.dtype, copy=True)


def _check_steps(steps: int | None) -> None:
    if steps is not None and (
        isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MAX_STEPS
    ):
        raise UsageError(f"steps is {steps!r}; allowed: 1 to {MAX_STEPS}.")


def _told(model: nn.Module) -> int | None:
    steps = getattr(model, "steps", None)
    return steps if isinstance(steps, int) and not isinstance(steps, bool) and steps >= 1 else None


@contextlib.contextmanager
def _training(batch: Tensor) -> Generator[None]:
    """Let gradients flow, whatever the caller has set, and leave torch's random numbers as they were."""
    devices = [batch.device] if batch.device.type == "cuda" else []
    with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices=devices):
        yield


def _probe(model: nn.Module, batch: Tensor, batch_axis: int) -> Run | None:
    """Run a copy of the model on 2 or 3 samples; None if it can't be copied or takes no other batch size.

    A copy, because networks that keep their state between calls would keep that of the wrong batch size.
    """
    samples = batch.shape[batch_axis]
    chosen = torch.arange(3 if samples == 2 else 2, device=batch.device) % samples
    few = batch.index_select(batch_axis, chosen)
    devices = [batch.device] if batch.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the real run warns again
            return record(copy.deepcopy(model), few, batch_axis=batch_axis)
    except TraceError as error:
        if error.__cause__ is None:  # an operation that can't be traced, whatever the batch
            raise
        return None
    except AxbarError:
        raise
    except Exception:  # not every module can be copied
        return None


def _counter(on_progress: Progress | None, probe: Run | None) -> Callable[[Event], None] | None:
    if on_progress is None:
        return None
    report = on_progress
    total = sum(e.op in MATMUL_OPS for e in probe.events) if probe is not None else 0
    done = 0

    def count(event: Event) -> None:
        nonlocal done
        if event.op in MATMUL_OPS:
            done += 1
            report(done, total, event.path)

    return count
