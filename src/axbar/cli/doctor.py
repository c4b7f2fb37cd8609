"""``axbar doctor``: is this installation fit, and what is missing for what."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from axbar.cli._common import Json, emit_json, verb

EXAMPLE = "Example: axbar doctor"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor", epilog=EXAMPLE)(doctor)


@dataclass(frozen=True)
class Check:
    """One finding: ``ok`` False is an error only where ``needed``."""

    name: str
    ok: bool
    found: str
    needed: bool = True


@verb
def doctor(json: Json = False) -> None:
    """Check the installation: versions, GPU, data folder, optional parts."""
    checks = [
        _python(),
        *_packages(),
        _torch_runs(),
        _embedded(),
        _data_dir(),
        _writable(),
        *_optional(),
        _browser(),
    ]
    failed = [check for check in checks if check.needed and not check.ok]
    if json:
        emit_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            mark = "ok  " if check.ok else ("FAIL" if check.needed else "-   ")
            typer.echo(f"{mark} {check.name:<14} {check.found}")
    if failed:
        raise typer.Exit(1)


def _python() -> Check:
    return Check("python", sys.version_info >= (3, 11), platform.python_version())


def _packages() -> list[Check]:
    names = ("axbar", "numpy", "scipy", "safetensors", "pydantic", "ruamel.yaml", "typer", "rich", "jinja2")
    checks: list[Check] = []
    for name in names:
        try:
            checks.append(Check(name, True, version(name)))
        except PackageNotFoundError:
            checks.append(Check(name, False, f"missing: pip install {name}"))
    return checks


def _torch_runs() -> Check:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Check("torch", False, f"does not import: {error}")
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no CUDA device, runs on the CPU"
    threads = f"{torch.get_num_threads()} threads"
    return Check("torch", bool((torch.ones(2) + 1 == 2).all()), f"{torch.__version__}, {threads}, {gpu}")


def _embedded() -> Check:
    from axbar.data import load_data
    from axbar.errors import AxbarError

    try:
        data = load_data("fashion-mnist-small")
    except AxbarError as error:
        return Check("embedded data", False, str(error))
    return Check("embedded data", True, f"{data.name}: {len(data.train.y)} train, {len(data.test.y)} test")


def _data_dir() -> Check:
    folder = os.environ.get("AXBAR_DATA")
    if not folder:
        return Check(
            "AXBAR_DATA", False, "not set; only the embedded data set is found by name", needed=False
        )
    there = Path(folder).is_dir()
    return Check("AXBAR_DATA", there, folder if there else f"{folder} is no folder", needed=False)


def _writable() -> Check:
    try:
        with tempfile.NamedTemporaryFile(dir="."):
            return Check("write here", True, str(Path.cwd()))
    except OSError as error:
        return Check("write here", False, f"{Path.cwd()}: {error.strerror}; give --out", needed=False)


#: packages whose module has another name
_MODULES = {"pillow": "PIL"}


def _optional() -> list[Check]:
    extras = {
        "nir": "nir",
        "optuna": "explore",
        "distributed": "explore",
        "diffusers": "generative",
        "pandas": None,
    }
    checks: list[Check] = []
    for name, extra in extras.items():
        there = importlib.util.find_spec(_MODULES.get(name, name)) is not None
        hint = (
            f"not installed: pip install 'axbar[{extra}]'" if extra else f"not installed: pip install {name}"
        )
        checks.append(Check(name, there, version(name) if there else hint, needed=False))
    return checks


def _browser() -> Check:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return Check("chromium", bool(found), found or "not found; only the browser tests need it", needed=False)
