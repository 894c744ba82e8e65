"""A generator of digits and classifiers that judge them, trained on scikit-learn's 8 x 8 digits, once, and kept.

1797 digits (Alpaydin and Kaynak 1998, https://doi.org/10.24432/C50P49). The generator is the decoder of a variational
autoencoder (Kingma and Welling 2013, https://arxiv.org/abs/1312.6114). The classifiers differ in architecture and seed;
the last one, which no search sees, learned from the other half of the digits. Training takes some seconds with torch on
one thread, with addressed randomness; the weights are kept in the cache folder, and used with numpy.
"""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.models.weights import cache_folder
from qd.rng import generator

Array = NDArray[np.float64]
LATENT, PIXELS, CLASSES = 32, 64, 10
DECODER = (LATENT, 128, PIXELS)
ENCODER = (PIXELS, 128, 2 * LATENT)
CLASSIFIERS: dict[str, tuple[tuple[int, ...], str]] = {  # layers and the hidden units' activation; the last held out
    "narrow": ((PIXELS, 32, CLASSES), "relu"),
    "wide": ((PIXELS, 128, CLASSES), "tanh"),
    "deep": ((PIXELS, 48, 48, CLASSES), "relu"),
    "other": ((PIXELS, 96, 24, CLASSES), "relu"),
}
EPOCHS, BATCH, RATE = 60, 128, 4e-3  # of the autoencoder; classifiers take half the epochs
SURPLUS = 0.3  # weight of the codes' divergence from N(0, 1): below 1, more of them are used (beta-VAE)
VERSION = 1  # of this recipe: a new one trains anew


class Layer(NamedTuple):
    """Weights (inputs, outputs) and biases (outputs,)."""

    weights: Array
    biases: Array


class DigitNets(NamedTuple):
    """What was trained. ``accuracy``: classifier -> its share of right answers on the half it did not learn from."""

    decoder: list[Layer]
    classifiers: dict[str, list[Layer]]
    accuracy: dict[str, float]


def forward(layers: list[Layer], x: Array, activation: str) -> Array:
    """(n, inputs) to (n, outputs) of the last layer, before any squashing."""
    for layer in layers[:-1]:
        x = x @ layer.weights + layer.biases
        x = np.maximum(x, 0.0) if activation == "relu" else np.tanh(x)
    return np.asarray(x @ layers[-1].weights + layers[-1].biases)


@lru_cache(maxsize=1)
def digit_nets() -> DigitNets:
    """The nets, out of the cache folder, or trained and put there."""
    path = cache_folder() / "digits" / f"nets-{VERSION}.npz"
    if not path.exists():
        arrays = _trained()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".nets-", delete=False) as beside:
                np.savez(beside, **arrays)
            os.replace(beside.name, path)  # whole, whoever comes first
        except OSError as error:
            raise QDError(f"{path.parent}: cannot be written ({error.strerror}); name another folder for what is "
                          "trained once in the environment variable QD_CACHE") from error  # fmt: skip
    with np.load(path, allow_pickle=False) as kept:
        arrays = {name: np.asarray(kept[name], np.float64) for name in kept.files}
    return DigitNets(
        _layers(arrays, "decoder"),
        {name: _layers(arrays, name) for name in CLASSIFIERS},
        {name: float(arrays[f"{name} accuracy"]) for name in CLASSIFIERS},
    )


def _layers(arrays: dict[str, Array], name: str) -> list[Layer]:
    count = sum(key.startswith(f"{name} weights ") for key in arrays)
    return [Layer(arrays[f"{name} weights {i}"], arrays[f"{name} biases {i}"]) for i in range(count)]


def _trained() -> dict[str, Any]:
    """Name -> float32 array of every net's layers, and each classifier's accuracy."""
    import torch

    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise QDError(
            "digits: they come with scikit-learn, which is not installed: pip install scikit-learn"
        ) from error
    digits = load_digits()
    images = (digits.data / 16.0).astype(np.float32)
    labels = digits.target.astype(np.int64)
    half = generator(VERSION, "digit halves").permutation(len(images)) < len(images) // 2
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums round by the number of threads
    try:
        nets = {"decoder": _trained_decoder(images)}
        accuracy = {}
        for name, (sizes, activation) in CLASSIFIERS.items():
            learned = ~half if name == "other" else half
            nets[name] = _trained_classifier(name, sizes, activation, images[learned], labels[learned])
            guess = forward(nets[name], images[~learned].astype(np.float64), activation).argmax(axis=1)
            accuracy[f"{name} accuracy"] = np.mean(guess == labels[~learned])
    finally:
        torch.set_num_threads(threads)
    found: dict[str, Any] = dict(accuracy)
    for name, layers in nets.items():
        for i, layer in enumerate(layers):
            found[f"{name} weights {i}"], found[f"{name} biases {i}"] = layer
    return found


