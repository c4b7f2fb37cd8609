"""Workloads from shapes and rates: lists, tables, ready-made networks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from axbar.errors import DataError, UsageError
from axbar.workload import LayerShape, Workload, macs, shapes, trace


def test_layers_follow_each_other():
    workload = Workload.from_layers(
        [
            LayerShape(3, 8, in_size=(8, 6), steps=1, bits=8, rate=0.5),
            {
                "in_channels": 8,
                "out_channels": 8,
                "in_size": 8,
                "stride": 2,
                "groups": 8,
                "name": "deep",
                "rate": 0.1,
            },
            {"in_channels": 128, "out_channels": 10, "op": "linear", "neuron": False, "rate": 0.3},
        ],
        steps=4,
        name="mine",
    )
    assert [(layer.name, layer.inputs) for layer in workload.layers] == [
        ("layer1", ("input",)),
        ("layer1.neuron", ("layer1",)),
        ("deep", ("layer1.neuron",)),
        ("deep.neuron", ("deep",)),
        ("layer3", ("deep.neuron",)),
    ]
    first, deep = workload.layer("layer1"), workload.layer("deep")
    assert (first.geometry.out_shape, first.steps, first.operands[0].coding) == ((8, 8, 6), (0,), "real")
    assert (deep.geometry.out_shape, deep.geometry.fan_in, len(deep.steps)) == ((8, 4, 4), 9, 4)
    assert (workload.name, workload.steps, workload.samples, workload.spikes_of) == ("mine", 4, 0, "assumed")
    assert first.weight is None and first.operands[0].words is None  # not recorded
    assert workload.layer("layer1.neuron").output.rate == 0.1
    assert workload.layer("deep.neuron").output.rate == 0.3


def test_branches_are_named():
    base = {"in_channels": 4, "out_channels": 4, "in_size": 4}
    workload = Workload.from_layers(
        [{**base, "name": "a"}, {**base, "name": "b"}, {**base, "name": "c", "inputs": ("a", "b")}]
    )
    assert workload.layer("c").inputs == ("a.neuron", "b.neuron")
    assert workload.layer("c.neuron").output.rate is None


@pytest.mark.parametrize(
    "change, words",
    [
        ({"in_chanels": 3}, "layer 1: unknown column 'in_chanels'; did you mean 'in_channels'"),
        ({"op": "conv"}, "layer 1: unknown op 'conv'; did you mean 'conv2d'"),
        ({"in_channels": 0}, "layer 1: in_channels is 0; allowed: whole numbers from 1"),
        ({"kernel": (3, -1)}, "kernel is .3, -1.; allowed"),
        ({"kernel": (3, 3, 3)}, "give one number, or rows and columns"),
        ({"stride": 0}, "stride is 0"),
        ({"stride": 1.5}, "stride is 1.5"),
        ({"rate": 1.2}, "rate is 1.2; allowed: 0 to 1"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"rate": "often"}, "rate is 'often'"),
        ({"groups": 2}, "groups is 2, which does not divide in_channels 3"),
        ({"op": "linear", "groups": 3, "out_channels": 3}, "a linear layer has none"),
        ({"in_size": 2, "padding": 0}, "a kernel of 3x3 does not fit an input of 2x2"),
        ({"steps": 65}, "steps is 65; allowed: whole numbers from 1 to 64"),
        ({"steps": 5}, "steps is 5, more than the 4 steps"),
        ({"bits": 0}, "bits is 0"),
        ({"name": "input"}, "the name 'input' is taken"),
        ({"inputs": ("b",)}, "layer 1: unknown input 'b'"),
    ],
)
def test_wrong_layers_are_named(change, words):
    with pytest.raises(DataError, match=words):
        Workload.from_layers([{"in_channels": 3, "out_channels": 4, "in_size": 8, **change}], steps=4)


def test_missing_and_doubled_layers():
    with pytest.raises(DataError, match="at least one layer"):
        Workload.from_layers([])
    with pytest.raises(DataError, match="layer 1: 'out_channels' is missing"):
        Workload.from_layers([{"in_channels": 3}])
    with pytest.raises(DataError, match="layer 2: the name 'a' is taken"):
        Workload.from_layers([LayerShape(3, 3, "a", in_size=4)] * 2)


TABLE = """# my network
name,op,in_channels,out_channels,in_size,kernel,padding,rate,steps,bits,neuron,inputs

