"""What tests of the page of a search do again and again: open it, wait for it, read it, drag on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from test_page import Visit, visit

from axbar.report.exploration import exploration_html

READY = "document.documentElement.dataset.ready !== undefined"
#: two frames: a change is drawn in the next one
SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@contextmanager
def opened(browser: Any, file: Path, **options: Any) -> Iterator[Visit]:
    with visit(browser, file, **options) as v:
        v.page.wait_for_function(READY)
        yield v
        assert v.complaints == []
        assert [url for url in v.requests if not url.startswith("blob:")] == [file.as_uri()]


def page_of(data: dict[str, Any], folder: Path) -> Path:
    file = folder / "page.html"
    file.write_text(exploration_html(data), encoding="utf-8")
    return file


def settle(v: Visit) -> None:
    v.page.evaluate(SETTLED)


def selected(v: Visit) -> int:
    """How many designs the bar says are selected."""
    settle(v)
    return int(v.page.locator("#count").inner_text().split()[0].replace(",", ""))


def only(v: Visit, text: str) -> int:
    v.page.fill("#only", text)
    v.page.locator("#only").dispatch_event("change")
    return selected(v)


def table(v: Visit, head: str) -> list[str]:
    """Texts of a column of the table, by its head."""
    heads = [text.split(",")[0].strip() for text in v.page.locator("#table thead th").all_inner_texts()]
    return v.page.locator(f"#table tbody td:nth-child({heads.index(head) + 1})").all_inner_texts()


def count(data: dict[str, Any], test: Callable[[int], bool]) -> int:
    return sum(map(test, range(len(data["points"]["id"]))))


def drag(v: Visit, start: tuple[float, float], end: tuple[float, float], where: str = "#plot") -> None:
    box = v.page.locator(where).bounding_box()
    v.page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    v.page.mouse.down()
    v.page.mouse.move(box["x"] + (start[0] + end[0]) / 2, box["y"] + (start[1] + end[1]) / 2)
    v.page.mouse.move(box["x"] + end[0], box["y"] + end[1])
    v.page.mouse.up()
    settle(v)
