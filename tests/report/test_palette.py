"""One colour per component, told apart with any colour vision."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from axbar.report._palette import COMPONENTS, colours, label, ordered

# Machado, Oliveira, Fernandes (2009), severity 1.0, on linear RGB
VISION = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour: str, vision: str) -> np.ndarray:
    """Return CIELAB (D65) of a hex colour as that vision sees it."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(VISION[vision]) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ seen / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_components_are_told_apart(vision: str) -> None:
    seen = [lab(colour, vision) for colour in COMPONENTS.values()]
    neighbours = [np.linalg.norm(a - b) for a, b in itertools.pairwise(seen)]
    pairs = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(neighbours) >= 15
    assert min(pairs) >= 8


def test_a_colour_does_not_depend_on_who_else_is_there() -> None:
    assert colours(["adc", "cells"])["adc"] == colours(["noc", "adc"])["adc"] == COMPONENTS["adc"]


def test_unknown_components_get_colours_of_their_own() -> None:
    found = colours(["pe", "adc", "dram", "noc"])
    assert len(set(found.values())) == 4


def test_order_is_fixed_and_keeps_the_unknown_before_leakage() -> None:
    assert ordered(["leakage", "noc", "adc", "cells"]) == ["cells", "adc", "noc", "leakage"]


def test_names_are_for_people() -> None:
    assert [label(c) for c in ("adc", "input_buffer", "systolic_pe")] == [
        "ADC",
        "input buffer",
        "systolic pe",
    ]
