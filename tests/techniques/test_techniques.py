"""The Technique protocol and the two techniques that ship."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from axbar import registry
from axbar.crossbar import digital, to_analog
from axbar.errors import UsageError
from axbar.nn import LIF, Attention
from axbar.nn.ttfs import FirstSpike
from axbar.spec import load_hardware
from axbar.techniques import Technique, TechniqueConfig, TechniqueResult, get_technique, parse_technique

BASE = {
    "crossbar.rows": 16,
    "crossbar.cols": 16,
    "crossbar.weight_bits": 4,
    "crossbar.cell_bits": 2,
    "adc.bits": 5,
}


def chip(**changes: object):
    return load_hardware("imc-rram-65nm").replace({**BASE, **changes})


@dataclass
class Part:
    x: np.ndarray
    y: np.ndarray
    taken: int = 0

    def images(self, index: slice | np.ndarray) -> np.ndarray:
        self.taken = len(self.x[index])
        return self.x[index]

    def labels(self, index: slice | np.ndarray) -> np.ndarray:
        return self.y[index]


class Tuning:
    """A data set without test images."""

    def __init__(self) -> None:
        x = np.random.default_rng(0).random((300, 1, 6, 6)).astype(np.float32)
        y = np.arange(300) % 5
        self.train, self.calibration = Part(x[:200], y[:200]), Part(x[200:], y[200:])


CALIBRATION = torch.from_numpy(Tuning().calibration.x)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 5))


class Spiking(nn.Module):
    """A convolution with a norm, two steps of neurons, a pool, a classifier: every technique has something to do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm, self.lif = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), LIF()
        self.pool, self.fc = nn.AvgPool2d(2), nn.Linear(32, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        current = self.norm(self.conv(x)).expand(2, -1, -1, -1, -1)
        pooled = self.pool(self.lif(current).flatten(0, 1))
        return self.fc(pooled.flatten(1)).unflatten(0, (2, -1))


class Deeper(Spiking):
    """The same with a convolution that reads spikes."""

    def __init__(self) -> None:
        super().__init__()
        self.second, self.lif2 = nn.Conv2d(8, 8, 3, padding=1), LIF()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        current = self.norm(self.conv(x)).expand(2, -1, -1, -1, -1)
        current = self.second(self.lif(current).flatten(0, 1)).unflatten(0, (2, -1))
        return self.fc(self.pool(self.lif2(current).flatten(0, 1)).flatten(1)).unflatten(0, (2, -1))


class Attending(nn.Module):
    """Rows of the image attend to each other."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention, self.fc = Attention(6, 2), nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.attention(x[:, 0]).mean(1))


class Normed(nn.Module):
    """One layer and a layer norm behind it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc1, self.norm, self.fc = nn.Linear(36, 8), nn.LayerNorm(8), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.norm(self.fc1(x.flatten(1))).relu())


class Timed(nn.Module):
    """First spikes of the image, one layer and its first spikes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encode, self.fc1, self.neuron = FirstSpike(1.0), nn.Linear(36, 8), FirstSpike(20.0)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.neuron(self.fc1(self.encode(x).flatten(1))))


class Smooth(nn.Module):
    """A convolution, an activation and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.act, self.fc = nn.Conv2d(1, 8, 3), nn.SiLU(), nn.Linear(128, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.act(self.conv(x)).flatten(1))


#: techniques that find nothing to do in the smaller network
MODELS: dict[str, type[nn.Module]] = {
    "tensor-train": Deeper,
    "clipformer": Attending,
    "fit-windows": Timed,
    "ln-finetune": Normed,
    "to-spikes": Smooth,
    "variation-aware": Attending,
}
#: techniques that find nothing to do on the smaller chip
CHIPS: dict[str, dict[str, object]] = {
    name: {"run_time.unit": "nvm"} for name in ("clipformer", "variation-aware")
}


@pytest.mark.parametrize("name", registry.names("techniques"))
def test_every_technique_fits_the_protocol(name: str) -> None:
    technique = get_technique(name)
    assert isinstance(technique, Technique) and technique.name == name
    assert technique.stage in ("network", "chip")
    assert issubclass(technique.Config, TechniqueConfig)
    for field in technique.Config.model_fields.values():
        assert field.description
    assert technique.Config() == technique.Config()  # all settings have a default
    model, spec = MODELS.get(name, Spiking)().eval(), chip(**CHIPS.get(name, {}))
    target = model if technique.stage == "network" else to_analog(model, spec, data=CALIBRATION, norms="keep")
    before = {k: v.clone() for k, v in target.state_dict().items()}
    result = technique.apply(target, spec, Tuning(), technique.Config())
    assert isinstance(result, TechniqueResult) and result.target is not target
    assert {"seconds", "images", "writes", "settings"} <= set(result.cost)
    assert all(torch.equal(target.state_dict()[k], before[k]) for k in before)