conv1,conv2d,3,16,32x28,3,1,0.5,1,8,yes,
conv2,conv2d,16,32,16x14,3x1,1x0,0.2,4,,,conv1
fc,linear,64,10,,,,0.1,4,1,no,conv2+conv1
"""


def test_tables(tmp_path):
    path = tmp_path / "net.csv"
    path.write_text(TABLE, encoding="utf-8-sig")
    workload = Workload.from_csv(path)
    assert (workload.name, workload.steps) == ("net", 4)
    second = workload.layer("conv2").geometry
    assert (second.kernel, second.padding, second.out_shape) == ((3, 1), (1, 0), (32, 16, 14))
    assert workload.layer("fc").inputs == ("conv2.neuron", "conv1.neuron")
    assert [layer.name for layer in workload.neurons] == ["conv1.neuron", "conv2.neuron"]


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("rate,", "ratte,", r"net.csv:2: unknown column 'ratte'; did you mean 'rate'"),
        ("padding,rate", "padding,padding", "net.csv:2: the column 'padding' is given twice"),
        ("0.2,4", "1.2,4", "net.csv:5: rate is 1.2; allowed: 0 to 1"),
        ("0.2,4", "lots,4", "net.csv:5: rate is 'lots'; allowed: a number"),
        (",16,32,16x14", ",-16,32,16x14", "net.csv:5: in_channels is -16"),
        (",16,32,16x14", ",,32,16x14", "net.csv:5: 'in_channels' is missing"),
        (",16,32,16x14", ",16x2,32,16x14", "net.csv:5: in_channels is '16x2'; allowed: one number"),
        ("16x14", "16x14x2", "net.csv:5: in_size is '16x14x2'; allowed: one number, or rows x columns"),
        ("3x1,1x0", "9x9,0x0", "net.csv:5: a kernel of 9x9 does not fit an input of 8x7"),
        ("3x1", "3.5", "net.csv:5: kernel is '3.5'; allowed: a whole number"),
        ("1,no,", "1,perhaps,", "net.csv:6: neuron is 'perhaps'; allowed: yes, no"),
        ("conv2+conv1", "conv3", "net.csv:6: unknown input 'conv3'; did you mean 'conv2'"),
        ("conv2+conv1", "conv1,extra", "net.csv:6: 13 cells, but there are 12 columns"),
        ("conv2,conv2d", "conv1,conv2d", "net.csv:5: the name 'conv1' is taken"),
    ],
)
def test_wrong_tables_name_the_line(tmp_path, old, new, words):
    path = tmp_path / "net.csv"
    text = TABLE.replace(old, new, 1)
    if "9x9" in new:
        text = text.replace("16x14", "8x7")
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        Workload.from_csv(path)


def test_tables_that_are_none(tmp_path):
    with pytest.raises(UsageError, match="there is no table"):
        Workload.from_csv(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("name,in_channels\n")
    with pytest.raises(DataError, match="holds no layers"):
        Workload.from_csv(tmp_path / "empty.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match="can't read the table"):
        Workload.from_csv(tmp_path / "binary.csv")


@pytest.mark.parametrize("name", sorted(shapes.TABLE.keys() - {"deit-s", "vit-b16", "vit-tiny"}))
def test_ready_made_shapes_are_those_of_the_networks(name):
    nn = pytest.importorskip("axbar.nn")
    size = (1, 28, 28) if name == "cnn" else (3, 32, 32)
    net = nn.build_model(f"spiking-{name}", width=8, steps=3, input_shape=size, classes=7)
    traced = trace(net, torch.rand(1, *size))
    assumed = shapes.TABLE[name](width=8, steps=3, input_shape=size, classes=7)
    expected = [(layer.op, layer.geometry, len(layer.steps)) for layer in traced.matmuls]
    got = [(layer.op, layer.geometry, len(layer.steps)) for layer in assumed.matmuls]
    assert sorted(map(str, got)) == sorted(map(str, expected))
    assert len(assumed.neurons) == len(traced.neurons)


def test_full_vgg9():
    workload = shapes.vgg9()
    assert (
        sum(macs(layer) for layer in workload.matmuls)
        == 4
        * (
            9 * (64 * 64 * 1024 + (64 * 128 + 128 * 128) * 256 + (128 * 256 + 2 * 256 * 256) * 64)
            + 4096 * 1024
            + 10240
        )
        + 9 * 3 * 64 * 1024
    )
    assert workload.layer("conv1").steps == (0,) and workload.steps == 4
    assert np.isclose(workload.layer("conv2").operands[0].rate, 0.15)


def test_small_images_are_not_pooled_away():
    assert shapes.vgg16(input_shape=(1, 8, 8), width=8).layer("fc1").geometry.in_shape == (64,)


def test_wrong_arguments():
    with pytest.raises(UsageError, match="shape 'vgg9' takes a width of at least 1"):
        shapes.vgg9(width=0)
    with pytest.raises(UsageError, match="channels, rows, columns"):
        shapes.resnet19(input_shape=(32, 32))
    with pytest.raises(DataError, match="rate is 2"):
        shapes.vgg9(rate=2)


def test_no_torch_is_imported():
    code = (
        "import sys, axbar.workload as w; w.shapes.vgg9().summary(); w.Workload.from_layers([w.LayerShape(1, "
        "1)]);"
        "assert 'torch' not in sys.modules, 'torch'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
