"""Which chips the study of batch norms measures, with which flaws, and how often: a table of cases.

Arms and settings are the same in every case; only the flaw differs. What a scale leaves out for time is an empty
cell of the table, never a smaller setting: ``tuned`` says on how many seeds gamma and beta are trained as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from axbar.spec import load_hardware
from axbar.spec.imc import ImcSpec

if TYPE_CHECKING:
    from axbar.crossbar import Effects

__all__ = ["BASE", "DEVICES", "SCALES", "Case", "Scale", "cases_of"]

#: the chip whose buffers, clock and converters the study takes; arrays, wires and cells are its own
BASE = "imc-rram-65nm"
#: on/off ratios 10, 40 and 80
DEVICES = ("rram-bn", "pcm-bn-i", "pcm-bn-ii")
#: Bhattacharjee et al. (third-party notes): driver 1 kohm, segments 5 / 10 ohm, sense 1 kohm
_WIRES = ("wires.r_driver_ohm=1000", "wires.r_row_ohm=5", "wires.r_col_ohm=10", "wires.r_sense_ohm=1000")
#: sigma of one read at ``device.read_noise`` = 1, of the conductance, in all presets used here
_PRESET_SIGMA = 0.1
#: bits of a cell where the device holds fewer than the four of the study
_CELL_BITS = {"fefet-2bit": 2}
_IDEAL = ("ideal", "ideal on fewer images")
_FLAWS = {
    "ideal": (),
    "ideal on fewer images": (),
    "parasitics": ("wires",),
    "read noise": ("read_noise",),
    "parasitics + read noise": ("wires", "read_noise"),
    "drift": ("drift",),
    "parasitics + converters": ("wires", "adc"),
}


@dataclass(frozen=True)
class Case:
    """One chip with one kind of flaw.

    Args:
        flaw: what the arrays suffer from, a key of the table of flaws.
        device: preset of the cell.
        array: word lines and bit lines of an array.
        sigma: of one read, of the conductance.
        age_s: time since programming.
        r_min_ohm: resistance of a cell when on; None for the preset's.
        seeds: dies, each with draws of its own; 1 where nothing is random.
        tuned: how many of them are fine-tuned.
    """

    flaw: str
    device: str = "rram-bn"
    array: int = 64
    sigma: float = 0.0
    age_s: float | None = None
    r_min_ohm: float | None = None
    seeds: int = 1
    tuned: int = 0

    @property
    def converters(self) -> bool:
        """Whether converters stand behind the columns."""
        return "adc" in _FLAWS[self.flaw]

    @property
    def ideal(self) -> bool:
        """Whether arrays have no flaw, and all others on as many images are compared with this case."""
        return self.flaw in _IDEAL

    @property
    def fewer_images(self) -> bool:
        """Whether a network that is slow to convert is measured on fewer images: with converters, and their ideal."""
        return self.converters or self.flaw == "ideal on fewer images"

    @property
    def has_wires(self) -> bool:
        """Whether arrays have wires."""
        return "wires" in _FLAWS[self.flaw]

    @property
    def name(self) -> str:
        """A name that tells the case from all others, fit for a file."""
        parts = [self.flaw.replace(" + ", "-").replace(" ", "-"), self.device, str(self.array)]
        parts += [f"sigma{self.sigma:g}"] if self.sigma else []
        parts += [f"t{self.age_s:g}s"] if self.age_s is not None else []
        parts += [f"r{self.r_min_ohm:g}"] if self.r_min_ohm is not None else []
        return "-".join(parts)

    @property
    def detail(self) -> str:
        """What sets the case apart within its flaw, for the table."""
        parts = [f"sigma {self.sigma:g}"] if self.sigma else []
        parts += [f"{self.age_s:.0e} s"] if self.age_s is not None else []
        parts += [f"R_min {self.r_min_ohm / 1e3:g} kohm"] if self.r_min_ohm is not None else []
        return ", ".join(parts)

    def effects(self) -> Effects:
        """Return the flaws that are switched on."""
        from axbar.crossbar import Effects

        return Effects.only(*_FLAWS[self.flaw])

    def spec(self) -> ImcSpec:
        """Return the chip: 8-bit weights in two 4-bit cells (more cells where they hold less), 8-bit converters."""
        overrides = [
            f"device={self.device}", "device.program_noise=0", f"device.read_noise={self.sigma / _PRESET_SIGMA:g}",
            f"crossbar.rows={self.array}", f"crossbar.cols={self.array}", "crossbar.weight_bits=8",
            f"crossbar.cell_bits={_CELL_BITS.get(self.device, 4)}", "adc.bits=8", *_WIRES,
        ]  # fmt: skip
        if self.age_s is not None:
            overrides.append(f"device.age_s={self.age_s!r}")
        if self.r_min_ohm is not None:
            plain = load_hardware(BASE, [f"device={self.device}"])
            assert isinstance(plain, ImcSpec)
            ratio = plain.device.g_on_S / plain.device.g_off_S
            overrides += [
                f"device.g_on_S={1 / self.r_min_ohm!r}",
                f"device.g_off_S={1 / self.r_min_ohm / ratio!r}",
            ]
        spec = load_hardware(BASE, overrides)
        assert isinstance(spec, ImcSpec)
        return spec


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Args:
        test: balanced test images of every row but those with converters.
        adapt, tune: training images of adaptation and fine-tuning.
        adc: test and adaptation images of the rows with converters of the conventional network, which reads
            every operand bit by bit.
        seeds: dies where something is random.
        train_epochs: of the spiking network.
        width: of the spiking network.
        sigmas, tuned_sigmas: read noise, and where it is fine-tuned.
        ages_s, tuned_ages_s: drift, and where it is fine-tuned.
        devices: all of ``DEVICES`` or the first.
        tuned_128: devices fine-tuned at 128 x 128.
        r_min_ohm: further resistances of a cell when on.
        tuned: dies that are fine-tuned where something is random.
        converted: devices measured with converters.
    """

    test: int | None = 1000
    adapt: int = 2000
    tune: int = 2000
    epochs: int = 5
    adc: int = 200
    seeds: int = 2
    train_epochs: int = 8
    width: int = 8
    sigmas: tuple[float, ...] = (0.05, 0.1, 0.2, 0.35)
    tuned_sigmas: tuple[float, ...] = (0.2,)
    ages_s: tuple[float, ...] = (1.0, 1e2, 1e4, 1e6, 1e10)
    tuned_ages_s: tuple[float, ...] = (1e10,)
    devices: tuple[str, ...] = DEVICES
    tuned_128: tuple[str, ...] = DEVICES[:1]
    fefet: tuple[float, ...] = (0.05, 0.15)
    r_min_ohm: tuple[float, ...] = (50e3, 100e3)
    tuned: int = 1
    converted: tuple[str, ...] = DEVICES[:1]


