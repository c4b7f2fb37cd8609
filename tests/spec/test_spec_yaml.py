"""YAML text to a tree: the YAML 1.2 core schema, lines, nothing constructed."""

from __future__ import annotations

import math

import pytest

from axbar.spec._tree import Block, Faults, Leaf
from axbar.spec._yaml import read_scalar, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4), ("-4", -4), ("+4", 4), ("010", 10), ("0o17", 15), ("0x1F", 31), ("4.5", 4.5),
        ("1e3", 1000.0),
        (".5", 0.5), ("-.5e-3", -0.5e-3), ("5.", 5.0), ("true", True), ("True", True), ("FALSE", False),
        ("null", None), ("~", None), ("", None), ("yes", "yes"), ("on", "on"), ("off", "off"), ("'4'", "4"),
        ('"4"', "4"), ("3 pJ", "3 pJ"), ("1_000", "1_000"), ("0b11", "0b11"), ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"), ("a-b", "a-b"), (".inf", math.inf), ("-.Inf", -math.inf),
    ],
)  # fmt: skip
def test_core_schema(text: str, value: object) -> None:
    read = read_scalar(text)
    assert read == value and type(read) is type(value)


def test_nan_and_endless_integers() -> None:
    assert math.isnan(read_scalar(".nan"))
    assert isinstance(read_scalar("9" * 5000), str)


def test_lines_are_those_of_the_keys() -> None:
    text = "# comment\nadc:\n  bits: 4\n\n  kind:\n    sar\nname: >-\n  two\n  lines\n"
    root = read_yaml(text, "f", 1, Faults())
    adc = root.children["adc"]
    assert isinstance(adc, Block)
    lines = {"adc": adc.origin.line, **{key: node.origin.line for key, node in adc.children.items()}}
    assert lines == {"adc": 2, "bits": 3, "kind": 5}
    name = root.children["name"]
    assert isinstance(name, Leaf) and (name.value, name.origin.line) == ("two lines", 7)
