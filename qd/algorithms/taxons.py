"""TAXONS: novelty search in a behaviour space that an autoencoder learns, Paolo, Laflaquiere, Coninx, Doncieux 2019.

https://arxiv.org/abs/1909.05508. Good for exploring without a word on what behaviour is: an episode leaves pictures,
the autoencoder's code of them is the measures, and what it reconstructs badly is surprising. The objective is never
read.

Two rules. ``"2019"``, as first released: each generation the whole population acts; by novelty, and after
``novelty_generations`` by a fair coin between novelty and surprise, the best few enter the archive and replace the
worst few, and nearly everybody mutates in place; the encoder learns every ``training_interval`` generations from what
was seen since, and from the archive. ``"later"``, as in the code of STAX: offspring beside parents, survival by a
criterion, random offspring into the archive, training after evaluations 1,000, 3,000, 6,000 ...

Differences from the released code: novelty leaves a solution out by its number, so that a copy is not its own
neighbour; and a copy of a solution is not evaluated as if it were new: it is mutated, always.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.algorithms import _described as described
from qd.algorithms import _exploration as exploring
from qd.algorithms._exploration import SELECTIONS, Exploration, Selection
from qd.algorithms._members import Members, joined
from qd.behavior import Autoencoder, Encoder
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box, Space


@dataclass
class TAXONSState:
    """Exploration and the space. ``seen``: what the 2019 rule trains on, observations since the last training."""

    seed: int
    space: Space
    exploration: Exploration = field(default_factory=Exploration)
    behavior: described.SpaceState = field(default_factory=described.SpaceState)
    seen: list[Members] = field(default_factory=list)
    explored: int = 0  # evaluations since the last chunk ended
    mutated: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # 2019: whose mutants are out


@dataclass(frozen=True)
class TAXONS(Algorithm):
    """Novelty and surprise in a learned space.

    >>> TAXONS().population_size
    100
    """

    rule: Literal["later", "2019"] = "later"
    """How a generation goes; see the module."""
    population_size: int = 100
    """Solutions that survive a generation (M)."""
    offspring: int = 2
    """later: children a parent and generation (m)."""
    neighbors: int = 15
    """Nearest neighbours that novelty averages over (k)."""
    additions: int = 5
    """Solutions a generation that enter the archive (lambda)."""
    archiving: Literal["random", "best"] = "random"
    """later: which offspring these are; the 2019 rule takes the best."""
    selection: Selection = "coin"
    """What a generation is judged by: novelty, surprise, one of them by a coin a generation, or (later) a Pareto choice
    of both."""
    sigma: float = 0.05
    """Standard deviation of the Gaussian mutation of every gene."""
    flip_probability: float = 0.02
    """Of each gene, where solutions are masks."""
    mutation_probability: float = 0.9
    """2019: of each solution and generation."""
    gene_probability: float = 0.2
    """2019: of each gene of a solution that mutates; real vectors."""
    novelty_generations: int = 30
    """2019: generations at the start in which novelty alone counts."""
    training_interval: int = 30
    """2019: generations between trainings."""
    chunk_size: int = 1000
    """later: the training schedule counts in so many evaluations."""
    training: Literal["triangular", "every"] = "triangular"
    """later: the encoder learns after chunks 1, 3, 6, 10 ..., or after each."""
    encoder: Encoder = field(default_factory=Autoencoder)
    """Learns the measures from observations."""
    observation: str = "images"
    """The problem's column that the encoder reads."""

    State = TAXONSState

    def __post_init__(self) -> None:
        positive(self, "population_size", "offspring", "neighbors", "sigma", "chunk_size", "training_interval")
        probability(self, "flip_probability", "mutation_probability", "gene_probability")
        for name, known in (
            ("rule", ("later", "2019")),
            ("selection", SELECTIONS),
            ("archiving", ("random", "best")),
            ("training", ("triangular", "every")),
        ):
            if getattr(self, name) not in known:
                raise QDError(f"TAXONS.{name}: got {getattr(self, name)!r}, wanted one of {tuple(known)}")
        for name in ("additions", "novelty_generations"):
            if getattr(self, name) < 0:
                raise QDError(f"TAXONS.{name}: got {getattr(self, name)}, wanted 0 or more")
        if self.selection != "novelty" and not self.encoder.surprises:
            raise QDError(f"TAXONS.selection: {self.selection!r} needs surprise, which {type(self.encoder).__name__} "
                          "does not have; take 'novelty', or an autoencoder")  # fmt: skip
        if self.rule == "2019" and self.selection == "pareto":
            raise QDError("TAXONS.selection: the 2019 rule has no Pareto choice; take 'coin', or rule='later'")

    @classmethod
    def faithful(cls, **changes: Any) -> TAXONS:
        """The settings of the first release: the 2019 rule."""
        return cls(**{"rule": "2019"} | changes)

    def init(self, problem: Problem, seed: int) -> TAXONSState:
        described.check(self, problem)
        return TAXONSState(seed, exploring.check_space(self, problem.space()))

    def ask(self, state: TAXONSState, left: int) -> Request | None:
        if left <= 0:
            return None
        if self.rule == "later" or state.exploration.population is None or len(state.exploration.population) == 0:
            request = exploring.next_generation(self, state.exploration, state.space, state.seed)
        else:
            request = self._mutants(state)
        request.columns = described.columns(self)
        return request

    def _mutants(self, state: TAXONSState) -> Request:
        """2019: the population after replacement and mutation; who is not mutated is not evaluated again."""
        import operators

        explored, population = state.exploration, state.exploration.population
        assert population is not None
        rng = generator(state.seed, "variation", explored.generation)
        explored.generation += 1
        mutates = rng.random(len(population)) < self.mutation_probability
        fresh = np.unique(population.ids, return_index=True)[1]
        again = np.ones(len(population), np.bool_)
        again[fresh] = False  # copies, which always mutate
        rows = np.flatnonzero(mutates | again)
        rows = rows if len(rows) else np.array([0])
        state.mutated = rows
        parents = population.solutions[rows]
        if isinstance(state.space, Box):
            children = operators.gaussian(parents, rng, self.sigma, *state.space.bounds)
            chosen = rng.random(children.shape) < self.gene_probability
            chosen[np.arange(len(rows)), rng.integers(0, children.shape[1], len(rows))] = True  # one gene at least
            children = np.where(chosen, children, parents)
        else:
            children = operators.bit_flip(parents, rng, self.flip_probability)
            children[:, list(state.space.frozen)] = 1  # type: ignore[attr-defined]
        return Request(children, parents=population.ids[rows][:, None], operators="mutation")

    def tell(self, state: TAXONSState, request: Request, evaluation: Evaluation) -> None:
        born = described.members(self, state.behavior, state.seed, request, evaluation)
        if len(born):
            if self.rule == "later":
                exploring.survive(self, state.exploration, born, state.seed, request.number)
            else:
                self._replace(state, request, born)
        state.explored += len(request) * request.repeats
        if self.rule == "later":
            if state.explored >= self.chunk_size:
                state.explored -= self.chunk_size
                if self._learns(state) and described.due(state.behavior, self.training):
                    self._train(state, self._kept(state))
        elif self._learns(state) and state.exploration.generation % self.training_interval == 0 and state.seen:
            self._train(state, [part.observations for part in state.seen])
            state.seen = []

    def _learns(self, state: TAXONSState) -> bool:
        return self.encoder.learns and state.behavior.shape is not None

    def _replace(self, state: TAXONSState, request: Request, born: Members) -> None:
        """2019: mutants take their parents' places, the best of all are archived and replace the worst."""
        from archives.neighbors import novelty

        explored = state.exploration
        if explored.archive is None:
            explored.archive = exploring.open_archive(self, born)
        if self.encoder.learns:
            state.seen.append(born)
        population = explored.population
        if population is None or len(population) == 0:
            explored.population = population = born
        else:
            index = np.arange(len(population))
            index[state.mutated[born.ids - request.first]] = len(population) + np.arange(len(born))
            population = joined(population, born).rows(index)  # a mutant that failed leaves its parent in place
        others, ids = exploring.reference(Exploration(population, archive=explored.archive))
        scores = novelty(
            population.measures, others, self.neighbors, query_ids=population.ids, reference_ids=ids
        )  # fmt: skip
        early = explored.generation <= self.novelty_generations
        judged = scores if early else exploring.criterion(self, scores, population.surprise, state.seed, request.number)
        order = np.argsort(-judged, kind="stable")
        best = order[: self.additions]
        new = best[~np.isin(population.ids[best], explored.archive.column("id"))]
        if len(new):
            rows = population.rows(new)
            explored.archive.append(
                rows.solutions, rows.objective, rows.measures, **exploring.kept_columns(rows)
            )  # fmt: skip
        worst = order[len(order) - len(best) :]
        places = np.arange(len(population))
        places[worst] = best
        explored.population = population.rows(places)
        explored.novelty, explored.surprise = float(scores.mean()), float(population.surprise.mean())

    @staticmethod
    def _kept(state: TAXONSState) -> list[NDArray[Any]]:
        explored = state.exploration
        return [part.observations for part in (explored.population, explored.offspring) if part is not None]

    def _train(self, state: TAXONSState, seen: list[NDArray[Any]]) -> None:
        """Train the encoder on these observations and the archive's, and see everything anew."""
        explored = state.exploration
        archive = explored.archive if explored.archive is not None and len(explored.archive) else None
        kept = [] if archive is None else [archive.column("observations")]
        described.train(self, state.behavior, state.seed, np.concatenate([*seen, *kept]))
        for rows in (explored.population, explored.offspring):
            described.see_anew(self, state.behavior, rows)
        if archive is not None:
            archive.re_encode(lambda rows: described.describe(self, state.behavior, rows)[0])
        assert explored.population is not None
        measures, ids = exploring.reference(explored)
        described.watch(self, state.behavior, measures, ids)

    def report(self, state: TAXONSState) -> Report:
        explored = state.exploration
        metrics = {
            "archive_size": 0 if explored.archive is None else len(explored.archive),
            "mean_novelty": explored.novelty,
            "mean_surprise": explored.surprise,
            **described.metrics(self, state.behavior),
        }
        populations: dict[str, Any] = {}
        if explored.population is not None:
            populations = {"solutions": explored.population.solutions, "measures": explored.population.measures}
        populations |= described.kept(self, state.behavior, explored.archive)
        return Report({} if explored.archive is None else {"novelty": explored.archive}, metrics, populations)
