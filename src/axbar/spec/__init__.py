"""What a chip is: frozen models, YAML files with sources, presets, changes and checks."""

from axbar.spec._base import Confidence, HardwareSpec, Pin, Provenance, SpecModel, flatten
from axbar.spec._column import check_column
from axbar.spec._dump import to_yaml
from axbar.spec._ideal import ideal, lossless_bits
from axbar.spec._load import load_hardware
from axbar.spec._paths import PathInfo, path_table
from axbar.spec._presets import preset_names, preset_path, preset_summary
from axbar.spec._replace import apply_overrides
from axbar.spec._schema import json_schema
from axbar.spec.imc import (
    Adc,
    Buffer,
    Chip,
    Crossbar,
    CustomLaws,
    Device,
    ImcSpec,
    InputCoding,
    Interconnect,
    NeuronUnit,
    Read,
    Technology,
    Tile,
    Wires,
)
from axbar.spec.kind import HardwareKind

__all__ = [
    "Adc",
    "Buffer",
    "Chip",
    "Confidence",
    "Crossbar",
    "CustomLaws",
    "Device",
    "HardwareKind",
    "HardwareSpec",
    "ImcSpec",
    "InputCoding",
    "Interconnect",
    "NeuronUnit",
    "PathInfo",
    "Pin",
    "Provenance",
    "Read",
    "SpecModel",
    "Technology",
    "Tile",
    "Wires",
    "apply_overrides",
    "check_column",
    "flatten",
    "ideal",
    "json_schema",
    "load_hardware",
    "lossless_bits",
    "path_table",
    "preset_names",
    "preset_path",
    "preset_summary",
    "to_yaml",
]
