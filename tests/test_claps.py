"""ClaPS: clusters, scores, pruning and the three searches by hand-worked cases, and a planted optimum found."""

import numpy as np
import pytest
from scipy.stats import entropy

import qd
from qd.algorithms import ClaPS, RandomSearch
from qd.algorithms import _claps_alphabet as alphabets
from qd.algorithms import _discrete_pso as swarm
from qd.contracts import Evaluation
from qd.errors import QDError
from tests.driving import drive
from tests.planted import PlantedTokens


class Weights(qd.Problem):
    """The sum of the tokens' weights; a token of NaN fails. What was asked is noted."""

    batching = "rows"
    deterministic = True

    def __init__(self, weights: list[float], longest: int = 6, shortest: int = 0) -> None:
        self.weights = np.array(weights)
        self.solution_space = qd.Tokens(len(weights), longest, shortest)
        self.requests: list[list[list[int]]] = []
        self.operators: list = []
        self.parents: list = []

    def evaluate(self, request, seeds):
        rows = [row.tolist() for row in request.solutions]
        self.requests.append(rows)
        self.operators.append(request.operators)
        self.parents.append(request.parents)
        return Evaluation(np.array([self.weights[row].sum() for row in rows]))


def test_survivors_are_the_tokens_nearest_to_the_centroids() -> None:
    spots = np.array([[0, 0], [10, 0], [0, 10]], np.float32)
    offsets = np.array(
        [[0, 0], [1, 0], [-1, 0], [0, 0.2]], np.float32
    )  # the nearest to the mean (0, 0.05) is the first
    table = np.concatenate([spot + offsets for spot in spots])
    found = {
        tuple(alphabets.nearest_to_centroids(table, 3, np.random.default_rng(seed)).tolist()) for seed in range(40)
    }
    assert (0, 4, 8) in found  # k-means may begin with two centroids in one spot
    assert max(map(len, found)) == 3
    same = np.zeros((5, 2), np.float32)
    assert len(alphabets.nearest_to_centroids(same, 3, np.random.default_rng(0))) == 1


def test_kept_is_strictly_above_the_percentile() -> None:
    scores = np.array([1.0, 5.0, np.nan, 3.0, 2.0, 4.0])
    assert alphabets.above(scores, 50).tolist() == [1, 5]  # above 3
    assert alphabets.above(scores, 0).tolist() == [1, 3, 4, 5]
    assert alphabets.above(scores, 100).tolist() == [1]  # nothing is above: the highest
    assert alphabets.above(np.array([2.0, 2.0, 1.0]), 90).tolist() == [0, 1]
    assert alphabets.above(np.full(3, np.nan), 90).tolist() == [0, 1, 2]


def test_divergence_is_that_of_scipy_over_the_examples_judged() -> None:
    rng = np.random.default_rng(0)
    rows, empty = rng.dirichlet(np.ones(3), (4, 5)), rng.dirichlet(np.ones(3), 5)
    rows[1, 2:] = np.nan
    rows[2, 0] = [1.0, 0.0, 0.0]
    expected = [np.nanmean(entropy(row, empty, axis=1)) for row in rows]
    assert alphabets.divergence(rows, empty) == pytest.approx(expected)
    assert np.isnan(alphabets.divergence(np.full((1, 5, 3), np.nan), empty)).all()


def test_tokens_are_judged_alone_in_one_request_and_the_best_kept() -> None:
    problem = Weights([0.0, 3.0, 1.0, 2.0, np.nan, -1.0])
    state = drive(problem, ClaPS(clusters=0, percentile=50, epochs=1, population_size=4, prompt_length=2), 1000)
    assert problem.requests[0] == [[], [0], [1], [2], [3], [4], [5]]
    assert problem.operators[0] == ["empty", *["token"] * 6]
    assert state.scores[[0, 1, 2, 3, 5]].tolist() == [0.0, 3.0, 1.0, 2.0, -1.0]
    assert state.kept.tolist() == [1, 3]
    assert len(problem.requests) == 2
    assert all(len(row) == 2 and set(row) <= {1, 3} for row in problem.requests[1])


def test_a_gain_is_over_the_empty_prompt_where_there_is_one() -> None:
    class Shifted(Weights):
        def evaluate(self, request, seeds):
            evaluation = super().evaluate(request, seeds)
            evaluation.objective += 10.0
            return evaluation

    settings = {"clusters": 0, "percentile": 0, "epochs": 1, "population_size": 2, "prompt_length": 2}
    assert drive(Shifted([1.0, 2.0]), ClaPS(**settings), 100).scores.tolist() == [1.0, 2.0]
    problem = Shifted([1.0, 2.0], shortest=1)
    assert drive(problem, ClaPS(**settings), 100).scores.tolist() == [11.0, 12.0]
    assert problem.requests[0] == [[0], [1]]


def test_judging_takes_no_more_than_its_share_of_the_budget() -> None:
    problem = Weights(list(range(50)))
    state = drive(problem, ClaPS(clusters=0, scoring_share=0.25, population_size=10), 84)
    judged = [row[0] for row in problem.requests[0][1:]]
    assert len(judged) == 20  # 21 with the empty prompt
    assert judged == sorted(set(judged))
    assert judged != list(range(20))
    assert state.scored.tolist() == judged
    with pytest.raises(QDError, match="scoring_share"):
        drive(problem, ClaPS(clusters=0, scoring_share=0.25), 8)


