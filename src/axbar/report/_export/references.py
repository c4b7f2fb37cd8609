"""The publications behind axbar's numbers, and how source texts name them.

Sources of constants, specs and devices are sentences ("SpikeSim platform (Moitra et al., TCAD 2023): 65 nm CMOS").
Each ``Reference`` lists regular expressions that find it in such sentences; one sentence may name several (a paper
and the open project in which its number was read). A source that names no publication is listed in ``NO_PUBLICATION``
with the reason; what is neither is exported word for word.

Titles, venues and years are those of the publications; a DOI or arXiv number stands only where it is known for
certain. "and others" shortens lists of authors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from axbar.report._export._literature import TABLE

__all__ = ["REFERENCES", "Reference", "by_key", "data_reference", "matches", "no_publication"]


@dataclass(frozen=True)
class Reference:
    """One publication or piece of software.

    Args:
        key: citation key.
        kind: ``article``, ``inproceedings`` or ``misc`` of BibTeX.
        authors: as BibTeX writes them.
        title, year: as published; None where the year is not known for certain.
        venue: journal, proceedings, or what else says where to find it.
        patterns: regular expressions, case-sensitive, that occur in source texts.
        fields: further BibTeX fields (``volume``, ``pages``, ``doi``, ``eprint``, ``url``).
    """

    key: str
    kind: str
    authors: str
    title: str
    venue: str
    year: int | None
    patterns: tuple[str, ...]
    fields: dict[str, str] = field(default_factory=dict[str, str])

    def named_in(self, text: str) -> bool:
        """Whether a source text names this publication."""
        return any(re.search(pattern, text) for pattern in self.patterns)


REFERENCES: tuple[Reference, ...] = tuple(Reference(*row) for row in TABLE)

#: what names no publication -> why that is so
NO_PUBLICATION: dict[str, str] = {
    r"^default: ": "a default of axbar",
    r"^choice\b": "a choice of the preset",
    r"^set (by the user|in )|^swept by the user": "the user's own figure",
    r"^partial sums of a tile|^spikes of a tile": "arithmetic on other numbers of the preset",
    r"^SAR, one decision per": "arithmetic on other numbers of the preset",
    r"^copper of ": "sheet resistance times geometry",
    r"^an SRAM cell holds one bit$|^bit lines precharged to the supply$": "how such a circuit works",
    r"^4-bit signed weight on one differential pair": "how such a circuit works",
    r"^256 inputs of 8 bits|^256 outputs in 64 clocks|^256 sums of 16 bits": "arithmetic on the preset",
    r"^geometry\b|^definition\b": "a definition",
    r"^own (runs|fit|figure|measurement)": "computed for axbar",
}


@cache
def matches(text: str) -> tuple[Reference, ...]:
    """Return the references that a source text names.

    >>> [found.key for found in matches("Wan et al., Nature 2022, via CiMLoop rram_wan_nature_2022.cell.yaml")]
    ['wan2022neurram', 'andrulis2024cimloop']
    """
    return tuple(reference for reference in REFERENCES if reference.named_in(text))


def no_publication(text: str) -> str:
    """Return why a source text names no publication; empty if it may name one."""
    return next((why for pattern, why in NO_PUBLICATION.items() if re.search(pattern, text)), "")


def by_key(key: str) -> Reference:
    """Return the reference of that key."""
    return next(reference for reference in REFERENCES if reference.key == key)


#: beginning of a data set's name -> key of its publication
_DATA = {
    "fashion-mnist": "xiao2017fashion",
    "mnist": "lecun1998gradient",
    "cifar": "krizhevsky2009learning",
    "n-mnist": "orchard2015converting",
    "braille": "mullercleve2022braille",
    "ecg-qtdb": "laguna1997database",
    "wave": "kim2024rethinking",
}


def data_reference(name: str) -> Reference | None:
    """Return the publication of a registered data set."""
    return next((by_key(key) for start, key in _DATA.items() if name.startswith(start)), None)
