"""Reports judged by rubrics of twenty criteria, of which eight can be had for nothing.

A policy puts a report together from pieces: facts with or without their citation mark, and sentences that state
nothing but please a careless judge. What a report is truly worth is the mean of five qualities (every fact, in order,
nothing twice, 50 to 90 words, the right marks), which no search reads; it has thirty labelled pairs to go by, some
labels wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import operators
from qd.errors import QDError, nearest
from qd.problems._report_texts import CRITERIA, IDLE, LONGEST, NAIVE, ORACLE, PIECES, qualities, report, stuffing, table
from qd.problems.judged import POLICY, RUBRIC, JudgedProblem, RubricWorth
from qd.ragged import Ragged, Solutions
from qd.rewards.anchors import Anchors
from qd.rewards.criterion import Criterion
from qd.rewards.reward import Reward
from qd.rewards.rubric_mean import PREVIOUS, RubricMean
from qd.rewards.steps import Steps
from qd.rng import generator
from qd.space import Tokens

KNOWN = {"naive": NAIVE, "oracle": ORACLE}


@dataclass(frozen=True)
class JudgedReports(JudgedProblem):
    """Write a report that the rubrics like; write a rubric that is not fooled.

    Args:
        pairs: labelled pairs, 20 to 50 in the literature.
        label_noise: the share of labels that are wrong.
        variants: how many edited copies of each labelled text an optimiser may choose from.
        edits: edits that each copy is away from its text.
        probe: which edits: ``"idle"`` puts in sentences that are there already or state nothing, of which anybody can
            say that they make no report better; ``"any"`` are a policy's own, which tell good rubrics from bad ones
            not at all, since an honest score can be raised by them too.
        anchor_seed: another one makes other pairs.
        worth: how the parts of a rubric's objective are weighed.

    >>> problem = JudgedReports()
    >>> problem.rubrics("oracle").shape, len(problem.rubric_form.terms)
    ((1, 41), 20)
    """

    pairs: int = 30
    label_noise: float = 0.1
    variants: int = 16
    edits: int = 6
    probe: Literal["idle", "any"] = "idle"
    anchor_seed: int = 0
    worth: RubricWorth = field(default_factory=RubricWorth)

    deterministic = True
    batching = "rows"
    chunk_size = 32

    def __post_init__(self) -> None:
        if self.pairs < 4:
            raise QDError(f"JudgedReports.pairs: got {self.pairs}, wanted at least 4")
        if not 0 <= self.label_noise < 0.5:
            raise QDError(f"JudgedReports.label_noise: got {self.label_noise}, wanted 0 to below 0.5")
        if self.probe not in ("idle", "any"):
            raise QDError(f"JudgedReports.probe: got {self.probe!r}, wanted 'idle' or 'any'")
        if self.variants < 1 or self.edits < 1:
            raise QDError(f"JudgedReports: got variants={self.variants}, edits={self.edits}, wanted at least 1 of each")

    @cached_property
    def rubric_form(self) -> Reward:
        """The twenty criteria; a rubric's genome holds a threshold and a weight of each, and how consistent it is."""
        return Reward(tuple(Criterion(name, meaning=text) for name, text in CRITERIA.items()), RubricMean())

    @cached_property
    def solution_space(self) -> dict[str, Any]:  # type: ignore[override]
        """``policy``: 1 to 24 numbers of pieces; ``rubric``: genes in spreads."""
        return {POLICY: Tokens(PIECES, LONGEST, 1), RUBRIC: self.rubric_form.space}

    def rubrics(self, name: str) -> NDArray[np.float64]:
        """(1, d) a rubric by name: ``"naive"`` or ``"oracle"``, weights 1 and full marks at 1."""
        if name not in KNOWN:
            raise QDError(f"JudgedReports.rubrics: got {name!r}, {nearest(name, KNOWN)}")
        genes = {f"{one}.{gene}": 1.0 for one in KNOWN[name] for gene in ("weight", "threshold")}
        return self.rubric_form.solution(genes)[None]

    def start(self, role: str) -> Solutions:
        return self.rubrics("naive") if role == RUBRIC else self._anchor_rows

    def written(self, policy: NDArray[np.int32], purpose: str = "search") -> str:
        """The report of one policy."""
        return report(policy, _topic(purpose))

    def outputs(self, policies: Solutions, purpose: str) -> list[str]:
        topic = _topic(purpose)
        return [report(row, topic) for row in policies]

    def scored(self, rubrics: Solutions, outputs: Any, previous: NDArray[np.float64] | None) -> NDArray[np.float64]:
        read = outputs if isinstance(outputs, np.ndarray) else table(outputs, _topic("search"))  # (20, m)
        after = dict(zip(CRITERIA, read, strict=True))
        if previous is not None:
            after[PREVIOUS] = previous
        return self.rubric_form.values(rubrics, Steps(after))

    def true_worth(self, outputs: Any, purpose: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        topic = _topic(purpose)
        gold = np.array([np.mean(qualities(text, topic)) for text in outputs])
        return gold, np.array([stuffing(text, topic) for text in outputs])

    def lengths(self, rubrics: Solutions) -> NDArray[np.float64]:
        weights = np.asarray(rubrics)[:, len(CRITERIA) : 2 * len(CRITERIA)]
        return np.asarray((weights > 0).mean(axis=1))

    # ------------------------------------------------------------ the labelled pairs

    def anchored(self) -> tuple[Anchors, Any, NDArray[np.int64]]:
        return self._anchored

    @cached_property
    def _drawn(self) -> tuple[Ragged, Anchors]:
        """Texts as people write them, and which of two they said is better; both labels about as often."""
        rng = generator(self.anchor_seed, "anchors")
        topic, space = _topic("search"), Tokens(PIECES, LONGEST, 1)
        rows: list[NDArray[np.int32]] = []
        labels: list[int] = []
        while len(labels) < self.pairs:
            two = space.sample(2, rng)
            worth = self.true_worth([report(row, topic) for row in two], "search")[0]
            if abs(worth[0] - worth[1]) < 0.05:
                continue
            better, flip = int(worth[1] > worth[0]), len(labels) % 2  # 0: the first; every other pair shows it second
            order = (0, 1) if better == flip else (1, 0)
            rows += [two.row(order[0]), two.row(order[1])]  # type: ignore[union-attr]
            labels.append(1 - flip)
        label = np.array(labels)
        wrong = rng.permutation(self.pairs)[: round(self.label_noise * self.pairs)]
        label[wrong] = 1 - label[wrong]
        numbers = np.arange(2 * self.pairs)
        return Ragged.from_rows(rows), Anchors(numbers[0::2], numbers[1::2], label)

    @cached_property
    def _anchor_rows(self) -> Ragged:
        return self._drawn[0]

    @cached_property
    def _anchored(self) -> tuple[Anchors, NDArray[np.float64], NDArray[np.int64]]:
        rows, anchors = self._drawn
        rng, many, topic = generator(self.anchor_seed, "variants"), list(rows), _topic("search")
        for _ in range(self.variants):
            if self.probe == "any":
                values, offsets = operators.edit_tokens(rows.values, rows.offsets, rng, PIECES, LONGEST, 1, self.edits)
                many += list(Ragged(values, offsets))
            else:
                many += [_idle(row, self.edits, rng) for row in rows]
        numbers = np.arange(len(many)).reshape(-1, len(rows)).T  # (a, 1 + variants)
        return anchors, table([report(row, topic) for row in many], topic), numbers


def _idle(row: NDArray[np.int32], edits: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """A report with sentences put in that are there already or state nothing; in a full one they replace others."""
    longer = row.tolist()
    for again, place, token in zip(
        rng.random(edits), rng.random(edits), rng.integers(IDLE, PIECES, edits), strict=True
    ):
        new = longer[int(rng.integers(len(longer)))] if again < 0.3 else int(token)
        at = int(place * len(longer))
        longer[at : at + (len(longer) == LONGEST)] = [new]
    return np.array(longer, np.int32)


def _topic(purpose: str) -> str:
    return "comet" if purpose == "test" else "mill"
