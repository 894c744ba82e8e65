"""From the probabilities of one prompt on its examples to one number, to be maximised.

``reward`` is the piecewise margin of RLPrompt (Deng et al. 2022, https://arxiv.org/abs/2205.12548) as PromptQuine uses
it (Wang et al. 2025, https://arxiv.org/abs/2506.17930): far finer than accuracy on a few examples. It and ``accuracy``
pay for the right decision at equal probabilities, so mending a prompt's lean towards one class counts as progress. The
calibrated ones do not: each class's median log-probability over the examples is taken off first, which a threshold
could do without any search (no labels are read for it, but classes are taken to be equally frequent). ``auc`` asks only
whether examples are in the right order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_RIGHT, _WRONG = 200.0, 180.0
_LEAST = 1e-12

Objective = Callable[[NDArray[np.float64], NDArray[np.int64]], float]


def margins(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(k,) probability of the true class less that of the likeliest other."""
    rows = np.arange(len(labels))
    others = probabilities.copy()
    others[rows, labels] = -np.inf
    gaps: NDArray[np.float64] = probabilities[rows, labels] - others.max(axis=1)
    return gaps


def reward(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean over the examples of 200 times the margin where it is above 0, else 180 times.

    >>> reward(np.array([[0.9, 0.1], [0.7, 0.3]]), np.array([0, 1])).__round__(6)
    44.0
    """
    gaps = margins(probabilities, labels)
    return float(np.where(gaps > 0, _RIGHT * gaps, _WRONG * gaps).mean())


def accuracy(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Share of examples whose likeliest class is the true one; ties count for the first class."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def log_likelihood(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean log-probability of the true class [nat]."""
    return float(np.log(np.maximum(probabilities[np.arange(len(labels)), labels], _LEAST)).mean())


def calibrated(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, C) probabilities after each class's median log-probability is taken off; no labels are read."""
    logs = np.log(np.maximum(probabilities, _LEAST))
    centred = logs - np.median(logs, axis=0)
    shifted = np.exp(centred - centred.max(axis=1, keepdims=True))
    made: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return made


def calibrated_reward(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """``reward`` after calibration."""
    return reward(calibrated(probabilities), labels)


def calibrated_accuracy(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """``accuracy`` after calibration."""
    return accuracy(calibrated(probabilities), labels)


def auc(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean over the classes of the chance that one of the class is given it more than one of another; ties count half.

    A class that is missing among the labels, or is all of them, is left out; 0.5 where all are.
    """
    areas = []
    for k in range(probabilities.shape[1]):
        inside = labels == k
        if inside.any() and not inside.all():
            apart = probabilities[inside, k][:, None] - probabilities[~inside, k][None, :]
            areas.append(float((np.sign(apart) / 2 + 0.5).mean()))
    return float(np.mean(areas)) if areas else 0.5


OBJECTIVES: dict[str, Objective] = {
    "reward": reward,
    "calibrated_reward": calibrated_reward,
    "log_likelihood": log_likelihood,
    "auc": auc,
    "calibrated_accuracy": calibrated_accuracy,
    "accuracy": accuracy,
}
"""Name -> objective. The first is what searches maximise, the last what they are chosen by, unless said otherwise."""
