"""ClaPS: cluster and prune, then search; Zhou et al. 2023, https://arxiv.org/abs/2310.12774.

Few tokens of a vocabulary carry most of the influence that a prompt has. So the vocabulary is clustered by its
embeddings, each cluster's token is judged alone, as a prompt of one token, and those above a percentile are the
alphabet for a search of prompts of a few tokens: a genetic algorithm, greedy growth, or a particle swarm. Good where
tokens can be anything and evaluations are few; works on any problem whose solutions are token sequences.

Where we differ from the authors' program. Crossover mixes two parents, as the paper says; the program returns one of
them whole. Where the budget cannot pay for judging all tokens, a random part of them is judged. The reward is the
problem's own objective. The last choice on other examples is left to what wraps the search.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.algorithms import _claps_alphabet as alphabets
from qd.algorithms import _discrete_pso as swarm
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError, nearest
from qd.ragged import Ragged
from qd.rng import generator
from qd.space import Tokens

_SEARCHES, _SCORES = ("ga", "greedy", "pso"), ("gain", "kl")


@dataclass
class ClaPSState:
    """The tokens as they get fewer, and the population of sequences of the kept ones.

    Sequences are codes: places in ``kept``.
    """

    seed: int
    survivors: NDArray[np.int32]  # (s,) tokens that clustering left
    has_empty: bool  # whether the empty prompt is allowed
    phase: str = "score"  # then "search", then "ended"
    draw: int = 0  # number of the next scoring or population, for its randomness
    scored: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))  # (t,) tokens judged
    scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # (t,)
    kept: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))  # (a,) the alphabet of the search
    epoch: int = 0  # populations asked, or rounds of growth
    codes: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 0), np.int32))  # (n, k)
    objective: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # (n,)
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,)
    asked: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 0), np.int32))  # (n, k) in flight
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))  # (n, k) of the swarm


@dataclass(frozen=True)
class ClaPS(Algorithm):
    """Cluster the tokens, prune them, search with what is left.

    >>> ClaPS(search="greedy").prompt_length
    5
    """

    prompt_length: int = 5
    """Tokens of a prompt, K."""
    clusters: int = 2000
    """Clusters of the embeddings, of which each leaves one token; 0, or as many as there are tokens: all stay."""
    score: Literal["gain", "kl"] = "gain"
    """What a token is judged by: the objective over the empty prompt's, or how far the class probabilities go from
    the empty prompt's."""
    percentile: float = 90.0
    """Tokens with scores strictly above it are kept."""
    scoring_share: float = 0.5
    """Of the budget, the most that judging single tokens may take; where it is too little, a random part is judged."""
    search: Literal["ga", "greedy", "pso"] = "ga"
    """Over prompts of the kept tokens: a genetic algorithm, growth by the best token, or a particle swarm."""
    population_size: int = 128
    """ga and pso: random prompts of the beginning, and children or moves of each epoch."""
    epochs: int = 30
    """ga and pso: populations evaluated, the first included."""
    parents_share: float = 0.1
    """ga: of the population, the best that are parents and stay; at least 2."""
    replace_probability: float = 0.1
    """ga: of each token of a mutant; pso: of one token of a particle."""

    State = ClaPSState
    uses_budget = True  # how many tokens are judged depends on it

    def __post_init__(self) -> None:
        positive(self, "prompt_length", "population_size", "epochs")
        probability(self, "parents_share", "replace_probability")
        for setting, known in (("score", _SCORES), ("search", _SEARCHES)):
            value = getattr(self, setting)
            if value not in known:
                raise QDError(f"ClaPS.{setting}: got {value!r}, {nearest(str(value), known)}")
        if not 0 <= self.percentile <= 100:
            raise QDError(f"ClaPS.percentile: got {self.percentile}, wanted 0 to 100")
        if not 0 < self.scoring_share <= 1:
            raise QDError(f"ClaPS.scoring_share: got {self.scoring_share}, wanted above 0, at most 1")
        if self.clusters < 0:
            raise QDError(f"ClaPS.clusters: got {self.clusters}, wanted 0 or more")
        if self.population_size < 2:
            raise QDError(f"ClaPS.population_size: got {self.population_size}, wanted at least 2")

    def init(self, problem: Problem, seed: int) -> ClaPSState:
        space = problem.space()
        if not isinstance(space, Tokens):
            raise QDError(f"ClaPS searches token sequences, not {space!r}; give it a problem whose solution_space is "
                          "Tokens")  # fmt: skip
        if space.min_length > 1:
            raise QDError(f"ClaPS: sequences of the problem have at least {space.min_length} tokens, but single tokens "
                          "are to be judged; give its space min_length 0 or 1")  # fmt: skip
        if self.prompt_length > space.max_length:
            raise QDError(f"ClaPS.prompt_length: got {self.prompt_length}, but sequences of the problem have at most "
                          f"{space.max_length} tokens")  # fmt: skip
        if self.score == "kl" and (space.min_length > 0 or "probabilities" not in problem.columns):
            raise QDError(f"ClaPS.score: 'kl' compares the column 'probabilities' with the empty prompt's, and "
                          f"{problem.name} does not offer both; take 'gain'")  # fmt: skip
        return ClaPSState(seed, self._survivors(problem, space, seed), space.min_length == 0)

    def _survivors(self, problem: Problem, space: Tokens, seed: int) -> NDArray[np.int32]:
        if not 0 < self.clusters < space.alphabet:
            return np.arange(space.alphabet, dtype=np.int32)
        embeddings = getattr(problem, "embeddings", None)
        if embeddings is None:
            raise QDError(f"ClaPS.clusters: {problem.name} has no method embeddings() -> (alphabet, h) to cluster its "
                          f"{space.alphabet} tokens by; set clusters=0 to judge them all")  # fmt: skip
        table = np.ascontiguousarray(embeddings(), np.float32)
        if table.ndim != 2 or len(table) != space.alphabet or not np.isfinite(table).all():
            raise QDError(f"ClaPS.clusters: the embeddings of {problem.name} have shape {table.shape}, wanted "
                          f"({space.alphabet}, h) finite numbers, a row a token")  # fmt: skip
        return alphabets.nearest_to_centroids(table, self.clusters, generator(seed, "clusters"))

    def ask(self, state: ClaPSState, left: int) -> Request | None:
        if left <= 0 or state.phase == "ended":
            return None
        if state.phase == "score":
            return self._single_tokens(state, left)
        if self.search == "greedy":
            return self._longer(state)
        number = state.draw
        state.draw += 1
        rng = generator(state.seed, "variation", number)
        if len(state.ids) == 0:
            state.asked = rng.integers(0, len(state.kept), (self.population_size, self.prompt_length), np.int32)
            if self.search == "pso":
                state.velocity = swarm.start(self.population_size, self.prompt_length, rng)
            return self._request(state, "sample", None)
        return self._moves(state, rng) if self.search == "pso" else self._children(state, rng)

    def _single_tokens(self, state: ClaPSState, left: int) -> Request:
        """The empty prompt where it is allowed, then the tokens to judge, each alone."""
        affordable = int(self.scoring_share * left) - state.has_empty
        if affordable < min(2, len(state.survivors)):
            raise QDError(f"ClaPS.scoring_share: {self.scoring_share} of {left} evaluations judges "
                          f"{max(affordable, 0)} of {len(state.survivors)} tokens, wanted at least 2; raise the "
                          "budget")  # fmt: skip
        tokens = state.survivors
        if affordable < len(tokens):
            drawn = generator(state.seed, "scored").choice(len(tokens), affordable, replace=False)
            tokens = tokens[np.sort(drawn)]
        state.scored = tokens
        lengths = np.ones(state.has_empty + len(tokens), np.int64)
        lengths[: state.has_empty] = 0
        names = ["empty"] * state.has_empty + ["token"] * len(tokens)
        columns = ("probabilities",) if self.score == "kl" else ()
        return Request(Ragged(tokens, np.append(0, lengths.cumsum())), operators=names, columns=columns)

    def _longer(self, state: ClaPSState) -> Request:
        """Every kept token behind the tokens chosen so far."""
        prefix = np.repeat(state.codes, len(state.kept), axis=0)
        state.asked = np.column_stack([prefix, np.arange(len(state.kept))]).astype(np.int32)
        return self._request(state, "append", np.repeat(state.ids[:, None], len(state.kept), axis=0))

    def _children(self, state: ClaPSState, rng: np.random.Generator) -> Request:
        """Mutants and crossovers, half and half, of the best, which stay."""
        import operators

        count = min(max(2, int(self.parents_share * self.population_size)), len(state.ids))
        chosen = operators.truncation(state.objective, count)
        state.codes, state.objective, state.ids = state.codes[chosen], state.objective[chosen], state.ids[chosen]
        mutants = self.population_size // 2
        first = rng.integers(0, count, self.population_size)
        second = first.copy()
        if count > 1:  # two parents that differ in place
            crossed = len(first) - mutants
            second[mutants:] = (first[mutants:] + rng.integers(1, count, crossed)) % count
        mutated = operators.replace_tokens(state.codes[first[:mutants]], rng, self.replace_probability, len(state.kept))
        mixed = operators.uniform_crossover(state.codes[first[mutants:]], state.codes[second[mutants:]], rng)
        state.asked = np.concatenate([mutated, mixed])
        names = ["mutation"] * mutants + ["crossover"] * (self.population_size - mutants)
        return self._request(state, names, np.column_stack([state.ids[first], state.ids[second]]))

    def _moves(self, state: ClaPSState, rng: np.random.Generator) -> Request:
        """The swarm's next positions; ``codes`` and ``objective`` are the particles' own bests."""
        best, progress = int(state.objective.argmax()), state.epoch / self.epochs
        state.velocity = swarm.faster(state.asked, state.velocity, state.codes, state.codes[best], progress)
        state.asked = swarm.moved(
            state.asked, state.velocity, state.codes, state.codes[best], progress, rng, len(state.kept),
            self.replace_probability,
        )  # fmt: skip
        parents = np.column_stack([state.ids, np.full(len(state.ids), state.ids[best])])
        return self._request(state, "swarm", parents)

    def _request(self, state: ClaPSState, names: str | list[str], parents: NDArray[np.int64] | None) -> Request:
        """The codes in ``asked`` as tokens."""
        n, k = state.asked.shape
        tokens = state.kept[state.asked.reshape(-1)]
        return Request(Ragged(tokens, np.arange(n + 1) * k), parents=parents, operators=names)

    def tell(self, state: ClaPSState, request: Request, evaluation: Evaluation) -> None:
        objective = np.where(evaluation.ok, evaluation.objective, np.nan)
        if state.phase == "score":
            self._prune(state, request, evaluation, objective)
            return
        state.epoch += 1
        told = state.asked[: len(objective)]  # the last request of a run may have been cut
        ok = np.flatnonzero(evaluation.ok)
        if self.search == "greedy":
            if len(ok):
                best = ok[objective[ok].argmax()]
                state.codes, state.objective = told[best][None], objective[best][None]
                state.ids = request.ids[best][None]
            if len(ok) == 0 or state.codes.shape[1] >= self.prompt_length:
                state.phase = "ended"
            return
        if self.search == "pso":
            self._own_bests(state, told, objective, request.ids)
        elif len(state.ids) == 0:
            state.codes, state.objective, state.ids = told[ok], objective[ok], request.ids[ok]
        else:
            state.codes = np.concatenate([state.codes, told[ok]])
            state.objective = np.concatenate([state.objective, objective[ok]])
            state.ids = np.concatenate([state.ids, request.ids[ok]])
        if state.epoch >= self.epochs:
            state.phase = "ended"

    def _own_bests(
        self, state: ClaPSState, told: NDArray[np.int32], objective: NDArray[np.float64], ids: NDArray[np.int64]
    ) -> None:
        reached = np.where(np.isnan(objective), -np.inf, objective)
        if len(state.ids) == 0:
            if np.isfinite(reached).any():  # else the swarm is drawn anew
                state.codes, state.objective, state.ids = told.copy(), reached, ids
            return
        better = np.flatnonzero(reached > state.objective[: len(reached)])
        state.codes[better], state.objective[better], state.ids[better] = told[better], reached[better], ids[better]

    def _prune(
        self, state: ClaPSState, request: Request, evaluation: Evaluation, objective: NDArray[np.float64]
    ) -> None:
        """Scores of the judged tokens, and the alphabet of those above the percentile."""
        first = int(state.has_empty)
        if self.score == "kl":
            probabilities = evaluation.columns["probabilities"]
            scores = alphabets.divergence(probabilities[first:], probabilities[0])
            scores[~evaluation.ok[first:] | ~evaluation.ok[0]] = np.nan
        else:
            empty = objective[0] if first else 0.0
            scores = objective[first:] - (0.0 if np.isnan(empty) else empty)
        state.scored, state.scores = state.scored[: len(scores)], scores
        chosen = alphabets.above(scores, self.percentile)
        state.kept = state.scored[chosen]
        state.phase = "search" if len(chosen) else "ended"
        alone = objective[first:][chosen]
        if self.search == "greedy" and len(chosen):
            if np.isnan(alone).all():
                state.phase = "ended"
                return
            best = int(np.nanargmax(alone))  # the first token of all is judged already
            state.codes, state.objective = np.array([[best]], np.int32), alone[best][None]
            state.ids = request.ids[first:][chosen][best][None]
            state.epoch = 1
            if self.prompt_length == 1:
                state.phase = "ended"

    def report(self, state: ClaPSState) -> Report:
        known = state.objective[np.isfinite(state.objective)]
        metrics = {
            "survivors": float(len(state.survivors)),
            "scored": float(len(state.scores)),
            "kept": float(len(state.kept)),
            "population_best": float(known.max()) if len(known) else float("nan"),
        }
        populations = {"scored": state.scored[: len(state.scores)], "scores": state.scores, "kept": state.kept}
        if len(state.ids):
            populations |= {"solutions": state.kept[state.codes], "objective": state.objective}
        return Report(metrics=metrics, populations=populations)
