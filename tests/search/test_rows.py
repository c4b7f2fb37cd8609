"""What is said of one design: its accuracy and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, t

from axbar.search.rows import headline


@pytest.mark.parametrize(
    ("right", "images"), [(0, 20), (1, 20), (10, 20), (20, 20), (873, 1000), (9999, 10_000)]
)
def test_the_interval_of_one_count_is_that_of_wilson(right: int, images: int) -> None:
    wanted = binomtest(right, images).proportion_ci(method="wilson")
    mean, low, high = headline({"images": images, "float": right / images, "digital": None, "dies": []})
    assert mean == right / images
    assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_the_interval_of_dies_adds_that_of_student() -> None:
    dies = [0.8, 0.86, 0.83]
    wanted = binomtest(83, 100).proportion_ci(method="wilson")
    half = t.ppf(0.975, 2) * np.std(dies, ddof=1) / np.sqrt(3)
    mean, low, high = headline({"images": 100, "float": 0.9, "digital": 0.9, "dies": dies})
    assert mean == pytest.approx(0.83)
    assert low == pytest.approx(0.83 - np.hypot(0.83 - wanted.low, half))
    assert high == pytest.approx(0.83 + np.hypot(wanted.high - 0.83, half))
