"""From lineages to weights: one addition a child where its parent is kept, whatever its generation.

Parents are kept as int32 (``operators.seed_noise``) and forgotten when they have not been used for longest. A batch is
decoded parent by parent, in the order of their words, so that what lineages share is grown once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.lineages.space import WORDS, Lineage
from qd.ragged import Ragged

Grown = NDArray[np.int32]  # (d,) weights in units of 2^-24


def mutation_keys(first: int, drawn: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """(g,) the keys of a lineage's mutations: hashed from its first seed and their draws."""
    from qd.rng import row_seeds

    return row_seeds(first, drawn.astype(np.uint64) + np.uint64(1))


class Decoder:
    """Weights of lineages, and the parents that are kept to make them cheaply.

    Args:
        space: the lineages' space.
        cache_bytes: what kept parents may fill, 4 bytes a weight; at least one is kept. Room for the parents of two
            generations is enough for one addition a child.
        threads: rows that are decoded at once. Weights do not depend on it.

    Attributes:
        additions: mutations added since the start, of children and of parents alike.
        starts: first vectors drawn since the start.
    """

    def __init__(self, space: Lineage, cache_bytes: int = 2**31, threads: int = 1) -> None:
        from operators.seed_noise import factor

        if cache_bytes < 0:
            raise QDError(f"Decoder.cache_bytes: got {cache_bytes}, wanted 0 or more")
        if threads < 1:
            raise QDError(f"Decoder.threads: got {threads}, wanted at least 1")
        self.space, self.threads = space, threads
        self.capacity = max(1, cache_bytes // (4 * space.weights))
        self.additions = self.starts = 0
        self._kept: OrderedDict[bytes, Grown] = OrderedDict()
        self._first_factors = factor(space.init_sigma)

    def keep(self, keyframes: Mapping[bytes, Grown]) -> None:
        """Start from ancestors that were written before: words as bytes -> what ``grown`` gave for them."""
        for words, vector in keyframes.items():
            if vector.shape != (self.space.weights,) or vector.dtype != np.int32:
                raise QDError(f"keyframe: got {vector.dtype} of shape {vector.shape}, {self.space!r} wants int32 "
                              f"({self.space.weights},)")  # fmt: skip
            self._remember(words, vector)

    def weights(self, lineages: Ragged, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """The weights of a batch.

        Args:
            lineages: n valid rows of the space.
            out: (n, d) to write to; by default a new array.
        """
        n = len(lineages)
        if out is None:
            out = np.empty((n, self.space.weights), np.float32)
        rows = [lineages.row(i) for i in range(n)]
        sources = [self._source(words) for words in rows]
        order = sorted(set(sources) - {b""})
        for start in range(0, max(1, len(order)), self.capacity):
            some = order[start : start + self.capacity]
            grown: dict[bytes, Grown | None] = {b"": None} if start == 0 else {}
            grown.update(zip(some, self._grow(some), strict=True))
            self._rows(rows, [i for i in range(n) if sources[i] in grown], sources, grown, out)
        return out

    def _source(self, words: NDArray[np.uint32]) -> bytes:
        """What a row is made from: itself where it is kept, else its parent; nothing where it has none."""
        own = words.tobytes()
        return own if own in self._kept else own[: -4 * WORDS]

    def grown(self, lineage: NDArray[np.uint32]) -> Grown:
        """(d,) one lineage's weights as int32 in units of 2^-24, not to be changed; kept from now on."""
        return next(iter(self._grow([lineage.tobytes()])))

    def _rows(self, rows: list[NDArray[np.uint32]], which: list[int], sources: list[bytes],
              grown: Mapping[bytes, Grown | None], out: NDArray[np.float32]) -> None:  # fmt: skip
        """Write the weights of the rows ``which`` from what they are made from."""
        from operators.seed_noise import child_weights, factor, fill_initial, normal_table, own_weights

        def one(i: int) -> None:
            words, source = rows[i], grown[sources[i]]
            if source is None:
                units = out[i].view(np.int32)
                fill_initial(np.uint64(_first(words)), self._first_factors, normal_table(), units)
                own_weights(units, out[i])
            elif len(sources[i]) == words.nbytes:
                own_weights(source, out[i])
            else:
                key = mutation_keys(_first(words), words[-WORDS:-1])[0]
                child_weights(key, factor(words[-1:].view(np.float32))[0], normal_table(), source, out[i])

        self.starts += sum(grown[sources[i]] is None for i in which)
        self.additions += sum(bool(sources[i]) and len(sources[i]) < rows[i].nbytes for i in which)
        if self.threads == 1 or len(which) == 1:
            for i in which:
                one(i)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(one, which))

    def _grow(self, wanted: list[bytes]) -> Iterable[Grown]:
        """The vectors of some lineages in the order of their words; what neighbours share is grown once."""
        trail: list[tuple[int, Grown]] = []  # (mutations, vector) of ancestors that later ones will need
        shared = [_common(a, b) for a, b in pairwise(wanted)]
        for place, name in enumerate(wanted):
            words = np.frombuffer(name, np.uint32)
            if place:
                while trail and trail[-1][0] > shared[place - 1]:
                    trail.pop()
            vector = self._kept.get(name)
            if vector is None:
                forks, lowest = [], len(words) // WORDS
                for depth in shared[place:]:  # the first few: beyond what is on the trail nothing new forks off
                    if depth < lowest:
                        lowest = depth
                        forks.append(depth)
                    if depth <= (trail[-1][0] if trail else -1):
                        break
                vector = self._grow_one(words, trail, sorted(depth for depth in forks if depth >= 0))
            self._remember(name, vector)
            yield vector

    def _grow_one(self, words: NDArray[np.uint32], trail: list[tuple[int, Grown]], forks: list[int]) -> Grown:
        """One vector from its nearest ancestor there is, leaving copies on the trail where later ones fork off."""
        from operators.seed_noise import add_mutation, factor, fill_initial, normal_table

        last = len(words) // WORDS - 1
        depth, vector = self._ancestor(words, trail[-1] if trail else None)
        if vector is None:
            vector = np.empty(self.space.weights, np.int32)
            fill_initial(np.uint64(_first(words)), self._first_factors, normal_table(), vector)
            self.starts += 1
            depth, owned = 0, True
        else:
            owned = False
        keys = mutation_keys(_first(words), words[WORDS::WORDS])
        sigmas = words[WORDS + 1 :: WORDS].view(np.float32)
        for number in range(depth, last + 1):
            if number in forks and (not trail or trail[-1][0] < number):
                trail.append((number, vector))
                owned = False
            if number < last:
                target = vector if owned else np.empty_like(vector)
                add_mutation(keys[number], factor(sigmas[number])[()], normal_table(), vector, target)
                vector, owned = target, True
                self.additions += 1
        return vector

    def _ancestor(self, words: NDArray[np.uint32], known: tuple[int, Grown] | None) -> tuple[int, Grown | None]:
        """The nearest ancestor that is kept or on the trail, and how many mutations it has."""
        least = -1 if known is None else known[0]
        for depth in range(len(words) // WORDS - 1, least, -1):
            vector = self._kept.get(words[: WORDS * (1 + depth)].tobytes())
            if vector is not None:
                return depth, vector
        return (0, None) if known is None else known

    def _remember(self, name: bytes, vector: Grown) -> None:
        vector.setflags(write=False)
        self._kept[name] = vector
        self._kept.move_to_end(name)
        while len(self._kept) > self.capacity:
            self._kept.popitem(last=False)


def _first(words: NDArray[np.uint32]) -> int:
    return int(words[0]) | int(words[1]) << 32


def _common(a: bytes, b: bytes) -> int:
    """How many mutations two lineages share from the start on; -1 where their first seeds differ."""
    n = min(len(a), len(b)) // 4
    x, y = np.frombuffer(a, np.uint32)[:n], np.frombuffer(b, np.uint32)[:n]
    differ = np.flatnonzero(x != y)
    same = int(differ[0]) if len(differ) else n
    return same // WORDS - 1