class TestParse:
    def test_defaults_and_settings(self) -> None:
        technique, config = parse_technique("clip-weights")
        assert technique.name == "clip-weights" and config.model_dump() == {"sigma": 2.5}
        _, config = parse_technique(" adc-recalibrate : method=mse , images=8 ")
        assert config.model_dump() == {"method": "mse", "percentile": 99.9, "images": 8}

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("clip-weight", "unknown technique 'clip-weight'; did you mean 'clip-weights'"),
            ("clip-weights:sigm=2", "'sigm'; did you mean 'sigma'"),
            ("clip-weights:sigma", "can't read 'sigma'; write key=value"),
            ("clip-weights:sigma=", "can't read 'sigma='"),
            ("clip-weights:sigma=2,sigma=3", "'sigma' twice"),
            (
                "clip-weights:sigma=0.1",
                r"sigma = '0.1' is refused: give a number, 0\.5\.\.10",
            ),
            ("clip-weights:sigma=wide", "sigma = 'wide' is refused"),
            ("adc-recalibrate:method=mean", "'mean' is refused.*'max', 'percentile' or 'mse'"),
            ("adc-recalibrate:images=0", "images = '0' is refused"),
        ],
    )
    def test_mistakes(self, text: str, words: str) -> None:
        with pytest.raises(UsageError, match=words):
            parse_technique(text)

    def test_an_object_that_is_no_technique(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry, "get", lambda group, name: object())
        with pytest.raises(UsageError, match="without name, stage, Config and apply"):
            get_technique("odd")


class TestClipWeights:
    def test_clips_at_n_standard_deviations_layer_by_layer(self) -> None:
        model = network()
        with torch.no_grad():
            model[0].weight[0, 0, 0, 0] = 5.0
        technique, config = parse_technique("clip-weights:sigma=2")
        result = technique.apply(model, chip(), Tuning(), config)
        for old, new in ((model[0], result.target[0]), (model[3], result.target[3])):
            limit = 2 * float(old.weight.detach().std(correction=0))
            assert torch.equal(new.weight, old.weight.clamp(-limit, limit))
            assert torch.equal(new.bias, old.bias)
        assert 0 < result.cost["clipped_share"] < 0.1

    def test_helps_a_layer_with_one_huge_weight(self) -> None:
        torch.manual_seed(1)
        layer = nn.Linear(400, 8)
        with torch.no_grad():
            layer.weight.normal_(std=0.05)
            layer.weight[0, 0] = 2.0
        x = torch.rand(64, 400)
        x[:, 0] = 0  # the huge weight is of no use here
        model = nn.Sequential(layer)
        technique, config = parse_technique("clip-weights:sigma=3")
        clipped = technique.apply(model, chip(), Tuning(), config).target
        spec = chip(**{"device.program_noise": 0.0})
        errors = [(digital(m, spec, x)(x) - model(x)).abs().mean() for m in (model, clipped)]
        assert errors[1] < 0.5 * errors[0]


class TestAdcRecalibrate:
    def test_fits_the_die_and_sees_calibration_images_only(self) -> None:
        data = Tuning()
        x = torch.from_numpy(data.calibration.x)
        analog = to_analog(network(), chip(), seed=3, data=x[:16])
        before = {p: layer.range_levels.copy() for p, layer in analog.chip_layers.items()}
        technique, config = parse_technique("adc-recalibrate:images=24")
        result = technique.apply(analog, chip(), data, config)
        assert data.calibration.taken == 24 and data.train.taken == 0
        assert result.cost["images"] == 24 and result.cost["writes"] == 0
        assert result.cost["settings"] == analog.n_arrays
        after = {p: layer.range_levels for p, layer in result.target.chip_layers.items()}
        assert any(not np.array_equal(before[p], after[p]) for p in before)
        for path, layer in analog.chip_layers.items():
            assert np.array_equal(layer.range_levels, before[path])
            assert np.array_equal(
                layer.effective_weight(), result.target.chip_layers[path].effective_weight()
            )
        assert result.target.die_seed == 3

    def test_mends_ranges_that_do_not_fit(self) -> None:
        data, model = Tuning(), network()
        x = torch.from_numpy(data.calibration.x)
        exact = digital(model, chip(), x)(x)
        analog = to_analog(model, chip(**{"device.program_noise": 0.2}), seed=0, data=x)
        for layer in analog.chip_layers.values():
            layer.set_ranges(layer.full_scale() * 20)
        technique, config = parse_technique("adc-recalibrate")
        mended = technique.apply(analog, chip(), data, config).target
        assert (mended(x) - exact).abs().mean() < 0.5 * (analog(x) - exact).abs().mean()
