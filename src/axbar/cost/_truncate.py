"""A recorded network that stops after its first steps.

Spikes of step t are bit t of a word, so that fewer steps are a mask: nothing is simulated again, and the first
steps are exactly those that were recorded. Feed-forward and recurrent networks alike see no difference in them,
as no step looks ahead. Layers that run once, such as a first layer with a constant image, stay as they are. Where
only a mean rate is known it is taken to be the same at every step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError
from axbar.workload import LayerTrace, Operand, Workload

__all__ = ["per_step", "truncated"]

#: first words of the keys under which layers keep what their weights alone decide
_OF_WEIGHTS = ("cost.levels", "cost.bit_sums", "cost.rows")


def per_step(workload: Workload) -> bool:
    """Return whether fewer steps can be priced: more than one step runs, and all that runs was recorded."""
    running = [o for layer in workload.matmuls for o in layer.operands[:1] if o.steps > 1]
    return bool(running) and all(o.words is not None or o.rate is not None for o in running)


def truncated(workload: Workload, steps: int) -> Workload:
    """Return the workload of the first ``steps`` steps.

    Raises:
        UsageError: ``steps`` is not in 1..T.

    >>> from axbar.workload import shapes
    >>> truncated(shapes.vgg9(steps=4), 2).steps
    2
    """
    if not 1 <= steps <= workload.steps:
        raise UsageError(
            f"{steps} steps of '{workload.name}' were asked for; allowed: 1 to {workload.steps}."
        )
    if steps == workload.steps:
        return workload
    exits = None if workload.exit_step is None else np.minimum(workload.exit_step, steps)
    layers = tuple(_layer(layer, steps) for layer in workload.layers)
    return replace(workload, layers=layers, steps=steps, exit_step=exits, grad=None)


def _layer(layer: LayerTrace, steps: int) -> LayerTrace:
    kept = tuple(step for step in layer.steps if step < steps)
    if len(kept) == len(layer.steps):
        return layer
    operands = tuple(_operand(operand, len(kept)) for operand in layer.operands)
    output = None if layer.output is None else _operand(layer.output, len(kept))
    cut = replace(layer, steps=kept, operands=operands, output=output)
    cut.cache.update({key: value for key, value in layer.cache.items() if _of_weights(key)})
    return cut


def _of_weights(key: Any) -> bool:
    """Return whether a kept result depends on the weights alone, which are the same on all steps."""
    return isinstance(key, tuple) and cast(tuple[Any, ...], key)[0] in _OF_WEIGHTS


def _operand(operand: Operand, steps: int) -> Operand:
    if operand.words is None:
        return replace(operand, steps=steps)
    if operand.per_step:
        negative = None if operand.negative is None else operand.negative[:, :steps]
        return replace(operand, steps=steps, words=operand.words[:, :steps], negative=negative)
    if operand.coding in ("spikes", "signed"):
        negative = None if operand.negative is None else _masked(operand.negative, steps)
        return replace(operand, steps=steps, words=_masked(operand.words, steps), negative=negative)
    return replace(operand, steps=steps)


def _masked(words: NDArray[Any], steps: int) -> NDArray[Any]:
    return words & words.dtype.type((1 << steps) - 1)
