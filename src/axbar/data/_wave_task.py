"""Where did a wave start? Source localisation as a data set, made from physics (see ``_waves``).

A membrane of 64×64 cells is hit at one of 44×44 = 1,936 places; the class is the cell of a 3×3 or 6×6 grid (rows first)
that the place lies in. Published for first-spike networks (arXiv 2312.00919) with the whole last field as the image.
That task, ``plain``, is solved by a linear classifier (99 % at 3×3), so that it tells nothing about a network. The
default is made harder, each part of it an option:

    ``receivers``  8 microphones near the border listen over time instead of a picture of the field
    ``contrast``   the speed of waves differs from sample to sample, and from place to place half as much
    ``origin``     the membrane is hit at an unknown time
    ``noise``      of the microphones, as a share of the sample's loudest value
    ``held_out``   sources of the test part lie in blocks of 4×4 places from which none was heard in training

Images have two channels, what is above and what is below rest, scaled to 0..1 by the loudest value of all.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.data._arrays import Pair, Raw
from axbar.data._linear import ridge_accuracy
from axbar.data._waves import Progress, smooth_noise, waves
from axbar.errors import AxbarError, UsageError, unknown_name
from axbar.files import write_atomic

__all__ = ["CACHE", "WaveOptions", "make_waves", "read_waves"]

#: environment variable that names the folder in which what was made is kept
CACHE = "AXBAR_CACHE"

_SIZE, _MARGIN, _PLACES = 64, 10, 44
_SPEED = 0.5  # λ of the mean medium
_LAMBDA = (0.1, 0.7)  # bounds of a random one
_CORRELATION = 8.0  # cells over which the speed changes
_STEPS, _EVERY = 128, 2  # steps listened to; microphones take one sample per so many of them
_FIELD_STEPS = 100
_BLOCK = 4  # places per side of a block that is held out
_TEST_SHARE = 0.2
#: rows and columns of the microphones
_RECEIVERS = ((4, 20), (4, 43), (20, 4), (43, 4), (59, 20), (59, 43), (20, 59), (43, 59))
_FORMAT = 1  # of what is kept; another number makes it anew


@dataclass(frozen=True)
class WaveOptions:
    """How hard the task is.

    Args:
        cells: of the grid of classes, per side.
        plain: the published task: the last field, no noise, one medium, places held out at random. Others are ignored.
        noise: standard deviation over the loudest value of a sample.
        contrast: relative spread of the mean speed of waves; half as much from place to place.
        origin: the membrane is hit up to so many samples after the recording starts.
        held_out: ``blocks`` or ``random`` places.
        seed: of medium, noise and choice of places.

    Raises:
        UsageError: a value is out of range.
    """

    cells: int = 3
    plain: bool = False
    noise: float = 0.05
    contrast: float = 0.3
    origin: int = 16
    held_out: str = "blocks"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (("cells", 1, 44), ("noise", 0, 10), ("contrast", 0, 0.4), ("origin", 0, 48)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"{name} = {value} of the waves is out of range; give {low} to {high}.")
        if self.held_out not in ("blocks", "random"):
            raise UsageError(unknown_name("choice of held-out places", self.held_out, ("blocks", "random")))


def read_waves(cells: int, given: Mapping[str, str]) -> Raw:
    """Return the task with options as written behind its name, from the cache or made now.

    Raises:
        UsageError: an option is unknown or out of range.
    """
    options = _options_of(given, WaveOptions(cells=cells))
    kept = _folder() / f"waves-{_key(options)}.npz"
    found = _from_cache(kept)
    if found is None:
        with _bar() as progress:
            found = make_waves(options, progress)
        _to_cache(kept, found)
    return found


def make_waves(options: WaveOptions, progress: Progress | None = None) -> Raw:
    """Make the task: 1,936 samples, a fifth of them for testing.

    Images are ``[2, 8, 64]``, microphones by time; of the plain task ``[2, 64, 64]``.
    """
    rng = np.random.default_rng(options.seed)
    places = np.stack(np.meshgrid(*[np.arange(_PLACES)] * 2, indexing="ij"), -1).reshape(-1, 2)
    heard = _fields(places, progress) if options.plain else _recordings(places, options, rng, progress)
    images = np.stack((np.maximum(heard, 0), np.maximum(-heard, 0)), axis=1)
    images = (images / images.max()).astype(np.float32)
    cell = options.cells * places // _PLACES
    labels = cell[:, 0] * options.cells + cell[:, 1]
    blocks = options.held_out == "blocks" and not options.plain
    test = _held_out(places, blocks, rng)
    parts: list[Pair] = [(images[part], labels[part].astype(np.int64)) for part in (~test, test)]
    linear = ridge_accuracy(parts[0], parts[1])
    names = tuple(f"{row},{column}" for row in range(options.cells) for column in range(options.cells))
    return Raw(parts[0], parts[1], names, (f"a linear classifier gets {linear:.1%} of the test part right",))


def _fields(places: NDArray[np.int64], progress: Progress | None) -> NDArray[np.float32]:
    # the first step of the published generator, so that its figures can be compared
    return waves(
        (places + _MARGIN).astype(np.float64), _SPEED, _FIELD_STEPS, start="first", progress=progress
    )


def _recordings(
    places: NDArray[np.int64], options: WaveOptions, rng: np.random.Generator, progress: Progress | None
) -> NDArray[np.float32]:
    """Return what microphones hear, ``[B, receivers, samples]``."""
    count = len(places)
    whole = 1 + options.contrast * rng.uniform(-1, 1, (count, 1, 1))
    local = np.clip(smooth_noise(count, _SIZE, _CORRELATION, rng), -2, 2)
    lam = np.clip(_SPEED * whole * (1 + 0.5 * options.contrast * local), *_LAMBDA).astype(np.float32)
    spots = np.array(_RECEIVERS, dtype=np.int64)
    heard = waves((places + _MARGIN).astype(np.float64), lam, _STEPS, receivers=spots, progress=progress)[
        ..., ::_EVERY
    ]
    late = rng.integers(0, options.origin + 1, count)
    moment = np.arange(heard.shape[-1]) - late[:, None]
    heard = np.take_along_axis(heard, np.maximum(moment, 0)[:, None], -1) * (moment >= 0)[:, None]
    loudest = np.abs(heard).max(axis=(1, 2), keepdims=True)
    return heard / loudest + options.noise * rng.standard_normal(heard.shape, dtype=np.float32)


def _held_out(places: NDArray[np.int64], blocks: bool, rng: np.random.Generator) -> NDArray[np.bool_]:
    group = places // (_BLOCK if blocks else 1)
    number = group[:, 0] * _PLACES + group[:, 1]
    each = rng.permutation(np.unique(number))
    return np.isin(number, each[: round(_TEST_SHARE * len(each))])


def _options_of(given: Mapping[str, str], defaults: WaveOptions) -> WaveOptions:
    known = [f.name for f in fields(WaveOptions) if f.name != "cells"]
    values: dict[str, Any] = {}
    for key, text in given.items():
        if key not in known:
            raise UsageError(unknown_name("option of the waves", key, known))
        kind = type(getattr(defaults, key))
        if kind is str:
            values[key] = text
        elif not re.fullmatch(r"\d+(\.\d+)?([eE][+-]?\d+)?" if kind is float else r"\d+", text):
            raise UsageError(
                f"{key} = '{text}' is no {'number' if kind is float else 'whole number'} from 0."
            )
        else:
            values[key] = kind(float(text)) if kind is float else kind(int(text))
    return replace(defaults, **values)


# --- kept from one call to the next


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(os.environ.get(CACHE) or (Path(base) if base else Path.home() / ".cache") / "axbar")


def _key(options: WaveOptions) -> str:
    text = repr((_FORMAT, sorted(asdict(options).items())))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _from_cache(path: Path) -> Raw | None:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            parts = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
            return Raw(parts[0], parts[1], tuple(arrays["classes"].tolist()), tuple(arrays["notes"].tolist()))
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        zipfile.BadZipFile,
    ):  # missing, or cut off: it is made anew
        return None


def _to_cache(path: Path, made: Raw) -> None:
    assert made.test is not None
    stream = io.BytesIO()
    np.savez(
        stream, x_train=made.train[0], y_train=made.train[1], x_test=made.test[0], y_test=made.test[1],
        classes=np.array(made.classes), notes=np.array(made.notes),
    )  # fmt: skip
    try:
        write_atomic(path, stream.getvalue())
    except AxbarError:
        return  # no place to keep it; the next call makes it again


@contextmanager
def _bar() -> Iterator[Progress | None]:
    """Show how far the waves are, on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("waves", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
