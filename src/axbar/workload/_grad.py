# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""One training step behind a recorded forward pass: where its gradients are zero.

For a layer with the output y (what the convolution or matrix product returned: before the batch norm, ReLU or
sum behind it, and before anything writes into it in place) and the loss L,

    du[t] = [dL/dy[t] is not 0],

per element and sample. Behind y stand, up to the neurons, only operations without memory, so dL/dy[t] is the
gradient of the membrane's input at step t, backpropagated through the neurons and through time. For neurons
with the input x, the potential h before the reset, the threshold theta and the surrogate s',

    df[t] = [s'(h[t] - theta) is not 0],    taken from    d spikes[t] / d x[t] = k s'(h[t] - theta),

the diagonal of the neurons' own derivative over time: one vector-Jacobian product per step, with ones at that
step, in which later steps have no part as spikes do not depend on later inputs. So any neurons will do that
act element by element and that autograd can differentiate. Neurons with a ``step(x, state)`` as those of
axbar.nn are run again step by step, which gives the same mask sooner.

The network runs once, in eval mode with gradients on: norms at their running statistics, which keeps the
samples apart and makes du the same in front of and behind a norm; dropout off; so spikes and gradients belong
to one pass. All weights count as trained. Nothing is accumulated into ``.grad``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn.parameter import UninitializedParameter

from axbar.errors import DataError, ModelError, TraceError, UsageError
from axbar.workload._events import INPUT, Event, Run, Values
from axbar.workload._layout import Layout, Layouts
from axbar.workload._tags import tensors_in
from axbar.workload._types import MATMUL_OPS

__all__ = ["Tape", "add_masks", "input_for", "tape_for", "trainable_copy"]


@dataclass
class _Neurons:
    """A call of neurons: their input, and where gradients leave and enter it."""

    event: Event
    module: nn.Module | None
    given: Tensor
    into: GradientEdge
    out: GradientEdge
    kind: torch.dtype  # of the spikes


class Tape:
    """What a recorded forward pass leaves behind for the backward pass.

    Args:
        loss: of the network's output.
    """

    def __init__(self, loss: Callable[[Any], Tensor]) -> None:
        self.loss = loss
        self.output: Any = None
        self.layers: list[tuple[Event, GradientEdge | None]] = []
        self.neurons: list[_Neurons] = []

    def note(self, event: Event, given: Tensor, made: Tensor, module: nn.Module | None = None) -> None:
        """Note the input and output of a layer or of neurons, before anything is written into them."""
        if event.op in MATMUL_OPS:
            self.layers.append((event, _edge(made)))
        if event.op != "neuron":
            return
        into, out = _edge(given), _edge(made)
        if into is not None and out is not None:
            self.neurons.append(_Neurons(event, module, given.detach(), into, out, made.dtype))


def _edge(tensor: Tensor) -> GradientEdge | None:
    return get_gradient_edge(tensor) if tensor.requires_grad else None


def trainable_copy(model: nn.Module) -> nn.Module:
    """Return a copy in eval mode in which all weights can be trained.

    A copy, because networks that keep their state between calls would keep the whole graph of this pass.

    Raises:
        TraceError: the model can't be copied.
    """
    source = getattr(model, "_orig_mod", model)
    kept = (t for module in source.modules() for t in tensors_in(list(vars(module).values())))
    # results that modules keep (weights times a mask, say) can't be copied as they are: they have a history
    memo = {id(t): t.detach().clone() for t in kept if not t.is_leaf}
    try:
        found = copy.deepcopy(source, memo)
    except Exception as error:  # whatever a module holds
        raise TraceError(
            f"a training step is traced on a copy of the network, and {type(source).__name__} can't be copied "
            f"({type(error).__name__}: {error}); take what can't be copied out of the module."
        ) from error
    for weight in found.parameters():
        if weight.is_floating_point() and not isinstance(weight, UninitializedParameter):
            weight.requires_grad_(True)
    return found.eval()


def input_for(model: nn.Module, batch: Tensor) -> Tensor:
    """Return the batch; where a network has no parameters, a copy that gradients reach and it may write into."""
    trained = any(weight.requires_grad for weight in model.parameters())
    return batch.clone() if trained else batch.clone().requires_grad_(True).clone()


def tape_for(loss: Callable[..., Tensor] | None, labels: Any, samples: int) -> Tape | None:
    """Return a tape for a loss or labels, None where there are neither.

    Args:
        loss: called with the logits ``[T, B, K]`` and, if there are any, the labels; None for the cross entropy
            of their mean over time.
        labels: ``[B]``, or whatever the loss takes.

    Raises:
        UsageError: the loss can't be called.
        DataError: the labels are no classes of the samples, without a loss that takes others.
    """
    if loss is None and labels is None:
        return None
    if loss is None:
        classes = _classes(labels, samples)
        return Tape(lambda logits: _mean_cross_entropy(logits, classes))
    if not callable(loss):
        raise UsageError(f"loss is {loss!r}; give a function loss(logits, labels), or labels= alone.")
    if labels is None:
        return Tape(loss)
    return Tape(lambda logits: loss(logits, torch.as_tensor(labels).to(logits.device)))


def _classes(labels: Any, samples: int) -> Tensor:
    try:
        found = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError):
        raise DataError(
            f"the labels are {type(labels).__name__} {labels!r:.40}; give one class number for each of the "
            f"{samples} samples."
        ) from None
    if found.is_floating_point() or found.dtype == torch.bool or tuple(found.shape) != (samples,):
        raise DataError(
            f"the labels have the shape {tuple(found.shape)} and type {found.dtype}; give one class number for "
            f"each of the {samples} samples, or a loss= that takes other labels."
        )
    return found.long()


