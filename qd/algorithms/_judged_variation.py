"""How the two populations of a judged problem are varied: pieces edited, rubrics revised, or both rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import operators
from qd.errors import QDError
from qd.models import LanguageModel
from qd.problems.judged import POLICY, RUBRIC, JudgedProblem
from qd.prompts.meta_judging import EDITS, PleaseRubric, ReviseRubric
from qd.prompts.rewrites import Context, Job, Parent, Rewrite, Trace, rewritten, seeds_of
from qd.ragged import Ragged, Solutions
from qd.rewards.rubric_edits import RubricEdits
from qd.space import Box, Space, Tokens
from qd.texts import Texts


@dataclass
class Variation:
    """The spaces of both roles, and where a rubric's genes are.

    Args:
        spaces: role -> space.
        places: weights, thresholds, rest, low, high of ``RubricEdits``; empty where rubrics are texts.
    """

    spaces: dict[str, Space]
    places: dict[str, NDArray[Any]]

    @classmethod
    def of(cls, problem: JudgedProblem, has_writer: bool) -> Variation:
        """Of a problem. Raises QDError for spaces that nothing here varies, and for texts without a writer."""
        spaces = {role: problem.space(role) for role in (POLICY, RUBRIC)}
        for role, kinds in ((POLICY, Tokens | Texts), (RUBRIC, Box | Texts)):
            if not isinstance(spaces[role], kinds):
                raise QDError(f"RubricCoevolution: {role} solutions are {spaces[role]!r}, wanted {kinds}")
            if isinstance(spaces[role], Texts) and not has_writer:
                raise QDError(f"RubricCoevolution.writer: got none, and {role} solutions are texts to rewrite")
        if isinstance(spaces[RUBRIC], Texts):
            return cls(spaces, {})
        assert problem.rubric_form is not None  # rubrics are no texts
        return cls(spaces, vars(RubricEdits.of(problem.rubric_form)))

    def sample(self, role: str, n: int, rng: np.random.Generator) -> Solutions:
        """n solutions drawn at random."""
        return self.spaces[role].sample(n, rng)

    def rubrics(
        self, writer: LanguageModel | None, task: str, parents: Solutions, transcript: str, rng: np.random.Generator
    ) -> tuple[Solutions, list[str]]:
        """Children of the parents, and the names of the edits: one a parent, or fewer where the writer failed."""
        space = self.spaces[RUBRIC]
        if isinstance(space, Texts):
            edits = [list(EDITS)[int(i)] for i in rng.integers(0, len(EDITS), len(parents))]
            return _written(writer, task, space, parents, [ReviseRubric(edit) for edit in edits], transcript, rng)
        return RubricEdits(**self.places).children(np.asarray(parents), rng)

    def policies(
        self, writer: LanguageModel | None, task: str, parents: Solutions, transcript: str, rng: np.random.Generator
    ) -> tuple[Solutions, list[str]]:
        """The same of policies: one edit, or two or three."""
        space = self.spaces[POLICY]
        if isinstance(space, Texts):
            return _written(writer, task, space, parents, [PleaseRubric()] * len(parents), transcript, rng)
        assert isinstance(space, Tokens) and isinstance(parents, Ragged)
        edits = int(rng.integers(1, 4))
        values, offsets = operators.edit_tokens(
            parents.values, parents.offsets, rng, space.alphabet, space.max_length, space.min_length, edits
        )
        return Ragged(values, offsets), [f"edits_{edits}"] * len(parents)


def _written(
    writer: LanguageModel | None,
    task: str,
    space: Texts,
    parents: Solutions,
    rewrites: Sequence[Rewrite],
    transcript: str,
    rng: np.random.Generator,
) -> tuple[Solutions, list[str]]:
    """What a writer makes of the parents; where it fails the parent stands in, so that a request is never empty."""
    assert writer is not None
    traces = tuple(Trace(episode) for episode in transcript.split("\n\n") if episode)
    context = Context(space.names[0], task, traces=traces)
    named = space.named(parents)
    jobs = [Job(rewrite, (Parent(texts),), context) for rewrite, texts in zip(rewrites, named, strict=True)]
    families = rewritten(writer, jobs, seeds_of(rng, len(jobs)), space)
    children, names = [], []
    for (child, *_), texts in zip(families, named, strict=True):
        children.append(texts if child.texts is None else child.texts)
        names.append("unread" if child.texts is None else child.operator)
    return space.pack(children), names
