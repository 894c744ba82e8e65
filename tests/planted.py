"""Tasks with a planted answer: masks and token sequences whose best value is known, judged example by example.

Some tokens help and some hurt; pairs help only together; rivals help alone and hurt together. An example sees each
token's effect with noise of its class, which cancels over all examples, so that only parts of them mislead.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qd

PAIR = (-0.5, -0.5, 3.0)  # alone, alone, and what comes on top together
RIVALS = (2.0, 1.0, -2.5)
_NOISE = (0.2, 0.6)  # of examples of class 0 and of class 1


class Planted(qd.Problem):
    """A mask over tokens, its value known.

    Args:
        length: tokens; position 0 is frozen.
        pairs, rivals: how many of each; the other tokens help or hurt alone.
        examples: judged, half of each of two classes.
        seed: of the plan.
    """

    measure_space = qd.Measures(("kept", "kept of the first half"), (0.0, 0.0), (1.0, 1.0), dims=(10, 10))
    fidelities = {"examples": "(n, k) numbers of the examples to judge on, -1 for none"}
    columns = {"scores": "(n, E) a number an example", "probabilities": "(n, E, 2) of the classes"}
    deterministic = True
    batching = "rows"
    chunk_size = 16

    def __init__(self, length: int = 40, pairs: int = 3, rivals: int = 3, examples: int = 16, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        places = 1 + rng.permutation(length - 1)
        together = places[: 2 * (pairs + rivals)].reshape(-1, 2)
        self.weights = np.zeros(length)
        alone = places[2 * (pairs + rivals) :]
        sign = np.where(np.arange(len(alone)) % 2, -1.0, 1.0)
        self.weights[alone] = sign * rng.uniform(0.2, 1.0, len(alone))
        self.joint: list[tuple[int, int, float]] = []
        for (i, j), (first, second, both) in zip(together, [PAIR] * pairs + [RIVALS] * rivals, strict=True):
            self.weights[[i, j]] = first, second
            self.joint.append((int(i), int(j), both))
        self.solution_space = qd.Mask(length, frozen=(0,), cuts=tuple(range(5, length, 5)))
        self.costs = {"examples": float(examples)}
        self.task = SimpleNamespace(splits=SimpleNamespace(search=range(examples)))
        self.effects = self.weights + noise_of(length, examples)  # (E, d)
        self.examples = examples

    @property
    def optimum(self) -> float:
        """The value of the best mask: the parts of the plan do not touch each other."""
        joined = {place for i, j, _ in self.joint for place in (i, j)}
        alone = sum(max(0.0, w) for place, w in enumerate(self.weights) if place not in joined)
        best = [max(0.0, self.weights[i], self.weights[j], self.weights[i] + self.weights[j] + both)
                for i, j, both in self.joint]  # fmt: skip
        return float(alone + sum(best))

    def values(self, masks: NDArray[Any]) -> NDArray[np.float64]:
        """(n,) of masks (n, d), without noise."""
        kept = np.asarray(masks, np.float64)
        return kept @ self.weights + self._joint(kept)

    def _joint(self, kept: NDArray[np.float64]) -> NDArray[np.float64]:
        return sum((both * kept[:, i] * kept[:, j] for i, j, both in self.joint), np.zeros(len(kept)))

    def cost_bounds(self, request: qd.Request) -> dict[str, NDArray[np.float64]]:
        return {"examples": self._judged(request).sum(axis=1).astype(float) * request.repeats}

    def _judged(self, request: qd.Request) -> NDArray[np.bool_]:
        judged = np.ones((len(request), self.examples), np.bool_)
        if "examples" in request.fidelity:
            chosen = np.asarray(request.fidelity["examples"])
            judged = (chosen[:, :, None] == np.arange(self.examples)).any(axis=1)
        return judged

    def evaluate(self, request: qd.Request, seeds: NDArray[np.uint64]) -> qd.Evaluation:
        kept = np.asarray(request.solutions, np.float64)
        scores = (kept[:, None] * self.effects).sum(axis=2) + self._joint(kept)[:, None]  # (n, E)
        judged = self._judged(request)
        half = kept.shape[1] // 2
        measures = np.column_stack([kept.mean(axis=1), kept[:, :half].mean(axis=1)])
        return result(scores, judged, measures)


class PlantedTokens(qd.Problem):
    """A sequence of tokens, its value known: a group of tokens alike counts once, a few pairs of groups count more.

    Args:
        groups, each: how many groups there are, of how many tokens.
        longest: tokens of a sequence.
        examples: judged, half of each of two classes.
        seed: of the plan.
    """

    measure_space = qd.Measures(("length",), (0.0,), (8.0,), dims=(8,))
    columns: Mapping[str, str] = {"probabilities": "(n, E, 2) of the classes"}
    deterministic = True
    batching = "rows"
    chunk_size = 16

    def __init__(self, groups: int = 30, each: int = 3, longest: int = 5, examples: int = 16, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.group_of = rng.permutation(np.repeat(np.arange(groups), each))  # (alphabet,)
        self.weights = rng.normal(0, 1, groups)
        strong = np.argsort(-self.weights)
        self.joint = [(int(strong[4]), int(strong[5]), 1.0), (int(strong[0]), int(strong[1]), -0.5)]
        self.solution_space = qd.Tokens(groups * each, longest)
        self.centres = rng.normal(0, 1, (groups, 6))
        self.effects = self.weights + noise_of(groups, examples)  # (E, groups)
        self.longest = longest

    def embeddings(self) -> NDArray[np.float32]:
        """(alphabet, 6): tokens of a group lie together."""
        jitter = 0.01 * np.sin(np.arange(6 * len(self.group_of))).reshape(-1, 6)
        return (self.centres[self.group_of] + jitter).astype(np.float32)

    @property
    def optimum(self) -> float:
        """Of all sets of groups that fit into a sequence."""
        n, best = len(self.weights), 0.0
        for size in range(1, self.longest + 1):
            chosen = np.array(list(combinations(range(n), size)))
            values = self.weights[chosen].sum(axis=1)
            for i, j, both in self.joint:
                values += both * ((chosen == i).any(axis=1) & (chosen == j).any(axis=1))
            best = max(best, float(values.max()))
        return best

    def evaluate(self, request: qd.Request, seeds: NDArray[np.uint64]) -> qd.Evaluation:
        rows = request.solutions
        assert isinstance(rows, qd.Ragged)
        there = np.zeros((len(rows), len(self.weights)))
        there[np.repeat(np.arange(len(rows)), rows.lengths), self.group_of[rows.values]] = 1
        scores = (there[:, None] * self.effects).sum(axis=2)
        scores += sum((both * there[:, i] * there[:, j] for i, j, both in self.joint), np.zeros(len(rows)))[:, None]
        return result(scores, np.ones(scores.shape, np.bool_), rows.lengths[:, None].astype(float))


def result(scores: NDArray[np.float64], judged: NDArray[np.bool_], measures: NDArray[np.float64]) -> qd.Evaluation:
    """Mean scores over the examples judged (n, E), and what a language model's task reports beside them."""
    seen = np.where(judged, scores, np.nan)
    right = 1 / (1 + np.exp(-seen))
    probabilities = np.stack([right, 1 - right], axis=2)
    probabilities[:, 1::2] = probabilities[:, 1::2, ::-1]  # odd examples are of class 1
    columns = {"scores": seen, "probabilities": probabilities}
    return qd.Evaluation(
        np.nanmean(seen, axis=1), measures, columns=columns, cost={"examples": judged.sum(axis=1).astype(float)}
    )


def noise_of(tokens: int, examples: int) -> NDArray[np.float64]:
    """(E, tokens) by hash, larger for odd examples (class 1); each token's cancels over the examples of a class."""
    number = np.arange(examples * tokens, dtype=np.uint64).reshape(examples, tokens)
    with np.errstate(over="ignore"):
        number = (number + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        number = (number ^ (number >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    noise = (number >> np.uint64(11)).astype(np.float64) / 2**53 * 2 - 1
    for kind in (0, 1):
        noise[kind::2] -= noise[kind::2].mean(axis=0)
        noise[kind::2] *= _NOISE[kind]
    return noise
