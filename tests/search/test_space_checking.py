"""Spaces against real chips, techniques and models; files with lines; everything that is wrong, at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from axbar import load_hardware, registry
from axbar.errors import SpecError, UsageError
from axbar.search.space import (
    Choices,
    Clause,
    Condition,
    Constraint,
    Integers,
    Objective,
    Parameter,
    Reals,
    Space,
    check_space,
    load_space,
    space_to_dict,
)
from axbar.spec import path_table, preset_names
from axbar.techniques import get_technique, parse_technique

CHIPS = ["imc-rram-65nm", "sata", "loas"]


def _when(space: Space, path: str) -> str:
    return str(next(p.when for p in space.parameters if p.path == path))


def _domain(space: Space, path: str) -> Any:
    return next(p.domain for p in space.parameters if p.path == path)


def _load(given: Mapping[str, Any], **more: Any) -> Space:
    return load_space({"space": given, **more})


def test_paths_count_where_their_chip_has_them() -> None:
    space = _load(
        {
            "hardware": CHIPS,
            "crossbar.rows": [32, 64],
            "array.rows": [8, 16],
            "pe.steps": [4, 8],
            "weight_bits": [4, 8],
            "clock_Hz": ["400 MHz", "1 GHz"],
            "device": ["rram-neurram", "pcm-hermes"],
        }
    )
    assert _when(space, "crossbar.rows") == "hardware in [imc-rram-65nm]"
    assert _when(space, "array.rows") == "hardware in [sata]"
    assert _when(space, "pe.steps") == "hardware in [loas]"
    assert _when(space, "weight_bits") == "hardware in [sata, loas]"
    assert _when(space, "clock_Hz") == "None"
    assert _domain(space, "clock_Hz") == Choices((4e8, 1e9))


def test_every_point_is_a_chip_that_exists() -> None:
    space = _load(
        {
            "hardware": CHIPS,
            "device": ["rram-neurram", "pcm-hermes"],
            "crossbar.rows": "64..192 step 64",
            "read.t_read_s": "1..10 ns step 9 ns",
            "dataflow": {"values": ["os", "ws"], "when": "hardware == sata"},
            "neuron.membrane_bits": [12, 16],
            "technology.sram": ["HP", "LSTP"],
        }
    )
    assert space.count == (2 * 3 * 2 + 2 + 1) * 2 * 2
    columns = space.distinct(np.arange(space.count))
    hashes = set()
    for i in range(len(columns)):
        parts = space.split(space.point(columns, i))
        spec = load_hardware(parts.hardware or "").replace(parts.changes)
        values = spec.values()
        for path, value in parts.changes.items():
            assert values.get(path, values.get(f"{path}.name")) == value
        hashes.add(spec.hash())
    assert len(hashes) == space.count  # no two points are one chip


@pytest.mark.parametrize("name", CHIPS)
def test_every_path_of_a_chip_can_be_searched(name: str) -> None:
    """Each path takes its own value and its bounds, and points with them build the chip."""
    chip = load_hardware(name)
    for path, info in path_table(chip).items():
        if path.endswith(".name") or info.default is None:
            continue
        space = check_space(Space((Parameter(path, Choices((info.default,))),)), chip)  # pyright: ignore[reportArgumentType]
        point = space.point(space.columns(np.array([0])), 0)
        assert point == {path: info.default}
        assert type(point[path]) is {"int": int, "float": float, "str": str, "bool": bool}[info.type]
        assert chip.replace(point).hash() == chip.hash()
        if info.high is not None and not info.high_open and info.low is not None:
            beyond = Choices((2 * info.high + 1, info.high))
            with pytest.raises(UsageError, match="leaves the bounds of"):
                check_space(Space((Parameter(path, beyond),)), chip)


@pytest.mark.parametrize("name", registry.names("techniques"))
def test_every_setting_of_a_technique_can_be_searched(name: str) -> None:
    fields = get_technique(name).Config.model_fields
    given: dict[str, Any] = {f"technique.{name}": [False, True]}
    for field, info in fields.items():
        if isinstance(info.default, str | bool | int | float):
            given[f"technique.{name}.{field}"] = info.default
    space = _load(given)
    assert space.techniques == (name,)
    off, on = (space.split(space.point(space.columns(np.array([i])), 0)) for i in (0, 1))
    assert off.techniques == {}
    texts = ",".join(f"{key}={value}" for key, value in on.techniques[name].items())
    assert parse_technique(f"{name}:{texts}" if texts else name)[1] == get_technique(name).Config()


def test_settings_count_where_their_technique_is_on() -> None:
    given = {
        "technique.prune": [True, False],
        "technique.prune.sparsity": "0.5..0.9 step 0.1",
        "technique.mint.bits": [2, 4, 8],
    }
    space = _load(given)
    assert _when(space, "technique.prune.sparsity") == "technique.prune == true"
    assert _when(space, "technique.mint.bits") == "None"  # mint has no switch, so it is always on
    assert space.count == (5 + 1) * 3
    points = [space.point(space.distinct(np.array([i])), 0) for i in range(space.count)]
    assert all(("technique.prune.sparsity" in p) == p["technique.prune"] for p in points)
    assert all("mint" in space.split(p).techniques for p in points)


def test_arguments_count_for_models_that_take_them() -> None:
    space = _load({"model": ["spiking-vgg9", "vgg9"], "model.width": [8, 16], "model.beta": [0.5, 0.9]})
    assert space.count == 2 * 2 * 2
    with pytest.raises(
        UsageError, match=r"model\.wdith: unknown argument of model 'vgg9' 'wdith'; did you mean 'width'"
    ):
        _load({"model": ["vgg9"], "model.wdith": [8]})
    with pytest.raises(UsageError, match="unknown model 'spiking-vg9'; did you mean 'spiking-vgg9'"):
        _load({"model": ["spiking-vg9"]})


def test_values_take_the_type_of_their_field() -> None:
    space = _load(
        {
            "hardware": "imc-rram-65nm",
            "adc.bits": [4.0, 5.0],
            "device.age_s": "1..3",
            "device.stuck_on": [0, 0.01],
            "crossbar.rows": ["64", "128"],
            "technique.prune.sparsity": ["50 %", "0.9"],
        }
    )
    assert [type(v) for v in _domain(space, "adc.bits").values] == [int, int]
    assert _domain(space, "device.age_s") == Reals(1.0, 3.0, step=1.0)
    assert _domain(space, "crossbar.rows") == Choices((64, 128))
    assert _domain(space, "technique.prune.sparsity") == Choices((0.5, 0.9))


def test_a_checked_space_is_returned_as_it_is() -> None:
    space = _load(
        {
            "hardware": CHIPS,
            "adc.bits": "3..8",
            "technique.prune": [True, False],
            "technique.prune.sparsity": 0.5,
        }
    )
    assert check_space(space) is space
    raw = Space((Parameter("hardware", Choices(tuple(CHIPS))), Parameter("adc.bits", Integers(3, 8))))
    assert _when(check_space(raw), "adc.bits") == "hardware in [imc-rram-65nm]"
    assert raw.count == 18  # unchecked, the path counts everywhere
    assert check_space(raw).count == 8


def test_a_space_without_chips_is_checked_against_the_base() -> None:
    space = _load({"adc.bits": "3..8"})
    assert check_space(space, "imc-rram-65nm").size == 6
    assert load_space({"space": {"adc.bits": "3..8"}}, load_hardware("imc-rram-65nm")).size == 6
    with pytest.raises(UsageError, match=r"adc\.bits: the space has no chip; add 'hardware: NAME'"):
        check_space(space)
    with pytest.raises(UsageError, match=r"adc\.bits: is no quantity of sata"):
        check_space(space, "sata")
    assert check_space(_load({"technique.prune": [True, False]})).size == 2


def test_conditions_of_the_user_choose_among_chips() -> None:
    """``dataflow`` means something else on a sparse chip; ``when`` says which one is meant."""
    given = {"hardware": CHIPS, "dataflow": ["os", "ws"]}
    with pytest.raises(UsageError, match=r"'os' is not one of .*Or add when: 'hardware in \[sata\]'"):
        _load(given)
    space = _load(given | {"dataflow": {"values": ["os", "ws"], "when": "hardware == sata"}})
    assert space.count == 1 + 2 + 1
    with pytest.raises(UsageError, match="counts for no chip: loas is asked for, only imc-rram-65nm has it"):
        _load({"hardware": CHIPS, "adc.bits": {"values": "3..8", "when": "hardware == loas"}})


def test_what_never_counts_is_said() -> None:
    given = {
        "hardware": CHIPS,
        "adc.bits": "3..8",
        "device": {"values": ["sram"], "when": "adc.bits == 4 and hardware == imc-rram-65nm"},
        "clock_Hz": {"values": [1e9], "when": "adc.bits == 4 and hardware == sata"},
    }
    with pytest.raises(UsageError, match=r"clock_Hz: counts for no point of the space: 'adc\.bits == 4"):
        _load(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"crossbar.row": [64]}, r"crossbar\.row: is no quantity of .*did you mean 'crossbar\.rows'"),
        ({"rows": [64]}, r"did you mean 'crossbar\.rows' or 'array\.rows'"),
        ({"crossbar": [64]}, r"crossbar: is no quantity"),
        ({"kind": ["imc"]}, "kind: is no quantity"),
        (
            {"adc.bits": "3..14"},
            r"adc\.bits: the range 3\.\.14 leaves the bounds of imc-rram-65nm, which allows 1\.\.12",
        ),
        ({"adc.bits": [4, 14]}, r"adc\.bits: 14 leaves the bounds of imc-rram-65nm, which allows 1\.\.12"),
        ({"adc.bits": "3.0..8.0"}, "takes whole numbers here"),
        ({"adc.bits": [4.5]}, r"4\.5 is no whole number"),
        ({"adc.bits": ["four"]}, "'four' is not a number"),
        ({"adc.bits": [True]}, "true is not a number"),
        ({"adc.kind": ["sarr"]}, "'sarr' is not one of .*did you mean 'sar'"),
        ({"adc.kind": "1..3"}, "takes sar, flash"),
        ({"device": ["rram-neuram"]}, "did you mean 'rram-neurram'"),
        ({"device.name": ["sram"]}, "search 'device' instead"),
        ({"read.t_read_s": "1 nV..2 nV"}, "expected the unit s"),
        ({"technique.prun": [True]}, r"technique\.prun: unknown technique 'prun'; did you mean 'prune'"),
        ({"technique": ["prune"]}, "names no technique"),
        ({"technique.prune": [0.5]}, "takes true or false here"),
        ({"technique.prune.sparsty": [0.5]}, "did you mean 'sparsity'"),
        (
            {"technique.prune.sparsity": "0.5..1.0"},
            r"the range 0\.5\.\.1\.0 leaves the bounds of technique 'prune'",
        ),
        ({"technique.mint.bits": "2..9"}, "leaves the bounds of technique 'mint', which allows 2..8"),
        ({"technique.prune.scope": ["all"]}, "is not one of global, layer"),
        ({"hardware": ["sata", "satta"]}, "hardware: unknown hardware preset 'satta'; did you mean 'sata'"),
        ({"adc.bits": {"when": "hardware == sata"}}, "mapping without 'values'"),
        ({"adc.bits": {"values": [4], "wehn": "x == 1"}}, "did you mean 'when'"),
        ({"adc.bits": {"values": [4], "when": "hardware == imc"}}, "hardware is never 'imc'"),
        ({"adc.bits": {"values": [4], "when": 3}}, "'when' is no text"),
        ({"adc": {"bits": [4]}}, r"write paths in full, as 'adc\.bits: \[\.\.\.\]'"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _load({"hardware": CHIPS} | given)


def test_all_faults_are_said_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        _load({"hardware": CHIPS, "adc.bits": "3..14", "crossbar.row": [64], "technique.mint.bits": [9]})
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "adc.bits", "crossbar.row", "technique.mint.bits",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"objectives": ["enrgy_J min"]}, "objectives: unknown objective 'enrgy_J'; did you mean 'energy_J'"),
        ({"objectives": ["energy_J down"]}, "neither min nor max"),
        ({"objectives": ["energy_J min min"]}, "write a quantity and min or max"),
        ({"objectives": 3}, "objectives: is no list"),
        ({"constraints": ["area_m2 <= 10 mm"]}, "expected the unit m2"),
        ({"constraints": ["area <= 10 mm²"]}, "did you mean 'area_m2'"),
        ({"constraints": ["area_m2 < 1 mm²"]}, "neither <= nor >="),
        ({"constraints": ["accuracy >= 90"]}, "a share from 0 to 1, not 90"),
        ({"constraints": ["area_m2"]}, "write QUANTITY <= LIMIT"),
        ({"fidelity": 3}, "fidelity: is no mapping"),
        ({"objective": ["energy_J min"]}, "unknown key of a space 'objective'; did you mean 'objectives'"),
        ({"objectives": ["energy_J min", "energy_J max"]}, "energy_J stands twice"),
    ],
)
def test_what_is_wrong_beside_the_parameters_is_said(more: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _load({"hardware": CHIPS}, **more)


@pytest.mark.parametrize("given", [{}, {"space": {}}, {"space": [1]}, {"hardware": ["sata"]}])
def test_empty_spaces_are_said(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="the space is empty"):
        load_space(given)


FILE = """\
name: chips
space:
  hardware: [imc-rram-65nm, sata]
  device: [rram-neurram, pcm-hermes]   # by name
  crossbar.rows: 64..512 step 64
  read.t_read_s: 1 ns..10 ns
  adc.bits: {values: 3..8, when: device == pcm-hermes}
  technique.prune: [true, false]
  technique.prune.sparsity: 0..0.9 step 0.1
  technique.prune.epochs: 0
