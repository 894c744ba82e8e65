"""BLEU and ROUGE against a reference, by the libraries that papers report them by, a sentence at a time.

sacrebleu (Post 2018, https://aclanthology.org/W18-6319) and rouge-score (Lin 2004, https://aclanthology.org/W04-1013).
BLEU as a reward: Chang et al. 2025 (https://arxiv.org/abs/2505.11080).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from qd.errors import QDError, nearest
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values

METRICS = ("bleu", "rouge1", "rouge2", "rougeL")


@dataclass(frozen=True)
class TextOverlap(Term):
    """Sentence BLEU (n-grams up to 4 or as long as the text, smoothed) or the F-measure of ROUGE, 0 .. 1.

    Args:
        variable: the text.
        reference: the variable that holds the reference.
        metric: ``"bleu"``, ``"rouge1"``, ``"rouge2"`` or ``"rougeL"``.
        weight: the gene of its weight.
        label: what it is called where variable and metric are not enough.
    """

    variable: str
    reference: str
    metric: str = "bleu"
    weight: Gene | None = WEIGHT
    label: str = ""

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise QDError(f"TextOverlap.metric: got {self.metric!r}, {nearest(self.metric, METRICS)}")

    @property
    def name(self) -> str:
        return self.label or f"{self.variable}_{self.metric}"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable, self.reference)

    def values(self, genes: Genes, steps: Steps) -> Values:
        pairs = zip(steps.texts(self.variable), steps.texts(self.reference), strict=True)
        return Values(np.array([[self._score(text, reference) for text, reference in pairs]], np.float64))

    def _score(self, text: str, reference: str) -> float:
        scorer = _scorer(self.metric)
        if self.metric == "bleu":
            return min(1.0, max(0.0, float(scorer.sentence_score(text, [reference]).score) / 100))
        return float(scorer.score(reference, text)[self.metric].fmeasure)


@lru_cache(maxsize=len(METRICS))
def _scorer(metric: str) -> Any:
    try:
        if metric == "bleu":
            from sacrebleu.metrics import BLEU

            return BLEU(effective_order=True)
        from rouge_score.rouge_scorer import RougeScorer

        return RougeScorer([metric], use_stemmer=True)
    except ImportError as error:
        raise QDError(f"TextOverlap: {error.name} is missing; pip install qd-evolution[prompts]") from error
