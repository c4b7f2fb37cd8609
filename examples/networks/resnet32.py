"""ResNet32 for CIFAR-10, for the published weights of He et al.'s small networks with shortcuts of option A.

    axbar evaluate examples/networks/resnet32.py:resnet32 --weights DATA/weights/resnet32-d509ac18.npz \\
        --data cifar-10 --data-dir DATA

Stem of 16 channels, three stages of n = 5 blocks with 16, 32 and 64, average pool, one linear layer: 6n + 2 layers
with weights (K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2).
Shortcuts hold no weights: every second pixel, new channels zero, half on either side. The one with n = 3 comes with
axbar as ``resnet20``.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from axbar.nn import Normalise

#: of ImageNet, with which these weights were trained
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Block(nn.Module):
    """Two convolutions and a shortcut around them."""

    def __init__(self, wide_in: int, wide_out: int) -> None:
        super().__init__()
        self.stride = wide_out // wide_in
        self.conv1 = nn.Conv2d(wide_in, wide_out, 3, stride=self.stride, padding=1, bias=False)
        self.bn1, self.relu1 = nn.BatchNorm2d(wide_out), nn.ReLU()
        self.conv2 = nn.Conv2d(wide_out, wide_out, 3, padding=1, bias=False)
        self.bn2, self.relu2 = nn.BatchNorm2d(wide_out), nn.ReLU()
        self.new = (wide_out - wide_in) // 2

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        if self.new:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.new, self.new))
        return self.relu2(y + x)


def stage(wide_in: int, wide_out: int, blocks: int) -> nn.Sequential:
    """Return the blocks of one stage; the first one halves the image if it doubles the channels."""
    return nn.Sequential(*(Block(wide_in if n == 0 else wide_out, wide_out) for n in range(blocks)))


class ResNet(nn.Module):
    """Images ``[B, 3, 32, 32]`` in 0..1 to logits ``[B, 10]``."""

    input_shape = (3, 32, 32)
    classes = 10

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.normalise = Normalise(MEAN, STD)
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.relu, self.pool = nn.ReLU(), nn.AvgPool2d(8)
        self.layer1, self.layer2 = stage(16, 16, blocks), stage(16, 32, blocks)
        self.layer3, self.linear = stage(32, 64, blocks), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(self.normalise(x))))
        return self.linear(self.pool(self.layer3(self.layer2(self.layer1(x)))).flatten(1))


def resnet32(blocks: int = 5) -> ResNet:
    """Return the network with 6 ``blocks`` + 2 layers."""
    return ResNet(blocks)
