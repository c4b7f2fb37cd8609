"""A device by name: ``device: rram-neurram`` stands for that device's numbers and their sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from pydantic import BaseModel

from axbar import registry
from axbar.errors import unknown_name
from axbar.spec._base import Provenance
from axbar.spec._paths import block_of
from axbar.spec._tree import Block, Faults, Leaf
from axbar.spec.imc import Device

__all__ = ["expand_devices"]


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
    if name.value not in registry.names("devices"):
        faults.add(name.origin, unknown_name(path, str(name.value), registry.names("devices")), path)
        return name
    preset = cast(_Preset, registry.get("devices", str(name.value)))
    children: dict[str, Leaf | Block] = {
        field: Leaf(getattr(preset.spec, field), name.origin, preset.sources.get(field))
        for field in target.model_fields
        if hasattr(preset.spec, field)
    }
    return Block(children | own, name.origin, whole=True)
