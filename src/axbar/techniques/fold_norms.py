"""Fold batch norms into the network, so that no norm is left to compute.

tdBN and plain batch norm (``axbar.nn.norm``; Zheng et al., AAAI 2021; Jacob et al., CVPR 2018, section 3.2), into the
convolution or linear layer (W, b) before them:

    W' = γαθ/√(σ² + ε)·W        b' = β + γαθ/√(σ² + ε)·(b − μ)

BNTT (``axbar.nn.bntt``; Kim & Panda, Frontiers in Neuroscience 2021), y[t] = a[t]·x[t] + b[t], which no one set of
weights holds, into the neurons behind it: threshold θ/a[t], bias b[t]/a[t], leak β·a[t−1]/a[t] per step and channel
(``axbar.nn.per_step``), exact where a[t] of a channel has one sign at all steps; or (``bntt=affine``) into a[t], b[t]
alone, which the chip computes as before.

Estimates and conversion to arrays fold by themselves. This is for what works on the weights as they will stand on the
chip, and for formats without norms.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn import LIF, PerStepAffine, PerStepLIF
from axbar.nn.bntt import is_bntt
from axbar.nn.norm import is_norm
from axbar.techniques._base import TechniqueConfig, TechniqueResult
from axbar.techniques._exact import check_exact
from axbar.techniques._note import note
from axbar.workload import Workload, fold_norms, trace

__all__ = ["TECHNIQUE", "FoldNorms", "FoldNormsConfig"]

Form = Literal["threshold", "affine"]
_CHECKED = 4


class FoldNormsConfig(TechniqueConfig):
    """Settings of ``fold-norms``."""

    bntt: Form = Field(
        default="threshold",
        description="threshold: norms per step become thresholds, biases and leaks of the neurons behind them; "
        "affine: a factor and an offset per step that the chip computes",
    )


class FoldNorms:
    """Replace batch norms by what they do at inference."""

    name = "fold-norms"
    stage: Literal["network", "chip"] = "network"
    reads_chip: Literal["no", "accuracy", "all"] = "no"
    Config: type[TechniqueConfig] = FoldNormsConfig

    def apply(self, target: nn.Module, hardware: Any, data: Any, config: FoldNormsConfig) -> TechniqueResult:
        """Return a copy of the network without batch norms, in evaluation mode.

        Raises:
            ModelError: there is no batch norm, or one can't be folded; the sentence names them.
        """
        start = time.perf_counter()
        images = torch.from_numpy(data.calibration.images(slice(0, _CHECKED)))
        made, facts = self._folded(target, images, config.bntt)
        apart = check_exact(self.name, lambda net: self._folded(net, images, config.bntt)[0], target, images)
        cost = {
            "seconds": time.perf_counter() - start,
            "images": len(images),
            "writes": 0,
            "settings": 0,
            "norms_folded": len(facts["norms"]),
            "biases_added": len(facts["biases"]),
            "norms_per_step": len(facts["per_step"]),
            "largest_difference": apart,
        }
        if any(facts["per_step"].values()):
            cost["not_charged"] = (
                "a bias added and a leak of its own multiplied per neuron and step, and the constants of each step"
            )
        return TechniqueResult(made.eval(), cost)

    def what_if(self, spec: Any, workload: Workload) -> None:
        """Offer nothing: every estimate folds norms already."""
        return None

    def restructure(self, model: nn.Module, facts: Mapping[str, Any]) -> nn.Module:
        """Take the norms out and put biases and neurons per step in, in place; their numbers come afterwards."""
        for path, neuron in facts["per_step"].items():
            norm: Any = model.get_submodule(path)
            if neuron is None:
                model.set_submodule(path, PerStepAffine(norm.num_features, norm.steps))
                continue
            old = model.get_submodule(neuron)
            assert isinstance(old, LIF)
            model.set_submodule(neuron, PerStepLIF.like(old, norm.num_features, norm.steps))
            model.set_submodule(path, nn.Identity())
        for path in facts["norms"]:
            model.set_submodule(path, nn.Identity())
        for path in facts["biases"]:
            layer: Any = model.get_submodule(path)
            if layer.bias is None:
                layer.bias = nn.Parameter(layer.weight.new_zeros(layer.weight.shape[0]))
        note(model, self.name, facts)
        return model.eval()

    def _folded(self, target: nn.Module, images: Tensor, form: Form) -> tuple[nn.Module, dict[str, Any]]:
        norms = _norms(target)
        if not norms:
            raise ModelError(
                f"fold-norms: {type(target).__name__} has no batch norm to fold; leave the technique out."
            )
        made = fold_norms(target, images[:1])
        _refuse_rest(made)
        steps = {path: norm for path, norm in norms.items() if is_bntt(norm)}
        neurons: dict[str, str | None] = dict.fromkeys(steps)
        if steps and form == "threshold":
            graph = trace(made, images[:2])
            neurons = {path: _neuron_behind(path, made, graph) for path in steps}
            for path in steps:
                _turn(path, made, graph)
        facts = {
            "norms": [path for path in norms if path not in steps],
            "biases": [path for path, layer in _layers(made).items() if _gained(target, path, layer)],
            "per_step": neurons,
        }
        constants = {path: _affine(made, path, neurons[path]) for path in steps}
        made = self.restructure(made, facts)
        for path, (scale, shift) in constants.items():
            _take_in(made, path, neurons[path], scale, shift)
        return made, facts


def _norms(model: nn.Module) -> dict[str, nn.Module]:
    """Return batch norms by path; those inside a BNTT are part of it."""
    found = {path: m for path, m in model.named_modules() if is_norm(m) and not isinstance(m, PerStepAffine)}
    return {p: m for p, m in found.items() if not any(p.startswith(f"{q}.") for q in found)}


def _refuse_rest(made: nn.Module) -> None:
    """Raise if a norm of all steps is left after folding."""
    left = {path: m for path, m in _norms(made).items() if not is_bntt(m)}
    bare = [path for path, m in left.items() if getattr(m, "running_mean", None) is None]
    loose = [path for path in left if path not in bare]
    reasons = [
        f"{_named(paths)} {why}"
        for paths, why in (
            (bare, "without running statistics (build norms with track_running_stats=True)"),
            (loose, "not directly behind one convolution or linear layer that nothing else reads"),
        )
        if paths
    ]
    if reasons:
        raise ModelError(
            f"fold-norms can't fold {'; '.join(reasons)}; leave the technique out, or move the norm."
        )


def _named(paths: list[str]) -> str:
    return ("norm " if len(paths) == 1 else "norms ") + ", ".join(f"'{path}'" for path in paths)


def _layers(model: nn.Module) -> dict[str, nn.Module]:
    return {path: m for path, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}


def _gained(target: nn.Module, path: str, layer: Any) -> bool:
    before: Any = target.get_submodule(path)
    return before.bias is None and layer.bias is not None


def _affine(model: nn.Module, path: str, neuron: str | None) -> tuple[Tensor, Tensor]:
    """Return factor and offset per step and channel, with the input scale of the neurons that take them in."""
    norm: Any = model.get_submodule(path)
    factor: Any = 1.0 if neuron is None else model.get_submodule(neuron).input_scale
    scale, shift = norm.affine()
    return scale * factor, shift * factor


_OTHER = "set bntt=affine, which leaves a factor and an offset per step to the chip"


def _neuron_behind(path: str, model: nn.Module, graph: Workload) -> str:
    """Return the path of the neurons that alone read a norm.

    Raises:
        ModelError: something else does.
    """
    readers = [layer for layer in graph.layers if path in layer.inputs]
    if len(readers) != 1 or readers[0].op != "neuron" or readers[0].inputs != (path,):
        names = ", ".join(f"'{layer.name}'" for layer in readers) or "nothing"
        raise ModelError(
            f"fold-norms: norm '{path}' acts by step and feeds {names}, not one layer of neurons alone, so it can't "
            f"become thresholds; {_OTHER}."
        )
    name = readers[0].name
    if any(layer.name.startswith(f"{name}#") for layer in graph.layers) or "#" in name:
        raise ModelError(
            f"fold-norms: neurons '{name}' stand in several places, so they can't take thresholds from norm '{path}' "
            f"alone; {_OTHER}."
        )
    neuron = model.get_submodule(name)
    if not PerStepLIF.can_replace(neuron):
        raise ModelError(
            f"fold-norms: neurons '{name}' are a {type(neuron).__name__}; thresholds per step are for LIF and IF of "
            f"axbar.nn with one beta, threshold and input_scale for the whole layer: {_OTHER}."
        )
    return name


@torch.no_grad()
def _turn(path: str, model: nn.Module, graph: Workload) -> None:
    """Turn the signs of channels whose scale is below 0 at all steps, in the layer before and in the norm.

    Raises:
        ModelError: a scale changes its sign, or is 0, or no layer stands before the norm.
    """
    norm: Any = model.get_submodule(path)
    scale = norm.affine()[0]
    signs = torch.where((scale > 0).all(0), 1.0, torch.where((scale < 0).all(0), -1.0, 0.0))
    if bool((signs == 0).any()):
        bad = int((signs == 0).sum())
        raise ModelError(
            f"fold-norms: norm '{path}' has {bad} of {len(signs)} channels whose factor is 0 or changes its sign over "
            f"the steps, which no threshold does; {_OTHER}."
        )
    if bool((signs > 0).all()):
        return
    source = next(layer for layer in graph.layers if layer.name == path).inputs
    layer: Any = model.get_submodule(source[0]) if source[0] in _layers(model) else None
    only = sum(bool(set(source) & set(other.inputs)) for other in graph.layers) == 1
    if layer is None or len(source) != 1 or not only or len(layer.weight) != len(signs):
        raise ModelError(
            f"fold-norms: norm '{path}' has factors below 0 and no weights of its own before it whose signs could be "
            f"turned; {_OTHER}."
        )
    signs = signs.to(layer.weight)
    layer.weight.mul_(signs.view(-1, *[1] * (layer.weight.ndim - 1)))
    if layer.bias is not None:
        layer.bias.mul_(signs)
    for part in norm.norms:
        part.weight.mul_(signs)
        part.running_mean.mul_(signs)


@torch.no_grad()
def _take_in(model: nn.Module, path: str, neuron: str | None, scale: Tensor, shift: Tensor) -> None:
    """Fill in the constants of one BNTT."""
    like = next(p for p in model.parameters() if p.is_floating_point())
    if neuron is None:
        affine = model.get_submodule(path).to(like)
        assert isinstance(affine, PerStepAffine)
        affine.scale.copy_(scale)
        affine.shift.copy_(shift)
        return
    found = model.get_submodule(neuron).to(like)
    assert isinstance(found, PerStepLIF)
    found.take_in(scale, shift)


TECHNIQUE = FoldNorms()
