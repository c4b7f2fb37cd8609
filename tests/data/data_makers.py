"""Writers of tiny data sets in the layouts that people have on disk."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def grey(
    count: int = 40, classes: int = 4, side: int = 6, seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return random grey images [N, side, side] and labels that go round the classes."""
    x = np.random.default_rng(seed).integers(0, 256, (count, side, side), dtype=np.uint8)
    return x, np.arange(count) % classes


def colour(count: int = 40, classes: int = 4, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return random colour images [N, 3, 32, 32] and labels."""
    x = np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    return x, np.arange(count) % classes


def idx_bytes(array: NDArray[Any]) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_idx(
    folder: Path, part: str, x: NDArray[Any], y: NDArray[Any], *, packed: bool = True, joint: str = "-"
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in ((f"images{joint}idx3", x), (f"labels{joint}idx1", y)):
        raw = idx_bytes(array)
        path = folder / f"{part}-{name}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(raw) if packed else raw)


def write_mnist_like(folder: Path, count: int = 40, *, packed: bool = True) -> tuple[Any, Any]:
    """Write both parts of a set with ten classes of 28x28 images; return the training part."""
    train, test = grey(count, 10, 28), grey(20, 10, 28, seed=1)
    write_idx(folder, "train", *train, packed=packed)
    write_idx(folder, "t10k", *test, packed=packed)
    return train


def write_cifar10_pickles(folder: Path, batches: int = 5, protocol: int = 2) -> NDArray[Any]:
    """Write pickled batches; return the training images."""
    folder.mkdir(parents=True)
    parts = []
    for i in range(1, batches + 1):
        x, y = colour(20, 10, seed=i)
        parts.append(x)
        dump(folder / f"data_batch_{i}", {b"data": x.reshape(20, -1), b"labels": y.tolist()}, protocol)
    x, y = colour(20, 10, seed=99)
    dump(folder / "test_batch", {b"data": x.reshape(20, -1), b"labels": y.tolist()}, protocol)
    dump(folder / "batches.meta", {b"label_names": [f"thing {i}".encode() for i in range(10)]}, protocol)
    return np.concatenate(parts)


def dump(path: Path, value: Any, protocol: int = 2) -> None:
    path.write_bytes(pickle.dumps(value, protocol=protocol))


def python2_batch(x: NDArray[Any], labels: list[int]) -> bytes:
    """Return a batch as Python 2 and its numpy wrote it: byte strings, no text, module ``numpy.core``."""
    flat = x.reshape(len(x), -1)

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    dtype = (
        b"cnumpy\ndtype\n"
        + text(b"u1")
        + b"K\x00K\x01\x87R(K\x03"
        + text(b"|")
        + b"NNN"
        + b"J\xff\xff\xff\xff" * 2
    )
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    shape = b"M" + struct.pack("<H", len(flat)) + b"M" + struct.pack("<H", flat.shape[1]) + b"\x86"
    content = b"T" + struct.pack("<I", flat.size) + flat.tobytes()
    state = b"(K\x01" + shape + dtype + b"K\x00tb\x89" + content + b"tb"
    numbers = b"](" + b"".join(b"K" + bytes([n]) for n in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + state + text(b"labels") + numbers + b"u."


def write_pgm(path: Path, image: NDArray[Any], comment: bytes = b"") -> None:
    """Write [H, W] as PGM or [H, W, 3] as PPM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    magic = b"P6" if image.ndim == 3 else b"P5"
    header = magic + b"\n" + comment + f"{image.shape[1]} {image.shape[0]}\n255\n".encode()
    path.write_bytes(header + image.astype(np.uint8).tobytes())


def write_pictures(
    folder: Path, classes: tuple[str, ...] = ("cat", "dog"), count: int = 10, side: int = 5
) -> None:
    """Write ``count`` grey PGM pictures into each class folder."""
    rng = np.random.default_rng(len(folder.name))
    for name in classes:
        for i in range(count):
            write_pgm(folder / name / f"{i:03d}.pgm", rng.integers(0, 256, (side, side), dtype=np.uint8))
