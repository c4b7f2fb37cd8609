"""Lottery tickets: rates, rewinding, masks, resuming."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
import torch
from prune_nets import DATA, applied, finished_rounds, spiking, weights, zeros
from torch import nn

from axbar.errors import ModelError, UsageError
from axbar.nn import load_network, read_weights
from axbar.techniques import lottery_ticket
from axbar.techniques.lottery_ticket import LotteryTicketConfig, Round, find_ticket

N = 288 + 512 + 64
QUICK = {"images": 96, "batch": 32, "epochs": 1}


def left_after(rounds: int, rate: float) -> int:
    left = N
    for _ in range(rounds):
        left -= round(rate * left)
    return left


@pytest.mark.parametrize(("rounds", "rate"), [(1, 0.25), (3, 0.25), (2, 0.6)])
def test_each_round_removes_its_share_of_what_is_left(rounds: int, rate: float) -> None:
    result = applied(f"lottery-ticket:rounds={rounds},rate={rate},images=64,batch=32,epochs=1", spiking())
    assert sum(zeros(result.target).values()) == N - left_after(rounds, rate)
    assert zeros(result.target)["conv1"] == 0 and not result.target.training
    assert result.cost["sparsity"] == 1 - left_after(rounds, rate) / N
    assert result.cost["rounds"] == rounds and 0 <= result.cost["accuracy"] <= 1


def test_twelve_rounds_of_a_quarter_are_97_percent() -> None:
    assert LotteryTicketConfig().rounds == 12 and 1 - left_after(12, 0.25) / N == pytest.approx(
        0.968, abs=2e-3
    )


class TestRewinding:
    @pytest.mark.parametrize("rewind", [0, 1])
    def test_kept_weights_norms_and_biases_start_from_the_early_values(
        self, rewind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        starts: list[dict[str, torch.Tensor]] = []
        fit = lottery_ticket.fit

        def spy(model: nn.Module, *args: object, **kwargs: object) -> float:
            starts.append({k: v.clone() for k, v in model.state_dict().items()})
            return fit(model, *args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(lottery_ticket, "fit", spy)
        find_ticket(spiking(), DATA.tuning(), LotteryTicketConfig(rounds=2, rewind=rewind, **QUICK), tmp_path)
        early = read_weights(tmp_path / "early.safetensors")
        trained = [read_weights(tmp_path / f"round-{n:02d}") for n in range(3)]
        if rewind == 0:
            assert all(torch.equal(v, early[k]) for k, v in starts[0].items())
        assert not torch.equal(trained[0]["fc1.weight"], early["fc1.weight"])
        for start, end in zip(starts[1:], trained[1:], strict=True):
            for key, value in start.items():
                removed = (
                    (end[key] == 0) & (value == 0)
                    if key in ("conv2.weight", "fc1.weight", "fc2.weight")
                    else None
                )
                if removed is None:
                    assert torch.equal(value, early[key]), key
                else:
                    assert torch.equal(value[~removed], early[key][~removed]), key
                    assert not (value == 0)[~removed].any() and not end[key][removed].any()

    def test_masks_only_grow_and_follow_the_trained_magnitude(self, tmp_path: Path) -> None:
        find_ticket(spiking(), DATA.tuning(), LotteryTicketConfig(rounds=2, **QUICK), tmp_path)
        at = [read_weights(tmp_path / f"round-{n:02d}") for n in range(3)]
        names = ("conv2.weight", "fc1.weight", "fc2.weight")
        for before, after in itertools.pairwise(at):
            assert all(not ((before[n] == 0) & (after[n] != 0)).any() for n in names)
            new = torch.cat([before[n][(before[n] != 0) & (after[n] == 0)].abs() for n in names])
            left = torch.cat([before[n][after[n] != 0].abs() for n in names])
            assert float(new.max()) <= float(left.min())

    def test_given_starts_from_the_weights_given_and_fresh_does_not(self, tmp_path: Path) -> None:
        for start in ("given", "fresh"):
            model = spiking(seed=5)
            config = LotteryTicketConfig(rounds=1, rewind=0, start=start, **QUICK)  # type: ignore[arg-type]
            find_ticket(model, DATA.tuning(), config, tmp_path / start)
            early = read_weights(tmp_path / start / "early.safetensors")
            same = [torch.equal(early[f"{p}.weight"], w) for p, w in weights(spiking(seed=5)).items()]
            assert all(same) if start == "given" else not any(same)

    def test_fresh_draws_by_its_seed_alone(self) -> None:
        state = torch.get_rng_state()
        tickets = [
            applied(
                f"lottery-ticket:rounds=1,images=64,batch=32,epochs=1,seed={seed}", spiking(seed=given)
            ).target
            for seed, given in ((0, 0), (0, 7), (1, 0))
        ]
        first, same, other = (t.state_dict() for t in tickets)
        assert all(torch.equal(v, same[k]) for k, v in first.items())
        assert not torch.equal(first["fc1.weight"], other["fc1.weight"])
        assert torch.equal(torch.get_rng_state(), state)


class TestResume:
    CONFIG = LotteryTicketConfig(rounds=2, rewind=1, images=96, batch=32, epochs=2)

    def run(self, folder: Path, stop: tuple[int, int] | None = None) -> tuple[nn.Module, tuple[Round, ...]]:
        def on_epoch(number: int, record: object) -> None:
            if (number, record.epoch) == stop:  # type: ignore[attr-defined]
                raise KeyboardInterrupt

        model = spiking()
        return model, find_ticket(model, DATA.tuning(), self.CONFIG, folder, on_epoch=on_epoch)

    @pytest.mark.parametrize("stop", [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)])
    def test_a_stopped_run_ends_with_the_same_bits(self, stop: tuple[int, int], tmp_path: Path) -> None:
        whole, rounds = self.run(tmp_path / "whole")
        with pytest.raises(KeyboardInterrupt):
            self.run(tmp_path / "cut", stop)
        resumed, again = self.run(tmp_path / "cut")
        assert rounds == again and finished_rounds(tmp_path / "cut") == ["round-00", "round-01", "round-02"]
        assert all(torch.equal(v, resumed.state_dict()[k]) for k, v in whole.state_dict().items())
        loaded = load_network(tmp_path / "cut" / "round-02")
        assert zeros(loaded) == zeros(whole)

    def test_other_settings_and_lost_early_weights_are_refused(self, tmp_path: Path) -> None:
        self.run(tmp_path)
        other = self.CONFIG.model_copy(update={"lr": 0.1})
        with pytest.raises(UsageError, match=r"holds a ticket with lr = 0\.002, now it is 0\.1"):
            find_ticket(spiking(), DATA.tuning(), other, tmp_path)
        with pytest.raises(UsageError, match="holds a ticket with first_weights"):
            given = self.CONFIG.model_copy(update={"start": "given"})
            folder = tmp_path / "given"
            find_ticket(spiking(), DATA.tuning(), given.model_copy(update={"rounds": 1}), folder)
            find_ticket(spiking(seed=1), DATA.tuning(), given, folder)
        (tmp_path / "early.safetensors").unlink()
        shutil.rmtree(tmp_path / "round-02")
        with pytest.raises(
            ModelError, match=r"early\.safetensors', the weights that the rounds go back to, is gone"
        ):
            self.run(tmp_path)


def test_what_can_not_be_drawn_anew() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = nn.Parameter(torch.ones(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.factor

    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), Scale(), nn.Linear(8, 4))
    with pytest.raises(ModelError, match=r"module '2' \(Scale\) can't be drawn anew.*start=given"):
        applied("lottery-ticket", net)
    applied("lottery-ticket:start=given,rounds=1,epochs=1,images=64", net)
