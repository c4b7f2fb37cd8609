"""What users get wrong: one clear sentence, the right exit code, no traceback, nothing half-written."""

from __future__ import annotations

import gzip
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest


def one_sentence(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert done.returncode == code, (done.returncode, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, done.stderr
    for part in parts:
        assert part in done.stderr, f"'{part}' not in: {done.stderr}"


def test_misspelt_preset(axbar) -> None:
    one_sentence(
        axbar("estimate", "vgg9", "-H", "imc-rram-65mn"), 2, "imc-rram-65mn", "did you mean 'imc-rram-65nm'"
    )


def test_misspelt_path(axbar) -> None:
    one_sentence(axbar("estimate", "vgg9", "--set", "adc.bit=4"), 2, "adc.bit", "did you mean 'adc.bits'")


def test_value_out_of_range_on_the_command_line(axbar) -> None:
    one_sentence(axbar("estimate", "vgg9", "--set", "adc.bits=40"), 2, "adc.bits", "40", "12")


def test_sweep_out_of_range(axbar) -> None:
    one_sentence(axbar("estimate", "vgg9", "--sweep", "adc.bits=10:20"), 2, "adc.bits", "12")


def test_yaml_with_a_misspelt_key_and_a_wrong_value(axbar, tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text("extends: imc-rram-65nm\nname: c\nadc:\n  bist: 4\n")
    one_sentence(axbar("estimate", "vgg9", "-H", "chip.yaml"), 1, "chip.yaml:4", "bist", "bits")
    (tmp_path / "chip.yaml").write_text("extends: imc-rram-65nm\nname: c\nadc:\n  bits: 40\n")
    one_sentence(axbar("estimate", "vgg9", "-H", "chip.yaml"), 1, "chip.yaml:4", "adc.bits", "40", "12")


def test_g_on_not_above_g_off(axbar, tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text(
        "extends: imc-rram-65nm\nname: c\ndevice: {name: rram-neurram, g_on_S: 1 uS, g_off_S: 2 uS}\n"
    )
    one_sentence(axbar("estimate", "vgg9", "-H", "chip.yaml"), 1, "chip.yaml:3", "g_on_S", "g_off_S")


def test_truncated_idx(axbar, trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for part in ("train", "t10k"):
        images = struct.pack(">IIII", 0x803, 10, 28, 28) + bytes(28 * 28 * 4)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 10) + bytes(10))
    one_sentence(
        axbar("evaluate", str(trained), "--data", "data"), 1, "idx3-ubyte", "cut short", "7856", "3152"
    )


def test_images_of_the_wrong_size(axbar, trained: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((100, 3, 32, 32), np.uint8), y=np.arange(100) % 10)
    one_sentence(axbar("evaluate", str(trained), "--data", "d.npz"), 1, "3x32x32", "1x28x28")


def test_nan_weights(axbar, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from axbar.nn import build_model

    state = {
        k: v.clone().contiguous()
        for k, v in build_model("spiking-cnn", width=8, steps=2).state_dict().items()
    }
    name = next(k for k in state if k.endswith("weight"))
    state[name].view(-1)[0] = float("nan")
    save_file(state, str(tmp_path / "w.safetensors"))
    done = axbar(
        "evaluate",
        "spiking-cnn",
        "--config",
        "width=8",
        "--data",
        "fashion-mnist-small",
        "--weights",
        "w.safetensors",
    )
    one_sentence(done, 1, name, "NaN")


class Bomb:
    def __reduce__(self):
        return (os.system, ("touch exploded",))


def test_a_pt_file_that_wants_to_run_code(axbar, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(pickle.dumps(Bomb()))
    done = axbar("evaluate", "spiking-cnn", "--data", "fashion-mnist-small", "--weights", "w.pt")
    one_sentence(done, 1, "w.pt")
    assert not (tmp_path / "exploded").exists()


def test_an_unsupported_layer_is_named(axbar, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n"
        "class Net(nn.Module):\n"
        "    input_shape = (1, 28, 28)\n    classes = 10\n"
        "    def __init__(self):\n        super().__init__()\n        self.rnn = nn.LSTM(28, 10, batch_first=True)\n"
        "    def forward(self, x):\n        return self.rnn(x[:, 0])[0][:, -1]\n"
        "def net():\n    return Net()\n"
    )
    done = axbar("evaluate", "net.py:net", "--data", "fashion-mnist-small", "--images", "20")
    one_sentence(done, 1, "rnn", "lstm")


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("setting", "code", "parts"),
    [
        ("wires.r_row_ohm=-1", 2, ("wires.r_row_ohm", "-1", "0 ohm")),
        ("wires.r_col_ohm=nan", 2, ("wires.r_col_ohm", "nan")),
        ("device.g_on_S=500 uS", 1, ("500 µS", "beyond the device's range", "1.00 µS to 40.0 µS")),
        ("device.age_s=0.5", 1, ("0.5 s", "'rram-neurram' at 1 s", "raise device.age_s")),
        ("device.stuck_on=1.5", 2, ("device.stuck_on", "1.5", "0..1")),
    ],
)
def test_physics_that_no_device_has(
    axbar, trained: Path, setting: str, code: int, parts: tuple[str, ...]
) -> None:
    words = ("evaluate", str(trained), "--data", "fashion-mnist-small", "--chips", "1", "--images", "20")
    one_sentence(axbar(*words, "--set", setting), code, *parts)


def test_norm_techniques_need_norms(axbar, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\n\ndef net():\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))\n"
    )
    words = ("evaluate", "net.py:net", "--data", "fashion-mnist-small", "--chips", "1", "--images", "20")
    one_sentence(axbar(*words, "--technique", "bn-adapt"), 2, "no batch norm", "drift-compensate")


def test_unwritable_output_folder(axbar, trained: Path) -> None:
    words = ("evaluate", str(trained), "--data", "fashion-mnist-small", "--chips", "0", "--images", "10")
    one_sentence(axbar(*words, "--out", "/proc/nowhere"), 1, "/proc/nowhere", "--out")


def test_unknown_technique_and_setting(axbar, trained: Path) -> None:
    words = ("evaluate", str(trained), "--data", "fashion-mnist-small", "--images", "10", "--technique")
    one_sentence(axbar(*words, "clip-weigths"), 2, "did you mean 'clip-weights'")
    one_sentence(axbar(*words, "clip-weights:sgima=2"), 2, "sgima", "sigma")


def test_ctrl_c_while_training_leaves_a_whole_checkpoint_or_none(tmp_path: Path) -> None:
    words = [
        "train",
        "spiking-cnn",
        "--data",
        "fashion-mnist-small",
        "--config",
        "width=4",
        "--config",
        "steps=1",
        "--epochs",
        "50",
    ]
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-m", "axbar", *words, "--out", "run"],
        cwd=tmp_path,
        # shells start background jobs with this signal ignored, which children would inherit
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "run").exists() or not any((tmp_path / "run").rglob("*.safetensors")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        _, stderr = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # says where it hangs
        stderr = "still running after a minute: " + process.communicate()[1]
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr and "Ctrl-C" in stderr
    from axbar.nn import load_network

    assert load_network(str(tmp_path / "run")).steps == 1
    assert not [p for p in (tmp_path / "run").rglob("*") if p.name.startswith(".") or p.suffix == ".tmp"]


def test_a_network_that_breaks_on_the_data_or_does_not_build(axbar, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def small():\n    return nn.Sequential(nn.Flatten(), nn.Linear(100, 10))\n"
        "def seven():\n    return nn.Sequential(nn.Flatten(), nn.Linear(784, 7))\n"
        "def crash():\n    raise RuntimeError('boom')\n"
    )
    words = ("--data", "fashion-mnist-small", "--images", "10", "--chips", "0")
    one_sentence(axbar("evaluate", "net.py:small", *words), 1, "module '1'")
    one_sentence(axbar("evaluate", "net.py:seven", *words), 1, "7 outputs", "10 classes")
    one_sentence(axbar("evaluate", "net.py:crash", *words), 1, "net.py:crash", "RuntimeError: boom")
    one_sentence(axbar("evaluate", "net.py:smal", *words), 2, "did you mean 'small'")


def test_a_product_that_can_be_priced_but_not_programmed_is_refused(axbar, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.w = nn.Parameter(torch.rand(10, 784) - 0.5)\n"
        "    def forward(self, x):\n        return F.linear(x.flatten(1), self.w)\n"
        "def net():\n    return Net()\n"
    )
    done = axbar("evaluate", "net.py:net", "--data", "fashion-mnist-small", "--images", "10")
    one_sentence(done, 1, "Conv2d or Linear")


def test_a_run_record_that_was_edited(axbar, tmp_path: Path) -> None:
    for text in ("[]", "{}", '{"format": 1, "arguments": []}', "not json"):
        (tmp_path / "run.json").write_text(text)
        one_sentence(axbar("rerun", "run.json"), 1, "run.json")


@pytest.mark.parametrize(
    "words",
    [
        ("train", "none.py:net", "--data", "fashion-mnist-small", "--out", "run"),
        ("trace", "spiking-cnn", "--data", "none.npz", "-o", "w.npz"),
        ("evaluate", "none/model.safetensors", "--data", "fashion-mnist-small"),
        ("evaluate", "spiking-cnn", "--data", "fashion-mnist-small", "--weights", "none.safetensors"),
        ("evaluate", "spiking-cnn", "--data", "fashion-mnist-small", "--hardware", "none.yaml"),
        ("estimate", "none.npz"),
        ("estimate", "none.csv"),
        ("explain", "adc.energy", "--workload", "none.npz"),
        ("explain", "adc.energy", "--hardware", "none.yaml"),
        ("export", "none"),
        ("export", "none.json"),
        ("rerun", "none"),
        ("rerun", "none.json"),
        ("show", "none.npz"),
        ("show", "none.yaml"),
        ("show", "none/run.json"),
        ("fit-device", "none.csv"),
        ("validate", "none.yaml", "--measured", "m.csv"),
        (
            "validate",
            str(Path(__file__).parents[2] / "examples" / "macro-chip.yaml"),
            "--measured",
            "none.csv",
        ),
        ("new", "chip", "my.yaml", "--preset", "none.yaml"),
    ],
    ids=" ".join,
)
def test_a_file_that_is_not_there_is_a_wrong_word_of_the_call(axbar, words: tuple[str, ...]) -> None:
    one_sentence(axbar(*words), 2, "none")


def test_words_of_estimate_that_contradict(axbar) -> None:
    one_sentence(axbar("estimate", "vgg9", "--csv", "x.csv"), 2, "--sweep")
    one_sentence(axbar("estimate", "vgg9", "--sweep", "adc.bits=3:4", "--sweep", "adc.bits=5"), 2, "twice")
    one_sentence(axbar("estimate", "vgg9", "--config", "step=4"), 2, "did you mean 'steps'")
