"""Which classes climb to the next rung."""

from __future__ import annotations

import numpy as np

from axbar.search import load_space
from axbar.search.climb.choice import from_rows
from axbar.search.study import Row

SPACE = load_space(
    {"space": {"adc.bits": "3..12"}, "objectives": ["accuracy max", "energy_J min"]}, "imc-rram-65nm"
)


def row(name: str, accuracy: float, energy_J: float, kind: str = "") -> Row:
    values = {"accuracy": accuracy, "accuracy_low": accuracy - 0.02, "accuracy_high": accuracy + 0.02}
    return Row(
        name, {"class": kind or name}, "proxy", 0, {**values, "energy_J": energy_J}, accuracy={"dies": []}
    )


def chosen(rows: list[Row], k: int, space=SPACE) -> list[list[str]]:
    found = from_rows(space, rows, k, 0, lambda r: r.point["class"])
    return [[each.id for each in group] for group in found]


def test_the_ends_of_the_front_come_first_whatever_the_order_of_rows() -> None:
    rows = [row(f"r{i}", 0.1 + 0.08 * i, 10.0 ** (i - 9)) for i in range(10)]
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(10)
        groups = {each for group in chosen([rows[i] for i in order], 3) for each in group}
        assert {"r0", "r9"} <= groups and len(groups) == 3


def test_beaten_rows_wait_until_the_front_has_gone() -> None:
    rows = [row("beaten", 0.5, 2e-6), row("good", 0.6, 1e-6), row("cheap", 0.4, 5e-7)]
    assert sorted(each for group in chosen(rows, 2) for each in group) == ["cheap", "good"]
    assert len(chosen(rows, 3)) == 3


def test_a_class_comes_with_all_of_its_rows_and_counts_once() -> None:
    rows = [row("a1", 0.9, 1e-6, "a"), row("a2", 0.9, 5e-7, "a"), row("b", 0.5, 4e-7), row("c", 0.4, 3e-7)]
    groups = chosen(rows, 3)
    assert sorted(map(tuple, groups)) == [("a1", "a2"), ("b",), ("c",)]


def test_constraints_decide_first_and_hope_counts() -> None:
    space = load_space(
        {
            "space": {"adc.bits": "3..12"},
            "objectives": ["accuracy max", "energy_J min"],
            "constraints": ["accuracy >= 0.8"],
        },
        "imc-rram-65nm",
    )
    rows = [row("bad", 0.3, 1e-7), row("near", 0.79, 1e-6), row("kept", 0.9, 1e-6), row("worse", 0.7, 1e-7)]
    assert chosen(rows, 2, space) == [["near"], ["kept"]] or chosen(rows, 2, space) == [["kept"], ["near"]]
    assert chosen(rows, 3, space)[2] == ["worse"]


def test_failed_rows_never_climb() -> None:
    failed = Row("f", {"class": "f"}, "proxy", 0, {}, reason="no", failed=True)
    assert chosen([failed, row("a", 0.5, 1e-6)], 5) == [["a"]]
