"""Statistics of observations as state of a search: equal to numpy's, exact on resume, seen by the networks."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qd
from qd.algorithms import MapElites, NoveltySearch, ObservationNormalised, RandomSearch
from qd.algorithms.normalised import COLUMNS
from qd.errors import QDError
from qd.evaluate.guard import guarded
from qd.problems._episode_kernel import take_in
from qd.rng import generator, row_seeds

pytestmark = pytest.mark.peer

gymnasium = pytest.importorskip("gymnasium")


def pole(**settings):
    return qd.problems.Gym("CartPole-v1", **{"measures": "mean_action", "hidden": (4,), "max_steps": 40, **settings})


class Seen(qd.Problem):
    """Rows of observations that are easy to know: (k, 3) numbers from each row's seed, some rows lost."""

    solution_space = qd.Box(-1.0, 1.0, 2)
    measure_space = qd.Measures(("x",), (-1.0,), (1.0,), dims=(10,))
    columns = dict.fromkeys(COLUMNS, "")
    batching = "rows"

    def __init__(self, offset=0.0, spread=1.0):
        self.offset, self.spread = offset, spread

    def observations(self, seed):
        rng = qd.rng.row_generator(seed)
        return self.offset + self.spread * rng.normal([0.0, 1.0, -3.0], [1.0, 0.1, 5.0], (rng.integers(1, 9), 3))

    def lost(self, seed):
        return int(seed) % 7 == 0

    def evaluate(self, request, seeds):
        seen = [self.observations(seed) for seed in seeds]
        means = np.array([rows.mean(axis=0) for rows in seen])
        columns = {
            "observation_count": np.array([len(rows) for rows in seen]),
            "observation_mean": means,
            "observation_squares": np.array([((r - m) ** 2).sum(axis=0) for r, m in zip(seen, means, strict=True)]),
        }
        status = np.array([qd.Status.FAILED if self.lost(seed) else qd.Status.OK for seed in seeds])
        mean = request.context.get("observation_mean", np.full(3, np.nan))
        return qd.Evaluation(request.solutions.sum(axis=1) + 0 * np.nan_to_num(mean[0]), request.solutions[:, :1],
                             status, columns)  # fmt: skip


@dataclass
class WatcherState:
    seed: int
    asked: int = 0
    columns: list[str] = field(default_factory=list)
    told: int = 0


@dataclass(frozen=True)
class Watcher(qd.Algorithm):
    """An inner search that notes what it is shown."""

    State = WatcherState
    wanted: tuple[str, ...] = ()
    in_flight = 2

    def init(self, problem, seed):
        return WatcherState(seed)

    def ask(self, state, left):
        if left <= 0:
            return None
        state.asked += 1
        return qd.Request(generator(state.seed, "w", state.asked).uniform(-1, 1, (5, 2)), columns=self.wanted)

    def tell(self, state, request, evaluation):
        state.told += 1
        state.columns = sorted(evaluation.columns)
        assert request.columns == self.wanted

    def report(self, state):
        return qd.Report(metrics={"told": state.told})


def told(problem, algorithm, budget, seed=3):
    """Run by hand: the state, and the contexts of all requests in order with their rows' seeds."""
    state = algorithm.init(problem, seed)
    first, number, requests = 0, 0, []
    while first < budget and (request := algorithm.ask(state, budget - first)) is not None:
        request = request.rows(0, budget - first)
        request.number, request.first = number, first
        seeds = row_seeds(seed, request.draw_numbers)
        requests.append((request, seeds))
        algorithm.tell(state, request, guarded(problem, request, seeds))
        first, number = first + len(request), number + 1
    return state, requests


# ---------------------------------------------------------------- the statistics


@given(seed=st.integers(0, 2**31), offset=st.sampled_from([0.0, 1e4, -1e6]), n=st.integers(1, 40))
def test_statistics_are_those_of_all_observations(seed, offset, n):
    problem = Seen(offset)
    algorithm = ObservationNormalised(RandomSearch(7), warm_up=5, freeze_after=-1)
    state, requests = told(problem, algorithm, n, seed)
    rows = [problem.observations(s) for _, seeds in requests for s in seeds if not problem.lost(s)]
    if not rows:
        assert state.count == 0 and "observation_mean" not in algorithm.report(state).populations
        return
    everything = np.concatenate(rows)
    assert state.count == len(everything)
    np.testing.assert_allclose(state.mean, everything.mean(axis=0), rtol=1e-12, atol=1e-12)
    # a two-pass variance is itself inexact where the mean is a million spreads away
    np.testing.assert_allclose(np.sqrt(state.squares / state.count), everything.std(axis=0), rtol=1e-6, atol=1e-6)


