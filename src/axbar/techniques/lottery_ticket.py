"""Find a sparse network that trains on its own: iterative magnitude pruning with rewinding.

    W_0 → train → W_T^(0),   W_k kept after k = ``rewind`` epochs
    round r = 1 .. R:  remove the share ``rate`` of the weights that are left, those of smallest |W_T^(r−1)|;
                       put all others, biases, norms and their statistics back to W_k;  train with the mask on → W_T^(r)

After R rounds n_R of n weights are left, n_r = n_{r−1} − round(rate · n_{r−1}); the sparsity is 1 − (1 − rate)^R but
for rounding: 96.8 % after 12 rounds of 25 %. Frankle & Carbin, "The Lottery Ticket Hypothesis", ICLR 2019; rewinding to
an early epoch instead of the start: Frankle, Dziugaite, Roy, Carbin, ICML 2020. 25 % a round is what LoAS uses (Yin et
al., MICRO 2024).

The first training takes ``rewind + epochs`` epochs, each round ``epochs`` from W_k with a schedule of its own (warm-up,
then cosine to zero): the published one goes on from epoch k. The start is fresh (``start = fresh``: every layer drawn
anew from ``seed``), or the weights as given (``given``): then hand in an untrained network or an early checkpoint.
What was removed before, exact zeros, stays removed in either case.

Which layers are pruned, and how zeros are held: as in ``axbar.techniques.prune``.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from safetensors.torch import load_file, save
from torch import Tensor, nn

from axbar.errors import ModelError, UsageError
from axbar.files import write_atomic
from axbar.nn import EpochRecord, Progress
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._finetune import FewImages, TuneConfig, fit, training_cost
from axbar.techniques._masks import Layer, check_alive, chosen_layers, keep, smallest, weight_layers, zeros_of
from axbar.techniques._tuning import weights_hash
from axbar.techniques.prune import facts_of

__all__ = ["TECHNIQUE", "LotteryTicket", "LotteryTicketConfig", "Round", "find_ticket"]


class LotteryTicketConfig(TuneConfig):
    """Settings of ``lottery-ticket``."""

    rounds: int = Field(default=12, ge=1, le=100, description="of pruning, rewinding and training")
    rate: float = Field(
        default=0.25, gt=0, lt=1, description="share of the weights left that a round removes"
    )
    floor: float = Field(
        default=0.0, ge=0, lt=1, description="share of each layer's weights, the largest, that always stays"
    )
    epochs: int = Field(default=4, ge=1, le=1000, description="of each round")
    rewind: int = Field(
        default=1, ge=0, le=1000, description="epochs before the weights that rounds go back to"
    )
    start: Literal["fresh", "given"] = Field(
        default="fresh", description="draw the first weights anew, or begin with those given"
    )
    lr: float = Field(default=2e-3, gt=0, le=10, description="peak learning rate of AdamW")
    keep_first: bool = Field(default=True, description="leave the first layer alone if it is a convolution")
    keep_readout: bool = Field(default=False, description="leave the last layer alone")


@dataclass(frozen=True)
class Round:
    """One training: number (0 is the dense one), sparsity of the pruned layers, calibration accuracy (0..1)."""

    number: int
    sparsity: float
    accuracy: float


class LotteryTicket:
    """Prune, rewind, train, again and again."""

    name = "lottery-ticket"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = LotteryTicketConfig

    def apply(
        self, target: nn.Module, hardware: Any, data: Any, config: LotteryTicketConfig
    ) -> TechniqueResult:
        """Return the trained ticket, a network of the same keys, in evaluation mode.

        Raises:
            ModelError: a layer would lose all weights, hides its weight or can't be drawn anew; or training diverges.
        """
        start = time.perf_counter()
        model = copy.deepcopy(target).eval()
        few = FewImages(data, config.images, config.seed)
        rounds = find_ticket(model, data, config)
        layers = weight_layers(model, few.image)
        epochs = config.rewind + (config.rounds + 1) * config.epochs
        cost = training_cost(model, few, config, epochs, start)
        steps = {
            "rounds": config.rounds,
            "accuracy_dense": rounds[0].accuracy,
            "accuracy": rounds[-1].accuracy,
        }
        return TechniqueResult(model, cost | steps | facts_of(layers, _chosen(layers, config)))


def find_ticket(
    model: nn.Module,
    data: Any,
    config: LotteryTicketConfig,
    folder: Path | None = None,
    *,
    on_round: Callable[[Round], None] | None = None,
    on_epoch: Callable[[int, EpochRecord], None] | None = None,
    progress: Progress | None = None,
) -> tuple[Round, ...]:
    """Turn ``model`` into a trained ticket, in place, and return all trainings.

    Args:
        folder: keeps the run folder of each training and the early weights. Called again with the same folder and
            settings, what is finished is read instead of run, and what was stopped goes on: same bits as in one go.
        on_round: called after each training.
        on_epoch: called with the number of the round and each epoch that is run now.

    Raises:
        ModelError: a layer would lose all weights, hides its weight or can't be drawn anew; or training diverges.
        UsageError: the folder holds the run of other settings.
    """
    few = FewImages(data, config.images, config.seed)
    layers = weight_layers(model, few.image)
    chosen = _chosen(layers, config)
    masks, rounds = zeros_of(layers), list[Round]()
    if config.start == "fresh":
        with keep(layers, masks):  # zeros given stay, also under the weights drawn
            _draw(model, config.seed)
    if folder is not None:
        _same_start(folder, model, config)
    early = _Early(model, config.rewind, folder)
    for number in range(config.rounds + 1):
        if number:
            masks |= _smaller(chosen, masks, config)
            check_alive(masks, "lottery-ticket", _sparsity(masks, chosen))
            early.put_back()
        with keep(layers, masks):
            accuracy = fit(
                model, few, config, config.epochs + (0 if number else config.rewind), progress=progress,
                folder=None if folder is None else folder / f"round-{number:02d}",
                on_epoch=_watch(number, early, on_epoch),
            )  # fmt: skip
        rounds.append(Round(number, _sparsity(masks, chosen), accuracy))
        if on_round is not None:
            on_round(rounds[-1])
    return tuple(rounds)


class _Early:
    """The weights after ``epochs`` epochs of the first training; in a file where there is a folder."""

    def __init__(self, model: nn.Module, epochs: int, folder: Path | None) -> None:
        self._model, self._epochs = model, epochs
        self._file = None if folder is None else folder / "early.safetensors"
        self._state: dict[str, Tensor] = {}
        if epochs == 0:
            self._hold()

    def after(self, record: EpochRecord) -> None:
        """Hold the weights if this was the epoch."""
        if record.epoch + 1 == self._epochs:
            self._hold()

    def _hold(self) -> None:
        self._state = {key: value.detach().cpu().clone() for key, value in self._model.state_dict().items()}
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            plain = {key: value.contiguous() for key, value in self._state.items()}
            write_atomic(self._file, save(plain))

    def put_back(self) -> None:
        """Load them into the network."""
        if not self._state:  # the first training was read, not run
            assert self._file is not None
            if not self._file.is_file():
                raise ModelError(
                    f"'{self._file}', the weights that the rounds go back to, is gone; remove the folder and start "
                    "again."
                )
            self._state = load_file(self._file)
        self._model.load_state_dict(self._state)


def _same_start(folder: Path, model: nn.Module, config: LotteryTicketConfig) -> None:
    """Write down settings and first weights; refuse a folder that began with others.

    The run folders inside know the training of a round only, not what was pruned before it.
    """
    # how many rounds is no part of it: a ticket may be pruned on
    now = {**config.model_dump(exclude={"rounds"}), "first_weights": weights_hash(model)}
    file = folder / "ticket.json"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps(now, indent=1).encode())
        return
    then = json.loads(file.read_text(encoding="utf-8"))
    for key, value in now.items():
        if then.get(key) != value:
            raise UsageError(
                f"'{folder}' holds a ticket with {key} = {then.get(key)}, now it is {value}; go on with the same "
                "settings and network, or give another folder."
            )


def _watch(
    number: int, early: _Early, on_epoch: Callable[[int, EpochRecord], None] | None
) -> Callable[[EpochRecord], None]:
    def watch(record: EpochRecord) -> None:
        if number == 0:
            early.after(record)
        if on_epoch is not None:
            on_epoch(number, record)

    return watch


def _chosen(layers: Mapping[str, Layer], config: LotteryTicketConfig) -> dict[str, Layer]:
    return chosen_layers(
        layers, keep_first=config.keep_first, keep_readout=config.keep_readout, who="lottery-ticket"
    )


def _smaller(
    layers: Mapping[str, Layer], masks: Mapping[str, Tensor], config: LotteryTicketConfig
) -> dict[str, Tensor]:
    """Remove the share ``config.rate`` of the weights that the masks leave; zeros, being smallest, stay removed."""
    left = sum(int(masks[path].sum()) for path in layers)
    total = sum(layer.weight.numel() for layer in layers.values())
    return smallest(layers, total - left + round(config.rate * left), config.floor)


def _sparsity(masks: Mapping[str, Tensor], chosen: Mapping[str, Layer]) -> float:
    kept, total = sum(int(masks[path].sum()) for path in chosen), sum(masks[p].numel() for p in chosen)
    return 1.0 - kept / total


def _draw(model: nn.Module, seed: int) -> None:
    """Draw all parameters anew, as the modules themselves do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for path, module in model.named_modules():
            reset: Any = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
            elif next(module.parameters(recurse=False), None) is not None:
                raise ModelError(
                    f"the parameters of module '{path}' ({type(module).__name__}) can't be drawn anew: it has no "
                    "reset_parameters; hand in an untrained network and set start=given."
                )


TECHNIQUE = LotteryTicket()
