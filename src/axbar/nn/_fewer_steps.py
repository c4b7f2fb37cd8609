"""The same trained network on its first time steps.

Networks run the first n steps of what they ran before: neurons are causal, so what comes out of those steps is the
same. Where the coding of images or a mask looks at all steps (``latency``, ``mask_single_spikes``), it is the network
built for n steps.

A module that keeps something per step cuts it in ``keep_steps(n)``; for the rest the number of steps is an attribute
of the network or of a part that has parts.
"""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from axbar.errors import ModelError

__all__ = ["fewer_steps"]

#: names under which networks state how many steps they run; ``presented``: networks of others, wrapped on import
_NAMES = ("steps", "T", "time_steps", "timesteps", "num_steps", "n_steps", "presented")


def fewer_steps(network: nn.Module, now: int, steps: int, *, told_by_input: bool = False) -> nn.Module:
    """Return a copy of a network that runs ``steps`` instead of ``now`` time steps; weights are the same.

    Args:
        network: of any kind; it is not changed.
        now, steps: before and after.
        told_by_input: sequences bring their own steps, so that the network need not state any.

    Raises:
        ModelError: no attribute of the network states its steps, or there are no fewer.

    >>> from axbar.nn import build_model
    >>> fewer_steps(build_model("spiking-cnn", width=2, steps=4), 4, 3).steps
    3
    """
    if not 1 <= steps < now:
        raise ModelError(f"{steps} of {now} steps are no fewer; give 1 to {now - 1}.")
    made = copy.deepcopy(network)
    changed = [_keep(module, now, steps) for module in made.modules()]
    if not any(changed) and not told_by_input:
        raise ModelError(
            f"{type(network).__name__} runs {now} steps but has no attribute 'steps' that says so; keep the number in "
            f"one and read it in forward, or build and train it with {steps} steps."
        )
    return made.eval()


def _keep(module: nn.Module, now: int, steps: int) -> bool:
    """Change one module in place; return whether it stated its steps."""
    keep: Any = getattr(module, "keep_steps", None)
    if keep is not None:
        keep(steps)
        return True
    if not any(True for _ in module.children()):
        return False  # a layer may count something else, such as a delay
    names = [name for name in _NAMES if _is(getattr(module, name, None), now)]
    for name in names:
        setattr(module, name, steps)
    return bool(names)


def _is(value: object, number: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value == number
