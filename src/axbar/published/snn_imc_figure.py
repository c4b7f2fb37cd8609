"""The figure of the study of spiking chips: one panel per question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axbar.published._plot import Bars, Lines, Series, figure

__all__ = ["panels"]

Found = Mapping[str, Any]


def panels(found: Found, caption: str) -> str:
    """Return the SVG of all panels."""
    drawn = [
        _modules(found), _steps(found), _rivals(found), _rates(found), _arrays(found), _wires(found), _adcs(found),
        _devices(found), _membranes(found), _movement(found), _areas(found), _accuracy(found),
        _few_bits(found), _hybrid(found), _by_device(found),
    ]  # fmt: skip
    return figure(
        drawn, caption, "Where energy, time and area of a spiking network on crossbars go, and what cures it"
    )


def _modules(found: Found) -> Bars:
    shares = found["modules"]["VGG9"]
    groups = list(shares["energy_J"])
    parts = {g: [100 * shares[q].get(g, 0.0) for q in ("energy_J", "latency_s", "area_m2")] for g in groups}
    kept = {g: v for g, v in parts.items() if max(v) >= 1.0}
    rest = [sum(v[i] for g, v in parts.items() if g not in kept) for i in range(3)]
    return Bars("VGG9: where it goes", ("energy", "latency", "area"), {**kept, "other": rest}, "share, %")


def _steps(found: Found) -> Lines:
    t = found["steps"]
    series = [
        Series(name, t["T"], [v / t[q][0] for v in t[q]])
        for name, q in (("energy", "energy_J"), ("latency", "latency_s"), ("EDP", "edp_Js"))
    ]
    published = Series("published: T²", t["T"], [T**2 for T in t["T"]], dashed=True)
    linear = Series("published: T", t["T"], [float(T) for T in t["T"]], dashed=True)
    return Lines(
        "Steps, trained networks", [*series, linear, published], "T", "relative to T = 1", True, True
    )


def _rivals(found: Found) -> Lines:
    c, names = found["crossover"], found["networks"]
    spiking = [(float(names[n]["steps"]), 1e6 * v["behind_J"]) for n, v in c.items() if n.startswith("T=")]
    T = [x for x, _ in spiking]
    series = [Series("spiking", T, [y for _, y in spiking])]
    series += [
        Series(n, T, [1e6 * v["behind_J"]] * len(T), dashed=True) for n, v in c.items() if n.startswith("ANN")
    ]
    return Lines("Against the conventional twin", series, "T", "energy behind layer 1, µJ", True)


def _rates(found: Found) -> Lines:
    r = found["rates"]
    x = [100 * rate for rate in r["step"]["rate"]]
    series = [
        Series(f"T = 5, {name}", x, [1e6 * e for e in r[key]["behind_J"]])
        for key, name in (("step", "step by step"), ("layer", "layer by layer"))
    ]
    other = Series(f"{r['bits']}-bit twin", x, [1e6 * r["conventional"]["behind_J"]] * len(x), dashed=True)
    return Lines(
        "VGG9: spike rate", [*series, other], "mean spike rate, %", "energy behind layer 1, µJ", True
    )


def _arrays(found: Found) -> Lines:
    a = found["arrays"]
    at = a["size"].index(64.0)
    series = [
        Series(name, a["size"], [v / a[q][at] for v in a[q]])
        for name, q in (("energy", "energy_J"), ("latency", "latency_s"), ("area", "area_m2"))
    ]
    return Lines("VGG9: array size", series, "rows and columns", "relative to 64", True, True)


def _wires(found: Found) -> Lines:
    a = found["arrays"]
    return Lines(
        "Wires of 1 Ω per cell", [Series("last column", a["size"], [100 * v for v in a["held"]])],
        "rows and columns", "current left, %", True,
    )  # fmt: skip


def _adcs(found: Found) -> Lines:
    series = [Series(kind, t["bits"], [1e6 * e for e in t["energy_J"]]) for kind, t in found["adcs"].items()]
    return Lines("VGG9: converters", series, "bits", "energy per image, µJ", False, True)


def _devices(found: Found) -> Bars:
    names = list(found["devices"])
    largest = {q: max(v[q] for v in found["devices"].values()) for q in ("energy_J",)}
    short = [name.partition("-")[0] for name in names]
    return Bars(
        f"VGG9: devices (energy, largest {1e6 * largest['energy_J']:.0f} µJ)", short,
        {"energy": [1e6 * v["energy_J"] for v in found["devices"].values()]}, "energy per image, µJ",
    )  # fmt: skip


def _membranes(found: Found) -> Lines:
    words = {"step": "step by step", "layer": "layer by layer"}
    series = [
        Series(
            f"{what}, {words[order]}", t["bits"], [100 * v for v in t[f"{q}_share"]], dashed=order == "layer"
        )
        for order, t in found["membranes"].items()
        for what, q in (("area", "area_m2"), ("energy", "energy_J"))
    ]
    return Lines("VGG9: neurons and membranes", series, "bits of a membrane", "share of the chip, %")


def _movement(found: Found) -> Bars:
    moved = found["movement"]
    short = ["every step", "first once", "by layer", "early exit"][: len(moved)]
    return Bars("1: data movement", short, {"moved": [1e6 * v for v in moved.values()]}, "energy, µJ")


def _areas(found: Found) -> Bars:
    m = found["membranes"]
    at22, at4 = (m["step"]["bits"].index(b) for b in (22.0, 4.0))
    values = [
        m["step"]["area_m2_share"][at22],
        m["step"]["area_m2_share"][at4],
        m["layer"]["area_m2_share"][at4],
    ]
    return Bars(
        "2: neuronal module", ("22 bit", "4 bit", "4 bit, by layer"), {"share": [100 * v for v in values]},
        "share of area, %",
    )  # fmt: skip


def _accuracy(found: Found) -> Bars:
    w = found["wires"]
    return Bars(
        "3: arrays behind harsh wires", ("integers", "on arrays", "norms adapted"),
        {"accuracy": [100 * w[name] for name in ("integer", "chip", "adapted")]}, "accuracy, %",
    )  # fmt: skip


def _few_bits(found: Found) -> Bars:
    table = found["few_bits"]
    parts = {part: [row[f"{part}_B"] / 1e6 for row in table] for part in ("weights", "membranes")}
    names = [f"W{row['weight_bits']} U{row['membrane_bits']}" for row in table]
    return Bars("VGG16: bits of weights and membranes", names, parts, "stored, MB")


def _hybrid(found: Found) -> Bars:
    chips = {name: v for name, v in found["hybrid"].items() if name != "chosen"}
    best = chips["hybrid"]["edap_Jsm2"]
    return Bars(
        "VGG16: one device or a mixture", [name.partition("-")[0] for name in chips],
        {"EDAP": [v["edap_Jsm2"] / best for v in chips.values()]}, "energy × time × area, of hybrid",
    )  # fmt: skip


def _by_device(found: Found) -> Bars:
    rows = found["device_accuracy"]
    return Bars(
        "CNN on arrays, by device", [name.partition("-")[0] for name in rows],
        {"accuracy": [100 * v["chip"] for v in rows.values()]}, "accuracy, %",
    )  # fmt: skip
