"""TAXONS and AURORA: searches in spaces that are learned as they go."""

import numpy as np
import pytest

import qd
from qd.algorithms import AURORA, TAXONS
from qd.behavior import PCA, Whitened
from tests.driving import drive
from tests.test_serene import Barren, Constant, Fickle, Lavish, Scrambled, Spots

pytestmark = pytest.mark.thorough

QUICK = {
    "later": TAXONS(population_size=10, encoder=PCA(latent=2), observation="seen", chunk_size=100, sigma=0.2),
    "pareto": TAXONS(
        population_size=10, selection="pareto", encoder=PCA(latent=2), observation="seen", chunk_size=100, sigma=0.2
    ),
    "2019": TAXONS.faithful(
        population_size=10,
        encoder=Whitened(PCA(latent=2)),
        observation="seen",
        sigma=0.2,
        training_interval=3,
        novelty_generations=3,
    ),
    "aurora": AURORA(
        batch_size=20, target_size=60, iso_sigma=0.2, encoder=PCA(latent=2), observation="seen", chunk_size=100
    ),
}


@pytest.fixture(params=QUICK)
def search(request: pytest.FixtureRequest):
    return QUICK[request.param]


def test_it_explores_trains_and_keeps_what_it_sees(search) -> None:
    state = drive(Spots(), search, 1000, seed=1)
    archive = state.archive if isinstance(search, AURORA) else state.exploration.archive
    assert state.behavior.trainings >= 3
    again = search.encoder.encode(state.behavior.learned, archive.column("observations"))
    np.testing.assert_array_equal(archive.column("measures"), again)
    if not isinstance(search, AURORA):
        population = state.exploration.population
        assert len(population) == 10
        np.testing.assert_array_equal(
            population.measures, search.encoder.encode(state.behavior.learned, population.observations)
        )


@pytest.mark.thorough
def test_it_covers_more_than_random_search(search) -> None:
    problem = Spots()
    covered = [
        np.mean(
            [qd.run(qd.Experiment(problem, one, 3000, seed=s)).summary["discovery"]["coverage_all"] for s in (1, 2, 3)]
        )
        for one in (search, qd.algorithms.RandomSearch(batch_size=20))
    ]
    assert covered[0] > covered[1]


def test_the_truth_is_never_read(search) -> None:
    kept = []
    for problem in (Spots(), Scrambled()):
        result = qd.run(qd.Experiment(problem, search, 600, seed=4))
        kept.append(next(iter(result.archives.values())).column("solution"))
    np.testing.assert_array_equal(*kept)


@pytest.mark.parametrize("problem", [Barren(), Lavish(), Fickle(), Constant()], ids=lambda p: p.name)
def test_bad_luck_ends_nothing(search, problem) -> None:
    result = qd.run(qd.Experiment(problem, search, 600, seed=1))
    assert result.summary["evaluations"] == 600
    for archive in result.archives.values():
        assert np.isfinite(archive.column("measures")).all()


def test_the_2019_rule_replaces_the_worst_by_copies_of_the_best() -> None:
    search = TAXONS.faithful(population_size=20, encoder=PCA(latent=2), observation="seen", neighbors=3)
    state = search.init(Spots(), 0)
    request = search.ask(state, 1000)
    search.tell(state, request, qd.evaluate_batch(Spots(), request, 0))
    ids, counts = np.unique(state.exploration.population.ids, return_counts=True)
    assert len(state.exploration.population) == 20
    assert sorted(counts) == [1] * 10 + [2] * 5
    assert set(ids[counts == 2]) == set(state.exploration.archive.column("id"))
    request = search.ask(state, 1000)
    assert 5 <= len(request) <= 20  # all copies mutate, and nine in ten of the others
    changed = (request.solutions != state.exploration.population.solutions[state.mutated]).mean()
    assert 0.1 < changed < 0.5  # a fifth of the genes


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda: TAXONS(rule="2020"), "TAXONS.rule"),
        (lambda: TAXONS(rule="2019", selection="pareto"), "TAXONS.selection"),
        (lambda: TAXONS(additions=-1), "TAXONS.additions"),
        (lambda: AURORA(gain=2.0), "AURORA.gain"),
        (lambda: AURORA(target_size=0), "AURORA.target_size"),
        (lambda: qd.run(qd.Experiment(Spots(), AURORA(), 10)), "AURORA.observation"),
    ],
)
def test_bad_settings_are_named(wrong, named: str) -> None:
    with pytest.raises(qd.QDError, match=named):
        wrong()
