"""What the co-design study says, beside what is published about its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published._reproduction import Claim

__all__ = ["claims", "gains"]

Found = Mapping[str, Any]

#: change of EDP that counts as one, bits of MINT, and points that it may lose
_TELLING, _BITS, _KEPT_POINTS = 0.02, 4, 1.0


def claims(found: Found) -> tuple[Claim, ...]:
    """Return all statements that the figures can speak to."""
    made = (
        _joint(found),
        _time(found),
        _energy(found),
        _evaluations(found),
        _early_exit(found),
        _few_bits(found),
    )
    return tuple(claim for claim in made if claim is not None)


def gains(found: Found) -> dict[str, dict[str, float]]:
    """Return axis -> what its choice is worth in the best design: factor of EDP, points of accuracy."""
    best = found["best"]
    return {
        axis: {
            "edp": row["edp_Js"] / best["edp_Js"],
            "points": 100 * (best["accuracy"] - row["accuracy"]),
        }
        for axis, row in found["ablation"].items()
        if "accuracy" in row
    }


def _joint(found: Found) -> Claim:
    best = found["best"]
    known = [row for row in found["untouched"] if "accuracy" in row]
    least = min((row for row in known if row["accuracy"] >= found["bar"]), key=lambda row: row["edp_Js"])
    factor = least["edp_Js"] / best["edp_Js"]
    return Claim(
        what="searching chip and network together beats the best of the untouched designs at the same accuracy",
        paper="no figure: every published system changes one side",
        ours=f"EDP {factor:.1f} times less than {_on(least)} as it comes, at {best['accuracy']:.1%} against "
        f"{least['accuracy']:.1%}, on {_on(best)}",
        confidence="ours",
        agrees=factor > 1 and best["accuracy"] >= found["bar"],
        gap="one network, one seed; untouched designs more than a point below the best of them don't count",
    )


def _time(found: Found) -> Claim | None:
    return _dual_sparse(found, "latency_s", "is faster than", "speed", "6.79")


def _energy(found: Found) -> Claim | None:
    return _dual_sparse(found, "energy_J", "takes less energy than", "energy efficiency", "3.25")


def _dual_sparse(found: Found, quantity: str, verb: str, noun: str, said: str) -> Claim | None:
    known = {row["point"]["hardware"]: row[quantity] for row in found["untouched"] if quantity in row}
    if not {"sata", "loas"} <= known.keys():
        return None
    factor = known["sata"] / known["loas"]
    least = min(found["full"], key=lambda row: row[quantity])
    return Claim(
        what=f"dual-sparse hardware {verb} a systolic array for spiking networks",
        paper=f"LoAS: {said} times the {noun} of dual-sparse rivals",
        ours=f"{factor:.2g} times the {noun} of SATA, both untouched; best in the search: {_on(least)}",
        confidence="abstract",
        agrees=factor > 1,
        gap="SATA is no dual-sparse rival; nothing is pruned, so that weights are fetched whole; clocks and memories "
        "are those with which each chip was published",
    )


def _evaluations(found: Found) -> Claim:
    share = found["measured"] / found["designs"]
    return Claim(
        what="few designs have to be run",
        paper="no figure",
        ours=f"{found['measured']:,} of {found['designs']:,} designs were run ({share:.1%}), all others priced",
        confidence="ours",
        agrees=share < 0.1,
        gap="designs that differ in cost alone share one accuracy; what the others would have reached is not known",
    )


def _early_exit(found: Found) -> Claim | None:
    worth = gains(found).get("early exit")
    if worth is None:
        return None
    return Claim(
        what="early exit is part of the best design and pays there",
        paper="DT-SNN: leaving early costs no accuracy and cuts EDP",
        ours=f"without it EDP is {worth['edp']:.2f} times as high, accuracy {_signed(-worth['points'])} points",
        confidence="abstract",
        agrees=worth["edp"] > 1 + _TELLING,
        gap="worth of one choice, all others as in the best design",
    )


def _few_bits(found: Found) -> Claim | None:
    """Compare carefully measured designs that differ in MINT alone; on the kind where 4 bits save most."""
    plain = {_but_mint(row): row for row in found["full"] if not row["point"].get("technique.mint")}
    pairs = [
        (row, plain[_but_mint(row)])
        for row in found["full"]
        if row["point"].get("technique.mint.bits") == _BITS and _but_mint(row) in plain
    ]
    if not pairs:
        return None
    few, whole = min(pairs, key=lambda pair: pair[0]["edp_Js"] / pair[1]["edp_Js"])
    edp, points = few["edp_Js"] / whole["edp_Js"], 100 * (few["accuracy"] - whole["accuracy"])
    return Claim(
        what=f"integers of {_BITS} bits keep accuracy and cut energy",
        paper="MINT: integers of few bits keep accuracy and cut energy",
        ours=f"on {_on(few)} EDP is {edp:.2f} times that of the chip's own weights, accuracy {_signed(points)} points",
        confidence="abstract",
        agrees=edp < 1 - _TELLING
        and round(points, 6) > -_KEPT_POINTS,  # shares of images, not their rounding
        gap=f"tuned for few epochs; accuracy counts as kept where less than {_KEPT_POINTS:g} point is lost",
    )


def _but_mint(row: Found) -> str:
    own = {
        k: v
        for k, v in row["point"].items()
        if not k.startswith("technique.mint") and k != "technique.bn-adapt"
    }
    return repr(sorted(own.items()))


def _on(row: Found) -> str:
    return str(row["point"]["hardware"])


def _signed(points: float) -> str:
    return f"{round(points, 1) + 0.0:+.1f}"
