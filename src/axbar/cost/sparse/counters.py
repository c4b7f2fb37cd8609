"""What a dual-sparse accelerator did in a layer, in integers: cycles, operations, bits moved.

Streams: ``x`` and ``w`` values, ``x_meta`` and ``w_meta`` (masks, CSR or coordinates), ``psum`` (partial sums that
leave their PE) and ``out`` (spikes written for the next layer, metadata included). DRAM bits that fill a FIFO are
SRAM bits as well. Counters of layers add.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast, get_args

from axbar.errors import UsageError, unknown_name

__all__ = ["FIDELITIES", "STREAMS", "Counters", "Fidelity", "Traffic", "check_fidelity", "no_bits"]

#: ``published``: the authors' model, quirks included; ``join``: at least a cycle per join; ``pipeline``: prefix
#: sums, FIFOs, corrections, neurons, fill and drain
Fidelity = Literal["published", "join", "pipeline"]
FIDELITIES: Final[tuple[str, ...]] = get_args(Fidelity)
STREAMS: Final = ("w", "x", "w_meta", "x_meta", "psum", "out")


def no_bits() -> dict[str, int]:
    """Return every stream with no bits."""
    return dict.fromkeys(STREAMS, 0)


def _add(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in {**a, **b}}


def check_fidelity(fidelity: str) -> Fidelity:
    """Return the word if it is a fidelity level.

    Raises:
        UsageError: ``fidelity`` is not published, join or pipeline.
    """
    if fidelity not in FIDELITIES:
        raise UsageError(unknown_name("fidelity", fidelity, FIDELITIES))
    return cast(Fidelity, fidelity)


@dataclass(frozen=True)
class Traffic:
    """Bits that moved in one layer.

    Args:
        dram_bits, sram_bits: stream -> bits; a fill counts in both.
        misses: operand (``w``, ``x``) -> tiles fetched from DRAM.
        tile_visits: steps of the tile loops.
        notes: assumptions, as sentences.
    """

    dram_bits: Mapping[str, int] = field(default_factory=no_bits)
    sram_bits: Mapping[str, int] = field(default_factory=no_bits)
    misses: Mapping[str, int] = field(default_factory=lambda: {"w": 0, "x": 0})
    tile_visits: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counters:
    """Counts of one layer, or of several added up.

    Args:
        dataflow, fidelity: what was simulated, how closely.
        pes: processing elements.
        cycles: compute cycles; DRAM stalls are not in them.
        ops: accumulations that the PEs do first: matches of a non-zero of x with one of w (packed: once per word).
        acs: accumulations that the result needs: pairs of a spike and a non-zero weight.
        corrections: accumulations that take back what was added too much; for packed words ``T * ops - acs``.
        joins: pairs of masks compared (inner products); 0 where nothing is compared.
        dram_bits, sram_bits: stream -> bits.
        misses: operand -> tiles fetched.
        tile_visits: steps of the tile loops.
        outputs: accumulated sums, T * M * N.
        checked_outputs: how many of them were recomputed in the dataflow's own order and compared.
        notes: assumptions and reasons, as sentences.
    """

    dataflow: str
    fidelity: str
    pes: int
    cycles: int
    ops: int
    acs: int
    corrections: int = 0
    joins: int = 0
    dram_bits: Mapping[str, int] = field(default_factory=no_bits)
    sram_bits: Mapping[str, int] = field(default_factory=no_bits)
    misses: Mapping[str, int] = field(default_factory=lambda: {"w": 0, "x": 0})
    tile_visits: int = 0
    outputs: int = 0
    checked_outputs: int = 0
    notes: tuple[str, ...] = ()

    @property
    def dram_total_bits(self) -> int:
        """Bits moved between DRAM and chip."""
        return sum(self.dram_bits.values())

    @property
    def sram_total_bits(self) -> int:
        """Bits read from and written to on-chip memory."""
        return sum(self.sram_bits.values())

    @property
    def utilisation(self) -> float:
        """Share of PE cycles that hold an operation, 0..1; 0 where there are no cycles."""
        return self.ops / (self.cycles * self.pes) if self.cycles else 0.0

    def __add__(self, other: Counters) -> Counters:
        """Return the counts of two layers that run one after the other.

        Raises:
            UsageError: the two are of different dataflows, fidelities or numbers of PEs.
        """
        mine, theirs = ((c.dataflow, c.fidelity, c.pes) for c in (self, other))
        if mine != theirs:
            raise UsageError(f"counters of {mine} and {theirs} can't be added; simulate layers alike.")
        return Counters(
            self.dataflow, self.fidelity, self.pes,
            self.cycles + other.cycles, self.ops + other.ops, self.acs + other.acs,
            self.corrections + other.corrections, self.joins + other.joins,
            _add(self.dram_bits, other.dram_bits), _add(self.sram_bits, other.sram_bits),
            _add(self.misses, other.misses), self.tile_visits + other.tile_visits,
            self.outputs + other.outputs, self.checked_outputs + other.checked_outputs,
            tuple(dict.fromkeys((*self.notes, *other.notes))),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and words, for JSON."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in ("dram_bits", "sram_bits", "misses"):
            plain[name] = dict(plain[name])
        return {
            **plain,
            "notes": list(self.notes),
            "dram_total_bits": self.dram_total_bits,
            "sram_total_bits": self.sram_total_bits,
            "utilisation": self.utilisation,
        }
