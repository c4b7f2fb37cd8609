"""What a search of one spiking network over four chips would hand to its page, made from formulas instead of a run."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

QUANTITIES = (
    ("accuracy", "accuracy", "", "max"),
    ("energy_J", "energy", "J", "min"),
    ("latency_s", "latency", "s", "min"),
    ("area_m2", "area", "m2", "min"),
    ("edp_Js", "EDP", "Js", "min"),
    ("leakage_W", "leakage", "W", "min"),
    ("throughput_Hz", "throughput", "Hz", "max"),
)
CHIPS = ("imc-rram-65nm", "imc-sram-28nm", "sata", "loas")
GROUPS = ("array", "conversion", "compute", "digital", "memory", "interconnect", "neuron", "leakage")
COMPONENTS = {
    "array": ("cells", "row_drivers"), "conversion": ("adc", "mux"), "compute": ("systolic_pe",),
    "digital": ("shift_add", "accumulators"), "memory": ("input_buffer", "global_buffer", "dram"),
    "interconnect": ("interconnect",), "neuron": ("lif", "membrane"), "leakage": ("leakage",),
}  # fmt: skip
LAYERS = (*(f"conv{i}" for i in range(1, 8)), "fc1", "fc2")
#: path -> unit, kind, values (None: all real numbers of a range), log, chips on which it counts (empty: all)
PARAMETERS: dict[str, tuple[str, str, tuple[Any, ...] | None, bool, tuple[str, ...]]] = {
    "hardware": ("", "word", CHIPS, False, ()),
    "device": ("", "word", ("rram-neurram", "pcm-hermes", "rram-hfo2"), False, CHIPS[:1]),
    "crossbar.rows": ("", "number", (32, 64, 128, 256), True, CHIPS[:2]),
    "adc.kind": ("", "word", ("sar", "flash"), False, CHIPS[:2]),
    "adc.bits": ("", "number", (3, 4, 5, 6, 7, 8), False, CHIPS[:2]),
    "read.t_read_s": ("s", "number", None, True, CHIPS[:1]),
    "array.rows": ("", "number", (8, 16, 32), True, CHIPS[2:3]),
    "memory.glb_weight_B": ("", "number", (73728, 147456, 294912), True, CHIPS[2:]),
    "model.steps": ("", "number", (1, 2, 3, 4, 6, 8), False, ()),
    "technique.mint": ("", "switch", (False, True), False, ()),
    "technique.mint.bits": ("", "number", (2, 4, 8), False, ()),
    "technique.prune.sparsity": ("", "number", None, False, ()),
    "technique.bn_adapt": ("", "switch", (False, True), False, CHIPS[:2]),
    "technique.early_exit": ("", "switch", (False, True), False, ()),
}
RUNGS = ("sweep", "proxy", "full")


def fake_exploration(
    points: int = 10_000, reports: int = 100, seed: int = 0, **changes: Any
) -> dict[str, Any]:
    """Return plain data of a search; ``changes`` replace whole entries."""
    rng = np.random.default_rng(seed)
    columns = _columns(points, rng)
    rung = np.zeros(points, np.int64)
    rung[rng.permutation(points)[: max(1, points // 10)]] = 1
    rung[rng.permutation(np.flatnonzero(rung == 1))[: max(1, points // 80)]] = 2
    values = _values(columns, rung, rng)
    feasible = values["area_m2"] <= 10e-6
    front = _front(values, feasible & (rung == 2))
    width = np.where(rung == 1, 0.03, 0.007)
    param = {path: [_plain(v) for v in column] for path, column in columns.items()}
    ids = [f"{n:016x}" for n in rng.integers(0, 2**63, points)]
    best = np.flatnonzero(front | (rung == 2))
    best = best[np.argsort(~front[best], kind="stable")][:reports]
    data: dict[str, Any] = {
        "title": "spiking-vgg9 over 4 chips",
        "model": "spiking-vgg9",
        "data": "fashion-mnist",
        "seed": 0,
        "sampler": "nsga2",
        "quantities": [dict(zip(("key", "label", "unit", "sense"), q, strict=True)) for q in QUANTITIES],
        "objectives": ["accuracy", "energy_J", "latency_s"],
        "constraints": ["area_m2 <= 10 mm²", "accuracy >= 0.8"],
        "parameters": [
            {"path": p, "unit": u, "kind": k, "values": None if v is None else list(v), "log": log}
            for p, (u, k, v, log, _) in PARAMETERS.items()
        ],
        "base": _base(),
        "rungs": list(RUNGS),
        "points": {
            "id": ids,
            "rung": rung.tolist(),
            "front": front.astype(int).tolist(),
            "feasible": feasible.astype(int).tolist(),
            "param": param,
            "values": {key: _listed(v) for key, v in values.items()},
            "low": {"accuracy": _listed(values["accuracy"] - width)},
            "high": {"accuracy": _listed(np.minimum(1, values["accuracy"] + width))},
            "shares": {q: _shares(columns["hardware"], rng) for q in ("energy_J", "latency_s", "area_m2")},
        },
        "reports": {ids[i]: _report(param, values, i, rng) for i in best},
        "importance": {key: _importance(n) for n, (key, *_) in enumerate(QUANTITIES[:4])},
        "history": _history(rung),
        "removed": [
            {"what": "area_m2 <= 10 mm²", "points": int((~feasible).sum()) * 1000},
            {"what": "the network needs more tiles (1,310) than the chip has (1,024)", "points": 118_204},
        ],
        "failures": [
            {
                "id": ids[-1],
                "point": {"hardware": "sata", "model.steps": 6},
                "reason": "killed 3 workers; it needs more memory than they have",
            }
        ],
        "counts": {
            "looked_at": 10_000_000, "of": 186_624_000, "measured": int((rung > 0).sum()), "failed": 1, "reused": 212,
        },
        "notes": ["More than 32 networks in the space: 32 were drawn and the points spread over them."],
        "run": {
            "command": "axbar explore --space space.yaml --model spiking-vgg9 --data fashion-mnist --study runs/s",
            "made": "2026-11-22T12:00:00+00:00",
            "versions": {"axbar": "0.1.0", "torch": "2.9.0", "numpy": "2.2.0"},
        },
    }  # fmt: skip
    return data | changes


def _columns(points: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Values by path, object arrays with None where a parameter does not count."""
    columns: dict[str, np.ndarray] = {}
    for path, (_, _, choices, log, chips) in PARAMETERS.items():
        if choices is None:
            unit = rng.random(points)
            drawn = (1e-9 * 10**unit if log else np.round(0.98 * unit, 2)).astype(object)
        else:
            drawn = np.array([choices[n] for n in rng.integers(0, len(choices), points)], dtype=object)
        if chips:
            drawn[~np.isin(columns["hardware"].astype(str), chips)] = None
        if path == "technique.mint.bits":
            drawn[~columns["technique.mint"].astype(bool)] = None
        columns[path] = drawn
    return columns