@given(seed=st.integers(0, 2**31), steps=st.integers(1, 30), rows=st.integers(1, 4), offset=st.sampled_from([0.0, 1e5]))
def test_the_kernel_counts_like_numpy(seed, steps, rows, offset):
    rng = np.random.default_rng(seed)
    raw = offset + rng.normal(0, 2, (steps, rows, 3))
    count, mean, squares = np.zeros(rows, np.int64), np.zeros((rows, 3)), np.zeros((rows, 3))
    center, scale = rng.normal(0, 1, 3), rng.uniform(0.5, 2, 3)
    inputs, finite = np.empty((rows, 3)), np.empty(rows, np.bool_)
    for step in raw:
        take_in(step, center, scale, 1.5, inputs, True, count, mean, squares, finite)
        np.testing.assert_allclose(inputs, np.clip((step - center) / scale, -1.5, 1.5))
        assert finite.all()
    assert (count == steps).all()
    np.testing.assert_allclose(mean, raw.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(squares, steps * raw.var(axis=0), rtol=1e-6, atol=1e-6)


def test_observations_of_real_episodes():
    """The columns against every observation that a plain loop sees."""
    problem = pole()
    solutions = problem.solution_space.sample(6, generator(0, "test"))
    seeds = row_seeds(0, np.arange(6, dtype=np.uint64))
    result = guarded(problem, qd.Request(solutions, number=1, columns=COLUMNS), seeds)
    env = gymnasium.make("CartPole-v1")
    for row in range(6):
        observation, _ = env.reset(seed=int(seeds[row]) >> 33)
        seen, over = [], False
        while not over and len(seen) < 40:
            seen.append(observation.astype(float))
            outputs = problem.network.forward(solutions[row : row + 1], seen[-1][None], "numba")
            observation, _, over, _, _ = env.step(int(outputs.argmax()))
        assert result.columns["observation_count"][row] == len(seen)
        np.testing.assert_allclose(result.columns["observation_mean"][row], np.mean(seen, axis=0), rtol=1e-9)
        np.testing.assert_allclose(
            result.columns["observation_squares"][row], len(seen) * np.var(seen, axis=0), rtol=1e-6, atol=1e-15
        )


# ---------------------------------------------------------------- what the networks see


def test_networks_see_standardised_observations():
    """Weights that undo the standardisation give what plain weights give: W' = W std, b' = b + W mean."""
    problem = pole(hidden=())  # one layer: choices by the largest of two sums
    weights = problem.solution_space.sample(8, generator(1, "test"))
    seeds = row_seeds(1, np.arange(8, dtype=np.uint64))
    mean, std = np.array([0.1, -0.2, 0.05, 0.3]), np.array([0.5, 1.5, 0.2, 2.0])
    matrix, bias = weights[:, :8].reshape(8, 4, 2), weights[:, 8:]
    undone = np.concatenate(
        [(matrix * std[:, None]).reshape(8, 8), bias + np.einsum("i,nij->nj", mean, matrix)], axis=1
    )
    context = {"observation_mean": mean, "observation_std": std}
    plain = guarded(problem, qd.Request(weights, number=1), seeds)
    standardised = guarded(problem, qd.Request(undone, number=1, context=context), seeds)
    assert (plain.objective == standardised.objective).all()
    assert (plain.objective != guarded(problem, qd.Request(weights, number=1, context=context), seeds).objective).any()
    cut = {**context, "observation_clip": np.array(1e-9)}  # nothing is left to see but signs, too small to matter
    blind = guarded(problem, qd.Request(undone, number=1, context=cut), seeds)
    assert (blind.measures.max(axis=1) > 0.99).all()


def test_a_context_of_another_width_is_refused():
    problem = pole()
    context = {"observation_mean": np.zeros(3), "observation_std": np.ones(3)}
    with pytest.raises(QDError, match=r"observation_mean has shape \(3,\).*wanted \(4,\)"):
        problem.evaluate(
            qd.Request(np.zeros((1, problem.solution_space.length)), context=context), np.zeros(1, np.uint64)
        )


def test_constant_observations_are_not_divided_by():
    algorithm = ObservationNormalised(RandomSearch(4), warm_up=6)
    _, requests = told(Seen(offset=5.0, spread=0.0), algorithm, 12)
    assert requests[-1][0].context["observation_std"].tolist() == [1.0] * 3
    assert requests[-1][0].context["observation_mean"].tolist() == [5.0] * 3


# ---------------------------------------------------------------- the search around it


def test_warm_up_comes_first_and_then_nothing_changes():
    algorithm = ObservationNormalised(RandomSearch(10), warm_up=15, clip=3.0)
    _, requests = told(Seen(), algorithm, 45)
    assert [len(request) for request, _ in requests] == [15, 10, 10, 10]
    assert requests[0][0].operators == "warm_up" and requests[0][0].context == {}
    contexts = [request.context for request, _ in requests[1:]]
    assert all((c["observation_mean"] == contexts[0]["observation_mean"]).all() for c in contexts)
    assert all(c["observation_clip"] == 3.0 for c in contexts)
    plain, _ = told(Seen(), RandomSearch(10), 30)
    assert plain.generation == 3


def test_statistics_follow_until_they_are_frozen():
    algorithm = ObservationNormalised(RandomSearch(10), warm_up=5, freeze_after=20)
    _, requests = told(Seen(), algorithm, 65)
    means = [request.context["observation_mean"][0] for request, _ in requests[1:]]
    assert len(set(means[:3])) == 3  # before the search, after 10 of its rows, after 20
    assert len(set(means[2:])) == 1


def test_the_inner_search_sees_what_it_would_have_seen():
    for wanted in ((), ("observation_mean",), COLUMNS):
        algorithm = ObservationNormalised(Watcher(wanted), warm_up=3, freeze_after=-1)
        result = qd.run(qd.Experiment(Seen(), algorithm, 33, seed=2))
        assert result.summary["metrics"]["told"] == 6
        state, _ = told(Seen(), algorithm, 33)
        assert state.inner["columns"] == sorted(wanted)
    assert algorithm.in_flight == 2 and algorithm.name == "ObservationNormalised(Watcher)"


@pytest.mark.parametrize("inner", [MapElites(batch_size=8), NoveltySearch(population_size=6)])
@pytest.mark.parametrize("freeze_after", [0, 20])
def test_resuming_is_exact(inner, freeze_after, tmp_path):
    algorithm = ObservationNormalised(inner, warm_up=9, freeze_after=freeze_after)
    experiment = qd.Experiment(pole(), algorithm, 60, seed=5, checkpoint_seconds=0.0)
    whole = qd.run(experiment, tmp_path / "whole")
    shorter = replace(experiment, budget=33)
    qd.run(shorter, tmp_path / "cut")
    went_on = qd.resume(tmp_path / "cut", shorter, evaluations=60)
    assert went_on.summary["digest"] == whole.summary["digest"]
    assert went_on.summary["metrics"]["observations"] == whole.summary["metrics"]["observations"] > 9
    other = qd.run(replace(experiment, algorithm=replace(algorithm, clip=0.5)))
    assert other.summary["digest"] != whole.summary["digest"]  # what is seen does matter
    with np.load(tmp_path / "whole" / "archive.npz") as stored:
        assert any("observation_mean" in name for name in stored.files)


def test_a_budget_that_ends_within_the_warm_up():
    result = qd.run(qd.Experiment(Seen(), ObservationNormalised(RandomSearch(10), warm_up=50), 20))
    assert result.summary["evaluations"] == 20
    tiny = qd.run(qd.Experiment(pole(), ObservationNormalised(RandomSearch(10), warm_up=50), {"steps": 90.0}))
    assert tiny.summary["cost"]["steps"] <= 90


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"algorithm": 3}, "algorithm: got int"),
        ({"warm_up": -1}, "warm_up: got -1"),
        ({"freeze_after": -2}, "freeze_after: got -2"),
        ({"warm_up": 0}, "warm_up = 0 and freeze_after = 0"),
        ({"clip": 0.0}, "clip: got 0.0"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(QDError, match=message):
        ObservationNormalised(**{"algorithm": RandomSearch(), **settings})


def test_a_problem_without_observations_is_refused():
    with pytest.raises(QDError, match="PlanarArm does not offer the column 'observation_count'"):
        ObservationNormalised(MapElites()).init(qd.problems.PlanarArm(), 0)


@pytest.mark.parametrize("stored", [False, True])
def test_the_picture_of_the_best_is_of_the_episode_that_scored(stored, tmp_path):
    from qd.view.run_plots import solution_figure

    experiment = qd.Experiment(pole(init_sigma=1.0), ObservationNormalised(MapElites(batch_size=10), warm_up=9), 40)
    result = qd.run(experiment, tmp_path / "run")
    if stored:
        result = qd.Result.load(tmp_path / "run", experiment)
    best = result.best
    seeds = row_seeds(0, np.array([best["id"]], np.uint64))
    plain = guarded(experiment.problem, qd.Request(best["solution"][None], number=1), seeds)
    assert plain.objective[0] != best["objective"]  # without the statistics it is another episode
    figure = solution_figure(result)
    titles = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    assert any(f"sum of rewards {best['objective']:.4g}" in title for title in titles)


def test_the_best_is_what_its_solution_gives_under_the_final_statistics():
    """The warm-up was judged without statistics: a lucky row of it is not the search's best."""
    problem = pole(max_steps=500)
    search = ObservationNormalised(MapElites(batch_size=10), warm_up=60)
    result = qd.run(qd.Experiment(problem, search, 100, seed=2), progress=False)
    rows = {row["purpose"]: row for row in result.summary["best"]}
    assert rows["validate"]["objective"] > rows["search"]["objective"]  # else the test says nothing
    best = result.best
    assert best["id"] >= 60
    context = {name: result.populations[name] for name in ("observation_mean", "observation_std", "observation_clip")}
    seed = row_seeds(2, np.array([best["id"]], np.uint64))
    again = problem.evaluate(qd.Request(best["solution"][None], context=context), seed)
    assert again.objective[0] == best["objective"] == result.summary["best_objective"]
