"""Signature transform of trajectories: Chen 1957, https://doi.org/10.2307/1969671; as behaviour: Paolo et al. 2022.

The iterated integrals of a path, up to a depth, say what its course was in a fixed number of measures and without
choosing moments to look at it: level 1 is the displacement, level 2 holds the areas swept, and so on. They do not
depend on where the path began nor on how fast it went; with time as one more coordinate they depend on its speed.
The signature of a path of straight segments is exact: Chen's product of the segments' exponentials. STAX (Paolo,
Coninx, Laflaquiere and Doncieux, https://arxiv.org/abs/2203.01027) comes with the four forms given here.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import factorial
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from qd.behavior.contract import Encoder, Learned, Observations
from qd.errors import QDError, nearest

_LARGEST = 100_000  # numbers of a signature; deeper is a slip of the hand, not a behaviour space
_SCALINGS = ("factorial", "none")


@dataclass(frozen=True)
class Signature(Encoder):
    """The signature, or log-signature, of paths (T, d), without its level 0, which is always 1.

    What is not finite stays in its row: it never reaches another one.

    >>> import numpy as np
    >>> path = np.array([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]])  # right, then up
    >>> Signature(depth=2).encode({}, path).tolist()
    [[1.0, 1.0, 0.5, 1.0, 0.0, 0.5]]
    >>> Signature(depth=2, log=True).encode({}, path).tolist()  # the displacement, and the area swept
    [[1.0, 1.0, 0.5]]
    """

    depth: int = 3
    """Levels: the longest words of coordinates that are integrated over."""
    time: bool = False
    """Append time, from 0 at the first point of the path to 1 at the last, as a coordinate."""
    log: bool = False
    """Give the logarithm in the Lyndon basis: the same knowledge in fewer numbers."""
    scaling: Literal["none", "factorial"] = "none"
    """``"factorial"`` multiplies level j by j!, for integrals of j steps of size 1 are of size 1 / j!."""
    threads: int = 1
    """Threads that share the rows; the result does not depend on them."""

    learns: ClassVar[bool] = False
    surprises: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("depth", "threads"):
            if getattr(self, name) < 1:
                raise QDError(f"Signature.{name}: got {getattr(self, name)}, wanted at least 1")
        if self.scaling not in _SCALINGS:
            raise QDError(f"Signature.scaling: got {self.scaling!r}, {nearest(str(self.scaling), _SCALINGS)}")

    def size(self, shape: tuple[int, ...]) -> int:
        """The numbers of levels 1 to ``depth``: 62 for depth 5 in the plane, 14 of the logarithm."""
        return len(self.levels(shape))

    def levels(self, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """(m,) the level of each measure."""
        letters = self._letters(shape)
        if not self.log:
            return np.repeat(np.arange(1, self.depth + 1), [letters**j for j in range(1, self.depth + 1)])
        from qd.behavior._lyndon import lyndon_words

        return np.array([len(word) for word in lyndon_words(letters, self.depth)], np.int64)

    def encode(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        from qd.behavior._signature_kernel import LANES

        letters = self._letters(observations.shape[1:])
        paths = np.ascontiguousarray(observations, np.float64)  # (n, T, d)
        n = len(paths)
        levels = self.levels(paths.shape[1:])
        measures = np.empty((n, len(levels)))
        count = max(1, min(self.threads, -(-n // LANES)))
        edges = [n * i // count for i in range(count + 1)]
        if count == 1:
            self._encode(paths, letters, measures)
        else:
            with ThreadPoolExecutor(count) as pool:
                parts = [slice(a, b) for a, b in pairwise(edges)]
                for done in [pool.submit(self._encode, paths[part], letters, measures[part]) for part in parts]:
                    done.result()
        if self.scaling == "factorial":
            measures *= np.array([factorial(int(level)) for level in levels], np.float64)
        return measures

    def _encode(self, paths: NDArray[np.float64], letters: int, out: NDArray[np.float64]) -> None:
        """Fills out (n, m) with the measures of paths (n, T, d)."""
        from qd.behavior._signature_kernel import logarithms, offsets, signatures

        tick = 1.0 / max(paths.shape[1] - 1, 1)
        if not self.log:
            signatures(letters, self.depth)(paths, tick, out)
            return
        from qd.behavior._lyndon import projection

        places = np.array(offsets(letters, self.depth), np.int64)
        whole = np.empty((len(paths), places[-1]))
        signatures(letters, self.depth)(paths, tick, whole)
        logarithms(whole, letters, places, *projection(letters, self.depth), out)

    def _letters(self, shape: tuple[int, ...]) -> int:
        """Coordinates of a path, time included."""
        if len(shape) != 2 or min(shape) < 1:
            raise QDError(f"Signature: got observations of shape {shape}, wanted paths (T, d): T points of d numbers, "
                          "such as the column 'trajectory'")  # fmt: skip
        letters = shape[1] + self.time
        if sum(letters**j for j in range(1, self.depth + 1)) > _LARGEST:
            raise QDError(f"Signature.depth: got {self.depth}, but a path of {letters} coordinates has more than "
                          f"{_LARGEST} integrals to that depth; lower it, or give fewer coordinates")  # fmt: skip
        return letters
