"""GA-NS: novelty by hand, the archive, and the deceptive maze that it leaves while the same GA on reward does not."""

import numpy as np
import pytest

import qd
from qd.algorithms import DeepGA, NoveltyGA
from qd.errors import QDError
from qd.problems import Decoded
from qd.ragged import Ragged
from tests.driving import drive


class Planned(qd.Problem):
    """One weight, which is the only measure; the rows' measures are told below."""

    solution_space = qd.Lineage(8)
    measure_space = qd.Measures(("x",), (-100.0,), (100.0,), dims=(10,))

    def evaluate(self, request, seeds):
        raise AssertionError


def told(search: NoveltyGA, state, positions: list) -> qd.Request:
    request = search.ask(state, 100)
    request.number, request.first = state.generation, 100 * state.generation
    x = np.array(positions, float)[:, None]
    search.tell(state, request, qd.Evaluation(np.zeros(len(x)), x))
    return request


@pytest.mark.parametrize("squared", [True, False])
def test_novelty_by_hand(squared: bool) -> None:
    search = NoveltyGA(4, parents=2, neighbors=2, squared=squared, archive_probability=0.0)
    state = search.init(Planned(), 0)
    first = told(search, state, [0.0, 1.0, 3.0, 50.0])
    # two nearest: 0: 1, 3; 1: 1, 2; 3: 2, 3; 50: 47, 49
    assert state.parent_ids.tolist() == [first.first + 3, first.first + 2]
    assert state.elite_id == first.first + 3
    second = told(search, state, [49.0, 51.0, 0.0, 90.0])
    # the elite at 50 lies among 49 and 51 now: novelty is relative, and 0 is the new elite
    assert state.elite_id == second.first + 2
    far = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 2.0], [49.0, 50.0], [39.0, 40.0]])  # 50, 49, 51, 0, 90
    scores = (far**2 if squared else far).mean(axis=1)
    assert state.novelty == pytest.approx(np.sort(scores)[-2:].mean())
    assert state.parent_ids.tolist() == [second.first + 3, second.first + 2][:: 1 if scores[4] > scores[3] else -1]


def test_the_archive_takes_children_by_chance_and_the_elite_never_twice() -> None:
    search = NoveltyGA(50, parents=5, sigma=0.1, archive_probability=0.2)
    problem = Decoded(qd.problems.HardMaze(steps=50))
    state = drive(problem, search, 2000)
    ids = state.archive.column("id")
    assert len(set(ids)) == len(ids) == len(state.archived)
    assert 0.15 < len(ids) / 2000 < 0.25
    again = problem.evaluate(qd.Request(state.archived[[3]]), np.zeros(1, np.uint64))
    assert np.allclose(again.measures[0], state.archive.column("measures")[3])


@pytest.mark.thorough
def test_novelty_leaves_the_trap_where_reward_stays() -> None:
    maze = Decoded(qd.problems.DeceptiveMaze())
    found = {}
    for name, search in (("novelty", NoveltyGA(100, 10, 0.3)), ("reward", DeepGA(100, 10, 0.3, 5, 0))):
        found[name] = qd.run(qd.Experiment(maze, search, 8000, seed=1))
    assert found["novelty"].summary["coverage"] > 1.5 * found["reward"].summary["coverage"]
    assert -45 < found["reward"].best["objective"] < -38.5  # the pocket


def test_failures_are_left_out() -> None:
    search = NoveltyGA(4, parents=2, neighbors=2)
    state = search.init(Planned(), 0)
    request = search.ask(state, 100)
    request.number, request.first = 0, 0
    status = np.array([0, 1, 0, 1], np.int8)
    x = np.array([[0.0], [np.nan], [1.0], [np.nan]])
    search.tell(state, request, qd.Evaluation(np.array([0.0, np.nan, 1.0, np.nan]), x, status))
    assert sorted(state.parent_ids.tolist()) == [0, 2]
    assert isinstance(request.solutions, Ragged)
    lost = search.ask(state, 100)
    search.tell(state, lost, qd.Evaluation(np.full(4, np.nan), np.full((4, 1), np.nan), np.ones(4, np.int8)))
    assert sorted(state.parent_ids.tolist()) == [0, 2]


def test_bad_settings_are_named() -> None:
    for wrong, named in (({"parents": 5}, "parents"), ({"archive_probability": 2.0}, "archive_probability")):
        with pytest.raises(QDError, match=f"NoveltyGA.{named}"):
            NoveltyGA(**({"population_size": 4, "parents": 2} | wrong))
    with pytest.raises(QDError, match="Decoded"):
        NoveltyGA().init(qd.problems.HardMaze(), 0)

    class Blind(Planned):
        measure_space = None

    with pytest.raises(QDError, match="declares no measures"):
        NoveltyGA().init(Blind(), 0)
