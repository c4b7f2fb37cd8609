"""How unequal columns of weights must be for SparTen to be as slow as published: one number, fitted, then tested.

The synthetic tensors hold the published counts at uniform places. Here the weights of a layer are placed anew, column n
drawing its share in proportion to

    exp(spread * z_n),   z_n ~ N(0, 1)                (Efraimidis and Spirakis 2006: sampling without replacement)

so that ``spread`` is the standard deviation of the logarithm of column densities; inputs and spikes stay uniform.
``spread`` is fitted to SparTen's published cycles alone. If unequal columns are what is missing, the cycles of the
other accelerators follow: those that share out columns (GoSPA, LoAS-nmtk) slow down alike, those that share out rows
do not.
"""

from __future__ import annotations

import numpy as np

from axbar.cost.sparse import LayerTensors
from axbar.published.loas_counts import Case, cycles_of, decomposed
from axbar.published.loas_facts import PUBLISHED

__all__ = ["TESTED", "fitted", "skewed"]

#: accelerators whose cycles the fit does not see
TESTED = ("gospa", "gamma", "loas-nmtk", "loas", "loas-ft")
_WIDEST, _HALVINGS = 4.0, 9


def skewed(case: Case, spread: float, seed: int) -> Case:
    """Return the same spikes and numbers of weights, columns of unequal density."""

    def moved(layers: list[LayerTensors]) -> list[LayerTensors]:
        rng = np.random.default_rng(seed)  # the same places for both kinds of spikes
        return [LayerTensors(at.words, at.steps, _placed(at, spread, rng)) for at in layers]

    return Case(case.name, moved(list(case.layers)), moved(list(case.masked)))


def _placed(layer: LayerTensors, spread: float, rng: np.random.Generator) -> np.ndarray:
    shape = layer.weights.shape
    share = np.exp(spread * rng.standard_normal(shape[1]))
    key = rng.standard_exponential(shape) / share
    weights = np.zeros(key.size, dtype=np.int8)
    weights[np.argpartition(key.ravel(), layer.weight_nnz - 1)[: layer.weight_nnz]] = 1
    return weights.reshape(shape)


def fitted(case: Case, seed: int) -> dict[str, object]:
    """Return the spread at which SparTen takes its published cycles, all cycles there, and the factors of the speed-up.

    Bisection between equal columns and a spread of 4; SparTen slows down with the spread.
    """
    wanted = PUBLISHED[case.name]["sparten"].cycles
    low, high = 0.0, _WIDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if cycles_of(skewed(case, middle, seed), "sparten", "published") < wanted:
            low = middle
        else:
            high = middle
    spread = (low + high) / 2
    at = skewed(case, spread, seed)
    names = ("sparten", "sparten, balanced", *TESTED)
    cycles = {name: cycles_of(at, name, "published") for name in names}
    sparten_ops, loas_ops = sum(t.acs for t in at.layers), sum(t.matches for t in at.layers)
    return {
        "spread": spread,
        "cycles": cycles,
        "published": {name: PUBLISHED[case.name][name].cycles for name in ("sparten", *TESTED)},
        "factors": decomposed({k: float(v) for k, v in cycles.items()}, sparten_ops, loas_ops=loas_ops),
        "max_over_mean": float(
            np.mean([t.mask.sum(0).max() / t.mask.sum(0).mean() for t in at.layers])
        ),
    }  # fmt: skip
