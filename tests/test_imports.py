"""The import rule: rooms import downwards only, and the cheap rooms never import torch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "axbar"

#: lower number = lower floor; rooms on one floor ignore each other unless NEIGHBOURS allows it
FLOOR = {
    "errors": 0, "units": 0, "registry": 0, "usercode": 0, "files": 0, "intervals": 0,
    "spec": 1,
    "devices": 2,
    "workload": 3, "nn": 3, "data": 3,
    "calibration": 4,
    "crossbar": 5, "cost": 5,
    "techniques": 6,
    "_evaluate": 7, "_compare": 7, "_compare_chips": 7, "_compare_notes": 7, "_compare_words": 7,
    "_apply": 7, "_on_chip": 7, "_ready": 7, "_report": 7, "_run": 7, "_waterfall": 7,
    "report": 8, "search": 8,
    "published": 9,
    "cli": 10, "__init__": 11, "__main__": 11,
}  # fmt: skip

#: pairs on one floor that may meet, and why
NEIGHBOURS = {
    ("registry", "errors"), ("usercode", "errors"), ("files", "errors"),  # what is unknown is an error
    ("nn", "data"),  # the training loop reads splits
    ("nn", "workload"), ("workload", "nn"),  # networks of others: load_network reads NIR, which is built of our neurons
    ("_evaluate", "_report"),  # evaluate returns a report
    ("_on_chip", "_report"), ("_on_chip", "_waterfall"), ("_ready", "_on_chip"),  # accuracy is part of a report
    ("_ready", "_report"), ("_evaluate", "_ready"), ("_evaluate", "_on_chip"),  # networks that are ready for any chip
    ("_apply", "_ready"), ("_apply", "_on_chip"), ("_apply", "_waterfall"), ("_evaluate", "_apply"),  # evaluated anew
    ("_waterfall", "_report"),
    ("_compare", "_evaluate"), ("_compare", "_report"), ("_compare", "_compare_words"),  # reports side by side
    ("_compare", "_compare_chips"), ("_compare", "_compare_notes"),
    ("_run", "_evaluate"), ("_run", "_compare"), ("_run", "_report"),  # a run record wraps a result
    ("__main__", "__init__"),
}  # fmt: skip

#: the files of the workload room that trace live modules, loaded only when used
TRACING = {
    "_trace.py", "_grad.py", "_record.py", "_modules.py", "_tags.py", "_calls.py", "_fold.py", "_moved.py",
    "_products.py", "_timed.py",
}  # fmt: skip

NO_TORCH = (
    "workload", "spec", "devices", "cost", "report", "data", "registry", "units", "errors", "files", "intervals",
)  # fmt: skip


def _files() -> list[Path]:
    return sorted(p for p in SRC.rglob("*.py"))


def _room(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def _typing_only(tree: ast.Module) -> set[int]:
    """Lines under ``if TYPE_CHECKING``: names for annotations, nothing is imported at run time."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            lines |= {n.lineno for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)}
    return lines


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skip = _typing_only(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found = [node.module]
            if node.module == "axbar":
                found = [f"axbar.{alias.name}" for alias in node.names]
            assert node.level == 0, f"{path}:{node.lineno}: write the whole name, not a relative import"
        else:
            continue
        if node.lineno not in skip:
            yield from ((name, node.lineno) for name in found)


def _at_top(path: Path, line: int) -> bool:
    """Whether a line runs when its module is imported, so that a cycle through it would break."""
    return not path.read_text(encoding="utf-8").splitlines()[line - 1].startswith(" ")


def test_every_room_has_a_floor() -> None:
    assert {_room(p) for p in _files()} <= FLOOR.keys()


@pytest.mark.parametrize("path", _files(), ids=lambda p: str(p.relative_to(SRC)))
def test_imports_run_downwards(path: Path) -> None:
    room = _room(path)
    for name, line in _imports(path):
        if not name.startswith("axbar."):
            continue
        target = name.split(".")[1]
        target = target if target in FLOOR else "__init__"  # `from axbar import __version__`
        if target == room or (target == "__init__" and (FLOOR[room] == 10 or name == "axbar.__version__")):
            continue
        down = FLOOR[target] < FLOOR[room] or (room, target) in NEIGHBOURS
        assert down, f"{path.relative_to(SRC)}:{line} imports {name}: {room} may not know {target}"


@pytest.mark.parametrize("room", [p.name for p in sorted(SRC.iterdir()) if (p / "__init__.py").exists()])
def test_parts_of_a_room_have_an_order(room: str) -> None:
    known: dict[str, set[str]] = {}
    for path in (SRC / room).rglob("*.py"):
        part = path.relative_to(SRC / room).parts[0].removesuffix(".py")
        for name, line in _imports(path):
            if name.startswith(f"axbar.{room}.") and part != "__init__" and _at_top(path, line):
                known.setdefault(part, set()).add(name.split(".")[2])
    tuple(
        TopologicalSorter({part: names - {part} for part, names in known.items()}).static_order()
    )  # raises on cycles


@pytest.mark.parametrize("path", _files(), ids=lambda p: str(p.relative_to(SRC)))
def test_no_torch_where_cost_must_be_instant(path: Path) -> None:
    torch_free = _room(path) in NO_TORCH and path.name not in TRACING and path.parent.name != "interchange"
    for name, line in _imports(path):
        assert not (torch_free and name.split(".")[0] == "torch"), (
            f"{path.relative_to(SRC)}:{line} imports torch"
        )


def test_no_print_in_the_library() -> None:
    for path in _files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
        prints = [n.lineno for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"]
        assert not prints, f"{path.relative_to(SRC)} prints at lines {prints}"
