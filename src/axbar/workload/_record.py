# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""Run a torch module once and note every operation on its data.

A ``TorchFunctionMode`` sees each call of torch's functions and methods, wherever it stands in the module's
code; hooks tell in which submodule. Tensors carry a tag that names the events that made them (``_tags``).
Some modules are one operation each, with nothing inside recorded: neurons (``is_neuron = True``), also when
called by their ``step``; batch norms; and layers that compute as a chip does, subclasses of ``Conv2d`` and
``Linear`` whose ``effective_weight()`` returns the weights in use, ``[K, fan-in]``. Neither mode, hooks and
attributes of the modules nor their results change.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from axbar.errors import AxbarError, DataError, TraceError
from axbar.workload._calls import (
    WeightCall,
    conv_call,
    fixed_grid,
    layer_call,
    linear_call,
    neuron_constants,
    norm_affine,
    picks_pixels,
    pool_options,
)
from axbar.workload._events import INPUT, Event, Run, Values
from axbar.workload._grad import Tape
from axbar.workload._modules import (
    evaluating,
    is_builtin,
    is_neuron,
    leaf_kind,
    plain_modules,
    states,
    uncompiled,
)
from axbar.workload._moved import hand_on, tags_before
from axbar.workload._ops import ADVICE, ASSIGNING, COMPUTING, MOVING, QUERIES, op_name
from axbar.workload._products import ATTENTION, PRODUCTS, attention, check_product, product_of
from axbar.workload._tags import Tag, TagMap, tensors_in
from axbar.workload._types import MATMUL_OPS, STORED_OPS

__all__ = ["record"]


def record(
    model: nn.Module, batch: Tensor, *, batch_axis: int = 0, values: bool = True,
    on_event: Callable[[Event], None] | None = None, tape: Tape | None = None,
) -> Run:  # fmt: skip
    """Run ``model`` on ``batch`` in eval mode and return its events; without gradients, unless for a tape.

    Args:
        values: also keep the operands of weight layers and the outputs of neurons.
        on_event: called after each event.
        tape: learns where gradients of layers and neurons are found.

    Raises:
        TraceError: an operation can't be traced, or the network fails on this batch.
    """
    recorder = _Recorder(model, values, on_event)
    recorder.tags.set(batch, Tag((INPUT,)))
    graded = torch.no_grad()
    if tape is not None:
        graded, recorder.note = torch.enable_grad(), tape.note
    with evaluating(model), uncompiled(model), recorder.watching(), graded:
        try:
            with recorder:
                output = model(batch)
        except AxbarError:
            raise
        except Exception as error:
            where = recorder.where()
            reason = str(error).strip().splitlines()
            raise TraceError(
                f"the network failed {where} on a batch of shape {tuple(batch.shape)}: "
                f"{type(error).__name__}{': ' + reason[0] if reason else ''}. Check the shape and type of "
                "the batch."
            ) from error
    if tape is not None:
        tape.output = output
    return recorder.finish(output, batch.shape[batch_axis])


