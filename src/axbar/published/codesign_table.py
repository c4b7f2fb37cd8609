"""Tables of the co-design study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published.codesign_claims import gains
from axbar.units import format_quantity

__all__ = ["markdown", "rows"]

Found = Mapping[str, Any]


def rows(found: Found) -> tuple[Mapping[str, Any], ...]:
    """Return untouched chips, the best design, and the best without each of its choices."""
    named = [(f"{row['point']['hardware']}, untouched", row) for row in found["untouched"]]
    named.append(("best design", found["best"]))
    named += [(f"best, {axis} as before", row) for axis, row in found["ablation"].items()]
    return tuple(_line(name, row) for name, row in named)


def _line(name: str, row: Found) -> dict[str, Any]:
    if "accuracy" not in row:
        return dict.fromkeys(("accuracy, %", "energy", "latency", "area", "EDP")) | {"design": name}
    accuracy = [100 * row[key] for key in ("accuracy", "accuracy_low", "accuracy_high")]
    return {
        "design": name,
        "accuracy, %": "{:.1f} ({:.1f} to {:.1f})".format(*accuracy),
        "energy": format_quantity(row["energy_J"], "J"), "latency": format_quantity(row["latency_s"], "s"),
        "area": format_quantity(row["area_m2"], "m2"), "EDP": format_quantity(row["edp_Js"], "Js"),
    }  # fmt: skip


def markdown(found: Found) -> str:
    """Return all tables as Markdown."""
    best = ", ".join(f"{path} = {value}" for path, value in found["best"]["point"].items())
    lines = [_markdown(rows(found)), f"\nBest design: {best}\n", "Careful rung:\n"]
    full = sorted(found["full"], key=lambda row: row["edp_Js"])
    lines.append(_markdown([_line(_short(row["point"]), row) for row in full]))
    worth = gains(found)
    if worth:
        lines.append("\nWhat each choice of the best design is worth:\n")
        lines.append(
            _markdown(
                [
                    {
                        "choice": axis,
                        "EDP without it, times": f"{g['edp']:.2f}",
                        "points it costs": f"{round(-g['points'], 1) + 0.0:.1f}",
                    }
                    for axis, g in worth.items()
                ]
            )
        )
    return "\n".join(lines) + "\n"


def _short(point: Mapping[str, Any]) -> str:
    return ", ".join(
        str(v) if isinstance(v, str) else f"{k.rpartition('.')[2]} {v}" for k, v in point.items()
    )


def _markdown(lines: Any) -> str:
    heads = list(dict.fromkeys(key for line in lines for key in line))
    body = [
        "| " + " | ".join("" if line.get(h) is None else str(line.get(h)) for h in heads) + " |"
        for line in lines
    ]
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads), *body])
