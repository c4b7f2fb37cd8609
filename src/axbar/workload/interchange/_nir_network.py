# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""A NIR graph as a network: layer by layer where it runs forward, step by step where it runs in cycles.

Input is a sequence ``x[B, T, ...]``, one frame of events or currents per step, or with ``steps`` given (or noted in
the file) one image ``x[B, ...]`` that is presented T times; then everything before the first neurons runs once per
image. Output is ``[T, B, K]``. Edges that meet are summed. In a cycle, edges in ``plan.feedback`` carry what their
node gave one step before; before the first step that is zero, or the bias of a layer with one.

While nothing but zeros has come in, a value within a cycle is None: layers without bias and neurons at rest give
nothing back. So recurrent weights are read T − 1 times, not T.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from axbar.errors import DataError, ModelError
from axbar.workload.interchange._nir_graph import Plan
from axbar.workload.interchange._nir_layers import Delay, Sum, total

__all__ = ["GraphNetwork", "Shape", "check_rest"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class _Signal:
    """What a node gives: ``[T, B, ...]``, or ``[B, ...]`` where it is the same at every step.

    ``each`` holds the steps ``[B, ...]`` one by one where they came so, since a trace knows no step of a whole.
    """

    tensor: Tensor
    steady: bool = False
    each: Sequence[Tensor] | None = None

    def at(self, step: int) -> Tensor:
        if self.each is not None:
            return self.each[step]
        return self.tensor if self.steady else self.tensor[step]

    def sequence(self, steps: int) -> Tensor:
        return self.tensor.unsqueeze(0).expand(steps, *self.tensor.shape) if self.steady else self.tensor


class GraphNetwork(nn.Module):
    """The network of a NIR graph; nodes are submodules of their names, dots replaced by underscores.

    Where several nodes of cycles, or several others, take the sum of edges, ``<name>_sum`` does it for each.

    Args:
        layers: module of each node but input, output and identities.
        plan: the order.
        shapes: of what each node gives, per sample and step.
        steps: T, for images; None: the input says.

    Attributes:
        frame_shape: of one sample at one step; axes of length 1 may be added.
        input_shape: the same where ``steps`` is given, so that images are checked before they come; None elsewhere.
        classes: K.
        config: arguments of ``load_network`` that make this network again.
    """

    def __init__(
        self, layers: Mapping[str, nn.Module], plan: Plan, shapes: Mapping[str, Shape], steps: int | None
    ) -> None:
        super().__init__()
        self.plan, self.shapes = plan, dict(shapes)
        self.frame_shape = shapes[plan.input]
        self.input_shape = None if steps is None else self.frame_shape
        self.classes = int(torch.Size(shapes[plan.output]).numel())
        self.steps = steps
        self.config: dict[str, Any] = {}
        self._paths = {name: self._child(name, layer) for name, layer in layers.items()}
        self._sums = {name: self._child(f"{name}_sum", Sum()) for name in _several_sums(plan)}
        self._needed = _needed_at_the_end(plan)

    def _child(self, name: str, module: nn.Module) -> str:
        """Add a submodule; return its path."""
        path = name.replace(".", "_")
        while hasattr(self, path):
            path += "_"
        self.add_module(path, module)
        return path

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``[T, B, K]``.

        Raises:
            DataError: ``x`` has another shape than the graph takes.
        """
        first, steps = self._signal(x)
        signals = {self.plan.input: first}
        for group in self.plan.groups:
            if self.plan.cyclic.isdisjoint(group):
                if group[0] != self.plan.input:
                    signals[group[0]] = self._whole(group[0], signals, steps)
            else:
                signals.update(self._loop(group, signals, steps))
        return signals[self.plan.output].sequence(steps).flatten(2)

    def _signal(self, x: Tensor) -> tuple[_Signal, int]:
        shape, wanted = tuple(x.shape), self.frame_shape
        if self.steps is not None and _fits(shape[1:], wanted):
            return _Signal(x.reshape(shape[0], *wanted), steady=True), self.steps
        if x.ndim > 2 and shape[1] > 0 and _fits(shape[2:], wanted):
            if self.steps not in (None, shape[1]):
                raise DataError(
                    f"the input holds {shape[1]} steps, but the network was loaded for steps = {self.steps}; load it "
                    f"with steps={shape[1]}."
                )
            return _Signal(x.transpose(0, 1).reshape(shape[1], shape[0], *wanted)), shape[1]
        if _fits(shape[1:], wanted):
            raise DataError(
                f"the input of shape {shape} has no time axis; give a sequence [B, T, {_text(wanted)}], or load the "
                "network with steps= to present each image T times."
            )
        raise DataError(
            f"the input of shape {shape} does not fit: the graph takes [B, T, {_text(wanted)}], samples first and time "
            "second."
        )

    def _layer(self, name: str) -> nn.Module | None:
        path = self._paths.get(name)
        return None if path is None else self.get_submodule(path)

    def _total(self, name: str, parts: Sequence[Tensor]) -> Tensor:
        """Return the sum of what reaches a node."""
        path = self._sums.get(name)
        return total(parts) if path is None else self.get_submodule(path)(parts)

    def _whole(self, name: str, signals: Mapping[str, _Signal], steps: int) -> _Signal:
        """Run one node on all steps at once."""
        parts = [signals[source] for source in self.plan.sources[name]]
        steady = all(part.steady for part in parts)
        x = self._total(name, [part.tensor if steady else part.sequence(steps) for part in parts])
        layer = self._layer(name)
        if layer is None:
            return _Signal(x, steady)
        if _keeps_state(layer):
            return _Signal(layer(_Signal(x, steady).sequence(steps)))
        if steady:
            return _Signal(layer(x), steady)
        return _Signal(layer(x.flatten(0, 1)).unflatten(0, (steps, x.shape[1])))

    def _loop(self, group: Sequence[str], signals: Mapping[str, _Signal], steps: int) -> dict[str, _Signal]:
        """Run the nodes of a cycle step by step; return those that others read."""
        run = _Cycle(self, group, signals)
        for t in range(steps):
            # at the last step, what only feeds back would feed nothing
            run.step(t, [name for name in group if t < steps - 1 or steps == 1 or name in self._needed])
        given = {name: run.given[name] for name in group if name in run.given}
        return {name: _Signal(torch.stack(each), each=each) for name, each in given.items()}


class _Cycle:
    """State of one cycle that runs over time."""

    def __init__(self, network: GraphNetwork, group: Sequence[str], signals: Mapping[str, _Signal]) -> None:
        self.network, self.signals = network, signals
        plan = network.plan
        self.batch = signals[plan.input].tensor.shape[0 if signals[plan.input].steady else 1]
        self.inside = set(group)
        read = _read_outside(plan)
        self.given: dict[str, list[Tensor]] = {name: [] for name in group if name in read}
        self.states: dict[str, Any] = {}
        self.past: dict[str, list[Tensor | None]] = {
            n: [] for n in group if isinstance(network._layer(n), Delay)
        }
        fed_back = {a for a, _ in plan.feedback if a in self.inside}
        self.before: dict[str, Tensor | None] = {name: self._rest(name) for name in fed_back}

    def step(self, t: int, names: Sequence[str]) -> None:
        now: dict[str, Tensor | None] = {}
        for name in names:
            now[name] = self._value(name, t, now)
        for name, past in self.past.items():
            past.append(self._entering(name, t, now) if name in names else None)
        self.before = {name: now.get(name) for name in self.before}
        for name, values in self.given.items():
            values.append(self._full(name, now[name]))

    def _entering(self, name: str, t: int, now: Mapping[str, Tensor | None]) -> Tensor | None:
        """Return the sum of what reaches a node at step t; None: nothing yet."""
        parts: list[Tensor | None] = []
        for source in self.network.plan.sources[name]:
            if source not in self.inside:
                parts.append(self.signals[source].at(t))
            elif (source, name) in self.network.plan.feedback:
                parts.append(self.before[source])
            else:
                parts.append(now[source])
        like = next((part for part in parts if part is not None), None)
        if like is None:
            return None
        return self.network._total(name, [torch.zeros_like(like) if part is None else part for part in parts])

    def _value(self, name: str, t: int, now: Mapping[str, Tensor | None]) -> Tensor | None:
        layer = self.network._layer(name)
        if isinstance(layer, Delay):
            return layer.at(self.past[name], None if min(layer.steps) > 0 else self._entering(name, t, now))
        x = self._entering(name, t, now)
        if x is None:
            return self._rest(name)
        if layer is None:
            return x
        if not _keeps_state(layer):
            return layer(x)
        value, self.states[name] = layer.step(x, self.states.get(name))  # pyright: ignore[reportCallIssue]
        return value

    def _rest(self, name: str) -> Tensor | None:
        """Return what a node gives for zeros: its bias, if it has one."""
        bias = getattr(self.network._layer(name), "bias", None)
        if not isinstance(bias, Tensor):
            return None
        shape = self.network.shapes[name]
        return bias.view(-1, *[1] * (len(shape) - 1)).expand(self.batch, *shape)

    def _full(self, name: str, value: Tensor | None) -> Tensor:
        if value is not None:
            return value
        like = self.signals[self.network.plan.input].tensor
        return like.new_zeros((self.batch, *self.network.shapes[name]))


def _fits(shape: Shape, wanted: Shape) -> bool:
    """Whether two shapes differ by axes of length 1 at most: sensors without rows come as maps of one row."""
    return [n for n in shape if n != 1] == [n for n in wanted if n != 1]


def _keeps_state(layer: nn.Module) -> bool:
    return isinstance(layer, Delay) or bool(getattr(layer, "is_neuron", False))


def _several_sums(plan: Plan) -> list[str]:
    """Return the nodes that take sums where the same line of code would run for more than one of them."""
    looped = {name for group in plan.groups if not plan.cyclic.isdisjoint(group) for name in group}
    sums = [name for group in plan.groups for name in group if len(plan.sources[name]) > 1]
    kinds = [name for name in sums if name in looped], [name for name in sums if name not in looped]
    return [name for kind in kinds if len(kind) > 1 for name in kind]


def _read_outside(plan: Plan) -> set[str]:
    """Return the nodes that a node of another group reads."""
    place = {name: i for i, group in enumerate(plan.groups) for name in group}
    return {s for name, sources in plan.sources.items() for s in sources if place[s] != place[name]}


def _needed_at_the_end(plan: Plan) -> frozenset[str]:
    """Return the nodes whose values of the last step reach the output or, as whole sequences, another group."""
    needed = {plan.output, *_read_outside(plan)}
    waiting = sorted(needed)
    while waiting:
        name = waiting.pop()
        new = [s for s in plan.sources[name] if (s, name) not in plan.feedback and s not in needed]
        needed.update(new)
        waiting += new
    return frozenset(needed)


def _text(shape: Shape) -> str:
    return ", ".join(map(str, shape))


def check_rest(network: GraphNetwork) -> None:
    """Refuse a bias whose effect before the first step would have to pass through further layers.

    Raises:
        ModelError: naming the layer with the bias and the one behind it.
    """
    plan = network.plan
    for source, _ in plan.feedback:
        behind, waiting = {source}, [source]
        while waiting:
            name = waiting.pop()
            layer = network._layer(name)
            if layer is not None and _keeps_state(layer):
                continue
            for before in plan.sources[name]:
                biased = getattr(network._layer(before), "bias", None) is not None
                if biased and (before, name) not in plan.feedback:
                    raise ModelError(
                        f"the recurrent way through '{before}', which has a bias, and '{name}' has no neuron between "
                        "them, so what it carries before the first step is not defined; fold the two into one layer."
                    )
                if before not in behind:
                    behind.add(before)
                    waiting.append(before)
