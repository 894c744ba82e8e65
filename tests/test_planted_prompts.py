"""Searches find the best prompt of a task that has a known one, and random masks at as many evaluations do not."""

from __future__ import annotations

import numpy as np
import pytest

import qd
from qd.algorithms import ClaPS, MapElites, PromptQuine, RandomSearch, Selected, TAPruning
from qd.problems import TokenPrompt
from tests.scripted_reviews import HELP, best_mask, pruned, reached, task, value

BUDGET, SEEDS = 1200, (1, 2)


def test_the_known_best_is_the_best_of_its_neighbours():
    problem = pruned()
    best = best_mask(problem)
    flipped = np.repeat(best, best.shape[1], axis=0)
    free = np.setdiff1d(np.arange(best.shape[1]), problem.solution_space.frozen)
    flipped[free, free] ^= 1
    assert value(problem, best)[0] >= value(problem, flipped[free]).max()
    assert value(problem, best)[0] > value(problem, problem.start)[0] + 50


@pytest.fixture(scope="module")
def random_masks():
    found = [qd.run(qd.Experiment(pruned(), RandomSearch(batch_size=50), BUDGET, seed=seed), progress=False)
             for seed in SEEDS]  # fmt: skip
    return [reached(pruned(), one.best["objective"]) for one in found]


@pytest.mark.parametrize(
    ("search", "least"),
    [
        (PromptQuine(least_tokens=5), 0.95),
        (PromptQuine(scheme="steady", least_tokens=5), 0.8),
        (PromptQuine(halving=True, least_tokens=5), 0.9),
        (TAPruning(acceptance="strict"), 0.95),
        (MapElites(batch_size=15, operator="drop_restore", selection="objective"), 0.95),
    ],
    ids=["promptquine", "steady", "halving", "tap_pruning", "map_elites"],
)
@pytest.mark.thorough
def test_searches_prune_what_hurts_and_random_masks_do_not(search, least, random_masks):
    for seed, chance in zip(SEEDS, random_masks, strict=True):
        problem = pruned(measures=("kept", "label_bias"))
        result = qd.run(qd.Experiment(problem, search, BUDGET, seed=seed), progress=False)
        ends = np.vstack([result.best["solution"], *result.populations.get("solutions", ())])
        assert reached(problem, value(problem, ends).max()) > least > chance + 0.15


@pytest.mark.parametrize("search", ["ga", "greedy", "pso"])
@pytest.mark.thorough
def test_claps_finds_words_that_help(search):
    problem = TokenPrompt(task(), max_length=8)
    at = {word.strip(): i for i, word in enumerate(problem.words(np.arange(len(problem.alphabet))))}
    helpful = qd.Ragged.from_rows([[at[word] for word in HELP[:8]]])
    best = value(problem, helpful)[0]  # of words that help alone, which is what the alphabet is chosen by
    for seed in SEEDS:
        search_words = ClaPS(prompt_length=8, clusters=0, percentile=60, search=search, population_size=40, epochs=10)
        result = qd.run(qd.Experiment(problem, search_words, 500, seed=seed), progress=False)
        chance = qd.run(qd.Experiment(problem, RandomSearch(batch_size=50), 500, seed=seed), progress=False)
        assert result.best["objective"] > 0.95 * best > chance.best["objective"]


def test_the_chosen_prompt_is_better_on_what_was_held_out():
    search = Selected(PromptQuine(population_size=12, offspring=20, least_tokens=5), candidates=5)
    result = qd.run(qd.Experiment(pruned(), search, 300, seed=1), progress=False)
    metrics = result.summary["metrics"]
    assert metrics["test_objective"] > metrics["compared_test_objective"] + 0.1
    assert result.populations["test_scores"].shape == (2, 16)