def _filled(column: np.ndarray, other: float) -> np.ndarray:
    return np.array([other if v is None else float(v) for v in column])


def _values(
    columns: dict[str, np.ndarray], rung: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    chip = np.array([CHIPS.index(h) for h in columns["hardware"]], dtype=int)
    steps, bits = _filled(columns["model.steps"], 1), _filled(columns["adc.bits"], 8)
    rows, sparsity = _filled(columns["crossbar.rows"], 64), _filled(columns["technique.prune.sparsity"], 0)
    mint = _filled(columns["technique.mint.bits"], 8)
    exits = 1 - 0.35 * _filled(columns["technique.early_exit"], 0)
    analog = chip < 2
    energy = np.array([1.9e-6, 1.1e-6, 2.6e-6, 0.9e-6])[chip] * steps * exits * (0.4 + 0.6 * mint / 8)
    energy *= np.where(analog, 0.5 + 2.0 ** (bits - 6), 1 - 0.7 * sparsity) * (64 / rows) ** 0.3
    energy *= rng.lognormal(0, 0.12, len(chip))
    latency = np.array([0.5e-3, 0.16e-3, 0.31e-3, 0.12e-3])[chip] * steps * exits * (rows / 64) ** 0.4
    latency *= rng.lognormal(0, 0.2, len(chip))
    area = (
        np.array([5.6e-6, 4.1e-6, 1.9e-6, 1.2e-6])[chip]
        * (0.6 + bits / 12)
        * rng.lognormal(0, 0.25, len(chip))
    )
    loss = np.where(analog, 0.5 * np.exp(-(bits - 2) / 1.1) + 0.05 * (rows / 256), 0.0)
    loss += (
        0.16 * np.exp(-(steps - 1) / 1.4)
        + 0.12 * np.exp(-(mint - 2) / 1.5)
        + 0.4 * np.maximum(0, sparsity - 0.75)
    )
    accuracy = np.clip(0.921 - loss + rng.normal(0, 0.006, len(chip)), 0.1, 1.0)
    accuracy = np.round(accuracy * np.where(rung == 1, 256, 10_000)) / np.where(rung == 1, 256, 10_000)
    accuracy[rung == 0] = np.nan
    return {
        "accuracy": accuracy, "energy_J": energy, "latency_s": latency, "area_m2": area, "edp_Js": energy * latency,
        "leakage_W": area * 60, "throughput_Hz": 1 / latency,
    }  # fmt: skip


def _front(values: dict[str, np.ndarray], allowed: np.ndarray) -> np.ndarray:
    """Return which allowed points no other allowed one beats in accuracy, energy and latency."""
    table = np.stack([-values["accuracy"], values["energy_J"], values["latency_s"]], axis=1)
    front = np.zeros(len(table), bool)
    rows = np.flatnonzero(allowed & (values["accuracy"] >= 0.8))
    for i in rows:
        others = table[rows]
        front[i] = not ((others <= table[i]).all(1) & (others < table[i]).any(1)).any()
    return front


def _shares(hardware: np.ndarray, rng: np.random.Generator) -> dict[str, list[float]]:
    weights = np.array([
        [0.1, 0.55, 0, 0.05, 0.15, 0.08, 0.05, 0.02], [0.06, 0.48, 0, 0.1, 0.2, 0.08, 0.06, 0.02],
        [0, 0, 0.3, 0.02, 0.5, 0.06, 0.1, 0.02], [0, 0, 0.22, 0.05, 0.6, 0.03, 0.08, 0.02],
    ])  # fmt: skip
    raw = weights[[CHIPS.index(h) for h in hardware]] * rng.lognormal(0, 0.3, (len(hardware), len(GROUPS)))
    shares = raw / raw.sum(1, keepdims=True)
    return {group: shares[:, g].round(4).tolist() for g, group in enumerate(GROUPS)}


def _report(
    param: dict[str, list[Any]], values: dict[str, np.ndarray], i: int, rng: np.random.Generator
) -> dict[str, Any]:
    """A report of one point; its breakdowns sum to its totals."""
    active = {path: column[i] for path, column in param.items() if column[i] is not None}
    base = _base()
    return {
        "diff": [[path, base.get(path), value] for path, value in active.items() if base.get(path) != value],
        "spec": active | {f"chip.setting_{n}": n / 7 for n in range(40)},
        "breakdown": {q: _breakdown(float(values[q][i]), rng) for q in ("energy_J", "latency_s", "area_m2")},
        "accuracy": {
            "images": 10_000, "float": 0.924, "digital": 0.917,
            "analog": {
                "mean": float(values["accuracy"][i]), "std": 0.004,
                "chips": (values["accuracy"][i] + rng.normal(0, 0.004, 5)).round(4).tolist(),
            },
        },
        "command": f"axbar evaluate --model spiking-vgg9 --hardware point-{i}.yaml --data fashion-mnist --seed 0",
        "yaml": _preset() + "".join(f"# {p}: {v}\n" for p, v in active.items()),
        "notes": ["Membranes are computed at full precision."],
    }  # fmt: skip


@cache
def _preset() -> str:
    """A chip as YAML with the sources of its numbers."""
    return (files("axbar.spec") / "presets" / "imc-rram-65nm.yaml").read_text(encoding="utf-8")


def _breakdown(total: float, rng: np.random.Generator) -> dict[str, dict[str, float]]:
    component = {name: rng.lognormal(0, 1) for names in COMPONENTS.values() for name in names}
    scale = total / sum(component.values())
    component = {name: value * scale for name, value in component.items()}
    group = {g: sum(component[name] for name in names) for g, names in COMPONENTS.items()}
    layer = rng.lognormal(0, 0.6, len(LAYERS))
    return {
        "group": group,
        "component": component,
        "layer": dict(zip(LAYERS, (layer / layer.sum() * total).tolist(), strict=True)),
    }


def _importance(n: int) -> dict[str, float]:
    rng = np.random.default_rng(40 + n)
    raw = rng.exponential(1, len(PARAMETERS)) ** 2
    return dict(zip(PARAMETERS, (0.85 * raw / raw.sum()).tolist(), strict=True))


def _history(rung: np.ndarray) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, low, high in (("proxy", 0.30, 0.62), ("full", 0.62, 0.81)):
        many = int((rung >= RUNGS.index(name)).sum())
        done = rows[-1]["evaluations"] if rows else 0
        for k in range(0, many + 1, max(1, many // 30)):
            value = low + (high - low) * (1 - np.exp(-4 * k / max(1, many)))
            rows.append({"evaluations": done + k, "hypervolume": float(value), "rung": name})
    return rows


def _base() -> dict[str, Any]:
    return {p: (1e-8 if log else 0.0) if v is None else v[0] for p, (_, _, v, log, _) in PARAMETERS.items()}


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, float) else value


def _listed(column: np.ndarray) -> list[float | None]:
    return [None if np.isnan(v) else float(v) for v in column]
