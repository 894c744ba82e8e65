"""PromptQuine: its decisions on hand-made objectives, and that it finds a planted optimum."""

from types import SimpleNamespace

import numpy as np
import pytest

import operators
import qd
from qd.algorithms import MapElites, PromptQuine, RandomSearch
from qd.contracts import Evaluation, Request
from qd.errors import QDError
from tests.driving import drive
from tests.planted import Planted


class Masks(qd.Problem):
    """Twenty-four tokens, two of them frozen; the tests hand the objectives in themselves."""

    solution_space = qd.Mask(24, frozen=(0, 5))
    fidelities = {"examples": "(n, k) numbers of the examples"}

    def __init__(self, examples: int = 5) -> None:
        self.task = SimpleNamespace(splits=SimpleNamespace(search=range(examples)))

    def evaluate(self, request, seeds):
        return Evaluation(np.asarray(request.solutions).sum(axis=1).astype(float))


class Told:
    """A search with its state, told what a test says."""

    def __init__(self, search: PromptQuine, problem: qd.Problem | None = None, seed: int = 0) -> None:
        self.search, self.state, self.first = search, search.init(problem or Masks(), seed), 0

    def ask(self) -> Request:
        request = self.search.ask(self.state, 1000)
        assert request is not None
        request.first = self.first
        self.first += len(request)
        return request

    def tell(self, request: Request, objective) -> None:
        values = np.broadcast_to(np.asarray(objective, float), (len(request),)).copy()
        status = np.where(np.isnan(values), 1, 0).astype(np.int8)
        self.search.tell(self.state, request, Evaluation(values, status=status))

    def begun(self, objective: float = 0.0) -> "Told":
        self.tell(self.ask(), objective)
        return self


def test_the_first_population_is_copies_of_the_full_mask_evaluated_once() -> None:
    told = Told(PromptQuine())
    request = told.ask()
    assert request.solutions.tolist() == [[1] * 24]
    told.tell(request, 3.0)
    population = told.state.population
    assert len(population) == 30
    assert (population.masks == 1).all()
    assert (population.objective == 3.0).all()
    assert (population.ids == 0).all()


def test_random_drops_are_of_ten_rates_and_spare_what_is_frozen() -> None:
    told = Told(PromptQuine(population_size=20_000, initial="random_drops"))
    masks = told.ask().solutions
    gone = 1 - np.delete(masks, [0, 5], axis=1).mean(axis=1)
    assert masks[:, [0, 5]].all()
    assert abs(gone.mean() - 0.125) < 0.003
    rates = np.linspace(0.05, 0.2, 10)
    within = (rates * (1 - rates) / 22).mean()  # of each row, and of the rates
    assert gone.var() == pytest.approx(within + rates.var(), rel=0.05)


def test_children_are_of_winners_of_six_of_thirty_and_drop_one_to_four(monkeypatch) -> None:
    calls = []
    real = operators.tournament
    monkeypatch.setattr(operators, "tournament", lambda *args: calls.append(args) or real(*args))
    told = Told(PromptQuine()).begun()
    request = told.ask()
    objective, _, count, size = calls[0]
    assert (len(objective), count, size) == (30, 50, 6)
    assert len(request) == 50
    assert set(24 - request.solutions.sum(axis=1)) == {1, 2, 3, 4}
    assert (request.parents == 0).all()
    search = PromptQuine()
    assert [search.tournament_size(n) for n in (30, 80, 14, 5, 4, 1)] == [6, 16, 2, 1, 1, 1]


def test_only_the_newborn_live_on_best_first() -> None:
    told = Told(PromptQuine()).begun(1000.0)
    request = told.ask()
    objective = np.random.default_rng(0).permutation(len(request)).astype(float)
    objective[objective == 49] = np.nan  # the best failed
    told.tell(request, objective)
    population = told.state.population
    assert population.objective.tolist() == list(range(48, 18, -1))
    assert (population.masks.sum(axis=1) < 24).all()
    for mask, number, value in zip(population.masks, population.ids, population.objective, strict=True):
        row = int(number) - request.first
        assert (request.solutions[row] == mask).all()
        assert objective[row] == value
    grandchildren = told.ask()
    parents = grandchildren.parents[:, 0] - request.first
    assert (grandchildren.solutions <= request.solutions[parents]).all()
    assert (objective[parents] >= 19).all()


def test_where_too_few_were_evaluated_the_population_shrinks_and_without_any_the_parents_stay() -> None:
    told = Told(PromptQuine()).begun(5.0)
    request = told.ask()
    told.tell(request, np.nan)
    assert len(told.state.population) == 30
    assert (told.state.population.masks == 1).all()
    request = told.ask()
    told.tell(request, [1.0, 2.0, 2.5, *[np.nan] * (len(request) - 3)])
    assert told.state.population.objective.tolist() == [2.5, 2.0, 1.0]
    told.tell(told.ask(), 0.0)
    assert len(told.state.population) == 30


