"""What a language model is to the rest: token ids in, probabilities of choices or texts out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
"""(k,) token ids of one text, in the model's own alphabet."""


@dataclass(frozen=True)
class Reply:
    """What a model wrote, or why it wrote nothing.

    Args:
        text: what was written; "" where it failed.
        tokens: how many tokens were read and written for it.
        error: why there is no text; "" where there is one.
    """

    text: str
    tokens: int = 0
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a text."""
        return not self.error


class LanguageModel(ABC):
    """A language model: a frozen dataclass of settings; weights and connections are made when first needed.

    Ids are kept from end to end: what is scored is exactly the ids given, nothing is decoded and tokenised anew. To
    other processes a model travels as its settings alone.

    Attributes:
        block: how many items are scored in one call of the network. An item's numbers may depend, in their last bits,
            on the items that share its call, so whoever wants the same bits gives the same block of items each time.
            1: an item's numbers are its own.
        context_length: tokens that fit, prompt and answer together.
    """

    block: int = 1
    context_length: int = 2**31 - 1

    def __getstate__(self) -> dict[str, Any]:
        """The settings alone: weights, connections and counts stay in their process."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    def prepare(self) -> None:
        """Load what answering needs, so that the first question is not charged for it. Optional."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """A short text that is equal for two models exactly where their answers are: the key of stored results."""

    @abstractmethod
    def encode(self, text: str) -> Ids:
        """The ids of a text, without special tokens before or after."""

    @abstractmethod
    def decode(self, ids: Ids) -> str:
        """The text of some ids."""

    @abstractmethod
    def score_choices(self, prefix: Ids, items: Sequence[Ids], choices: Ids) -> NDArray[np.float64]:
        """How likely each choice is as the next token, among the choices alone.

        Args:
            prefix: (p,) what all items begin with; may be empty.
            items: I texts, each read after the prefix; prefix and item together hold at least one token.
            choices: (C,) token ids.

        Returns:
            (I, C) probabilities, each row adding up to 1.

        Raises:
            QDError: where a text is longer than ``context_length``.
            ModelError: where the model gives no answer (an endpoint that is down).
        """

    def log_likelihood(self, ids: Ids) -> float:
        """Mean log-probability a token, from the second on: how natural a text is to the model; 0 for shorter ones."""
        raise NotImplementedError(f"{type(self).__name__} does not tell how likely a text is")

    @abstractmethod
    def generate(
        self,
        texts: Sequence[str],
        max_tokens: int = 128,
        temperature: float = 0.0,
        seeds: NDArray[np.uint64] | None = None,
        stop: Sequence[str] = (),
    ) -> list[Reply]:
        """What the model writes after each text.

        Args:
            texts: n prompts.
            max_tokens: tokens that are written at most.
            temperature: 0: always the likeliest token.
            seeds: (n,) one a text: with a temperature, all the randomness there is.
            stop: texts that end a reply where they appear; they are left out.

        Returns:
            n replies; one that failed says why, the others stand.
        """

    def go_on(
        self,
        prefix: Ids,
        items: Sequence[Ids],
        max_tokens: int = 128,
        temperature: float = 0.0,
        seeds: NDArray[np.uint64] | None = None,
        stop: Sequence[str] = (),
    ) -> list[Reply]:
        """What the model writes after prefix and item, by ids: as ``generate``, but nothing is tokenised anew.

        A model whose texts have no ids of their own (an endpoint) is given the decoded text.
        """
        texts = [self.decode(np.concatenate([prefix, item])) for item in items]
        return self.generate(texts, max_tokens, temperature, seeds, stop)

    def word_ids(self) -> Ids:
        """(v,) the ids of tokens that begin a word, special ones left out: what prompts can be written with."""
        raise NotImplementedError(f"{type(self).__name__} does not list its tokens")

    def embeddings(self, ids: Ids) -> NDArray[np.float32]:
        """(k, h) the model's input embedding of each id."""
        raise NotImplementedError(f"{type(self).__name__} has no embeddings to show")
