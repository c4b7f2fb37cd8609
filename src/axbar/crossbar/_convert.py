"""A network to its integer twin, and to crossbar arrays.

    model -> fold norms -> see what drives each layer (calibration data) -> replace Conv2d, Linear and MatMul
          -> fit converter ranges on nominal cells -> program a die

Ranges are a property of the design: they are fitted on nominal cells, behind the chip's wires but without any error
of a die and without drift, so that every die of any age starts from the same ones. ``adc-recalibrate`` refits them on
a programmed die.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, Literal, cast

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from axbar import devices
from axbar.calibration import CalibrationSource, calibrate_adc, observe_operands
from axbar.crossbar._analog import AnalogConv2d, AnalogLinear
from axbar.crossbar._analog_product import AnalogMatMul
from axbar.crossbar._bits import Bits, bits_of
from axbar.crossbar._drive import Drive, drive_of_range, drive_of_times
from axbar.crossbar._effects import Effects
from axbar.crossbar._layers import DigitalConv2d, DigitalLayer, DigitalLinear
from axbar.crossbar._model import AnalogModel, DigitalModel, converted_class
from axbar.crossbar._product import DigitalMatMul
from axbar.errors import ModelError, UsageError, unknown_name
from axbar.nn.attention import MatMul
from axbar.nn.norm import is_norm
from axbar.spec import HardwareSpec
from axbar.spec.imc import ImcSpec
from axbar.workload._timed import readers_of_times

__all__ = ["Norms", "converted", "digital", "folded_copy", "to_analog"]

#: what becomes of batch norms
Norms = Literal["fold", "keep"]

#: torch modules that multiply with weights in a way that no array layer covers
_UNSUPPORTED = (
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Conv1d,
    nn.Conv3d,
    nn.Bilinear,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
    LazyModuleMixin,
)


def digital(model: nn.Module, hardware: Any, data: Any = None, *, norms: Norms = "fold") -> nn.Module:
    """Return the integer network that a chip without analog flaws computes.

    Args:
        model: any module with ``Conv2d`` and ``Linear`` layers and products (``axbar.nn.attention.MatMul``); not
            changed.
        hardware: spec of the chip, or the name of a preset.
        data: batch of typical inputs ``[B, ...]`` that fixes the input scales; without it layers must see
            spikes or values in [0, 1].
        norms: ``fold`` batch norms into the layers before them, or ``keep`` them as digital units of the chip.

    Raises:
        ModelError: a layer can't be converted, or holds NaN weights.
        UsageError: weight bits of a layer and of the chip differ.
    """
    spec = _chip(hardware)
    if not isinstance(spec, ImcSpec):
        return _by_kind(spec, "digital", model, spec, data)
    return converted(model, spec, data, DigitalModel, norms)


def to_analog(
    model: nn.Module,
    hardware: Any,
    seed: int = 0,
    data: Any = None,
    *,
    norms: Norms = "fold",
    effects: Effects | None = None,
) -> nn.Module:
    """Return the same network on programmed crossbar arrays.

    The result keeps the methods, constructor arguments and ``state_dict`` keys of ``model`` and adds
    ``program(seed)``, ``at_time(t_s)``, ``set_effects(effects)``, ``compensate_drift()``,
    ``export_conductances(path)``, ``load_conductances(path)``, ``unconverted``, ``chip_layers``,
    ``chip_products`` and ``n_arrays``.
    Weights that change later (``load_state_dict``, training) are written to the arrays again at the next call.

    Args:
        model: any module with ``Conv2d`` and ``Linear`` layers and products of run-time operands
            (``axbar.nn.attention.MatMul``), which ``spec.run_time`` places; not changed.
        hardware: spec of the chip, or the name of a preset.
        seed: of the die.
        data: batch of typical inputs ``[B, ...]``: fixes input scales and fits converter ranges. Without it
            converters span the worst case, and layers must see spikes or values in [0, 1].
        norms: ``fold`` batch norms into the layers before them, or ``keep`` them as digital units of the chip,
            where they can adapt to a die.
        effects: flaws to switch on; all if None.

    Raises:
        ModelError: a layer can't be converted, or holds NaN weights.
        SpecError: the device can't hold ``crossbar.cell_bits``, or is asked for what its laws don't cover.
        UsageError: the chip does not compute in analog, or weight bits differ.

    >>> analog = to_analog(nn.Linear(8, 2), "imc-rram-65nm", seed=1)
    >>> analog(torch.ones(1, 8)).shape
    torch.Size([1, 2])
    """
    spec = _chip(hardware)
    if not isinstance(spec, ImcSpec):
        if norms != "fold" or effects is not None:
            raise UsageError(
                f"norms and effects are settings of chips of kind 'imc', not of '{spec.kind}'; leave them out."
            )
        return _by_kind(spec, "analog", model, spec, seed, data)
    devices.preset_of(spec.device).check_cell_bits(spec.crossbar.cell_bits)
    devices.check(spec.device, spec.read.v_read_V)
    analog = converted(model, spec, data, AnalogModel, norms)
    assert isinstance(analog, AnalogModel)
    analog.start_clock()
    wanted = effects or Effects()
    analog.program(None).set_effects(
        replace(wanted, adc=True)
    )  # ranges fit, whoever switches converters on later
    if data is not None:
        calibrate_adc(analog, data)
    return analog.set_effects(wanted).program(seed)


def _chip(hardware: Any) -> Any:
    if isinstance(hardware, str):
        from axbar.spec import load_hardware

        return load_hardware(hardware)
    return hardware


def _by_kind(spec: Any, way: str, *arguments: Any) -> nn.Module:
    """Hand over to the converter that another hardware kind registered."""
    from axbar import registry

    kind = registry.get("hardware", str(getattr(spec, "kind", type(spec).__name__)))
    target = getattr(kind, way)
    if target is None:
        raise UsageError(f"hardware of kind '{kind.name}' has no {way} network; use a chip of kind 'imc'.")
    model, *rest = arguments
    return registry.load_target(target)(model, *rest)


def folded_copy(model: nn.Module, source: CalibrationSource | None) -> nn.Module:
    """Return a copy in which batch norms are part of the layer before them."""
    if not any(is_norm(m) for m in model.modules()):
        return copy.deepcopy(model)
    from axbar.workload import fold_norms

    if source is not None:
        example = source.x[:1]
    elif hasattr(model, "input_shape"):
        shape: Any = model.input_shape
        example = torch.zeros(1, *shape)
    else:
        raise ModelError(
            f"{type(model).__name__} has batch norms to fold, which needs an example input; "
            "pass data=<a batch>."
        )
    place = next(model.parameters()).device
    return fold_norms(model, example.to(place))


def _layers_of(model: nn.Module) -> dict[str, nn.Module]:
    """Return the layers to convert by path.

    Raises:
        ModelError: a layer multiplies with weights but can't be converted, or there is none.
    """
    found: dict[str, nn.Module] = {}
    for path, module in model.named_modules():
        name = path or "(the network itself)"
        if isinstance(module, _UNSUPPORTED):
            raise ModelError(
                f"layer '{name}' is a {type(module).__name__}, which has no array form; "
                "convertible are Conv2d, Linear and axbar.nn.attention.MatMul: rewrite it with those."
            )
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        base = nn.Conv2d if isinstance(module, nn.Conv2d) else nn.Linear
        if type(module).forward is not base.forward:
            raise ModelError(
                f"layer '{name}' is a {type(module).__name__} with a forward of its own, which no array "
                f"computes; use a plain {base.__name__}."
            )
        found[path] = module
    if not found and not _products_of(model):
        raise ModelError(f"{type(model).__name__} has no Conv2d or Linear layer to put on arrays.")
    return found


def _products_of(model: nn.Module) -> dict[str, MatMul]:
    """Return the products of run-time operands by path.

    Raises:
        ModelError: a module says that it is one, but is no plain ``axbar.nn.attention.MatMul``.
    """
    found: dict[str, MatMul] = {}
    for path, module in model.named_modules():
        if not getattr(module, "is_product", False):
            continue
        if not isinstance(module, MatMul) or type(module).forward is not MatMul.forward:
            raise ModelError(
                f"'{path or '(the network itself)'}' is a {type(module).__name__} and says that it is a product, "
                "which only axbar.nn.attention.MatMul is to arrays; use that."
            )
        found[path] = module
    return found


def _unconverted(model: nn.Module, layers: dict[str, nn.Module]) -> tuple[str, ...]:
    """List what keeps parameters of its own outside the converted layers."""
    converted = {id(layer) for layer in layers.values()}
    rest: list[str] = []
    for path, module in model.named_modules():
        own = sum(p.numel() for p in module.parameters(recurse=False))
        if own and id(module) not in converted:
            rest.append(f"{path or 'the network itself'} ({type(module).__name__}, {own} parameters)")
    return tuple(rest)


def _drives(
    model: nn.Module,
    layers: dict[str, nn.Module],
    products: dict[str, MatMul],
    source: CalibrationSource | None,
    bits: Bits,
) -> dict[str, list[Drive | None]]:
    """Return the coding of every layer's input, and of both operands of every product."""
    found: dict[str, list[Drive | None]] = {path: [None] for path in layers}
    found |= {path: [None, None] for path in products}
    if source is None:
        return found
    widths = (bits.inputs, bits.written)
    timed = readers_of_times(model, source.x[:1]) if _fire_once(model) else frozenset[str]()
    for path, stats in observe_operands(model, {**layers, **products}, source).items():
        for i, s in enumerate(stats[: len(found[path])]):
            if path in timed:
                found[path][i] = drive_of_times(s.largest, bits.time_read, bits.times)
            else:
                found[path][i] = drive_of_range(s.largest, s.coding, widths[i])
    return found


