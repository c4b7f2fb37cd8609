"""Recommendations carried out: what was promised beside what came of it.

Each of the first N changes that a report recommends is made by itself and the whole evaluation done again: another
spec is the chip, fewer time steps are run and traced, a technique is applied at its default settings (trained where
it trains). The images, the dies' seeds and the recorded samples stay the same.

**Gain.** 1 − after / before of the estimates; the promise is what the report said before.

**Accuracy.** With c[j, i] in {0, 1} whether die j answers image i right and d[j, i] = c_after − c_before, the
difference is the mean of d. Its standard error takes both the images and the dies as drawn by chance:

    std_error² = var_i(mean_j d) / n + var_j(mean_i d) / D,

variances with n − 1 and D − 1, the second for D ≥ 2 dies. Both contain the variance of single answers, so that the
error is rather too large. A difference within two standard errors is noise. Without dies the integer network is
compared, one row of c.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from axbar._on_chip import Progress
from axbar._ready import Measured, Ready, measure_on, with_steps, with_technique
from axbar.cost.whatif import WhatIf, factors_between
from axbar.errors import AxbarError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from axbar.spec import HardwareSpec

__all__ = ["Answers", "Applied", "apply_advice", "apply_changes", "compared"]

#: relative difference between obtained and promised gain up to which a promise counts as kept
_KEPT: Final = 0.2


@dataclass(frozen=True)
class Answers:
    """Accuracy before and after a change, on the same images and dies.

    Args:
        of: ``dies``, ``digital`` (no die was programmed) or ``float``.
        before, after: shares of images answered right, 0..1, one per die; none where it was not measured.
        points: percentage points gained; None where one of them is missing.
        std_error: of ``points``; None with them, and for a single image.
    """

    of: str
    before: tuple[float, ...]
    after: tuple[float, ...]
    points: float | None = None
    std_error: float | None = None

    @property
    def significant(self) -> bool:
        """Whether accuracy moved by more than two standard errors."""
        return (
            self.points is not None and self.std_error is not None and abs(self.points) > 2 * self.std_error
        )

    @property
    def words(self) -> str:
        """Return ``accuracy 88.1 → 87.9 %: within noise``."""
        if not self.after:
            return "accuracy was not measured"
        after = f"{100 * _mean(self.after):.1f} %"
        if self.points is None:
            return f"accuracy {after}; there is none before to compare with"
        if self.points == 0 and not self.std_error:
            return f"accuracy stays at {after}"
        if self.std_error is None:
            verdict = "one image tells nothing"
        elif self.significant:
            verdict = f"{abs(self.points):.1f} ± {self.std_error:.1f} points {'gained' if self.points > 0 else 'lost'}"
        else:
            verdict = "within noise"
        return f"accuracy {100 * _mean(self.before):.1f} → {after}: {verdict}"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "of": self.of, "before": list(self.before), "after": list(self.after),
            "points": self.points, "std_error": self.std_error, "significant": self.significant,
        }  # fmt: skip


@dataclass(frozen=True)
class Applied:
    """One recommendation that was carried out.

    Args:
        advice: the change as recommended; ``advice.factors`` is the promise.
        obtained: figure -> with the change over without, of the new evaluation; None where it was refused.
        refused: why the change could not be made, or does not fit; empty where it was made.
        answers: accuracy before and after; None where it was refused.
        techniques: what the technique did and took, as rows of ``Report.techniques``.
        notes: sentences that hold for the changed design only.
    """

    advice: WhatIf
    obtained: Mapping[str, float] | None = None
    refused: str = ""
    answers: Answers | None = None
    techniques: tuple[Mapping[str, Any], ...] = field(default=())
    notes: tuple[str, ...] = ()

    def gains(self, quantity: str = "edp_Js") -> tuple[float, float]:
        """Return promised and obtained gain, as shares of the figure; the second is not a number where refused."""
        after = math.nan if self.obtained is None else self.obtained[quantity]
        return self.advice.gain(quantity), 1.0 - after

    @property
    def words(self) -> str:
        """One sentence: ``gained 23 % EDP as promised (24 %), accuracy 88.1 → 87.9 %: within noise``."""
        if self.refused:
            return f"could not be applied: {self.refused}"
        told = [_gain_words(*self.gains())]
        if self.answers is not None:
            told.append(self.answers.words)
        text = ", ".join(told)
        if self.advice.accuracy == "unknown":
            text += f" (what it does on silicon is not known: {self.advice.why})"
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; figures that nobody could count are None."""
        advice = self.advice
        return {
            "title": advice.title, "kind": advice.kind, "changes": dict(advice.changes), "steps": advice.steps,
            "promised": _plain(advice.factors), "obtained": None if self.obtained is None else _plain(self.obtained),
            "refused": self.refused or None, "accuracy": self.answers.to_dict() if self.answers else None,
            "techniques": [dict(row) for row in self.techniques], "notes": list(self.notes), "words": self.words,
        }  # fmt: skip


