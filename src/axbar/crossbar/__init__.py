"""Crossbar arrays in torch: a network to its integer twin, and to programmed arrays."""

from axbar.crossbar._analog import AnalogConv2d, AnalogLayer, AnalogLinear
from axbar.crossbar._analog_product import AnalogMatMul
from axbar.crossbar._convert import digital, folded_copy, to_analog
from axbar.crossbar._currents import effective_conductance, read_currents
from axbar.crossbar._diagnose import PC2_LIMIT, LayerDiagnosis, diagnose, diagnosis_table, pc2
from axbar.crossbar._effects import EFFECTS, Effects
from axbar.crossbar._integer import digital_integer
from axbar.crossbar._layers import DigitalConv2d, DigitalLayer, DigitalLinear
from axbar.crossbar._mapping import Mapping
from axbar.crossbar._model import AnalogModel, DigitalModel
from axbar.crossbar._product import DigitalMatMul, product_snr_dB
from axbar.crossbar._through import weight_through_arrays

__all__ = [
    "EFFECTS",
    "PC2_LIMIT",
    "AnalogConv2d",
    "AnalogLayer",
    "AnalogLinear",
    "AnalogMatMul",
    "AnalogModel",
    "DigitalConv2d",
    "DigitalLayer",
    "DigitalLinear",
    "DigitalMatMul",
    "DigitalModel",
    "Effects",
    "LayerDiagnosis",
    "Mapping",
    "diagnose",
    "diagnosis_table",
    "digital",
    "digital_integer",
    "effective_conductance",
    "folded_copy",
    "pc2",
    "product_snr_dB",
    "read_currents",
    "to_analog",
    "weight_through_arrays",
]