def _mean_cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    low, high = int(classes.min()), int(classes.max())
    if logits.ndim != 3 or logits.shape[1] != classes.shape[0] or low < 0 or high >= logits.shape[2]:
        raise DataError(
            f"the labels {low} to {high} of {classes.shape[0]} samples do not fit logits of shape "
            f"{tuple(logits.shape)}, [T, B, K]; give classes 0 to K - 1, or a loss= of your own."
        )
    return nn.functional.cross_entropy(logits.mean(0), classes.to(logits.device))


def add_masks(tape: Tape, run: Run, layouts: Layouts, outermost: bool) -> None:
    """Go backward through what was recorded, and write ``grad`` and ``slope`` into the events of ``run``.

    Raises:
        TraceError: a layer that leads to the output gets no gradient, or the backward pass fails.
        UsageError: the loss fails or is no single number.
        ModelError: loss or gradients are not finite.
    """
    loss = _loss(tape)
    place = {id(event): layout for event, layout in zip(run.events, layouts.outputs, strict=True)}
    try:
        for neurons in tape.neurons:
            layout = place[id(neurons.event)]
            neurons.event.slope = None if layout is None else _slope(neurons, layout, outermost)
        edges = [edge for _, edge in tape.layers if edge is not None]
        found = torch.autograd.grad(loss, edges, allow_unused=True) if edges else ()
    except RuntimeError as error:
        raise TraceError(
            f"the backward pass through the network failed: {str(error).strip().splitlines()[0]}"
        ) from error
    grads = iter(found)
    for event, edge in tape.layers:
        grad = next(grads) if edge is not None else None
        event.grad = None if grad is None else Values.of(_mask(grad, event))
    _fill(run)


def _loss(tape: Tape) -> Tensor:
    output = tape.output
    logits = output.unsqueeze(0) if isinstance(output, Tensor) and output.ndim == 2 else output
    try:
        loss = tape.loss(logits)
    except (DataError, UsageError):
        raise
    except Exception as error:
        shape = f" of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else ""
        raise UsageError(
            f"the loss failed on logits{shape}: {type(error).__name__}: {error}. It is called as "
            "loss(logits[T, B, K], labels), without labels as loss(logits)."
        ) from error
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        what = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise UsageError(f"the loss returned {what}; return one number, a tensor without axes.")
    if not loss.requires_grad:
        raise TraceError(
            "the loss does not depend on any weight by operations with a derivative, so there is no training "
            "step to trace; compute it from the logits without detach() or numpy."
        )
    if not bool(torch.isfinite(loss)):
        raise ModelError(f"the loss is {float(loss.detach())}; check weights, batch and labels.")
    return loss.reshape(())


