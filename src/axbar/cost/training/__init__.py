"""What a training step by back-propagation through time adds to an inference: operations and traffic, as counts.

The 14 components of SATA (Yin et al., IEEE TCAD 2023), their traffic as data (``table``), the prices of their
operations (``kernels``), and what recorded masks make of them (``masks``). Energies, cycles and memories are the
hardware kind's: ``axbar.cost.systolic``.
"""

from axbar.cost.training.kernels import KERNELS, OPERATIONS, CYCLE_s, mac_J, operation_J
from axbar.cost.training.masks import backward_pairs, inside_pairs, ones, packed_bits, raw_bits
from axbar.cost.training.table import COMPUTE, GROUPS, MEMORY, TRAFFIC, UNFIRED, Traffic

__all__ = [
    "COMPUTE",
    "GROUPS",
    "KERNELS",
    "MEMORY",
    "OPERATIONS",
    "TRAFFIC",
    "UNFIRED",
    "CYCLE_s",
    "Traffic",
    "backward_pairs",
    "inside_pairs",
    "mac_J",
    "ones",
    "operation_J",
    "packed_bits",
    "raw_bits",
]
