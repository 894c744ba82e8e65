"""NS-ES, NSR-ES and NSRA-ES: what a perturbation counts by hand, whose turn it is, and a weight that moves as told."""

import math

import numpy as np
import pytest

import qd
from operators import centred_ranks
from qd.algorithms import NoveltyES, OpenAIES
from qd.errors import QDError
from tests.driving import drive


class Line(qd.Problem):
    """Three weights; the measure is told below."""

    solution_space = qd.Box(-np.inf, np.inf, 3, init_sigma=1.0)
    measure_space = qd.Measures(("x",), (-100.0,), (100.0,), dims=(10,))

    def evaluate(self, request: qd.Request, seeds: np.ndarray) -> qd.Evaluation:
        raise AssertionError


def told(search: NoveltyES, state, objective: list, x: list | None = None) -> qd.Request:
    """The search's next request, answered; NaN objectives are failures."""
    request = search.ask(state, 1000)
    request.first = 100 * (len(state.archive) + state.generation)
    value = np.array(objective, float)
    measures = np.zeros((len(value), 1)) if x is None else np.array(x, float)[:, None]
    status = np.isnan(value).astype(np.int8)
    search.tell(state, request, qd.Evaluation(value, np.where(status[:, None], np.nan, measures), status))
    return request


def begun(search: NoveltyES, x: list, objective: list | None = None):
    state = search.init(Line(), 0)
    request = told(search, state, [0.0] * search.centers if objective is None else objective, x)
    assert request.purpose == "validate" and len(request) == search.centers
    return state


# --------------------------------------------------------- what rows count


@pytest.mark.parametrize(("kind", "share"), [("ns", 0.0), ("nsr", 0.5), ("nsra", 1.0)])
def test_rows_count_by_ranks_of_novelty_in_the_archive_and_of_the_objective(kind, share) -> None:
    search = NoveltyES(kind, 4, centers=3, neighbors=2, sigma=0.1)
    state = begun(search, [0.0, 10.0, 30.0])
    before = state.centers[0]["weights"].copy()
    request = search.ask(state, 99)
    steps = (np.asarray(request.solutions)[0::2] - before) / 0.1
    objective, x = np.array([4.0, 4.0, 9.0, -1.0]), np.array([[20.0], [1.0], [10.0], [90.0]])
    search.tell(state, request, qd.Evaluation(objective, x))
    # the two nearest of 0, 10, 30: 10, 10 -> 10; 1, 9 -> 5; 0, 10 -> 5; 60, 80 -> 70
    counted = share * centred_ranks(objective) + (1 - share) * centred_ranks([10.0, 5.0, 5.0, 70.0])
    slope = -((counted[0::2] - counted[1::2]) @ steps) / 4 + 0.005 * before
    assert np.allclose(state.centers[0]["first"], 0.1 * slope, rtol=0, atol=1e-12)
    assert np.allclose(state.centers[0]["weights"], before - 0.01 * np.sign(slope), rtol=0, atol=1e-6)
    assert state.mean_novelty == pytest.approx(22.5)


def test_novelty_is_over_the_archive_where_it_has_fewer_than_k() -> None:
    search = NoveltyES("ns", 4, centers=2)
    state = begun(search, [0.0, 10.0])
    told(search, state, [0.0] * 4, [0.0, 10.0, 5.0, 20.0])  # all of two: 5, 5, 5, 15
    assert state.mean_novelty == pytest.approx(7.5)


def test_with_reward_alone_it_is_openais_strategy() -> None:
    """One centre, and patience that never ends: NSRA-ES stays at w = 1."""
    problem = qd.problems.Sphere(dimension=5, cells=5)
    settings = {"population_size": 10, "sigma": 0.1, "learning_rate": 0.05}
    ours = drive(problem, NoveltyES("nsra", centers=1, patience=10**6, **settings), 551, 3)
    plain = drive(problem, OpenAIES(**settings), 550, 3)
    assert ours.generation == plain.generation == 50
    assert ours.centers[0]["weights"].tobytes() == plain.center["weights"].tobytes()


# ------------------------------------------------------- the archive, turns


