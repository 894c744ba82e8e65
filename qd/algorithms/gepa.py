"""GEPA, Agrawal et al. 2025, https://arxiv.org/abs/2507.19457: reflection on examples, and a front over examples.

A parent is drawn among the prompts that lead some example, by how many it leads. It is run on a few examples; a writer
reads what went in, what came out and what was said about it, and rewrites one component. Only if the child does better
than its parent on these few examples is it judged on all of them. Good where evaluations are dear, answers come with
feedback in words, and the writer is a capable model. Two members of the front may be merged by components.

Where we differ: examples for reflection and for the front are the same ones, the search split; several parents may be
worked on at once (``batch_size``); and examples that the parent is known to have right are not run again to see it.
Scores an example (the column ``scores``) are what counts here, not the objective that the problem makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qd.algorithm import Report, positive
from qd.algorithms._example_front import ExampleFront, minibatch
from qd.algorithms._written import NO_WRITING, WrittenSearch, bill_metrics, inputs_of, request_of
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.prompts.reflecting import Merge, Reflect
from qd.prompts.rewrites import Job, Parent, Trace, rewritten
from qd.ragged import Ragged
from qd.rng import generator
from qd.texts import Texts

_SEEN = ("scores", "replies", "feedback")


@dataclass
class GEPAState:
    """The front, what is known of the examples, and what is being worked on: ``looking``, then ``trying``."""

    seed: int
    space: Texts
    components: list[str]  # that are rewritten, in turn
    columns: list[str]  # that the problem offers of those that the writer reads
    inputs: list[str]  # (E,) the examples as text; may be empty
    phase: str = "initial"  # then look, gate, whole
    generation: int = 0
    step: int = 0
    dry: int = 0  # steps in a row in which the writer wrote nothing new
    front: ExampleFront = field(default_factory=ExampleFront)
    looking: list[dict[str, Any]] = field(default_factory=list)  # a parent each: member, component, examples, traces
    trying: list[dict[str, Any]] = field(default_factory=list)  # a child each: solution, ancestors, bar ...
    merge_due: bool = False
    merged: list[list[int]] = field(default_factory=list)  # pairs that were tried
    accepted: int = 0
    rejected: int = 0
    writing: dict[str, int] = field(default_factory=lambda: dict(NO_WRITING))


@dataclass(frozen=True)
class GEPA(WrittenSearch):
    """Look at a few examples, rewrite one component, keep what leads somewhere.

    >>> from qd.models import Scripted
    >>> GEPA(Scripted(), merges=5).minibatch
    3
    """

    minibatch: int = 3
    """Examples that a parent is looked at on, and a child must do better on."""
    batch_size: int = 1
    """Parents that are worked on at once."""
    components: tuple[str, ...] = ()
    """Texts that are rewritten, one a step, in turn; empty: ``component``, or all that the prompt shows."""
    perfect_score: float = 1.0
    """Of an example; where a parent has it on the whole minibatch, there is nothing to reflect on."""
    merges: int = 0
    """How often two members of the front may be merged."""
    merge_examples: int = 5
    """Examples on which a merged one must be as good as the better of the two."""

    State = GEPAState

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "minibatch", "batch_size", "merge_examples")
        object.__setattr__(self, "components", tuple(self.components))
        if self.merges < 0:
            raise QDError(f"GEPA.merges: got {self.merges}, wanted 0 or more")

    def init(self, problem: Problem, seed: int) -> GEPAState:
        space = self._space(problem)
        for name in self.components:
            self._known_component(space, "components", name)
        if "scores" not in problem.columns or "examples" not in problem.fidelities:
            raise QDError(f"GEPA: {problem.name} offers no column 'scores' or no fidelity 'examples', so there is no "
                          "front over examples; take a problem of prompts, such as qd.problems.TextPrompt")  # fmt: skip
        components = self.components or (self.component and (self.component,)) or getattr(problem, "shown", space.names)
        columns = [name for name in _SEEN if name in problem.columns]
        return GEPAState(seed, space, list(components), columns, inputs_of(problem))

    def ask(self, state: GEPAState, left: int) -> Request | None:
        if left <= 0:
            return None
        if state.phase == "initial":
            return Request(state.space.start, operators="initial", columns=("scores",))
        if state.phase == "whole":
            rows = Ragged.from_rows([child["solution"] for child in state.trying], np.uint8)
            ids = np.array([child["id"] for child in state.trying], np.int64)
            return Request(rows, parents=ids[:, None], operators="accepted", columns=("scores",))
        if state.phase == "look":
            request = self._merge(state) or self._look(state)
            if request is not None or state.phase == "look":
                return request
        return self._gate(state)

    # ------------------------------------------------------------ a parent on a few examples

    def _look(self, state: GEPAState) -> Request | None:
        """Parents and examples on which they are not perfect; None where there are none left."""
        front, count = state.front, state.front.scores.shape[1]
        weights, state.looking = front.weights(), []
        for _ in range(max(count, 100)):  # enough to come round all examples, and most parents
            if len(state.looking) == self.batch_size:
                break
            rng = generator(state.seed, "parent", state.step)
            examples = minibatch(state.seed, state.step, self.minibatch, count)
            state.step += 1
            member = int(rng.choice(len(front), p=weights / weights.sum()))
            if (front.scores[member, examples] >= self.perfect_score).all():
                continue
            component = state.components[int(front.turns[member]) % len(state.components)]
            front.turns[member] += 1
            state.looking.append({"member": member, "component": component, "examples": examples, "traces": []})
        if not state.looking:
            return None
        members = np.array([one["member"] for one in state.looking])
        fidelity = {"examples": np.stack([one["examples"] for one in state.looking])}
        return Request(
            front.solutions[members], parents=front.ids[members, None], operators="look", fidelity=fidelity,
            columns=tuple(state.columns),
        )  # fmt: skip

    def _looked(self, state: GEPAState, evaluation: Evaluation) -> None:
        seen = []
        for row, one in enumerate(state.looking[: len(evaluation)]):
            if not evaluation.ok[row]:
                continue
            columns = {name: evaluation.columns[name][row] for name in state.columns}
            one["traces"] = [
                [
                    state.inputs[i] if state.inputs else "",
                    *(str(columns[name][i]) if name in columns else "" for name in _SEEN[1:]),
                    float(columns["scores"][i]),
                ]
                for i in one["examples"].tolist()
            ]
            seen.append(one)
        state.looking = seen
        state.phase = "gate" if seen else "look"

    # ------------------------------------------------------------ its child on the same examples

    def _gate(self, state: GEPAState) -> Request | None:
        written = self._written(state, lambda number: self._jobs(state), [state.front.solutions])
        if written is None:
            state.phase, state.dry = "look", state.dry + 1
            return None if state.dry >= self.patience else self._look(state)
        state.dry, state.trying = 0, []
        for place, child in written[0]:
            assert child.texts is not None
            one = state.looking[place]
            state.trying.append({
                "solution": state.space.pack([child.texts]).values,
                "ancestors": [one["member"], -1],
                "turn": int(state.front.turns[one["member"]]),
                "examples": one["examples"],
                "bar": float(sum(trace[3] for trace in one["traces"])),
                "strictly": True,
                "id": -1,
            })  # fmt: skip
        return self._tried(state, request_of(state.space, [child for _, child in written[0]]))

    def _tried(self, state: GEPAState, request: Request) -> Request:
        request.fidelity = {"examples": np.stack([child["examples"] for child in state.trying])}
        request.columns = ("scores",)
        state.looking, state.phase = [], "gate"
        return request

    def _jobs(self, state: GEPAState) -> list[Job]:
        jobs = []
        for one in state.looking:
            traces = tuple(Trace(*trace) for trace in one["traces"])
            member = one["member"]
            texts = state.space.named(state.front.solutions[[member]])[0]
            context = self._context(state.space, one["component"], traces=traces)
            jobs.append(Job(Reflect(), (Parent(texts, int(state.front.ids[member])),), context))
        return jobs

    def _gated(self, state: GEPAState, request: Request, evaluation: Evaluation) -> None:
        passed = []
        for row, child in enumerate(state.trying[: len(evaluation)]):
            if not evaluation.ok[row]:
                continue
            reached = float(evaluation.columns["scores"][row, child["examples"]].sum())
            if reached > child["bar"] or (reached == child["bar"] and not child["strictly"]):
                passed.append({**child, "id": int(request.ids[row])})
        state.rejected += len(evaluation) - len(passed)
        state.trying, state.phase = passed, "whole" if passed else "look"

    # ------------------------------------------------------------ merging two members

    def _merge(self, state: GEPAState) -> Request | None:
        """Two members of the front that changed different components of one ancestor; None where none are left."""
        if not state.merge_due or len(state.merged) >= self.merges:
            return None
        state.merge_due = False
        front, step = state.front, state.step
        leaders = generator(state.seed, "merge", step).permutation(np.flatnonzero(front.weights()))
        pairs = [(int(a), int(b)) for i, a in enumerate(leaders) for b in leaders[i + 1 :]]
        for a, b in pairs:
            first, second = front.ancestry(a), front.ancestry(b)
            common = first & second
            if not common or a in second or b in first or sorted((a, b)) in state.merged:
                continue
            members = [a, b, max(common)]
            state.merged.append(sorted((a, b)))
            job = Job(Merge(), tuple(self._parents(state, members)), self._context(state.space))
            written = self._merged(state, job)
            if written is None:
                continue
            examples = minibatch(state.seed, step, self.merge_examples, front.scores.shape[1])
            state.trying = [{
                "solution": written.values,
                "ancestors": [a, b],
                "turn": int(max(front.turns[a], front.turns[b])),
                "examples": examples,
                "bar": float(front.scores[[a, b]][:, examples].sum(axis=1).max()),
                "strictly": False,
                "id": -1,
            }]  # fmt: skip
            return self._tried(state, Request(written, parents=front.ids[[a, b]][None], operators="merge"))
        return None

    def _merged(self, state: GEPAState, job: Job) -> Ragged | None:
        """The merged solution; None where it is none, or there already."""
        (child,) = rewritten(self.writer, [job], np.zeros(1, np.uint64), state.space)[0]
        if child.texts is None:
            return None
        packed = state.space.pack([child.texts])
        known = {row.tobytes() for row in state.front.solutions}
        return None if packed.values.tobytes() in known else packed

    def _parents(self, state: GEPAState, members: list[int]) -> list[Parent]:
        front = state.front
        texts = state.space.named(front.solutions[members])
        return [Parent(text, int(front.ids[i]), float(front.means[i])) for text, i in zip(texts, members, strict=True)]

    # ------------------------------------------------------------ all examples

    def tell(self, state: GEPAState, request: Request, evaluation: Evaluation) -> None:
        if state.phase == "look":
            self._looked(state, evaluation)
        elif state.phase == "gate":
            self._gated(state, request, evaluation)
        else:
            self._whole(state, request, evaluation)

    def _whole(self, state: GEPAState, request: Request, evaluation: Evaluation) -> None:
        assert isinstance(request.solutions, Ragged)
        ok = np.flatnonzero(evaluation.ok)
        n = len(evaluation)
        ancestors, turns = np.full((n, 2), -1, np.int64), np.zeros(n, np.int64)
        for row, child in enumerate(state.trying[:n]):
            ancestors[row], turns[row] = child["ancestors"], child["turn"]
        scores = np.asarray(evaluation.columns["scores"], np.float64)[ok]
        state.front.add(request.solutions[ok], scores, request.ids[ok], ancestors[ok], turns[ok])
        if state.trying:
            state.accepted += len(ok)
            state.merge_due |= len(ok) > 0
        state.trying, state.phase = [], "look" if len(state.front) else "initial"

    def report(self, state: GEPAState) -> Report:
        front = state.front
        leads = front.weights()
        metrics = {
            "members": float(len(front)),
            "front_size": float((leads > 0).sum()),
            "best_mean_score": float(front.means.max()) if len(front) else float("nan"),
            "front_score": float(front.scores.max(axis=0).mean()) if len(front) else float("nan"),
            "accepted": float(state.accepted),
            "rejected": float(state.rejected),
            **bill_metrics(state.writing),
        }
        kept = {"solutions": front.solutions, "scores": front.scores, "leads": leads, "objective": front.means}
        return Report(metrics=metrics, populations=kept)
