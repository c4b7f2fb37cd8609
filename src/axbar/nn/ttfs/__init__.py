"""Time to first spike: neurons that fire at most once, whose times are what they say.

Two neurons: of constant slope (``slope``; trains like a ReLU network) and in closed form (``exact``). What joins them
into networks acts on times and is the same for both (``spikes``, ``layers``).
"""

from __future__ import annotations

from axbar.nn.ttfs.exact import ExactConv2d, ExactLinear, exact_conv2d, exact_linear, firing_penalty
from axbar.nn.ttfs.layers import ExactOutput, ExactSpiking, SlopeOutput, SlopeSpiking, delayed
from axbar.nn.ttfs.silent import never_firing
from axbar.nn.ttfs.simulate import simulate_exact, simulate_slope
from axbar.nn.ttfs.slope import Delay, FirstSpike, rounded_times
from axbar.nn.ttfs.spikes import Spikes, added, earliest, joined, shuffled
from axbar.nn.ttfs.timing import Timing, timing
from axbar.nn.ttfs.windows import Fitted, fit_windows

__all__ = [
    "Delay",
    "ExactConv2d",
    "ExactLinear",
    "ExactOutput",
    "ExactSpiking",
    "FirstSpike",
    "Fitted",
    "SlopeOutput",
    "SlopeSpiking",
    "Spikes",
    "Timing",
    "added",
    "delayed",
    "earliest",
    "exact_conv2d",
    "exact_linear",
    "firing_penalty",
    "fit_windows",
    "joined",
    "never_firing",
    "rounded_times",
    "shuffled",
    "simulate_exact",
    "simulate_slope",
    "timing",
]