objectives: [accuracy max, energy_J min, throughput_Hz]
constraints: ["area_m2 <= 10 mm²", "accuracy >= 90 %"]
fidelity:
  images: 32
  chips: [1, 5]
"""


def test_a_file_says_what_a_mapping_says(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(FILE, encoding="utf-8")
    space = load_space(file)
    assert space == load_space(
        {
            "name": "chips",
            "space": {
                "hardware": ("imc-rram-65nm", "sata"),
                "device": ["rram-neurram", "pcm-hermes"],
                "crossbar.rows": Integers(64, 512, 64),
                "read.t_read_s": Reals(1e-9, 1e-8),
                "adc.bits": {
                    "values": Integers(3, 8),
                    "when": Condition((Clause("device", "==", ("pcm-hermes",)),)),
                },
                "technique.prune": [True, False],
                "technique.prune.sparsity": Reals(0.0, 0.9, step=0.1),
                "technique.prune.epochs": 0,
            },
            "objectives": [Objective("accuracy", "max"), "energy_J min", "throughput_Hz max"],
            "constraints": "area_m2 <= 10 mm2, accuracy >= 0.9",
            "fidelity": {"images": 32, "chips": [1, 5]},
        }
    )
    assert space.name == "chips"
    assert space.constraints == (Constraint("area_m2", "<=", 1e-5), Constraint("accuracy", ">=", 0.9))
    assert [str(o) for o in space.objectives] == ["accuracy max", "energy_J min", "throughput_Hz max"]
    assert space.fidelity == {"images": 32, "chips": [1, 5]}
    assert _when(space, "adc.bits") == "device == pcm-hermes and hardware in [imc-rram-65nm]"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("crossbar.rows: 64", "crossbar.row: 64", r"space\.yaml:5: crossbar\.row: is no quantity of"),
        (
            "3..8, when: device",
            "3..8, when: devise",
            r"space\.yaml:7: adc\.bits: condition .*did you mean 'device'",
        ),
        ("3..8, when", "3..18, when", r"space\.yaml:7: adc\.bits: the range 3\.\.18 leaves"),
        (
            "epochs: 0",
            "epochs: {}",
            r"space\.yaml:10: technique\.prune\.epochs: is a mapping without 'values'",
        ),
        ("energy_J min", "enrgy_J min", r"space\.yaml:11: objectives: unknown objective"),
        (
            "fidelity:",
            "fidelty:",
            r"space\.yaml:13: unknown key of a space 'fidelty'; did you mean 'fidelity'",
        ),
        ("device: [", "hardware: [", r"space\.yaml:4: the key 'hardware' is given twice"),
        ("[true, false]", "!!python/object:os.system x", "the tag .* is not allowed"),
        ("[true, false]", "[true, false", r"space\.yaml:\d+: not valid YAML"),
        ("energy_J min,", "energy_J min, energy_J min,", r"space\.yaml: the objective energy_J stands twice"),
    ],
)
def test_faults_of_a_file_have_a_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "space.yaml"
    assert old in FILE
    file.write_text(FILE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SpecError, match=said):
        load_space(file)


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "just words\n"])
def test_files_that_are_no_space_are_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match="a space is a mapping of keys"):
        load_space(file)


def test_files_that_are_not_there_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.yaml' can't be read: No such file"):
        load_space(tmp_path / "nothing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"space: {a: \xe9}")
    with pytest.raises(SpecError, match="is no UTF-8 text"):
        load_space(tmp_path / "latin.yaml")


def test_chips_of_files_are_searched_beside_presets(tmp_path: Path) -> None:
    chip = tmp_path / "mine.yaml"
    chip.write_text("extends: loas\npe.count: 8\n".replace("pe.count: 8", "pe: {count: 8}"), encoding="utf-8")
    space = _load({"hardware": ["sata", str(chip)], "pe.steps": [4, 8]})
    assert space.count == 1 + 2
    assert _when(space, "pe.steps") == f"hardware in [{chip}]"
    with pytest.raises(UsageError, match="hardware: there is no file"):
        _load({"hardware": ["sata", str(tmp_path / "other.yaml")]})


@pytest.mark.parametrize(
    "typed", ["spaces/space.yaml", "../{name}/spaces/space.yaml", "{whole}/spaces/space.yaml"]
)
def test_files_of_a_space_are_found_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    spaces = tmp_path / "spaces"
    spaces.mkdir()
    for file, count in [("spaces/mine.yaml", 8), ("mine.yaml", 4), ("other.yaml", 2), ("spaces/up.yaml", 16)]:
        (tmp_path / file).write_text(f"extends: loas\npe: {{count: {count}}}\n", encoding="utf-8")
    (spaces / "net.py").write_text("def make(steps=4): ...\n", encoding="utf-8")
    (spaces / "space.yaml").write_text(
        "space:\n  hardware: [sata, mine.yaml, other.yaml, ./up.yaml, ../mine.yaml]\n"
        "  pe.steps: {values: [4, 8], when: 'hardware in [mine.yaml, ./up.yaml]'}\n"
        "  model: [spiking-cnn, 'net.py:make']\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    space = load_space(typed.format(name=tmp_path.name, whole=tmp_path))
    chips = ("sata", "spaces/mine.yaml", "other.yaml", "spaces/up.yaml", "./mine.yaml")
    assert _domain(space, "hardware").values == chips
    assert [load_hardware(chip).values()["pe.count"] for chip in chips[1:]] == [8, 2, 16, 4]
    assert _when(space, "pe.steps") == "hardware in [spaces/mine.yaml, spaces/up.yaml]"
    assert _domain(space, "model").values == ("spiking-cnn", "spaces/net.py:make")
    assert load_space(space_to_dict(space)) == space
    (spaces / "space.yaml").write_text("space: {hardware: [mine.yaml, ./up.yaml]}", encoding="utf-8")
    monkeypatch.chdir(spaces)
    assert _domain(load_space("space.yaml"), "hardware").values == ("mine.yaml", "./up.yaml")


def test_a_file_that_is_nowhere_is_said_by_the_place_beside_the_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spaces").mkdir()
    for folder in (tmp_path, tmp_path / "spaces"):
        (folder / "nearly.yaml").write_text("extends: loas\n", encoding="utf-8")
    file = tmp_path / "spaces" / "space.yaml"
    monkeypatch.chdir(tmp_path)
    file.write_text("space:\n  hardware: [nearl.yaml]\n", encoding="utf-8")
    with pytest.raises(
        SpecError, match=r"space\.yaml:2: hardware: .*'spaces/nearl\.yaml'; did you mean 'nearly"
    ):
        load_space(file)
    file.write_text("space:\n  hardware: [nearly.yaml, ../spaces/nearly.yaml]\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"space\.yaml:1: .*'spaces/nearly\.yaml' stands twice"):
        load_space(file)


def test_pins_count_where_the_chip_has_the_component() -> None:
    space = _load({"hardware": CHIPS, "pins.adc.energy_J": ["1 pJ", "2 pJ"]})
    assert _when(space, "pins.adc.energy_J") == "hardware in [imc-rram-65nm]"
    chip = load_hardware("imc-rram-65nm").replace(
        {"pins.adc.energy_J": _domain(space, "pins.adc.energy_J").values[1]}
    )
    assert chip.pins["adc"].energy_J == 2e-12


def test_all_presets_stand_in_one_space() -> None:
    space = _load({"hardware": list(preset_names()), "weight_bits": [4, 8], "crossbar.weight_bits": [4, 8]})
    assert space.count == 2 * len(preset_names())  # every chip has its bits under one of the two paths
