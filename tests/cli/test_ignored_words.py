"""Words that would change nothing are refused or told, and a slip of the pen is met with what was meant."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import Field, field_validator
from test_bad_input import one_sentence

from axbar import registry, save_nir
from axbar.errors import UsageError
from axbar.nn import build_model
from axbar.techniques import TechniqueConfig, parse_technique
from axbar.workload import shapes


@pytest.fixture
def recorded(tmp_path: Path) -> None:
    shapes.cnn(width=4).save(tmp_path / "w.npz")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--images", "10", "--chips", "2", "--seed", "4", "--weights", "foo"), "--weights, --images, --chips, --seed"),
        (("--samples", "16"), "--samples would do nothing"),
        (("--chips", "5"), "--chips would do nothing"),  # the default, but typed
        (("--data-dir", "."), "--data-dir would do nothing"),
    ],
)  # fmt: skip
def test_options_of_a_network_on_a_workload(axbar, recorded, options: tuple[str, ...], named: str) -> None:
    one_sentence(axbar("compare", "w.npz", "-H", "sata", *options), 2, named, "--data")


@pytest.mark.parametrize("verb", [("estimate",), ("compare",), ("explain", "adc.energy", "-w")])
def test_config_on_a_workload_that_is_recorded(axbar, recorded, verb: tuple[str, ...]) -> None:
    one_sentence(axbar(*verb, "w.npz", "--config", "width=4"), 2, "width=4 (--config)", "w.npz")


def test_a_run_that_is_replaced_is_named_before(axbar, recorded, tmp_path: Path) -> None:
    first = axbar("compare", "w.npz", "-H", "sata,loas", "--out", "run")
    assert first.returncode == 0 and "replaces" not in first.stderr
    second = axbar("compare", "w.npz", "-H", "sata", "--out", "run", "--json")
    assert (
        "'run' holds a run already, which this one replaces when it is done: axbar compare w.npz -H sata,loas"
        in (" ".join(second.stderr.split()))
    )
    assert len(json.loads(second.stdout)["hardware"]) == 1


@pytest.mark.parametrize("steps", ["65", "0", "2.5", "many"])
def test_steps_that_no_word_holds_are_a_wrong_call(axbar, steps: str) -> None:
    words = ("trace", "spiking-cnn", "--data", "fashion-mnist-small", "-o", "w.npz")
    one_sentence(axbar(*words, "--config", f"steps={steps}"), 2, f"steps = {steps}", "from 1 to 64")


def test_steps_of_a_shape(axbar) -> None:
    one_sentence(axbar("estimate", "vgg9", "--config", "steps=65"), 2, "vgg9", "steps is 65", "1 to 64")


def test_a_forgotten_prefix_and_a_misspelt_path(axbar) -> None:
    one_sentence(
        axbar("estimate", "vgg9", "--set", "technology.node_m=28"), 2, "28 m is out of range", "Did you mean 28nm?"
    )  # fmt: skip
    done = axbar("compare", "vgg9", "--set", "adc.bit=4")
    one_sentence(done, 2, "did you mean 'adc.bits'?", "'axbar ls paths' lists all")
    assert done.stderr.count(",") < 12


def test_a_percentage_for_a_share(axbar, trained: Path) -> None:
    words = ("evaluate", str(trained), "--data", "fashion-mnist-small", "--technique", "prune:sparsity=90")
    one_sentence(axbar(*words), 2, "share from 0 to 1", "did you mean 0.9?")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prune:sparsity=1.5", "sparsity = '1.5' is refused: give a number, at least 0 and below 1."),
        ("early-exit:threshold=7", "threshold = '7' is refused: give a number, 0..1."),
        ("mint:bits=1", "bits = '1' is refused: give a whole number, 2..8."),
        ("mint:bits=9", "bits = '9' is refused: give a whole number, 2..8."),
        ("mint:bits=3.5", "bits = '3.5' is refused: give a whole number, 2..8."),
        ("prune:keep_first=maybe", "keep_first = 'maybe' is refused: give true or false."),
    ],
)
def test_settings_of_techniques_name_what_is_allowed_and_guess_no_share(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"{re.escape(said)}$"):
        parse_technique(text)


def test_a_check_of_a_technique_of_its_own_speaks_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Config(TechniqueConfig):
        odd: int = Field(default=1, ge=0, le=9)

        @field_validator("odd")
        @classmethod
        def _odd(cls, value: int) -> int:
            if value % 2 == 0:
                raise ValueError(f"{value} is even")
            return value

    class Own:
        name, stage, Config = "own", "network", None

        def apply(self, *given: object) -> None: ...

    Own.Config = Config
    monkeypatch.setattr(registry, "get", lambda group, name: Own())
    with pytest.raises(UsageError, match=r"odd = '2' is refused: .*2 is even"):
        parse_technique("own:odd=2")
    with pytest.raises(UsageError, match=r"odd = '10' is refused: give a whole number, 0\.\.9"):
        parse_technique("own:odd=10")


@pytest.mark.parametrize("dt", ["abc", "true", "[1]", "0", "-1", "NaN"])
def test_a_length_of_a_step_that_is_none(axbar, tmp_path: Path, dt: str) -> None:
    save_nir(build_model("spiking-mlp", width=2, steps=2), tmp_path / "x.nir")
    done = axbar("trace", "x.nir", "--data", "fashion-mnist-small", "-o", "w.npz", "--config", f"dt={dt}")
    one_sentence(done, 2, "dt = ", "is no length of a time step", "above 0")


def test_another_width_than_that_of_the_run_is_a_wrong_word(axbar, trained: Path) -> None:
    words = ("trace", str(trained), "--data", "fashion-mnist-small", "-o", "w.npz", "--config", "width=16")
    one_sentence(axbar(*words), 2, "has width = 8, not 16")


def test_help_of_compare_names_one_chip(axbar) -> None:
    assert "[NAME:]PATH=VALUE" in axbar("compare", "--help").stdout


def test_only_functions_of_the_file_itself_are_offered(axbar, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from pathlib import Path\nfrom axbar.nn import LIF\nfrom torch import nn\n\n"
        "def build():\n    return nn.Linear(2, 2)\n\nclass Own(nn.Module):\n    pass\n"
    )
    done = axbar("trace", "net.py:missing", "--data", "fashion-mnist-small", "-o", "w.npz")
    one_sentence(done, 2, "It holds: build, Own.")


def test_noise_aware_names_the_chip_that_has_no_dies(axbar, trained: Path) -> None:
    words = ("evaluate", str(trained), "--data", "fashion-mnist-small", "--images", "10", "-H", "sata")
    one_sentence(
        axbar(*words, "--technique", "noise-aware:epochs=1"), 2, "'noise-aware'", "dies are programmed", "'sata'"
    )  # fmt: skip


def test_a_training_folder_in_use_names_the_option(axbar, trained: Path) -> None:
    words = ("train", "spiking-cnn", "--data", "fashion-mnist-small", "--epochs", "1", "--out", str(trained))
    one_sentence(axbar(*words), 2, "--resume")


def test_the_activity_of_pixels_is_of_bits_not_of_spikes(axbar) -> None:
    words = ("--data", "fashion-mnist-small", "--config", "width=4", "--samples", "2", "-o", "w.npz")
    shown = axbar("trace", "cnn", *words).stdout
    assert "% of bits" in shown and "spike rate" not in shown
    rows = axbar("trace", "spiking-cnn", "--config", "steps=2", *words).stdout.splitlines()
    of_bits = [row.split()[0] for row in rows if "% of bits" in row]
    assert of_bits == ["conv1"] and any("neuron1" in row and "%" in row for row in rows)


def test_chips_named_one_by_one_are_all_compared(axbar, recorded) -> None:
    done = axbar("compare", "w.npz", "-H", "sata", "-H", "imc-rram-65nm,loas", "--json")
    assert done.returncode == 0
    assert [row["name"] for row in json.loads(done.stdout)["hardware"]] == ["sata", "imc-rram-65nm", "loas"]
