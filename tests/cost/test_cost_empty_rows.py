"""Rows without weights take no arrays, and everything that goes by rows is that of a layer without them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from cost_cases import chip, geometry, neuron, product, real, small_network, spiking

from axbar import estimate
from axbar.cost import programming, tuning_cost
from axbar.cost.imc import count
from axbar.cost.imc._mapping import map_layers
from axbar.workload import LayerTrace, Operand, Workload
from axbar.workload._types import Geometry

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
SMALL: dict[str, Any] = {
    "crossbar__rows": 64,
    "crossbar__cols": 64,
    "crossbar__weight_bits": 4,
    "crossbar__cell_bits": 2,
}


def masked(layer: LayerTrace, mask: np.ndarray) -> LayerTrace:
    """Set weights to zero."""
    assert layer.weight is not None
    return dataclasses.replace(layer, weight=layer.weight * mask.astype(np.float32))


def conv(channels: int = 64, outputs: int = 16, groups: int = 1, seed: int = 0, steps: int = 4) -> LayerTrace:
    rng = np.random.default_rng(seed)
    where = geometry(channels, outputs, 6, groups=groups)
    return product("conv", where, spiking(rng, where.in_shape, steps), rng)


def network(layer: LayerTrace, steps: int = 4) -> Workload:
    behind = neuron("lif", layer.name, layer.geometry.out_shape, steps)
    return Workload("one", (layer, behind), steps=steps, samples=2)


@pytest.mark.parametrize("layout", ["flattened", "kernel_split"])
def test_a_cross_of_64_channels_takes_five_row_tiles_of_nine(layout: str) -> None:
    """64 channels on 64 rows: one row tile per kernel position, either way; 16 outputs of 4 columns fill one array."""
    whole, cross = conv(), masked(conv(), CROSS)
    spec = chip(mapping__layout=layout, **SMALL)
    full, found = map_layers([whole], spec), map_layers([cross], spec)
    assert (full.row_tiles[0], full.arrays[0]) == (9, 9)
    assert (found.row_tiles[0], found.arrays[0], found.fan_in[0]) == (5, 5, 320)
    assert (found.rows_left_out[0], found.arrays_saved[0], found.rows_used[0]) == (256, 4, 64)
    assert (full.rows_left_out[0], full.arrays_saved[0]) == (0, 0)
    assert found.utilisation[0] == full.utilisation[0] == 1.0


def test_rows_close_up_only_where_positions_share_arrays() -> None:
    """20 channels: 100 rows in 2 row tiles, or 5 positions with an array each; all 9 take 3, or 9."""
    cross = masked(conv(20), CROSS)
    flat = map_layers([cross], chip(**SMALL))
    split = map_layers([cross], chip(mapping__layout="kernel_split", **SMALL))
    assert (flat.row_tiles[0], flat.arrays_saved[0]) == (2, 1)
    assert (split.row_tiles[0], split.arrays_saved[0], split.rows_used[0]) == (5, 4, 20)


def test_shorter_groups_share_arrays_sooner() -> None:
    """Depthwise: 64 // 9 = 7 groups fit the rows of an array, 64 // 5 = 12 crosses; 16 outputs fit the columns."""
    whole, spec = conv(32, 32, groups=32), chip(**SMALL)
    cross = masked(whole, CROSS)
    full, found = map_layers([whole], spec), map_layers([cross], spec)
    assert (full.pack[0], full.arrays[0]) == (7, 5)
    assert (found.pack[0], found.arrays[0], found.rows_used[0]) == (12, 3, 60)
    assert (found.rows_left_out[0], found.arrays_saved[0]) == (4, 2)


def test_saved_arrays_follow_the_rule_of_copies() -> None:
    cross = masked(conv(), CROSS)
    found = map_layers([cross], chip(mapping__duplication=3, **SMALL))
    assert (found.arrays[0], found.arrays_saved[0]) == (15, 12)
    few = chip(
        mapping__balance="throughput",
        chip__max_tiles=1,
        tile__arrays_per_pe=10,
        tile__pes_per_tile=2,
        **SMALL,
    )
    found = map_layers([cross], few)  # 20 arrays: 4 copies of 5, or 2 of 9
    assert (found.copies[0], found.arrays[0], found.arrays_saved[0]) == (4, 20, -2)


