"""The background of pictures in measure space: a problem's walls, circles and named points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.store.files import RunFolder, read_json
from qd.view.style import NOTE_SIZE, wrapped

_INK = "#1a1a1a"
_MARK = "#c0392b"

_Place = tuple[float, float, int, int, float]  # shift in measures, side (-1, 0, 1) across and up, gap [points]


@dataclass
class Scene:
    """Drawing data in measure coordinates, checked: what cannot be drawn was left out.

    Args:
        lines: (k, 2) arrays.
        line_width: of the lines, in points.
        circles: (x, y, radius, label).
        points: (x, y, label).
        invert_y: y grows downward.
    """

    lines: list[NDArray[np.float64]] = field(default_factory=list)
    line_width: float = 1.2
    circles: list[tuple[float, float, float, str]] = field(default_factory=list)
    points: list[tuple[float, float, str]] = field(default_factory=list)
    invert_y: bool = False

    def __bool__(self) -> bool:
        return bool(self.lines or self.circles or self.points or self.invert_y)

    def extent(self) -> NDArray[np.float64]:
        """(k, 2) points that the view should hold."""
        parts = [*self.lines, *(np.array([[x - r, y - r], [x + r, y + r]]) for x, y, r, _ in self.circles)]
        parts += [np.array([[x, y]]) for x, y, _ in self.points]
        return np.concatenate(parts) if parts else np.zeros((0, 2))


def scene_of(result: Any) -> Scene:
    """The scene of a run: the problem's own, or what the run's folder holds."""
    return checked_scene(drawing_data(result))


def drawing_data(result: Any) -> Any:
    """What a problem gave its pictures to be drawn from, unchecked."""
    if result.experiment is not None:
        return result.experiment.problem.scene()
    file = RunFolder(result.path).scene if result.path is not None else None
    return read_json(file) if file is not None and file.is_file() else {}


def checked_scene(raw: Any) -> Scene:
    """A Scene from plain data; entries of another form are passed over: a background is no reason to fail."""
    if not isinstance(raw, Mapping):
        return Scene()
    scene = Scene(invert_y=bool(raw.get("invert_y", False)))
    scene.lines = [line for line in map(_line, _entries(raw, "lines")) if line is not None]
    if (width := _numbers([raw.get("line_width")])) is not None and width[0] > 0:
        scene.line_width = float(width[0])
    for entry in _entries(raw, "circles"):
        if (numbers := _numbers(entry[:3])) is not None and len(numbers) == 3:
            x, y, radius = numbers
            scene.circles.append((x, y, radius, str(entry[3]) if len(entry) > 3 else ""))
    for entry in _entries(raw, "points"):
        if (numbers := _numbers(entry[:2])) is not None and len(numbers) == 2:
            x, y = numbers
            scene.points.append((x, y, str(entry[2]) if len(entry) > 2 else ""))
    return scene


def _entries(raw: Mapping[str, Any], key: str) -> list[Any]:
    entries = raw.get(key)
    if not isinstance(entries, list | tuple):
        return []
    return [entry for entry in entries if isinstance(entry, list | tuple | np.ndarray)]


def _line(entry: Any) -> NDArray[np.float64] | None:
    try:
        line = np.asarray(entry, np.float64)
    except (ValueError, TypeError):
        return None
    return line if line.ndim == 2 and line.shape[1] == 2 and np.isfinite(line).all() else None


def _numbers(values: Any) -> list[float] | None:
    try:
        numbers = [float(value) for value in values]
    except (ValueError, TypeError):
        return None
    return numbers if np.isfinite(numbers).all() else None


def draw_scene(axes: Any, scene: Scene) -> None:
    """Lines, circles and points onto axes; ``label_scene`` adds the labels when all else is in its place."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Circle

    if scene.lines:
        axes.add_collection(
            LineCollection(scene.lines, colors=_INK, linewidths=scene.line_width, zorder=3), autolim=False
        )
    for x, y, radius, _ in scene.circles:
        axes.add_patch(Circle((x, y), radius, fill=False, edgecolor=_MARK, linewidth=1.0, linestyle="--", zorder=4))
    for x, y, _ in scene.points:
        axes.plot([x], [y], "o", color=_MARK, markeredgecolor="white", markersize=6, zorder=5)
    if scene.invert_y and not axes.yaxis_inverted():
        axes.invert_yaxis()


def label_scene(axes: Any, scene: Scene) -> None:
    """Write the labels beside their points and circles; a label for which there is no room is left out.

    Call it last: it needs the settled layout of all the rest.
    """
    wanted = [(x, y, 0.0, label) for x, y, label in scene.points] + list(scene.circles)
    if not any(label for *_, label in wanted):
        return
    from matplotlib.path import Path

    frame = axes.get_window_extent()
    taken = [_marker_box(axes, x, y) for x, y, _ in scene.points]
    walls = [axes.transData.transform_path(Path(line)) for line in scene.lines]
    for x, y, radius, label in wanted:
        if not label:
            continue
        text = _label(axes, wrapped(label, frame.width / axes.figure.dpi * 36, NOTE_SIZE, 2))
        places = _places(axes, radius, text)
        crossed = None  # the first place that is free but for a wall
        for place in places:
            box = _put(text, x, y, place)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if not inside or any(box.overlaps(other) for other in taken):
                continue
            if not any(wall.intersects_bbox(box, filled=False) for wall in walls):
                break
            crossed = crossed or place
        else:
            if crossed is None:
                text.remove()
                continue
            box = _put(text, x, y, crossed)
        taken.append(box)


def _put(text: Any, x: float, y: float, place: _Place) -> Any:
    """Move a label to a place; returns the box it takes there."""
    dx, dy, across, up, gap = place
    text.xy = (x + dx, y + dy)
    text.set_position((gap * across, gap * up))
    text.set_ha({-1: "right", 0: "center", 1: "left"}[across])
    text.set_va({-1: "top", 0: "center", 1: "bottom"}[up])
    return text.get_window_extent()


def _places(axes: Any, radius: float, text: Any) -> list[_Place]:
    """Where a label may stand, best first: at a point's sides; in a circle, or at its edge."""
    sides = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]
    if not radius:
        return [(0.0, 0.0, across, up, 6.0) for across, up in sides]
    down = -1 if axes.yaxis_inverted() else 1
    outside: list[_Place] = [(radius * a, radius * b * down, a, b, 4.0) for a, b in sides[:4]]
    places = outside + [(dx, dy, -a, -b, gap) for dx, dy, a, b, gap in outside]
    size = np.abs(np.diff(axes.transData.transform([(0.0, 0.0), (2 * radius, 0.0)])[:, 0]))[0]
    if 0.3 * size < text.get_window_extent().width < 0.95 * size:
        places.insert(0, (0.0, 0.0, 0, 0, 0.0))
    return places


def _marker_box(axes: Any, x: float, y: float) -> Any:
    from matplotlib.transforms import Bbox

    at = axes.transData.transform((x, y))
    half = 4 * axes.figure.dpi / 72
    return Bbox([at - half, at + half])


def _label(axes: Any, text: str) -> Any:
    from matplotlib.patheffects import withStroke

    return axes.annotate(
        text,
        (0, 0),
        textcoords="offset points",
        xytext=(0, 0),
        fontsize=NOTE_SIZE,
        color=_INK,
        zorder=6,
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
    )
