"""Laws of specs: replace, diff, hash and YAML agree on any chip that is allowed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.errors import UsageError
from axbar.spec import HardwareSpec, PathInfo, check_column, load_hardware, path_table, to_yaml

CHIP = load_hardware("imc-rram-65nm")
#: these bound other fields, or have a gap in their range; their own tests cover them
OTHERS = ("device.name", "device.g_on_S", "device.g_off_S", "run_time.clip_low", "run_time.clip_high")
FREE = {p: i for p, i in path_table(CHIP).items() if p not in OTHERS}


def allowed(info: PathInfo) -> st.SearchStrategy[Any]:
    if info.choices:
        # a sense amplifier bounds adc.bits; its own tests cover that
        return st.sampled_from([choice for choice in info.choices if choice != "sense"])
    assert info.low is not None and info.high is not None
    if info.type == "int":
        return st.integers(int(info.low), int(info.high))
    return st.floats(info.low, info.high, exclude_min=info.low_open, exclude_max=info.high_open)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    paths = draw(st.lists(st.sampled_from(sorted(FREE)), unique=True, max_size=6))
    # 4096 columns hold any weight, so that only the field's own range counts.
    return {"crossbar.cols": 4096} | {p: draw(allowed(FREE[p])) for p in paths if p != "crossbar.cols"}


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=3, max_size=30)


def through_yaml(spec: HardwareSpec) -> HardwareSpec:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chip.yaml"
        path.write_text(to_yaml(spec), encoding="utf-8", newline="")
        return load_hardware(path)


@settings(deadline=None, max_examples=60)
@given(changes(), text, text)
def test_yaml_round_trip(change: dict[str, Any], name: str, description: str) -> None:
    chip = CHIP.replace({**change, "name": name, "description": description})
    assert through_yaml(chip) == chip


@settings(deadline=None, max_examples=40)
@given(text, st.sampled_from(["run", "code", "assumed", "user"]))
def test_sources_of_any_text_survive(source: str, confidence: str) -> None:
    tree = CHIP.model_dump()
    tree["sources"] = {
        "adc.bits": {"source": source, "confidence": confidence},
        "device.name": tree["sources"]["device.name"],
    }
    chip = type(CHIP).model_validate(tree)
    assert through_yaml(chip) == chip, "also where most numbers have no source at all"


@settings(deadline=None, max_examples=100)
@given(changes())
def test_diff_is_what_was_replaced(change: dict[str, Any]) -> None:
    chip = CHIP.replace(change)
    difference = CHIP.diff(chip)
    assert chip.diff(CHIP) == {path: (b, a) for path, (a, b) in difference.items()}
    assert (chip.hash() == CHIP.hash()) == (not difference)
    direct = {path: value for path, value in change.items() if path != "device"}
    assert all(chip.values()[path] == value for path, value in direct.items())
    by_device = (
        {path for path in difference if path.startswith("device.")} if "device" in change else set[str]()
    )
    assert set(difference) - by_device <= set(direct)


@settings(deadline=None, max_examples=100)
@given(changes(), changes())
def test_the_later_change_wins(first: dict[str, Any], second: dict[str, Any]) -> None:
    if "device" in second:
        first = {path: value for path, value in first.items() if not path.startswith("device")}
    elif "device" in first and any(path.startswith("device.") for path in second):
        second = {path: value for path, value in second.items() if not path.startswith("device.")}
    assert CHIP.replace(first).replace(second).values() == CHIP.replace({**first, **second}).values()


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_column_passes_if_each_of_its_values_does(data: st.DataObject) -> None:
    numbers = {p: i for p, i in FREE.items() if i.type in ("int", "float") and p != "crossbar.cols"}
    path = data.draw(st.sampled_from(sorted(numbers)))
    values = data.draw(
        st.lists(
            st.one_of(allowed(numbers[path]), st.floats(), st.integers(-5, 5000)), min_size=1, max_size=4
        )
    )
    wide = CHIP.replace({"crossbar.cols": 4096})
    assert passes(lambda: check_column(CHIP, path, values)) == all(
        passes(lambda v=value: wide.replace({path: v})) for value in values
    )


def passes(call: Any) -> bool:
    try:
        call()
    except UsageError:
        return False
    return True
