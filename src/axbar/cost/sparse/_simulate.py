"""One layer on one dual-sparse accelerator: cycles, operations, traffic, and a check that the numbers come out right.

Fidelity says how closely circuits are followed; always print it beside a number:

    published  what the authors of LoAS (Yin et al., MICRO 2024) count, their quirks included: a cycle per match
    join       plus the scan of masks: at least a cycle per join
    pipeline   plus prefix sums, FIFOs, corrections, neurons, fill and drain

Cycles never fall from one to the next. DRAM stalls are not in the cycles: bits are counted, and a chip's bandwidth
turns them into time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from axbar.cost.sparse._words import check_circuit, check_sums_word
from axbar.cost.sparse.counters import Counters, Fidelity, Traffic, check_fidelity
from axbar.cost.sparse.cycles import tile_cycles
from axbar.cost.sparse.dataflow import Dataflow, find
from axbar.cost.sparse.functional import CHECKED_COLUMNS
from axbar.cost.sparse.functional import check as check_sums
from axbar.cost.sparse.levels import ADDERS, FIFO_DEPTH, level_counts
from axbar.cost.sparse.pipeline import check_prefix
from axbar.cost.sparse.ptb import ptb_cycles, ptb_ops, ptb_traffic
from axbar.cost.sparse.tensors import LayerTensors, Words, check_inputs, note_on_codes
from axbar.cost.sparse.traffic import traffic
from axbar.errors import DataError, UsageError
from axbar.workload._pack import pack

__all__ = ["cycle_counts", "moved_bits", "simulate", "simulate_tensors"]


def simulate(
    x: ArrayLike,
    w: ArrayLike,
    dataflow: str | Dataflow = "loas",
    fidelity: str = "pipeline",
    pes: int | None = None,
    *,
    balance: str = "none",
    prefix: str = "fast-laggy",
    adders: int = int(ADDERS.value),
    hold_addresses: bool = False,
    check: bool | Literal["all"] = True,
    outputs: ArrayLike | None = None,
) -> Counters:
    """Return what one layer costs on one accelerator.

    Args:
        x: spikes ``[T, M, K]`` of 0 and 1 (or ``[M, K]``), T up to 64; M positions, K inputs.
        w: weights ``[K, N]``, zero where pruned.
        dataflow: name, or a ``Dataflow`` of one's own.
        fidelity: ``published``, ``join`` or ``pipeline``.
        pes: processing elements; None for those of the dataflow (16).
        balance: ``none`` or ``greedy`` (``sparten``, ``ptb``); above the published level.
        prefix: prefix sums of LoAS's PEs, ``fast-laggy``, ``two-fast`` or ``two-laggy``; at ``pipeline``.
        adders: of a laggy prefix sum; at ``pipeline``.
        hold_addresses: LoAS's PEs compute the addresses of spike words once per tile instead of once per join; at
            ``pipeline``.
        check: recompute some of the sums in the dataflow's own order and compare; ``"all"`` for every sum.
        outputs: output spikes ``[T, M, N]``, for the bits written back; taken as dense as the input if None.

    Raises:
        DataError: T > 64, values other than 0 and 1, shapes that do not match.
        UsageError: an unknown word, a circuit that the dataflow or the level does not have, or a dataflow that is not
            defined for these steps.

    >>> import numpy as np
    >>> simulate(np.ones((4, 2, 3)), np.ones((3, 5)), "loas", "published").cycles
    15
    """
    flow = dataflow if isinstance(dataflow, Dataflow) else find(dataflow)
    flow = flow if pes is None else flow.with_pes(pes)
    check_circuit(flow, check_fidelity(fidelity), prefix, adders, hold_addresses)
    check_sums_word(check)
    tensors = check_inputs(x, w)
    written = None if outputs is None else _output_words(outputs, tensors)
    found = simulate_tensors(
        tensors, flow, fidelity, balance=balance, prefix=prefix, adders=adders, hold_addresses=hold_addresses,
        check=check, outputs=written,
    )  # fmt: skip
    return replace(found, notes=(*found.notes, *note_on_codes(tensors.weights, flow.w.value_bits)))


def simulate_tensors(
    tensors: LayerTensors,
    flow: Dataflow,
    fidelity: str = "pipeline",
    *,
    balance: str = "none",
    prefix: str = "fast-laggy",
    adders: int = int(ADDERS.value),
    fifo_depth: int = int(FIFO_DEPTH.value),
    hold_addresses: bool = False,
    check: bool | Literal["all"] = True,
    outputs: Words | None = None,
) -> Counters:
    """Return the same as ``simulate`` of operands that are checked and packed; several dataflows may share them.

    Args:
        tensors: operands.
        flow: dataflow, its PEs included.
        fidelity, balance, prefix, adders, hold_addresses, check: as in ``simulate``.
        fifo_depth: matches between the prefix sums of a PE; at ``pipeline``.
        outputs: output spikes, one word per neuron ``[M, N]``.
    """
    level = check_fidelity(fidelity)
    counts = cycle_counts(
        tensors, flow, level, balance=balance, prefix=prefix, adders=adders, fifo_depth=fifo_depth,
        hold_addresses=hold_addresses,
    )  # fmt: skip
    moved = moved_bits(tensors, flow, level, outputs)
    reason = (tensors.empty,) if tensors.empty else ()
    return replace(
        counts,
        dram_bits=moved.dram_bits,
        sram_bits=moved.sram_bits,
        misses=moved.misses,
        tile_visits=moved.tile_visits,
        checked_outputs=check_sums(tensors, flow, None if check == "all" else CHECKED_COLUMNS)
        if check
        else 0,
        notes=tuple(dict.fromkeys((*reason, *counts.notes, *moved.notes))),
    )


def cycle_counts(
    tensors: LayerTensors,
    flow: Dataflow,
    level: Fidelity,
    *,
    balance: str = "none",
    prefix: str = "fast-laggy",
    adders: int = int(ADDERS.value),
    fifo_depth: int = int(FIFO_DEPTH.value),
    hold_addresses: bool = False,
) -> Counters:
    """Return the cycles and operations of one layer, without bits; arguments as in ``simulate_tensors``."""
    check_prefix(prefix)
    if level == "published":
        return _published(tensors, flow, balance)
    found = level_counts(
        tensors, flow, level, None, balance, prefix, adders=adders, fifo_depth=fifo_depth,
        hold_addresses=hold_addresses,
    )  # fmt: skip
    return Counters(
        flow.name, level, flow.pes, found.cycles, found.ops, found.acs, found.corrections, found.joins,
        outputs=_outputs(tensors), notes=found.notes,
    )  # fmt: skip


def moved_bits(
    tensors: LayerTensors, flow: Dataflow, level: Fidelity, outputs: Words | None = None
) -> Traffic:
    """Return the bits that one layer moves; ``outputs`` as in ``simulate_tensors``."""
    if 0 in tensors.shape:
        return Traffic()
    if flow.product == "dense":
        return ptb_traffic(tensors, flow)
    matches = tensors.matches if flow.packed else tensors.acs
    return traffic(tensors, flow, matches=matches, published=level == "published", outputs=outputs)


def _outputs(tensors: LayerTensors) -> int:
    steps, rows, _, cols = tensors.shape
    return steps * rows * cols


def _published(tensors: LayerTensors, flow: Dataflow, balance: str) -> Counters:
    if balance != "none":
        raise UsageError(
            f"balance '{balance}' is no part of the published model; use 'none', or fidelity 'join' or 'pipeline'."
        )
    if flow.product == "dense":
        return Counters(
            flow.name, "published", flow.pes,
            ptb_cycles(tensors, flow, "published"), ptb_ops(tensors, flow), tensors.acs,
            outputs=_outputs(tensors),
            notes=(f"there is no published model of '{flow.name}': this is ours without scan, fill and drain",),
        )  # fmt: skip
    found = tile_cycles(tensors, flow)
    corrections = tensors.steps * found.ops - tensors.acs if flow.packed else 0
    steps, rows, inputs, cols = tensors.shape
    pairs = (1 if flow.packed else steps) * rows * cols * -(-inputs // flow.tile.chunk)
    return Counters(
        flow.name, "published", flow.pes, found.cycles, found.ops, tensors.acs, corrections,
        joins=pairs if flow.product == "inner" else 0, outputs=_outputs(tensors),
    )  # fmt: skip


def _output_words(outputs: ArrayLike, tensors: LayerTensors) -> Words:
    steps, rows, _, cols = tensors.shape
    spikes = np.asarray(outputs)
    if spikes.shape != (steps, rows, cols):
        raise DataError(
            f"output spikes have shape {spikes.shape}; the layer yields [T, M, N] = {[steps, rows, cols]}."
        )
    return pack(spikes)
