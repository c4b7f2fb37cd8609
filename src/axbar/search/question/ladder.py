"""How carefully designs are looked at: the rungs of the ladder and their settings.

F0 ``sweep`` prices designs without running them. F1 ``proxy`` measures accuracy on few images and one die, F2 ``full``
on several dies, F3 ``retrain`` after training that is too dear for all. Each rung takes the best of the one below,
and as many generations of new points as it is told to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, cast

from axbar.errors import UsageError, is_whole, unknown_name

__all__ = ["RUNGS", "Ladder", "Rung", "SweepSettings", "read_ladder"]

#: names of all rungs, the cheapest first
RUNGS: Final = ("sweep", "proxy", "full", "retrain")


@dataclass(frozen=True)
class SweepSettings:
    """How designs are priced.

    Args:
        points: at most so many; more are drawn from a scrambled Sobol sequence.
        variants: networks that are traced at most.
        set: as of ``Rung``; fine-tuning hardly moves the cost, so techniques with ``epochs`` run none here unless this
            says so.
    """

    points: int = 10_000_000
    variants: int = 32
    set: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Rung:
    """How accuracy is measured.

    Args:
        name: of ``RUNGS``.
        images: balanced test images; None for all.
        chips: programmed dies of hardware that computes in analog.
        survivors: classes of designs (see ``axbar.search.sweep.variants``) that come up from the rung below.
        generations, generation: rounds of points that the sampler proposes, and points a round.
        set: ``technique.NAME.FIELD`` -> value, for points that have the technique.
        techniques: that every point has behind its own, as ``"noise-aware:epochs=2"``.
    """

    name: str
    images: int | None = None
    chips: int = 5
    survivors: int = 8
    generations: int = 0
    generation: int = 8
    set: Mapping[str, Any] = field(default_factory=dict[str, Any])
    techniques: tuple[str, ...] = ()


_DEFAULTS: Final = {
    "proxy": Rung("proxy", images=256, chips=1, survivors=24, generations=2),
    "full": Rung("full"),
    "retrain": Rung("retrain", survivors=0),
}


@dataclass(frozen=True)
class Ladder:
    """All rungs.

    Args:
        sweep: how designs are priced; None to propose without.
        rungs: that measure accuracy, the cheapest first.
        batch: classes of designs that are sent to a worker at once.
        samples: test images whose spikes are recorded.
        designs: of one class that are carried along at most: they share an accuracy and differ in cost.
    """

    sweep: SweepSettings | None = field(default_factory=SweepSettings)
    rungs: tuple[Rung, ...] = (_DEFAULTS["proxy"], _DEFAULTS["full"])
    batch: int = 1
    samples: int = 16
    designs: int = 16

    def cut(self, name: str) -> Ladder:
        """Return the ladder up to and with a rung."""
        known = ["sweep", *(rung.name for rung in self.rungs)]
        if name not in known:
            raise UsageError(unknown_name("rung", name, known))
        return replace(self, rungs=self.rungs[: known.index(name)])


def read_ladder(given: Mapping[str, Any], *, accuracy: bool) -> Ladder:
    """Read ``fidelity`` of a space.

    Args:
        given: rung -> settings, or false to leave it out; ``batch``, ``samples``, ``designs``.
        accuracy: whether there is anything to measure; without, only the sweep is left.

    Raises:
        UsageError: a key or a value is wrong; with the closest key or what is allowed.
    """
    plain = ("batch", "samples", "designs")
    for key in given:
        if key not in (*RUNGS, *plain):
            raise UsageError(unknown_name("key of fidelity", key, (*RUNGS, *plain)))
    own = {key: _whole(f"fidelity.{key}", given[key], 1) for key in plain if key in given}
    sweep = SweepSettings()
    if given.get("sweep", True) is False:
        sweep = None
    elif "sweep" in given:
        sweep = cast(SweepSettings, _read("sweep", given["sweep"], sweep))
    wanted = [name for name in _DEFAULTS if given.get(name, True) is not False] if accuracy else []
    rungs = [cast(Rung, _read(name, given.get(name, {}), _DEFAULTS[name])) for name in wanted]
    if "retrain" in wanted:
        _check_retrain(rungs[-1], given)
    kept = tuple(rung for rung in rungs if rung.survivors or rung.generations)
    if not kept and sweep is None:
        raise UsageError("fidelity leaves no rung: allow the sweep, or give proxy or full some survivors.")
    return Ladder(sweep, kept, **own)


def _check_retrain(rung: Rung, given: Mapping[str, Any]) -> None:
    if rung.survivors and not rung.techniques and not rung.set:
        raise UsageError(
            "fidelity.retrain trains nothing: give it techniques, as [noise-aware:epochs=2], or set, as "
            "{technique.mint.epochs: 5}; or no survivors."
        )


def _read(name: str, given: object, default: SweepSettings | Rung) -> SweepSettings | Rung:
    if given is True:
        return default
    if not isinstance(given, Mapping):
        raise UsageError(
            f"fidelity.{name} = {given!r} is no mapping; write for example {{images: 256}}, or false."
        )
    settings = cast("Mapping[str, Any]", given)
    known = [f.name for f in fields(default) if f.name != "name"]
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if key not in known:
            raise UsageError(unknown_name(f"key of fidelity.{name}", key, known))
        found[key] = _value(f"fidelity.{name}.{key}", key, value)
    return replace(default, **found)


def _value(where: str, key: str, value: object) -> Any:
    if key == "set":
        return _tuned(where, value)
    if key == "techniques":
        return _texts(where, value)
    if key == "images" and value in (None, "all"):
        return None
    if key == "points" and isinstance(value, float) and value.is_integer():  # 1e6 is a float in YAML
        value = int(value)
    return _whole(where, value, 0 if key in ("survivors", "generations", "chips") else 1)


def _whole(where: str, value: object, low: int) -> int:
    if not is_whole(value, low):
        raise UsageError(f"{where} = {value!r} is refused: give a whole number from {low}.")
    return int(cast(int, value))


def _tuned(where: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where} = {value!r} is no mapping; write {{technique.mint.epochs: 0}}.")
    found = {str(path): v for path, v in cast("Mapping[object, Any]", value).items()}
    for path in found:
        if not path.startswith("technique.") or path.count(".") < 2:
            raise UsageError(
                f"{where}: '{path}' is no setting of a technique; write technique.NAME.FIELD, as technique.mint.epochs."
            )
    return found


def _texts(where: str, value: object) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, Sequence) or not all(
        isinstance(text, str) for text in cast("Sequence[object]", listed)
    ):
        raise UsageError(f"{where} = {value!r} is no list of techniques; write [noise-aware:epochs=2].")
    return tuple(cast("Sequence[str]", listed))
