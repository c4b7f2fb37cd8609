"""What every hardware spec shares: frozen scalar fields, units, sources, pins, replace and diff.

A spec is a tree of scalars. One dotted path names one quantity everywhere (``crossbar.rows``), in YAML,
``--set``, sweeps and reports. The unit of a field stands at the end of its name; strings such as
``"0.2 V"`` are read by that unit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, field_validator

from axbar.units import parse_quantity, unit_of

__all__ = ["Confidence", "HardwareSpec", "Pin", "Provenance", "SpecModel", "flatten", "number_type"]

#: run: computed or executed by us; code: read in an open project's file that cites a paper; abs: paper
#: abstract; sec: third-party notes that quote the paper; inf: our inference from cited numbers;
#: assumed: no source; user: set by the user. Reports repeat ``assumed`` and ``user``.
Confidence = Literal["run", "code", "abs", "sec", "inf", "assumed", "user"]


def number_type(annotation: Any) -> type[int] | type[float] | None:
    """Return ``int`` or ``float`` if a field holds such a number (or None), else None."""
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    if float in options:
        return float
    return int if int in options else None


class SpecModel(BaseModel):
    """A node of the tree: frozen, no unknown keys, quantities with units."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _read_quantity(cls, value: Any, info: Any) -> Any:
        number = number_type(cls.model_fields[info.field_name].annotation)
        if number is None:
            return value
        if isinstance(value, bool):
            raise ValueError(f"{str(value).lower()} is not a number")
        if isinstance(value, str):
            read = parse_quantity(value, unit_of(info.field_name))
            return int(read) if number is int and read.is_integer() else read
        return value


class Provenance(SpecModel):
    """Where a number comes from and how sure it is."""

    source: str = Field(min_length=3)
    confidence: Confidence


class Pin(SpecModel):
    """A user's own figure for one component; replaces the model's, per event or per instance."""

    energy_J: float | None = Field(default=None, ge=0, description="energy of one event")
    latency_s: float | None = Field(default=None, ge=0, description="time of one event")
    area_m2: float | None = Field(default=None, ge=0, description="area of one instance")
    leakage_W: float | None = Field(default=None, ge=0, description="leakage of one instance")
    source: str = Field(min_length=3, description="where the figure comes from")


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``(dotted path, scalar)`` for every leaf of a nested mapping."""
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{path}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield path, value


class HardwareSpec(SpecModel):
    """Base of every hardware kind's spec. Subclasses add ``kind: Literal[...]`` and their blocks."""

    name: str = Field(description="preset or user name of this chip")
    kind: str
    description: str = ""
    pins: dict[str, Pin] = Field(default_factory=dict, description="component -> the user's own figures")
    sources: dict[str, Provenance] = Field(
        default_factory=dict, description="path -> where its number comes from"
    )

    def values(self) -> dict[str, Any]:
        """Return every tunable quantity by dotted path (no name, description or sources)."""
        tree = self.model_dump(exclude={"name", "description", "sources", "kind"}, exclude_none=True)
        return dict(flatten(tree))

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with ``{"adc.bits": 4, ...}`` set; changed numbers get the source ``user``.

        ``"device": "pcm-mushroom"`` replaces the whole block by that device's numbers and sources.

        Raises:
            UsageError: a path is unknown, a value is out of range, or two fields contradict each other.

        Example:
            >>> from axbar import load_hardware
            >>> load_hardware("imc-rram-65nm").replace({"read.v_read_V": "0.2 V"}).read.v_read_V
            0.2
        """
        from axbar.spec._replace import replaced

        return replaced(self, changes)

    def diff(self, other: HardwareSpec) -> dict[str, tuple[Any, Any]]:
        """Return ``{path: (mine, theirs)}`` for every quantity in which two specs differ."""
        mine, theirs = self.values(), other.values()
        return {
            path: (mine.get(path), theirs.get(path))
            for path in sorted(mine.keys() | theirs.keys())
            if mine.get(path) != theirs.get(path)
        }

    def confidence_of(self, path: str) -> Confidence:
        """Return how sure the number at ``path`` is; ``assumed`` where no source is given."""
        found = self.sources.get(path)
        return found.confidence if found else "assumed"

    def hash(self) -> str:
        """Return a content hash of all quantities (sources and names do not count)."""
        text = json.dumps({"kind": self.kind, **self.values()}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
