"""Which tokens ClaPS searches over: clusters of embeddings, a score for each, and what lies above a percentile."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

_LLOYD_STEPS = 10  # of k-means; the survivors are the tokens nearest to the centroids, which settle early


def nearest_to_centroids(embeddings: NDArray[np.float32], clusters: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """The tokens nearest to the centroids of k-means over embeddings (alphabet, h), rising; equal ones are one.

    The centroids start at tokens drawn from ``rng``.
    """
    from scipy.cluster.vq import kmeans2, vq

    begin = embeddings[rng.choice(len(embeddings), clusters, replace=False)]
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # an empty cluster keeps its centroid, and that has a nearest token
        centroids = kmeans2(embeddings, begin, iter=_LLOYD_STEPS, minit="matrix")[0]
    return np.unique(vq(centroids, embeddings)[0]).astype(np.int32)


def divergence(probabilities: NDArray[np.float64], empty: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) mean over examples of KL(row || empty) of class probabilities (n, E, C) and (E, C).

    Examples with NaN are left out.
    """
    tiny = np.finfo(np.float64).tiny
    terms = probabilities * (np.log(np.maximum(probabilities, tiny)) - np.log(np.maximum(empty, tiny)))
    each = terms.sum(axis=2)  # (n, E)
    judged = np.isfinite(each)
    with np.errstate(invalid="ignore"):  # no example judged: NaN
        means: NDArray[np.float64] = np.where(judged, each, 0.0).sum(axis=1) / judged.sum(axis=1)
    return means


def above(scores: NDArray[np.float64], percentile: float) -> NDArray[np.int64]:
    """Places of the scores (n,) strictly above the percentile of those that are numbers.

    Where none is above, as with many equal scores, all of the highest; where no score is a number, all places.
    """
    known = np.flatnonzero(np.isfinite(scores))
    if len(known) == 0:
        return np.arange(len(scores))
    values = scores[known]
    chosen = known[values > np.percentile(values, percentile)]
    return chosen if len(chosen) else known[values == values.max()]
