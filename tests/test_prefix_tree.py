"""PrefixTree by hand, and the diffusion whose noise it searches."""

from __future__ import annotations

import numpy as np
import pytest

import qd
from qd.algorithms import PrefixTree, RandomSearch
from qd.contracts import Evaluation, Request
from qd.errors import QDError
from qd.problems import MixtureDiffusion
from qd.problems.mixture_diffusion import SPREAD


def told(algorithm, state, objective):
    request = algorithm.ask(state, 99)
    values = objective(np.asarray(request.solutions))
    algorithm.tell(state, request, Evaluation(values, status=np.where(np.isnan(values), 1, 0)))
    return np.asarray(request.solutions)


def test_the_first_walks_by_hand():
    """One walk a time, two children at most a node: the third goes down the better child and grows a node there."""
    algorithm = PrefixTree(block=1, batch_size=1, width=2.0, widening=0.0, exploration=0.0)
    state = algorithm.init(qd.problem(lambda x: 0.0, space=qd.Box(0, 1, 3)), 0)
    rewards = iter([0.2, 0.9, 0.4, 0.7])
    first, second, third, fourth = (told(algorithm, state, lambda x: np.array([next(rewards)]))[0] for _ in range(4))
    assert first[0] != second[0] == third[0] == fourth[0]  # the second began best: its mean stays the higher one
    assert third[1] != fourth[1]
    assert state.parent.tolist() == [-1, 0, 0, 2, 2] and state.depth.tolist() == [0, 1, 1, 2, 2]
    assert state.visits.tolist() == [4, 1, 3, 1, 1]
    assert state.total == pytest.approx([2.2, 0.2, 2.0, 0.4, 0.7])
    assert state.best.tolist() == second.tolist()


def test_what_is_kept_of_a_walk_is_its_beginning():
    algorithm = PrefixTree(block=2, batch_size=5)
    state = algorithm.init(qd.problem(lambda x: 0.0, space=qd.Box(0, 1, 6)), 1)
    for _ in range(20):
        rows = told(algorithm, state, lambda x: x.sum(axis=1))
        for row, node in zip(rows, state.ends, strict=True):
            while node > 0:
                at = 2 * (state.depth[node] - 1)
                assert (row[at : at + 2] == state.block[node]).all()
                node = state.parent[node]
    assert state.depth.max() == 3 and (np.bincount(state.parent[1:], minlength=1)[0]) <= np.ceil(np.sqrt(100))


def test_failed_walks_are_visits_without_a_value():
    algorithm = PrefixTree(block=1, batch_size=4)
    state = algorithm.init(qd.problem(lambda x: 0.0, space=qd.Box(0, 1, 2)), 0)
    for _ in range(10):
        told(algorithm, state, lambda x: np.where(x[:, 0] > 0.5, np.nan, x[:, 1]))
    assert 0 < state.told[0] < state.visits[0] == 40 and np.isfinite(state.total).all()
    for _ in range(3):
        told(algorithm, state, lambda x: np.full(len(x), np.nan))
    assert state.visits[0] == 52


def test_width_and_widening_of_one_are_random_search():
    algorithm = PrefixTree(block=1, width=1.0, widening=1.0)
    problem = qd.problem(lambda x: float(x.sum()), low=0, high=1, length=4)
    assert qd.run(qd.Experiment(problem, algorithm, 100), progress=False).summary["metrics"]["deepest"] == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PrefixTree(block=0), "PrefixTree.block: got 0"),
        (lambda: PrefixTree(exploration=-1.0), "PrefixTree.exploration: got -1"),
        (lambda: PrefixTree(widening=1.5), "PrefixTree.widening: got 1.5"),
        (lambda: PrefixTree(block=3).init(MixtureDiffusion(), 0), "got 3, which does not divide the 20 genes"),
        (
            lambda: PrefixTree().init(qd.problem(lambda x: 0.0, space=qd.Mask(4)), 0),
            "PrefixTree continues real vectors",
        ),
        (lambda: MixtureDiffusion(steps=1), "MixtureDiffusion.steps: got 1"),
        (lambda: MixtureDiffusion(rarity=1.0), "MixtureDiffusion.rarity: got 1"),
        (lambda: MixtureDiffusion(off=-0.1), "MixtureDiffusion.off: got -0.1"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(QDError, match=message):
        make()


# ---------------------------------------------------------------- the diffusion


def test_rows_are_independent():
    assert qd.check_problem(MixtureDiffusion()) == []


def test_denoising_draws_the_mixture():
    """Modes as often as they weigh, and as wide; the tolerances are those of 50 steps and 4000 draws."""
    problem = MixtureDiffusion(steps=50, rarity=0.3)
    drawn = problem.points(problem.solution_space.sample(4000, np.random.default_rng(0)))
    away = np.linalg.norm(drawn[:, None] - problem.modes[0], axis=2)
    nearest = away.argmin(axis=1)
    assert np.bincount(nearest, minlength=8) / 4000 == pytest.approx(problem.modes[1], abs=0.05)
    spread = (drawn - problem.modes[0][nearest]).std(axis=0)
    assert spread == pytest.approx([SPREAD, SPREAD], rel=0.2)


def test_the_expected_end_is_that_of_bayes():
    """Against the posterior mean over many ends, at a point halfway."""
    problem = MixtureDiffusion(steps=10, rarity=0.3)
    centers, weights = problem.modes
    rng = np.random.default_rng(0)
    ends = centers[rng.choice(8, 400_000, p=weights)] + SPREAD * rng.standard_normal((400_000, 2))
    x, kept = np.array([[0.8, 0.3]]), problem.kept[5]
    likely = np.exp(-0.5 * ((x - np.sqrt(kept) * ends) ** 2).sum(axis=1) / (1 - kept))
    wanted = (likely[:, None] * ends).sum(axis=0) / likely.sum()
    assert problem.denoised(x, 5)[0] == pytest.approx(wanted, abs=0.02)


def test_the_tree_does_better_than_the_best_of_as_many_draws():
    problem = MixtureDiffusion()

    def best(search):
        runs = (qd.run(qd.Experiment(problem, search, 200, seed=s), progress=False) for s in range(5))
        return np.mean([run.summary["best_objective"] for run in runs])

    assert best(PrefixTree()) > best(RandomSearch(20)) + 0.1


def test_a_request_says_what_made_it():
    state = PrefixTree().init(MixtureDiffusion(), 0)
    assert isinstance(PrefixTree().ask(state, 5), Request) and PrefixTree().ask(state, 0) is None
