"""What there is to show of one solution: its episode, its text, or a picture of it."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np

from qd.errors import QDError
from qd.ragged import Ragged
from qd.replay import Frames, Motion, Replay, Words, marked, named_texts
from qd.texts import Texts

log = logging.getLogger("qd")


class Replays:
    """Makes replays of a problem's solutions.

    Args:
        problem: None where it cannot be had: then texts that the run's folder holds are all there is.
        drawing: what the problem gave pictures to draw from, as of ``Problem.scene``.
        context: arrays that the search gave its requests.
    """

    def __init__(self, problem: Any, drawing: Any = None, context: Mapping[str, Any] | None = None) -> None:
        self._problem, self._drawing, self._context = problem, drawing, dict(context or {})
        self.why = ""  # there is none, of the last one asked for

    def of(self, solution: Any, seed: int, pictures: bool = False) -> list[Replay]:
        """Everything there is to show of a solution, best first; empty where there is nothing, and ``why``.

        Args:
            solution: (d,), or (k,) of a ragged space. seed: of its evaluation.
            pictures: a still picture too, where there is nothing else.
        """
        self.why = ""
        found: list[Replay] = []
        if (words := self._words(solution)) is not None:
            return [words]
        if self._problem is None:
            self.why = self.why or "the run's experiment cannot be loaded"
            return []
        if (made := self._made(solution, seed)) is not None:
            found.append(made)
        if not any(isinstance(one, Motion | Frames) for one in found) and (sketch := self._sketch(solution, seed)):
            found.append(sketch)
        if not found and pictures and (picture := self._picture(solution, seed)) is not None:
            found.append(picture)
        return found

    def _words(self, solution: Any) -> Words | None:
        """The text of a solution that the run's folder tells, without the problem and its model."""
        raw = self._drawing if isinstance(self._drawing, Mapping) else {}
        words, alphabet = raw.get("words"), raw.get("alphabet")
        if isinstance(words, list) and len(words) == len(solution):
            return marked([str(word) for word in words], np.asarray(solution))
        if isinstance(alphabet, list) and all(0 <= int(token) < len(alphabet) for token in solution):
            return Words((("".join(str(alphabet[int(token)]) for token in solution), "added"),))
        if self._problem is not None and isinstance(self._problem.solution_space, Texts):
            return named_texts(self._problem.solution_space, np.asarray(solution))
        return None

    def _made(self, solution: Any, seed: int) -> Replay | None:
        try:
            return self._call(self._problem.replay, solution, seed)
        except QDError as error:
            self.why = str(error)
        except Exception as error:  # a replay that breaks must not cost whatever it is for
            log.warning("no replay: %s.replay: %r", self._problem.name, error)
            self.why = f"{type(error).__name__}: {error}"
        return None

    def _sketch(self, solution: Any, seed: int) -> Motion | None:
        try:
            sketch = self._problem.sketch(solution, seed)
            way = np.asarray(sketch["lines"][-1], np.float64)
            every = np.concatenate([np.asarray(line, np.float64) for line in sketch["lines"]])
            scene = {**sketch, "lines": sketch["lines"][:-1]}
            return Motion({"way": way[:, None]}, scene, ("way",), every.min(axis=0), every.max(axis=0))
        except QDError:
            return None
        except Exception as error:
            log.warning("no sketch: %s.sketch: %r", self._problem.name, error)
            return None

    def _picture(self, solution: Any, seed: int) -> Frames | None:
        from matplotlib.figure import Figure
        from PIL import Image

        try:
            drawn = self._call(self._problem.render, solution, seed)
        except Exception as error:
            if not isinstance(error, QDError):
                log.warning("no picture: %s.render: %r", self._problem.name, error)
            return None
        if isinstance(drawn, Figure):
            buffer = io.BytesIO()
            drawn.savefig(buffer, format="png", dpi=110)
            drawn = np.asarray(Image.open(buffer).convert("RGB"))
        if isinstance(drawn, np.ndarray) and drawn.ndim == 3 and drawn.dtype == np.uint8:
            return Frames(drawn[None, :, :, :3])
        return None

    def _call(self, method: Any, solution: Any, seed: int) -> Any:
        reads = "context" in signature(method).parameters
        return method(solution, seed, **({"context": self._context} if reads else {}))


def row_of(solutions: Any, row: int) -> Any:
    """One solution of a batch."""
    return solutions.row(row) if isinstance(solutions, Ragged) else solutions[row]


__all__ = ["Replays", "row_of"]
