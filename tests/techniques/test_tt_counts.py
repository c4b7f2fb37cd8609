"""Counts of networks with tensor-train convolutions: published rows, laws, and real modules at work."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from axbar.errors import ModelError, UsageError
from axbar.nn import build_model
from axbar.nn.tensor_train import Mode, StrideRule, TTConv2d
from axbar.techniques._tt_counts import ConvShape, core_counts, tt_counts
from axbar.techniques._tt_layers import tt_layers

GOLDEN = Path(__file__).parents[1] / "golden" / "tt_counts.csv"
#: what the data sets of the rows change
SETS: dict[str, dict[str, Any]] = {
    "MS-ResNet18/CIFAR10": {},
    "MS-ResNet18/CIFAR100": {"classes": 100},
    "MS-ResNet18/N-Caltech101(48x48,2ch)": {"classes": 101, "in_channels": 2, "size": 48},
}
SHAPES = st.builds(
    ConvShape,
    st.integers(1, 64),
    st.integers(1, 64),
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from([1, 2]),
)


def _rows() -> list[dict[str, str]]:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")  # where the numbers come from
    return list(csv.DictReader(lines[1:]))


@pytest.mark.parametrize(
    "row", _rows(), ids=lambda r: f"{r['net'][12:20]}-{r['mode']}-{r['rank_over_min_IO']}"
)
def test_the_counts_of_the_paper(row: dict[str, str]) -> None:
    share = None if row["mode"] == "dense" else float(row["rank_over_min_IO"])
    found = tt_counts(mode=row["mode"], rank_fraction=share, timesteps=int(row["T"]), **SETS[row["net"]])
    assert found.params == int(row["params_conv_fc"])
    assert found.bn_params == int(row["bn_params"])
    assert found.macs == int(row["macs_total_T"])
    assert found.param_ratio == pytest.approx(float(row["param_ratio"]), abs=5.1e-4)  # given to three digits
    assert found.mac_ratio == pytest.approx(float(row["mac_ratio"]), abs=5.1e-4)


class TestOneLayer:
    def test_by_hand(self) -> None:
        shape = ConvShape(4, 8, rows=6, columns=5, stride=2)  # out 3 x 3
        whole, core = 2 * 4 + 2 * 8, 3 * 4
        assert core_counts(shape, 2, "stt", "maxpool", 4).macs == 4 * 30 * (whole + 2 * core)
        assert core_counts(shape, 2, "htt", "maxpool", 4).macs == 2 * 30 * (whole + 2 * core) + 2 * 30 * whole
        assert core_counts(shape, 2, "stt", "subsample", 1).macs == 30 * 8 + 15 * core + 9 * (core + 16)
        assert core_counts(shape, 2, "ptt", "subsample", 1).macs == 30 * 8 + 9 * (2 * core + 16)
        early, late = 30 * 8 + 9 * (2 * core + 16), 9 * whole
        assert core_counts(shape, 2, "htt", "subsample", 5).macs == 2 * early + 3 * late
        assert core_counts(shape, 2, "htt", "subsample", 5, full=5).macs == 5 * early
        assert core_counts(shape, 2, "htt", "subsample", 1).macs == late  # of one step none is full
        assert core_counts(shape, 2, "htt", "subsample", 1).params == 2 * 12 + 6 * 4

    @given(SHAPES, st.integers(1, 40), st.integers(1, 9), st.sampled_from(get_args(StrideRule)))
    def test_laws(self, shape: ConvShape, rank: int, steps: int, rule: StrideRule) -> None:
        of = {mode: core_counts(shape, rank, mode, rule, steps) for mode in get_args(Mode)}
        assert len({counts.params for counts in of.values()}) == 1
        assert of["htt"].macs < of["ptt"].macs <= of["stt"].macs
        if rule == "maxpool" or shape.stride == 1:
            assert of["ptt"].macs == of["stt"].macs
        inside = [core_counts(shape, rank, mode, "subsample", steps).macs for mode in get_args(Mode)]
        pooled = [core_counts(shape, rank, mode, "maxpool", steps).macs for mode in get_args(Mode)]
        assert all(a <= b for a, b in zip(inside, pooled, strict=True))
        assert core_counts(shape, rank + 1, "stt", rule, steps).macs > of["stt"].macs

    @pytest.mark.parametrize("size", [(8, 6), (7, 5)])
    @pytest.mark.parametrize("stride", [1, 2])
    @pytest.mark.parametrize("rule", get_args(StrideRule))
    @pytest.mark.parametrize("mode", get_args(Mode))
    def test_what_the_module_does(
        self, mode: Mode, rule: StrideRule, stride: int, size: tuple[int, int]
    ) -> None:
        layer = TTConv2d(5, 9, 3, mode, stride, rule, steps=3).eval()
        macs = _macs_of(layer, torch.zeros(3, 5, *size))
        counts = core_counts(ConvShape(5, 9, *size, stride), 3, mode, rule, 3)
        assert sum(p.numel() for p in layer.parameters()) == counts.params
        assert macs == counts.macs


def _macs_of(model: nn.Module, x: torch.Tensor) -> int:
    """Multiply-accumulates that the convolutions and linear layers of a module do on an input."""
    found = list[int]()

    def hook(layer: Any, _: Any, out: torch.Tensor) -> None:
        found.append(out.numel() * layer.weight[0].numel())

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(hook)
    with torch.no_grad():
        model(x)
    return sum(found)


class TestNetworks:
    @pytest.mark.parametrize("name", ["spiking-resnet19", "spiking-vgg9", "ms-resnet34"])
    def test_as_the_network_with_its_layers_replaced(self, name: str) -> None:
        network = build_model(name, width=4, steps=1).eval()
        dense = tt_counts(model=name, width=4, timesteps=1)
        assert dense.params == dense.dense_params == _weights(network)
        assert dense.bn_params == sum(p.numel() for p in network.parameters()) - _weights(network)
        assert dense.macs == dense.dense_macs == _macs_of(network, torch.zeros(1, 3, 32, 32))
        assert (dense.param_ratio, dense.mac_ratio, dense.ranks) == (1, 1, {})

        found = tt_counts(model=name, width=4, mode="stt", rank_fraction=0.5, timesteps=1, stride="subsample")
        network = build_model(name, width=4, steps=1).eval()
        for path, conv in tt_layers(network).items():
            train = TTConv2d(conv.in_channels, conv.out_channels, found.ranks[path], "stt", conv.stride[0])
            network.set_submodule(path, train)
        assert found.params == _weights(network)
        assert found.macs == _macs_of(network, torch.zeros(1, 3, 32, 32))
        assert (found.dense_params, found.dense_macs) == (dense.params, dense.macs)

    def test_all_layers_run_on_all_steps_but_the_classifier(self) -> None:
        one, two, five = (tt_counts(model="spiking-vgg9", width=4, timesteps=t).macs for t in (1, 2, 5))
        classifier = [m for m in build_model("spiking-vgg9", width=4).modules() if isinstance(m, nn.Linear)][
            -1
        ]
        assert five - one == 4 * (two - one)
        assert two - one == one - classifier.weight.numel()

    def test_modes(self) -> None:
        of = {m: tt_counts(mode=m, ranks=4, width=16, timesteps=5) for m in ("STT", "ptt", "Htt")}
        assert len({counts.params for counts in of.values()}) == 1
        assert of["Htt"].macs < of["ptt"].macs == of["STT"].macs
        assert tt_counts(mode="none", width=16) == tt_counts(mode="Dense", width=16)

    def test_ranks_by_layer(self) -> None:
        same = tt_counts(model="spiking-vgg9", width=8, mode="ptt", ranks=2)
        assert tt_counts(model="spiking-vgg9", width=8, mode="ptt", ranks={**same.ranks}) == same
        first = next(iter(same.ranks))
        more = tt_counts(model="spiking-vgg9", width=8, mode="ptt", ranks={**same.ranks, first: 3})
        conv = tt_layers(build_model("spiking-vgg9", width=8))[first]
        assert more.params - same.params == conv.in_channels + conv.out_channels + 6 * (9 - 4)

    def test_biases_stay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        name = "axbar.techniques._tt_counts.build_model"
        found = {}
        for norm in (
            "tdbn",
            "none",
        ):  # without norms layers have biases, and a train keeps one on its last core
            monkeypatch.setattr(name, partial(build_model, norm=norm))
            found[norm] = tt_counts(model="spiking-vgg9", width=4, mode="ptt", ranks=2)
        biased = [
            m for m in build_model("spiking-vgg9", width=4, norm="none").modules() if isinstance(m, nn.Conv2d)
        ]
        hidden = found["none"].dense_params - found["tdbn"].dense_params
        assert hidden > sum(conv.out_channels for conv in biased) > 0
        assert found["none"].params - found["tdbn"].params == hidden
        assert (found["none"].macs, found["none"].bn_params) == (found["tdbn"].macs, 0)


def _weights(network: nn.Module) -> int:
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return sum(p.numel() for layer in layers for p in layer.parameters())


class TestSentences:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"mode": "sst"}, r"unknown mode of tensor trains 'sst'; did you mean 'stt'\?"),
            ({"mode": "ptt"}, r"mode = ptt takes either rank_fraction or ranks, got none"),
            ({"mode": "ptt", "ranks": 4, "rank_fraction": 0.5}, r"either rank_fraction or ranks, got 2"),
            ({"mode": "ptt", "ranks": "vbmf"}, r"counts take no weights, and ranks = vbmf reads them"),
            ({"mode": "ptt", "ranks": {"x": "energy:0.9"}}, r"ranks = energy:0.9 reads them"),
            (
                {"mode": "ptt", "rank_fraction": 1.5},
                r"rank_fraction = 1.5 is out of range; give a share above 0 to 1",
            ),
            ({"mode": "ptt", "rank_fraction": "vbmf"}, r"rank_fraction = 'vbmf' is out of range"),
            ({"mode": "ptt", "ranks": 0}, r"ranks = 0 can't be used; give a whole number from 1"),
            ({"mode": "ptt", "ranks": {"conv7": 4}}, r"layer in the table of ranks: 'conv7'"),
            ({"stride": "pool"}, r"unknown rule for strides 'pool'.* Known: maxpool, subsample"),
            ({"timesteps": 0}, r"timesteps = 0 is out of range; give a whole number from 1"),
            ({"model": "cnn", "size": 28}, r"'cnn' has no spiking neurons and runs once; set timesteps=1"),
            ({"model": "ms-resnet1"}, r"did you mean 'ms-resnet1"),
        ],
    )
    def test_usage(self, arguments: dict[str, Any], sentence: str) -> None:
        with pytest.raises(UsageError, match=sentence):
            tt_counts(**{"width": 8, **arguments})

    def test_a_rank_too_large_names_the_layer(self) -> None:
        with pytest.raises(
            ModelError, match=r"rank 25 of layer 'blocks\.0\.conv1' is beyond 24.*give 1 to 24"
        ):
            tt_counts(mode="ptt", ranks=25, width=8)


class TestLayers:
    def test_all_but_stem_and_shortcuts(self) -> None:
        chosen = tt_layers(build_model("ms-resnet18", width=4))
        assert list(chosen) == [f"blocks.{n}.conv{k}" for n in range(8) for k in (1, 2)]
        assert [conv.stride[0] for conv in chosen.values()] == [1] * 4 + [2, 1, 1, 1] * 3

    def test_what_can_be_of_a_mixed_network(self) -> None:
        assert list(tt_layers(_mixed())) == ["plain", "strided", "same"]
        assert list(tt_layers(_mixed(), ["same", "first"])) == ["first", "same"]  # the first, if asked for

    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("narrow", r"its kernel is 1x1"),
            ("tall", r"its kernel is 3x1"),
            ("grouped", r"it has 2 groups"),
            ("dilated", r"its dilation is \(2, 2\)"),
            ("skips", r"its stride is \(3, 3\)"),
            ("uneven", r"its stride is \(2, 1\)"),
            ("valid", r"its padding is \(0, 0\)"),
            ("wrapped", r"it pads by 'circular', not by zeros"),
            ("act", r"it is a ReLU, no Conv2d"),
            ("grid", r"its weights are fixed to a grid of 4 bits"),
            ("made", r"its weight is no plain parameter of a Conv2d"),
        ],
    )
    def test_reasons(self, path: str, reason: str) -> None:
        with pytest.raises(
            ModelError, match=rf"layer '{path}' can't become a tensor train: {reason}; a train"
        ):
            tt_layers(_mixed(), ["plain", path])

    def test_no_such_layer(self) -> None:
        with pytest.raises(
            ModelError, match=r"'plan' to decompose is not in the network; did you mean 'plain'\?"
        ):
            tt_layers(_mixed(), ["plan"])

    def test_nothing_left(self) -> None:
        for layers in (None, []):
            with pytest.raises(ModelError, match=r"no layer is left to decompose"):
                tt_layers(nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 1)), layers)


def _mixed() -> nn.Module:
    net = nn.Module()
    convs = {
        "first": nn.Conv2d(4, 4, 3, padding=1),
        "plain": nn.Conv2d(4, 4, 3, padding=1),
        "narrow": nn.Conv2d(4, 4, 1),
        "tall": nn.Conv2d(4, 4, (3, 1), padding=(1, 0)),
        "strided": nn.Conv2d(4, 4, 3, padding=1, stride=2),
        "grouped": nn.Conv2d(4, 4, 3, padding=1, groups=2),
        "dilated": nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        "skips": nn.Conv2d(4, 4, 3, padding=1, stride=3),
        "uneven": nn.Conv2d(4, 4, 3, padding=1, stride=(2, 1)),
        "valid": nn.Conv2d(4, 4, 3),
        "wrapped": nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
        "same": nn.Conv2d(4, 4, 3, padding="same"),
        "grid": nn.Conv2d(4, 4, 3, padding=1),
        "made": nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3, padding=1)),
        "act": nn.ReLU(),
    }
    for name, module in convs.items():
        net.add_module(name, module)
    net.get_submodule("grid").weight_bits = 4  # pyright: ignore[reportArgumentType]
    return net
