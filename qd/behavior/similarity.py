"""A behaviour space learned from answers to "which two of these three behave alike?".

A network places observations so that the two that were called alike are closest. Where an autoencoder keeps whatever
varies, this keeps what the answers depend on, and is not fooled by channels that vary but mean nothing. The same idea:
SIRL (Bobu, Liu, Shah, Brown, Dragan 2023, https://arxiv.org/abs/2301.00810), whose answers come from people and are
followed by a reward learned from preferences (``qd.behavior.PreferenceReward``), and QDHF (Ding, Zhang, Clune, Spector,
Lehman 2023, https://arxiv.org/abs/2310.12103), which searches for diversity in such a space. Here an answer names the
odd one out and its likelihood is a softmax over the three pairs,

    P(k is the odd one) = K(i, j) / (K(i, j) + K(i, k) + K(j, k)),

with K falling with the squared distance d2 in the space: ``ste`` exp(-d2) and ``t-ste`` (1 + d2 / a)^(-(a + 1) / 2),
a = m - 1 (van der Maaten and Weinberger 2012, https://doi.org/10.1109/MLSP.2012.6349720), or ``crowd`` 1 / (mu + d2)
(Tamuz, Liu, Belongie, Shamir, Kalai 2011, https://arxiv.org/abs/1105.1033). With two pairs in place of three these are
the published models of "a is more like b than like c".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from qd.behavior import _dense
from qd.behavior.contract import Encoder, Fit, Learned, Observations
from qd.behavior.terminal import StopAsking, Terminal
from qd.device import resolve_device
from qd.errors import QDError

Oracle = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], "int | None"]
PAIRS = ((1, 2), (0, 2), (0, 1))  # pair k is what is alike where k is the odd one out
MU = 0.1  # mu of the crowd kernel
POOL = 8  # triplets looked at for each that is asked
SKIPPED = -1


@dataclass(frozen=True)
class SimilarityEncoder(Encoder):
    """Measures in which what was called alike is close. Inputs are standardised; pictures of bytes are flattened.

    ``fit`` asks ``questions`` triplets of the observations that it is given, and learns from all answers so far. An
    answer that is not 0, 1 or 2 and an oracle that raises cost their own question and are counted in
    ``learned["counts"]``; without a new answer the space stays as it is, and a warning says so.
    """

    latent: int = 2
    """Measures (m)."""

    oracle: Oracle | Literal["terminal"] = "terminal"
    """Who answers: a function of three observations that gives the odd one out, 0, 1 or 2, or None to skip."""

    questions: int = 100
    """Triplets asked at each fit."""

    max_questions: int = 1000
    """Triplets asked in all; fits after these change nothing."""

    uncertain: float = 0.5
    """Share of the triplets whose answers are the least certain of eight times as many; the rest are random."""

    hidden: tuple[int, ...] = (32,)
    """Units of the hidden layers; none makes the measures linear in the observation."""

    kernel: Literal["ste", "t-ste", "crowd"] = "ste"
    """How likely an answer is by distance."""

    sparsity: float = 0.1
    """Weight of the group lasso on the numbers of an observation: those that explain no answers fade."""

    epochs: int = 1000
    """Passes over the answers at most, a fit."""

    patience: int = 200
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

    surprises: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(int(units) for units in self.hidden))
        _dense.check(self)
        for name in ("latent", "max_questions"):
            if getattr(self, name) < 1:
                raise QDError(f"SimilarityEncoder.{name}: got {getattr(self, name)}, wanted at least 1")
        for name in ("questions", "sparsity"):
            if not 0 <= getattr(self, name) < np.inf:
                raise QDError(f"SimilarityEncoder.{name}: got {getattr(self, name)}, wanted 0 or more")
        if not 0 <= self.uncertain <= 1:
            raise QDError(f"SimilarityEncoder.uncertain: got {self.uncertain}, wanted a share from 0 to 1")
        if any(units < 1 for units in self.hidden):
            raise QDError(f"SimilarityEncoder.hidden: got {self.hidden}, wanted layers of at least 1 unit")
        if self.kernel not in ("ste", "t-ste", "crowd"):
            raise QDError(f"SimilarityEncoder.kernel: got {self.kernel!r}, wanted 'ste', 't-ste' or 'crowd'")
        if self.oracle != "terminal" and not callable(self.oracle):
            raise QDError(f"SimilarityEncoder.oracle: got {self.oracle!r}, wanted 'terminal' or a function of three "
                          "observations that gives the odd one out: 0, 1 or 2")  # fmt: skip

    def size(self, shape: tuple[int, ...]) -> int:
        if int(np.prod(shape)) < 1:
            raise QDError(f"observations: got shape {shape}, wanted at least one number each")
        return self.latent

    def init(self, shape: tuple[int, ...], rng: np.random.Generator) -> Learned:
        numbers, m = int(np.prod(shape)), self.size(shape)
        _dense.check_device(self)
        return {
            "network": _dense.dense((numbers, *self.hidden, m), rng),
            "mean": np.zeros(numbers, np.float32),
            "scale": np.ones(numbers, np.float32),
            "observations": np.zeros((0, *shape), np.float32),  # those that were asked about
            "triplets": np.zeros((0, 3), np.int64),  # (t, 3) rows of them
            "answers": np.zeros(0, np.int64),  # (t,) the odd one out
            "counts": {"asked": 0, "answered": 0, "skipped": 0, "refused": 0, "failed": 0},
        }

    def fit(self, learned: Learned, observations: Observations, rng: np.random.Generator) -> Fit:
        left = self.max_questions - learned["counts"]["asked"]
        if self.questions == 0 or left <= 0:
            return Fit()
        triplets = self.ask_triplets(learned, observations, rng, min(self.questions, left))
        answers = self.answered(learned, observations, triplets)
        return self.learn_from(learned, observations, triplets, answers, rng)

    def ask_triplets(
        self, learned: Learned, observations: Observations, rng: np.random.Generator, count: int
    ) -> NDArray[np.int64]:
        """(t, 3) rows of observations (n, *shape) worth asking about, t at most ``count``; no triplet comes twice.

        Rows that are not finite are left out. Before anything was learned all triplets are random.
        """
        usable = np.flatnonzero(np.isfinite(observations.reshape(len(observations), -1)).all(axis=1))
        if len(usable) < 3 or count < 1:
            return np.zeros((0, 3), np.int64)
        a, b, c = rng.integers(len(usable) - np.arange(3)[:, None], size=(3, POOL * count))
        b += b >= a  # the second skips the first, the third both
        c += c >= np.minimum(a, b)
        c += c >= np.maximum(a, b)
        pool = usable[np.stack([a, b, c], axis=1)]  # (p, 3)
        _, first = np.unique(np.sort(pool, axis=1), axis=0, return_index=True)
        pool = pool[np.sort(first)]
        chosen = np.arange(len(pool)) < count
        if len(learned["answers"]) and self.uncertain > 0:
            chances = self.chances(self.encode(learned, observations[pool.ravel()]).reshape(len(pool), 3, -1))
            entropy = -(chances * np.log(np.maximum(chances, 1e-300))).sum(axis=1)
            chosen = np.arange(len(pool)) < count - round(self.uncertain * count)
            entropy[chosen] = -1.0
            chosen[np.argsort(-entropy, kind="stable")[: max(count - int(chosen.sum()), 0)]] = True
        return pool[chosen]

    def chances(self, measures: NDArray[np.float64]) -> NDArray[np.float64]:
        """(t, 3) how likely each of three measures (t, 3, m) is to be called the odd one out."""
        first, second = [pair[0] for pair in PAIRS], [pair[1] for pair in PAIRS]
        squared = ((measures[:, first] - measures[:, second]) ** 2).sum(axis=2)  # (t, 3), of the pair without k
        logits = self._log_kernel(squared, np.log)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
        return chances

    def answered(self, learned: Learned, observations: Observations, triplets: NDArray[np.int64]) -> NDArray[np.int64]:
        """(t,) what the oracle says to triplets (t, 3), -1 where there is no answer; ``learned["counts"]`` counts."""
        oracle = Terminal() if self.oracle == "terminal" else self.oracle
        answers, counts = np.full(len(triplets), SKIPPED), learned["counts"]
        problem = ""
        for t, rows in enumerate(triplets):
            counts["asked"] += 1
            try:
                said = oracle(*(observations[row].copy() for row in rows))
            except StopAsking:
                counts["asked"] -= 1
                break
            except Exception as error:  # whatever an oracle of the user's raises costs its question
                counts["failed"] += 1
                problem = problem or f"raised {type(error).__name__}: {error}"
                continue
            if said is None:
                counts["skipped"] += 1
            elif isinstance(said, int | np.integer) and not isinstance(said, bool) and 0 <= said <= 2:
                counts["answered"] += 1
                answers[t] = said
            else:
                counts["refused"] += 1
                problem = problem or f"answered {said!r}, wanted 0, 1, 2 or None"
        if problem:
            lost = f"{counts['failed']} failed and {counts['refused']} were refused of {counts['asked']} so far"
            warnings.warn(f"SimilarityEncoder.oracle {problem}; {lost}", stacklevel=2)
        return answers

    def learn_from(
        self,
        learned: Learned,
        observations: Observations,
        triplets: NDArray[np.int64],
        answers: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Fit:
        """Learn from answers to triplets, and from all that came before; changes ``learned`` in place.

        Args:
            observations: (n, *shape).
            triplets: (t, 3) rows of them.
            answers: (t,) the odd one out of each, 0, 1 or 2, or -1 for none.
            rng: draws the order in which the answers are gone through.
        """
        triplets, answers = np.asarray(triplets, np.int64), np.asarray(answers, np.int64)
        if triplets.shape != (len(answers), 3) or not ((triplets >= 0) & (triplets < len(observations))).all():
            raise QDError(f"triplets: got shape {triplets.shape}, wanted ({len(answers)}, 3) rows of the "
                          f"{len(observations)} observations")  # fmt: skip
        if not ((answers >= SKIPPED) & (answers <= 2)).all():
            raise QDError(f"answers: got {answers.min()} to {answers.max()}, wanted 0, 1 or 2, or -1 for none")
        triplets, answers = triplets[answers >= 0], answers[answers >= 0]
        if len(answers) == 0:
            warnings.warn("SimilarityEncoder: no new answers, so the space stays as it is", stacklevel=2)
            return Fit()
        used, places = np.unique(triplets, return_inverse=True)
        known = learned["observations"]
        if not np.isfinite(observations[used].astype(np.float64)).all():
            raise QDError("observations: those that answers are about must be finite")
        kept = np.concatenate([known, observations[used]]) if len(known) else observations[used].copy()
        learned.update(
            observations=kept,
            triplets=np.concatenate([learned["triplets"], len(known) + places.reshape(-1, 3)]),
            answers=np.concatenate([learned["answers"], answers]),
        )
        return self._trained(learned, rng)

    def encode(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        rows = _flat(observations)
        rows = (rows - learned["mean"]) / learned["scale"]
        return _dense.applied(learned["network"], rows, self.threads, self.device)

    def _trained(self, learned: Learned, rng: np.random.Generator) -> Fit:
        import torch

        rows = _flat(learned["observations"])  # (k, numbers)
        mean, scale = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
        before = learned["mean"], learned["scale"]
        scale[scale < 1e-6 * max(scale.max(), 1e-30)] = 1.0  # what never varies says nothing
        learned.update(mean=mean.astype(np.float32), scale=scale.astype(np.float32))
        known = torch.from_numpy((rows - learned["mean"]) / learned["scale"]).to(resolve_device(self.device))

        def loss(parameters: list[Any], triplets: Any, answers: Any) -> Any:
            places = _dense.forward(parameters, known[triplets.ravel()]).reshape(len(triplets), 3, -1)  # (b, 3, m)
            squared = torch.stack([((places[:, i] - places[:, j]) ** 2).sum(dim=1) for i, j in PAIRS], dim=1)
            return torch.nn.functional.cross_entropy(self._log_kernel(squared, torch.log), answers, reduction="none")

        def penalty(parameters: list[Any]) -> Any:
            return self.sparsity * torch.sqrt((parameters[0] ** 2).sum(dim=0) + 1e-8).sum()

        arrays = (learned["triplets"], learned["answers"])
        rules = penalty if self.sparsity else None
        done = _dense.trained(learned["network"], arrays, loss, _dense.schedule(self), rng, rules)
        if not done.finite:
            learned.update(mean=before[0], scale=before[1])
        return Fit(done.epochs, done.error, len(learned["answers"]), rolled_back=not done.finite)

    def _log_kernel(self, squared: Any, log: Callable[[Any], Any]) -> Any:
        """Logarithm of the kernel at squared distances, of numpy or torch."""
        if self.kernel == "ste":
            return -squared
        if self.kernel == "crowd":
            return -log(MU + squared)
        freedom = max(self.latent - 1, 1)
        return -(freedom + 1) / 2 * log(1 + squared / freedom)


def _flat(observations: Observations) -> NDArray[np.float32]:
    """(n, numbers) observations as rows of numbers; bytes become 0 to 1."""
    rows = observations.reshape(len(observations), -1).astype(np.float32)
    return rows / np.float32(255) if observations.dtype == np.uint8 else rows
