"""The published figures beside ours, and why they differ.

Top-1 accuracy of VGG16 on CIFAR-10, 88.62 % in software (third-party notes on arXiv 2305.18416). The comparison is of
sign, order and where repair ends, not of digits: networks and devices are others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from axbar.crossbar import PC2_LIMIT
from axbar.published._reproduction import Claim
from axbar.published.bn_cases import DEVICES
from axbar.published.bn_cost import ADAPT, RETRAIN, RETRAIN_ON_CHIP, TUNE

__all__ = ["BAR_PERCENT", "claims"]

Row = Mapping[str, Any]

#: share of the loss to parasitics that adaptation is to recover at 64 x 64
BAR_PERCENT = 80.0
_NOTES = "third-party notes"
#: accuracy this close is the same on a thousand images (about one standard error)
_SAME = 1.0
#: a loss beyond this many points is one that a user notices, a rest below it one that may be borne
_NOTICED = 10.0
_ABSOLUTE = (
    "another network (smaller layers, other data in (b)); the paper's cell resistance is not public, 20 kohm when on "
    "is assumed, and the loss before repair follows it: see the rows at 50 and 100 kohm."
)


def claims(rows: Sequence[Row], prices: Mapping[str, Sequence[Row]]) -> tuple[Claim, ...]:
    """Return all claims; networks that were not run are silent."""
    made = [_arrays, _both, _noise, _ratios, _drift]
    return (*_bars(rows), *(make(rows) for make in made), _memory(prices), _energy(prices))


def _pick(rows: Sequence[Row], flaw: str, **wanted: Any) -> list[Row]:
    """Return the rows of a flaw; those with another cell resistance only if asked for by ``detail``."""
    found = [row for row in rows if row["flaw"] == flaw]
    if "detail" not in wanted:
        found = [row for row in found if "R_min" not in row["detail"]]
    return [row for row in found if all(row[key] == value for key, value in wanted.items())]


def _arms(row: Row) -> str:
    """Write the accuracies of a row as none / adapted / fine-tuned."""
    means = [row[f"{arm}_%"] for arm in ("none", "adapt", "tune")]
    return " / ".join("-" if mean is None else f"{mean:.1f}" for mean in means) + " %"


def _said(rows: Sequence[Row], label: Callable[[Row], str]) -> str:
    """Write rows network by network."""
    by_network = dict.fromkeys(row["network"] for row in rows)
    parts = [
        f"{name}: " + ", ".join(f"{label(row)} {_arms(row)}" for row in rows if row["network"] == name)
        for name in by_network
    ]
    return "; ".join(parts) or "not measured at this scale"


def _bars(rows: Sequence[Row]) -> list[Claim]:
    """Return the claim of the bar for each network."""
    small = [row for row in rows if row["flaw"] == "parasitics" and row["array"] == 64]
    networks = dict.fromkeys(row["network"] for row in small)
    return [_bar(name, [row for row in small if row["network"] == name]) for name in networks]


def _bar(network: str, small: Sequence[Row]) -> Claim:
    judged = [r for r in small if r["pc2_max"] <= PC2_LIMIT and r["adapt_recovered_%"] is not None]
    missed = [row for row in judged if row["adapt_recovered_%"] < BAR_PERCENT]
    groups = {
        f"below {BAR_PERCENT:.0f} %": missed,
        f"PC2 beyond {PC2_LIMIT:g}": [row for row in small if row["pc2_max"] > PC2_LIMIT],
        "lost less than a point": [row for row in small if row["adapt_recovered_%"] is None],
    }
    named = [f"{why}: {', '.join(map(_chip, group))}" for why, group in groups.items() if group]
    return Claim(
        what=f"{network}, wires at 64x64: adaptation recovers at least {BAR_PERCENT:.0f} % of the loss wherever PC2 "
        f"of all layers is at most {PC2_LIMIT:g}",
        paper="RRAM 74.37 / 86.31 / 87.97 % (none / adapted / fine-tuned): 84 % of the loss recovered by adaptation",
        ours="; ".join([", ".join(f"{_chip(row)} {_arms(row)}{_share(row)}" for row in small), *named]),
        confidence=_NOTES,
        agrees=bool(judged) and not missed,
        gap=_ABSOLUTE,
    )


def _chip(row: Row) -> str:
    return f"{row['device']} {row['detail']}".strip()


def _share(row: Row) -> str:
    """Write the recovered share of adaptation, where there is one."""
    share = row["adapt_recovered_%"]
    return "" if share is None else f" ({share:.0f} % recovered by adaptation)"


def _arrays(rows: Sequence[Row]) -> Claim:
    pairs = [
        (row, _pick(rows, "parasitics", network=row["network"], device=row["device"], array=128)[0])
        for row in _pick(rows, "parasitics", array=64)
    ]
    return Claim(
        what="larger arrays lose more to wires, before and after adaptation",
        paper="RRAM 74.37 / 86.31 / 87.97 % at 64x64, 32.9 / 83.03 / 87.81 % at 128x128",
        ours=_said([large for _, large in pairs], lambda r: f"{r['device']} at 128x128"),
        confidence=_NOTES,
        agrees=all(
            large[key] <= small[key] + _SAME for small, large in pairs for key in ("none_%", "adapt_%")
        ),
        gap=_ABSOLUTE + " Where both sizes lose all, only the adapted figures tell them apart.",
    )


def _both(rows: Sequence[Row]) -> Claim:
    found = _pick(rows, "parasitics + read noise")
    alone = [
        _pick(rows, "parasitics", network=r["network"], device=r["device"], array=r["array"])[0]
        for r in found
    ]
    return Claim(
        what="wires with read noise of sigma 0.1: repair still works, to a lower accuracy than with wires alone",
        paper="62.28 / - / 83.22 % at 64x64, 27.86 / - / 81.59 % at 128x128",
        ours=_said(found, lambda r: f"{r['array']}x{r['array']}"),
        confidence=_NOTES,
        agrees=all(
            r["none_%"] < r["adapt_%"] <= wires["adapt_%"] + _SAME
            for r, wires in zip(found, alone, strict=True)
        ),
        gap=_ABSOLUTE + " Sigma is taken relative to the conductance, which the notes leave open.",
    )


def _noise(rows: Sequence[Row]) -> Claim:
    found = _pick(rows, "read noise")
    adapted = {
        (r["network"], r["device"], float(r["detail"].removeprefix("sigma "))): r["adapt_%"] for r in found
    }
    falls = all(
        adapted[high] <= adapted[low] + _SAME
        for low in adapted
        for high in adapted
        if low[:2] == high[:2] and low[2] < high[2]
    )
    return Claim(
        what="under read noise adapted networks hold while sigma, and PC2 with it, is small, and fall beyond",
        paper="FeFET adapted 87.78 % at sigma 0.05 (PC2 6.9e-4), 77.89 % at 0.15 (6.0e-3); fine-tuning to 0.15 to 0.2",
        ours=_said(found, lambda r: f"{r['device']} {r['detail']} (PC2 {r['pc2_median']:.1e})"),
        confidence=_NOTES,
        agrees=falls,
        gap="noise that every read draws anew has no gain or offset to take back: adaptation counts its variance in, "
        "which shrinks the signal and may cost points; PC2 is by our definition, its normalisation in the paper is not "
        "public; the FeFET has 2-bit cells and a ratio of 100 here (assumed).",
    )


def _ratios(rows: Sequence[Row]) -> Claim:
    found = [row for row in _pick(rows, "parasitics", array=64) if row["tune_%"] is not None]
    by_network = {
        row["network"]: [r["tune_%"] for r in found if r["network"] == row["network"]] for row in found
    }
    return Claim(
        what="the on/off ratio is not what decides after fine-tuning",
        paper="ratio 10 / 40 / 80: 84.07 / 82.0 / 86.81 %, no order by ratio",
        ours=_said(found, lambda r: r["device"]),
        confidence=_NOTES,
        agrees=all(len(v) < len(DEVICES) or max(v) - min(v) < 5.0 for v in by_network.values()),
        gap="the paper's three devices differ in resistance too, ours in the ratio alone.",
    )


def _drift(rows: Sequence[Row]) -> Claim:
    found = _pick(rows, "drift")
    late = [row for row in found if row["detail"] == max(found, key=_age)["detail"]]
    return Claim(
        what="drift to 1e10 s costs most of the accuracy; repair on the die brings back all but some points",
        paper="VGG16 loses 76.5 points untouched, 5.0 fine-tuned; adaptation is good to 1e4 or 1e5 s",
        ours=_said(found, lambda r: r["detail"]),
        confidence=_NOTES,
        agrees=all(r["lost_points"] > _NOTICED and _left(r) < _NOTICED for r in late),
        gap="exponent, its spread and the reference time are not public: nu = 0.05 +- 0.01 per cell and 1 s are "
        "assumed, so after 1e10 s a third of the conductance is left, with a spread of a quarter of it. A common "
        "factor is taken back exactly, the spread is not.",
    )


def _left(row: Row) -> float:
    """Return the points that the better arm leaves lost."""
    return row["lost_points"] + row["none_%"] - max(row["adapt_%"], row["tune_%"] or 0.0)


def _age(row: Row) -> float:
    return float(row["detail"].removesuffix(" s"))


def _less(prices: Mapping[str, Sequence[Row]], quantity: str, method: str, than: str) -> dict[str, float]:
    """Return by network how many percent less a method takes than another."""
    found: dict[str, float] = {}
    for name, rows in prices.items():
        by = {row["method"]: row[quantity] for row in rows}
        found[name] = 100 * (1 - by[method] / by[than])
    return found


def _shares(found: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.1f} %" for name, share in found.items())


def _memory(prices: Mapping[str, Sequence[Row]]) -> Claim:
    adapt, tune = (_less(prices, "memory_B", method, RETRAIN) for method in (ADAPT, TUNE))
    return Claim(
        what="adaptation keeps 95 % less memory than retraining, fine-tuning 52 % less",
        paper="95 % and 52 % less; to which case each belongs is unverified",
        ours=f"adaptation {_shares(adapt)} less; fine-tuning {_shares(tune)} less",
        confidence=_NOTES,
        agrees=min(adapt.values()) >= 95.0 and min(tune.values()) >= 52.0,
        gap="what the paper counts as memory, and its batch, are not public; here kept activations, parameters, "
        "gradients and momentum of a batch of 64.",
    )


def _energy(prices: Mapping[str, Sequence[Row]]) -> Claim:
    tune, chip = (_less(prices, "energy_J", TUNE, than) for than in (RETRAIN, RETRAIN_ON_CHIP))
    adapt = _less(prices, "energy_J", ADAPT, RETRAIN)
    return Claim(
        what="fine-tuning norms takes somewhat less energy than retraining",
        paper="about 8 % less training energy; for which case is unverified",
        ours=f"fine-tuning {_shares(tune)} less than retraining with one write at the end, {_shares(chip)} less than "
        f"with all cells written at every update; adaptation {_shares(adapt)} less (modelled)",
        confidence=_NOTES,
        agrees=all(share > 0 for share in tune.values()),
        gap="the paper's accelerator for training is another one; here the forward pass runs on the chip and "
        "gradients in a 32-bit digital engine, prices from the literature, nothing measured.",
    )
