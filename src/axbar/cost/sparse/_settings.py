"""What of a spec decides how a layer is walked: the dataflow with this chip's sizes, and the level of detail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from axbar.cost.sparse.counters import Fidelity
from axbar.cost.sparse.dataflow import Dataflow, Tile, find
from axbar.cost.sparse.levels import ADDERS, FIFO_DEPTH
from axbar.spec.sparse import SparseSpec
from axbar.workload._pack import MAX_STEPS

__all__ = ["STRUCTURAL", "Setting", "setting_of"]

#: paths on which counting depends
STRUCTURAL: Final = frozenset(
    {
        "dataflow", "fidelity", "balance", "prefix", "pe.count", "pe.steps", "pe.accumulator_bits", "pe.fifo_depth",
        "pe.laggy_adders", "pe.addresses", "tile.batch", "tile.chunk",
        "buffer.weight_values", "buffer.input_values", "cache.capacity_B", "weight_bits",
        "input.bits",
        "input.time_bits",
        "input.time_read",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """How layers are simulated; what does not matter to a dataflow or a level has one value, so that it is cached.

    Args:
        flow: the dataflow with this chip's tiles, formats and buffers.
        fidelity, balance, prefix, fifo_depth: as in the spec.
        adders: of a laggy prefix sum.
        hold_addresses: laggy addresses are computed once per tile instead of once per join.
        word_steps: steps that one pass presents.
        weight_bits, input_bits: of weights, and of real-valued inputs.
    """

    flow: Dataflow
    fidelity: Fidelity
    balance: str = "none"
    prefix: str = "fast-laggy"
    fifo_depth: int = int(FIFO_DEPTH.value)
    adders: int = int(ADDERS.value)
    hold_addresses: bool = False
    word_steps: int = MAX_STEPS
    weight_bits: int = 8
    input_bits: int = 8

    @property
    def published(self) -> bool:
        """Whether the published model's quirks hold."""
        return self.fidelity == "published"

    @property
    def circuit(self) -> tuple[str, int, int, bool]:
        """What makes up an inner-join unit."""
        return self.prefix, self.adders, self.fifo_depth, self.hold_addresses


def can_balance(flow: Dataflow) -> bool:
    """Return whether a dataflow has a greedy balance: SparTen's filters, PTB's inputs."""
    return flow.name in ("sparten", "ptb")


def setting_of(spec: SparseSpec) -> Setting:
    """Return the setting of a chip."""
    flow = _flow(spec)
    piped = spec.fidelity == "pipeline" and flow.product == "inner"
    laggy = piped and (flow.packed or spec.prefix == "two-laggy")
    greedy = spec.fidelity != "published" and can_balance(flow)
    return Setting(
        flow=flow,
        fidelity=spec.fidelity,
        balance=spec.balance if greedy else "none",
        prefix=spec.prefix if piped else "fast-laggy",
        fifo_depth=spec.pe.fifo_depth if piped and flow.packed else int(FIFO_DEPTH.value),
        adders=_adders(spec) if laggy else int(ADDERS.value),
        hold_addresses=spec.pe.addresses == "tile" and piped and flow.packed and spec.prefix == "fast-laggy",
        word_steps=spec.pe.steps if flow.packed else MAX_STEPS,
        weight_bits=spec.weight_bits,
        input_bits=spec.input.bits,
    )


def _adders(spec: SparseSpec) -> int:
    """Return the fewest adders that take as many cycles, so that those in between are counted once."""
    chunk = spec.tile.chunk
    return -(-chunk // -(-chunk // spec.pe.laggy_adders))


def _flow(spec: SparseSpec) -> Dataflow:
    """Return the dataflow of the spec's name with the spec's sizes."""
    base, pes, batch = find(spec.dataflow), spec.pe.count, spec.tile.batch
    rows, cols = (pes, batch) if base.split == "row" else (batch, pes)
    steps = min(base.tile.steps, spec.pe.steps) if base.tile.steps <= 1 else spec.pe.steps
    weights = replace(base.w, value_bits=spec.weight_bits, fifo_values=spec.buffer.weight_values)
    inputs = replace(base.x, fifo_values=spec.buffer.input_values)
    flow = replace(base, tile=Tile(steps, rows, cols, spec.tile.chunk), w=weights, x=inputs)
    if base.psum_buffer_bits:
        flow = replace(flow, psum_buffer_bits=max(0, 8 * spec.cache.capacity_B - resident_bits(flow, 1)))
    return flow


def resident_bits(flow: Dataflow, steps: int) -> int:
    """Return the bits of cache that full buffers take; one bit of a mask per value is counted as the least."""
    return sum(
        form.fifo_values * ((form.value_bits or steps) + form.metadata_bits) for form in (flow.w, flow.x)
    )
