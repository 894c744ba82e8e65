"""What problems of prompts share: from solutions to prompts, to a matrix of answers, to one number a row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request, Status
from qd.errors import ModelError, QDError, nearest
from qd.problems._prompt_meaning import Meaning
from qd.problems._prompt_measures import PROMPT_MEASURES
from qd.prompts import Judged, Prompt, PromptTask
from qd.prompts.task import PURPOSE_SPLIT
from qd.ragged import Solutions
from qd.space import Measures


@dataclass(frozen=True)
class PromptProblem(Problem):
    """Prompts on the examples of a task. Purposes read splits: search and validate, select, test.

    A request says in the fidelity ``examples`` which examples of the split to judge on: (n, k) their numbers, -1 for
    none. By default all of them.
    """

    task: PromptTask
    """The examples, the model, and how answers are judged."""
    objective: str = ""
    """What a search maximises, of those that the task knows; empty: its first."""
    selection: str = ""
    """What the last choice and the test report, of the same; empty: the task's last."""
    measures: tuple[str, ...] = ()
    """Names of what describes a prompt, for archives; none: no archive."""

    test_columns = ("scores", "probabilities")
    fidelities = MappingProxyType({"examples": "(n, k) numbers of the split's examples to judge on, -1 for none"})
    columns = MappingProxyType({
        "scores": "(n, E) a number an example of the split, NaN where it was not judged",
        "probabilities": "(n, E, C) of the classes, NaN where not judged",
        "replies": "(n, E) texts that the model wrote",
        "feedback": "(n, E) what was right or wrong, in words",
        "length": "(n,) tokens of the prompt",
    })  # fmt: skip
    releases_gil = True  # local threads judge a row each
    batching = "rows"
    deterministic = True
    chunk_size = 1  # a prompt takes seconds

    def __post_init__(self) -> None:
        name, task = type(self).__name__, self.task
        if not isinstance(task, PromptTask):
            raise QDError(f"{name}.task: got {type(task).__name__}, wanted a task of prompts, such as "
                          "qd.prompts.Classification")  # fmt: skip
        object.__setattr__(self, "measures", tuple(self.measures))
        for setting, default in (("objective", task.objectives[0]), ("selection", task.objectives[-1])):
            value = getattr(self, setting) or default
            if value not in task.objectives:
                raise QDError(f"{name}.{setting}: got {value!r}, {nearest(value, task.objectives)}")
            object.__setattr__(self, setting, value)
        for measure in self.measures:
            if measure not in PROMPT_MEASURES:
                raise QDError(f"{name}.measures: got {measure!r}, {nearest(measure, PROMPT_MEASURES)}")
            PROMPT_MEASURES[measure].check(self)

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # what follows from the settings is made anew

    @abstractmethod
    def prompts(self, solutions: Solutions) -> list[Prompt | str]:
        """The prompt of each solution, or the reason why it makes none."""

    @property
    @abstractmethod
    def longest(self) -> int:
        """Tokens of the longest prompt there can be, without the fields."""

    @cached_property
    def meaning(self) -> Meaning:
        """The axes of the measures ``meaning_1`` and on."""
        return Meaning.of(self)

    @cached_property
    def measure_space(self) -> Measures | None:  # type: ignore[override]
        """Of the chosen measures."""
        if not self.measures:
            return None
        chosen = [PROMPT_MEASURES[name] for name in self.measures]
        return Measures(
            tuple(one.label for one in chosen),
            tuple(one.low for one in chosen),
            tuple(one.high for one in chosen),
            tuple(one.cells for one in chosen),
        )

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs the examples that it is judged on, and the tokens that the model reads and writes for them."""
        count = float(len(self.task.splits.search))
        return {"examples": count, "tokens": self.longest + count * self.task.most_tokens("search")}

    def prepare(self) -> None:
        self.task.model.prepare()

    def cost_bounds(self, request: Request) -> dict[str, NDArray[np.float64]]:
        split = PURPOSE_SPLIT[request.purpose]
        counts = np.array([len(chosen) for chosen in self._examples(request)], np.float64) * request.repeats
        tokens = counts * self.task.most_tokens(split) + self.longest * request.repeats
        return {"examples": counts, "tokens": tokens}

    def _examples(self, request: Request) -> list[NDArray[np.int64]]:
        """The numbers of the examples of each row. Raises QDError for those that the split does not have."""
        split = PURPOSE_SPLIT[request.purpose]
        count, asked = len(self.task.splits[split]), request.fidelity.get("examples")
        if asked is None:
            return [np.arange(count)] * len(request)
        numbers = np.asarray(asked)
        if numbers.ndim != 2 or numbers.dtype.kind not in "iu" or numbers.max(initial=-1) >= count:
            raise QDError(f"Request.fidelity['examples']: got {numbers.dtype} of shape {numbers.shape} up to "
                          f"{numbers.max(initial=-1)}, wanted (n, k) numbers below {count}, the examples of "
                          f"{split!r}, -1 for none")  # fmt: skip
        return [row[row >= 0].astype(np.int64) for row in numbers]

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        split = PURPOSE_SPLIT[request.purpose]
        n, count = len(request), len(self.task.splits[split])
        objective = np.full(n, np.nan)
        measures = np.full((n, len(self.measures)), np.nan)
        status, reasons = np.zeros(n, np.int8), dict[int, str]()
        cost = {"examples": np.zeros(n), "tokens": np.zeros(n)}
        columns = self._blank(request.columns, n, count)
        name = self.selection if split in ("select", "test") else self.objective
        for row, (prompt, examples) in enumerate(
            zip(self.prompts(request.solutions), self._examples(request), strict=True)
        ):
            if isinstance(prompt, str) or len(examples) == 0:
                status[row] = Status.INVALID
                reasons[row] = prompt if isinstance(prompt, str) else "no examples to judge it on"
                continue
            try:
                judged = self.task.judge(prompt, split, examples)
            except ModelError as error:
                status[row], reasons[row] = Status.FAILED, str(error)
                continue
            cost["examples"][row] = len(examples)
            cost["tokens"][row] = judged.prefix + judged.tokens.sum()
            if judged.errors:
                place, reason = next(iter(judged.errors.items()))
                status[row] = Status.FAILED
                reasons[row] = (
                    f"{len(judged.errors)} of {len(examples)} examples failed, e.g. {examples[place]}: {reason}"
                )
                continue
            objective[row] = self.task.value(name, judged, split, examples)
            for place, measure in enumerate(self.measures):
                chosen = PROMPT_MEASURES[measure]
                value = chosen.of(self, prompt, judged, split, examples)
                measures[row, place] = min(max(value, chosen.low), chosen.high)
            self._fill(columns, row, prompt, judged, examples)
        return Evaluation(objective, measures, status, columns, cost, reasons=reasons)

    def _blank(self, names: tuple[str, ...], n: int, count: int) -> dict[str, NDArray[Any]]:
        blank: dict[str, NDArray[Any]] = {}
        for name in names:
            if name == "length":
                blank[name] = np.zeros(n)
            elif name == "scores":
                blank[name] = np.full((n, count), np.nan)
            elif name == "probabilities":
                blank[name] = np.full((n, count, len(self.task.classes)), np.nan)
            else:
                blank[name] = np.zeros((n, count), "<U1")
        return blank

    def _fill(
        self, columns: dict[str, NDArray[Any]], row: int, prompt: Prompt, judged: Judged, examples: NDArray[np.int64]
    ) -> None:
        for name, column in columns.items():
            if name == "length":
                column[row] = prompt.length
            elif name == "scores":
                column[row, examples] = judged.scores
            elif name == "probabilities":
                if self.task.classes:
                    column[row, examples] = judged.probabilities
            elif getattr(judged, name):
                texts = np.array(getattr(judged, name), np.str_)
                if texts.dtype.itemsize > column.dtype.itemsize:
                    columns[name] = column = column.astype(texts.dtype)
                column[row, examples] = texts
