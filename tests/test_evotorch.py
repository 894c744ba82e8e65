"""evotorch's problems in our loop, and ours under its searchers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import qd
from tests import bank

torch = pytest.importorskip("torch")
evotorch = pytest.importorskip("evotorch")
from evotorch.algorithms import SNES, GeneticAlgorithm  # noqa: E402
from evotorch.operators import GaussianMutation  # noqa: E402

from qd.interop.evotorch import from_evotorch, to_evotorch  # noqa: E402
from qd.interop.surroundings import quiet  # noqa: E402

pytestmark = [pytest.mark.filterwarnings("ignore:To copy construct from a tensor"), pytest.mark.peer]


def rastrigin(x: Any) -> Any:
    """(n,) the example of evotorch's readme."""
    n = x.shape[-1]
    return 10.0 * n + torch.sum(x**2 - 10.0 * torch.cos(2 * math.pi * x), dim=-1)


def problem(function: Any = rastrigin, sense: Any = "min", **changes: Any) -> Any:
    settings = {"solution_length": 6, "bounds": (-5.12, 5.12), "vectorized": True}
    with quiet():
        return evotorch.Problem(sense, function, **(settings | changes))


def described(x: Any) -> Any:
    """A sphere, and the first two genes as evaluation data."""
    return torch.hstack([(x**2).sum(dim=-1, keepdim=True), x[:, :2]])


# ------------------------------------------------- theirs in our loop


def test_a_problem_of_theirs_meets_our_contract_and_keeps_its_sign() -> None:
    for sense, sign in (("min", -1.0), ("max", 1.0)):
        ours = from_evotorch(problem(sense=sense), chunk_size=16)
        assert qd.check_problem(ours) == []
        x = ours.space().sample(16, qd.rng.generator(1, "x"))  # type: ignore[union-attr]
        found = qd.evaluate_batch(ours, qd.Request(x)).objective
        assert np.allclose(found, sign * rastrigin(torch.from_numpy(np.asarray(x))).numpy())
    assert ours.space().dtype == np.float32


def test_our_genetic_algorithm_and_map_elites_on_theirs() -> None:
    search = qd.algorithms.GeneticAlgorithm(population_size=50, parents=10, sigma=0.2)
    sphere = from_evotorch(problem(lambda x: (x**2).sum(dim=-1)))
    assert qd.run(qd.Experiment(sphere, search, 5000, seed=1)).summary["best_objective"] > -0.05
    measured = from_evotorch(problem(described, eval_data_length=2), measures={"x": (-5.12, 5.12), "y": (-5.12, 5.12)})
    result = qd.run(qd.Experiment(measured, qd.algorithms.MapElites(batch_size=100, dims=(10, 10)), 3000, seed=1))
    assert result.summary["coverage"] > 0.8
    elites = next(iter(result.archives.values())).data()
    assert np.allclose(elites["solution"][:, :2], elites["measures"], atol=1e-5)
    assert np.allclose(-(elites["solution"] ** 2).sum(axis=1), elites["objective"], atol=1e-3)


def test_evaluation_data_without_names_are_a_column() -> None:
    ours = from_evotorch(problem(described, eval_data_length=2))
    x = np.full((3, 6), 0.5, np.float32)
    evaluation = qd.evaluate_batch(ours, qd.Request(x, columns=("eval_data",)))
    assert evaluation.columns["eval_data"].tolist() == [[0.5, 0.5]] * 3
    assert evaluation.measures.shape == (3, 0)


def test_several_objectives() -> None:
    both = problem(lambda x: torch.stack([(x**2).sum(dim=-1), x[:, 0]], dim=-1), ["min", "max"])
    ours = from_evotorch(both, objectives=("near", "first"))
    assert ours.objectives == ("near", "first")
    x = np.full((2, 6), 0.5, np.float32)
    assert qd.evaluate_batch(ours, qd.Request(x)).objective.tolist() == [[-1.5, 0.5]] * 2
    assert from_evotorch(both).objectives == ("objective 1", "objective 2")


def noisy(x: Any) -> Any:
    """Noise of three global generators."""
    return -(x**2).sum() + torch.randn(()) + np.random.normal() + np.random.RandomState().normal() * 0


def test_noise_is_a_function_of_the_rows_seed() -> None:
    declared = from_evotorch(problem(noisy, "max", vectorized=False), stochastic=True)
    np.random.seed(3)
    torch.manual_seed(3)
    before = np.random.get_state()[1].copy(), torch.random.get_rng_state()
    assert qd.check_problem(declared) == []
    assert np.array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.random.get_rng_state(), before[1])
    x = np.zeros((50, 6), np.float32)
    assert qd.evaluate_batch(declared, qd.Request(x)).objective.std() > 0.5
    undeclared = from_evotorch(problem(lambda x: torch.randn(len(x))))
    assert any("same seeds differ" in line for line in qd.check_problem(undeclared))


