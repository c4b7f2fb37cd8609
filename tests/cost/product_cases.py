"""Products of two operands that are both computed at run time, for the tests of this folder."""

from __future__ import annotations

from typing import Any

import numpy as np
from cost_cases import real, spiking

from axbar.workload import Geometry, LayerTrace, Operand, Workload

HEADS, TOKENS, FEATURES, COLUMNS = 2, 5, 3, 7
SAMPLES = 2


def attention(
    left: Operand, right: Operand, name: str = "scores", inputs: tuple[str, ...] = ("q", "k")
) -> LayerTrace:
    """``[TOKENS, FEATURES] @ [FEATURES, COLUMNS]`` in each head."""
    shape = Geometry((TOKENS, HEADS * FEATURES), (TOKENS, HEADS * COLUMNS), groups=HEADS)
    return LayerTrace(name, "matmul", inputs, shape, tuple(range(left.steps)), (left, right), kind="matmul")


def network(product: LayerTrace, steps: int = 1) -> Workload:
    """Two linear layers that feed the product."""
    rng = np.random.default_rng(5)
    size = {"q": HEADS * FEATURES, "k": HEADS * COLUMNS}
    layers = [
        LayerTrace(
            name, "linear", ("input",), Geometry((TOKENS, 4), (TOKENS, out)), (0,),
            (real(rng, (TOKENS, 4), signed=True),), weight=rng.normal(size=(out, 4)).astype(np.float32), kind="linear",
        )
        for name, out in size.items()
    ]  # fmt: skip
    return Workload("attention", (*layers, product), steps=steps, samples=SAMPLES)


def numbers(seed: int = 0, zeros: float = 0.3) -> Workload:
    """Signed 8-bit numbers on both sides, a share of them zero."""
    rng = np.random.default_rng(seed)
    left, right = (_some_zero(real(rng, shape, signed=True), rng, zeros) for shape in _SHAPES)
    return network(attention(left, right))


def spikes(steps: int = 3) -> Workload:
    """Spikes on both sides, others on each step."""
    rng = np.random.default_rng(1)
    left, right = (spiking(rng, shape, steps) for shape in _SHAPES)
    return network(attention(left, right), steps)


_SHAPES = ((TOKENS, HEADS * FEATURES), (HEADS, FEATURES, COLUMNS))


def _some_zero(operand: Operand, rng: np.random.Generator, share: float) -> Operand:
    assert operand.words is not None and operand.negative is not None
    words = np.where(rng.random(operand.words.shape) < share, 0, operand.words).astype(np.uint8)
    return Operand(operand.shape, "real", 8, words=words, negative=operand.negative & (words > 0))


def heads_of(words: Any) -> Any:
    """Return a left operand ``[..., M, H K]`` as ``[..., H, M, K]``."""
    return np.moveaxis(words.reshape(*words.shape[:-1], HEADS, FEATURES), -2, -3)
