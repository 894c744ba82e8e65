"""A run's budget: a hard cap in evaluations or in a cost unit, with what the closing stage keeps back."""

from __future__ import annotations

import numpy as np

from qd.contracts import Evaluation, Request
from qd.errors import QDError
from qd.experiment import Experiment


class Budget:
    """Counts what was asked, at its bound until it is told.

    Attributes:
        unit: ``"evaluations"``, or a cost unit of the problem.
        amount: how much of it there is.
        asked: how much of it requests told and in flight take.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.problem = experiment.problem
        self.unit, self.amount = experiment.budget_unit, experiment.budget_amount
        self.reserve = experiment.algorithm.reserve(experiment.problem)
        self.asked = 0.0
        self.search_over = False  # a request of the search did not fit at all
        self.kept = float(self.reserve)  # in the budget's unit
        if self.unit != "evaluations":
            self.kept = experiment.algorithm.reserved_cost(self.problem, self.unit)
        if self.kept >= self.amount:
            raise QDError(
                f"Experiment.budget: {experiment.algorithm.name} keeps back {self.reserve} evaluations for its closing "
                f"stage, {self.kept:g} {self.unit}, and the budget is {self.amount:g} {self.unit}; raise it"
            )

    @property
    def left(self) -> int:
        """Evaluations that are left for the search; 0 once its stage is over."""
        if self.search_over:
            return 0
        rest = self.amount - self.asked - self.kept
        if self.unit != "evaluations":
            rest //= self.problem.costs[self.unit]
        return max(0, int(rest))

    def take(self, request: Request, closing: bool) -> int:
        """How many leading rows of a request are paid for; they are counted as asked."""
        keep = 0.0 if closing else self.kept
        if self.unit == "evaluations":
            affordable = int(self.amount - keep - self.asked) // request.repeats
            rows = max(0, min(len(request), affordable))
            self.asked += rows * request.repeats
            return rows
        bounds = self.problem.cost_bounds(request)[self.unit].cumsum()
        rows = int(bounds.searchsorted(self.amount - keep - self.asked, "right"))
        self.asked += float(bounds[rows - 1]) if rows else 0.0
        return rows

    def settle(self, request: Request, evaluation: Evaluation) -> None:
        """What a told request did not use of its bound can be asked for again."""
        if self.unit != "evaluations":
            bounds = self.problem.cost_bounds(request)[self.unit]
            spent = np.nan_to_num(np.asarray(evaluation.cost.get(self.unit, bounds), np.float64))
            spent = np.where(~evaluation.ok & (spent <= 0.0), bounds, spent)  # else a run of failures would never end
            self.asked += float((spent - bounds).sum())
