"""What a user reads when a chip is wrong: file, line, path, value, range, and the fix; every fault at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from axbar import registry
from axbar.errors import AxbarError, SpecError, UsageError
from axbar.spec import Device, load_hardware

BASE = "extends: imc-rram-65nm\n"
PRESETS = (
    "gamma, gospa, imc-pcm-14nm, imc-rram-32nm, imc-rram-65nm, imc-rram-clipformer, imc-sram-28nm, loas, loas-nmtk, "
    "ptb, sata, sparten, tt-train"
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def message(text: str | bytes, overrides: object = ()) -> str:
    path = Path("chip.yaml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SpecError) as caught:
        load_hardware("chip.yaml", overrides)
    assert caught.value.exit_code == 1
    return str(caught.value)


GOLDEN = {
    "above the range": (
        BASE + "adc:\n  bits: 40\n",
        "chip.yaml:3: adc.bits = 40 is out of range: allowed 1..12. Lower it to 12 or less.",
    ),
    "below the range, annotated over lines": (
        BASE + "adc:\n  bits:\n    value: 0\n    source: our chip\n",
        "chip.yaml:3: adc.bits = 0 is out of range: allowed 1..12. Raise it to 1 or more.",
    ),
    "open bound": (
        BASE + "read: {v_read_V: 0 V}\n",
        "chip.yaml:2: read.v_read_V = 0 V is out of range: allowed above 0 V and up to 2 V. Raise it above 0 V.",
    ),
    "forgotten prefix": (
        BASE + "technology: {node_m: 65}\n",
        "chip.yaml:2: technology.node_m = 65 m is out of range: allowed 7 nm..180 nm. Lower it to 180 nm or less. "
        "A bare number counts in m. Did you mean 65nm?",
    ),
    "wrong unit": (
        BASE + "read: {t_read_s: 3 pJ}\n",
        "chip.yaml:2: read.t_read_s: '3 pJ' has the unit 'pJ', expected the unit s; allowed above 100 ps and up to "
        "100 us.",
    ),
    "no number": (
        BASE + "adc: {bits: four}\n",
        "chip.yaml:2: adc.bits: 'four' is not a number; allowed 1..12.",
    ),
    "a bool is no number": (
        BASE + "adc: {bits: true}\n",
        "chip.yaml:2: adc.bits: true is not a number; allowed 1..12.",
    ),
    "a fraction is not whole": (
        BASE + "adc: {bits: 4.5}\n",
        "chip.yaml:2: adc.bits = 4.5 must be a whole number; allowed 1..12.",
    ),
    "not finite": (
        BASE + "clock_Hz: .inf\n",
        "chip.yaml:2: clock_Hz = inf Hz must be a finite number; allowed 1 MHz..10 GHz.",
    ),
    "not a number at all": (
        BASE + "clock_Hz: .NaN\n",
        "chip.yaml:2: clock_Hz = nan Hz must be a finite number; allowed 1 MHz..10 GHz.",
    ),
    "more digits than a float holds": (
        BASE + "clock_Hz: 1e999\n",
        "chip.yaml:2: clock_Hz = inf Hz must be a finite number; allowed 1 MHz..10 GHz.",
    ),
    "nothing": (BASE + "adc:\n  bits:\n", "chip.yaml:3: adc.bits has no value. Allowed: 1..12."),
    "a list": (
        BASE + "adc:\n  bits: [4, 5]\n",
        "chip.yaml:3: adc.bits must be one value, not a list. Allowed: 1..12.",
    ),
    "a block for a value": (
        BASE + "adc:\n  bits: {low: 4}\n",
        "chip.yaml:3: adc.bits must be one value, not a block. Allowed: 1..12.",
    ),
    "a value for a block": (
        BASE + "read: 0.1 V\n",
        "chip.yaml:2: read = '0.1 V' must be a block of v_read_V, t_read_s, mode.",
    ),
    "unknown choice": (
        BASE + "adc: {kind: saar}\n",
        "chip.yaml:2: adc.kind = 'saar' is not one of sar, flash, survey, ramp, sense; did you mean 'sar'?",
    ),
    "unknown key": (
        BASE + "adc:\n  bitz: 4\n",
        "chip.yaml:3: unknown key 'adc.bitz'; did you mean 'bits'? Known: kind, bits, cols_per_adc, "
        "sample_rate_Hz, calibration, inl_lsb.",
    ),
    "key of a deeper block": (
        BASE + "rows: 64\n",
        "chip.yaml:2: unknown key 'rows'; it belongs in the block crossbar.",
    ),
    "dotted key": (
        BASE + "adc.bits: 4\n",
        "chip.yaml:2: unknown key 'adc.bits'; write it as a block: adc: {bits: ...}.",
    ),
    "text that looks like a number": (
        BASE + "name: 2024\n",
        "chip.yaml:2: name = 2024 must be text; put it in quotes.",
    ),
    "contradiction, named where the user wrote": (
        BASE + "device:\n  g_off_S: 50 uS\n  g_on_S: 20 uS\n",
        "chip.yaml:4: device.g_on_S = 20 uS must be larger than device.g_off_S = 50 uS. Raise device.g_on_S or "
        "lower device.g_off_S.",
    ),
    "too few columns": (
        BASE + "crossbar:\n  cols: 8\n  weight_bits: 8\n  cell_bits: 1\n",
        "chip.yaml:3: crossbar.cols = 8 is too few: a weight with crossbar.weight_bits = 8 on cells with "
        "crossbar.cell_bits = 1 needs 14 columns. Raise crossbar.cols or crossbar.cell_bits.",
    ),
    "unknown device": (
        BASE + "device: rram-neuram\n",
        "chip.yaml:2: unknown device 'rram-neuram'; did you mean 'rram-neurram'? Known: "
        f"{', '.join(registry.names('devices'))}.",
    ),
    "a number as device": (
        BASE + "device: 4\n",
        "chip.yaml:2: device = 4 must be the name of a device or a block of name, g_on_S, g_off_S, cell_area_F2, "
        f"{', '.join(list(Device.model_fields)[4:])}.",
    ),
    "sources in one heap": (
        BASE + "sources: {adc.bits: mine}\n",
        "chip.yaml:2: unknown key 'sources'; write it beside its number: {value: 5, source: ..., confidence: ...}.",
    ),
    "unknown confidence": (
        BASE + "adc: {bits: {value: 4, source: our chip, confidence: abss}}\n",
        "chip.yaml:2: adc.bits: confidence = 'abss' is unknown; did you mean 'abs'? Allowed: run, code, abs, sec, "
        "inf, assumed, user.",
    ),
    "misspelt annotation": (
        BASE + "adc: {bits: {value: 4, sorce: our chip}}\n",
        "chip.yaml:2: adc.bits: unknown key 'sorce' beside 'value'; did you mean 'source'? Allowed: value, source, "
        "confidence.",
    ),
    "confidence without source": (
        BASE + "adc: {bits: {value: 4, confidence: abs}}\n",
        "chip.yaml:2: adc.bits: 'source' is missing; name the paper, data sheet or reason in a few words.",
    ),
    "pin without source": (
        BASE + "pins:\n  adc: {energy_J: 2 pJ}\n",
        "chip.yaml:3: missing key: pins.adc.source; say where the figure comes from.",
    ),
    "negative pin": (
        BASE + "pins:\n  adc: {energy_J: -2 pJ, source: measured}\n",
        "chip.yaml:3: pins.adc.energy_J = -2 pJ is out of range: allowed at least 0 J. Raise it to 0 J or more.",
    ),
    "missing keys": (
        "kind: imc\nadc: {bits: 4}\n",
        "chip.yaml:1: missing keys: technology, device, crossbar, input, read, wires, tile, chip, buffer, "
        "interconnect, neuron, clock_Hz; add them or start from a preset with 'extends:'.\n"
        "chip.yaml:2: missing keys: adc.kind, adc.cols_per_adc, adc.sample_rate_Hz, adc.calibration, "
        "adc.inl_lsb; add them or start from a preset with 'extends:'.",
    ),
    "no kind": (
        "name: mine\n",
        "chip.yaml:1: missing key: kind; add for example 'kind: imc' (known: imc, sparse, systolic), or start from a "
        "preset with 'extends:'.",
    ),
    "unknown kind": (
        "\nkind: imcc\n",
        "chip.yaml:2: unknown kind 'imcc'; did you mean 'imc'? Known: imc, sparse, systolic.",
    ),
    "empty": (
        "",
        "chip.yaml: the file is empty. A chip needs 'kind: imc' and its blocks, or 'extends: PRESET'.",
    ),
    "only a comment": (
        "# later\n",
        "chip.yaml: the file is empty. A chip needs 'kind: imc' and its blocks, or 'extends: PRESET'.",
    ),
    "a list of chips": (
        "- imc\n",
        "chip.yaml:1: a chip is a mapping of keys such as 'kind: imc', this file holds a list.",
    ),
    "prose": (
        "hello\n",
        "chip.yaml:1: a chip is a mapping of keys such as 'kind: imc', this file holds a single value.",
    ),
    "binary": (b"\x7fELF\0\0", "chip.yaml: is a binary file, expected YAML text."),
    "not UTF-8": (b"name: \xe9\n", "chip.yaml: is no UTF-8 text (byte 7); save it as UTF-8."),
    "no YAML": (
        BASE + "adc: {bits: 4\n",
        "chip.yaml:3: not valid YAML: while parsing a flow mapping expected ',' or '}', but got '<stream end>'.",
    ),
    "given twice": (
        BASE + "adc:\n  bits: 4\n  kind: sar\n  bits: 5\n",
        "chip.yaml:5: the key 'bits' is given twice, first in line 3; remove one.",
    ),
    "code": (
        BASE + "adc: !!python/object/apply:os.system ['true']\n",
        "chip.yaml:2: the tag '!!python/object/apply:os.system' is not allowed; a chip file holds plain values only.\n"
        "chip.yaml:2: adc = a list must be a block of kind, bits, cols_per_adc, sample_rate_Hz, calibration, "
        "inl_lsb.",
    ),
    "alias": (
        BASE + "adc: {bits: &four 4}\nneuron: {units_per_tile: *four}\n",
        "chip.yaml:2: anchors and aliases are not allowed; repeat the value or use 'extends:'.\n"
        "chip.yaml:3: anchors and aliases are not allowed; repeat the value or use 'extends:'.",
    ),
    "nothing but an alias": (
        "*chip\n",
        "chip.yaml:1: a chip is a mapping of keys such as 'kind: imc', this file holds a single value.",
    ),
    "a text over many lines": (
        BASE + "adc:\n  kind: |\n    " + "sar\n    " * 30,
        "chip.yaml:3: adc.kind = '" + "sar\\n" * 14 + "s...' is not one of sar, flash, survey, ramp, sense.",
    ),
    "two chips": (
        BASE + "---\nkind: imc\n",
        "chip.yaml:2: one file holds one chip; remove the second document ('---').",
    ),
    "hostile nesting": (
        "{a: " * 40 + "1" + "}" * 40,
        "chip.yaml:1: nested deeper than 12 levels; a chip has three.",
    ),
    "extends itself": (
        "extends: chip.yaml\n",
        "chip.yaml:1: extends goes in a circle: chip.yaml -> chip.yaml. Remove one 'extends:'.",
    ),
    "extends nothing known": (
        "extends: imc-rram-65mm\n",
        "chip.yaml:1: extends: unknown hardware preset 'imc-rram-65mm'; did you mean 'imc-rram-65nm'? "
        f"Known: {PRESETS}.",
    ),
    "extends no file": (
        "\nextends: lib/base.yaml\n",
        f"chip.yaml:2: extends: there is no file 'lib/base.yaml'. Presets: {PRESETS}.",
    ),
    "extends a number": (
        "extends: 4\n",
        "chip.yaml:1: extends must be one preset name or the path of a YAML file.",
    ),
    "all faults, in the order of the file": (
        BASE + "adc:\n  bits: 0\n  kind: saar\nread: 4\ndevice: rram\ncrossbar:\n  rows: 3\n  rowz: 1\n",
        "chip.yaml:3: adc.bits = 0 is out of range: allowed 1..12. Raise it to 1 or more.\n"
        "chip.yaml:4: adc.kind = 'saar' is not one of sar, flash, survey, ramp, sense; did you mean 'sar'?\n"
        "chip.yaml:5: read = 4 must be a block of v_read_V, t_read_s, mode.\n"
        f"chip.yaml:6: unknown device 'rram'; did you mean 'sram'? Known: {', '.join(registry.names('devices'))}.\n"
        "chip.yaml:8: crossbar.rows = 3 is out of range: allowed 4..4096. Raise it to 4 or more.\n"
        "chip.yaml:9: unknown key 'crossbar.rowz'; did you mean 'rows'? Known: rows, cols, weight_bits, cell_bits.",
    ),
}


@pytest.mark.parametrize("case", GOLDEN)
@pytest.mark.usefixtures("here")
def test_golden(case: str) -> None:
    text, expected = GOLDEN[case]
    assert message(text) == expected


@pytest.mark.usefixtures("here")
def test_a_fault_in_the_file_below_names_that_file() -> None:
    Path("below.yaml").write_text(BASE + "adc: {bits: 99}\n")
    assert message("extends: below.yaml\n").startswith("below.yaml:2: adc.bits = 99")
    Path("below.yaml").write_text("extends: chip.yaml\n")
    assert "chip.yaml -> below.yaml -> chip.yaml" in message("extends: below.yaml\n")


@pytest.mark.usefixtures("here")
def test_layers_must_be_of_one_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "names", lambda group: ("imc", "systolic"))
    assert message("extends: imc-rram-65nm\nkind: systolic\n") == (
        "chip.yaml:2: kind = 'systolic', but what the file extends is 'imc'; they must agree."
    )


@pytest.mark.usefixtures("here")
def test_a_fault_of_the_file_outranks_one_of_the_call() -> None:
    text = message(BASE + "adc: {bits: 99}\n", {"crossbar.rows": 1})
    assert text == (
        "crossbar.rows = 1 is out of range: allowed 4..4096. Raise it to 4 or more.\n"
        "chip.yaml:2: adc.bits = 99 is out of range: allowed 1..12. Lower it to 12 or less."
    )


CALL = {
    "range": (["adc.bits=40"], "adc.bits = 40 is out of range: allowed 1..12. Lower it to 12 or less."),
    "path": (["adc.bitz=4"], "unknown path 'adc.bitz'; did you mean 'adc.bits'? 'axbar ls paths' lists all."),
    "tail": (["rows=4"], "unknown path 'rows'; did you mean 'crossbar.rows'? 'axbar ls paths' lists all."),
    "block": (["read=4"], "'read' is a block; set one of read.v_read_V, read.t_read_s, read.mode."),
    "no value": (["adc.bits"], "'adc.bits' is not PATH=VALUE; write for example adc.bits=5."),
    "kind": (["kind=imc"], "'kind' can't be set; choose another chip by its preset or file name."),
    "pins": (["pins=1"], "'pins' is not one quantity; set for example pins.adc.energy_J."),
    "bool": ({"adc.bits": True}, "adc.bits: true is not a number; allowed 1..12."),
    "list": (["adc.bits=[4, 5]"], "adc.bits must be one value, not a list. Allowed: 1..12."),
    "contradiction": (
        {"device.g_off_S": 1e-3, "device.g_on_S": "20 uS"},
        "device.g_on_S = 20 uS must be larger than device.g_off_S = 1 mS. Raise device.g_on_S or lower "
        "device.g_off_S.",
    ),
    "device": (
        {"device": "rram"},
        f"unknown device 'rram'; did you mean 'sram'? Known: {', '.join(registry.names('devices'))}.",
    ),
    "several": (
        ["adc.bitz=4", "crossbar.rows=1"],
        "unknown path 'adc.bitz'; did you mean 'adc.bits'? 'axbar ls paths' lists all.\n"
        "crossbar.rows = 1 is out of range: allowed 4..4096. Raise it to 4 or more.",
    ),
}


@pytest.mark.parametrize("case", CALL)
def test_golden_of_the_call(case: str) -> None:
    overrides, expected = CALL[case]
    with pytest.raises(UsageError) as caught:
        load_hardware("imc-rram-65nm", overrides)
    assert str(caught.value) == expected
    assert caught.value.exit_code == 2


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "imc-rram-65",
            f"unknown hardware preset 'imc-rram-65'; did you mean 'imc-rram-65nm'? Known: {PRESETS}. A path ends in "
            ".yaml.",
        ),
        (
            "imc-rram-65nm.yaml",
            "there is no file 'imc-rram-65nm.yaml'; did you mean the preset 'imc-rram-65nm'?",
        ),
        ("chipp.yaml", f"there is no file 'chipp.yaml'; did you mean 'chip.yaml'? Presets: {PRESETS}."),
        (".", "'.' is a folder, expected a preset name or a YAML file; did you mean 'chip.yaml'?"),
        ("none/chip.yaml", f"there is no file 'none/chip.yaml'. Presets: {PRESETS}."),
    ],
)
def test_what_is_not_there(name: str, expected: str) -> None:
    Path("chip.yaml").write_text(BASE)
    with pytest.raises(UsageError) as caught:
        load_hardware(name)
    assert str(caught.value) == expected


@pytest.mark.usefixtures("here")
def test_huge_files_are_refused_unread() -> None:
    assert message("# " + "x" * 1_100_000) == (
        "chip.yaml: 1,100,002 bytes are too many for a chip file (at most 1,000,000)."
    )


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "junk", ["\t", "a: b: c", "'", "%YAML 9.9\n---\na", "@", "a\n b:\n", "\x01", "? ", "- - -"]
)
def test_junk_never_ends_in_a_traceback(junk: str) -> None:
    Path("chip.yaml").write_text(junk)
    with pytest.raises(AxbarError, match=r"^chip\.yaml"):
        load_hardware("chip.yaml")


@pytest.mark.usefixtures("here")
def test_a_pin_on_no_component_is_refused() -> None:
    """A pin that nothing reads would be a dead knob."""
    known = [part.name for part in registry.get("hardware", "imc").components]
    expected = f"chip.yaml:3: pins.adcc: no such component; did you mean 'adc'? Known: {', '.join(known)}."
    assert message(BASE + "pins:\n  adcc: {energy_J: 2 pJ, source: measured}\n") == expected


def test_clips_that_mean_nothing_are_refused_in_a_sentence() -> None:
    with pytest.raises(
        UsageError, match=r"clip_low = 0\.5 takes less than one g_off_S off; set it to 0 for none"
    ):
        load_hardware("imc-rram-clipformer", {"run_time.clip_low": 0.5})
    with pytest.raises(
        UsageError, match=r"clip_high = 0\.005 leaves nothing but zeros .* is 0\.01 already\. Raise"
    ):
        load_hardware("imc-rram-clipformer", {"run_time.clip_high": 0.005})
    assert load_hardware("imc-rram-65nm", {"run_time.clip_high": 0.005}).run_time.unit == "digital"
