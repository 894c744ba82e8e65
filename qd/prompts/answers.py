"""Answers to items by fixed blocks, so that they are the same bits whoever asks for which of them, and remembered.

A network's last bits depend on what shares its call. So the examples of a split are cut into blocks of consecutive
numbers, a block always goes through the network whole, and what comes out is kept for the next who asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qd.models import Ids, LanguageModel
from qd.prompts.prompt import Prompt

_REMEMBERED = 4096  # blocks that a process remembers without a store


class Store(Protocol):
    """What keeps answers: arrays of numbers by a key of bytes."""

    def get_many(self, keys: list[bytes]) -> list[NDArray[np.float64] | None]:
        """What is known, None for the others."""

    def put_many(self, keys: list[bytes], values: list[NDArray[np.float64]]) -> None:
        """Keep some more."""


class Recent:
    """The latest answers of this process, the oldest forgotten first."""

    def __init__(self) -> None:
        self._kept: dict[bytes, NDArray[np.float64]] = {}
        self._lock = threading.Lock()

    def get_many(self, keys: list[bytes]) -> list[NDArray[np.float64] | None]:
        """What is known, None for the others."""
        with self._lock:
            return [self._kept.get(key) for key in keys]

    def put_many(self, keys: list[bytes], values: list[NDArray[np.float64]]) -> None:
        """Keep some more."""
        with self._lock:
            self._kept.update(zip(keys, values, strict=True))
            while len(self._kept) > _REMEMBERED:
                del self._kept[next(iter(self._kept))]


def by_blocks(
    model: LanguageModel,
    prompt: Prompt,
    count: int,
    item: Callable[[int], Ids],
    choices: Ids,
    examples: NDArray[np.int64],
    store: Store,
    key: Callable[[int], bytes],
) -> NDArray[np.float64]:
    """(k, C) probabilities of the choices for some examples of a split.

    Args:
        model: what answers; its ``block`` cuts the split.
        prompt: what stands before the items.
        count: examples of the split.
        item: the ids of one example, by its number.
        choices: (C,) token ids.
        examples: (k,) numbers of those that are wanted.
        store: what remembers blocks.
        key: a block's key in it, by the block's number.
    """
    blocks = np.unique(examples // model.block)
    keys = [key(int(block)) for block in blocks]
    known = store.get_many(keys)
    missing = [place for place, value in enumerate(known) if value is None]
    spans = [range(int(b) * model.block, min(count, (int(b) + 1) * model.block)) for b in blocks]
    for place in missing:  # a call a block: its shape is its own
        answers = model.score_choices(prompt.prefix, [item(i) for i in spans[place]], choices)
        known[place] = np.asarray(answers, np.float64)
    if missing:
        store.put_many([keys[place] for place in missing], [known[place] for place in missing])  # type: ignore[misc]
    table = {i: row for span, value in zip(spans, known, strict=True) if value is not None
             for i, row in zip(span, value, strict=True)}  # fmt: skip
    return np.array([table[int(i)] for i in examples]).reshape(len(examples), len(choices))