SCALES: dict[str, Scale] = {
    "quick": Scale(
        test=500, seeds=2, train_epochs=4, sigmas=(0.1, 0.35), tuned_sigmas=(), ages_s=(1.0, 1e4, 1e10),
        tuned_ages_s=(), devices=DEVICES[:1], tuned_128=(), fefet=(), r_min_ohm=(100e3,), tuned=0, adc=100,
    ),
    "default": Scale(),
    "full": Scale(
        test=None, adc=1000, seeds=5, train_epochs=20, width=64, sigmas=(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35),
        tuned_sigmas=(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35), ages_s=tuple(10.0**k for k in range(11)),
        tuned_ages_s=tuple(10.0**k for k in range(11)), tuned_128=DEVICES, tuned=5, converted=DEVICES,
    ),
}  # fmt: skip


def cases_of(scale: Scale, fewer_images: bool = False) -> list[Case]:
    """Return all cases of a scale, in the order of the table; the first is ideal arrays.

    Args:
        scale: how much is measured.
        fewer_images: whether rows with converters have fewer images, and so ideal arrays of their own before them.
    """
    ideal = [Case("ideal on fewer images")] if fewer_images else []
    return [Case("ideal"), *_parasitics(scale), *_noise(scale), *_drift(scale), *ideal, *_converters(scale)]


def _parasitics(scale: Scale) -> list[Case]:
    cases: list[Case] = []
    for array, tuned in ((64, scale.devices), (128, scale.tuned_128)):
        cases += [Case("parasitics", device, array, tuned=int(device in tuned)) for device in scale.devices]
        cases += [Case("parasitics", array=array, r_min_ohm=r) for r in scale.r_min_ohm]
    return cases


def _noise(scale: Scale) -> list[Case]:
    cases = _random(
        scale, [Case("read noise", sigma=s) for s in scale.sigmas],
        [Case("read noise", sigma=s) for s in scale.tuned_sigmas],
    )  # fmt: skip
    cases += [Case("read noise", "fefet-2bit", sigma=s, seeds=scale.seeds) for s in scale.fefet]
    both = [Case("parasitics + read noise", array=array, sigma=0.1) for array in (64, 128)]
    return cases + _random(scale, both, both)


def _drift(scale: Scale) -> list[Case]:
    return _random(
        scale, [Case("drift", age_s=t) for t in scale.ages_s], [Case("drift", age_s=t) for t in scale.tuned_ages_s]
    )  # fmt: skip


def _converters(scale: Scale) -> list[Case]:
    return [Case("parasitics + converters", device) for device in scale.converted]


def _random(scale: Scale, cases: Sequence[Case], tuned: Sequence[Case]) -> list[Case]:
    """Give cases with random errors their seeds, and those also fine-tuned theirs."""
    return [replace(c, seeds=scale.seeds, tuned=scale.tuned if c in tuned else 0) for c in cases]
