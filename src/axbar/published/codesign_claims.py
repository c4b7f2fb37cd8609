"""What the co-design study says, beside what is published about its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published._reproduction import Claim

__all__ = ["claims", "gains"]

Found = Mapping[str, Any]

#: change of EDP that counts as one
_TELLING = 0.02


def claims(found: Found) -> tuple[Claim, ...]:
    """Return all statements."""
    return (_joint(found), _kinds(found), _evaluations(found), *_axes(found))


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
    least = min(known, key=lambda row: row["edp_Js"])
    factor = least["edp_Js"] / best["edp_Js"]
    return Claim(
        what="searching chip and network together beats the best of the untouched designs at the same accuracy",
        paper="no figure: every published system changes one side",
        ours=f"EDP {factor:.1f} times less than {least['point']['hardware']} as it comes, at {best['accuracy']:.1%} "
        f"against {least['accuracy']:.1%} on {best['point']['hardware']}",
        confidence="ours",
        agrees=factor > 1 and best["accuracy"] >= found["bar"],
        gap="one network, one seed; the bar is a point below the best untouched design",
    )


def _kinds(found: Found) -> Claim:
    on = [row for row in found["full"] if _hash(row) in found["front"]] or found["full"]
    kinds = {row["point"]["hardware"] for row in on}
    least = {
        q: min(found["full"], key=lambda row, q=q: row[q])["point"]["hardware"]
        for q in ("energy_J", "latency_s")
    }
    return Claim(
        what="dual-sparse hardware beats a systolic array for spiking networks in energy and time",
        paper="LoAS: 6.79 times the speed and 3.25 times the energy efficiency of dual-sparse rivals",
        ours=f"front: {', '.join(sorted(kinds))}; least energy on {least['energy_J']}, least latency on "
        f"{least['latency_s']}",
        confidence="abstract",
        agrees=least["latency_s"] == "loas",
        gap="other rivals (SATA, crossbars), an unpruned network, and clocks as each chip was published",
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


def _axes(found: Found) -> list[Claim]:
    known = gains(found)
    paper = {
        "early exit": ("DT-SNN: leaving early costs no accuracy and cuts EDP", "abstract"),
        "MINT": ("MINT: integers of few bits keep accuracy and cut energy", "abstract"),
    }
    made: list[Claim] = []
    for axis, (said, confidence) in paper.items():
        if axis not in known:
            continue
        edp, points = known[axis]["edp"], known[axis]["points"]
        made.append(
            Claim(
                what=f"{axis} is part of the best design and pays there",
                paper=said,
                ours=f"without it EDP is {edp:.2f} times as high, accuracy {-points:+.1f} points",
                confidence=confidence,
                agrees=edp > 1 + _TELLING,
                gap="worth of one choice, all others as in the best design",
            )
        )
    return made


def _hash(row: Found) -> str:
    from axbar.search import point_hash

    return point_hash(row["point"])
