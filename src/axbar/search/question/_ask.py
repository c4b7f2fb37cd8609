"""A question to ``explore``, read and checked before any work."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast, get_args

from axbar.errors import SpecError, UsageError, suggest, unknown_name
from axbar.search.propose import Sampler
from axbar.search.question.design import Designer
from axbar.search.question.keys import chip_contents
from axbar.search.question.ladder import RUNGS, Ladder, SweepSettings, read_ladder
from axbar.search.question.networks import Networks
from axbar.search.space import Space, check_space, load_space
from axbar.search.space.as_dict import space_to_dict
from axbar.search.space.parts import Objective, technique_of
from axbar.search.space.reading import origin_of
from axbar.spec import HardwareSpec, apply_overrides, load_hardware

if TYPE_CHECKING:
    import torch

    from axbar.data import Dataset
    from axbar.workload import Workload

__all__ = ["Question", "ask"]


@dataclass(frozen=True)
class Question:
    """What is to be searched.

    Args:
        space: checked, with objectives.
        base: the chip of points that name none.
        ladder: the rungs.
        designers: rung -> what makes designs of its points.
        networks: and data; None where only costs are asked for.
        workload: that is priced where there are no networks.
        seed, sampler: of all that is drawn and proposed.
        facts: what pages and commands repeat.
        notes: sentences that a reader must know.
    """

    space: Space
    base: HardwareSpec | None
    ladder: Ladder
    designers: Mapping[str, Designer]
    networks: Networks | None
    workload: Workload | None
    seed: int
    sampler: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    notes: tuple[str, ...] = ()

    def asked(self) -> dict[str, Any]:
        """Return what a study can't change between two calls, plain JSON; how many points are looked at may grow."""
        return {
            "space": {key: value for key, value in space_to_dict(self.space).items() if key != "fidelity"},
            "hardware": None if self.base is None else {"kind": self.base.kind, **self.base.values()},
            "chips": chip_contents(self.space, self.base),
            "networks": {} if self.networks is None else self.networks.contents(self.space),
            "data": None if self.networks is None else self.networks.data().content,
            "workload": None if self.workload is None else self.workload.hash(),
            "seed": self.seed,
            "samples": self.ladder.samples,
        }


def ask(
    space: Space | str | os.PathLike[str] | Mapping[str, Any],
    model: str | torch.nn.Module | Workload | None,
    data: str | Dataset | None,
    hardware: str | HardwareSpec | None,
    *,
    weights: str | None,
    config: Mapping[str, Any] | None,
    overrides: Mapping[str, Any] | Sequence[str],
    seed: int,
    sampler: str,
    data_dir: str | None,
    until: str,
    command: str = "",
) -> Question:
    """Read and check everything that can be checked without work.

    Raises:
        AxbarError: something is wrong; one sentence a fault.
    """
    if sampler not in get_args(Sampler):
        raise UsageError(unknown_name("sampler", sampler, get_args(Sampler)))
    base = _base(hardware, overrides)
    found = _with_objectives(_space(space, base), data is not None)
    _check_hardware(found, base, hardware, overrides)
    _check_accuracy(found, data is not None)
    with _of_file(space):
        ladder = read_ladder(found.fidelity, accuracy=data is not None)
        designers = _designers(found, base, ladder)
        if until != "sweep":
            _check_gives(found, ladder)
    if until:
        ladder = _cut(ladder, until, data is not None)
    _check_overrides(found, overrides)
    networks, workload = None, None
    if data is None:
        workload = _workload(found, model, weights, config)
    else:
        networks = _networks(found, model, data, weights, config, data_dir)
    facts = {
        "model": _name(model), "data": data if isinstance(data, str) or data is None else data.name, "weights": weights,
        "config": dict(config or {}), "data_dir": data_dir, "seed": seed, "sampler": sampler,
        "samples": ladder.samples, "command": command, "named": _named(model) and _named(data),
        "rungs": {rung.name: {"images": rung.images, "chips": rung.chips} for rung in ladder.rungs},
    }  # fmt: skip
    designers = {rung: designers[rung] for rung in ("sweep", *(rung.name for rung in ladder.rungs))}
    return Question(found, base, ladder, designers, networks, workload, seed, sampler, facts)


@contextmanager
def _of_file(space: object) -> Generator[None]:
    """Make what is wrong with ``fidelity`` a fault of the space's file, with its line, if it came from one."""
    try:
        yield
    except UsageError as error:
        if not isinstance(space, str | os.PathLike):
            raise
        place = origin_of(cast("str | os.PathLike[str]", space), str(error))
        raise SpecError(f"{place}: {error}") from None


def _base(
    hardware: str | HardwareSpec | None, overrides: Mapping[str, Any] | Sequence[str]
) -> HardwareSpec | None:
    if hardware is None:
        return None
    if isinstance(hardware, HardwareSpec):
        return apply_overrides(hardware, overrides) if overrides else hardware
    return load_hardware(hardware, overrides) if overrides else load_hardware(hardware)


def _space(space: Any, base: HardwareSpec | None) -> Space:
    return check_space(space if isinstance(space, Space) else load_space(space, base), base)


def _with_objectives(space: Space, measured: bool) -> Space:
    if space.objectives:
        return space
    names = (["accuracy"] if measured else []) + ["energy_J", "latency_s"]
    return replace(space, objectives=tuple(Objective(n, "max" if n == "accuracy" else "min") for n in names))


