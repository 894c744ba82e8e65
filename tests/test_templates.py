"""Layouts of prompts, and words that are one token."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qd.errors import QDError
from qd.models import LanguageModel
from qd.prompts import TEMPLATES, Examples, Template
from qd.prompts.layout import opened, whole
from qd.prompts.templates import parts_of, single_token_verbalizers


@dataclass(frozen=True)
class Pieces(LanguageModel):
    """Longest known piece first, else a character a token."""

    pieces: tuple[str, ...] = ()

    identity = "pieces"

    def encode(self, text):
        ids, at = [], 0
        while at < len(text):
            known = [piece for piece in self.pieces if text.startswith(piece, at)]
            piece = max(known, key=len, default=text[at])
            ids.append(1_114_112 + self.pieces.index(piece) if known else ord(piece))
            at += len(piece)
        return np.array(ids, np.int32)

    def decode(self, ids):
        return "".join(chr(i) if i < 1_114_112 else self.pieces[i - 1_114_112] for i in ids)

    def score_choices(self, prefix, items, choices):
        raise NotImplementedError

    def generate(self, texts, max_tokens=128, temperature=0.0, seeds=None, stop=()):
        raise NotImplementedError


REVIEWS = Template("reviews", "Review: {text}\nSentiment: {label}", verbalizers={"bad": "terrible", "good": "great"})


def test_a_prompt_laid_out_by_hand():
    demos = Examples({"text": ("A bore.", "A joy, {text} and {label}.")}, ("bad", "good"))
    wanted = (
        "Review: A bore.\nSentiment: terrible\n\n"
        "Review: A joy, {text} and {label}.\nSentiment: great\n\n"
        "Review:{text}\nSentiment:"
    )
    prompt = whole(Pieces(), REVIEWS, demos)
    assert prompt.text(Pieces()) == wanted  # the space before the query's field goes with the field
    assert [part for part in prompt.parts if isinstance(part, str)] == ["text"]
    assert REVIEWS.demonstrations(demos) + REVIEWS.question({"text": "{x}"}) == wanted.replace("{text}\nS", " {x}\nS")


def test_a_text_without_a_field_is_followed_by_the_query():
    model = Pieces()
    assert opened(model, REVIEWS, "Judge {text} now:").text(model) == "Judge{text} now:"
    assert opened(model, REVIEWS, "Judge {this}.").text(model) == "Judge {this}.\n\nReview:{text}\nSentiment:"


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_the_templates_at_hand_are_whole(template):
    assert TEMPLATES[template.name] is template
    assert pickle.loads(pickle.dumps(template)) == template
    assert template.block.startswith(template.query.rpartition("\n")[0])
    assert not template.query.endswith(" ") and template.asked
    fields = {name: f"<{name}>" for name in template.fields}
    label = template.classes[-1] if template.classes else "7"
    shown = template.demonstration(fields, label)
    assert "{" not in shown and template.word(label) in shown
    if template.verbalizers:
        assert shown.startswith(template.question(fields) + template.lead + template.word(label))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"block": "Review: {text}"}, r"block: no \{label\}"),
        ({"block": "{text} {label} {label}"}, r"\{label\} stands 2 times"),
        ({"block": "Review: {label}"}, r"block: no field in"),
        ({"query": "Is {label} {text}:"}, r"query: \{label\} stands in .* gives the answer away"),
        ({"query": "Sentiment:"}, r"query: no field in 'Sentiment:'.*write \{text\}"),
        ({"query": "Review: {text} Sentiment: "}, r"query: it ends with white space"),
        ({"verbalizers": {"bad": " "}}, r"verbalizers\['bad'\]: got ' '"),
        ({"verbalizers": {"bad": "x", "good": "x"}}, r"'x' stands for 'bad' and for 'good'"),
    ],
)
def test_a_template_is_refused_by_what_is_wrong_with_it(settings, message):
    with pytest.raises(QDError, match=message):
        Template(**{"name": "mine", "block": "Review: {text}\nSentiment: {label}", **settings})


def test_examples_that_do_not_fit_are_refused():
    with pytest.raises(QDError, match=r"no field 'text'; did you mean 'texts'"):
        REVIEWS.check(Examples({"texts": ("a",)}, ("bad",)))
    with pytest.raises(QDError, match=r"no word for the class 'god'; did you mean 'good'"):
        REVIEWS.check(Examples({"text": ("a",)}, ("god",)))
    sums = TEMPLATES["gsm8k"]
    sums.check(Examples({"question": ("1 + 1?",)}, ("2",)), query=True)
    with pytest.raises(QDError, match=r"no field 'rationale'"):
        sums.check(Examples({"question": ("1 + 1?",)}, ("2",)))


def test_verbalizers_are_looked_up_with_the_space_before_them():
    model = Pieces((" terrible", " great", "great"))
    assert model.decode(single_token_verbalizers(model, REVIEWS)) == " terrible great"


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ((" great", "terrible"), r"\['bad'\]: ' terrible' is 2 tokens .*'terrible' without white space before it"),
        ((" great", " Terrible"), r"'Terrible' is one token"),
        ((" great", " terr"), r"the nearest that is one token is 'terr'"),
        ((" great",), r"choose a shorter or commoner word \(the first of its tokens is ' '"),
    ],
)  # fmt: skip
def test_a_word_of_several_tokens_is_explained_with_the_nearest_that_is_one(pieces, message):
    with pytest.raises(QDError, match=message):
        single_token_verbalizers(Pieces(pieces), REVIEWS)


def test_two_classes_with_one_token_are_refused():
    class Deaf(Pieces):
        def encode(self, text):
            return np.array([1114112 if text.strip() in ("terrible", "great") else 65], np.int32)

    with pytest.raises(QDError, match=r"'bad' and 'good' have the same token, ' x'"):
        single_token_verbalizers(Deaf((" x",)), REVIEWS)
    with pytest.raises(QDError, match=r"verbalizers: none, so there are no classes"):
        single_token_verbalizers(Pieces(), TEMPLATES["mawps"])


@given(st.text(alphabet="a{}x \n", max_size=30))
def test_parts_put_together_are_the_text(text):
    parts = parts_of(text, ["a", "x"])
    assert len(parts) % 2
    assert "".join(f"{{{part}}}" if place % 2 else part for place, part in enumerate(parts)) == text
