"""Networks of the study of energy: one spiking CNN as methods of training and of compression make it, and its twins.

| method | after | here |
|---|---|---|
| direct coding, tdBN, T = 1, 2, 4, 8 | Zheng et al., AAAI 2021 | one training per T; T = 4 is the baseline |
| TET | Deng et al., ICLR 2022 | the mean over steps of each step's cross entropy |
| pruned | Han et al., NeurIPS 2015 | smallest weights of all layers but the first, then fine-tuned |
| ticket | Frankle & Carbin, ICLR 2019 | 25 % a round, rewound, trained again |
| masked | LoAS (Yin et al., MICRO 2024) | the ticket; neurons that fire exactly once are silenced, then fine-tuned |
| early exit | DT-SNN (Li et al., DAC 2023) | the TET network; samples leave once their answer is sure |
| 4-bit weights | | the baseline, rounded (all are trained with noise of that size) |
| ANN | | the same layers with ReLUs; inputs of 8 bits, or of as many as the spike count holds |

Accuracies are those of the integer networks that digital chips compute. Every training stands in a folder and resumes.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import nn

from axbar._run import versions
from axbar.cost.fair import ann_bits
from axbar.crossbar import digital_integer
from axbar.data import Dataset
from axbar.files import write_atomic
from axbar.nn import TrainConfig, build_model, predict_logits, train
from axbar.published._twins import ANN, recipe_of
from axbar.published.snn_imc_networks import Twin, exits
from axbar.spec import load_hardware
from axbar.techniques.lottery_ticket import LotteryTicketConfig, find_ticket
from axbar.techniques.mask_single_spikes import MaskSingleSpikesConfig, tune_masked
from axbar.techniques.prune import Prune, PruneConfig
from axbar.workload import Workload, trace

__all__ = [
    "BASELINE", "EXIT", "MASKED", "PRUNED", "TET", "TICKET", "Method", "Recipes", "few_bits", "methods", "step_name",
]  # fmt: skip

BASELINE = "tdBN, T = 4"
TET, PRUNED, TICKET, MASKED, EXIT = "TET", "pruned", "ticket", "masked ticket", "early exit"
FEW_BITS = 4
WEIGHT_BITS = 8
_STEPS = 4
_TRACED, _SCALED = 64, 128


@dataclass(frozen=True)
class Recipes:
    """How much is trained.

    Args:
        steps: T of the networks that differ in T alone; 4 must be among them.
        width, epochs: of every training from the start.
        sparsity, tuned: of ``pruned``: share of the weights removed, epochs of fine-tuning (also of ``masked``).
        rounds, round_epochs: of the ticket.
    """

    steps: tuple[int, ...]
    width: int
    epochs: int
    sparsity: float
    tuned: int
    rounds: int
    round_epochs: int


@dataclass(frozen=True)
class Method:
    """One network as chips see it.

    Args:
        name: as in tables.
        workload: traced on test images.
        accuracy: of its integer network on the test images, 0..1.
        steps: T, or the mean steps of an early exit; 1 of a conventional network.
        weight_bits, input_bits: of the chips it runs on.
        network: as trained, in floats.
    """

    name: str
    workload: Workload
    accuracy: float
    steps: float
    weight_bits: int = WEIGHT_BITS
    input_bits: int = 8
    network: nn.Module | None = None

    @property
    def spiking(self) -> bool:
        """Whether it has neurons."""
        return bool(self.workload.neurons)

    @property
    def sparsity(self) -> float:
        """Share of its weights that are zero."""
        weights = [layer.weight for layer in self.workload.matmuls if layer.weight is not None]
        return 1.0 - sum(int(np.count_nonzero(w)) for w in weights) / sum(w.size for w in weights)


def step_name(steps: int) -> str:
    """Return the name of the network of T steps."""
    return BASELINE if steps == _STEPS else f"direct, T = {steps}"


def few_bits() -> str:
    """Return the name of the method of few bits."""
    return f"{FEW_BITS}-bit weights"


def methods(
    folder: Path,
    dataset: Dataset,
    size: Recipes,
    seed: int,
    tell: Callable[[int], None] = lambda done: None,
) -> list[Method]:
    """Train, or read back, all networks; conventional ones come last."""
    maker = _Maker(folder, dataset, size, seed)
    found: list[Method] = []
    for steps in size.steps:
        found.append(maker.method(step_name(steps), maker.trained(f"T={steps}"), steps))
        tell(len(found))
    base = next(method for method in found if method.name == BASELINE)
    assert base.network is not None
    tet = maker.method(TET, maker.trained(f"T={_STEPS}", "tet"), _STEPS)
    found.append(tet)
    tell(len(found))
    pruned = maker.pruned(base.network)
    ticket = maker.ticket()
    for name, network in ((PRUNED, pruned), (TICKET, ticket), (MASKED, maker.masked(ticket))):
        found.append(maker.method(name, network, _STEPS))
        tell(len(found))
    found.append(maker.exit(tet))
    found.append(maker.method(few_bits(), base.network, _STEPS, weight_bits=FEW_BITS))
    ann = maker.trained(ANN)
    for bits in sorted({ann_bits(_STEPS), 8}):
        found.append(maker.method(f"ANN, {bits} bit", ann, 1, input_bits=bits))
    return found


@dataclass(frozen=True)
class _Maker:
    """Trainings in ``folder``."""

    folder: Path
    dataset: Dataset
    size: Recipes
    seed: int

    def trained(self, network: str, loss: str = "mean") -> nn.Module:
        """Return the network of so many steps, or the conventional one, trained from the start."""
        model, recipe = self._untrained(network)
        own = network.replace("=", "") + ("" if loss == "mean" else f"-{loss}")
        train(model, self.dataset, replace(recipe, loss=loss), out_dir=self.folder / own, resume=True)
        return model.eval()

    def _untrained(self, network: str) -> tuple[nn.Module, TrainConfig]:
        name, config, recipe = recipe_of(
            network, seed=self.seed, width=self.size.width, epochs=self.size.epochs
        )
        shape = {"input_shape": self.dataset.input_shape, "classes": len(self.dataset.classes)}
        return build_model(name, **{**config, **shape}), recipe

    def pruned(self, base: nn.Module) -> nn.Module:
        """Return the baseline with most of its weights removed."""
        config = PruneConfig(sparsity=self.size.sparsity, epochs=self.size.tuned, seed=self.seed)

        def make() -> nn.Module:
            return Prune().apply(base, None, self.dataset.tuning(), config).target

        settings = {"network": _digest(base), **config.model_dump()}
        return _kept(self.folder / "pruned", settings, base, make)

    def ticket(self) -> nn.Module:
        """Return the lottery ticket."""
        model, _ = self._untrained(f"T={_STEPS}")
        config = LotteryTicketConfig(rounds=self.size.rounds, epochs=self.size.round_epochs, seed=self.seed)
        find_ticket(model, self.dataset.tuning(), config, self.folder / "ticket")
        return model.eval()

    def masked(self, ticket: nn.Module) -> nn.Module:
        """Return the ticket without the spikes of neurons that fire once."""
        model = copy.deepcopy(ticket)
        config = MaskSingleSpikesConfig(epochs=self.size.tuned, seed=self.seed)
        tune_masked(model, self.dataset.tuning(), config, self.folder / "masked")
        return model.eval()

    def integer(self, network: nn.Module, weight_bits: int, input_bits: int) -> nn.Module:
        """Return the integer network."""
        chip = load_hardware("sata", {"weight_bits": weight_bits, "input.bits": input_bits})
        few = torch.from_numpy(self.dataset.calibration.images(slice(0, _SCALED)))
        return digital_integer(network, chip, few, norms="fold").eval()

    def method(
        self, name: str, network: nn.Module, steps: float, weight_bits: int = WEIGHT_BITS, input_bits: int = 8
    ) -> Method:
        """Return a network with its accuracy and its trace."""
        test = self.dataset.test
        answers = predict_logits(self.integer(network, weight_bits, input_bits), test.images()).mean(0)
        accuracy = float((answers.argmax(-1).cpu().numpy() == test.labels()).mean())
        workload = trace(network, test.images(slice(0, _TRACED)), name=name)
        return Method(name, workload, accuracy, steps, weight_bits, input_bits, network)

    def exit(self, tet: Method) -> Method:
        """Return the TET network with samples that leave early; no calibration image is lost by it."""
        assert tet.network is not None
        twin = Twin(
            EXIT, _STEPS, tet.accuracy, tet.workload, self.integer(tet.network, WEIGHT_BITS, tet.input_bits)
        )
        workload, accuracy, steps = exits(twin, self.dataset, 0.0)
        return Method(EXIT, workload, accuracy, steps, network=tet.network)


def _digest(model: nn.Module) -> str:
    total = torch.cat([value.detach().double().flatten() for value in model.state_dict().values()])
    return f"{float(total.abs().sum()):.12g} {float((total * total).sum()):.12g}"


def _kept(
    folder: Path, settings: Mapping[str, Any], like: nn.Module, make: Callable[[], nn.Module]
) -> nn.Module:
    """Return a network of ``folder`` if it was made with these settings, else make it."""
    asked = json.loads(json.dumps({**settings, "versions": versions()}))
    note, weights = folder / "settings.json", folder / "model.safetensors"
    if note.exists() and weights.exists() and json.loads(note.read_text(encoding="utf-8")) == asked:
        model = copy.deepcopy(like)
        model.load_state_dict(load_file(weights))
        return model.eval()
    model = make()
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(weights, save({key: value.contiguous() for key, value in model.state_dict().items()}))
    write_atomic(note, json.dumps(asked, indent=1))
    return model.eval()
