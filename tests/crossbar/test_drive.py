"""How operands drive the rows."""

from __future__ import annotations

import pytest
import torch

from axbar.crossbar._drive import Drive, drive_for, drive_of_range, pulses_of
from axbar.errors import ModelError


def test_planes_add_up_to_the_code() -> None:
    drive = Drive("real", bits=3, scale=0.5)
    x = torch.tensor([0.0, 0.5, -1.0, 3.5, 9.0, -9.0, 0.7])
    codes = drive.encode(x, "fc")
    assert codes.tolist() == [0, 1, -2, 7, 7, -7, 1]
    planes, weights = pulses_of(codes, drive)
    assert set(planes.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(sum(p * w for p, w in zip(planes, weights, strict=True)), codes)


def test_reads_without_pulses_are_left_out() -> None:
    drive = Drive("real", bits=8, scale=1.0)
    planes, weights = pulses_of(torch.tensor([0.0, 5.0]), drive)
    assert weights == [1, 2, 4] and len(planes) == 3
    planes, weights = pulses_of(torch.zeros(4), drive)
    assert planes.tolist() == [[0.0] * 4] and weights == [1]


def test_signed_spikes_take_two_reads() -> None:
    planes, weights = pulses_of(torch.tensor([1.0, -1.0, 0.0]), Drive("signed"))
    assert weights == [1, -1]
    assert planes.tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("largest", "coding", "expected"),
    [
        (1.0, "spikes", Drive("spikes")),
        (1.0, "signed", Drive("signed")),
        (0.25, "signed", Drive("signed", scale=0.25)),
        (2.0, "real", Drive("real", 4, 2 / 15)),
        (0.0, "spikes", None),
    ],
)
def test_choice_after_calibration(largest: float, coding: str, expected: Drive | None) -> None:
    assert drive_of_range(largest, coding, 4) == expected


def test_choice_without_calibration() -> None:
    assert drive_for(torch.tensor([0.0, 1.0]), 8, "fc").coding == "spikes"
    assert drive_for(torch.tensor([0.0, 0.5]), 8, "fc") == Drive("real", 8, 1 / 255)
    with pytest.raises(ModelError, match=r"'fc' spans -1 to 2.*data="):
        drive_for(torch.tensor([-1.0, 2.0]), 8, "fc")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("drive", [Drive("spikes"), Drive("signed"), Drive("real", 4, 0.1)])
def test_bad_numbers_are_refused(drive: Drive, bad: float) -> None:
    with pytest.raises(ModelError, match="layer 'fc'"):
        drive.encode(torch.tensor([0.0, bad]), "fc")


def test_values_between_spikes_are_refused() -> None:
    with pytest.raises(ModelError, match=r"calibrated on spikes.*other than 0 or 1"):
        Drive("spikes").encode(torch.tensor([0.0, 0.5]), "fc")


def test_spikes_of_another_value_are_spikes() -> None:
    drive, x = Drive("signed", scale=0.3), torch.tensor([0.3, 0.0, -0.3])
    assert drive.encode(x, "fc").tolist() == [1, 0, -1]
    torch.testing.assert_close(drive.quantised(x, drive.encode(x, "fc")), x)
    with pytest.raises(ModelError, match=r"other than -0.3, 0 or 0.3"):
        drive.encode(torch.tensor([0.3, 1.0]), "fc")


def test_half_precision_inputs_get_the_same_codes() -> None:
    drive = Drive("real", 8, 1 / 255)
    x = (torch.arange(256) / 255).half()
    assert torch.equal(drive.encode(x, "fc"), drive.encode(x.float(), "fc"))
