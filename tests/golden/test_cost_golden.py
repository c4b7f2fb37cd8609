"""Numbers with a source: the converter survey, CACTI runs, published converters, Joule's law cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from axbar.cost import estimate
from axbar.cost.components import sram
from axbar.cost.components.adc.flash import COMPARATOR_AREA_M2, COMPARATOR_J, flash_area_m2, flash_energy_J
from axbar.cost.components.adc.sar import AREA_M2, ROW_S, SETTLE_S, sar_area_m2, sar_energy_J, sar_time_s
from axbar.cost.components.adc.survey import survey_area_m2, survey_energy_J
from axbar.cost.constants import ADDER_BIT_J
from axbar.devices import level_conductance_S, quantise, slice_codes
from axbar.spec import load_hardware
from axbar.workload import LayerTrace, Operand, Workload
from axbar.workload._types import Geometry


# Andrulis et al., arXiv 2404.06553: the tool's own output (bits, samples/s, node) -> pJ, um2
@pytest.mark.parametrize(
    ("bits", "rate", "node", "energy_pJ", "area_um2"),
    [
        (8, 1.2e9, 32e-9, 1.8486, 6313.1),
        (8, 1e8, 28e-9, 1.3332, 3200.1),
        (8, 1.85e6, 65e-9, 6.4945, 5767.7),
        (10, 1e9, 28e-9, 10.849, 9083.0),
        (4, 1e8, 7e-9, 0.053043, 307.82),
        (6, 1e7, 130e-9, 14.8574, 19950.0),
    ],
)
def test_survey_converter(bits: float, rate: float, node: float, energy_pJ: float, area_um2: float) -> None:
    energy = survey_energy_J(np.array(bits), np.array(rate), np.array(node))
    assert float(energy) * 1e12 == pytest.approx(energy_pJ, rel=1e-4)
    assert float(survey_area_m2(energy, np.array(rate), np.array(node))) * 1e12 == pytest.approx(
        area_um2, rel=1e-4
    )


def test_sar_converter_at_28_nm() -> None:
    # zigzag-imc: 8 bits 2084.68 um2; 8 bits, 64 rows 8.46336 ns; 8 bits at 0.85 V: 0.63 pJ
    assert float(sar_area_m2(np.array(8.0), AREA_M2.at(28e-9, 0.9))) * 1e12 == pytest.approx(
        2084.68, rel=1e-5
    )
    time = sar_time_s(np.array(8.0), np.array(64.0), SETTLE_S.at(28e-9, 0.9), ROW_S.at(28e-9, 0.9))
    assert float(time) * 1e9 == pytest.approx(8.46336, rel=1e-6)
    assert float(sar_energy_J(np.array(8.0), np.array(0.85))) * 1e12 == pytest.approx(0.63, rel=0.01)


def test_flash_converter_against_forms() -> None:
    # FORMS, 4 bits at 32 nm: 0.22619 pJ, 284.4 um2; the comparators alone come within 6 %
    energy = flash_energy_J(np.array(4.0), COMPARATOR_J.at(32e-9, 0.97))
    area = flash_area_m2(np.array(4.0), COMPARATOR_AREA_M2.at(32e-9, 0.97))
    assert float(energy) * 1e12 == pytest.approx(0.22619, rel=0.06)
    assert float(area) * 1e12 == pytest.approx(284.4, rel=0.06)


# own CACTI 7 runs: class, capacity, word, node -> read and write fJ/bit, access ns, um2/bit
CACTI = [
    ("HP", 4096, 32, 22e-9, 32.32, 26.01, 0.1065, 0.1168),
    ("HP", 16384, 32, 22e-9, 90.85, 48.82, 0.1674, 0.1019),
    ("HP", 65536, 32, 32e-9, 244.3, 176.3, 0.5342, 0.2361),
    ("HP", 262144, 128, 22e-9, 148.1, 125.1, 0.5766, 0.1114),
    ("HP", 1024, 32, 32e-9, 21.17, 31.77, 0.1508, 0.2359),
]


@pytest.mark.parametrize(("name", "size", "word", "node", "read", "write", "access", "area"), CACTI)
def test_sram_fits_lie_within_their_residuals(
    name: str, size: float, word: float, node: float, read: float, write: float, access: float, area: float
) -> None:
    where = (np.array([float(size)]), np.array([node]), np.array([float(word)]))
    fitted = float(sram.read_J_per_bit(name, *where)[0]) * 1e15
    assert 0.6 < read / fitted < 1.7  # 90 % of all fitted points lie within 0.69..1.55
    assert 0.8 < write / (float(sram.write_J_per_bit(name, *where)[0]) * 1e15) < 1.25
    time = float(sram.access_time_s(name, *where, np.array([1e12]))[0]) * 1e9
    assert 0.7 < access / time < 1.35
    assert float(sram.area_m2_per_bit(where[0], where[1])[0]) * 1e12 == pytest.approx(area, rel=0.8)


def test_sram_leakage_is_the_table() -> None:
    nodes = np.array([22e-9, 32e-9, 45e-9, 65e-9, 90e-9, 180e-9, 7e-9])
    expected = np.array([0.0675, 0.027, 0.024, 0.0315, 0.0185, 0.0185, 0.0675]) * 1e-9
    np.testing.assert_allclose(sram.leakage_W_per_bit("LSTP", nodes), expected, rtol=1e-12)


def test_sram_area_is_continuous_and_ends_at_the_foundry_cell() -> None:
    large = np.array([1e6])
    assert float(sram.area_m2_per_bit(large, np.array([7e-9]))[0]) == pytest.approx(
        0.027e-12 / 0.6, rel=1e-12
    )
    below, above = (float(sram.area_m2_per_bit(large, np.array([n]))[0]) for n in (22e-9 * (1 - 1e-9), 22e-9))
    assert below == pytest.approx(above, rel=1e-6)
    # 65 nm: 0.91 um2/bit in CACTI, 0.7391 um2/bit in SpikeSim
    assert 0.7 < float(sram.area_m2_per_bit(large, np.array([65e-9]))[0]) * 1e12 < 1.1


def test_adders_lie_below_other_sources_by_up_to_2_6() -> None:
    # 8-bit add: gates 27 fJ at 28 nm 0.9 V; SATA 42 fJ at about 32 nm; Aladdin 53 fJ at 40 nm
    assert float(ADDER_BIT_J.at(45e-9, 0.9)) * 8e15 == pytest.approx(25.0)
    for fJ, node, supply in ((27, 28e-9, 0.9), (42, 32e-9, 0.97), (53, 40e-9, 0.9)):
        assert 1 / 2.6 < float(ADDER_BIT_J.at(node, supply)) * 8e15 / fJ < 1


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_cell_energy_equals_a_sum_over_all_cells(groups: int) -> None:
    """Unfold the spikes, lay out the conductances, add V^2 G t of every cell on an active row."""
    rng = np.random.default_rng(groups)
    channels, outputs, size, steps = 8, 16, 5, 3
    spec = load_hardware("imc-rram-65nm").replace(
        {"crossbar.cell_bits": 2, "crossbar.rows": 32, "crossbar.cols": 32}
    )
    where = Geometry((channels, size, size), (outputs, size, size), (3, 3), padding=(1, 1), groups=groups)
    spikes = rng.random((steps, channels, size, size)) < 0.4
    words = sum(
        (spikes[t].astype(np.uint8) << t for t in range(steps)), np.zeros(spikes.shape[1:], np.uint8)
    )[None]
    operand = Operand(where.in_shape, steps=steps, words=words)
    weight = rng.normal(size=(outputs, channels // groups, 3, 3)).astype(np.float32)
    layer = LayerTrace("c", "conv2d", ("input",), where, tuple(range(steps)), (operand,), weight=weight)
    done = estimate(Workload("w", (layer,), steps, samples=1), spec)

    codes, _ = quantise(weight.reshape(outputs, -1), 4)
    plus, minus = slice_codes(codes, 4, 2)
    device = spec.values()
    g_S = level_conductance_S(
        np.stack([plus, minus], axis=1), 2, device["device.g_on_S"], device["device.g_off_S"]
    )
    fan_in, fan_out = where.fan_in, where.fan_out
    pack = min(groups, max(1, min(32 // fan_in, 32 // 4 // fan_out)))
    padded = np.pad(spikes, ((0, 0), (0, 0), (1, 1), (1, 1)))
    energy = 0.0
    for t in range(steps):
        for y in range(size):
            for x in range(size):
                rows = padded[t, :, y : y + 3, x : x + 3].reshape(groups, fan_in)
                for group in range(groups):
                    own = g_S[..., group * fan_out : (group + 1) * fan_out, :]  # [slice, sign, output, row]
                    energy += (own.sum(axis=(0, 1, 2)) * rows[group]).sum()
                    # other groups of the same array hold no weight on these rows: their cells are off
                    members = min(pack, groups - group // pack * pack) - 1
                    energy += rows[group].sum() * members * fan_out * 4 * device["device.g_off_S"]
    expected = energy * device["read.v_read_V"] ** 2 * device["read.t_read_s"]
    assert done.energy_J[0, 0, done.components.index("cells")] == pytest.approx(expected, rel=1e-12)


def test_spiking_vgg9_is_of_the_order_of_spikesim() -> None:
    """SpikeSim's published model: 25.4 uJ, 98 ms, 9.6 mm2 for seven convolutions, T = 5, full feature maps.

    Never tuned to it. It counts no leakage, no activity, one output neuron per 104 ns, and gives a weight one
    cell of 4 F2; ours reads all outputs of a position at once and pays for differential pairs of 1T1R cells.
    """
    sizes = zip(
        [3, 64, 64, 128, 128, 256, 256],
        [64, 64, 128, 128, 256, 256, 256],
        [32, 32, 16, 16, 8, 8, 8],
        strict=True,
    )
    layers = [
        {"in_channels": c, "out_channels": k, "in_size": s, "rate": 0.15 if i else 0.5, "bits": 1 if i else 8,
         "steps": 5 if i else 1}
        for i, (c, k, s) in enumerate(sizes)
    ]  # fmt: skip
    done = estimate(Workload.from_layers(layers, steps=5), "imc-rram-65nm")
    dynamic = done.total("energy_J")[0] - done.by_component("energy_J")[0][done.components.index("leakage")]
    assert 25.45e-6 / 10 < dynamic < 25.45e-6 * 10
    assert 97.98e-3 / 30 < done.total("latency_s")[0] < 97.98e-3
    assert 9.62e-6 / 5 < done.total("area_m2")[0] < 9.62e-6 * 5
