"""The critic: it refuses what pays for staying, never shaping by a potential, and says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import qd
from qd.contracts import Request, Status
from qd.errors import QDError
from qd.learners import KeyDoor, QLearning, TableTask
from qd.problems.evolved_reward import EvolvedReward
from qd.rewards import Critic, Feature, Gene, Potential, Reward, RewardForm, Steps, WeightedSum
from qd.rewards.critic import duplicates, probe
from qd.space import Box

TASK = KeyDoor(size=6, horizon=40)
TABLE = TASK.layout(0)
NAMES = ("toward_key", "toward_door", "toward_goal_open", "bump", "step")
REWARD = Reward(tuple(Feature(name) for name in NAMES), WeightedSum(0.1))
WIDE = Gene("goal_distance", spread=20.0, low=-100.0, high=100.0)


def weights(**values: float) -> NDArray[np.float64]:
    return REWARD.solution({f"{name}.weight": value for name, value in values.items()})[None]


@dataclass(frozen=True)
class Paying(RewardForm):
    """What each of a list of arrays pays: a form for tests."""

    pays: tuple[NDArray[np.float64], ...]
    space = Box(-1, 1, 1)
    kind = "step"
    needs = ()

    def values(self, solutions: Any, steps: Steps) -> NDArray[np.float64]:
        return np.stack([self.pays[int(row[0])] for row in solutions])

    def formula(self, solution: Any) -> str:
        return "paying"


def judged(pay: NDArray[np.float64], table: TableTask = TABLE, discount: float = 0.98, **settings: Any) -> str:
    critic = Critic(**{"samples": 10**6, **settings})
    return critic.judge(Paying((np.ravel(pay),)), np.zeros((1, 1)), table, discount)[0] or ""


def line(pays: list[list[float]]) -> tuple[NDArray[np.float64], TableTask]:
    """Three states in a row, success after the last. Actions: on, stay, back."""
    next_state = np.array([[1, 0, 0], [2, 1, 0], [2, 2, 1]], np.int32)
    success = np.zeros((3, 3), bool)
    success[2, 0] = True
    return np.array(pays), TableTask(next_state, success, success, 0, 10, {"at": np.arange(3.0)})


@pytest.mark.parametrize("discount", [0.98, 1.0])
def test_pay_for_time_or_for_bumps_is_farming_and_pay_for_ways_is_not(discount: float) -> None:
    farms = np.concatenate([weights(step=1.0), weights(bump=1.0), weights(step=1.0, toward_key=1.0)])
    teaches = np.concatenate([weights(toward_key=1.0, toward_door=1.0, toward_goal_open=1.0), weights(step=-0.5)])
    found = Critic().judge(REWARD, np.concatenate([farms, teaches]), TABLE, discount)
    assert all(reason is not None and reason.startswith("farming: standing still") for reason in found[:3])
    assert found[3:] == [None, None]
    assert "is paid 0.1 a step" in str(found[0])


def test_a_loop_is_farming_too() -> None:
    pay, table = line([[0.5, 0, 0], [0, 0, 0.1], [0, 0, 0]])  # to and fro: 0.3 a step
    for discount in (0.98, 1.0):
        assert judged(pay, table, discount).startswith("farming: going round for ever is worth 0.3")
        assert judged(pay, table, discount, bound=0.31, success=False) == ""
        assert judged(pay, table, discount, bound=None, success=False) == ""
    assert judged(-pay, table) == "", "a loop that costs"


def test_success_may_not_be_worth_less_than_putting_it_off() -> None:
    pay, table = line([[0, 0, 0], [0, -1, -1], [-2, 0, -3]])
    assert judged(pay, table, bound=None, standing=False).startswith("success: in state 2")
    assert judged(pay, table, bound=None, standing=False, success=False) == ""
    pay[2, 0] = -0.5
    assert judged(pay, table, bound=None, standing=False) == "", "1 is paid beside it"


def test_a_dead_end_is_not_farming() -> None:
    next_state = np.array([[1, 2], [1, 1], [2, 2]], np.int32)  # on or into the pit, success after the second
    success = np.array([[False, False], [True, False], [False, False]])
    table = TableTask(next_state, success, success, 0, 10, {"at": np.arange(3.0)})
    assert judged(np.array([[0.1, 0.0], [0.1, 0.0], [0.0, 0.0]]), table) == ""
    assert judged(np.array([[0.1, 0.0], [0.1, 0.0], [0.1, 0.0]]), table).startswith("farming: going round")


@given(
    st.integers(0, 5),
    st.lists(st.floats(-50, 50), min_size=4, max_size=4).filter(lambda z: max(map(abs, z)) > 1e-3),
    st.sampled_from([0.5, 0.9, 0.98, 1.0]),
    st.sampled_from([0.0, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_shaping_by_a_potential_is_never_rejected(
    layout: int, phi: list[float], discount: float, sparse: float
) -> None:
    genes = tuple(Gene(name, spread=10.0) for name in ("has_key", "door_distance", "goal_distance"))
    form = Reward((Potential(genes, discount), Feature("step")))
    z = np.array([*np.clip(np.array(phi) / [0.5, 10, 10, 10], -5, 5), 0.0])
    assert Critic().judge(form, z[None], TASK.layout(layout), discount, sparse) == [None]


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_a_potential_changes_no_verdict(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = TASK.layout(seed % 5)
    pay = REWARD.values(rng.normal(size=(1, len(NAMES))), table.all_steps)[0]
    phi = rng.normal(scale=3.0, size=len(table.next_state))
    shaping = 0.98 * np.where(table.ends, 0.0, phi[table.next_state]) - phi[:, None]
    plain, shaped = judged(pay, table), judged(pay + shaping.ravel(), table)
    assert bool(plain) == bool(shaped)
    assert plain.split(":")[0] == shaped.split(":")[0]


def test_numbers_that_say_nothing_are_refused_first() -> None:
    good = np.linspace(-1, 0, TABLE.next_state.size)
    hole, high = good.copy(), good.copy()
    hole[7], high[7] = np.nan, 2e6
    full = np.full_like(good, -5.0)
    full[:20] = good[:20]
    assert judged(hole) == f"numerics: the reward is not finite on 1 of {len(good)} steps"
    assert judged(high) == "numerics: the reward pays 2e+06 in a step, more than cap = 1e+06"
    assert judged(0 * good) == "numerics: no step is paid anything"
    assert judged(0 * good - 0.25) == "", "the price of time"
    assert judged(0 * good + 0.25).startswith("farming")
    assert "% of steps are paid the cap 5, more than saturated = 0.95" in judged(full, cap=5.0)
    assert "saturated" not in judged(full, cap=6.0)


def test_the_first_look_is_at_a_sample_and_a_second_at_all() -> None:
    class Seen(Reward):
        looks: list[int] = []

        def values(self, solutions: Any, steps: Steps) -> NDArray[np.float64]:
            self.looks.append(len(steps))
            return np.where(np.asarray(solutions)[:, :1] > 0, np.nan, super().values(solutions, steps))

    form = Seen((Feature("toward_key"),))
    assert Critic(samples=50).judge(form, np.array([[1.0]]), TABLE)[0].startswith("numerics")  # type: ignore[union-attr]
    assert form.looks == [50], "what fails there is computed no further"
    assert Critic(samples=50).judge(form, np.array([[1.0], [-0.1]]), TABLE)[1] is None
    assert form.looks == [50, 50, TABLE.next_state.size]


def test_progress_is_monotone_where_it_was_declared() -> None:
    away = np.array([[-0.01] + [0.0] * 4])  # toward_key
    form = Reward((Feature("toward_key"), *(Feature(name) for name in NAMES[1:])))
    assert Critic().judge(form, away, TABLE) == [None]
    lost = TableTask(TABLE.next_state, TABLE.ends, TABLE.success, TABLE.start, TABLE.horizon,
                     {**TABLE.states, "nearness": -TABLE.states["key_distance"]}, TABLE.steps)  # fmt: skip
    found = Critic(progress=("nearness",)).judge(form, np.concatenate([away, -away]), lost)
    assert str(found[0]).startswith("progress: steps that raise nearness") and found[1] is None
    with pytest.raises(QDError, match="'bump' has no value before"):
        Critic(progress=("bump",)).judge(form, away, TABLE)


def test_duplicates_pay_in_the_same_order() -> None:
    rng = np.random.default_rng(0)
    pay = rng.normal(size=(3, 500))
    known = probe(pay[:1])
    new = probe(np.stack([pay[0] ** 3, pay[1], -pay[1], 3 * pay[1], pay[2], 0 * pay[2], pay[1] + 0.5]))
    assert duplicates(known, new).tolist() == [0, -1, -1, 2, -1, -1, -1]
    assert duplicates(known[:0], new).tolist() == [-1, -1, -1, 1, -1, -1, -1]
    same = probe(np.stack([pay[0], 2 * pay[0]]))
    assert duplicates(known[:0], same).tolist() == [-1, 0] and same[0] @ same[1] == pytest.approx(1.0)


def made(critic: Critic | None, **more: Any) -> EvolvedReward:
    few: dict[str, Any] = {"layouts": 2, "seeds": 2, "select_seeds": 3, "held_out": 3, "test_seeds": 2}
    return EvolvedReward(TASK, REWARD, QLearning(steps=600), **few, critic=critic, **more)


@pytest.mark.parametrize("purpose", ["search", "test"])
def test_what_is_rejected_is_not_trained_and_shifts_nobody(purpose: Any) -> None:
    rows = np.concatenate([weights(toward_key=1.0), weights(step=2.0), weights(toward_key=0.5, toward_door=1.0)])
    seeds = np.arange(1, 4, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    free = made(None).evaluate(Request(rows, purpose=purpose), seeds)
    held = made(Critic()).evaluate(Request(rows, purpose=purpose), seeds)
    assert held.status.tolist() == [0, Status.INVALID, 0]
    assert held.reasons[1].startswith("farming: standing still is paid 0.2")
    assert held.cost["steps"][1] == 0 and np.isnan(held.objective[1])
    for name in ("objective", "measures"):
        np.testing.assert_array_equal(getattr(held, name)[[0, 2]], getattr(free, name)[[0, 2]])
    qd.check_problem(made(Critic()))


def test_verdicts_do_not_depend_on_the_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(Critic, "judge", lambda self, *given: seen.append(given) or [None])
    for purpose in ("search", "select", "test"):
        made(Critic()).evaluate(Request(weights(step=1.0), purpose=purpose), np.ones(1, np.uint64))  # type: ignore[arg-type]
    assert [given[2] is TABLE for given in seen] == [True] * 3
    assert [given[3:] for given in seen] == [(0.98, 1.0)] * 3, "the learner's discount, what success is paid"


def test_a_run_keeps_the_reasons_and_its_digest(tmp_path: Any) -> None:
    experiment = qd.Experiment(made(Critic()), qd.algorithms.RandomSearch(batch_size=8), 24, seed=1)
    one = qd.run(experiment, tmp_path / "one", progress=False)
    two = qd.run(experiment, tmp_path / "two", progress=False)
    assert one.summary["digest"] == two.summary["digest"]
    failures = (tmp_path / "one" / "failures.jsonl").read_text()
    assert "farming: standing still" in failures
    other = qd.run(qd.Experiment(made(None), experiment.algorithm, 24, seed=1), tmp_path / "three", progress=False)
    assert other.summary["digest"] != one.summary["digest"]


def test_bad_settings_are_named() -> None:
    with pytest.raises(QDError, match=r"Critic\.samples: got 1"):
        Critic(samples=1)
    with pytest.raises(QDError, match=r"Critic\.cap"):
        Critic(cap=0.0)
    with pytest.raises(QDError, match=r"Critic\.saturated"):
        Critic(saturated=0.0)
    with pytest.raises(QDError, match=r"Critic\.bound"):
        Critic(bound=float("nan"))
    with pytest.raises(QDError, match=r"discount is 1\.5"):
        Critic().judge(REWARD, weights(step=1.0), TABLE, 1.5)
    with pytest.raises(QDError, match="no variable 'has_kee' to be progress"):
        made(Critic(progress=("has_kee",)))
