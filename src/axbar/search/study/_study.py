"""A study: what was searched and what was found, to be asked and drawn."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from axbar import registry
from axbar.errors import AxbarError, UsageError, unknown_name
from axbar.files import write_atomic
from axbar.search.front.pareto import nondominated
from axbar.search.question import RUNGS, Designer
from axbar.search.rows import Row, table, violations
from axbar.search.space import Space
from axbar.search.space.parts import QUANTITIES
from axbar.search.study.command import command_of
from axbar.search.study.page import front_of, page_of
from axbar.search.study.where import where
from axbar.search.sweep import Swept
from axbar.search.sweep.rows import sweep_records, sweep_rows
from axbar.spec import HardwareSpec, to_yaml
from axbar.units import format_quantity

__all__ = ["Study"]


@dataclass(frozen=True)
class Study:
    """Designs of a space, looked at as carefully as they deserved.

    Args:
        space: what was searched.
        rows: what was measured, by rung and generation; the sweep's front is among them with its breakdown.
        swept: what the sweep kept; None if there was none.
        base: the chip of points that name none.
        facts: model, data, seed, sampler, command, settings of rungs: all that is needed to run it again.
        settings: rung -> ``technique.NAME.FIELD`` -> value, as in the ladder; and the techniques that it adds.
        counts: ``measured``, ``failed``, ``reused``.
        notes: sentences that a reader must know.
        folder: where it is kept; None if nowhere.
    """

    space: Space
    rows: tuple[Row, ...]
    swept: Swept | None = None
    base: HardwareSpec | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    designers: Mapping[str, Designer] = field(default_factory=dict[str, Designer])
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    notes: tuple[str, ...] = ()
    folder: Path | None = None

    def __repr__(self) -> str:
        found = ", ".join(f"{self.size(rung)} {rung}" for rung in self.rungs)
        return f"<Study of {self.space.name}: {found or 'nothing found'}>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.render('txt'))}</pre>"

    @property
    def rungs(self) -> tuple[str, ...]:
        """Names of the rungs that looked at anything, the cheapest first."""
        seen = {row.rung for row in self.rows} | ({"sweep"} if self.swept is not None else set[str]())
        return tuple(rung for rung in RUNGS if rung in seen)

    @property
    def top(self) -> str:
        """The most careful rung that any design reached with figures; its front is the result."""
        good = {row.rung for row in self.rows if row.feasible}
        ranked = [rung for rung in reversed(self.rungs) if rung in good]
        kept = (rung for rung in ranked if rung == "sweep" or self._keeps(self._of(rung), rung).any())
        return next(kept, ranked[0] if ranked else "sweep")

    @cached_property
    def _swept_rows(self) -> tuple[Row, ...]:
        kept = {row.id: row for row in self.rows if row.rung == "sweep"}
        if self.swept is None:
            return tuple(kept.values())
        return tuple(kept.get(row.id, row) for row in sweep_rows(self.space, self.swept))

    @cached_property
    def _swept_front(self) -> tuple[Row, ...]:
        """As the sweep found it, without a row for all the others."""
        assert self.swept is not None
        kept = {row.id: row for row in self.rows if row.rung == "sweep"}
        rows = sweep_rows(self.space, self.swept, np.flatnonzero(self.swept.front).tolist())
        return tuple(kept.get(row.id, row) for row in rows)

    def designs(self, rung: str = "") -> tuple[Row, ...]:
        """Return the rows of a rung, of the most careful one unless named."""
        return self._of(self._rung(rung))

    def _of(self, rung: str) -> tuple[Row, ...]:
        return self._swept_rows if rung == "sweep" else tuple(row for row in self.rows if row.rung == rung)

    def size(self, rung: str) -> int:
        """Return how many designs a rung has."""
        if rung == "sweep" and self.swept is not None:
            return len(self.swept)
        return len(self.designs(rung))

    def front(self, rung: str = "") -> tuple[Row, ...]:
        """Return the designs of a rung that keep all constraints and that no other beats in all objectives."""
        if self._rung(rung) == "sweep" and self.swept is not None:
            return self._swept_front
        rows = self.designs(rung)
        asked = [o for o in self.space.objectives if self._gives(self._rung(rung), o.quantity)]
        keeps = self._keeps(rows, self._rung(rung))
        values = table(rows, [o.quantity for o in asked])
        values[~keeps] = np.nan
        if not asked or not len(rows):
            return ()
        flags = nondominated(values, [o.sense == "max" for o in asked])
        return tuple(row for row, flag in zip(rows, flags, strict=True) if flag)

    def best(self, quantity: str = "", where: str = "", rung: str = "") -> Row:
        """Return the best design by one quantity.

        Args:
            quantity: ``"edp_Js"``; the first objective unless given.
            where: what it must keep beside the constraints of the space: ``"accuracy > 0.85 and adc.bits <= 6"``.
            rung: of ``rungs``; the most careful one unless given.

        Raises:
            UsageError: an unknown quantity or condition, or no design keeps it (with how near the best one comes).
        """
        quantity, sense = self._quantity(quantity)
        rows = self._where(where, rung)
        values = table(rows, [quantity])[:, 0]
        keeps = self._keeps(rows, self._rung(rung)) & ~np.isnan(values)
        if not keeps.any():
            raise UsageError(self._none_left(quantity, where, rung))
        signed = np.where(keeps, values if sense == "min" else -values, np.inf)
        return rows[int(signed.argmin())]

    def to_frame(self) -> Any:
        """Return all designs as a ``pandas.DataFrame``: a row for each design and rung.

        Raises:
            AxbarError: pandas is not installed.
        """
        try:
            pandas: Any = importlib.import_module("pandas")
        except ImportError as error:
            raise AxbarError(
                "to_frame() needs pandas, which axbar does not install: pip install pandas; or write the same figures "
                "with study.save('study.csv')."
            ) from error
        return pandas.DataFrame(list(self.records()))

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield all designs as flat mappings: id, rung, generation, parameters, figures, front, reason."""
        for rung in self.rungs:
            if rung == "sweep" and self.swept is not None:
                yield from sweep_records(self.space, self.swept, self.quantities())
                continue
            front = {row.id for row in self.front(rung)}
            for row in self.designs(rung):
                figures = {q: row.values.get(q) for q in self.quantities()}
                point = {path: row.point.get(path) for path in self.space.paths}
                yield {
                    "id": row.id, "rung": rung, "generation": row.generation, **point, **figures,
                    "front": row.id in front, "reason": row.reason,
                }  # fmt: skip

    def quantities(self) -> tuple[str, ...]:
        """Names of the figures that rows have."""
        seen = dict.fromkeys(q for row in self.rows for q in row.values)
        swept = self.swept.costs.values if self.swept is not None else ()
        return tuple(dict.fromkeys((*seen, *swept)))

    def row(self, id_: str, rung: str = "") -> Row:
        """Return a design by its id, or by enough of its first digits.

        Raises:
            UsageError: none or several have it.
        """
        rungs = [rung] if rung else list(reversed(self.rungs))
        for name in rungs:
            found = [row for row in self.designs(name) if row.id.startswith(id_)]
            if len(found) == 1:
                return found[0]
            if len(found) > 1:
                raise UsageError(f"'{id_}' begins the ids of {len(found)} designs; give more digits.")
        raise UsageError(f"no design of the study has the id '{id_}'; 'study.csv' lists them.")

    def spec(self, row: Row) -> HardwareSpec:
        """Return the chip of a design."""
        return self._designer(row).design(row.point).spec

    def export(self, row: Row, path: str | os.PathLike[str]) -> Path:
        """Write the chip of a design as a hardware YAML, with its techniques and its ``axbar evaluate`` in the head."""
        head = [
            f"design {row.id} of the study '{self.space.name}', rung {row.rung}",
            self.command(row, str(path)),
        ]
        text = "".join(f"# {line}\n" for line in head) + to_yaml(self.spec(row))
        return write_atomic(Path(path), text)

    def command(self, row: Row, hardware: str = "design.yaml") -> str:
        """Return the ``axbar evaluate`` (without data ``axbar estimate``) that gives the same figures.

        Empty where the network or its data came as objects of Python, which no command line can name.
        """
        return command_of(self.facts, row.rung, self._designer(row).design(row.point), hardware)

    def sentence(self, row: Row) -> str:
        """Return a design in one line: its parameters and figures."""
        point = ", ".join(f"{path} = {value}" for path, value in row.point.items())
        figures = ", ".join(
            format_quantity(v, QUANTITIES[q][0]) if QUANTITIES[q][0] else f"{q} {100 * v:.2f} %"
            for q, v in row.values.items()
            if q in QUANTITIES
        )
        return f"design {row.id[:8]} (rung {row.rung}): {point}: {figures}"

    def shown(self, row: Row) -> dict[str, Any]:
        """Return a design as plain JSON."""
        return {
            "id": row.id, "rung": row.rung, "point": row.point, **row.values, "techniques": list(row.techniques)
        }  # fmt: skip

    def front_page(self) -> dict[str, Any]:
        """Return what a live view needs of ``page``."""
        return front_of(self)

    def page(self) -> dict[str, Any]:
        """Return all that a page shows, as plain data (see ``axbar.search.study.page``)."""
        return page_of(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the fronts and counts as plain JSON."""
        return {
            "study": self.space.name,
            "folder": None if self.folder is None else str(self.folder),
            "rungs": {rung: self.size(rung) for rung in self.rungs},
            "looked_at": self.swept.looked_at if self.swept else 0,
            "designs": self.swept.of if self.swept else self.space.count,
            "counts": dict(self.counts),
            "removed": dict(self.swept.infeasible) if self.swept else {},
            "top": self.top,
            "front": [self.shown(row) for row in self.front()],
            "notes": list(self.notes),
        }

    def to_csv(self) -> str:
        """Return ``records`` as CSV."""
        out = io.StringIO()
        rows = list(self.records())
        writer = csv.DictWriter(out, list(rows[0]) if rows else ["id"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()

    def render(self, form: str) -> str:
        """Return the study in a registered form: ``html``, ``json``, ``csv``, ``txt``."""
        if form == "csv":
            return self.to_csv()
        if form == "json":
            return json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"
        known = [
            name.removeprefix("study-") for name in registry.names("renderers") if name.startswith("study-")
        ]
        if form not in known:
            raise UsageError(unknown_name("form of a study", form, [*known, "csv", "json"]))
        return str(registry.get("renderers", f"study-{form}")(page_of(self, reports=form != "txt")))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the study; the suffix picks the form. The file appears whole or not at all."""
        target = Path(path)
        return write_atomic(target, self.render(target.suffix.lstrip(".") or "html"))

    def show(self) -> None:
        """Write the front to the terminal."""
        registry.get("renderers", "study-terminal")(page_of(self, reports=False))

    def _rung(self, rung: str) -> str:
        if rung and rung not in self.rungs:
            raise UsageError(unknown_name("rung of the study", rung, self.rungs))
        return rung or self.top

    def _gives(self, rung: str, quantity: str) -> bool:
        return rung != "sweep" or not quantity.startswith("accuracy")

    def _keeps(self, rows: Sequence[Row], rung: str) -> Any:
        asked = [c for c in self.space.constraints if self._gives(rung, c.quantity)]
        if not asked or not rows:
            return np.ones(len(rows), dtype=np.bool_)
        broken = violations(self.space, rows, hope=False)
        columns = [k for k, c in enumerate(self.space.constraints) if c in asked]
        return (broken[:, columns] <= 0).all(axis=1)

    def _quantity(self, quantity: str) -> tuple[str, str]:
        senses = {o.quantity: o.sense for o in self.space.objectives}
        if not quantity and not senses:
            raise UsageError(
                "the space has no objective; say by which quantity a design is best, as 'edp_Js'."
            )
        chosen = quantity or next(iter(senses))
        if chosen not in self.quantities():
            raise UsageError(unknown_name("quantity of the study", chosen, self.quantities()))
        larger = chosen.startswith(("accuracy", "throughput"))
        return chosen, senses.get(chosen, "max" if larger else "min")

    def _where(self, text: str, rung: str) -> tuple[Row, ...]:
        rows = self.designs(rung)
        return rows if not text else tuple(where(text, rows, self.quantities(), self.space))

    def _none_left(self, quantity: str, text: str, rung: str) -> str:
        rows = self.designs(rung)
        what = " and ".join(filter(None, [text, *map(str, self.space.constraints)]))
        fits = sum(row.feasible for row in rows)
        return (
            f"none of {len(rows)} designs of rung {self._rung(rung)} ({fits} fit their chip) has {quantity} and keeps "
            f"{what or 'the rules of its chip'}; loosen the condition, or ask another rung: {', '.join(self.rungs)}."
        )

    def _designer(self, row: Row) -> Designer:
        return self.designers[row.rung]
