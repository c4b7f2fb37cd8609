"""What to know of a workload whatever chip it runs on: spikes that no known neuron makes, neurons that never fire.

A neuron that is written out in torch operations is traced as these: sums, products, comparisons. Its spikes are
recorded all the same, but nothing says which of the values is a membrane, so no hardware kind stores one. It is known
by its spikes: zeros and ones at a layer's input behind sums of another layer, or behind values that are carried from
step to step, on several steps, with no neuron in between. Spikes that come with the network's input are an encoding,
and zeros and ones of one step without a carried value are an activation of a binary network: neither has a membrane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from axbar.cost._charged import exit_note
from axbar.workload import LayerTrace, Operand, Workload

__all__ = ["named", "neuron_notes", "silent_note", "workload_notes"]

#: layers that a sentence names
_MOST: Final = 3


def workload_notes(workload: Workload) -> tuple[str, ...]:
    """Return who leaves when, then ``neuron_notes``: what every estimate says before what its chip's kind does."""
    return (*exit_note(workload.exit_step, workload.steps), *neuron_notes(workload))


def neuron_notes(workload: Workload) -> tuple[str, ...]:
    """Return a sentence on spikes whose neurons are not known, and one on neurons that do not fire."""
    return (*_unknown_note(workload), *silent_note(workload))


def silent_note(workload: Workload) -> tuple[str, ...]:
    """Return where nothing is computed because no spike arrives, in one sentence; none where all layers get some."""
    chains = _chains(workload)
    fed = [layer for layer in workload.matmuls if _is_spiking(layer) and not chains[layer.name].is_input]
    silent = [layer for layer in fed if _is_silent(layer.operands[0])]
    fires = [_fires(neuron) for neuron in workload.neurons]
    doing_nothing = "and costs are those of doing nothing there"
    if False in fires and True not in fires and len(silent) == len(fed):
        return (
            f"no neuron fires: nothing is computed behind them, {doing_nothing}; check dt, thresholds or input scaling",
        )
    if not silent:
        return ()
    if all(chains[layer.name].neurons for layer in silent):
        return (f"no neuron in front of {named(silent)} fires: nothing is computed there, {doing_nothing}",)
    return (f"all inputs of {named(silent)} are zero: nothing is computed there, {doing_nothing}",)


def named(layers: Sequence[LayerTrace]) -> str:
    """Return the names of the first few layers and how many more there are."""
    more = f" and {len(layers) - _MOST} more" if len(layers) > _MOST else ""
    return ", ".join(layer.name for layer in layers[:_MOST]) + more


def _unknown_note(workload: Workload) -> tuple[str, ...]:
    """Say where recorded spikes come from what was written out in torch operations."""
    chains = _chains(workload)
    found = [layer for layer in workload.matmuls if _is_unknown(layer, chains[layer.name])]
    if not found:
        return ()
    makers = ", ".join(list(dict.fromkeys(chains[layer.name].first for layer in found))[:_MOST])
    return (
        f"spikes into {named(found)} come from no neuron that axbar knows ({makers}): "
        "membranes are not charged, thresholds at most as plain operations; build the neurons with axbar.nn.LIF, or "
        "give a network of a supported library to axbar.from_module",
    )


@dataclass(frozen=True)
class _Chain:
    """What lies between a layer's input and the next neurons and layers before it.

    Args:
        first: the node that the layer reads.
        neurons: some of it comes from neurons.
        products: some of it comes from layers with weights.
        carried: a node reads what another gave a step before.
    """

    first: str
    neurons: bool
    products: bool
    carried: bool

    @property
    def is_input(self) -> bool:
        """Whether nothing but the network's own input is read, element by element."""
        return not (self.neurons or self.products or self.carried)


def _chains(workload: Workload) -> dict[str, _Chain]:
    nodes = {layer.name: layer for layer in workload.layers}
    order = {name: i for i, name in enumerate(nodes)}
    return {layer.name: _chain(layer, nodes, order) for layer in workload.matmuls}


def _chain(layer: LayerTrace, nodes: Mapping[str, LayerTrace], order: Mapping[str, int]) -> _Chain:
    seen: set[str] = set()
    left = list(layer.inputs)
    neurons = products = carried = False
    while left:
        name = left.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        node = nodes[name]
        if node.is_matmul or node.op == "neuron":
            neurons, products = neurons or node.op == "neuron", products or node.is_matmul
        else:
            carried = carried or any(order.get(source, -1) >= order[name] for source in node.inputs)
            left += node.inputs
    return _Chain(layer.inputs[0] if layer.inputs else layer.name, neurons, products, carried)


def _is_unknown(layer: LayerTrace, chain: _Chain) -> bool:
    first = layer.operands[0] if _is_spiking(layer) else None
    if first is None or first.words is None or not first.words.any() or chain.neurons:
        return False
    return chain.carried or (chain.products and first.steps > 1)


def _is_spiking(layer: LayerTrace) -> bool:
    return bool(layer.operands) and layer.operands[0].coding in ("spikes", "signed")


def _is_silent(spikes: Operand) -> bool:
    return spikes.rate == 0 if spikes.words is None else not spikes.words.any()


def _fires(layer: LayerTrace) -> bool | None:
    """Return whether a neuron layer fires; None where that was not recorded, or where it gives back potentials."""
    output = layer.output
    potentials = layer.neuron is not None and layer.neuron.reset == "none"
    if output is None or potentials or (output.words is None and output.rate is None):
        return None
    return not _is_silent(output)
