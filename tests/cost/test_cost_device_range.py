"""What ``evaluate`` refuses does not fit here: the same conditions, the same sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cost_cases import chip, small_network
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar import devices, registry
from axbar.cost import estimate
from axbar.errors import SpecError
from axbar.spec import ImcSpec

LAW = settings(max_examples=60, deadline=None)

NETWORK = small_network()


def refusal(spec: ImcSpec) -> str:
    """What ``evaluate`` says, or nothing."""
    try:
        devices.check(spec.device, spec.read.v_read_V)
    except SpecError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device.g_on_S": 100e-6}, "device.g_on_S = 100 µS is beyond the device's range"),
        ({"device.age_s": 0.5}, "before the first read of 'rram-neurram' at 1 s"),
        ({"device": "pcm-hermes-msf", "device.age_s": 200.0}, "before the first read of 'pcm-hermes-msf' at 300 s"),
        ({"device": "rram-hfo2", "device.g_off_S": 1e-6}, "device.g_off_S = 1.00 µS is beyond the device's range"),
        ({"device": "rram-hfo2", "read.v_read_V": 0.8}, "beyond the I-V curve of 'rram-hfo2'"),
        ({"device.stuck_on": 0.7, "device.stuck_off": 0.7}, "add up to more than 1"),
        ({"device.custom.drift_nu0": 0.1}, "device.custom.* holds laws, but the device is 'rram-neurram'"),
        ({"device": "custom", "device.custom.drift_nu0": 0.1, "device.custom.t0_s": 5.0}, "at 5 s"),
    ],
)  # fmt: skip
def test_one_chip_is_a_result_with_the_reason_of_evaluate(changes: dict[str, Any], said: str) -> None:
    spec = chip().replace(changes)
    done = estimate(NETWORK, spec)
    assert not done.feasible[0]
    assert said in done.reasons[0] and refusal(spec) in done.reasons[0]
    assert np.isfinite(done.total("energy_J")).all()


def test_a_sweep_marks_its_points() -> None:
    sweep = {"device.g_on_S": [30e-6, 40e-6, 41e-6], "device.age_s": [1.0, 3600.0, 3600.0]}
    done = estimate(NETWORK, chip(), sweep)
    assert done.feasible.tolist() == [True, True, False]
    assert done.reasons[0] == done.reasons[1] == "" and "41.0 µS is beyond" in done.reasons[2]


def test_devices_swept_by_name_are_at_home_in_their_own_ranges() -> None:
    names = [n for n in registry.names("devices") if registry.get("devices", n).max_cell_bits >= 1]
    done = estimate(NETWORK, chip(crossbar__cell_bits=1), {"device": names})
    assert done.feasible.all(), done.reasons


@LAW
@given(
    st.sampled_from(registry.names("devices")),
    st.fixed_dictionaries(
        {},
        optional={
            "device.g_on_S": st.floats(1e-7, 1e-3),
            "device.g_off_S": st.floats(0, 1e-4),
            "device.age_s": st.sampled_from([0.0, 0.5, 1.0, 20.0, 199.0, 300.0, 1e5]),
            "device.drift": st.sampled_from([0.0, 1.0]),
            "device.flicker_noise": st.sampled_from([0.0, 1.0]),
            "device.nonlinearity": st.sampled_from([0.0, 1.0]),
            "device.stuck_on": st.sampled_from([0.0, 0.5, 0.6]),
            "device.stuck_off": st.sampled_from([0.0, 0.5, 0.6]),
            "device.custom.drift_nu1": st.sampled_from([0.0, 0.1]),
            "device.custom.retention_c1": st.sampled_from([0.0, 0.1]),
            "device.custom.t0_s": st.sampled_from([0.5, 1.0, 400.0]),
            "read.v_read_V": st.sampled_from([0.1, 0.5, 0.6]),
        },
    ),
)
def test_the_rule_is_the_check(name: str, numbers: dict[str, float]) -> None:
    base = chip(crossbar__cell_bits=1).replace({"device": name})
    assert isinstance(base, ImcSpec)
    done = estimate(NETWORK, base, {path: [value] for path, value in numbers.items()})
    device = base.device.model_copy(
        update={
            p.split(".")[1]: v for p, v in numbers.items() if p.count(".") == 1 and p.startswith("device.")
        }
        | {
            "custom": base.device.custom.model_copy(
                update={p.split(".")[2]: v for p, v in numbers.items() if p.count(".") == 2}
            )
        }
    )
    try:
        devices.check(device, numbers.get("read.v_read_V", 0.1))
        said = ""
    except SpecError as error:
        said = str(error)
    turned = device.g_on_S <= device.g_off_S
    assert done.feasible[0] == (said == "" and not turned), (said, done.reasons)
    assert said in done.reasons[0]
