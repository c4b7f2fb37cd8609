"""ResNet14 for CIFAR-10, for the weights that CrossSim studies analog arrays with.

    axbar evaluate examples/networks/resnet14.py:resnet14 --weights DATA/weights/crosssim_resnet14_cifar10.npz \\
        --data cifar-10 --data-dir DATA

As the networks of He et al. (CVPR 2016, section 4.2) with two blocks a stage, but with shortcuts of option B: a 1×1
convolution with a norm where the shape changes. That gives two more layers to map, strided ones with a single weight
per pair of channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from axbar.nn import Normalise

#: of ImageNet, with which these weights were trained
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Block(nn.Module):
    """Two convolutions and a shortcut around them."""

    def __init__(self, wide_in: int, wide_out: int) -> None:
        super().__init__()
        stride = wide_out // wide_in
        self.conv1 = nn.Conv2d(wide_in, wide_out, 3, stride=stride, padding=1, bias=False)
        self.bn1, self.relu1 = nn.BatchNorm2d(wide_out), nn.ReLU()
        self.conv2 = nn.Conv2d(wide_out, wide_out, 3, padding=1, bias=False)
        self.bn2, self.relu2 = nn.BatchNorm2d(wide_out), nn.ReLU()
        self.downsample = nn.Sequential()
        if stride > 1:
            self.downsample.append(nn.Conv2d(wide_in, wide_out, 1, stride=stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(wide_out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(y + self.downsample(x))


class ResNet14(nn.Module):
    """Images ``[B, 3, 32, 32]`` in 0..1 to logits ``[B, 10]``."""

    input_shape = (3, 32, 32)
    classes = 10

    def __init__(self) -> None:
        super().__init__()
        self.normalise = Normalise(MEAN, STD)
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(16, eps=1e-3), nn.ReLU()  # only this norm has another epsilon
        self.res1 = nn.Sequential(Block(16, 16), Block(16, 16))
        self.res2 = nn.Sequential(Block(16, 32), Block(32, 32))
        self.res3 = nn.Sequential(Block(32, 64), Block(64, 64))
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(self.normalise(x))))
        return self.classifier(self.res3(self.res2(self.res1(x))))


def resnet14() -> ResNet14:
    """Return the network."""
    return ResNet14()
