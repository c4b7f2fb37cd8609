"""Networks by shape alone, so that a chip can be estimated before a network exists.

| name | convolutions at full width (M: max-pool of 2x2) | linear |
|---|---|---|
| cnn | 32 M 64 M | 128, classes |
| vgg9 | 64 64 M 128 128 M 256 256 256 M | 1024, classes |
| vgg16 | 64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M | 512, 512, classes |
| resnet19 | stem w, residual blocks 3 x w, 3 x 2w (stride 2), 2 x 4w (stride 2) | 2w, classes |

and the vision transformers vit-tiny, deit-s and vit-b16, with attention: ``axbar.workload._transformers``.

VGG16 after Simonyan and Zisserman (ICLR 2015), VGG9 as in SpikeSim (Moitra et al., IEEE TCAD 2023), ResNet19
after Zheng et al. (AAAI 2021); the same layers as the networks of these names that axbar trains. The image
enters once, as 8-bit numbers (direct coding). All spike rates are the one given rate, and the share of set
bits of real numbers is taken as 1/2: both assumed, unlike those of a traced network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from axbar.errors import UsageError
from axbar.workload._layers import LayerShape, from_layers
from axbar.workload._transformers import deit_s, vit, vit_b16, vit_tiny
from axbar.workload._types import Workload

__all__ = ["TABLE", "cnn", "deit_s", "resnet19", "vgg9", "vgg16", "vit", "vit_b16", "vit_tiny"]

REAL_BITS, REAL_RATE = 8, 0.5
POOL = 0
_VGG16 = (64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL, 512, 512, 512, POOL, 512, 512, 512, POOL)
#: name -> full width, channels of convolutions, features of hidden linear layers
_PLANS: dict[str, tuple[int, tuple[int, ...], tuple[int, ...]]] = {
    "cnn": (32, (32, POOL, 64, POOL), (128,)),
    "vgg9": (64, (64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL), (1024,)),
    "vgg16": (64, _VGG16, (512, 512)),
}
#: channels in multiples of the width, stride of the first block, blocks
_STAGES = ((1, 1, 3), (2, 2, 3), (4, 2, 2))


def cnn(
    width: int = 32,
    input_shape: Sequence[int] = (1, 28, 28),
    classes: int = 10,
    steps: int = 4,
    rate: float = 0.15,
) -> Workload:
    """Two convolutions and two linear layers for 28 x 28 images."""
    return _stack("cnn", width, input_shape, classes, steps, rate)


def vgg9(
    width: int = 64,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    steps: int = 4,
    rate: float = 0.15,
) -> Workload:
    """VGG9: seven convolutions and two linear layers for 32 x 32 images.

    >>> [layer.name for layer in vgg9().matmuls][-2:]
    ['fc1', 'fc2']
    """
    return _stack("vgg9", width, input_shape, classes, steps, rate)


def vgg16(
    width: int = 64,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    steps: int = 4,
    rate: float = 0.15,
) -> Workload:
    """VGG16: thirteen convolutions and three linear layers for 32 x 32 images."""
    return _stack("vgg16", width, input_shape, classes, steps, rate)


def resnet19(
    width: int = 128,
    input_shape: Sequence[int] = (3, 32, 32),
    classes: int = 10,
    steps: int = 4,
    rate: float = 0.15,
) -> Workload:
    """ResNet19: a stem, eight residual blocks and two linear layers for 32 x 32 images."""
    channels, rows, columns = _image("resnet19", width, input_shape)
    layers = [_first("conv1", channels, width, (rows, columns), steps)]
    wide, source = width, "conv1"
    for multiple, first_stride, blocks in _STAGES:
        for n in range(blocks):
            stride = first_stride if n == 0 else 1
            block = f"blocks.{sum(name.endswith('.conv1') for name in _names(layers))}"
            layers += _block(block, wide, multiple * width, stride, (rows, columns), rate, source)
            wide, source = multiple * width, f"{block}.conv2"
            rows, columns = -(-rows // stride), -(-columns // stride)
    pooled = LayerShape(wide, 2 * width, "fc1", "linear", bits=REAL_BITS, rate=REAL_RATE, inputs=(source,))
    last = LayerShape(2 * width, classes, "fc2", "linear", rate=rate, neuron=False)
    return from_layers([*layers, pooled, last], name="resnet19", steps=steps)


def _stack(
    name: str, width: int, input_shape: Sequence[int], classes: int, steps: int, rate: float
) -> Workload:
    base, convolutions, hidden = _PLANS[name]
    channels, rows, columns = _image(name, width, input_shape)
    layers: list[LayerShape] = []
    for item in convolutions:
        if item == POOL:  # maps of one row or column are not pooled further
            rows, columns = (rows // 2, columns // 2) if min(rows, columns) >= 2 else (rows, columns)
            continue
        wide, label = max(1, item * width // base), f"conv{len(layers) + 1}"
        if not layers:
            layers.append(_first(label, channels, wide, (rows, columns), steps))
        else:
            layers.append(LayerShape(channels, wide, label, in_size=(rows, columns), rate=rate))
        channels = wide
    features = channels * rows * columns
    for number, item in enumerate((*hidden, None), start=1):
        wide = classes if item is None else max(1, item * width // base)
        layers.append(LayerShape(features, wide, f"fc{number}", "linear", rate=rate, neuron=item is not None))
        features = wide
    return from_layers(layers, name=name, steps=steps)


def _first(name: str, channels: int, wide: int, size: tuple[int, int], steps: int) -> LayerShape:
    """The first convolution: the image is constant over time, so it runs once."""
    return LayerShape(channels, wide, name, in_size=size, rate=REAL_RATE, steps=1, bits=REAL_BITS)


def _block(
    name: str, wide_in: int, wide: int, stride: int, size: tuple[int, int], rate: float, source: str
) -> list[LayerShape]:
    """Two convolutions, a third around them where shapes change; the sum fires behind the second."""
    behind = (-(-size[0] // stride), -(-size[1] // stride))
    layers = [
        LayerShape(wide_in, wide, f"{name}.conv1", in_size=size, stride=stride, rate=rate, inputs=(source,)),
        LayerShape(wide, wide, f"{name}.conv2", in_size=behind, rate=rate, inputs=(f"{name}.conv1",)),
    ]
    if stride != 1 or wide_in != wide:
        around = LayerShape(
            wide_in, wide, f"{name}.shortcut", in_size=size, kernel=1, stride=stride, rate=rate, neuron=False,
            inputs=(source,),
        )  # fmt: skip
        layers.insert(1, around)
    return layers


def _names(layers: Sequence[LayerShape]) -> list[str]:
    return [layer.name for layer in layers]


def _image(name: str, width: int, input_shape: Sequence[int]) -> tuple[int, int, int]:
    if len(input_shape) != 3 or any(n < 1 for n in input_shape) or width < 1:
        raise UsageError(
            f"shape '{name}' takes a width of at least 1 and images (channels, rows, columns), got {width} "
            f"and {tuple(input_shape)}."
        )
    channels, rows, columns = input_shape
    return channels, rows, columns


#: name -> function that returns its workload
TABLE: dict[str, Callable[..., Workload]] = {
    "cnn": cnn, "deit-s": deit_s, "resnet19": resnet19, "vgg9": vgg9, "vgg16": vgg16, "vit-b16": vit_b16,
    "vit-tiny": vit_tiny,
}  # fmt: skip
