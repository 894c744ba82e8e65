"""The networks of the autoencoders of pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Architecture:
    """What belongs to a network beyond its layers.

    Args:
        build: (code, latent, height, width) to the encoder and the decoder; ``code`` numbers leave the encoder,
            ``latent`` enter the decoder.
        pool: side of the squares of pixels averaged before all else.
        centred: the network sees and gives what differs from the mean picture of the training set, scaled.
        levels: the loss is the mean over these sides of squares of averaged pixels.
        multiple: height and width are multiples of it.
    """

    build: Callable[[int, int, int, int], tuple[Any, Any]]
    pool: int = 1
    centred: bool = False
    levels: tuple[int, ...] = (1,)
    multiple: int = 16


def _halving(layer: Any, channels: tuple[int, ...], after: Callable[[int], list[Any]], **settings: Any) -> list[Any]:
    """Convolutions, plain or transposed, of 4 x 4 with stride 2 from each number of channels to the next."""
    layers: list[Any] = []
    for before, behind in pairwise(channels):
        layers += [layer(before, behind, 4, 2, 1, **settings), *after(behind)]
    return layers


def _stax(code: int, latent: int, height: int, width: int) -> tuple[Any, Any]:
    from torch import nn

    h, w = height // 16, width // 16
    head = [nn.SELU()] if code == latent else []  # a variational encoder's mean and variance know no bounds

    def selu(_: int) -> list[Any]:
        return [nn.SELU()]

    encoder = [
        *_halving(nn.Conv2d, (3, 32, 64, 32, 16), selu), nn.Flatten(), nn.Linear(16 * h * w, code), *head,
    ]  # fmt: skip
    decoder = [
        nn.Linear(latent, 16 * h * w), nn.SELU(), nn.Unflatten(1, (16, h, w)),
        *_halving(nn.ConvTranspose2d, (16, 32, 64, 32), selu), nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.ReLU(),
    ]  # fmt: skip
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def _taxons(code: int, latent: int, height: int, width: int) -> tuple[Any, Any]:
    from torch import nn

    h, w = height // 16, width // 16
    head = [nn.SELU()] if code == latent else []

    def selu_norm(channels: int) -> list[Any]:
        return [nn.SELU(), nn.BatchNorm2d(channels)]

    def linear(before: int, behind: int) -> Any:
        return nn.Linear(before, behind, bias=False)

    encoder = [
        *_halving(nn.Conv2d, (3, 32, 128, 128, 64), selu_norm, bias=False), nn.Flatten(),
        linear(64 * h * w, 1024), nn.SELU(), linear(1024, 256), nn.SELU(), linear(256, code), *head,
    ]  # fmt: skip
    decoder = [
        linear(latent, 256), nn.SELU(), linear(256, 32 * h * w), nn.SELU(),
        nn.Unflatten(1, (32, h, w)), nn.BatchNorm2d(32),
        *_halving(nn.ConvTranspose2d, (32, 64, 32, 32), selu_norm, bias=False),
        nn.ConvTranspose2d(32, 3, 4, 2, 1, bias=False), nn.ReLU(),
    ]  # fmt: skip
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def _compact(code: int, latent: int, height: int, width: int) -> tuple[Any, Any]:
    from torch import nn

    h, w = height // 8, width // 8

    def elu(_: int) -> list[Any]:
        return [nn.ELU()]

    encoder = [*_halving(nn.Conv2d, (3, 8, 16, 16), elu), nn.Flatten(), nn.Linear(16 * h * w, code)]
    decoder = [
        nn.Linear(latent, 16 * h * w), nn.ELU(), nn.Unflatten(1, (16, h, w)),
        *_halving(nn.ConvTranspose2d, (16, 16, 8), elu), nn.ConvTranspose2d(8, 3, 4, 2, 1),
    ]  # fmt: skip
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


ARCHITECTURES = {
    "compact": Architecture(_compact, pool=2, centred=True, levels=(1, 2, 4, 8)),
    "stax": Architecture(_stax),
    "taxons": Architecture(_taxons),
}
