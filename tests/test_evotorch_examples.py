"""The kinds of problems of evotorch's own examples, through the adapters: theirs in our loop, ours under theirs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import qd

torch = pytest.importorskip("torch")
evotorch = pytest.importorskip("evotorch")
from evotorch.algorithms import GeneticAlgorithm, MAPElites  # noqa: E402
from evotorch.algorithms.functional import cem, cem_ask, cem_tell, pgpe, pgpe_ask, pgpe_tell  # noqa: E402
from evotorch.decorators import expects_ndim, rowwise, vectorized  # noqa: E402
from evotorch.neuroevolution import GymNE, NEProblem, VecGymNE  # noqa: E402
from evotorch.operators import GaussianMutation, SimulatedBinaryCrossOver  # noqa: E402
from evotorch.tools import penalty  # noqa: E402

from qd.interop.evotorch import from_evotorch, to_evotorch  # noqa: E402
from qd.interop.surroundings import quiet  # noqa: E402

pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning:evotorch"), pytest.mark.peer]


def made(*arguments: Any, kind: Any = None, **settings: Any) -> Any:
    with quiet():
        return (kind or evotorch.Problem)(*arguments, **settings)


def searched(problem: qd.Problem, algorithm: Any, evaluations: int) -> Any:
    """A run on a problem that has been found to keep our contract."""
    assert qd.check_problem(problem, n=6) == []
    return qd.run(qd.Experiment(problem, algorithm, evaluations, seed=1))


# ------------------------------------------------- several objectives: Kursawe


@vectorized
def kursawe(x: Any) -> Any:
    """(n, 2) both to minimise; the sums over neighbours and over genes of Kursawe 1991."""
    first = (-10.0 * torch.exp(-0.2 * torch.sqrt(x[:, :-1] ** 2 + x[:, 1:] ** 2))).sum(dim=-1)
    return torch.stack([first, (x.abs() ** 0.8 + 5.0 * torch.sin(x**3)).sum(dim=-1)], dim=-1)


def test_kursawe_by_our_nsga2() -> None:
    theirs = made(["min", "min"], kursawe, bounds=(-5.0, 5.0), solution_length=3)
    ours = from_evotorch(theirs, objectives=("f1", "f2"))
    front = -np.asarray(
        searched(ours, qd.algorithms.NSGA2(population_size=60), 3000).archives["front"].data()["objective"]
    )
    assert front[:, 0].min() < -19.5 and front[:, 1].min() < -11.0  # 3 genes: one end lies at -20
    one_row = partial(lambda x: kursawe(x[None])[0])  # and as a function of a single solution
    single = from_evotorch(made(["min", "min"], one_row, bounds=(-5.0, 5.0), solution_length=3, vectorized=False))
    x = np.random.default_rng(0).uniform(-5, 5, (9, 3)).astype(np.float32)
    both = [qd.evaluate_batch(problem, qd.Request(x)).objective for problem in (ours, single)]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-5)


def test_kursawe_of_ours_by_their_genetic_algorithm() -> None:
    def negated(x: np.ndarray) -> Any:
        first, second = kursawe(torch.from_numpy(x[None]))[0].tolist()
        return -first, -second

    ours = qd.problem(negated, low=-5, high=5, length=3, objectives=("f1", "f2"))
    theirs = to_evotorch(ours, seed=1, bounded=True)
    operators = [SimulatedBinaryCrossOver(theirs, tournament_size=4, cross_over_rate=1.0, eta=8),
                 GaussianMutation(theirs, stdev=0.03)]  # fmt: skip
    searcher = GeneticAlgorithm(theirs, popsize=40, operators=operators)
    searcher.run(25)
    evals = searcher.population.evals.as_subclass(torch.Tensor)
    assert evals[:, 0].max() > 16.0 and evals[:, 1].max() > 10.0
    assert theirs.qd_evaluations >= 25 * 40


# ------------------------------------------------- illumination


def test_kursawe_illuminated_by_our_map_elites_and_by_theirs() -> None:
    """The sum of both is the objective, and they are the measures."""

    def described(x: Any) -> Any:
        values = kursawe(x)
        return torch.hstack([values.sum(dim=-1, keepdim=True), values])

    theirs = made("min", described, solution_length=3, eval_data_length=2, bounds=(-5.0, 5.0), vectorized=True)
    ours = from_evotorch(theirs, measures={"f1": (-20.0, 0.0), "f2": (-14.0, 40.0)})
    result = searched(ours, qd.algorithms.MapElites(batch_size=100, dims=(20, 20), sigma=0.3), 3000)
    elites = next(iter(result.archives.values())).data()
    np.testing.assert_allclose(-elites["objective"], elites["measures"].sum(axis=1), rtol=1e-5)
    assert result.summary["coverage"] > 0.2

    back = to_evotorch(ours, seed=1, bounded=True)
    grid = MAPElites.make_feature_grid([-20, -14], [0, 40], 20, dtype="float64")
    with quiet():
        searcher = MAPElites(back, operators=[GaussianMutation(back, stdev=0.1)], feature_grid=grid, re_evaluate=False)
        searcher.run(20)
    assert searcher.filled.float().mean() > 0.1


# ------------------------------------------------- networks


def sign_score(network: Any) -> Any:
    """How often a network tells the sign of the sum of three random numbers."""
    x = torch.randn((32, 3))
    return (torch.sign(network(x)[:, 0]) == torch.sign(x.sum(dim=-1))).float().mean()


@pytest.mark.parametrize("network", [torch.nn.Linear(3, 1), partial(torch.nn.Linear, 3, 1), "Linear(3, 1)"])
def test_a_network_and_a_score_of_it(network: Any) -> None:
    """A module, what makes one, and evotorch's string: NEProblem, whose scores are noisy."""
    ours = from_evotorch(made("max", network, sign_score, kind=NEProblem), bounds=(-2, 2), stochastic=True)
    assert ours.name == "NEProblem"
    assert searched(ours, qd.algorithms.CEM(20, sigma=1.0), 200).summary["best_objective"] > 0.8  # chance is 0.5


ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "CartPole-v1": {},
    "Pendulum-v1": {"env_config": {"g": 5.0, "max_episode_steps": 25}},  # continuous actions
    "MountainCarContinuous-v0": {
        "env_config": {"max_episode_steps": 25},
        "num_episodes": 2,
        "decrease_rewards_by": 0.1,
    },
}


