"""The analyser of episodes, its edits, and the bandit among them: cases worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qd.errors import QDError
from qd.learners import KeyDoor, QLearning
from qd.rewards import Feature, Gene, Reward, WeightedSum
from qd.rewards.analyser import Edit, analysed, edited, possible
from qd.rewards.edit_bandit import EditBandit

FLAGS = {"has_key": np.array([0, 0, 0, 1, 1], bool), "door_open": np.array([0, 0, 0, 0, 1], bool)}


def of(paths: list[list[int]], parts: dict[str, list[list[float]]], success: list[bool], **more: Any) -> Any:
    arrays = {name: [np.array(value, float) for value in values] for name, values in parts.items()}
    return analysed([np.array(path) for path in paths], arrays, np.array(success), 4, FLAGS, **more)


def test_parts_are_told_apart() -> None:
    found = of([[0, 1, 2], [0, 3]], {"a": [[1, 2], [6]], "b": [[-1, -1], [-1]]}, [False, True]).parts
    assert (found["a"].mean, found["b"].mean) == (3.0, -1.0)
    assert found["a"].variance == pytest.approx(14 / 3) and found["b"].variance == 0.0
    assert (found["a"].share, found["b"].share) == (0.75, 0.25)
    assert found["a"].correlation == pytest.approx(1.0), "3 without success, 6 with it"
    assert found["b"].correlation == pytest.approx(1.0), "-2 without success, -1 with it"


def test_how_episodes_fail() -> None:
    paths = [[0, 0, 0, 0, 0], [0, 1, 0, 1, 0], [0, 1, 2, 3, 4], [0, 1], [0, 1, 2], [0, 3, 4]]
    found = of(paths, {"a": [[0.0] * (len(path) - 1) for path in paths]}, [False] * 5 + [True],
               hopeless=np.array([0, 0, 1, 0, 0], bool))  # fmt: skip
    assert found.failures == (
        "never left the start", "farming loop", "time-out", "early end", "dead end", "success")  # fmt: skip
    assert found.reached.tolist() == [
        [False] * 3, [False] * 3, [True, True, False], [False] * 3, [False] * 3, [True] * 3]  # fmt: skip
    assert found.stages == ("has_key", "door_open", "success")
    assert found.shares["success"] == pytest.approx(1 / 6)
    assert found.loop == (0, 1)
    later = of([[2, 1, 2, 1, 2], [1, 2, 1, 2, 1]], {"a": [[0.0] * 4] * 2}, [False] * 2)
    assert later.loop == (1, 2), "wherever it is entered"


def test_edits_follow_from_what_was_seen() -> None:
    loop = [0, 1, 0, 1, 0]
    found = of([loop] * 4 + [[0, 1, 3, 3, 3]], {"farm": [[1.0, 1, 1, 1.5]] * 5, "same": [[0.1] * 4] * 5}, [False] * 5)
    kinds = {(edit.kind, edit.part) for edit in found.edits}
    assert kinds == {("penalty", "farm"), ("bonus", "has_key"), ("rescale", "farm"), ("drop", "same")}
    assert found.edits[0].kind == "penalty" and "80%" in found.edits[1].why
    renamed = of([loop], {"farm": [[1.0] * 4]}, [False], bonuses={"has_key": "key_picked"})
    assert ("bonus", "key_picked") in {(edit.kind, edit.part) for edit in renamed.edits}
    well = of([[0, 3, 4]] * 3, {"a": [[1.0, 2.0]] * 3, "b": [[2.0, 1.0]] * 3}, [True] * 3)
    assert well.edits == ()


def test_an_edit_changes_one_weight_and_keeps_its_bounds() -> None:
    reward = Reward((Feature("step"), Feature("bump", Gene("weight", spread=0.5, low=-1, high=1))), WeightedSum(0.1))
    old = reward.solution({"step.weight": 2.0, "bump.weight": 0.5})

    def after(kind: Any, part: str, amount: float) -> list[float]:
        new = edited(reward, old, Edit(kind, part, amount, ""))
        return [gene.value(z) for gene, z in zip(reward.genes, new, strict=True)]

    assert after("drop", "step", 0.0) == [0.0, 0.5]
    assert after("rescale", "step", 0.25) == [0.5, 0.5]
    assert after("bonus", "bump", 0.8) == [2.0, 0.8]
    assert after("bonus", "step", 1.0) == [2.0, 0.5], "it pays more already"
    assert after("penalty", "step", 0.5) == [-0.5, 0.5]
    assert after("penalty", "bump", 7.0) == [2.0, -1.0]
    assert old.tolist() == reward.solution({"step.weight": 2.0, "bump.weight": 0.5}).tolist()
    edits = [Edit("drop", "step", 0.0, ""), Edit("bonus", "has_key", 1.0, "")]
    assert possible(reward, edits) == (edits[0],)
    with pytest.raises(QDError, match=r"no gene 'stap\.weight'.*'step\.weight'"):
        edited(reward, old, Edit("drop", "stap", 0.0, ""))


def test_a_policy_that_was_paid_for_time_is_told_to_be() -> None:
    task, reward = KeyDoor(size=6, horizon=40), Reward((Feature("step"), Feature("key_picked")), WeightedSum(0.1))
    solution = reward.solution({"step.weight": 5.0, "key_picked.weight": 1.0})
    layouts = np.arange(6)
    learned = QLearning(steps=600).train(task, reward, solution[None], 0 * layouts, layouts,
                                         layouts.astype(np.uint64) + np.uint64(9), 1.0, 600)  # fmt: skip
    paths, parts = [], {name: [] for name in ("step", "key_picked")}  # type: ignore[var-annotated]
    for layout in layouts:
        table, path = task.layout(int(layout)), learned.paths[layout]
        path = path[path >= 0]
        actions = (table.next_state[path[:-1]] == path[1:, None]).argmax(axis=1)
        for name, values in reward.parts(solution, table.all_steps).items():
            parts[name].append(values[path[:-1] * table.next_state.shape[1] + actions])
        paths.append(path)
    states = task.layout(0).states
    stages = {name: states[name] > 0 for name in ("has_key", "door_open")}
    found = analysed(paths, parts, learned.final > 0.5, task.horizon, stages, bonuses={"has_key": "key_picked"})
    assert set(found.failures) <= {"never left the start", "farming loop"}
    assert found.edits[0].kind == "penalty" and found.edits[0].part == "step"
    mended = edited(reward, solution, found.edits[0])
    assert reward.genes[0].value(mended[0]) == -0.5


def test_bad_input_is_named() -> None:
    with pytest.raises(QDError, match="got 0 paths"):
        of([], {}, [])
    with pytest.raises(QDError, match=r"parts\['a'\]"):
        of([[0, 1]], {"a": [[1.0, 2.0]]}, [True])
    with pytest.raises(QDError, match=r"stages\['has_key'\]: has 5 states"):
        of([[0, 7]], {"a": [[1.0]]}, [True])


def test_the_bandit_learns_what_gains() -> None:
    bandit, everything = EditBandit(least=0.05), np.ones((400, 4), bool)
    state = bandit.init(3)
    assert bandit.probabilities(state).tolist() == [0.25] * 4
    rng = np.random.default_rng(0)
    for generation in range(5):
        chosen = bandit.choose(state, everything, generation)
        gains = np.where(chosen == 2, 0.3, -0.1) + 0.01 * rng.normal(size=400)
        again = bandit.told(state, chosen[::-1], gains[::-1])
        state = bandit.told(state, chosen, gains)
        np.testing.assert_allclose(again.quality, state.quality, rtol=1e-12)
    assert bandit.probabilities(state)[2] == pytest.approx(0.85, abs=1e-6)
    assert np.mean(bandit.choose(state, everything, 9) == 2) == pytest.approx(0.85, abs=0.05)
    assert state.tried.sum() == 2000
    np.testing.assert_array_equal(bandit.choose(state, everything, 9), bandit.choose(state, everything, 9))
    assert (bandit.choose(state, everything, 9) != bandit.choose(state, everything, 10)).any()


def test_the_bandit_chooses_what_is_possible() -> None:
    bandit = EditBandit()
    possible = np.array([[False, True, False, False], [False] * 4, [True, False, False, True]])
    for generation in range(50):
        chosen = bandit.choose(bandit.init(1), possible, generation)
        assert chosen[0] == 1 and chosen[1] == -1 and chosen[2] in (0, 3)
    state = bandit.told(bandit.init(1), np.array([-1, 2]), np.array([5.0, np.nan]))
    assert state.tried.sum() == 0 and state.quality.sum() == 0
    with pytest.raises(QDError, match=r"EditBandit\.least"):
        EditBandit(least=0.3)
    with pytest.raises(QDError, match=r"EditBandit\.kinds"):
        EditBandit(("drop", "drop"))
    with pytest.raises(QDError, match=r"EditBandit\.rate"):
        EditBandit(rate=0.0)
