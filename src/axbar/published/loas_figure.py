"""The figure of the study of dual-sparse accelerators: panels question by question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from axbar.published._plot import Bars, Lines, Series, figure
from axbar.published.loas_claims import NAMES
from axbar.published.loas_priced import PARTS, efficiencies

__all__ = ["panels"]

Found = Mapping[str, Any]
_LEVELS = ("published", "join", "pipeline")
_SHORT = {
    "sparten": "SparTen", "sparten, balanced": "balanced", "gospa": "GoSPA", "gamma": "Gamma", "loas-nmtk": "nmtk",
    "loas": "LoAS", "loas-ft": "LoAS-FT", "ptb": "PTB",
}  # fmt: skip
_COMPARED = ("sparten", "gospa", "gamma", "loas", "loas-ft")


def panels(found: Found, caption: str) -> str:
    """Return the SVG of all panels."""
    drawn = [
        _speedups(found), _structure(found), _busy(found),
        *(_levels(name, table) for name, table in _level_tables(found)),
        _published_energy(found), _efficiency(found), _own_energy(found),
        _circuits(found), _areas(found), _stored(found), _bursts(found), _sparsity(found), _accuracy(found),
    ]  # fmt: skip
    return figure(
        drawn, caption, "Where LoAS's speed-up and energy come from, and what is left on real spikes"
    )


def _factor_tables(found: Found) -> tuple[list[Mapping[str, float]], str]:
    """Return the factors of all tensors, and what their numbers on the axis stand for."""
    groups = {
        "published": list(found["published_factors"].values()),
        "uniform": [v["factors"]["published"] for v in found["synthetic"].values()],
        "unequal columns": [v["factors"] for v in found["skew"].values()],
        "trained": [found["real"]["factors"]["published"]],
    }
    labels, number = list[str](), 1
    for name, tables in groups.items():
        numbers = range(number, number + len(tables))
        labels.append(f"{', '.join(map(str, numbers))} {name}")
        number += len(tables)
    return [f for tables in groups.values() for f in tables], "; ".join(labels)


def _abbreviated(net: str) -> str:
    return {"alexnet": "Alex", "resnet19": "Res19"}[net]


def _cases(
    title: str, parts: Mapping[str, list[float]], x_label: str, y_label: str, log: bool = False
) -> Lines:
    """A panel of marks, one column of them per case."""
    series = [
        Series(name, [float(i + 1) for i in range(len(values))], values, joined=False)
        for name, values in parts.items()
    ]
    return Lines(title, series, x_label, y_label, False, log)


def _numbered(names: Iterable[str]) -> str:
    return ", ".join(f"{i + 1} {name}" for i, name in enumerate(names))


def _speedups(found: Found) -> Lines:
    tables, label = _factor_tables(found)
    words = {
        "speedup": "in all",
        "packing": "packing",
        "mapping": "mapping",
        "over_perfect": "over perfect balance",
    }
    parts = {name: [f[key] for f in tables] for key, name in words.items()}
    return _cases("LoAS over SparTen, level published", parts, label, "speed-up", log=True)


def _structure(found: Found) -> Lines:
    names = ("sparten", "gospa", "loas-nmtk", "gamma", "loas", "loas-ft")
    parts: dict[str, list[float]] = {}
    for net, t in found["skew"].items():
        wanted = t["published"]
        levels = found["synthetic"][net]["levels"]
        parts[f"{_abbreviated(net)} uniform"] = [levels[n]["published"] / wanted[n] for n in names]
        parts[f"{_abbreviated(net)} unequal"] = [t["cycles"][n] / wanted[n] for n in names]
    label = _numbered(_SHORT[name] for name in names)
    return _cases("Columns: uniform, and fitted to SparTen", parts, label, "cycles over published")


def _busy(found: Found) -> Lines:
    tables, label = _factor_tables(found)
    parts = {
        name: [100 * f[key] for f in tables]
        for key, name in (("sparten_use", "SparTen"), ("loas_use", "LoAS"))
    }
    return _cases("PEs that do an operation", parts, label, "share of cycles, %")


def _level_tables(found: Found) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for net, v in found["synthetic"].items():
        yield f"Cycles, synthetic {NAMES[net]}", v["levels"]
    yield "Cycles, trained network", found["real"]["levels"]


def _levels(title: str, table: Mapping[str, Mapping[str, int]]) -> Lines:
    series = [
        Series(_SHORT[name], [1.0, 2.0, 3.0], [float(row[level]) for level in _LEVELS], dashed=name == "ptb")
        for name, row in table.items()
    ]
    return Lines(title, series, "1 published, 2 join, 3 pipeline", "cycles", False, True)


def _published_energy(found: Found) -> Bars:
    parts = ("compute", "SRAM", "DRAM", "leakage")
    groups: list[str] = []
    shares: dict[str, list[float]] = {part: [] for part in parts}
    for net, modes in found["published_energy"].items():
        for mode, t in modes.items():
            groups.append(f"{_abbreviated(net)} {'mended' if mode == 'corrected' else 'publ.'}")
            for part in parts:
                shares[part].append(100 * t["loas"][part] / t["loas"]["total"])
    return Bars("LoAS: energy by the published sum", groups, shares, "share, %")


def _efficiency(found: Found) -> Lines:
    parts: dict[str, list[float]] = {}
    for net, modes in found["published_energy"].items():
        for mode, t in modes.items():
            e = efficiencies(t)
            word = "units mended" if mode == "corrected" else "published"
            parts[f"{_abbreviated(net)} {word}"] = [e[n] for n in _COMPARED]
    for net, v in found["synthetic"].items():
        e = efficiencies(v["energy"]["published"])
        parts[f"{_abbreviated(net)} own"] = [e[n] for n in _COMPARED]
    return _cases("Energy efficiency", parts, _numbered(_SHORT[n] for n in _COMPARED), "over SparTen")


def _own_energy(found: Found) -> Bars:
    table = found["real"]["energy"]["join"]
    names = [name for name in (*_COMPARED, "loas-nmtk") if name in table]
    parts = {part: [table[name][part] / 1e3 for name in names] for part in PARTS}
    return Bars(
        "Trained network: energy, level join", [_SHORT[n] for n in names], parts, "energy per image, µJ"
    )


def _circuit_cases(found: Found) -> dict[str, Mapping[str, int]]:
    cases = {NAMES[net]: v["circuits"] for net, v in found["synthetic"].items()}
    return {**cases, "trained": found["real"]["circuits"]}


def _circuits(found: Found) -> Lines:
    names = [name for name in found["real"]["circuits"] if name != "join"]
    parts = {case: [c[name] / c["join"] for name in names] for case, c in _circuit_cases(found).items()}
    return _cases("Prefix sums: cycles", parts, _numbered(names), "over level join")


def _areas(found: Found) -> Bars:
    costs = next(reversed(found["synthetic"].values()))["circuit_costs"]
    prefix = [1e3 * c["prefix_mm2"] for c in costs.values()]
    rest = [1e3 * (c["pe_mm2"] - c["prefix_mm2"]) for c in costs.values()]
    return Bars("Prefix sums: area of a PE", list(costs), {"prefix sums": prefix, "rest": rest}, "10⁻³ mm²")


def _formats(found: Found, key: str, scale: float) -> tuple[dict[str, list[float]], str]:
    table = found["real"]["formats"]
    forms = [form for form in table["pruned"] if key in table["pruned"][form]]
    return {form: [row[form][key] * scale for row in table.values()] for form in forms}, _numbered(table)


def _stored(found: Found) -> Lines:
    parts, label = _formats(found, "stored_bits", 1 / 8192)
    return _cases("Spikes in memory, trained network", parts, label, "KB")


def _bursts(found: Found) -> Lines:
    parts, label = _formats(found, "bursts", 1e-3)
    return _cases("DRAM bursts of 64 bytes", parts, label, "thousands")


def _sparsity(found: Found) -> Lines:
    table = found["real"]["sparsities"]
    words = {"AvSpA_origin": "spikes", "AvSpA_packed": "silent neurons", "AvSpB": "weights"}
    parts = {name: [100 * v[key] for v in table.values()] for key, name in words.items()}
    return _cases("Sparsities, trained network", parts, _numbered(table), "zero, %")


def _accuracy(found: Found) -> Bars:
    stages = found["stages"]
    return Bars(
        "Accuracy",
        list(stages),
        {"accuracy": [100 * v["accuracy"] for v in stages.values()]},
        "test images right, %",
    )
