"""Autoencoder of pictures, after TAXONS (Paolo, Laflaquiere, Coninx, Doncieux 2019) and STAX (Paolo et al. 2021).

https://arxiv.org/abs/1909.05508, https://arxiv.org/abs/2111.01919. Measures are the latent numbers of the frames of
an episode; surprise is how badly the frames are reconstructed.

``Autoencoder.taxons()`` and ``Autoencoder.stax()`` are as the released code has them, their defects too: a latent and
an output that cannot be linear, the last weights instead of the best, small things lost before a large background.
The default differs where measurements spoke for it (``benchmarks/encoder_distances.py``, ``encoder_cost.py``):

- The network is small and looks at what differs from the mean picture of the training set. What never moves costs
  it nothing, and a robot of a few pixels is what it sees from the first step.
- The loss is averaged over the picture and three coarser ones, so that something a little beside its place is a
  smaller error than something far off: distances in the latent space come nearer to distances in the world.
- The latent and the output are linear, and the weights of the best validation error are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qd.behavior._picture_networks import ARCHITECTURES, Architecture
from qd.behavior._torch_encoder import BLOCK, TorchEncoder
from qd.behavior.contract import Fit, Learned, Observations
from qd.errors import QDError, nearest


@dataclass(frozen=True, kw_only=True)
class Autoencoder(TorchEncoder):
    """Convolutional autoencoder of pictures of bytes, (n, H, W, 3) or (n, s, H, W, 3) with s frames an observation.

    Measures are the latent numbers of the frames one after the other, m = s * ``latent``. Surprise is the sum over
    the frames of the mean squared error, pixels counted from 0 to 1 (``compact``: of pixels averaged 2 x 2).
    """

    architecture: str = "compact"
    """``"compact"`` (18,509 weights at 64 x 64 and 10 latents), ``"stax"`` (156,189) or ``"taxons"`` (1,991,680)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.architecture not in ARCHITECTURES:
            hint = nearest(self.architecture, ARCHITECTURES)
            raise QDError(f"{type(self).__name__}.architecture: got {self.architecture!r}; {hint}")

    @classmethod
    def stax(cls, **settings: Any) -> Self:
        """As in STAX: up to 101 epochs over all frames, a fifth validates, the last weights stay."""
        published: dict[str, Any] = {"architecture": "stax", "epochs": 101, "restore": False, "max_rows": None}
        return cls(**published | settings)

    @classmethod
    def taxons(cls, **settings: Any) -> Self:
        """As in TAXONS: 5 epochs over all frames, no validation."""
        published: dict[str, Any] = {"architecture": "taxons", "epochs": 5, "validation": 0.0}
        return cls(**published | {"restore": False, "max_rows": None} | settings)

    def size(self, shape: tuple[int, ...]) -> int:
        """``latent`` for each frame."""
        self._item_shape(shape)
        return self.latent * (shape[0] if len(shape) == 4 else 1)

    def _item_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        multiple = self._kind.multiple
        sides = tuple(shape[-3:-1])
        if len(shape) not in (3, 4) or shape[-1] != 3 or min(shape) < 1 or any(side % multiple for side in sides):
            raise QDError(
                f"{type(self).__name__}: observations of shape {tuple(shape)} cannot be encoded, wanted (H, W, 3) or "
                f"(frames, H, W, 3) with H and W multiples of {multiple}"
            )
        return tuple(shape[-3:])

    @property
    def _kind(self) -> Architecture:
        return ARCHITECTURES[self.architecture]

    @property
    def _code(self) -> int:
        """Numbers that leave the encoder, the latent ones first."""
        return self.latent

    def _check(self, observations: Observations) -> None:
        if observations.dtype != np.uint8:
            raise QDError(
                f"{type(self).__name__}: got observations of type {observations.dtype}, wanted pictures of uint8"
            )

    def _items(self, observations: Observations) -> NDArray[Any]:
        return observations.reshape(-1, *observations.shape[-3:])

    def _networks(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
        pool = self._kind.pool
        return self._kind.build(self._code, self.latent, shape[0] // pool, shape[1] // pool)

    def _begin(self, learned: Learned, rng: np.random.Generator) -> None:
        super()._begin(learned, rng)
        height, width, _ = learned["shape"]
        pool = self._kind.pool
        learned.setdefault("mean", np.zeros((3, height // pool, width // pool), np.float32))
        learned.setdefault("deviation", 1.0)
        learned.setdefault("coarse", [1.0] * len(self._kind.levels))

    def _prepare(self, learned: Learned, items: NDArray[Any]) -> None:
        """The mean frame, and how frames vary around it, whole and in squares of pixels."""
        if not self._kind.centred:
            return
        import torch

        blocks = [items[begin : begin + BLOCK] for begin in range(0, len(items), BLOCK)]
        total = sum(self._planes(block).sum(dim=0, dtype=torch.float64) for block in blocks)
        mean = (total / len(items)).float()
        squares = np.zeros(len(self._kind.levels))
        for block in blocks:
            centred = self._planes(block) - mean
            for index, level in enumerate(self._kind.levels):
                coarse = torch.nn.functional.avg_pool2d(centred, level)
                squares[index] += float((coarse**2).mean()) * len(block)
        variances = squares / len(items)
        deviation = max(float(np.sqrt(variances[0])), 1e-3)  # pictures that are all alike have none
        coarse_share = np.maximum(variances / deviation**2, 1e-4)
        learned.update(mean=mean.numpy().copy(), deviation=deviation, coarse=coarse_share.tolist())

    def reconstruct(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        import torch

        self._check(observations)
        items, planes = self._items(observations), []
        with self._threads(), torch.inference_mode():
            encoder, decoder = self._loaded(learned).eval()
            for begin in range(0, len(items), BLOCK):
                given = self._inputs(learned, items[begin : begin + BLOCK]).to(self._device())
                back = decoder(encoder(given)[:, : self.latent]).cpu()
                if self._kind.centred:
                    back = back * learned["deviation"] + torch.tensor(learned["mean"])
                planes.append(back.clamp(0.0, 1.0).permute(0, 2, 3, 1).double().numpy())
        whole = np.concatenate(planes)  # (items, H, W, 3)
        return whole.reshape(*observations.shape[:-3], *whole.shape[1:])

    def _inputs(self, learned: Learned, items: NDArray[Any]) -> Any:
        import torch

        planes = self._planes(items)
        if not self._kind.centred:
            return planes
        return planes.sub_(torch.tensor(learned["mean"])).div_(learned["deviation"])

    def _planes(self, items: NDArray[Any]) -> Any:
        """(n, 3, H / pool, W / pool) of float32 from 0 to 1."""
        import torch

        from qd.behavior._picture_kernel import fill_planes

        n, height, width, _ = items.shape
        planes = torch.empty((n, 3, height // self._kind.pool, width // self._kind.pool))
        fill_planes(np.ascontiguousarray(items), self._kind.pool, planes.numpy())
        return planes

    def _error(self, learned: Learned, given: Any, back: Any) -> Any:
        import torch

        off, levels = back - given, self._kind.levels
        coarse = [off if level == 1 else torch.nn.functional.avg_pool2d(off, level) for level in levels]
        return sum((part**2).mean() / share for part, share in zip(coarse, learned["coarse"])) / len(levels)

    def _unit(self, learned: Learned) -> float:
        return float(learned["deviation"]) ** 2


@dataclass(frozen=True, kw_only=True)
class BetaVAE(Autoencoder):
    """Variational autoencoder (Higgins et al. 2017): the latent is a normal distribution, its mean the measures.

    https://openreview.net/forum?id=Sy2fzU9gl. Same networks as ``Autoencoder``; the loss adds ``beta`` times the
    divergence of the latent from a standard normal, in nats, summed over the latent numbers.
    """

    beta: float = 1e-3
    """Weight of the divergence."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.beta < float("inf"):
            raise QDError(f"BetaVAE.beta: got {self.beta}, wanted 0 or more")

    @property
    def _code(self) -> int:
        return 2 * self.latent

    def _loss(self, learned: Learned, networks: Any, given: Any, rng: np.random.Generator | None) -> Any:
        import torch

        mean, log_variance = networks[0](given).chunk(2, dim=1)
        latent = mean
        if rng is not None:
            noise = torch.from_numpy(rng.standard_normal(tuple(mean.shape), np.float32)).to(mean.device)
            latent = mean + (0.5 * log_variance).exp() * noise
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1).mean()
        return self._error(learned, given, networks[1](latent)) + self.beta * divergence


@dataclass(frozen=True, kw_only=True)
class RandomEncoder(Autoencoder):
    """An autoencoder that is never trained, as in STAX-NT: the floor that a trained one should stand above."""

    learns = False
    surprises = False

    def fit(self, learned: Learned, observations: Observations, rng: np.random.Generator) -> Fit:
        """Learns nothing."""
        return Fit()
