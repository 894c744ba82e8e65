"""How the two populations of a judged problem are varied: pieces edited, rubrics revised, or both rewritten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import operators
from qd.errors import QDError
from qd.models import LanguageModel
from qd.problems.judged import POLICY, RUBRIC, Judged
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
    def of(cls, problem: Judged, has_writer: bool) -> Variation:
        """Of a problem. Raises QDError for spaces that nothing here varies, and for texts without a writer."""
        spaces = {role: problem.space(role) for role in (POLICY, RUBRIC)}
        for role, kinds in ((POLICY, Tokens | Texts), (RUBRIC, Box | Texts)):
            if not isinstance(spaces[role], kinds):
                raise QDError(f"RubricCoevolution: {role} solutions are {spaces[role]!r}, wanted {kinds}")
            if isinstance(spaces[role], Texts) and not has_writer:
                raise QDError(
                    f"RubricCoevolution.writer: {role} solutions are texts, and nobody is there to rewrite them"
                )
        if isinstance(spaces[RUBRIC], Texts):
            return cls(spaces, {})
        return cls(spaces, vars(RubricEdits.of(problem.rubric_form)))

    def sample(self, role: str, n: int, rng: np.random.Generator) -> Solutions:
        """n solutions drawn at random."""
        return self.spaces[role].sample(n, rng)

    def rubrics(
        self, writer: LanguageModel | None, task: str, parents: Solutions, transcript: str, rng: np.random.Generator
    ) -> tuple[Solutions, list[str]]:
        """A child of each parent, and the names of the edits."""
        return RubricEdits(**self.places).children(np.asarray(parents), rng)

    def policies(
        self, writer: LanguageModel | None, task: str, parents: Solutions, transcript: str, rng: np.random.Generator
    ) -> tuple[Solutions, list[str]]:
        """The same of policies: one edit, or two or three."""
        space = self.spaces[POLICY]
        assert isinstance(space, Tokens) and isinstance(parents, Ragged)
        edits = int(rng.integers(1, 4))
        values, offsets = operators.edit_tokens(
            parents.values, parents.offsets, rng, space.alphabet, space.max_length, space.min_length, edits
        )
        return Ragged(values, offsets), [f"edits_{edits}"] * len(parents)
