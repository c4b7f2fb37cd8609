"""The chips of a comparison: as named, with the changes that each has, all doing the same work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from axbar.cost.metrics import work_on
from axbar.errors import UsageError, unknown_name
from axbar.spec import HardwareSpec, load_hardware

__all__ = ["contenders", "told_apart"]


def contenders(
    hardware: Sequence[str | HardwareSpec], overrides: Mapping[str, Any] | Sequence[str] = ()
) -> list[tuple[HardwareSpec, HardwareSpec]]:
    """Return each chip as named and with the changes whose paths it has.

    ``NAME:PATH=VALUE`` changes the chips of that name alone, ``"NAME #2:PATH=VALUE"`` the second of them.

    Raises:
        UsageError: no chip is named, no chip has a changed path, or some chips train where others infer.
    """
    if not hardware:
        raise UsageError("no chip to compare on; name some, such as imc-rram-65nm,sata,loas.")
    if isinstance(hardware, str | HardwareSpec):
        hardware = [hardware]
    bases = [one if isinstance(one, HardwareSpec) else load_hardware(one) for one in hardware]
    changes = _changes(overrides)
    known = [_paths(base) for base in bases]
    plain = [base.name for base in bases]
    names = told_apart(plain)
    own = _own_changes(changes, (*names, *plain))
    for path in changes:
        if not any(path in paths for paths in known):
            every = sorted(set().union(*known))
            raise UsageError(unknown_name("path on any of these chips", path, every, "axbar ls paths"))
    found = [
        (base, _changed(base, {p: v for p, v in changes.items() if p in paths}
                        | own.get(base.name, {}) | own.get(name, {})))
        for base, name, paths in zip(bases, names, known, strict=True)
    ]  # fmt: skip
    _check_work(names, [spec for _, spec in found])
    return found


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Number namesakes in their order.

    >>> told_apart(["sata", "loas", "sata"])
    ('sata #1', 'loas', 'sata #2')
    """
    return tuple(
        name if names.count(name) == 1 else f"{name} #{1 + names[:i].count(name)}"
        for i, name in enumerate(names)
    )


def _check_work(names: Sequence[str], specs: Sequence[HardwareSpec]) -> None:
    """Refuse to divide the cost of a training step by that of an inference."""
    work = [work_on(spec.values()) for spec in specs]
    if len(set(work)) < 2:
        return
    said = ", ".join(f"{name}: {what}" for name, what in zip(names, work, strict=True))
    other = next(name for name, what in zip(names, work, strict=True) if what != "inference")
    raise UsageError(
        f"these chips do different work, so that ratios between them mean nothing ({said}); compare chips of one "
        f"task, for example with the change '{other}:task=inference'."
    )


def _own_changes(changes: dict[str, Any], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Take the changes of one chip alone out of those of all."""
    own: dict[str, dict[str, Any]] = {}
    for key in [key for key in changes if ":" in key]:
        name, path = (part.strip() for part in key.split(":", 1))
        if name not in names:
            raise UsageError(unknown_name("chip in a change", name, list(dict.fromkeys(names))))
        own.setdefault(name, {})[path] = changes.pop(key)
    return own


def _changed(base: HardwareSpec, changes: Mapping[str, Any]) -> HardwareSpec:
    try:
        return base.replace(changes)
    except UsageError as error:
        raise UsageError(f"{base.name}: {error}") from None


def _changes(overrides: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    if isinstance(overrides, Mapping):
        return dict(overrides)
    found: dict[str, Any] = {}
    for text in overrides:
        path, given, value = text.partition("=")
        if not given or not path:
            raise UsageError(f"'{text}' is not PATH=VALUE; write for example clock_Hz=200e6.")
        found[path.strip()] = value.strip()
    return found


def _paths(spec: HardwareSpec) -> set[str]:
    """Paths that may be changed: all quantities, and blocks that a word stands for (``device``)."""
    values = set(spec.values())
    return values | {path.partition(".")[0] for path in values if path.endswith(".name")}
