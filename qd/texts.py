"""Solutions that are named texts: an instruction, examples, the prompt by which a writer changes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.ragged import Ragged, Solutions
from qd.space import Space

_BETWEEN = 0xFF  # never a byte of UTF-8
_FEW = 2  # names listed in full in messages

Given = str | Sequence[str] | Mapping[str, str]
"""One solution: a text a component, in order or by name; a plain text where there is one component."""


@dataclass(frozen=True)
class Texts(Space):
    """Texts by name. A row is their UTF-8 bytes, with a byte 255 between two of them, uint8.

    >>> space = Texts(("instruction", "examples"), initial=({"instruction": "Be brief.", "examples": ""},))
    >>> space.unpack(space.pack([("Be kind.", "a: b")]))
    [('Be kind.', 'a: b')]

    Args:
        names: of the components.
        initial: what random solutions are drawn from, at least one solution: texts in order, or by name; a plain text
            where there is one component.
        max_bytes: of a solution, the bytes in between included.
    """

    names: tuple[str, ...]
    initial: tuple[Any, ...]
    max_bytes: int = 8192

    length = -1

    def __post_init__(self) -> None:
        names = (self.names,) if isinstance(self.names, str) else tuple(self.names)
        if not names or len(set(names)) < len(names) or not all(isinstance(n, str) and n for n in names):
            raise QDError(f"Texts.names: got {self.names!r}, wanted different names, at least one")
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "dtype", np.dtype(np.uint8))
        if self.max_bytes < len(names):
            raise QDError(f"Texts.max_bytes: got {self.max_bytes}, wanted at least {len(names)}")
        given = (self.initial,) if isinstance(self.initial, str | Mapping) else tuple(self.initial)
        if not given:
            raise QDError("Texts.initial: got none; give at least one solution to start from, e.g. "
                          f"({{{', '.join(f'{name!r}: ...' for name in names[:_FEW])}}},)")  # fmt: skip
        initial = tuple(self._ordered(one, f"Texts.initial[{i}]") for i, one in enumerate(given))
        for i, texts in enumerate(initial):
            if (size := len(_bytes_of(texts, f"Texts.initial[{i}]"))) > self.max_bytes:
                raise QDError(f"Texts.initial[{i}]: has {size} bytes, more than max_bytes = {self.max_bytes}")
        object.__setattr__(self, "initial", initial)

    def __repr__(self) -> str:
        return f"Texts({', '.join(self.names)})"

    def _ordered(self, given: Any, where: str = "texts") -> tuple[str, ...]:
        if isinstance(given, str):
            given = (given,)
        if isinstance(given, Mapping):
            wrong = [
                name for name in {**given, **dict.fromkeys(self.names)} if name not in given.keys() & {*self.names}
            ]
            if wrong:
                raise QDError(f"{where}: {wrong[0]!r} is {'missing' if wrong[0] in self.names else 'not known'}, "
                              f"wanted texts of {', '.join(self.names)}")  # fmt: skip
            given = [given[name] for name in self.names]
        texts = tuple(given)
        if len(texts) != len(self.names) or not all(isinstance(text, str) for text in texts):
            raise QDError(f"{where}: got {texts!r:.80}, wanted {len(self.names)} texts: {', '.join(self.names)}")
        return texts

    def pack(self, solutions: Iterable[Given]) -> Ragged:
        """The batch (n rows) of n solutions. Raises QDError for a wrong component, or text that UTF-8 cannot hold."""
        rows = [
            np.frombuffer(_bytes_of(self._ordered(one, f"texts[{i}]"), f"texts[{i}]"), np.uint8)
            for i, one in enumerate(solutions)
        ]
        return Ragged.from_rows(rows, np.uint8)

    def unpack(self, solutions: Solutions) -> list[tuple[str, ...]]:
        """The texts of n valid solutions, in the order of ``names``. Raises QDError, naming the row, for others."""
        found = []
        for i, row in enumerate(self.check(solutions)):
            texts = self._texts(row)
            if isinstance(texts, str):
                raise QDError(f"solutions[{i}]: {texts}")
            found.append(texts)
        return found

    def named(self, solutions: Solutions) -> list[dict[str, str]]:
        """The same by name."""
        return [dict(zip(self.names, texts, strict=True)) for texts in self.unpack(solutions)]

    def _texts(self, row: NDArray[np.uint8]) -> tuple[str, ...] | str:
        """The texts of a row, or the sentence that says why it has none."""
        parts = np.asarray(row, np.uint8).tobytes().split(bytes([_BETWEEN]))
        if len(parts) != len(self.names):
            return f"holds {len(parts)} texts, wanted {len(self.names)}: {', '.join(self.names)}"
        try:
            return tuple(part.decode() for part in parts)
        except UnicodeDecodeError as error:
            return f"is not UTF-8: {error}"

    @cached_property
    def start(self) -> Ragged:
        """The initial solutions, each once."""
        return self.pack(dict.fromkeys(self.initial))

    def sample(self, n: int, rng: np.random.Generator) -> Solutions:
        """n of the initial solutions, each as often as any other, give or take one."""
        count = len(self.initial)
        drawn = [self.initial[i] for _ in range(0, n, count) for i in rng.permutation(count)]
        return self.pack(drawn[:n])

    def check(self, solutions: Any) -> Solutions:
        if not isinstance(solutions, Ragged) or solutions.dtype != np.uint8:
            found = solutions.dtype if isinstance(solutions, Ragged) else type(solutions).__name__
            raise QDError(f"solutions: got {found}, {self!r} wants the ragged bytes that Texts.pack makes")
        return solutions

    def valid(self, solutions: Solutions) -> NDArray[np.bool_] | None:
        assert isinstance(solutions, Ragged)  # check() came before
        inside = solutions.lengths <= self.max_bytes
        inside &= np.array([isinstance(self._texts(row), tuple) for row in solutions], np.bool_)
        return None if inside.all() else inside


def _bytes_of(texts: tuple[str, ...], where: str) -> bytes:
    try:
        return bytes([_BETWEEN]).join(text.encode() for text in texts)
    except UnicodeEncodeError as error:
        raise QDError(f"{where}: half a character that UTF-8 cannot hold: {error}") from error
