"""Rubrics: criteria, their mean, labelled pairs, edits, and the reports that they judge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

import operators
import qd
from qd.problems import JudgedReports, RubricWorth
from qd.problems._report_texts import CRITERIA, LONGEST, PIECES, pieces, qualities, readings, stuffing
from qd.problems.judged import from_context, to_context
from qd.rewards import Anchors, Criterion, Reward, RubricEdits, RubricMean, Steps

PROBLEM = JudgedReports(pairs=12, variants=4)
EDITS = RubricEdits.of(PROBLEM.rubric_form)
TWO = Reward((Criterion("short"), Criterion("kind")), RubricMean())
STEPS = Steps({"short": np.array([0.2, 0.5, 1.0]), "kind": np.array([1.0, 0.0, 0.5])})
PARTS = ("agreement", "spread", "exploitability", "length", "consistency")


def text(*numbers: int) -> str:
    return " ".join(pieces("mill")[i] for i in numbers)


# ---------------------------------------------------------------- the rubric as a reward


def test_a_rubric_is_the_weighted_mean_of_criteria_with_thresholds() -> None:
    rubric = TWO.solution({"short.weight": 3.0, "kind.weight": 1.0, "short.threshold": 0.5, "kind.threshold": 1.0})
    expected = [0.75 * 0.4 + 0.25 * 1.0, 0.75 * 1.0 + 0.0, 0.75 * 1.0 + 0.25 * 0.5]
    np.testing.assert_allclose(TWO.values(rubric[None], STEPS)[0], expected)
    parts = TWO.parts(rubric, STEPS)
    np.testing.assert_allclose(parts["short"] + parts["kind"], expected)
    assert TWO.kind == "episode"
    assert TWO.formula(rubric) == "0.75 min(short / 0.50, 1) + 0.25 min(kind / 1.00, 1)"


def test_weights_are_relative_and_a_rubric_without_criteria_gives_nothing() -> None:
    one, tenfold = (TWO.solution({"short.weight": w, "kind.weight": w / 2}) for w in (0.5, 5.0))
    none = TWO.solution({})
    scores = TWO.values(np.stack([one, tenfold, none]), STEPS)
    np.testing.assert_allclose(scores[0], scores[1])
    assert (scores[2] == 0).all() and TWO.formula(none) == "0"


def test_consistency_holds_on_to_the_verdict_before_it() -> None:
    rubric = TWO.solution({"kind.weight": 1.0, "kind.threshold": 1.0, "consistency": 0.25})
    before = Steps({**STEPS.after, "previous_score": np.array([0.0, 1.0, 0.5])})
    np.testing.assert_allclose(TWO.values(rubric[None], before)[0], [0.75, 0.25, 0.5])
    np.testing.assert_allclose(TWO.values(rubric[None], STEPS)[0], [1.0, 0.0, 0.5])  # nothing came before
    assert TWO.formula(rubric) == "0.75 (1.00 min(kind / 1.00, 1)) + 0.25 previous_score"


# ---------------------------------------------------------------- labelled pairs


def test_agreement_by_hand() -> None:
    anchors = Anchors([0, 2, 4, 6], [1, 3, 5, 7], [1, 1, 0, 0])
    right = [3, 0, 1, 0, 0, 1, 0, 2]  # differences 3, 1, -1, -2
    one_off = [3, 0, 0, 1.5, 0, 1, 0, 2]  # 3, -1.5, -1, -2: three of four comparisons agree, one does not
    blind = [1.0] * 8
    np.testing.assert_allclose(anchors.agreement([right, one_off, np.negative(right), blind]), [1.0, 0.5, -1.0, 0.0])
    assert anchors.worse.tolist() == [1, 3, 4, 6]


@given(st.integers(0, 10**6))
def test_agreement_is_the_area_under_the_curve_where_nothing_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = np.r_[1, 0, rng.integers(0, 2, 8)]
    scores = rng.normal(size=20)
    anchors = Anchors(np.arange(0, 20, 2), np.arange(1, 20, 2), label)
    differences = scores[0::2] - scores[1::2]
    good, bad = differences[label == 1], differences[label == 0]
    area = (good[:, None] > bad[None]).mean()
    # n^2 / 4 pairs of different labels are the most there can be: tau-c is 2 area - 1 of balanced labels
    most = 4 * len(good) * len(bad) / len(label) ** 2
    np.testing.assert_allclose(anchors.agreement(scores[None])[0], (2 * area - 1) * most)


@pytest.mark.parametrize(
    ("first", "second", "label", "names"),
    [
        ([0, 2, 4, 6], [1, 3, 5, 7], [1, 1, 1, 1], "one label only"),
        ([0, 2, 4, 6], [1, 3, 5, 7], [0, 0, 0, 0], "one label only"),
        ([0, 2, 4, 6], [1, 3, 5, 7], [1, 2, 0, 1], "Anchors.label"),
        ([0, 2, 4, 6], [1, 3, 4, 7], [1, 0, 0, 1], "pair 2 compares"),
        ([0, 2], [1, 3], [1, 0], "at least 4"),
        ([0, 2, 4, 6], [1, 3, 5], [1, 0, 0, 1], "one of each"),
        ([0, 2, 4, -6], [1, 3, 5, 7], [1, 0, 0, 1], "from 0"),
    ],
)
def test_bad_anchors_are_refused(first: list[int], second: list[int], label: list[int], names: str) -> None:
    with pytest.raises(qd.QDError, match=names):
        Anchors(first, second, label)


# ---------------------------------------------------------------- edits


rubrics = st.integers(0, 10**6).map(lambda seed: PROBLEM.rubric_form.space.sample(1, np.random.default_rng(seed))[0])


def used(rubric: np.ndarray) -> int:
    return int((rubric[EDITS.weights] > 0).sum())


@given(rubrics, st.integers(0, 1000))
def test_edits_do_what_they_say(rubric: np.ndarray, seed: int) -> None:
    rubric = rubric * np.where(np.isin(np.arange(len(rubric)), EDITS.weights), 0.4, 1.0)  # away from the bounds
    before, total = used(rubric), rubric[EDITS.weights].sum()
    changes = {"add": 1, "drop": -1, "split": 1, "merge": -1, "reweight": 0, "tighten": 0}
    for edit, change in changes.items():
        if before < 2 or before == len(EDITS.weights):
            continue
        child, name = EDITS.edited(rubric, np.random.default_rng(seed), edit)
        assert name == edit and used(child) == before + change
        assert PROBLEM.rubric_form.space.valid(child[None]) is None
        if edit in ("split", "merge", "tighten"):
            np.testing.assert_allclose(child[EDITS.weights].sum(), total)
        if edit == "tighten":
            assert (child[EDITS.thresholds] >= rubric[EDITS.thresholds]).all() and (child != rubric).sum() <= 1
        if edit == "reweight":
            assert (child[EDITS.thresholds] == rubric[EDITS.thresholds]).all()


def test_the_last_criterion_is_never_dropped() -> None:
    one = PROBLEM.rubric_form.solution({"facts_stated.weight": 1.0})
    for seed in range(30):
        child, name = EDITS.edited(one, np.random.default_rng(seed))
        assert used(child) >= 1 and name not in ("drop", "merge")
    with pytest.raises(qd.QDError, match="'drop' is not possible"):
        EDITS.edited(one, np.random.default_rng(0), "drop")


def test_only_criteria_make_a_rubric() -> None:
    with pytest.raises(qd.QDError, match=r"no gene 'bump.threshold'"):
        RubricEdits.of(Reward((qd.rewards.Feature("bump"),)))


@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=5), max_size=4), st.integers(0, 99))
def test_edited_tokens_stay_in_their_space(rows: list[list[int]], seed: int) -> None:
    batch = qd.Ragged.from_rows(rows)
    rng = np.random.default_rng(seed)
    values, offsets = operators.edit_tokens(batch.values, batch.offsets, rng, 7, 5, 1, edits=3)
    children = qd.Ragged(values, offsets)
    assert len(children) == len(batch) and qd.Tokens(7, 5, 1).valid(children) is None
    again = operators.edit_tokens(batch.values, batch.offsets, np.random.default_rng(seed), 7, 5, 1, edits=3)
    assert (again[0] == values).all()


def test_one_edit_changes_a_row_by_one_token_or_a_swap() -> None:
    batch = qd.Ragged.from_rows([[0, 1, 2, 3]] * 200)
    values, offsets = operators.edit_tokens(batch.values, batch.offsets, np.random.default_rng(1), 9, 6)
    lengths = np.diff(offsets)
    assert {3, 4, 5} == set(lengths.tolist())  # deletions, replacements and swaps, insertions
    for row in qd.Ragged(values, offsets):
        if len(row) == 4:
            assert (row != [0, 1, 2, 3]).sum() <= 2
    with pytest.raises(ValueError, match="min_length"):
        operators.edit_tokens(batch.values, batch.offsets, np.random.default_rng(1), 9, 2, 3)


# ---------------------------------------------------------------- reports


def test_a_perfect_report_by_hand() -> None:
    perfect = text(*range(6, 12))  # the facts in order, each with its mark
    assert 50 <= len(perfect.replace("[", "").split()) - 6 <= 90
    assert qualities(perfect, "mill") == (1.0, 1.0, 1.0, 1.0, 1.0) and stuffing(perfect, "mill") == 0
    assert qualities("", "mill") == (0.0,) * 5
    swapped = text(7, 6, *range(8, 12))
    assert qualities(swapped, "mill")[1] == pytest.approx(14 / 15)
    unmarked = text(*range(5), 17)  # five without marks, the last with a wrong one
    assert qualities(unmarked, "mill")[4] == 0 and qualities(unmarked, "mill")[0] == 1
    twice = text(6, 6)
    assert qualities(twice, "mill")[2] == 0.5 and stuffing(twice, "mill") == 0.5


def test_stuffing_raises_what_can_be_had_for_nothing_and_no_quality() -> None:
    plain, stuffed = text(*range(6, 12)), text(*range(6, 12), *range(18, PIECES))
    before, after = (dict(zip(CRITERIA, readings(one, "mill"), strict=True)) for one in (plain, stuffed))
    for name in ("words", "keywords", "politeness", "marks", "numbers", "confidence", "connectives", "headings"):
        assert after[name] > before[name]
    assert np.mean(qualities(stuffed, "mill")) < np.mean(qualities(plain, "mill"))


def test_the_oracle_knows_and_the_naive_rubric_is_fooled() -> None:
    rows = qd.Ragged.from_rows([list(range(6, 12)), [*range(5), *range(18, PIECES)]])
    context = {name: to_context("rubrics", PROBLEM.rubrics(name)) for name in ("oracle", "naive")}
    by = {
        name: PROBLEM.evaluate(qd.Request(rows, role="policy", context=c), np.zeros(2)) for name, c in context.items()
    }
    assert by["oracle"].objective[0] == pytest.approx(1.0)
    assert by["oracle"].objective[0] > by["oracle"].objective[1]
    assert by["naive"].objective[0] < by["naive"].objective[1]


def test_what_is_true_reaches_the_recorder_and_the_closing_test_alone() -> None:
    rows = PROBLEM.solution_space["policy"].sample(5, np.random.default_rng(0))
    columns = ("stuffing",)
    search = PROBLEM.evaluate(qd.Request(rows, role="policy", columns=columns), np.zeros(5))
    closing = PROBLEM.evaluate(qd.Request(rows, role="policy", purpose="test", columns=columns), np.zeros(5))
    assert np.isnan(search.columns["stuffing"]).all() and np.isfinite(closing.columns["stuffing"]).all()
    assert (search.objective != closing.objective).any()
    np.testing.assert_allclose(closing.objective, search.truth["measures"][:, 0], atol=0.1)  # another topic's words


def test_a_rubrics_objective_is_the_sum_of_its_parts() -> None:
    problem = JudgedReports(pairs=12, variants=4, worth=RubricWorth(2.0, 0.3, 0.7, 0.2, 0.1))
    solutions = problem.solution_space["rubric"].sample(6, np.random.default_rng(2))
    policies = problem.solution_space["policy"].sample(8, np.random.default_rng(3))
    context = to_context("policies", policies) | to_context("previous", problem.rubrics("oracle"))
    evaluation = problem.evaluate(qd.Request(solutions, role="rubric", columns=PARTS, context=context), np.zeros(6))
    parts = evaluation.columns
    expected = 2.0 * parts["agreement"] + 0.3 * parts["spread"] - 0.7 * parts["exploitability"]
    expected = expected - 0.2 * parts["length"] + 0.1 * parts["consistency"]
    np.testing.assert_allclose(evaluation.objective, expected)
    written = problem.outputs(policies, "search")
    before = problem.scored(problem.rubrics("oracle"), written, None)[0]
    scores = problem.scored(solutions, written, before)
    np.testing.assert_allclose(parts["consistency"], [kendalltau(row, before).statistic for row in scores])
    np.testing.assert_allclose(parts["length"], (solutions[:, EDITS.weights] > 0).mean(axis=1))


def test_idle_edits_expose_the_naive_rubric_and_not_the_oracle() -> None:
    problem = JudgedReports()
    both = np.concatenate([problem.rubrics("naive"), problem.rubrics("oracle")])
    columns = problem.evaluate(qd.Request(both, role="rubric", columns=PARTS), np.zeros(2)).columns
    assert columns["exploitability"][0] > 0.3 > 0.15 > columns["exploitability"][1]
    assert columns["agreement"][1] > columns["agreement"][0]


def test_variants_never_state_more_than_their_text() -> None:
    anchors, _, variants = PROBLEM.anchored()
    rows = PROBLEM.start("policy")
    assert variants.shape == (2 * len(anchors), 5) and set(np.asarray(anchors.label)) == {0, 1}
    assert max(rows.lengths) <= LONGEST
    stated = PROBLEM.anchored()[1][list(CRITERIA).index("facts_stated")]
    assert (stated[variants] <= stated[variants[:, :1]]).all()


def test_the_problem_keeps_the_contracts() -> None:
    assert qd.check_problem(PROBLEM) == []


def test_batches_travel_through_a_context() -> None:
    ragged = qd.Ragged.from_rows([[1], [2, 3]])
    assert from_context("a", to_context("a", ragged)) == ragged
    assert from_context("a", to_context("a", ragged[:0])) is None and from_context("a", to_context("a", None)) is None
    np.testing.assert_array_equal(from_context("a", to_context("a", np.eye(2))), np.eye(2))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"pairs": 3}, "pairs"),
        ({"label_noise": 0.5}, "label_noise"),
        ({"variants": 0}, "variants"),
        ({"edits": 0}, "edits"),
        ({"probe": "idel"}, "probe"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], names: str) -> None:
    with pytest.raises(qd.QDError, match=names):
        JudgedReports(**settings)  # type: ignore[arg-type]


def test_other_bad_input_is_refused() -> None:
    with pytest.raises(qd.QDError, match="'oracle'"):
        PROBLEM.rubrics("orcale")
    with pytest.raises(qd.QDError, match=r"RubricWorth\.spread"):
        RubricWorth(spread=-1)
