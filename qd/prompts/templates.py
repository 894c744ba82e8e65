"""How an example is written down in a prompt: a block a demonstration, a query, and a word a class.

A template is data: the text of a demonstration with ``{field}`` where a field of the example stands and ``{label}``
where the answer does, and the query, which is the same text up to the answer. What is read from the model is the next
token after the query, so the white space before ``{label}`` belongs to the words of the answer: ``"Sentiment:
{label}"`` asks for ``" great"``, not for ``"great"``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from qd.errors import QDError, nearest
from qd.models import Ids, LanguageModel
from qd.prompts.examples import Examples

LABEL = "label"
"""The placeholder of the answer; no field of an example may bear this name."""
_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Template:
    r"""The text of demonstrations and of the query.

    >>> reviews = Template("reviews", "Review: {text}\nSentiment: {label}", verbalizers={"bad": "terrible"})
    >>> reviews.query
    'Review: {text}\nSentiment:'
    >>> reviews.demonstration({"text": "A bore."}, "bad")
    'Review: A bore.\nSentiment: terrible'

    Args:
        name: what it is called, in messages and records.
        block: a demonstration: ``{field}`` where a field stands, ``{label}`` where the answer does.
        query: what is asked, ending just before the answer; empty: the block up to ``{label}``, without the white
            space before it.
        separator: what stands between two demonstrations, and before the query.
        verbalizers: class -> its word, in the order of the classes; none where answers are free text, which then
            stands in demonstrations as it is.
    """

    name: str
    block: str
    query: str = ""
    separator: str = "\n\n"
    verbalizers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"Template({self.name!r})"
        if LABEL not in (places := _PLACE.findall(self.block)):
            raise QDError(f"{where}.block: no {{label}} in {self.block!r}; write {{label}} where the answer stands")
        if places.count(LABEL) > 1:
            raise QDError(f"{where}.block: {{label}} stands {places.count(LABEL)} times, wanted once: the query is "
                          "what stands before it")  # fmt: skip
        if len(places) == 1:
            raise QDError(f"{where}.block: no field in {self.block!r}; write {{text}}, or the name of another field of "
                          "the examples, where the example stands")  # fmt: skip
        if not self.query:
            object.__setattr__(self, "query", self.block[: self.block.index(f"{{{LABEL}}}")].rstrip())
        asked = _PLACE.findall(self.query)
        if LABEL in asked:
            raise QDError(f"{where}.query: {{label}} stands in {self.query!r}, which gives the answer away; end it "
                          "before the answer")  # fmt: skip
        if not asked:
            raise QDError(f"{where}.query: no field in {self.query!r}, so all examples would ask the same; write "
                          f"{{{places[0]}}} where the example stands")  # fmt: skip
        if self.query != self.query.rstrip():
            raise QDError(f"{where}.query: it ends with white space, {self.query[-12:]!r}; leave it out: it belongs to "
                          "the words of the answer, which models know with a blank before them")  # fmt: skip
        words: dict[str, str] = {}
        for label, word in self.verbalizers.items():
            if not word.strip():
                raise QDError(f"{where}.verbalizers[{label!r}]: got {word!r}, wanted a word")
            if (other := words.setdefault(word, label)) != label:
                raise QDError(f"{where}.verbalizers: {word!r} stands for {other!r} and for {label!r}; give each class "
                              "a word of its own")  # fmt: skip
        object.__setattr__(self, "verbalizers", dict(self.verbalizers))

    def __hash__(self) -> int:
        return hash((self.name, self.block, self.query, self.separator, *self.verbalizers.items()))

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields of the block and the query, in the order in which they first stand."""
        return tuple(dict.fromkeys(name for name in _PLACE.findall(self.block + self.query) if name != LABEL))

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the fields of the query."""
        return tuple(dict.fromkeys(_PLACE.findall(self.query)))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in order; empty where answers are free text."""
        return tuple(self.verbalizers)

    @property
    def lead(self) -> str:
        """The white space before the answer, which belongs to its words."""
        before = self.block[: self.block.index(f"{{{LABEL}}}")]
        return before[len(before.rstrip()) :]

    def word(self, label: str) -> str:
        """What stands for a label in a demonstration. Raises QDError for a class that has no word."""
        if not self.verbalizers:
            return label
        if label not in self.verbalizers:
            raise QDError(f"Template({self.name!r}).verbalizers: no word for the class {label!r}; "
                          f"{nearest(label, self.verbalizers)}")  # fmt: skip
        return self.verbalizers[label]

    def demonstration(self, fields: Mapping[str, str], label: str) -> str:
        """The block of one example. A field is put in as it is: braces in it mean nothing."""
        return self._filled(self.block, {**fields, LABEL: self.word(label)})

    def question(self, fields: Mapping[str, str]) -> str:
        """The query of one example."""
        return self._filled(self.query, fields)

    def demonstrations(self, examples: Examples) -> str:
        """The blocks of all examples, each followed by the separator: what stands before the query."""
        self.check(examples)
        rows = [
            self.demonstration({name: texts[row] for name, texts in examples.fields.items()}, label)
            for row, label in enumerate(examples.labels)
        ]
        return "".join(row + self.separator for row in rows)

    def check(self, examples: Examples, query: bool = False) -> None:
        """Refuse examples that lack a field of this template (or of its query), or have a class without a word."""
        for name in (self.asked if query else self.fields) if len(examples) else ():
            if name not in examples.fields:
                raise QDError(f"Template({self.name!r}): the examples have no field {name!r}; "
                              f"{nearest(name, examples.fields)}")  # fmt: skip
        for label in dict.fromkeys(examples.labels):
            self.word(label)

    def _filled(self, text: str, fields: Mapping[str, str]) -> str:
        def fill(place: re.Match[str]) -> str:
            if place[1] not in fields:
                raise QDError(f"Template({self.name!r}): no field {place[1]!r}; {nearest(place[1], fields)}")
            return fields[place[1]]

        return _PLACE.sub(fill, text)


