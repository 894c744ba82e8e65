"""SNES, XNES, PGPE, CEM and CMA-ES: evotorch's steps to the rounding, and what evotorch leaves out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qd
from qd import codec
from qd.algorithms import CEM, PGPE, SNES, XNES, EvotorchCMAES
from qd.algorithms import _strategy as strategy

torch = pytest.importorskip("torch")
evotorch = pytest.importorskip("evotorch")
import evotorch.algorithms as theirs  # noqa: E402
from evotorch.tools.ranking import rank  # noqa: E402

from qd.interop.surroundings import quiet  # noqa: E402

pytestmark = [
    pytest.mark.peer,
    pytest.mark.filterwarnings("ignore:To copy construct from a tensor"),
    pytest.mark.filterwarnings("ignore:__array_wrap__ must accept"),  # evotorch's own
]

D, N = 6, 20
ALL: dict[str, Any] = {
    "snes": SNES(N, sigma=0.7),
    "xnes": XNES(N, sigma=0.7),
    "pgpe": PGPE(N, sigma=0.7, center_learning_rate=0.3),
    "cem": CEM(N, sigma=0.7),
    "cma": EvotorchCMAES(N, sigma=0.7),
    "cma_separable": EvotorchCMAES(N, sigma=0.7, separable=True),
}
each = pytest.mark.parametrize("name", list(ALL))


def bowl(x: Any) -> Any:
    """(n,) a skewed ellipsoid around 1, to be minimised; arrays and tensors alike."""
    z = x - 1.0
    return (z**2).sum(axis=-1) + 3.0 * (z[..., 0] + z[..., 1]) ** 2 + abs(z[..., 2])


def ellipsoid(**changes: Any) -> qd.Problem:
    return qd.problem(lambda x: -bowl(x), batch=True, **({"low": -5, "high": 5, "length": D} | changes))


def evotorch_problem() -> Any:
    with quiet():
        return evotorch.Problem(
            "min", bowl, solution_length=D, initial_bounds=(-2, 2), vectorized=True, dtype="float64", seed=5
        )


def searcher_of(name: str, start: np.ndarray, problem: Any = None, sigma: float = 0.7) -> Any:
    """evotorch's own searcher with the settings of ALL."""
    with quiet():
        problem = problem or evotorch_problem()
        common = {"stdev_init": sigma, "center_init": start.tolist(), "popsize": N}
        return {
            "snes": lambda: theirs.SNES(problem, **common),
            "xnes": lambda: theirs.XNES(problem, **common),
            "pgpe": lambda: theirs.PGPE(problem, center_learning_rate=0.3, stdev_learning_rate=0.1, **common),
            "pgpe_adam": lambda: theirs.PGPE(
                problem, center_learning_rate=0.3, stdev_learning_rate=0.1, optimizer="adam", symmetric=False,
                ranking_method="linear", **common,
            ),
            "cem": lambda: theirs.CEM(problem, parenthood_ratio=0.5, **common),
            "cma": lambda: theirs.CMAES(problem, **common),
            "cma_separable": lambda: theirs.CMAES(problem, separable=True, **common),
        }[name]()  # fmt: skip


@pytest.mark.parametrize("name", ["snes", "xnes", "pgpe", pytest.param("pgpe_adam", marks=pytest.mark.slow), "cem"])
def test_steps_equal_those_of_evotorch_on_the_same_samples(name: str) -> None:
    start = np.linspace(-1.0, 0.5, D)
    searcher = searcher_of(name, start)
    adam = PGPE(N, 0.7, 0.3, optimizer="adam", symmetric=False, ranking="linear")
    algorithm = ALL.get(name, adam)
    state = algorithm.init(ellipsoid(low=-1e6, high=1e6), 1)
    state.center = start.copy()
    searcher.step()  # the first step only samples
    for _ in range(5):
        samples = searcher.population.values.as_subclass(torch.Tensor).numpy().copy()
        request = strategy.asked(state, samples)
        algorithm.tell(state, request, qd.Evaluation(-bowl(samples)))
        searcher.step()
        assert np.allclose(state.center, searcher.status["center"], rtol=0, atol=1e-12)
        stdev = searcher.status["stdev"].numpy()
        sigma = state.memory["root"] if name == "xnes" else state.sigma
        assert np.allclose(sigma, stdev, rtol=0, atol=1e-12)
    assert np.abs(state.center - start).max() > 0.1  # it moved


