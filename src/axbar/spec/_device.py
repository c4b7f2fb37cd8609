"""A device by name: ``device: rram-neurram`` stands for that device's numbers and their sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from pydantic import BaseModel

from axbar import registry
from axbar.errors import unknown_name
from axbar.spec._base import Provenance
from axbar.spec._paths import block_of
from axbar.spec._tree import Block, Faults, Leaf, Origin, merge
from axbar.spec.imc import Device

__all__ = ["AS_PUBLISHED", "expand_devices"]

#: of the scales and rates that a device preset leaves at their defaults
AS_PUBLISHED = Provenance(source="default: the device's laws as published, no faulty cells", confidence="inf")


class _Preset(Protocol):
    """What this room needs of a device preset (axbar.devices holds them)."""

    @property
    def spec(self) -> Device: ...
    @property
    def sources(self) -> Mapping[str, Provenance]: ...


def expand_devices(model: type[BaseModel], block: Block, faults: Faults) -> Block:
    """Replace a device's name by the device, in the blocks that hold one.

    ``device: NAME`` gives the whole preset; ``device: {name: NAME, g_on_S: "50 uS"}`` starts from it. A block
    without a name is left alone: it changes the device below it.
    """
    children = dict(block.children)
    for key, node in block.children.items():
        found = model.model_fields.get(key)
        target = block_of(found.annotation) if found is not None else None
        if target is None or not issubclass(target, Device):
            continue
        own: dict[str, Leaf | Block] = node.children if isinstance(node, Block) else {"name": node}
        name = own.get("name")
        if isinstance(name, Leaf) and isinstance(name.value, str):
            children[key] = _expanded(target, key, name, own, faults)
    return Block(children, block.origin, block.whole)


def _expanded(
    target: type[Device], path: str, name: Leaf, own: dict[str, Leaf | Block], faults: Faults
) -> Leaf | Block:
    known = registry.canonical("devices", str(name.value))
    if known not in registry.names("devices"):
        faults.add(name.origin, unknown_name(path, known, registry.names("devices")), path)
        return name
    preset = cast(_Preset, registry.get("devices", known))
    filled = _filled(preset.spec, target, preset.sources, name.origin)
    own = own | {"name": Leaf(known, name.origin, name.provenance)}
    return Block(merge(filled, Block(own, name.origin)).children, name.origin, whole=True)


def _filled(
    device: BaseModel,
    model: type[BaseModel],
    sources: Mapping[str, Provenance],
    origin: Origin,
    above: str = "",
) -> Block:
    """Return the numbers of a preset as a tree; what the preset has no source for is the law as published."""
    children: dict[str, Leaf | Block] = {}
    for field in model.model_fields:
        value = getattr(device, field, None)
        if isinstance(value, BaseModel):
            children[field] = _filled(value, type(value), sources, origin, f"{above}{field}.")
        elif value is not None:
            children[field] = Leaf(value, origin, sources.get(f"{above}{field}", AS_PUBLISHED))
    return Block(children, origin, whole=True)
