"""The data set that comes with the package: a balanced part of Fashion-MNIST.

6,000 training and 2,000 test images (600 and 200 per class), grey, 28x28, in class turns so that any first 10
n images are balanced. One xz file around an uncompressed ``.npz``; written by
``scripts/make_fashion_subset.py``. Reference: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image
Dataset for Benchmarking Machine Learning Algorithms", arXiv:1708.07747, 2017.
"""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files

import numpy as np

from axbar.data._arrays import Raw
from axbar.errors import DataError

__all__ = ["FILE", "LICENCE_FILE", "licence_text", "read_embedded"]

FILE = "fashion_mnist_small.npz.xz"
LICENCE_FILE = "FASHION_MNIST_LICENSE.txt"


@cache
def _unpacked() -> bytes:
    try:
        import lzma
    except ImportError as error:
        raise DataError(
            "the embedded data set is packed with xz, which this Python was built without; install a Python "
            "that has the standard module lzma, or give other data."
        ) from error
    return lzma.decompress(files("axbar.data").joinpath(FILE).read_bytes())


def read_embedded() -> Raw:
    """Return the embedded images and labels, a fresh copy at each call."""
    with np.load(io.BytesIO(_unpacked()), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    parts = [(found[f"x_{part}"][:, None], found[f"y_{part}"].astype(np.int64)) for part in ("train", "test")]
    return Raw(parts[0], parts[1])


def licence_text() -> str:
    """Return the licence under which the embedded images stand."""
    return files("axbar.data").joinpath(LICENCE_FILE).read_text(encoding="utf-8")
