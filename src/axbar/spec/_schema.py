"""JSON Schema of a chip *file*, for editors: quantities as text, sources, ``extends``, devices by name."""

from __future__ import annotations

from typing import Any, cast, get_args

from pydantic import BaseModel

from axbar import registry
from axbar.spec._base import Confidence, HardwareSpec
from axbar.spec._paths import block_of, items_of
from axbar.spec.imc import Device
from axbar.spec.kind import HardwareKind

__all__ = ["json_schema"]

Schema = dict[str, Any]


def json_schema(kind: str = "imc") -> Schema:
    """Return the JSON Schema (draft 2020-12) of the YAML files of a hardware kind.

    Raises:
        UsageError: there is no such kind (with the closest one).
    """
    found: HardwareKind = registry.get("hardware", kind)
    model = found.Spec
    fields = cast(dict[str, Schema], model.model_json_schema()["properties"])
    properties: Schema = {
        "extends": {"type": "string", "description": "preset name or path of the YAML file this one changes"},
        "kind": {"const": kind},
        "name": fields["name"],
        "description": fields["description"],
    }
    properties |= {
        name: _field(model, name) for name in model.model_fields if name not in (*properties, "sources")
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"axbar hardware of the kind {kind}",
        "description": found.summary,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "if": {"required": ["extends"]},
        "else": _complete(model),
    }


def _field(model: type[BaseModel], name: str) -> Schema:
    field = model.model_fields[name]
    block, items = block_of(field.annotation), items_of(field.annotation)
    if items is not None:
        return {
            "type": "object",
            "additionalProperties": _block(items),
            "description": field.description or "",
        }
    if block is None:
        plain = cast(Schema, model.model_json_schema()["properties"][name])
        if issubclass(model, Device) and name == "name":
            plain |= _device_name()
        return _leaf({key: value for key, value in plain.items() if key != "title"})
    if issubclass(block, Device):
        names = _leaf(_device_name())
        return {
            "anyOf": [names, _block(block)],
            "description": "memory cell: a device's name, or a block that changes one",
        }
    return _block(block)


def _device_name() -> Schema:
    return {"type": "string", "enum": list(registry.names("devices"))}


def _block(model: type[BaseModel]) -> Schema:
    return {
        "type": "object",
        "description": (model.__doc__ or "").strip().partition("\n")[0],
        "properties": {name: _field(model, name) for name in model.model_fields},
        "additionalProperties": False,
    }


def _leaf(plain: Schema) -> Schema:
    """A scalar: itself, a text with a unit if it is a number, or with its source."""
    description = plain.pop("description", "")
    forms = [plain]
    if {"integer", "number"} & {plain.get("type"), *(form.get("type") for form in plain.get("anyOf", ()))}:
        forms.append({"type": "string", "pattern": r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*\S*\s*$"})
    value = {"anyOf": forms} if len(forms) > 1 else plain
    annotated = {
        "type": "object",
        "properties": {
            "value": value,
            "source": {"type": "string", "minLength": 3},
            "confidence": {"enum": list(get_args(Confidence))},
        },
        "required": ["value"],
        "additionalProperties": False,
    }
    return {"anyOf": [*forms, annotated]} | ({"description": description} if description else {})


def _complete(model: type[HardwareSpec]) -> Schema:
    """What a file that extends nothing must hold. A device needs its name only; the chip's is the file's."""
    required = [name for name, field in model.model_fields.items() if field.is_required() and name != "name"]
    blocks: Schema = {}
    for name, field in model.model_fields.items():
        block = block_of(field.annotation)
        if block is not None:
            inner = [key for key, part in block.model_fields.items() if part.is_required()]
            by_name = {"anyOf": [{"required": ["name"]}, {"required": ["value"]}]}
            blocks[name] = by_name if issubclass(block, Device) else {"required": inner}
    return {"required": ["kind", *(name for name in required if name != "kind")], "properties": blocks}
