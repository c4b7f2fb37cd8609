"""``axbar simulate`` on raw tensors, and the kind ``sparse`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from axbar.cost.sparse import simulate


@pytest.fixture
def layer(tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, w = (rng.random((4, 20, 40)) < 0.3).astype(np.uint8), rng.integers(-3, 4, (40, 24))
    np.savez(tmp_path / "layer.npz", x=x, w=w)
    return x, w


def test_one_dataflow_as_json(axbar, layer) -> None:
    done = axbar("simulate", "layer.npz", "--fidelity", "published", "--pes", "8", "--json")
    assert done.returncode == 0, done.stderr
    expected = simulate(*layer, "loas", "published", 8).to_dict()
    assert json.loads(done.stdout) == {"file": "layer.npz", **expected}


def test_memory_is_shown_in_kibibytes(axbar, layer) -> None:
    head, row = axbar("simulate", "layer.npz").stdout.splitlines()[:2]
    assert head.endswith("DRAM KiB  SRAM KiB")
    assert float(row.split()[-2].replace(",", "")) == pytest.approx(
        simulate(*layer).dram_total_bits / 8 / 1024, abs=0.06
    )


def test_all_dataflows_as_a_table(axbar, layer) -> None:
    done = axbar("simulate", "layer.npz", "--dataflow", "all", "--fidelity", "join")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("loas-nmtk", "sparten", "gospa", "gamma", "ptb"))
    assert f"{simulate(*layer, 'gospa', 'join').cycles:,}" in done.stdout


def test_a_dataflow_that_refuses_is_left_out_of_all(axbar, layer) -> None:
    done = axbar("simulate", "layer.npz", "--dataflow", "all", "--pes", "10")
    assert done.returncode == 0 and "note: ptb is left out: pes is 10" in done.stdout, done.stderr
    done = axbar("simulate", "layer.npz", "--dataflow", "all", "--balance", "greedy", "--json")
    told = json.loads(done.stdout)
    assert [each["dataflow"] for each in told["results"]] == ["sparten", "ptb"] and len(told["skipped"]) == 4


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("nothing.npz",), 2, "there is no file 'nothing.npz'"),
        ((".",), 2, "'.' is a folder; give an .npz"),
        (("two.npz",), 1, "'two.npz': spikes hold other values than 0 and 1: x[0,1,2] = 2;"),
        (
            ("layer.npz", "--fidelity", "join", "--prefix", "two-fast"),
            2,
            "changes nothing at fidelity 'join'",
        ),
        (("other.npz",), 1, "holds no array 'x' (it holds y)"),
        (("text.npz",), 1, "no readable .npz file; an .npz with the arrays x and w is needed"),
        (("one.npy",), 1, "(.npy); an .npz with the arrays x and w is needed"),
        (("empty.npz",), 1, "no time step (T = 0)"),
        (("layer.npz", "--fidelity", "published", "--prefix", "three-fast"), 2, "prefix 'three-fast'"),
        (("layer.npz", "--dataflow", "all", "--fidelity", "published", "--balance", "greedy"), 2, "balance"),
        (("layer.npz", "--dataflow", "lo-as"), 2, "did you mean 'loas'"),
        (("layer.npz", "--fidelity", "exact"), 2, "unknown fidelity 'exact'"),
        (("layer.npz", "--balance", "greedy"), 2, "balance"),
    ],
)
def test_what_is_wrong_is_one_sentence(axbar, layer, tmp_path: Path, words, code: int, part: str) -> None:
    np.savez(tmp_path / "other.npz", y=np.zeros(3))
    (tmp_path / "text.npz").write_text("no archive")
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "empty.npz", x=np.zeros((0, 2, 3)), w=np.zeros((3, 2)))
    np.savez(tmp_path / "two.npz", x=2.0 * (np.arange(9) == 5).reshape(1, 3, 3), w=-np.eye(3))
    done = axbar("simulate", *words)
    assert done.returncode == code and done.stderr.count("error:") == 1 and part in done.stderr, done.stderr


def test_estimate_explain_and_show_take_the_kind(axbar) -> None:
    swept = axbar(
        "estimate",
        "cnn",
        "--config",
        "width=4",
        "-H",
        "loas",
        "--set",
        "fidelity=join",
        "--sweep",
        "pe.count=8,16,32",
    )
    assert swept.returncode == 0 and "least energy" in swept.stdout, swept.stderr
    told = axbar("explain", "prefix_sums", "-w", "cnn", "--config", "width=4", "-H", "loas")
    assert told.returncode == 0 and "51.8 % of a TPPE" in told.stdout
    assert "12-bit pseudo-accumulator" in axbar("show", "loas").stdout


def test_evaluate_measures_the_integer_network(axbar, trained: Path) -> None:
    done = axbar(
        "evaluate", str(trained), "--data", "fashion-mnist-small", "-H", "loas", "--images", "100", "--samples", "2",
        "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert 0.3 < told["accuracy"]["digital"] <= 1.0
