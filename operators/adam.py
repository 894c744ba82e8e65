"""Adam: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, algorithm 1, on one flat array."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Stepped(NamedTuple):
    """Where a step led, and the moments for the next one; all (d,) in the dtype of the weights."""

    weights: NDArray[Any]
    first: NDArray[Any]
    second: NDArray[Any]


def adam(
    weights: NDArray[Any],
    gradient: NDArray[Any],
    first: NDArray[Any],
    second: NDArray[Any],
    step: int,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    """One step against a gradient, so downhill. What is given stays as it is.

    Args:
        weights: (d,) float32 or float64: the arithmetic is of this dtype.
        gradient: (d,) of what is to become smaller.
        first, second: (d,) the running means of the gradient and of its square, both 0 at first.
        step: the number of this step, from 1: the means are corrected by it for having begun at 0.
        learning_rate, beta1, beta2, epsilon: the paper's alpha, betas and epsilon.

    ValueError for other dtypes, for shapes that differ, and for a step below 1.

    >>> adam(np.array([1.0, 1.0]), np.array([5.0, -0.1]), np.zeros(2), np.zeros(2), 1, learning_rate=0.01).weights
    array([0.99, 1.01])
    """
    if weights.dtype not in (np.float32, np.float64):
        raise ValueError(f"weights of dtype {weights.dtype} given, float32 or float64 wanted")
    for name, array in (("gradient", gradient), ("first", first), ("second", second)):
        if array.shape != weights.shape:
            raise ValueError(f"{name} of shape {array.shape} given, {weights.shape} wanted as the weights have it")
    if step < 1:
        raise ValueError(f"step {step} given, at least 1 wanted: it is the number of this step")
    slope = np.asarray(gradient, weights.dtype)
    first = beta1 * np.asarray(first, weights.dtype) + (1.0 - beta1) * slope
    second = beta2 * np.asarray(second, weights.dtype) + (1.0 - beta2) * slope**2
    spread = np.sqrt(second / (1.0 - beta2**step)) + epsilon
    return Stepped(weights - (learning_rate / (1.0 - beta1**step)) * first / spread, first, second)
