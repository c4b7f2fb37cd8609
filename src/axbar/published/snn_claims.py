"""Published statements on cheaper spiking networks beside the ladder's figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published._reproduction import Claim
from axbar.published.snn_networks import BASE, EXIT

__all__ = ["claims"]

Found = Mapping[str, Any]
_SMALL = "another network, data set and chip; trained on {images:,} images for {epochs} epochs on two cores"
_TUNED = "fine-tuned for {epochs} epochs on {images:,} images"


def claims(found: Found) -> tuple[Claim, ...]:
    """Return all statements, network by network where they were measured."""
    made: list[Claim] = []
    for name, net in found["nets"].items():
        rows = net["rows"]
        gap = _SMALL.format(**net["recipe"])
        tuned = f"{_TUNED.format(**net['recipe']['tuning'])}, {{}}; {gap}"
        if EXIT in rows:
            made.append(_exit(name, rows, gap))
        bits = [row for row in rows if row.startswith("MINT")]
        if bits:
            made += [_mint_accuracy(name, rows, bits, tuned), _mint_memory(name, rows, bits[-1])]
        pruned = [row for row in rows if row.startswith("pruned")]
        if pruned:
            made.append(_pruned(name, rows, pruned, tuned))
    return tuple(made)


def _points(rows: Found, name: str) -> float:
    """Percentage points above the network that the variant started from."""
    return 100 * (rows[name]["accuracy"] - rows[BASE]["accuracy"])


def _exit(name: str, rows: Found, gap: str) -> Claim:
    row, chip = rows[EXIT], "crossbar"
    saved = 1 - row["chips"][chip]["edp_Js"] / rows[BASE]["chips"][chip]["edp_Js"]
    return Claim(
        what=f"{name}: leaving once the answer is sure keeps the accuracy of T = 4",
        paper="mean T 1.46 at the accuracy of T = 4, EDP -80 % on crossbars (DT-SNN)",
        ours=f"mean T {row['mean_steps']:.2f}, {_points(rows, EXIT):+.2f} points, EDP {-100 * saved:+.0f} % on the "
        "crossbars, the mean over images of energy x delay",
        confidence="abstract",
        agrees=row["mean_steps"] <= 2.0 and _points(rows, EXIT) >= -0.3 and saved >= 0.6,
        gap=gap,
    )


def _mint_accuracy(name: str, rows: Found, bits: list[str], tuned: str) -> Claim:
    few = [b for b in bits if "4" in b] or bits
    return Claim(
        what=f"{name}: few bits of weights and membranes keep the accuracy",
        paper="2-bit VGG16: 90.6 % on CIFAR-10, matching full precision (MINT)",
        ours="points against floats: "
        + ", ".join(f"{b.removeprefix('MINT, ')} {_points(rows, b):+.2f}" for b in bits),
        confidence="abstract",
        agrees=all(_points(rows, b) >= -1.0 for b in few),
        gap=f"{tuned.format('where MINT trains anew')}. Agreement is asked of 4 bits",
    )


def _mint_memory(name: str, rows: Found, least: str) -> Claim:
    row, b = rows[least]["memory_bits"], int(least.split()[1])
    saved = 1 - sum(row.values()) / (32 * (row["weights"] + row["membranes"]) / b)
    return Claim(
        what=f"{name}: memory of weights and membranes at {b} bits",
        paper="-93.8 % at 2 bits against 32-bit floats (MINT)",
        ours=f"{-100 * saved:.2f} %, {sum(row.values()) / 8e3:,.1f} KB",
        confidence="abstract",
        agrees=abs(saved - (1 - b / 32)) < 1e-9,
        gap="arithmetic, 1 - b / 32: every weight and membrane has b bits, biases are left out",
    )


def _pruned(name: str, rows: Found, pruned: list[str], tuned: str) -> Claim:
    far = max(pruned, key=lambda p: rows[p]["weight_sparsity"])
    return Claim(
        what=f"{name}: most weights can go",
        paper="up to 97 % of the weights with little loss, by lottery tickets (Kim et al., ECCV 2022)",
        ours="points against the dense network: "
        + ", ".join(f"{p.removeprefix('pruned ')} {_points(rows, p):+.2f}" for p in pruned),
        confidence="abstract",
        agrees=_points(rows, far) >= -2.0,
        gap=tuned.format("where tickets are trained anew round by round"),
    )