def test_where_the_full_mask_fails_random_drops_begin() -> None:
    told = Told(PromptQuine())
    told.tell(told.ask(), np.nan)
    request = told.ask()
    assert (len(request), request.operators) == (30, "random_drops")
    told.tell(request, [*[np.nan] * 28, 1.0, 2.0])
    assert len(told.state.population) == 2


def test_duplicates_are_discarded_and_take_their_places(monkeypatch) -> None:
    told = Told(PromptQuine(offspring=6)).begun()
    made = np.ones((6, 24), np.uint8)
    made[0, 1] = made[1, 2] = made[2, 1] = 0  # the other three are the full mask, which the population has
    ok = np.array([True, True, True, True, True, False])
    monkeypatch.setattr(operators, "drop", lambda *args: (made, ok))
    request = told.ask()
    assert request.solutions.tolist() == made[:3].tolist()
    assert (told.state.slots, told.state.duplicates, told.state.skipped) == (6, 2, 1)
    told.tell(request, [1.0, 2.0, 3.0])
    assert told.state.population.objective.tolist() == [3.0, 2.0, 1.0]  # twice the same mask, as nobody had it


def test_a_round_of_empty_places_is_followed_by_another(monkeypatch) -> None:
    told = Told(PromptQuine(offspring=4, most_slots=12)).begun(1.0)
    monkeypatch.setattr(operators, "drop", lambda masks, *rest: (masks, np.ones(len(masks), bool)))
    assert told.search.ask(told.state, 1000) is None
    assert (told.state.slots, told.state.rounds, told.state.duplicates) == (12, 3, 12)
    assert len(told.state.population) == 30


def test_steady_children_are_parents_at_once_until_the_round_is_over(monkeypatch) -> None:
    pools = []

    def best(objective, rng, count, size):
        pools.append((len(objective), size))
        return np.full(count, np.argmax(objective))

    monkeypatch.setattr(operators, "tournament", best)
    told = Told(PromptQuine(scheme="steady", population_size=10, offspring=5)).begun(0.0)
    last, lengths = 0, []
    for birth in range(5):
        request = told.ask()
        assert request.parents.tolist() == [[last]]
        last = request.first
        lengths.append(int(request.solutions.sum()))
        told.tell(request, float(birth + 1))
    assert (np.diff(lengths) < 0).all()
    assert pools == [(10, 2), (11, 2), (12, 2), (13, 2), (14, 2)]
    assert (told.state.rounds, told.state.slots, len(told.state.newborn)) == (1, 5, 0)
    assert told.state.population.objective.tolist() == [5.0, 4.0, 3.0, 2.0, 1.0]


def test_steady_survivors_are_newborn() -> None:
    told = Told(PromptQuine(scheme="steady", population_size=3, offspring=5)).begun(100.0)
    for value in (1.0, 5.0, np.nan, 3.0, 2.0):
        assert told.state.rounds == 0
        told.tell(told.ask(), value)
    assert told.state.population.objective.tolist() == [5.0, 3.0, 2.0]


@pytest.mark.parametrize("scheme", ["generational", "steady"])
def test_it_ends_by_mean_length_by_places_and_where_nothing_is_left(scheme: str) -> None:
    for settings, kept, slots in (
        ({"least_tokens": 15.0}, (10, 15), 2000),
        ({"least_tokens": 0.0}, (3, 3.9), 2000),  # two frozen, and the one that is always left
        ({"least_tokens": 21.0, "population_size": 1, "offspring": 1, "drop": 1}, (21, 21), 3),
        ({"most_slots": 100}, (15, 24), 100),
    ):
        state = drive(Masks(), PromptQuine(scheme=scheme, **settings), 5000)
        mean = state.population.masks.sum(axis=1).mean()
        assert state.ended
        assert kept[0] <= mean <= kept[1]
        assert state.slots <= slots


def test_halving_judges_the_second_half_of_those_that_reach_the_worst() -> None:
    told = Told(PromptQuine(population_size=3, offspring=4, halving=True), Masks(examples=5))
    first = told.ask()
    assert not first.fidelity
    told.tell(first, 1.0)
    request = told.ask()
    assert request.fidelity["examples"].tolist() == [[0, 1]] * 4
    told.tell(request, [0.9, 1.0, 6.0, np.nan])
    assert len(told.state.population) == 3
    assert told.state.rounds == 0
    second = told.ask()
    assert second.fidelity["examples"].tolist() == [[2, 3, 4]] * 2
    assert second.solutions.tolist() == request.solutions[1:3].tolist()
    assert second.parents[:, 0].tolist() == [request.first + 1, request.first + 2]
    told.tell(second, [2.0, 1.0])
    population = told.state.population
    assert population.objective.tolist() == pytest.approx([3.0, 1.6, 0.9])  # (2*6+3*1)/5, (2*1+3*2)/5, half alone
    assert population.ids.tolist() == [request.first + row for row in (2, 1, 0)]


def test_halving_drops_what_fails_on_the_second_half() -> None:
    told = Told(PromptQuine(population_size=3, offspring=3, halving=True), Masks(examples=4)).begun(0.0)
    told.tell(told.ask(), [1.0, 2.0, -1.0])
    told.tell(told.ask(), [np.nan, 4.0])
    assert told.state.population.objective.tolist() == [3.0, -1.0]


