"""A format: a text matches a regular expression, within bounded time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values


@dataclass(frozen=True)
class Pattern(Term):
    """1 where the text matches, else 0; NaN where matching took longer than ``seconds``: a broken evaluation.

    The expression is the library regex's (what ``re`` takes, and more), whose matching can be stopped. Texts longer
    than ``longest`` do not match and are not read, which keeps matching within time on any machine.

    Args:
        variable: the text.
        pattern: the expression; ``.`` takes line ends too.
        whole: the whole text must match, else any part of it.
        longest: characters that are read at most.
        seconds: a text's limit.
        weight: the gene of its weight.
        label: what it is called where the variable's name is not enough.
    """

    variable: str
    pattern: str
    whole: bool = True
    longest: int = 100_000
    seconds: float = 1.0
    weight: Gene | None = WEIGHT
    label: str = ""

    def __post_init__(self) -> None:
        if not self.seconds > 0 or self.longest < 1:
            raise QDError(f"Pattern: seconds {self.seconds} and longest {self.longest} must be above 0")
        _ = self._compiled

    @cached_property
    def _compiled(self) -> Any:
        try:
            import regex
        except ImportError as error:
            raise QDError("Pattern: the package regex is missing; pip install qd-evolution[prompts]") from error
        try:
            return regex.compile(self.pattern, regex.DOTALL)
        except regex.error as error:
            raise QDError(f"Pattern.pattern: {self.pattern!r} is no regular expression: {error}") from error

    @property
    def name(self) -> str:
        return self.label or f"{self.variable}_format"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable,)

    def values(self, genes: Genes, steps: Steps) -> Values:
        return Values(np.array([[self._matches(text) for text in steps.texts(self.variable)]], np.float64))

    def _matches(self, text: str) -> float:
        if len(text) > self.longest:
            return 0.0
        match = self._compiled.fullmatch if self.whole else self._compiled.search
        try:
            return float(match(text, timeout=self.seconds) is not None)
        except TimeoutError:
            return float("nan")