def test_the_genetic_algorithm_keeps_its_parents_and_varies_them_half_and_half() -> None:
    problem = Weights(np.random.default_rng(0).normal(size=40).tolist())
    search = ClaPS(clusters=0, percentile=50, population_size=40, epochs=4, parents_share=0.1, replace_probability=0.25)
    state = drive(problem, search, 10_000)
    assert [len(request) for request in problem.requests] == [41, 40, 40, 40, 40]
    assert state.phase == "ended"
    first = 41
    values = {first + row: problem.weights[tokens].sum() for row, tokens in enumerate(problem.requests[1])}
    rows = {first + row: tokens for row, tokens in enumerate(problem.requests[1])}
    best = set(sorted(values, key=values.get, reverse=True)[:4])
    parents, children = problem.parents[2], problem.requests[2]
    assert set(parents.ravel().tolist()) <= best
    assert problem.operators[2] == ["mutation"] * 20 + ["crossover"] * 20
    assert (parents[:20, 0] == parents[:20, 1]).all()
    assert (parents[20:, 0] != parents[20:, 1]).all()
    mixed = 0
    for child, (a, b) in zip(children[20:], parents[20:].tolist(), strict=True):
        assert all(token in pair for token, *pair in zip(child, rows[a], rows[b], strict=True))
        mixed += child not in (rows[a], rows[b])
    assert mixed > 5
    changed = np.array(
        [np.array(child) != rows[a] for child, (a, _) in zip(children, parents[:20].tolist(), strict=False)]
    )
    assert 0.1 < changed.mean() < 0.4
    assert len(state.ids) == 4 + 40  # the parents stay beside the last children
    later = [max(problem.weights[row].sum() for row in request) for request in problem.requests[1:]]
    assert state.objective.max() == pytest.approx(max(later))


def test_greedy_growth_appends_the_best_token_of_each_round() -> None:
    class Distinct(Weights):
        """A token counts once."""

        def evaluate(self, request, seeds):
            super().evaluate(request, seeds)
            return Evaluation(np.array([self.weights[list(set(row.tolist()))].sum() for row in request.solutions]))

    problem = Distinct([1.0, 5.0, 3.0, -1.0, 4.0, 0.0])
    search = ClaPS(clusters=0, percentile=20, search="greedy", prompt_length=3)
    state = drive(problem, search, 1000)
    assert state.kept.tolist() == [0, 1, 2, 4]  # above the 20th percentile, 0.0
    assert problem.requests[1] == [[1, 0], [1, 1], [1, 2], [1, 4]]  # the first token is known already
    assert problem.requests[2] == [[1, 4, 0], [1, 4, 1], [1, 4, 2], [1, 4, 4]]
    assert len(problem.requests) == 3
    assert search.report(state).populations["solutions"].tolist() == [[1, 4, 2]]
    assert state.objective.tolist() == [12.0]
    short = Distinct([1.0, 5.0, 3.0])
    assert drive(short, ClaPS(clusters=0, percentile=20, search="greedy", prompt_length=1), 100).objective.tolist() == [
        5
    ]
    assert len(short.requests) == 1


def test_velocities_are_pulled_towards_other_tokens() -> None:
    positions, own = np.array([[1, 2, 3]], np.int32), np.array([[1, 9, 9]], np.int32)
    best = np.array([1, 2, 9], np.int32)
    velocity = np.array([[1.0, 1.0, 1.0]])
    # inertia 0.8: 0.8 + 0.2 * (-6, 0, 6)
    assert swarm.faster(positions, velocity, own, best, 0.0)[0].tolist() == pytest.approx([-0.4, 0.8, 2.0])
    # inertia 0.2 at the end: 0.2 + 0.8 * (-6, 0, 6)
    assert swarm.faster(positions, velocity, own, best, 1.0)[0].tolist() == pytest.approx([-4.6, 0.2, 5.0])
    begin = swarm.start(2000, 4, np.random.default_rng(0))
    assert -3 <= begin.min() < -2.9
    assert 2.9 < begin.max() <= 3


def test_particles_turn_to_their_own_best_first_and_to_the_swarms_later() -> None:
    n = 20_000
    positions, own, best = np.zeros((n, 2), np.int32), np.full((n, 2), 1, np.int32), np.full(2, 2, np.int32)
    sure = np.full((n, 2), 50.0)  # sigmoid 1
    for progress, to_own, to_best in ((0.0, 0.8, 0.2), (0.5, 0.5, 0.5), (1.0, 0.2, 0.8)):
        after = swarm.moved(positions, sure, own, best, progress, np.random.default_rng(1), 5, 0.0)
        assert (after[:, 0] == after[:, 1]).all()
        assert (after[:, 0] == 2).mean() == pytest.approx(to_best, abs=0.015)
        assert (after[:, 0] == 1).mean() == pytest.approx(to_own * (1 - to_best), abs=0.015)
    unsure = swarm.moved(positions, np.zeros((n, 2)), own, own[0], 0.0,
                         np.random.default_rng(2), 5, 0.0)  # fmt: skip
    assert (unsure == 1).mean() == pytest.approx(0.8 * 0.5 + 0.2 * 0.5 - 0.8 * 0.2 * 0.25, abs=0.015)
    still = swarm.moved(positions, -sure, own, best, 0.0, np.random.default_rng(3), 5, 0.25)
    assert (still != 0).sum(axis=1).max() == 1
    assert (still != 0).any(axis=1).mean() == pytest.approx(0.25, abs=0.015)
    assert not positions.any()


