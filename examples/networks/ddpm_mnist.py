"""One denoising step of a small diffusion model for MNIST digits.

    export AXBAR_DATA=DATA
    axbar trace examples/networks/ddpm_mnist.py:denoiser --weights DATA/weights/ddpm_mnist_starter.npz \\
        --data examples/networks/ddpm_mnist.py:noisy_digits --out ddpm.npz
    axbar estimate ddpm.npz

The network predicts the noise ε in z_t = √ᾱ_t x + √(1 − ᾱ_t) ε (J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion
Probabilistic Models", NeurIPS 2020, algorithm 1): four convolutions 7×7, each with a layer norm over channels and
pixels (one scale and shift per element) and a GELU, then one of 3×3. The time t / 1000 enters behind the first block as
16 sums, one per channel, from an embedding of sines and cosines through four linear layers.

A network here takes one tensor in 0..1: ``[B, 2, 28, 28]`` with z/SPAN + 1/2 in the first plane and t / 1000 everywhere
in the second. So the embedding is computed from the input, and traced and charged like the rest.
"""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from axbar.data import load_data

#: width of the range of z that fits into 0..1; the tails beyond are cut off
SPAN = 10.0
STEPS = 1000


class ConvBlock(nn.Module):
    """Convolution, layer norm over all of an image, GELU."""

    def __init__(self, wide_in: int, wide_out: int) -> None:
        super().__init__()
        convolution = nn.Conv2d(wide_in, wide_out, 7, padding=3)
        self.net = nn.Sequential(convolution, nn.LayerNorm([wide_out, 28, 28]), nn.GELU())

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class NoisePredictor(nn.Module):
    """``z[B, 1, 28, 28]`` and ``t[B]`` in 0..1 to the noise in it."""

    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.zeros(16))
        blocks = [ConvBlock(1, 16), ConvBlock(16, 32), ConvBlock(32, 32), ConvBlock(32, 16)]
        self.blocks = nn.ModuleList([*blocks, nn.Conv2d(16, 1, 3, padding=1)])
        self.time_embed = nn.Sequential(
            *(nn.Linear(32, 128), nn.GELU(), nn.Linear(128, 128), nn.GELU()),
            *(nn.Linear(128, 128), nn.GELU(), nn.Linear(128, 16)),
        )

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        phase = t[:, None] * self.frequencies
        time = self.time_embed(torch.cat((torch.sin(phase), torch.cos(phase) - 1), 1))
        first, *others = self.blocks
        z = first(z) + time[:, :, None, None]
        for block in others:
            z = block(z)
        return z


class Denoiser(nn.Module):
    """``[B, 2, 28, 28]`` as above to the predicted noise ``[B, 1, 28, 28]``."""

    input_shape = (2, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("beta_t", torch.zeros(STEPS + 1))
        self.register_buffer("alpha_t", torch.zeros(STEPS + 1))
        self.gt = NoisePredictor()

    def forward(self, x: Tensor) -> Tensor:
        return self.gt((x[:, :1] - 0.5) * SPAN, x[:, 1, 0, 0])


def denoiser() -> Denoiser:
    """Return the network."""
    return Denoiser()


def noisy(
    images: NDArray[np.float32], step: int, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return inputs ``[B, 2, 28, 28]`` of images ``[B, 1, 28, 28]`` in 0..1 at a step, and the noise in them."""
    keep = np.cumprod(1 - np.linspace(1e-4, 0.02, STEPS + 1))[step]
    noise = np.random.default_rng(seed).standard_normal(images.shape)
    z = np.sqrt(keep) * (images - 0.5) + np.sqrt(1 - keep) * noise
    planes = np.concatenate([np.clip(z / SPAN + 0.5, 0, 1), np.full_like(z, step / STEPS)], 1)
    return planes.astype(np.float32), noise.astype(np.float32)


def noisy_digits(step: int = 300, count: int = 64) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the first test digits of MNIST with the noise of a step, and their labels."""
    digits = load_data("mnist", os.environ["AXBAR_DATA"]).test
    return noisy(digits.images(slice(0, count)), step)[0], digits.labels(slice(0, count))
