"""Answers to items by fixed blocks, so that they are the same bits whoever asks for which of them, and remembered.

A network's last bits depend on what shares its call. So the examples of a split are cut into blocks of consecutive
numbers, a block always goes through the network whole, and what comes out is kept for the next who asks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qd.models import AnswerStore, Ids, LanguageModel
from qd.prompts.prompt import Prompt


def by_blocks(
    model: LanguageModel,
    prompt: Prompt,
    count: int,
    item: Callable[[int], Ids],
    choices: Ids,
    examples: NDArray[np.int64],
    store: AnswerStore,
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
    spans = [range(int(b) * model.block, min(count, (int(b) + 1) * model.block)) for b in blocks]
    table: dict[int, NDArray[np.float64]] = {}
    for place, (span, answer) in enumerate(zip(spans, known, strict=True)):
        if answer is None:  # a call a block: its shape is its own
            answer = model.score_choices(prompt.prefix, [item(i) for i in span], choices)
            store.put_many(keys[place : place + 1], [answer])
        table.update(zip(span, np.asarray(answer, np.float64), strict=True))
    return np.array([table[int(i)] for i in examples]).reshape(len(examples), len(choices))
