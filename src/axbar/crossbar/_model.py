"""The converted network: the user's class with a chip underneath.

The class is made on the fly from the user's class and a mixin, so that attributes, methods and ``isinstance``
stay; copies and pickles make it anew from both.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, cast

import numpy as np
from torch import Tensor, nn

from axbar import devices
from axbar.crossbar._analog import AnalogLayer
from axbar.crossbar._analog_product import AnalogMatMul
from axbar.crossbar._cells import Die
from axbar.crossbar._clock import ReadClock
from axbar.crossbar._effects import Effects
from axbar.crossbar._export import export_conductances, load_conductances
from axbar.crossbar._layers import DigitalLayer
from axbar.crossbar._product import DigitalMatMul
from axbar.errors import UsageError, unknown_name
from axbar.spec.imc import ImcSpec

__all__ = ["AnalogModel", "DigitalModel", "converted_class"]


class DigitalModel(nn.Module):
    """What every converted network offers beside the user's own methods."""

    axbar_hardware: Any
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

    @property
    def chip_products(self) -> dict[str, DigitalMatMul]:
        """Converted products of run-time operands by path, in the order of the module tree."""
        found = (m for m in self.modules() if isinstance(m, DigitalMatMul))
        return {product.path: product for product in found}

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        mixin, plain = cast(tuple[type, type], type(self).__bases__)
        return _empty, (mixin, plain), self.__getstate__()


