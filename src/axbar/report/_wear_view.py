"""What the page says of cells that are written at run time: how many, how often, how long they live at which rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axbar.report.charts import life_chart

if TYPE_CHECKING:
    from axbar.cost import Estimate

__all__ = ["wear_facts"]

#: images per second: one now and then, a video, a stream
_RATES = (1.0, 30.0, 1000.0)


def wear_facts(estimate: Estimate) -> dict[str, Any] | None:
    """Return the lead of the section and its chart, SVG; None where no cell wears."""
    from axbar.cost._wear import cell_life_s, duration

    found = estimate.wear
    if found is None or not found.life_s[0] < float("inf"):
        return None
    own = float(found.images_per_s[0])
    rates = sorted({*_RATES, own})
    lives = [float(cell_life_s(found.endurance[0], found.writes[0], rate)) for rate in rates]
    rows = [
        (
            f"{float(f'{rate:.3g}'):,g} image{'' if rate == 1 else 's'}/s{' (its own)' if rate == own else ''}",
            life,
            duration(life),
        )
        for rate, life in zip(rates, lives, strict=True)
    ]
    return {"lead": found.text(), "chart": life_chart(rows)}
