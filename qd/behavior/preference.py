"""A reward learned from preferences, "the first is better than the second", on top of a behaviour space's measures.

Bradley and Terry 1952 (https://doi.org/10.1093/biomet/39.3-4.324): the first is preferred with the logistic probability
of the difference of the two rewards; as a loss for networks, Christiano, Leike, Brown, Martic, Legg, Amodei 2017
(https://arxiv.org/abs/1706.03741). On few answers it can only be as good as what it stands on: measures that hold what
matters and nothing else (``qd.behavior.SimilarityEncoder``) need fewer than raw observations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.behavior import _dense
from qd.behavior.contract import Fit, Learned
from qd.errors import QDError


@dataclass(frozen=True)
class PreferenceReward:
    """A linear or small dense head. What it has learned is a plain dict that is handed to every call.

    >>> import numpy as np
    >>> from qd.rng import generator
    >>> rng, reward = generator(0, "example"), PreferenceReward(hidden=())
    >>> first, second = rng.normal(size=(2, 50, 3))
    >>> learned = reward.init(3, rng)
    >>> done = reward.fit(learned, first, second, first[:, 0] > second[:, 0], rng)
    >>> bool(reward.predict(learned, np.array([[2.0, 0, 0]])) > reward.predict(learned, np.array([[-2.0, 0, 0]])))
    True
    """

    hidden: tuple[int, ...] = (32,)
    """Units of the hidden layers; none makes the reward linear in the measures."""

    decay: float = 0.01
    """Weight of the sum of squared weights."""

    epochs: int = 1000
    """Passes over the answers at most, a fit."""

    patience: int = 100
    """Epochs without better validation after which a fit ends; its best weights are kept."""

    batch_size: int = 256
    """Answers a step."""

    learning_rate: float = 0.01
    """Step of Adam."""

    validation: float = 0.2
    """Share of the answers that validate."""

    threads: int = 1
    """Threads of torch; another number may give other bits."""

    device: str = "cpu"
    """``"cpu"``, ``"cuda"``, ``"cuda:1"``, or ``"auto"`` for a graphics card where there is one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(int(units) for units in self.hidden))
        if any(units < 1 for units in self.hidden):
            raise QDError(f"PreferenceReward.hidden: got {self.hidden}, wanted layers of at least 1 unit")
        _dense.check(self)
        if not 0 <= self.decay < np.inf:
            raise QDError(f"PreferenceReward.decay: got {self.decay}, wanted 0 or more")

    def init(self, size: int, rng: np.random.Generator) -> Learned:
        """What is known before any answer, of measures of this size (m); ``rng`` draws the first weights."""
        _dense.check_device(self)
        network = _dense.dense((size, *self.hidden, 1), rng)
        return {"network": network, "mean": np.zeros(size), "scale": np.ones(size)}

    def fit(
        self,
        learned: Learned,
        first: NDArray[np.float64],
        second: NDArray[np.float64],
        answers: NDArray[Any],
        rng: np.random.Generator,
    ) -> Fit:
        """Learn from answers, going on from what is known; changes ``learned`` in place.

        A training that comes to numbers that are not finite leaves ``learned`` as it was and says so.

        Args:
            first, second: (p, m) measures of what was compared.
            answers: (p,) 1 where the first is better, 0 where the second is, 0.5 for a tie.
            rng: draws the order of the answers.
        """
        import torch

        first, second, said = np.asarray(first), np.asarray(second), np.asarray(answers, np.float32)
        size = len(learned["mean"])
        for name, given in (("first", first), ("second", second)):
            if given.shape != (len(said), size) or not np.isfinite(given).all():
                raise QDError(f"{name}: got shape {given.shape}, wanted ({len(said)}, {size}) finite measures")
        if not ((said >= 0) & (said <= 1)).all():
            raise QDError("answers: wanted numbers from 0 (the second is better) to 1 (the first is)")
        if len(said) == 0:
            return Fit()
        both = np.concatenate([first, second])
        scale = both.std(axis=0)
        scale[scale < 1e-9 * max(scale.max(), 1e-30)] = 1.0  # what never varies says nothing
        mean = both.mean(axis=0)

        def loss(parameters: list[Any], better: Any, worse: Any, said: Any) -> Any:
            gap = (_dense.forward(parameters, better) - _dense.forward(parameters, worse))[:, 0]
            return torch.nn.functional.binary_cross_entropy_with_logits(gap, said, reduction="none")

        def penalty(parameters: list[Any]) -> Any:
            return self.decay * sum((weights**2).sum() for weights in parameters[: len(parameters) // 2])

        arrays = (*(((rows - mean) / scale).astype(np.float32) for rows in (first, second)), said)
        done = _dense.trained(learned["network"], arrays, loss, _dense.schedule(self), rng, penalty)
        if done.finite:
            learned.update(mean=mean, scale=scale)
        return Fit(done.epochs, done.error, len(said), rolled_back=not done.finite)

    def predict(self, learned: Learned, measures: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) reward of measures (n, m), on a scale of its own: differences are log odds of being preferred."""
        rows = (measures - learned["mean"]) / learned["scale"]
        return _dense.applied(learned["network"], rows, self.threads, self.device)[:, 0]