def _check_hardware(space: Space, base: HardwareSpec | None, hardware: Any, overrides: Any) -> None:
    if "hardware" in space.paths and hardware is not None:
        raise UsageError(
            "the space searches 'hardware' itself; leave --hardware out, or 'hardware' out of the space."
        )
    if base is None and overrides:
        raise UsageError(
            "--set changes the chip of --hardware, and there is none; put the value into the space, as a constant."
        )


def _cut(ladder: Ladder, until: str, measured: bool) -> Ladder:
    if until in RUNGS and until != "sweep" and not measured:
        raise UsageError(f"--until {until} measures accuracy, for which it takes images: give --data.")
    return ladder.cut(until)


def _check_overrides(space: Space, overrides: Mapping[str, Any] | Sequence[str]) -> None:
    for given in overrides:
        path = given.partition("=")[0].strip()
        if path in space.paths:
            raise UsageError(
                f"--set {path} would do nothing, as the space searches it; leave one of them out."
            )


def _check_accuracy(space: Space, measured: bool) -> None:
    asked = [str(o) for o in space.objectives if o.quantity == "accuracy"]
    asked += [str(c) for c in space.constraints if c.quantity == "accuracy"]
    if asked and not measured:
        raise UsageError(
            f"'{asked[0]}' can't be given without images: give --data, or leave accuracy out of objectives and "
            "constraints to search by cost alone."
        )


def _check_gives(space: Space, ladder: Ladder) -> None:
    """Refuse objectives that no rung of the ladder gives."""
    asked = [str(o) for o in space.objectives if o.quantity == "accuracy"]
    if asked and not ladder.rungs:
        raise UsageError(
            f"'{asked[0]}' can't be given by the sweep, which prices designs without running them: allow proxy or full "
            "in fidelity, or leave accuracy out of the objectives."
        )


def _workload(space: Space, model: Any, weights: str | None, config: Mapping[str, Any] | None) -> Workload:
    from axbar.workload import Workload, read_workload

    changing = [p for p in space.paths if p.partition(".")[0] in ("model", "technique")]
    if changing:
        raise UsageError(f"'{changing[0]}' changes the network, which takes images to trace it: give --data.")
    if weights is not None:
        raise UsageError(
            "--weights would do nothing without --data: the cost of a shape rests on rates alone."
        )
    if isinstance(model, Workload):
        return model
    if not isinstance(model, str):
        raise UsageError(
            "give a workload to price (a shape, a workload.npz), or a network together with --data."
        )
    return read_workload(model, dict(config or {}))


def _networks(
    space: Space,
    model: Any,
    data: Any,
    weights: str | None,
    config: Mapping[str, Any] | None,
    data_dir: str | None,
) -> Networks:
    from axbar.data import load_data
    from axbar.workload import Workload

    if isinstance(model, Workload):
        raise UsageError("a workload has no accuracy; give the network itself, or leave --data out.")
    if model is None and "model" not in space.paths:
        raise UsageError("there is no network: give a model, or 'model: [NAME, …]' in the space.")
    dataset = load_data(data, data_dir=data_dir) if isinstance(data, str) else data
    networks = Networks(model, dataset, weights, config or {})
    networks.check_arguments(space)
    return networks


def _name(model: Any) -> str | None:
    return (
        model
        if isinstance(model, str) or model is None
        else str(getattr(model, "name", type(model).__name__))
    )


def _named(given: Any) -> bool:
    """Whether a command line can say it."""
    return given is None or isinstance(given, str)


def _designers(space: Space, base: HardwareSpec | None, ladder: Ladder) -> dict[str, Designer]:
    found = {"sweep": Designer(space, base, _untrained(space, ladder.sweep or SweepSettings()))}
    for rung in ladder.rungs:
        _check_set(space, rung.name, rung.set)
        for text in rung.techniques:
            _check_technique(f"fidelity.{rung.name}.techniques", text)
        found[rung.name] = Designer(space, base, rung.set, rung.techniques)
    return found


def _check_set(space: Space, rung: str, settings: Mapping[str, Any]) -> None:
    from axbar.techniques import get_technique

    for path, value in settings.items():
        name, setting = technique_of(path)
        if name not in space.techniques:
            hint = suggest(name, space.techniques) or "."
            raise UsageError(
                f"fidelity.{rung}.set: '{path}' is of a technique that the space does not have{hint}"
            )
        known = get_technique(name).Config.model_fields
        if setting not in known:
            raise UsageError(
                f"fidelity.{rung}.set: {unknown_name(f'setting of technique {name!r}:', setting, known)}"
            )
        _check_technique(f"fidelity.{rung}.set", f"{name}:{setting}={value}")


def _check_technique(where: str, text: str) -> None:
    """Refuse a technique or a value of it that can't be, before anything is measured."""
    from axbar.techniques import parse_technique

    try:
        parse_technique(text)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _untrained(space: Space, sweep: SweepSettings) -> dict[str, Any]:
    """Return settings with which techniques train nothing, as far as they have ``epochs`` that may be 0."""
    from axbar.techniques import get_technique

    found: dict[str, Any] = {}
    for name in space.techniques:
        path, config = f"technique.{name}.epochs", get_technique(name).Config
        if "epochs" not in config.model_fields or path in space.paths:
            continue
        try:
            config.model_validate({"epochs": 0})
        except ValueError:
            continue
        found[path] = 0
    _check_set(space, "sweep", sweep.set)
    return found | dict(sweep.set)
