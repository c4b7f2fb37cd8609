"""Ranks of tensor trains: shares, energy, variational Bayes, and sentences for what can't be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from axbar.errors import ModelError, UsageError
from axbar.techniques._tt_ranks import evbmf_rank, parse_ranks, rank_of, ranks_of


def _kernel(into: int, out: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(out, into, 3, 3))


def _planted(rows: int, columns: int, rank: int, noise: float, seed: int = 0) -> NDArray[np.float64]:
    g = np.random.default_rng(seed)
    signal = g.normal(size=(rows, rank)) @ g.normal(size=(rank, columns)) / np.sqrt(rank)
    return signal + noise * g.normal(size=(rows, columns))


class TestVariationalBayes:
    @pytest.mark.parametrize("rank", [16, 32, 64])
    @pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
    def test_a_planted_rank_is_found_under_noise_at_any_scale(self, rank: int, scale: float) -> None:
        matrix = scale * _planted(128, 9 * 96, rank, 0.3)
        assert evbmf_rank(matrix) == rank
        assert evbmf_rank(matrix.T) == rank

    @pytest.mark.parametrize(("into", "out"), [(16, 16), (64, 64), (64, 128), (128, 64)])
    def test_fresh_weights_are_noise(self, into: int, out: int) -> None:
        torch.manual_seed(0)
        weight = nn.Conv2d(into, out, 3).weight.detach().numpy()
        assert evbmf_rank(weight.reshape(out, -1)) == 0
        assert rank_of(weight, "vbmf") == 0

    @settings(max_examples=20, deadline=None)
    @given(st.integers(2, 30), st.integers(2, 60), st.integers(0, 50))
    def test_noise_stays_noise(self, rows: int, columns: int, seed: int) -> None:
        # By chance the least of few values may look like noise beneath the others, so not every matrix gives 0.
        assert evbmf_rank(np.random.default_rng(seed).normal(size=(rows, columns))) <= max(1, rows // 5)

    def test_without_noise_the_rank_is_that_of_the_matrix(self) -> None:
        assert evbmf_rank(_planted(40, 90, 4, 0.0)) == 4
        assert evbmf_rank(np.diag([3.0, 2.0, 1.0] + [0.0] * 37)) == 3
        assert evbmf_rank(np.zeros((4, 9))) == 0

    def test_signal_under_the_noise_is_not_seen(self) -> None:
        assert evbmf_rank(_planted(64, 576, 8, 30.0)) == 0

    def test_the_other_unfolding_is_asked_where_the_first_is_noise(self) -> None:
        g = np.random.default_rng(0)
        weight = g.normal(size=(64, 64, 3, 3))
        direction = g.normal(size=64) / 8
        weight += 1.2 * direction[None, :, None, None] * g.normal(size=(64, 1, 3, 3))
        first = evbmf_rank(weight.reshape(64, -1))
        second = evbmf_rank(weight.swapaxes(0, 1).reshape(64, -1))
        assert (first, second) == (0, 1)
        assert rank_of(weight, "vbmf") == rank_of(weight.swapaxes(0, 1), "vbmf") == 1


class TestChoices:
    def test_numbers_and_shares(self) -> None:
        weight = _kernel(10, 24)
        assert [rank_of(weight, how) for how in (7, 0.25, 0.29, 1.0, 0.01)] == [7, 2, 2, 10, 1]
        assert rank_of(np.zeros((100, 100, 3, 3)), 0.29) == 29  # not 28, as 0.29 * 100 is in float64

    def test_energy_in_both_unfoldings(self) -> None:
        weight = np.zeros((4, 3, 3, 3))
        weight[0, 0, 0, 0], weight[1, 1, 0, 0], weight[2, 2, 0, 0] = (
            2.0,
            1.0,
            0.5,
        )  # squares 4, 1, 0.25 of 5.25
        assert [rank_of(weight, f"energy:{share}") for share in (0.76, 0.77, 0.95, 0.96, 1)] == [
            1,
            2,
            2,
            3,
            3,
        ]
        weight[3, 0, 1, 1] = 2.0  # one input reads this and the first, two outputs have them
        assert rank_of(weight, "energy:0.8") == 2
        assert rank_of(weight[:, :1], "energy:1") == 2

    @settings(max_examples=20, deadline=None)
    @given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 50))
    def test_more_energy_needs_no_less_rank(self, into: int, out: int, seed: int) -> None:
        weight = _kernel(into, out, seed)
        ranks = [rank_of(weight, f"energy:{share}") for share in (0.1, 0.5, 0.9, 0.99, 1)]
        assert ranks == sorted(ranks) and ranks[0] >= 1
        assert ranks[-1] == max(min(out, 9 * into), min(into, 9 * out))

    def test_a_table(self) -> None:
        weights = {"a": _kernel(8, 8), "b": _kernel(8, 16)}
        assert ranks_of(weights, parse_ranks({"a": "4", "b": 0.5})) == {"a": 4, "b": 4}
        assert ranks_of(weights, 0.25) == {"a": 2, "b": 2}
        with pytest.raises(UsageError, match=r"layer in the table of ranks: 'bb'; did you mean 'b'\?"):
            ranks_of(weights, {"a": 1, "bb": 1})
        with pytest.raises(ModelError, match=r"has 1 of 2 layers and lacks 'b'; give each"):
            ranks_of(weights, {"a": 1})

    def test_noise_is_refused(self) -> None:
        with pytest.raises(
            ModelError, match=r"vbmf finds only noise in 1 of 1 layers, first in 'conv'.*train"
        ):
            ranks_of({"conv": _kernel(16, 16)}, "vbmf")


class TestReading:
    @pytest.mark.parametrize(
        ("given", "read"),
        [
            ("8", 8), (8, 8), (np.int64(8), 8), ("1", 1), ("1.0", 1.0), (0.5, 0.5), (np.float32(0.5), 0.5),
            (" .25 ", 0.25), ("energy:0.9", "energy:0.9"), ("energy:1", "energy:1.0"), ("VBMF", "vbmf"),
            ({"a": "0.5"}, {"a": 0.5}),
        ],
    )  # fmt: skip
    def test_normalised(self, given: Any, read: Any) -> None:
        made = parse_ranks(given)
        assert made == read and type(made) is type(read)
        assert parse_ranks(made) == made

    @pytest.mark.parametrize(
        "bad",
        [
            0, -3, "0", "-1", 0.0, -0.5, 1.5, "1.5", "nan", float("inf"), "energy:2", "energy:0", "energy:", "energy",
            "energy:x", "evbmf", "", None, True, [4], {},
        ],
    )  # fmt: skip
    def test_refused_with_what_is_allowed(self, bad: Any) -> None:
        with pytest.raises(
            UsageError, match=r"whole number from 1, a share .*energy:0\.9 .*vbmf, or a table"
        ):
            parse_ranks(bad)

    def test_a_table_names_the_layer(self) -> None:
        with pytest.raises(UsageError, match=r"ranks = 'energy:2' of layer 'blocks\.0' can't be used"):
            parse_ranks({"blocks.0": "energy:2"})
        with pytest.raises(UsageError, match=r"ranks = 0 of layer 'x'"):
            rank_of(_kernel(2, 2), 0, "x")

    def test_beyond_the_largest_useful_rank(self) -> None:
        assert rank_of(_kernel(4, 4), 12) == 12
        with pytest.raises(
            ModelError, match=r"rank 13 of layer 'c1' is beyond 12, .* 4 inputs and 4 .*give 1 to 12"
        ):
            rank_of(_kernel(4, 4), 13, "c1")
        with pytest.raises(ModelError, match=r"rank 25 is beyond 24"):
            rank_of(_kernel(4, 24), 25)
