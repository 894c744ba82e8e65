"""A language model designs rewards: it writes programs, a critic stands between, and what was learned is its reading.

As in Eureka (Ma et al. 2023, https://arxiv.org/abs/2310.12931) a writer is shown rewards that were tried, and writes
the next ones; as in Auto MC-Reward (Li et al. 2024, https://arxiv.org/abs/2312.09238) a critic refuses what cannot work
and a reading of the episodes says what went wrong. The writer may be a small model that follows no instructions: then
it goes on with a list of formulas in ascending order (language model crossover, Meyerson et al. 2023). Good where a
model knows the task from its words; where it does not, ``GeneticProgramming`` costs no model.

Where we differ: what is written is a formula over declared variables that is parsed, never run; a population of the
best is kept, not one; and what a person says while the search goes on is a source of children too, stored and replayed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Report, positive
from qd.algorithms import _heard, _program_gate
from qd.algorithms._written import NO_WRITING, Writing, bill_metrics, padded
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError, StoppedError
from qd.learners.task_critic import TaskCritic
from qd.prompts.rewrites import replied, seeds_of
from qd.ragged import Ragged
from qd.rewards import written_rewards
from qd.rewards.advice import SEEN, advised, told
from qd.rewards.critic import duplicates
from qd.rewards.edits import random_sum
from qd.rewards.program import Program
from qd.rewards.written_rewards import Shown
from qd.rng import generator

Row = NDArray[np.float64]
_HEARD_SHOWN = 5  # sayings, the latest
_REFUSED_SHOWN = 3  # the latest
_SAME = 1 - 1e-6  # rank correlation: a bonus for a rare step, on a reward that varies everywhere, is 2e-4 below 1


@dataclass
class RewardDesignerState:
    """The best programs, what their policies did, and what was refused, written and heard."""

    seed: int
    space: Program
    generation: int = 0
    solutions: Ragged = field(default_factory=lambda: Ragged.from_rows([], np.float64))  # best first
    objective: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # (n,)
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,) evaluation numbers
    known: dict[str, float] = field(default_factory=dict)  # canonical program -> its objective
    stages: list[str] | None = None  # of the task, where the problem tells what policies did
    happenings: list[str] = field(default_factory=list)
    read: dict[str, list[str]] = field(default_factory=dict)  # evaluation number -> what they did, then advice
    refused: dict[str, int] = field(default_factory=dict)  # check -> programs
    reasons: list[str] = field(default_factory=list)  # the latest
    repeats: int = 0  # programs that were known already, or pay alike
    probes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))  # (k, p) of programs that passed
    probed: list[str] = field(default_factory=list)  # their formulas
    repaired: int = 0  # children that passed after a refusal
    dropped: int = 0  # children that never passed
    heard: list[list[Any]] = field(default_factory=list)  # generation, what was said
    writing: dict[str, int] = field(default_factory=lambda: dict(NO_WRITING))


@dataclass
class _Draft:
    """A child on its way to an evaluation."""

    operator: str
    parents: list[int]
    asked: str
    row: Row | None = None
    answer: str = ""
    reason: str = ""


@dataclass(frozen=True)
class RewardDesigner(Writing):
    """Programs written by a model.

    >>> from qd.models import Scripted
    >>> RewardDesigner(Scripted(), repairs=1).shown
    4
    """

    critic: TaskCritic | None = None
    """Sees every program before it is evaluated; None: all that can be read are evaluated."""
    population_size: int = 16
    """The best programs so far that children are made of."""
    batch_size: int = 8
    """Children a generation."""
    first: int = 8
    """Random sums of one to three weighted variables to begin with; 0: the writer begins with their names alone."""
    start: tuple[str, ...] = ()
    """Formulas to begin with as well, if you have some."""
    shown: int = 4
    """Programs that the writer is shown for a child."""
    repairs: int = 2
    """How often a child that was refused may be written again, with the reason."""
    instructions: bool = True
    """The writer follows instructions; False: it goes on with a text, as small models do."""
    feedback: str = ""
    """A text file in which a person may say something while the search goes on, a line each; empty: none. Beside it a
    journal is kept, ``FILE.SEED.jsonl``; given in the file's place it is replayed, generation by generation."""

    State = RewardDesignerState

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "population_size", "batch_size", "shown")
        object.__setattr__(self, "start", tuple(self.start))
        for name in ("first", "repairs"):
            if getattr(self, name) < 0:
                raise QDError(f"RewardDesigner.{name}: got {getattr(self, name)}, wanted 0 or more")

    def init(self, problem: Problem, seed: int) -> RewardDesignerState:
        state = RewardDesignerState(seed, _program_gate.programs_of(self.name, self.critic, problem))
        for text in self.start:
            state.space.parse(text)
        state.stages, state.happenings = _program_gate.told_of(problem)
        return state

    def ask(self, state: RewardDesignerState, left: int) -> Request | None:
        if left <= 0:
            return None
        columns = () if state.stages is None else SEEN
        if state.generation == 0:
            first = self._first(state)
            if first is not None:
                first.columns = columns
                return first
        before = {name: getattr(state, name) for name in ("generation", "dropped")}
        before |= {"writing": dict(state.writing), "heard": list(state.heard)}
        error, readable = "", False
        for _ in range(self.patience):
            number, state.generation = state.generation, state.generation + 1
            drafts = self._drafts(state, number)
            self._write(state, drafts, number)
            good = [draft for draft in drafts if draft.row is not None]
            if good:
                parents = padded([draft.parents for draft in good])
                rows = state.space.pack([draft.row for draft in good if draft.row is not None])
                names = [draft.operator for draft in good]
                return Request(rows, parents=parents, operators=names, columns=columns)
            readable = readable or any(draft.answer for draft in drafts)
            error = next((draft.reason for draft in drafts if draft.reason), error)
        if readable:
            return None
        for name, value in before.items():  # a resumed run asks the same again
            setattr(state, name, value)
        raise StoppedError(f"{self.name}.writer: no answer in {self.patience} generations in a row; the last one "
                           f"failed with: {error}. The run can be resumed once the writer answers")  # fmt: skip

    def _first(self, state: RewardDesignerState) -> Request | None:
        """What the user gave, and random sums that the critic lets pass; None where there is neither."""
        rng, rows, names, seen = generator(state.seed, "sample", 0), list[Row](), list[str](), set[str]()
        state.generation = 1
        if self.feedback:
            state.heard += [[0, text] for text in _heard.said(self.feedback, state.seed, 0, [])]
        for text in self.start:
            row = state.space.parse(text)
            rows.append(row)
            names.append("given")
            seen.add(_program_gate.key(state.space, row))
        for place in range(self.first):

            def draw(terms: int = place % 3) -> Row:
                return random_sum(state.space, terms + 1, rng)

            row_or_none = _program_gate.passed(state, self.critic, draw, 100, seen)
            if row_or_none is not None:
                rows.append(row_or_none)
                names.append("grown")
        if not rows:
            return None
        for row in rows:
            self._alike(state, row)
        return Request(state.space.pack(rows), operators=names)

    # ------------------------------------------------------------ what is asked

    def _drafts(self, state: RewardDesignerState, number: int) -> list[_Draft]:
        """The children of a generation before they are written: what was just said is made something of first."""
        rng, new = generator(state.seed, "variation", number), list[str]()
        if self.feedback:
            said = _heard.said(self.feedback, state.seed, number, [text for _, text in state.heard])
            state.heard += [[number, text] for text in said]
            new = [text for when, text in state.heard if when == number or (number == 1 and when == 0)]
        heard = [text for _, text in state.heard][-_HEARD_SHOWN:]
        drafts = [self._draft(state, rng, "feedback", [text], best=True) for text in new[: self.batch_size]]
        while len(drafts) < self.batch_size:
            drafts.append(self._draft(state, rng, "design", heard))
        return drafts

    def _draft(
        self, state: RewardDesignerState, rng: np.random.Generator, operator: str, heard: list[str], best: bool = False
    ) -> _Draft:
        n = len(state.ids)
        members = [0][:n]
        if n and not best:
            chances = 1.0 / (1.0 + np.arange(n))  # by rank, so that shifted or scaled objectives choose alike
            drawn = rng.choice(n, min(self.shown, n), replace=False, p=chances / chances.sum())
            members = sorted(drawn.tolist(), reverse=True)  # the worst first
        shown = [self._shown(state, member) for member in members]
        if self.instructions:
            refused = state.reasons[-_REFUSED_SHOWN:]
            asked = written_rewards.instruction(state.space, self.task, shown, refused, heard)
        else:
            # A small model says again what it is shown; new words come from a sum that nobody has tried.
            fresh = Shown(state.space.formula(random_sum(state.space, 2, rng), 3), float("nan"))
            asked = written_rewards.continuation(state.space, self.task, [fresh, *shown], heard)
        return _Draft(operator, [int(state.ids[member]) for member in members[::-1]], asked)

    def _shown(self, state: RewardDesignerState, member: int) -> Shown:
        seen = state.read.get(str(int(state.ids[member])), [])
        formula = state.space.formula(state.solutions.row(member), 3)
        return Shown(formula, float(state.objective[member]), seen[0] if seen else "", tuple(seen[1:]))

    # ------------------------------------------------------------ what is answered

    def _write(self, state: RewardDesignerState, drafts: list[_Draft], number: int) -> None:
        """The rows of the drafts that pass, after at most so many repairs; the others stay without."""
        seen, open_ = set[str](), drafts
        for turn in range(self.repairs + 1):
            seeds = seeds_of(generator(state.seed, f"writer {turn}", number), len(open_))
            texts = [self._text(draft) for draft in open_]
            stop = () if self.instructions else ("\n",)
            replies = replied(self.writer, texts, seeds, self.max_tokens, self.temperature, stop)
            state.writing["calls"] += len(open_)
            for draft, reply in zip(open_, replies, strict=True):
                state.writing["tokens"] += reply.tokens
                draft.answer, draft.reason = reply.text, reply.error
                if reply.ok:
                    draft.row, draft.reason = self._passed(state, reply.text, seen)
                state.repaired += turn > 0 and draft.row is not None
            open_ = [draft for draft in open_ if draft.row is None]
            if not open_:
                return
        state.dropped += len(open_)
        state.writing["failures"] += len(open_)

    def _text(self, draft: _Draft) -> str:
        if not draft.answer or not self.instructions:  # the first time; a text is gone on with anew, by another seed
            return draft.asked
        return written_rewards.repair(draft.asked, draft.answer, draft.reason)

    def _passed(self, state: RewardDesignerState, answer: str, seen: set[str]) -> tuple[Row | None, str]:
        """The program of an answer, or why there is none that is worth an evaluation."""
        try:
            row = written_rewards.read(state.space, answer)
        except QDError as error:
            _program_gate.refused(state, " ".join(answer.split())[:80], f"syntax: {error}")
            return None, str(error)
        key = _program_gate.key(state.space, row)
        if key in state.known or key in seen:
            state.repeats += 1
            state.writing["repeats"] += 1
            return None, "it is the same as one that was tried before"
        reason = _program_gate.refusal(state, self.critic, row)
        if reason:
            return None, reason
        same = self._alike(state, row)
        if same >= 0:
            return None, f"it pays the same steps more and less as {state.probed[same]}, which was tried"
        seen.add(key)
        return row, ""

    def _alike(self, state: RewardDesignerState, row: Row) -> int:
        """Which of the programs before pays alike; -1: none does, and it is one of them now."""
        if self.critic is None:
            return -1
        probe = self.critic.probe(state.space.pack([row]))
        known = state.probes if len(state.probes) else np.zeros((0, probe.shape[1]))
        same = int(duplicates(known, probe, _SAME)[0])
        if same < 0:
            state.probes = np.concatenate([known, probe])
            state.probed.append(state.space.formula(row, 3))
        else:
            state.repeats += 1
            state.writing["repeats"] += 1
        return same

    # ------------------------------------------------------------ what came of it

    def tell(self, state: RewardDesignerState, request: Request, evaluation: Evaluation) -> None:
        assert isinstance(request.solutions, Ragged)
        for place, row in enumerate(request.solutions):
            ok = bool(evaluation.ok[place])
            state.known[_program_gate.key(state.space, row)] = float(evaluation.objective[place]) if ok else -np.inf
            if ok and state.stages is not None:
                seen = {name: evaluation.columns[name][place] for name in SEEN}
                edits = advised(state.space, row, seen, state.stages, state.happenings)
                lines = [told(seen, state.stages), *(_sentence(edit) for edit in edits)]
                state.read[str(int(request.ids[place]))] = lines
        good = np.flatnonzero(evaluation.ok)
        rows = [*state.solutions, *(request.solutions.row(int(i)) for i in good)]
        objective = np.concatenate([state.objective, evaluation.objective[good]])
        ids = np.concatenate([state.ids, request.ids[good]])
        order = np.argsort(-objective, kind="stable")[: self.population_size]
        state.solutions = state.space.pack([rows[i] for i in order])
        state.objective, state.ids = objective[order], ids[order]
        kept = {str(number) for number in state.ids.tolist()}
        state.read = {number: lines for number, lines in state.read.items() if number in kept}

    def report(self, state: RewardDesignerState) -> Report:
        n = len(state.ids)
        metrics = {
            "population_best": float(state.objective[0]) if n else float("nan"),
            "population_mean": float(state.objective.mean()) if n else float("nan"),
            "refused": float(sum(state.refused.values())),
            "repeats": float(state.repeats),
            "repaired": float(state.repaired),
            "dropped": float(state.dropped),
            "heard": float(len(state.heard)),
            **bill_metrics(state.writing),
        }
        populations = {
            "solutions": state.solutions,
            "objective": state.objective,
            "formulas": np.array([state.space.formula(row) for row in state.solutions] or [""]),
            "refusals": np.array(state.reasons or [""]),
            "heard": np.array([f"{number}: {text}" for number, text in state.heard] or [""]),
        }
        return Report(metrics=metrics, populations=populations)


def _sentence(edit: Any) -> str:
    what = {"drop": "leave out", "rescale": "pay less", "bonus": "a bonus for", "penalty": "a price for"}[edit.kind]
    return f"{what} {edit.target}, since {edit.reason}"
