"""The networks that ship: spiking ones, their conventional twins and transformers, each with a ``width``."""

from __future__ import annotations

from axbar.nn.models._options import NetworkOptions
from axbar.nn.models.feedforward import (
    FeedForward,
    cnn,
    mlp,
    spiking_cnn,
    spiking_mlp,
    spiking_vgg9,
    spiking_vgg16,
    vgg9,
    vgg16,
)
from axbar.nn.models.ms_resnet import MSResNet, ms_resnet18, ms_resnet34
from axbar.nn.models.resnet import ResNet20, SpikingResNet19, resnet20, spiking_resnet19
from axbar.nn.models.ttfs import TtfsNetwork, ttfs_add, ttfs_concat, ttfs_concat_delay, ttfs_plain
from axbar.nn.models.vit import VisionTransformer, deit_s, vit_b16, vit_tiny

__all__ = [
    "FeedForward",
    "MSResNet",
    "NetworkOptions",
    "ResNet20",
    "SpikingResNet19",
    "TtfsNetwork",
    "VisionTransformer",
    "cnn",
    "deit_s",
    "mlp",
    "ms_resnet18",
    "ms_resnet34",
    "resnet20",
    "spiking_cnn",
    "spiking_mlp",
    "spiking_resnet19",
    "spiking_vgg9",
    "spiking_vgg16",
    "ttfs_add",
    "ttfs_concat",
    "ttfs_concat_delay",
    "ttfs_plain",
    "vgg9",
    "vgg16",
    "vit_b16",
    "vit_tiny",
]
