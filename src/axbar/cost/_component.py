"""One component in full: all of its figures with formula, counts, constants, sources, share and spread."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from axbar.units import format_quantity

if TYPE_CHECKING:
    from axbar.cost._explain import Explanation

__all__ = ["ComponentExplanation"]


@dataclass(frozen=True)
class ComponentExplanation:
    """Where the figures of one component come from.

    Args:
        name, summary: of the component.
        parts: energy, latency, area and leakage, in this order; those that it does not have are 0.
    """

    name: str
    summary: str
    parts: tuple[Explanation, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: quantity -> explanation."""
        parts = {part.query.partition(".")[2]: asdict(part) for part in self.parts}
        return {"component": self.name, "summary": self.summary, **parts}

    def text(self) -> str:
        """Return a line per figure with share and spread, then each one in full."""
        lines = [f"{self.name}: {self.summary}"]
        for part in self.parts:
            low, high = (
                format_quantity(v, part.unit) for v in (part.result / part.spread, part.result * part.spread)
            )
            result, share = format_quantity(part.result, part.unit), f"{100 * part.share:.1f} % of the total"
            said = f"{share}, x/÷ {part.spread:g}: {low} … {high}" if part.result else "none"
            lines.append(f"  {part.query.ljust(len(self.name) + 8)}  {result:>10}  {said}")
        return "\n\n".join(["\n".join(lines), *(part.text() for part in self.parts if part.result)])
