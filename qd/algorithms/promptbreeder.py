"""Promptbreeder, Fernando et al. 2023, https://arxiv.org/abs/2309.16797: prompts, and the prompts that change them.

A solution holds a task prompt and the mutation prompt by which a writer rewrites it, and both evolve. Pairs of
solutions meet in tournaments; a mutant of the winner takes the loser's place, whether it is better or not. The kind of
mutation is drawn evenly among five families: direct, estimation of distribution, hyper-mutation, Lamarckian, and
crossover or shuffled examples; families that nothing is known for yet are left out.

Where we differ: all tournaments of a generation are held at once; what is too similar is found by n-grams of words in
common, not by embeddings; and one list of past best prompts serves all lineages. Whose writer fails keeps its place.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Report, positive, probability
from qd.algorithms._written import NO_WRITING, WrittenSearch, inputs_of, parents_of, population_report, request_of
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.prompts import breeding
from qd.prompts.rewrites import Context, Job, Parent, Rewrite, Trace
from qd.ragged import Ragged, concatenate
from qd.rng import generator
from qd.texts import Texts

_HISTORY = 10  # past best prompts that are shown
_WORKINGS = 5  # correct workings that a member keeps


@dataclass
class PromptbreederState:
    """The population. ``ids`` are evaluation numbers."""

    seed: int
    space: Texts
    columns: list[str]
    inputs: list[str]  # (E,) the examples as text; may be empty
    examples: int  # of the search split that the problem has; 0: it knows none
    generation: int = 0
    solutions: Ragged | None = None  # (n,)
    objective: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # (n,)
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,)
    workings: list[list[list[str]]] = field(default_factory=list)  # of each member: (input, reply) that were right
    history: list[str] = field(default_factory=list)  # task prompts that were the best, oldest first
    targets: list[int] = field(default_factory=list)  # (rows,) in flight: whose place each row takes
    writing: dict[str, int] = field(default_factory=lambda: dict(NO_WRITING))


@dataclass(frozen=True)
class Promptbreeder(WrittenSearch):
    """Tournaments of prompts that carry their own mutation prompts.

    >>> from qd.models import Scripted
    >>> Promptbreeder(Scripted(), mutation="mutation").population_size
    50
    """

    population_size: int = 50
    """Solutions."""
    mutation: str = ""
    """The component that says how to rewrite the task prompt; empty: drawn anew each time, and not evolved."""
    demonstrations: str = ""
    """The component with worked examples, made of correct workings; empty: none."""
    examples: int = 0
    """Examples that a generation is judged on, drawn anew; 0: all."""
    similarity: float = 0.95
    """How alike prompts may be that the writer is shown together."""
    perfect_score: float = 1.0
    """Of an example, from which on its reply is a correct working."""

    State = PromptbreederState

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "population_size")
        probability(self, "similarity")
        if self.population_size < 2:
            raise QDError("Promptbreeder.population_size: got 1, wanted at least 2: a tournament needs two")
        if self.examples < 0:
            raise QDError(f"Promptbreeder.examples: got {self.examples}, wanted 0 (all) or more")

    def init(self, problem: Problem, seed: int) -> PromptbreederState:
        space = self._space(problem)
        for name in ("mutation", "demonstrations"):
            self._known_component(space, name, getattr(self, name))
        roles = [self.component or space.names[0], *filter(None, (self.mutation, self.demonstrations))]
        if len(set(roles)) < len(roles):
            raise QDError(f"Promptbreeder: one component has two roles, {', '.join(roles)}; give Texts one for each")
        inputs = inputs_of(problem)
        if self.examples and ("examples" not in problem.fidelities or self.examples > len(inputs)):
            raise QDError(f"Promptbreeder.examples: got {self.examples}, but {problem.name} has {len(inputs)} to "
                          "choose from; 0: all")  # fmt: skip
        columns = [name for name in ("scores", "replies") if name in problem.columns]
        return PromptbreederState(seed, space, columns if len(columns) == 2 else [], inputs, len(inputs))

    def ask(self, state: PromptbreederState, left: int) -> Request | None:
        if left <= 0:
            return None
        if state.solutions is None or len(state.ids) == 0:
            return self._first(state)
        written = self._written(state, lambda number: self._jobs(state, number), [state.solutions])
        if written is None:
            return None
        born, number = written
        pairs = self._pairs(state, number)
        state.targets = [int(pairs[place, 1]) for place, _ in born]
        return self._on_examples(state, request_of(state.space, [child for _, child in born]), number)

    def _first(self, state: PromptbreederState) -> Request:
        """The initial texts, and prompts written from the task's description for the rest."""
        start = state.space.start[: self.population_size]
        parents = [Parent(texts) for texts in state.space.named(start)]

        def jobs(number: int) -> list[Job]:
            rng = generator(state.seed, "variation", number)
            return [
                Job(breeding.ZeroOrder(), (self._with_mutation(parents[i % len(parents)], rng),), self._roles(state))
                for i in range(self.population_size - len(parents))
            ]

        names = ["initial"] * len(start)
        rows = start
        if len(start) < self.population_size:
            written = self._written(state, jobs, [start])
            for _, child in written[0] if written else ():
                assert child.texts is not None
                rows = concatenate([rows, state.space.pack([child.texts])])  # type: ignore[assignment]
                names.append(child.operator)
        else:
            state.generation += 1
        return self._on_examples(state, Request(rows, operators=names), state.generation - 1)

    def _with_mutation(self, parent: Parent, rng: np.random.Generator) -> Parent:
        """The parent with one of the first mutation prompts."""
        if not self.mutation:
            return parent
        drawn = breeding.MUTATIONS[int(rng.integers(len(breeding.MUTATIONS)))]
        return replace(parent, texts={**parent.texts, self.mutation: drawn})

    def _roles(self, state: PromptbreederState) -> Context:
        return self._context(state.space, mutation=self.mutation, demonstrations=self.demonstrations)

    def _on_examples(self, state: PromptbreederState, request: Request, number: int) -> Request:
        request.columns = tuple(state.columns)
        if self.examples:
            drawn = generator(state.seed, "examples", number).permutation(state.examples)[: self.examples]
            request.fidelity = {"examples": np.tile(np.sort(drawn), (len(request), 1))}
        return request

    # ------------------------------------------------------------ tournaments

    def _pairs(self, state: PromptbreederState, number: int) -> NDArray[np.int64]:
        """(t, 2) winner and loser of each tournament; of equal ones the older wins."""
        n = len(state.ids)
        if n == 1:
            return np.zeros((1, 2), np.int64)
        pairs = generator(state.seed, "tournament", number).permutation(n)[: n // 2 * 2].reshape(-1, 2)
        pairs = np.sort(pairs, axis=1)
        swapped = state.objective[pairs[:, 1]] > state.objective[pairs[:, 0]]
        pairs[swapped] = pairs[swapped][:, ::-1]
        return pairs

    def _jobs(self, state: PromptbreederState, number: int) -> list[Job]:
        assert state.solutions is not None
        members = parents_of(state.space, state.solutions, state.ids, state.objective)
        rng = generator(state.seed, "variation", number)
        return [self._job(state, members, int(winner), rng) for winner in self._pairs(state, number)[:, 0]]

    def _job(self, state: PromptbreederState, members: list[Parent], winner: int, rng: np.random.Generator) -> Job:
        from operators import parents

        rewrite = self._drawn(state, winner, rng)
        context = self._roles(state)
        chosen: tuple[Parent, ...] = (members[winner],)
        component = context.component
        if isinstance(rewrite, breeding.FromPopulation):
            order = np.argsort(state.objective, kind="stable") if rewrite.ranked else rng.permutation(len(members))
            context = replace(context, others=tuple(str(members[i].texts[component]) for i in order))
        elif isinstance(rewrite, breeding.FromLineage):
            context = replace(context, others=tuple(state.history))
        elif isinstance(rewrite, breeding.Swap):
            weights = parents.objective_weights(state.objective)
            weights[winner] = 0.0
            chosen = (members[winner], members[int(parents.proportional(weights, rng, 1)[0])])
        else:
            traces = tuple(Trace(inputs, reply) for inputs, reply in state.workings[winner])
            context = replace(context, traces=traces)
        return Job(rewrite, chosen, context)

    def _drawn(self, state: PromptbreederState, winner: int, rng: np.random.Generator) -> Rewrite:
        """One operator: a family evenly, then one of it."""
        population = [breeding.FromPopulation(ranked, self.similarity) for ranked in (False, True)]
        families: list[list[Rewrite]] = [[breeding.ZeroOrder(), breeding.FirstOrder()], [*population]]
        if len(state.history) > 1:
            families[1].append(breeding.FromLineage())
        if self.mutation:
            families.append([breeding.HyperMutation(fresh=True), breeding.HyperMutation()])
        if state.workings[winner]:
            families.append([breeding.Lamarck()])
        others: list[Rewrite] = [breeding.Swap()] if len(state.ids) > 1 else []
        if self.demonstrations and state.workings[winner]:
            others.append(breeding.Shuffle())
        if others:
            families.append(others)
        family = families[int(rng.integers(len(families)))]
        return family[int(rng.integers(len(family)))]

    # ------------------------------------------------------------ survival

    def tell(self, state: PromptbreederState, request: Request, evaluation: Evaluation) -> None:
        assert isinstance(request.solutions, Ragged)
        ok = np.flatnonzero(evaluation.ok)
        workings = [self._workings(state, request, evaluation, int(row)) for row in ok]
        if state.solutions is None or len(state.ids) == 0:
            state.solutions, state.objective = request.solutions[ok], evaluation.objective[ok]
            state.ids, state.workings = request.ids[ok], workings
        else:
            rows = list(state.solutions)
            for row, known in zip(ok, workings, strict=True):
                place = state.targets[int(row)]
                rows[place], state.workings[place] = request.solutions.row(int(row)), known
                state.objective[place], state.ids[place] = evaluation.objective[row], request.ids[row]
            state.solutions = Ragged.from_rows(rows, np.uint8)
        if len(state.ids):
            best = int(np.argmax(state.objective))
            text = state.space.named(state.solutions[[best]])[0][self.component or state.space.names[0]]
            if text not in state.history:
                state.history = [*state.history, text][-_HISTORY:]

    def _workings(
        self, state: PromptbreederState, request: Request, evaluation: Evaluation, row: int
    ) -> list[list[str]]:
        """Some inputs and replies that were right."""
        if not state.columns:
            return []
        scores, replies = evaluation.columns["scores"][row], evaluation.columns["replies"][row]
        right = [i for i in np.flatnonzero(scores >= self.perfect_score) if replies[i]]  # NaN is not right
        order = generator(state.seed, "workings", int(request.ids[row])).permutation(len(right))[:_WORKINGS]
        return [[state.inputs[right[i]] if state.inputs else "", str(replies[right[i]])] for i in order]

    def report(self, state: PromptbreederState) -> Report:
        return population_report(state)
