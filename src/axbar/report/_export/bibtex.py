"""A bibliography of every source behind the figures: one entry per publication, with what rests on it.

Sources that name no known publication, such as the user's own words, stand at the end word for word as ``@misc``.
"""

from __future__ import annotations

import re

from axbar import __version__
from axbar.report._export._format import Format
from axbar.report._export._record import Record
from axbar.report._export._sources import cited, unmatched
from axbar.report._export.latex import escape
from axbar.report._export.references import Reference

__all__ = ["AXBAR", "FORMAT"]

#: as in CITATION.cff, which does not come with the installed package
AXBAR = {
    "title": "axbar: co-design of spiking and in-memory neural networks",
    "author": "The axbar authors",
    "year": 2026,
}

_VENUE = {"article": "journal", "inproceedings": "booktitle", "misc": "howpublished"}
_MOST = 6  # names of what rests on a source, before "and n more"


def _render(record: Record) -> str:
    head = [
        f"% Sources behind {_plain(record.network)} on {_plain(record.chip)}, collected by axbar {__version__}."
    ]
    head += [f"% note: {_plain(warning)}" for warning in record.warnings]
    entries = [_axbar(record)]
    entries += [_entry(reference, what) for reference, what in cited(record)]
    entries += [_verbatim(i + 1, text, what) for i, (text, what) in enumerate(unmatched(record))]
    return "\n".join(head) + "\n\n" + "\n\n".join(entries) + "\n"


def _axbar(record: Record) -> str:
    version = __version__ if record.version == "not recorded" else record.version
    return _written(
        "misc", "axbar",
        {"author": f"{{{AXBAR['author']}}}", "title": f"{{{AXBAR['title']}}}", "year": str(AXBAR["year"]),
         "howpublished": "software", "note": f"version {version}"},
    )  # fmt: skip


def _entry(reference: Reference, what: list[str]) -> str:
    fields = {
        "author": reference.authors,
        "title": reference.title,
        _VENUE[reference.kind]: reference.venue,
        "year": "" if reference.year is None else str(reference.year),
        **reference.fields,
    }
    if "eprint" in fields:
        fields["archiveprefix"] = "arXiv"
    if reference.kind == "misc" and reference.venue == "arXiv":
        fields["howpublished"] = f"arXiv:{fields['eprint']}" if "eprint" in fields else "arXiv"
    return f"% used for: {_plain(_listed(what))}\n" + _written(reference.kind, reference.key, fields)


def _verbatim(number: int, text: str, what: list[str]) -> str:
    fields = {
        "key": f"source{number}",
        "title": f"{{{escape(text)}}}",
        "note": f"source as given; used for: {escape(_listed(what))}",
    }
    return _written("misc", f"source{number}", fields)


def _listed(what: list[str]) -> str:
    rest = len(what) - _MOST
    return ", ".join(what[:_MOST]) + (f" and {rest} more" if rest > 0 else "")


def _written(kind: str, key: str, fields: dict[str, str]) -> str:
    width = max(len(name) for name in fields)
    lines = [f"  {name.ljust(width)} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])


def _plain(text: str) -> str:
    """Keep a comment on its line and out of BibTeX's sight: an @ in it would start an entry."""
    return re.sub(r"\s+", " ", text).replace("@", "(at)")


FORMAT = Format("bibtex", "references.bib", "one entry per source that was really used", _render)