@pytest.mark.parametrize("name", ["cma", "cma_separable"])
def test_cma_es_steps_equal_those_of_evotorch_on_the_same_samples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start = np.linspace(-1.0, 0.5, D)
    searcher = searcher_of(name, start)
    algorithm = ALL[name]
    state = algorithm.init(ellipsoid(low=-1e6, high=1e6), 1)
    state.center = start.copy()
    for _ in range(12):
        request = algorithm.ask(state, N)
        z = torch.from_numpy(state.memory["z"])
        y = searcher.A * z if searcher.separable else (searcher.A @ z.T).T
        x = searcher.m + searcher.sigma * y
        assert np.allclose(x.numpy(), state.samples, rtol=0, atol=1e-12)
        monkeypatch.setattr(searcher, "sample_distribution", lambda z=z, y=y, x=x: (z, y, x))
        searcher.step()
        algorithm.tell(state, request, qd.Evaluation(-bowl(state.samples)))
        assert np.allclose(state.center, searcher.m.numpy(), rtol=0, atol=1e-10)
        assert np.isclose(state.memory["step"], float(searcher.sigma), rtol=1e-10)
        assert np.allclose(state.memory["C"], searcher.C.numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        *((name, qd.problems.Sphere(5, raw=True)) for name in ALL),
        *((name, qd.problems.Rastrigin(5, raw=True)) for name in ("snes", "cma")),
    ],
)
def test_as_near_as_evotorch_after_as_many_evaluations(name: str, problem: qd.Problem) -> None:
    """Means of four runs. Rastrigin leaves them at local optima, CEM and PGPE are slow with so few solutions."""
    from qd.interop.evotorch import to_evotorch

    ours, other = [], []
    algorithm = replace(ALL[name], sigma=2.0)
    for seed in range(4):
        result = qd.run(qd.Experiment(problem, algorithm, 60 * N, seed=seed))
        ours.append(-result.summary["best_objective"])
        space: Any = problem.space()
        start = np.asarray(space.sample(1, qd.rng.generator(seed, "start", 0)))[0]
        searcher = searcher_of(name, start, to_evotorch(problem, seed), 2.0)
        searcher.run(60)
        other.append(-searcher.status["best_eval"])
    if isinstance(problem, qd.problems.Sphere) and name not in ("pgpe", "cem"):
        assert max(np.mean(ours), np.mean(other)) < 0.02
    assert np.mean(ours) < 2.5 * np.mean(other) + 0.02


@each
def test_the_corner_of_a_box_is_found_and_nothing_is_asked_outside(name: str) -> None:
    problem = qd.problem(lambda x: x.sum(axis=1) - 3 * x[:, 0], low=0, high=1, length=4, batch=True)
    algorithm = replace(ALL[name], sigma=0.3, **{"pgpe": {"center_learning_rate": 0.05}}.get(name, {}))
    if name == "cem":
        algorithm = replace(algorithm, population_size=80)
    state = algorithm.init(problem, 2)
    for generation in range(80):
        request = algorithm.ask(state, 1)
        request.number, request.first = generation, generation * len(request)
        solutions = np.asarray(request.solutions)
        assert solutions.min() >= 0 and solutions.max() <= 1
        algorithm.tell(state, request, qd.evaluate_batch(problem, request))
    center = algorithm.report(state).populations["center"]
    assert np.abs(center - [0, 1, 1, 1]).max() < 0.2
    assert (state.samples != solutions).any()  # some were mirrored


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.integers(-4, 4), min_size=2, max_size=20),
    failed=st.integers(0, 2**20),
    ranking=st.sampled_from(strategy.RANKINGS),
)
def test_utilities(values: list[int], failed: int, ranking: str) -> None:
    objective = np.array(values, float)
    ok = np.array([not failed >> i & 1 for i in range(len(values))])
    objective[~ok] = np.nan
    weights = strategy.utilities(objective, ok, ranking)
    if weights is None:
        assert len(set(objective[ok])) < 2
        return
    assert np.isfinite(weights).all()
    for i in range(len(values)):
        for j in range(len(values)):
            if ok[i] and ok[j]:
                assert (objective[i] == objective[j]) <= (weights[i] == weights[j])
                assert (objective[i] < objective[j]) <= (weights[i] <= weights[j])
            if not ok[i] and ok[j]:
                assert weights[i] <= weights[j]
    if ok.all() and len(set(values)) == len(values):
        assert np.allclose(weights, rank(torch.tensor(objective), ranking, higher_is_better=True).numpy())


