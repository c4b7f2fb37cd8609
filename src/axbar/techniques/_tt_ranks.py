"""Ranks of convolutions as tensor trains: given, as a share, by energy, or by variational Bayes.

| how | rank of a kernel W [O, I, 3, 3] |
|---|---|
| whole number | that |
| share f, 0 < f ≤ 1 | ⌊f min(I, O)⌋, at least 1 |
| ``energy:0.9`` | least r whose singular values hold that share of Σ γ², in W as O × 9I and as I × 9O |
| ``vbmf`` | that of the signal in W as O × 9I, if that is 0 in W as I × 9O; 0 if both are noise |

``vbmf`` is empirical variational Bayesian matrix factorisation in closed form (Nakajima, Sugiyama, Babacan and Tomioka,
"Global analytic solution of fully-observed variational Bayesian matrix factorization", JMLR 14, 2013). For a matrix
L × M, L ≤ M, with singular values γ_h, a = L/M and noise variance σ², write x_h = γ_h²/(M σ²) and

    τ̲ = 2.5129 √a,    x̄ = (1 + τ̲)(1 + a/τ̲),    τ(x) = ½ (x − (1 + a) + √((x − (1 + a))² − 4 a))

σ² is where the free energy

    Σ_h (x_h − ln x_h) + Σ_{x_h > x̄} [ln(τ + 1) + a ln(τ/a + 1) − τ],    τ = τ(x_h)

is least between max(γ²_{e+1}/(M x̄), mean_{h>e} γ_h²/M) and Σ γ_h²/(L M), e = ⌈L/(1 + a)⌉ − 1; the rank is the number
of γ_h above √(M σ² x̄). 2.5129 is the authors' approximation of a root for all a. The paper on tensor trains of SNNs
(Lee et al., DATE 2024) takes its ranks from there.

Checked: planted ranks 16, 32 and 64 under noise are found; weights as initialised are noise, rank 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from axbar.errors import ModelError, UsageError, is_whole, unknown_name
from axbar.techniques._tt_cores import largest_rank

__all__ = ["Ranks", "evbmf_rank", "parse_ranks", "rank_of", "ranks_of"]

#: a whole number, a share, ``energy:share`` or ``vbmf``
How = int | float | str
#: one for all layers, or one for each
Ranks = How | dict[str, How]

_ALLOWED = (
    "give a whole number from 1, a share of min(inputs, outputs) as 0.25 (above 0 to 1), energy:0.9 (a share as well), "
    "vbmf, or a table of these by layer"
)
#: values of σ² that are tried before the search between the best one's neighbours: there may be several minima
_TRIED = 64
#: of the largest γ²: what rounding makes of one that is 0, whose logarithm the energy takes
_ROUNDED = float(np.finfo(np.float64).eps) ** 2


def parse_ranks(value: Any) -> Ranks:
    """Return how ranks are chosen, from a number, its text, a word, or a mapping from paths of layers to these.

    Raises:
        UsageError: it is none of these, or out of range; the sentence says what is allowed.

    >>> parse_ranks("0.25"), parse_ranks("16"), parse_ranks("energy:0.90"), parse_ranks("VBMF")
    (0.25, 16, 'energy:0.9', 'vbmf')
    """
    if isinstance(value, Mapping):
        if not value:
            raise UsageError(f"the table of ranks is empty; {_ALLOWED}.")
        return {str(path): _parsed(how, _of(str(path))) for path, how in value.items()}
    return _parsed(value, "")


def _parsed(value: Any, where: str) -> How:
    word = value.strip().lower() if isinstance(value, str) else value
    if word == "vbmf":
        return word
    if isinstance(word, str) and word.startswith("energy:"):
        share = _number(word.removeprefix("energy:"))
        if isinstance(share, int | float) and 0 < share <= 1:
            return f"energy:{float(share)}"
    else:
        number = _number(word)
        if isinstance(number, float) and 0 < number <= 1:
            return number
        if isinstance(number, int) and number >= 1:
            return number
    raise UsageError(f"ranks = {value!r}{where} can't be used; {_ALLOWED}.")


def _of(layer: str) -> str:
    return f" of layer '{layer}'" if layer else ""


def _number(value: Any) -> int | float | None:
    """Return a number, or one that a text stands for; ``1`` is whole, ``1.0`` is a share."""
    if isinstance(value, str):
        for read in (int, float):
            try:
                return read(value)
            except ValueError:
                continue
        return None
    if isinstance(value, float | np.floating):
        return float(value)
    return int(value) if is_whole(value, -math.inf) else None


def rank_of(weight: NDArray[Any], how: How, layer: str = "") -> int:
    """Return the rank of a kernel ``[O, I, 3, 3]``; 0 if ``vbmf`` finds only noise in it.

    Args:
        how: as ``parse_ranks`` returns it.
        layer: its path, for the sentence.

    Raises:
        UsageError: ``how`` is out of range.
        ModelError: a whole number beyond the largest useful rank.
    """
    how = _parsed(how, _of(layer))
    out, into = weight.shape[:2]
    if not isinstance(how, str):
        return rank_for(into, out, how, layer)
    unfolded = [_flat(weight), _flat(np.swapaxes(weight, 0, 1))]
    if how == "vbmf":
        return evbmf_rank(unfolded[0]) or evbmf_rank(unfolded[1])
    share = float(how.removeprefix("energy:"))
    return max(_energy_rank(matrix, share) for matrix in unfolded)


def rank_for(in_channels: int, out_channels: int, how: int | float, layer: str = "") -> int:
    """Return the rank of a layer for a whole number or a share, which need no weights.

    Raises:
        ModelError: a whole number beyond the largest useful rank.
    """
    if isinstance(how, float):
        # Rounded first: 0.29 of 100 is 28.999999999999996 in float64.
        return max(1, math.floor(round(how * min(in_channels, out_channels), 9)))
    most = largest_rank(in_channels, out_channels)
    if how > most:
        raise ModelError(
            f"rank {how}{_of(layer)} is beyond {most}, with which the cores of {in_channels} inputs and {out_channels} "
            f"outputs are exact already; give 1 to {most}."
        )
    return how


def _flat(weight: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(weight, np.float64).reshape(len(weight), -1)


def _energy_rank(matrix: NDArray[np.float64], share: float) -> int:
    values = np.linalg.svd(matrix, compute_uv=False) ** 2
    held = np.cumsum(values)
    # The sum rounds: without a margin, all of the energy may be asked of more values than there are.
    enough = held >= share * held[-1] * (1 - values.size * np.finfo(np.float64).eps)
    return int(np.argmax(enough)) + 1


def ranks_of(weights: Mapping[str, NDArray[Any]], how: Ranks) -> dict[str, int]:
    """Return the rank of every layer, each at least 1.

    Args:
        weights: path -> kernel ``[O, I, 3, 3]``.
        how: as ``parse_ranks`` returns it; a table names every layer and no other.

    Raises:
        UsageError: a value is out of range, or a table names a layer that is not there (with the closest).
        ModelError: a table lacks a layer, a rank is beyond the largest useful one, or ``vbmf`` finds only noise.
    """
    each = by_layer(weights, how)
    found = {path: rank_of(weight, each[path], path) for path, weight in weights.items()}
    noise = [path for path, rank in found.items() if not rank]
    if noise:
        raise ModelError(
            f"ranks = vbmf finds only noise in {len(noise)} of {len(found)} layers, first in '{noise[0]}', as in "
            "weights that are not trained; train the network first, or give ranks as a number, a share or energy:0.9."
        )
    return found


def by_layer(layers: Mapping[str, Any], how: Ranks) -> dict[str, How]:
    """Return how the rank of each layer is chosen, from one for all or a table.

    Raises:
        UsageError: a table names a layer that is not there.
        ModelError: it lacks one that is.
    """
    if not isinstance(how, dict):
        return dict.fromkeys(layers, how)
    for path in how:
        if path not in layers:
            raise UsageError(unknown_name("layer in the table of ranks:", path, layers))
    for path in layers:
        if path not in how:
            raise ModelError(
                f"the table of ranks has {len(how)} of {len(layers)} layers and lacks '{path}'; give each layer one."
            )
    return how


def evbmf_rank(matrix: NDArray[Any]) -> int:
    """Return how many singular values of a matrix stand out of noise; see the module.

    >>> evbmf_rank(np.random.default_rng(0).normal(size=(20, 50)))
    0
    """
    squares = np.linalg.svd(np.asarray(matrix, np.float64), compute_uv=False) ** 2
    rows, columns = sorted(matrix.shape)
    if not squares[0] > 0:
        return 0
    squares = np.maximum(squares / squares[0], _ROUNDED)
    a = rows / columns
    tau_low = 2.5129 * math.sqrt(a)
    x_bar = (1 + tau_low) * (1 + a / tau_low)
    first = math.ceil(rows / (1 + a)) - 1  # index from 0 of the first value that is surely noise
    high = float(squares.sum()) / (rows * columns)
    low = max(float(squares[first]) / (columns * x_bar), float(squares[first:].mean()) / columns)
    variance = _least(lambda v: _free_energy(squares / (columns * v), a, x_bar), low, high)
    return int((squares > columns * variance * x_bar).sum())


def _free_energy(x: NDArray[np.float64], a: float, x_bar: float) -> float:
    signal = x[x > x_bar]
    shifted = signal - (1 + a)
    tau = (shifted + np.sqrt(shifted**2 - 4 * a)) / 2
    return float((x - np.log(x)).sum() + (np.log1p(tau) + a * np.log1p(tau / a) - tau).sum())


def _least(energy: Any, low: float, high: float) -> float:
    """Return where a function of the variance is least, searched over its logarithm."""
    if not low < high:
        return high
    at = np.linspace(math.log(low), math.log(high), _TRIED)
    best = int(np.argmin([energy(math.exp(t)) for t in at]))
    bounds = (at[max(best - 1, 0)], at[min(best + 1, _TRIED - 1)])
    found: Any = minimize_scalar(
        lambda t: energy(math.exp(t)), bounds=bounds, method="bounded", options={"xatol": 1e-10}
    )
    return math.exp(min([float(found.x), *map(float, bounds)], key=lambda t: energy(math.exp(t))))
