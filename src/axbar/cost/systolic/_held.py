"""What the buffers hold, what passes DRAM again where they do not, and the least that they must hold.

A product A[m, k] B[k, n] takes its column folds one after the other, and within one all steps and row folds:

    for each column fold:  for each step:  for each row fold:  the array

So B is read once if the buffer for weights holds one column fold, and A once if the buffer for maps holds all of it.
Time runs inside the column fold and outside the row folds: a step leaves the membranes of all M positions of the fold's
filters, and of no others, to the next one. They stand in the buffer for maps, first of all, as nothing else there is
wanted as often; maps get what they leave. A product that runs once has its sums to the end before its neurons begin:
these take all their steps in a row, and nothing waits. Filters whose neurons take turns on one membrane stand in the
same column fold, which holds so many fewer. Where a buffer of S bits is too small for what it should hold,
the share

    beyond(held) = max(0, 1 - S / held)

stays outside and comes from DRAM whenever the array asks; the rest is pinned:

    weights forward    held  K min(N, C) weight_bits        again  r ceil(M/R) - 1     (weight-stationary: r - 1)
    weights back       held  N min(K, C) training.bits      again  r ceil(M/R) - 1     (weight-stationary: r - 1)
    their gradients    held  min(K, R) min(N, C) training.bits   again  2 (r - 1/B): read and written per step, of all
                                                                       B samples of a batch but the first
    inputs             held  the map of all steps           again  once per column fold, ceil(N/C)
    membranes          held  M min(N, C) membrane_bits of a group    again  2 (r - 1): written and read between steps
    membrane gradients held  M N training.bits of a step    again  written and read per step, read for the update

beside what passes DRAM whatever the buffers hold: weights once, the network's own input once, for training states and
maps. Of a product of two run-time operands the buffer for maps holds both, nothing is held as weights (``_run_time``);
the left one is read once per column fold, the right one as weights are. Where arrays work side by side, what is held is
that of all products or column folds that are open at once: ``_engines``. A training step has written its membranes
anyway, and only reads them again, r - 1 times. An inference writes a map that another layer made to DRAM as far as it
does not fit, which is one more pass. This is a lower bound: whoever pins less, or keeps two halves, reads more often.
The sums that a weight-stationary array parks are taken to stay on the chip. With ``memory.reads: table`` nothing is
read again but a map of an inference that does not fit, once, and membranes take no room: the table knows no folds.

Less than the operands in flight no buffer can have, each twice, so that one half loads while the other works:

    weights    2 min(K, R) min(N, C) b       one fold of each array at work; b = weight_bits, for training the larger
                                             width
    maps       2 min(M, R) b_x               one column of inputs of each array at work
    scratchpad 2 (b + b_x)                   one weight and one input per element
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from axbar.cost._graph import EXTERNAL, Graph
from axbar.cost._membranes import membranes_of
from axbar.cost._types import Floats
from axbar.cost.systolic._engines import Group, at_once, open_folds
from axbar.cost.systolic._run_time import at_run_time, passes_of, right_bits, right_element
from axbar.spec.systolic import SystolicSpec

__all__ = ["held_bits", "least_bits"]


def held_bits(graph: Graph, spec: SystolicSpec, inputs: Floats, groups: Sequence[Group]) -> dict[str, Floats]:
    """Return what the buffers should hold, and how often it passes DRAM where they do not.

    Args:
        graph: the products.
        spec: array, dataflow, widths, task.
        inputs: bits of all inputs, as stored.
        groups: siblings, where engines divide products.
    """
    shape, runs = graph.shapes, graph.runs
    m, k, n = shape.positions, shape.fan_in, shape.fan_out
    rows, cols = float(spec.array.rows), float(spec.array.cols)
    wide, deep = float(spec.weight_bits), float(spec.training.bits)
    weights, folds = k * n * shape.groups, np.ceil(n / cols)
    image = np.array([float(EXTERNAL in sources) for sources in graph.sources])
    behind = np.array([float(sources != (EXTERNAL,)) for sources in graph.sources])
    passes = runs * (np.ceil(m / rows) if spec.dataflow == "os" else np.ones_like(m))
    again = np.maximum(0.0, passes - 1.0)
    written = 1.0 if spec.task == "inference" else 0.0  # a training step writes all maps anyway
    map_passes = np.where(image > 0.0, folds - 1.0, written + folds)
    found = {
        "fold_fwd_bits": k * np.minimum(n, cols) * wide,
        "again_fwd_bits": weights * wide * again,
        "fold_bwd_bits": n * np.minimum(k, cols) * deep,
        "again_bwd_bits": weights * deep * again * behind,
        "fold_wup_bits": np.minimum(k, rows) * np.minimum(n, cols) * deep,
        "again_wup_bits": weights * deep * 2.0 * np.maximum(0.0, runs - 1.0 / spec.training.batch),
        "map_bits": inputs,
        "map_fwd_passes": map_passes,
        "map_bwd_passes": np.zeros_like(inputs),
        "map_wup_passes": folds - 1.0,
        **_state_bits(graph, spec),
        "gradient_bits": m * n * shape.groups * deep,
        "gradient_bwd_passes": 2.0 * runs,
        "gradient_wup_passes": runs.copy(),
    }
    _open_at_once(found, graph, spec, groups)
    if spec.memory.reads == "table":
        nothing = np.zeros_like(inputs)
        found |= {name: nothing for name in found if name.startswith("again") or name.endswith("passes")}
        found["state_bits"] = nothing
        found["map_fwd_passes"] = 2.0 * written * (1.0 - image)
    _hold_operands(found, graph, spec, inputs, written)
    return found


def _hold_operands(
    found: dict[str, Floats], graph: Graph, spec: SystolicSpec, inputs: Floats, written: float
) -> None:
    """Let the buffer for maps hold both operands of products of run-time operands, the one for weights nothing."""
    products = at_run_time(graph)
    if not products.any():
        return
    for name in [
        name for name in found if name.startswith(("fold", "again_")) and name != "again_state_bits"
    ]:
        found[name] = np.where(products, 0.0, found[name])
    found["map_bits"] = inputs + right_bits(graph, spec)
    if spec.memory.reads == "array":
        forward, back = found["map_fwd_passes"], found["map_wup_passes"]  # both bring the right one anew
        found["map_fwd_passes"] = np.where(
            products, passes_of(graph, spec, inputs, forward, written), forward
        )
        found["map_wup_passes"] = np.where(products, passes_of(graph, spec, inputs, back, -1.0), back)


def _open_at_once(
    found: dict[str, Floats], graph: Graph, spec: SystolicSpec, groups: Sequence[Group]
) -> None:
    """Let buffers hold the folds that all engines work on."""
    shape, engines = graph.shapes, spec.array.engines
    m, k, n = shape.positions, shape.fan_in, shape.fan_out
    stays = spec.dataflow == "os"
    along = {"fwd": (m if stays else k, n), "bwd": (m if stays else n, k), "wup": (k if stays else m, n)}
    for phase, (down, across) in along.items():
        folds, columns = open_folds(spec, down, across)
        held = found[f"fold_{phase}_bits"]
        if spec.array.split == "branches":
            found[f"fold_{phase}_bits"] = at_once(held, groups, engines)
        else:  # gradients of weights are held per fold, weights per column fold
            found[f"fold_{phase}_bits"] = held * (folds if phase == "wup" else columns)
    if spec.array.split == "branches":
        found["state_bits"] = at_once(found["state_bits"], groups, engines)
    else:
        found["state_bits"] = found["state_bits"] * open_folds(spec, along["fwd"][0], n)[1]


def _state_bits(graph: Graph, spec: SystolicSpec) -> dict[str, Floats]:
    """Return the membranes that one column fold keeps between steps, and what passes DRAM if none of them is kept."""
    each = [membranes_of(hosted) for hosted in graph.neurons]
    whole = np.array(each, dtype=np.float64) * float(spec.neuron.membrane_bits)
    n, later = graph.shapes.fan_out, np.maximum(0.0, graph.runs - 1.0)
    fold = np.minimum(n, float(spec.array.cols)) / (n * graph.shapes.groups)
    ways = 2.0 if spec.task == "inference" else 1.0  # a training step writes all membranes anyway
    return {"state_bits": np.where(later > 0.0, whole * fold, 0.0), "again_state_bits": ways * later * whole}


def least_bits(
    graph: Graph, spec: SystolicSpec, element_bits: Floats, groups: Sequence[Group]
) -> dict[str, Floats]:
    """Return the bits without which the array cannot work on a layer.

    Args:
        graph: the products.
        spec: array, widths, task.
        element_bits: of one input at one step, ``[L]``.
        groups: siblings, where engines divide products.
    """
    shape = graph.shapes
    rows, cols = float(spec.array.rows), float(spec.array.cols)
    wide, given = float(spec.weight_bits), element_bits
    if spec.task == "training":
        wide = max(wide, float(spec.training.bits))
        given = np.maximum(given, float(spec.training.bits))
    fold = np.minimum(shape.fan_in, rows) * np.minimum(shape.fan_out, cols)
    products = at_run_time(graph)
    of_right = 2.0 * np.where(products & (spec.task == "inference"), right_element(graph, spec), wide)
    needed = {
        "least_weight_bits": np.where(products, 0.0, of_right * fold),
        "least_map_bits": 2.0 * given * np.minimum(shape.positions, rows)
        + np.where(products, of_right * fold, 0.0),
    }
    if spec.array.split == "branches":
        needed = {name: at_once(bits, groups, spec.array.engines) for name, bits in needed.items()}
    else:
        down = shape.positions if spec.dataflow == "os" else shape.fan_in
        needed = {name: bits * open_folds(spec, down, shape.fan_out)[0] for name, bits in needed.items()}
    return {**needed, "least_spad_bits": 2.0 * (wide + given)}