def parts_of(text: str, fields: Sequence[str]) -> list[str]:
    """A text cut at its fields: text, field, text, ..., always an odd number, texts possibly empty.

    A brace that holds no name of ``fields`` is text like any other.

    >>> parts_of("Review: {text} {smile}", ["text"])
    ['Review: ', 'text', ' {smile}']
    """
    if not fields:
        return [text]
    names = "|".join(re.escape(name) for name in fields)
    return re.split(rf"\{{({names})\}}", text)


def single_token_verbalizers(model: LanguageModel, template: Template) -> Ids:
    """(C,) the token of each class's word, as it follows the query: with the white space before it.

    Raises:
        QDError: where a word is several tokens, or two classes have the same token. The message says how the model cuts
            the word, and which form of it is one token.
    """
    where, lead = f"Template({template.name!r}).verbalizers", template.lead
    if not template.verbalizers:
        raise QDError(f"{where}: none, so there are no classes to score; give a word a class")
    owner: dict[int, str] = {}
    for label, word in template.verbalizers.items():
        ids = model.encode(lead + word)
        if len(ids) != 1:
            pieces = [model.decode(ids[i : i + 1]) for i in range(len(ids))]
            raise QDError(f"{where}[{label!r}]: {lead + word!r} is {len(ids)} tokens to this model, {pieces}, and a "
                          f"class is read from one; {_nearest_single(model, lead, word, pieces)}")  # fmt: skip
        other = owner.setdefault(int(ids[0]), label)
        if other != label:
            raise QDError(f"{where}: {other!r} and {label!r} have the same token, {model.decode(ids)!r}, so that their "
                          "probabilities are one number; give one of them another word")  # fmt: skip
    return np.array(list(owner), np.int32)


def _nearest_single(model: LanguageModel, lead: str, word: str, pieces: Sequence[str]) -> str:
    """What to write instead of a word of several tokens."""
    plain = word.strip()
    forms = dict.fromkeys((plain, plain.lower(), plain.capitalize(), plain.upper()))
    for form in forms:
        for before in dict.fromkeys((lead, " ", "")):
            if (before, form) != (lead, word) and len(model.encode(before + form)) == 1:
                if before == lead:
                    return f"{form!r} is one token"
                there = f"with {before!r} before it" if before else "without white space before it"
                return f"{form!r} {there} is one token: write {before + '{label}'!r} in the block"
    for length in range(len(plain) - 1, 2, -1):  # the longest beginning of the word that is a token
        if len(model.encode(lead + plain[:length])) == 1:
            return f"choose another word; the nearest that is one token is {plain[:length]!r}"
    return f"choose a shorter or commoner word (the first of its tokens is {pieces[0] if pieces else ''!r})"


def _sentiment(name: str, cue: str, verbalizers: Mapping[str, str]) -> Template:
    return Template(name, f"{cue}: {{text}}\nSentiment: {{label}}", verbalizers=verbalizers)


def _same(*words: str) -> dict[str, str]:
    return {word: word for word in words}


TEMPLATES: Mapping[str, Template] = MappingProxyType({
    template.name: template
    for template in (
        _sentiment("sst2", "Review", {"negative": "terrible", "positive": "great"}),
        _sentiment("movie_reviews", "Review", {"negative": "terrible", "positive": "great"}),
        _sentiment("tweets", "Tweet", {"negative": "bad", "neutral": "neutral", "positive": "good"}),
        _sentiment("yelp5", "Review", {"1": "terrible", "2": "bad", "3": "neutral", "4": "good", "5": "great"}),
        Template("subj", "Sentence: {text}\nViewpoint: {label}", verbalizers=_same("subjective", "objective")),
        Template(
            "agnews",
            "Article: {text}\nAnswer: {label}",
            verbalizers={"world": "World", "sports": "Sports", "business": "Business", "technology": "Tech"},
        ),
        Template(
            "yahoo",
            "Sentence: {text}\nTopic: {label}",
            verbalizers=_same("culture", "science", "health", "education", "computer", "sports", "business", "music",
                              "family", "politics"),
        ),
        Template(
            "snli",
            "Hypothesis: {hypothesis}\nPremise: {premise}\n"
            "Does the premise entail the hypothesis, yes, no or unknown? The answer is: {label}",
            verbalizers={"entailment": "Yes", "neutral": "Unknown", "contradiction": "No"},
        ),
        Template(
            "piqa",
            "Question: {question}\nOptions:\nA) {option_a}\nB) {option_b}\nAnswer: {label}",
            verbalizers=_same("A", "B"),
        ),
        Template(
            "gsm8k",
            "Question: {question}\nLet's think step by step\n{rationale}\nThe answer is {label}.",
            "Question: {question}\nLet's think step by step",
        ),
        Template("mawps", "Question: {question}\nAnswer: {label}", "Question: {question}\nAnswer:"),
    )
})  # fmt: skip
"""Name -> template: layouts that prompts of the literature are written in (PromptQuine, arXiv 2506.17930)."""


def named_template(template: Template | str) -> Template:
    """A template as it is, or the one of a name. Raises QDError for a name that is not known."""
    if isinstance(template, Template):
        return template
    if template not in TEMPLATES:
        raise QDError(f"template: got {template!r}, {nearest(str(template), TEMPLATES)}")
    return TEMPLATES[template]
