"""Pictures of a comparison: curves with bands, performance profiles, probabilities of improvement. Grey is enough."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qd.comparison.compared import ALL, Comparison
from qd.errors import QDError
from qd.statistics.aggregates import iqm_of
from qd.statistics.bootstrap import resampled
from qd.statistics.profiles import profile, profile_band
from qd.statistics.scores import Array
from qd.store.files import write_atomic
from qd.view.style import (
    DPI,
    LABEL_SIZE,
    NOTE,
    NOTE_SIZE,
    POINTS,
    WIDTH,
    figure,
    number_axis,
    plain,
    style,
    text_width,
    wrapped,
)

FORMATS = ("pdf", "svg", "png")
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#404040")  # Okabe and Ito
_DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (8, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)
_MARKERS = "osD^vPX*"
_PLACES = 100  # of a curve
_REPS = 1_000  # resamples of a band
_MARKS = 6  # markers a line


def draw(comparison: Comparison, out: str | Path) -> list[Path]:
    """Draw ``curves``, ``profiles`` and ``improvement``, each as PDF, SVG and PNG; returns the files.

    Args:
        comparison: of ``qd.compare``.
        out: the folder.

    Raises:
        QDError: the folder cannot be written.
    """
    files = []
    with style():
        for name, fig in _figures(comparison):
            for form in FORMATS:
                files.append(Path(out) / f"{name}.{form}")
                _save(fig, files[-1], form)
    return files


def _figures(comparison: Comparison) -> Iterator[tuple[str, Any]]:
    yield "curves", curves_figure(comparison)
    yield "profiles", profiles_figure(comparison)
    if len(comparison.groups) > 1:
        yield "improvement", improvement_figure(comparison)


def _save(fig: Any, path: Path, form: str) -> None:
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[form]
    buffer = io.BytesIO()
    fig.savefig(buffer, format=form, dpi=DPI, metadata=metadata)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, buffer.getvalue(), sync=False)
    except OSError as error:
        raise QDError(f"{path.parent}: figures cannot be written there: {error.strerror or error}") from error


def curves_figure(comparison: Comparison) -> Any:
    """Each group's interquartile mean over evaluations with its band; a row a metric, a column a problem."""
    settings = comparison.settings
    rows, columns = len(settings.metrics), len(comparison.problems)
    fig = figure(1.75 * rows + 0.45 + _legend_height(comparison))
    table = fig.subplots(rows, columns, sharex="col", squeeze=False)
    for t, problem in enumerate(comparison.problems):
        places = np.linspace(comparison.starts[t], comparison.ends[t], _PLACES)
        for r, metric in enumerate(settings.metrics):
            axes = table[r, t]
            for g in range(len(comparison.groups)):
                middle, low, high = _band(comparison.curves(metric, g, t, places), settings.level, settings.seed)
                axes.plot(places, middle, drawstyle="steps-post", **_line(g), markevery=_marks(g, _PLACES))
                axes.fill_between(
                    places, low, high, step="post", color=_COLORS[g % len(_COLORS)], alpha=0.18, linewidth=0
                )
            _tidy(axes)
            if t == 0:
                axes.set_ylabel(plain(_words(metric)))
            if r == 0 and columns > 1:
                axes.set_title(wrapped(problem, 5.0 * POINTS / columns, NOTE_SIZE, 2))
        table[-1, t].set_xlabel(plain(settings.over))
        number_axis(table[-1, t].xaxis, 5 if columns == 1 else 3, whole=True)
    fig.align_ylabels(table[:, 0])
    _legend(fig, comparison)
    return fig


def _band(curves: Array, level: float, seed: int) -> tuple[Array, Array, Array]:
    """(k,) interquartile mean and both ends at each place of (n, k) curves; NaN where a run has no number."""
    known = ~np.isnan(curves).any(axis=0)
    some = curves[:, known]
    middle, low, high = (np.full(curves.shape[1], np.nan) for _ in range(3))
    if not known.any():
        return middle, low, high
    middle[known] = iqm_of([some.T])
    if len(curves) > 1:
        rows = resampled(np.arange(len(curves)), _REPS, seed)[0].astype(np.int64)  # whole runs are drawn, not points
        drawn = iqm_of([np.moveaxis(some[rows], 1, 2)])  # (reps, k)
        low[known], high[known] = np.percentile(drawn, [50 * (1 - level), 50 * (1 + level)], axis=0)
    return middle, low, high


