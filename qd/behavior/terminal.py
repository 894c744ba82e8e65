"""A person at the terminal says which of three observations is the odd one out; the answers are kept in a file."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError

HELP = "which one is the odd one out? 0, 1 or 2; s to skip; q to stop asking: "
SHOWN = 24  # numbers of an observation that are printed


class StopAsking(Exception):
    """Raised by an oracle that wants no more questions this time."""


@dataclass(frozen=True)
class Terminal:
    """Shows three observations as text, draws pictures and paths into a PNG file, and reads a number.

    Every answer is appended to ``file`` at once. A question that the file answers is not asked again, in whatever
    order its observations come: so a run that is resumed or repeated replays what was said.
    """

    file: str = "answers.jsonl"
    """Where answers are kept, a line of JSON each; relative to the folder in which the run is started."""

    picture: str = "question.png"
    """Where pictures (..., h, w, 3) of bytes and paths (T, 2) are drawn; empty: nowhere."""

    def __call__(self, *observations: NDArray[Any]) -> int | None:
        """The odd one out, 0 to 2, or None if it was skipped. Raises StopAsking at ``q`` or where the input ends."""
        keys = [_key(observation) for observation in observations]
        said = self._known().get(frozenset(keys))
        if said is not None:
            return keys.index(said)
        for number, observation in enumerate(observations):
            print(f"{number}: {_text(observation)}")
        if self.picture and _drawable(observations[0]):
            _draw(observations, Path(self.picture))
            print(f"drawn in {self.picture}")
        while True:
            print(HELP, end="", flush=True)
            line = sys.stdin.readline()
            word = line.strip().lower()
            if word in ("0", "1", "2"):
                self._append({"observations": keys, "odd": int(word)})
                return int(word)
            if word == "s":
                return None
            if word == "q" or not line:  # an empty line still has its line feed: the input has ended
                raise StopAsking
            print(f"got {word!r}, wanted 0, 1, 2, s or q")

    def _known(self) -> dict[frozenset[str], str]:
        """Three observations -> the odd one out, by their keys. A last line cut short by a kill is left out."""
        path = Path(self.file)
        lines = path.read_text().split("\n") if path.exists() else []
        known = {}
        for number, line in enumerate(lines[:-1], 1):
            try:
                row = json.loads(line)
                known[frozenset(row["observations"])] = row["observations"][row["odd"]]
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise QDError(f"{path}, line {number}: got {line[:60]!r}, wanted an answer as JSON ({error}); "
                              "mend or remove the line") from None  # fmt: skip
        return known

    def _append(self, row: dict[str, Any]) -> None:
        path = Path(self.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = path.read_bytes() if path.exists() else b""
        with path.open("r+b" if path.exists() else "wb") as out:
            out.truncate(whole.rfind(b"\n") + 1)  # a line cut short by a kill goes
            out.seek(0, 2)
            out.write(json.dumps(row).encode() + b"\n")


def _key(observation: NDArray[Any]) -> str:
    """A name for the content of an observation."""
    kind = f"{observation.dtype.str} {observation.shape}".encode()
    return sha256(kind + np.ascontiguousarray(observation).tobytes()).hexdigest()[:24]


def _text(observation: NDArray[Any]) -> str:
    """Shape and some of the numbers, evenly spread; a path begins and ends with its first and last."""
    rows = observation.reshape(len(observation), -1) if observation.ndim > 1 else observation[:, None]
    picked = np.unique(np.linspace(0, len(rows) - 1, max(1, SHOWN // rows.shape[1])).round().astype(int))
    numbers = np.array2string(rows[picked][:, :SHOWN].squeeze(), precision=3, suppress_small=True, threshold=SHOWN)
    return f"{observation.dtype} {observation.shape}\n{numbers}"


def _drawable(observation: NDArray[Any]) -> bool:
    pictures = observation.dtype == np.uint8 and observation.ndim >= 3 and observation.shape[-1] == 3
    return pictures or (observation.ndim == 2 and observation.shape[1] == 2)


def _draw(observations: tuple[NDArray[Any], ...], path: Path) -> None:
    """Three panels, one an observation; several pictures of one observation stand side by side."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(9, 3.4), layout="constrained")
    panels = fig.subplots(1, len(observations), sharex=True, sharey=True)
    for number, (axes, observation) in enumerate(zip(panels, observations, strict=True)):
        axes.set_title(str(number))
        if observation.dtype == np.uint8:
            pictures = observation.reshape(-1, *observation.shape[-3:])
            axes.imshow(np.concatenate(list(pictures), axis=1))
            axes.set_axis_off()
        else:
            axes.plot(observation[:, 0], observation[:, 1], color="#1b6ca8", linewidth=1.4)
            axes.plot(*observation[-1], "o", color="#c8553d")
            axes.set_aspect("equal")
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=110)
