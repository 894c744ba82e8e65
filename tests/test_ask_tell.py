"""Foreign optimisers in our loop: the same bits as in their own, resumed exactly, kept away from the global state."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

import qd
from operators.mirror import mirror
from qd import codec
from qd.algorithms import AskTell
from qd.errors import CheckpointError
from qd.interop.ask_tell import Replayed

pytestmark = pytest.mark.peer

cma = pytest.importorskip("cma")
cmaes = pytest.importorskip("cmaes")

D = 4


def pycma(dimension: int, bounds: Any, seed: int) -> Any:
    options = {"seed": seed, "bounds": list(bounds), "verbose": -9, "popsize": 8}
    return cma.CMAEvolutionStrategy(np.full(dimension, 0.5), 0.5, options)


def plain_cmaes(dimension: int, bounds: Any, seed: int) -> Any:
    return cmaes.CMA(np.full(dimension, 0.5), 0.5, bounds=np.stack(bounds, axis=1), seed=seed, population_size=8)


def separable(dimension: int, bounds: Any, seed: int) -> Any:
    return cmaes.SepCMA(np.full(dimension, 0.5), 0.5, seed=seed, population_size=8)


def with_margin(dimension: int, bounds: Any, seed: int) -> Any:
    """CMA-ES with margin: asks pairs of what to evaluate and what to tell."""
    steps = np.array([0.0, 0.0, 1.0, 1.0])
    return cmaes.CMAwM(np.full(dimension, 0.5), 0.5, np.stack(bounds, axis=1), steps, seed=seed, population_size=8)


MAKERS = [pycma, plain_cmaes, separable, with_margin]


def problem(function: Any = lambda x: -((x - 1.0) ** 2).sum(axis=1), **changes: Any) -> qd.Problem:
    return qd.problem(function, batch=True, **({"low": -2, "high": 2, "length": D} | changes))


def advance(search: AskTell, state: Any, task: qd.Problem, generations: int) -> list[np.ndarray]:
    asked = []
    for _ in range(generations):
        request = search.ask(state, 1)
        asked.append(np.array(request.solutions))
        search.tell(state, request, qd.evaluate_batch(task, request))
    return asked


@pytest.mark.parametrize("make", MAKERS)
def test_asks_what_it_asks_in_a_loop_of_its_own(make: Any) -> None:
    search, task = AskTell(make), problem()
    state = search.init(task, 3)
    seed = int(qd.rng.generator(3, "optimizer", 0).integers(1, 2**31))
    np.random.seed(99)  # of no concern to the search
    asked = advance(search, state, task, 10)

    optimizer = make(D, (np.full(D, -2.0), np.full(D, 2.0)), seed)
    for ours in asked:
        if make is pycma:
            batch = optimizer.ask()
            evaluated = np.array(batch)
            optimizer.tell(batch, ((evaluated - 1.0) ** 2).sum(axis=1).tolist())
        else:
            batch = [optimizer.ask() for _ in range(8)]
            evaluated, kept = ([one[i] for one in batch] if make is with_margin else batch for i in (0, 1))
            optimizer.tell([(x, float(((e - 1.0) ** 2).sum())) for x, e in zip(kept, evaluated, strict=True)])
        assert np.array_equal(ours, mirror(evaluated, -2.0, 2.0))


@pytest.mark.parametrize("make", MAKERS)
def test_a_state_from_its_bytes_goes_on_to_the_bit(make: Any) -> None:
    search, task = AskTell(make), problem()
    straight, broken = search.init(task, 1), search.init(task, 1)
    whole = advance(search, straight, task, 12)
    parts = []
    for _ in range(6):
        broken = search.State(**codec.decode(codec.encode(vars(broken))))
        assert broken.replayed.optimizer is None
        parts += advance(search, broken, task, 1)
        request = search.ask(broken, 1)
        broken = search.State(**codec.decode(codec.encode(vars(broken))))  # between ask and tell
        parts.append(np.array(request.solutions))
        search.tell(broken, request, qd.evaluate_batch(task, request))
    assert np.array_equal(np.array(whole), np.array(parts))


@pytest.mark.parametrize("make", [pycma, plain_cmaes])
def test_converges_and_restarts(make: Any) -> None:
    result = qd.run(qd.Experiment(problem(), AskTell(make), 4000, seed=1))
    assert result.summary["best_objective"] > -1e-9
    assert result.summary["metrics"]["restarts"] >= 1
    ended = qd.run(qd.Experiment(problem(), AskTell(make, on_stop="end"), 4000, seed=1))
    assert ended.summary["evaluations"] < 4000 and ended.summary["metrics"]["restarts"] == 0


def test_global_generators_are_as_they_were() -> None:
    np.random.seed(5)
    random.seed(5)
    before = np.random.get_state()[1].copy(), random.getstate()
    qd.run(qd.Experiment(problem(), AskTell(pycma), 80))
    assert np.array_equal(np.random.get_state()[1], before[0]) and random.getstate() == before[1]

    def meddling(x: np.ndarray) -> np.ndarray:
        np.random.seed(1)
        return -((x - 1.0) ** 2).sum(axis=1)

    calm = qd.run(qd.Experiment(problem(), AskTell(pycma), 80))
    assert qd.run(qd.Experiment(problem(meddling), AskTell(pycma), 80)).digest == calm.digest


def test_an_optimiser_that_is_not_deterministic_is_found_out() -> None:
    rng = np.random.default_rng()  # not of the seed

    def careless(dimension: int, bounds: Any, seed: int) -> Any:
        return cmaes.CMA(np.zeros(dimension), 1.0, seed=int(rng.integers(1000)))

    search, task = AskTell(careless), problem()
    state = search.init(task, 1)
    advance(search, state, task, 2)
    state = search.State(**codec.decode(codec.encode(vars(state))))
    with pytest.raises(CheckpointError, match="CMA asks something else in generation 0"):
        search.ask(state, 1)


class Recorder:
    """Writes down what it is told."""

    def __init__(self, width: int = D, far: float = 0.0) -> None:
        self.told: list[Any] = []
        self.width, self.far = width, far

    def ask(self) -> list[np.ndarray]:
        return [np.full(self.width, self.far + 0.1 * i) for i in range(4)]

    def tell(self, solutions: Any, values: Any) -> None:
        self.told.append((np.array(solutions), values))

    def stop(self) -> dict[str, Any]:
        return {}


def recorded(objective: list[float], far: float = 0.0) -> tuple[list[Any], Any, np.ndarray]:
    search = AskTell(lambda dimension, bounds, seed: Recorder(far=far))
    state = search.init(problem(), 0)
    request = search.ask(state, 1)
    status = np.where(np.isnan(objective), qd.Status.FAILED, qd.Status.OK)
    search.tell(state, request, qd.Evaluation(np.array(objective), status=status))
    return state.replayed.optimizer.told, state, np.asarray(request.solutions)


def test_minus_the_objective_is_told_and_failures_as_the_worst() -> None:
    told, state, _ = recorded([1.0, math.nan, -3.0, 2.0])
    assert told[0][1] == [-1.0, 3.0, 3.0, -2.0]
    assert state.mean_objective == 0.0 and state.skipped == 0
    told, state, _ = recorded([math.nan] * 4)
    assert told == [] and state.skipped == 1


def test_asked_outside_evaluated_inside_told_as_asked() -> None:
    told, _, evaluated = recorded([1.0, 2.0, 3.0, 4.0], far=1.85)
    assert np.allclose(evaluated[:, 0], [1.85, 1.95, 1.95, 1.85])
    assert np.allclose(told[0][0][:, 0], [1.85, 1.95, 2.05, 2.15])


def test_a_cut_request_is_not_told() -> None:
    result = qd.run(qd.Experiment(problem(), AskTell(pycma), 20))
    assert result.summary["evaluations"] == 20 and result.summary["metrics"]["skipped_updates"] == 1


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: AskTell(None), r"AskTell.make: got NoneType"),  # type: ignore[arg-type]
        (lambda: AskTell(pycma, on_stop="stop"), r"AskTell.on_stop: got 'stop'"),  # type: ignore[arg-type]
        (lambda: AskTell(lambda *a: object()).init(problem(), 0), r"AskTell.make: gave object, which has no ask\(\)"),
        (lambda: AskTell(pycma).init(problem(space=qd.Mask(3), low=None, high=None, length=0), 0), r"not Mask"),
        (
            lambda: (s := AskTell(lambda *a: Recorder(width=3))).ask(s.init(problem(), 0), 1),
            r"asks solutions of shape \(3,\), the problem's have 4 genes",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(act: Any, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        act()


def test_the_log_is_small() -> None:
    search, task = AskTell(pycma), problem()
    state = search.init(task, 1)
    empty = len(codec.encode(vars(state)))
    advance(search, state, task, 20)
    assert isinstance(state.replayed, Replayed)
    assert len(codec.encode(vars(state))) < empty + 20 * (8 * 8 + 16) + 300
