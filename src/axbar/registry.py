"""Names for what can be plugged in, resolved only when used.

Built-in names stand in a table of ``module:object`` targets, so that listing them imports nothing.
Third parties add names by entry points in the groups ``axbar.hardware`` (a ``HardwareKind``),
``axbar.devices``, ``axbar.techniques``, ``axbar.models``, ``axbar.reproductions`` and
``axbar.renderers``. A name given twice is an error that names both givers.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from axbar.errors import AxbarError, UsageError, unknown_name

__all__ = ["GROUPS", "Entry", "entries", "get", "load_target", "names"]

GROUPS = ("hardware", "devices", "techniques", "models", "reproductions", "renderers")

#: group -> name -> (target, one line on what it is)
_BUILTIN: dict[str, dict[str, tuple[str, str]]] = {
    "hardware": {
        "imc": ("axbar.cost.imc:KIND", "in-memory-computing chip of crossbar arrays with digital neurons"),
    },
    "devices": {
        "ideal": ("axbar.devices.ideal:PRESET", "exact cells: no noise, infinite on/off ratio"),
        "pcm-mushroom": ("axbar.devices.pcm_mushroom:PRESET", "mushroom PCM (Nandakumar 2019), after 20 s"),
        "rram-generic": (
            "axbar.devices.rram_generic:PRESET",
            "generic RRAM, sigma 5 % of the range (assumed)",
        ),
        "rram-neurram": ("axbar.devices.rram_neurram:PRESET", "HfOx RRAM of NeuRRAM (Wan 2022), after 1 s"),
        "sram": ("axbar.devices.sram:PRESET", "SRAM: one bit per cell, exact levels"),
    },
    "techniques": {
        "adc-recalibrate": (
            "axbar.techniques.adc_recalibrate:TECHNIQUE",
            "refit the ADC ranges of every die",
        ),
        "clip-weights": ("axbar.techniques.clip_weights:TECHNIQUE", "clip weights at n sigma of their layer"),
    },
    "models": {
        "cnn": ("axbar.nn.models:cnn", "two convolutions, ReLU: conventional twin of spiking-cnn"),
        "resnet20": (
            "axbar.nn.models:resnet20",
            "conventional ResNet20 for 32x32 images (option-A shortcuts)",
        ),
        "spiking-cnn": (
            "axbar.nn.models:spiking_cnn",
            "two convolutions and two linear layers of LIF neurons",
        ),
        "spiking-resnet19": ("axbar.nn.models:spiking_resnet19", "spiking ResNet19 with tdBN"),
        "spiking-vgg16": ("axbar.nn.models:spiking_vgg16", "spiking VGG16 with tdBN"),
        "spiking-vgg9": (
            "axbar.nn.models:spiking_vgg9",
            "spiking VGG9 with tdBN: 7 convolutions, 2 linear layers",
        ),
        "vgg16": ("axbar.nn.models:vgg16", "conventional twin of spiking-vgg16"),
        "vgg9": ("axbar.nn.models:vgg9", "conventional twin of spiking-vgg9"),
    },
    "reproductions": {
        "timesteps": (
            "axbar.published.timesteps:reproduce",
            "energy, latency, EDP and accuracy on the chip against the number of time steps",
        ),
    },
    "renderers": {
        "csv": ("axbar.report:render_csv", "costs by layer and component, one figure a line"),
        "frame": ("axbar.report:to_frame", "the same as a pandas frame"),
        "html": ("axbar.report:render_html", "one offline page with charts"),
        "json": ("axbar.report:render_json", "all figures as JSON"),
        "notebook": ("axbar.report:render_notebook", "compact table for notebooks"),
        "terminal": ("axbar.report:show", "tables on the terminal"),
        "txt": ("axbar.report:report_text", "tables as plain text"),
    },
}


@dataclass(frozen=True)
class Entry:
    """One registered name: where it comes from and what it is."""

    group: str
    name: str
    target: str
    summary: str
    origin: str  # "axbar" or the distribution that registered it


def _check_group(group: str) -> None:
    if group not in GROUPS:
        raise UsageError(unknown_name("registry group", group, GROUPS))


@cache
def _table(group: str) -> dict[str, Entry]:
    _check_group(group)
    table = {
        name: Entry(group, name, target, summary, "axbar")
        for name, (target, summary) in _BUILTIN[group].items()
    }
    for point in entry_points(group=f"axbar.{group}"):
        origin = point.dist.name if point.dist else "unknown distribution"
        if point.name in table:
            raise AxbarError(
                f"{group} name '{point.name}' is given twice, by {table[point.name].origin} and by {origin}; "
                "rename one of the entry points."
            )
        table[point.name] = Entry(group, point.name, point.value, "", origin)
    return table


def entries(group: str) -> tuple[Entry, ...]:
    """Return all entries of a group by name; imports nothing of theirs."""
    return tuple(sorted(_table(group).values(), key=lambda e: e.name))


def names(group: str) -> tuple[str, ...]:
    """Return the sorted names of a group."""
    return tuple(e.name for e in entries(group))


def get(group: str, name: str) -> Any:
    """Import and return what a name stands for.

    Raises:
        UsageError: nothing of that name is registered (with the closest name).
    """
    table = _table(group)
    if name not in table:
        raise UsageError(unknown_name(group.rstrip("s"), name, table))
    entry = table[name]
    try:
        return load_target(entry.target)
    except (ImportError, AttributeError) as error:
        if entry.origin == "axbar":
            raise
        raise AxbarError(
            f"{group} name '{name}' of {entry.origin} does not load from '{entry.target}': {error}; repair or remove "
            "that package."
        ) from error


def load_target(target: str) -> Any:
    """Import ``module:object`` and return the object."""
    module, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found
