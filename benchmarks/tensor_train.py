"""What a training step costs with 3×3 convolutions as tensor trains, beside the dense network.

Network: MS-ResNet18, T = 4, 32×32 colour images, one thread: forward, backward and AdamW update of one batch, all
variants interleaved in one process. Printed per mode and rule for strides: median CPU time of a step, its ratio to
the dense step of the same round (median of ratios), operations by the same count, and what autograd keeps for the way
back. Then decomposing, merging, and inference of one image by the merged network.

    python benchmarks/tensor_train.py [--width 64] [--batch 8] [--rank 0.25] [--rounds 9]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from axbar.nn import build_model
from axbar.nn.tensor_train import TTConv2d
from axbar.techniques import merge_tensor_train, tensor_train, tt_counts

MODES = ("stt", "ptt", "htt")
RULES = ("subsample", "maxpool")


def variants(width: int, rank: float) -> dict[str, nn.Module]:
    """Return the untrained networks by name."""
    dense = build_model("ms-resnet18", width=width)
    trains = {
        f"{mode} {rule}": tensor_train(dense, mode, rank, stride=rule)  # pyright: ignore[reportArgumentType]
        for rule in RULES
        for mode in MODES
    }
    return {"dense": dense, **trains}


def cpu_s(work: Callable[[], object]) -> float:
    """Return the CPU time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def step_of(model: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], None]:
    """Return one training step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model.train()(images).mean(0), labels).backward()
        optimizer.step()

    return step


def kept_MB(model: nn.Module, images: Tensor) -> float:
    """Return what autograd keeps of one forward pass, each memory once, parameters left out."""
    known = {p.untyped_storage().data_ptr() for p in model.parameters()}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        memory = tensor.untyped_storage()
        if memory.data_ptr() not in known:
            found[memory.data_ptr()] = memory.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        kept = model.train()(images)
    del kept
    return sum(found.values()) / 1e6


def training(width: int, batch: int, rank: float, rounds: int) -> None:
    """Print the steps."""
    networks = variants(width, rank)
    images = torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(batch) % 10
    steps = {name: step_of(model, images, labels) for name, model in networks.items()}
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(cpu_s(step))
    print(f"training step, width {width}, batch {batch}, rank {rank:g} of min(I, O), {rounds} rounds")
    for name, model in networks.items():
        ratio = statistics.median(a / b for a, b in zip(times[name], times["dense"], strict=True))
        mode, _, rule = name.partition(" ")
        count = tt_counts(mode=mode, rank_fraction=rank, width=width, stride=rule or "maxpool")  # pyright: ignore[reportArgumentType]
        print(
            f"  {name:14} {statistics.median(times[name]):7.3f} s   {ratio:5.2f} of dense   "
            f"MACs {count.macs / 1e6:8.1f} M   kept {kept_MB(model, images):7.1f} MB"
        )


def merging(width: int, rank: float) -> None:
    """Print what happens once, and one image through the merged network."""
    dense = build_model("ms-resnet18", width=width).eval()
    print(f"once, width {width}, rank {rank:g}")
    for mode in MODES:
        made: list[nn.Module] = []
        fit_s = cpu_s(
            lambda mode=mode, made=made: made.append(tensor_train(dense, mode, rank, init="trained"))
        )  # pyright: ignore[reportArgumentType]
        merge_s = cpu_s(lambda made=made: made.append(merge_tensor_train(made[0])))
        layers = sum(isinstance(m, TTConv2d) for m in made[0].modules())
        print(
            f"  {mode}: fit of {layers} kernels {fit_s:6.2f} s, merge {merge_s:6.2f} s, {_image(made[1], dense)}"
        )


def _image(model: nn.Module, dense: nn.Module, rounds: int = 7) -> str:
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        pairs = [[cpu_s(lambda net=net: net(image)) for net in (model.eval(), dense)] for _ in range(rounds)]
    return f"one image {statistics.median(a / b for a, b in pairs):.2f} of dense"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rank", type=float, default=0.25)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(1)
    training(args.width, args.batch, args.rank, args.rounds)
    merging(args.width, args.rank)


if __name__ == "__main__":
    main()
