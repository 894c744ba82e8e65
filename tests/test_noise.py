"""Noise on any problem, and MAP-Elites that evaluates its elites again: means by hand, moves, and truth at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import qd
from qd.problems.noisy import row_normals
from tests.driving import drive

ARM = qd.problems.PlanarArm(joints=5)
NOISY = qd.problems.Noisy(ARM, objective_sigma=0.1, measure_sigma=0.03)


# The noisy problem.


def test_normals_are_normal_independent_and_a_function_of_the_seed_alone() -> None:
    seeds = qd.rng.row_seeds(1, np.arange(50_000, dtype=np.uint64))
    drawn = np.empty((50_000, 3))
    row_normals(seeds, drawn)
    for column in drawn.T:
        assert stats.kstest(column, "norm").pvalue > 0.001
    assert np.abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 0.02
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.02
    part = np.empty((7, 3))
    row_normals(seeds[100:107].copy(), part)
    assert part.tobytes() == drawn[100:107].tobytes()


def twin(seed: int, count: int) -> list[float]:
    """Box and Muller on SplitMix64, in plain Python."""
    mask, out = (1 << 64) - 1, []
    state = seed ^ 0xD1B54A32D192ED03
    for _ in range((count + 1) // 2):
        u = []
        for _ in range(2):
            state = (state + 0x9E3779B97F4A7C15) & mask
            z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
            z ^= z >> 31
            u.append(((z >> 12) + 0.5) / 2**52)
        radius = np.sqrt(-2 * np.log(u[0]))
        out += [radius * np.cos(2 * np.pi * u[1]), radius * np.sin(2 * np.pi * u[1])]
    return out[:count]


def test_the_kernel_is_its_twin() -> None:
    seeds = qd.rng.row_seeds(3, np.arange(20, dtype=np.uint64))
    drawn = np.empty((20, 5))
    row_normals(seeds, drawn)
    np.testing.assert_allclose(drawn, [twin(int(seed), 5) for seed in seeds], rtol=1e-12)


def test_noise_is_added_to_the_clean_problem_which_travels_as_truth() -> None:
    assert qd.check_problem(NOISY) == []
    solutions = np.asarray(ARM.space().sample(2000, qd.rng.generator(0, "x")))
    clean = qd.evaluate_batch(ARM, qd.Request(solutions))
    noisy = qd.evaluate_batch(NOISY, qd.Request(solutions))
    assert noisy.truth["objective"].tobytes() == clean.objective.tobytes()
    assert noisy.truth["measures"].tobytes() == clean.measures.tobytes()
    np.testing.assert_allclose((noisy.objective - clean.objective).std(), 0.1, rtol=0.1)
    np.testing.assert_allclose((noisy.measures - clean.measures).std(axis=0), 0.03, rtol=0.1)
    exact = qd.evaluate_batch(qd.problems.Noisy(ARM, 0.0, 0.0), qd.Request(solutions))
    assert exact.objective.tobytes() == clean.objective.tobytes()
    assert exact.measures.tobytes() == clean.measures.tobytes()


def test_repeats_average_the_noise_and_equal_draws_share_it() -> None:
    solutions = np.full((200, 5), 0.3)
    often = qd.evaluate_batch(NOISY, qd.Request(solutions, fidelity={"repeats": 25}))
    np.testing.assert_allclose(often.objective.std(), 0.1 / 5, rtol=0.25)
    shared = qd.evaluate_batch(NOISY, qd.Request(solutions, draws=np.zeros(200, np.uint64)))
    assert len(set(shared.objective)) == 1


def test_measures_stay_inside_and_several_objectives_all_get_noise() -> None:
    wild = qd.evaluate_batch(qd.problems.Noisy(ARM, 0.0, 10.0), qd.Request(np.full((100, 5), 0.4)))
    assert wild.ok.all() and wild.measures.min() == 0.0 and wild.measures.max() == 1.0
    assert np.isin(wild.measures, (0.0, 1.0)).mean() > 0.8
    two = qd.problems.Noisy(qd.problems.ZDT1(), 0.1)
    assert qd.check_problem(two) == []
    drawn = qd.evaluate_batch(two, qd.Request(np.full((500, two.space().length), 0.5)))
    assert abs(np.corrcoef(drawn.objective.T)[0, 1]) < 0.2
    np.testing.assert_allclose(drawn.objective.std(axis=0), 0.1, rtol=0.2)


def test_bad_settings_of_the_noise_name_the_field() -> None:
    bare = qd.problem(lambda x: 0.0, low=0, high=1, length=2)
    for make, message in (
        (lambda: qd.problems.Noisy(3), r"Noisy\.problem: got int"),  # type: ignore[arg-type]
        (lambda: qd.problems.Noisy(ARM, -1.0), "objective_sigma: got -1"),
        (lambda: qd.problems.Noisy(ARM, 0.1, float("nan")), "measure_sigma: got nan"),
        (lambda: qd.problems.Noisy(bare, 0.1, 0.1), "has no measures"),
    ):
        with pytest.raises(qd.QDError, match=message):
            make()


# MAP-Elites that looks again.

LINE = qd.problem(lambda x: (float(x[1]), x[:1]), low=0, high=1, length=2, measures={"x": (0, 1)})


def told(algorithm: qd.algorithms.NoisyMapElites, state: Any, objective: Any, measures: Any, first: int = 0) -> Any:
    """Asks, and answers with these numbers; NaN means failed. A dict answers by the parent's number."""
    request = algorithm.ask(state, 1000)
    assert request is not None
    if isinstance(objective, dict):
        assert request.parents is not None
        numbers = request.parents[:, 0].tolist()
        objective, measures = [objective[i] for i in numbers], [measures[i] for i in numbers]
    objective = np.array(objective, float)
    request = request.rows(0, len(objective))
    request.first = first
    status = np.isnan(objective).astype(np.int8)
    places = np.where(np.isnan(objective)[:, None], np.nan, np.array(measures, float)[:, None])
    algorithm.tell(state, request, qd.Evaluation(objective, places, status))
    return request


