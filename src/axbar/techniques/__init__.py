"""Techniques: network to network, or programmed chip to programmed chip."""

from axbar.techniques._base import Technique, TechniqueConfig, TechniqueResult, TuningView
from axbar.techniques._offers import offers
from axbar.techniques._parse import get_technique, parse_technique
from axbar.techniques._structure import LayerStructure, structure, structure_table

__all__ = [
    "LayerStructure",
    "Technique",
    "TechniqueConfig",
    "TechniqueResult",
    "TuningView",
    "get_technique",
    "offers",
    "parse_technique",
    "structure",
    "structure_table",
]