def _trained_decoder(images: NDArray[np.float32]) -> list[Layer]:
    """The decoder of an autoencoder whose codes are N(0, 1) and whose pixels are Bernoulli."""
    import torch

    encoder, decoder = _started("encoder", ENCODER), _started("decoder", DECODER)
    data = torch.from_numpy(images)
    noise = generator(VERSION, "codes")

    def loss(rows: Any) -> Any:
        mean, log_spread = _torch_forward(encoder, data[rows], "relu").chunk(2, dim=1)
        drawn = torch.from_numpy(noise.standard_normal(mean.shape, np.float32))
        seen = _torch_forward(decoder, mean + drawn * log_spread.exp(), "relu")
        wrong = torch.nn.functional.binary_cross_entropy_with_logits(seen, data[rows], reduction="sum")
        surplus = 0.5 * (mean**2 + (2 * log_spread).exp() - 1 - 2 * log_spread).sum()
        return (wrong + SURPLUS * surplus) / len(rows)

    _descend("autoencoder", [*encoder, *decoder], loss, len(images), EPOCHS, 0.0)
    return _frozen(decoder)


def _trained_classifier(
    name: str, sizes: tuple[int, ...], activation: str, images: NDArray[np.float32], labels: NDArray[np.int64]
) -> list[Layer]:
    import torch

    net = _started(name, sizes)
    data, wanted = torch.from_numpy(images), torch.from_numpy(labels)

    def loss(rows: Any) -> Any:
        return torch.nn.functional.cross_entropy(_torch_forward(net, data[rows], activation), wanted[rows])

    _descend(name, net, loss, len(images), EPOCHS // 2, 1e-4)
    return _frozen(net)


def _started(name: str, sizes: tuple[int, ...]) -> list[Any]:
    """weights, biases, weights, ... as tensors that learn; weights as He et al. 2015 start them."""
    import torch

    rng = generator(VERSION, f"{name} weights")
    tensors = []
    for inputs, outputs in pairwise(sizes):
        drawn = rng.standard_normal((inputs, outputs), np.float32) * np.float32(np.sqrt(2.0 / inputs))
        tensors += [torch.from_numpy(drawn), torch.zeros(outputs)]
    return [one.requires_grad_() for one in tensors]


def _torch_forward(tensors: list[Any], x: Any, activation: str) -> Any:
    for i in range(0, len(tensors), 2):
        x = x @ tensors[i] + tensors[i + 1]
        if i + 2 < len(tensors):
            x = x.relu() if activation == "relu" else x.tanh()
    return x


def _descend(name: str, tensors: list[Any], loss: Any, n: int, epochs: int, decay: float) -> None:
    """Adam over shuffled batches; its four lines stand here, since importing torch.optim takes longer than training."""
    import torch

    first, second = ([torch.zeros_like(one) for one in tensors] for _ in range(2))
    step = 0
    for epoch in range(epochs):
        order = torch.from_numpy(generator(VERSION, f"{name} batches", epoch).permutation(n))
        for rows in order.split(BATCH):
            step += 1
            slopes = torch.autograd.grad(loss(rows), tensors)
            with torch.no_grad():
                for one, slope, m, v in zip(tensors, slopes, first, second, strict=True):
                    slope = slope + decay * one
                    m.mul_(0.9).add_(slope, alpha=0.1)
                    v.mul_(0.999).addcmul_(slope, slope, value=0.001)
                    size = (v / (1 - 0.999**step)).sqrt_().add_(1e-8)
                    one.addcdiv_(m, size, value=-RATE / (1 - 0.9**step))


def _frozen(tensors: list[Any]) -> list[Layer]:
    arrays = [one.detach().numpy() for one in tensors]
    return [Layer(w, b) for w, b in zip(arrays[::2], arrays[1::2], strict=True)]
