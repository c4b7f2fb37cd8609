"""The device block behind a design point, put together again from the columns of a sweep."""

from __future__ import annotations

from typing import Any

from axbar.cost._types import Context
from axbar.spec.imc import CustomLaws, Device

__all__ = ["device_of"]


def device_of(x: Context) -> Device:
    """Return the device block of a context of one point, not validated: it may contradict itself."""

    def numbers(model: type[CustomLaws] | type[Device], block: str) -> dict[str, Any]:
        return {
            name: x.p(f"{block}.{name}").item()
            for name in model.model_fields
            if f"{block}.{name}" in x.numbers
        }

    custom = CustomLaws(**numbers(CustomLaws, "device.custom"))
    fields: dict[str, Any] = numbers(Device, "device") | {"name": x.text("device.name"), "custom": custom}
    return Device.model_construct(**fields)
