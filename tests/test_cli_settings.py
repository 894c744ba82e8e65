"""Settings of an experiment from the command line: read by type, refused in words, listed with their sentences."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import ArrayLike

import qd
from qd.commands.settings import Table, listed, overridden, read_flags, recorded


@dataclass(frozen=True)
class Part:
    """One of several.

    Args:
        weight: how much it
            counts.
    """

    weight: float = 1.0


@dataclass
class Typed(qd.Problem):
    """A problem with a field of each kind."""

    count: int = 1
    """How many."""
    rate: float = 0.5
    flag: bool = False
    word: str = "a"
    choice: Literal["a", "b", 3] = "a"
    maybe: float | None = None
    path: Path = Path("x")
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[int, str] = (1, "x")
    words: list[str] = field(default_factory=list)
    table: dict[str, float] = field(default_factory=dict)
    parts: tuple[Part, ...] = (Part(), Part(2.0))
    either: str | int = "x"
    level: ArrayLike = 0.5
    anything: Any = 3
    function: Any = len
    array: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def __post_init__(self):
        if self.count == 13:
            raise ArithmeticError("unlucky")
        self.solution_space = qd.Box(0, 1, 2)

    def evaluate(self, request, seeds):
        return qd.Evaluation(request.solutions.sum(axis=1))


@pytest.fixture
def typed():
    return qd.Experiment(Typed(), qd.algorithms.RandomSearch(), 10)


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--problem.count 7", "count", 7),
        ("--problem.count 1e3", "count", 1000),
        ("--problem.count -3", "count", -3),
        ("--problem.rate -1e-3", "rate", -0.001),
        ("--problem.rate inf", "rate", float("inf")),
        ("--problem.flag", "flag", True),
        ("--problem.flag no", "flag", False),
        ("--problem.word 3", "word", "3"),
        ("--problem.word=--x", "word", "--x"),
        ("--problem.choice b", "choice", "b"),
        ("--problem.choice 3", "choice", 3),
        ("--problem.maybe 2", "maybe", 2.0),
        ("--problem.maybe none", "maybe", None),
        ("--problem.path a/b", "path", Path("a/b")),
        ("--problem.sizes 3 4 5", "sizes", (3, 4, 5)),
        ("--problem.sizes 3,4", "sizes", (3, 4)),
        ("--problem.sizes [3]", "sizes", (3,)),
        ("--problem.sizes 3", "sizes", (3,)),
        ("--problem.sizes []", "sizes", ()),
        ("--problem.pair 3 y", "pair", (3, "y")),
        ("--problem.words a b", "words", ["a", "b"]),
        ('--problem.table {"x":1}', "table", {"x": 1.0}),
        ("--problem.anything 4", "anything", 4),
        ("--problem.either 4", "either", 4),
        ("--problem.either four", "either", "four"),
        ("--problem.level 4", "level", 4.0),
        ("--problem.parts.1.weight 3", "parts", (Part(1.0), Part(3.0))),
    ],
)
def test_settings_are_read_by_their_type(typed, words, name, value):
    overrides = read_flags(words.split(), Table.of(typed))
    changed = overridden(typed, overrides)
    got = getattr(changed.problem, name)
    assert got == value
    assert type(got) is type(value)
    assert getattr(typed.problem, name) == getattr(Typed(), name)  # the file's own stays
    again = overridden(typed, recorded([override.record for override in overrides], Table.of(typed)))
    assert getattr(again.problem, name) == value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--problem.flag maybe", "wanted true|false"),
        ("--problem.choice c", "wanted a|b|3"),
        ("--problem.maybe x", "wanted a number or none"),
        ("--problem.sizes 1 x", "wanted a whole number"),
        ("--problem.pair 1", "wanted a whole number,text"),
        ("--problem.table 3", "wanted '{\"name\": a number}'"),
        ("--problem.function f", "problem.function is a builtin_function_or_method made in the file"),
        ("--problem.array 1", "problem.array is a ndarray made in the file"),
        ("--problem.parts.2.weight 1", "did you mean 'problem.parts.0.weight'?"),
        ("--problem.count 13", "--problem.count 13: ArithmeticError: unlucky"),
    ],
)
def test_settings_of_another_type_are_refused(typed, words, said):
    with pytest.raises(qd.QDError) as caught:
        overridden(typed, read_flags(words.split(), Table.of(typed)))
    assert said in str(caught.value)


def test_listed_settings_have_their_sentences(typed):
    text = listed(typed)
    assert "--problem.count a whole number  [1]\n        How many." in text
    assert "--problem.parts.0.weight a number  [1.0]\n        how much it counts." in text
    assert "problem.array (ndarray)" in text


def test_dashes_are_as_good_as_underscores(typed):
    (override,) = read_flags(["--algorithm.batch-size", "7"], Table.of(typed))
    assert (override.name, override.value) == ("algorithm.batch_size", 7)
