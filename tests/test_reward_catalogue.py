"""The rewards of docs/reward_parts.md on a few steps, beside numbers worked out by hand."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qd.rewards import Reward, Steps
from tests.test_docs import blocks

for _needed in ("gymnasium", "regex", "rouge_score", "sacrebleu", "sklearn"):
    pytest.importorskip(_needed)

pytestmark = pytest.mark.peer

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reward_parts.md"


@cache
def page() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in blocks(PAGE):
        exec(compile("\n" * (block.line - 1) + block.code, str(PAGE), "exec", dont_inherit=True), names)
    return names


def boxes(box: list[list[float]], right: list[list[float]]) -> dict[str, Any]:
    corners = ("x0", "y0", "x1", "y1")
    columns = {f"box_{c}": [b[i] for b in box] for i, c in enumerate(corners)}
    return columns | {f"right_{c}": [b[i] for b in right] for i, c in enumerate(corners)}


UNIT, HALF, AWAY = [0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.0], [5.0, 5.0, 6.0, 6.0]
THIRD = [1.0, 0.0, 3.0, 2.0]  # it shares 2 of 6 with the first

CASES: dict[str, tuple[Steps, list[float]]] = {
    "sub_goals": (Steps({"sub_goal": [1, 0], "log_reference": [-1, -1], "log_policy": [-1, -0.5]}), [1.0, -0.25]),
    "minecraft": (  # from (0, 0), 5 away, to (3, 0), 4 away: one nearer
        Steps({"x": [3, 0], "y": [0, 0], "danger": [0, 1]}, {"x": [0, 0], "y": [0, 0]}),
        [math.tanh(1), -0.5],
    ),
    "relevance": (  # 1^1 1^1 0.5^2; too long: the floor 0.01
        Steps({"text": ["the bird sang"] * 2, "query": ["bird sang the"] * 2, "words": [3, 9], "distinct": [0.5, 1.0]}),
        [0.25, 0.01],
    ),
    "tool_call": (
        Steps(
            {
                "text": ["<call>f</call>", "f", "f"],
                "tool": ["Add ", "add", "sub"],
                "right_tool": ["add", "add", "add"],
                "arguments": [0.6, 0.6, 0.4],
                "progress_of_training": [0.1, 0.9, 0.1],
            }
        ),
        [0.5 + 1 + 1.2, 1.0, 0.0],
    ),
    "fine_grained": (
        Steps({"relevance": [1, 0], "factual": [1, 1], "complete": [1, 1], "last": [0, 1]}),
        [0.8, 0.8],
    ),
    "transformations": (
        Steps({"right_parts": [2, 2, 0], "wrong_parts": [0, 6, 0], "nothing_done": [0, 0, 1]}),
        [2.0, -1.0, -1.0],
    ),
    "by_margin": (Steps({"preferred": [1, 1, -1], "margin": [0, 2, 2]}), [1, 2 - math.exp(-1), math.exp(-1) - 2]),
    "constrained": (Steps({"meteor": [0.15, 0.9], "intent": [0.5, 0.4]}), [-0.1, -0.1]),
    "by_hardness": (Steps({"reward": [1, 1, 1], "hardness": [0.5, 2, -1], "margin": [1, 2, 1]}), [0.25, 3.0, 0.0]),
    "experts": (Steps({"dialogue": [1, 1], "maths": [0, 0], "task_class": [0, 1]}), [0.75, 0.25]),
    "segments": (Steps({"objects": [1, 0], "attributes": [1, 1], "relations": [0, 1]}), [0.75, 0.5]),
    "implicit": (Steps({"outcome": [0, 1], "log_trained": [-1, -2], "log_reference": [-3, -1]}), [0.1, 0.95]),
    "ideas": (Steps({"novelty": [1, 0], "feasibility": [0, 1], "effectiveness": [1, 1]}), [2.0, 2.5]),
    "mixed": (
        Steps(
            {
                "text": ["cat", "x", "x", "the mat"],
                "reference": ["Cat", "y", "y", "mat the"],
                "number": [0, 1.04, 1.0, 0],
                "right_number": [9, 1.0, 2.0, 9],
                "type": [0, 1, 2, 3],
                **boxes([AWAY, AWAY, HALF, AWAY], [UNIT] * 4),
            }
        ),
        [1.0, 1.0, 0.5, 1.0],
    ),
    "noise": (Steps({"preference": [1, 0], "clip_score": [2, 2], "log_prior": [-10, 0]}), [1.9, 1.0]),
    "summary": (  # ROUGE-1 of 2 words of which 1 is shared: 1/2
        Steps({"text": ["cat park", "cat park"], "reference": ["cat mat", "cat mat"], "scorer": [0.5, 1.0]}),
        [0.5, 0.5],
    ),
    "verifiable": (
        Steps({"answer": ["4", "4", "5"], "reference": ["4"] * 3, "text": ["four", "Four", "five"]}),
        [1.0, 0.0, 0.0],
    ),
    "detection": (
        Steps({"text": ["<answer>a</answer>", "a"], "boxes": [2, 40], **boxes([THIRD, UNIT], [UNIT, UNIT])}),
        [1 / 3 + 1.5, 1.0],
    ),
    "bleu": (
        Steps({"text": ["a b c d", "a b c d"], "reference": ["a b c d", "x y z w v"], "difficulty": [9.0, 1.0]}),
        [2.0, 0.0],
    ),
    "clip_delta": (  # clipped 0, -0.2, 0, of which the first -0.5 comes before: its sum is that
        Steps({"score": [0.9, 0.3, 0.6]}, ends=np.array([False, False, True]), offsets=np.array([0, 3])),
        [-0.5, 0.2, -0.2],
    ),
    "concise": (
        Steps({"correct": [1, 1, 0, 0, 1], "length": [50, 200, 50, 200, 50], "shortest_correct": [100] * 4 + [np.nan]}),
        [1 + math.cos(math.pi / 4), 1 - 0.7, 0.0, -0.7, 1.0],
    ),
    "stages": (
        Steps({"progress_of_training": [0.0, 0.49, 0.5, 1.0], **boxes([HALF, THIRD, HALF, UNIT], [UNIT] * 4)}),
        [0.5, 1 / 3, 0.0, 1.0],
    ),
    "harmonic": (  # 1 / (0.75 / 0.5 + 0.25 / 1); a likeness of 0 is worth nothing
        Steps({"text_likeness": [0.5, 0.0], "image_likeness": [1.0, 1.0]}),
        [1 / 1.75, 0.0],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_reward_of_the_page_pays_what_is_worked_out_by_hand(name: str) -> None:
    reward, (steps, wanted) = page()[name], CASES[name]
    assert isinstance(reward, Reward)
    np.testing.assert_allclose(reward.values(reward.start(), steps)[0], wanted, atol=2e-6)
    both = reward.values(np.repeat(reward.start(), 2, axis=0), steps)
    assert both.shape == (2, len(steps)) and (both[0] == both[1]).all()


def test_every_reward_of_the_page_has_its_case() -> None:
    rewards = {name for name, value in page().items() if isinstance(value, Reward)}
    assert rewards - set(CASES) == {"climbing", "reward", "shaped", "reasoning_sql", "density", "ranked"} & rewards


def test_a_query_that_gives_the_right_rows_and_one_that_is_nearly_right() -> None:
    scores = page()["scores"]
    assert scores["runs"] == scores["execution"] == scores["schema"] == 1.0
    # "" select name from pets where age >= 7 "" has the pairs of "" ... age, 6; then (age >) (> =) (= 7) (7 "") against
    # (age >) (> 5) (5 ""): 7 of 12 are shared.
    assert scores["n_gram"] == pytest.approx(7 / 12)
    np.testing.assert_allclose(page()["paid"][0, 0], 5 + scores["n_gram"])


def test_a_density_ratio_prefers_what_the_strong_model_has_seen() -> None:
    likelier = page()["likelier"]
    # strong, "<s> the": (2 + .5) / (2 + .5 * 8 words), weak: (0 + .5) / (1 + .5 * 6)
    first = math.log(2.5 / 6) - math.log(0.5 / 4)
    strong, weak = (page()[name].token_log_probabilities("the cat sat")[0] for name in ("strong", "weak"))
    assert strong - weak == pytest.approx(first)
    assert likelier[0, 0] > 0 > likelier[0, 1]