def test_utilities_by_hand() -> None:
    nan, all_ok = math.nan, np.array([True, True, True])
    linear = strategy.utilities(np.array([5.0, 5.0, 9.0]), all_ok, "linear")
    assert linear is not None and linear.tolist() == [0.25, 0.25, 1.0]
    last = strategy.utilities(np.array([nan, 5.0, 9.0]), np.array([False, True, True]), "centered")
    assert last is not None and last.tolist() == [-0.5, 0.0, 0.5]
    raw = strategy.utilities(np.array([nan, 5.0, 9.0]), np.array([False, True, True]), "raw")
    assert raw is not None and raw.tolist() == [5.0, 5.0, 9.0]
    assert strategy.utilities(np.array([nan, nan, nan]), ~all_ok, "nes") is None
    assert strategy.utilities(np.array([3.0, 3.0, 3.0]), all_ok, "normalized") is None


@each
def test_nothing_moves_where_all_rows_failed_or_are_equal(name: str) -> None:
    algorithm = ALL[name]
    state = algorithm.init(ellipsoid(), 3)
    before = state.center.copy(), state.sigma.copy()
    for objective, status in ((np.full(N, np.nan), np.full(N, qd.Status.FAILED)), (np.full(N, 7.0), None)):
        request = algorithm.ask(state, 1)
        algorithm.tell(state, request, qd.Evaluation(objective, status=status))
    assert state.skipped == 2 and state.restarts == 0
    assert np.array_equal(state.center, before[0]) and np.array_equal(state.sigma, before[1])


@each
def test_a_third_of_failures_does_not_keep_it_from_the_optimum(name: str) -> None:
    def often_fails(x: Any, seed: int) -> float:
        return math.nan if seed % 3 == 0 else -float(bowl(x))

    algorithm = replace(ALL[name], population_size=60) if name == "cem" else ALL[name]
    result = qd.run(qd.Experiment(qd.problem(often_fails, low=-3, high=3, length=D), algorithm, 120 * N, seed=1))
    assert result.summary["statuses"]["failed"] > 30 * N
    assert result.summary["best_objective"] > -1.0


@each
def test_restarts_after_stagnation_and_after_collapse(name: str) -> None:
    flat = qd.problem(lambda x: 0 * x[:, 0], low=-1, high=1, length=3, batch=True)
    algorithm = replace(ALL[name], patience=4, population_growth=1.5)
    state = algorithm.init(flat, 1)
    sizes, starts = [], [state.center]
    for _ in range(11):
        request = algorithm.ask(state, 1)
        sizes.append(len(request))
        algorithm.tell(state, request, qd.Evaluation(np.zeros(len(request))))
        starts.append(state.center)
    assert sizes == [20] * 5 + [30] * 5 + [46]  # the first generation is the best of a start; 45 is made even
    assert state.restarts == 2
    assert not np.allclose(starts[0], starts[-1])
    state.sigma = np.full(3, 1e-20)
    request = algorithm.ask(state, 1)
    algorithm.tell(state, request, qd.Evaluation(np.zeros(len(request))))
    assert state.restarts == 3 and state.sigma[0] == 0.7


def test_a_rising_mean_is_no_stagnation() -> None:
    algorithm = SNES(N, sigma=0.5, patience=3)
    state = algorithm.init(ellipsoid(), 1)
    for generation in range(9):
        request = algorithm.ask(state, 1)
        objective = np.linspace(min(generation, 5) - 20.0, 0.0, N)  # the best is always 0, the mean rises for a while
        algorithm.tell(state, request, qd.Evaluation(objective))
        assert state.restarts == (generation == 8)


