"""Two populations: policies that write, and the rubrics that judge what they write.

After Meta Policy Optimization (Kim et al. 2025, https://arxiv.org/abs/2504.20157), where one rubric is rewritten beside
one policy; here both are populations, and a rubric has an objective of its own. What an output is truly worth is known
to the recorder and to the closing test alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.ragged import Ragged, Solutions
from qd.rewards.anchors import Anchors
from qd.rewards.reward import Reward
from qd.space import Measures

POLICY, RUBRIC = "policy", "rubric"
ROLES = (POLICY, RUBRIC)


@dataclass(frozen=True)
class RubricWorth:
    """What makes a good rubric, as one number to maximise.

    Args:
        agreement: weight of Kendall's tau with the labelled pairs.
        spread: weight of how far it tells the present policies apart, 0 .. 1.
        exploitability: weight, subtracted, of how much agreement is lost once texts were optimised against it.
        length: weight, subtracted, of how long it is, 0 .. 1.
        consistency: weight of Kendall's tau with the rubrics before it, over the present policies.
    """

    agreement: float = 1.0
    spread: float = 0.5
    exploitability: float = 1.0
    length: float = 0.1
    consistency: float = 0.05

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < np.inf:
                raise QDError(f"RubricWorth.{name}: got {value}, wanted 0 or more")


class JudgedProblem(Problem):
    """The base of problems with the roles ``policy`` and ``rubric``.

    A policy's objective is the mean score that the rubrics in ``context["rubrics"]`` give its output, 0 .. 1. A
    rubric's objective is ``worth``: its parts are columns. ``context["policies"]`` holds the policies that it is to
    tell apart, ``context["previous"]`` the rubrics before it; what a request leaves out are the problem's ``start``.
    Closing requests (``test``) for policies get what is true as their objective.

    Attributes:
        worth: how the parts of a rubric's objective are weighed.
    """

    worth: RubricWorth
    truth_space = Measures(("gold", "stuffing"), (0.0, 0.0), (1.0, 1.0))
    columns = {  # noqa: RUF012 - read only, as in the base
        "agreement": "(n,) of rubrics: Kendall's tau with the labelled pairs",
        "spread": "(n,) of rubrics: how far the policies are told apart",
        "exploitability": "(n,) of rubrics: agreement lost once texts were optimised against them",
        "length": "(n,) of rubrics: how long they are, 0 .. 1",
        "consistency": "(n,) of rubrics: Kendall's tau with the rubrics before, over the policies",
        "stuffing": "(n,) of policies, in closing requests: the share of the text that is for the judge alone",
        "transcript": "(n,) of rubrics: what the policies wrote and were given, where it is told in words",
    }

    @abstractmethod
    def outputs(self, policies: Solutions, purpose: str) -> Any:
        """What n policies write, anything with a length."""

    @abstractmethod
    def scored(self, rubrics: Solutions, outputs: Any, previous: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """(r, n) what r rubrics give n outputs, 0 .. 1; ``previous`` (n,) is what the rubrics before gave."""

    @abstractmethod
    def true_worth(self, outputs: Any, purpose: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) what outputs are truly worth, 0 .. 1, and (n,) how much of each is there for the judge alone."""

    @abstractmethod
    def anchored(self) -> tuple[Anchors, Any, NDArray[np.int64]]:
        """The labelled pairs, outputs, and (a, v) their numbers: of each labelled text and of its v - 1 variants.

        A variant was changed in ways that make no text better, so that its pair's label holds if the text was the
        worse one. What is lost of the agreement when the worse of each pair is replaced by the variant that the rubric
        likes best is the rubric's exploitability.
        """

    @abstractmethod
    def lengths(self, rubrics: Solutions) -> NDArray[np.float64]:
        """(r,) how long rubrics are, 0 .. 1."""

    @property
    def rubric_form(self) -> Reward | None:
        """What a rubric's genes mean; None where rubrics are texts."""
        return None

    @abstractmethod
    def rubrics(self, name: str) -> Solutions:
        """(1, ...) a rubric that has a name, as ``"naive"``."""

    @abstractmethod
    def start(self, role: str) -> Solutions:
        """Solutions of a role that stand in where a request names none."""

    def transcripts(
        self, rubrics: Solutions, outputs: Any, scores: NDArray[np.float64], judged: NDArray[np.float64]
    ) -> NDArray[np.str_]:
        """(r,) what each rubric gave for what, in words; empty where a problem does not tell.

        Args:
            rubrics: r rubrics.
            outputs: n outputs of policies.
            scores: (r, n) theirs.
            judged: (r, t) those of the outputs of ``anchored``.
        """
        return np.full(len(rubrics), "", np.str_)

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        return self._policies(request) if request.role == POLICY else self._rubrics(request)

    def _policies(self, request: Request) -> Evaluation:
        outputs = self.outputs(request.solutions, request.purpose)
        gold, stuffing = self.true_worth(outputs, request.purpose)
        n = len(gold)
        if request.purpose == "test":
            objective = gold
        else:
            rubrics = from_context("rubrics", request.context)
            rubrics = self.start(RUBRIC) if rubrics is None else rubrics
            objective = _mean_of_read(self._verdicts(rubrics, outputs, request.context))
        nothing = np.full(n, np.nan)
        columns: dict[str, NDArray[Any]] = {name: nothing for name in request.columns if name != "transcript"}
        if "stuffing" in request.columns and request.purpose == "test":
            columns["stuffing"] = stuffing
        if "transcript" in request.columns:
            columns["transcript"] = np.full(n, "", np.str_)
        return Evaluation(objective, columns=columns, truth={"measures": np.stack([gold, stuffing], axis=1)})

    def _verdicts(self, rubrics: Solutions, outputs: Any, context: Mapping[str, Any]) -> NDArray[np.float64]:
        """(r, n) scores, with what the rubrics before gave at hand."""
        previous = from_context("previous", context)
        before = None if previous is None else _mean_of_read(self.scored(previous, outputs, None))
        return self.scored(rubrics, outputs, before)

    def _rubrics(self, request: Request) -> Evaluation:
        from scipy.stats import kendalltau

        rubrics, context, n = request.solutions, request.context, len(request)
        policies = from_context("policies", context)
        policies = self.start(POLICY) if policies is None else policies
        written = self.outputs(policies, "search")
        scores = self._verdicts(rubrics, written, context)  # (n, p)
        anchors, texts, variants = self.anchored()
        judged = self._verdicts(rubrics, texts, context)  # (n, t)
        agreement = anchors.agreement(judged[:, variants[:, 0]])
        after = judged[:, variants[:, 0]]
        after[:, anchors.worse] = judged[:, variants[anchors.worse]].max(axis=2)  # what best of v makes of the worse
        spread = np.abs(scores[:, :, None] - scores[:, None]).mean(axis=(1, 2))
        previous = from_context("previous", context)
        consistency = np.zeros(n)
        if previous is not None:
            before = _mean_of_read(self.scored(previous, written, None))
            for row in range(n):
                if scores[row].min() < scores[row].max() and before.min() < before.max():
                    consistency[row] = kendalltau(scores[row], before).statistic
        parts = {
            "agreement": agreement,
            "spread": np.minimum(2 * spread, 1.0),
            "exploitability": np.maximum(agreement - anchors.agreement(after), 0.0),
            "length": self.lengths(rubrics),
            "consistency": consistency,
        }
        worth = self.worth
        objective = worth.agreement * parts["agreement"] + worth.spread * parts["spread"]
        objective = objective + worth.consistency * consistency
        objective = objective - worth.exploitability * parts["exploitability"] - worth.length * parts["length"]
        columns: dict[str, NDArray[Any]] = {name: parts.get(name, np.full(n, np.nan)) for name in request.columns}
        if "transcript" in columns:
            columns["transcript"] = self.transcripts(rubrics, written, scores, judged)
        return Evaluation(objective, columns=columns, truth={"measures": np.full((n, 2), np.nan)})


def _mean_of_read(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) the mean over the judges (r, n) that gave a score, NaN where none did."""
    read = np.isfinite(scores)
    count = read.sum(axis=0)
    return np.where(count > 0, np.where(read, scores, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def to_context(name: str, solutions: Solutions | None) -> dict[str, NDArray[Any]]:
    """The arrays in which a batch of solutions travels in ``Request.context``; none of None or of no rows."""
    if solutions is None or len(solutions) == 0:
        return {}
    if isinstance(solutions, Ragged):
        return {f"{name}.values": solutions.values, f"{name}.offsets": solutions.offsets}
    return {name: np.asarray(solutions)}


def from_context(name: str, context: Mapping[str, Any]) -> Solutions | None:
    """The batch again; None where there is none."""
    if f"{name}.offsets" in context:
        return Ragged(context[f"{name}.values"], context[f"{name}.offsets"])
    return context.get(name)
