"""One traced layer on a dual-sparse accelerator: counters of one recorded sample.

Products of two run-time operands have their right one in the place of weights: ``_right``.

A layer is presented in passes of at most ``word_steps`` steps and group by group; each is a product of packed words
``[M, K]`` and weight codes ``[K, N]`` whose cycles and traffic the engine counts, and all of them add up. Cycles and
traffic are kept apart, each under what it depends on, so that a sweep counts again only what changes.

At ``pipeline`` the DRAM moves feature maps as they lie in memory (``featuremap``), not unfolded ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from axbar.cost.sparse._right import right_codes, with_right
from axbar.cost.sparse._settings import Setting
from axbar.cost.sparse._simulate import cycle_counts, moved_bits
from axbar.cost.sparse.counters import Counters
from axbar.cost.sparse.featuremap import feature_map_traffic
from axbar.cost.sparse.functional import check
from axbar.cost.sparse.tensors import LayerTensors
from axbar.cost.sparse.unfold import Piece, Words, pieces, unfolded, weight_codes, windows
from axbar.workload import LayerTrace
from axbar.workload._pack import MAX_STEPS

__all__ = ["counters_of", "presented_steps"]

R = TypeVar("R")

#: unfolded words of one pass that are kept, bytes
_KEPT_B: Final = 2**22
#: streams that come from DRAM through the on-chip memory
_FILLED: Final = ("w", "w_meta", "x", "x_meta")


@dataclass(frozen=True, eq=False)
class _Sample:
    """One sample of one layer, and what is kept of it."""

    layer: LayerTrace
    index: int
    runs: int | None
    setting: Setting

    @cached_property
    def coded(self) -> tuple[int, int, int]:
        """Bits of weights and inputs and steps of a word, as far as this layer depends on them."""
        setting, operand = self.setting, self.layer.operands[0]
        spiking = operand.coding in ("spikes", "signed")
        steps = operand.steps if operand.coding == "spikes" else MAX_STEPS
        drawn = self.layer.weight is None and not self.layer.at_run_time
        weights = 0 if drawn else setting.weight_bits  # drawn weights are never zero
        return weights, 0 if spiking else setting.input_bits, min(setting.word_steps, steps)

    def kept(self, key: tuple[Any, ...], make: Callable[[], R]) -> R:
        """Return what depends on ``key`` and this sample, worked out once."""
        cache = self.layer.cache
        where = ("sparse", self.index, self.runs, *self.coded, *key)
        if where not in cache:
            cache[where] = make()
        return cache[where]

    def passes(self) -> list[Piece]:
        """Return the words of each pass."""

        def presented() -> list[Piece]:
            found = pieces(self.layer, self.index, self.setting.input_bits, self.runs)
            return [window for piece in found for window in windows(piece, self.setting.word_steps)]

        return self.kept(("passes",), presented)

    @cached_property
    def products(self) -> list[tuple[LayerTensors, int]]:
        """Operands of every product, and how often it is made; cycles, traffic and check share what they find."""
        return [
            (LayerTensors(words, piece.steps, weights), piece.times)
            for number, piece in enumerate(self.passes())
            for words, weights in zip(self._unfolded(number, piece), self.codes(piece), strict=True)
        ]

    def codes(self, piece: Piece) -> list[NDArray[np.int32]]:
        """Return the integers of each group that a pass meets."""
        return codes_of(self.layer, self.setting.weight_bits, self.index)[piece.right]

    def _unfolded(self, number: int, piece: Piece) -> list[Words]:
        """Return the words of one pass ``[M, K]`` by group; small ones are kept, as every sweep needs them again."""
        shape = self.layer.geometry
        size = shape.positions * shape.fan_in * shape.groups * piece.words.itemsize
        if size > _KEPT_B:
            return unfolded(self.layer, piece.words)
        return self.kept(("words", number), lambda: unfolded(self.layer, piece.words))


def codes_of(layer: LayerTrace, bits: int, sample: int) -> list[list[NDArray[np.int32]]]:
    """Return the integer weights of each group, or those of a sample's right operands step by step; quantised once."""
    key = ("sparse.codes", bits, sample if layer.at_run_time else None)
    if key not in layer.cache:
        layer.cache[key] = (
            right_codes(layer, sample, bits) if layer.at_run_time else [weight_codes(layer, bits)]
        )
    return layer.cache[key]


