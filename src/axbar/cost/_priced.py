"""Which operations between products run on a digital unit of a chip, by their kind.

A pool, norm, softmax or element-wise operation of a kind named here has a rule that counts it
(``axbar.cost.imc._units``). All others (top-k, medians, random numbers, ...) have none and stay unpriced, and
the estimate says so. The names are those that a trace writes into ``LayerTrace.kind``.
"""

from __future__ import annotations

from typing import Final

from axbar.workload import LayerTrace, Workload

__all__ = [
    "LOOKUPS", "MAX_POOLS", "MULTIPLIES", "STATIC_NORMS",
    "is_priced", "others_note", "others_of",
]  # fmt: skip

MAX_POOLS: Final = frozenset({"max", "adaptive_max", "amax", "amin", "any", "all", "argmax", "argmin"})
_SUM_POOLS: Final = frozenset({"avg", "adaptive_avg", "mean", "nanmean", "sum", "nansum", "count_nonzero"})
#: norms by recorded statistics
STATIC_NORMS: Final = frozenset({"batch_norm"})
_RUNNING_NORMS: Final = frozenset({"layer_norm", "group_norm", "instance_norm", "rms_norm", "normalize"})
_SOFTMAX: Final = frozenset({"softmax", "log_softmax"})
_ADDS: Final = frozenset({"add", "sub", "cumsum", "neg"})
MULTIPLIES: Final = frozenset(
    {"mul", "leaky_relu", "prelu", "square", "lerp", "addcmul", "hardsigmoid", "hardswish"}
)
_COMPARES: Final = frozenset(
    """relu relu6 hardtanh threshold clamp heaviside sign sgn floor ceil round trunc abs gt lt ge le eq ne and or
    xor not where masked_fill max min maximum minimum hardshrink softshrink fake_quantize""".split()
)
#: functions of one value that are looked up in a table
LOOKUPS: Final = frozenset(
    """div floordiv gelu silu mish tanh sigmoid elu selu celu softplus softsign logsigmoid tanhshrink exp expm1
    exp2 log log1p log2 sqrt rsqrt pow reciprocal sin cos erf""".split()
)
_ELEMENTWISE: Final = _ADDS | MULTIPLIES | _COMPARES | LOOKUPS


def is_priced(layer: LayerTrace) -> bool:
    """Return whether a layer that is neither a product nor a neuron runs on a unit of the chip."""
    kind = layer.kind
    match layer.op:
        case "pool" | "mean" | "sum" | "reduce":
            return kind in MAX_POOLS or kind in _SUM_POOLS
        case "norm":
            return kind in STATIC_NORMS or kind in _RUNNING_NORMS
        case "softmax":
            return kind in _SOFTMAX
        case "add" | "mul" | "activation":
            return kind in _ELEMENTWISE
        case _:
            return False


def others_of(workload: Workload) -> tuple[tuple[str, str], ...]:
    """Return name and op of every layer that is neither a product nor a neuron, for kinds that price none of them."""
    return tuple(
        (layer.name, layer.op) for layer in workload.layers if not layer.is_matmul and layer.op != "neuron"
    )


def others_note(others: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the sentence that says so; none where there are none."""
    ops = ", ".join(sorted({op for _, op in others}))
    return (
        (f"not priced: {len(others)} layers that are neither products nor neurons ({ops})",) if others else ()
    )
