"""The guides run: every code block of every page, in order, in an empty folder.

``python`` blocks share one namespace per page. A block with ``title="name"`` is written to that file. Lines that start
with ``$ axbar`` in ``console`` blocks are run; a trailing ``# exit N`` names the expected exit code.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    language: str
    title: str | None
    code: str


def blocks(page: Path) -> Iterator[Block]:
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        title = TITLE.search(match[2])
        yield Block(match[1], title[1] if title else None, match[3])


def runnable(page: Path) -> bool:
    return any(b.title or b.language == "python" or "$ axbar" in b.code for b in blocks(page))


def run_console(code: str, folder: Path) -> None:
    for line in code.splitlines():
        if not line.startswith("$ axbar"):
            continue
        command, _, expected = line[2:].partition("# exit ")
        words = [sys.executable, "-m", "axbar", *shlex.split(command)[1:]]
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, env={**os.environ, "CI": "true"}
        )
        assert done.returncode == int(expected or 0), f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("page", [p for p in PAGES if runnable(p)], ids=lambda p: p.stem)
def test_the_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__docs__"}
    for block in blocks(page):
        if block.title:
            Path(block.title).write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            exec(compile(block.code, f"{page.name}", "exec"), namespace)
        elif block.language == "console":
            run_console(block.code, tmp_path)


def test_the_guides_are_there() -> None:
    assert {"index", "your-network", "your-chip"} <= {p.stem for p in PAGES}


def test_every_page_is_in_the_navigation() -> None:
    nav = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    missing = [p for p in PAGES if str(p.relative_to(DOCS)) not in nav]
    assert not missing


@pytest.mark.parametrize(
    "page", [*PAGES, DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md"], ids=lambda p: p.stem
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
