"""Which elites of an archive become parents, beyond an even draw: weights an elite, and draws by them.

drawn, entered: per elite, how often it was the parent of a child, and how many of those children got into the archive.
The two counts are all that curiosity, the upper confidence bound and the fewest draws need; whoever keeps an archive
keeps them, and starts them at 0 when another elite takes the cell.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ENTERED, REFUSED = 1.0, -0.5  # curiosity that a child earns its parent
_LEAST = 0.01  # share of the largest weight that the least promising elite keeps: nobody is given up for good


def _counts(drawn: ArrayLike, entered: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    tries, hits = np.asarray(drawn, np.float64), np.asarray(entered, np.float64)
    if tries.ndim != 1 or tries.shape != hits.shape:
        raise ValueError(f"drawn of shape {tries.shape}, entered of shape {hits.shape} given, (n,) wanted for both")
    if len(tries) and not (hits.min() >= 0 and (hits <= tries).all()):
        raise ValueError("counts given where entered is below 0 or above drawn: a child enters once or not at all")
    return tries, hits


def proportional(weights: ArrayLike, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Indices (count,) drawn with replacement in proportion to weights (n,) of at least 0; evenly where all are 0.

    ValueError for no weights, or some that are negative or not finite.
    """
    share = np.asarray(weights, np.float64)
    if share.ndim != 1 or len(share) == 0:
        raise ValueError(f"weights of shape {share.shape} given, (n,) wanted, n at least 1")
    if not (np.isfinite(share).all() and share.min() >= 0):
        raise ValueError("weights that are negative or not finite given, finite ones of at least 0 wanted")
    if count < 0:
        raise ValueError(f"count {count} given, at least 0 wanted")
    edges = np.cumsum(share / share.max() if share.max() > 0 else np.ones(len(share)))
    last = int(np.flatnonzero(np.diff(edges, prepend=0.0))[-1])  # the last that can be drawn at all
    return np.minimum(np.searchsorted(edges, rng.random(count) * edges[-1], "right"), last)


def curiosity_weights(drawn: ArrayLike, entered: ArrayLike) -> NDArray[np.float64]:
    """Weights (n,) by curiosity score: 1 for each child that entered the archive, -0.5 for each that did not.

    Cully and Demiris 2018, https://arxiv.org/abs/1708.09251. Scores may fall below 0; the weight is the
    distance above the lowest one, plus a hundredth of the largest, so that every elite can be drawn.
    """
    tries, hits = _counts(drawn, entered)
    return _lifted(ENTERED * hits + REFUSED * (tries - hits))


def objective_weights(objective: ArrayLike) -> NDArray[np.float64]:
    """Weights (n,) by objective (n,): the distance above the lowest, plus a hundredth of the largest distance."""
    return _lifted(np.asarray(objective, np.float64))


def rank_weights(objective: ArrayLike) -> NDArray[np.float64]:
    """Weights (n,) by rank of objective (n,): 1 for the worst, n for the best; equal ones share the mean."""
    values = np.asarray(objective, np.float64)
    _, at, how_many = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(how_many) - (how_many - 1) / 2.0)[at]


def _lifted(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise ValueError(f"scores of shape {scores.shape} given that are not all finite, or not (n,)")
    if len(scores) == 0:
        return scores
    above = scores - scores.min()
    return above + (_LEAST * above.max() if above.max() > 0 else 1.0)


def upper_confidence(
    drawn: ArrayLike, entered: ArrayLike, rng: np.random.Generator, count: int, exploration: float = 1.0
) -> NDArray[np.int64]:
    """The `count` elites of the highest upper confidence bound, again from the top where there are fewer.

    Sfikas, Liapis and Yannakakis 2021 choose the parents of MAP-Elites so (https://arxiv.org/abs/2104.08781), by
    UCB1 of Auer, Cesa-Bianchi and Fischer 2002 (https://doi.org/10.1023/A:1013689704352): entered / drawn + exploration
    sqrt(2 ln(sum of drawn) / drawn), infinite for an elite that was never a parent; equal ones by lot. A batch takes
    the top so many, where the bandit would take one and look again.
    """
    tries, hits = _counts(drawn, entered)
    if len(tries) == 0:
        raise ValueError("the best of no elites was asked for: add solutions first")
    at_least_one = np.maximum(tries, 1.0)
    bound = hits / at_least_one + exploration * np.sqrt(2.0 * np.log(max(tries.sum(), 1.0)) / at_least_one)
    bound[tries == 0] = np.inf
    return _top(-bound, rng, count)


def fewest(drawn: ArrayLike, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """The `count` elites that were parents least often, again from the top where there are fewer; equal ones by lot."""
    tries = np.asarray(drawn, np.float64)
    if tries.ndim != 1 or len(tries) == 0:
        raise ValueError(f"drawn of shape {tries.shape} given, (n,) wanted, n at least 1")
    return _top(tries, rng, count)


def _top(cost: NDArray[np.float64], rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    if count < 0:
        raise ValueError(f"count {count} given, at least 0 wanted")
    lots = rng.permutation(len(cost))
    order = lots[np.argsort(cost[lots], kind="stable")]
    return np.resize(order, count)
