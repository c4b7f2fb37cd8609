"""Networks for tests of traced training steps, and what torch says of their gradients."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from axbar.nn import LIF


class Tiny(nn.Module):
    """Sequences ``[B, T, F]`` through given weights and one layer of neurons."""

    def __init__(self, first, second, neuron, steps=3):
        super().__init__()
        first, second = torch.tensor(first), torch.tensor(second)
        self.fc1 = nn.Linear(first.shape[1], first.shape[0], bias=False)
        self.fc2 = nn.Linear(second.shape[1], second.shape[0], bias=False)
        self.fc1.weight.data, self.fc2.weight.data = first, second
        self.fire, self.steps = neuron, steps

    def forward(self, x):
        current = self.fc1(x.transpose(0, 1).flatten(0, 1)).unflatten(0, (self.steps, x.shape[0]))
        return self.fc2(self.fire(current).flatten(0, 1)).unflatten(0, (self.steps, x.shape[0]))


def tiny(neuron):
    return Tiny(np.eye(3, dtype=np.float32), [[2.0, -1.0, 1.0]], neuron)


#: one sample of three neurons over three steps, [B, T, F]; the second sample is silent
BATCH = torch.tensor([[[0.8, 0.1, 0.1], [0.3, 1.1, 3.0], [5.0, 0.9, 0.9]], [[0.0] * 3] * 3])


class Residual(nn.Module):
    """Time in the batch, norms that fold, a block with a shortcut, groups, a pool in front of neurons."""

    def __init__(self, steps=4, neuron=LIF, **kwargs):
        super().__init__()
        self.steps = steps
        self.stem, self.norm, self.fire1 = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), neuron(**kwargs)
        self.deep, self.norm2 = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2), nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.deeper = nn.Conv2d(8, 8, (3, 2), padding=(2, 0), dilation=(2, 1), groups=8)
        self.around, self.fire2 = nn.Conv2d(4, 8, (1, 2), stride=2), neuron(**kwargs)
        self.last, self.pool, self.fire3 = nn.Conv2d(8, 6, 1), nn.MaxPool2d(2, 1), neuron(**kwargs)
        self.fc = nn.Linear(6 * 3 * 2, 5)

    def over_time(self, neuron, x):
        return neuron(x.unflatten(0, (self.steps, -1))).flatten(0, 1)

    def forward(self, x):
        x = self.norm(self.stem(x)).unsqueeze(0).expand(self.steps, -1, -1, -1, -1)
        x = self.fire1(x).flatten(0, 1)
        y = self.deeper(self.relu(self.norm2(self.deep(x))))
        y = self.over_time(self.fire2, y + self.around(x)[..., :3])
        y = self.over_time(self.fire3, self.pool(self.last(y)))
        return self.fc(y.flatten(1)).unflatten(0, (self.steps, -1))


class Loop(nn.Module):
    """Step by step with the neurons' own state, a ReLU that writes into the convolution's output."""

    def __init__(self, steps=5, **kwargs):
        super().__init__()
        self.count = steps
        self.conv, self.relu, self.fire1 = nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), LIF(**kwargs)
        self.fc1, self.fire2, self.back = nn.Linear(144, 6), LIF(**kwargs), nn.Linear(6, 6)
        self.fc2 = nn.Linear(6, 3)

    def forward(self, x):
        first = second = None
        spikes, logits = None, []
        for _ in range(self.count):
            y, first = self.fire1.step(self.relu(self.conv(x)), first)
            current = self.fc1(y.flatten(1))
            if spikes is not None:
                current = current + self.back(spikes)
            spikes, second = self.fire2.step(current, second)
            logits.append(self.fc2(spikes))
        return torch.stack(logits)


class SamplesOutermost(nn.Module):
    """Frames ``[B, T, 1, H, W]``, folded as ``b * T + t``."""

    def __init__(self, **kwargs):
        super().__init__()
        self.conv, self.fire, self.fc = nn.Conv2d(1, 2, 1), LIF(**kwargs), nn.Linear(32, 4)

    def forward(self, x):
        samples, steps = x.shape[:2]
        y = self.fire(self.conv(x.flatten(0, 1)).unflatten(0, (samples, steps)).transpose(0, 1))
        return self.fc(y.transpose(0, 1).flatten(0, 1).flatten(1)).view(samples, steps, -1).transpose(0, 1)


def mean_loss(logits, labels):
    return F.cross_entropy(logits.mean(0), labels)


def hooked(model, batch, labels, names):
    """Return the gradients at the outputs of some modules, as torch's hooks see them: a list of calls each."""
    model = copy.deepcopy(model).eval()
    found = {name: [] for name in names}

    def watch(name):
        def forward_hook(_, args, output):
            place = len(found[name])
            found[name].append(None)
            output.register_hook(lambda grad: found[name].__setitem__(place, grad.clone()))

        return forward_hook

    for name in names:
        model.get_submodule(name).register_forward_hook(watch(name))
    mean_loss(model(batch), labels).backward()
    return found


def slopes(neuron, x):
    """Return where the surrogate is not zero, from the equations of the three resets."""
    current = v = fired = torch.zeros_like(x[0])
    found = []
    for x_t in x.detach():
        current = current * getattr(neuron, "alpha", 0.0) + x_t
        h = neuron.beta * v + neuron.input_scale * current
        if neuron.reset == "subtract_unleaked":
            h = h - neuron.threshold * fired
        fired = (h > neuron.threshold if neuron.strict else h >= neuron.threshold).float()
        v = {"zero": h * (1 - fired), "subtract": h - neuron.threshold * fired}.get(neuron.reset, h)
        found.append((neuron.surrogate.slope(h - neuron.threshold) != 0).numpy())
    return np.stack(found)
