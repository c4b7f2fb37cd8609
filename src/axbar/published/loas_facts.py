"""What LoAS's authors published of their accelerator and its rivals: totals of two networks, rows of their simulator.

``PUBLISHED``: sums over the layers of the results that the authors of LoAS (Yin et al., MICRO 2024) saved of their own
tensors: cycles, operations, KB (1024 bytes) moved from and to DRAM and SRAM. ``simulator_rows``: what their simulator
returns for the synthetic tensors of ``axbar.published.loas_tensors`` (run by us; rows that it was not run on hold the
closed form and say so).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

__all__ = ["FLOWS", "MASKED", "PUBLISHED", "Row", "Totals", "simulator_rows"]

_FILE: Final = Path(__file__).parent / "loas" / "simulator.csv"

#: name in the authors' results -> dataflow here, and whether its spikes are those of the fine-tuned network
FLOWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sparten_snn": "sparten", "gospa_snn": "gospa", "gamma_snn": "gamma", "loas_nmtk": "loas-nmtk", "loas": "loas",
        "loas_ft": "loas",
    }
)  # fmt: skip
MASKED: Final = "loas_ft"


@dataclass(frozen=True)
class Totals:
    """One network on one accelerator.

    Args:
        cycles, ops: of all layers.
        dram_KB, sram_KB: moved, KB of 1024 bytes.
    """

    cycles: int
    ops: int
    dram_KB: float
    sram_KB: float


#: network -> accelerator -> totals; ``loas-ft``: single spikes masked, fine-tuned
PUBLISHED: Final[Mapping[str, Mapping[str, Totals]]] = MappingProxyType(
    {
        "alexnet": MappingProxyType({
            "sparten": Totals(365_589, 1_341_122, 4691.133, 12336.822),
            "gospa": Totals(291_189, 1_341_122, 5689.572, 9007.31),
            "gamma": Totals(155_618, 1_341_122, 2737.338, 27098.457),
            "loas-nmtk": Totals(121_669, 459_478, 2736.806, 5887.818),
            "loas": Totals(46_871, 459_478, 1293.87, 3182.321),
            "loas-ft": Totals(41_259, 393_769, 1266.516, 3136.559),
        }),
        "resnet19": MappingProxyType({
            "sparten": Totals(13_267_891, 59_377_338, 19897.741, 103853.422),
            "gospa": Totals(12_701_503, 59_377_338, 27014.541, 75981.576),
            "gamma": Totals(5_189_716, 59_377_338, 17076.305, 416768.593),
            "loas-nmtk": Totals(3_841_787, 19_453_751, 14888.508, 47885.897),
            "loas": Totals(1_558_455, 19_453_751, 9075.099, 27214.405),
            "loas-ft": Totals(1_321_906, 16_201_484, 8902.789, 25540.229),
        }),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One layer on one dataflow.

    Args:
        network, layer: layers count from 0.
        flow: name in the authors' results.
        cycles, ops: of the layer.
        simulated: whether the authors' simulator returned them; if not, the closed form did.
        dram_KB, sram_KB: None where not listed.
    """

    network: str
    layer: int
    flow: str
    cycles: int
    ops: int
    simulated: bool
    dram_KB: float | None
    sram_KB: float | None


def simulator_rows() -> tuple[Row, ...]:
    """Return the rows, in the order of networks, layers and dataflows.

    >>> len(simulator_rows())
    138
    """
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")  # where the numbers come from
    return tuple(_row(row) for row in csv.DictReader(lines[1:]))


def _row(row: Mapping[str, str]) -> Row:
    def number(name: str) -> float | None:
        return float(row[name]) if row[name] else None

    return Row(
        row["net"], int(row["layer"].removeprefix("Layer_")) - 1, row["dataflow"], int(row["cycles"]),
        int(row["effective_ops"]), row["equal_to_reference_simulator"] == "yes", number("dram_KB"), number("sram_KB"),
    )  # fmt: skip