def test_halving_of_an_additive_objective_is_the_whole_and_costs_less() -> None:
    problem = Planted(24)
    settings = {"least_tokens": 8, "halving": True}
    state = drive(problem, PromptQuine(**settings), 600, seed=2)
    pool = state.population
    whole = np.abs(pool.objective - problem.values(pool.masks)) < 1e-9
    assert whole.any()
    results = [
        qd.run(qd.Experiment(problem, PromptQuine(least_tokens=8, halving=halving), {"examples": 4000.0}, seed=2))
        for halving in (False, True)
    ]
    costs = [result.summary["cost"]["examples"] / result.summary["metrics"]["rounds"] for result in results]
    assert costs[1] < 0.9 * costs[0]


def test_it_finds_the_planted_optimum_and_random_masks_do_not() -> None:
    problem = Planted(24)
    found, random = [], []
    for seed in range(5):
        for search, values in (
            (PromptQuine(drop=1, least_tokens=5), found),
            (RandomSearch(batch_size=50), random),
        ):
            result = qd.run(qd.Experiment(problem, search, 600, seed=seed))
            values.append(result.summary["best_objective"] / problem.optimum)
    assert min(found) >= 0.95
    assert max(random) < 0.9
    assert np.mean(found) > np.mean(random) + 0.15


def test_published_settings_are_well_ahead_of_random_masks() -> None:
    problem = Planted(40)
    values = [
        qd.run(qd.Experiment(problem, search, 1200, seed=seed)).summary["best_objective"] / problem.optimum
        for search in (PromptQuine(), RandomSearch(batch_size=50))
        for seed in range(5)
    ]
    assert min(values[:5]) > max(values[5:]) + 0.05


def test_map_elites_that_drops_and_restores_finds_it_too() -> None:
    problem = Planted(24)
    search = MapElites(20, operator="drop_restore", drop=2, selection="rank")
    runs = [qd.run(qd.Experiment(problem, search, 2000, seed=seed)) for seed in range(4)]
    random = qd.run(qd.Experiment(problem, RandomSearch(batch_size=20), 2000, seed=0))
    assert min(run.summary["best_objective"] for run in runs) >= 0.95 * problem.optimum
    assert min(run.summary["qd_score"] for run in runs) > 1.3 * random.summary["qd_score"]


def test_map_elites_keeps_frozen_genes_and_crosses_at_cuts() -> None:
    problem = Planted(24)
    result = qd.run(qd.Experiment(problem, MapElites(20, operator="drop_restore", crossover_probability=1.0), 300))
    assert result.archives["elites"].data("solution")[:, 0].all()
    assert result.summary["statuses"]["invalid"] == 0
    with pytest.raises(QDError, match=r"MapElites\.operator"):
        MapElites(operator="drop_restore").init(qd.problems.PlanarArm(joints=3), 0)
    for setting in ("drop", "restore_probability", "crossover_probability"):
        with pytest.raises(QDError, match=setting):
            MapElites(**{setting: -1})


def test_the_optimum_is_the_best_of_all_masks() -> None:
    problem = Planted(length=13, pairs=2, rivals=2)
    masks = (np.arange(2**13)[:, None] >> np.arange(13) & 1).astype(np.uint8)
    assert problem.values(masks[masks[:, 0] == 1]).max() == pytest.approx(problem.optimum)
    assert qd.check_problem(problem) == []
    evaluation = qd.evaluate_batch(problem, Request(masks[1:200:2]), 0)
    assert evaluation.objective == pytest.approx(problem.values(masks[1:200:2]))


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"population_size": 0}, "population_size"),
        ({"offspring": 0}, "offspring"),
        ({"drop": 0}, "drop"),
        ({"most_slots": 0}, "most_slots"),
        ({"tournament_share": 1.5}, "tournament_share"),
        ({"least_tokens": -1}, "least_tokens"),
        ({"scheme": "ssga"}, "scheme"),
        ({"initial": "duplicate"}, "initial"),
    ],
)
def test_bad_settings_are_named(settings: dict, word: str) -> None:
    with pytest.raises(QDError, match=f"PromptQuine.{word}"):
        PromptQuine(**settings)


def test_problems_that_do_not_fit_are_refused() -> None:
    with pytest.raises(QDError, match="Mask"):
        PromptQuine().init(qd.problems.PlanarArm(joints=3), 0)
    with pytest.raises(QDError, match="least_tokens"):
        PromptQuine(least_tokens=24).init(Masks(), 0)
    with pytest.raises(QDError, match="halving: the search split has 1"):
        PromptQuine(halving=True).init(Masks(examples=1), 0)
    plain = qd.problem(lambda mask: float(mask.sum()), space=qd.Mask(20))
    with pytest.raises(QDError, match=r"PromptQuine\.halving"):
        PromptQuine(halving=True).init(plain, 0)
    frozen = qd.problem(lambda mask: float(mask.sum()), space=qd.Mask(20, frozen=tuple(range(19))))
    with pytest.raises(QDError, match="not frozen"):
        PromptQuine().init(frozen, 0)
