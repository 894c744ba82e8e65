"""PromptQuine, Wang et al. 2025, https://arxiv.org/abs/2506.17930.

A population of masks over a prompt's tokens, which evolves by pruning alone: a child drops one to four tokens of the
winner of a tournament, and only the newborn live on. Nothing comes back, so a lineage ends by itself; that parents
always die keeps a score that was lucky on few examples from living for ever. Good for pruning few-shot prompts on
little data; works on any problem whose solutions are masks.

Where we differ from the authors' program. Only newborn compete, as the paper says; the program takes the last rows of
a list, into which parents slip when children were discarded. Where no newborn could be evaluated, the parents stay. A
child is a duplicate where its mask is in the population; that two masks can spell one text is not looked for. Tokens
are never joined to text and split again, so lengths are of masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError, nearest
from qd.rng import generator
from qd.space import Mask

_DROP_RATES = np.linspace(1 / 20, 1 / 5, 10)  # of the initial random drops
_SCHEMES, _INITIALS = ("generational", "steady"), ("duplicates", "random_drops")


@dataclass
class Pool:
    """Masks that were evaluated. ``ids`` are evaluation numbers."""

    masks: NDArray[np.uint8]  # (n, d)
    objective: NDArray[np.float64]  # (n,)
    ids: NDArray[np.int64]  # (n,)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: NDArray[np.int64]) -> Pool:
        return Pool(self.masks[rows], self.objective[rows], self.ids[rows])

    def __add__(self, other: Pool) -> Pool:
        return Pool(
            np.concatenate([self.masks, other.masks]),
            np.concatenate([self.objective, other.objective]),
            np.concatenate([self.ids, other.ids]),
        )


def empty_pool(length: int) -> Pool:
    """A pool without rows, for masks of that length."""
    return Pool(np.zeros((0, length), np.uint8), np.zeros(0), np.zeros(0, np.int64))


@dataclass
class PromptQuineState:
    """The population, what was born in this round, and how many places for children were given out."""

    seed: int
    space: Mask
    population: Pool
    newborn: Pool
    halved: Pool  # children that go on to the second half of the examples, with their objective on the first
    examples: int = 0  # how many there are, with successive halving; 0 without
    drawn: int = 0  # generators so far, which number the draws
    round_slots: int = 0  # places for children given out in this round ...
    slots: int = 0  # ... and in all
    rounds: int = 0
    duplicates: int = 0  # children discarded since the population had them
    skipped: int = 0  # places for which the parent had too few tokens left
    ended: bool = False


@dataclass(frozen=True)
class PromptQuine(Algorithm):
    """Evolve by pruning; only the newborn live on.

    >>> PromptQuine(scheme="steady").offspring
    50
    """

    population_size: int = 30
    """Masks that survive a round."""
    offspring: int = 50
    """Places for children in a round; one whose parent has too few tokens left, or whose child is a duplicate, stays
    empty."""
    scheme: Literal["generational", "steady"] = "generational"
    """All children of a round from the frozen population, in one request; or one by one, each a possible parent of
    the next, which is one request a child."""
    tournament_share: float = 0.2
    """Contestants for each parent, as a share of the population; drawn with replacement, at least 1."""
    drop: int = 4
    """A child drops 1 to so many tokens."""
    initial: Literal["duplicates", "random_drops"] = "duplicates"
    """The first population: copies of the full mask, evaluated once; or each token dropped at a rate that a mask
    draws from ten between 1/20 and 1/5."""
    least_tokens: float = 15.0
    """The search ends when the population keeps so many tokens in the mean, frozen ones included."""
    most_slots: int = 10_000
    """The search ends after so many places for children, empty ones included."""
    halving: bool = False
    """Judge a child on the first half of the search examples, and on the second half only where it reaches the worst
    of the population. The two are then averaged by their sizes, which is right for objectives that are a mean over
    examples (accuracy, the reward), and wrong for others (AUC, correlation). A child that fails to reach it keeps the
    objective of its half."""

    State = PromptQuineState

    def __post_init__(self) -> None:
        positive(self, "population_size", "offspring", "drop", "most_slots")
        probability(self, "tournament_share")
        if self.least_tokens < 0:
            raise QDError(f"PromptQuine.least_tokens: got {self.least_tokens}, wanted 0 or more")
        for setting, known in (("scheme", _SCHEMES), ("initial", _INITIALS)):
            value = getattr(self, setting)
            if value not in known:
                raise QDError(f"PromptQuine.{setting}: got {value!r}, {nearest(str(value), known)}")

    def init(self, problem: Problem, seed: int) -> PromptQuineState:
        space = problem.space()
        if not isinstance(space, Mask):
            raise QDError(f"PromptQuine prunes masks, not {space!r}; give it a problem whose solution_space is a Mask")
        prunable = space.length - len(set(space.frozen))
        if prunable < 2:
            raise QDError(f"PromptQuine: {prunable} positions of the mask are not frozen, wanted at least 2 to prune")
        if space.length <= self.least_tokens:
            raise QDError(f"PromptQuine.least_tokens: got {self.least_tokens}, but the full mask keeps only "
                          f"{space.length}; set a number below it")  # fmt: skip
        examples = self._examples(problem) if self.halving else 0
        population, newborn, halved = (empty_pool(space.length) for _ in range(3))
        return PromptQuineState(seed, space, population, newborn, halved, examples)

    @staticmethod
    def _examples(problem: Problem) -> int:
        task = getattr(problem, "task", None)
        if task is None or "examples" not in problem.fidelities:
            raise QDError(f"PromptQuine.halving: {problem.name} has no task with examples of which half could be "
                          "judged; set halving=False")  # fmt: skip
        count = len(task.splits.search)
        if count < 2:
            raise QDError(f"PromptQuine.halving: the search split has {count} examples, wanted at least 2")
        return count

    def ask(self, state: PromptQuineState, left: int) -> Request | None:
        if left <= 0:
            return None
        if len(state.halved):
            return self._second_half(state)
        if len(state.population) == 0:
            return self._first(state)
        while not state.ended:
            request = self._children(state)
            if request is not None:
                return request
            self._close_round(state)
        return None

    def _first(self, state: PromptQuineState) -> Request:
        """The full mask, or random drops of it; these too where the full mask could not be evaluated."""
        number, space = state.drawn, state.space
        state.drawn += 1
        if self.initial == "duplicates" and number == 0:
            return Request(np.ones((1, space.length), np.uint8), operators="full")
        rng = generator(state.seed, "random_drops", number)
        rates = _DROP_RATES[rng.integers(0, len(_DROP_RATES), (self.population_size, 1))]
        masks = (rng.random((self.population_size, space.length)) >= rates).astype(np.uint8)  # (n, d)
        masks[:, list(space.frozen)] = 1
        return Request(masks, operators="random_drops")

    def _children(self, state: PromptQuineState) -> Request | None:
        """The children of the next places: of a whole round, or one; None where all places stay empty."""
        import operators

        rng = generator(state.seed, "variation", state.drawn)
        steady = self.scheme == "steady"
        parents = state.population + state.newborn if steady else state.population
        count = 1 if steady else self.offspring
        state.drawn += 1
        state.round_slots += count
        state.slots += count
        rows = operators.tournament(parents.objective, rng, count, self.tournament_size(len(parents)))
        children, ok = operators.drop(parents.masks[rows], rng, self.drop, state.space.frozen)
        known = {mask.tobytes() for mask in parents.masks}
        new = np.array([mask.tobytes() not in known for mask in children])
        state.skipped += int((~ok).sum())
        state.duplicates += int((ok & ~new).sum())
        chosen = np.flatnonzero(ok & new)
        if len(chosen) == 0:
            return None
        request = Request(children[chosen], parents=parents.ids[rows[chosen]][:, None], operators="drop")
        if state.examples:
            request.fidelity = _examples_of(len(chosen), 0, state.examples // 2)
        return request

    def tournament_size(self, contestants: int) -> int:
        """How many of so many fight for each parent's place."""
        return max(1, int(self.tournament_share * contestants))

    def _second_half(self, state: PromptQuineState) -> Request:
        fidelity = _examples_of(len(state.halved), state.examples // 2, state.examples)
        parents = state.halved.ids[:, None]
        return Request(state.halved.masks, parents=parents, operators="second_half", fidelity=fidelity)

    def tell(self, state: PromptQuineState, request: Request, evaluation: Evaluation) -> None:
        told = Pool(np.asarray(request.solutions), evaluation.objective, request.ids)
        if len(state.population) == 0:
            self._begin(state, told[np.flatnonzero(evaluation.ok)])
            return
        if len(state.halved):
            first, half = state.halved[np.arange(len(told))], state.examples // 2
            told.ids = first.ids
            told.objective = (half * first.objective + (state.examples - half) * told.objective) / state.examples
            state.halved = empty_pool(state.space.length)
            state.newborn += told[np.flatnonzero(evaluation.ok)]
        else:
            going_on = np.zeros(len(told), np.bool_)
            if state.examples:
                going_on = evaluation.ok & (told.objective >= self._least(state))
                state.halved = told[np.flatnonzero(going_on)]
            state.newborn += told[np.flatnonzero(evaluation.ok & ~going_on)]
        if len(state.halved) == 0:
            self._close_round(state)

    def _least(self, state: PromptQuineState) -> float:
        """The worst objective of the population as it stands."""
        pool = state.population + state.newborn if self.scheme == "steady" else state.population
        return float(pool.objective.min())

    def _begin(self, state: PromptQuineState, born: Pool) -> None:
        if len(born) == 1 and self.initial == "duplicates":
            born = born[np.zeros(self.population_size, np.int64)]
        state.population = born
        if len(born):
            self._stop(state)

    def _close_round(self, state: PromptQuineState) -> None:
        """Where all places of the round were given out: the best of the newborn are the population."""
        import operators

        if state.round_slots < self.offspring:
            return
        if len(state.newborn):
            state.population = state.newborn[operators.truncation(state.newborn.objective, self.population_size)]
        state.newborn = empty_pool(state.space.length)
        state.round_slots = 0
        state.rounds += 1
        self._stop(state)

    def _stop(self, state: PromptQuineState) -> None:
        kept = state.population.masks.sum(axis=1)  # (n,)
        prunable = kept - len(set(state.space.frozen))
        state.ended = bool(
            state.slots >= self.most_slots or kept.mean() <= self.least_tokens or prunable.max(initial=0) < 2
        )

    def report(self, state: PromptQuineState) -> Report:
        pool = state.population
        metrics = {"population_best": float("nan"), "population_mean": float("nan"), "kept_mean": float("nan")}
        if len(pool):
            metrics = {
                "population_best": float(pool.objective.max()),
                "population_mean": float(pool.objective.mean()),
                "kept_mean": float(pool.masks.sum(axis=1).mean()),
            }
        metrics |= {
            "rounds": float(state.rounds), "duplicates": float(state.duplicates), "skipped": float(state.skipped)
        }  # fmt: skip
        return Report(metrics=metrics, populations={"solutions": pool.masks, "objective": pool.objective})


def _examples_of(n: int, start: int, stop: int) -> dict[str, NDArray[np.int64]]:
    """The fidelity by which n rows are judged on the examples start .. stop - 1."""
    return {"examples": np.tile(np.arange(start, stop), (n, 1))}
