"""Tensor trains of kernels: merging is exact, full rank is exact, fits are as good as the algebra says."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from axbar.techniques._tt_cores import (
    Cores,
    half,
    largest_rank,
    merge_late,
    merge_macs,
    merge_parallel,
    merge_sequential,
    parallel,
    sequential,
    shared_spaces,
    two_factors,
)

Array = NDArray[np.float64]

#: inputs, outputs, rank
SHAPES = [(3, 5, 2), (8, 8, 8), (6, 16, 4), (20, 7, 9), (2, 12, 6)]
CORNERS = [(0, 0), (0, 2), (2, 0), (2, 2)]
CROSS = [(0, 1), (2, 1), (1, 0), (1, 2), (1, 1)]


def _cores(into: int, out: int, rank: int, seed: int = 0) -> Cores:
    g = np.random.default_rng(seed)
    return Cores(
        reduce=g.normal(size=(rank, into)) / np.sqrt(into),
        vertical=g.normal(size=(rank, rank, 3)) / np.sqrt(3 * rank),
        horizontal=g.normal(size=(rank, rank, 3)) / np.sqrt(3 * rank),
        expand=g.normal(size=(out, rank)) / np.sqrt(rank),
    )


def _kernel(into: int, out: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(out, into, 3, 3))


def _ran(cores: Cores, x: Tensor, mode: str, stride: int) -> Tensor:
    """Run the four cores as convolutions, the stride taken inside."""
    reduce = torch.from_numpy(cores.reduce.copy())[:, :, None, None]
    along = torch.from_numpy(cores.vertical.copy())[:, :, :, None]
    across = torch.from_numpy(cores.horizontal.copy())[:, :, None, :]
    expand = torch.from_numpy(cores.expand.copy())[:, :, None, None]
    h = F.conv2d(x, reduce)
    if mode == "late":
        return F.conv2d(h[:, :, ::stride, ::stride], expand)
    if mode == "stt":
        v = F.conv2d(h, along, stride=(stride, 1), padding=(1, 0))
        return F.conv2d(F.conv2d(v, across, stride=(1, stride), padding=(0, 1)), expand)
    v = F.conv2d(h, along, stride=stride, padding=(1, 0))
    w = F.conv2d(h, across, stride=stride, padding=(0, 1))
    return F.conv2d((v + w) / 2, expand)


MERGE: dict[str, Any] = {"stt": merge_sequential, "ptt": merge_parallel, "late": merge_late}


class TestMerging:
    @pytest.mark.parametrize("stride", [1, 2])
    @pytest.mark.parametrize("mode", ["stt", "ptt", "late"])
    @pytest.mark.parametrize(("into", "out", "rank"), SHAPES)
    def test_one_kernel_does_what_the_cores_do(
        self, into: int, out: int, rank: int, mode: str, stride: int
    ) -> None:
        cores = _cores(into, out, rank)
        x = torch.randn(2, into, 7, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        kernel = torch.from_numpy(MERGE[mode](cores))
        merged = F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)
        chained = _ran(cores, x, mode, stride)
        assert chained.shape == merged.shape == (2, out, *((7, 10) if stride == 1 else (4, 5)))
        assert float(chained.abs().max()) > 0.1
        assert float((chained - merged).abs().max()) < 1e-10

    def test_a_cross_has_no_corners(self) -> None:
        kernel = merge_parallel(_cores(6, 4, 3))
        assert all((kernel[:, :, h, w] == 0).all() for h, w in CORNERS)
        assert all((kernel[:, :, h, w] != 0).all() for h, w in CROSS)

    def test_the_late_kernel_is_not_the_centre_of_the_cross(self) -> None:
        cores = _cores(6, 4, 3)
        assert np.abs(merge_late(cores)[:, :, 0, 0] - merge_parallel(cores)[:, :, 1, 1]).max() > 0.1

    @pytest.mark.parametrize("mode", ["stt", "ptt", "late"])
    @pytest.mark.parametrize(("into", "out", "rank"), SHAPES)
    def test_merged_kernels_have_the_rank_of_the_cores(
        self, into: int, out: int, rank: int, mode: str
    ) -> None:
        kernel = MERGE[mode](_cores(into, out, rank))
        assert np.linalg.matrix_rank(kernel.reshape(out, -1)) <= rank

    def test_by_hand(self) -> None:
        one = np.ones((1, 1))
        cores = Cores(2 * one, np.array([[[1.0, 2.0, 3.0]]]), np.array([[[5.0, 7.0, 11.0]]]), 3 * one)
        assert merge_sequential(cores)[0, 0].tolist() == [[30, 42, 66], [60, 84, 132], [90, 126, 198]]
        assert merge_parallel(cores)[0, 0].tolist() == [[0, 3, 0], [15, 27, 33], [0, 9, 0]]
        assert merge_late(cores).tolist() == [[[[6.0]]]]


class TestSequential:
    @pytest.mark.parametrize(("into", "out"), [(4, 4), (4, 6), (6, 4), (2, 12), (12, 2), (1, 20), (3, 9)])
    def test_exact_from_the_largest_rank_on(self, into: int, out: int) -> None:
        weight, enough = _kernel(into, out), largest_rank(into, out)
        for rank in (enough, enough + 2):
            cores = sequential(weight, rank)
            assert cores.vertical.shape == cores.horizontal.shape == (rank, rank, 3)
            assert (cores.reduce.shape, cores.expand.shape) == ((rank, into), (out, rank))
            assert np.abs(merge_sequential(cores) - weight).max() < 1e-10
        short = merge_sequential(sequential(weight, enough - 1))
        assert np.abs(short - weight).max() > 1e-6

    def test_the_smaller_number_of_channels_is_not_enough(self) -> None:
        weight = _kernel(8, 8)
        error = np.linalg.norm(merge_sequential(sequential(weight, 8)) - weight) / np.linalg.norm(weight)
        assert error > 0.3

    def test_three_times_the_smaller_is_the_largest_but_for_uneven_layers(self) -> None:
        assert [largest_rank(*at) for at in [(64, 64), (64, 128), (64, 192), (3, 64), (64, 3)]] == [
            192, 192, 192, 27, 27,
        ]  # fmt: skip
        assert largest_rank(16, 64) == 64 > 3 * 16

    @pytest.mark.parametrize(("into", "out", "rank"), SHAPES)
    def test_a_train_of_that_rank_is_found_again(self, into: int, out: int, rank: int) -> None:
        weight = merge_sequential(_cores(into, out, rank))
        assert np.abs(merge_sequential(sequential(weight, rank)) - weight).max() < 1e-10

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 12), st.integers(0, 99))
    def test_the_error_lies_between_those_of_the_unfoldings(
        self, into: int, out: int, rank: int, seed: int
    ) -> None:
        weight = _kernel(into, out, seed)
        error = float(((merge_sequential(sequential(weight, rank)) - weight) ** 2).sum())
        chain = weight.transpose(1, 2, 3, 0)
        tails = [
            float((np.linalg.svd(chain.reshape(rows, -1), compute_uv=False)[rank:] ** 2).sum())
            for rows in (into, 3 * into, 9 * into)
        ]
        assert max(tails) - 1e-9 <= error <= sum(tails) + 1e-9

    def test_more_rank_less_error(self) -> None:
        weight = _kernel(6, 8)
        errors = [
            np.linalg.norm(merge_sequential(sequential(weight, r)) - weight) for r in (1, 2, 4, 8, 12, 18)
        ]
        assert errors == sorted(errors, reverse=True)


def _cross(kernel: Array) -> Array:
    return np.stack([kernel[:, :, h, w] for h, w in CROSS])


class TestParallel:
    @pytest.mark.parametrize(
        ("into", "out", "enough"), [(4, 4, 4), (4, 6, 6), (6, 4, 6), (2, 9, 9), (2, 12, 10), (12, 2, 10)]
    )
    def test_the_cross_is_exact_from_its_joint_spaces_on(self, into: int, out: int, enough: int) -> None:
        weight = _kernel(into, out)
        assert enough == max(min(out, 5 * into), min(into, 5 * out)) <= largest_rank(into, out)
        for rank in (enough, enough + 1):
            merged = merge_parallel(parallel(weight, rank))
            assert np.abs(_cross(merged) - _cross(weight)).max() < 1e-10
            assert all((merged[:, :, h, w] == 0).all() for h, w in CORNERS)
        short = merge_parallel(parallel(weight, enough - 1))
        assert np.abs(_cross(short) - _cross(weight)).max() > 1e-6

    @pytest.mark.parametrize(("into", "out", "rank"), SHAPES)
    def test_a_cross_of_that_rank_is_found_again(self, into: int, out: int, rank: int) -> None:
        weight = merge_parallel(_cores(into, out, rank))
        assert np.abs(merge_parallel(parallel(weight, rank)) - weight).max() < 1e-10

    def test_corners_have_no_part_in_the_fit(self) -> None:
        weight = _kernel(5, 6)
        other = weight.copy()
        other[:, :, ::2, ::2] = 9.0
        assert np.array_equal(merge_parallel(parallel(weight, 3)), merge_parallel(parallel(other, 3)))

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 7), st.integers(0, 99))
    def test_sweeps_never_lose(self, into: int, out: int, rank: int, seed: int) -> None:
        taps = np.random.default_rng(seed).normal(size=(5, out, into))
        errors = list[float]()
        for sweeps in range(5):
            e, r = shared_spaces(taps, rank, sweeps)
            errors.append(float(((taps - e @ (e.T @ taps @ r.T) @ r) ** 2).sum()))
        assert all(after <= before + 1e-9 for before, after in itertools.pairwise(errors))
        tails = [
            float((np.linalg.svd(np.concatenate(list(side), 1), compute_uv=False)[rank:] ** 2).sum())
            for side in (taps, taps.transpose(0, 2, 1))
        ]
        assert max(tails) - 1e-9 <= errors[-1] <= sum(tails) + 1e-9

    def test_sweeps_gain(self) -> None:
        taps = np.random.default_rng(0).normal(size=(5, 12, 10))
        kept = [
            float(((e.T @ taps @ r.T) ** 2).sum()) for e, r in (shared_spaces(taps, 3, n) for n in (0, 5))
        ]
        assert kept[1] > 1.01 * kept[0]

    def test_the_merged_kernel_is_the_projection(self) -> None:
        weight = _kernel(9, 7)
        cores = parallel(weight, 3)
        for basis in (cores.expand, cores.reduce.T):
            assert np.abs(basis.T @ basis - np.eye(3)).max() < 1e-12
        p, q = cores.expand @ cores.expand.T, cores.reduce.T @ cores.reduce
        assert np.abs(_cross(merge_parallel(cores)) - p @ _cross(weight) @ q).max() < 1e-12


class TestHalf:
    @pytest.mark.parametrize(("into", "out", "rank"), SHAPES)
    def test_the_cross_stays_that_of_parallel(self, into: int, out: int, rank: int) -> None:
        weight = _kernel(into, out)
        assert (
            np.abs(merge_parallel(half(weight, rank)) - merge_parallel(parallel(weight, rank))).max() < 1e-10
        )

    @pytest.mark.parametrize(("into", "out", "rank"), SHAPES)
    def test_no_other_turn_or_scale_brings_the_late_kernel_nearer(
        self, into: int, out: int, rank: int
    ) -> None:
        weight = _kernel(into, out)
        total = weight.sum((2, 3))
        cores = half(weight, rank)
        error = np.linalg.norm(merge_late(cores)[:, :, 0, 0] - total)
        assert error < np.linalg.norm(merge_late(parallel(weight, rank))[:, :, 0, 0] - total)
        g = np.random.default_rng(2)
        for size in (1e-3, 0.1, 3.0):
            skew = g.normal(size=(rank, rank)) * size
            turn = np.linalg.qr(np.eye(rank) + skew - skew.T)[0]
            for turned in (turn, turn * np.sign(np.diag(turn))):
                for scale in (0.99, 1.0, 1.01):
                    other = scale * cores.expand @ turned @ cores.reduce
                    assert np.linalg.norm(other - total) >= error - 1e-9

    def test_a_flat_map_is_served_as_by_the_kernel_where_one_channel_carries_all(self) -> None:
        weight = np.full((1, 1, 3, 3), 0.5)
        assert merge_late(half(weight, 1))[0, 0, 0, 0] == pytest.approx(4.5)

    def test_taps_that_sum_to_nothing_keep_their_scale(self) -> None:
        weight = _kernel(4, 4)
        weight[:, :, 0, 0] -= weight.sum((2, 3))
        cores = half(weight, 2)
        assert np.linalg.norm(cores.reduce) == pytest.approx(np.sqrt(2))
        assert np.abs(merge_parallel(cores) - merge_parallel(parallel(weight, 2))).max() < 1e-10
        assert np.isfinite(half(np.zeros((4, 4, 3, 3)), 2).vertical).all()


def _least_macs(i: int, o: int, r: int) -> int:
    """Least work of the chain E H V R over all orders of its three products; taps of H and V pair up."""
    chain = [(o, r, ""), (r, r, "w"), (r, r, "h"), (r, i, "")]

    def work(parts: list[tuple[int, int, str]]) -> int:
        if len(parts) == 1:
            return 0
        least = []
        for at in range(len(parts) - 1):
            (a, b, s), (_, c, t) = parts[at : at + 2]
            product = a * b * c * 3 ** len(s + t)
            least.append(product + work([*parts[:at], (a, c, s + t), *parts[at + 2 :]]))
        return min(least)

    return work(chain)


class TestWork:
    @given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
    def test_the_cheapest_order(self, i: int, o: int, r: int) -> None:
        assert merge_macs(i, o, r, "stt") == _least_macs(i, o, r)
        cross = min(5 * o * r * r, 5 * r * r * i) + 5 * o * r * i
        assert merge_macs(i, o, r, "ptt") == cross
        assert merge_macs(i, o, r, "htt") == cross + o * r * i

    def test_each_order_is_the_cheapest_somewhere(self) -> None:
        assert merge_macs(9, 90, 1, "stt") == 9 * 1 + 9 * 9 + 9 * 9 * 90
        assert merge_macs(8, 8, 8, "stt") == 3 * 64 * 16 + 9 * 8 * 64
        assert merge_macs(1, 90, 8, "stt") == 12 * 64 + 9 * 8 * 90


class TestTwoFactors:
    @pytest.mark.parametrize("mode", ["stt", "ptt", "late"])
    @pytest.mark.parametrize(("into", "out", "rank"), [(8, 16, 3), (20, 7, 9), (2, 12, 6)])
    def test_exact_for_merged_kernels(self, into: int, out: int, rank: int, mode: str) -> None:
        kernel = MERGE[mode](_cores(into, out, rank))
        narrow, wide = two_factors(kernel, rank)
        assert (narrow.shape, wide.shape) == ((rank, *kernel.shape[1:]), (out, rank))
        assert np.abs(np.einsum("or,rihw->oihw", wide, narrow) - kernel).max() < 1e-12
        assert np.linalg.norm(narrow) == pytest.approx(np.linalg.norm(wide))
        own, _ = two_factors(kernel)
        assert len(own) == np.linalg.matrix_rank(kernel.reshape(out, -1)) <= rank

    def test_a_kernel_of_nothing_has_one_row(self) -> None:
        narrow, wide = two_factors(np.zeros((3, 2, 3, 3)))
        assert narrow.shape == (1, 2, 3, 3) and not narrow.any() and not wide.any()