def test_the_archive_grows_by_one_a_turn_and_holds_the_centres_measures() -> None:
    search = NoveltyES("nsr", 4, centers=2, center_episodes=3)
    state = begun(search, [0.0, 10.0])
    for turn in range(1, 6):
        told(search, state, [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
        assert len(state.archive) == 1 + turn
        request = told(search, state, [5.0], [50.0 + turn])
        assert request.repeats == 3 and len(request) == 1
        assert np.allclose(request.solutions[0], state.centers[state.turn]["weights"])
        assert len(state.archive) == 2 + turn and state.measures[state.turn] == 50.0 + turn
    assert state.archive.column("measures")[:, 0].tolist() == [0.0, 10.0, 51.0, 52.0, 53.0, 54.0, 55.0]
    assert state.archive.column("generation").tolist() == [0, 0, 1, 2, 3, 4, 5]


def test_a_turn_leaves_the_other_centres_and_their_adam_alone() -> None:
    search = NoveltyES("ns", 6, centers=3, selection="round_robin")
    state = begun(search, [0.0, 10.0, 20.0])
    for turn in range(7):
        before = [{name: np.copy(value) for name, value in center.items()} for center in state.centers]
        told(search, state, [0.0] * 6, list(range(turn, turn + 12, 2)))
        told(search, state, [0.0], [turn])
        assert state.turn == turn % 3
        for number, (was, now) in enumerate(zip(before, state.centers, strict=True)):
            same = [np.array_equal(was[name], now[name]) for name in ("weights", "first", "second", "steps")]
            assert same == [number != turn % 3] * 4
    assert [center["steps"] for center in state.centers] == [3, 2, 2]


def test_the_first_turn_is_centre_0s_and_later_ones_go_by_novelty() -> None:
    search = NoveltyES("ns", 4, centers=3, neighbors=1)
    state = begun(search, [0.0, 1.0, 2.0])
    assert search._next(state) == 0
    # novelty in the archive of 0, 1, 2 and these: 0 for the first, 3 and 6 for the others
    state.measures = np.array([[0.0], [5.0], [-6.0]])
    drawn = []
    for generation in range(1, 2001):
        state.generation = generation
        drawn.append(search._next(state))
    shares = np.bincount(drawn, minlength=3) / 2000
    assert shares[0] == 0 and abs(shares[1] - 1 / 3) < 0.04


def test_a_centre_that_is_not_known_gets_its_turn_and_so_do_all_where_none_is_novel() -> None:
    search = NoveltyES("ns", 4, centers=3, neighbors=1)
    state = begun(search, [0.0, 1.0, 2.0])  # each lies on itself in the archive: none is novel
    for measures, wanted in (([[0.0], [1.0], [2.0]], 1 / 3), ([[4.0], [math.nan], [-2.0]], 1 / 3)):
        state.measures = np.array(measures)
        drawn = []
        for generation in range(1, 2001):
            state.generation = generation
            drawn.append(search._next(state))
        assert np.abs(np.bincount(drawn, minlength=3) / 2000 - wanted).max() < 0.04


# ---------------------------------------------------------------- failures


def test_failures_are_the_worst_and_never_reach_the_archive() -> None:
    search = NoveltyES("nsr", 4, centers=3)
    state = begun(search, [0.0, 5.0, 9.0], [1.0, np.nan, 2.0])
    assert len(state.archive) == 2 and np.isnan(state.measures[1]).all()
    assert state.champion_objective == 2.0
    assert np.array_equal(state.champion, state.centers[2]["weights"])
    before = state.centers[0]["weights"].copy()
    told(search, state, [np.nan] * 4, [0.0] * 4)
    assert state.centers[0]["weights"].tolist() == before.tolist() and state.skipped == 1
    told(search, state, [np.nan], [0.0])
    assert len(state.archive) == 2 and state.measures[0] == 0.0  # as it was last known


def test_all_centres_may_fail_at_the_start() -> None:
    search = NoveltyES("ns", 4, centers=2)
    assert begun(NoveltyES("nsra"), [0.0] * 3, [np.nan] * 3).stalled == 0  # no turn was taken yet
    state = begun(search, [0.0, 0.0], [np.nan, np.nan])
    told(search, state, [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])  # an empty archive: nothing is novel
    assert state.skipped == 1
    told(search, state, [1.0], [3.0])
    told(search, state, [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 5.0])
    assert state.skipped == 1 and len(state.archive) == 1


# -------------------------------------------------- the weight of NSRA-ES


def test_the_weight_moves_as_published() -> None:
    search = NoveltyES("nsra", 4, centers=1, weight_step=0.4, patience=3)
    state = begun(search, [0.0], [10.0])
    centres = [9.0, 10.0, 8.0, 7.0, 11.0, 1.0, np.nan, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 12.0, 13.0, 14.0]
    #          three that are no better: 0.6 | one, then a new best: 1 | two and a failure: 0.6, ...
    wanted = [1.0, 1.0, 0.6, 0.6, 1.0, 1.0, 1.0, 0.6, 0.6, 0.6, 0.2, 0.2, 0.2, 0.0, 0.4, 0.8, 1.0]
    seen = []
    for value in centres:
        told(search, state, [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
        told(search, state, [value], [0.0])
        seen.append(state.weight)
    assert np.allclose(seen, wanted, rtol=0, atol=1e-9)
    assert seen[13] == 0.0 and state.champion_objective == 14.0


@pytest.mark.parametrize("step", [0.05, 0.1])
def test_steps_down_end_at_zero_without_a_rest(step) -> None:
    search = NoveltyES("nsra", weight_step=step)
    state = begun(search, [0.0] * 3)
    for _ in range(round(50 / step)):
        assert state.weight > 0
        search._adapt(state, False)
    assert state.weight == 0.0


@pytest.mark.parametrize(("kind", "weight"), [("ns", 0.0), ("nsr", 0.5)])
def test_the_others_keep_theirs(kind, weight) -> None:
    state = drive(qd.problems.PlanarArm(joints=4), NoveltyES(kind, 4, centers=2, patience=1), 60)
    assert state.weight == weight


# ------------------------------------------------------- what it comes to


@pytest.mark.thorough
def test_novelty_covers_more_of_the_maze_than_reward_and_the_archive_spreads() -> None:
    maze, settings = qd.problems.DeceptiveMaze(), {"population_size": 40, "sigma": 0.3, "learning_rate": 0.3}
    found = {
        name: qd.run(qd.Experiment(maze, search, 8000, seed=1))
        for name, search in (("ns", NoveltyES("ns", **settings)), ("reward", OpenAIES(**settings)))
    }
    assert found["ns"].summary["coverage"] > 1.3 * found["reward"].summary["coverage"]
    assert np.asarray(found["ns"].populations["centers"]).shape == (3, maze.solution_space.length)


@pytest.mark.peer
def test_it_works_on_standardised_observations() -> None:
    pytest.importorskip("gymnasium")
    pole = qd.problems.Gym("CartPole-v1", measures="mean_action", hidden=(4,), max_steps=30)
    search = qd.algorithms.ObservationNormalised(NoveltyES("nsr", 6, centers=2), warm_up=5, freeze_after=-1)
    result = qd.run(qd.Experiment(pole, search, 40, seed=0))
    assert result.summary["archives"]["novelty"] == 2 + 4
    assert result.summary["metrics"]["observations"] > 300


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "nrs"}, "NoveltyES.kind: got 'nrs'"),
        ({"selection": "best"}, "NoveltyES.selection: got 'best'"),
        ({"population_size": 7}, "NoveltyES.population_size: got 7, wanted an even number"),
        ({"centers": 0}, "NoveltyES.centers"),
        ({"neighbors": 0}, "NoveltyES.neighbors"),
        ({"center_episodes": 0}, "NoveltyES.center_episodes"),
        ({"weight_step": 0.0}, "NoveltyES.weight_step"),
        ({"patience": 0}, "NoveltyES.patience"),
        ({"l2": -1.0}, "NoveltyES.l2"),
    ],
)
def test_bad_settings_are_refused_by_name(changes: dict, message: str) -> None:
    with pytest.raises(QDError, match=message):
        NoveltyES(**changes)


def test_what_it_cannot_search_is_refused() -> None:
    with pytest.raises(QDError, match="declares no measures"):
        NoveltyES().init(qd.problem(lambda x: -float(x.sum()), low=-1, high=1, length=3), 0)
    with pytest.raises(QDError, match="NoveltyES searches real vectors"):
        NoveltyES().init(qd.problem(lambda m: float(m.sum()), space=qd.Mask(5), measures={"a": (0, 1)}), 0)
