"""Several arrays side by side, and what they divide among themselves: products, or the folds of each product.

E arrays (``array.engines``) of rows x cols share global buffer, DRAM, neuron and gradient units. Per phase,

    folds       all engines work on one product after the other. Its F folds, per step and group, are done when the
                engine that got most of them is:    F -> ceil(F/E) in ``cycles``
    branches    an engine takes a whole product, and products that are ``siblings`` run at the same time; with any other
                product one engine works and the others wait

Siblings read the same inputs, their outputs meet in one place (a sum, a product, a concatenation), and none depends on
another's: the middle cores of a parallel tensor train, a block's convolution and its shortcut, query, key and value.
Of n > E siblings the longest goes first, each to the engine that has least to do so far (longest processing time first;
Graham, SIAM J. Appl. Math. 17, 1969: at most 4/3 - 1/(3E) of the shortest possible time).

``fwd_cycles``, ``bwd_cycles``, ``wup_cycles`` are work: cycles that arrays are busy with a product, one or several of
them. What passes are ``fwd_turns`` and so on. So that layers sum to the time of all, the products of the engine that
works longest (the first of those that tie) are charged their cycles, their siblings none. One DRAM serves all: siblings
wait for what is left of their traffic together, after the time of all; that is charged to the first of them
(``beside``). The ports of the global buffer are taken to keep up with all engines, which read on their own: nothing is
broadcast. An engine that waits has its clock off and leaks.

Operands in flight, and folds of weights that should stay in the buffer, are needed by all engines at work: of siblings
those of the E largest together; of folds, the engines take them in order, so that min(ceil(N/C), ceil(E/ceil(M/R)))
column folds are open at once (ceil(K/R) weight-stationary). So it is with membranes. Maps and their gradients do not
add up: siblings share them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from axbar.cost._graph import Graph
from axbar.cost._types import Floats
from axbar.spec.systolic import SystolicSpec
from axbar.workload import LayerTrace, Workload

__all__ = ["BESIDE", "PHASES", "Group", "at_once", "beside_of", "branch_turns", "open_folds", "siblings_of"]

PHASES: Final = ("fwd", "bwd", "wup")
#: event: number of the first product that runs at the same time, its own where none does
BESIDE: Final = "beside"

#: products of one group, by number
Group = tuple[int, ...]


def siblings_of(graph: Graph, workload: Workload) -> tuple[Group, ...]:
    """Return the groups of products that could run at the same time, each in order of execution."""
    if "siblings" not in graph.cache:
        graph.cache["siblings"] = _siblings(graph.layers, workload.layers)
    return graph.cache["siblings"]


def _siblings(products: Sequence[LayerTrace], nodes: Sequence[LayerTrace]) -> tuple[Group, ...]:
    same: dict[tuple[str, ...], list[int]] = {}
    for i, layer in enumerate(products):
        same.setdefault(layer.inputs, []).append(i)
    candidates = [each for each in same.values() if len(each) > 1]
    if not candidates:
        return ()
    readers: dict[str, list[LayerTrace]] = {}
    for node in nodes:
        for name in dict.fromkeys(node.inputs):
            readers.setdefault(name, []).append(node)
    names = [layer.name for layer in products]
    return tuple(
        group
        for each in candidates
        for group in _meeting(each, {i: _junctions(names[i], readers) for i in each})
        if not any(_behind(names[i], readers) & {names[j] for j in group} for i in group)
    )


def _junctions(name: str, readers: Mapping[str, list[LayerTrace]]) -> set[str]:
    """Return the nodes with several inputs that a product's output reaches before it is multiplied again."""
    found: set[str] = set()
    seen, waiting = {name}, [name]
    while waiting:
        for node in readers.get(waiting.pop(), ()):
            if len(set(node.inputs)) > 1:
                found.add(node.name)
            if node.name not in seen and not node.is_matmul:
                seen.add(node.name)
                waiting.append(node.name)
    return found


def _behind(name: str, readers: Mapping[str, list[LayerTrace]]) -> set[str]:
    """Return all nodes that depend on a node."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for node in readers.get(waiting.pop(), ()):
            if node.name not in seen:
                seen.add(node.name)
                waiting.append(node.name)
    return seen


def _meeting(products: Sequence[int], junctions: Mapping[int, set[str]]) -> list[Group]:
    """Join products that share a junction, directly or through others; those that meet nobody are left out."""
    groups: list[tuple[set[int], set[str]]] = []
    for i in products:
        members, meets = {i}, set(junctions[i])
        apart: list[tuple[set[int], set[str]]] = []
        for others, where in groups:
            if where & meets:
                members, meets = members | others, meets | where
            else:
                apart.append((others, where))
        groups = [*apart, (members, meets)]
    return [tuple(sorted(members)) for members, _ in groups if len(members) > 1]


def branch_turns(work: Floats, groups: Sequence[Group], engines: int) -> Floats:
    """Return the cycles that pass for each product, where siblings run at the same time.

    Args:
        work: cycles of each product on one engine, ``[L]``.
        groups: siblings.
        engines: how many there are.

    >>> branch_turns(np.array([5.0, 3.0, 4.0, 6.0]), [(0, 1, 2)], 2).tolist()
    [0.0, 3.0, 4.0, 6.0]
    """
    turns = work.copy()
    for group in groups if engines > 1 else ():
        loads, taken = [0.0] * engines, [list[int]() for _ in range(engines)]
        for i in sorted(group, key=lambda i: -work[i]):  # stable: ties in order of execution
            least = loads.index(min(loads))
            loads[least] += work[i].item()
            taken[least].append(i)
        longest = taken[loads.index(max(loads))]
        turns[[i for i in group if i not in longest]] = 0.0
    return turns


def beside_of(products: int, groups: Sequence[Group], engines: int) -> Floats:
    """Return the number of the first product that runs beside each one, ``[L]``; its own where none does."""
    found = np.arange(products, dtype=np.float64)
    for group in groups if engines > 1 else ():
        found[list(group)] = group[0]
    return found


def at_once(needed: Floats, groups: Sequence[Group], engines: int) -> Floats:
    """Return what the products that run at the same time need together, ``[L]``.

    Args:
        needed: by each product on one engine, ``[L]``.
        groups: siblings.
        engines: how many there are.

    >>> at_once(np.array([1.0, 3.0, 2.0, 7.0]), [(0, 1, 2)], 2).tolist()
    [5.0, 5.0, 5.0, 7.0]
    """
    found = needed.copy()
    for group in groups if engines > 1 else ():
        found[list(group)] = sum(sorted(needed[list(group)].tolist(), reverse=True)[:engines])
    return found


def open_folds(spec: SystolicSpec, down: Floats, across: Floats) -> tuple[Floats, Floats]:
    """Return how many folds, and how many column folds, are worked on at once where engines divide the folds.

    Args:
        spec: array.
        down: size that lies along the rows.
        across: size that lies along the columns.
    """
    high, wide = np.ceil(down / spec.array.rows), np.ceil(across / spec.array.cols)
    engines = float(spec.array.engines)
    return np.minimum(engines, high * wide), np.minimum(wide, np.ceil(engines / high))
