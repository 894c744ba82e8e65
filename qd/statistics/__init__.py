"""Statistics over independent runs: what a few seeds allow to say, and how surely.

After Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
https://arxiv.org/abs/2108.13264: the interquartile mean in place of means and medians, intervals by a bootstrap that
resamples the runs of each task by themselves, profiles, and probabilities of improvement. Their package rliable needs
arch and seaborn and draws from numpy's global generator; these are a few lines of numpy each, reproducible, and the
tests compare them with rliable and scipy.

Scores are (n,) numbers of n runs of one task; an (n, t) array of n runs of each of t tasks; or a list of (n_i,) arrays
or lists, one a task, where tasks have different numbers of runs. Higher is taken to be better.
"""

from qd.statistics.aggregates import AGGREGATES, iqm, mean, median, optimality_gap
from qd.statistics.bootstrap import bootstrap_interval, resampled
from qd.statistics.curves import area_under, at, mean_height
from qd.statistics.improvement import improvement_interval, probability_of_improvement
from qd.statistics.profiles import profile, profile_band
from qd.statistics.significance import Test, holm, mann_whitney

__all__ = [
    "AGGREGATES",
    "Test",
    "area_under",
    "at",
    "bootstrap_interval",
    "holm",
    "improvement_interval",
    "iqm",
    "mann_whitney",
    "mean",
    "mean_height",
    "median",
    "optimality_gap",
    "probability_of_improvement",
    "profile",
    "profile_band",
    "resampled",
]
