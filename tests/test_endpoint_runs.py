"""Runs whose model is at an address: what it answers is what is searched by, and no trouble of it ends a run."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

import qd
from qd.algorithms import RandomSearch
from qd.contracts import Request, Status
from qd.errors import ModelError
from qd.models import Endpoint, Remembered, Scripted, _session
from qd.problems import PrunedPrompt
from qd.prompts import Classification
from tests.serving import chat, listed, refusal, said
from tests.test_classification import MODEL, SPLITS, TEMPLATE

pytestmark = pytest.mark.peer


@pytest.fixture
def waits(monkeypatch):
    monkeypatch.setattr(_session, "wait", lambda halt, seconds: None)


def endpoint(server, **more):
    return Endpoint("small", server.url, key_variable="", vocabulary=tuple(MODEL._words.words), **more)


def scripted(body):
    """What the scripted model would say, for a server that is it."""
    model = Scripted(MODEL.effects, MODEL.evidence, bias=MODEL.bias, vocabulary=MODEL.vocabulary)
    prefix, _, item = said(body).rpartition("Review:")
    ids = model.encode(" bad good")
    bad, good = model.score_choices(model.encode(prefix + "Review:"), [model.encode(item)], ids)[0]
    return listed(_bad=0.9 * bad, _good=0.9 * good, x=0.1)


def run(model, count=12, **more):
    problem = PrunedPrompt(Classification(model, SPLITS, TEMPLATE))
    return qd.run(qd.Experiment(problem, RandomSearch(batch_size=4), count, seed=3), progress=False, **more)


def test_an_endpoint_is_judged_as_the_model_behind_it(server):
    server.play = lambda number, body: scripted(body)
    task = Classification(endpoint(server, concurrency=4), SPLITS, TEMPLATE)
    there = task.judge(task.base(), "search", np.arange(4))
    here = Classification(MODEL, SPLITS, TEMPLATE)
    np.testing.assert_allclose(there.probabilities, here.judge(here.base(), "search", np.arange(4)).probabilities)
    assert len(server.bodies) == 4
    again = task.judge(task.base(), "search", np.array([2, 0]))
    assert len(server.bodies) == 4, "answers are kept"
    np.testing.assert_array_equal(again.probabilities, there.probabilities[[2, 0]])


def test_the_examples_of_a_prompt_are_asked_about_at_once(server):
    both = threading.Barrier(3, timeout=5)
    server.play = lambda number, body: scripted(body) if number == 0 or both.wait() >= 0 else None
    task = Classification(endpoint(server, concurrency=3), SPLITS, TEMPLATE)
    assert task.judge(task.base(), "search", np.arange(4)).scores.tolist() == [1, 1, 1, 0]
    assert server.most_under_way == 3


def test_rows_that_fail_are_failed_rows_and_the_run_goes_on(server, waits):
    def moody(number, body):
        return refusal(500, "overloaded") if "lovely" not in said(body) else scripted(body)

    server.play = moody
    problem = PrunedPrompt(Classification(endpoint(server, retries=1), SPLITS, TEMPLATE))
    masks = np.ones((3, len(problem.genes)), np.uint8)
    masks[1, :20] = 0  # the demonstration, "lovely" among it
    evaluation = problem.evaluate(Request(masks), np.zeros(3, np.uint64))
    assert evaluation.status.tolist() == [Status.OK, Status.FAILED, Status.OK]
    assert "500: overloaded" in evaluation.reasons[1] and np.isnan(evaluation.objective[1])
    result = run(endpoint(server, retries=0))
    assert result.summary["evaluations"] == 12


def test_a_spent_budget_fails_the_rows_that_are_left(server):
    server.play = lambda number, body: scripted(body)
    model = endpoint(server, max_requests=10)
    result = run(model)
    assert len(server.bodies) == 10 == model.spent[0]
    assert result.summary["evaluations"] == 12
    statuses = result.summary["statuses"]
    assert 1 <= statuses["ok"] <= 2 and statuses["ok"] + statuses["failed"] == 12, "four requests a row"


def test_what_is_asked_anew_is_answered_as_before(server, tmp_path):
    draws = itertools.count()

    def never_twice(number, body):
        p = (next(draws) * 0.618) % 1
        return listed(_bad=0.9 * p + 0.01, _good=0.91 - 0.9 * p)

    server.play = never_twice
    first = run(Remembered(endpoint(server), tmp_path))
    asked = len(server.bodies)
    assert asked > 12
    again = run(Remembered(endpoint(server), tmp_path))
    assert again.digest == first.digest and len(server.bodies) == asked
    assert run(endpoint(server)).digest != first.digest, "without it the answers are others"


def test_a_wrong_key_is_the_reason_of_every_row(server, monkeypatch):
    server.play = lambda number, body: refusal(401, "no")
    problem = PrunedPrompt(Classification(endpoint(server), SPLITS, TEMPLATE))
    evaluation = problem.evaluate(Request(np.ones((3, len(problem.genes)), np.uint8)), np.zeros(3, np.uint64))
    assert evaluation.status.tolist() == [Status.FAILED] * 3
    assert all("Endpoint.key_variable" in evaluation.reasons[row] for row in range(3))


def test_replies_of_a_writer_are_kept_too(server, tmp_path):
    server.play = lambda number, body: chat(f"draft {number}")
    seeds = np.arange(3, dtype=np.uint64)
    with pytest.raises(ModelError, match=r"Endpoint.max_requests"):
        Remembered(endpoint(server, max_requests=0), tmp_path).generate(["a"])
    first = Remembered(endpoint(server), tmp_path).generate(["a", "b", "c"], temperature=1.0, seeds=seeds)
    assert Remembered(endpoint(server), tmp_path).generate(["a", "b", "c"], temperature=1.0, seeds=seeds) == first
    assert len(server.bodies) == 3
