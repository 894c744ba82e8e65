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
    missing = []
    for place, answer in enumerate(known):
        if answer is None:
            missing.append(place)
        else:
            table.update(zip(spans[place], np.asarray(answer, np.float64), strict=True))
    # A call a block, so that its shape is its own; where nothing depends on the shape, one for all of them.
    for places in [missing] if model.block == 1 and missing else [[place] for place in missing]:
        asked = [number for place in places for number in spans[place]]
        answers = model.score_choices(prompt.prefix, [item(number) for number in asked], choices)
        table.update(zip(asked, answers, strict=True))
        kept = [np.array([table[number] for number in spans[place]]) for place in places]
        store.put_many([keys[place] for place in places], kept)
    return np.array([table[int(i)] for i in examples]).reshape(len(examples), len(choices))
