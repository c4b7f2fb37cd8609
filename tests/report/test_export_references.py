"""Every source of every shipped number names a publication that is in the table, or says that it is none."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import axbar.cost
from axbar import __version__, registry
from axbar.cost import Constant, technology
from axbar.report._export.bibtex import AXBAR
from axbar.report._export.references import (
    NO_PUBLICATION,
    REFERENCES,
    by_key,
    data_reference,
    matches,
    no_publication,
)
from axbar.spec import load_hardware, preset_names

ROOT = Path(__file__).parents[2]


def constants(value: object) -> Iterator[Constant]:
    """Constants in a module's names, also those in tables."""
    if isinstance(value, Constant):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from constants(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from constants(item)


def sources() -> dict[str, str]:
    """Source text -> where it was found, of every number that is not marked as assumed."""
    found: dict[str, tuple[str, str]] = {}
    for module in pkgutil.walk_packages(axbar.cost.__path__, "axbar.cost."):
        for value in vars(importlib.import_module(module.name)).values():
            for constant in constants(value):
                found[constant.source] = (constant.confidence, f"constant {constant.name}")
    for name in preset_names():
        for path, source in load_hardware(name).sources.items():
            found[source.source] = (source.confidence, f"{name}: {path}")
    for name in registry.names("devices"):
        for path, source in registry.get("devices", name).sources.items():
            found[source.source] = (source.confidence, f"device {name}: {path}")
    found[technology.SOURCE] = (technology.CONFIDENCE, "technology")
    return {
        text: where for text, (confidence, where) in found.items() if confidence not in ("assumed", "user")
    }


@pytest.mark.parametrize(("text", "where"), sorted(sources().items()), ids=lambda value: str(value)[:60])
def test_every_source_is_a_known_publication_or_says_that_it_is_none(text: str, where: str) -> None:
    assert matches(text) or no_publication(text), (
        f"{where}: '{text}' names no reference of axbar.report._export.references; add the publication to "
        "_literature.py, or the text to NO_PUBLICATION with the reason."
    )


def test_keys_are_unique_and_entries_complete() -> None:
    keys = [reference.key for reference in REFERENCES]
    assert len(keys) == len(set(keys))
    for reference in REFERENCES:
        assert reference.kind in ("article", "inproceedings", "misc")
        assert reference.year is None or 1970 < reference.year <= 2026
        assert reference.title and reference.authors and reference.venue and reference.patterns
        assert reference.key.islower() or reference.key.isalnum()
        for field in (reference.title, reference.authors, reference.venue, *reference.fields.values()):
            assert field.count("{") == field.count("}")
            assert field.isascii(), f"{reference.key}: BibTeX wants {field!r} in ASCII"


def test_patterns_are_patterns() -> None:
    for pattern in (*NO_PUBLICATION, *(p for r in REFERENCES for p in r.patterns)):
        re.compile(pattern)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("SpikeSim platform (Moitra et al., TCAD 2023): 65 nm CMOS", {"moitra2023spikesim"}),
        ("Wan et al., Nature 2022, via CiMLoop x.yaml", {"wan2022neurram", "andrulis2024cimloop"}),
        ("HERMES: one array per core (Le Gallo et al., Nature Electronics 2023)", {"legallo2023core"}),
        ("HERMES core (Khaddam-Aljameh et al., JSSC 2022): 1 ns pulse steps", {"khaddam2022hermes"}),
        (
            "SAR as in Jia et al., JSSC 2020, and Wang et al., VLSI 2022",
            {"jia2020programmable", "wang2022c2c"},
        ),
        ("Kim et al., JSSC 56(7) 2221, 2021", {"kim2021colonnade"}),
        ("measured in our laboratory", set()),
    ],
)
def test_sentences_find_their_publications(text: str, keys: set[str]) -> None:
    assert {reference.key for reference in matches(text)} == keys


def test_data_sets_have_a_publication() -> None:
    from axbar.data import data_names

    for name in data_names():
        assert data_reference(name) is not None, name
    assert data_reference("fashion-mnist-small") == by_key("xiao2017fashion")
    assert data_reference("data.npz") is None


def test_axbar_cites_itself_as_its_citation_file_says() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f'title: "{AXBAR["title"]}"' in text
    assert f"name: {AXBAR['author']}" in text
    assert f"date-released: {AXBAR['year']}" in text
    assert f"version: {__version__}" in text
