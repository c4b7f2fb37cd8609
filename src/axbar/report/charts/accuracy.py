"""Accuracy as a dot plot: lines for the network before the chip, a dot per die, a bar for mean ± std."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from axbar.report._scale import ticks
from axbar.report._svg import circle, element, line, svg, text

__all__ = ["accuracy_chart", "domain"]

_ROW = 34
_TOP = 10


def accuracy_chart(
    images: int,
    float_: float,
    digital: float | None = None,
    dies: Sequence[float] = (),
    mean: float | None = None,
    std: float | None = None,
) -> str:
    """Draw accuracies, all as shares 0..1; rows that were not measured are left out."""
    shown = [float_, *dies, *([] if digital is None else [digital])]
    if mean is not None and std is not None:
        shown += [mean - std, mean + std]
    low, high = domain(shown)

    def at(share: float) -> float:
        return 100 * (100 * share - low) / (high - low)

    rows: list[tuple[str, str, str, str]] = [
        ("float", "as trained", _reference(at(float_)), f"{100 * float_:.2f} %")
    ]
    if digital is not None:
        rows.append(("digital", "integer weights", _reference(at(digital)), f"{100 * digital:.2f} %"))
    if dies:
        rows.append(("dies", f"{len(dies)} programmed", _dots([(at(d), d) for d in dies]), _range(dies)))
    if dies and mean is not None:
        rows.append(
            ("mean" if std is None else "mean ± std", "over dies", _bar(at, mean, std), _mean_text(mean, std))
        )
    bottom = _TOP + _ROW * len(rows)
    marks = _axis(low, high, bottom, images) + _verticals(at, float_, digital, bottom)
    for i, (name, detail, mark, value) in enumerate(rows):
        y = _TOP + _ROW * (i + 0.5)
        label = text(name, 0, -1, dx=-12, class_="lab end") + text(detail, 0, 12, dx=-12, class_="sub end")
        marks += element(
            "g", label + mark + text(value, 100, 4, dx=12, class_="val"), transform=f"translate(0,{y:g})"
        )
    return svg(
        marks,
        bottom + 44,
        "accuracy",
        "Accuracy: " + ", ".join(f"{name} {value}" for name, _, _, value in rows),
    )


def domain(shares: Sequence[float]) -> tuple[float, float]:
    """Return round axis limits in percent around the shares, at least two points wide.

    >>> domain([0.912, 0.884])
    (88.0, 91.5)
    """
    low, high = 100 * min(shares), 100 * max(shares)
    if high - low < 2:
        low, high = (low + high) / 2 - 1, (low + high) / 2 + 1
    step = ticks(low, high, 6)
    width = step[1] - step[0] if len(step) > 1 else 1.0
    below, above = math.floor(low / width + 1e-6), math.ceil(high / width - 1e-6)
    return max(0.0, width * below), min(100.0, width * above)


def _reference(x: float) -> str:
    return circle(x, 0, 5, class_="ref")


def _verticals(at: Callable[[float], float], float_: float, digital: float | None, bottom: float) -> str:
    marks = line(at(float_), _TOP + _ROW * 0.5, at(float_), bottom, class_="float")
    if digital is not None:
        marks += line(at(digital), _TOP + _ROW * 1.5, at(digital), bottom, class_="digital")
    return marks


def _dots(dies: Sequence[tuple[float, float]]) -> str:
    return "".join(
        circle(x, 0, 5, class_="die", data_tip=f"die {i + 1}: {100 * share:.2f} %")
        for i, (x, share) in enumerate(dies)
    )


def _bar(at: Callable[[float], float], mean: float, std: float | None) -> str:
    marks = ""
    if std is not None:
        low, high = at(mean - std), at(mean + std)
        marks = line(low, 0, high, 0, class_="std") + line(low, -6, low, 6, class_="std")
        marks += line(high, -6, high, 6, class_="std")
    return marks + circle(at(mean), 0, 5, class_="mean")


def _range(dies: Sequence[float]) -> str:
    low, high = 100 * min(dies), 100 * max(dies)
    return f"{low:.2f} %" if high - low < 0.05 else f"{low:.1f} to {high:.1f} %"


def _mean_text(mean: float, std: float | None) -> str:
    return f"{100 * mean:.2f} %" if std is None else f"{100 * mean:.1f} ± {100 * std:.1f} %"


def _axis(low: float, high: float, bottom: float, images: int) -> str:
    marks = ""
    for value in ticks(low, high, 5):
        x = 100 * (value - low) / (high - low)
        marks += line(x, _TOP, x, bottom, class_="grid") + text(
            f"{value:g}", x, bottom + 16, class_="tick mid"
        )
    return marks + text(f"accuracy on {images:,} test images, %", 50, bottom + 36, class_="axis mid")
