"""A fitted device as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from axbar.devices.fit import DeviceFit
from axbar.units import format_quantity

__all__ = ["summary"]

_LAWS = {
    "programming, mean error / g_on = c0 + c1 x": ("bias_c0", "bias_c1"),
    "programming, sigma / g_on = c0 + c1 x + c2 x^2 + c3 x^3": ("program_c0", "program_c1", "program_c2", "program_c3"),
    "one read, sigma / g_on = c0 + c1 x": ("read_c0", "read_c1"),
    "drift g (t/t0)^-nu, nu = nu0 + nu1 ln x + nu_sigma N": ("drift_nu0", "drift_nu1", "drift_nu_sigma"),
    "relaxation, sigma / g_on = (c0 + c1 x) sqrt(ln(t/t0))": ("retention_c0", "retention_c1"),
}  # fmt: skip


def summary(fit: DeviceFit) -> str:
    """Return laws with intervals, levels, residuals and what the data can't determine."""
    return "\n".join(_lines(fit))


def _lines(fit: DeviceFit) -> Iterator[str]:
    on, off = format_quantity(fit.g_on_S, "S"), format_quantity(fit.g_off_S, "S")
    yield f"{fit.name}: {fit.rows} reads of {fit.cells} cells, {off} to {on}; x = g / g_on"
    for title, fields in _LAWS.items():
        known = [name for name in fields if name in fit.intervals]
        yield ""
        yield title if known else f"{title}: not determined, 0"
        for name in known:
            low, high = fit.intervals[name]
            yield f"  {name:<15} {fit.law[name]:>11.4g}   95 %: {low:.4g} .. {high:.4g}"
    yield f"  {'t0_s':<15} {fit.law['t0_s']:>11.4g}"
    yield ""
    yield "level        cells  mean of first reads (95 %)               std (95 %)                            law"
    for level in fit.levels:
        yield (
            f"{_S(level.target_S):<12} {level.cells:>5}  {_S(level.mean_S):>9} {_ends(level.mean_interval_S):<28}"
            f"  {_S(level.std_S):>9} {_ends(level.std_interval_S):<26} {_S(level.program_sigma_S):>9}"
        )
    yield ""
    yield "residuals in standard deviations (a good fit: mean 0, std 1)"
    for r in fit.residuals:
        yield (
            f"  {r.law:<12} {_S(r.target_S):<10} {r.count:>6}   mean {r.mean:+.2f}   std {r.std:.2f}   "
            f"worst {r.worst:+.2f} (cell {r.worst_cell})"
        )
    yield ""
    yield "The data can't determine:"
    yield from (f"  - {sentence}." for sentence in fit.undetermined)
    if fit.notes:
        yield "Notes:"
        yield from (f"  - {sentence}." for sentence in fit.notes)


def _S(value: float) -> str:
    return format_quantity(value, "S")


def _ends(interval: tuple[float, float]) -> str:
    return f"({_S(interval[0])} .. {_S(interval[1])})"
