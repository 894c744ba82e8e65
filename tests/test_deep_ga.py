"""Deep GA on lineages: its rules on hand-made objectives, counted budgets, and weights that no search sees."""

import numpy as np
import pytest

import qd
from qd.algorithms import DeepGA
from qd.errors import QDError
from qd.problems import Decoded
from qd.ragged import Ragged
from qd.rng import row_generator
from tests.driving import drive


class Bowl(qd.Problem):
    """Nearness to a point in 40 dimensions, with as much noise as wanted; an episode costs some decisions."""

    solution_space = qd.Box(-np.inf, np.inf, 40, init_sigma=[*[0.5] * 39, 0.0], dtype="float32")
    measure_space = qd.Measures(("x", "y"), (-1.0, -1.0), (1.0, 1.0), dims=(10, 10))
    costs = {"decisions": 7.0}
    batching = "rows"
    chunk_size = 16

    def __init__(self, noise: float = 0.0, signal: float = 1.0) -> None:
        self.noise, self.signal = noise, signal

    def evaluate(self, request, seeds):
        x = np.asarray(request.solutions, np.float64)
        assert np.asarray(request.solutions).dtype == np.float32
        noise = np.array([row_generator(seed).normal() for seed in seeds])
        objective = -self.signal * ((x - 0.3) ** 2).sum(axis=1) + self.noise * noise
        return qd.Evaluation(objective, np.clip(x[:, :2], -1, 1), cost={"decisions": 3.0 + (seeds % 5).astype(float)})


class Recorded(DeepGA):
    """Notes every request with its evaluation."""

    told: list = []

    def tell(self, state, request, evaluation):
        self.told.append((request, evaluation))
        super().tell(state, request, evaluation)


def driven(problem: qd.Problem, evaluations: int, **settings) -> tuple:
    Recorded.told = []
    search = Recorded(
        **({"population_size": 30, "parents": 5, "sigma": 0.05, "validated": 4, "validation_episodes": 3} | settings)
    )
    state = drive(problem, search, evaluations, seed=1)
    return state, Recorded.told


def test_parents_are_the_best_with_the_elite_among_them_once() -> None:
    state, told = driven(Decoded(Bowl(noise=2.0)), 900)
    elite, seen = -1, 0
    for (request, evaluation), (trial, outcome) in zip(told[::2], told[1::2], strict=False):
        assert (request.purpose, trial.purpose) == ("search", "validate")
        assert len(trial) == 4 and trial.repeats == 3
        best = request.ids[np.argsort(-evaluation.objective, kind="stable")]
        validated = trial.parents[:, 0].tolist()
        assert validated == ([*best[:4]] if elite < 0 else [elite, *best[:3]])
        elite = validated[int(np.argmax(outcome.objective))]
        wanted = best[:5].tolist() if elite in best[:5] else [elite, *best[:4]]
        following = [r for r, _ in told if r.purpose == "search" and r.number > trial.number]
        if following and following[0].parents is not None:
            assert set(following[0].parents[:, 0]) <= set(wanted)
            seen += 1
    assert seen > 15
    assert len(state.parents) == 5 and state.parent_ids.tolist() == wanted
    assert len(set(wanted)) == 5


def test_a_child_is_its_parent_and_one_mutation() -> None:
    _, told = driven(Decoded(Bowl()), 600)
    words = {}
    for request, _ in told:
        for number, row, parent in zip(
            request.ids,
            request.solutions,
            request.parents if request.parents is not None else [[-1]] * 99,
            strict=False,
        ):
            words[int(number)] = row.tobytes()
            if request.operators == "mutation":
                assert row[:-2].tobytes() == words[int(parent[0])]
    children = [request for request, _ in told if request.operators == "mutation"]
    drawn = np.concatenate([[row[-2] for row in request.solutions] for request in children])
    assert len(children) > 5 and len(set(drawn)) == len(drawn)


def test_without_noise_the_elite_never_gets_worse() -> None:
    for episodes in (0, 2):
        state, told = driven(Decoded(Bowl()), 1500, validation_episodes=episodes)
        judged = told[: -1 if told[-1][0].purpose == "search" and episodes else None]
        best = max(evaluation.objective.max() for _, evaluation in judged)
        assert state.elite_value == state.champion_value
        assert np.isclose(best, state.elite_value, rtol=1e-12)  # a mean of equal numbers may round
        assert best > np.max(told[0][1].objective) + 1.0


@pytest.mark.thorough
def test_with_nothing_but_noise_the_validation_mean_is_unbiased() -> None:
    _, told = driven(Decoded(Bowl(noise=1.0, signal=0.0)), 6000, validation_episodes=5, population_size=20)
    trials = np.concatenate([evaluation.objective for request, evaluation in told if request.purpose == "validate"])
    lucky = [evaluation.objective.max() for request, evaluation in told if request.purpose == "search"]
    assert np.mean(lucky) > 1.5  # what an elite that keeps its first score would show
    assert abs(trials.mean()) < 4 * np.sqrt(1 / 5 / len(trials))


