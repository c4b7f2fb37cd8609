"""Dataflows of dual-sparse spiking accelerators as frozen data: tiles, loops, who shares what, formats, buffers.

A layer is T matrix products ``x[t] @ w``: spikes x ``[T, M, K]`` (M output positions, K inputs) and weights w
``[K, N]``. A dataflow cuts M, N, K (and T) into tiles, walks the tiles in the order ``loops`` (outermost first),
and spreads one tile over its processing elements (PEs) by rows of x or by columns of w. Everything the engine does
differently for one accelerator and another is a field below; there is one engine.

Figures: LoAS (Yin et al., MICRO 2024) and the baselines as its authors model them: SparTen (Gondimalla et al.,
MICRO 2019), GoSPA (Deng et al., ISCA 2021), Gamma (Zhang et al., ASPLOS 2021). A PE is one join unit in each of
them; there are 16, 8-bit weights. ``psum_buffer_bits`` is what a 256 KB cache has left beside the two FIFOs: our
inference, used outside the published model only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from axbar.errors import UsageError, is_whole, unknown_name

__all__ = ["DATAFLOWS", "Dataflow", "Format", "Metadata", "Product", "Split", "Tile", "find"]

#: ``row``: PE i works on row i of a tile of x; ``column``: on column i of a tile of w
Split = Literal["row", "column"]
#: how non-zeros meet. ``inner``: two masks are joined per output; ``outer``: each spike scatters its row of
#: weights into partial sums; ``gustavson``: each output row merges the rows of weights its spikes point at;
#: ``dense``: nothing is skipped within a row of weights
Product = Literal["inner", "outer", "gustavson", "dense"]
#: where the non-zeros are: one bit per element (``mask``), one number per non-zero (``csr``, ``coordinate``)
Metadata = Literal["none", "mask", "csr", "coordinate"]


@dataclass(frozen=True)
class Tile:
    """Extent of one tile; those at the edge of a layer are smaller.

    Args:
        steps: time steps in one tile of x; 0 for all of them, packed into one word per neuron.
        rows: of x.
        cols: of w.
        chunk: of the inner dimension K.
    """

    steps: int
    rows: int
    cols: int
    chunk: int


@dataclass(frozen=True)
class Format:
    """How one operand is stored.

    Args:
        value_bits: bits of one stored value; 0 for one bit per packed time step.
        dense: zeros are stored as well.
        metadata: how the places of the non-zeros are told.
        metadata_bits: bits per element (mask) or per non-zero (csr, coordinate).
        fifo_values: non-zeros that the operand's on-chip FIFO of tiles holds.
    """

    value_bits: int
    metadata: Metadata
    metadata_bits: int
    fifo_values: int
    dense: bool = False


@dataclass(frozen=True)
class Dataflow:
    """One accelerator's way through a layer.

    Args:
        name: as in specs and reports.
        summary: one line.
        source: paper that it follows.
        product: how non-zeros meet.
        split: what the PEs of a tile share out.
        loops: order of the tile loops, outermost first: letters m, n, k, and t where steps are not packed.
        tile: extents.
        x, w: formats of spikes and weights.
        psum_bits: bits of a partial sum that leaves its PE; 0 if none does.
        psum_buffer_bits: partial sums that stay on chip, outside the published model.
        confidence: of the figures above, in the marks of specs.
    """

    name: str
    summary: str
    source: str
    product: Product
    split: Split
    loops: str
    tile: Tile
    x: Format
    w: Format
    psum_bits: int = 0
    psum_buffer_bits: int = 0
    confidence: str = "code"

    @property
    def packed(self) -> bool:
        """Whether all time steps of a neuron travel in one word."""
        return self.tile.steps == 0

    @property
    def pes(self) -> int:
        """Processing elements: the extent of the tile that they share out; of a systolic array both extents."""
        if self.product == "dense":
            return self.tile.rows * self.tile.cols
        return self.tile.rows if self.split == "row" else self.tile.cols

    def with_pes(self, pes: int) -> Dataflow:
        """Return the same dataflow on another number of PEs: the tile widens along the shared dimension.

        Raises:
            UsageError: ``pes`` is not a positive integer.
        """
        if not is_whole(pes, 1):
            raise UsageError(f"pes is {pes!r}; a dataflow needs a whole number of PEs, 1 or more.")
        if pes == self.pes:
            return self
        if self.product == "dense":
            if pes % self.tile.rows:
                raise UsageError(
                    f"pes is {pes}; the array of '{self.name}' has {self.tile.rows} lanes: give a multiple of that."
                )
            pes //= self.tile.rows
        side = {"rows": int(pes)} if self.split == "row" else {"cols": int(pes)}
        return dataclasses.replace(self, tile=dataclasses.replace(self.tile, **side))

    def x_value_bits(self, steps: int) -> int:
        """Return the bits of one stored value of x for a layer of ``steps`` time steps."""
        return self.x.value_bits or steps


_LOAS: Final = "LoAS (Yin et al., MICRO 2024)"
_CACHE_BITS: Final = 256 * 1024 * 8


def _left(w: Format, x: Format) -> int:
    """Bits of the 256 KB cache that full FIFOs leave; a mask bit per value is counted as the least."""
    taken = sum(f.fifo_values * (f.value_bits + f.metadata_bits) for f in (w, x))
    return max(0, _CACHE_BITS - taken)


def _loas() -> Dataflow:
    return Dataflow(
        "loas", "fully temporal-parallel inner product, packed spikes, rows of x over the PEs", _LOAS,
        product="inner", split="row", loops="mnk", tile=Tile(0, 16, 32, 128),
        x=Format(0, "mask", 1, 131072), w=Format(8, "mask", 1, 4096),
    )  # fmt: skip


def _loas_nmtk() -> Dataflow:
    return Dataflow(
        "loas-nmtk", "ablation of LoAS: packed spikes, but columns of w over the PEs as in SparTen", _LOAS,
        product="inner", split="column", loops="nmk", tile=Tile(0, 32, 16, 128),
        x=Format(0, "mask", 1, 4096), w=Format(8, "mask", 1, 131072),
    )  # fmt: skip


def _sparten() -> Dataflow:
    return Dataflow(
        "sparten", "inner product, one time step after the other, columns of w over the PEs",
        f"SparTen (Gondimalla et al., MICRO 2019) on spikes, as modelled for {_LOAS}",
        product="inner", split="column", loops="nmtk", tile=Tile(1, 32, 16, 128),
        x=Format(1, "none", 0, 16384, dense=True), w=Format(8, "mask", 1, 131072),
    )  # fmt: skip


def _gospa() -> Dataflow:
    x, w = Format(1, "csr", 8, 174080), Format(8, "mask", 1, 16384)
    return Dataflow(
        "gospa", "outer product, partial sums of each step scattered through memory",
        f"GoSPA (Deng et al., ISCA 2021) on spikes, as modelled for {_LOAS}",
        product="outer", split="column", loops="kntm", tile=Tile(1, 64, 16, 256),
        x=x, w=w, psum_bits=8, psum_buffer_bits=_left(w, x),
    )  # fmt: skip


def _gamma() -> Dataflow:
    x, w = Format(1, "coordinate", 6, 8192), Format(8, "coordinate", 6, 131072)
    return Dataflow(
        "gamma", "row-wise (Gustavson) product, rows of weights merged per output row",
        f"Gamma (Zhang et al., ASPLOS 2021) on spikes, as modelled for {_LOAS}",
        product="gustavson", split="row", loops="mktn", tile=Tile(1, 16, 64, 64),
        x=x, w=w, psum_bits=8, psum_buffer_bits=_left(w, x),
    )  # fmt: skip


def _ptb() -> Dataflow:
    return Dataflow(
        "ptb", "dense weights, steps batched in windows, systolic array of outputs x windows",
        "our model, after parallel time batching (Lee et al., HPCA 2022)",
        product="dense", split="column", loops="nmtk", tile=Tile(4, 4, 16, 128),
        x=Format(1, "none", 0, 262144, dense=True), w=Format(8, "none", 0, 131072, dense=True),
        confidence="assumed",
    )  # fmt: skip


#: name -> dataflow
DATAFLOWS: Final[Mapping[str, Dataflow]] = MappingProxyType(
    {flow.name: flow for flow in (_loas(), _loas_nmtk(), _sparten(), _gospa(), _gamma(), _ptb())}
)


def find(name: str) -> Dataflow:
    """Return the dataflow of that name.

    Raises:
        UsageError: there is none.

    >>> find("loas").pes
    16
    """
    if name not in DATAFLOWS:
        raise UsageError(unknown_name("dataflow", name, DATAFLOWS))
    return DATAFLOWS[name]
