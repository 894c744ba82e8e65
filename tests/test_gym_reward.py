"""A gymnasium environment that pays a genome's reward: what is paid, what stays true, what is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qd.errors import QDError
from qd.rewards import CountBonus, Delta, Feature, LengthHistory, Reward, Tighten

gymnasium = pytest.importorskip("gymnasium")
pytestmark = pytest.mark.peer

from qd.rewards import GymReward  # noqa: E402

HEIGHT = Reward((Feature("height") | Delta(),), default={"height.weight": 2.0})


def observe(obs: Any, action: Any, next_obs: Any, info: dict[str, Any]) -> dict[str, Any]:
    assert "true_reward" in info
    return {"height": (abs(obs[0] + 0.5), abs(next_obs[0] + 0.5)), "pushed": action != 1, "x": next_obs[0]}


def made(reward: Reward, **options: Any) -> Any:
    return GymReward(gymnasium.make("MountainCar-v0"), reward, reward.start()[0], observe, **options)


def test_it_pays_the_reward_and_keeps_the_true_one() -> None:
    env = made(HEIGHT, scale=10.0, true_weight=0.5)
    plain = gymnasium.make("MountainCar-v0")
    obs, _ = env.reset(seed=3)
    assert (obs == plain.reset(seed=3)[0]).all()
    for _ in range(20):
        before = obs
        obs, paid, _, _, info = env.step(2)
        assert (obs == plain.step(2)[0]).all() and info["true_reward"] == -1.0
        gain = abs(obs[0] + 0.5) - abs(before[0] + 0.5)
        assert paid == pytest.approx(10 * 2 * gain - 0.5, abs=1e-9)


def test_switched_off_it_pays_what_is_true_and_counts_nothing() -> None:
    env = made(Reward((CountBonus(),)))
    env.reset(seed=1)
    env.paying = False
    obs, paid, _, _, info = env.step(0)
    assert paid == info["true_reward"] == -1.0 and env.visits(obs) == 0 and env.steps_done == 0
    env.paying = True
    assert env.step(0)[1] == pytest.approx(0.1)


def test_visits_are_counted_over_episodes() -> None:
    env = made(Reward((CountBonus(),)), key=lambda obs: 0)
    total = []
    for _ in range(2):
        env.reset(seed=1)
        total += [env.step(1)[1] for _ in range(2)]
    assert total == pytest.approx([0.1 / np.sqrt(n) for n in (1, 2, 3, 4)])
    assert env.visits(None) == 4


def test_visits_are_counted_by_the_rewards_own_hashes() -> None:
    env = made(Reward((Feature("pushed"), CountBonus(("x",))), default={"count_bonus.bits": 1.0}))
    env.reset(seed=1)  # x is below 0 all the way, so its one sign is one state
    assert [env.step(1)[1] for _ in range(4)] == pytest.approx([0.1 / np.sqrt(n) for n in (1, 2, 3, 4)])


def test_thresholds_follow_the_progress_of_training() -> None:
    reward = Reward(
        (Feature("pushed") | Tighten(),),
        default={"pushed.weight": 1.0, "pushed.from": 0.5, "pushed.to": 1.0},
    )
    env = made(reward, steps=4)
    env.reset(seed=1)
    assert [env.step(2)[1] for _ in range(6)] == [1.0] * 6
    half = GymReward(gymnasium.make("CartPole-v1"), reward, reward.start()[0], lambda *_: {"pushed": 0.75}, steps=4)
    half.reset(seed=1)
    assert [half.step(i % 2)[1] for i in range(6)] == [0.75, 0.75, 0, 0, 0, 0]


def test_the_end_of_an_episode_is_known_and_a_cut_is_none() -> None:
    reward = Reward((Feature("angle") | Delta(form="drop"),), default={"angle.weight": 1.0})
    env = GymReward(gymnasium.make("CartPole-v1"), reward, reward.start()[0], lambda a, _, b, __: {"angle": (1.0, 3.0)})
    env.reset(seed=1)
    ended, paid = False, 0.0
    while not ended:
        assert paid in (0.0, -2.0)
        _, paid, ended, cut, _ = env.step(0)
    assert paid == 1.0 and not cut
    short = GymReward(
        gymnasium.make("CartPole-v1", max_episode_steps=1), reward, reward.start()[0], lambda *_: {"angle": (1.0, 3.0)}
    )
    short.reset(seed=1)
    _, paid, ended, cut, _ = short.step(0)
    assert cut and not ended and paid == -2.0


def test_bad_input_is_named() -> None:
    env = made(Reward((Feature("heigth"),)))
    env.reset(seed=1)
    with pytest.raises(QDError, match=r"no 'heigth', did you mean 'height'"):
        env.step(0)
    env = GymReward(gymnasium.make("CartPole-v1"), HEIGHT, HEIGHT.start()[0], lambda *_: {"height": (0.0, np.nan)})
    env.reset(seed=1)
    with pytest.raises(QDError, match="the reward is nan"):
        env.step(0)
    with pytest.raises(QDError, match=r"GymReward\.steps"):
        made(Reward((Feature("pushed") | Tighten(),)))
    env = made(Reward((LengthHistory(),)))
    env.reset(seed=1)
    with pytest.raises(QDError, match="no 'length'"):
        env.step(0)
