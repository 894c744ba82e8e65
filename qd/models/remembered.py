"""A model that is asked nothing twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import fspath

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.models.language_model import Ids, LanguageModel, Reply
from qd.models.store import AnswerStore, answer_key

_AT_ONCE = 32  # blocks a call: where one of them fails, the calls before it are kept


@dataclass(frozen=True)
class Remembered(LanguageModel):
    """Another model, whose answers are kept in a folder: what was asked before is answered from there.

    For models that answer the same question differently, as endpoints do: a run that is interrupted and resumed finds
    the answers that it had, so it goes on as it would have, and nothing is paid for twice. The key of an answer is the
    model's ``identity`` and all that it was asked: text, most tokens, temperature, seed, stops; for choices the ids of
    prefix, item and choices. Failures are not kept: they are asked anew. With a temperature and no seeds every answer
    is to be new, and none is kept.

    An answer from the folder says how many tokens it once took, so that costs do not depend on who asked first. Several
    processes of a machine may share a folder; two that ask the same thing at the same moment both ask the model, and
    the later answer stays.

    >>> from qd.models import Scripted
    >>> model = Remembered(Scripted(replies=(("new", "nothing"),)), "")
    >>> [reply.text for reply in model.generate(["What is new?", "What is new?"])]
    ['nothing', 'nothing']
    """

    model: LanguageModel
    """The model that is asked."""
    folder: str
    """Where its answers are kept, on a disk of this machine; empty: in memory."""

    resumable = ("folder",)

    def prepare(self) -> None:
        self.model.prepare()

    def __post_init__(self) -> None:
        if not isinstance(self.model, LanguageModel):
            raise QDError(f"Remembered.model: got {type(self.model).__name__}, wanted a language model, such as "
                          "qd.models.Endpoint")  # fmt: skip
        if isinstance(self.model, Remembered):
            raise QDError("Remembered.model: this one remembers already; give the model that it is of")
        object.__setattr__(self, "folder", fspath(self.folder))
        _ = self._store  # raises where the folder is a file

    @cached_property
    def _store(self) -> AnswerStore:
        return AnswerStore(self.folder or None)

    @property
    def block(self) -> int:  # type: ignore[override]
        """The model's own: what is missing of a block is asked for with the whole of it."""
        return self.model.block

    @property
    def context_length(self) -> int:  # type: ignore[override]
        """The model's own."""
        return self.model.context_length

    @property
    def identity(self) -> str:
        """The model's own: its answers are the same."""
        return self.model.identity

    def encode(self, text: str) -> Ids:
        return self.model.encode(text)

    def decode(self, ids: Ids) -> str:
        return self.model.decode(ids)

    def word_ids(self) -> Ids:
        return self.model.word_ids()

    def embeddings(self, ids: Ids) -> NDArray[np.float32]:
        return self.model.embeddings(ids)

    def log_likelihood(self, ids: Ids) -> float:
        return self.model.log_likelihood(ids)

    def score_choices(self, prefix: Ids, items: Sequence[Ids], choices: Ids) -> NDArray[np.float64]:
        """The probabilities that are kept, and the model's for items that are not.

        Items that a model scores together are asked for together, so that what is kept has the bits it would have had.
        """
        if not items:
            return self.model.score_choices(prefix, items, choices)
        size = max(1, self.block)
        common = ("choices", self.identity, _bytes(prefix), _bytes(choices))
        blocks = [items[start : start + size] for start in range(0, len(items), size)]
        keys = [answer_key(*common, len(block), *map(_bytes, block)) for block in blocks]
        found = self._store.get_many(keys)
        missing = [place for place, answer in enumerate(found) if answer is None]
        for start in range(0, len(missing), _AT_ONCE):
            places = missing[start : start + _AT_ONCE]
            rows = self.model.score_choices(prefix, [item for place in places for item in blocks[place]], choices)
            answers = np.split(rows, np.cumsum([len(blocks[place]) for place in places])[:-1])
            self._store.put_many([keys[place] for place in places], answers)
            for place, answer in zip(places, answers, strict=True):
                found[place] = answer
        return np.concatenate([np.asarray(answer, np.float64) for answer in found])

    def generate(
        self,
        texts: Sequence[str],
        max_tokens: int = 128,
        temperature: float = 0.0,
        seeds: NDArray[np.uint64] | None = None,
        stop: Sequence[str] = (),
    ) -> list[Reply]:
        """The replies that are kept, and the model's to texts that have none; the same question is asked once."""
        asked: list[tuple[str, str | bytes]] = [("text", text) for text in texts]

        def ask(rows: list[int], some: NDArray[np.uint64] | None) -> list[Reply]:
            return self.model.generate([texts[row] for row in rows], max_tokens, temperature, some, stop)

        return self._replies(asked, ask, max_tokens, temperature, seeds, stop)

    def go_on(
        self,
        prefix: Ids,
        items: Sequence[Ids],
        max_tokens: int = 128,
        temperature: float = 0.0,
        seeds: NDArray[np.uint64] | None = None,
        stop: Sequence[str] = (),
    ) -> list[Reply]:
        asked: list[tuple[str, str | bytes]] = [("ids", _bytes(prefix) + _bytes(item)) for item in items]

        def ask(rows: list[int], some: NDArray[np.uint64] | None) -> list[Reply]:
            return self.model.go_on(prefix, [items[row] for row in rows], max_tokens, temperature, some, stop)

        return self._replies(asked, ask, max_tokens, temperature, seeds, stop)

    def _replies(
        self,
        asked: list[tuple[str, str | bytes]],
        ask: Callable[[list[int], NDArray[np.uint64] | None], list[Reply]],
        max_tokens: int,
        temperature: float,
        seeds: NDArray[np.uint64] | None,
        stop: Sequence[str],
    ) -> list[Reply]:
        """The replies that are kept, and what ``ask`` gives for the rows that have none."""
        everything = list(range(len(asked)))
        if temperature > 0 and seeds is None:
            return ask(everything, None)
        drawn = [int(seed) for seed in seeds] if seeds is not None and temperature > 0 else [-1] * len(asked)
        common = answer_key("reply", self.identity, int(max_tokens), repr(float(temperature)), *stop)
        keys = [answer_key(common, seed, *question) for question, seed in zip(asked, drawn, strict=True)]
        kept = self._store.get_many(keys)
        known = {key: Reply(*json.loads(str(text))) for key, text in zip(keys, kept, strict=True) if text is not None}
        missing = {keys[row]: row for row in everything if keys[row] not in known}
        if missing:
            rows = sorted(missing.values())
            replies = ask(rows, None if seeds is None else seeds[rows])
            new = {keys[row]: reply for row, reply in zip(rows, replies, strict=True)}
            good = {key: json.dumps([reply.text, reply.tokens]) for key, reply in new.items() if reply.ok}
            self._store.put_many(list(good), list(good.values()))
            known.update(new)
        return [known[key] for key in keys]


def _bytes(ids: Ids) -> bytes:
    return np.asarray(ids).astype("<i4").tobytes()
