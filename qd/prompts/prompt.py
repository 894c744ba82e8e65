"""A prompt as it is scored: token ids, with places where an example's fields stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from qd.models import Ids, LanguageModel

NO_IDS: Ids = np.zeros(0, np.int32)


@dataclass(frozen=True, eq=False)
class Prompt:
    """What a solution means: ids that are the same for every example, and the names of fields in between.

    >>> Prompt((np.array([5, 6]), "text", np.array([7]))).length
    3

    Args:
        parts: in order, token ids or the name of a field of the examples.
    """

    parts: tuple[Ids | str, ...]

    @cached_property
    def prefix(self) -> Ids:
        """(p,) the ids before the first field: what all examples begin with."""
        return _joined(part for part in self.parts[: self._first_field] if not isinstance(part, str))

    @property
    def _first_field(self) -> int:
        return next((i for i, part in enumerate(self.parts) if isinstance(part, str)), len(self.parts))

    @property
    def length(self) -> int:
        """Tokens of the prompt itself, without the fields."""
        return sum(len(part) for part in self.parts if not isinstance(part, str))

    @cached_property
    def identity(self) -> bytes:
        """16 bytes, equal for two prompts exactly where their ids and fields are."""
        digest = blake2b(digest_size=16)
        for part in self.parts:
            kind, data = (b"f", part.encode()) if isinstance(part, str) else (b"t", part.astype("<i4").tobytes())
            digest.update(kind + len(data).to_bytes(4, "little") + data)
        return digest.digest()

    def item(self, fields: Mapping[str, Ids]) -> Ids:
        """What one example puts after the prefix: the rest of the prompt, its fields filled in."""
        rest = self.parts[self._first_field :]
        return _joined(fields[part] if isinstance(part, str) else part for part in rest)

    def text(self, model: LanguageModel) -> str:
        """For people: the ids as text, fields in braces."""
        return "".join(f"{{{part}}}" if isinstance(part, str) else model.decode(part) for part in self.parts)


def _joined(parts: Iterable[Ids]) -> Ids:
    kept = [np.asarray(part, np.int32) for part in parts]
    return np.concatenate(kept) if kept else NO_IDS
