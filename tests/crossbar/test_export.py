"""Conductances to a file and back: bit for bit, and only where they belong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from chips import chip, images, spiking_net

from axbar.crossbar import AnalogModel, to_analog
from axbar.errors import DataError, UsageError


def die(seed: int = 3, **changes: float) -> AnalogModel:
    made = to_analog(spiking_net(), chip({"device.age_s": 3600.0, **changes}), seed=seed, data=images())
    assert isinstance(made, AnalogModel)
    return made


def test_a_die_read_back_is_the_same_die_bit_for_bit(tmp_path: Path) -> None:
    first, other = die(3), die(4)
    y = first(images())
    assert not torch.equal(other(images()), y)
    first.export_conductances(tmp_path / "die.npz", "held")
    assert torch.equal(other.load_conductances(tmp_path / "die.npz")(images()), y)
    first.load_conductances(tmp_path / "die.npz").export_conductances(tmp_path / "again.npz", "held")
    with np.load(tmp_path / "die.npz") as a, np.load(tmp_path / "again.npz") as b:
        assert set(a.files) == set(b.files)
        assert all(np.array_equal(a[k], b[k], equal_nan=True) for k in a.files if k != "about")


def test_targets_are_levels_by_die_tile_row_and_column(tmp_path: Path) -> None:
    analog = die()
    analog.export_conductances(tmp_path / "targets.npz")
    layer = analog.chip_layers["second"]
    with np.load(tmp_path / "targets.npz") as file:
        g = file["second/0"]
    assert g.shape == (1, layer.mapping.col_tiles, layer.mapping.used_rows, 4 * layer.mapping.used_outs)
    levels = (g - 1e-6) / 39e-6 * 3
    assert np.nanmax(np.abs(levels - np.rint(levels))) < 1e-9
    output, row = 2, 5
    code = np.rint(layer.ideal_weight() / layer._scale)[output, row]
    plus_low, minus_low, plus_high, minus_high = np.rint(levels[0, 0, row, 4 * output : 4 * output + 4])
    assert plus_low + 4 * plus_high - minus_low - 4 * minus_high == code


def test_programming_another_die_forgets_what_was_read_back(tmp_path: Path) -> None:
    analog = die(3)
    y = analog(images())
    die(4).export_conductances(tmp_path / "four.npz", "held")
    assert not torch.equal(analog.load_conductances(tmp_path / "four.npz")(images()), y)
    assert torch.equal(analog.program(3)(images()), die(3)(images()))


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    analog = die()
    path = analog.export_conductances(tmp_path / "ok.npz", "held")
    with np.load(path) as file:
        stored = dict(file)
    negative = {**stored, "last/0": np.where(np.isnan(stored["last/0"]), np.nan, -1e-6)}
    missing = {k: v for k, v in stored.items() if k != "last/0"}
    for name, arrays, message in (
        ("negative", negative, r"'last/0'\[0, 0, 0, 0\] is -1e-06 S"),
        ("missing", missing, "has no 'last/0'"),
        ("shape", {**stored, "last/0": stored["last/0"][..., :-1]}, "crossbar settings differ"),
        ("more", {**stored, "extra/0": stored["last/0"]}, "holds 'extra/0'"),
    ):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        with pytest.raises(DataError, match=message):
            analog.load_conductances(tmp_path / f"{name}.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(DataError, match="can't be read"):
        analog.load_conductances(tmp_path / "text.npz")
    with pytest.raises(UsageError, match="did you mean 'target'"):
        analog.export_conductances(tmp_path / "x.npz", "targets")  # type: ignore[arg-type]
