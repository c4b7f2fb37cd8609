"""From a traced layer to the matrix product of an accelerator: packed words ``[M, K]`` and weight codes ``[K, N]``.

M output positions, K = C/groups R S inputs of one output in the order (c, r, s), N outputs of one group. A convolution
is unfolded as a view of the packed words (a word holds all steps of a neuron, so there is one view for all T), and its
groups are products of their own, one after the other.

What is presented, ``Piece`` by piece:

    spikes    one word of T steps
    signed    two bits per step, one for +1 and one for -1 (two's complement of one trit)
    real      one bit plane per bit of the code, presented like a step and weighted by its power of two; codes with a
              sign are two's complement, whose highest plane counts negative. The accumulation is the same integer sum.

A product of two run-time operands has its right one in the place of weights: ``_right``. Where that differs from step
to step, as spikes do, each step is a piece of its own.

What was not recorded is drawn: bits that are set independently with the recorded rate, weights that are all different
from zero. Draws are seeded by the layer's name, so that they never change.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from axbar.devices import quantise
from axbar.errors import UsageError
from axbar.workload import LayerTrace, Operand
from axbar.workload._pack import MAX_STEPS, pack, word_type

__all__ = [
    "Piece",
    "Words",
    "pieces",
    "requantised",
    "samples_of",
    "seed_of",
    "unfolded",
    "varies",
    "weight_codes",
    "windows",
]

Words = NDArray[np.unsignedinteger[Any]]

_SPIKES: Final = ("spikes", "signed")
#: share of negative numbers where only their rate is known
_NEGATIVE: Final = 0.5


@dataclass(frozen=True, eq=False)
class Piece:
    """Packed bits of one operand, presented in one go.

    Args:
        words: ``[*shape]`` of one sample.
        steps: bits of a word, presented like steps.
        times: how often the same words are presented.
        right: index of the right operand that they meet, where that is computed at run time; else 0.
    """

    words: Words
    steps: int
    times: int = 1
    right: int = 0


def samples_of(layer: LayerTrace) -> int:
    """Return how many samples of a layer's input were recorded; 1 (drawn) where only a rate is known."""
    words = layer.operands[0].words
    return 1 if words is None else len(words)


def pieces(layer: LayerTrace, sample: int, input_bits: int, runs: int | None = None) -> list[Piece]:
    """Return what one sample presents to a layer.

    Args:
        layer: a product.
        sample: index of the recorded sample.
        input_bits: magnitude bits with which a real-valued operand is presented.
        runs: steps on which the layer runs for this sample, whose later spikes are struck out; None: all.

    Raises:
        UsageError: neither spikes nor a rate were recorded.
    """
    operand = layer.operands[0]
    steps = operand.steps if runs is None else min(runs, operand.steps)
    if steps == 0:
        return []
    found = _presented(layer, sample, input_bits, steps)
    return _each_step(found, operand, steps) if layer.at_run_time and varies(layer.operands[1]) else found


def varies(operand: Operand) -> bool:
    """Return whether an operand is another one on each step."""
    return operand.steps > 1 and (operand.coding in _SPIKES or operand.per_step)


def _each_step(found: list[Piece], operand: Operand, steps: int) -> list[Piece]:
    """Cut what is presented into steps, each of which meets a right operand of its own."""
    if operand.coding in _SPIKES:
        one_bit = len(found) == 1 and found[0].steps == steps
        found = windows(found[0], 1) if one_bit else [_trits(found, t, steps) for t in range(steps)]
    elif len(found) == 1:  # the same numbers on every step
        found = [replace(found[0], times=1)] * steps
    return [replace(piece, right=t) for t, piece in enumerate(found)]


def _trits(found: list[Piece], step: int, steps: int) -> Piece:
    """Return both bits of one step of signed spikes, in one piece or in one for each sign."""
    plus, minus = (found[0].words, found[1].words) if len(found) == 2 else (found[0].words,) * 2
    at = step if len(found) == 2 else steps + step
    both = ((plus >> plus.dtype.type(step)) & 1) | (((minus >> minus.dtype.type(at)) & 1) << 1)
    return Piece(both.astype(np.uint8), 2)


def _presented(layer: LayerTrace, sample: int, input_bits: int, steps: int) -> list[Piece]:
    """Return the pieces in which an operand is presented where it meets the same on every step."""
    operand = layer.operands[0]
    if operand.words is None:
        return [_drawn(layer, operand, input_bits, steps)]
    words = operand.words[sample]
    negative = None if operand.negative is None else operand.negative[sample]
    if operand.coding == "spikes":
        return [Piece(words, steps)]
    if operand.coding == "signed":
        return _signed(words, negative, steps)
    codes = requantised(words, operand.bits, input_bits)
    if not operand.per_step:
        return [_planes(codes, negative, input_bits, steps)]
    signs = [None] * operand.steps if negative is None else _by_step(negative, codes)
    return [_planes(code, sign, input_bits, 1) for code, sign in zip(codes[:steps], signs, strict=False)]


def _by_step(negative: NDArray[Any], codes: Words) -> list[NDArray[Any]]:
    return list(np.broadcast_to(negative, codes.shape))


