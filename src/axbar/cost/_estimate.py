"""``estimate``: what a workload costs on one chip, or on many at once. The engine knows no hardware kind.

Events are counted from the recorded spikes (once per structural choice), then every component turns events
and parameters into energy, latency, area and leakage. Numpy only; no torch.
"""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import ArrayLike

from axbar import registry
from axbar.cost._countable import check_fixed_bits
from axbar.cost._engine import make_plan
from axbar.cost._result import Estimate, evaluate_plan
from axbar.cost._sweep import read_sweep
from axbar.spec import HardwareSpec, load_hardware
from axbar.spec.kind import HardwareKind
from axbar.workload import Workload, check_workload

__all__ = ["estimate"]


def estimate(
    workload: Workload, hardware: HardwareSpec | str, sweep: Mapping[str, ArrayLike] | None = None
) -> Estimate:
    """Return energy, latency, area and leakage of one inference.

    Args:
        workload: recorded by ``axbar.trace``, loaded, or built from shapes and rates.
        hardware: a spec, a preset's name or a YAML file.
        sweep: path -> P values (or one value for all points); points are taken in parallel, not as a grid.

    Returns:
        The estimate of P points (1 without a sweep). What does not fit is marked, with the reason.

    Raises:
        UsageError: an unknown path, a value out of range, columns of different lengths, or a workload without
            products.

    >>> from axbar.workload import shapes
    >>> e = estimate(shapes.vgg9(), "imc-rram-65nm", {"adc.bits": [4, 6]})
    >>> bool(e.total("energy_J")[0] < e.total("energy_J")[1])
    True
    """
    check_workload(workload)
    spec = load_hardware(hardware) if isinstance(hardware, str) else hardware
    kind: HardwareKind = registry.get("hardware", spec.kind)
    columns = read_sweep(spec, sweep)
    check_fixed_bits(workload, [(spec.name, columns.numbers)])
    return evaluate_plan(make_plan(kind, workload, spec, columns))
