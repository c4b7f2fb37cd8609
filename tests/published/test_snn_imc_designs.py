"""Designs of the literature on one chip: counts by hand, and optima that no single choice beats."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from axbar.cost import estimate
from axbar.published import snn_imc_designs as designs
from axbar.published.snn_imc_sweeps import CHIP, device_changes
from axbar.spec import load_hardware
from axbar.workload import LayerShape, Workload


def _network() -> Workload:
    return Workload.from_layers(
        [
            LayerShape(3, 4, "a", in_size=8, bits=8, steps=1),
            LayerShape(4, 4, "b", in_size=8, rate=0.1),
            LayerShape(256, 10, "c", op="linear", rate=0.1, neuron=False),
        ],
        steps=4,
        name="small",
    )


def test_stored_bits_by_hand() -> None:
    weights, membranes = 108 + 144 + 2560, 256 + 256
    assert designs.stored_bits(_network(), 4, 0) == 4 * weights
    assert designs.stored_bits(_network(), 4, 22) == 4 * weights + 22 * membranes


def test_two_bits_of_thirty_two_save_fifteen_sixteenths() -> None:
    last = designs.few_bits(_network())[-1]
    assert last["stored_B"] / last["float_B"] == pytest.approx(1 / 16)
    assert last["weights_B"] + last["membranes_B"] == last["stored_B"]


def test_neighbouring_layers_of_one_shape_share_membranes() -> None:
    table = designs.shared_membranes(_network(), (1, 2))
    assert table["membranes"] == [512.0, 256.0, 128.0]
    assert table["saved"] == [1.0, 2.0, 4.0]


def test_the_mixture_is_the_best_of_all_choices() -> None:
    """Weights between energy, time and area find what trying every choice finds."""
    network = _network()
    results = [estimate(network, load_hardware(CHIP, device_changes(name))) for name in designs.HYBRID]
    table = [np.array([r.by_layer(q)[0] for r in results]) for q in ("energy_J", "latency_s", "area_m2")]
    layers = np.arange(3)
    every = [
        float(np.prod([x[np.array(pick), layers].sum() for x in table]))
        for pick in itertools.product(range(len(designs.HYBRID)), repeat=3)
    ]
    found = designs.hybrid(network)
    assert found["hybrid"]["edap_Jsm2"] == pytest.approx(min(every), rel=1e-3)
    for name in designs.HYBRID:
        assert found["hybrid"]["edap_Jsm2"] <= found[name]["edap_Jsm2"] * (1 + 1e-12)


def test_layers_of_a_chip_add_up_to_it() -> None:
    result = estimate(_network(), load_hardware(CHIP))
    for quantity in ("energy_J", "latency_s", "area_m2"):
        assert result.by_layer(quantity)[0].sum() == pytest.approx(result.total(quantity)[0])


def test_the_search_never_ends_above_the_preset() -> None:
    found = designs.search(_network())
    assert found["best"]["edap_Jsm2"] <= found["preset"]["edap_Jsm2"]
    assert found["points"] == 1080 and set(found["changes"]) >= {"adc.kind", "crossbar.cols"}
