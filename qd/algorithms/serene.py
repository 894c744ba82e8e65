"""SERENE: novelty search that sends out emitters where it meets a reward, Paolo, Coninx, Laflaquiere, Doncieux 2021.

https://arxiv.org/abs/2102.03140. Good for sparse rewards: exploration never reads the objective; emitters exploit it,
one for each place where a reward was met, and what they find goes into a reward archive. Budget is dealt out in chunks,
exploration and exploitation in turn. With an ``encoder`` measures are learned as the search goes: that is STAX.

The defaults are ours; ``SERENE.faithful()`` has the published settings. Both differ from the released code where it is
broken: a solution is never its own neighbour and never counts twice, emitters are told apart by their founders'
evaluation numbers, and a founder enters the reward archive once. What the defaults change, and why, stands beside each
setting of ``EmitterSettings``; beyond these, ``schedule="adaptive"`` shortens exploitation while it gains little.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive
from qd.algorithms import _described as described
from qd.algorithms import _emitters as emitting
from qd.algorithms import _exploration as exploring
from qd.algorithms._emitters import Emitter, EmitterSettings
from qd.algorithms._exploration import SELECTIONS, Exploration, Selection
from qd.algorithms._members import Members, joined
from qd.behavior import Encoder
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box

_LEAST_SHARE = 0.1  # of a chunk that exploitation gets, however little it gained


@dataclass
class SERENEState:
    """Exploration, the reward archive, and the emitters: candidates first, then those that improved."""

    seed: int
    space: Box
    exploration: Exploration = field(default_factory=Exploration)
    behavior: described.SpaceState = field(default_factory=described.SpaceState)
    reward: Any = None  # RewardArchive, once there are rows
    candidates: list[Emitter] = field(default_factory=list)
    emitters: list[Emitter] = field(default_factory=list)
    phase: str = "explore"  # then bootstrap and emit, the two halves of exploitation
    working: list[int] = field(default_factory=list)  # founders of the emitters that step now
    turn: int = 0  # steps since they were chosen
    chunk: int = 0  # chunks so far
    chunk_left: float = 0.0  # evaluations
    chunk_length: float = 0.0
    reference: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))  # R of an exploitation chunk
    stepped: int = 0  # emitter steps in this exploitation chunk, and how many of them gained
    gained: int = 0
    share: float = 1.0  # of a chunk that the next exploitation gets
    total: int = 0  # the budget
    counts: dict[str, int] = field(default_factory=dict)  # candidates, merged, discarded, ended
    short: list[int] = field(default_factory=list)  # founders of emitters that ended short of the target
    values: list[float] = field(default_factory=lambda: [0.0, 0.0])  # of exploring and exploiting, to the bandit
    pulls: list[int] = field(default_factory=lambda: [0, 0])
    before: int = 0  # emitters when the chunk began


@dataclass(frozen=True)
class SERENE(Algorithm):
    """Explore by novelty, exploit by emitters.

    >>> SERENE().chunk_size
    1000
    """

    population_size: int = 100
    """Solutions that survive a generation of exploration (M)."""
    offspring: int = 2
    """Children a parent and generation (m)."""
    neighbors: int = 15
    """Nearest neighbours that novelty averages over (k)."""
    additions: int = 5
    """Offspring a generation that enter the novelty archive, and solutions of an emitter that ends (lambda)."""
    archiving: Literal["random", "best"] = "random"
    """Which offspring these are."""
    selection: Selection = "novelty"
    """What survives: the most novel, the most surprising, either by a coin a generation, or a Pareto choice of both."""
    sigma: float = 0.05
    """Standard deviation of the Gaussian mutation of every gene while exploring."""
    chunk_size: int = 1000
    """Evaluations of a chunk of exploration, and of exploitation at most (K)."""
    schedule: Literal["adaptive", "alternate", "random", "budget", "ucb"] = "adaptive"
    """Which chunk comes next: in turn, exploitation being as long as it gained lately; in turn; by a coin; exploring
    with the probability of the budget left; by UCB1 on how the number of emitters changed."""
    reward_threshold: float = 0.0
    """Objectives above it are rewards."""
    reward_capacity: int | None = 2000
    """Most elites of the reward archive; None for no limit."""
    emitters: EmitterSettings = field(default_factory=EmitterSettings)
    """How emitters step and end."""
    encoder: Encoder | None = None
    """Learns the measures from observations; None: the problem's own measures."""
    observation: str = "images"
    """The problem's column that the encoder reads."""
    training: Literal["triangular", "every"] = "triangular"
    """The encoder learns after exploration chunks 1, 3, 6, 10 ..., or after each."""

    State = SERENEState

    def __post_init__(self) -> None:
        positive(self, "population_size", "offspring", "neighbors", "sigma", "chunk_size")
        for name, known in (
            ("selection", SELECTIONS),
            ("archiving", ("random", "best")),
            ("schedule", ("adaptive", "alternate", "random", "budget", "ucb")),
            ("training", ("triangular", "every")),
        ):
            if getattr(self, name) not in known:
                raise QDError(f"{self.name}.{name}: got {getattr(self, name)!r}, wanted one of {tuple(known)}")
        if self.additions < 0:
            raise QDError(f"{self.name}.additions: got {self.additions}, wanted 0 or more")
        if self.selection != "novelty" and (self.encoder is None or not self.encoder.surprises):
            raise QDError(f"{self.name}.selection: {self.selection!r} needs an encoder with surprise, got "
                          f"{type(self.encoder).__name__}; take 'novelty', or an autoencoder")  # fmt: skip

    @classmethod
    def faithful(cls, **changes: Any) -> SERENE:
        """The settings of the released code, defects that are bugs left out."""
        published: dict[str, Any] = {
            "schedule": "alternate", "reward_capacity": None, "emitters": EmitterSettings.faithful(),
        }  # fmt: skip
        return cls(**published | changes)

    @property
    def flip_probability(self) -> float:
        """Of masks, which exploration knows and emitters cannot vary."""
        return 0.0

    @property
    def uses_budget(self) -> bool:  # type: ignore[override]
        """Only the schedule by the budget left does."""
        return self.schedule == "budget"

    def init(self, problem: Problem, seed: int) -> SERENEState:
        space = problem.space()
        if not isinstance(space, Box):
            raise QDError(f"{self.name} varies real vectors, not {space!r}: its emitters take Gaussian steps")
        described.check(self, problem)
        return SERENEState(seed, space, chunk_left=float(self.chunk_size))

    # Asking.

    def ask(self, state: SERENEState, left: int) -> Request | None:
        if left <= 0:
            return None
        state.total = max(state.total, left)
        while True:  # an exploitation without emitters costs nothing; exploration always asks
            if state.phase == "explore":
                if state.chunk_left > 0:
                    request = exploring.next_generation(self, state.exploration, state.space, state.seed)
                    request.columns = described.columns(self)
                    return request
                self._end_exploration(state, left)
            elif state.phase == "bootstrap":
                if state.working or self._try_candidates(state):
                    return self._step(state, state.candidates)
                state.phase = "emit"
            elif state.working or self._choose(state):
                return self._step(state, state.emitters)
            else:
                self._end_exploitation(state, left)

    def _step(self, state: SERENEState, pool: list[Emitter]) -> Request:
        """One step of all emitters that work now, as one batch."""
        chosen = self._working(state, pool)
        children = [emitting.ask(self.emitters, emitter, state.space, state.seed) for emitter in chosen]
        founders = np.repeat([emitter.id for emitter in chosen], [len(batch) for batch in children])
        solutions = np.concatenate(children).astype(state.space.dtype, copy=False)
        return Request(solutions, parents=founders[:, None], operators=f"emitter {self.emitters.kind}",
                       columns=described.columns(self), emitter=founders)  # fmt: skip

    @staticmethod
    def _working(state: SERENEState, pool: list[Emitter]) -> list[Emitter]:
        by_id = {emitter.id: emitter for emitter in pool}
        return [by_id[founder] for founder in state.working]

    # Telling.

    def tell(self, state: SERENEState, request: Request, evaluation: Evaluation) -> None:
        state.chunk_left -= len(request) * request.repeats
        if request.emitter is None:
            self._tell_exploration(state, request, evaluation)
        else:
            self._tell_emitters(state, request, evaluation)

    def _tell_exploration(self, state: SERENEState, request: Request, evaluation: Evaluation) -> None:
        born = described.members(self, state.behavior, state.seed, request, evaluation)
        if len(born) == 0:
            return
        self._found(state, born)
        exploring.survive(self, state.exploration, born, state.seed, request.number, state.reward)

    def _found(self, state: SERENEState, born: Members) -> None:
        """A candidate emitter, and a place in the reward archive, for every rewarded solution."""
        from archives import RewardArchive

        if state.reward is None:
            state.reward = RewardArchive(
                solution_dim=born.solutions.shape[1], measure_dim=born.measures.shape[1],
                solution_dtype=born.solutions.dtype, k_neighbors=self.neighbors,
                reward_threshold=self.reward_threshold, capacity_limit=self.reward_capacity,
                extra_fields=exploring.kept_fields(born),
            )  # fmt: skip
        rewarded = np.flatnonzero(born.objective > self.reward_threshold)
        if len(rewarded) == 0:
            return
        state.counts["candidates"] = state.counts.get("candidates", 0) + len(rewarded)
        everybody = joined(state.exploration.population, born)
        for row in rewarded:
            founder = born.rows([row])
            others = everybody.solutions[everybody.ids != born.ids[row]]
            sigma = emitting.first_sigma(self.emitters, founder.solutions[0], others)
            state.candidates.append(Emitter(founder, founder, sigma))
        self._store(state, born.rows(rewarded), born.ids[rewarded])
        limit = self.emitters.max_candidates
        if limit and len(state.candidates) > limit:
            order = np.argsort(-self._novelty_of(state, state.candidates), kind="stable")[:limit]
            state.candidates = [state.candidates[i] for i in np.sort(order)]

    @staticmethod
    def _store(state: SERENEState, rows: Members, founders: NDArray[np.int64]) -> None:
        state.reward.add(
            rows.solutions, rows.objective, rows.measures, emitter=founders, **exploring.kept_columns(rows)
        )

    def _novelty_of(self, state: SERENEState, emitters: Iterable[Emitter]) -> NDArray[np.float64]:
        """(n,) novelty of the founders among the reward archive."""
        from archives.neighbors import novelty

        founders = joined(*(emitter.founder for emitter in emitters))
        scores = novelty(
            founders.measures, state.reward.column("measures"), self.neighbors,
            query_ids=founders.ids, reference_ids=state.reward.column("id"),
        )  # fmt: skip
        return np.nan_to_num(scores, posinf=np.finfo(float).max)

    # Exploitation.

    def _tell_emitters(self, state: SERENEState, request: Request, evaluation: Evaluation) -> None:
        assert request.emitter is not None
        pool = state.candidates if state.phase == "bootstrap" else state.emitters
        solutions = np.asarray(request.solutions)
        objective = np.where(evaluation.ok, evaluation.objective, np.nan)
        kept = np.zeros(len(request), np.bool_)
        chosen = self._working(state, pool)
        for emitter in chosen:
            rows = np.flatnonzero(request.emitter == emitter.id)
            before = emitter.best
            kept[rows] = emitting.tell(self.emitters, emitter, solutions[rows], objective[rows], state.seed)
            state.stepped += 1
            state.gained += emitter.best > before
        born = described.members(self, state.behavior, state.seed, request, evaluation, kept)
        if len(born):
            founders = request.emitter[born.ids - request.first]
            self._store(state, born, founders)
            self._note_novel(state, chosen, born, founders)
        state.turn += 1
        if state.phase == "bootstrap":
            if state.turn > self.emitters.bootstrap_steps:
                self._keep_improved(state, chosen)
        else:
            self._end_turn(state, chosen)

    def _note_novel(
        self, state: SERENEState, chosen: list[Emitter], born: Members, founders: NDArray[np.int64]
    ) -> None:
        """Members more novel than anything their emitter made may enter the novelty archive when it ends."""
        from archives.neighbors import novelty

        scores = novelty(born.measures, state.reference, self.neighbors)
        for emitter in chosen:
            rows = np.flatnonzero((founders == emitter.id) & (scores > emitter.level))
            if len(rows):
                emitter.novel = joined(emitter.novel, born.rows(rows))
                top = rows[int(np.argmax(scores[rows]))]
                emitter.novelest, emitter.level = born.rows([top]), float(scores[top])

    def _keep_improved(self, state: SERENEState, chosen: list[Emitter]) -> None:
        """Tried candidates become emitters if they improved, and are forgotten otherwise."""
        tried = {emitter.id for emitter in chosen}  # one that has ended while it was tried is not working any more
        state.candidates = [emitter for emitter in state.candidates if emitter.id not in tried]
        for emitter in chosen:
            if emitting.improvement(self.emitters, emitter) > 0:
                state.emitters.append(emitter)
                if emitting.ended(self.emitters, emitter):
                    self._end(state, emitter)
            else:
                state.counts["discarded"] = state.counts.get("discarded", 0) + 1
        state.working = []

    def _end_turn(self, state: SERENEState, chosen: list[Emitter]) -> None:
        for emitter in chosen:
            if emitting.ended(self.emitters, emitter):
                self._end(state, emitter)
        over = state.chunk_left <= 0 or (self.emitters.turn and state.turn >= self.emitters.turn)
        if over or not state.working:
            for emitter in self._working(state, state.emitters):
                if emitting.improvement(self.emitters, emitter) == 0 and not self.emitters.keep_idle:
                    self._end(state, emitter)
            state.working = []

    def _end(self, state: SERENEState, emitter: Emitter) -> None:
        """An emitter has done its work: some of what it found novel enters the novelty archive."""
        state.emitters = [other for other in state.emitters if other.id != emitter.id]
        state.working = [founder for founder in state.working if founder != emitter.id]
        state.counts["ended"] = state.counts.get("ended", 0) + 1
        if np.isfinite(self.emitters.target) and emitter.best < self.emitters.target:
            state.short.append(emitter.id)
        if emitter.novel is None or self.additions == 0 or state.exploration.archive is None:
            return
        rng = generator(state.seed, f"ended {emitter.id}")
        rows = emitter.novel.rows(rng.permutation(len(emitter.novel))[: self.additions])
        state.exploration.archive.append(
            rows.solutions, rows.objective, rows.measures, **exploring.kept_columns(rows)
        )  # fmt: skip

    def _try_candidates(self, state: SERENEState) -> bool:
        """Choose the candidates that are tried next, the most novel founders first; False where none are."""
        if not state.candidates or state.chunk_left <= self.emitters.bootstrap_share * state.chunk_length:
            return False
        order = np.argsort(-self._novelty_of(state, state.candidates), kind="stable")
        merged: set[int] = set()
        chosen: list[Emitter] = []
        taken = self._stored_by_emitters(state)  # (t, m)
        radius = self.emitters.merge_radius * state.exploration.novelty
        for place in order:
            emitter = state.candidates[place]
            here = emitter.founder.measures
            near = np.concatenate([taken, *(other.founder.measures for other in chosen)]) if chosen else taken
            if len(near) and radius > 0 and np.sqrt(((near - here) ** 2).sum(axis=1).min()) < radius:
                merged.add(emitter.id)
                continue
            chosen.append(emitter)
            if len(chosen) == self.emitters.at_once:
                break
        state.counts["merged"] = state.counts.get("merged", 0) + len(merged)
        state.candidates = [emitter for emitter in state.candidates if emitter.id not in merged]
        self._begin_turn(state, chosen)
        return bool(chosen)

    @staticmethod
    def _stored_by_emitters(state: SERENEState) -> NDArray[np.float64]:
        """(t, m) measures of what emitters that have stepped stored, their founders included.

        Where emitters ended short of a target that was set, others may try again.
        """
        owners, ids = state.reward.column("emitter"), state.reward.column("id")
        measures: NDArray[np.float64] = state.reward.column("measures")
        return measures[np.isin(owners, owners[owners != ids]) & ~np.isin(owners, state.short)]

    def _choose(self, state: SERENEState) -> bool:
        """Choose emitters by Pareto fronts of their founders' novelty and their improvement; False where none are."""
        import operators

        if not state.emitters or state.chunk_left <= 0:
            return False
        gains = np.array([emitter.improvement for emitter in state.emitters])
        worth = np.stack([self._novelty_of(state, state.emitters), gains], axis=1)
        rng = generator(state.seed, f"emitters of chunk {state.chunk}", state.stepped)
        ties = rng.permutation(len(worth))
        order = np.lexsort((ties, operators.front_ranks(worth)))[: self.emitters.at_once]
        self._begin_turn(state, [state.emitters[i] for i in order])
        return True

    def _begin_turn(self, state: SERENEState, chosen: list[Emitter]) -> None:
        from archives.neighbors import novelty

        state.working, state.turn = [emitter.id for emitter in chosen], 0
        for emitter in chosen:
            emitter.level = float(novelty(
                emitter.novelest.measures, state.reference, self.neighbors)[0])  # fmt: skip

    # Chunks.

    def _end_exploration(self, state: SERENEState, left: int) -> None:
        learns = self.encoder is not None and self.encoder.learns and state.behavior.shape is not None
        if learns and described.due(state.behavior, self.training):
            self._train(state)
        self._pull(state, 0, len(state.candidates) + len(state.emitters) - state.before)
        self._next_chunk(state, left, explored=True)

    def _end_exploitation(self, state: SERENEState, left: int) -> None:
        if state.stepped:
            state.share = max(_LEAST_SHARE, min(1.0, 2.0 * state.gained / state.stepped))
        self._pull(state, 1, state.before - len(state.candidates) - len(state.emitters))
        self._next_chunk(state, left, explored=False)

    @staticmethod
    def _pull(state: SERENEState, arm: int, change: int) -> None:
        """UCB1's running mean of how the number of emitters changed: more by exploring, fewer by exploiting."""
        state.pulls[arm] += 1
        state.values[arm] += (float(np.tanh(change)) - state.values[arm]) / state.pulls[arm]

    def _next_chunk(self, state: SERENEState, left: int, explored: bool) -> None:
        state.chunk += 1
        state.before = len(state.candidates) + len(state.emitters)
        if not (self._exploits(state, left, explored) and state.before):
            state.phase, state.chunk_left = "explore", float(self.chunk_size)
            return
        state.phase, state.working, state.stepped, state.gained = "bootstrap", [], 0, 0
        state.chunk_length = self.chunk_size * (state.share if self.schedule == "adaptive" else 1.0)
        state.chunk_left = state.chunk_length
        state.reference = exploring.reference(state.exploration, state.reward)[0].copy()

    def _exploits(self, state: SERENEState, left: int, explored: bool) -> bool:
        if self.schedule == "random":
            return bool(generator(state.seed, "schedule", state.chunk).random() < 0.5)
        if self.schedule == "budget":
            return bool(generator(state.seed, "schedule", state.chunk).random() >= left / state.total)
        if self.schedule == "ucb" and min(state.pulls):
            bonus = [np.sqrt(np.log(sum(state.pulls)) / pulls) for pulls in state.pulls]
            return bool(state.values[1] + bonus[1] > state.values[0] + bonus[0])
        return explored

    def _train(self, state: SERENEState) -> None:
        """Train the encoder on all that is kept, and see everything anew."""
        explored = state.exploration
        archives = [archive for archive in (explored.archive, state.reward) if archive is not None and len(archive)]
        parts = [part.observations for part in (explored.population, explored.offspring) if part is not None]
        seen = np.concatenate([*parts, *(archive.column("observations") for archive in archives)])
        described.train(self, state.behavior, state.seed, seen)
        for rows in self._all_members(state):
            described.see_anew(self, state.behavior, rows)
        for archive in archives:
            archive.re_encode(lambda rows: described.describe(self, state.behavior, rows)[0])
        assert explored.population is not None
        measures, ids = exploring.reference(explored)
        described.watch(self, state.behavior, measures, ids)

    @staticmethod
    def _all_members(state: SERENEState) -> list[Members | None]:
        found = [state.exploration.population, state.exploration.offspring]
        for emitter in [*state.candidates, *state.emitters]:
            found += [emitter.founder, emitter.novel]
            if emitter.novelest is not emitter.founder:
                found.append(emitter.novelest)
        return found

    def report(self, state: SERENEState) -> Report:
        explored, counts = state.exploration, state.counts
        archives = {
            name: archive for name, archive in (("novelty", explored.archive), ("reward", state.reward)) if archive
        }
        metrics = {
            "archive_size": 0 if explored.archive is None else len(explored.archive),
            "reward_archive_size": 0 if state.reward is None else len(state.reward),
            "mean_novelty": explored.novelty,
            **({"mean_surprise": explored.surprise} if self.encoder is not None else {}),
            "emitters_waiting": len(state.candidates),
            "emitters_active": len(state.emitters),
            **{f"emitters_{name}": counts.get(name, 0) for name in ("merged", "discarded", "ended")},
            **described.metrics(self, state.behavior),
        }
        populations: dict[str, Any] = {}
        if explored.population is not None:
            populations = {"solutions": explored.population.solutions, "measures": explored.population.measures}
        populations |= described.kept(self, state.behavior, explored.archive)
        return Report(archives, metrics, populations)


__all__ = ["SERENE", "EmitterSettings", "SERENEState"]
