"""Over-optimisation: what is true against what is rewarded, for one search or several.

As in Gao, Schulman and Hilton 2023 (https://arxiv.org/abs/2210.10760): a proxy is maximised and goes on rising, while
what it stands for turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qd.errors import QDError
from qd.view.style import LABEL_SIZE, NOTE_SIZE, figure, plain, style

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#404040", "#8c564b")
_BAND = 0.18  # opacity of intervals


@dataclass(frozen=True, eq=False)
class GoldProxy:
    """The curves of one arm.

    Args:
        steps: (t,) how far the policies were optimised: evaluations, generations, KL divergence.
        gold: (s, t) what is true, a row a seed; or (t,).
        proxy: the same of what was rewarded; None where arms have no common proxy.
    """

    steps: ArrayLike
    gold: ArrayLike
    proxy: ArrayLike | None = None

    def __post_init__(self) -> None:
        steps = np.asarray(self.steps, np.float64)
        for name in ("gold", "proxy"):
            given = getattr(self, name)
            if given is None:
                continue
            values = np.atleast_2d(np.asarray(given, np.float64))
            if values.shape[1:] != steps.shape:
                raise QDError(f"GoldProxy.{name}: got shape {values.shape} for {len(steps)} steps, wanted (s, t)")
            object.__setattr__(self, name, values)
        object.__setattr__(self, "steps", steps)


def plot_gold_proxy(arms: Mapping[str, GoldProxy], title: str = "", unit: str = "evaluations of policies") -> Any:
    """A figure with what is true (full lines) and what was rewarded (dashes) over the steps; and one over the other.

    Lines are means over seeds, bands their 95 % intervals (Student's t). The right picture shows the same as paths from
    the first step, a ring, to the last, a dot; an arm without a proxy is left out of it.

    Args:
        arms: name -> curves; several are told apart by colour.
        title: above the picture.
        unit: what the steps count.
    """
    if not arms:
        raise QDError("plot_gold_proxy: got no arms, wanted at least one")
    with style():
        fig = figure(3.6 + 0.18 * ((len(arms) + 1) // 2))
        over, against = fig.subplots(1, 2)
        for number, (name, arm) in enumerate(arms.items()):
            colour = _COLOURS[number % len(_COLOURS)]
            gold, low, high = interval(np.asarray(arm.gold))
            steps = np.asarray(arm.steps)
            over.plot(steps, gold, color=colour, lw=1.5, label=plain(name))
            over.fill_between(steps, low, high, color=colour, alpha=_BAND, lw=0)
            if arm.proxy is None:
                continue
            proxy = interval(np.asarray(arm.proxy))[0]
            over.plot(steps, proxy, color=colour, lw=1.0, ls=(0, (3, 2)))
            against.plot(proxy, gold, color=colour, lw=1.2)
            ends = np.flatnonzero(np.isfinite(proxy) & np.isfinite(gold))[[0, -1]]  # an arm may end early
            for place, face in zip(ends, ("white", colour), strict=True):
                against.plot(proxy[place], gold[place], "o", color=colour, mfc=face, ms=4)
        over.set_xlabel(plain(unit))
        over.set_ylabel("true (full) and rewarded (dashes)")
        against.set_xlabel("rewarded")
        against.set_ylabel("true")
        low, high = against.get_xlim()
        against.axline((low, low), slope=1, color="#b0b0b0", lw=0.8, ls=":", zorder=0)
        against.set_xlim(low, high)
        handles, labels = over.get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=NOTE_SIZE, frameon=False)
        if title:
            fig.suptitle(plain(title), fontsize=LABEL_SIZE + 1)
    return fig


def interval(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(t,) mean, and lower and upper end of the 95 % interval of the mean over (s, t); all the same for one seed.

    Steps that a seed did not reach are NaN and left out.
    """
    from scipy.stats import t as student

    count = np.isfinite(values).sum(axis=0)
    filled = np.where(np.isfinite(values), values, 0.0)
    mean = filled.sum(axis=0) / np.where(count > 0, count, np.nan)
    squares = np.where(np.isfinite(values), (values - mean) ** 2, 0.0).sum(axis=0)
    error = np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1))
    half = np.where(count > 1, student.ppf(0.975, np.maximum(count - 1, 1)) * error, 0.0)
    return mean, mean - half, mean + half


__all__ = ["GoldProxy", "interval", "plot_gold_proxy"]
