"""Rubrics and the policies that they judge, evolved against each other.

Meta Policy Optimization (Kim et al. 2025, https://arxiv.org/abs/2504.20157) rewrites one rubric beside one policy. Here
the rubrics are a population with an objective of its own (agreement with labelled pairs, and how little of it is lost
once texts were optimised against them), policies are selected by the best few of them together, and halls of fame of
old policies and old rubrics keep the two from running in circles (Rosin and Belew 1997,
https://doi.org/10.1162/evco.1997.5.1.1). With ``mode`` the same search is each of its baselines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive
from qd.algorithms._judged_variation import Variation
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.models import LanguageModel
from qd.problems.judged import POLICY, ROLES, RUBRIC, JudgedProblem, to_context
from qd.ragged import Solutions, concatenate
from qd.rng import generator

_PARTS = ("agreement", "spread", "exploitability", "length", "consistency")
_NONE = {name: float("nan") for name in _PARTS}


@dataclass
class RubricCoevolutionState:
    """Both populations, best first, and the halls of fame, oldest first."""

    seed: int
    variation: Any
    phase: str = "rubrics"  # rubrics, again, policies, closing, closed
    request: int = 0
    generation: int = 0  # of policies
    policies: Solutions | None = None  # (mu, ...)
    policy_objective: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    rubrics: Solutions | None = None  # (r, ...)
    rubric_objective: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    in_force: Solutions | None = None  # (q, ...) that select the policies
    previous: Solutions | None = None  # those before
    old_policies: Solutions | None = None
    old_rubrics: Solutions | None = None
    transcript: str = ""  # what the best rubric gave for what
    parts: dict[str, float] = field(default_factory=lambda: dict(_NONE))  # of the best rubric's objective
    rounds: int = 0  # of rubrics
    tested: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RubricCoevolution(Algorithm):
    """Evolve the judge beside what it judges.

    >>> RubricCoevolution(mode="fixed", start="oracle").judges
    3
    """

    mode: Literal["population", "single", "fixed", "random"] = "population"
    """Of the rubrics: a population; one that is refined by hill climbing; one that stays; or all, policies too, drawn
    at random, the best kept."""
    start: str = "naive"
    """The problem's rubric to begin with, by name."""
    policies: int = 40
    """Policies a generation."""
    parents: int = 10
    """The best so many, of parents and children, are the next parents; they are tested at the end."""
    rubrics: int = 12
    """Rubrics that are kept; with ``single`` one is."""
    rubric_children: int = 12
    """New rubrics a round; with ``single`` as many are tried a round as a population has evaluations."""
    judges: int = 3
    """The best so many rubrics select the policies together."""
    interval: int = 5
    """Generations of policies between two rounds of rubrics."""
    hall: int = 10
    """Old policies, and old rubrics, that are remembered; 0: none."""
    remembered: int = 2
    """So many old rubrics, drawn anew every generation, judge beside the best."""
    writer: LanguageModel | None = None
    """Who rewrites rubrics and policies that are texts; nobody else needs one."""
    task: str = ""
    """What the policies are for, in words; the writer reads it."""

    State = RubricCoevolutionState

    def __post_init__(self) -> None:
        positive(self, "policies", "parents", "rubrics", "rubric_children", "judges", "interval")
        if self.mode not in ("population", "single", "fixed", "random"):
            raise QDError(f"RubricCoevolution.mode: got {self.mode!r}, wanted population, single, fixed or random")
        if self.parents > self.policies:
            raise QDError(f"RubricCoevolution.parents: got {self.parents} of {self.policies} policies")
        if self.judges > self.rubrics:
            raise QDError(f"RubricCoevolution.judges: got {self.judges} of {self.rubrics} rubrics")
        if self.hall < 0 or self.remembered < 0:
            raise QDError(f"RubricCoevolution: got hall={self.hall}, remembered={self.remembered}, wanted 0 or more")

    @property
    def name(self) -> str:
        return f"RubricCoevolution({self.mode}, {self.start})"

    def init(self, problem: Problem, seed: int) -> RubricCoevolutionState:
        if not isinstance(problem, JudgedProblem):
            raise QDError(f"RubricCoevolution wants a problem with the roles {' and '.join(ROLES)}, as JudgedReports; "
                          f"{problem.name} is none")  # fmt: skip
        variation = Variation.of(problem, self.writer is not None)
        state = RubricCoevolutionState(seed, variation)
        start = problem.rubrics(self.start)
        if self.mode == "fixed":
            state.in_force, state.phase = start, "policies"
        else:
            state.rubrics = start
        return state

    def reserve(self, problem: Problem) -> int:
        return self.parents

    def in_closing_stage(self, state: RubricCoevolutionState) -> bool:
        return state.phase in ("closing", "closed")

    def dropped(self, state: RubricCoevolutionState, request: Request) -> None:
        state.phase = "closed" if request.purpose == "test" else "closing"

    # ------------------------------------------------------------ ask

    def ask(self, state: RubricCoevolutionState, left: int) -> Request | None:
        if left == 0 and state.phase != "closed":
            state.phase = "closing"
        if state.phase == "closed" or (state.phase == "closing" and state.policies is None):
            return None
        rng = generator(state.seed, state.phase, state.request)
        state.request += 1
        if state.phase == "closing":
            assert state.policies is not None
            return Request(state.policies, role=POLICY, purpose="test", operators="test", columns=("stuffing",))
        if state.phase == "rubrics":
            return self._ask_rubrics(state, rng)
        if state.phase == "again":
            assert state.policies is not None
            return Request(state.policies, role=POLICY, operators="again", context=self._judges(state, rng))
        return self._ask_policies(state, rng)

    def _ask_rubrics(self, state: RubricCoevolutionState, rng: np.random.Generator) -> Request:
        assert state.rubrics is not None
        variation, kept = state.variation, len(state.rubrics)
        many = self.rubric_children + (self.rubrics - kept)  # the first round fills the population
        if self.mode == "random" or (self.mode == "population" and kept < self.rubrics):
            fresh = many if self.mode == "random" else self.rubrics - kept
            batch, names = variation.sample(RUBRIC, fresh, rng), ["sample"] * fresh
        else:
            batch, names = None, []
        if self.mode != "random":
            parents = state.rubrics[rng.integers(0, kept, many - len(names))]
            children, edits = variation.rubrics(self.writer, self.task, parents, state.transcript, rng)
            batch = children if batch is None else concatenate([batch, children])
            names += edits
        assert batch is not None
        seen = [state.policies, state.old_policies] if state.policies is not None else []
        shown = [some for some in seen if some is not None and len(some)]
        policies = concatenate(shown) if shown else variation.sample(POLICY, self.parents, rng)
        return Request(
            concatenate([state.rubrics, batch]),
            role=RUBRIC,
            operators=["kept"] * kept + names,
            columns=(*_PARTS, "transcript"),
            context=to_context("policies", policies) | to_context("previous", state.in_force),
        )

    def _ask_policies(self, state: RubricCoevolutionState, rng: np.random.Generator) -> Request:
        variation = state.variation
        if state.policies is None or self.mode == "random":
            return Request(variation.sample(POLICY, self.policies, rng), role=POLICY, operators="sample",
                           context=self._judges(state, rng))  # fmt: skip
        parents = state.policies[rng.integers(0, len(state.policies), self.policies)]
        children, names = variation.policies(self.writer, self.task, parents, state.transcript, rng)
        return Request(children, role=POLICY, operators=names, context=self._judges(state, rng))

    def _judges(self, state: RubricCoevolutionState, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """The rubrics that select now: the best, and some of the old ones."""
        assert state.in_force is not None
        judges = state.in_force
        if state.old_rubrics is not None and self.mode == "population":
            drawn = rng.permutation(len(state.old_rubrics))[: self.remembered]
            judges = concatenate([judges, state.old_rubrics[np.sort(drawn)]])
        return to_context("rubrics", judges) | to_context("previous", state.previous)

    # ------------------------------------------------------------ tell

    def tell(self, state: RubricCoevolutionState, request: Request, evaluation: Evaluation) -> None:
        ok = np.flatnonzero(evaluation.ok)
        if state.phase == "closing":
            gold, stuffing = evaluation.objective[ok], evaluation.columns["stuffing"][ok]
            if len(ok):
                state.tested = {"gold": float(gold.mean()), "best_gold": float(gold.max()),
                                "exploit_rate": float((stuffing > 0.5).mean())}  # fmt: skip
            state.phase = "closed"
        elif request.role == RUBRIC:
            self._tell_rubrics(state, request, evaluation, ok)
        else:
            self._tell_policies(state, request, evaluation, ok)

    def _tell_rubrics(
        self, state: RubricCoevolutionState, request: Request, evaluation: Evaluation, ok: NDArray[np.int64]
    ) -> None:
        state.rounds += 1
        state.phase = "policies" if state.policies is None else "again"
        if len(ok) == 0:
            state.in_force = state.rubrics if state.in_force is None else state.in_force
            return
        order = ok[np.argsort(-evaluation.objective[ok], kind="stable")]
        kept = order[: 1 if self.mode == "single" else self.rubrics]
        state.rubrics, state.rubric_objective = request.solutions[kept], evaluation.objective[kept]
        state.parts = {name: float(evaluation.columns[name][kept[0]]) for name in _PARTS}
        state.transcript = str(evaluation.columns["transcript"][kept[0]])
        if self.hall and state.in_force is not None:
            state.old_rubrics = _remembered(state.old_rubrics, state.in_force[:1], self.hall)
        state.previous = state.in_force
        state.in_force = state.rubrics[: self.judges]

    def _tell_policies(
        self, state: RubricCoevolutionState, request: Request, evaluation: Evaluation, ok: NDArray[np.int64]
    ) -> None:
        solutions, objective = request.solutions[ok], evaluation.objective[ok]
        if state.phase == "again":
            if len(ok):
                state.policies, state.policy_objective = solutions, objective
            state.phase = "policies"
            return
        state.generation += 1
        if len(ok):
            if state.policies is not None:
                solutions = concatenate([solutions, state.policies])
                objective = np.concatenate([objective, state.policy_objective])
            best = np.argsort(-objective, kind="stable")[: self.parents]
            state.policies, state.policy_objective = solutions[best], objective[best]
        if state.generation % self.interval == 0 and self.mode != "fixed":
            state.phase = "rubrics"
            if self.hall and state.policies is not None:
                state.old_policies = _remembered(state.old_policies, state.policies[:1], self.hall)

    def report(self, state: RubricCoevolutionState) -> Report:
        proxy = float(state.policy_objective.mean()) if len(state.policy_objective) else float("nan")
        worth = float(state.rubric_objective[0]) if len(state.rubric_objective) else float("nan")
        tested = {
            f"test_{name}": state.tested.get(name, float("nan")) for name in ("gold", "best_gold", "exploit_rate")
        }
        metrics = {
            "generation": float(state.generation),
            "rounds": float(state.rounds),
            "policy_score": proxy,
            "rubric_worth": worth,
            **{f"rubric_{name}": value for name, value in state.parts.items()},
            **tested,
        }
        named = {"policies": state.policies, "rubrics": state.in_force}
        kept = {name: batch for name, batch in named.items() if batch is not None}
        return Report(metrics=metrics, populations=kept)


def _remembered(hall: Solutions | None, new: Solutions, size: int) -> Solutions:
    """The hall with the new ones; once it is full every other of the old ones goes, so that all of the past stays."""
    grown = new if hall is None else concatenate([hall, new])
    if len(grown) <= size:
        return grown
    old = len(grown) - len(new)
    return grown[np.r_[0:old:2, old : len(grown)]]
