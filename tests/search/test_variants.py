"""Which network a point asks for, and which points must have one accuracy."""

from __future__ import annotations

import numpy as np
import pytest

from axbar.errors import UsageError
from axbar.search.space import load_space
from axbar.search.space.parts import PointParts
from axbar.search.sweep.variants import Variant, class_paths, is_of_network, variant_of, variant_paths

SPACE = load_space(
    {
        "space": {
            "hardware": ["imc-rram-65nm", "sata"],
            "crossbar.rows": [64, 128],
            "adc.cols_per_adc": [4, 8],
            "neuron.membrane_bits": [6, 8],
            "technique.bn-adapt": [True, False],
            "technique.prune": [True, False],
            "technique.prune.sparsity": [0.5, 0.9],
            "model": ["vgg9"],
            "model.steps": [2, 4],
        }
    }
)


def test_the_network_decides_the_variant() -> None:
    assert variant_paths(SPACE) == (
        "technique.prune",
        "technique.prune.sparsity",
        "model",
        "model.steps",
    )


def test_what_may_move_accuracy_decides_the_class() -> None:
    # converters that take turns move no accuracy; membranes may, although nobody models it
    assert set(SPACE.paths) - set(class_paths(SPACE)) == {"adc.cols_per_adc"}
    assert class_paths(SPACE)[:3] == ("hardware", "crossbar.rows", "neuron.membrane_bits")


def test_variants_leave_techniques_of_a_programmed_chip_out() -> None:
    parts = PointParts(
        hardware="sata", changes={"weight_bits": 4}, model="vgg9", arguments={"steps": 4},
        techniques={"bn-adapt": {}, "prune": {"sparsity": 0.5}, "mint": {"bits": 4}},
    )  # fmt: skip
    found = variant_of(parts)
    assert found == Variant(
        "vgg9", (("steps", 4),), (("prune", (("sparsity", 0.5),)), ("mint", (("bits", 4),)))
    )
    assert hash(found) == hash(variant_of(parts))
    assert found != variant_of(PointParts(model="vgg9", arguments={"steps": 2}))


def test_order_of_techniques_is_part_of_the_variant() -> None:
    there = variant_of(PointParts(techniques={"prune": {}, "mint": {}}))
    back = variant_of(PointParts(techniques={"mint": {}, "prune": {}}))
    assert there != back


def test_a_point_without_a_model_means_the_callers() -> None:
    assert variant_of(SPACE.split({"hardware": "sata", "technique.prune": False})) == Variant()
    assert str(Variant()) == "the network"


def test_points_of_the_same_network_share_a_variant() -> None:
    columns = SPACE.distinct(np.arange(SPACE.count))
    variants = {variant_of(SPACE.split(SPACE.point(columns, i))) for i in range(len(columns))}
    assert len(variants) == 2 * 3  # steps, and no pruning or one of two


def test_an_unknown_technique_is_an_error() -> None:
    with pytest.raises(UsageError, match="did you mean 'prune'"):
        is_of_network("prun")