def test_pruned_channels_leave_their_rows() -> None:
    layer = conv(32)
    pruned = np.ones(layer.weight.shape, dtype=bool)  # type: ignore[union-attr]
    pruned[:, 4:20] = False
    by_mask = dataclasses.replace(layer, mask=pruned)
    for each in (masked(layer, pruned), by_mask):
        found = map_layers([each], chip(**SMALL))
        assert (found.rows_left_out[0], found.row_tiles[0], found.arrays_saved[0]) == (16 * 9, 3, 2)
        assert map_layers([each], chip(mapping__layout="kernel_split", **SMALL)).rows_left_out[0] == 0


def test_no_weights_at_all_take_one_row_and_unknown_ones_all() -> None:
    layer = conv(8)
    nothing = masked(layer, np.zeros((3, 3)))
    found = map_layers([nothing], chip(**SMALL))
    assert (found.fan_in[0], found.row_tiles[0], found.arrays[0]) == (1, 1, 1)
    split = map_layers([nothing], chip(mapping__layout="kernel_split", **SMALL))
    assert (split.fan_in[0], split.row_tiles[0]) == (8, 1)
    assert map_layers([dataclasses.replace(layer, weight=None)], chip(**SMALL)).fan_in[0] == 72


def _as_linear(layer: LayerTrace, rows: np.ndarray) -> LayerTrace:
    """The same products as a linear layer over the stored rows alone, one token per output position."""
    assert layer.weight is not None
    where, words = layer.geometry, layer.operands[0].words
    assert words is not None
    height, width = where.out_shape[1:]
    padded = np.pad(words, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.stack(
        [padded[:, :, r : r + height, s : s + width] for r in range(3) for s in range(3)], axis=2
    )
    unfolded = windows.reshape(len(words), where.fan_in, height * width).transpose(0, 2, 1)[..., rows]
    shape = unfolded.shape[1:]
    operand = Operand(shape, steps=layer.operands[0].steps, words=np.ascontiguousarray(unfolded))
    return LayerTrace(
        layer.name, "linear", ("input",), Geometry(shape, (shape[0], where.fan_out)), layer.steps, (operand,),
        weight=layer.weight.reshape(where.fan_out, -1)[:, rows],
    )  # fmt: skip


def test_a_cross_counts_as_a_layer_whose_rows_were_removed() -> None:
    cross = masked(conv(20, 24), CROSS)
    removed = _as_linear(cross, np.tile(CROSS.ravel(), 20))
    spec = chip(tile__arrays_per_pe=1, tile__pes_per_tile=1, **SMALL)
    ours, theirs = (count(network(layer), spec) for layer in (cross, removed))
    by_rows = (
        "reads", "row_activations", "cell_activations", "cell_drive", "level_drive", "cell_current",
        "level_current", "conversions", "used_columns", "subtractions", "shift_adds", "accumulations", "carry_bits",
        "adder_levels", "tile_rows", "input_read_bits", "input_wire", "sum_wire", "sums_moved", "tiles", "used_arrays",
    )  # fmt: skip
    for name in by_rows:
        np.testing.assert_allclose(ours.counts[name], theirs.counts[name], rtol=1e-12, err_msg=name)
    for name in ("arrays", "row_tiles", "rows_used", "cols_used", "utilisation"):
        assert ours.mapping[name].tolist() == theirs.mapping[name].tolist()


@pytest.mark.parametrize("layout", ["flattened", "kernel_split"])
@pytest.mark.parametrize("groups", [1, 2, 32])
def test_what_goes_by_rows_shrinks_and_all_else_stays(layout: str, groups: int) -> None:
    whole = conv(32, 32, groups)
    cross, spec = masked(whole, CROSS), chip(mapping__layout=layout, **SMALL)
    full, found = count(network(whole), spec).counts, count(network(cross), spec).counts
    for name in ("window_bits", "input_write_bits", "serial_bits", "output_bits", "lif_updates", "reads"):
        assert found[name].tolist() == full[name].tolist(), name
    by_rows = ("row_activations", "input_read_bits", "level_drive", "level_current")
    # more groups share an array, where an active row crosses the columns of all of them
    by_cells = () if groups == 32 else ("cell_drive", "cell_current", "cell_activations")
    for name in (*by_rows, *by_cells):
        assert 0.0 < found[name][0] < full[name][0], name


def test_spikes_at_taps_that_are_left_out_drive_nothing() -> None:
    """One spike in the corner of the map reaches 4 taps; of the cross's, 3."""
    words = np.zeros((1, 1, 6, 6), dtype=np.uint8)
    words[0, 0, 0, 0] = 1
    layer = dataclasses.replace(conv(1, 4, steps=1), operands=(Operand((1, 6, 6), words=words),), steps=(0,))
    spec = chip(**SMALL)
    assert count(network(layer, 1), spec).counts["row_activations"][0] == 4
    assert count(network(masked(layer, CROSS), 1), spec).counts["row_activations"][0] == 3


def test_both_layouts_of_one_workload_keep_their_own_rows() -> None:
    """A pruned channel goes from flattened rows alone, whichever layout was asked for first."""
    layer = conv(32)
    pruned = np.ones(layer.weight.shape, dtype=bool)  # type: ignore[union-attr]
    pruned[:, :16] = False
    work, sweep = (
        network(masked(layer, pruned)),
        {"mapping.layout": ["kernel_split", "flattened", "kernel_split"]},
    )
    swept = estimate(work, chip(**SMALL), sweep=sweep)
    for point, layout in enumerate(sweep["mapping.layout"]):
        fresh = network(masked(layer, pruned))
        alone = estimate(fresh, chip(mapping__layout=layout, **SMALL))
        assert swept.at(point).total("energy_J")[0] == alone.total("energy_J")[0]
        assert swept.at(point).mapping["rows_left_out"][0] == (144 if layout == "flattened" else 0)


def test_levels_are_those_of_the_stored_rows_with_wide_digits() -> None:
    rng = np.random.default_rng(3)
    where = geometry(4, 8, 6)
    layer = masked(product("conv", where, real(rng, where.in_shape), rng), CROSS)
    spec = chip(input__dac_bits=4, **SMALL)
    full = count(network(product("conv", where, layer.operands[0], rng), 1), spec).counts
    found = count(network(layer, 1), spec).counts
    # the middle row and column lose less to the padding than the corners do
    assert 5 / 9 < found["cell_drive"][0] / full["cell_drive"][0] < 0.65
    assert found["level_drive"][0] < found["cell_drive"][0]


def test_the_estimate_says_what_was_left_out() -> None:
    found = estimate(network(masked(conv(), CROSS)), chip(**SMALL))
    note = "rows without weights are left out: 256 of 576 rows of conv, which saves 4 of 9 arrays"
    assert note in found.notes
    assert found.mapping["rows_left_out"].tolist() == [256] and found.mapping["arrays_saved"].tolist() == [4]
    assert found.to_dict()["mapping"]["arrays_saved"] == [4.0]
    assert not [n for n in estimate(small_network(), chip(**SMALL)).notes if "left out" in n]
    small = estimate(network(masked(conv(2), CROSS)), chip(**SMALL))
    assert "rows without weights are left out: 8 of 18 rows of conv, which saves no array" in small.notes


def test_the_note_names_three_layers() -> None:
    rng = np.random.default_rng(0)
    where = geometry(4, 4, 6)
    names = [f"conv{i}" for i in range(5)]
    sources = ["input", *names[:-1]]
    layers = [
        masked(product(name, where, spiking(rng, where.in_shape), rng, source), CROSS)
        for name, source in zip(names, sources, strict=True)
    ]
    (note,) = [
        n for n in count(Workload("five", tuple(layers), steps=4, samples=2), chip()).notes if "left" in n
    ]
    assert (
        "16 of 36 rows of conv0, 16 of 36 rows of conv1, 16 of 36 rows of conv2 and of 2 more, which" in note
    )


def test_cells_without_weights_are_not_written() -> None:
    """Rows times 16 outputs of 4 columns each."""
    whole, cross = network(conv()), network(masked(conv(), CROSS))
    spec = chip(**SMALL)
    assert programming(whole, spec).cells[0].tolist() == [576 * 64]
    assert programming(cross, spec).cells[0].tolist() == [320 * 64]
    full, found = (
        tuning_cost(w, spec, images=4, epochs=1, batch=2, norms=["conv"])[-1] for w in (whole, cross)
    )
    assert (full.writes, found.writes) == (576 * 64, 320 * 64)


def test_every_figure_is_no_larger_than_with_all_rows() -> None:
    whole, cross = network(conv(64, 64)), network(masked(conv(64, 64), CROSS))
    full, found = estimate(whole, chip(**SMALL)), estimate(cross, chip(**SMALL))
    for quantity in ("energy_J", "latency_s", "area_m2", "leakage_W"):
        ours, theirs = found.total(quantity)[0], full.total(quantity)[0]
        assert 0.0 < ours <= theirs, quantity
    assert found.total("energy_J")[0] < 0.75 * full.total("energy_J")[0]