def profiles_figure(comparison: Comparison) -> Any:
    """The share of each group's runs above a threshold, over it; a row a metric, a column a problem."""
    settings = comparison.settings
    rows, columns = len(settings.metrics), len(comparison.problems)
    fig = figure(1.75 * rows + 0.3 + _legend_height(comparison))
    table = fig.subplots(rows, columns, squeeze=False)
    for t, problem in enumerate(comparison.problems):
        for r, metric in enumerate(settings.metrics):
            axes = table[r, t]
            scores = [comparison.scores(metric, g, t) for g in range(len(comparison.groups))]
            together = np.concatenate(scores)
            if together.size:
                span = max(float(np.ptp(together)), 1e-9 * max(1.0, float(np.abs(together).max())))
                taus = np.linspace(together.min() - 0.05 * span, together.max() + 0.05 * span, 2 * _PLACES)
                for g, runs in enumerate(scores):
                    if runs.size:
                        _profile(axes, runs, taus, g, settings.level, settings.seed)
            _tidy(axes)
            axes.set_ylim(-0.03, 1.03)
            axes.set_xlabel(plain(_words(metric)))
            number_axis(axes.xaxis, 5 if columns == 1 else 3)
            if t == 0:
                axes.set_ylabel("share of runs above")
            if r == 0 and columns > 1:
                axes.set_title(wrapped(problem, 5.0 * POINTS / columns, NOTE_SIZE, 2))
    _legend(fig, comparison)
    return fig


def _profile(axes: Any, runs: Array, taus: Array, g: int, level: float, seed: int) -> None:
    axes.plot(taus, profile(runs, taus), drawstyle="steps-post", **_line(g), markevery=_marks(g, len(taus)))
    if runs.size > 1:
        low, high = profile_band(runs, taus, level, _REPS, seed)
        axes.fill_between(taus, low, high, step="post", color=_COLORS[g % len(_COLORS)], alpha=0.15, linewidth=0)


def improvement_figure(comparison: Comparison) -> Any:
    """The probability that a run scores higher than one of the baseline, with its interval; a panel a metric."""
    settings = comparison.settings
    over_all = ALL if len(comparison.problems) > 1 else comparison.problems[0]
    rows = [row for row in comparison.rows if row.problem == over_all and row.improvement == row.improvement]
    labels = [group.label for group in comparison.groups if group.label != settings.baseline]
    fig = figure(max(1.5, (0.24 * len(labels) + 0.35) * len(settings.metrics) + 0.75))
    stack = fig.subplots(len(settings.metrics), 1, sharex=True, squeeze=False)[:, 0]
    for axes, metric in zip(stack, settings.metrics, strict=True):
        for row in (row for row in rows if row.metric == metric):
            y, (low, high) = labels.index(row.group), row.improvement_interval
            axes.plot([low, high], [y, y], color="black", linewidth=1.6, solid_capstyle="butt")
            axes.plot([row.improvement], [y], "o", color="black", markersize=5)
        axes.axvline(0.5, color=NOTE, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.set_yticks(range(len(labels)), [wrapped(label, 2.1 * POINTS, LABEL_SIZE, 2) for label in labels])
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.02)
        axes.set_title(plain(_words(metric)), loc="left")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.grid(True, axis="x", color="#dddddd", linewidth=0.6)
    stack[-1].set_xlabel(
        wrapped(f"P(a run scores higher than one of {settings.baseline})", 5.5 * POINTS, LABEL_SIZE, 2)
    )
    return fig


def _line(g: int) -> dict[str, Any]:
    return {
        "color": _COLORS[g % len(_COLORS)],
        "linestyle": _DASHES[g % len(_DASHES)],
        "marker": _MARKERS[g % len(_MARKERS)],
        "linewidth": 1.5,
        "markersize": 4,
        "markeredgecolor": "white",
        "markeredgewidth": 0.4,
    }


def _marks(g: int, places: int) -> tuple[int, int]:
    """First marker and step, so that groups' markers do not lie on each other."""
    step = places // _MARKS
    return (step // 4 + g * step // 5) % step, step


def _words(metric: str) -> str:
    return {"qd_score": "QD score", "moqd_score": "MOQD score"}.get(metric, metric.replace("_", " "))


def _tidy(axes: Any) -> None:
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.02, y=0.08)
    number_axis(axes.yaxis, 4)


def _legend_columns(comparison: Comparison) -> int:
    handle = 7 * NOTE_SIZE  # and the gaps beside it
    widest = handle + max(text_width(label, NOTE_SIZE) for label in _legend_labels(comparison))
    return max(1, min(len(comparison.groups), int((WIDTH - 0.2) * POINTS / widest)))


def _legend_labels(comparison: Comparison) -> list[str]:
    return [wrapped(f"{group.label} (n={_runs(group)})", 4.5 * POINTS, NOTE_SIZE, 1) for group in comparison.groups]


def _legend_height(comparison: Comparison) -> float:
    lines = -(-len(comparison.groups) // _legend_columns(comparison))
    return 0.2 * lines + 0.1


def _legend(fig: Any, comparison: Comparison) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **_line(g)) for g in range(len(comparison.groups))]
    fig.legend(handles, _legend_labels(comparison), loc="outside upper center", ncols=_legend_columns(comparison),
               frameon=False, fontsize=NOTE_SIZE, handlelength=3.2)  # fmt: skip


def _runs(group: Any) -> str:
    sizes = sorted({len(task) for task in group.tasks})
    return str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
