"""A scripted model answers from its tables, and from nothing else."""

from __future__ import annotations

import re
from types import FunctionType

import cloudpickle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qd.errors import QDError
from qd.models import Scripted

SIGNS = ("good", "bad", "fine")


def of_film(**more):
    return Scripted(
        effects={"fair": (0.5, 0.0)},
        evidence={"good": (0.0, 2.0), "bad": (2.0, 0.0)},
        gains={"carefully": 0.5, "never": -3.0},
        interactions={("step", "by"): (0.0, 1.0), ("read", "carefully"): 1.0},
        bias=(0.0, 1.0),
        **more,
    )


def odds(model, prefix, item):
    """Log-odds of the second of two choices against the first."""
    row = model.score_choices(model.encode(prefix), [model.encode(item)], model.encode("ab"))[0]
    assert row.sum() == pytest.approx(1)
    return np.log(row[1] / row[0])


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_comes_back(text):
    model = Scripted(vocabulary=("a", "é", "0", ".", "\n", "{", "B"))
    ids = model.encode(text)
    assert ids.dtype == np.int32
    assert model.decode(ids) == text


@given(st.lists(st.sampled_from([*SIGNS, ".", "\n"])), st.lists(st.sampled_from([*SIGNS, " ", " good"])))
def test_declared_words_are_one_id_each(first, second):
    model = Scripted(vocabulary=(*SIGNS, ".", "\n"))
    assert len(model.encode(" ".join(SIGNS))) == len(SIGNS)
    for words in (first, second):
        text = " ".join(words)
        assert model.decode(model.encode(text)) == text
    assert [model.decode(i[None]) for i in model.word_ids()] == [" good", " bad", " fine"]


def test_words_of_texts_make_a_vocabulary_without_bytes():
    text = "Review:  a film.\n\nSentiment: good"
    model = Scripted(vocabulary=Scripted.words(text))
    ids = model.encode(text)
    assert ids.min() >= 256
    assert [model.decode(i[None]) for i in ids] == [
        "Review",
        ":",
        " ",
        " a",
        " film",
        ".",
        "\n",
        "\n",
        "Sentiment",
        ":",
        " good",
    ]


def test_undeclared_words_are_bytes_and_cut_characters_do_no_harm():
    model = Scripted(vocabulary=("good",))
    assert model.encode("né good").tolist() == [*"né".encode(), model.encode(" good")[0]]
    assert model.decode(model.encode("né")[:2]) == "n\ufffd"


@pytest.mark.parametrize(
    ("prefix", "item", "wanted"),
    [
        ("", "a film", 1.0),  # the bias alone
        ("", "good", 3.0),
        ("", "good good, good", 3.0),  # a word counts once
        ("", "Is it good or bad", 1.0),
        ("good", "a film", 1.0),  # evidence counts in the item alone
        ("", "fair", 1.0),  # effects in the prefix alone
        ("fair", "bad", -1.5),
        ("Be fair!", "bad", -1.5),
        ("unfair", "bad", -1.0),
        ("carefully", "good", 1 + 1.5 * 2),
        ("read carefully", "good", 1 + 2.5 * 2),
        ("read", "good", 3.0),
        ("step by", "a film", 2.0),
        ("by and by step", "a film", 2.0),
        ("step", "a film", 1.0),
        ("never", "good", 1.0),  # a gain does not fall below 0
    ],
)
def test_log_odds_are_those_of_the_tables(prefix, item, wanted):
    assert odds(of_film(), prefix, item) == pytest.approx(wanted)


def test_noise_is_an_items_own():
    model, quiet = of_film(noise=2.0), of_film()
    items = [f"film {i}" for i in range(400)]
    noise = np.array([odds(model, "", item) - odds(quiet, "", item) for item in items])
    again = np.array([odds(of_film(noise=2.0), "fair", item) - odds(quiet, "fair", item) for item in items])
    np.testing.assert_allclose(noise, again, atol=1e-9)
    assert noise.std() == pytest.approx(2.0 * np.sqrt(2), rel=0.15)  # the difference of two
    assert abs(noise.mean()) < 0.6


def test_an_items_numbers_do_not_depend_on_its_neighbours():
    model = of_film(noise=1.0)
    items = [model.encode(text) for text in ("good", "bad", "a film", "x")]
    prefix, choices = model.encode("read"), model.encode("ab")
    together = model.score_choices(prefix, items, choices)
    alone = [Scripted.score_choices(of_film(noise=1.0), prefix, [item], choices)[0] for item in items]
    np.testing.assert_array_equal(together, alone)


def twice(text, seed):
    """A module-level function: what ``replies`` may be."""
    if not text:
        raise RuntimeError("nothing to repeat")
    return f"{text} {text} {seed}"