def _fire_once(model: nn.Module) -> bool:
    return any(getattr(module, "reset", None) == "once" for module in model.modules())


def converted(
    model: nn.Module, spec: HardwareSpec, data: Any, mixin: type[DigitalModel], norms: Norms
) -> nn.Module:
    """Copy ``model`` and replace its layers; converters span the worst case, cells are nominal.

    Args:
        model, data, norms: as of ``digital``.
        spec: of a chip of arrays; for the integer network alone, of any that states its bits.
        mixin: what the network becomes.
    """
    if isinstance(model, DigitalModel):
        raise ModelError(f"{type(model).__name__} is converted already; convert the original network.")
    source = None if data is None else CalibrationSource.of(data)
    _layers_of(model)  # refuse before any work
    if norms not in ("fold", "keep"):
        raise UsageError(unknown_name("treatment of norms", norms, ("fold", "keep")))
    made = folded_copy(model, source) if norms == "fold" else copy.deepcopy(model)
    layers = _layers_of(made)
    _plain_weights(layers)
    products = _products_of(made)
    drives = _drives(made, layers, products, source, bits_of(spec))
    rest = _unconverted(made, layers)
    analog = issubclass(mixin, AnalogModel)
    for path, layer in layers.items():
        conv = isinstance(layer, nn.Conv2d)
        layer.__class__ = (
            (AnalogConv2d if conv else AnalogLinear) if analog else (DigitalConv2d if conv else DigitalLinear)
        )
        assert isinstance(layer, DigitalLayer)
        layer.attach(spec, path or "root", *drives[path])
    for path, product in products.items():
        product.__class__ = AnalogMatMul if analog else DigitalMatMul
        assert isinstance(product, DigitalMatMul)
        product.attach(spec, path or "root", *drives[path])
    made.__class__ = converted_class(mixin, type(made))
    assert isinstance(made, DigitalModel)
    made.axbar_hardware, made.axbar_unconverted = spec, rest
    return made


def _plain_weights(layers: dict[str, nn.Module]) -> None:
    """Turn parametrised weights (weight norm, pruning by parametrisation) into plain ones.

    Done by hand: torch's own removal edits the class, which the copy shares with the user's module.
    """
    from torch.nn.utils import parametrize

    for layer in layers.values():
        if not parametrize.is_parametrized(layer):
            continue
        names = list(cast(nn.ModuleDict, layer.parametrizations))
        values = {name: getattr(layer, name).detach().clone() for name in names}
        del layer._modules["parametrizations"]
        layer.__class__ = type(layer).__mro__[1]  # torch puts a class of properties before the plain one
        for name, value in values.items():
            layer.register_parameter(name, nn.Parameter(value))
