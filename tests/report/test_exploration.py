"""The page of a search: small, offline, with all that it was given and nothing that it was not."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from fake_exploration import PARAMETERS, fake_exploration
from test_palette import VISION, lab

from axbar.errors import UsageError
from axbar.report import _explore_view
from axbar.report.exploration import exploration_html


class Parsed(HTMLParser):
    """Tags with their attributes, and the text of each script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        inside = self.tags[-1][0] if self.tags else ""
        (self.scripts if inside == "script" else self.words).append(data)


def unpack(html: str) -> dict[str, Any]:
    """Read the block as its description says, independently of the script of the page."""
    text = re.search(r'id="block">([^<]*)<', html)
    assert text is not None
    raw = gzip.decompress(base64.b64decode(text[1]))
    length = int.from_bytes(raw[:4], "little")
    head = json.loads(raw[4 : 4 + length])
    body = np.frombuffer(raw[4 + length :], np.uint8)
    head["columns"] = {field["name"]: column(field, body, head["points"]) for field in head["fields"]}
    return head


def column(field: dict[str, Any], body: np.ndarray, n: int) -> list[Any]:
    def planes(count: int) -> np.ndarray:
        return body[field["at"] : field["at"] + count * n].reshape(count, n).T.copy()

    kind = field["as"]
    if kind == "names":
        return field["table"]
    if kind == "hash":
        return [bytes(row).hex() for row in planes(8)]
    if kind == "flag":
        return planes(1)[:, 0].tolist()
    if kind == "share":
        return [(c - 1) / 254 if c else None for c in planes(1)[:, 0].tolist()]
    if kind == "f4":
        return [None if np.isnan(v) else float(v) for v in planes(4).view("<f4")[:, 0]]
    size = int(kind[1])
    codes = planes(size).view(f"<u{size}")[:, 0]
    return [field["table"][c - 1] if c else None for c in codes]


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return fake_exploration()


@pytest.fixture(scope="module")
def html(data: dict[str, Any]) -> str:
    return exploration_html(data)


def test_ten_thousand_points_with_a_hundred_reports_fit_into_a_megabyte(
    data: dict[str, Any], html: str
) -> None:
    found = unpack(html)
    assert found["points"] == len(data["points"]["id"]) == 10_000
    assert len(found["reports"]) == len(data["reports"]) == 100
    assert len(html.encode()) <= 1_000_000


def test_nothing_is_asked_of_a_network(html: str) -> None:
    page = Parsed(html)
    refers = {"src", "href", "srcset", "action", "data", "poster", "background", "formaction"}
    for tag, attributes in page.tags:
        outside = {
            k: v for k, v in attributes.items() if k in refers and not (v or "").startswith(("data:", "#"))
        }
        assert not outside, (tag, outside)
        assert not any(name.startswith("on") for name in attributes)
    urls = set(re.findall(r"https?://[^\s\"'`)]+", html)) - {
        "http://www.w3.org/2000/svg"
    }  # a name, never fetched
    assert urls == set()
    assert not re.search(r"@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|\bimport\(", html)


def test_numbers_come_back_within_five_digits_and_choices_exactly(data: dict[str, Any], html: str) -> None:
    columns = unpack(html)["columns"]
    points = data["points"]
    assert columns["id"] == points["id"]
    for name in ("rung", "front", "feasible"):
        assert columns[name] == points[name]
    for path, column in points["param"].items():
        if path != "read.t_read_s":  # the only one with more than 4,096 values
            assert columns[f"param:{path}"] == column, path
    for part in ("values", "low", "high"):
        for key, column in points[part].items():
            same(columns[f"{part}:{key}"], column, 1e-5)
    same(columns["param:read.t_read_s"], points["param"]["read.t_read_s"], 1e-5)


def same(found: list[float | None], given: list[float | None], relative: float) -> None:
    """Numbers agree, and the same ones are missing."""
    assert [v is None for v in found] == [v is None for v in given]
    pairs = [(a, b) for a, b in zip(found, given, strict=True) if a is not None]
    assert pairs
    assert max(abs(a - b) / abs(b) for a, b in pairs if b) <= relative


