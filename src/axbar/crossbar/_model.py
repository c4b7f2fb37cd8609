"""The converted network: the user's class with a chip underneath.

The class is made on the fly from the user's class and a mixin, so that attributes, methods and ``isinstance``
stay; copies and pickles make it anew from both.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Self, cast

from torch import nn

from axbar.crossbar._layers import AnalogLayer, DigitalLayer
from axbar.errors import UsageError
from axbar.spec.imc import ImcSpec

__all__ = ["AnalogModel", "DigitalModel", "converted_class"]


class DigitalModel(nn.Module):
    """What every converted network offers beside the user's own methods."""

    axbar_hardware: ImcSpec
    axbar_unconverted: tuple[str, ...]

    @property
    def unconverted(self) -> tuple[str, ...]:
        """Modules with parameters that stay in floating point: ``path (type, number of parameters)``."""
        return self.axbar_unconverted

    @property
    def chip_layers(self) -> dict[str, DigitalLayer]:
        """Converted layers by path, in the order of the module tree."""
        found = (m for m in self.modules() if isinstance(m, DigitalLayer))
        return {layer.path: layer for layer in found}

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        mixin, plain = cast(tuple[type, type], type(self).__bases__)
        return _empty, (mixin, plain), self.__getstate__()


class AnalogModel(DigitalModel):
    """A network on crossbar arrays: one die of one chip.

    ``program`` draws another die, ``at_time`` ages it; both act in place and return the network.

    Attributes:
        die_seed: seed of the programmed die.
        die_age_s: seconds since programming.
    """

    die_seed: int | None
    die_age_s: float

    @property
    def n_arrays(self) -> int:
        """Arrays that the network occupies."""
        return sum(layer.mapping.n_arrays for layer in self._analog_layers())

    def _analog_layers(self) -> list[AnalogLayer]:
        return [layer for layer in self.chip_layers.values() if isinstance(layer, AnalogLayer)]

    def program(self, seed: int) -> Self:
        """Write the weights to another die, in place; converter ranges stay as fitted.

        Args:
            seed: of the die: the same seed gives the same conductances, bit for bit.
        """
        return self._write(int(seed), 0.0)

    def at_time(self, t_s: float) -> Self:
        """Let the die age to ``t_s`` seconds after programming, in place.

        No device has a drift law yet, so that conductances stay as programmed.

        Raises:
            UsageError: the time is negative or no number.
        """
        if not math.isfinite(t_s) or t_s < 0:
            raise UsageError(f"at_time got {t_s!r} s; give a finite number of seconds >= 0.")
        return self._write(self.die_seed, float(t_s))

    def _write(self, seed: int | None, t_s: float) -> Self:
        self.die_seed, self.die_age_s = seed, t_s
        for layer in self._analog_layers():
            layer.program_cells(seed, t_s)
        return self


@cache
def converted_class(mixin: type, plain: type) -> type:
    """Return the class that is both; its name is the user's with ``Analog`` or ``Digital`` before it."""
    prefix = "Analog" if issubclass(mixin, AnalogModel) else "Digital"
    name = plain.__name__ if plain.__name__.startswith(prefix) else prefix + plain.__name__
    return type(name, (mixin, plain), {"__module__": plain.__module__, "__doc__": plain.__doc__})


def _empty(mixin: type, plain: type) -> Any:
    made: Any = converted_class(mixin, plain)
    return made.__new__(made)