def test_noise_of_the_problems_own_generator() -> None:
    class Own(evotorch.Problem):
        def _evaluate_batch(self, batch: Any) -> None:
            batch.set_evals(batch.values.sum(dim=-1) + self.make_gaussian(len(batch), generator=self))

    with quiet():
        own = Own("max", solution_length=3, bounds=(0, 1), seed=4)
    assert qd.check_problem(from_evotorch(own, stochastic=True)) == []


def test_supervised_neuroevolution() -> None:
    from evotorch.neuroevolution import SupervisedNE
    from torch.utils.data import TensorDataset

    x = torch.linspace(-1, 1, 40)[:, None]
    with quiet():
        theirs = SupervisedNE(
            TensorDataset(x, 0.5 * x + 0.2), lambda: torch.nn.Linear(1, 1), torch.nn.MSELoss(),
            initial_bounds=(-1, 1), minibatch_size=16,
        )  # fmt: skip
    ours = from_evotorch(theirs, stochastic=True)
    assert ours.name == "SupervisedNE"
    assert qd.check_problem(ours) == []
    best = qd.run(qd.Experiment(ours, qd.algorithms.SNES(20, sigma=0.5), 800, seed=1)).summary["best_objective"]
    assert best > -0.02


def test_cart_pole_by_gym_ne() -> None:
    pytest.importorskip("gymnasium")
    from evotorch.neuroevolution import GymNE

    with quiet():
        theirs = GymNE("CartPole-v1", "Linear(obs_length, act_length)", initial_bounds=(-1, 1), episode_length=100)
    ours = from_evotorch(theirs, stochastic=True)
    assert qd.check_problem(ours, n=6) == []
    search = qd.algorithms.CEM(10, sigma=1.0)
    assert qd.run(qd.Experiment(ours, search, 40, seed=1)).summary["best_objective"] > 60
    with quiet():
        normalised = GymNE("CartPole-v1", "Linear(obs_length, act_length)", observation_normalization=True)
    with pytest.raises(qd.QDError, match="observation_normalization carries statistics"):
        from_evotorch(normalised)


def test_nan_rows_fail_alone() -> None:
    holes = problem(lambda x: torch.where(x[:, 0] < 0, torch.nan, x[:, 0]))
    ours = from_evotorch(holes)
    result = qd.run(qd.Experiment(ours, qd.algorithms.RandomSearch(batch_size=50), 200, seed=1))
    assert 60 < result.summary["failed"] < 140


def test_spaces() -> None:
    vector = from_evotorch(problem(bounds=([-1.0] * 6, [2.0] * 6), dtype="float64")).space()
    assert isinstance(vector, qd.Box) and np.asarray(vector.high).tolist() == [2.0] * 6 and vector.dtype == np.float64
    free = from_evotorch(problem(bounds=None, initial_bounds=(-3, 3))).space()
    assert isinstance(free, qd.Box) and np.isinf(free.low).all() and math.isclose(free.init_sigma, math.sqrt(3))  # type: ignore[arg-type]
    given = from_evotorch(problem(bounds=None, initial_bounds=(0, 3)), bounds=(-7, 7)).space()
    assert isinstance(given, qd.Box) and np.asarray(given.low)[0] == -7


def integers() -> Any:
    return problem(dtype="int64", bounds=(0, 9))