def test_means_and_counts_by_hand() -> None:
    algorithm = qd.algorithms.NoisyMapElites(batch_size=4, dims=(4,), depth=2, caution=0.0, reevaluation=0.5)
    state = algorithm.init(LINE, 0)
    told(algorithm, state, [0.5, 0.9, 0.7, 0.2], [0.1, 0.1, 0.1, 0.9], first=10)
    assert state.ids.tolist() == [11, 12, 13]  # the third of the first cell is one too many
    assert state.elite.tolist() == [True, False, True]
    request = told(algorithm, state, {11: 0.3, 13: 0.4}, {11: 0.2, 13: 0.8})
    assert request.purpose == "validate" and len(request) == 2
    data = state.archive.data()
    assert data["id"].tolist() == [12, 13]  # 11 has come down to 0.6, behind 12 at 0.7
    state.again = True
    told(algorithm, state, {12: 0.4, 13: 0.9}, {12: 0.1, 13: 0.7})
    data = state.archive.data()
    assert data["id"].tolist() == [11, 13]
    assert data["evaluations"].tolist() == [2, 3]
    np.testing.assert_allclose(data["objective"], [0.6, 0.5])
    np.testing.assert_allclose(data["measures"][:, 0], [0.15, 0.8])


def test_an_elite_that_leaves_its_cell_is_followed_by_the_one_behind_it() -> None:
    algorithm = qd.algorithms.NoisyMapElites(batch_size=2, dims=(4,), caution=0.0)
    state = algorithm.init(LINE, 0)
    told(algorithm, state, [0.9, 0.7], [0.1, 0.1])
    told(algorithm, state, [0.7], [0.7])  # its mean is 0.8 at 0.4 now: another cell
    data = state.archive.data()
    assert sorted(zip(data["index"].tolist(), data["id"].tolist(), strict=True)) == [(0, 1), (1, 0)]
    assert data["objective"][data["id"] == 0] == pytest.approx(0.8)


def test_caution_keeps_a_lucky_child_behind_a_tried_elite() -> None:
    for caution, elite in ((0.0, 1), (2.0, 0)):
        algorithm = qd.algorithms.NoisyMapElites(batch_size=2, dims=(1,), caution=caution)
        state = algorithm.init(LINE, 0)
        told(algorithm, state, [0.5], [0.5], first=0)
        for value in (0.7, 0.3, 0.7, 0.3):
            state.again = True
            told(algorithm, state, [value], [0.5])
        assert state.counts.tolist() == [5]
        state.again = False
        told(algorithm, state, [0.7], [0.5], first=1)  # better than 0.5, by less than its noise
        assert state.archive.data("id").tolist() == [elite]


