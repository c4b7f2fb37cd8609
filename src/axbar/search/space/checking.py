"""A space against what it speaks of: the chips of its ``hardware``, the settings of its techniques, its models.

Three conditions follow from them and are made explicit: a path counts only on chips that have it, a setting of a
technique only where the technique is on (if that is searched), an argument of a model only for models that take it.
A chip for which a value lies out of bounds is an error, not a condition: the user says by ``when`` what is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from axbar import registry
from axbar.errors import AxbarError, UsageError, suggest, unknown_name
from axbar.search.space.conditions import Clause, Condition
from axbar.search.space.domains import Choices, Domain
from axbar.search.space.fields import fitted
from axbar.search.space.parts import Parameter, technique_of
from axbar.spec import HardwareKind, HardwareSpec, load_hardware, path_table
from axbar.spec._paths import LABELS, PathInfo, path_info
from axbar.spec._tree import CALL, Faults, Origin
from axbar.usercode import is_reference

__all__ = ["bind", "is_of_chip"]


@dataclass(frozen=True)
class _World:
    """What the parameters are checked against.

    Args:
        searched: path -> parameter.
        chips: name -> spec, of all chips of the space; empty if none is known.
    """

    searched: Mapping[str, Parameter]
    chips: Mapping[str, HardwareSpec]


def is_of_chip(path: str) -> bool:
    """Whether a path is one of a hardware spec."""
    return path.partition(".")[0] not in ("hardware", "model", "technique")


def bind(
    parameters: Iterable[Parameter],
    base: HardwareSpec | None,
    faults: Faults,
    origins: Mapping[str, Origin] | None = None,
) -> tuple[Parameter, ...]:
    """Return parameters with values of the type of their field and with all conditions.

    Args:
        base: the chip of a space without ``hardware``; None leaves paths of a chip unchecked.
        faults: takes what is wrong, all at once.
        origins: path -> where it was written.
    """
    given = tuple(parameters)
    where = origins or {}
    searched = {p.path: p for p in given}
    chips = _chips(searched.get("hardware"), base, faults, where)
    world = _World(searched, chips)
    bound: list[Parameter] = []
    for parameter in given:
        try:
            bound.append(_bound(parameter, world))
        except AxbarError as error:
            faults.add(where.get(parameter.path, CALL), f"{parameter.path}: {error}")
    return tuple(bound)


def _bound(parameter: Parameter, world: _World) -> Parameter:
    head, _, rest = parameter.path.partition(".")
    if head == "technique":
        return _technique(parameter, world)
    if head == "model":
        return _argument(parameter, rest, world) if rest else _model(parameter)
    if parameter.path == "hardware" or not world.chips:
        return parameter
    return _of_chip(parameter, world)


def _chips(
    hardware: Parameter | None, base: HardwareSpec | None, faults: Faults, where: Mapping[str, Origin]
) -> dict[str, HardwareSpec]:
    if hardware is None:
        return {} if base is None else {base.name: base}
    found: dict[str, HardwareSpec] = {}
    for name in _texts(hardware.domain):
        try:
            if not isinstance(name, str):
                raise UsageError(f"{name!r} is no name of a chip.")
            found[name] = load_hardware(name)
        except AxbarError as error:
            faults.add(where.get("hardware", CALL), f"hardware: {error}", "hardware")
    return found


def _texts(domain: Domain) -> tuple[Any, ...]:
    return domain.values if isinstance(domain, Choices) else (str(domain),)


def _of_chip(parameter: Parameter, world: _World) -> Parameter:
    path, asked = parameter.path, _asked(parameter, world)
    having = {name: info for name, spec in world.chips.items() if (info := _info(spec, path))}
    if not having:
        raise UsageError(_unknown(path, world))
    kept = {name: info for name, info in having.items() if name in asked}
    if not kept:
        raise UsageError(
            f"counts for no chip: {', '.join(asked) or 'none'} is asked for, only {', '.join(having)} has it."
        )
    block = path.removesuffix(".name")
    if block != path and any(_info(spec, block) for spec in world.chips.values()):
        raise UsageError(
            f"would keep the numbers of another device; search '{block}' instead, which brings its own."
        )
    domain, refused = parameter.domain, dict[str, str]()
    for name, info in kept.items():
        try:
            domain = fitted(info, parameter.domain, name)
        except UsageError as error:
            refused[name] = str(error)
    if refused:
        rest = [name for name in kept if name not in refused]
        hint = f" Or add when: 'hardware in [{', '.join(rest)}]'." if rest else ""
        raise UsageError(f"{next(iter(refused.values()))}{hint}")
    implied = () if len(kept) == len(asked) else (Clause("hardware", "in", tuple(kept)),)
    return replace(parameter, domain=domain, when=_with(parameter.when, implied))


def _asked(parameter: Parameter, world: _World) -> tuple[str, ...]:
    """Return the chips that the parameter's own condition leaves."""
    names = tuple(world.chips)
    clauses = [c for c in parameter.when.clauses if c.path == "hardware"] if parameter.when else []
    if not clauses or "hardware" not in world.searched:
        return names
    domain = Choices(names)
    left = np.ones(len(names), dtype=np.bool_)
    for clause in clauses:
        left &= clause.holds(domain, np.arange(len(names)))
    return tuple(name for name, kept in zip(names, left, strict=True) if kept)


