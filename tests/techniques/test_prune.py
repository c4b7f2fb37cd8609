"""Pruning by magnitude: exact counts, masks that survive training, zeros that reach every model of hardware."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prune_nets import DATA, applied, images, spiking, weights, zeros
from torch import nn

import axbar
from axbar.crossbar import folded_copy
from axbar.devices import quantise
from axbar.errors import ModelError, UsageError
from axbar.nn import TrainConfig, load_network, save_checkpoint, train
from axbar.spec import load_hardware
from axbar.techniques import parse_technique, structure, structure_table
from axbar.techniques._gradual import sparsity_at
from axbar.techniques._masks import keep, smallest_of, weight_layers, zeros_of

PRUNABLE = 288 + 512 + 64  # all but the first convolution


class TestCounts:
    @pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.5, 0.777, 0.9])
    def test_as_many_as_asked_and_the_smallest_of_all_layers(self, sparsity: float) -> None:
        model = spiking()
        pruned = applied(f"prune:sparsity={sparsity},epochs=0", model).target
        assert zeros(pruned)["conv1"] == 0
        assert sum(zeros(pruned).values()) == round(sparsity * PRUNABLE)
        old, new = weights(model), weights(pruned)
        rest = [path for path in old if path != "conv1"]
        gone = torch.cat([old[p][new[p] == 0].abs() for p in rest])
        left = torch.cat([old[p][new[p] != 0].abs() for p in rest])
        assert gone.numel() == 0 or float(gone.max()) <= float(left.min())
        assert all(torch.equal(new[p][new[p] != 0], old[p][new[p] != 0]) for p in old)

    def test_layer_by_layer(self) -> None:
        pruned = applied("prune:sparsity=0.75,scope=layer,epochs=0", spiking()).target
        assert zeros(pruned) == {"conv1": 0, "conv2": 216, "fc1": 384, "fc2": 48}

    def test_which_layers(self) -> None:
        everything = applied("prune:sparsity=0.5,scope=layer,epochs=0,keep_first=false", spiking()).target
        assert zeros(everything) == {"conv1": 18, "conv2": 144, "fc1": 256, "fc2": 32}
        middle = applied("prune:sparsity=0.5,scope=layer,epochs=0,keep_readout=true", spiking()).target
        assert zeros(middle) == {"conv1": 0, "conv2": 144, "fc1": 256, "fc2": 0}

    def test_a_first_linear_layer_is_pruned(self) -> None:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 4))
        assert sum(zeros(applied("prune:sparsity=0.5,epochs=0", net).target).values()) == (512 + 32) // 2

    def test_equal_weights_go_in_order_until_the_count_is_met(self) -> None:
        kept = smallest_of([np.array([1.0, -1.0, 2.0]), np.array([[1.0], [0.0]])], 3)
        assert [k.ravel().tolist() for k in kept] == [[False, False, True], [True, False]]

    @given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.floats(0, 1), st.integers(1, 5))
    def test_law_of_counts(self, values: list[int], share: float, cuts: int) -> None:
        parts = np.array_split(np.array(values, float), cuts)
        count = round(share * len(values))
        kept = smallest_of(parts, count)
        assert sum(int((~k).sum()) for k in kept) == count
        flat, mask = np.abs(np.concatenate(parts)), np.concatenate(kept)
        assert not (~mask).any() or not mask.any() or flat[~mask].max() <= flat[mask].min()

    def test_a_floor_keeps_the_largest_of_every_layer(self) -> None:
        parts = [np.array([0.1, -0.2, 0.3, 0.05]), np.array([[5.0, 6.0], [7.0, 0.0]])]
        assert [k.ravel().tolist() for k in smallest_of(parts, 5)] == [[False] * 4, [True, True, True, False]]
        kept = smallest_of(parts, 4, floor=0.3)  # two of four stay in each
        assert [k.ravel().tolist() for k in kept] == [[False, True, True, False], [False, True, True, False]]
        low = smallest_of([parts[0], np.zeros(3)], 5, floor=0.5)  # what is removed stays removed
        assert [k.ravel().tolist() for k in low] == [[False, True, True, False], [False] * 3]
        least = applied("prune:sparsity=0.9,scope=layer,floor=0.09,epochs=0", spiking()).target
        assert zeros(least) == {"conv1": 0, "conv2": 259, "fc1": 461, "fc2": 58}
        with pytest.raises(ModelError, match=r"floor of 20.00% of each layer"):
            applied("prune:sparsity=0.9,scope=layer,floor=0.2,epochs=0", spiking())
        with pytest.raises(ModelError, match=r"floor of 30.00% of each layer leaves only 4 of 8"):
            smallest_of(parts, 5, floor=0.3)

    def test_pruning_twice_is_pruning_once(self) -> None:
        twice = applied(
            "prune:sparsity=0.8,epochs=0", applied("prune:sparsity=0.5,epochs=0", spiking()).target
        )
        once = applied("prune:sparsity=0.8,epochs=0", spiking())
        both = weights(twice.target), weights(once.target)
        assert all(torch.equal(both[0][path], both[1][path]) for path in both[0])

    def test_facts(self) -> None:
        result = applied("prune:sparsity=0.5,epochs=0", spiking())
        assert result.cost["removed"] == 432 and result.cost["weights"] == PRUNABLE
        assert result.cost["sparsity"] == 0.5 and result.cost["images"] == result.cost["macs_forward"] == 0
        assert result.cost["sparsity_of_network"] == pytest.approx(432 / (PRUNABLE + 36))
        assert all(isinstance(value, int | float | str) for value in result.cost.values())


class TestTraining:
    def test_masks_survive_and_the_rest_learns(self) -> None:
        still = applied("prune:sparsity=0.7,epochs=0", spiking()).target
        tuned = applied("prune:sparsity=0.7,epochs=3,lr=0.01,batch=32", spiking()).target
        for path, mask in {p: w != 0 for p, w in weights(still).items()}.items():
            assert torch.equal(weights(tuned)[path] != 0, mask)
            assert not torch.equal(weights(tuned)[path][mask], weights(still)[path][mask])
        assert not torch.equal(
            tuned.state_dict()["norm1.running_mean"], still.state_dict()["norm1.running_mean"]
        )
        assert not tuned.training

    @pytest.mark.parametrize("scope", ["global", "layer"])
    def test_little_by_little_ends_at_the_same_count(self, scope: str) -> None:
        how = f"prune:sparsity=0.7,scope={scope},epochs=3,lr=0.01,batch=32"
        once, slow = (applied(f"{how},gradual={g}", spiking()).target for g in (0, 0.6))
        assert sum(zeros(slow).values()) == sum(zeros(once).values()) >= round(0.7 * PRUNABLE) - 1
        assert not torch.equal(
            weights(slow)["fc1"] != 0, weights(once)["fc1"] != 0
        )  # it ranks what has learned

    def test_little_by_little_never_gives_back_and_keeps_what_is_sparser(self) -> None:
        sparse = applied("prune:sparsity=0.8,epochs=0", spiking()).target
        slow = applied("prune:sparsity=0.5,epochs=2,batch=32,gradual=0.5", sparse).target
        for path, weight in weights(slow).items():
            assert torch.equal(weight != 0, weights(sparse)[path] != 0), path

    @given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 50))
    def test_law_of_the_rise(self, first: float, last: float, steps: int) -> None:
        found = [sparsity_at(t, steps, first, last) for t in range(steps + 3)]
        assert found[0] == pytest.approx(first) and found[-1] == found[steps] == pytest.approx(last)
        rising = np.diff(found) * np.sign(last - first)
        assert (rising >= -1e-12).all() and (np.diff(rising[:steps]) <= 1e-9).all()  # ever more slowly

    @pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
    def test_any_optimizer_with_momentum_decay_and_clipping(self, optimizer: str) -> None:
        model = applied("prune:sparsity=0.7,epochs=0", spiking()).target
        layers = weight_layers(model, images(1))
        masks = zeros_of(layers)
        config = TrainConfig(epochs=2, batch_size=32, lr=0.05, optimizer=optimizer, weight_decay=0.1)  # type: ignore[arg-type]
        with keep(layers, masks):
            train(model, DATA, config)
        assert all(torch.equal(weights(model)[path] != 0, masks[path]) for path in masks)

    def test_same_seed_same_bits_and_nothing_else_is_touched(self) -> None:
        model, state = spiking(), torch.get_rng_state()
        before = {k: v.clone() for k, v in model.state_dict().items()}
        how = "prune:sparsity=0.6,epochs=1,images=96,batch=32"
        first, again = applied(how, model).target, applied(how, model).target
        other = applied(f"{how},seed=1", model).target
        assert all(torch.equal(v, again.state_dict()[k]) for k, v in first.state_dict().items())
        assert not torch.equal(weights(first)["fc1"], weights(other)["fc1"])
        assert all(torch.equal(model.state_dict()[k], v) for k, v in before.items())
        assert torch.equal(torch.get_rng_state(), state)

    def test_hooks_are_gone_afterwards(self) -> None:
        model = applied("prune:sparsity=0.7,epochs=1,images=64,batch=32", spiking()).target
        train(model, DATA, TrainConfig(epochs=1, batch_size=64))
        assert sum(zeros(model).values()) == 0  # whoever trains without ``keep`` loses the mask

    def test_counts(self) -> None:
        cost = applied("prune:sparsity=0.5,epochs=2,images=100,batch=32", spiking()).cost
        one = 36 * 64 + 4 * (288 * 16 + 512 + 64)  # the first layer runs once
        assert cost["images"] == 100 and cost["writes"] == cost["settings"] == 0
        assert cost["macs_forward"] == 2 * 96 * one and cost["macs_backward"] == 2 * cost["macs_forward"]


class TestZerosArrive:
    def test_in_the_workload_with_norms_folded(self) -> None:
        pruned = applied("prune:sparsity=0.7,epochs=1,images=64,batch=32", spiking()).target
        workload = axbar.trace(pruned, images())
        counts = {at.name: int((at.weight == 0).sum()) for at in workload.matmuls if at.weight is not None}
        assert counts == zeros(pruned) and sum(counts.values()) == round(0.7 * PRUNABLE)

    def test_folding_quantising_and_clipping_keep_them(self) -> None:
        pruned = applied("prune:sparsity=0.7,epochs=1,images=64,batch=32", spiking()).target
        assert zeros(folded_copy(pruned, None)) == zeros(pruned)
        assert zeros(applied("clip-weights:sigma=2", pruned).target) == zeros(pruned)
        for weight in weights(pruned).values():
            codes, _ = quantise(weight.numpy(), 8)
            assert not codes[weight.numpy() == 0].any()

    def test_through_a_run_folder(self, tmp_path: Path) -> None:
        model = spiking()
        pruned = applied("prune:sparsity=0.7,epochs=1,images=64,batch=32", model).target
        assert list(pruned.state_dict()) == list(model.state_dict())
        save_checkpoint(tmp_path / "run", pruned)
        loaded = load_network(tmp_path / "run")
        assert zeros(loaded) == zeros(pruned)
        assert axbar.trace(loaded, images()).hash() == axbar.trace(pruned, images()).hash()

    def test_an_offer_is_the_pruned_workload(self) -> None:
        workload, spec = axbar.trace(spiking(), images()), load_hardware("imc-rram-65nm")
        technique, _ = parse_technique("prune")
        offer = technique.what_if(spec, workload)  # type: ignore[attr-defined]
        pruned = applied("prune:epochs=0", spiking()).target
        masks = {p: (w != 0).numpy() for p, w in weights(pruned).items()}
        found = {at.name: at.weight != 0 for at in offer.workload.matmuls}
        total = sum(int((~m).sum()) for p, m in found.items())
        assert total == round(0.8 * PRUNABLE) == sum(int((~m).sum()) for m in masks.values())
        assert found["conv1"].all() and offer.changes_cost
        assert technique.what_if(spec, offer.workload) is None  # type: ignore[attr-defined]
        shapes = axbar.workload.Workload.from_layers([{"in_channels": 4, "out_channels": 4, "in_size": 8}])
        assert technique.what_if(spec, shapes) is None  # type: ignore[attr-defined]

    def test_an_offer_removes_the_weights_that_the_technique_removes(self) -> None:
        # norms scale every layer's folded weights in another way, which changes their order across layers
        model = spiking()
        for number, module in enumerate(m for m in model.modules() if hasattr(m, "running_var")):
            module.running_var.fill_(4.0 ** (number - 1))
        workload, spec = axbar.trace(model, images()), load_hardware("loas")
        technique, _ = parse_technique("prune")
        offer = technique.what_if(spec, workload, model)  # type: ignore[attr-defined]
        masks = {p: (w != 0).numpy() for p, w in weights(applied("prune:epochs=0", model).target).items()}
        for layer in offer.workload.matmuls:
            assert (layer.weight[~masks[layer.name]] == 0).all() and (layer.weight != 0)[
                masks[layer.name]
            ].all()
        blind = technique.what_if(spec, workload).workload.matmuls  # type: ignore[attr-defined]
        assert any(((layer.weight != 0) != masks[layer.name]).any() for layer in blind)


def test_evaluated_on_a_chip() -> None:
    both = ["prune:sparsity=0.7,epochs=1,images=96", "mask-single-spikes:epochs=1,images=96"]
    report = axbar.evaluate(
        spiking(), DATA, techniques=both, chips=1, images=40, trace_samples=4, waterfall=0
    )
    first, second = report.techniques
    assert (first["name"], second["name"]) == ("prune", "mask-single-spikes")
    assert first["cost"]["sparsity"] == pytest.approx(0.7, abs=1e-3) and first["config"]["epochs"] == 1
    assert report.estimate.feasible[0] and len(report.accuracy.analog) == 1


class TestRefusals:
    def test_a_layer_without_weights(self) -> None:
        with pytest.raises(ModelError, match="layer 'fc2' without any of its 64 weights at a sparsity of 90"):
            model = spiking()
            with torch.no_grad():
                model.get_parameter("fc2.weight").mul_(1e-3)
            applied("prune:sparsity=0.9,epochs=0", model)

    def test_nothing_to_prune(self) -> None:
        with pytest.raises(ModelError, match="holds no Conv2d or Linear layer"):
            applied("prune", nn.Sequential(nn.Flatten()))
        with pytest.raises(ModelError, match=r"no layer left to prune.*set keep_first=false"):
            applied("prune", nn.Sequential(nn.Conv2d(1, 4, 8), nn.Flatten()))

    def test_hidden_weights(self) -> None:
        model = spiking()
        nn.utils.parametrizations.weight_norm(model.get_submodule("fc1"))
        with pytest.raises(ModelError, match="layer 'fc1' is made from other parameters"):
            applied("prune", model)

    @pytest.mark.parametrize("bad", ["sparsity=1", "sparsity=-0.1", "scope=row", "epochs=-1"])
    def test_settings_out_of_range(self, bad: str) -> None:
        with pytest.raises(UsageError, match="is refused"):
            parse_technique(f"prune:{bad}")


class TestStructure:
    def test_by_hand(self) -> None:
        conv = np.zeros((3, 2, 2, 2), np.float32)
        conv[0, 0, 0, 0] = conv[0, 0, 1, 1] = conv[2, 0, 0, 1] = 1.0
        fc = np.zeros((2, 300), np.float32)
        fc[0, [0, 1, 299]] = 1.0
        first, second = structure({"conv": conv, "fc": fc})
        assert (first.weights, first.kept, first.sparsity) == (24, 3, 0.875)
        assert (first.outputs, first.empty_outputs) == (3, 1)
        assert (first.inputs, first.empty_inputs) == (2, 1)
        assert (first.kernels, first.empty_kernels) == (6, 4)
        assert (first.chunks, first.empty_chunks, first.imbalance) == (3, 1, 2.0)
        assert (second.chunks, second.empty_chunks, second.imbalance) == (6, 4, 2.0)
        assert (second.empty_inputs, second.empty_kernels) == (297, 597)
        assert "87.5%" in structure_table((first, second)).splitlines()[1]

    @settings(max_examples=30)
    @given(st.integers(1, 6), st.integers(1, 40), st.integers(1, 50), st.floats(0, 1), st.integers(0, 99))
    def test_laws(self, outputs: int, rows: int, chunk: int, density: float, seed: int) -> None:
        kept = np.random.default_rng(seed).random((outputs, rows)) < density
        at = structure({"a": kept.astype(np.float32)}, chunk)[0]
        assert at.kept == kept.sum() and at.empty_kernels == at.weights - at.kept
        assert at.chunks == outputs * -(-rows // chunk) and at.empty_chunks <= at.chunks
        assert at.empty_outputs * -(-rows // chunk) <= at.empty_chunks
        assert at.imbalance == 0 if not kept.any() else 1 <= at.imbalance <= outputs
