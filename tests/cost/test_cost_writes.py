"""Wear of cells that are written at run time, the note on it, and what programming leaves to it."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import attention, chip, small_network

from axbar.cost import cell_life_s, estimate, programming, wear, wear_of
from axbar.cost._wear import duration
from axbar.devices import expected_writes
from axbar.errors import UsageError
from axbar.spec import load_hardware
from axbar.workload import shapes


def test_life_is_endurance_over_writes() -> None:
    lives = cell_life_s([1e6, 1e9, 1e6], [1.0, 1.0, 0.0], [1000.0, 1000.0, 5.0])
    assert lives.tolist() == [1e3, 1e6, np.inf]
    assert cell_life_s(1e9, 1.0, 1000.0) / 86_400 == pytest.approx(11.574, rel=1e-4)


def test_deit_wears_its_cells_out_in_days() -> None:
    found = wear(shapes.deit_s(), "imc-rram-clipformer", {"device.endurance": [1e6, 1e9]}, images_per_s=1000)
    assert found.life_s == pytest.approx([1e3, 1e6])
    assert found.cells.shape == (2, 24) and found.cells[0].sum() == 14_524_416
    assert (found.writes == 1).all()
    as_fast = wear(shapes.deit_s(), "imc-rram-clipformer")
    done = estimate(shapes.deit_s(), "imc-rram-clipformer")
    assert as_fast.images_per_s[0] == 1 / done.interval_s[0]
    assert as_fast.life_days[0] == pytest.approx(1e6 * done.interval_s[0] / 86_400)
    told = found.to_dict(1)
    assert told["cells_per_image"] == 14_524_416 and told["life_s"] == pytest.approx(1e6)
    assert told["cells_by_layer"]["blocks.0.attn.mix"] == 605_184
    assert found.text() == (
        "14,524,416 cells are written per image, each once: at 1e+03 images/s they last 17 minutes "
        "(endurance 1e+06 writes)."
    )


def test_what_wears_nothing_lives_for_ever() -> None:
    found = wear(attention(), chip(), {"run_time.unit": ["nvm", "sram", "digital"]})
    assert np.isfinite(found.life_s).tolist() == [True, False, False]
    assert (found.cells.sum(axis=1) > 0).tolist() == [True, True, False]
    assert found.to_dict(1)["life_days"] is None
    assert "no known wear" in found.text(1) and found.text(2) == "No cell is written at run time."


def test_verified_cells_are_written_more_often() -> None:
    base = load_hardware("imc-rram-clipformer")
    tolerance = [0.0, 0.2, 0.05]
    done = estimate(attention(), base, {"device.verify_tolerance": tolerance})
    expected = [
        expected_writes(base.replace({"device.verify_tolerance": t, "device.program_noise": 1.0}).device, 2)  # pyright: ignore[reportAttributeAccessIssue]
        for t in tolerance
    ]
    assert expected[0] == 1 and expected[2] > expected[1] > 1
    at = done.components.index("writes")
    energy, time = done.energy_J[:, :, at].sum(axis=1), done.latency_s[:, :, at].sum(axis=1)
    assert energy / energy[0] == pytest.approx(expected) and time / time[0] == pytest.approx(expected)
    found = wear_of(done, images_per_s=1.0)
    assert found is not None
    assert found.writes == pytest.approx(expected)
    assert found.life_s == pytest.approx(1e6 / np.array(expected))


def test_how_often_is_decided_by_the_noise_of_what_is_written_not_of_weights() -> None:
    base = load_hardware("imc-rram-clipformer", {"device.verify_tolerance": 0.1})
    changes = {"run_time.write_noise": [1.0, 0.0, 1.0], "device.program_noise": [0.05, 0.05, 2.0]}
    found = wear_of(estimate(attention(), base, changes), images_per_s=1.0)
    assert found is not None
    assert found.writes[1] == 1 and found.writes[0] == found.writes[2] > 1.5


def test_the_note_names_life_and_pace_at_the_chips_own_rate() -> None:
    done = estimate(attention(), "imc-rram-clipformer", {"run_time.unit": ["nvm", "sram"]})
    found = wear_of(done)
    assert found is not None
    life = duration(float(found.life_s[0]))
    note = next(note for note in done.notes if "wear" in note)
    assert note.startswith(
        f"operands written at run time (keys and values) wear the cells out after {life} at "
    )
    assert note in done.warnings[0] and "wear" not in done.warnings[1]
    immortal = estimate(attention(), chip(run_time__unit="nvm", device="ideal"))
    assert not any("wear" in note for note in immortal.notes)


def test_programming_leaves_out_what_is_written_at_run_time() -> None:
    found = programming(attention(), chip(run_time__unit="nvm"))
    assert (found.cells[0] > 0).tolist() == [True, False, False, True]
    weights = 12 * 36 + 12 * 12
    spec = chip()
    slices = -(-(spec.crossbar.weight_bits - 1) // spec.crossbar.cell_bits)
    assert found.cells[0].sum() == weights * 2 * slices


def test_rewritten_sram_may_be_switched_off() -> None:
    """Nothing is lost where the next image is written anew; cells of weights in SRAM stay on."""
    for device, cell in (("rram-neurram", 2), ("sram", 1)):
        spec = chip(run_time__unit="sram", device=device, crossbar__cell_bits=cell, chip__wake_s=0)
        done = estimate(attention(), spec)
        at = done.components.index("leakage")
        power, cells = done.leakage_W[0].sum(axis=1), done.leakage_W[0, :, done.components.index("cells")]
        buffer = done.leakage_W[0, :, done.components.index("global_buffer")]
        kept = buffer + cells * np.array([1, 0, 0, 1])
        busy, whole = done.by_layer("latency_s")[0], done.total("latency_s")[0]
        np.testing.assert_allclose(done.energy_J[0, :, at], (power - kept) * busy + kept * whole, rtol=1e-9)


def test_what_has_no_wear_is_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="writes nothing at run time for 'small'"):
        wear(small_network(), chip())
    assert wear_of(estimate(small_network(), chip())) is None
    for rate in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(UsageError, match="images_per_s is"):
            wear(attention(), chip(), images_per_s=rate)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1000.0, "17 minutes"),
        (7200.0, "2 hours"),
        (3e8, "9.5 years"),
        (1.0, "1 seconds"),
        (0.01, "0.01 seconds"),
    ],
)
def test_durations_are_read_by_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_an_estimate_states_the_wear_of_what_is_written() -> None:
    from axbar.report._tables import estimate_blocks

    found = estimate(shapes.vit_tiny(width=32, depth=1), "imc-rram-clipformer")
    assert found.wear is not None
    assert found.to_dict()["wear"]["cells_per_image"] == found.wear.cells.sum()
    assert found.wear.text() in estimate_blocks(found)
    plain = estimate(shapes.cnn(), "imc-rram-clipformer")
    assert plain.wear is None and plain.to_dict()["wear"] is None
