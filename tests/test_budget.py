"""A budget in a cost unit where rows cost less than their bound: generations are whole, the cap is hard."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import qd
from qd.budget import Budget
from qd.evaluate import connect
from qd.in_flight import InFlight


@dataclass(frozen=True)
class Cheap(qd.Problem):
    """Rows that may cost 100 steps, and cost 3 to 12 by what they are; one can be made to stop the run."""

    stop_file: str = ""
    solution_space = qd.Box(-1.0, 1.0, 3)
    costs = {"steps": 100.0}
    batching = "rows"

    def evaluate(self, request, seeds):
        x = np.asarray(request.solutions)
        if self.stop_file and request.ids[-1] >= 70 and not Path(self.stop_file).exists():
            Path(self.stop_file).touch()
            os.kill(os.getpid(), signal.SIGTERM)
        cost = 3.0 + (np.abs(x).sum(axis=1) * 3.0).round()
        return qd.Evaluation(-np.abs(x).sum(axis=1), np.zeros((len(x), 0)), cost={"steps": cost})


def sizes(budget, **more):
    """Rows of every generation that a search was told, and the summary."""
    told = []

    class Watched(qd.algorithms.GeneticAlgorithm):
        def tell(self, state, request, evaluation):
            told.append(len(request))
            super().tell(state, request, evaluation)

    result = qd.run(qd.Experiment(Cheap(), Watched(population_size=20), {"steps": budget}, **more))
    return told, result.summary


def test_generations_are_whole_although_their_worst_case_is_not_paid_for():
    told, summary = sizes(900)
    assert set(told[1:-1]) == {19}  # and the elite
    assert summary["cost"]["steps"] <= 900
    assert summary["cost"]["steps"] > 900 - 100  # until no row's worst case is left
    assert sum(told) == summary["evaluations"] > 80


def test_a_worst_case_that_is_paid_for_is_asked_at_once():
    told, summary = sizes(2000 + 50)
    assert told[0] == 20
    assert summary["cost"]["steps"] <= 2050


def test_a_request_is_settled_once_it_cannot_be_interrupted_any_more():
    """A stop between the evaluation and its tell makes the request again: what it saves is given back once."""
    experiment = qd.Experiment(Cheap(), qd.algorithms.RandomSearch(batch_size=4), {"steps": 1000})
    budget, request = Budget(experiment), qd.Request(np.zeros((4, 3)))
    flight = InFlight(connect(experiment.problem, experiment.evaluator), budget, lambda r: np.zeros(len(r), np.uint64))
    flight.start(request, budget.take(request, closing=False), 0.0, closing=False, alone=True)
    evaluation, _ = flight.finish()
    assert budget.asked == flight.asked() == 400.0
    flight.finished(evaluation)
    assert budget.asked == 12.0


def test_rows_that_fail_and_say_no_cost_are_paid_at_their_worst_case():
    class Broken(Cheap):
        def evaluate(self, request, seeds):
            n = len(request)
            return qd.Evaluation(np.full(n, np.nan), np.zeros((n, 0)), np.full(n, qd.Status.FAILED, np.int8),
                                 cost={"steps": np.zeros(n)})  # fmt: skip

    result = qd.run(qd.Experiment(Broken(), qd.algorithms.RandomSearch(batch_size=4), {"steps": 1000}))
    assert result.summary["evaluations"] == 10


@pytest.mark.parametrize("batch", [200])
def test_a_run_stopped_between_the_parts_goes_on_to_the_same_end(tmp_path, batch):
    def experiment(stop):
        problem = Cheap(str(tmp_path / "stopped") if stop else "")
        search = qd.algorithms.GeneticAlgorithm(population_size=batch)
        return qd.Experiment(problem, search, {"steps": 4000}, seed=3, checkpoint_seconds=0.0)

    whole = qd.run(experiment(False), tmp_path / "whole")
    cut = qd.run(experiment(True), tmp_path / "cut")
    assert not cut.summary["finished"]
    assert cut.summary["evaluations"] == 0  # the first generation of 200 was in its parts
    gone_on = qd.resume(tmp_path / "cut", experiment=experiment(True))
    assert gone_on.summary["evaluations"] == whole.summary["evaluations"] > 200
    assert gone_on.digest == whole.digest
