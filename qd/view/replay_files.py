"""A replay as a file: a GIF or MP4 that moves, a PNG strip of moments, or text."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.replay import Frames, Motion, Replay, Words
from qd.store.files import write_atomic
from qd.view.scene import checked_scene, draw_scene, label_scene
from qd.view.style import LINE, NOTE, figure, put_title, style

ENDINGS = ("gif", "mp4", "png", "txt")
_MOMENTS = 90  # frames of a GIF or MP4
_STRIP = 6  # moments of a strip
_SECONDS = (0.03, 0.25)  # least and most between two frames
_HOLD = 15  # frames that the last one stays
_COLOURS = (LINE, "#d55e00", "#009e73", "#cc79a7", "#e69f00")


def ending_of(replay: Replay) -> str:
    """The usual ending of a replay's file."""
    if isinstance(replay, Words):
        return "txt"
    return "gif" if len(replay) > 1 else "png"


def write_replay(replay: Replay, out: Path, summary: Any, note: str) -> int:
    """Write a replay to a file whose ending says how; returns how many frames it has.

    Args:
        replay: what to show. out: ends in .gif, .mp4, .png or .txt. summary: the run's, for the title. note: under it.

    Raises:
        QDError: an ending that does not suit, a package that is missing, or a path that cannot be written.
    """
    kind = out.suffix.removeprefix(".").lower()
    if kind not in ENDINGS:
        raise QDError(f"--out {out}: ends in {out.suffix!r}, {nearest(kind, ENDINGS)}")
    if isinstance(replay, Words) != (kind == "txt"):
        wanted = "a text: name a .txt file" if isinstance(replay, Words) else "no text: name a .gif, .mp4 or .png file"
        raise QDError(f"--out {out}: what there is to show is {wanted}")
    if isinstance(replay, Words):
        data, count = (marked_text(replay) + "\n").encode(), 1
    elif kind == "png":
        data, count = _strip(replay, summary, note)
    else:
        pictures = list(drawn(replay, summary, note))
        seconds = replay.frame_seconds * len(replay) / len(pictures)
        seconds = min(max(seconds, _SECONDS[0]), _SECONDS[1])
        data, count = (_gif if kind == "gif" else _mp4)(pictures, seconds), len(pictures)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(out, data, sync=False)
    except OSError as error:
        raise QDError(f"--out {out}: cannot be written: {error.strerror or error}") from error
    return count


def marked_text(words: Words) -> str:
    """A text with its marks: what was cut in [-brackets-], what was added in {+braces+}."""
    around = {"cut": ("[-", "-]"), "added": ("{+", "+}"), "strong": ("*", "*")}
    marks = [(text, *around.get(mark, ("", ""))) for text, mark in words.parts]
    return "".join(before + text + after for text, before, after in marks)


def drawn(replay: Motion | Frames, summary: Any, note: str, most: int = _MOMENTS) -> Iterator[NDArray[np.uint8]]:
    """(h, w, 3) pictures of a replay, at most so many."""
    taken = _spread(len(replay), most)
    if isinstance(replay, Frames):
        yield from replay.pictures[taken]
        return
    with style():
        canvas = _Canvas(replay, summary, note)
        for frame in taken:
            yield canvas.at(int(frame))


class _Canvas:
    """A figure of a motion whose bodies are moved from frame to frame."""

    def __init__(self, replay: Motion, summary: Any, note: str) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self._replay = replay
        scene = checked_scene(replay.scene)
        extent = np.concatenate([scene.extent(), [replay.low, replay.high]])
        low, high = extent.min(axis=0), extent.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        self.figure = figure(min(max(5.0 * span[1] / span[0], 1.6), 6.0) + 0.9)
        self._canvas = FigureCanvasAgg(self.figure)
        axes = self.figure.add_subplot()
        margin = 0.03 * span
        axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
        axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
        axes.set(xticks=[], yticks=[], aspect="equal")
        axes.spines[:].set_visible(False)
        draw_scene(axes, scene)
        self._trails, self._lines = {}, {}
        for number, (name, body) in enumerate(replay.bodies.items()):
            colour = _COLOURS[number % len(_COLOURS)]
            if name in replay.trails:
                (self._trails[name],) = axes.plot([], [], color=colour, alpha=0.4, linewidth=1.6, zorder=6)
            joint = 9.0 if body.shape[1] == 1 else 3.0
            (self._lines[name],) = axes.plot([], [], "o-", color=colour, linewidth=2.4, markersize=joint, zorder=7)
        self._note = axes.text(0.01, 0.01, "", transform=axes.transAxes, fontsize=8, color=NOTE, zorder=8)
        put_title(self.figure, summary, note)
        label_scene(axes, scene)

    def at(self, frame: int) -> NDArray[np.uint8]:
        """The picture of one frame."""
        for name, body in self._replay.bodies.items():
            self._lines[name].set_data(*body[frame].T)
            if name in self._trails:
                self._trails[name].set_data(*body[: frame + 1, -1].T)
        if self._replay.notes:
            self._note.set_text(self._replay.notes[frame])
        self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[:, :, :3].copy()


def _strip(replay: Motion | Frames, summary: Any, note: str) -> tuple[bytes, int]:
    """Moments beside each other, in one PNG; and how many."""
    taken = _spread(len(replay), _STRIP)
    with style():
        if isinstance(replay, Frames):
            pictures = list(replay.pictures[taken])
        else:
            scene = _Canvas(replay, {}, "")
            scene.figure.suptitle("")
            pictures = [scene.at(int(frame)) for frame in taken]
        tall = 6.0 / min(len(taken), 3) * pictures[0].shape[0] / pictures[0].shape[1]
        rows = -(-len(taken) // 3)
        fig = figure(rows * (tall + 0.25) + 0.6)
        for place, (picture, frame) in enumerate(zip(pictures, taken, strict=True), start=1):
            axes = fig.add_subplot(rows, min(len(taken), 3), place)
            axes.imshow(picture)
            axes.set_axis_off()
            if len(replay) > 1:
                axes.set_title(f"frame {frame:,} of {len(replay) - 1:,}", color=NOTE)
        put_title(fig, summary, note)
        buffer = io.BytesIO()
        fig.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue(), len(taken)


def _gif(pictures: Sequence[NDArray[np.uint8]], seconds: float) -> bytes:
    from PIL import Image

    images = [Image.fromarray(picture).convert("P", palette=Image.Palette.ADAPTIVE, colors=64) for picture in pictures]
    durations = [int(1000 * seconds)] * len(images)
    durations[-1] = int(1000 * seconds * _HOLD)
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=False)
    return buffer.getvalue()


def _mp4(pictures: Sequence[NDArray[np.uint8]], seconds: float) -> bytes:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise QDError(
            f"an MP4 needs ffmpeg ({error}): pip install 'qd-evolution[video]'; a GIF needs nothing"
        ) from error
    import tempfile

    height, width = (size - size % 2 for size in pictures[0].shape[:2])  # what the coding asks for
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "replay.mp4"
        writer = imageio_ffmpeg.write_frames(
            str(path), (width, height), fps=1.0 / seconds, macro_block_size=2, quality=7
        )
        writer.send(None)
        for picture in [*pictures, *[pictures[-1]] * _HOLD]:
            writer.send(np.ascontiguousarray(picture[:height, :width]))
        writer.close()
        return path.read_bytes()


def _spread(n: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


__all__ = ["ENDINGS", "drawn", "ending_of", "marked_text", "write_replay"]