def objects() -> Any:
    with quiet():
        return evotorch.Problem("max", lambda x: 0.0, dtype=object)


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (integers, {}, "dtype torch.int64"),
        (lambda: problem(dtype="bool", bounds=None, initial_bounds=None), {}, "dtype torch.bool"),
        (objects, {}, "dtype <class 'object'>"),
        (lambda: problem(num_actors=2), {}, "2 actors, wanted none"),
        (lambda: problem(bounds=None, initial_bounds=(0, 1)), {}, r"around 0 \(0..1\); give bounds"),
        (lambda: problem(bounds=None), {}, "neither bounds nor initial bounds"),
        (lambda: problem(), {"measures": {"x": (0, 1)}}, "measures names 1 numbers .* is 0"),
        (lambda: problem(), {"objectives": ("a", "b")}, "objectives .* but the problem has 1"),
        (lambda: problem(), {"chunk_size": 0}, "chunk_size 0"),
        (lambda: rastrigin, {}, "got function, wanted an evotorch.Problem"),
    ],
)
def test_what_has_no_place_in_our_loop_is_refused_by_name(make: Any, settings: Any, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        from_evotorch(make(), **settings)


@pytest.mark.launch
def test_child_processes_give_the_same_bits() -> None:
    ours = from_evotorch(problem(), chunk_size=16)
    experiment = qd.Experiment(ours, qd.algorithms.GeneticAlgorithm(population_size=50, parents=10), 250, seed=2)
    away = replace(experiment, evaluator=qd.EvaluatorSettings(kind="processes", workers=2))
    assert qd.run(away).digest == qd.run(experiment).digest


# ------------------------------------------------- ours under theirs


def test_their_snes_on_ours() -> None:
    theirs = to_evotorch(qd.problems.Rastrigin(dimension=6), seed=2)
    searcher = SNES(theirs, stdev_init=2.0, popsize=100)
    searcher.run(80)
    assert searcher.status["best_eval"] > 95.0
    assert theirs.qd_evaluations == 8000


def test_ours_keeps_objective_measures_and_seeds() -> None:
    ours = bank.SplitNoise()
    theirs = to_evotorch(ours, seed=9)
    first, second = theirs.generate_batch(5), theirs.generate_batch(3)
    theirs.evaluate(first)
    theirs.evaluate(second)
    values = torch.cat([first.values, second.values]).as_subclass(torch.Tensor).numpy()
    assert len({tuple(row) for row in values}) == 8
    expected = qd.evaluate_batch(ours, qd.Request(values), 9)  # evaluation numbers 0 to 7
    evals = torch.cat([first.evals, second.evals]).as_subclass(torch.Tensor).numpy()
    assert np.array_equal(evals, np.column_stack([expected.objective, expected.measures]))
    again = to_evotorch(ours, seed=9)
    assert torch.equal(again.generate_batch(5).values, first.values)
    assert not torch.equal(to_evotorch(ours, seed=10).generate_batch(5).values, first.values)


def test_failed_rows_never_win() -> None:
    def lame(x: np.ndarray) -> float:
        return math.nan if x[0] > 0 else float(-(x**2).sum())

    theirs = to_evotorch(qd.problem(lame, low=-3, high=3, length=3), seed=1)
    searcher = SNES(theirs, stdev_init=1.0, popsize=20)
    searcher.run(40)
    assert -0.1 < searcher.status["best_eval"] <= 0 and torch.isfinite(searcher.status["center"]).all()


def test_bounds_are_mirrored_or_declared() -> None:
    seen = []

    def corner(x: np.ndarray) -> float:
        seen.append((x.min(), x.max()))
        return float(x.sum())

    ours = qd.problem(corner, low=0, high=1, length=3)
    SNES(to_evotorch(ours), stdev_init=1.0, popsize=20).run(10)
    assert min(low for low, _ in seen) >= 0 and max(high for _, high in seen) <= 1
    with pytest.raises(ValueError, match="bound"):
        SNES(to_evotorch(ours, bounded=True), stdev_init=1.0)
    bounded = to_evotorch(ours, bounded=True)
    searcher = GeneticAlgorithm(bounded, popsize=20, operators=[GaussianMutation(bounded, stdev=0.3)])
    searcher.run(20)
    assert searcher.status["best_eval"] > 2.5


def test_several_objectives_go_out() -> None:
    both = qd.problem(lambda x: (x[0], -x[0]), low=0, high=1, length=2, objectives=("up", "down"))
    theirs = to_evotorch(both)
    assert list(theirs.senses) == ["max", "max"]
    batch = theirs.generate_batch(4)
    theirs.evaluate(batch)
    assert torch.allclose(batch.evals[:, 0], -batch.evals[:, 1])


def test_there_and_back() -> None:
    ours = qd.problems.PlanarArm(joints=5)
    back = from_evotorch(to_evotorch(ours, bounded=True), measures=ours.measure_space)
    x = np.asarray(ours.space().sample(7, qd.rng.generator(0, "x")))
    one, two = (qd.evaluate_batch(p, qd.Request(x)) for p in (ours, back))
    assert np.array_equal(one.objective, two.objective) and np.array_equal(one.measures, two.measures)


@pytest.mark.parametrize(
    ("make", "seed", "message"),
    [
        (lambda: qd.problem(lambda x: 0.0, space=qd.Mask(4)), 0, "wanted a Box"),
        (lambda: qd.problems.PlanarArm(), -1, "seed -1"),
    ],
)
def test_what_evotorch_cannot_take_is_refused_by_name(make: Any, seed: int, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        to_evotorch(make(), seed)