def test_the_noise_of_one_evaluation_is_estimated() -> None:
    flat = qd.problem(lambda x: (0.0, x[:1]), low=0, high=1, length=2, measures={"x": (0, 1)})
    for repeats in (1, 4):
        algorithm = qd.algorithms.NoisyMapElites(200, (20,), repeats=repeats, caution=0.0, depth=1)
        noisy = qd.problems.Noisy(flat, objective_sigma=0.2)
        state = drive(noisy, algorithm, 8000 * repeats)
        # selection of the lucky makes the first second look a larger surprise: an estimate on the cautious side
        assert 0.19 < algorithm.report(state).metrics["noise"] < 0.28


def test_a_solution_that_fails_on_a_second_look_leaves() -> None:
    algorithm = qd.algorithms.NoisyMapElites(batch_size=2, dims=(4,))
    state = algorithm.init(LINE, 0)
    told(algorithm, state, [0.9, 0.7], [0.1, 0.1])
    told(algorithm, state, [float("nan")], [0.1])
    assert state.ids.tolist() == [1] and state.archive.data("id").tolist() == [1]
    state.again = True
    told(algorithm, state, [float("nan")], [0.1])
    assert len(state.ids) == len(state.archive) == 0
    request = algorithm.ask(state, 10)
    assert request is not None and request.operators == "sample"


@pytest.mark.parametrize("failing", [0.5, 1.0])
def test_failures_and_equal_objectives_do_not_end_it(failing: float) -> None:
    def fails(x: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
        if qd.rng.row_generator(seed).random() < failing:
            raise ValueError("no")
        return 1.0, x[:1]

    problem = qd.problem(fails, low=0, high=1, length=2, measures={"x": (0, 1)})
    state = drive(problem, qd.algorithms.NoisyMapElites(10, (5,)), 200)
    assert (len(state.archive) > 0) == (failing < 1)


def test_without_looks_depth_and_caution_it_is_map_elites() -> None:
    """On a problem without noise the elites are the best that was seen in each cell."""
    seen: dict[int, float] = {}
    algorithm = qd.algorithms.NoisyMapElites(50, (8, 8), reevaluation=0, depth=1, caution=0)
    state: Any = algorithm.init(ARM, 0)
    for number in range(6):
        request = algorithm.ask(state, 50)
        assert request is not None and request.purpose == "search"
        evaluation = qd.evaluate_batch(ARM, request, first=50 * number)
        algorithm.tell(state, request, evaluation)
        for cell, value in zip(state.archive.index_of(evaluation.measures).tolist(), evaluation.objective.tolist()):
            seen[cell] = max(value, seen.get(cell, -np.inf))
    data = state.archive.data()
    assert dict(zip(data["index"].tolist(), data["objective"].tolist())) == seen


def test_the_truth_is_better_than_that_of_plain_map_elites() -> None:
    def truth(algorithm: qd.Algorithm) -> tuple[float, float]:
        archive = drive(NOISY, algorithm, 12_000, seed=1).archive
        found = qd.evaluate_batch(ARM, qd.Request(archive.data("solution")))
        grid = qd.archives.GridArchive(solution_dim=1, dims=[12, 12], ranges=[(0, 1), (0, 1)])
        grid.add(np.zeros((len(archive), 1)), found.objective, found.measures)
        return grid.qd_score, archive.qd_score

    plain, plain_claim = truth(qd.algorithms.MapElites(100, dims=(12, 12)))
    ours, claim = truth(qd.algorithms.NoisyMapElites(100, (12, 12)))
    assert ours > 1.05 * plain
    assert abs(claim - ours) < 0.6 * (plain_claim - plain)  # and it boasts less


def test_bad_settings_name_the_field() -> None:
    make = qd.algorithms.NoisyMapElites
    for wrong, message in (
        ({"reevaluation": 1.0}, "reevaluation"),
        ({"depth": 0}, "depth"),
        ({"caution": -1}, "caution"),
        ({"repeats": 0}, "repeats"),
        ({"iso_sigma": 0.0, "line_sigma": 0.0}, "not both 0"),
    ):
        with pytest.raises(qd.QDError, match=message):
            make(**wrong)
    with pytest.raises(qd.QDError, match="dims: got \\(3,\\)"):
        make(dims=(3,)).init(ARM, 0)
    with pytest.raises(qd.QDError, match="declares no measures"):
        make().init(qd.problem(lambda x: 0.0, low=0, high=1, length=2), 0)
    assert make(batch_size=1).looks_a_generation == 0
