"""The dual-sparse engine against LoAS's simulator: check sums, cycles, operations, traffic, both energy modes."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from axbar.cost.sparse import LayerTensors, check_inputs, simulate_tensors
from axbar.cost.sparse.dataflow import find
from axbar.published.loas_energy import energy_nJ
from axbar.published.loas_layers import NETWORKS, LoasLayer
from axbar.published.loas_tensors import checksum, fine_tuned, synthetic

HERE = Path(__file__).parent
FLOWS = {
    "loas": "loas", "loas_ft": "loas", "loas_nmtk": "loas-nmtk", "sparten_snn": "sparten", "gospa_snn": "gospa",
    "gamma_snn": "gamma",
}  # fmt: skip


def _rows(name: str) -> list[dict[str, str]]:
    lines = (HERE / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")  # where the numbers come from
    return list(csv.DictReader(lines[1:]))


WORKLOAD, EXPECTED, PUBLISHED = _rows("loas_workload"), _rows("loas_expected_cycles"), _rows("loas_published")


def _layer(row: dict[str, str]) -> LoasLayer:
    return NETWORKS[row["net"]][int(row["layer"].removeprefix("Layer_")) - 1]


_synthetic = cache(synthetic)


@cache
def _tensors(layer: LoasLayer, masked: bool) -> LayerTensors:
    x, w = _synthetic(layer)
    return check_inputs(fine_tuned(x) if masked else x, w)


def _operands(row: dict[str, str]) -> LayerTensors:
    return _tensors(_layer(row), row["dataflow"] == "loas_ft")


@pytest.mark.parametrize("row", WORKLOAD, ids=lambda row: f"{row['net']}-{row['layer']}")
def test_the_synthetic_tensors_are_those_of_the_recipe(row: dict[str, str]) -> None:
    layer = _layer(row)
    x, w = _synthetic(layer)
    assert (layer.name, *x.shape, w.shape[1]) == (row["name"], *(int(row[k]) for k in "TMKN"))
    assert (checksum(x), checksum(w)) == (row["checksum_x_TMK"], row["checksum_w_KN"])
    found = _tensors(layer, masked=False)
    counts = found.spike_count, found.firing_neurons, found.weight_nnz
    assert counts == tuple(int(row[name]) for name in ("spike_nnz", "packed_nnz", "weight_nnz"))
    assert _tensors(layer, masked=True).firing_neurons == int(row["packed_nnz_ft"])


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row['net']}-{row['layer']}-{row['dataflow']}")
def test_cycles_operations_and_traffic(row: dict[str, str]) -> None:
    found = simulate_tensors(_operands(row), find(FLOWS[row["dataflow"]]), "published")
    assert (found.cycles, found.ops) == (int(row["cycles"]), int(row["effective_ops"]))
    assert found.checked_outputs > 0
    if row["dram_KB"]:
        # ten digits were printed; that simulator adds Gamma's bits as float32, of which sums beyond 2^24 are rounded
        rounding = 2**-24 * 2 if row["dataflow"] == "gamma_snn" else 1e-9
        traffic_KB = found.dram_total_bits / 8192, found.sram_total_bits / 8192
        assert traffic_KB == pytest.approx((float(row["dram_KB"]), float(row["sram_KB"])), rel=rounding)


TOTALS = {
    "alexnet": {
        "loas": 46_495, "loas_ft": 41_351, "sparten_snn": 229_116, "gospa_snn": 181_139, "gamma_snn": 155_967,
        "loas_nmtk": 81_589,
    },
    "resnet19": {
        "loas": 1_429_993, "loas_ft": 1_207_004, "sparten_snn": 5_505_328, "gospa_snn": 4_903_455,
        "gamma_snn": 4_760_375, "loas_nmtk": 1_791_576,
    },
}  # fmt: skip


def test_cycles_with_the_join_floor_and_the_order_of_levels() -> None:
    for row in EXPECTED:
        tensors, flow = _operands(row), find(FLOWS[row["dataflow"]])
        joined = simulate_tensors(tensors, flow, "join", check=False)
        assert int(row["cycles"]) <= joined.cycles
        if row["cycles_join_floor"]:
            assert joined.cycles == int(row["cycles_join_floor"]), (row["layer"], flow.name)


@pytest.mark.parametrize("net", TOTALS)
def test_total_cycles_of_a_network(net: str) -> None:
    for dataflow, cycles in TOTALS[net].items():
        rows = [row for row in EXPECTED if (row["net"], row["dataflow"]) == (net, dataflow)]
        flow = find(FLOWS[dataflow])
        layers = [simulate_tensors(_operands(row), flow, "published", check=False) for row in rows]
        assert sum(layers[1:], start=layers[0]).cycles == cycles


def test_dram_traffic_of_loas_hangs_on_counts_alone() -> None:
    """The authors' own tensors yield the same bits, but for two layers with tiles of equal content in them."""
    seen = 0
    for row in (row for row in PUBLISHED if row["dataflow"] in ("loas", "loas_ft")):
        found = simulate_tensors(_operands(row), find("loas"), "published", check=False)
        if found.misses == {"w": int(row["miss_w"]), "x": int(row["miss_x"])}:
            seen += 1
            assert found.dram_total_bits / 8192 == pytest.approx(float(row["dram_KB"]), rel=1e-9), row[
                "layer"
            ]
    assert seen == 2 * (23 - 2)


#: total nJ from the authors' counts: net, mode -> SparTen, GoSPA, Gamma, LoAS, LoAS-FT
ENERGY = {
    ("alexnet", "published"): (23_096_104, 19_925_260, 15_056_436, 6_736_488, 6_270_078),
    ("alexnet", "corrected"): (242_123, 268_894, 180_368, 58_260, 56_028),
    ("resnet19", "published"): (433_573_893, 191_798_195, 302_509_434, 141_922_420, 122_393_877),
    ("resnet19", "corrected"): (3_299_973, 3_974_058, 2_637_737, 705_546, 640_574),
}
ORDER = ("sparten_snn", "gospa_snn", "gamma_snn", "loas", "loas_ft")


@pytest.mark.parametrize(("net", "mode"), ENERGY)
def test_energy_in_both_modes(net: str, mode: str) -> None:
    for dataflow, expected_nJ in zip(ORDER, ENERGY[net, mode], strict=True):
        rows = [row for row in PUBLISHED if (row["net"], row["dataflow"]) == (net, dataflow)]
        names = ("cycles", "effective_ops", "dram_KB", "sram_KB")
        total = {name: sum(float(row[name]) for row in rows) for name in names}
        found = energy_nJ(
            FLOWS[dataflow],
            cycles=total["cycles"],
            ops=total["effective_ops"],
            dram_bytes=1024
            * round(total["dram_KB"], 3),  # the totals were taken from figures of three digits
            sram_bytes=1024 * round(total["sram_KB"], 3),
            mode=mode,
        )
        assert found.total_nJ == pytest.approx(expected_nJ, abs=0.51), dataflow
