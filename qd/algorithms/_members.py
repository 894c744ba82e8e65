"""Solutions side by side with what is known of them: populations, offspring, founders of emitters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Members:
    """n solutions. ``observations`` is (n, 0) where the search needs none, or keeps none."""

    solutions: NDArray[Any]  # (n, d)
    objective: NDArray[np.float64]  # (n,)
    measures: NDArray[np.float64]  # (n, m)
    surprise: NDArray[np.float64]  # (n,)
    ids: NDArray[np.int64]  # (n,) evaluation numbers
    observations: NDArray[Any]  # (n, ...)

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, index: Any) -> Members:
        """The rows of an index array, a mask or a slice, copied."""
        return Members(*(np.copy(getattr(self, field.name)[index]) for field in fields(self)))

    def blind(self) -> Members:
        """The same without observations."""
        return Members(
            self.solutions, self.objective, self.measures, self.surprise, self.ids, np.empty((len(self), 0), np.uint8)
        )


def joined(*parts: Members | None) -> Members:
    """Several one after the other; at least one is not None."""
    there = [part for part in parts if part is not None]
    if len(there) == 1:
        return there[0]
    return Members(*(np.concatenate([getattr(part, field.name) for part in there]) for field in fields(Members)))
