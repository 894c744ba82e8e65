"""What the pictures of a run over pruned prompts are made from, live or from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.view.archive_plots import elites_of, solutions_of
from qd.view.prompt_plots import (
    PromptMap,
    ancestors,
    influence_figure,
    lengths_figure,
    lineage_figure,
    prompt_map_figure,
)
from qd.view.prompt_text import prompt_figure
from qd.view.scene import drawing_data
from qd.view.space_axes import MeasureAxes

_KEPT = "share of tokens kept"
_RIDGE = 1.0  # rows: a token that was dropped once is believed half


@dataclass
class History:
    """Rows in the order in which they were told: masks (n, d), objective, evaluation numbers, first parents (n,)."""

    masks: NDArray[Any]
    objective: NDArray[np.float64]
    ids: NDArray[np.int64]
    parents: NDArray[np.int64]


def word_influence(result: Any) -> Any | None:
    """How unevenly the words of an alphabet matter, of a run that judged them one by one; None for another run."""
    raw, kept = drawing_data(result), result.populations
    words = raw.get("alphabet") if isinstance(raw, Mapping) else None
    if not isinstance(words, list) or "scored" not in kept or "scores" not in kept:
        return None
    scored, scores = np.asarray(kept["scored"]), np.asarray(kept["scores"], np.float64)
    if len(scored) != len(scores) or not np.isfinite(scores).any() or scored.max() >= len(words):
        return None
    return influence_figure([words[int(i)] for i in scored], scores, result.summary, label="gain over no word")


@dataclass
class PrunedRun:
    """A run whose solutions say which tokens of a prompt stay.

    Args:
        result: live or loaded.
        known: its measures.
        words: d texts of tokens, fields in braces.
        fields: which of them are fields.
    """

    result: Any
    known: MeasureAxes
    words: list[str]
    fields: list[int]

    @classmethod
    def of(cls, result: Any, known: MeasureAxes) -> PrunedRun | None:
        """None for any other run: its problem gave no words to draw with, or they are damaged."""
        raw = drawing_data(result)
        words = raw.get("words") if isinstance(raw, Mapping) else None
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            return None
        fields = raw.get("fields", [])
        good = isinstance(fields, list) and all(isinstance(i, int) and 0 <= i < len(words) for i in fields)
        return cls(result, known, words, fields if good else [])

    @property
    def tokens(self) -> int:
        """Of the whole prompt, without fields."""
        return len(self.words) - len(self.fields)

    def kept(self, mask: NDArray[Any]) -> int:
        """Tokens that a solution keeps, without fields."""
        return int(mask.sum()) - int(mask[self.fields].sum())

    def prompt(self) -> Any | None:
        """The prompt that was chosen in the end, or the best of the search; None without one."""
        chosen = np.asarray(self.result.populations.get("selected", ()))
        if chosen.shape == (1, len(self.words)):
            return prompt_figure(self.words, chosen[0] != 0, self.result.summary, "the selected prompt", self.fields)
        best = self._best()
        if best is None:
            return None
        note = f"the best prompt: objective {best['objective']:.4g}"
        return prompt_figure(self.words, best["solution"] != 0, self.result.summary, note, self.fields)

    def lengths(self) -> Any | None:
        """Objective over length, of the history that the search kept, else of the measured share of tokens."""
        past = self.history()
        if past is not None:
            length, value = past.masks.sum(1) - past.masks[:, self.fields].sum(1), past.objective
        else:
            positions = self.result.positions
            measures = np.asarray(positions.get("measures", np.zeros((0, 0))), np.float64)
            if _KEPT not in self.known.names or measures.shape[1:] != (len(self.known.names),) or not len(measures):
                return None
            length = measures[:, self.known.names.index(_KEPT)] * self.tokens
            value = np.asarray(positions["objective"], np.float64)
        best = self._best()
        winner = None if best is None else (float(self.kept(best["solution"] != 0)), float(best["objective"]))
        entire = np.flatnonzero(length >= self.tokens)
        base = (float(self.tokens), float(value[entire[0]])) if len(entire) else None
        return lengths_figure(length, value, self.result.summary, winner, base, ("tokens of the prompt", "objective"))

    def lineage(self) -> Any | None:
        """From the first prompt to the one that was chosen, or the best; None where the search kept no history."""
        past, best = self.history(), self._best()
        if past is None or best is None:
            return None
        chosen = self.result.summary.get("metrics", {}).get("selected_evaluation")
        winner = int(chosen) if isinstance(chosen, int | float) and chosen >= 0 else int(best["id"])
        if winner not in past.ids:
            return None
        parents = dict(zip(past.ids.tolist(), past.parents.tolist(), strict=True))
        line = ancestors(winner, past.ids.tolist(), parents, past.masks, past.objective, self.words)
        return lineage_figure(line, self.result.summary)

    def influence(self) -> Any | None:
        """What each token is worth by all that was tried: a ridge regression of the objective on the masks."""
        past = self.history()
        if past is None:
            return None
        known = np.isfinite(past.objective)
        free = np.setdiff1d(np.arange(len(self.words)), self.fields)
        x, y = past.masks[known][:, free].astype(np.float64), past.objective[known]
        varied = x.std(0) > 0 if len(x) else np.zeros(len(free), np.bool_)
        if len(y) < 3 or not varied.any():
            return None
        x = x[:, varied] - x[:, varied].mean(0)
        worth = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ (y - y.mean()))
        words = [self.words[int(i)] for i in free[varied]]
        return influence_figure(words, worth, self.result.summary, label="worth, by ridge")

    def history(self) -> History | None:
        """All that the search evaluated; None where it did not keep it."""
        kept = self.result.populations
        if "history_solutions" not in kept:
            return None
        masks = np.asarray(kept["history_solutions"])
        if masks.ndim != 2 or masks.shape[1] != len(self.words):
            return None
        rest = (np.asarray(kept[f"history_{name}"]) for name in ("objective", "ids", "parents"))
        return History(masks, *rest)

    def map(self) -> Any | None:
        """The first archive that is a grid over two measures, with its prompts; None without one."""
        for archive in self.result.archives.values():
            elites, masks = elites_of(archive), solutions_of(archive)
            if (
                elites is None
                or elites.shape != "grid"
                or elites.low is None
                or elites.high is None
                or len(elites.dims) != 2
                or masks.shape != (len(elites), len(self.words))
            ):
                continue
            texts = ["".join(word for word, keep in zip(self.words, mask, strict=True) if keep) for mask in masks]
            first, second = self.known.labels(2)
            dims = (elites.dims[0], elites.dims[1])
            made = PromptMap(elites.measures, elites.objective, texts, elites.low.tolist(), elites.high.tolist(), dims,
                             (first, second))  # fmt: skip
            return prompt_map_figure(made, self.result.summary)
        return None

    def _best(self) -> Any | None:
        try:
            best = self.result.best
        except QDError:
            return None
        return best if np.shape(best["solution"]) == (len(self.words),) else None
