"""A device, a technique and a hardware kind of somebody else: one file and one entry point each.

``axbar new`` writes them; here they are put on the path with the metadata that an installer would leave.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

THINGS = {"device": "my-cell", "technique": "my-scale", "hardware": "my-macs"}


@pytest.fixture
def third_party(axbar, tmp_path: Path):
    """Return a runner that sees the three packages."""
    for what, name in THINGS.items():
        assert axbar("new", what, name).returncode == 0
        install(tmp_path / name, tmp_path / "site")
    return lambda *words: axbar(*words, env={"PYTHONPATH": str(tmp_path / "site")})


def install(package: Path, site: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in table.items())
        for group, table in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text(points)
    for file in [*package.glob("*.py"), *package.glob("*.yaml")]:
        (site / file.name).write_text(file.read_text())


def test_they_are_listed_with_their_origin(third_party) -> None:
    for group, name in (("devices", "my-cell"), ("techniques", "my-scale"), ("kinds", "my-macs")):
        rows = dict(json.loads(third_party("ls", group, "--json").stdout)[group])
        assert f"[{name}]" in rows[name]
    assert "my-macs-default" in dict(json.loads(third_party("ls", "hardware", "--json").stdout)["hardware"])


def test_a_device_and_a_technique_are_evaluated(third_party, trained: Path) -> None:
    words = (
        "evaluate",
        str(trained),
        "--data",
        "fashion-mnist-small",
        "--images",
        "50",
        "--chips",
        "1",
        "--json",
    )
    done = third_party(*words, "--set", "device=my-cell", "--technique", "my-scale:factor=1.0")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["hardware"]["values"]["device.name"] == "my-cell"
    assert report["techniques"][0]["config"] == {"factor": 1.0}


def test_a_hardware_kind_is_estimated_swept_explained_and_evaluated(third_party, trained: Path) -> None:
    estimate = json.loads(third_party("estimate", "vgg9", "--hardware", "my-macs-default", "--json").stdout)
    assert estimate["energy_J"] > 0
    sweep = third_party("estimate", "vgg9", "-H", "my-macs-default", "--sweep", "unit.count=64,256", "--json")
    slow, fast = json.loads(sweep.stdout)["latency_s"]
    assert slow == pytest.approx(4 * fast)
    assert "Horowitz" in third_party("explain", "units.energy", "-H", "my-macs-default").stdout
    words = (
        "evaluate",
        str(trained),
        "--data",
        "fashion-mnist-small",
        "--images",
        "50",
        "--hardware",
        "my-macs-default",
    )
    done = third_party(*words, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accuracy"]["analog"] is None
    assert third_party("rerun", "run").returncode == 0


def test_all_three_are_searched_together(third_party, trained: Path, tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    space.write_text(
        "space:\n"
        "  hardware: [imc-rram-65nm, my-macs-default]\n"
        "  device: [rram-generic, my-cell]\n"
        "  unit.count: [64, 256]\n"
        "  technique.my-scale: [true, false]\n"
        "  technique.my-scale.factor: [1.0, 0.5]\n"
        "objectives: [accuracy max, energy_J min, latency_s min]\n"
        "fidelity:\n"
        "  proxy: {images: 20, survivors: 12, generations: 1, generation: 2}\n"
        "  full: {images: 50, chips: 2, survivors: 3}\n"
        "  samples: 2\n"
    )
    words = ("explore", "--space", str(space), "--model", str(trained), "--data", "fashion-mnist-small")
    done = third_party(*words, "--study", "s", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["designs"] == found["looked_at"] == (2 + 2) * 3
    assert found["counts"].get("failed", 0) == 0
    lines = (tmp_path / "s" / "study.csv").read_text().splitlines()
    proxy = [line for line in lines if ",proxy," in line]
    assert any("my-cell" in line for line in proxy)
    assert any("my-macs-default" in line for line in proxy)
    assert any("True" in line for line in proxy)
    assert "my-macs-default" in (tmp_path / "s" / "study.html").read_text()
