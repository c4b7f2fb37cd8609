"""What a training step, and an inference, of tensor trains takes on the machine at hand.

Process CPU time on one thread: forward, backward and the AdamW update of one batch; variants take turns, and what is
reported is the median over rounds of the ratio to the dense step of the same round, and the highest of these ratios.
Kept for the way back: what autograd holds after the forward pass, each memory once, parameters left out; exact, and the
same on every machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from axbar.nn import build_model
from axbar.nn.tensor_train import Mode, StrideRule
from axbar.techniques import merge_tensor_train, tensor_train

__all__ = ["kept_bytes", "steps"]

_RULES: tuple[StrideRule, ...] = ("subsample", "maxpool")
_MODES: tuple[Mode, ...] = ("stt", "ptt", "htt")


def steps(width: int, batch: int, rank: float, rounds: int) -> dict[str, Any]:
    """Measure training steps and inferences of MS-ResNet18 on 32×32 images, T = 4.

    Returns:
        ``"dense"`` and ``"mode rule"`` -> ``step_s`` (CPU time), ``step_ratio`` (to dense), ``step_highest``
        (of the ratios), ``kept_B``; with the first rule also ``image_ratio``: CPU time of one image through the merged
        network, to dense.
    """
    dense = build_model("ms-resnet18", width=width)
    networks: dict[str, nn.Module] = {"dense": dense}
    for rule in _RULES:
        networks |= {f"{mode} {rule}": tensor_train(dense, mode, rank, stride=rule) for mode in _MODES}
    images = torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(batch) % 10
    with _one_thread():
        timed = _rounds({name: _step(net, images, labels) for name, net in networks.items()}, rounds)
        kept = {name: kept_bytes(net.train(), images) for name, net in networks.items()}
        merged = {name: net if name == "dense" else merge_tensor_train(net) for name, net in networks.items()}
        shown = {name: net.eval() for name, net in merged.items() if not name.endswith("maxpool")}
        inferred = _rounds({name: _inference(net, images[:1]) for name, net in shown.items()}, rounds)
    rows = {
        name: {"step_s": time_s, "step_ratio": ratio, "step_highest": highest, "kept_B": kept[name]}
        for name, (time_s, ratio, highest) in timed.items()
    }
    for name, (_, ratio, _) in inferred.items():
        rows[name]["image_ratio"] = ratio
    return {"width": width, "batch": batch, "rank": rank, "rounds": rounds, "rows": rows}


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _rounds(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float, float]]:
    """Return median CPU time, median and highest ratio to the first, taken in turns after a first unmeasured one."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, run in work.items():
            start = time.process_time()
            run()
            if number:
                times[name].append(time.process_time() - start)
    base = next(iter(times.values()))
    ratios = {name: [a / b for a, b in zip(each, base, strict=True)] for name, each in times.items()}
    return {
        name: (statistics.median(each), statistics.median(ratios[name]), max(ratios[name]))
        for name, each in times.items()
    }


def _step(model: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model.train()(images).mean(0), labels).backward()
        optimizer.step()

    return step


def _inference(model: nn.Module, image: Tensor) -> Callable[[], None]:
    def infer() -> None:
        with torch.no_grad():
            model(image)

    return infer


def kept_bytes(model: nn.Module, images: Tensor) -> int:
    """Return what autograd keeps of one forward pass, each memory once, parameters left out."""
    known = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        memory = tensor.untyped_storage()
        if memory.data_ptr() not in known:
            found[memory.data_ptr()] = memory.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        kept = cast(
            Tensor, model(images)
        )  # held until all was counted: freed memory would be handed out again
    total = sum(found.values())
    del kept
    return total