def test_shares_come_back_within_half_a_step(data: dict[str, Any], html: str) -> None:
    columns = unpack(html)["columns"]
    for quantity, groups in data["points"]["shares"].items():
        for group, column in groups.items():
            apart = np.abs(np.array(columns[f"share:{quantity}:{group}"]) - np.array(column))
            assert apart.max() <= 0.5 / 254 + 1e-12


def test_the_same_data_give_the_same_bytes(data: dict[str, Any], html: str) -> None:
    assert exploration_html(data) == html


@pytest.mark.parametrize(
    "value",
    [1e-30, 3.4e38 / 4, -2.5e-9, 0.0, 123456.789, 1 / 3, 5e-324, float("nan"), float("inf"), None],
)
def test_any_number_survives(value: float | None) -> None:
    """Also beside 5,000 others, where there is no table of levels."""
    for others in (2, 5_000):
        data = fake_exploration(others, 0)
        data["points"]["values"]["energy_J"][0] = value
        found = unpack(exploration_html(data))["columns"]["values:energy_J"][0]
        if value is None or not np.isfinite(value):
            assert found is None
        else:
            assert found == pytest.approx(value, rel=1e-5, abs=1e-37)


def test_hostile_names_stay_text() -> None:
    nasty = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>&\"\u2028"
    data = fake_exploration(20, 5)
    data |= {
        "title": nasty,
        "model": nasty,
        "data": nasty,
        "sampler": nasty,
        "notes": [nasty],
        "constraints": [nasty],
    }
    data["points"]["param"]["hardware"] = [nasty] * 20
    data["parameters"][1]["path"] = nasty
    data["points"]["param"][nasty] = [nasty] * 20
    data["removed"] = [{"what": nasty, "points": 3}]
    data["failures"] = [{"id": nasty, "point": {nasty: nasty}, "reason": nasty}]
    data["run"] = {"command": nasty, "made": nasty, "versions": {nasty: nasty}}
    data["importance"] = {"energy_J": {nasty: 0.5}}
    page = Parsed(exploration_html(data))
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert not any(tag == "img" for tag, _ in page.tags)
    assert nasty in unpack(exploration_html(data))["columns"]["param:hardware"]
    assert "".join(page.words).count(nasty) >= 10


def test_a_page_without_points_still_says_why() -> None:
    data = fake_exploration(1, 0)
    points: dict[str, Any] = {"id": [], "rung": [], "front": [], "feasible": [], "param": {}, "values": {}}
    html = exploration_html(data | {"points": points, "history": [], "importance": {}})
    assert unpack(html)["points"] == 0
    assert "<td>limit: area ≤ 10 mm²</td>" in html
    assert "killed 3 workers" in html
    assert "How the search went" not in html


def test_one_point() -> None:
    found = unpack(exploration_html(fake_exploration(1, 1)))
    assert found["points"] == 1 and len(found["reports"]) == 1


def test_no_front_means_no_best_design() -> None:
    data = fake_exploration(50, 0)
    data["points"]["front"] = [0] * 50
    labels = [figure.label for figure in _explore_view.figures(data)]
    assert labels == ["designs looked at", "measured", "on the front"]


def test_the_head_names_the_best_of_the_front(data: dict[str, Any]) -> None:
    points = data["points"]
    front = [i for i, flag in enumerate(points["front"]) if flag]
    least = min(points["values"]["energy_J"][i] for i in front)
    energy = next(f for f in _explore_view.figures(data) if f.label == "least energy")
    assert (energy.value, energy.unit) == (f"{least * 1e9:.0f}", "nJ")
    accuracy = next(f for f in _explore_view.figures(data) if f.label == "highest accuracy")
    assert accuracy.value == f"{100 * max(points['values']['accuracy'][i] for i in front):.1f}"


def test_constraints_become_lines_in_si() -> None:
    texts = ["area_m2 <= 10 mm²", "accuracy >= 90 %", "latency_s<=1.5 ms", "a sentence", "energy_J <= 3 V"]
    found = [(row["key"], row["op"], row["limit"]) for row in _explore_view.limits(texts)]
    assert found == [("area_m2", "<=", 10e-6), ("accuracy", ">=", 0.9), ("latency_s", "<=", 1.5e-3)]


