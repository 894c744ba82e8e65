"""A task of prompts whose best one is known: a scripted model, words that help, hurt, mislead, or do nothing."""

from __future__ import annotations

import numpy as np

import qd
from qd.models import Scripted
from qd.prompts import Classification, Examples, Splits, Template

HELP = tuple(f"help{i}" for i in range(12))  # each sharpens what the review says
HURT = tuple(f"hurt{i}" for i in range(12))  # each blurs it
LEAN = tuple(f"lean{i}" for i in range(4))  # each leans to one class
IDLE = tuple(f"idle{i}" for i in range(6))
PAIR = ("left", "right")  # help together alone
TEMPLATE = Template("reviews", "Review: {text}\nSentiment: {label}", verbalizers={"no": "bad", "yes": "good"})
MODEL = Scripted(
    effects=dict.fromkeys(LEAN, (0.4, 0.0)),
    evidence={"joy": (0.0, 0.6), "fine": (0.0, 0.2), "dull": (0.6, 0.0), "slow": (0.2, 0.0)},
    gains={**dict.fromkeys(HELP, 0.15), **dict.fromkeys(HURT, -0.15)},
    interactions={PAIR: 0.6},
    vocabulary=("bad", "good", "Review", "Sentiment", ":", *IDLE, *PAIR),
)


def _examples(n: int, first: int) -> Examples:
    texts = tuple(f"{('dull', 'joy', 'slow', 'fine')[i % 4]} film {first + i}" for i in range(n))
    return Examples({"text": texts}, tuple(("no", "yes")[i % 2] for i in range(n)))


def task() -> Classification:
    """One demonstration of each class, made of the words above in a fixed disorder."""
    words = np.array([*HELP, *HURT, *LEAN, *IDLE, *PAIR])
    words = words[np.random.default_rng(5).permutation(len(words))]
    demos = Examples({"text": (" ".join(words[:18]), " ".join(words[18:]))}, ("yes", "no"))
    return Classification(MODEL, Splits(_examples(8, 0), _examples(12, 100), _examples(16, 200), demos), TEMPLATE)


def pruned(**settings) -> qd.problems.PrunedPrompt:
    """Which of the words stay."""
    return qd.problems.PrunedPrompt(task(), **settings)


def best_mask(problem: qd.problems.PrunedPrompt) -> np.ndarray:
    """(1, d) everything but what hurts and misleads."""
    away = {*HURT, *LEAN}
    return np.array([[word.strip() not in away for word in problem.words()]], np.uint8)


def value(problem: qd.Problem, solutions) -> np.ndarray:
    """(n,) the objective of solutions."""
    return problem.evaluate(qd.Request(solutions), np.zeros(len(solutions), np.uint64)).objective


def reached(problem: qd.problems.PrunedPrompt, best: float) -> float:
    """How much of the way from the whole prompt to the best one was made."""
    start, end = value(problem, problem.start)[0], value(problem, best_mask(problem))[0]
    return float((best - start) / (end - start))
