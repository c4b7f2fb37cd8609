"""One engine for all calibration: walk the layers as they run, fit each, go on through what was fitted.

    reference   runs once; inputs and outputs of the layers that a step asks for are kept
    converted   runs once; just before such a layer runs, each step fits it to what now comes in (through all layers
                fitted before it) and to what the reference gives there

So errors of earlier layers are compensated in later ones, at the price of two passes, whatever the number of layers
(Li et al., ICML 2021, calibrate in this order). Without a reference only the second pass takes place, in batches; steps
then fit to what comes in alone, as the ranges of converters are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from axbar.calibration._source import CalibrationSource
from axbar.calibration._walk import run
from axbar.errors import ModelError, UsageError

__all__ = ["Step", "Unit", "calibrate"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Unit:
    """A layer that is to be fitted.

    Args:
        name: of the layer in the converted network.
        module: the layer, to be changed in place.
        x: what comes in now, ``[B, ...]``, ``[T·B, ...]`` or ``[T, B, ...]``.
        reference_x, reference_y: what the reference has there, ``[B, ...]``; None without a reference.
    """

    name: str
    module: nn.Module
    x: Tensor
    reference_x: Tensor | None
    reference_y: Tensor | None

    @property
    def samples(self) -> int:
        """B."""
        return len(self.x) if self.reference_x is None else len(self.reference_x)

    @property
    def mean_x(self) -> Tensor:
        """What comes in, mean over time, ``[B, ...]``; of folded steps time is the outer axis."""
        if len(self.x) == self.samples:
            return self.x
        return self.x.unflatten(0, (-1, self.samples)).mean(0)

    @property
    def wanted(self) -> Tensor:
        """The reference's output ``[B, ...]``."""
        assert self.reference_y is not None
        return self.reference_y


class Step:
    """What is fitted, layer by layer; a subclass says which layers and how.

    Attributes:
        name: under which facts are returned.
        compares: True where a reference is needed.
    """

    name: str = ""
    compares: bool = True

    def takes(self, module: nn.Module) -> bool:
        """Return whether a layer is fitted by ``fit``."""
        return False

    def begin(self, model: nn.Module) -> None:
        """Prepare the network, before the walk."""

    def fit(self, unit: Unit) -> float | None:
        """Fit one layer in place, just before it runs; return a figure of merit, if there is one.

        Call ``unit.module.forward``: calling the module would come back here.
        """
        raise NotImplementedError

    def end(self, model: nn.Module) -> None:
        """Leave the network ready, also where the walk failed."""


def calibrate(
    model: nn.Module,
    data: Any,
    steps: Sequence[Step],
    reference: nn.Module | None = None,
    progress: Progress | None = None,
) -> Mapping[str, Mapping[str, float]]:
    """Fit a converted network to data, in place, layer by layer.

    Args:
        model: what is fitted: a spiking copy (``axbar.nn.to_spiking``), programmed chip, ...
        data: inputs ``[B, ...]``, a ``CalibrationSource`` or a data split; with a reference they run in one batch.
        steps: applied to each layer in this order.
        reference: the network that ``model`` was made from, with the same names inside.
        progress: called as ``(layer, done, total)``.

    Returns:
        step -> layer -> figure of merit.

    Raises:
        UsageError: no steps, or one that compares and no reference.
        ModelError: a layer runs more than once in a pass, or none is there to fit.
        DataError: the network can't take the data.
    """
    source = CalibrationSource.of(data)
    _check(steps, reference)
    facts: dict[str, dict[str, float]] = {step.name: {} for step in steps}
    units = {n: m for n, m in model.named_modules() if any(step.takes(m) for step in steps)}
    if not units and any(type(step).fit is not Step.fit for step in steps):
        raise ModelError(
            f"{' and '.join(facts)} find nothing to fit in {type(model).__name__}; convert the network first."
        )
    if reference is not None:
        source = CalibrationSource(source.x, len(source))
    known = {} if reference is None else _recorded(reference, _counterparts(units, reference), source)

    def fit(name: str, module: nn.Module, x: Tensor) -> None:
        unit = Unit(name, module, x, *known.pop(name, (None, None)))
        if reference is not None and unit.reference_x is None:
            raise ModelError(
                f"layer '{name}' runs more than once in a pass; give each place a module of its own."
            )
        for step in (step for step in steps if step.takes(module)):
            merit = step.fit(unit)
            if merit is not None:
                facts[step.name][name] = merit
        if progress is not None:
            progress(name, len(units) - len(known), len(units))

    try:
        for step in steps:
            step.begin(model)
        with _before_each(units, fit):
            run(model, source)
    finally:
        for step in steps:
            step.end(model)
    return facts


@contextmanager
def _before_each(
    layers: Mapping[str, nn.Module], call: Callable[[str, nn.Module, Tensor], None]
) -> Generator[None]:
    """Inside, a function is called with name, layer and input just before each layer runs."""

    def caller(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        return lambda module, given: call(name, module, given[0])

    hooks = [layer.register_forward_pre_hook(caller(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _recorded(
    reference: nn.Module, wanted: Mapping[str, str], source: CalibrationSource
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return input and output of the reference's layers on the data, by the names of the converted network."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], None]:
        def record(module: nn.Module, given: tuple[Any, ...], out: Tensor) -> None:
            seen[name] = given[0].clone(), out  # an activation may work in place

        return record

    hooks = [
        reference.get_submodule(theirs).register_forward_hook(keep(ours)) for ours, theirs in wanted.items()
    ]
    try:
        run(reference, source)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _counterparts(units: Iterable[str], reference: nn.Module) -> dict[str, str]:
    """Return the reference's name of each layer: the longest that stands inside the converted network's name.

    Raises:
        ModelError: the reference has no such layer.
    """
    theirs = sorted(
        (name for name, _ in reference.named_modules(remove_duplicate=False)), key=len, reverse=True
    )
    found: dict[str, str] = {}
    for name in units:
        match = next((other for other in theirs if f".{other}." in f".{name}." or other == name), None)
        if match is None or (match == "" and name):
            raise ModelError(
                f"the reference has no layer '{name}'; give the network that the converted one was made from."
            )
        found[name] = match
    return found


def _check(steps: Sequence[Step], reference: nn.Module | None) -> None:
    if not steps:
        raise UsageError("there is nothing to calibrate; give at least one step.")
    comparing = [step.name for step in steps if step.compares]
    if comparing and reference is None:
        raise UsageError(
            f"{' and '.join(comparing)} compare with the network that was converted; give it as reference=."
        )