@pytest.mark.parametrize("kind", [GymNE, VecGymNE])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_classic_control(kind: Any, name: str) -> None:
    """One environment, and a vector of them; a row's result depends on its seed alone."""
    pytest.importorskip("gymnasium")
    theirs = made(name, "Linear(obs_length, 4) >> Tanh() >> Linear(4, act_length)", kind=kind, **ENVIRONMENTS[name])
    ours = from_evotorch(theirs, bounds=(-2, 2), stochastic=True)
    result = searched(ours, qd.algorithms.GeneticAlgorithm(population_size=6, parents=3), 18)
    assert np.isfinite(result.summary["best_objective"])


def test_a_policy_of_ones_own_and_a_single_environment_agree() -> None:
    from evotorch.decorators import pass_info

    @pass_info
    class Policy(torch.nn.Module):
        def __init__(self, obs_length: int, act_length: int, **_: Any) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(obs_length, act_length)

        def forward(self, x: Any) -> Any:
            return self.layer(x)

    settings = {"initial_bounds": (-1, 1), "episode_length": 60, "kind": GymNE}
    own, text = (made("CartPole-v1", net, **settings) for net in (Policy, "Linear(obs_length, act_length)"))
    x = np.random.default_rng(0).normal(size=(4, own.solution_length)).astype(np.float32)
    one, two = (qd.evaluate_batch(from_evotorch(p, stochastic=True), qd.Request(x), 3) for p in (own, text))
    assert one.objective.tolist() == two.objective.tolist()
    assert len(set(one.objective)) > 1


@pytest.mark.parametrize("kind", [GymNE, VecGymNE])
def test_normalised_observations_are_refused(kind: Any) -> None:
    theirs = made("CartPole-v1", "Linear(obs_length, act_length)", observation_normalization=True, kind=kind)
    with pytest.raises(qd.QDError, match=r"observation_normalization carries .* set it to False"):
        from_evotorch(theirs, stochastic=True)


# ------------------------------------------------- problems that keep state or structure


class Planning(evotorch.Problem):
    """A plan of four moves towards a target, from where the problem was told to start: model-predictive control."""

    def __init__(self, start: float) -> None:
        self.start = torch.tensor([start, 0.0])
        super().__init__("min", initial_bounds=(-0.5, 0.5), solution_length=8)

    def _evaluate_batch(self, batch: Any) -> None:
        moves = torch.clamp(batch.values.as_subclass(torch.Tensor).reshape(len(batch), 4, 2), -1.0, 1.0)
        batch.set_evals(torch.linalg.norm(self.start + moves.sum(dim=1) - torch.tensor([2.0, 2.0]), dim=-1))


def test_a_class_with_its_own_evaluation() -> None:
    ours = from_evotorch(made(1.0, kind=Planning))
    assert searched(ours, qd.algorithms.CEM(40, sigma=0.5), 1600).summary["best_objective"] > -0.05


