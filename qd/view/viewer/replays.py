"""The replays that a page carries: those of the best elites of every region, as many as fit."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.again import seed_of
from qd.replay import Frames, Motion, Replay, Words
from qd.store.history import History
from qd.view.replaying import Replays, row_of
from qd.view.viewer.archives import Map
from qd.view.viewer.packing import Packing, quantised

BYTES = 700_000  # of a page, for replays, compressed
_SECONDS = 30.0  # at most, to make them
_MOMENTS = 80  # frames of a motion
_PICTURES = 24  # frames of pictures
_WIDTH = 200  # pixels of a picture
_LEVELS = 4095  # places along an axis
_REGIONS = 24  # along each of the map's first two axes


def chosen(made: Map) -> Iterator[int]:
    """The rows of a map: the best of each region first, then the second best of each, and so on."""
    k = len(made)
    axes = [column for column in made.columns if column.role in ("measure", "objective")][:2]
    region = np.zeros(k, np.int64)
    for column in axes:
        region = region * _REGIONS + quantised(column.values, column.low, column.high, _REGIONS - 1)
    objective = np.nan_to_num(made.objective, nan=-np.inf)
    order = np.lexsort((-objective, region))
    starts = np.r_[True, region[order][1:] != region[order][:-1]] if k else np.zeros(0, bool)
    rank = np.arange(k) - np.maximum.accumulate(np.where(starts, np.arange(k), 0)) if k else np.zeros(0, np.int64)
    yield from order[np.lexsort((-objective[order], rank))].tolist()


@dataclass
class Carrier:
    """Puts replays into a page until it has no more room for them.

    Args:
        replays: makes them. experiment, history: tell the seeds. packing: takes their numbers.
        room: compressed bytes. scenes: what stands still, in common to many.
    """

    replays: Replays
    experiment: Any
    history: History | None
    packing: Packing
    room: int = BYTES
    scenes: list[Any] = field(default_factory=list)

    def all(self, made: Map) -> dict[str, Any]:
        """Those of a map's elites by row, as the document holds them."""
        found: dict[str, Any] = {}
        begin = monotonic()
        for row in chosen(made):
            if self.room <= 0 or monotonic() - begin > _SECONDS:
                break
            if (one := self.one(made, row)) is not None:
                found[str(row)] = one
            elif not found:
                break
        return found

    def one(self, made: Map, row: int) -> list[Any] | None:
        """Everything there is to show of one elite; None where there is nothing."""
        if made.solutions is None:
            return None
        return self.of(row_of(made.solutions, row), int(made.ids[row]))

    def of(self, solution: Any, number: int) -> list[Any] | None:
        """Everything there is to show of one solution, with its evaluation number."""
        shown = self.replays.of(solution, seed_of(self.experiment, self.history, number))
        written = []
        for replay in shown:
            plain, size = written_replay(replay, self.packing, self.scenes)
            self.room -= size
            written.append(plain)
        return written or None


def written_replay(replay: Replay, packing: Packing, scenes: list[Any]) -> tuple[dict[str, Any], int]:
    """A replay as plain data with its numbers packed, and about how many compressed bytes it takes."""
    if isinstance(replay, Words):
        return {"kind": "words", "parts": [list(part) for part in replay.parts]}, len(
            zlib.compress(replay.text.encode())
        )
    if isinstance(replay, Frames):
        pictures = [_picture(picture) for picture in replay.pictures[_spread(len(replay), _PICTURES)]]
        seconds = replay.frame_seconds * len(replay) / len(pictures)
        return {"kind": "frames", "seconds": seconds, "pictures": pictures}, sum(map(len, pictures))
    return _motion(replay, packing, scenes)


def _motion(replay: Motion, packing: Packing, scenes: list[Any]) -> tuple[dict[str, Any], int]:
    taken = _spread(len(replay), _MOMENTS)
    places = [body[taken] for body in replay.bodies.values()]
    low = np.min([replay.low, *(p.reshape(-1, 2).min(axis=0) for p in places)], axis=0)
    high = np.max([replay.high, *(p.reshape(-1, 2).max(axis=0) for p in places)], axis=0)
    bodies, size = [], 40
    for (name, _), place in zip(replay.bodies.items(), places, strict=True):
        whole = quantised(place, low, high, _LEVELS).astype(np.int16)  # (t, k, 2)
        steps = np.diff(whole, axis=0, prepend=np.zeros_like(whole[:1]))  # small numbers compress well
        by_axis = np.moveaxis(steps, 0, -1)  # (k, 2, t)
        size += len(zlib.compress(np.ascontiguousarray(by_axis).tobytes()))
        bodies.append(
            {
                "name": name,
                "points": place.shape[1],
                "trail": name in replay.trails,
                "steps": packing.add(by_axis, "i2"),
            }
        )
    return {
        "kind": "motion", "frames": len(taken), "seconds": replay.frame_seconds * len(replay) / len(taken),
        "low": low.tolist(), "high": high.tolist(), "levels": _LEVELS, "bodies": bodies,
        "scene": _scene_number(replay, scenes), "notes": [replay.notes[i] for i in taken] if replay.notes else [],
    }, size  # fmt: skip


def _scene_number(replay: Motion, scenes: list[Any]) -> int:
    """Where a scene stands in the page's list of scenes: most elites share one."""
    from qd.view.scene import checked_scene

    scene = checked_scene(replay.scene)
    plain = {
        "lines": [np.round(line, 5).tolist() for line in scene.lines],
        "circles": scene.circles,
        "points": scene.points,
        "invert_y": scene.invert_y,
    }
    text = json.dumps(plain)
    for number, known in enumerate(scenes):
        if json.dumps(known) == text:
            return number
    scenes.append(json.loads(text))
    return len(scenes) - 1


def _spread(n: int, most: int) -> NDArray[np.int64]:
    """Places of at most so many of n frames, evenly, both ends included."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def _picture(pixels: NDArray[np.uint8]) -> str:
    """A picture as a data URI, small."""
    from PIL import Image

    image = Image.fromarray(pixels)
    if image.width > 2 * _WIDTH:
        image = image.resize((2 * _WIDTH, max(1, image.height * 2 * _WIDTH // image.width)))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=70)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


__all__ = ["BYTES", "Carrier", "chosen", "written_replay"]
