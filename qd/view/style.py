"""How every picture looks: sizes, text that fits, numbers on axes, colours and colour bars.

Pictures are 6 inches wide, which is 900 pixels at 150 dpi. Text is always plain text: names come from users,
and a ``$`` in one starts no formula.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

WIDTH = 6.0  # inches
DPI = 150
POINTS = 72.0  # an inch
TITLE_SIZE, NOTE_SIZE, LABEL_SIZE, TICK_SIZE = 10.0, 8.5, 9.0, 8.0  # points
VALUE_MAP, TIME_MAP = "viridis", "cividis"  # perceptually even, and safe for the colour blind
LINE, NOTE, EMPTY = "#0072b2", "#404040", "#f0f0f0"

_STYLE = {
    "axes.grid": False,
    "axes.labelsize": LABEL_SIZE,
    "axes.linewidth": 0.8,
    "axes.titlesize": NOTE_SIZE,
    "figure.titlesize": TITLE_SIZE,
    "font.size": LABEL_SIZE,
    "pdf.fonttype": 42,  # text stays text in a paper
    "svg.hashsalt": "qd",
    "xtick.labelsize": TICK_SIZE,
    "ytick.labelsize": TICK_SIZE,
}


def style() -> AbstractContextManager[None]:
    """Matplotlib's defaults and our sizes while it lasts; the user's settings and backend come back after."""
    import matplotlib.style

    context: AbstractContextManager[None] = matplotlib.style.context(["default", _STYLE])
    return context


def figure(height: float, **settings: Any) -> Any:
    """An empty figure of the common width; nothing of pyplot knows it."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained", **settings)
    made.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    return made


# ---------------------------------------------------------------- text


def plain(text: object) -> str:
    r"""One line of text that is shown as it is.

    >>> plain("cost\n [$]")
    'cost [\\$]'
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line.replace("$", r"\$")


def wrapped(text: object, width: float, size: float, lines: int = 3) -> str:
    """Text as ``plain`` gives it, in at most ``lines`` lines of ``width`` points.

    What is left over becomes an ellipsis. Lines break at spaces and after ``_ - /``, and anywhere in a word
    that is longer than a line.
    """
    raw = plain(text).replace(r"\$", "$")[:600]
    done: list[str] = []
    line = ""
    for piece in _pieces(raw, width, size):
        if line and text_width(line + piece.rstrip(), size) > width:
            done.append(line.strip())
            line = piece.lstrip()
        else:
            line += piece
    done.append(line.strip())
    if len(done) > lines:
        last = done[lines - 1]
        while last and text_width(last + "…", size) > width:
            last = last[:-1]
        done = [*done[: lines - 1], last.rstrip() + "…"]
    return "\n".join(done).replace("$", r"\$")


def _pieces(text: str, width: float, size: float) -> list[str]:
    """The parts of a text that stay together, none wider than a line."""
    pieces: list[str] = []
    for piece in re.findall(r"[^\s_/-]*[_/-]*\s*", text):
        part = ""
        for letter in piece if text_width(piece, size) > width else ():
            if part and text_width(part + letter, size) > width:
                pieces.append(part)
                part = ""
            part += letter
        pieces.append(part or piece)
    return [piece for piece in pieces if piece]


def text_width(text: str, size: float) -> float:
    """Width of a line of text, in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)
    return float(width)


def run_title(summary: Mapping[str, Any]) -> str:
    """Algorithm, problem, seed and evaluations of a run."""
    evaluations = summary.get("evaluations")
    count = f"{evaluations:,}" if isinstance(evaluations, int) else "?"
    plural = "" if evaluations == 1 else "s"
    return (
        f"{summary.get('algorithm', '?')} on {summary.get('problem', '?')}, "
        f"seed {summary.get('seed', '?')}, {count} evaluation{plural}"
    )


def put_title(fig: Any, summary: Mapping[str, Any], note: str = "") -> None:
    """The run's title above everything, under it what this picture adds; then the layout is settled for good.

    Call it when all else is in place. A colour bar's width goes by its axes, whose width goes by the room the
    bar leaves, so one pass of the layout is not enough; three leave less than a pixel.
    """
    width = (fig.get_figwidth() - 0.3) * POINTS
    title = wrapped(run_title(summary), width, TITLE_SIZE)
    if note:
        title += "\n" + wrapped(note, width, TITLE_SIZE)
    fig.suptitle(title, fontsize=TITLE_SIZE)
    for _ in range(3):
        fig.get_layout_engine().execute(fig)
    fig.set_layout_engine("none")