def test_the_swarm_remembers_the_best_of_each_particle() -> None:
    problem = Weights(np.random.default_rng(1).normal(size=30).tolist())
    search = ClaPS(clusters=0, percentile=50, search="pso", population_size=12, epochs=6, replace_probability=0.5)
    state = drive(problem, search, 10_000)
    moves = np.array([[problem.weights[row].sum() for row in request] for request in problem.requests[1:]])  # (6, 12)
    assert moves.shape == (6, 12)
    assert state.objective == pytest.approx(moves.max(axis=0))
    assert problem.weights[state.kept[state.codes]].sum(axis=1) == pytest.approx(state.objective)


@pytest.mark.parametrize("search", ["ga", "greedy", "pso"])
def test_failed_rows_never_lead(search: str) -> None:
    problem = Weights([np.nan, 1.0, 2.0, 3.0, np.nan, 0.5, 0.1, 0.2])
    settings = {"clusters": 0, "percentile": 30, "search": search, "population_size": 6, "epochs": 3}
    state = drive(problem, ClaPS(**settings), 500)
    assert not set(state.kept.tolist()) & {0, 4}
    assert np.isfinite(state.objective).all()
    failing = Weights([np.nan] * 6)
    state = drive(failing, ClaPS(**settings), 60)
    assert len(state.objective) == 0
    report = ClaPS(**settings).report(state)
    assert np.isnan(report.metrics["population_best"])


@pytest.mark.parametrize(
    "settings", [{}, {"search": "greedy"}, {"search": "pso"}, {"score": "kl", "percentile": 40}], ids=str
)
def test_it_finds_the_planted_optimum_and_random_prompts_do_not(settings: dict) -> None:
    problem = PlantedTokens()
    budget, optimum = 1000, problem.optimum
    found, random = [], []
    for seed in range(3):
        search = ClaPS(**{"clusters": 60, "percentile": 70, "population_size": 40, **settings})
        found.append(qd.run(qd.Experiment(problem, search, budget, seed=seed)).summary["best_objective"] / optimum)
        drawn = qd.run(qd.Experiment(problem, RandomSearch(batch_size=50), budget, seed=seed))
        random.append(drawn.summary["best_objective"] / optimum)
    assert min(found) >= 0.95
    assert max(random) < 0.9


def test_the_planted_tokens_are_a_sound_problem() -> None:
    problem = PlantedTokens(groups=6, each=2, longest=2)
    assert qd.check_problem(problem) == []
    alphabet = len(problem.group_of)
    rows = [[i, j] for i in range(alphabet) for j in range(alphabet)] + [[i] for i in range(alphabet)] + [[]]
    evaluation = qd.evaluate_batch(problem, qd.Request(qd.Ragged.from_rows(rows)), 0)
    assert evaluation.objective.max() == pytest.approx(problem.optimum)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"prompt_length": 0}, "prompt_length"),
        ({"clusters": -1}, "clusters"),
        ({"score": "reward"}, "score"),
        ({"search": "random"}, "search"),
        ({"percentile": 101}, "percentile"),
        ({"scoring_share": 0}, "scoring_share"),
        ({"population_size": 1}, "population_size"),
        ({"epochs": 0}, "epochs"),
        ({"parents_share": 2}, "parents_share"),
        ({"replace_probability": -0.1}, "replace_probability"),
    ],
)
def test_bad_settings_are_named(settings: dict, word: str) -> None:
    with pytest.raises(QDError, match=f"ClaPS.{word}"):
        ClaPS(**settings)


def test_problems_that_do_not_fit_are_refused() -> None:
    weights = [0.0] * 10
    with pytest.raises(QDError, match="token sequences"):
        ClaPS().init(qd.problems.PlanarArm(joints=3), 0)
    with pytest.raises(QDError, match=r"clusters: Weights has no method embeddings"):
        ClaPS(clusters=5).init(Weights(weights), 0)
    with pytest.raises(QDError, match="prompt_length"):
        ClaPS(prompt_length=7).init(Weights(weights), 0)
    with pytest.raises(QDError, match="min_length"):
        ClaPS().init(Weights(weights, shortest=2), 0)
    with pytest.raises(QDError, match=r"ClaPS\.score"):
        ClaPS(score="kl").init(Weights(weights), 0)
    problem = Weights(weights)
    problem.embeddings = lambda: np.zeros((9, 2))
    with pytest.raises(QDError, match="shape"):
        ClaPS(clusters=5).init(problem, 0)
