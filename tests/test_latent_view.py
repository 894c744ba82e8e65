"""Pictures of latents and of over-optimisation hold what they are given."""

from __future__ import annotations

import numpy as np
import pytest

from qd.view.latent_plots import Drawn, strips_figure
from qd.view.over_optimisation import arms_figure, over_optimisation_figure

pytestmark = pytest.mark.drawing


def saved(figure, tmp_path):
    figure.savefig(tmp_path / "drawn.png")  # text and axes are laid out here
    assert (tmp_path / "drawn.png").stat().st_size > 5000
    return figure


def test_peaks_are_marked_where_gold_is_highest(tmp_path):
    x = np.linspace(0.5, 4, 8)
    gold = -((x - 2) ** 2)[None] + np.array([[1.0], [3.0]])
    both = {rho: {"gold": gold, "kl": (1 + rho) * np.stack([x, x])} for rho in (0.0, 0.5)}
    alone = {rho: {"gold": gold, "proxies": np.stack([x, -x], axis=1)[None] + rho} for rho in (0.0, 0.5)}
    left, right = saved(over_optimisation_figure(both, alone), tmp_path).axes
    marks = [line.get_xydata()[0].tolist() for line in left.lines if line.get_marker() == "o"]
    assert marks == [[2.0, 2.0], [3.0, 2.0]]  # the mean of both learners
    assert [line.get_xydata()[0].tolist() for line in right.lines if line.get_marker() == "o"] == [[2, 2], [2.5, 2]]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["0", "0.5"]


def test_arms_show_every_run_and_their_mean(tmp_path):
    arms = {"weights $x$": np.array([0.0, 1.0, 2.0]), "thresholds": np.array([2.0, 2.5])}
    (axes,) = saved(arms_figure(arms, "gold", "equal steps", 1.0), tmp_path).axes
    dots = [line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "o"]
    means = [line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "D"]
    assert dots == [[0, 1, 2], [2, 2.5]] and means == [[1.0], [2.25]]
    half = axes.collections[0].get_segments()[0]
    assert half[1, 0] - half[0, 0] == pytest.approx(2 * 4.302652730 / np.sqrt(3))  # t of two degrees of freedom


def test_strips_have_a_row_an_arm_and_both_scores_below(tmp_path):
    rng = np.random.default_rng(0)
    arms = {
        "best of N": Drawn(rng.random((3, 8, 8)), np.array([1.0, 2.0, 3.0]), np.array([0.0, -1.26, 5.0])),
        "ES": Drawn(rng.random((2, 8, 8)), np.array([4.0, 5.0]), np.array([6.0, 7.0])),
    }
    axes = saved(strips_figure(arms, "Digits"), tmp_path).axes
    assert len(axes) == 6 and [one.get_ylabel() for one in axes[::3]] == ["best of N", "ES"]
    assert axes[1].get_xlabel() == "2.0 / -1.3" and axes[5].get_xlabel() == ""
    np.testing.assert_array_equal(axes[4].images[0].get_array(), arms["ES"].pictures[1])
