"""qd.check_problem finds what is wrong, and nothing where nothing is."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import qd
from tests import bank


@pytest.mark.parametrize(
    "problem", [bank.SplitNoise(), bank.TokenSum(), qd.problems.HardMaze(steps=50), qd.problems.PlanarArm()]
)
def test_sound_problems_pass(problem: qd.Problem) -> None:
    assert qd.check_problem(problem) == []


class Base(qd.Problem):
    solution_space = qd.Box(0, 1, 3)

    def value(self, x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return x.sum(axis=1)

    def evaluate(self, request: qd.Request, seeds: Any) -> qd.Evaluation:
        return qd.Evaluation(self.value(np.asarray(request.solutions), seeds))


class Mutates(Base):
    def value(self, x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        x += 0.1
        return x.sum(axis=1)


class GlobalRandom(Base):
    def value(self, x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return x.sum(axis=1) + np.random.normal()


class PythonRandom(Base):
    def value(self, x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return x.sum(axis=1) + random.random()


class Neighbours(Base):
    def value(self, x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return x.sum(axis=1) - x.mean()


class Carries(Base):
    def value(self, x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return np.cumsum(x.sum(axis=1))


class Raises(Base):
    def value(self, x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        raise RuntimeError("broken simulator")


class TooShort(Base):
    def value(self, x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return x.sum(axis=1)[1:]


class SomeNaN(Base):
    def value(self, x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return np.where(x[:, 0] < 0.5, np.nan, 1.0)


class Underpriced(Base):
    costs = {"steps": 5.0}

    def evaluate(self, request: qd.Request, seeds: Any) -> qd.Evaluation:
        return qd.Evaluation(np.zeros(len(request)), cost={"steps": np.full(len(request), 9.0)})


@pytest.mark.parametrize(
    ("problem", "finding"),
    [
        (Mutates(), "changes request.solutions"),
        (GlobalRandom(), "global random state"),
        (PythonRandom(), "global random state"),
        (Neighbours(), "rows must not depend on each other"),
        (Carries(), "place in the batch"),
        (Raises(), "broken simulator"),
        (TooShort(), "objective has shape (15,) for 16 solutions"),
        (SomeNaN(), "random solutions are not ok"),
        (Underpriced(), "goes up to 9, costs declares at most 5"),
    ],
)
def test_each_fault_is_named(problem: qd.Problem, finding: str) -> None:
    findings = qd.check_problem(problem)
    assert any(finding in text for text in findings), findings


def test_things_that_are_not_problems() -> None:
    assert "not a qd.Problem" in qd.check_problem(lambda x: x)[0]  # type: ignore[arg-type]
