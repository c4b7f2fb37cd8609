"""What a network asks of hardware: ``trace`` records it, ``Workload`` holds it, ``pack`` keeps it small.

Importing this package imports no torch; ``trace`` and ``fold_norms`` do when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axbar.workload import shapes
from axbar.workload._activity import (
    active_rows,
    element_bits,
    macs,
    phases,
    planes,
    pulse_bits,
    reads,
    row_drive,
    spike_rate,
    synops,
)
from axbar.workload._gradients import (
    backward_synops,
    df_counts,
    df_rate,
    du_counts,
    du_rate,
    update_synops,
)
from axbar.workload._layers import LayerShape
from axbar.workload._pack import pack, popcount, unpack
from axbar.workload._rows import stored_rows
from axbar.workload._source import check_workload, read_workload
from axbar.workload._times import as_events, as_pulses, fires_once, slots_of
from axbar.workload._types import (
    MATMUL_OPS,
    STORED_OPS,
    Coding,
    Geometry,
    GradTrace,
    LayerTrace,
    NeuronTrace,
    Operand,
    Workload,
)

if TYPE_CHECKING:
    from axbar.workload._fold import fold_norms
    from axbar.workload._trace import trace

__all__ = [
    "MATMUL_OPS",
    "STORED_OPS",
    "Coding",
    "Geometry",
    "GradTrace",
    "LayerShape",
    "LayerTrace",
    "NeuronTrace",
    "Operand",
    "Workload",
    "active_rows",
    "as_events",
    "as_pulses",
    "backward_synops",
    "check_workload",
    "df_counts",
    "df_rate",
    "du_counts",
    "du_rate",
    "element_bits",
    "fires_once",
    "fold_norms",
    "macs",
    "pack",
    "phases",
    "planes",
    "popcount",
    "pulse_bits",
    "read_workload",
    "reads",
    "row_drive",
    "shapes",
    "slots_of",
    "spike_rate",
    "stored_rows",
    "synops",
    "trace",
    "unpack",
    "update_synops",
]


def __getattr__(name: str) -> Any:
    # these two need torch, which takes seconds to import
    if name == "trace":
        from axbar.workload._trace import trace

        return trace
    if name == "fold_norms":
        from axbar.workload._fold import fold_norms

        return fold_norms
    raise AttributeError(f"module 'axbar.workload' has no attribute '{name}'")
