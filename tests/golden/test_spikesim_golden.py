"""SpikeSim's model against six runs of the released tool (c2627bc, MIT): every component, count and total."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from axbar.published import spikesim_ela
from axbar.published.spikesim_design import CASES

FILE = Path(__file__).parent / "spikesim_ela.csv"
ROWS = list(csv.DictReader(FILE.read_text(encoding="utf-8").splitlines()[1:]))  # the first line is provenance


def test_the_rows_say_where_they_come_from() -> None:
    first = FILE.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# outputs of our own run of SpikeSim c2627bc (MIT)")
    assert [row["case"] for row in ROWS] == list(CASES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["case"])
def test_every_component_and_total(row: dict[str, str]) -> None:
    case = CASES[row["case"]]
    found = spikesim_ela(
        case.in_channels, case.out_channels, case.in_sizes, case.out_sizes, kernel=int(row["kernel"]),
        crossbar=int(row["xbar_size"]), pes_per_tile=int(row["pe_per_tile"]), timesteps=int(row["time_steps"]),
        clock_Hz=1e6 * float(row["clk_MHz"]), device=row["device"],
    )  # fmt: skip
    assert found.pes == int(row["n_PE"])
    assert found.tiles == int(row["n_tiles"])
    assert sum(found.pe_cycles) == int(row["pe_cycles_per_step"])
    assert list(found.pe_cycles) == [int(n) for n in row["pe_cycles_per_layer"].split()]
    published = {name: float(value) for name, value in row.items() if name.endswith(("_pJ", "_ns", "_um2"))}
    ours = {
        "energy_pJ": 1e12 * found.energy_J,
        "latency_ns": 1e9 * found.latency_s,
        "area_um2": 1e12 * found.area_m2,
        **{f"{name}_um2": 1e12 * value for name, value in found.printed_areas_m2.items()},
        **{f"E_{name}_pJ": 1e12 * value for name, value in found.energy_breakdown.items()},
        **{f"A_{name}_um2": 1e12 * value for name, value in found.area_breakdown.items()},
    }
    assert ours == pytest.approx(published, rel=1e-9, abs=0)
