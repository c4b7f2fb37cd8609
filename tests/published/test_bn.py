"""The study of batch norms at toy size, and the arithmetic behind its words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from axbar.cli._app import app
from axbar.data import Dataset, load_data
from axbar.errors import UsageError
from axbar.nn import build_model
from axbar.published import bn
from axbar.published.bn_cases import SCALES, Case, Scale, cases_of
from axbar.published.bn_claims import _bars
from axbar.published.bn_measure import Part, _die, measure
from axbar.published.bn_table import markdown

TOY = Scale(
    test=20, adapt=40, tune=20, epochs=1, adc=10, seeds=2, train_epochs=1, width=2, sigmas=(), tuned_sigmas=(),
    ages_s=(1e10,), tuned_ages_s=(), devices=("rram-bn",), tuned_128=(), fefet=(0.15,), r_min_ohm=(), tuned=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def small() -> Dataset:
    return load_data("fashion-mnist-small").subset(train=50, calibration=20, test=20)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, small: Dataset) -> Any:
    folder = tmp_path_factory.mktemp("bn")
    calls: list[tuple[str, int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCALES, "quick", TOY)
        patch.setattr("axbar.data.load_data", lambda *_, **__: small)
        study = bn.reproduce(folder, scale="quick", progress=lambda *now: calls.append(now))
        yield folder, study, calls


def test_every_case_is_a_row_and_the_figure_is_drawn(toy: Any) -> None:
    folder, study, calls = toy
    cases = cases_of(TOY)
    assert [row["flaw"] for row in study.rows] == [case.flaw for case in cases]
    assert calls[-1] == ("spiking-vgg9", sum(c.seeds for c in cases) - 1, sum(c.seeds for c in cases))
    assert "--weights" in study.settings["resnet20"]
    assert all(claim.ours and claim.gap for claim in study.claims)
    json.dumps(study.to_dict(), allow_nan=False)
    picture = ElementTree.parse(folder / "figure.svg").getroot()
    drawn = sum(1 for _ in picture.iter("{http://www.w3.org/2000/svg}circle"))
    assert drawn == 1 + sum(r["flaw"] != "parasitics + converters" and not _off_figure(r) for r in study.rows)
    assert (folder / "table.md").read_text(encoding="utf-8").count("\n| ") == 2 * 2 + len(cases) + 4


def _off_figure(row: Any) -> bool:
    return row["flaw"] == "ideal" or "R_min" in row["detail"] or row["device"] == "fefet-2bit"


def test_arms_that_were_not_run_are_empty(toy: Any) -> None:
    _, study, _ = toy
    tuned = {row["flaw"] for row in study.rows if row["tune_%"] is not None}
    assert tuned == {"parasitics"}
    assert study.rows[0]["adapt_%"] is None
    assert all(row["adapt_%"] is not None for row in study.rows[1:])


def test_a_second_call_measures_nothing_and_says_the_same(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, study, _ = toy
    monkeypatch.setattr(bn, "measure", lambda *_, **__: pytest.fail("measured again"))
    assert bn.reproduce(folder, scale="quick") == study


def test_only_the_die_whose_settings_changed_is_measured_again(
    toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, _ = toy
    measured: list[str] = []

    def count(part: Part, case: Case, scale: Scale, seed: int, tuned: bool) -> dict[str, Any]:
        measured.append(f"{case.name} {seed}")
        return measure(part, case, scale, seed, tuned)

    monkeypatch.setattr(bn, "measure", count)
    monkeypatch.setitem(SCALES, "quick", replace(TOY, ages_s=(1e5, 1e10)))
    bn.reproduce(folder, scale="quick")
    assert measured == ["drift-rram-bn-64-t100000s 0", "drift-rram-bn-64-t100000s 1"]


def test_only_convolutions_have_flaws(small: Dataset) -> None:
    network = build_model("spiking-vgg9", width=2, steps=2, input_shape=(1, 28, 28), classes=10)
    images = torch.from_numpy(small.calibration.images())
    die = _die(network, Case("parasitics").spec(), Case("parasitics").effects(), 0, images)
    for path, layer in die.chip_layers.items():
        same = np.array_equal(layer.effective_weight(), layer.ideal_weight())
        assert same == path.startswith("fc"), path


def test_pc2_grows_as_the_square_of_the_read_noise(small: Dataset) -> None:
    network = build_model("spiking-vgg9", width=2, steps=2, input_shape=(1, 28, 28), classes=10)
    part = Part("toy", network.eval(), small)
    low, high = (
        measure(part, Case("read noise", sigma=sigma), TOY, 0, False)["pc2_median"] for sigma in (0.05, 0.1)
    )
    assert 3.0 < high / low < 5.0


def test_every_chip_of_every_scale_can_be_built_and_has_a_file_of_its_own() -> None:
    for scale in SCALES.values():
        cases = cases_of(scale, fewer_images=True)
        assert len({case.name for case in cases}) == len(cases)
        assert all(case.tuned <= case.seeds for case in cases)
    full = cases_of(SCALES["full"])
    assert {case.spec().device.name for case in full} >= {"rram-bn", "pcm-bn-i", "pcm-bn-ii", "fefet-2bit"}


def test_another_cell_resistance_keeps_the_ratio() -> None:
    device = Case("parasitics", "pcm-bn-i", r_min_ohm=100e3).spec().device
    assert device.g_on_S == pytest.approx(1e-5)
    assert device.g_on_S / device.g_off_S == pytest.approx(40)


def test_the_recovered_share_is_of_the_dies_that_ran_the_arm() -> None:
    dies = [{"none": 0.5, "adapt": 0.7, "tune": None}, {"none": 0.1, "adapt": 0.9, "tune": 0.9}]
    assert bn._recovered(dies, "adapt", 0.9) == pytest.approx(100 * 0.5 / 0.6)
    assert bn._recovered(dies, "tune", 0.9) == pytest.approx(100)
    assert bn._recovered(dies, "adapt", 0.305) is None  # hardly a loss
    assert bn._recovered([{"none": 0.5, "tune": None}], "tune", 0.9) is None


def test_a_row_below_the_bar_is_named_in_the_claim_of_its_network(toy: Any) -> None:
    _, study, _ = toy

    def bars(share: float | None, pc2: float) -> Any:
        good, bad = {"adapt_recovered_%": 95.0, "pc2_max": 1e-4}, {"adapt_recovered_%": share, "pc2_max": pc2}
        rows = [
            {**row, "network": name, **(bad if name == "b" and row["device"] == "pcm-bn-i" else good)}
            for name in "ab"
            for row in _parasitics_of_two_devices(study)
        ]
        first, second = _bars(rows)
        assert first.agrees and first.what.startswith("a, ")
        return second

    assert bars(80.0, 1e-2).agrees
    missed = bars(79.0, 1e-2)
    assert not missed.agrees and "below 80 %: pcm-bn-i" in missed.ours and "(79 % recovered" in missed.ours
    beyond = bars(10.0, 2e-2)
    assert beyond.agrees and "PC2 beyond 0.01: pcm-bn-i" in beyond.ours
    unharmed = bars(None, 1e-4)
    assert unharmed.agrees and "lost less than a point: pcm-bn-i" in unharmed.ours


def _parasitics_of_two_devices(study: Any) -> list[Any]:
    row = next(row for row in study.rows if row["flaw"] == "parasitics" and row["array"] == 64)
    return [{**row, "device": device} for device in ("rram-bn", "pcm-bn-i")]


def test_the_bar_is_not_met_where_no_row_can_be_judged(toy: Any) -> None:
    _, study, _ = toy
    rows = _parasitics_of_two_devices(study)
    for left in ({"adapt_recovered_%": None, "pc2_max": 1e-4}, {"adapt_recovered_%": 99.0, "pc2_max": 0.1}):
        (claim,) = _bars([{**row, **left} for row in rows])
        assert not claim.agrees and "nan" not in claim.ours


def test_rows_with_converters_are_compared_with_ideal_arrays_on_the_same_images(
    small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bn, "measure", _as_good_as_there_are_images)
    monkeypatch.setattr(bn, "weights_hash", lambda _: "none")
    part = Part("toy", torch.nn.Identity(), small, adc_images=10)
    rows = bn._rows(tmp_path, part, TOY, 0, None)
    assert [row["flaw"] for row in rows][-2:] == ["ideal on fewer images", "parasitics + converters"]
    by_flaw = {row["flaw"]: row for row in rows}
    assert by_flaw["parasitics"]["lost_points"] == pytest.approx(50.0)  # of 20 images: 0.9 - 0.4
    converted = by_flaw["parasitics + converters"]
    assert converted["lost_points"] == pytest.approx(20.0)  # of 10 images: 0.6 - 0.4
    assert converted["adapt_recovered_%"] == pytest.approx(50.0)
    names = sorted(file.name for file in tmp_path.iterdir() if file.name.startswith("ideal"))
    assert names == ["ideal-on-fewer-images-rram-bn-64-seed0.json", "ideal-rram-bn-64-seed0.json"]


def _as_good_as_there_are_images(part: Part, case: Case, scale: Scale, seed: int, tuned: bool) -> Any:
    empty = dict.fromkeys(("tune", "pc2_median", "pc2_max", "gain", "residual"))
    if case.ideal:
        return {**empty, "none": 0.9 if part.test_images(case, scale) == 20 else 0.6, "adapt": None}
    return {**empty, "none": 0.4, "adapt": 0.5}


def test_ideal_arrays_are_measured_on_the_images_of_the_converters(small: Dataset) -> None:
    network = build_model("spiking-vgg9", width=2, steps=2, input_shape=(1, 28, 28), classes=10).eval()
    part = Part("toy", network, small, adc_images=10)
    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("axbar.published.bn_measure.accuracy", lambda _, test: seen.append(len(test)) or 0.5)
        for flaw in ("ideal", "ideal on fewer images", "parasitics + converters"):
            measure(part, Case(flaw), TOY, 0, False)
    assert seen == [20, 10, 10, 10]


def test_a_network_with_the_same_images_everywhere_has_one_ideal(toy: Any) -> None:
    _, study, _ = toy
    assert [row["flaw"] for row in study.rows if row["flaw"].startswith("ideal")] == ["ideal"]
    assert [case.flaw for case in cases_of(TOY)] == [
        case.flaw for case in cases_of(TOY, fewer_images=True) if case.flaw != "ideal on fewer images"
    ]


def test_the_settings_of_a_stored_die_are_those_of_earlier_versions(
    small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another key would measure again what took hours."""
    monkeypatch.setattr(bn, "measure", _as_good_as_there_are_images)
    bn._one(
        tmp_path, Part("toy", torch.nn.Identity(), small), Case("parasitics"), TOY, 0, True, {"data": "d"}
    )
    stored = json.loads((tmp_path / "parasitics-rram-bn-64-seed0.json").read_text(encoding="utf-8"))
    assert set(stored["settings"]) == {"data", "case", "chip", "seed", "tuned"}
    assert stored["settings"]["case"] == {
        "flaw": "parasitics", "device": "rram-bn", "array": 64, "sigma": 0.0, "age_s": None, "r_min_ohm": None,
        "seeds": 1, "tuned": 0,
    }  # fmt: skip


def test_the_table_has_a_column_for_each_recovered_share(toy: Any) -> None:
    _, study, _ = toy
    rows = [{**row, "adapt_recovered_%": None, "tune_recovered_%": 97.0} for row in study.rows[:1]]
    head, _, body = markdown(rows, {"spiking-vgg9": []}).splitlines()[2:5]
    cells = dict(zip(head.split(" | "), body.split(" | "), strict=True))
    assert cells["recovered by adaptation"] == "" and cells["by fine-tuning"] == "97 %"
    assert "adapt_recovered_%" in study.text()


def test_full_scale_needs_weights(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--weights"):
        bn.reproduce(tmp_path, scale="full")


def test_a_study_without_weights_refuses_them(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["reproduce", "timesteps", "--quick", "--weights", "w.npz", "--out", str(tmp_path / "t")]
    )
    assert done.exit_code == 2
    assert "takes no weights" in done.output
    assert not (tmp_path / "t").exists()