def presented_steps(layer: LayerTrace, setting: Setting) -> tuple[int, ...]:
    """Return the steps of every pass of a layer's first sample."""
    return tuple(piece.steps for piece in _Sample(layer, 0, None, setting).passes())


def counters_of(layer: LayerTrace, index: int, setting: Setting, runs: int | None = None) -> Counters:
    """Return what one sample makes the chip do in one layer.

    Args:
        layer: a product.
        index: of the recorded sample.
        setting: of the chip.
        runs: steps on which the layer runs for this sample; None: all.
    """
    setting = with_right(layer, setting)
    sample = _Sample(layer, index, runs, setting)
    flow = setting.flow
    cycles_key = ("cycles", flow.name, flow.tile, setting.fidelity, setting.balance, *setting.circuit)
    tile_key = ("traffic", flow, setting.published)
    done = sample.kept(cycles_key, lambda: _added(_cycles, sample))
    moved = sample.kept(tile_key, lambda: _added(_traffic, sample))
    if setting.fidelity == "pipeline":
        moved = sample.kept(("maps", *tile_key), lambda: _with_feature_maps(moved, sample))
    if index == 0:
        way = flow.tile if flow.product == "dense" else flow.tile.chunk
        checked = sample.kept(("check", flow.product, flow.packed, way), lambda: _checked(sample))
        done = replace(done, checked_outputs=checked)
    return replace(
        done, dram_bits=moved.dram_bits, sram_bits=moved.sram_bits, misses=moved.misses,
        tile_visits=moved.tile_visits, notes=tuple(dict.fromkeys((*done.notes, *moved.notes))),
    )  # fmt: skip


def _added(count: Callable[[LayerTensors, Setting], Counters], sample: _Sample) -> Counters:
    setting = sample.setting
    total = Counters(setting.flow.name, setting.fidelity, setting.flow.pes, 0, 0, 0)
    for tensors, times in sample.products:
        one = count(tensors, setting)
        for _ in range(times):
            total += one
    return total


def _cycles(tensors: LayerTensors, setting: Setting) -> Counters:
    """Return cycles and operations of one product."""
    return cycle_counts(
        tensors, setting.flow, setting.fidelity, balance=setting.balance, prefix=setting.prefix,
        adders=setting.adders, fifo_depth=setting.fifo_depth, hold_addresses=setting.hold_addresses,
    )  # fmt: skip


def _traffic(tensors: LayerTensors, setting: Setting) -> Counters:
    """Return the bits that one product moves."""
    flow, moved = setting.flow, moved_bits(tensors, setting.flow, setting.fidelity)
    return Counters(
        flow.name, setting.fidelity, flow.pes, 0, 0, 0, dram_bits=moved.dram_bits, sram_bits=moved.sram_bits,
        misses=moved.misses, tile_visits=moved.tile_visits, notes=moved.notes,
    )  # fmt: skip


def _checked(sample: _Sample) -> int:
    """Return how many sums of a sample were recomputed in the dataflow's own order."""
    return sum(times * check(tensors, sample.setting.flow) for tensors, times in sample.products)


def _with_feature_maps(unfolded_maps: Counters, sample: _Sample) -> Counters:
    """Put feature maps in the place of unfolded ones; the on-chip memory is filled with what DRAM sends."""
    setting, shape = sample.setting, sample.layer.geometry
    dram = dict.fromkeys(unfolded_maps.dram_bits, 0)
    for piece in sample.passes():
        words = piece.words.reshape(shape.in_shape)
        codes = np.concatenate([group.ravel() for group in sample.codes(piece)])
        moved = feature_map_traffic(words, piece.steps, codes, shape, setting.flow)
        for name, bits in moved.dram_bits.items():
            dram[name] += piece.times * bits
    dram["out"] = unfolded_maps.dram_bits["out"]
    filled = {name: dram[name] - unfolded_maps.dram_bits[name] for name in _FILLED}
    sram = {name: bits + filled.get(name, 0) for name, bits in unfolded_maps.sram_bits.items()}
    return replace(unfolded_maps, dram_bits=dram, sram_bits=sram)
