"""One solution's episode as plain data, to be shown anywhere: a page, a notebook, a GIF, a terminal.

A problem makes one in ``Problem.replay(solution, seed)``; whoever shows it decides how. Nothing here draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.ragged import Ragged
from qd.texts import Texts

MARKS = ("", "cut", "added", "strong", "title")


@dataclass(frozen=True)
class Motion:
    """Things that move in the plane: a robot in its maze, an arm, a ball.

    Args:
        bodies: name -> (t, k, 2): k joined points in each of t frames. One point is a dot; more are a line, such as
            the joints of an arm from its base to its hand, or an outline that ends where it begins.
        scene: what stands still, in the form of ``Problem.scene`` and in the same coordinates.
        trails: names of the bodies whose last point leaves a line behind it.
        low, high: the (2,) corners of what should be in view.
        frame_seconds: the time from one frame to the next, in seconds of the task or a pace that reads well.
        notes: a short text a frame, such as the reward so far; empty for none, else t of them.
    """

    bodies: Mapping[str, NDArray[np.float64]]
    scene: Mapping[str, Any]
    trails: tuple[str, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    frame_seconds: float = 0.05
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        bodies = {name: np.asarray(places, np.float64) for name, places in self.bodies.items()}
        object.__setattr__(self, "bodies", bodies)
        object.__setattr__(self, "low", np.asarray(self.low, np.float64))
        object.__setattr__(self, "high", np.asarray(self.high, np.float64))
        shapes = {name: places.shape for name, places in bodies.items()}
        if not shapes or any(len(shape) != 3 or shape[2] != 2 or 0 in shape for shape in shapes.values()):
            raise QDError(f"Motion.bodies: got the shapes {shapes}, wanted (t, k, 2) of at least one body")
        if len({shape[0] for shape in shapes.values()}) > 1:
            raise QDError(f"Motion.bodies: got the shapes {shapes}, wanted the same number of frames in each")
        if unknown := [name for name in self.trails if name not in shapes]:
            raise QDError(f"Motion.trails: {unknown} are no bodies; wanted some of {list(shapes)}")
        if self.notes and len(self.notes) != len(self):
            raise QDError(f"Motion.notes: got {len(self.notes)} for {len(self)} frames")

    def __len__(self) -> int:
        return len(next(iter(self.bodies.values())))


@dataclass(frozen=True)
class Frames:
    """Pictures one after the other: what a game or a simulator shows; one picture where nothing moves.

    Args:
        pictures: (t, h, w, 3) uint8.
        frame_seconds: the time from one picture to the next.
    """

    pictures: NDArray[np.uint8]
    frame_seconds: float = 0.05

    def __post_init__(self) -> None:
        pictures = np.asarray(self.pictures)
        if pictures.ndim != 4 or pictures.shape[3] != 3 or pictures.dtype != np.uint8 or 0 in pictures.shape:
            raise QDError(f"Frames.pictures: got {pictures.shape} {pictures.dtype}, wanted (t, h, w, 3) uint8")
        object.__setattr__(self, "pictures", pictures)

    def __len__(self) -> int:
        return len(self.pictures)


@dataclass(frozen=True)
class Words:
    """A text with marks: a prompt with what was cut, the formula of a reward, an answer.

    Args:
        parts: (text, mark) one after the other; a mark is ``""`` for plain, ``"cut"``, ``"added"``, ``"strong"`` or
            ``"title"``. Line breaks are in the texts.
    """

    parts: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        for text, mark in self.parts:
            if mark not in MARKS or not isinstance(text, str):
                raise QDError(f"Words.parts: got {(text, mark)!r}, wanted a text and one of the marks {MARKS}")

    def __len__(self) -> int:
        return 1

    @property
    def text(self) -> str:
        """All parts without their marks."""
        return "".join(text for text, _ in self.parts)


Replay = Motion | Frames | Words


def marked(words: Sequence[str], mask: NDArray[Any]) -> Words:
    """A prompt's tokens, of which a mask (d,) keeps those that are not 0.

    >>> marked(["Great", " film", "!"], np.array([1, 0, 1])).parts
    (('Great', ''), (' film', 'cut'), ('!', ''))
    """
    if len(words) != len(mask):
        raise QDError(f"mask: got {len(mask)} genes for {len(words)} words")
    return Words(tuple((word, "" if kept else "cut") for word, kept in zip(words, mask, strict=True)))


def named_texts(space: Texts, solution: NDArray[Any]) -> Words:
    """A solution of a space of texts: each text below its name, which is left out where there is one alone."""
    (texts,) = space.named(Ragged.from_rows([solution], solution.dtype))
    parts: list[tuple[str, str]] = []
    for name, text in texts.items():
        if len(texts) > 1:
            parts.append((f"{name}\n", "title"))
        parts.append((text + ("\n\n" if len(texts) > 1 else ""), ""))
    return Words(tuple(parts))


__all__ = ["MARKS", "Frames", "Motion", "Replay", "Words", "marked", "named_texts"]
