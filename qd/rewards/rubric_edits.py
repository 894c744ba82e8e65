"""Variation of rubrics: criteria are added, dropped, split, merged and reweighted, thresholds tightened.

The edits are those by which people and models revise a rubric; here each is a function of one genome, (d,) in spreads,
in which a criterion with weight 0 is not in the rubric.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.reward import Reward

EDITS = ("add", "drop", "split", "merge", "reweight", "tighten")


class RubricEdits:
    """The edits of one form of rubric: where in a genome its weights, thresholds and the rest are.

    >>> from qd.problems import JudgedReports
    >>> problem = JudgedReports()
    >>> edits = RubricEdits.of(problem.rubric_form)
    >>> child, name = edits.edited(problem.rubrics("naive")[0], np.random.default_rng(0), "drop")
    >>> int((child[edits.weights] > 0).sum()), name
    (4, 'drop')

    Args:
        weights, thresholds: (k,) places in a genome, of each criterion.
        rest: (c,) places of all other genes.
        low, high: (d,) bounds.
    """

    def __init__(self, weights: Any, thresholds: Any, rest: Any, low: Any, high: Any) -> None:
        self.weights, self.thresholds = np.asarray(weights, np.int64), np.asarray(thresholds, np.int64)
        self.rest = np.asarray(rest, np.int64)
        self.low, self.high = np.asarray(low, np.float64), np.asarray(high, np.float64)

    @classmethod
    def of(cls, form: Reward) -> RubricEdits:
        """Of a reward made of ``Criterion``. Raises QDError where a term has no weight or no threshold."""
        places = {gene.name: i for i, gene in enumerate(form.genes)}
        wanted = [[f"{term.name}.{gene}" for term in form.terms] for gene in ("weight", "threshold")]
        missing = [name for names in wanted for name in names if name not in places]
        if missing:
            raise QDError(f"rubric: it has no gene {missing[0]!r}; a rubric is a Reward of Criterion terms")
        weights, thresholds = ([places[name] for name in names] for names in wanted)
        rest = sorted(set(places.values()) - {*weights, *thresholds})
        return cls(weights, thresholds, rest, form.space.low, form.space.high)

    def edited(
        self, rubric: NDArray[np.float64], rng: np.random.Generator, edit: str = ""
    ) -> tuple[NDArray[np.float64], str]:
        """A child, and the edit's name; by default one that the rubric allows, all equally likely.

        A rubric keeps at least one criterion. Raises QDError for an edit that the rubric does not allow.
        """
        child = np.array(rubric, np.float64)
        used = np.flatnonzero(child[self.weights] > 0)
        unused = np.flatnonzero(child[self.weights] <= 0)
        allowed = ["add"] if len(unused) else []
        allowed += ["reweight", "tighten"] if len(used) else []
        allowed += ["drop", "merge"] if len(used) > 1 else []
        allowed += ["split"] if len(used) and len(unused) else []
        edit = edit or allowed[int(rng.integers(len(allowed)))]
        if edit not in allowed:
            raise QDError(f"rubric: {edit!r} is not possible with {len(used)} criteria in use and {len(unused)} not; "
                          f"possible are {', '.join(allowed)}")  # fmt: skip
        getattr(self, f"_{edit}")(child, used, unused, rng)
        return np.clip(child, self.low, self.high), edit

    def children(
        self, parents: NDArray[np.float64], rng: np.random.Generator, second: float = 0.3
    ) -> tuple[NDArray[np.float64], list[str]]:
        """A child a parent, of one edit, or with probability ``second`` of two; and the edits' names."""
        born, names = [], []
        for parent in parents:
            child, name = self.edited(parent, rng)
            if rng.random() < second:
                child, other = self.edited(child, rng)
                name = f"{name}+{other}"
            born.append(child)
            names.append(name)
        return np.array(born), names

    def _one(self, places: NDArray[np.int64], rng: np.random.Generator) -> int:
        return int(places[rng.integers(len(places))])

    def _add(self, child: Any, used: Any, unused: Any, rng: np.random.Generator) -> None:
        usual = child[self.weights[used]].mean() if len(used) else 1.0
        new = self._one(unused, rng)
        child[self.weights[new]] = usual * np.exp(0.3 * rng.standard_normal())
        child[self.thresholds[new]] = rng.standard_normal()

    def _drop(self, child: Any, used: Any, unused: Any, rng: np.random.Generator) -> None:
        child[self.weights[self._one(used, rng)]] = 0.0

    def _split(self, child: Any, used: Any, unused: Any, rng: np.random.Generator) -> None:
        old, new = self.weights[self._one(used, rng)], self.weights[self._one(unused, rng)]
        child[new] = child[old] = child[old] / 2

    def _merge(self, child: Any, used: Any, unused: Any, rng: np.random.Generator) -> None:
        into, gone = (int(i) for i in rng.choice(used, 2, replace=False))
        child[self.weights[into]] += child[self.weights[gone]]
        child[self.weights[gone]] = 0.0
        child[self.thresholds[into]] = max(child[self.thresholds[into]], child[self.thresholds[gone]])

    def _reweight(self, child: Any, used: Any, unused: Any, rng: np.random.Generator) -> None:
        child[self.weights[used]] *= np.exp(0.4 * rng.standard_normal(len(used)))
        child[self.rest] += 0.3 * rng.standard_normal(len(self.rest))

    def _tighten(self, child: Any, used: Any, unused: Any, rng: np.random.Generator) -> None:
        child[self.thresholds[self._one(used, rng)]] += abs(rng.standard_normal())
