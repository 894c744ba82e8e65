"""Pictures of over-optimisation: gold over what optimising costs and over a proxy, and arms with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.view.style import LINE, NOTE, TITLE_SIZE, VALUE_MAP, color_map, figure, number_axis, plain, style

Array = NDArray[np.float64]


Courses = Mapping[float, Mapping[str, Array]]  # correlation -> columns of n learners


def over_optimisation_figure(both: Courses, alone: Courses) -> Any:
    """Gold over the divergence from the first policy, and over a proxy that alone is paid; a line a correlation.

    Args:
        both: correlation -> the columns ``gold`` (n, p) and ``kl`` (n, p) of n learners that are paid for both proxies;
            a line is their mean, and its highest point is marked.
        alone: the same with ``gold`` and ``proxies`` (n, p, 2), of learners that are paid for the first proxy alone.
    """
    with style():
        fig = figure(3.2)
        left, right = fig.subplots(1, 2, sharey=True)
        _lines(left, {one: (columns["kl"].mean(axis=0), columns["gold"].mean(axis=0)) for one, columns in both.items()})
        _lines(right, {one: (columns["proxies"].mean(axis=0)[:, 0], columns["gold"].mean(axis=0))
                       for one, columns in alone.items()})  # fmt: skip
        left.set_xlabel("KL from the first policy [nat]\nboth proxies are paid")
        right.set_xlabel("mean of the first proxy\nit alone is paid")
        left.set_ylabel("gold")
        left.set_ylim(bottom=max(-1.0, left.get_ylim()[0]))
        number_axis(left.yaxis)
        right.legend(title="correlation", frameon=False, fontsize="small", title_fontsize="small")
        fig.suptitle("What was meant, while a learner is paid for proxies", fontsize=TITLE_SIZE)
        return fig


def _lines(axes: Any, courses: Mapping[float, tuple[Array, Array]]) -> None:
    """A line from (0, 0) through each course (p,), (p,), and a mark where it is highest."""
    colors = color_map(VALUE_MAP)(np.linspace(0.0, 0.85, len(courses)))
    for color, (correlation, (x, gold)) in zip(colors, sorted(courses.items()), strict=True):
        axes.plot(np.append(0.0, x), np.append(0.0, gold), color=color, linewidth=1.4, label=f"{correlation:g}")
        top = int(gold.argmax())
        axes.plot(x[top], gold[top], "o", color=color, markersize=5)
    axes.axhline(0, color=NOTE, linewidth=0.6)
    number_axis(axes.xaxis)


def arms_figure(arms: Mapping[str, Array], label: str, title: str, reference: float | None = None) -> Any:
    """A dot a run and the mean with its 95 % t interval, a row an arm.

    Args:
        arms: name -> (runs,) numbers, at least two.
        label: what they are.
        title: above.
        reference: a line to compare with.
    """
    from scipy.stats import t

    with style():
        fig = figure(0.9 + 0.28 * len(arms))
        axes = fig.subplots()
        for row, (_, values) in enumerate(arms.items()):
            n = len(values)
            axes.plot(values, np.full(n, row), "o", color=LINE, alpha=0.3, markersize=4, markeredgewidth=0)
            half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
            axes.errorbar(values.mean(), row, xerr=half, fmt="D", color=NOTE, markersize=4, capsize=3, linewidth=1.2)
        axes.set_yticks(range(len(arms)), [plain(name) for name in arms])
        axes.set_ylim(len(arms) - 0.5, -0.5)
        axes.set_xlabel(plain(label))
        if reference is not None:
            axes.axvline(reference, color=NOTE, linewidth=0.6, linestyle="--")
        number_axis(axes.xaxis)
        axes.set_title(plain(title))
        return fig
