"""Make the embedded part of Fashion-MNIST from the published files.

Usage: python scripts/make_fashion_subset.py FOLDER [OUTPUT]

FOLDER holds the four IDX files (``.gz`` or not). Where it also holds ``split_uncertain.npz`` (arrays
``train`` and ``t10k``: positions whose membership of the original parts is not certain), those images are
left out. OUTPUT defaults to the file in the package.
"""

from __future__ import annotations

import io
import lzma
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from axbar.data import _embedded
from axbar.data._arrays import Pair
from axbar.data._idx import read_idx_folder
from axbar.data._splits import balanced_order

SEED = 20170828  # the day Fashion-MNIST came out
PER_CLASS = {"train": 600, "test": 200}


def choose(pair: Pair, per_class: int, barred: NDArray[np.int64], rng: np.random.Generator) -> Pair:
    """Return ``per_class`` images of each class at random, in class turns, none of them ``barred``."""
    images, labels = pair
    allowed = np.ones(len(labels), dtype=bool)
    allowed[barred] = False
    picked = np.concatenate(
        [rng.permutation(np.flatnonzero(allowed & (labels == k)))[:per_class] for k in np.unique(labels)]
    )
    picked = picked[balanced_order(labels[picked])]
    return images[picked], labels[picked]


def main(folder: Path, output: Path) -> None:
    """Read, choose, pack and write."""
    raw = read_idx_folder(folder)
    assert raw.test is not None, f"{folder} has no t10k files"
    barred_file = folder / "split_uncertain.npz"
    barred = dict(np.load(barred_file)) if barred_file.is_file() else {}
    none = np.empty(0, dtype=np.int64)
    rng = np.random.default_rng(SEED)
    train = choose(raw.train, PER_CLASS["train"], barred.get("train", none), rng)
    test = choose(raw.test, PER_CLASS["test"], barred.get("t10k", none), rng)
    plain = io.BytesIO()
    np.savez(
        plain,
        x_train=train[0][:, 0],
        y_train=train[1].astype(np.uint8),
        x_test=test[0][:, 0],
        y_test=test[1].astype(np.uint8),
    )
    packed = lzma.compress(plain.getvalue(), preset=9 | lzma.PRESET_EXTREME)
    output.write_bytes(packed)
    sys.stdout.write(f"{output}: {len(train[1])} + {len(test[1])} images, {len(packed)} bytes\n")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    default = Path(_embedded.__file__).parent / _embedded.FILE
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else default)