class _Recorder(TorchFunctionMode):
    """The state of one recorded run."""

    def __init__(self, model: nn.Module, values: bool, on_event: Callable[[Event], None] | None) -> None:
        super().__init__()
        self.model, self.values, self.on_event = model, values, on_event
        self.note: Callable[..., None] = lambda *_: None  # of a tape
        self.events: list[Event] = []
        self.tags = TagMap()
        self.stack: list[tuple[str, nn.Module]] = []
        self.muted: str | None = None  # path of the module that runs as one operation
        self.in_neuron = False  # that module is a neuron
        #: parameter -> path of its module, and whether it is the weight of a layer module
        self.owners = {
            id(parameter): (path, leaf == "weight" and isinstance(module, (nn.Conv2d, nn.Linear)))
            for path, module in plain_modules(model)
            for leaf, parameter in module.named_parameters(recurse=False)
        }

    # --- modules

    @contextlib.contextmanager
    def watching(self) -> Generator[None]:
        """Follow which module runs; everything is taken off again at the end."""
        handles: list[Any] = []
        stepped: list[nn.Module] = []
        try:
            for path, module in plain_modules(self.model):
                if isinstance(module, torch.jit.ScriptModule):
                    continue  # takes no hooks, and no one sees into it
                handles.append(module.register_forward_pre_hook(self._entering(path)))
                handles.append(module.register_forward_hook(self._leaving(path), with_kwargs=True))
                step: Any = getattr(module, "step", None)
                if is_neuron(module) and callable(step) and "step" not in vars(module):
                    vars(module)["step"] = self._watched_step(path, module, step)
                    stepped.append(module)
            yield
        finally:
            for handle in handles:
                handle.remove()
            for module in stepped:
                vars(module).pop("step", None)

    def _entering(self, path: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any) -> None:
            self.stack.append((path, module))
            if self.muted is None and leaf_kind(module) is not None:
                self.muted, self.in_neuron = path, is_neuron(module)

        return hook

    def _leaving(self, path: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self.stack.pop()
            if self.muted != path:
                return
            self.muted, self.in_neuron = None, False
            with torch._C.DisableTorchFunction():
                self._leaf(path, module, (args, kwargs), output)

        return hook

    def _watched_step(self, path: str, module: nn.Module, step: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            if self.muted is not None:
                return step(*args, **kwargs)
            self._entering(path)(module, args)
            output = step(*args, **kwargs)
            self._leaving(path)(module, args, kwargs, output)
            return output

        return watched

    def _leaf(self, path: str, module: nn.Module, inputs: Any, output: Any) -> None:
        given = list(tensors_in(inputs))
        made = list(tensors_in(output))
        if not given or not made:
            raise TraceError(
                f"{self.where(path)} takes or returns no tensor, so its activity can't be recorded."
            )
        op = leaf_kind(module) or ""
        reads = self._read_tag if op in STORED_OPS else self._needed_tag
        tag = reads(given[0], path, type(module).__name__)
        ahead = getattr(
            module, "samples_first", False
        )  # [B, T, ...]: layouts have time in front of the samples
        x, y = (t.transpose(0, 1) if ahead else t for t in (given[0], made[0]))
        event = Event(
            op=op, kind=type(module).__name__, path=path, own=True, site=(), producers=tag.producers,
            in_shape=tuple(x.shape), out_shape=tuple(y.shape), rows=tag.rows,
        )  # fmt: skip
        if op == "neuron":
            event.neuron = neuron_constants(module, path)
            event.values = self._kept(y, path)
        elif op == "norm":
            event.kind = "batch_norm"  # whatever its class, one multiply-add per value
            if tag.channel is not None:
                event.affine = norm_affine(module, given[0], made[0], tag.channel)
        elif op == "matmul":
            event.kind, event.producers = op, self._producers(given[:2])
            self._multiply(event, *given[:2])
        else:
            event.kind = op
            event.bits, event.scale = fixed_grid(module)
            self._hold(event, layer_call(module, given[0]))
        self.note(event, x, y, module)
        for tensor in made + states(module, made[0]):
            self._made(tensor, event, inplace=any(tensor is t for t in given))
        self._add(event)

    # --- functions

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run ``func`` and note what it did; torch calls this for each of its functions."""
        kwargs = kwargs or {}
        name, inplace = op_name(func)
        if self.muted is not None:
            if COMPUTING.get(name, ("",))[0] in STORED_OPS and self.in_neuron:
                raise TraceError(
                    f"the neuron module '{self.muted}' holds a {name} layer, which would not be counted; "
                    "take the layer out of the module, or don't mark the module as is_neuron."
                )
            return func(*args, **kwargs)
        inputs = list(tensors_in((args, {key: value for key, value in kwargs.items() if key != "out"})))
        if not self._producers(inputs):
            read = name in ("conv2d", "linear")
            return self._computed(name, False, func, args, kwargs, inputs) if read else func(*args, **kwargs)
        if name in MOVING or name in ASSIGNING or picks_pixels(name, args, kwargs):
            before = tags_before(self.tags, name, inplace, inputs)
            result = func(*args, **kwargs)
            hand_on(self.tags, name, inplace, inputs, before, result)
            return result
        if name in QUERIES or name.startswith(("get:", "set:")):
            result = func(*args, **kwargs)
            if inplace and name in QUERIES:  # zero_, fill_, normal_, ...
                self.tags.forget(inputs[0])
            return result
        if name == ATTENTION:
            with self:  # its parts are recorded
                return attention(*args, **kwargs)
        if name not in COMPUTING:
            raise self._refused(name)
        return self._computed(name, inplace, func, args, kwargs, inputs)

    def _computed(
        self, name: str, inplace: bool, func: Any, args: Any, kwargs: Any, inputs: list[Tensor]
    ) -> Any:
        op, kind = COMPUTING[name]
        path, module = self._running()
        own = is_builtin(module) and not any(True for _ in module.children())
        first = next((tensor for tensor in inputs if self.tags.get(tensor) is not None), inputs[0])
        event = Event(op, kind, path, own, self._site(), self._producers(inputs), tuple(first.shape), ())
        event.rows = self._rows(inputs)
        if name in PRODUCTS and self._both_computed(name, args, kwargs):
            event.op = event.kind = "matmul"
            self._multiply(event, *product_of(name, args, kwargs))
        elif op in MATMUL_OPS:
            self._weigh(event, name, args, kwargs, inputs)
        elif op == "pool":
            event.options = pool_options(name, args, kwargs)
        elif name in ("max", "min") and len(inputs) == 1:
            event.op = "reduce"
        result = func(*args, **kwargs)
        made = list(tensors_in(result))
        event.out_shape = tuple(made[0].shape) if made else ()
        for tensor in made[:1]:
            self.note(event, first, tensor)
        for tensor in made:
            self._made(tensor, event, inplace=any(tensor is t for t in inputs) or kwargs.get("out") is tensor)
        self._add(event)
        return result

    def _weigh(self, event: Event, name: str, args: Any, kwargs: Any, inputs: list[Tensor]) -> None:
        """Note the weights of a convolution or matrix product, and the values they are multiplied with."""
        if name == "bmm" or sum(self.tags.get(tensor) is not None for tensor in inputs) > 1:
            raise self._refused(
                name, "stored weights are those of a linear layer or of x @ w, w with two axes"
            )
        call = conv_call(args, kwargs) if name == "conv2d" else linear_call(name, args, kwargs, self.where())
        self._read_tag(call.input, event.path, name)
        _, module = self._running()
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            event.own, event.stored = True, vars(module)["_parameters"].get("weight") is call.weight
            event.bits, event.scale = fixed_grid(module)
        else:
            event.path, event.own = self.owners.get(id(call.weight), (event.path, False))
        event.site = () if event.own else event.site
        self._hold(event, call)

    def _both_computed(self, name: str, args: Any, kwargs: Any) -> bool:
        return all(self.tags.get(operand) is not None for operand in product_of(name, args, kwargs))

    def _multiply(self, event: Event, left: Tensor, right: Tensor) -> None:
        """Note the operands of a product of what was computed at run time."""
        check_product(left, right, self.where())
        event.in_shape, event.right_shape = tuple(left.shape), tuple(right.shape)
        event.values, event.right = self._kept(left, event.path), self._kept(right, event.path)

    def _hold(self, event: Event, call: WeightCall) -> None:
        event.options = call.options
        event.in_shape = tuple(call.input.shape)
        event.values = self._kept(call.input, event.path)
        event.weight = _numpy(call.matrix)
        event.bias = None if call.bias is None else _numpy(call.bias)

    # --- helpers

    def _producers(self, inputs: list[Tensor]) -> tuple[int, ...]:
        return self.tags.producers(inputs)

    def _rows(self, inputs: list[Tensor]) -> tuple[int, int] | None:
        """Return the part of a larger tensor that all traced inputs are; None where they differ."""
        found = {tag.rows for tensor in inputs if (tag := self.tags.get(tensor)) is not None}
        return found.pop() if len(found) == 1 else None

    def _made(self, tensor: Tensor, event: Event, *, inplace: bool) -> None:
        axis = {"conv2d": tensor.ndim - 3, "linear": tensor.ndim - 1}.get(event.op)
        kept = tensor.ndim > 0 and tensor.shape[:1] == event.in_shape[:1]
        tag = Tag((len(self.events),), axis, event.rows if kept else None)
        self.tags.write(tensor, tag) if inplace else self.tags.set(tensor, tag)

    def _add(self, event: Event) -> None:
        self.events.append(event)
        if self.on_event is not None:
            self.on_event(event)

    def _kept(self, tensor: Tensor, path: str) -> Values | None:
        if not self.values:
            return None
        array = _numpy(tensor)
        if not np.isfinite(array).all():
            raise DataError(
                f"the activity at '{path or type(self.model).__name__}' holds values that are not finite; "
                "check the weights and the scale of the batch."
            )
        return Values.of(array)

    def _site(self) -> tuple[Any, ...]:
        """Identify the line of code that calls, and those that called it, up to the call of the model."""
        frame: FrameType | None = sys._getframe(3)
        site: list[tuple[int, int]] = []
        while frame is not None and frame.f_code is not record.__code__:
            site.append((id(frame.f_code), frame.f_lasti))
            frame = frame.f_back
        return tuple(site)

    def _running(self) -> tuple[str, nn.Module]:
        return self.stack[-1] if self.stack else ("", self.model)

    def _path(self) -> str:
        return self._running()[0]

    def where(self, path: str | None = None) -> str:
        """Say in which module, for an error."""
        path = self._path() if path is None else path
        return f"in module '{path}'" if path else f"in the forward of {type(self.model).__name__}"

    def _refused(self, name: str, advice: str | None = None) -> TraceError:
        hint = (
            advice
            or getattr(self._running()[1], "untraced", None)
            or ADVICE.get(name)
            or (
                "use plain torch operations, or if the module is a spiking neuron, set is_neuron = True, "
                "beta, threshold and reset on it"
            )
        )
        return TraceError(f"the operation '{name}' {self.where()} can't be traced; {hint}.")

    def _needed_tag(self, tensor: Tensor, path: str, what: str) -> Tag:
        tag = self.tags.get(tensor)
        if tag is None:
            raise TraceError(
                f"the input of {what} {self.where(path)} was not made from the batch by operations that the "
                "tracer sees (it is a constant, or passed through numpy, TorchScript or other compiled "
                "code); use plain torch operations there."
            )
        return tag

    def _read_tag(self, tensor: Tensor, path: str, what: str) -> Tag:
        """Return the tag of what a layer with weights reads.

        A recurrence starts from rest: zeros that no operation made are its state before the first step.
        """
        if self.tags.get(tensor) is None and not bool(tensor.any()):
            return Tag(())
        return self._needed_tag(tensor, path, what)

    def finish(self, output: Any, samples: int) -> Run:
        """Return what was recorded."""
        made = list(tensors_in(output))
        if not made:
            raise TraceError(
                f"the network returned {type(output).__name__}, not a tensor; return the logits."
            )
        tags = [tag for tag in map(self.tags.get, made) if tag is not None]
        if not tags:
            self._needed_tag(made[0], "", "the network's output")
        producers = tuple(dict.fromkeys(p for tag in tags for p in tag.producers))
        return Run(self.events, producers, made[0].detach(), samples)


def _numpy(tensor: Tensor) -> np.ndarray[Any, Any]:
    found = tensor.detach().cpu()
    return (found if found.dtype in (torch.float64, torch.bool) else found.to(torch.float32)).numpy()
