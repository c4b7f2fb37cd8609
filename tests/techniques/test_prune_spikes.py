"""Masked single spikes: who is silenced, what gradients do, what is traced and what a run folder keeps."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from prune_nets import DATA, applied, images, spiking, zeros
from torch import nn

import axbar
from axbar.errors import ModelError
from axbar.nn import IF, LIF, SynapticLIF, load_network, save_checkpoint
from axbar.nn.neurons import drop_single_spikes
from axbar.techniques.mask_single_spikes import firing

ALL = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4))).t()  # [T = 4, 16 neurons]


class TestMask:
    def test_all_patterns_of_four_steps(self) -> None:
        masked = drop_single_spikes(ALL)
        single = ALL.sum(0) == 1
        assert int(single.sum()) == 4
        assert not masked[:, single].any()
        assert torch.equal(masked[:, ~single], ALL[:, ~single])  # 0, or 2 and more: untouched

    @given(st.integers(2, 8), st.integers(1, 50), st.floats(0, 1), st.integers(0, 99))
    def test_law(self, steps: int, neurons: int, rate: float, seed: int) -> None:
        x = torch.from_numpy(
            (np.random.default_rng(seed).random((steps, 2, neurons)) < rate).astype(np.float32)
        )
        y = drop_single_spikes(x)
        assert set(y.sum(0).unique().tolist()) <= {0.0, *map(float, range(2, steps + 1))}
        assert torch.equal(y, x * (x.sum(0) != 1)) and torch.equal(drop_single_spikes(y), y)

    def test_gradient_passes_straight_through(self) -> None:
        x, g = ALL.clone().requires_grad_(), torch.rand(ALL.shape, generator=torch.Generator().manual_seed(0))
        drop_single_spikes(x).backward(g)
        assert torch.equal(x.grad, g)

    @pytest.mark.parametrize("make", [LIF, IF, SynapticLIF])
    @pytest.mark.parametrize("fused", [True, False])
    def test_every_neuron(self, make: type[LIF], fused: bool) -> None:
        x = torch.rand(6, 3, 40, generator=torch.Generator().manual_seed(1))
        plain, masked = make(fused=fused), make(fused=fused, mask_single_spikes=True)
        assert torch.equal(masked(x), drop_single_spikes(plain(x))) and not torch.equal(masked(x), plain(x))
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        plain(a).sum().backward()
        masked(b).sum().backward()
        assert torch.equal(a.grad, b.grad) and bool(b.grad.any())
        assert "mask_single_spikes=True" in repr(masked) and "mask" not in repr(plain)

    def test_needs_all_steps_at_once(self) -> None:
        with pytest.raises(ModelError, match="within T = 1 step"):
            LIF(mask_single_spikes=True)(torch.ones(1, 3))
        for make in (LIF, SynapticLIF):
            with pytest.raises(ModelError, match="can't run step by step"):
                make(mask_single_spikes=True).step(torch.ones(3))


class TestTechnique:
    def test_trace_records_the_masked_spikes(self) -> None:
        masked = applied("mask-single-spikes:epochs=0", spiking()).target
        before, after = axbar.trace(spiking(), images()), axbar.trace(masked, images())
        assert [n.name for n in after.neurons] == [n.name for n in before.neurons]
        first, first_masked = before.layer("neuron1").output, after.layer("neuron1").output
        assert first is not None and first_masked is not None
        count = np.bitwise_count(first.words)
        assert (count == 1).any()
        assert np.array_equal(first_masked.words, np.where(count == 1, 0, first.words))
        for layer in after.neurons:
            assert not (np.bitwise_count(layer.output.words) == 1).any()
        operand = after.layer("conv2").operands[0]
        assert operand.words is not None and operand.coding == "spikes"

    def test_fine_tunes_with_the_mask_on_and_keeps_pruned_weights(self) -> None:
        pruned = applied("prune:sparsity=0.6,epochs=1,images=96,batch=32", spiking()).target
        result = applied("mask-single-spikes:epochs=2,images=96,batch=32,lr=0.01", pruned)
        assert zeros(result.target) == zeros(pruned)
        assert not torch.equal(result.target.state_dict()["fc1.weight"], pruned.state_dict()["fc1.weight"])
        assert not any(n.mask_single_spikes for n in pruned.modules() if isinstance(n, LIF))
        assert result.cost["neuron_layers"] == 3 and result.cost["single_before"] > 0
        assert firing(result.target, images())[1] == 0 and not result.target.training

    def test_through_a_run_folder_and_resumed_training(self, tmp_path: Path) -> None:
        masked = applied("mask-single-spikes:epochs=1,images=64,batch=32", spiking()).target
        assert list(masked.state_dict()) == list(spiking().state_dict())
        save_checkpoint(tmp_path / "run", masked)
        loaded = load_network(tmp_path / "run")
        assert torch.equal(loaded(images()), masked(images()))
        assert axbar.trace(loaded, images()).hash() == axbar.trace(masked, images()).hash()
        assert all(n.mask_single_spikes for n in loaded.modules() if isinstance(n, LIF))
        assert "mask_single_spikes" not in spiking().config  # runs made before there was a mask still resume
        assert torch.equal(
            spiking(mask_single_spikes=True)(images()),
            applied("mask-single-spikes:epochs=0", spiking()).target(images()),
        )

    def test_learns(self) -> None:
        result = applied("mask-single-spikes:epochs=8,batch=32,lr=0.01", spiking())
        assert axbar.nn.accuracy(result.target, DATA.test) > 0.6  # four classes; untrained: a quarter

    def test_shares_of_neurons(self) -> None:
        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.lif = LIF(beta=0.0)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.lif(ALL.unsqueeze(1) + 0 * x.sum())

        silent, single = firing(Net(), torch.zeros(1, 1))
        assert (silent, single) == (1 / 16, 4 / 16)

    def test_refusals(self) -> None:
        with pytest.raises(ModelError, match="needs spiking neurons and Sequential has none"):
            applied("mask-single-spikes", nn.Sequential(nn.Flatten(), nn.Linear(64, 4)))

        class Other(nn.Module):
            is_neuron = True

        with pytest.raises(ModelError, match="neuron '1' is a Other, which can't mask single spikes"):
            applied("mask-single-spikes", nn.Sequential(nn.Linear(64, 4), Other()))
        one = axbar.nn.build_model("spiking-cnn", width=2, steps=1, input_shape=(1, 8, 8), classes=4)
        with pytest.raises(ModelError, match="within T = 1 step"):
            applied("mask-single-spikes", one)
