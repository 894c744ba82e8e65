"""Pictures of prompts: which tokens matter, how short good ones are, the map of an archive, where the winner came from.

The functions take plain data and give figures; tokens are shown as ``qd.view.prompt_text`` shows them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qd.errors import QDError
from qd.view.prompt_text import INK, LINES, MARGIN, drawable, shown
from qd.view.style import (
    EMPTY,
    LABEL_SIZE,
    LINE,
    NOTE,
    POINTS,
    TICK_SIZE,
    VALUE_MAP,
    WIDTH,
    color_bar,
    color_map,
    figure,
    limits,
    number_axis,
    plain,
    put_title,
    wrapped,
)

_ONE_SPACE = re.compile("(?<!·)·(?!·)")
_LEGEND_LINE = 12.0  # points of a line of a legend
_NAMED = 12  # cells that a legend names
_LISTED = 20  # tokens that stand beside their influence


# ---------------------------------------------------------------- influence of tokens


def influence_figure(
    words: Sequence[str], influence: ArrayLike, summary: Mapping[str, Any], top: float = 0.05, label: str = "influence"
) -> Any:
    """How unevenly tokens matter: their influences from the greatest to the least, and the share that the first hold.

    Args:
        words: v texts of tokens.
        influence: (v,) what each changes, of either sign; NaN is left out.
        summary: of the run, for the title.
        top: the share of tokens of which the title says how much they hold.
        label: what the influence is, with its unit.

    Raises:
        QDError: where the numbers do not fit together, or none is there.
    """
    values = np.asarray(influence, np.float64)
    if values.shape != (len(words),):
        raise QDError(f"influence_figure.influence: got shape {values.shape}, wanted ({len(words)},), one a token")
    there = np.flatnonzero(np.isfinite(values))
    if not len(there):
        raise QDError("influence_figure.influence: no token has a number; score the tokens first")
    order = there[np.argsort(-np.abs(values[there]), kind="stable")]
    size = np.abs(values[order])
    share = np.cumsum(size) / max(size.sum(), 1e-300)
    few = max(1, round(top * len(order)))
    rank = np.arange(1, len(order) + 1)
    fig = figure(4.6)
    grid = fig.add_gridspec(2, 2, height_ratios=(3, 2), width_ratios=(4, 1.35))
    upper = fig.add_subplot(grid[0, 0])
    lower, beside = fig.add_subplot(grid[1, 0], sharex=upper), fig.add_subplot(grid[:, 1])
    helps = values[order] >= 0
    edges = {"edgecolor": INK, "linewidth": 0.4} if len(order) <= 120 else {"linewidth": 0}
    for chosen, color, name in ((helps, LINE, "helps"), (~helps, "#e0b080", "hurts")):
        if chosen.any():
            upper.bar(rank[chosen], size[chosen], width=1.0, color=color, label=name, rasterized=len(order) > 2000,
                      **edges)  # fmt: skip
    _plain_axes(upper, lower)
    upper.set_ylabel(plain(f"|{label}|"), size=LABEL_SIZE)
    number_axis(upper.yaxis, 4)
    upper.tick_params(labelbottom=False)
    upper.legend(loc="upper right", fontsize=TICK_SIZE, framealpha=1.0, edgecolor="white")
    named = [
        f"{place + 1}  {shown(words[int(i)])[:16]}  {_signed(values[i])}" for place, i in enumerate(order[:_LISTED])
    ]
    beside.set_axis_off()
    beside.text(0, 1, drawable("\n".join(named)), transform=beside.transAxes, va="top", size=TICK_SIZE, linespacing=1.4)
    lower.plot(rank, 100 * share, color=INK, linewidth=1.4, drawstyle="steps-mid" if len(order) < 40 else "default")
    lower.axvline(few, color=NOTE, linewidth=0.8, linestyle="--")
    lower.plot([few], [100 * share[few - 1]], "o", color=LINE, markersize=5)
    lower.annotate(f"first {few}: {100 * share[few - 1]:.0f} %", (few, 100 * share[few - 1]),
                   (7, -11 if share[few - 1] > 0.35 else 10), textcoords="offset points", size=TICK_SIZE,
                   bbox={"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none"})  # fmt: skip
    lower.set(ylim=(0, 104), xlim=(0.4, len(order) + 0.6))
    lower.set_xlabel("tokens, by influence", size=LABEL_SIZE)
    lower.set_ylabel("share so far [%]", size=LABEL_SIZE)
    number_axis(lower.xaxis, 5, whole=True)
    number_axis(lower.yaxis, 4)
    fig.align_ylabels([upper, lower])
    put_title(fig, summary, f"the first {100 * top:.3g} % of {len(order):,} tokens hold {100 * share[few - 1]:.0f} % "
                            "of the influence")  # fmt: skip
    return fig


def _signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", "\N{MINUS SIGN}")


# ---------------------------------------------------------------- length


def lengths_figure(
    length: ArrayLike,
    value: ArrayLike,
    summary: Mapping[str, Any],
    winner: tuple[float, float] | None = None,
    base: tuple[float, float] | None = None,
    labels: tuple[str, str] = ("tokens of the prompt", "accuracy"),
) -> Any:
    """All evaluations of a run: how good prompts of which length are, the winner and the whole prompt marked.

    Args:
        length: (k,) of each prompt.
        value: (k,) how good it is, NaN where it is not known.
        summary: of the run, for the title.
        winner: length and value of the prompt that was chosen.
        base: those of the prompt that the search started from.
        labels: of the two axes.

    Raises:
        QDError: where the two are not equally long.
    """
    x, y = np.asarray(length, np.float64), np.asarray(value, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise QDError(f"lengths_figure: got lengths of shape {x.shape} and values of shape {y.shape}, wanted (k,) each")
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    fig = figure(4.2)
    axes = fig.add_subplot()
    _plain_axes(axes)
    size = float(np.clip(9000 / max(len(x), 1), 8, 26))
    axes.scatter(x, y, s=size, color=LINE, alpha=0.35 if len(x) > 60 else 0.7, linewidths=0, rasterized=True, zorder=2,
                 label=f"{len(x):,} evaluations")  # fmt: skip
    if len(x):
        lengths = np.unique(x)
        best = np.maximum.accumulate([y[x == one].max() for one in lengths])
        axes.plot(lengths, best, color=NOTE, linewidth=1.1, drawstyle="steps-post", zorder=1, label="best so short")
    for point, mark, name in ((base, "D", "whole prompt"), (winner, "*", "winner")):
        if point is not None:
            axes.plot([point[0]], [point[1]], mark, markersize=14 if mark == "*" else 8, markerfacecolor="white",
                      markeredgecolor=INK, markeredgewidth=1.4, linestyle="", zorder=4,
                      label=f"{name}: {point[0]:.4g}, {point[1]:.4g}")  # fmt: skip
    axes.margins(0.04, 0.07)
    axes.set_xlabel(plain(labels[0]), size=LABEL_SIZE)
    axes.set_ylabel(plain(labels[1]), size=LABEL_SIZE)
    number_axis(axes.xaxis)
    number_axis(axes.yaxis)
    fig.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=TICK_SIZE)
    put_title(fig, summary, f"{labels[1]} over {labels[0]}")
    return fig


# ---------------------------------------------------------------- a map of prompts


@dataclass(frozen=True)
class PromptMap:
    """The elites of an archive on a grid over two measures, with the text of each.

    Args:
        measures: (k, 2).
        objective: (k,).
        texts: k prompts.
        low: (2,) bounds of the grid.
        high: (2,).
        dims: cells along each measure.
        names: of the two measures.
        label: what the objective is.
    """

    measures: NDArray[np.float64]
    objective: NDArray[np.float64]
    texts: Sequence[str]
    low: Sequence[float]
    high: Sequence[float]
    dims: tuple[int, int]
    names: tuple[str, str]
    label: str = "objective"


def prompt_map_figure(prompts: PromptMap, summary: Mapping[str, Any], named: int = _NAMED) -> Any:
    """The map, its best cells numbered, and what their prompts say under it.

    Raises:
        QDError: where measures, objective and texts do not fit together.
    """
    from matplotlib.patches import Rectangle

    measures, objective = np.asarray(prompts.measures, np.float64), np.asarray(prompts.objective, np.float64)
    k = len(prompts.texts)
    if measures.shape != (k, 2) or objective.shape != (k,):
        raise QDError(f"prompt_map_figure: got measures {measures.shape}, objective {objective.shape} and {k} texts, "
                      f"wanted ({k}, 2), ({k},)")  # fmt: skip
    low, high, dims = np.asarray(prompts.low, np.float64), np.asarray(prompts.high, np.float64), prompts.dims
    step = (high - low) / dims
    width = WIDTH * POINTS - 2 * MARGIN
    order = np.argsort(-objective, kind="stable")[:named]
    legend = [_entry(place + 1, objective[i], prompts.texts[i], width) for place, i in enumerate(order)]
    lines = sum(entry.count("\n") + 1 for entry in legend)
    below = lines * _LEGEND_LINE + 10
    fig = figure(4.1 + below / POINTS)
    grid = fig.add_gridspec(2, 1, height_ratios=(4.1 * POINTS, below))
    axes, under = fig.add_subplot(grid[0]), fig.add_subplot(grid[1])
    axes.set_facecolor(EMPTY)
    ends = limits(objective)
    colors = color_map(VALUE_MAP)
    cells = np.clip(((measures - low) / step).astype(np.int64), 0, np.asarray(dims) - 1)
    ranks = {int(i): place + 1 for place, i in enumerate(order)}
    for i in range(k):
        color = colors((objective[i] - ends[0]) / (ends[1] - ends[0]))
        corner = low + cells[i] * step
        axes.add_patch(Rectangle(tuple(corner), *step, facecolor=color, edgecolor="white", linewidth=0.5))
        if i in ranks:
            light = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 0.5
            size = float(np.clip(3.2 * POINTS / max(dims) * 0.45, 5.0, 9.0))
            axes.text(*(corner + step / 2), str(ranks[i]), ha="center", va="center", size=size, weight="bold",
                      color=INK if light else "white")  # fmt: skip
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axes.set_xlabel(wrapped(prompts.names[0], 300, LABEL_SIZE), size=LABEL_SIZE)
    axes.set_ylabel(wrapped(prompts.names[1], 230, LABEL_SIZE), size=LABEL_SIZE)
    number_axis(axes.xaxis)
    number_axis(axes.yaxis)
    color_bar(axes, prompts.label, objective if k else [0.0], VALUE_MAP)
    count = f"{k:,} prompts in {dims[0] * dims[1]:,} cells"
    put_title(fig, summary, count + (f"; the best {len(order)} by number" if k > len(order) else ""))
    _legend(fig, under, legend)
    return fig


def _legend(fig: Any, under: Any, entries: Sequence[str]) -> None:
    """Lines of text where the axes ``under`` kept room for them, as wide as the figure."""
    under.set_axis_off()
    fig.text(MARGIN / (WIDTH * POINTS), under.get_position().y1, "\n".join(entries), va="top", ha="left",
             size=TICK_SIZE, linespacing=1.3)  # fmt: skip


def _entry(number: int, objective: float, text: str, width: float) -> str:
    """A line or two of the legend; the width of matplotlib's own text differs a little from what is measured."""
    words = _ONE_SPACE.sub(" ", shown(text))  # lines break between words; several spaces stay seen
    return wrapped(f"{number} ({objective:.4g})  {words}", 0.94 * width, TICK_SIZE, lines=2)