class AnalogModel(DigitalModel):
    """A network on crossbar arrays: one die of one chip.

    ``program``, ``at_time``, ``set_effects``, ``compensate_drift`` and ``load_conductances`` act in place and return
    the network.

    Attributes:
        die_seed: seed of the programmed die; None for nominal cells without any random error.
        die_age_s: seconds since programming.
    """

    die_seed: int | None
    die_age_s: float
    axbar_hardware: ImcSpec
    axbar_clock: ReadClock

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = (x for x in (*args, *kwargs.values()) if isinstance(x, Tensor) and x.dim())
        images = next(given, None)
        samples = 1 if images is None else len(images)
        with self.axbar_clock.call(samples):
            return super().__call__(*args, **kwargs)

    @property
    def n_arrays(self) -> int:
        """Arrays that the network occupies; those of run-time operands count once their shape is known from data."""
        layers = self._analog_layers().values()
        for layer in layers:
            layer.refresh()
        written = sum(product.n_arrays for product in self._analog_products().values())
        return sum(layer.mapping.n_arrays for layer in layers) + written

    @property
    def effects(self) -> dict[str, Effects]:
        """Flaws that are switched on, by layer and product."""
        return {path: module.die.effects for path, module in self._on_arrays().items()}

    def _analog_layers(self) -> dict[str, AnalogLayer]:
        return {path: layer for path, layer in self.chip_layers.items() if isinstance(layer, AnalogLayer)}

    def _analog_products(self) -> dict[str, AnalogMatMul]:
        return {path: each for path, each in self.chip_products.items() if isinstance(each, AnalogMatMul)}

    def _on_arrays(self) -> dict[str, AnalogLayer | AnalogMatMul]:
        return {**self._analog_layers(), **self._analog_products()}

    def start_clock(self) -> None:
        """Let all layers count reads together, from the first."""
        self.axbar_clock = ReadClock()
        for module in self._on_arrays().values():
            module.clock = self.axbar_clock

    def program(self, seed: int | None) -> Self:
        """Write the weights to another die, in place; converter ranges stay as fitted, read noise starts over.

        Args:
            seed: of the die: the same seed gives the same conductances, bit for bit. None: nominal cells.
        """
        for layer in self._analog_layers().values():
            if layer.measured_S is not None:
                layer.take_measured(None)
        return self._write(None if seed is None else int(seed), self.axbar_hardware.device.age_s)

    def at_time(self, t_s: float) -> Self:
        """Let the die age to ``t_s`` seconds after programming, in place; a pure function of the time.

        Raises:
            UsageError: the time is no number, or lies before the first read that the device's law was measured at.
        """
        first = devices.first_read_s(self.axbar_hardware.device)
        if not isinstance(t_s, int | float) or not math.isfinite(t_s) or t_s < first:
            name = self.axbar_hardware.device.name
            raise UsageError(
                f"at_time got {t_s!r} s, but the laws of '{name}' start {first:g} s after programming; give a finite "
                f"number of seconds >= {first:g}."
            )
        return self._write(self.die_seed, float(t_s))

    def _write(self, seed: int | None, t_s: float) -> Self:
        self.die_seed, self.die_age_s = seed, t_s
        for layer in self._analog_layers().values():
            layer.program_cells(Die(seed, t_s, layer.die.effects))
            layer.output_gain = None
        for product in self._analog_products().values():
            product.program_cells(Die(seed, t_s, product.die.effects))
        self.rewind()
        return self

    def rewind(self, epoch: int = 0) -> Self:
        """Let read noise and run-time writes start over: the next image draws as the first one did.

        Args:
            epoch: passes over images in different epochs share no draw; programming starts epoch 0.
        """
        self.axbar_clock.rewind(epoch)
        for product in self._analog_products().values():
            product.count_anew()
        return self

    def set_effects(self, effects: Effects, layers: Iterable[str] | None = None) -> Self:
        """Switch flaws on and off, in place; converter ranges stay as fitted, drift compensation only while the
        weights as held do not change (``adc``, ``read_noise``).

        Args:
            effects: flaws to have.
            layers: names of the layers and products to change; all if None.

        Raises:
            UsageError: no such layer (with the closest name).
        """
        if not isinstance(effects, Effects):
            raise UsageError(
                f"set_effects got {effects!r}; give axbar.crossbar.Effects, as Effects.only('wires')."
            )
        known = self._on_arrays()
        chosen = list(known if layers is None else layers)
        for path in chosen:
            if path not in known:
                raise UsageError(unknown_name("layer", path, known))
        for layer in (known[path] for path in chosen):
            layer.program_cells(replace(layer.die, effects=effects))
        return self

    def compensate_drift(self, mode: Literal["global", "column"] = "column") -> Self:
        """Scale digital outputs so that the mean response is again that of the fresh die, in place.

        The response of a column is the mean of |output| over one read per row, so with W the weights as held,

            gain = mean |W(fresh)| / mean |W(now)|,

        over a whole layer (``global``) or over each output (``column``). Joshi et al., Nature Communications 11,
        2473 (2020): global drift compensation.
        """
        if mode not in ("global", "column"):
            raise UsageError(unknown_name("mode of drift compensation", mode, ("global", "column")))
        if any(layer.measured_S is not None for layer in self._analog_layers().values()):
            raise UsageError(
                "compensate_drift compares with the fresh die, which is not known for conductances that were read "
                "back; call program(seed) first, or load conductances read right after programming."
            )
        for layer in self._analog_layers().values():
            layer.output_gain = None
            fresh, now = np.abs(layer.fresh_weight()), np.abs(layer.effective_weight())
            axis = None if mode == "global" else 1
            before, after = fresh.mean(axis=axis), now.mean(axis=axis)
            gain = np.divide(
                before, after, out=np.ones_like(after, dtype=np.float64), where=after > 1e-4 * before
            )
            layer.output_gain = np.broadcast_to(gain, fresh.shape[:1]).copy()
        return self

    def export_conductances(
        self, path: str | os.PathLike[str], what: Literal["target", "held"] = "target"
    ) -> Path:
        """Write the conductances of all arrays to a ``.npz`` file, for a real array or another simulator.

        One array per layer and row tile, named ``layer/row_tile``: ``[bundles, col_tiles, rows, columns]`` in S,
        float64. Column ``(output * slices + slice) * 2 + {0: plus, 1: minus}``; row 0 lies nearest the converters,
        column 0 nearest the drivers; NaN where no cell is used. Where rows of a layer hold no weight and are left out,
        ``about`` says which ones there are.

        Args:
            what: ``target`` conductances, or those ``held`` by this die at its age.
        """
        return export_conductances(self._analog_layers(), self.axbar_hardware, Path(path), what)

    def load_conductances(self, path: str | os.PathLike[str]) -> Self:
        """Take conductances that were read back from real arrays in place of modelled programming and drift.

        Wires, read noise and converters still act on them. Weights that change later discard them.

        Raises:
            DataError: the file does not belong to this network and chip, or holds a negative conductance.
        """
        layers = self._analog_layers()
        for layer in layers.values():
            layer.refresh()
        measured = load_conductances(layers, Path(path))
        for name, layer in layers.items():
            layer.take_measured(measured[name])
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
