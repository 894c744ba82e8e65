"""Problem.policy_of: a stored network, called step by step, does what was evaluated."""

import numpy as np
import pytest

import qd
from qd.errors import QDError

SEED = np.array([77], np.uint64)
SMALL = {
    "HardMaze": {"steps": 5}, "DeceptiveMaze": {"steps": 5}, "CollectBall": {"steps": 5}, "Curling": {"steps": 5},
    "RedundantArm": {"steps": 5}, "Point2D": {}, "CartPoleSwingUp": {"steps": 5},
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_every_network_is_a_function_of_one_or_many_observations(name):
    problem = getattr(qd.problems, name)(**SMALL[name])
    weights = problem.solution_space.sample(1, qd.rng.generator(1, "test"))[0]
    policy = problem.policy_of(weights)
    inputs, outputs = problem.policy.sizes[0], problem.policy.sizes[-1]
    seen = np.random.default_rng(0).normal(size=(3, inputs))
    assert policy(seen).shape == (3, outputs)
    for row in range(3):
        assert np.array_equal(policy(seen[row]), policy(seen)[row])
    with pytest.raises(QDError, match="observations"):
        policy(np.zeros(inputs + 1))
    with pytest.raises(QDError, match="solution"):
        problem.policy_of(weights[:-1])


def test_stepping_a_point_by_its_policy_ends_where_the_evaluation_did():
    from qd.problems._point2d_kernel import EDGE, SPEED

    problem = qd.problems.Point2D()
    weights = problem.solution_space.sample(1, qd.rng.generator(1, "test"))
    place, policy = np.zeros(2), problem.policy_of(weights[0])
    for _ in range(problem.steps):
        place = np.clip(place + SPEED * policy(place), -EDGE, EDGE)
    assert np.allclose(place, problem.evaluate(qd.Request(weights), SEED).measures[0], atol=1e-12)


def test_a_problem_without_networks_says_so():
    with pytest.raises(QDError, match="no policies"):
        qd.problems.PlanarArm().policy_of(np.zeros(10))


def test_wrappers_pass_it_on():
    maze = qd.problems.Point2D()
    weights = maze.solution_space.sample(1, qd.rng.generator(1, "test"))[0]
    wanted = maze.policy_of(weights)([0.1, 0.2])
    assert np.array_equal(qd.problems.Noisy(maze).policy_of(weights)([0.1, 0.2]), wanted)
    decoded = qd.problems.Decoded(maze)
    lineage = decoded.solution_space.sample(1, qd.rng.generator(1, "test"))
    grown = decoded.weights(lineage)[0].copy()
    given = decoded.policy_of(lineage.row(0))([0.1, 0.2])
    assert np.array_equal(given, maze.policy_of(grown)([0.1, 0.2]))


@pytest.mark.peer
@pytest.mark.parametrize("normalised", [False, True])
def test_stepping_an_environment_by_it_gives_the_stored_return(tmp_path, normalised):
    gymnasium = pytest.importorskip("gymnasium")
    problem = qd.problems.Gym("CartPole-v1", measures="mean_action", hidden=(8,))
    search = qd.algorithms.MapElites(batch_size=20, dims=(5, 5))
    if normalised:
        search = qd.algorithms.ObservationNormalised(search, warm_up=20)
    qd.run(qd.Experiment(problem, search, 60, seed=5), tmp_path / "r")
    result = qd.load(tmp_path / "r")
    assert (result.experiment is not None) and ("observation_mean" in result.populations) is normalised
    policy, best = result.policy(), result.best
    environment = gymnasium.make("CartPole-v1")
    seed = int(qd.rng.row_seeds(5, np.array([best["id"]], np.uint64))[0])
    observation, _ = environment.reset(seed=problem.reset_seed(seed))
    total, over = 0.0, False
    while not over:
        action = policy(observation)
        assert environment.action_space.contains(action)
        observation, reward, terminated, truncated, _ = environment.step(action)
        total, over = total + reward, terminated or truncated
    assert total == best["objective"]
    assert len(policy(np.zeros((4, 4)))) == len(policy([np.zeros(4)] * 4)) == 4
    cell = int(result.elites["index"][0])
    assert result.policy(cell)(observation) == result.policy(result.elite(cell=cell)["solution"])(observation)
    with pytest.raises(QDError, match="'best'"):
        result.policy("worst")
