"""Parts of a data set: values, batches, choices, hash, the tuning view."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from data_makers import grey

from axbar.data import Dataset, Split, TuningData, check_fits
from axbar.errors import DataError, UsageError


def part(count: int = 12, role: str = "train") -> Split:
    x, y = grey(count)
    return Split(x[:, None], y.astype(np.int64), role)  # pyright: ignore[reportArgumentType]


def dataset(count: int = 60, **more: object) -> Dataset:
    x, y = grey(count)
    t, u = grey(20, seed=1)
    return Dataset.from_arrays("tiny", (x[:, None], y), (t[:, None], u), **more)  # pyright: ignore[reportArgumentType]


def test_images_are_exact_255ths() -> None:
    split = Split(np.array([0, 51, 255], dtype=np.uint8).reshape(1, 1, 1, 3), np.array([0]), "train")
    got = split.images()
    assert got.dtype == np.float32
    assert got.ravel().tolist() == [0.0, np.float32(51) / np.float32(255), 1.0]


@pytest.mark.parametrize("index", [slice(2, 5), [2, 3, 4], np.array([2, 3, 4])])
def test_images_take_slices_lists_and_arrays(index: object) -> None:
    split = part()
    assert np.array_equal(split.images(index), split.x[2:5] / np.float32(255))  # pyright: ignore[reportArgumentType]
    assert split.labels(index).tolist() == [2, 3, 0]  # pyright: ignore[reportArgumentType]


def test_one_image_keeps_its_axis() -> None:
    assert part().images(3).shape == (1, 1, 6, 6)
    assert part().images([]).shape == (0, 1, 6, 6)


def test_float_images_are_copied_not_shared() -> None:
    x = np.zeros((2, 1, 2, 2), dtype=np.float32)
    split = Split(x, np.array([0, 1]), "test")
    split.images(slice(None))[:] = 1
    assert x.max() == 0


def test_batches_cover_everything_once_in_order() -> None:
    split = part(10)
    sizes, labels = zip(*((len(x), y) for x, y in split.batches(4)), strict=True)
    assert sizes == (4, 4, 2)
    assert np.concatenate(labels).tolist() == split.y.tolist()


def test_shuffled_batches_are_a_permutation_given_by_the_rng() -> None:
    split = part(30)
    first, again, other = (
        np.concatenate([x for x, _ in split.batches(7, np.random.default_rng(seed))]) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    key = lambda x: sorted(image.tobytes() for image in x)  # noqa: E731
    assert key(first) == key(split.images())


def test_shuffle_false_keeps_the_order_despite_an_rng() -> None:
    split = part(9)
    labels = [y for _, y in split.batches(4, np.random.default_rng(0), shuffle=False)]
    assert np.concatenate(labels).tolist() == split.y.tolist()


def test_batches_refuse_nonsense() -> None:
    with pytest.raises(UsageError, match="batch_size = 0"):
        part().batches(0)
    with pytest.raises(UsageError, match="rng="):
        part().batches(4, shuffle=True)


def test_balanced_takes_the_first_of_each_class_in_turn() -> None:
    split = Split(part(6).x, np.array([0, 0, 0, 1, 1, 2]), "test")
    chosen = split.balanced(4)
    assert chosen.y.tolist() == [0, 1, 2, 0]
    assert np.array_equal(chosen.x, split.x[[0, 3, 5, 1]])
    assert split.balanced(6) is split
    assert split.balanced(100) is split
    with pytest.raises(UsageError, match="at least 1"):
        split.balanced(0)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.zeros((2, 4, 4), np.uint8), np.zeros(2, np.int64), r"\[N, C, H, W\]"),
        (np.zeros((2, 1, 4, 4), np.float64), np.zeros(2, np.int64), "float64"),
        (np.zeros((2, 1, 4, 4), np.uint8), np.zeros(3, np.int64), "one label per image"),
        (np.zeros((2, 1, 4, 4), np.uint8), np.zeros(2, np.int32), "int64"),
        (np.full((2, 1, 4, 4), 1.5, np.float32), np.zeros(2, np.int64), "0..1"),
        (np.full((2, 1, 4, 4), -0.1, np.float32), np.zeros(2, np.int64), "0..1"),
        (np.full((2, 1, 4, 4), np.nan, np.float32), np.zeros(2, np.int64), "nan"),
    ],
)
def test_wrong_arrays_are_refused(x: object, y: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Split(x, y, "train")  # pyright: ignore[reportArgumentType]


def test_calibration_is_a_tenth_at_most_and_512_at_most() -> None:
    assert len(dataset(60).calibration) == 6
    assert len(dataset(60, calibration=3).calibration) == 3
    x = np.zeros((6000, 1, 1, 1), np.uint8)
    y = np.arange(6000) % 10
    assert len(Dataset.from_arrays("many", (x, y), (x[:10], y[:10])).calibration) == 512


def test_too_few_images_to_calibrate_is_an_error() -> None:
    with pytest.raises(DataError, match="at least 10"):
        dataset(9)


def test_the_seed_decides_which_images_calibrate() -> None:
    assert dataset(seed=0).hash() == dataset(seed=0).hash()
    assert dataset(seed=0).hash() != dataset(seed=1).hash()


def test_tuning_holds_no_test_part() -> None:
    data = dataset()
    view = data.tuning()
    assert isinstance(view, TuningData)
    assert not isinstance(view, Dataset)
    assert view.train is data.train
    assert view.calibration is data.calibration
    assert "test" not in {f.name for f in fields(view)}
    held = [value for value in vars(view).values() if isinstance(value, Split)]
    assert {split.role for split in held} == {"train", "calibration"}
    for split in held:
        assert not np.shares_memory(split.x, data.test.x)


def test_hash_sees_pixels_labels_order_and_class_names_but_not_the_name() -> None:
    data = dataset()
    x = data.test.x.copy()
    x[0, 0, 0, 0] ^= 1
    y = data.test.y.copy()
    y[0] = (y[0] + 1) % 4
    changed = [
        replace(data, test=replace(data.test, x=x)),
        replace(data, test=replace(data.test, y=y)),
        replace(data, test=data.test.take(slice(None, None, -1))),
        replace(data, classes=("a", "b", "c", "d")),
    ]
    assert len({data.hash(), *(d.hash() for d in changed)}) == 5
    assert replace(data, name="other", notes=("x",)).hash() == data.hash()
    assert data.tuning().hash() != data.hash()


def test_subset_says_so() -> None:
    data = dataset()
    small = data.subset(test=8)
    assert len(small.test) == 8
    assert np.bincount(small.test.y).tolist() == [2, 2, 2, 2]
    assert small.train is data.train
    assert "test: 8 of 20" in small.notes[-1]
    assert data.subset().notes == data.notes


def test_a_part_can_not_pose_as_another() -> None:
    data = dataset()
    with pytest.raises(DataError, match="marked as train"):
        replace(data, test=data.train)


def test_labels_beyond_the_classes_are_refused() -> None:
    with pytest.raises(DataError, match=r"0\.\.2"):
        dataset(classes=("a", "b", "c"))


def test_parts_of_other_sizes_and_empty_parts_are_refused() -> None:
    data = dataset()
    with pytest.raises(DataError, match="1x3x6"):
        replace(data, test=replace(data.test, x=data.test.x[:, :, :3]))
    with pytest.raises(DataError, match="holds no images"):
        replace(data, test=data.test.take([]))


def test_check_fits() -> None:
    data = dataset()
    check_fits(data, (1, 6, 6), 4)
    check_fits(data.tuning(), [1, 6, 6])
    check_fits(data, (1, 6, 6), 10)  # numbered classes: the file may not show all
    with pytest.raises(DataError, match=r"'tiny' holds 1x6x6 images, but the network takes 3x32x32"):
        check_fits(data, (3, 32, 32), 4)
    with pytest.raises(DataError, match=r"has 4 classes, but the network tells 2 apart"):
        check_fits(data, (1, 6, 6), 2)
    with pytest.raises(DataError, match=r"classes=4"):
        check_fits(replace(data, classes=("a", "b", "c", "d")), (1, 6, 6), 10)
