"""Which flaws of analog arrays a layer suffers from: switches to attribute a loss to its cause.

In the order in which they act on a read (devices -> wires -> converter):

| effect | what it is |
| --- | --- |
| programming | a written cell misses its target |
| faults | cells stuck at the largest or smallest conductance |
| drift | what time does: drift, relaxation, the 1/f noise gathered since programming |
| nonlinearity | the cell's current is no straight line of its voltage |
| wires | voltage lost along word lines, bit lines, drivers and sense nodes |
| read_noise | every read draws anew |
| adc | converters round, clip and bend |
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

from axbar.errors import UsageError, unknown_name

__all__ = ["EFFECTS", "Effects"]


@dataclass(frozen=True)
class Effects:
    """What a layer's arrays suffer from; everything is on by default.

    >>> Effects.only("wires").programming, Effects().without("adc").adc
    (False, False)
    """

    adc: bool = True
    wires: bool = True
    nonlinearity: bool = True
    faults: bool = True
    programming: bool = True
    read_noise: bool = True
    drift: bool = True

    @classmethod
    def none(cls) -> Self:
        """Return ideal arrays: no flaw at all."""
        return cls(**dict.fromkeys(EFFECTS, False))

    @classmethod
    def only(cls, *names: str) -> Self:
        """Return arrays with the named flaws alone."""
        _check(names)
        return cls(**{name: name in names for name in EFFECTS})

    def without(self, *names: str) -> Self:
        """Return the same with the named flaws switched off."""
        _check(names)
        return replace(self, **dict.fromkeys(names, False))

    def with_(self, *names: str) -> Self:
        """Return the same with the named flaws switched on."""
        _check(names)
        return replace(self, **dict.fromkeys(names, True))


#: names of all effects, in the order in which a report adds them up
EFFECTS: tuple[str, ...] = tuple(field.name for field in fields(Effects))


def _check(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in EFFECTS:
            raise UsageError(unknown_name("effect", name, EFFECTS))
