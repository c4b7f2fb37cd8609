"""Names for what can be plugged in, resolved only when used.

Built-in names stand in a table of ``module:object`` targets, so that listing them imports nothing.
Third parties add names by entry points in the groups ``axbar.hardware`` (a ``HardwareKind``),
``axbar.devices``, ``axbar.techniques``, ``axbar.models``, ``axbar.reproductions`` and
``axbar.renderers``. A name given twice is an error that names both givers.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from axbar.errors import AxbarError, UsageError, unknown_name

__all__ = ["GROUPS", "Entry", "canonical", "entries", "get", "load_target", "names"]

GROUPS = ("hardware", "devices", "techniques", "models", "reproductions", "renderers")

#: group -> name -> (target, one line on what it is)
_BUILTIN: dict[str, dict[str, tuple[str, str]]] = {
    "hardware": {
        "imc": ("axbar.cost.imc:KIND", "in-memory-computing chip of crossbar arrays with digital neurons"),
        "sparse": (
            "axbar.cost.sparse.kind:KIND",
            "dual-sparse accelerator of spikes and pruned weights: LoAS, SparTen, GoSPA, Gamma, PTB",
        ),
        "systolic": ("axbar.cost.systolic:KIND", "systolic array for inference and training, after SATA"),
    },
    "devices": {
        "custom": ("axbar.devices.custom:PRESET", "a device of one's own: laws in device.custom"),
        "fefet-2bit": ("axbar.devices.fefet:PRESET", "2-bit FeFET (literature, not measured by us)"),
        "ideal": ("axbar.devices.ideal:PRESET", "exact cells: no noise, infinite on/off ratio"),
        "pcm-bn-i": (
            "axbar.devices.bn_paper:PCM_I",
            "PCM-i of the batch-norm study, ratio 40, the rest assumed",
        ),
        "pcm-bn-ii": (
            "axbar.devices.bn_paper:PCM_II",
            "PCM-ii of the batch-norm study, ratio 80, the rest assumed",
        ),
        "pcm-hermes": ("axbar.devices.pcm_hermes:PRESET", "14 nm PCM of HERMES (Le Gallo 2023), one device"),
        "pcm-hermes-msf": (
            "axbar.devices.pcm_hermes:MSF",
            "14 nm PCM of HERMES (Le Gallo 2023), two devices",
        ),
        "pcm-joshi": ("axbar.devices.pcm_joshi:PRESET", "mushroom PCM (Joshi 2020), programming noise only"),
        "pcm-mushroom": (
            "axbar.devices.pcm_mushroom:PRESET",
            "mushroom PCM (Nandakumar 2019), drift from 20 s on",
        ),
        "rram-bn": (
            "axbar.devices.bn_paper:RRAM",
            "RRAM of the batch-norm study, ratio 10, the rest assumed",
        ),
        "rram-clipformer": (
            "axbar.devices.rram_clipformer:PRESET",
            "RRAM of ClipFormer, write noise assumed",
        ),
        "rram-clipformer-gap": (
            "axbar.devices.rram_clipformer:GAP",
            "the same with write noise that vanishes at both ends of the range",
        ),
        "rram-cmo": ("axbar.devices.rram_cmo:PRESET", "CMO/HfOx RRAM (Falcone), written to 0.2 %"),
        "rram-cmo-coarse": ("axbar.devices.rram_cmo:COARSE", "CMO/HfOx RRAM (Falcone), written to 2 %"),
        "rram-generic": (
            "axbar.devices.rram_generic:PRESET",
            "generic RRAM, sigma 5 % of the range (assumed)",
        ),
        "rram-hfo2": ("axbar.devices.rram_hfo2:PRESET", "multi-level HfO2 RRAM (Milo 2021), cubic I-V"),
        "rram-neurram": ("axbar.devices.rram_neurram:PRESET", "HfOx RRAM of NeuRRAM (Wan 2022), relaxation"),
        "sonos": ("axbar.devices.sonos:PRESET", "40 nm SONOS charge trap (Agrawal 2022), five days"),
        "sram": ("axbar.devices.sram:PRESET", "SRAM: one bit per cell, exact levels"),
        "stt-mram": ("axbar.devices.stt_mram:PRESET", "STT-MRAM, ratio 2.5 (literature, not measured by us)"),
    },
    "techniques": {
        "adc-recalibrate": (
            "axbar.techniques.adc_recalibrate:TECHNIQUE",
            "refit the ADC ranges of every die",
        ),
        "bn-adapt": (
            "axbar.techniques.bn_adapt:TECHNIQUE",
            "recompute batch-norm statistics on every die, no labels",
        ),
        "bn-finetune": (
            "axbar.techniques.bn_finetune:TECHNIQUE",
            "train batch-norm gamma and beta on every die",
        ),
        "clip-weights": ("axbar.techniques.clip_weights:TECHNIQUE", "clip weights at n sigma of their layer"),
        "clipformer": (
            "axbar.techniques.clipformer:TECHNIQUE",
            "clip conductances of keys and values before they are written",
        ),
        "column-scale": (
            "axbar.techniques.column_scale:TECHNIQUE",
            "fit a digital gain and offset to every output of every die, no labels",
        ),
        "drift-compensate": (
            "axbar.techniques.drift_compensate:TECHNIQUE",
            "rescale the outputs of every aged die, per layer or column",
        ),
        "early-exit": (
            "axbar.techniques.early_exit:TECHNIQUE",
            "let a sample leave once its answer is sure",
        ),
        "fit-windows": (
            "axbar.techniques.fit_windows:TECHNIQUE",
            "shorten the time windows of first-spike neurons to what they need, no labels",
        ),
        "fold-norms": (
            "axbar.techniques.fold_norms:TECHNIQUE",
            "work batch norms into the weights before them, norms per step into the neurons behind",
        ),
        "fold-pools": (
            "axbar.techniques.fold_pools:TECHNIQUE",
            "work average pools into the layers behind them, which then read spikes",
        ),
        "ln-finetune": (
            "axbar.techniques.ln_finetune:TECHNIQUE",
            "train layer-norm gamma and beta on every die",
        ),
        "lottery-ticket": (
            "axbar.techniques.lottery_ticket:TECHNIQUE",
            "prune a quarter of the weights a round, rewind and train again",
        ),
        "mask-single-spikes": (
            "axbar.techniques.mask_single_spikes:TECHNIQUE",
            "silence neurons that fire exactly once, then fine-tune",
        ),
        "mint": (
            "axbar.techniques.mint:TECHNIQUE",
            "integer weights and membranes of 2 to 8 bits on one learned grid",
        ),
        "noise-aware": (
            "axbar.techniques.noise_aware:TECHNIQUE",
            "fine-tune the network on the weights of many dies",
        ),
        "prune": ("axbar.techniques.prune:TECHNIQUE", "remove the smallest weights, then fine-tune"),
        "share-neurons": (
            "axbar.techniques.share_neurons:TECHNIQUE",
            "let groups of channels take turns on membranes, then fine-tune",
        ),
        "tensor-train": (
            "axbar.techniques._tensor_train:TECHNIQUE",
            "train 3x3 convolutions as tensor trains of four small cores, merge them for inference",
        ),
        "to-spikes": (
            "axbar.techniques.to_spikes:TECHNIQUE",
            "turn any activation into spiking neurons of fitted thresholds, no labels",
        ),
        "variation-aware": (
            "axbar.techniques.variation_aware:TECHNIQUE",
            "fine-tune attention on keys and values as cells hold them",
        ),
    },
    "models": {
        "cnn": ("axbar.nn.models:cnn", "two convolutions, ReLU: conventional twin of spiking-cnn"),
        "deit-s": ("axbar.nn.models:deit_s", "vision transformer DeiT-S for 224x224 images"),
        "mlp": ("axbar.nn.models:mlp", "two hidden linear layers, ReLU: conventional twin of spiking-mlp"),
        "ms-resnet18": (
            "axbar.nn.models:ms_resnet18",
            "membrane-shortcut ResNet18 of LIF neurons: potentials are added, not spikes",
        ),
        "ms-resnet34": ("axbar.nn.models:ms_resnet34", "membrane-shortcut ResNet34 of LIF neurons"),
        "resnet20": (
            "axbar.nn.models:resnet20",
            "conventional ResNet20 for 32x32 images (option-A shortcuts)",
        ),
        "spiking-cnn": (
            "axbar.nn.models:spiking_cnn",
            "two convolutions and two linear layers of LIF neurons",
        ),
        "spiking-mlp": (
            "axbar.nn.models:spiking_mlp",
            "two hidden linear layers of LIF neurons, for sensors of a few channels",
        ),
        "spiking-resnet19": ("axbar.nn.models:spiking_resnet19", "spiking ResNet19 with tdBN"),
        "spiking-vgg16": ("axbar.nn.models:spiking_vgg16", "spiking VGG16 with tdBN"),
        "spiking-vgg9": (
            "axbar.nn.models:spiking_vgg9",
            "spiking VGG9 with tdBN: 7 convolutions, 2 linear layers",
        ),
        "ttfs-add": ("axbar.nn.models:ttfs_add", "first-spike network with skips that add times"),
        "ttfs-concat": ("axbar.nn.models:ttfs_concat", "first-spike network with skips that are joined"),
        "ttfs-concat-delay": (
            "axbar.nn.models:ttfs_concat_delay",
            "first-spike network with joined skips that learn a delay per channel",
        ),
        "ttfs-plain": ("axbar.nn.models:ttfs_plain", "first-spike network without skips"),
        "vgg16": ("axbar.nn.models:vgg16", "conventional twin of spiking-vgg16"),
        "vgg9": ("axbar.nn.models:vgg9", "conventional twin of spiking-vgg9"),
        "vit-b16": ("axbar.nn.models:vit_b16", "vision transformer ViT-B/16 for 224x224 images"),
        "vit-tiny": (
            "axbar.nn.models:vit_tiny",
            "vision transformer of six blocks for 32x32 images, any patch, depth, width and heads",
        ),
        "vit-tiny-cifar-10": (
            "axbar.nn.models.trained:vit_tiny_cifar_10",
            "vit-tiny trained on CIFAR-10 (65.0 %), patches of 4x4: ships with its weights",
        ),
        "vit-tiny-fashion-mnist": (
            "axbar.nn.models.trained:vit_tiny_fashion_mnist",
            "vit-tiny trained on Fashion-MNIST (87.9 %), patches of 7x7: ships with its weights",
        ),
    },
    "reproductions": {
        "bn": (
            "axbar.published.bn:reproduce",
            "batch norms adapted and fine-tuned on chips with wires, read noise and drift",
        ),
        "clipformer": (
            "axbar.published.clipformer_study:reproduce",
            "attention on noisy cells: keys and values clipped or not, by write noise, training and device",
        ),
        "codesign": (
            "axbar.published.codesign_study:reproduce",
            "one search over three kinds of chips and a spiking network on them, and what each choice is worth",
        ),
        "loas": (
            "axbar.published.loas_study:reproduce",
            "dual-sparse spiking accelerators: where LoAS's speed-up and energy come from, on real spikes too",
        ),
        "energy": (
            "axbar.published.energy_study:reproduce",
            "the conventional estimate of spiking networks against a crossbar, a systolic and a dual-sparse chip",
        ),
        "snn": (
            "axbar.published.snn_study:reproduce",
            "cheaper spiking networks: time steps, few bits, early exit, pruning, on three chips",
        ),
        "snn-imc": (
            "axbar.published.snn_imc:reproduce",
            "where energy, time and area of a spiking network on crossbars go, and what cures it",
        ),
        "macros": (
            "axbar.published.macros_study:reproduce",
            "measured in-memory-computing macros against the model: energy and area, one factor per kind",
        ),
        "snn-vs-ann": (
            "axbar.published.snn_vs_ann:reproduce",
            "a spiking network against its conventional twin under each flaw of the arrays, by time steps",
        ),
        "spikesim": (
            "axbar.published.spikesim_study:reproduce",
            "the published chip model of SpikeSim, quirk by quirk, beside axbar's on the same designs",
        ),
        "timesteps": (
            "axbar.published.timesteps:reproduce",
            "energy, latency, EDP and accuracy on the chip against the number of time steps",
        ),
        "ttfs": (
            "axbar.published.ttfs_study:reproduce",
            "first-spike networks: skips, learned delays, sparse spikes, and chips that read times",
        ),
        "tt-snn": (
            "axbar.published.tt_study:reproduce",
            "tensor-train spiking networks: accuracy, size, training time and energy, arrays",
        ),
    },
    "renderers": {
        "comparison-csv": ("axbar.report:comparison_csv", "costs by chip, layer and component"),
        "comparison-html": ("axbar.report:comparison_html", "one offline page of chips side by side"),
        "comparison-json": ("axbar.report:comparison_json", "all figures of a comparison"),
        "comparison-terminal": ("axbar.report:show_comparison", "a comparison on the terminal"),
        "comparison-txt": ("axbar.report:comparison_text", "a comparison as plain text"),
        "csv": ("axbar.report:render_csv", "costs by layer and component, one figure a line"),
        "frame": ("axbar.report:to_frame", "the same as a pandas frame"),
        "html": ("axbar.report:render_html", "one offline page with charts"),
        "json": ("axbar.report:render_json", "all figures as JSON"),
        "notebook": ("axbar.report:render_notebook", "compact table for notebooks"),
        "study-html": (
            "axbar.report:exploration_html",
            "one offline page of a search: front, designs, parameters",
        ),
        "study-terminal": ("axbar.report:show_exploration", "the front of a search on the terminal"),
        "study-txt": ("axbar.report:exploration_text", "the front of a search as plain text"),
        "terminal": ("axbar.report:show", "tables on the terminal"),
        "txt": ("axbar.report:report_text", "tables as plain text"),
    },
}


#: names that other simulators give to what stands here under a name of ours
_ALIASES: dict[str, dict[str, str]] = {
    "devices": {
        "PCMLike": "pcm-mushroom",
        "PCMLikeNoiseModel": "pcm-mushroom",
        "Hermes": "pcm-hermes",
        "HermesNoiseModel": "pcm-hermes",
        "ReRamWan2022": "rram-neurram",
        "ReRamWan2022NoiseModel": "rram-neurram",
        "ReRamCMO": "rram-cmo",
        "ReRamCMONoiseModel": "rram-cmo",
        "PCMJoshi": "pcm-joshi",
        "RRAMMilo": "rram-hfo2",
        "RRAMWan": "rram-neurram",
        "SONOS": "sonos",
    },
}


@dataclass(frozen=True)
class Entry:
    """One registered name: where it comes from and what it is."""

    group: str
    name: str
    target: str
    summary: str
    origin: str  # "axbar" or the distribution that registered it


def _check_group(group: str) -> None:
    if group not in GROUPS:
        raise UsageError(unknown_name("registry group", group, GROUPS))


@cache
def _table(group: str) -> dict[str, Entry]:
    _check_group(group)
    table = {
        name: Entry(group, name, target, summary, "axbar")
        for name, (target, summary) in _BUILTIN[group].items()
    }
    for point in entry_points(group=f"axbar.{group}"):
        origin = point.dist.name if point.dist else "unknown distribution"
        if point.name in table:
            raise AxbarError(
                f"{group} name '{point.name}' is given twice, by {table[point.name].origin} and by {origin}; "
                "rename one of the entry points."
            )
        table[point.name] = Entry(group, point.name, point.value, "", origin)
    return table


def entries(group: str) -> tuple[Entry, ...]:
    """Return all entries of a group by name; imports nothing of theirs."""
    return tuple(sorted(_table(group).values(), key=lambda e: e.name))


def names(group: str) -> tuple[str, ...]:
    """Return the sorted names of a group."""
    return tuple(e.name for e in entries(group))


def canonical(group: str, name: str) -> str:
    """Return our name for what another simulator names so; any other name as it is.

    >>> canonical("devices", "PCMLike"), canonical("devices", "sram")
    ('pcm-mushroom', 'sram')
    """
    return name if name in _table(group) else _ALIASES.get(group, {}).get(name, name)


def get(group: str, name: str) -> Any:
    """Import and return what a name, or another simulator's name for it, stands for.

    Raises:
        UsageError: nothing of that name is registered (with the closest name).
    """
    table, name = _table(group), canonical(group, name)
    if name not in table:
        raise UsageError(unknown_name(group.rstrip("s"), name, table))
    entry = table[name]
    try:
        return load_target(entry.target)
    except (ImportError, AttributeError) as error:
        if entry.origin == "axbar":
            raise
        raise AxbarError(
            f"{group} name '{name}' of {entry.origin} does not load from '{entry.target}': {error}; repair or remove "
            "that package."
        ) from error


def load_target(target: str) -> Any:
    """Import ``module:object`` and return the object."""
    module, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found
