"""From measured rows to a table and claims.

A *loss* is in percentage points, from the integer network to the chip on the same images. Its *spread* is

    sqrt(std^2 + e^2),    std over training seeds and dies, e the standard error that the choice of images brings.

Two losses whose difference is below the root of the sum of their squared spreads count as equal. This is wider than a
confidence interval of the mean: it asks whether one network on one die would show the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from axbar.published._reproduction import Claim
from axbar.published.snn_vs_ann_conditions import ALL, CONTROL, HARSH

__all__ = ["Entry", "Key", "claims", "markdown", "summary", "table"]


@dataclass(frozen=True)
class Key:
    """A row: network (``ANN``, ``T=4``), condition, mitigation (empty for none)."""

    network: str
    condition: str
    mitigation: str = ""


@dataclass(frozen=True)
class Entry:
    """One row over all seeds and dies; accuracies in percent, losses in points, errors as shares.

    Attributes:
        integer, chip: accuracy after t = 1..T steps.
        chip_std: of the last, over seeds and dies.
        lost, spread: from ``integer[-1]`` to ``chip[-1]``.
        same, own: layer errors by layer and step.
        readout, readout_std: read-out error by step, and its spread over seeds and dies.
    """

    key: Key
    integer: tuple[float, ...]
    chip: tuple[float, ...]
    chip_std: float
    lost: float
    spread: float
    same: Mapping[str, tuple[float, ...]]
    own: Mapping[str, tuple[float, ...]]
    readout: tuple[float, ...]
    readout_std: tuple[float, ...]


def summary(rows: Mapping[Key, Sequence[Mapping[str, Any]]]) -> list[Entry]:
    """Return one entry per row; each value of ``rows`` holds one result of ``measure`` per training seed."""
    return [_entry(key, of_seeds) for key, of_seeds in rows.items()]


def _entry(key: Key, of_seeds: Sequence[Mapping[str, Any]]) -> Entry:
    chips = np.concatenate([np.asarray(row["chip"]) for row in of_seeds])
    lost = np.concatenate([row["integer"][-1] - np.asarray(row["chip"])[:, -1] for row in of_seeds])
    image_error = np.sqrt(np.mean([row["image_error"] ** 2 for row in of_seeds]))
    readout = np.concatenate([np.asarray(row["readout"]) for row in of_seeds])

    def layers(kind: str) -> dict[str, tuple[float, ...]]:
        return {
            path: _mean(np.concatenate([np.asarray(row["layers"][path][kind]) for row in of_seeds]))
            for path in of_seeds[0]["layers"]
        }

    return Entry(
        key=key,
        integer=_mean(100 * np.asarray([row["integer"] for row in of_seeds])),
        chip=_mean(100 * chips),
        chip_std=100 * _std(chips[:, -1]),
        lost=100 * float(lost.mean()),
        spread=100 * float(np.hypot(_std(lost), image_error)),
        same=layers("same"),
        own=layers("own"),
        readout=_mean(readout),
        readout_std=tuple(_std(readout[:, t]) for t in range(readout.shape[1])),
    )


def _mean(values: np.ndarray[Any, Any]) -> tuple[float, ...]:
    return tuple(float(v) for v in values.mean(axis=0))


def _std(values: np.ndarray[Any, Any]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _networks(found: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(entry.key.network for entry in found))


def _by_key(found: Sequence[Entry]) -> dict[Key, Entry]:
    return {entry.key: entry for entry in found}


def _lines(found: Sequence[Entry]) -> list[tuple[str, str]]:
    """Return (condition, mitigation) of every line of the table."""
    return list(dict.fromkeys((entry.key.condition, entry.key.mitigation) for entry in found))


def table(found: Sequence[Entry]) -> tuple[Mapping[str, Any], ...]:
    """Return one row per condition and mitigation: points lost and their spread, network by network."""
    entries = _by_key(found)
    rows: list[dict[str, Any]] = []
    for condition, mitigation in _lines(found):
        row: dict[str, Any] = {"condition": condition, "mitigation": mitigation or "none"}
        for network in _networks(found):
            entry = entries[Key(network, condition, mitigation)]
            row |= {network: round(entry.lost, 2), f"± {network}": round(entry.spread, 2)}
        rows.append(row)
    return tuple(rows)


def markdown(found: Sequence[Entry]) -> str:
    """Return the tables of the study for a page."""
    networks, entries = _networks(found), _by_key(found)
    head = ["| | " + " | ".join(networks) + " |", "| --- |" + " --- |" * len(networks)]
    first = [entries[Key(network, *_lines(found)[0])] for network in networks]
    lines = ["Accuracy of the integer network, and points lost on the chip (± spread):", "", *head]
    lines.append("| integer network | " + " | ".join(f"{e.integer[-1]:.1f} %" for e in first) + " |")
    for condition, mitigation in _lines(found):
        cells = [entries[Key(network, condition, mitigation)] for network in networks]
        name = f"{condition} + {mitigation}" if mitigation else condition
        lines.append(f"| {name} | " + " | ".join(f"{e.lost:.1f} ± {e.spread:.1f}" for e in cells) + " |")
    lines += [
        "",
        f"Layer error under '{ALL}', first → last step, on the same inputs / on own inputs:",
        "",
        *head,
    ]
    whole = [entries[Key(network, ALL)] for network in networks]
    for path in whole[0].same:
        cells = [f"{_ends(e.same[path])} / {_ends(e.own[path])}" for e in whole]
        lines.append(f"| {path} | " + " | ".join(cells) + " |")
    lines.append("| read-out | " + " | ".join(_ends(e.readout) for e in whole) + " |")
    return "\n".join(lines) + "\n"


def _ends(values: Sequence[float]) -> str:
    return f"{values[0]:.2f}" if len(values) == 1 else f"{values[0]:.2f} → {values[-1]:.2f}"


def claims(found: Sequence[Entry]) -> tuple[Claim, ...]:
    """Return what is published beside what was measured."""
    entries, networks = _by_key(found), _networks(found)
    whole = [entries[Key(network, ALL)] for network in networks]
    return (
        _gathers(whole[-1]),
        _twin(entries, _lines(found), networks),
        _fewer(whole[1:]),
        _adaptation([(entries[Key(n, HARSH)], entries[Key(n, HARSH, "bn-adapt")]) for n in networks]),
        _training(entries, networks),
    )


def _gathers(longest: Entry) -> Claim:
    """Errors over steps, in the network with the most of them."""
    change = longest.readout[-1] - longest.readout[0]
    noise = float(np.hypot(longest.readout_std[-1], longest.readout_std[0]))
    layers = "; ".join(
        f"{path} {_ends(longest.own[path])} ({_ends(longest.same[path])})" for path in longest.own
    )
    return Claim(
        what="repeated crossbar computations over time steps accumulate errors",
        paper="direction only",
        ours=f"{longest.key.network}, all flaws, relative error from the first to the last step: mean logits "
        f"{_ends(longest.readout)} ({_verdict(change, noise)}); layers on their own inputs (on the same inputs): "
        f"{layers}",
        confidence="abstract",
        agrees=change > noise,
        gap="flaws of cells and wires are the same at every step and reads average what is drawn anew, so the error "
        "of a layer by itself does not grow; what can grow is the difference of the spikes that come in. The mean "
        "over steps averages it again.",
    )


def _twin(entries: Mapping[Key, Entry], lines: Sequence[tuple[str, str]], networks: Sequence[str]) -> Claim:
    """The spiking network of most steps against its twin, flaw by flaw."""
    ann, longest = networks[0], networks[-1]
    sides: dict[str, list[str]] = {"more": [], "less": [], "within the spread": []}
    for condition in [condition for condition, mitigation in lines if not mitigation]:
        a, s = entries[Key(ann, condition)], entries[Key(longest, condition)]
        more, noise = s.lost - a.lost, float(np.hypot(s.spread, a.spread))
        verdict = _verdict(more, noise) if abs(more) <= noise else "more" if more > 0 else "less"
        sides[verdict].append(f"{condition} {s.lost:.1f} against {a.lost:.1f}")
    a, s = entries[Key(ann, ALL)], entries[Key(longest, ALL)]
    return Claim(
        what="on imperfect arrays a spiking network loses more accuracy than its conventional twin",
        paper="'a huge performance drop during SNN inference'; the abstract compares no conventional network",
        ours=f"points lost, {longest} against {ann}: "
        + "; ".join(f"{side}: {', '.join(names)}" for side, names in sides.items() if names),
        confidence="abstract, by inference",
        agrees=s.lost - a.lost > float(np.hypot(s.spread, a.spread)),
        gap="a small network on easy images. A spike is 1 whatever gain wires and drift leave in front of it, while "
        "the twin hands gains on from layer to layer; the twin reads 8-bit activations bit by bit, so that its reads "
        "are rounded and noisy eight times per image too, weighted 1 to 128. Settings of the published arrays were "
        "not to be had.",
    )


def _fewer(spiking: Sequence[Entry]) -> Claim:
    """Networks trained for fewer steps, and fewer steps of the longest."""
    short, long = spiking[0], spiking[-1]
    listed = ", ".join(
        f"{e.key.network}: {e.chip[-1]:.1f} ± {e.chip_std:.1f} % (lost {e.lost:.1f} ± {e.spread:.1f})"
        for e in spiking
    )
    gain = max(e.chip[-1] - long.chip[-1] for e in spiking[:-1]) if len(spiking) > 1 else 0.0
    best = max(spiking, key=lambda e: e.chip[-1])
    noise = float(np.hypot(best.chip_std, long.chip_std))
    stops = ", ".join(
        f"t={t + 1}: {chip:.1f} % (lost {integer - chip:.1f})"
        for t, (chip, integer) in enumerate(zip(long.chip, long.integer, strict=True))
    )
    more = long.lost - short.lost
    sure = _verdict(more, float(np.hypot(long.spread, short.spread)))
    return Claim(
        what="networks trained with fewer steps reach more accuracy on the arrays",
        paper="direction only",
        ours=f"all flaws, trained for T: {listed}; the best of fewer steps against {long.key.network}: {gain:+.1f} "
        f"points ({_verdict(gain, noise)}); points lost, {long.key.network} less {short.key.network}: {more:+.1f} "
        f"({sure}); {long.key.network} read out early: {stops}",
        confidence="abstract",
        agrees=gain > noise,
        gap="direct coding reaches most of its accuracy in the first steps; a sum over more steps also averages the "
        "rounding of converters and the noise of reads.",
    )


def _adaptation(pairs: Sequence[tuple[Entry, Entry]]) -> Claim:
    """What adapted batch norms bring back behind harsh wires."""
    listed = ", ".join(
        f"{bare.key.network}: {bare.chip[-1]:.1f} → {mended.chip[-1]:.1f} % {_share(bare, mended)}"
        for bare, mended in pairs
    )
    clear = [
        bare.lost - mended.lost > max(float(np.hypot(bare.spread, mended.spread)), bare.lost / 2)
        for bare, mended in pairs
        if _matters(bare)
    ]
    return Claim(
        what="adapting batch norms brings back most of what resistive wires take",
        paper="VGG16, CIFAR-10, 64x64 arrays of ratio 10: 74.37 → 86.31 % of 88.62 %, 84 % of the loss",
        ours=f"wires of 5 / 10 ohm, 1 kohm at the ends: {listed}",
        confidence="third-party notes on arXiv 2305.18416",
        agrees=bool(clear) and all(clear),
        gap="conventional networks only in the paper, which does not state the resistance of its cells; the last layer "
        "has no norm behind it and stays as it is.",
    )


def _training(entries: Mapping[Key, Entry], networks: Sequence[str]) -> Claim:
    """What the mitigations bring back with all flaws on."""
    names = [key.mitigation for key in entries if key.network == networks[0] and key.condition == ALL]

    def won(better: str, worse: str) -> list[tuple[float, float]]:
        pairs = [(entries[Key(n, ALL, better)], entries[Key(n, ALL, worse)]) for n in networks]
        return [(w.lost - b.lost, float(np.hypot(w.spread, b.spread))) for b, w in pairs]

    def words(better: str, worse: str) -> str:
        cells = zip(networks, won(better, worse), strict=True)
        return ", ".join(f"{n} {points:+.1f} ({_verdict(points, noise)})" for n, (points, noise) in cells)

    parts = [f"{name}: {words(name, '')}" for name in names if name]
    parts.append(f"noise-aware against its control: {words('noise-aware', CONTROL)}")
    clear = [points > noise for points, noise in won("noise-aware", "")]
    return Claim(
        what="noise-aware training brings back accuracy that all flaws together take",
        paper="direction only; for conventional networks (Joshi et al., Nature Communications 11:2473, 2020)",
        ours="points won with all flaws on: " + "; ".join(parts),
        confidence="notes",
        agrees=all(clear),
        gap="two epochs at the settings of the technique, none tuned; the control shows how much of it is only more "
        "training.",
    )


def _matters(entry: Entry) -> bool:
    return entry.lost > entry.spread


def _share(bare: Entry, mended: Entry) -> str:
    if not _matters(bare):
        return "(nothing to bring back)"
    return f"({100 * (bare.lost - mended.lost) / bare.lost:.0f} % of the loss)"


def _verdict(change: float, spread: float) -> str:
    """Say whether a change is beyond its spread.

    >>> _verdict(-2.0, 1.0), _verdict(0.5, 1.0)
    ('clear', 'within the spread')
    """
    return "clear" if abs(change) > spread else "within the spread"
