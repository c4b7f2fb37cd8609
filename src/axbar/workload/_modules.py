# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""What the tracer knows of modules: their modes and paths, which are one operation each, and what they keep."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from axbar.workload._tags import tensors_in

__all__ = ["evaluating", "is_builtin", "is_neuron", "leaf_kind", "plain_modules", "states", "uncompiled"]


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Generator[None]:
    """Put a network into eval mode for a while; each module gets its own mode back."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


def uncompiled(model: nn.Module) -> contextlib.AbstractContextManager[Any]:
    """Keep ``torch.compile`` from compiling the tracer itself."""
    if any(hasattr(module, "_orig_mod") for module in model.modules()):
        return torch.compiler.set_stance("force_eager")
    return contextlib.nullcontext()


def plain_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield all modules with the paths that they have without ``torch.compile``."""
    for path, module in model.named_modules():
        yield ".".join(part for part in path.split(".") if part != "_orig_mod"), module


def is_builtin(module: nn.Module) -> bool:
    """True for torch's own layers and their subclasses."""
    classes = [base for base in type(module).__mro__ if base is not nn.Module]
    return any(base.__module__.startswith("torch.nn.modules.") for base in classes)


def leaf_kind(module: nn.Module) -> str | None:
    """Return the op of modules that are one operation each; None for all others."""
    if is_neuron(module):
        return "neuron"
    if isinstance(module, _BatchNorm) or getattr(module, "is_norm", False):
        return "norm"
    if getattr(module, "is_product", False):
        return "matmul"
    if isinstance(module, (nn.Conv2d, nn.Linear)) and callable(getattr(module, "effective_weight", None)):
        return "conv2d" if isinstance(module, nn.Conv2d) else "linear"
    return None


def states(module: nn.Module, spikes: Tensor) -> list[Tensor]:
    """Return what a module keeps of its neurons: others may read its potentials."""
    kept = [value for name, value in vars(module).items() if name != "_parameters"]
    return [t for t in tensors_in(kept) if t.shape in (spikes.shape, spikes.shape[1:])]


def is_neuron(module: nn.Module) -> bool:
    """True for modules that say so."""
    return bool(getattr(module, "is_neuron", False))
