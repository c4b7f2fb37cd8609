"""SATA's training and inference models against the outputs of their open code: every row that has a closed form."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from axbar.cost.systolic.cycles import os_cycles, sram_accesses, ws_filter_cycles
from axbar.published import sata_inference, sata_inference_cycles, sata_training

FOLDER = Path(__file__).parent


def _rows(name: str) -> list[dict[str, str]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# SATA_Sim (MIT; Yin et al., IEEE TCAD 2023)")
    return list(csv.DictReader(lines[1:]))


TRAINING, CYCLES = _rows("sata_training.csv"), _rows("sata_cycles.csv")
POINT = ("net", "T", "fwd_bits", "spike_sparsity", "du_sparsity", "df_sparsity")


@pytest.mark.parametrize("point", sorted({tuple(row[key] for key in POINT) for row in TRAINING}))
def test_every_training_row(point: tuple[str, ...]) -> None:
    net, steps, bits, *sparsity = point
    spikes, du, df = map(float, sparsity)
    found = sata_training(
        net=net, T=int(steps), fwd_bits=int(bits), spike_sparsity=spikes, du_sparsity=du, df_sparsity=df
    )
    rows = [row for row in TRAINING if tuple(row[key] for key in POINT) == point]
    assert len(rows) == 21
    for row in rows:
        known = found.components if row["kind"] == "component" else {**found.groups, "total": found.total}
        assert known[row["name"]] == pytest.approx(float(row["energy_in_16bit_MACs"]), rel=1e-6), row["name"]
        if row["kind"] == "component":
            assert found.counts[row["name"]] == pytest.approx(float(row["count"]), rel=1e-6)
            assert found.unit_energy[row["name"]] == pytest.approx(float(row["unit_energy"]), rel=1e-6)


def test_the_default_point() -> None:
    assert round(sata_training().total) == 4_798_986_139
    assert round(sum(sata_training().groups[name] for name in ("fwd_comp", "fwd_mem"))) == 250_572_777


@pytest.mark.parametrize("row", CYCLES, ids=lambda row: f"{row['net']}-{row['layer']}")
def test_every_inference_layer(row: dict[str, str]) -> None:
    shape = (int(row["M"]), int(row["K"]), int(row["N"]))
    assert sata_inference_cycles(*shape) == (int(row["os_cycles"]), int(row["ws_filter_cycles"]))
    inputs, weights, outputs = sram_accesses(*shape, 16, 8)
    assert inputs == int(row["sram_ifmap_reads"])
    assert weights == int(row["sram_filter_reads"]) == int(row["dram_filter_reads"])
    assert outputs == int(row["sram_ofmap_writes"])


def test_closed_forms_on_arrays() -> None:
    m, k, n = (np.array([int(row[key]) for row in CYCLES]) for key in "MKN")
    assert os_cycles(m, k, n, 16, 8).tolist() == [int(row["os_cycles"]) for row in CYCLES]
    assert ws_filter_cycles(m, k, n, 16, 8).tolist() == [int(row["ws_filter_cycles"]) for row in CYCLES]


def test_network_totals() -> None:
    nets: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for row in CYCLES:
        nets[row["net"]].append((int(row["M"]), int(row["K"]), int(row["N"])))
    known = {"VGG9": (20, 863_023, 1_466_003), "CIFARNet7": (5, 7_608_777, 11_337_385)}
    for net, (steps, stay, load) in known.items():
        found = sata_inference(nets[net], steps)
        assert (sum(found.os_cycles), sum(found.ws_filter_cycles)) == (stay, load)
        assert found.cycles == steps * stay + load