def test_atoms_of_a_cluster() -> None:
    """Three atoms of Lennard-Jones: each pair at its best distance, three times -1."""

    def energy(x: Any) -> Any:
        atoms = x.reshape(len(x), -1, 3)
        pairs = torch.triu_indices(atoms.shape[1], atoms.shape[1], offset=1)
        power = (torch.norm(atoms[:, pairs[0]] - atoms[:, pairs[1]], dim=-1) + 1e-6) ** -6
        return 4.0 * (power**2 - power).sum(dim=-1)

    theirs = made("min", energy, solution_length=9, initial_bounds=(-1.0, 1.0), vectorized=True, dtype="float64")
    assert searched(from_evotorch(theirs), qd.algorithms.SNES(30, sigma=0.3), 9000).summary["best_objective"] > 2.99


# ------------------------------------------------- constraints and the functional interface


@expects_ndim(0, 1)
def constrained(multiplier: Any, x: Any) -> Any:
    """The sum of three numbers, which three inequalities bound."""
    bounds = ((2 * x[0] + 3 * x[1], 45.0), (5 * x[0] + 2 * x[2], 75.0), (3 * x[1] + x[2], 50.0))
    amount = sum(penalty(left, "<=", right, penalty_sign="-", linear=1.0, step=10.0) for left, right in bounds)
    return x.sum() + multiplier * amount


def test_penalties_of_constraints() -> None:
    """The best of a linear program, by scipy, is found by our search on evotorch's function of penalties."""
    from scipy.optimize import linprog

    best = -linprog([-1, -1, -1], [[2, 3, 0], [5, 0, 2], [0, 3, 1]], [45, 75, 50], bounds=[(-100, 100)] * 3).fun
    theirs = made("max", partial(constrained, torch.tensor(1.0)), solution_length=3, bounds=(-100, 100),
                  vectorized=True, dtype="float64")  # fmt: skip
    found = searched(from_evotorch(theirs), qd.algorithms.EvolutionStrategy(sigma=0.1), 12_000).summary[
        "best_objective"
    ]
    assert best - 2.0 < found <= best + 1e-6


@rowwise
def rastrigin(x: Any) -> Any:
    return 10.0 * x.shape[-1] + (x**2 - 10.0 * torch.cos(2.0 * torch.pi * x)).sum()


def test_functions_written_for_a_row() -> None:
    theirs = made("min", rastrigin, solution_length=4, bounds=(-5.12, 5.12))
    assert searched(from_evotorch(theirs), qd.algorithms.SNES(60, sigma=2.0), 6000).summary["best_objective"] > -2.0


@pytest.mark.parametrize("search", ["pgpe", "cem"])
def test_their_functional_searches_on_ours(search: str) -> None:
    """make_callable_evaluator turns ours into a function of a tensor; several searches at once are one tensor more."""
    theirs = to_evotorch(qd.problems.Sphere(dimension=5), seed=1)
    f = theirs.make_callable_evaluator()
    center = torch.full((5,), 2.0, dtype=torch.float64)
    torch.manual_seed(3)
    if search == "pgpe":
        state = pgpe(center_init=center, center_learning_rate=0.3, stdev_learning_rate=0.1, stdev_init=0.5,
                     ranking_method="centered", optimizer="adam", objective_sense="max")  # fmt: skip
        ask, tell = pgpe_ask, pgpe_tell
    else:
        state = cem(center_init=center.expand(2, 5), stdev_init=0.5, parenthood_ratio=0.5, objective_sense="max",
                    stdev_max_change=0.2)  # fmt: skip
        ask, tell = cem_ask, cem_tell
    values: list[float] = []
    for _ in range(40):
        population = ask(state, popsize=30)
        evals = f(population)
        assert evals.shape == population.shape[:-1]
        state = tell(state, population, evals)
        values.append(float(evals.max()))
    assert values[-1] > values[0] and values[-1] > 99.0


# ------------------------------------------------- what has no place here


class Programs(evotorch.Problem):
    def __init__(self, **settings: Any) -> None:
        super().__init__("min", **settings)

    def _fill(self, values: Any) -> None:
        values[:] = 0


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"dtype": object}, "object"),  # policies or dictionaries of weights
        ({"dtype": torch.int64, "solution_length": 8}, "torch.int64"),  # genetic programming
        ({"dtype": torch.float16, "solution_length": 8, "initial_bounds": (-1, 1)}, "torch.float16"),
    ],
)
def test_solutions_that_are_no_real_numbers_are_refused(settings: Any, kind: str) -> None:
    with pytest.raises(qd.QDError, match=f"dtype .*{kind}.*, wanted float32 or float64"):
        from_evotorch(made(kind=Programs, **settings))


def test_actors_are_refused_by_name() -> None:
    theirs = made(["min", "min"], kursawe, initial_bounds=(-5.0, 5.0), solution_length=3, num_actors=2)
    with pytest.raises(qd.QDError, match=r"2 actors, wanted none \(num_actors=None\)"):
        from_evotorch(theirs)