def test_no_parents_is_random_search() -> None:
    state, told = driven(Decoded(Bowl()), 600, parents=0)
    searched = [request for request, _ in told if request.purpose == "search"]
    assert all((request.solutions.lengths == 2).all() for request in searched)
    assert len({row.tobytes() for request in searched for row in request.solutions}) == sum(map(len, searched))
    judged = told[: -1 if told[-1][0].purpose == "search" else None]
    assert np.isclose(state.elite_value, max(evaluation.objective.max() for _, evaluation in judged), rtol=1e-12)


def test_decisions_count_training_and_validation() -> None:
    experiment = qd.Experiment(Decoded(Bowl(noise=0.1)), DeepGA(30, 5, 0.05, 4, 3), {"decisions": 2000}, seed=2)
    result = qd.run(experiment)
    spent = result.summary["cost"]["decisions"]
    assert 2000 - 7 * 30 < spent <= 2000
    assert 3.0 <= spent / result.summary["evaluations"] <= 7.0
    _, told = driven(Decoded(Bowl(noise=0.1)), 500)
    paid = dict.fromkeys(("search", "validate"), 0.0)
    for request, evaluation in told:
        paid[request.purpose] += float(evaluation.cost["decisions"].sum())
    episodes = {purpose: sum(len(r) * r.repeats for r, _ in told if r.purpose == purpose) for purpose in paid}
    assert episodes["validate"] >= 4 * 3 * 8
    for purpose in paid:  # 3 to 7 decisions an episode, each of the three of a validated row among them
        assert 4.0 < paid[purpose] / episodes[purpose] < 6.0


@pytest.mark.thorough
def test_it_beats_its_own_random_search() -> None:
    bests = {}
    for parents in (0, 5):
        runs = [qd.Experiment(Decoded(Bowl()), DeepGA(30, parents, 0.05, 4, 0), 2000, seed=seed) for seed in range(3)]
        bests[parents] = [qd.run(experiment).best["objective"] for experiment in runs]
    assert min(bests[5]) > max(bests[0])


def test_failures_are_never_parents() -> None:
    class Broken(Bowl):
        def evaluate(self, request, seeds):
            evaluation = super().evaluate(request, seeds)
            evaluation.objective[(seeds % 3 == 0) | (request.first % 7 == 0)] = np.nan
            return evaluation

    state, told = driven(Decoded(Broken()), 900)
    good = {int(i) for request, evaluation in told for i in request.ids[evaluation.ok]}
    for request, _ in told:
        if request.operators == "mutation":
            assert set(request.parents[:, 0].tolist()) <= good
    assert np.isfinite(state.elite_value)


def test_weights_are_those_of_the_lineage_whoever_evaluates() -> None:
    problem = Decoded(Bowl())
    rows = problem.solution_space.sample(5, np.random.default_rng(0))
    weights = problem.weights(rows)
    assert weights.shape == (5, 40) and not weights[:, -1].any()
    direct = Bowl().evaluate(qd.Request(weights.copy()), np.zeros(5, np.uint64))
    grown = problem.evaluate(qd.Request(rows), np.zeros(5, np.uint64))
    assert np.array_equal(direct.objective, grown.objective)
    assert qd.check_problem(problem) == []
    bounded = Decoded(qd.problems.HardMaze())
    assert np.abs(bounded.weights(bounded.solution_space.sample(50, np.random.default_rng(0)))).max() <= 5.0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"parents": 31}, "DeepGA.parents"),
        ({"parents": -1}, "DeepGA.parents"),
        ({"sigma": 0.0}, "DeepGA.sigma"),
        ({"validation_episodes": -1}, "DeepGA.validation_episodes"),
        ({"validated": 40}, "DeepGA.validated"),
    ],
)
def test_bad_settings_are_named(wrong: dict, named: str) -> None:
    with pytest.raises(QDError, match=named):
        DeepGA(**({"population_size": 30, "parents": 5, "validated": 4} | wrong))


def test_problems_that_do_not_fit_are_refused() -> None:
    with pytest.raises(QDError, match=r"wrap the problem: qd\.problems\.Decoded"):
        qd.run(qd.Experiment(Bowl(), DeepGA(), 100))
    with pytest.raises(QDError, match=r"Decoded\.problem: the solutions of DecodedBowl"):
        Decoded(Decoded(Bowl()))
    with pytest.raises(QDError, match=r"Decoded\.init_sigma"):
        Decoded(qd.problems.Sphere())
    with pytest.raises(QDError, match=r"Decoded\.cache"):
        Decoded(Bowl(), cache=0)
    with pytest.raises(QDError, match="ragged"):
        Decoded(Bowl()).solution_space.check(Ragged)