def test_too_many_points_are_thinned_with_the_front_kept() -> None:
    data = fake_exploration(12_000, 10)
    html = exploration_html(data)
    found = unpack(html)
    assert found["points"] == 10_000
    assert sum(found["columns"]["front"]) == sum(data["points"]["front"])
    assert found["columns"]["rung"].count(2) == data["points"]["rung"].count(2)
    assert "This page holds 10,000 of 12,000 designs" in html
    values = dict(zip(data["points"]["id"], data["points"]["values"]["energy_J"], strict=True))
    same(found["columns"]["values:energy_J"], [values[i] for i in found["columns"]["id"]], 1e-5)


def test_reports_too_large_are_cut_and_it_is_said() -> None:
    data = fake_exploration(4_000, 100)
    words = np.random.default_rng(0).integers(0, 16, (len(data["reports"]), 60_000))
    for report, noise in zip(data["reports"].values(), words, strict=True):
        report["yaml"] = "".join(f"{n:x}" for n in noise)  # nothing that could be compressed well
    html = exploration_html(data)
    assert len(html.encode()) <= 1_000_000
    assert re.search(r"This page holds \d+ of \d+ full reports", html)
    assert "Numbers in this page keep four digits" in html
    found = unpack(html)["columns"]
    energy = dict(zip(data["points"]["id"], data["points"]["values"]["energy_J"], strict=True))
    same(found["values:energy_J"], [energy[i] for i in found["id"]], 1e-4)


def test_breakdowns_of_deep_networks_keep_their_sum() -> None:
    data = fake_exploration(10, 1)
    (report,) = data["reports"].values()
    layers = {f"layer{n}": 1e-9 * (n % 17) for n in range(900)}
    report["breakdown"]["energy_J"]["layer"] = layers
    kept = next(iter(unpack(exploration_html(data))["reports"].values()))["breakdown"]["energy_J"]["layer"]
    assert len(kept) == 400 and "501 others" in kept
    assert sum(kept.values()) == pytest.approx(sum(layers.values()), rel=1e-4)


def test_columns_of_different_lengths_are_refused() -> None:
    data = fake_exploration(10, 0)
    data["points"]["values"]["energy_J"].pop()
    with pytest.raises(UsageError, match=r"points.values.energy_J has 9 rows and points.id has 10"):
        exploration_html(data)


def test_missing_parts_are_left_out() -> None:
    data = fake_exploration(5, 0)
    for part in ("low", "high", "shares"):
        del data["points"][part]
    html = exploration_html(data | {"importance": {}, "removed": [], "failures": [], "notes": [], "run": {}})
    assert "What matters" not in html and "Failed while measured" not in html and "Run it again" not in html
    assert "Nothing: every design fits and keeps the limits." in html


def test_importance_is_sorted_and_its_rest_is_told() -> None:
    data = fake_exploration(
        5, 0, importance={"energy_J": {"adc.bits": 0.2, "hardware": 0.5}, "accuracy": {"adc.bits": None}}
    )
    rows = _explore_view.importance_rows(data)
    assert rows is not None
    assert [path for path, _ in rows["rows"]] == ["hardware", "adc.bits"]
    assert [share for share, _ in rows["rest"]] == pytest.approx([0.3, 1.0])


def test_every_parameter_has_a_column(html: str) -> None:
    assert {f"param:{path}" for path in PARAMETERS} <= unpack(html)["columns"].keys()


def schemes(html: str, letter: str, count: int) -> list[list[str]]:
    """Colours of the light and of the dark scheme."""
    found = re.findall(rf"--{letter}\d: (#[0-9a-f]{{6}})", html)
    assert len(found) == 2 * count
    return [found[:count], found[count:]]


@pytest.mark.parametrize("vision", VISION)
def test_colours_of_words_are_told_apart(html: str, vision: str) -> None:
    for words in schemes(html, "w", 8):
        seen = [lab(colour, vision) for colour in words]
        apart = {
            (i, j): float(np.linalg.norm(seen[i] - seen[j])) for i, j in itertools.combinations(range(8), 2)
        }
        assert min(apart.values()) >= 12
        assert min(d for (_, j), d in apart.items() if j < 5) >= 17  # most studies have few words


def test_colours_of_numbers_go_one_way_in_lightness(html: str) -> None:
    for ramp in schemes(html, "r", 5):
        steps = np.diff([lab(colour, "normal")[0] for colour in ramp])
        assert np.all(steps <= -5) or np.all(steps >= 5)
