"""Presets of dual-sparse accelerators are their dataflows: the same sizes, in the file and in the engine."""

from __future__ import annotations

from typing import get_args

import pytest

from axbar.cost.sparse import DATAFLOWS
from axbar.cost.sparse._settings import STRUCTURAL, setting_of
from axbar.spec import load_hardware, path_table
from axbar.spec.sparse import SparseSpec


def test_every_dataflow_has_a_preset_and_a_word() -> None:
    assert set(get_args(SparseSpec.model_fields["dataflow"].annotation)) == set(DATAFLOWS)


@pytest.mark.parametrize("name", sorted(DATAFLOWS))
def test_a_preset_is_its_dataflow(name: str) -> None:
    spec = load_hardware(name)
    assert isinstance(spec, SparseSpec) and spec.dataflow == name
    assert setting_of(spec).flow == DATAFLOWS[name]


@pytest.mark.parametrize("name", sorted(DATAFLOWS))
def test_facts_that_rest_on_nothing_are_assumed(name: str) -> None:
    for path, found in load_hardware(name).sources.items():
        unread = any(words in found.source for words in ("not read", "from memory", "choice:", "names none"))
        assert not unread or found.confidence == "assumed", (path, found)


def test_structural_paths_exist() -> None:
    assert path_table(SparseSpec).keys() >= STRUCTURAL