def _slope(neurons: _Neurons, layout: Layout, outermost: bool) -> Values | None:
    """Return where the surrogate's derivative is not zero; None if no gradient passes through."""
    if layout.axis == 1 and layout.fold == 1 and layout.lead > 1:
        found = _stepped(neurons)
        if found is not None:
            return found
    shape, device = neurons.event.out_shape, neurons.given.device
    seed = torch.zeros(shape, dtype=neurons.kind, device=device)
    mask = torch.zeros(shape, dtype=torch.bool, device=device)
    seed_at, mask_at = _by_step(seed, layout, outermost), _by_step(mask, layout, outermost)
    for step in range(seed_at.shape[0]):
        seed_at[step] = 1.0
        (found,) = torch.autograd.grad(
            [neurons.out], [neurons.into], [seed], retain_graph=True, allow_unused=True
        )
        if found is None or found.shape != seed.shape:
            return None
        mask_at[step] = _by_step(found, layout, outermost)[step] != 0
        seed_at[step] = 0.0
    return Values.of(mask.cpu().numpy())


def _stepped(neurons: _Neurons) -> Values | None:
    """As ``_slope``, by the neurons' own ``step(x, state)``: T instead of T * T steps of work.

    None unless they have one that gives the recorded spikes.
    """
    advance: Callable[..., Any] | None = getattr(neurons.module, "step", None)
    if advance is None or neurons.event.values is None:
        return None
    state, spikes, slopes = None, list[Tensor](), list[Tensor]()
    try:
        for given in neurons.given.unbind(0):
            leaf = given.clone().requires_grad_(True)
            fired, state = advance(leaf, state)
            (slope,) = torch.autograd.grad(fired.sum(), leaf, retain_graph=True)
            spikes.append(fired.detach())
            slopes.append(slope != 0)
        found = torch.stack(spikes).cpu().numpy()
    except Exception:  # a step of another kind than that of axbar.nn
        return None
    same = np.array_equal(found, neurons.event.values.array())
    return Values.of(torch.stack(slopes).cpu().numpy()) if same else None


def _by_step(tensor: Tensor, layout: Layout, outermost: bool) -> Tensor:
    """Return ``[steps, samples, *rest]``, a view of contiguous tensors; as ``_layout.canonical``."""
    samples = layout.shape[layout.axis] // layout.fold
    if layout.fold == 1:
        return tensor.reshape(layout.lead, samples, *layout.rest)
    if outermost:
        return tensor.reshape(samples, layout.fold, *layout.rest).transpose(0, 1)
    return tensor.reshape(layout.fold, samples, *layout.rest)


def _mask(grad: Tensor, event: Event) -> np.ndarray[Any, Any]:
    if not bool(torch.isfinite(grad).all()):
        raise ModelError(
            f"the gradient at '{event.path}' holds values that are not finite; check weights and loss."
        )
    return (grad != 0).cpu().numpy()


def _fill(run: Run) -> None:
    """Give zeros to calls of layers without a gradient, which is an error where all of them should have one."""
    reached = {event.group for event in run.events if event.grad is not None}
    leading = _leading(run)
    for i, event in enumerate(run.events):
        if event.op not in MATMUL_OPS or event.grad is not None:
            continue
        if i in leading and event.group not in reached:
            raise TraceError(
                f"the layer '{event.path or event.kind}' leads to the network's output, but no gradient comes "
                "back to it: something behind it has no derivative (spikes without a surrogate, detach(), "
                "no_grad() or reentrant checkpoints); use neurons with a surrogate, such as axbar.nn.LIF."
            )
        event.grad = Values.of(np.zeros(event.out_shape, dtype=np.bool_))


def _leading(run: Run) -> set[int]:
    """Return the events from which the network's output was made."""
    found: set[int] = set()
    waiting = list(run.outputs)
    while waiting:
        i = waiting.pop()
        if i != INPUT and i not in found:
            found.add(i)
            waiting += run.events[i].producers
    return found