def percent(share: Any) -> str:
    """A share as text; empty where there is none."""
    return f"{100 * share:.1f} %" if isinstance(share, float | int) and np.isfinite(share) else ""


# ---------------------------------------------------------------- numbers on axes


def tick_labels(values: Sequence[float]) -> list[str]:
    """Labels with as few digits as tell the values apart, and commas between thousands.

    >>> tick_labels([0.0, 2500.0, 5000.0]), tick_labels([0.25, 0.5]), tick_labels([0.0, 2e12])
    (['0', '2,500', '5,000'], ['0.25', '0.50'], ['0', '2e12'])
    """
    if len(values) == 0:
        return []
    ticks = np.asarray(values, np.float64) + 0.0  # no minus zero
    apart = np.diff(np.unique(ticks))
    slack = 1e-3 * (apart.min() if apart.size else max(abs(float(ticks[0])), 1e-12))
    forms = [f",.{digits}f" for digits in range(6)] if np.abs(ticks).max() < 1e10 else []
    for form in [*forms, *(f".{digits}g" for digits in range(1, 17))]:
        labels = [format(tick, form) for tick in ticks]
        shown = np.array([float(label.replace(",", "")) for label in labels])
        if (np.abs(shown - ticks) <= slack).all():
            break
    return [re.sub(r"e([+-])0*(\d+)$", lambda m: f"e{m[1].strip('+')}{m[2]}", label) for label in labels]


def number_axis(axis: Any, ticks: int = 5, whole: bool = False) -> None:
    """Few ticks with ``tick_labels``; ``whole`` for counts."""
    from matplotlib.ticker import Formatter, MaxNLocator

    class Numbers(Formatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return self.format_ticks([x])[0]

        def format_ticks(self, values: Sequence[float]) -> list[str]:
            return [label.replace("-", "\N{MINUS SIGN}") for label in tick_labels(values)]

    steps = [1, 2, 5, 10] if whole else [1, 2, 2.5, 5, 10]
    axis.set_major_locator(MaxNLocator(ticks, steps=steps, integer=whole, min_n_ticks=1 if whole else 2))
    axis.set_major_formatter(Numbers())


# ---------------------------------------------------------------- colours


def limits(values: ArrayLike) -> tuple[float, float]:
    """Ends of a colour scale, low < high always: where all values are equal, a little around them."""
    found = np.asarray(values, np.float64).ravel()
    found = found[np.isfinite(found)]
    low, high = (float(found.min()), float(found.max())) if found.size else (0.0, 0.0)
    size = max(abs(low), abs(high))
    if high - low <= 1e-9 * size or high == low:
        pad = max(1e-3 * size, 0.1)
        return low - pad, high + pad
    return low, high


def color_map(name: str) -> Any:
    """The colour map itself, so that nobody asks pyplot for it."""
    import matplotlib

    return matplotlib.colormaps[name]


def color_bar(axes: Any, label: str, values: ArrayLike, cmap: str, *, whole: bool = False, under: float = 0.0) -> Any:
    """A colour bar as high as the axes beside it, or ``under`` axes heights below them.

    Returns the bar; its ``vmin`` and ``vmax`` are ``limits(values)``.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    low, high = limits(values)
    box = (0.1, -under, 0.8, 0.045) if under else (1.03, 0.0, 0.045, 1.0)
    bar = axes.figure.colorbar(
        ScalarMappable(Normalize(low, high), color_map(cmap)),
        cax=axes.inset_axes(box),
        orientation="horizontal" if under else "vertical",
    )
    bar.set_label(plain(label), size=LABEL_SIZE)
    bar.outline.set_linewidth(0.6)
    long = bar.ax.xaxis if under else bar.ax.yaxis
    number_axis(long, whole=whole)
    if np.unique(np.asarray(values, np.float64)).size == 1:
        bar.set_ticks([float(np.asarray(values).flat[0])])  # the only value there is
    return bar
