"""A language model whose answers are written down: for tests, demonstrations, and tasks with a known optimum."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import blake2b
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import ModelError, QDError
from qd.models.language_model import Ids, LanguageModel, Reply
from qd.models.words import Words
from qd.rng import generator


@dataclass(frozen=True)
class Scripted(LanguageModel):
    """Answers from tables and rules, deterministic and at once.

    Its alphabet is words. Every word that stands in a table or in ``vocabulary`` has one id where it follows a space
    and one where it does not; all else is spelled in UTF-8 bytes, so that any text can be encoded and comes back the
    same. Words are given without a space; the tables do not ask whether one stands before them.

    The log-odds of the choices are ``bias``, the ``effects`` of the words in the prefix, and the ``evidence`` of the
    words in the item times a gain of at least 0: 1 and the ``gains`` of the words in the prefix. A word counts once,
    wherever it stands. So a prompt helps by correcting the bias or by sharpening the evidence, and the best one can be
    told from the tables.

    >>> evidence = {"good": (0.0, 2.0), "bad": (2.0, 0.0)}
    >>> model = Scripted(effects={"fair": (0.0, 1.0)}, evidence=evidence, bias=(1.0, 0.0))
    >>> items = [model.encode("a good film"), model.encode("a bad film")]
    >>> model.score_choices(model.encode("Be fair."), items, model.encode("ab")).round(2).tolist()
    [[0.12, 0.88], [0.88, 0.12]]
    """

    effects: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Word -> what it adds to the log-odds of each choice where it is in the prefix."""
    evidence: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Word -> what it adds to the log-odds of each choice where it is in the item."""
    gains: Mapping[str, float] = field(default_factory=dict)
    """Word -> what it adds to the gain of the evidence where it is in the prefix."""
    interactions: Mapping[tuple[str, ...], Sequence[float] | float] = field(default_factory=dict)
    """Words that do something only where all of them are in the prefix: an effect a choice, or one number, a gain."""
    bias: Sequence[float] = ()
    """Log-odds of each choice before anything is read; empty: all alike."""
    noise: float = 0.0
    """Standard deviation of what an item adds to each log-odds beside its words, the same for every prefix."""
    replies: Callable[[str, int], str] | Sequence[tuple[str, str]] = ()
    """What is written: a function of text and seed (0 without a temperature), or pairs of a regular expression and
    what the first that is found in the text becomes (``\\1`` its first group)."""
    vocabulary: Sequence[str] = ()
    """Words that have an id without being in a table."""
    unigrams: Mapping[str, float] = field(default_factory=dict)
    """Word -> its log-probability, for ``log_likelihood``."""
    unknown: float = -10.0
    """Log-probability of every other token."""
    embedding_size: int = 16
    """Numbers of an embedding; they are normal, drawn from a hash of the word."""

    def __post_init__(self) -> None:
        sizes = dict(self._sizes())
        for name, size in sizes.items():
            if size != next(iter(sizes.values())):
                raise QDError(f"Scripted.{name}: got {size} numbers, wanted {next(iter(sizes.values()))} as in "
                              f"Scripted.{next(iter(sizes))}: one a choice everywhere")  # fmt: skip
        for name, numbers in self._numbers():
            if not all(isinstance(number, int | float) and isfinite(number) for number in numbers):
                raise QDError(f"Scripted.{name}: got {numbers}, wanted finite numbers")
        _ = self._words  # raises for what is no word
        if self.noise < 0 or self.embedding_size < 1:
            raise QDError(f"Scripted: got noise={self.noise} and embedding_size={self.embedding_size}, wanted at least "
                          "0 and 1")  # fmt: skip
        if not callable(self.replies):
            for rule in self.replies:
                if isinstance(rule, str) or len(rule) != 2:
                    raise QDError(f"Scripted.replies: got {rule!r}, wanted pairs of a regular expression and a text")
                try:
                    re.compile(rule[0])
                except re.error as error:
                    raise QDError(f"Scripted.replies: {rule[0]!r} is no regular expression: {error}") from error

    def _sizes(self) -> Iterable[tuple[str, int]]:
        """Name -> how many choices it speaks of, of all that is given a choice."""
        if len(self.bias):
            yield "bias", len(self.bias)
        for name in ("effects", "evidence"):
            yield from ((f"{name}[{word!r}]", len(row)) for word, row in getattr(self, name).items())
        for words, value in self.interactions.items():
            if not isinstance(value, int | float):
                yield f"interactions[{words!r}]", len(value)

    def _numbers(self) -> Iterable[tuple[str, Sequence[float]]]:
        yield from (("bias", self.bias), ("noise", (self.noise,)), ("unknown", (self.unknown,)))
        for name in ("effects", "evidence", "gains", "interactions", "unigrams"):
            for word, value in getattr(self, name).items():
                yield f"{name}[{word!r}]", (value,) if isinstance(value, int | float) else value

    def __hash__(self) -> int:
        return hash(self.identity)

    @cached_property
    def identity(self) -> str:
        """A hash of all settings; of a function that replies, its name."""
        replies = self.replies
        if callable(replies):
            named = getattr(replies, "__qualname__", None)
            replies = f"{replies.__module__}:{named}" if named else repr(replies)  # type: ignore[assignment]
        settings = {f.name: getattr(self, f.name) for f in fields(self)} | {"replies": replies}
        plain = repr([(name, _plain(value)) for name, value in settings.items()])
        return f"scripted {blake2b(plain.encode(), digest_size=12).hexdigest()}"

    # ------------------------------------------------------------ the alphabet

    @cached_property
    def _words(self) -> Words:
        """The declared words, in the order of the tables."""
        tables: tuple[Iterable[str], ...] = (self.effects, self.evidence, self.gains, self.unigrams, self.vocabulary)
        together = [word for words in self.interactions for word in words]
        return Words(dict.fromkeys(word for table in (*tables, together) for word in table), "Scripted.vocabulary")

    @staticmethod
    def words(*texts: str) -> tuple[str, ...]:
        """The words, signs and white space of some texts, each once: a ``vocabulary`` that has an id for all of them.

        >>> Scripted.words("Is it good? It is.")
        ('Is', 'it', 'good', '?', 'It', 'is', '.')
        """
        return Words.of(*texts)

    def encode(self, text: str) -> Ids:
        return self._words.encode(text)

    def decode(self, ids: Ids) -> str:
        return self._words.decode(ids)

    def word_ids(self) -> Ids:
        """(v,) the declared words, after a space; signs and white space are left out."""
        return self._words.beginnings()

    def embeddings(self, ids: Ids) -> NDArray[np.float32]:
        rows = [self._embedding(int(i)) for i in self._words.checked(ids)]
        return np.stack(rows) if rows else np.zeros((0, self.embedding_size), np.float32)

    def _embedding(self, number: int) -> NDArray[np.float32]:
        seed = int.from_bytes(blake2b(self._words.spelled(number), digest_size=8).digest(), "little")
        return generator(seed, "embedding").standard_normal(self.embedding_size, np.float32)

    # ------------------------------------------------------------ its answers

    def score_choices(self, prefix: Ids, items: Sequence[Ids], choices: Ids) -> NDArray[np.float64]:
        count = next((size for _, size in self._sizes()), len(choices))
        if len(choices) != count:
            raise QDError(f"Scripted: asked about {len(choices)} choices, and its tables give {count} numbers a word")
        read = self._read(prefix)
        shift = np.asarray(self.bias, np.float64) if len(self.bias) else np.zeros(count)
        gain = 1.0 + sum(self.gains.get(word, 0.0) for word in read)
        for word in read:
            shift = shift + self.effects.get(word, 0.0)
        present = set(read)
        for words, value in self.interactions.items():
            if present.issuperset(words):
                if isinstance(value, int | float):
                    gain += value
                else:
                    shift = shift + np.asarray(value, np.float64)
        logits = np.empty((len(items), count))
        for row, item in enumerate(items):
            if len(prefix) + len(item) == 0:
                raise QDError(f"Scripted: prefix and item {row} are empty, wanted at least one token")
            logits[row] = shift + max(0.0, gain) * self._evidence_of(item, count)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))  # (I, C)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float64)

    def _read(self, ids: Ids) -> list[str]:
        """The declared words of some ids, each once, in the order of the tables."""
        return [self._words.words[number] for number in np.unique(self._words.numbers(ids)) if number >= 0]

    def _evidence_of(self, item: Ids, count: int) -> NDArray[np.float64]:
        key = np.asarray(item, np.int32).tobytes()
        known = self._items.get(key)
        if known is None:
            known = np.zeros(count)
            for word in self._read(item):
                known = known + self.evidence.get(word, 0.0)
            if self.noise:
                seed = int.from_bytes(blake2b(key, digest_size=8).digest(), "little")
                known = known + self.noise * generator(seed, "item").standard_normal(count)
            if len(self._items) < 100_000:  # prompts that change what stands after the field make new items for ever
                self._items[key] = known
        return known

    @cached_property
    def _items(self) -> dict[bytes, NDArray[np.float64]]:
        return {}

    def log_likelihood(self, ids: Ids) -> float:
        numbers = self._words.numbers(ids)[1:].tolist()
        names = [self._words.words[number] if number >= 0 else "" for number in numbers]
        return float(np.mean([self.unigrams.get(name, self.unknown) for name in names])) if names else 0.0

    def generate(
        self,
        texts: Sequence[str],
        max_tokens: int = 128,
        temperature: float = 0.0,
        seeds: NDArray[np.uint64] | None = None,
        stop: Sequence[str] = (),
    ) -> list[Reply]:
        """What the rules or the function make of each text; where none applies or it raises, a reply with an error."""
        drawn = seeds is not None and temperature > 0
        return [
            self._reply(text, int(seeds[row]) if seeds is not None and drawn else 0, max_tokens, stop)
            for row, text in enumerate(texts)
        ]

    def _reply(self, text: str, seed: int, max_tokens: int, stop: Sequence[str]) -> Reply:
        read = len(self.encode(text))
        try:
            written = self._written(text, seed)
        except Exception as error:
            return Reply("", read, f"{type(error).__name__}: {error}")
        ends = [place for end in stop if end and (place := written.find(end)) >= 0]
        ids = self.encode(written[: min(ends, default=len(written))])[:max_tokens]
        return Reply(self.decode(ids), read + len(ids))

    def _written(self, text: str, seed: int) -> str:
        if callable(self.replies):
            return self.replies(text, seed)
        for pattern, becomes in self.replies:
            found = re.search(pattern, text)
            if found:
                return found.expand(becomes)
        raise ModelError(f"no rule of Scripted.replies is found in {text[:60]!r}")


def _plain(value: Any) -> Any:
    """Tables as lists of pairs of lists of numbers, so that equal settings look alike."""
    if isinstance(value, Mapping):
        return [(_plain(key), _plain(item)) for key, item in value.items()]
    if isinstance(value, tuple | list | np.ndarray):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, int | float | np.number) else value
