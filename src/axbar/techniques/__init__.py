"""Techniques: network to network, or programmed chip to programmed chip."""

from axbar.techniques._base import Technique, TechniqueConfig, TechniqueResult, TuningView
from axbar.techniques._chain import Link, run_chain
from axbar.techniques._note import note, noted
from axbar.techniques._offers import offers
from axbar.techniques._parse import get_technique, parse_technique
from axbar.techniques._plan import check_chip, check_network, check_plan, parse_plan
from axbar.techniques._structure import LayerStructure, structure, structure_table
from axbar.techniques._tensor_train import merge_tensor_train, tensor_train
from axbar.techniques._tt_counts import TTCounts, tt_counts
from axbar.techniques._written_noise import written_snr_dB

__all__ = [
    "LayerStructure",
    "Link",
    "TTCounts",
    "Technique",
    "TechniqueConfig",
    "TechniqueResult",
    "TuningView",
    "check_chip",
    "check_network",
    "check_plan",
    "get_technique",
    "merge_tensor_train",
    "note",
    "noted",
    "offers",
    "parse_plan",
    "parse_technique",
    "run_chain",
    "structure",
    "structure_table",
    "tensor_train",
    "tt_counts",
    "written_snr_dB",
]