def apply_advice(
    ready: Ready, first: Measured, *, count: int, chips: int, seed: int, progress: Progress | None = None
) -> tuple[Applied, ...]:
    """Carry out the first ``count`` recommendations of a report, each alone.

    Args:
        ready: the network that ``first`` was measured with.
        first: the evaluation before; its report names what it would help to change.
        count: recommendations.
        chips, seed: as for ``first``.
        progress: called as ``progress("advice", done, total)``.
    """
    held = first.report.bottlenecks
    advice = () if held is None else held.advice(count)
    return apply_changes(ready, first, advice, chips=chips, seed=seed, progress=progress)


def apply_changes(
    ready: Ready,
    first: Measured,
    changes: Sequence[WhatIf],
    *,
    chips: int,
    seed: int,
    progress: Progress | None = None,
) -> tuple[Applied, ...]:
    """Carry out some of the changes that a report tried, each alone; otherwise as ``apply_advice``."""
    tell = progress or (lambda stage, done, total: None)
    found: list[Applied] = []
    for number, change in enumerate(changes):
        tell("advice", number, len(changes))
        try:
            found.append(_applied(ready, first, change, chips, seed))
        except AxbarError as error:
            found.append(Applied(change, refused=str(error)))
    tell("advice", len(changes), len(changes))
    return tuple(found)


def _applied(ready: Ready, first: Measured, change: WhatIf, chips: int, seed: int) -> Applied:
    before = first.report
    spec = before.hardware.replace(change.changes) if change.changes else before.hardware
    changed = _changed(ready, change, spec)
    after = measure_on(
        changed, before.base, spec, chips=chips, seed=seed, waterfall=0, progress=None, advise=False
    )
    estimate = after.report.estimate
    if not bool(estimate.feasible[0]):
        return Applied(change, refused=f"the changed design does not fit: {estimate.reasons[0]}")
    rows = (*changed.applied[len(ready.applied) :], *after.chip.techniques[len(first.chip.techniques) :])
    notes = [note for note in after.report.notes if note not in before.notes]
    if change.kind == "spec" and ready.applied:
        notes.append("techniques of the network were not run again for the changed chip")
    return Applied(
        change,
        factors_between(before.estimate, estimate),
        answers=_answers(ready, first, changed, after, bool(before.accuracy and before.accuracy.analog)),
        techniques=rows,
        notes=tuple(notes),
    )


def _changed(ready: Ready, change: WhatIf, spec: HardwareSpec) -> Ready:
    """Return the network that runs after a change; the same one where only the chip changes."""
    if change.kind == "technique":
        return with_technique(ready, change.title, spec)
    return ready if change.steps is None else with_steps(ready, change.steps)


def _answers(ready: Ready, first: Measured, changed: Ready, after: Measured, dies: bool) -> Answers:
    before, now = first.chip.right, after.chip.right
    if before is not None and now is not None:
        return compared("dies" if dies else "digital", before, now)
    if now is not None:  # the design fits only with the change
        kind = "dies" if after.chip.dies else "digital"
        return Answers(kind, (), tuple(map(float, now.mean(1))))
    from axbar._waterfall import right

    return compared(
        "float", right(ready.network, ready.test)[None], right(changed.network, changed.test)[None]
    )


def compared(of: str, before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Answers:
    """Return accuracy before and after, from which images were answered right, ``[D, n]`` each.

    >>> import numpy as np
    >>> compared("digital", np.array([[True, True, False, True]]), np.array([[True, True, True, True]])).points
    25.0
    """
    found = Answers(of, tuple(map(float, before.mean(1))), tuple(map(float, after.mean(1))))
    moved = after.astype(np.float64) - before  # [D, n]
    dies, images = moved.shape
    if images < 2:
        return replace(found, points=float(100 * moved.mean()))
    variance = float(moved.mean(0).var(ddof=1)) / images
    variance += float(moved.mean(1).var(ddof=1)) / dies if dies > 1 else 0.0
    return replace(found, points=float(100 * moved.mean()), std_error=100 * math.sqrt(variance))


def _gain_words(promised: float, obtained: float) -> str:
    if not math.isfinite(obtained):
        return "its gain is not known"
    if obtained <= 0:
        return f"lost {_percent(-obtained)} EDP where a gain of {_percent(promised)} was promised"
    if abs(obtained - promised) <= _KEPT * abs(promised):
        verdict = "as promised"
    else:
        verdict = "more than promised" if obtained > promised else "less than promised"
    return f"gained {_percent(obtained)} EDP {verdict} ({_percent(promised)})"


def _percent(share: float) -> str:
    """Write a share with two digits at least.

    >>> _percent(0.234), _percent(0.034), _percent(0.0)
    ('23 %', '3.4 %', '0.0 %')
    """
    return f"{100 * share:.{0 if abs(share) >= 0.0995 else 1}f} %"


def _plain(factors: Mapping[str, float]) -> dict[str, float | None]:
    return {key: value if math.isfinite(value) else None for key, value in factors.items()}


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values)
