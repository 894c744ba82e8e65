"""Genetic programming, Koza 1992, with a critic, islands, and constants tuned by CMA-ES.

Programs are varied as trees: sub-trees are exchanged or grown anew, constants jittered, terms dropped, rescaled, added.
Which of those edits are made is left to a bandit on what they gain. Structure and constants are searched apart, as in
R* (Li et al. 2025): every few generations CMA-ES tunes the constants of the best. Good where the form of the answer
matters and is short; where it is known, a search over weights needs fewer evaluations.

Where we differ from Koza: a critic, if one is given, sees every program before an evaluation is spent on it, and what
it refuses, or what was evaluated before in another form, is drawn again, and costs nothing. And where a problem tells
what the policies did that a program taught, as ``EvolvedReward`` does, edits that this suggests compete in the bandit
with edits drawn at random (trajectory analysis as mutation follows Auto MC-Reward, Li et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.algorithms import _constant_tuning, _program_gate
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.learners.task_critic import TaskCritic
from qd.ragged import Ragged
from qd.rewards.advice import SEEN, advised
from qd.rewards.edits import EDITS, Edit, edited, random_sum
from qd.rewards.program import Program, tree_of
from qd.rng import generator

Row = NDArray[np.float64]
_MOST_TERMS = 5  # of a first sum
ADVISED = tuple(f"advised_{kind}" for kind in ("drop", "rescale", "bonus", "penalty"))


@dataclass
class GeneticProgrammingState:
    """The population of all islands. ``ids`` are evaluation numbers."""

    seed: int
    space: Program
    generation: int = 0
    bred: int = 0  # generations of children told
    solutions: Ragged = field(default_factory=lambda: Ragged.from_rows([], np.float64))
    objective: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # (n,)
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,)
    island: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,)
    born_on: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # islands of what is evaluated
    known: dict[str, float] = field(default_factory=dict)  # canonical program -> its objective
    tuning: list[dict[str, Any]] = field(default_factory=list)  # programs whose constants are being tuned
    tuned: int = 0  # evaluations of each so far
    edits: dict[str, list[int]] = field(default_factory=lambda: {kind: [0, 0] for kind in (*EDITS, *ADVISED)})
    # wins and losses of each kind of edit
    stages: list[str] | None = None  # of the task, where the problem tells what policies did
    happenings: list[str] = field(default_factory=list)
    advice: dict[str, list[list[Any]]] = field(default_factory=dict)  # evaluation number -> edits as lists
    refused: dict[str, int] = field(default_factory=dict)  # check -> programs
    reasons: list[str] = field(default_factory=list)  # the latest
    repeats: int = 0  # programs that were known already


@dataclass(frozen=True)
class GeneticProgramming(Algorithm):
    """Evolve expression trees.

    >>> GeneticProgramming(population_size=60).island_count
    4
    """

    population_size: int = 24
    """Programs, elites included, over all islands."""
    critic: TaskCritic | None = None
    """Sees every program before it is evaluated; None: all are evaluated."""
    initial: Literal["trees", "sums"] = "trees"
    """The first programs: ramped half-and-half trees, or sums of one to five weighted variables."""
    retries: int = 50
    """Draws of a child, or of a first program, before its place in the generation is left empty."""
    patience: int = 10
    """Generations in a row without one child before the search ends."""
    analyse: bool = True
    """Ask what the policies did, of a problem that tells, and let that suggest edits."""
    tournament_size: int = 3
    """Contestants for each parent."""
    elites: int = 2
    """The best so many of an island survive as they are."""
    crossover: float = 0.6
    """Share of children by sub-tree crossover; what the four shares leave of 1 is sub-tree mutation too."""
    mutation: float = 0.25
    """Share by sub-tree mutation."""
    jitter: float = 0.1
    """Share whose constants are jittered."""
    jitter_sigma: float = 0.3
    """Its standard deviation, relative to a constant."""
    edit: float = 0.05
    """Share of edits of terms at the start ..."""
    edit_most: float = 0.3
    """... and in the end; the other shares make room for it alike."""
    edit_growth: float = 0.0125
    """Its rise a generation."""
    tune_every: int = 3
    """Generations between two tunings of constants; 0: never."""
    tune_top: int = 3
    """Programs that are tuned."""
    tune_evaluations: int = 10
    """Evaluations for each of them."""
    islands: int = 4
    """Where the population is over 40; else one."""
    migration: float = 0.3
    """Chance a generation that an island takes in the best of the one before it, in the place of its worst."""

    State = GeneticProgrammingState

    def __post_init__(self) -> None:
        positive(
            self, "population_size", "retries", "patience", "tournament_size", "jitter_sigma", "islands", "tune_top"
        )
        if self.initial not in ("trees", "sums"):
            raise QDError(f"GeneticProgramming.initial: got {self.initial!r}, wanted 'trees' or 'sums'")
        probability(self, "crossover", "mutation", "jitter", "edit", "edit_most", "edit_growth", "migration")
        if self.crossover + self.mutation + self.jitter > 1:
            raise QDError("GeneticProgramming: crossover, mutation and jitter add up to more than 1")
        if self.tune_every < 0 or self.tune_evaluations < 0:
            raise QDError("GeneticProgramming: tune_every and tune_evaluations want numbers of at least 0")
        least = self.population_size // self.island_count
        if not 0 <= self.elites < least:
            raise QDError(
                f"GeneticProgramming.elites: got {self.elites}, wanted 0 to {least - 1}: an island has {least}"
            )

    @property
    def island_count(self) -> int:
        """How many islands there are."""
        return self.islands if self.population_size > 40 else 1

    def init(self, problem: Problem, seed: int) -> GeneticProgrammingState:
        state = GeneticProgrammingState(seed, _program_gate.programs_of(self.name, self.critic, problem))
        if self.analyse:
            state.stages, state.happenings = _program_gate.told_of(problem)
        return state

    def ask(self, state: GeneticProgrammingState, left: int) -> Request | None:
        if left <= 0:
            return None
        for _ in range(self.patience):
            number = state.generation
            state.generation += 1
            if len(state.ids) == 0:
                request = self._first(state, generator(state.seed, "sample", number))
            elif state.tuning:
                request = _constant_tuning.children(state, generator(state.seed, "tune", number))
            else:
                request = self._children(state, generator(state.seed, "variation", number))
            if request is not None:
                request.columns = () if state.stages is None else SEEN
                return request
        return None

    def _first(self, state: GeneticProgrammingState, rng: np.random.Generator) -> Request | None:
        """Trees or sums; what the critic refuses is drawn again, with the depth or the summands of its place."""
        rows, islands, seen = list[Row](), list[int](), set[str]()
        sums = self.initial == "sums"
        depths = np.arange(self.population_size) % state.space.max_depth + 1 if state.space.max_depth else [0]
        for i, row in enumerate(state.space.sample(self.population_size, rng)):
            waiting, depth = [] if sums else [row], int(depths[i % len(depths)])

            def draw(waiting: list[Row] = waiting, depth: int = depth, terms: int = i % _MOST_TERMS + 1) -> Row:
                if sums:
                    return random_sum(state.space, terms, rng)
                return waiting.pop() if waiting else state.space.grow(rng, depth).reshape(-1)

            passed = _program_gate.passed(state, self.critic, draw, self.retries, seen)
            if passed is not None:
                rows.append(passed)
                islands.append(i % self.island_count)
        if not rows:
            return None
        state.born_on = np.array(islands, np.int64)
        return Request(state.space.pack(rows), operators="grown")

    def _children(self, state: GeneticProgrammingState, rng: np.random.Generator) -> Request | None:
        rows, parents, names, islands = list[Row](), list[tuple[int, int]](), list[str](), list[int]()
        share = min(self.edit_most, self.edit + self.edit_growth * state.bred)
        seen: set[str] = set()
        for island in range(self.island_count):
            here = np.flatnonzero(state.island == island)
            if len(here) == 0:  # all of it failed: it is settled from the others
                here = np.arange(len(state.ids))
            for _ in range(len(range(island, self.population_size, self.island_count)) - self.elites):
                made: list[Any] = [0, 0, ""]

                def draw(here: NDArray[np.int64] = here, made: list[Any] = made) -> Row:
                    row, *made[:] = self._child(state, here, rng, share)
                    return row

                passed = _program_gate.passed(state, self.critic, draw, self.retries, seen)
                if passed is None:
                    continue
                rows.append(passed)
                parents.append((made[0], made[1]))
                names.append(made[2])
                islands.append(island)
        if not rows:
            return None
        state.born_on = np.array(islands, np.int64)
        return Request(state.space.pack(rows), parents=np.array(parents, np.int64), operators=names)

    def _child(
        self, state: GeneticProgrammingState, here: NDArray[np.int64], rng: np.random.Generator, edits: float
    ) -> tuple[Row, int, int, str]:
        """A child, the evaluation numbers of its parents (-1: none), and how it was made."""
        from operators import tournament, trees

        space, arity = state.space, state.space.arity
        first, second = here[tournament(state.objective[here], rng, 2, self.tournament_size)]
        tree, ids = tree_of(state.solutions.row(int(first))), (int(state.ids[first]), int(state.ids[second]))

        def fits(child: Row) -> bool:
            return not space.refusal(child.reshape(-1))

        if rng.random() < edits:
            advice = [Edit(*one) for one in state.advice.get(str(ids[0]), [])]
            kinds = [*EDITS, *(kind for kind in ADVISED if any(kind == f"advised_{edit.kind}" for edit in advice))]
            kind = max((rng.beta(1 + state.edits[kind][0], 1 + state.edits[kind][1]), kind) for kind in kinds)[1]
            fitting = [edit for edit in advice if kind == f"advised_{edit.kind}"] or [Edit(kind)]
            child, ok = edited(space, tree.reshape(-1), fitting[int(rng.integers(len(fitting)))], rng)
            if ok:
                return child, ids[0], -1, kind
        drawn = rng.random()
        if drawn < self.crossover:
            child, ok = trees.subtree_crossover(tree, tree_of(state.solutions.row(int(second))), rng, arity, fits)
            if ok:
                return child.reshape(-1), *ids, "crossover"
        elif drawn < self.crossover + self.jitter:
            child, ok = trees.jitter_constants(tree, rng, self.jitter_sigma, space.bound)
            if ok:
                return child.reshape(-1), ids[0], -1, "jitter"

        def grow(rng: np.random.Generator) -> Row:
            return space.grow(rng, int(rng.integers(space.max_depth + 1)))

        child, _ = trees.subtree_mutation(tree, rng, arity, grow, fits)
        return child.reshape(-1), ids[0], -1, "mutation"

    def tell(self, state: GeneticProgrammingState, request: Request, evaluation: Evaluation) -> None:
        assert isinstance(request.solutions, Ragged)
        for row, worth, ok in zip(request.solutions, evaluation.objective, evaluation.ok, strict=True):
            state.known[_program_gate.key(state.space, row)] = float(worth) if ok else float("-inf")
        self._take_advice(state, request, evaluation)
        if state.tuning:
            _constant_tuning.told(state, request, evaluation, self.tune_evaluations)
        else:
            self._tell_children(state, request, evaluation)
        kept = {str(number) for number in (*state.ids.tolist(), *(one["id"] for one in state.tuning))}
        state.advice = {number: edits for number, edits in state.advice.items() if number in kept}

    def _take_advice(self, state: GeneticProgrammingState, request: Request, evaluation: Evaluation) -> None:
        """What the policies of each program suggest to change."""
        if state.stages is None:
            return
        assert isinstance(request.solutions, Ragged)
        for row in np.flatnonzero(evaluation.ok):
            seen = {name: evaluation.columns[name][row] for name in SEEN}
            solution = request.solutions.row(int(row))
            found = advised(state.space, solution, seen, state.stages, state.happenings)
            state.advice[str(request.ids[row])] = [list(edit) for edit in found]

    def _tell_children(self, state: GeneticProgrammingState, request: Request, evaluation: Evaluation) -> None:
        first = len(state.ids) == 0
        if not first:
            self._reward_edits(state, request, evaluation)
        good = np.flatnonzero(evaluation.ok)
        kept = np.concatenate([self._elites(state, i) for i in range(self.island_count)]) if not first else good[:0]
        rows = [*state.solutions[kept], *request.solutions[good]]
        objective = np.concatenate([state.objective[kept], evaluation.objective[good]])
        ids = np.concatenate([state.ids[kept], request.ids[good]])
        island = np.concatenate([state.island[kept], state.born_on[good]])
        if len(good) == 0:  # nothing came of this generation: the parents stay
            return
        state.objective, state.ids, state.island = objective, ids, island
        _constant_tuning.put_in_order(state, rows)
        state.bred += 1
        self._migrate(state)
        if self.tune_every and self.tune_evaluations and state.bred % self.tune_every == 0:
            _constant_tuning.begin(state, self.tune_top, self.jitter_sigma)

    def _elites(self, state: GeneticProgrammingState, island: int) -> NDArray[np.int64]:
        return np.flatnonzero(state.island == island)[: self.elites]  # the population is best first

    def _reward_edits(self, state: GeneticProgrammingState, request: Request, evaluation: Evaluation) -> None:
        """The bandit's wins and losses: whether an edited child is better than its parent."""
        worth = dict(zip(state.ids.tolist(), state.objective.tolist(), strict=True))
        assert request.parents is not None
        for row, kind in enumerate(request.operators):
            if kind in state.edits:
                before = worth.get(int(request.parents[row, 0]), np.inf)
                won = bool(evaluation.ok[row] and evaluation.objective[row] > before)
                state.edits[kind][0 if won else 1] += 1

    def _migrate(self, state: GeneticProgrammingState) -> None:
        if self.island_count == 1:
            return
        rng = generator(state.seed, "migration", state.bred)
        comes = rng.random(self.island_count) < self.migration
        before = [np.flatnonzero(state.island == island) for island in range(self.island_count)]
        best = [state.solutions.row(int(rows[0])).copy() if len(rows) else None for rows in before]
        worth = [(state.objective[rows[0]], state.ids[rows[0]]) if len(rows) else None for rows in before]
        rows = list(state.solutions)
        for island in np.flatnonzero(comes):
            guest, value = best[island - 1], worth[island - 1]
            if guest is None or value is None or len(before[island]) < 2 or value[1] in state.ids[before[island]]:
                continue
            place = int(before[island][-1])
            rows[place] = guest
            state.objective[place], state.ids[place] = value
        _constant_tuning.put_in_order(state, rows)

    def report(self, state: GeneticProgrammingState) -> Report:
        n = len(state.ids)
        nodes = state.solutions.lengths / 2
        metrics = {
            "population_best": float(state.objective.max()) if n else float("nan"),
            "population_mean": float(state.objective.mean()) if n else float("nan"),
            "nodes_mean": float(nodes.mean()) if n else float("nan"),
            "repeats": float(state.repeats),
            "refused": float(sum(state.refused.values())),
        }
        metrics |= {f"edit_{kind}_wins": float(wins) for kind, (wins, _) in state.edits.items()}
        reasons = np.array(state.reasons or [""])
        return Report(
            metrics=metrics,
            populations={"solutions": state.solutions, "objective": state.objective, "refusals": reasons},
        )
