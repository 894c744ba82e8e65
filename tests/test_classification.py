"""Prompts on examples: layout, the matrix of answers, objectives by hand, masks that are what the model reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qd
from qd.errors import QDError
from qd.models import Scripted
from qd.problems import PrunedPrompt, TokenPrompt
from qd.prompts import Classification, Examples, Splits, Template
from qd.prompts.objectives import OBJECTIVES, auc, calibrated, margins, reward

TEMPLATE = Template("reviews", "Review: {text}\nSentiment: {label}", verbalizers={"no": "bad", "yes": "good"})
MODEL = Scripted(
    effects={"fair": (1.0, 0.0), "lovely": (0.0, 1.5)},
    evidence={"joy": (0.0, 2.0), "dull": (2.0, 0.0), "fine": (0.0, 0.5)},
    bias=(0.0, 1.0),
    vocabulary=("bad", "good", "Review", "Sentiment", ":", "film", "a"),
)


def examples(*rows):
    return Examples({"text": tuple(text for text, _ in rows)}, tuple(label for _, label in rows))


SPLITS = Splits(
    search=examples(("a joy", "yes"), ("dull film", "no"), ("fine film", "yes"), ("a film", "no")),
    select=examples(("joy joy", "yes"), ("dull", "no")),
    test=examples(("joy fine", "yes"), ("dull a", "no"), ("film", "no")),
    demos=examples(("lovely", "yes"), ("fair", "no")),
)
TASK = Classification(MODEL, SPLITS, TEMPLATE)
LONE = [np.array([i]) for i in range(4)]


def test_the_base_is_the_demonstrations_then_the_open_query():
    base = TASK.base()
    assert base.text(MODEL) == ("Review: lovely\nSentiment: good\n\nReview: fair\nSentiment: bad\n\n"
                                "Review:{text}\nSentiment:")  # fmt: skip
    assert [part if isinstance(part, str) else MODEL.decode(part) for part in base.parts[2:]] == [
        "Review:", "text", "\nSentiment:"
    ]  # fmt: skip
    assert MODEL.decode(TASK.items("search", base)[0]) == " a joy\nSentiment:"


def test_a_prompt_of_a_text_has_its_fields_or_the_tasks_own_query():
    assert TASK.from_text("Be fair.").text(MODEL) == "Be fair.\n\nReview:{text}\nSentiment:"
    assert TASK.from_text("Say of {text}: good?").text(MODEL) == "Say of{text}: good?"
    assert TASK.from_text("").text(MODEL) == "Review:{text}\nSentiment:"


def test_answers_are_those_of_the_model_for_each_example():
    judged = TASK.judge(TASK.base(), "search", np.arange(4))
    odds = np.array([[1, 2.5 + 2], [1 + 2, 2.5], [1, 2.5 + 0.5], [1, 2.5]])  # fair in a demonstration: 1 for bad
    expected = np.exp(odds) / np.exp(odds).sum(1, keepdims=True)
    assert np.allclose(judged.probabilities, expected)
    assert judged.scores.tolist() == [1, 1, 1, 0]
    assert judged.feedback == ("right: good", "right: bad", "right: good", "said good, right is bad")
    assert judged.prefix == len(TASK.base().prefix)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(1, 5))
def test_an_example_is_answered_alike_whichever_others_are_asked(asked, block):
    model = Scripted(evidence=MODEL.evidence, bias=(0.0, 1.0), noise=0.3, vocabulary=MODEL.vocabulary)
    object.__setattr__(model, "block", block)
    task = Classification(model, SPLITS, TEMPLATE)
    whole = task.judge(task.base(), "search", np.arange(4)).probabilities
    assert np.array_equal(task.judge(task.base(), "search", np.array(asked)).probabilities, whole[asked])


def test_a_block_goes_through_the_model_whole_and_once():
    calls = []

    class Counting(Scripted):
        block = 3

        def score_choices(self, prefix, items, choices):
            calls.append(len(items))
            return super().score_choices(prefix, items, choices)

    task = Classification(Counting(bias=(0.0, 1.0), vocabulary=MODEL.vocabulary), SPLITS, TEMPLATE)
    task.judge(task.base(), "search", np.array([1]))
    task.judge(task.base(), "search", np.array([3, 0]))
    task.judge(task.base(), "search", np.arange(4))
    assert calls == [3, 1]


def test_a_store_answers_the_next_process(tmp_path):
    first = Classification(MODEL, SPLITS, TEMPLATE, store=str(tmp_path))
    answers = first.judge(first.base(), "test", np.arange(3)).probabilities

    class Silent(Scripted):
        def score_choices(self, prefix, items, choices):
            raise AssertionError("asked again")

        @property
        def identity(self):
            return MODEL.identity

    again = Classification(
        Silent(effects=MODEL.effects, evidence=MODEL.evidence, bias=MODEL.bias, vocabulary=MODEL.vocabulary),
        SPLITS, TEMPLATE, store=str(tmp_path),
    )  # fmt: skip
    assert np.array_equal(again.judge(again.base(), "test", np.arange(3)).probabilities, answers)
    with pytest.raises(AssertionError, match="asked again"):
        again.judge(again.base(), "select", np.arange(2))


def test_objectives_by_hand():
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]])
    labels = np.array([0, 1, 1])
    assert np.allclose(margins(p, labels), [0.8, -0.4, 0.6])
    assert reward(p, labels) == pytest.approx((160 - 72 + 120) / 3)
    assert OBJECTIVES["accuracy"](p, labels) == pytest.approx(2 / 3)
    assert OBJECTIVES["log_likelihood"](p, labels) == pytest.approx(np.log([0.9, 0.3, 0.8]).mean())
    assert auc(p, labels) == 1.0  # in the right order, though one is on the wrong side
    assert auc(p[:, ::-1], labels) == 0.0 and auc(np.full((3, 2), 0.5), labels) == 0.5
    middle = calibrated(p)  # the second row is the median of both classes
    assert middle[1] == pytest.approx([0.5, 0.5]) and middle[0, 0] > 0.5 > middle[2, 0]


def test_the_reward_is_at_most_200_and_at_least_minus_180():
    right, wrong = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0]])
    assert reward(right, np.array([0])) == 200 and reward(wrong, np.array([0])) == -180


@given(st.integers(0, 2**32 - 1), st.floats(-4, 4))
def test_calibrated_objectives_do_not_see_a_shift_of_the_log_odds(seed, shift):
    rng = np.random.default_rng(seed)
    odds, labels = rng.normal(size=9), rng.integers(0, 2, 9)
    moved = [np.stack([1 / (1 + np.exp(x)), 1 / (1 + np.exp(-x))], 1) for x in (odds, odds + shift)]
    for name in ("calibrated_reward", "calibrated_accuracy", "auc"):
        assert OBJECTIVES[name](moved[0], labels) == pytest.approx(OBJECTIVES[name](moved[1], labels))
    assert abs(shift) < 1 or not np.allclose(moved[0], moved[1])


def test_a_mask_is_exactly_what_the_model_reads():
    problem = PrunedPrompt(TASK)
    space, whole = problem.solution_space, TASK.base()
    assert space.length == whole.length + 1 and len(space.frozen) == 1
    words = problem.words()
    assert words[space.frozen[0]] == "{text}" and "".join(words) == whole.text(MODEL)
    assert [words[cut] for cut in space.cuts] == ["Review", "Review", "{text}", "\n"]
    assert problem.prompts(problem.start)[0].identity == whole.identity
    rng = np.random.default_rng(0)
    for mask in np.asarray(space.sample(20, rng)):
        prompt = problem.prompts(mask[None])[0]
        kept = [word for word, keep in zip(words, mask, strict=True) if keep]
        assert isinstance(prompt, str) or prompt.text(MODEL) == "".join(kept)


def test_random_masks_are_of_all_lengths():
    lengths = np.asarray(PrunedPrompt(TASK).solution_space.sample(300, np.random.default_rng(1))).mean(1)
    assert lengths.min() < 0.35 and lengths.max() > 0.9


def test_nothing_left_is_invalid_with_a_reason():
    problem = PrunedPrompt(TASK, min_tokens=3)
    masks = np.zeros((2, problem.solution_space.length), np.uint8)
    masks[:, problem.solution_space.frozen[0]] = 1
    masks[1, :3] = 1
    evaluation = problem.evaluate(qd.Request(masks), np.zeros(2, np.uint64))
    assert evaluation.status.tolist() == [qd.Status.INVALID, qd.Status.OK]
    assert "0 of" in evaluation.reasons[0] and "min_tokens = 3" in evaluation.reasons[0]


def test_purposes_read_their_splits_and_count_what_they_read():
    problem = PrunedPrompt(TASK, measures=("kept", "label_bias"))
    request = qd.Request(problem.start, columns=("scores", "length", "feedback"))
    found = problem.evaluate(request, np.zeros(1, np.uint64))
    assert found.columns["scores"].tolist() == [[1, 1, 1, 0]] and found.columns["feedback"][0, 3].startswith(
        "said good"
    )
    assert found.cost["examples"].tolist() == [4]
    items = TASK.items("search", TASK.base())
    assert found.cost["tokens"].tolist() == [len(TASK.base().prefix) + sum(len(item) for item in items)]
    assert (found.cost["tokens"] <= problem.costs["tokens"]).all()
    assert found.measures.tolist() == [[1.0, 3 / 4 - 2 / 4]]
    test = problem.evaluate(qd.Request(problem.start, purpose="test"), np.zeros(1, np.uint64))
    assert test.objective.tolist() == [1.0 * 2 / 3] and test.cost["examples"].tolist() == [3]
    half = qd.Request(problem.start, fidelity={"examples": np.array([[0, 3, -1]])}, columns=("scores",))
    found = problem.evaluate(half, np.zeros(1, np.uint64))
    assert np.array_equal(found.columns["scores"], [[1, np.nan, np.nan, 0]], equal_nan=True)
    assert found.cost["examples"].tolist() == [2]
    with pytest.raises(QDError, match=r"examples.*below 4"):
        problem.evaluate(qd.Request(problem.start, fidelity={"examples": np.array([[4]])}), np.zeros(1, np.uint64))


def test_problems_of_prompts_keep_the_contract():
    assert qd.check_problem(PrunedPrompt(TASK, measures=("kept", "naturalness", "label_bias"))) == []
    assert qd.check_problem(TokenPrompt(TASK)) == []


def test_words_stand_before_the_query_or_before_the_demonstrations():
    problem = TokenPrompt(TASK, max_length=2, join=" ")
    at = {MODEL.decode(problem.alphabet[i : i + 1]): i for i in range(len(problem.alphabet))}
    rows = qd.Ragged.from_rows([[], [at[" fair"], at[" good"]]])
    assert [prompt.text(MODEL) for prompt in problem.prompts(rows)] == [
        "Review:{text}\nSentiment:", " fair good Review:{text}\nSentiment:"
    ]  # fmt: skip
    assert problem.words(np.array([at[" fair"]])) == [" fair"]
    shown = TokenPrompt(TASK, demos=True).prompts(rows[[1]])[0]
    assert shown.text(MODEL) == " fair good\n" + TASK.base().text(MODEL)
    assert problem.embeddings().shape[0] == len(problem.alphabet)


def test_bad_input_is_named():
    with pytest.raises(QDError, match="'search' and in 'test'"):
        Splits(search=examples(("same", "no")), select=examples(("b", "no")), test=examples(("same", "yes")))
    with pytest.raises(QDError, match=r"verbalizers.*'maybe'"):
        Classification(MODEL, Splits(examples(("a", "maybe")), SPLITS.select, SPLITS.test), TEMPLATE)
    with pytest.raises(QDError, match="'select' is empty"):
        Classification(MODEL, Splits(SPLITS.search, examples(), SPLITS.test), TEMPLATE)
    with pytest.raises(QDError, match=r"PrunedPrompt\.objective.*'rewards'.*'reward'"):
        PrunedPrompt(TASK, objective="rewards")
    with pytest.raises(QDError, match=r"PrunedPrompt\.measures"):
        PrunedPrompt(TASK, measures=("size",))

    class Short(Scripted):
        context_length = 20

    short = Classification(Short(bias=(0.0, 1.0), vocabulary=MODEL.vocabulary), SPLITS, TEMPLATE)
    with pytest.raises(QDError, match="more than the 20 that the model reads"):
        short.base()


def test_meaning_is_in_spreads_of_drawn_prompts_and_tells_prompts_of_other_words_apart():
    problem = PrunedPrompt(TASK, measures=("meaning_1", "meaning_2"))
    assert qd.check_problem(problem) == []
    drawn = np.asarray(problem.space().sample(200, np.random.default_rng(5)))
    measures = problem.evaluate(qd.Request(drawn), np.zeros(200, np.uint64)).measures
    assert (abs(np.nanmean(measures, 0)) < 0.5).all() and (abs(np.nanstd(measures, 0) - 1) < 0.35).all()
    again = PrunedPrompt(TASK, measures=("meaning_1", "meaning_2"))
    assert np.array_equal(
        again.evaluate(qd.Request(drawn), np.zeros(200, np.uint64)).measures, measures, equal_nan=True
    )
    one = problem.prompts(drawn[:1])[0]
    ids = np.concatenate([part for part in one.parts if not isinstance(part, str)])
    mean = MODEL.embeddings(ids).astype(np.float64).mean(0)
    by_hand = (problem.meaning.directions @ mean - problem.meaning.middle) / problem.meaning.spread
    np.testing.assert_allclose(measures[0], np.clip(by_hand[:2], -3, 3), rtol=1e-9)