# ---------------------------------------------------------------- where the winner came from


@dataclass(frozen=True)
class Ancestor:
    """One step on the way to the winner.

    Args:
        evaluation: its number.
        objective: its objective.
        length: tokens of its prompt.
        dropped: the tokens that its parent had and it has not.
        added: the tokens that it has and its parent had not.
    """

    evaluation: int
    objective: float
    length: int
    dropped: Sequence[str] = ()
    added: Sequence[str] = ()


def ancestors(
    winner: int,
    ids: Sequence[int],
    parents: Mapping[int, int],
    masks: ArrayLike,
    objective: ArrayLike,
    words: Sequence[str],
) -> list[Ancestor]:
    """The line from the first known ancestor to the winner, by first parents.

    Args:
        winner: its evaluation number.
        ids: n evaluation numbers.
        parents: evaluation number -> that of its first parent, -1 or absent where it has none.
        masks: (n, d) which tokens each keeps.
        objective: (n,).
        words: d texts of tokens.

    Raises:
        QDError: where the winner is not among the evaluations.
    """
    rows = {int(number): row for row, number in enumerate(ids)}
    kept, values = np.asarray(masks).astype(bool), np.asarray(objective, np.float64)
    if winner not in rows:
        raise QDError(f"ancestors.winner: evaluation {winner} is not among the {len(rows)} given")
    line = [winner]
    while (parent := int(parents.get(line[-1], -1))) in rows and parent not in line:
        line.append(parent)
    made: list[Ancestor] = []
    before = None
    for number in reversed(line):
        mask = kept[rows[number]]
        gone: list[str] = [] if before is None else [words[int(i)] for i in np.flatnonzero(before & ~mask)]
        new: list[str] = [] if before is None else [words[int(i)] for i in np.flatnonzero(~before & mask)]
        made.append(Ancestor(number, float(values[rows[number]]), int(mask.sum()), gone, new))
        before = mask
    return made