@each
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_state_survives_the_checkpoint_to_the_bit(name: str, dtype: str) -> None:
    problem = ellipsoid(space=qd.Box(-2, 2, D, dtype=dtype), low=None, high=None, length=0)
    algorithm = ALL[name]

    def advance(state: Any, generations: int, through_bytes: bool) -> Any:
        for _ in range(generations):
            request = algorithm.ask(state, 1)
            if through_bytes:
                state = algorithm.State(**codec.decode(codec.encode(vars(state))))
            assert np.asarray(request.solutions).dtype == dtype
            algorithm.tell(state, request, qd.evaluate_batch(problem, request))
        return state

    straight, broken = advance(algorithm.init(problem, 4), 8, False), advance(algorithm.init(problem, 4), 8, True)
    assert straight.center.dtype == dtype and straight.sigma.dtype == dtype
    assert codec.encode(vars(straight)) == codec.encode(vars(broken))


@pytest.mark.parametrize("algorithm", [SNES(200, 0.5), EvotorchCMAES(200, 0.5)])  # the second has big products
def test_the_threads_of_torch_change_nothing_and_are_left_alone(algorithm: Any) -> None:
    problem = qd.problem(lambda x: -np.abs(x).sum(axis=1), low=-5, high=5, length=200, batch=True)
    before, digests = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            digests.append(qd.run(qd.Experiment(problem, algorithm, 1600)).digest)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert digests[0] == digests[1]


@each
def test_a_budget_that_cuts_the_last_request(name: str) -> None:
    result = qd.run(qd.Experiment(ellipsoid(), ALL[name], 3 * N + 7))
    assert result.summary["evaluations"] == 3 * N + 7
    assert result.summary["metrics"]["skipped_updates"] == 1


def test_pgpe_stands_still_where_both_of_every_pair_are_equal() -> None:
    algorithm = PGPE(N, sigma=0.5)
    state = algorithm.init(ellipsoid(), 1)
    request = algorithm.ask(state, 1)
    away = ((state.samples - state.center) ** 2).sum(axis=1).round(9)  # even around the centre
    before = state.center.copy(), state.sigma.copy()
    algorithm.tell(state, request, qd.Evaluation(-away))
    assert np.array_equal(state.center, before[0]) and state.restarts == 0
    assert (state.sigma != before[1]).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SNES(sigma=0), r"SNES.sigma: got 0"),
        (lambda: XNES(population_size=1), r"XNES.population_size: got 1"),
        (lambda: SNES(ranking="best"), r"SNES.ranking: got 'best'"),  # type: ignore[arg-type]
        (lambda: SNES(sigma_learning_rate=-1.0), r"SNES.sigma_learning_rate: got -1"),
        (lambda: PGPE(population_size=21), r"PGPE.population_size: got 21, wanted an even number"),
        (lambda: PGPE(optimizer="adm"), r"PGPE.optimizer: got 'adm', did you mean 'adam'"),  # type: ignore[arg-type]
        (lambda: PGPE(momentum=1.0), r"PGPE.momentum: got 1"),
        (lambda: PGPE(population_size=0), r"PGPE.population_size: got 0"),
        (lambda: CEM(population_size=10, parenthood_ratio=0.1), r"CEM.parenthood_ratio: got 0.1 of 10"),
        (lambda: CEM(sigma_min=-0.1), r"CEM.sigma_min: got -0.1"),
        (lambda: EvotorchCMAES(patience=-1), r"EvotorchCMAES.patience: got -1"),
        (lambda: EvotorchCMAES(population_growth=0.5), r"EvotorchCMAES.population_growth: got 0.5"),
        (lambda: SNES().init(qd.problem(lambda x: 0.0, space=qd.Mask(5)), 0), r"SNES searches real vectors, not"),
    ],
)
def test_bad_settings_are_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        make()


def test_population_sizes_follow_the_rule() -> None:
    assert SNES().init(ellipsoid(), 0).population_size == 4 + math.floor(3 * math.log(D))