def _info(spec: HardwareSpec, path: str) -> PathInfo | None:
    """Return what stands at a path of a chip; any chip may have pins, but only of components that its kind has."""
    if path.startswith("pins."):
        kind: HardwareKind = registry.get("hardware", spec.kind)
        if path.split(".")[1] not in {part.name for part in kind.components}:
            return None
    return (
        None
        if path.partition(".")[0] in LABELS and not path.startswith("pins.")
        else path_info(type(spec), path)
    )


def _unknown(path: str, world: _World) -> str:
    tables = [path_table(spec) for spec in world.chips.values()]
    known = dict.fromkeys(["hardware", "model", *(p for table in tables for p in table)])
    tail = path.rpartition(".")[2]
    same = [f"'{other}'" for other in known if other.rpartition(".")[2] == tail and other != path]
    hint = f"; did you mean {' or '.join(same[:3])}?" if same else suggest(path, known) or "."
    chips = ", ".join(world.chips)
    return f"is no quantity of {chips}{hint} 'axbar ls paths' lists all."


def _technique(parameter: Parameter, world: _World) -> Parameter:
    from axbar.techniques import get_technique  # imports torch

    name, setting = technique_of(parameter.path)
    if not name:
        raise UsageError(
            "names no technique; write technique.prune: [true, false] or technique.prune.sparsity: ..."
        )
    config = get_technique(name).Config
    if not setting:
        switch = PathInfo(parameter.path, "bool")
        return replace(parameter, domain=fitted(switch, parameter.domain, f"technique '{name}'"))
    info = path_info(cast(Any, config), setting)
    if info is None:
        raise UsageError(unknown_name(f"setting of technique '{name}':", setting, config.model_fields))
    domain = fitted(info, parameter.domain, f"technique '{name}'")
    searched = f"technique.{name}" in world.searched
    implied = (Clause(f"technique.{name}", "==", (True,)),) if searched else ()
    return replace(parameter, domain=domain, when=_with(parameter.when, implied))


def _model(parameter: Parameter) -> Parameter:
    for name in _texts(parameter.domain):
        text = str(name)
        known = registry.names("models")
        if text not in known and not is_reference(text) and not Path(text).exists():
            raise UsageError(f"{unknown_name('model', text, known)} Or give a run folder or file.py:factory.")
    return parameter


def _argument(parameter: Parameter, argument: str, world: _World) -> Parameter:
    """An argument counts for models that take it; one that takes anything says so when it is built."""
    models = world.searched.get("model")
    if models is None:
        return parameter
    from axbar.nn import arguments_of  # imports torch

    names = [str(name) for name in _texts(models.domain)]
    taken = {name: arguments_of(name) for name in names}
    having = [name for name, known in taken.items() if known is None or argument in known]
    if not having:
        known = dict.fromkeys(key for keys in taken.values() for key in keys or ())
        raise UsageError(unknown_name(f"argument of model '{names[0]}'", argument, known))
    implied = () if len(having) == len(names) else (Clause("model", "in", tuple(having)),)
    return replace(parameter, when=_with(parameter.when, implied))


def _with(when: Condition | None, implied: tuple[Clause, ...]) -> Condition | None:
    return (when or Condition(())).also(*implied) if implied else when
