"""Bad files and missing facts: one sentence that names the node and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from nir_files import chain, cuba, ends, full, graph, lif, linear, node, one_layer, write

import axbar
from axbar.errors import AxbarError, DataError, ModelError, UsageError
from axbar.workload import read_workload


def net(path: Path, **nodes) -> Path:
    """Input of 2 -> the given nodes in their order -> output of 2."""
    return write(path, graph({**ends(2, 2), **nodes}, chain("input", *nodes, "output")))


def test_unknown_nodes_are_named(tmp_path: Path) -> None:
    path = net(tmp_path / "a.nir", fc=linear(np.eye(2)), pool=node("MaxPool2d", kernel_size=np.array([2, 2])))
    with pytest.raises(
        ModelError, match=r"node 'pool' is of the type 'MaxPool2d', .*did you mean 'SumPool2d'.*LIF"
    ):
        axbar.load_network(path)


def test_files_cut_short_or_foreign(tmp_path: Path) -> None:
    whole = net(tmp_path / "a.nir", fc=linear(np.eye(2)))
    for keep in (0, 100, 1500, whole.stat().st_size - 200):
        (tmp_path / "cut.nir").write_bytes(whole.read_bytes()[:keep])
        with pytest.raises(ModelError, match=r"cut.nir': can't be read: .*cut short, damaged, or no HDF5"):
            axbar.load_network(tmp_path / "cut.nir")
    with h5py.File(tmp_path / "other.nir", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(ModelError, match="without a group 'node', so no NIR graph"):
        axbar.load_network(tmp_path / "other.nir")
    with pytest.raises(UsageError, match=r"there is no NIR file '.*nowhere.nir'"):
        axbar.load_network(tmp_path / "nowhere.nir")


@pytest.mark.parametrize("start", range(0, 4000, 371))
def test_damaged_bytes_never_pass_as_something_else(tmp_path: Path, start: int) -> None:
    """A flipped region gives an error of ours, or a network, never a traceback of the reader."""
    content = bytearray(net(tmp_path / "a.nir", fc=linear(np.eye(2))).read_bytes())
    content[start : start + 16] = bytes(255 - b for b in content[start : start + 16])
    (tmp_path / "b.nir").write_bytes(content)
    try:
        axbar.load_network(tmp_path / "b.nir")
    except AxbarError as error:
        assert str(error).endswith((".", "?"))


def test_h5py_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = net(tmp_path / "a.nir", fc=linear(np.eye(2)))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModelError, match=r'pip install "axbar\[nir\]"'):
        axbar.load_network(path)


@pytest.mark.parametrize(
    "neuron, config, sentence",
    [
        (lif(2), {"reset": "zero"}, r"node 'fire' \(LIF\) lives in continuous time.*pass dt="),
        (lif(2), {"dt": 1.0}, "programs differ: pass reset='subtract'"),
        (lif(2), {"dt": 1.0, "reset": "hard"}, "unknown reset 'hard'"),
        (lif(2), {"dt": -1.0, "reset": "zero"}, r"dt = -1.0 is no length of a time step"),
        (lif(2), {"dt": float("nan"), "reset": "zero"}, r"dt = nan is no length"),
        (lif(2), {"dt": 1.0, "reset": "zero", "decay": "exact"}, "unknown decay 'exact'"),
        (lif(2), {"dt": 1.0, "reset": "zero", "strict": "yes"}, "strict = 'yes' is neither"),
        (lif(2), {"dt": 1.0, "reset": "zero", "steps": 0}, "steps = 0 is no number of time steps"),
        (lif(2), {"dt": 1.0, "rest": "zero"}, "unknown argument .*'rest'; did you mean 'reset'"),
        (node("Delay", delay=np.array([2.0])), {}, "waits 2 units of time.*pass dt="),
    ],
)
def test_what_the_caller_must_say(tmp_path: Path, neuron, config, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        axbar.load_network(one_layer(tmp_path / "a.nir", neuron, n=2), **config)


@pytest.mark.parametrize(
    "neuron, sentence",
    [
        (lif(2, tau=0.5), r"dt = 1 is longer than tau = 0.5 of node 'fire' \(LIF\).*decay='exponential'"),
        (lif(2, tau=-2.0), "has a tau of -2; give it one above 0"),
        (lif(2, r=0.0), "multiplies its input by 0"),
        (lif(2, threshold=0.0), "has a v_threshold of 0"),
        (lif(2, tau=np.nan), "has a tau that is empty, NaN or infinite"),
        (cuba(2, v_leak=0.1), "has v_leak = 0.1; only neurons that rest at and return to 0"),
        ({**lif(2), "v_reset": np.full(2, -0.5)}, "has v_reset = -0.5"),
        (node("Threshold", threshold=np.array([0.0])), "has a threshold of 0"),
        (node("Delay", delay=np.array([1.5])), "waits 1.5, which is 1.5 steps of dt = 1"),
        (node("Delay", delay=np.array([-1.0])), "waits -1"),
        (lif(3), r"is made for shape \[3\] \('r'\), but gets \[2\]"),
        (node("LIF", **full((2,), tau=2.0, r=2.0, v_leak=0.0)), "lacks 'v_threshold'"),
        (linear(np.zeros((2, 5))), r"does not take what reaches it, shape \[2\]"),
        (linear(np.zeros(4)), "has a weight of shape"),
        (node("Affine", weight=np.eye(2), bias=np.ones(5)), "has 5 biases for 2 outputs"),
        (node("Linear", weight="none"), "has a weight that is no number"),
        (node("Linear", weight=np.full((2, 2), np.inf)), "NaN or infinite"),
        (node("Scale", scale=np.ones(3)), r"constants of shape \[3\], but gets \[2\]"),
        (linear(np.ones((3, 2))), r"node 'output' \(Output\) is made for shape \[2\]"),
    ],
)
def test_bad_nodes_are_named(tmp_path: Path, neuron, sentence: str) -> None:
    with pytest.raises(ModelError, match=rf"a.nir': .*{sentence}"):
        axbar.load_network(one_layer(tmp_path / "a.nir", neuron, n=2), dt=1.0, reset="zero")


@pytest.mark.parametrize(
    "key, value, sentence",
    [
        ("dt", 2.0, r"written for dt = 2, not 1; leave dt out"),
        ("dt", -1.0, "say dt = -1, which is no time step"),
        ("dt", "fast", r"say dt = 'fast', which is no finite number"),
        ("reset", "hard", r"name a reset 'hard'; known are subtract"),
        ("reset", "subtract", "written with reset = 'subtract', not 'zero'"),
        ("beta", 0.9, "say beta = 0.9, but its time constants and dt give 0.5"),
        ("beta", np.array([0.5, 0.4]), "say beta = 0.5, but"),
        ("input_scale", 2.0, "say input_scale = 2, but"),
        ("compare", "=", "say compare = '='; known are"),
    ],
)
def test_wrong_metadata_are_refused(tmp_path: Path, key: str, value, sentence: str) -> None:
    path = one_layer(tmp_path / "a.nir", lif(2, metadata={key: value}), n=2)
    with pytest.raises(ModelError, match=sentence):
        axbar.load_network(path, dt=1.0, reset="zero")


@pytest.mark.parametrize("key, value", [("beta", 0.5), ("input_scale", 1.0)])
def test_a_decay_that_the_metadata_contradict_is_named(tmp_path: Path, key: str, value: float) -> None:
    path = one_layer(tmp_path / "a.nir", lif(2, metadata={key: value}), n=2)
    told = rf"'fire' \(LIF\) say {key} = {value:g}, which .*decay='euler', and with 'exponential' .*without decay="
    with pytest.raises(ModelError, match=told):
        axbar.load_network(path, dt=1.0, reset="zero", decay="exponential")
    assert axbar.load_network(path, dt=1.0, reset="zero").classes == 2


def test_metadata_of_an_exponential_decay_ask_for_it(tmp_path: Path) -> None:
    path = one_layer(tmp_path / "a.nir", lif(2, r=1.0, metadata={"beta": np.exp(-0.5)}), n=2)
    with pytest.raises(ModelError, match=r"with 'euler' 0.5; pass decay='exponential'\.$"):
        axbar.load_network(path, dt=1.0, reset="zero")
    assert axbar.load_network(path, dt=1.0, reset="zero", decay="exponential").classes == 2


def test_metadata_of_others_do_not_matter(tmp_path: Path) -> None:
    more = {"author": "someone", "layer": 3, "nested": {"dt": 7.0}}
    path = one_layer(tmp_path / "a.nir", lif(2, metadata=more), n=2, tool="another")
    assert axbar.load_network(path, dt=1.0, reset="zero").classes == 2


def test_metadata_that_contradict_each_other(tmp_path: Path) -> None:
    path = one_layer(tmp_path / "a.nir", lif(2, metadata={"dt": 0.5}), n=2, dt=1.0)
    with pytest.raises(ModelError, match=r"dt = 1 \(the graph\) and dt = 0.5 \(node 'fire' \(LIF\)\)"):
        axbar.load_network(path, reset="zero")


@pytest.mark.parametrize(
    "edges, sentence",
    [
        (
            [("input", "fc"), ("fc", "outptu")],
            "names a node 'outptu' that is not there; did you mean 'output'",
        ),
        ([("input", "output")], r"node 'fc' \(Linear\) is not reached from the input"),
        ([("input", "fc"), ("input", "output")], r"node 'fc' \(Linear\) does not lead to the output"),
        ([*chain("input", "fc", "output"), ("fc", "input")], "leads into the input"),
        ([*chain("input", "fc", "output"), ("output", "fc")], "leads out of the output"),
        ([], "is not reached from the input"),
    ],
)
def test_bad_edges_are_named(tmp_path: Path, edges, sentence: str) -> None:
    path = write(tmp_path / "a.nir", graph({**ends(2, 2), "fc": linear(np.eye(2))}, edges))
    with pytest.raises(ModelError, match=sentence):
        axbar.load_network(path)


def test_sums_of_unequal_shapes_and_several_inputs(tmp_path: Path) -> None:
    nodes = {**ends(2, 2), "a": linear(np.ones((2, 2))), "b": linear(np.ones((3, 2))), "s": node("Identity")}
    edges = [("input", "a"), ("input", "b"), ("a", "s"), ("b", "s"), ("s", "output")]
    with pytest.raises(
        ModelError, match=r"node 's' \(Identity\) gets values of different shapes, \[2\] from 'a' and"
    ):
        axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)))
    two = {**ends(2, 2), "more": node("Input", shape=np.array([2]))}
    with pytest.raises(ModelError, match=r"has 2 nodes of the type Input \(input, more\)"):
        axbar.load_network(write(tmp_path / "b.nir", graph(two, [("input", "output"), ("more", "output")])))


@pytest.mark.parametrize(
    "shape, sentence",
    [
        ((3, 2), "has no time axis; give a sequence"),
        ((3, 4, 5), "samples first"),
        ((3, 0, 2), "does not fit"),
        ((3, 4, 2, 2), "samples first"),
    ],
)
def test_inputs_of_the_wrong_shape(tmp_path: Path, shape, sentence: str) -> None:
    network = axbar.load_network(net(tmp_path / "a.nir", fc=linear(np.eye(2))))
    with pytest.raises(DataError, match=sentence):
        network(torch.zeros(shape))
    fixed = axbar.load_network(tmp_path / "a.nir", steps=3)
    with pytest.raises(DataError, match="holds 4 steps, but the network was loaded for steps = 3"):
        fixed(torch.zeros(1, 4, 2))


def test_a_graph_is_no_workload(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="record them with 'axbar trace"):
        read_workload(str(net(tmp_path / "a.nir", fc=linear(np.eye(2)))))
