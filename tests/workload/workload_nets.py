"""Small networks as users write them, for tests of the tracer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Neuron(nn.Module):
    """A leaky neuron over ``[T, B, ...]``, marked for the tracer; shares no code with axbar.nn."""

    is_neuron = True

    def __init__(self, beta: float = 0.5, threshold: float = 0.3, reset: str = "subtract") -> None:
        super().__init__()
        self.beta, self.threshold, self.reset = beta, threshold, reset
        self.input_scale, self.strict = 1.0, False

    def forward(self, x: Tensor) -> Tensor:
        potential, spikes = torch.zeros_like(x[0]), []
        for current in x:
            potential = self.beta * potential + current
            spikes.append((potential >= self.threshold).to(x.dtype))
            potential = potential - spikes[-1] * self.threshold
        return torch.stack(spikes)


class StepNeuron(nn.Module):
    """The same, one step per call with the state inside."""

    is_neuron = True

    def __init__(self, beta: float = 0.5, threshold: float = 0.3) -> None:
        super().__init__()
        self.beta, self.threshold, self.reset = torch.tensor(beta), threshold, "subtract"
        self.potential: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        before = 0.0 if self.potential is None else self.potential
        potential = self.beta * before + x
        spikes = (potential >= self.threshold).to(x.dtype)
        self.potential = potential - spikes * self.threshold
        return spikes


class Folded(nn.Module):
    """Time folded into the batch, a first layer once per image, a residual sum, strides, groups."""

    def __init__(self, steps: int = 4) -> None:
        super().__init__()
        self.steps = steps
        self.stem, self.norm, self.fire1 = (
            nn.Conv2d(1, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            Neuron(),
        )
        self.down = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)
        self.norm2 = nn.BatchNorm2d(8)
        self.around = nn.Conv2d(4, 8, 1, stride=2)
        self.fire2, self.pool, self.fc = Neuron(), nn.AvgPool2d(2), nn.Linear(8 * 2 * 2, 5)

    def forward(self, x: Tensor) -> Tensor:
        steps, samples = self.steps, x.shape[0]
        x = self.norm(self.stem(x)).unsqueeze(0).expand(steps, -1, -1, -1, -1)
        x = self.fire1(x).flatten(0, 1)
        y = self.norm2(self.depthwise(self.down(x))) + self.around(x)
        y = self.fire2(y.view(steps, samples, *y.shape[1:])).reshape(-1, *y.shape[1:])
        y = F.dropout(self.pool(y), 0.5, self.training)
        return self.fc(y.contiguous().flatten(1)).unflatten(0, (steps, samples))


class Loop(nn.Module):
    """Step by step, layers called T times each, one shared ReLU, the mean over time as output."""

    def __init__(self, steps: int = 5) -> None:
        super().__init__()
        self.count = steps
        self.conv1, self.norm, self.fire1 = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), StepNeuron()
        self.conv2, self.fire2, self.relu = nn.Conv2d(4, 6, 3, stride=2), StepNeuron(), nn.ReLU(inplace=True)
        self.fc = nn.Linear(6 * 2 * 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.fire1.potential = self.fire2.potential = None
        logits = []
        for _ in range(self.count):
            y = self.fire1(self.relu(self.norm(self.conv1(x))))
            y = self.fire2(self.relu(self.conv2(y)))
            logits.append(self.fc(y.flatten(1)))
        return torch.stack(logits).mean(0)


class ByHand(nn.Module):
    """Neurons written into the forward, a recurrent layer from the second step on, a preallocated output."""

    def __init__(self, steps: int = 4) -> None:
        super().__init__()
        self.count = steps
        self.conv, self.fc, self.back = (
            nn.Conv2d(1, 4, 3, padding="same"),
            nn.Linear(4 * 16, 6),
            nn.Linear(6, 6),
        )

    def forward(self, x: Tensor) -> Tensor:
        samples = len(x)
        first, second = torch.zeros(samples, 4, 4, 4), torch.zeros(samples, 6)
        out, spikes = torch.zeros(self.count, samples, 6), None
        for t in range(self.count):
            first = 0.5 * first + self.conv(x)
            fired = (first > 0.2).float()
            first = first - 0.2 * fired
            current = self.fc(fired.view(samples, -1))
            if spikes is not None:
                current = current + self.back(spikes)
            second *= 0.9
            second += current
            spikes = (second > 0.3).float()
            second -= 0.3 * spikes
            out[t] = spikes
        return out


class SamplesOutermost(nn.Module):
    """Event frames ``[B, T, 1, H, W]``, folded as ``b * T + t``."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 2, 1), nn.Linear(2 * 16, 4)

    def forward(self, x: Tensor) -> Tensor:
        samples, steps = x.shape[:2]
        y = (self.conv(x.flatten(0, 1)) > 0).float()
        return self.fc(y.flatten(1)).view(samples, steps, -1).transpose(0, 1)


class Shared(nn.Module):
    """One convolution in three places."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 2, 3, padding=1), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = F.relu(self.conv(x))
        return self.fc(x.flatten(1))


def with_statistics(model: nn.Module, seed: int = 0) -> nn.Module:
    """Give every batch norm random statistics and weights, so that folding it changes something."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for tensor, low, high in (
                (module.running_mean, -0.5, 0.5), (module.running_var, 0.3, 2.0), (module.weight, 0.5, 2.0),
                (module.bias, -0.5, 0.5),
            ):  # fmt: skip
                tensor.data.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)
    return model


def seen_inputs(model: nn.Module, batch: Tensor, names: list[str]) -> dict[str, list[Tensor]]:
    """Run the model in eval mode and return the inputs of some modules, call by call, as hooks see them."""
    seen: dict[str, list[Tensor]] = {name: [] for name in names}
    handles = [
        model.get_submodule(name).register_forward_pre_hook(
            lambda _, args, name=name: seen[name].append(args[0].detach().clone())
        )
        for name in names
    ]
    training = model.training
    with torch.no_grad():
        model.eval()(batch)
    model.train(training)
    for handle in handles:
        handle.remove()
    return seen
