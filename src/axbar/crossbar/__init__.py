"""Crossbar arrays in torch: a network to its integer twin, and to programmed arrays."""

from axbar.crossbar._convert import digital, folded_copy, to_analog
from axbar.crossbar._layers import (
    AnalogConv2d,
    AnalogLayer,
    AnalogLinear,
    DigitalConv2d,
    DigitalLayer,
    DigitalLinear,
)
from axbar.crossbar._mapping import Mapping
from axbar.crossbar._model import AnalogModel, DigitalModel

__all__ = [
    "AnalogConv2d",
    "AnalogLayer",
    "AnalogLinear",
    "AnalogModel",
    "DigitalConv2d",
    "DigitalLayer",
    "DigitalLinear",
    "DigitalModel",
    "Mapping",
    "digital",
    "folded_copy",
    "to_analog",
]
