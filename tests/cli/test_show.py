"""``axbar show`` of techniques, and of words that name nothing."""

from __future__ import annotations

import json

import pytest

from axbar import registry
from axbar.cli.show import technique_facts


def test_a_technique_is_shown_with_its_settings(axbar) -> None:
    text = axbar("show", "prune").stdout
    assert text.startswith("prune: remove the smallest weights, then fine-tune\n")
    assert "stage: network (once, before the chip)   from: axbar (axbar.techniques.prune:TECHNIQUE)" in text
    rows = {line.split()[0]: line for line in text.splitlines() if " = " in line}
    assert rows["sparsity"].split(None, 3)[2] == "0.8"
    assert (
        "at least 0 and below 1" in rows["sparsity"] and "share of the weights to remove" in rows["sparsity"]
    )
    assert "global, layer" in rows["scope"] and "true or false" in rows["keep_readout"]
    assert "NeurIPS 2015" in text


@pytest.mark.parametrize("name", registry.names("techniques"))
def test_every_technique_can_be_shown(name: str) -> None:
    facts = json.loads(json.dumps(technique_facts(name), allow_nan=False))
    assert facts["name"] == name and facts["stage"] in ("network", "chip")
    assert facts["summary"] and len(facts["description"]) > 100
    for setting in facts["settings"]:
        assert setting["type"] in ("int", "float", "str", "bool"), setting
        assert setting["description"] and setting["allowed"], setting
        if setting["low"] is not None and setting["default"] is not None:
            assert setting["low"] <= setting["default"]


def test_a_technique_as_json(axbar) -> None:
    found = json.loads(axbar("show", "bn-adapt", "--json").stdout)
    assert found["stage"] == "chip"
    mode = next(setting for setting in found["settings"] if setting["name"] == "mode")
    assert mode["default"] in mode["choices"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("prun",), "unknown chip, device or technique 'prun'; did you mean 'prune'?"),
        (("rram-neuram",), "did you mean 'rram-neurram'?"),
        (("imc-rram-65mn",), "did you mean 'imc-rram-65nm'?"),
        (("prune", "--yaml"), "--yaml would do nothing: this is a technique"),
        (("rram-neurram", "--set", "adc.bits=4"), "--set would do nothing: this is a device"),
    ],
)
def test_words_that_name_nothing_or_do_nothing_are_said(axbar, words: tuple[str, ...], said: str) -> None:
    done = axbar("show", *words)
    assert done.returncode == 2
    assert said in done.stderr
