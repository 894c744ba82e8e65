"""Examples with named fields, and the named splits of them that a run may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError

SplitName = Literal["demos", "search", "select", "test"]
SPLITS: tuple[SplitName, ...] = ("demos", "search", "select", "test")


@dataclass(frozen=True, eq=False)
class Examples:
    """n examples.

    Args:
        fields: name -> n texts, e.g. ``{"text": (...)}`` or ``{"question": (...), "a": (...), "b": (...)}``.
        labels: n right answers: class names, or texts that replies are compared with.
    """

    fields: Mapping[str, tuple[str, ...]]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, texts in self.fields.items():
            if len(texts) != len(self.labels):
                raise QDError(f"Examples.fields[{name!r}]: got {len(texts)} texts for {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, index: NDArray[np.int64]) -> Examples:
        """Those at some places, in that order."""
        places = [int(i) for i in index]
        fields = {name: tuple(texts[i] for i in places) for name, texts in self.fields.items()}
        return Examples(fields, tuple(self.labels[i] for i in places))

    def keys(self) -> list[tuple[str, ...]]:
        """One an example, equal where all fields are: what overlap is seen by."""
        return list(zip(*self.fields.values(), strict=True))

    def identity(self) -> str:
        """Of all that is in them, for the key of stored results."""
        digest = blake2b(digest_size=8)
        for key, label in zip(self.keys(), self.labels, strict=True):
            for text in (*key, label):
                data = text.encode()
                digest.update(len(data).to_bytes(4, "little") + data)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Splits:
    """The examples of a task by what they are for; none may be in two of them.

    Args:
        search: what the objective of a search is computed on.
        select: what the last choice among the best is made on.
        test: what the chosen one is reported on, once a run.
        demos: what stands in prompts.
    """

    search: Examples
    select: Examples
    test: Examples
    demos: Examples = field(default_factory=lambda: Examples({}, ()))

    def __post_init__(self) -> None:
        seen: dict[tuple[str, ...], str] = {}
        for name in SPLITS:
            examples: Examples = getattr(self, name)
            for key in examples.keys():  # noqa: SIM118
                other = seen.setdefault(key, name)
                if other != name:
                    raise QDError(f"Splits: {key[0][:60]!r} is in {other!r} and in {name!r}; what is selected or "
                                  "tested on must not have been searched on: take it out of one of them")  # fmt: skip

    def __getitem__(self, name: str) -> Examples:
        if name not in SPLITS:
            raise QDError(f"split: got {name!r}, wanted one of {', '.join(SPLITS)}")
        found: Examples = getattr(self, name)
        return found

    @cached_property
    def identities(self) -> dict[str, str]:
        """Split -> the identity of its examples."""
        return {name: self[name].identity() for name in SPLITS}
