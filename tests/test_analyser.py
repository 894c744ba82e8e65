"""The trajectory analyser, on episodes written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qd
from qd.rewards import ProgramReward, Steps, Variable
from qd.rewards.analyser import FAILURES, analysed
from qd.rewards.edits import edited

FORM = ProgramReward((
    Variable("key", "flag", 0, 1), Variable("bump", "flag", about="step"), Variable("gain", about="step"),
))  # fmt: skip
HORIZON = 6
# solved, never left, early death, farming loop, time-out: the states after each step
EPISODES = [[1, 2, 3], [0] * 6, [1, 4], [1, 2, 1, 1, 1, 1], [1, 2, 3, 4, 5, 6]]


def analysis(text: str = "9 * gain + bump + 0.5", **more: Any) -> Any:
    states = np.concatenate([np.array(episode) for episode in EPISODES])
    offsets = np.cumsum([0, *(len(episode) for episode in EPISODES)])
    ends = np.zeros(len(states), bool)
    ends[[2, 10]] = True  # of the first and the third episode
    solved = np.array([True, False, False, False, False])
    key = np.isin(np.arange(len(states)), [1, 2]).astype(float)
    bump = np.zeros(len(states))
    bump[13:17] = 1.0  # in the loop
    gain = np.zeros(len(states))
    gain[:3] = 1.0
    steps = Steps({"key": key, "bump": bump, "gain": gain}, {"key": np.zeros(len(states))}, ends, offsets)
    return analysed(FORM, FORM.parse(text), steps, solved, states, {"delta(key)": key > 0}, HORIZON, **more)


def test_every_failure_has_its_class() -> None:
    found = analysis()
    assert [FAILURES[i] for i in found.failures] == ["solved", "never left", "early death", "farming loop", "time-out"]
    assert found.furthest.tolist() == [1, 0, 0, 0, 0]
    assert found.stages == {"delta(key)": 0.2}
    assert found.loop == 1
    assert found.failure_shares()["solved"] == pytest.approx(0.2)


def test_an_episode_that_cannot_go_on_is_in_a_dead_end() -> None:
    dead = np.zeros(23, bool)
    dead[-1] = True
    assert FAILURES[analysis(dead_end=dead).failures[-1]] == "dead end"


def test_terms_are_weighed_by_hand() -> None:
    terms = {term.name: term for term in analysis().terms}
    assert terms["9 * gain"].share == pytest.approx(27 / (27 + 4 + 11.5))
    assert terms["9 * gain"].success == pytest.approx(1.0)
    assert terms["bump"].success == pytest.approx(-0.25)
    assert terms["0.5"].variance == 0


def test_suggestions_can_be_made() -> None:
    found = analysis()
    assert [(edit.kind, edit.target) for edit in found.edits] == [
        ("penalty", "bump"), ("bonus", "delta(key)"), ("drop", "0.5"),
    ]  # fmt: skip
    row = FORM.parse("9 * gain + bump + 0.5")
    for edit in found.edits:
        child, ok = edited(FORM.space, row, edit, np.random.default_rng(0))
        assert ok
        assert child.tobytes() != row.tobytes()
    heavy = analysis("9 * gain + 0.001 * bump")
    assert ("rescale", "9 * gain") in [(edit.kind, edit.target) for edit in heavy.edits]


def test_episodes_that_do_not_fit_are_refused() -> None:
    steps = Steps({"key": np.zeros(3), "bump": np.zeros(3), "gain": np.zeros(3)}, offsets=np.array([0, 2]))
    with pytest.raises(qd.QDError, match=r"offsets must be \(2,\)"):
        analysed(FORM, FORM.parse("gain"), steps, np.array([True]), np.zeros(3, np.int64), {}, 5)
