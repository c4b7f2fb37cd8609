"""The data set that comes with the package."""

from __future__ import annotations

import doctest
import importlib
import os
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest

from axbar.data import load_data
from axbar.data._embedded import FILE, licence_text, read_embedded
from axbar.data._readers import locate, read_folder

#: changes with any pixel, label or the choice of calibration images
HASH = "dbae4ffaf65765ea"


def test_sizes_balance_and_hash() -> None:
    data = load_data("fashion-mnist-small")
    assert (len(data.train), len(data.calibration), len(data.test)) == (5488, 512, 2000)
    together = np.bincount(np.concatenate([data.train.y, data.calibration.y]))
    assert together.tolist() == [600] * 10
    assert np.bincount(data.test.y).tolist() == [200] * 10
    assert set(np.bincount(data.calibration.y)) == {51, 52}
    assert data.train.x.dtype == np.uint8
    assert data.hash() == HASH


def test_any_first_images_are_balanced() -> None:
    data = load_data("fashion-mnist-small")
    assert np.bincount(data.test.y[:50]).tolist() == [5] * 10
    assert np.bincount(data.calibration.y[:100]).tolist() == [10] * 10


def test_pixels_look_like_fashion_mnist() -> None:
    mean = load_data("fashion-mnist-small").train.images().mean()
    assert mean == pytest.approx(0.28604, abs=0.005)  # of the whole published set


def test_no_image_is_in_two_parts() -> None:
    data = load_data("fashion-mnist-small")
    parts = [{x.tobytes() for x in part.x} for part in (data.train, data.calibration, data.test)]
    assert sum(len(p) for p in parts) == len(set().union(*parts)) == 8000


def test_it_is_attributed_and_small() -> None:
    data = load_data("fashion-mnist-small")
    assert "MIT" in data.licence
    assert "1708.07747" in data.source
    assert "Zalando SE" in licence_text()
    assert "Permission is hereby granted" in licence_text()
    assert len(files("axbar.data").joinpath(FILE).read_bytes()) < 4_000_000


def test_two_loads_do_not_share_memory() -> None:
    first, second = read_embedded(), read_embedded()
    first.train[0][:] = 0
    assert second.train[0].max() == 255


def test_the_images_are_the_published_ones() -> None:
    root = os.environ.get("AXBAR_DATA", "")
    from pathlib import Path

    places = [Path(root) / name for name in ("fashion-mnist", "FashionMNIST")] if root else []
    folder = next((p for p in places if p.is_dir() and locate(p)), None)
    if folder is None:
        pytest.skip("AXBAR_DATA names no folder with Fashion-MNIST")
    published, data = read_folder(folder), load_data("fashion-mnist-small")
    assert published.test is not None
    for (images, labels), parts in (
        (published.train, (data.train, data.calibration)),
        (published.test, (data.test,)),
    ):
        known = {(x.tobytes(), int(y)) for x, y in zip(images, labels, strict=True)}
        for part in parts:
            assert {(x.tobytes(), int(y)) for x, y in zip(part.x, part.y, strict=True)} <= known


def test_loading_needs_no_torch() -> None:
    code = "import sys, axbar.data as d; d.load_data('fashion-mnist-small'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["_types", "_splits", "_load", "_check"])
def test_examples_in_docstrings(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"axbar.data.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
