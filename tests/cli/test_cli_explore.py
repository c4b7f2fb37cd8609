"""``axbar explore``: what is refused at once, with which exit code, and what is not even imported for it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from axbar.search.store import Store

SPACE = """\
space:
  hardware: sata
  array.rows: [8, 16]
objectives: [accuracy max, energy_J min]
fidelity:
  samples: 2
  proxy: {images: 20, survivors: 2, generations: 0}
  full: false
"""
NET = """\
from axbar.nn import build_model


def make(width=4, steps=2):
    return build_model("spiking-cnn", width=width, steps=steps)


def anything(**more):
    return make(**more)
"""
DATA = ("--data", "fashion-mnist-small")


def imported(stderr: str) -> set[str]:
    """Return the packages of a run under PYTHONPROFILEIMPORTTIME."""
    return set(re.findall(r"^import time:.*\| +([\w.]+)$", stderr, re.MULTILINE))


@pytest.mark.parametrize(
    ("model", "known"),
    [("spiking-cnn", "width"), ("run", "width"), ("net.py:make", "Known: steps, width")],
)
def test_an_argument_that_the_model_does_not_take_is_refused_at_once(
    axbar, tmp_path: Path, trained: Path, model: str, known: str
) -> None:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "run").symlink_to(trained)
    (tmp_path / "space.yaml").write_text(SPACE.replace("objectives", "  model.stepz: [2, 4]\nobjectives"))
    done = axbar("explore", "--space", "space.yaml", "--model", model, *DATA, "--study", "s")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"model.stepz: unknown argument of model '{model}' 'stepz'; did you mean 'steps'?" in done.stderr
    assert known in done.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("model", ["spiking-cnn", "run", "net.py:make"])
def test_arguments_of_a_model_of_the_space_are_checked_with_its_line(
    axbar, tmp_path: Path, trained: Path, model: str
) -> None:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "run").symlink_to(trained)
    more = f"  model: ['{model}']\n  model.stepz: [2, 4]\nobjectives"
    (tmp_path / "space.yaml").write_text(SPACE.replace("objectives", more))
    done = axbar("explore", "--space", "space.yaml", *DATA)
    assert done.returncode == 1
    assert f"space.yaml:5: model.stepz: unknown argument of model '{model}'" in done.stderr
    assert "did you mean 'steps'?" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "spiking-cn"), "unknown model 'spiking-cn'; did you mean 'spiking-cnn'?"),
        (("--model", "cnn", "--config", "widht=4"), "--config widht: unknown argument of model 'cnn'"),
        (("--model", "net.py:mak"), "has no factory 'mak'; did you mean 'make'?"),
    ],
)
def test_a_model_that_is_none_is_a_wrong_word_of_the_call(
    axbar, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "space.yaml").write_text(SPACE)
    done = axbar("explore", "--space", "space.yaml", *words, *DATA)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("array.rows: [8", "array.row: [8", "space.yaml:3: array.row: "),
        ("proxy:", "proxi:", "space.yaml:5: unknown key of fidelity 'proxi'; did you mean 'proxy'?"),
        ("images: 20", "image: 20", "space.yaml:7: unknown key of fidelity.proxy 'image'"),
        ("samples: 2", "samples: few", "space.yaml:6: fidelity.samples = 'few' is refused"),
        ("images: 20", "set: {technique.mint.epochs: 0}", "space.yaml:7: fidelity.proxy.set: "),
        (
            "images: 20",
            "techniques: [nope]",
            "space.yaml:7: fidelity.proxy.techniques: unknown technique 'nope'",
        ),
        ("proxy: {", "proxy: false\n  sweep: {", "space.yaml:8: unknown key of fidelity.sweep 'images'"),
    ],
)
def test_all_that_is_wrong_in_the_file_ends_with_1_and_its_line(
    axbar, tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in SPACE
    (tmp_path / "space.yaml").write_text(SPACE.replace(old, new))
    done = axbar("explore", "--space", "space.yaml", "--model", "spiking-cnn", *DATA)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_a_study_in_use_is_refused_before_anything_heavy_is_imported(axbar, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    words = ("explore", "--space", "space.yaml", "--model", "spiking-cnn", *DATA, "--study", "s")
    with Store(tmp_path / "s"):
        done = axbar(*words, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 1
    assert "is in use by process" in done.stderr
    assert "filelock" in imported(done.stderr)
    assert not {"torch", "numpy", "axbar.spec"} & imported(done.stderr)


def test_a_study_is_shown_without_torch(axbar, tmp_path: Path) -> None:
    space = SPACE.replace("array.rows: [8, 16]", "technique.clip-weights: [true, false]")
    (tmp_path / "space.yaml").write_text(space.replace("sata", "imc-rram-65nm"))
    words = ("--space", "space.yaml", "--model", "spiking-cnn", "--config", "width=4", *DATA)
    first = axbar("explore", *words, "--study", "s", "--json")
    again = axbar("explore", "--study", "s", "--json")
    assert json.loads(again.stdout)["front"] == json.loads(first.stdout)["front"] != []
    shown = axbar("explore", "--study", "s", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert shown.returncode == 0 and "Front of rung proxy" in shown.stdout
    assert "numpy" in imported(shown.stderr)
    assert not {"torch", "scipy.stats"} & imported(shown.stderr)
