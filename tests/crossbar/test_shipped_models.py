"""Networks that ship, on chips that ship; and arrays counted as the cost model counts them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from chips import chip

from axbar.cost.imc._mapping import map_layers
from axbar.crossbar import AnalogLayer, digital, to_analog
from axbar.nn import build_model
from axbar.spec import ideal, load_hardware, preset_names
from axbar.workload import trace


def network(name: str = "spiking-cnn", **config: object) -> torch.nn.Module:
    torch.manual_seed(0)
    model = build_model(name, width=4, input_shape=(1, 16, 16), classes=5, **config).eval()
    for module in model.modules():  # statistics as after training, so that folding is not the identity
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.3)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.05, 0.3)
    return model


def batch(n: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (n, 1, 16, 16), generator=generator).float() / 255


@pytest.mark.parametrize("name", [name for name in preset_names() if load_hardware(name).kind == "imc"])
def test_every_preset_runs_a_spiking_network(name: str) -> None:
    hardware, model, x = load_hardware(name), network(), batch()
    with torch.no_grad():
        analog = to_analog(model, hardware, seed=1, data=x)
        assert analog(x).shape == (4, 6, 5)
        assert analog.unconverted == ()
        exact = digital(model, hardware, x)(x)
        assert torch.equal(to_analog(model, ideal(hardware), data=x)(x), exact)
        assert exact.std() > 0


def test_digital_with_eight_bits_answers_as_the_float_network() -> None:
    model, x = network("cnn"), batch(32)
    spec = chip({"crossbar.weight_bits": 8})
    with torch.no_grad():
        same = digital(model, spec, x)(x).mean(0).argmax(-1) == model(x).mean(0).argmax(-1)
    assert same.float().mean() > 0.9


def test_residual_network_keeps_its_additions() -> None:
    model, x = network("resnet20"), batch(3)
    with torch.no_grad():
        exact = digital(model, chip({"crossbar.weight_bits": 8}), x)(x)
        assert (exact - model(x)).abs().max() < 0.15 * model(x).abs().max()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"crossbar.rows": 16, "crossbar.cols": 24},
        {"crossbar.cell_bits": 1, "crossbar.rows": 256},
        {"mapping.layout": "kernel_split"},
        {"mapping.layout": "kernel_split", "crossbar.rows": 16, "crossbar.cols": 24},
    ],
)
def test_arrays_are_those_that_the_cost_model_counts(changes: dict) -> None:
    spec, x = chip(changes), batch(2)

    class Mixed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.plain = torch.nn.Conv2d(1, 24, 3, padding=1)
            self.depthwise = torch.nn.Conv2d(24, 24, 3, groups=24)
            self.grouped = torch.nn.Conv2d(24, 36, 3, stride=2, groups=3)
            self.fc = torch.nn.Linear(36 * 6 * 6, 11)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(torch.relu(self.grouped(self.depthwise(self.plain(x)))).flatten(1))[None]

    model = Mixed().eval()
    workload = trace(model, x)
    layers = [layer for layer in workload.layers if layer.weight is not None]
    layout = map_layers(layers, spec)
    analog = to_analog(model, spec, data=x)
    mine = {p: layer.mapping for p, layer in analog.chip_layers.items() if isinstance(layer, AnalogLayer)}
    assert [layer.name for layer in layers] == list(mine)
    assert layout.arrays.tolist() == [m.n_arrays for m in mine.values()]
    assert (layout.row_tiles * np.ceil(layout.groups / layout.pack) * layout.col_tiles).tolist() == [
        m.row_tiles * m.bundles * m.col_tiles for m in mine.values()
    ]
    assert layout.rows_used.tolist() == [m.used_rows for m in mine.values()]
    assert layout.cols_used.tolist() == [m.used_outs * m.slices * 2 for m in mine.values()]


def test_the_weights_on_the_chip_are_those_that_the_cost_model_counts() -> None:
    """Both fold the norms and quantise alike."""
    from axbar.devices import quantise

    model, x = network(), batch(2)
    exact = digital(model, chip(), x)
    traced = {layer.name: layer.weight for layer in trace(model, x).layers if layer.weight is not None}
    assert list(traced) == list(exact.chip_layers)
    for path, layer in exact.chip_layers.items():
        codes, scale = quantise(traced[path], 4)
        assert np.allclose(codes.reshape(len(codes), -1) * scale, layer.effective_weight(), atol=1e-7)
