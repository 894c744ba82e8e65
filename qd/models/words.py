"""An alphabet without a tokenizer: declared words have ids, all else is spelled in bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.models.language_model import Ids

_PIECE = re.compile(r" ?\w+| ?[^\w\s]|\s")  # a word or a sign with the space before it; other white space alone
BYTES = 256
"""The first ids are the bytes of whatever is not declared."""


class Words:
    """Texts to ids and back, the same every time and nothing lost.

    A declared word has one id where it follows a space and one where it does not.

    >>> words = Words(("good", "film"), "Model.vocabulary")
    >>> words.encode("a good film").tolist()
    [97, 256, 258]

    Args:
        words: words, signs or white space, without a space before them, each once.
        owner: the setting that they come from, for messages.

    Raises:
        QDError: for what is not one word.
    """

    def __init__(self, words: Iterable[str], owner: str) -> None:
        self.words = list(words)
        self.owner = owner
        for word in self.words:
            if not _PIECE.fullmatch(word) or (len(word) > 1 and word[0] == " "):
                raise QDError(f"{owner}: got {word!r}, wanted one word, sign or white space, and no space before it, "
                              f"such as {word.split()[0] if word.split() else 'good'!r}")  # fmt: skip
        self._pieces = [piece for word in self.words for piece in (" " + word, word)]
        self._id_of = {piece: BYTES + place for place, piece in enumerate(self._pieces)}

    @staticmethod
    def of(*texts: str) -> tuple[str, ...]:
        """The words, signs and white space of some texts, each once."""
        pieces = (piece for text in texts for piece in _PIECE.findall(text))
        return tuple(dict.fromkeys(piece.removeprefix(" ") or " " for piece in pieces))

    def encode(self, text: str) -> Ids:
        """The ids of a text."""
        ids: list[int] = []
        for piece in _PIECE.findall(text):
            number = self._id_of.get(piece)
            if number is None:
                ids.extend(piece.encode(errors="replace"))
            else:
                ids.append(number)
        return np.array(ids, np.int32)

    def decode(self, ids: Ids) -> str:
        """The text of some ids; bytes that make no character become U+FFFD."""
        return b"".join(self.spelled(int(i)) for i in self.checked(ids)).decode(errors="replace")

    def spelled(self, number: int) -> bytes:
        """What an id stands for, with its space."""
        return bytes([number]) if number < BYTES else self._pieces[number - BYTES].encode()

    def checked(self, ids: Ids) -> Ids:
        """The ids. Raises QDError where there are none such."""
        ids = np.asarray(ids)
        top = BYTES + len(self._pieces)
        if len(ids) and (ids.min() < 0 or ids.max() >= top):
            raise QDError(f"{self.owner}: got token ids from {ids.min()} to {ids.max()}, wanted 0 to {top - 1}: "
                          "are they of another model?")  # fmt: skip
        return ids

    def numbers(self, ids: Ids) -> NDArray[np.int64]:
        """The place of each id's word among the declared ones, -1 for a byte."""
        ids = self.checked(ids)
        return np.where(ids < BYTES, -1, (ids - BYTES) // 2).astype(np.int64)

    def beginnings(self) -> Ids:
        """(v,) the ids of declared words after a space; signs and white space are left out."""
        return np.array([self._id_of[" " + word] for word in self.words if word[0].isalnum()], np.int32)