def _signed(words: Words, negative: NDArray[Any] | None, steps: int) -> list[Piece]:
    """Two bits per step; two pieces where they do not fit one word."""
    minus: Words = np.zeros_like(words)
    if negative is not None:
        minus = np.bitwise_and(words, negative.astype(words.dtype))
    plus: Words = np.bitwise_xor(words, minus)
    if 2 * steps > MAX_STEPS:
        return [Piece(plus, steps), Piece(minus, steps)]
    kind = word_type(2 * steps)
    return [Piece(plus.astype(kind) | (minus.astype(kind) << kind.type(steps)), 2 * steps)]


def requantised(codes: Words, recorded: int, wanted: int) -> Words:
    """Codes of ``wanted`` bits over the range of recorded ones."""
    if recorded == wanted:
        return codes
    every = np.arange(2**recorded, dtype=np.float64)
    return np.rint(every * ((2**wanted - 1) / (2**recorded - 1))).astype(word_type(wanted))[codes]


def _planes(codes: Words, negative: NDArray[Any] | None, bits: int, times: int) -> Piece:
    """Bit planes of codes, of their two's complement where some are negative."""
    if negative is None:
        return Piece(codes, bits, times)
    wide = word_type(bits + 1)
    value = codes.astype(np.int32)
    value = np.where(negative, -value, value) & (2 ** (bits + 1) - 1)
    return Piece(value.astype(wide), bits + 1, times)


def _drawn(layer: LayerTrace, operand: Operand, input_bits: int, steps: int) -> Piece:
    if operand.rate is None:
        raise UsageError(
            f"layer '{layer.name}' has neither recorded spikes nor a rate; trace the network with a batch or give a "
            "rate."
        )
    spiking = operand.coding in _SPIKES
    planes, times = (steps, 1) if spiking else (input_bits, steps)
    rng = np.random.default_rng(seed_of(layer, "inputs"))
    if operand.negative is not None:  # numbers with signs
        codes = pack(rng.random((planes, *operand.shape), dtype=np.float32) < operand.rate)
        return _planes(codes, rng.random(operand.shape, dtype=np.float32) < _NEGATIVE, planes, times)
    return Piece(pack(rng.random((planes, *operand.shape), dtype=np.float32) < operand.rate), planes, times)


def seed_of(layer: LayerTrace, what: str) -> int:
    """Return the seed with which something of a layer is drawn, always the same."""
    return zlib.crc32(f"{layer.name} {what}".encode())


def windows(piece: Piece, most: int) -> list[Piece]:
    """Cut a piece into passes of at most ``most`` steps.

    >>> [w.words.tolist() for w in windows(Piece(np.array([0b10111], np.uint8), 5), 4)]
    [[7], [1]]
    """
    if piece.steps <= most:
        return [piece]
    found: list[Piece] = []
    for first in range(0, piece.steps, most):
        steps = min(most, piece.steps - first)
        kept = (piece.words >> piece.words.dtype.type(first)) & piece.words.dtype.type(2**steps - 1)
        found.append(Piece(kept.astype(word_type(steps)), steps, piece.times, piece.right))
    return found


def unfolded(layer: LayerTrace, words: Words) -> list[Words]:
    """Return the words ``[M, K]`` that each group of a layer multiplies."""
    shape = layer.geometry
    if layer.op == "linear":
        return [words.reshape(-1, words.shape[-1])]
    if layer.at_run_time:
        by_group = words.reshape(shape.positions, shape.groups, shape.fan_in)
        return [np.ascontiguousarray(by_group[:, group]) for group in range(shape.groups)]
    (pad_y, pad_x), (step_y, step_x), (gap_y, gap_x) = shape.padding, shape.stride, shape.dilation
    padded = np.pad(words, ((0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    span = tuple((k - 1) * gap + 1 for k, gap in zip(shape.kernel, shape.dilation, strict=True))
    rows, columns = shape.out_shape[1:]
    view = np.lib.stride_tricks.sliding_window_view(padded, span, axis=(1, 2))
    view = view[:, ::step_y, ::step_x, ::gap_y, ::gap_x][:, :rows, :columns]
    by_position = view.transpose(1, 2, 0, 3, 4).reshape(rows * columns, shape.groups, -1)
    return [np.ascontiguousarray(by_position[:, group]) for group in range(shape.groups)]


def weight_codes(layer: LayerTrace, bits: int) -> list[NDArray[np.int32]]:
    """Return the integer weights ``[K, N]`` of each group; removed weights and those that round to 0 are 0.

    Layers without recorded weights get random codes other than 0.
    """
    shape = layer.geometry
    stacked = (shape.groups, shape.fan_out, shape.fan_in)
    if layer.weight is None:
        rng, largest = np.random.default_rng(seed_of(layer, "weights")), 2 ** (bits - 1) - 1
        codes = rng.integers(1, largest + 1, size=stacked, dtype=np.int32)
        codes *= rng.integers(0, 2, size=stacked, dtype=np.int32) * 2 - 1
    else:
        kept = layer.weight if layer.mask is None else np.where(layer.mask, layer.weight, np.float32(0))
        codes = quantise(kept.reshape(stacked), bits, layer.scale)[0]
    return [np.ascontiguousarray(group.T) for group in codes]
