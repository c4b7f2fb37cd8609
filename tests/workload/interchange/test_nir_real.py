"""The two graphs of the NIR paper on real recordings: run, traced, mapped and costed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

import axbar
from axbar.errors import UsageError
from axbar.nn import IF, SynapticLIF
from axbar.workload import unpack

CHIPS = ("imc-rram-65nm", "sata", "loas")


def _shared(path: str) -> Path:
    folder = os.environ.get("AXBAR_DATA")
    file = Path(folder or ".") / path
    if not folder or not file.exists():
        pytest.skip(f"needs {path} under AXBAR_DATA")
    return file


def recordings(frames: int) -> tuple[torch.Tensor, np.ndarray]:
    """The 56 test recordings of N-MNIST as frames of equal time ``[B, T, 2, 34, 34]``, and their digits."""
    files = sorted(_shared("n-mnist/Test").glob("*/*.bin"))
    x = np.zeros((len(files), frames, 2, 34, 34), dtype=np.float32)
    for i, file in enumerate(files):
        raw = np.fromfile(file, dtype=np.uint8).reshape(-1, 5).astype(np.int64)
        t = (raw[:, 2] & 127) << 16 | raw[:, 3] << 8 | raw[:, 4]
        step = np.minimum((t - t[0]) * frames // (t[-1] - t[0] + 1), frames - 1)
        np.add.at(x[i], (step, raw[:, 2] >> 7, raw[:, 1], raw[:, 0]), 1.0)
    return torch.from_numpy(x), np.array([int(file.parent.name) for file in files])


def n_mnist() -> torch.nn.Module:
    return axbar.load_network(_shared("weights/nir_cnn_sinabs_nmnist.nir"), dt=1, reset="zero")


def braille(reset: str = "subtract_unleaked") -> torch.nn.Module:
    return axbar.load_network(
        _shared("weights/nir_braille_noDelay_noBias_subtract.nir"), dt=1e-4, reset=reset
    )


def taxels(samples: int = 8, steps: int = 60) -> torch.Tensor:
    """Rises of the taxel values by more than 2, ``[B, T, 12]``."""
    with np.load(_shared("braille/braille_taxel.npz")) as file:
        taxel, offsets = file["taxel"].astype(np.int64), file["offsets"]
    rows = [taxel[o : o + steps + 1] for o in offsets[: samples * 50 : 50]]
    return torch.from_numpy(np.stack([np.diff(row, axis=0) > 2 for row in rows]).astype(np.float32))


def test_the_n_mnist_network_classifies_real_recordings() -> None:
    x, digits = recordings(64)
    with torch.no_grad():
        right = (n_mnist()(x).mean(0).argmax(-1).numpy() == digits).mean()
    assert right > 0.94  # 55 of 56 when this was written


def test_the_n_mnist_network_is_traced_and_costed() -> None:
    network, (x, _) = n_mnist(), recordings(20)
    workload = axbar.trace(network, x[:4])
    assert [row.op for row in workload.matmuls] == ["conv2d"] * 3 + ["linear"] * 2
    assert workload.steps == 20 and all(isinstance(m, IF) for m in network.modules() if hasattr(m, "beta"))
    assert all(np.asarray(neuron.output.words).any() for neuron in workload.neurons)
    energies = [axbar.estimate(workload, chip) for chip in CHIPS]
    assert all(found.feasible[0] and found.total("energy_J")[0] > 0 for found in energies)


def test_the_recurrent_network_equals_the_loop_of_its_equations() -> None:
    network, x = braille(), taxels()
    fc1, rec, fc2 = (network.get_submodule(name).weight for name in ("fc1", "lif1_w_rec", "fc2"))
    first, second = network.lif1_lif, network.lif2
    assert isinstance(first, SynapticLIF)
    assert first.alpha == pytest.approx(0.75) and first.beta == pytest.approx(0.85, abs=1e-7)
    assert second.alpha == pytest.approx(0.45) and second.beta == pytest.approx(0.70, abs=1e-7)
    i1 = v1 = s1 = torch.zeros(len(x), 40)
    i2 = v2 = s2 = torch.zeros(len(x), 7)
    out = []
    with torch.no_grad():
        for x_t in x.unbind(1):
            i1 = 0.75 * i1 + x_t @ fc1.T + s1 @ rec.T
            v1 = 0.85 * v1 + i1 - s1
            s1 = (v1 > 1).float()
            i2 = 0.45 * i2 + s1 @ fc2.T
            v2 = 0.7 * v2 + i2 - s2
            s2 = (v2 > 1).float()
            out.append(s2)
        differ = (network(x) != torch.stack(out)).float().mean()
    assert torch.stack(out).mean() > 0.005
    assert differ < 2e-3  # potentials a rounding apart


def test_the_recurrent_network_is_traced_and_costed() -> None:
    workload = axbar.trace(braille(), taxels())
    assert [row.name for row in workload.matmuls] == ["fc1", "lif1_w_rec", "fc2"]
    spikes = unpack(workload.layer("lif1_lif").output.words, 60)
    np.testing.assert_array_equal(unpack(workload.layer("lif1_w_rec").operands[0].words, 59), spikes[:59])
    for chip in CHIPS:
        found = axbar.estimate(workload, chip)
        assert found.feasible[0] and found.total("energy_J")[0] > 0, chip


def test_both_need_what_their_files_do_not_say() -> None:
    for name in ("nir_cnn_sinabs_nmnist.nir", "nir_braille_noDelay_noBias_subtract.nir"):
        with pytest.raises(UsageError, match="pass dt="):
            axbar.load_network(_shared(f"weights/{name}"), reset="zero")
        with pytest.raises(UsageError, match="pass reset="):
            axbar.load_network(_shared(f"weights/{name}"), dt=1e-4)


def test_both_run_on_arrays() -> None:
    from axbar import load_hardware, to_analog

    spec = load_hardware("imc-rram-65nm")
    for network, x in ((braille(), taxels(4)), (n_mnist(), recordings(8)[0][:2])):
        with torch.no_grad():
            assert to_analog(network, spec, data=x)(x).shape == network(x).shape
