"""What is trained: spiking neurons, codings, networks, the training loop, and loading.

>>> import torch
>>> from axbar.nn import build_model
>>> network = build_model("spiking-cnn", width=8, steps=4)
>>> network(torch.rand(2, 1, 28, 28)).shape  # logits [T, B, K]
torch.Size([4, 2, 10])
"""

from __future__ import annotations

from axbar.nn import coding
from axbar.nn._arguments import arguments_of
from axbar.nn._checkpoint import load_checkpoint, save_checkpoint
from axbar.nn._config import EpochRecord, Progress, TrainConfig, TrainResult
from axbar.nn._fewer_steps import fewer_steps
from axbar.nn._integer import integer_copy
from axbar.nn._load import build_model, load_network, load_weights, read_weights
from axbar.nn._predict import accuracy, predict_logits
from axbar.nn._recurrence import LIFParams, LIFState, lif_loop, lif_step, zero_state
from axbar.nn._train import train
from axbar.nn._untrained import is_untrained, untrained_note
from axbar.nn.attention import Attention, MatMul
from axbar.nn.bntt import BNTT1d, BNTT2d, PerStepAffine
from axbar.nn.convert import SpikingCopy, to_spiking
from axbar.nn.converted import Converted
from axbar.nn.network import Normalise, SpikingNetwork
from axbar.nn.neurons import IF, LIF, SynapticLIF, SynapticState
from axbar.nn.norm import TdBatchNorm1d, TdBatchNorm2d, folded_norm
from axbar.nn.per_step import PerStepLIF, PerStepState
from axbar.nn.quantised import QuantisedLIF
from axbar.nn.read_out import EarlyExit, ExitingReadOut, MeanOverTime, ReadOut, read_out_of
from axbar.nn.recipes import demo_recipe
from axbar.nn.shared import SharedLIF
from axbar.nn.surrogate import Atan, Rect, Surrogate, Triangle

__all__ = [
    "IF",
    "LIF",
    "Atan",
    "Attention",
    "BNTT1d",
    "BNTT2d",
    "Converted",
    "EarlyExit",
    "EpochRecord",
    "ExitingReadOut",
    "LIFParams",
    "LIFState",
    "MatMul",
    "MeanOverTime",
    "Normalise",
    "PerStepAffine",
    "PerStepLIF",
    "PerStepState",
    "Progress",
    "QuantisedLIF",
    "ReadOut",
    "Rect",
    "SharedLIF",
    "SpikingCopy",
    "SpikingNetwork",
    "Surrogate",
    "SynapticLIF",
    "SynapticState",
    "TdBatchNorm1d",
    "TdBatchNorm2d",
    "TrainConfig",
    "TrainResult",
    "Triangle",
    "accuracy",
    "arguments_of",
    "build_model",
    "coding",
    "demo_recipe",
    "fewer_steps",
    "folded_norm",
    "integer_copy",
    "is_untrained",
    "lif_loop",
    "lif_step",
    "load_checkpoint",
    "load_network",
    "load_weights",
    "predict_logits",
    "read_out_of",
    "read_weights",
    "save_checkpoint",
    "to_spiking",
    "train",
    "untrained_note",
    "zero_state",
]
