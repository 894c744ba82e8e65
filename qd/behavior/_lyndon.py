"""The Lyndon basis of the free Lie algebra: which coordinates a log-signature has, and how words make them.

Reutenauer, Free Lie Algebras, 1993, chapter 5: the Lyndon words w, bracketed as [P(u), P(v)] where v is the longest
Lyndon word that ends w = uv, are a basis. P(w) is w plus words of its letters that come later in the order, so the
coordinates of a Lie element follow from its coefficients at Lyndon words by a triangular system of whole numbers.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from qd.behavior._signature_kernel import offsets

Word = tuple[int, ...]


def lyndon_words(letters: int, depth: int) -> list[Word]:
    """All Lyndon words of up to ``depth`` letters, by length, then in lexicographic order (Duval 1988)."""
    found: list[Word] = []
    word = [-1]
    while word:
        word[-1] += 1
        found.append(tuple(word))
        period = len(word)
        while len(word) < depth:
            word.append(word[-period])
        while word and word[-1] == letters - 1:
            word.pop()
    return sorted(found, key=lambda w: (len(w), w))


@cache
def brackets(word: Word) -> dict[Word, int]:
    """P(word) of a Lyndon word: its words and their coefficients."""
    if len(word) == 1:
        return {word: 1}
    # the longest proper suffix that is a Lyndon word is the least proper suffix
    cut = min(range(1, len(word)), key=lambda i: word[i:])
    left, right = brackets(word[:cut]), brackets(word[cut:])
    total: dict[Word, int] = {}
    for u, a in left.items():
        for v, b in right.items():
            total[u + v] = total.get(u + v, 0) + a * b
            total[v + u] = total.get(v + u, 0) - a * b
    return total


def place(word: Word, letters: int, places: tuple[int, ...]) -> int:
    """The column of a word in a signature."""
    number = 0
    for letter in word:
        number = number * letters + letter
    return places[len(word)] + number


@cache
def projection(letters: int, depth: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Coordinates in the Lyndon basis as sparse sums over words: ``starts``, ``columns``, ``factors``.

    Coordinate c is the sum of ``factors[e] * logarithm[columns[e]]`` for e from ``starts[c]`` to ``starts[c + 1]``.
    """
    places = offsets(letters, depth)
    # Coordinate of w = coefficient at w, less what the brackets of earlier words of the same letters put there.
    rows: dict[Word, dict[Word, int]] = {}
    families: dict[Word, list[Word]] = {}
    for word in lyndon_words(letters, depth):
        row = {word: 1}
        family = families.setdefault(tuple(sorted(word)), [])
        for earlier in family:
            if amount := brackets(earlier).get(word, 0):
                for term, factor in rows[earlier].items():
                    row[term] = row.get(term, 0) - amount * factor
        rows[word] = {term: factor for term, factor in row.items() if factor}
        family.append(word)
    starts = np.cumsum([0, *(len(row) for row in rows.values())]).astype(np.int64)
    columns = [place(term, letters, places) for row in rows.values() for term in row]
    factors = [factor for row in rows.values() for factor in row.values()]
    return starts, np.array(columns, np.int64), np.array(factors, np.float64)