def test_replies_of_a_function():
    model = Scripted(replies=twice)
    seeds = np.array([7, 8], np.uint64)
    assert [r.text for r in model.generate(["a", "b"], temperature=1.0, seeds=seeds)] == ["a a 7", "b b 8"]
    assert [r.text for r in model.generate(["a", "b"], seeds=seeds)] == ["a a 0", "b b 0"]
    first, failed, last = model.generate(["a", "", "b"])
    assert first.ok and last.ok and not failed.ok
    assert "nothing to repeat" in failed.error and failed.text == ""


def test_replies_of_rules_the_first_that_is_found():
    model = Scripted(replies=((r"rewrite: (\w+)", r"<prompt>\1 \1</prompt>"), (r"re\w+", "other")), vocabulary=("a",))
    replies = model.generate(["please rewrite: this", "reword", "neither"])
    assert [r.text for r in replies] == ["<prompt>this this</prompt>", "other", ""]
    assert "no rule" in replies[2].error
    assert replies[1].tokens == len("reword") + len("other")


def test_replies_end_at_stop_and_at_max_tokens():
    model = Scripted(replies=((".*", "one two\nthree"),), vocabulary=("one", "two", "three"))
    assert model.generate(["x"], stop=("\n", "three"))[0].text == "one two"
    assert model.generate(["x"], stop=("two", "one"))[0].text == ""
    assert model.generate(["x"], max_tokens=2)[0].text == "one two"
    assert model.generate(["x"])[0].text == "one two\nthree"


def test_likelihood_and_embeddings():
    model = Scripted(unigrams={"the": -1.0, "zebra": -8.0}, unknown=-20.0, embedding_size=64)
    ids = model.encode("x the zebra the")
    assert model.log_likelihood(ids) == pytest.approx((-1 - 8 - 1) / 3)  # the first is not predicted
    assert model.log_likelihood(ids[:1]) == model.log_likelihood(ids[:0]) == 0.0
    assert model.log_likelihood(model.encode("the ?")) == pytest.approx(-20)
    table = model.embeddings(model.word_ids())
    assert table.shape == (2, 64) and table.dtype == np.float32
    assert abs(table[0] @ table[1]) < 30 < table[0] @ table[0]
    other = Scripted(vocabulary=("lion", "zebra"), embedding_size=64)  # another place, the same word
    np.testing.assert_array_equal(other.embeddings(other.encode(" zebra")), table[1:])
    assert model.embeddings(ids[:0]).shape == (0, 64)


def test_identity_tells_settings_apart_and_travels():
    model = of_film(replies=twice)
    changed = [of_film(), of_film(noise=0.1), of_film(replies=(("a", "b"),)), Scripted(), Scripted(effects={"a": (1,)})]
    assert len({model.identity, *(other.identity for other in changed)}) == 6
    odds(model, "", "good")
    copy = cloudpickle.loads(cloudpickle.dumps(model))
    assert copy == model and hash(copy) == hash(model) and copy.identity == model.identity
    assert of_film().identity == of_film().identity
    elsewhere = FunctionType(twice.__code__, twice.__globals__, twice.__name__)  # the function in another process
    assert of_film(replies=elsewhere).identity == model.identity
    assert Scripted(bias=[1, 2]).identity == Scripted(bias=(1.0, 2.0)).identity
    assert set(vars(copy)) <= {*vars(Scripted()), "identity"}, "what was computed stays behind"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"effects": {"a": (1, 2)}, "bias": (1, 2, 3)}, r"Scripted.effects\['a'\]: got 2 numbers, wanted 3"),
        ({"evidence": {"a": (1, 2), "b": (1,)}}, r"Scripted.evidence\['b'\]: got 1 numbers, wanted 2"),
        ({"interactions": {("a", "b"): (1,)}, "bias": (0, 0)}, r"Scripted.interactions\[\('a', 'b'\)\]: got 1"),
        ({"gains": {"a": float("nan")}}, r"Scripted.gains\['a'\].*finite"),
        ({"effects": {"two words": (1,)}}, "Scripted.vocabulary: got 'two words', wanted one word"),
        ({"vocabulary": (" good",)}, "such as 'good'"),
        ({"noise": -1}, "noise=-1"),
        ({"replies": (("(", ""),)}, "no regular expression"),
        ({"replies": ("ab", "cd")}, "pairs"),
    ],
)
def test_bad_settings_are_refused_by_name(settings, said):
    with pytest.raises(QDError, match=said):
        Scripted(**settings)


def test_bad_questions_are_refused():
    model = of_film()
    one = model.encode("x")
    with pytest.raises(QDError, match=r"3 choices.*2 numbers"):
        model.score_choices(one, [one], model.encode("abc"))
    with pytest.raises(QDError, match="item 0 are empty"):
        model.score_choices(one[:0], [one[:0]], model.encode("ab"))
    with pytest.raises(QDError, match=re.escape("of another model")):
        model.decode(np.array([10_000]))
    assert model.score_choices(one, [], model.encode("ab")).shape == (0, 2)
