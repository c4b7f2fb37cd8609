"""Train convolutions of 3×3 as tensor trains and merge them for inference (TT-SNN: Lee et al., DATE 2024).

    W [O, I, 3, 3]  →  G1 (1×1, I → r), G2 (3×1), G3 (1×3), G4 (1×1, r → O):   r (I + O) + 6 r² weights of 9 I O

``mode`` says how the middle cores stand: one behind the other (``stt``), side by side (``ptt``), or side by side on the
first steps alone (``htt``); equations in ``axbar.nn.tensor_train``. ``rank`` is a number, a share of min(I, O),
``energy:0.9`` (the least rank that keeps that share of the squared singular values) or ``vbmf`` (the rank that a
variational Bayes factorisation finds significant, for trained weights only), per layer; rules in ``_tt_ranks``.

Which layers: convolutions of 3×3 with padding 1, but for the network's first one, which reads an image. Cores start
from the trained kernels (``_tt_cores``: exact where r is large enough, else a best fit), or fresh where the network was
never trained. Then the train is trained for ``epochs``: fewer weights, operations and memory of weights, more maps to
keep. It ends in one of the ``form`` of ``_tt_modules``: merged into dense kernels, by default, so that spikes meet one
weight again. What merging does to the logits is measured and reported.

A stride is taken inside the train, which merges into one strided kernel, or by a max pool behind it
(``stride=maxpool``, as the published code has it; the pool stays).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from axbar.cost.whatif import Offer
from axbar.errors import AxbarError, ModelError, unknown_name
from axbar.nn import is_untrained
from axbar.nn._replace import replace_module
from axbar.nn.tensor_train import HalfConv2d, Mode, StrideRule, TTConv2d
from axbar.nn.tensor_train import full_steps as steps_in_full
from axbar.spec import HardwareSpec
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._exact import check_exact
from axbar.techniques._finetune import FewImages, TuneConfig, fit, training_cost
from axbar.techniques._note import note
from axbar.techniques._tt_checks import Init, check_before, check_names, check_plain, check_split
from axbar.techniques._tt_cores import merge_macs
from axbar.techniques._tt_halves import check_halves, steps_of
from axbar.techniques._tt_layers import tt_layers
from axbar.techniques._tt_modules import Form, TTShape, convert, decomposed, empty, shape_of
from axbar.techniques._tt_ranks import Ranks, parse_ranks, rank_for, ranks_of
from axbar.techniques._tuning import count_macs
from axbar.workload import LayerTrace, Workload

__all__ = ["TECHNIQUE", "TensorTrain", "TensorTrainConfig", "merge_tensor_train", "tensor_train"]

#: images on which merging is checked
_CHECKED = 8


class TensorTrainConfig(TuneConfig):
    """Settings of ``tensor-train``."""

    mode: Mode = Field(
        default="ptt", description="middle cores in sequence, in parallel, or half of the steps"
    )
    rank: str = Field(
        default="0.25", description="a number, a share of min(I, O) as 0.25, energy:0.9, or vbmf; per layer"
    )
    full_steps: int | None = Field(
        default=None, ge=0, le=64, description="steps on which htt runs all cores; half of them unless given"
    )
    stride: StrideRule = Field(
        default="subsample", description="strides inside the train, or a max pool behind it"
    )
    init: Init = Field(
        default="auto", description="cores from the kernels or fresh; auto: fresh where these are random"
    )
    form: Form = Field(default="merged", description="what inference runs on: merged, factored or cores")
    epochs: int = Field(default=5, ge=0, le=1000, description="of training as a tensor train; 0 for none")

    @field_validator("rank")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            parse_ranks(value)
        except AxbarError as error:
            # a table by layer is for Python; settings are text
            said = str(error).partition("; ")[2].replace("vbmf, or a table of these by layer", "or vbmf")
            raise ValueError(said.rstrip(".")) from error
        return value

    @model_validator(mode="after")
    def _split_of_halves(self) -> Self:
        if self.full_steps is not None and self.mode != "htt":
            raise ValueError(f"full_steps = {self.full_steps} is of mode htt, and mode is {self.mode}")
        return self


def tensor_train(
    model: nn.Module,
    mode: Mode = "ptt",
    ranks: Ranks = 0.25,
    *,
    layers: Sequence[str] | None = None,
    stride: StrideRule = "subsample",
    full_steps: int | None = None,
    init: Init = "auto",
    seed: int = 0,
    example: Tensor | None = None,
) -> nn.Module:
    """Return a copy of a network whose convolutions of 3×3 are tensor trains, to be trained.

    Args:
        model: any network of plain ``nn.Conv2d``; ``htt`` needs one that runs all steps in one call, T outermost.
        mode: ``stt``, ``ptt`` or ``htt``.
        ranks: one for all layers (a number, a share of min(I, O), ``"energy:0.9"``, ``"vbmf"``), or by path.
        layers: paths of the layers; all that can be, but for the first, unless given.
        stride: how a stride is taken.
        full_steps: steps on which ``htt`` runs all cores; ⌊T/2⌋ unless given.
        init: cores from the weights (``trained``) or ``fresh``; ``auto``: fresh where these are known to be random.
        seed: of fresh cores.
        example: a batch ``[B, ...]`` for ``htt`` where the network does not say its ``input_shape``.

    Raises:
        ModelError: a layer can't be decomposed, a rank does not fit, or the network does not run as ``htt`` needs.

    >>> from axbar.nn import build_model
    >>> network = tensor_train(build_model("spiking-vgg9", width=8), mode="ptt", ranks=0.5)
    >>> network.get_submodule("conv2")
    TTConv2d(
      8, 8, rank=4, mode=ptt
      (reduce): Conv2d(8, 4, kernel_size=(1, 1), stride=(1, 1), bias=False)
      (vertical): Conv2d(4, 4, kernel_size=(3, 1), stride=(1, 1), padding=(1, 0), bias=False)
      (horizontal): Conv2d(4, 4, kernel_size=(1, 3), stride=(1, 1), padding=(0, 1), bias=False)
      (expand): Conv2d(4, 8, kernel_size=(1, 1), stride=(1, 1), bias=False)
      (pool): Identity()
    )
    """
    check_names(mode, stride, init)
    check_split(mode, full_steps)
    check_before(model, TECHNIQUE.not_after)
    made = copy.deepcopy(model)
    chosen = tt_layers(made, [layers] if isinstance(layers, str) else layers)
    if "" in chosen:
        raise ModelError(
            "tensor_train was given a convolution and not a network that holds it; put it into nn.Sequential."
        )
    steps = steps_of(model, full_steps) if mode == "htt" else 1
    fresh = init == "fresh" or (init == "auto" and is_untrained(model))
    found = _ranks(chosen, ranks, fresh)
    state = torch.random.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        for path, conv in chosen.items():
            shape = TTShape(
                conv.in_channels, conv.out_channels, found[path], mode, conv.stride[0], stride, steps,
                full_steps if mode == "htt" else None, conv.bias is not None,
            )  # fmt: skip
            replace_module(made, path, decomposed(conv, shape, fresh))
    finally:
        torch.random.set_rng_state(state)
    if mode == "htt":
        check_halves(made, _trains(made), example)
    note(made, TECHNIQUE.name, _facts(made, "cores", chosen))
    return made


def merge_tensor_train(model: nn.Module, form: Form = "merged") -> nn.Module:
    """Return a copy of a network of tensor trains in another form, with the same function.

    Raises:
        ModelError: it has no tensor train.
    """
    if form not in get_args(Form):
        raise ModelError(unknown_name("form of a tensor train", form, get_args(Form)))
    made = copy.deepcopy(model)
    trains = _trains(made)
    check_plain(trains)
    if isinstance(made, TTConv2d):
        return convert(made, form)
    if not trains:
        raise ModelError(
            f"{type(model).__name__} has no tensor train; make one with axbar.techniques.tensor_train."
        )
    facts = _facts(made, form, trains)
    for path, layer in trains.items():
        replace_module(made, path, convert(layer, form))
    _forget(made, trains)
    note(made, TECHNIQUE.name, facts)
    return made


def _trains(model: nn.Module) -> dict[str, TTConv2d]:
    return {path: layer for path, layer in model.named_modules() if isinstance(layer, TTConv2d)}


def _ranks(chosen: Mapping[str, nn.Conv2d], ranks: Ranks, fresh: bool) -> dict[str, int]:
    """Return the rank of each layer."""
    how = parse_ranks(ranks)
    if fresh and any(isinstance(each, str) for each in (how.values() if isinstance(how, dict) else [how])):
        raise ModelError(
            f"ranks = {ranks!r} are read from trained weights, and those of this network are random: any rank would be "
            "noise; train it first, or give a number or a share of the channels such as 0.25."
        )
    return ranks_of({path: _array(conv) for path, conv in chosen.items()}, how)


def _array(conv: nn.Conv2d) -> np.ndarray[Any, Any]:
    weight = conv.weight.detach().cpu().double().numpy()
    if not np.isfinite(weight).all():
        bad = int(weight.size - np.isfinite(weight).sum())
        raise ModelError(
            f"a kernel to decompose has {bad} weights that are NaN or infinite; repair or retrain it."
        )
    return weight


def _facts(model: nn.Module, form: Form, paths: Iterable[str]) -> dict[str, Any]:
    trains = _trains(model)
    return {"form": form, "layers": {path: shape_of(trains[path]).facts() for path in paths}}


def _forget(model: nn.Module, paths: Collection[str]) -> None:
    """Take notes of layers away, in place: another form of them replaces these."""
    config: Any = getattr(model, "config", None)
    if isinstance(config, dict) and config.get("techniques"):
        other = [
            each
            for each in config["techniques"]
            if each["name"] != TECHNIQUE.name or not set(each["facts"]["layers"]) <= set(paths)
        ]
        vars(model)["config"] = {**config, "techniques": other}


class TensorTrain:
    """Train as tensor trains, merge for inference."""

    name = "tensor-train"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = TensorTrainConfig
    not_after: ClassVar[Mapping[str, str]] = {
        "prune": "its zeros would be filled",
        "lottery-ticket": "its zeros would be filled",
        "mint": "its weights are whole numbers, cores of them are not",
    }

    def apply(
        self, target: nn.Module, hardware: Any, data: Any, config: TensorTrainConfig
    ) -> TechniqueResult:
        """Return a copy of the network, trained as tensor trains and in the form that was asked for.

        Raises:
            ModelError: no layer can be decomposed, a rank does not fit, or the training diverges.
        """
        start = time.perf_counter()
        few = FewImages(data, config.images, config.seed)
        model = self._made(target, config, few.image)
        dense = count_macs(target, few.image).forward
        if config.epochs:
            fit(model.train(), few, config, config.epochs)
        cost = training_cost(model.eval(), few, config, config.epochs, start)
        merged = merge_tensor_train(model, config.form)
        trains = _trains(model)
        facts = {
            "layers": len(trains),
            "ranks": {path: layer.rank for path, layer in trains.items()},
            "weights_dense": _weights(target),
            "weights_trained": _weights(model),
            "macs_dense": dense,
            "macs_trained": count_macs(model, few.image).forward,
            "merge_macs": sum(_merge_macs(layer) for layer in trains.values())
            if config.form == "merged"
            else 0,
            "largest_difference": _apart(model, config.form, few),
        }
        return TechniqueResult(merged, cost | facts)

    def check_network(self, network: nn.Module, image: Tensor, config: TensorTrainConfig) -> None:
        """Refuse a network without a layer to decompose, or ranks that do not fit, before any work.

        Raises:
            ModelError: with the reason.
        """
        chosen, how = tt_layers(network), parse_ranks(config.rank)
        if isinstance(how, int):
            for path, conv in chosen.items():
                rank_for(conv.in_channels, conv.out_channels, how, path)
        if config.mode == "htt":
            steps_in_full(steps_of(network, config.full_steps), config.full_steps)

    def restructure(self, model: nn.Module, facts: Mapping[str, Any]) -> nn.Module:
        """Put the modules of the noted form in place of the layers, in place; weights come afterwards."""
        like = next(model.parameters())
        for path, shape in facts["layers"].items():
            made = empty(TTShape(**shape), facts["form"]).to(like)
            _keep_steps(made, getattr(model, "steps", None))
            replace_module(model, path, made)
        note(model, self.name, facts)
        return model

    def what_if(self, spec: HardwareSpec, workload: Workload) -> Offer | None:
        """Return the workload with the corners of all kernels of 3×3 empty, as of merged parallel trains.

        None where no such kernel is known, or the corners are empty already. Spikes are taken as they were.
        """
        found = {at.name: _crossed(at) for at in workload.matmuls[1:] if _has_corners(at)}
        if not found:
            return None
        layers = tuple(found.get(at.name, at) for at in workload.layers)
        why = "kernels of 3×3 become crosses of five taps; spikes are taken as they were before"
        return Offer(
            self.name,
            self.stage,
            "train as tensor trains",
            workload=replace(workload, layers=layers),
            why=why,
        )

    def _made(self, target: nn.Module, config: TensorTrainConfig, image: Tensor) -> nn.Module:
        return tensor_train(
            target, config.mode, parse_ranks(config.rank), stride=config.stride, full_steps=config.full_steps,
            init=config.init, seed=config.seed, example=image,
        )  # fmt: skip


def _keep_steps(made: nn.Module, steps: int | None) -> None:
    """Let half layers run as many steps as the network that was built again, which may be fewer."""
    for layer in made.modules():
        if isinstance(layer, HalfConv2d | TTConv2d) and steps is not None and layer.steps > 1:
            if steps > layer.steps:
                raise ModelError(
                    f"a half layer was made for {layer.steps} steps and can't run {steps}; build the network with "
                    f"steps={layer.steps} or fewer."
                )
            layer.keep_steps(steps)


def _weights(model: nn.Module) -> int:
    """Return the weights of convolutions and linear layers."""
    return sum(layer.weight.numel() for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear))


def _merge_macs(layer: TTConv2d) -> int:
    return merge_macs(layer.in_channels, layer.out_channels, layer.rank, layer.mode)


def _apart(model: nn.Module, form: Form, few: FewImages) -> float:
    """Return by how much the form changes the logits; nothing but rounding may."""
    images = torch.from_numpy(few.train.images(slice(0, _CHECKED)))
    return check_exact(TECHNIQUE.name, lambda net: merge_tensor_train(net, form), model, images)


def _has_corners(layer: LayerTrace) -> bool:
    """Whether a layer is a convolution of 3×3 with weights in its corners."""
    plain = layer.op == "conv2d" and layer.geometry.kernel == (3, 3) and layer.geometry.groups == 1
    return plain and layer.weight is not None and bool(layer.weight[:, :, ::2, ::2].any())


def _crossed(layer: LayerTrace) -> LayerTrace:
    assert layer.weight is not None
    weight = layer.weight.copy()
    weight[:, :, ::2, ::2] = 0.0
    return replace(layer, weight=weight)


TECHNIQUE = TensorTrain()