def lineage_figure(line: Sequence[Ancestor], summary: Mapping[str, Any], label: str = "objective") -> Any:
    """Objective and length along the ancestors of the winner, and the tokens that each step dropped or put back.

    Raises:
        QDError: for an empty line.
    """
    if not line:
        raise QDError("lineage_figure.line: got no ancestors; see ancestors(winner, ...)")
    width = WIDTH * POINTS - 2 * MARGIN
    entries = [_step(number, one, width) for number, one in enumerate(line) if one.dropped or one.added]
    left = len(entries) - LINES // 2
    if left > 0:
        entries = [*entries[: LINES // 2], f"… and {left} more steps"]
    below = sum(entry.count("\n") + 1 for entry in entries) * _LEGEND_LINE + 10
    fig = figure(3.4 + below / POINTS)
    grid = fig.add_gridspec(3, 1, height_ratios=(1.7 * POINTS, 1.4 * POINTS, below))
    upper = fig.add_subplot(grid[0])
    lower = fig.add_subplot(grid[1], sharex=upper)
    under = fig.add_subplot(grid[2])
    _plain_axes(upper, lower)
    steps = np.arange(len(line))
    for axes, values, name in (
        (upper, [one.objective for one in line], label),
        (lower, [one.length for one in line], "tokens kept"),
    ):
        axes.plot(steps, values, color=LINE, linewidth=1.5, marker="o" if len(line) <= 60 else "", markersize=3.5)
        axes.set_ylabel(wrapped(name, 95, LABEL_SIZE), size=LABEL_SIZE)
        axes.margins(0.03, 0.12)
        number_axis(axes.yaxis, 4, whole=name == "tokens kept")
    upper.tick_params(labelbottom=False)
    lower.set_xlabel("step from the first ancestor to the winner", size=LABEL_SIZE)
    number_axis(lower.xaxis, 6, whole=True)
    fig.align_ylabels([upper, lower])
    put_title(fig, summary, f"{len(line) - 1:,} steps to the winner, evaluation {line[-1].evaluation:,}: "
                            f"{line[0].length} to {line[-1].length} tokens")  # fmt: skip
    _legend(fig, under, entries)
    return fig


def _step(number: int, one: Ancestor, width: float) -> str:
    parts = [f"\N{MINUS SIGN} {' | '.join(map(shown, one.dropped))}" if one.dropped else "",
             f"+ {' | '.join(map(shown, one.added))}" if one.added else ""]  # fmt: skip
    return wrapped(f"{number} ({one.objective:.4g})  {'   '.join(part for part in parts if part)}", 0.94 * width,
                   TICK_SIZE, lines=2)  # fmt: skip


def _plain_axes(*several: Any) -> None:
    for axes in several:
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=TICK_SIZE)


__all__ = [
    "Ancestor",
    "PromptMap",
    "ancestors",
    "influence_figure",
    "lengths_figure",
    "lineage_figure",
    "prompt_map_figure",
]
