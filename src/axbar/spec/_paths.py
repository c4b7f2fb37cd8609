"""What stands at a dotted path: type, unit, range, choices; for messages, sweeps and ``axbar ls paths``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from axbar import registry
from axbar.errors import suggest
from axbar.spec._base import HardwareSpec, number_type
from axbar.spec._quantity import write_quantity
from axbar.spec.imc import Device
from axbar.units import unit_of

__all__ = [
    "LABELS",
    "PathInfo",
    "block_of",
    "field_at",
    "items_of",
    "path_info",
    "path_table",
    "unknown_path",
]

#: fields that label a chip rather than describe it
LABELS = ("name", "kind", "description", "pins", "sources")


@dataclass(frozen=True)
class PathInfo:
    """One quantity of a chip.

    ``low`` and ``high`` are None where there is no bound; ``low_open``: ``low`` itself is not allowed.
    ``default`` is the value of the spec that was asked, or the field's default, or None.
    """

    path: str
    type: Literal["int", "float", "str", "bool"]
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    description: str = ""
    default: object = None
    low_open: bool = False
    high_open: bool = False

    @property
    def allowed(self) -> str:
        """Return what is allowed in words: ``1..12``, ``above 0 V and up to 2 V``, ``sar, flash``."""
        if self.choices:
            return ", ".join(self.choices)
        low = None if self.low is None else write_quantity(self._typed(self.low), self.unit)
        high = None if self.high is None else write_quantity(self._typed(self.high), self.unit)
        if low is not None and high is not None and not self.low_open and not self.high_open:
            return f"{low}..{high}"
        parts = [f"{'above' if self.low_open else 'at least'} {low}"] if low is not None else []
        parts += [f"{'below' if self.high_open else 'up to'} {high}"] if high is not None else []
        return " and ".join(parts) or {"int": "any whole number", "float": "any number"}.get(
            self.type, "any text"
        )

    def _typed(self, bound: float) -> float:
        return int(bound) if self.type == "int" else bound

    def problem(self, value: float | str) -> str:
        """Return what is wrong with a value of the right type, or ``""``."""
        if isinstance(value, str):
            return "" if not self.choices or value in self.choices else f"is not one of {self.allowed}"
        if self.low is not None and (value < self.low or (self.low_open and value == self.low)):
            return f"is out of range: allowed {self.allowed}. {self._mend('Raise', self.low, self.low_open)}"
        if self.high is not None and (value > self.high or (self.high_open and value == self.high)):
            return (
                f"is out of range: allowed {self.allowed}. {self._mend('Lower', self.high, self.high_open)}"
            )
        return ""

    def _mend(self, verb: str, bound: float, exclusive: bool) -> str:
        shown = write_quantity(self._typed(bound), self.unit)
        if exclusive:
            return f"{verb} it {'above' if verb == 'Raise' else 'below'} {shown}."
        return f"{verb} it to {shown} or {'more' if verb == 'Raise' else 'less'}."


def block_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model if a field is a block of its own."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def items_of(annotation: Any) -> type[BaseModel] | None:
    """Return the item model of a ``dict[str, Model]`` field such as ``pins``."""
    args = get_args(annotation)
    return block_of(args[1]) if get_origin(annotation) is dict and len(args) == 2 else None


def field_at(model: type[BaseModel], path: str) -> FieldInfo | None:
    """Return the field at a dotted path, or None; the second part of ``pins.adc.energy_J`` is free."""
    head, _, rest = path.partition(".")
    found = model.model_fields.get(head)
    if found is None or not rest:
        return found
    items = items_of(found.annotation)
    if items is not None:
        key, _, rest = rest.partition(".")
        return field_at(items, rest) if key and rest else None
    block = block_of(found.annotation)
    return field_at(block, rest) if block is not None else None


def path_info(model: type[BaseModel], path: str) -> PathInfo | None:
    """Return what stands at a path, or None if nothing or a block does."""
    found = field_at(model, path)
    if found is None or items_of(found.annotation) is not None:
        return None
    block = block_of(found.annotation)
    if block is not None:
        return _device_info(path) if issubclass(block, Device) else None
    if path == "kind":
        return PathInfo(path, "str", choices=registry.names("hardware"))
    above = field_at(model, path.rpartition(".")[0])
    holder = block_of(above.annotation) if above is not None else None
    if path.endswith(".name") and holder is not None and issubclass(holder, Device):
        return _device_info(path)
    return _leaf_info(path, found)


def _device_info(path: str) -> PathInfo:
    """A device block, as a whole or by its ``name``, is chosen by name."""
    return PathInfo(
        path, "str", choices=registry.names("devices"), description="memory cell, with all its numbers"
    )


def _leaf_info(path: str, found: FieldInfo) -> PathInfo:
    number = number_type(found.annotation)
    choices = (
        tuple(str(choice) for choice in get_args(found.annotation))
        if get_origin(found.annotation) is Literal
        else ()
    )
    kind = number.__name__ if number else ("bool" if found.annotation is bool else "str")
    bounds: dict[str, Any] = {}
    for constraint in found.metadata:
        for name, side, exclusive in (
            ("ge", "low", False),
            ("gt", "low", True),
            ("le", "high", False),
            ("lt", "high", True),
        ):
            if hasattr(constraint, name):
                bounds |= {side: getattr(constraint, name), f"{side}_open": exclusive}
    return PathInfo(
        path=path,
        type=cast(Any, kind),
        unit=unit_of(path) if number else "",
        choices=choices,
        description=found.description or "",
        default=None if found.is_required() else found.get_default(call_default_factory=True),
        **bounds,
    )


@cache
def _class_table(model: type[BaseModel], prefix: str = "") -> dict[str, PathInfo]:
    table: dict[str, PathInfo] = {}
    for name, found in model.model_fields.items():
        path, block = f"{prefix}{name}", block_of(found.annotation)
        if not prefix and name in LABELS:
            continue
        if block is not None:
            table |= _class_table(block, f"{path}.")
        elif items_of(found.annotation) is None:
            table[path] = _leaf_info(path, found)
    return table


def path_table(spec: HardwareSpec | type[HardwareSpec]) -> dict[str, PathInfo]:
    """Return every tunable quantity of a chip or hardware kind by dotted path.

    A device block appears twice: as ``device``, to be chosen by name, and by its fields.

    Example:
        >>> from axbar.spec import ImcSpec
        >>> path_table(ImcSpec)["adc.bits"].allowed
        '1..12'
    """
    model = spec if isinstance(spec, type) else type(spec)
    table = dict(_class_table(model))
    for path in [name for name, found in model.model_fields.items() if block_of(found.annotation)]:
        info = path_info(model, path)
        if info is not None:
            table |= {path: info, f"{path}.name": replace(info, path=f"{path}.name")}
    if isinstance(spec, HardwareSpec):
        values = spec.values()
        table = {
            path: replace(info, default=values.get(path, values.get(f"{path}.name")))
            for path, info in table.items()
        }
    order = [*model.model_fields]
    return dict(sorted(table.items(), key=lambda item: (order.index(item[0].split(".")[0]), "." in item[0])))


def unknown_path(model: type[HardwareSpec], path: str) -> str:
    """Return the sentence for an override path that does not exist."""
    known = path_table(model)
    tail = path.rsplit(".", 1)[-1]
    same_tail = [f"'{other}'" for other in known if other.rsplit(".", 1)[-1] == tail]
    hint = f"; did you mean {' or '.join(same_tail)}?" if same_tail else suggest(path, known)
    return f"unknown path '{path}'{hint or '.'} 'axbar ls paths' lists all."
