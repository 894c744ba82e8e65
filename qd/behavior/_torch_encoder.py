"""What the encoders that are trained with torch share: settings, training with early stop, encoding in blocks."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.behavior.contract import Encoder, Fit, Learned, Observations
from qd.device import check_device_name, resolve_device
from qd.errors import QDError

BLOCK = 64  # rows that torch computes together; a last block is filled up, since torch's sums depend on the shape
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8  # Adam's, as published


@dataclass(frozen=True, kw_only=True)
class TorchEncoder(Encoder):
    """An encoder and a decoder trained with Adam to give back what goes in.

    What is learned: ``weights`` (name -> array), Adam's ``first`` and ``second`` moments and its ``steps``, and what
    the children add. Training is a function of these, the rows and the generator; torch's own generators stay
    untouched.
    """

    latent: int = 10
    """Measures (m) an item gets: an observation, or each frame of one."""

    epochs: int = 20
    """At most so many passes over the training rows."""

    batch: int = 128
    """Rows a step."""

    learning_rate: float = 1e-3
    """Adam's step size."""

    validation: float = 0.2
    """Share of the rows, drawn anew for each training, that says when to stop; 0 for no early stop."""

    patience: int = 4
    """Stop at so many epochs in a row whose validation error is above the best so far."""

    restore: bool = True
    """Keep the weights of the best validation error instead of the last ones."""

    reset: bool = False
    """Begin each training from new weights instead of the present ones."""

    max_rows: int | None = 3000
    """At most so many items (frames count one by one), drawn at random, are trained on; None for all."""

    device: str = "cpu"
    """``"cpu"``, ``"cuda"``, ``"cuda:1"``, or ``"auto"`` for a graphics card where there is one."""

    threads: int = 1
    """Threads torch may use. More of them can change the last bits."""

    def __post_init__(self) -> None:
        name = type(self).__name__
        for field in ("latent", "epochs", "batch", "patience", "threads", "max_rows"):
            value = getattr(self, field)
            if value is not None and value < 1:
                raise QDError(f"{name}.{field}: got {value}, wanted at least 1")
        if not 0 < self.learning_rate < math.inf:
            raise QDError(f"{name}.learning_rate: got {self.learning_rate}, wanted above 0")
        if not 0 <= self.validation < 1:
            raise QDError(f"{name}.validation: got {self.validation}, wanted a share from 0 to below 1")
        check_device_name(self.device, f"{name}.device")

    # ------------------------------------------------------------ what children say

    @abstractmethod
    def _networks(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """The encoder and the decoder for items of this shape, as torch modules."""

    @abstractmethod
    def _items(self, observations: Observations) -> NDArray[Any]:
        """(n * s, ...) the s items of each observation, one below the other."""

    @abstractmethod
    def _item_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of an item, of observations of this shape. Raises QDError where they cannot be encoded."""

    @abstractmethod
    def _prepare(self, learned: Learned, items: NDArray[Any]) -> None:
        """Set what inputs and loss need to know of the training items."""

    @abstractmethod
    def _inputs(self, learned: Learned, items: NDArray[Any]) -> Any:
        """Items as the encoder's input, a tensor on the processor."""

    def _error(self, learned: Learned, given: Any, back: Any) -> Any:
        """The error that training lowers, a scalar."""
        return ((back - given) ** 2).mean()

    def _unit(self, learned: Learned) -> float:
        """What a squared error of 1 of the decoder is in units of the observation."""
        return 1.0

    def _loss(self, learned: Learned, networks: Any, given: Any, rng: np.random.Generator | None) -> Any:
        """The loss; where the rows validate, without a generator."""
        return self._error(learned, given, networks[1](networks[0](given)))

    # ------------------------------------------------------------ the contract

    def check(self) -> None:
        self._device()

    def init(self, shape: tuple[int, ...], rng: np.random.Generator) -> Learned:
        self.size(shape)
        self._device()
        learned: Learned = {"shape": [int(side) for side in self._item_shape(shape)]}
        self._begin(learned, rng)
        return learned

    def fit(self, learned: Learned, observations: Observations, rng: np.random.Generator) -> Fit:
        """Train with early stop. ``Fit.error`` is the loss on the rows that validate; NaN where none do."""
        self._check(observations)
        items = self._items(observations)
        if self.max_rows is not None and len(items) > self.max_rows:
            items = items[np.sort(rng.permutation(len(items))[: self.max_rows])]
        if items.dtype.kind == "f":
            items = items[np.isfinite(items).all(axis=tuple(range(1, items.ndim)))]
        if len(items) == 0:
            return Fit()
        trial = dict(learned)  # every array is replaced, none written into: what was learned stays as it is
        with self._threads():
            if self.reset:
                self._begin(trial, rng)
            self._prepare(trial, items)
            fit = self._train(trial, items, rng)
            if fit.rolled_back:
                return fit
            sample = items[:: max(1, len(items) // 512)]
            latent, surprise = self._pass(trial, sample, both=True)
        if not (np.isfinite(latent).all() and np.isfinite(surprise).all()):
            return Fit(fit.epochs, fit.error, fit.rows, rolled_back=True)
        learned.update(trial)
        return Fit(fit.epochs, fit.error, fit.rows, spread=float(latent.std(axis=0).mean()))

    def encode(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        self._check(observations)
        with self._threads():
            latent, _ = self._pass(learned, self._items(observations), both=False)
        return latent.reshape(len(observations), self.size(observations.shape[1:]))

    def surprise(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        return self.describe(learned, observations)[1]

    def describe(self, learned: Learned, observations: Observations) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not self.surprises:
            return self.encode(learned, observations), np.zeros(len(observations))
        self._check(observations)
        with self._threads():
            latent, error = self._pass(learned, self._items(observations), both=True)
        m = self.size(observations.shape[1:])
        return latent.reshape(len(observations), m), error.reshape(len(observations), m // self.latent).sum(axis=1)

    def _check(self, observations: Observations) -> None:
        """Raises QDError for observations of a type that cannot be encoded."""

    # ------------------------------------------------------------ torch

    def _begin(self, learned: Learned, rng: np.random.Generator) -> None:
        """First weights, as torch draws them for these layers but from the generator, and Adam's moments at zero."""
        import torch
        from torch import nn

        weights: dict[str, NDArray[Any]] = {}
        with torch.device("meta"):
            networks = nn.ModuleList(self._networks(tuple(learned["shape"])))
        for name, module in networks.named_modules():
            bound = 0.0
            if isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
                bound = 1.0 / math.sqrt(math.prod(module.weight.shape[1:]))
            for key, value in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
                if bound:
                    array = rng.uniform(-bound, bound, tuple(value.shape)).astype(np.float32)
                elif key in ("weight", "running_var"):  # of a batch norm
                    array = np.ones(tuple(value.shape), np.float32)
                else:
                    array = np.zeros(tuple(value.shape), np.int64 if key == "num_batches_tracked" else np.float32)
                weights[f"{name}.{key}"] = array
        trained = {name for name, _ in networks.named_parameters()}
        moments = ({name: np.zeros_like(weights[name]) for name in weights if name in trained} for _ in range(2))
        learned.update(weights=weights, first=next(moments), second=next(moments), steps=0)

    def _loaded(self, learned: Learned) -> Any:
        """The networks with what is learned."""
        import torch
        from torch import nn

        with torch.device("meta"):  # draws and fills nothing
            networks = nn.ModuleList(self._networks(tuple(learned["shape"])))
        weights = {name: torch.tensor(array) for name, array in learned["weights"].items()}  # copied, so aligned
        networks.load_state_dict(weights, assign=True)
        return networks.to(self._device())

    def _pass(
        self, learned: Learned, items: NDArray[Any], both: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, latent) and (n,) the mean squared error of what the decoder makes of it, in blocks of one size."""
        import torch

        encoder, decoder = self._loaded(learned).eval()
        latent, error = np.empty((len(items), self.latent)), np.zeros(len(items))
        with torch.inference_mode():
            for begin in range(0, len(items), BLOCK):
                block = items[begin : begin + BLOCK]
                n = len(block)
                if n < BLOCK:
                    block = np.concatenate([block, np.repeat(block[-1:], BLOCK - n, axis=0)])
                given = self._inputs(learned, block).to(self._device())
                code = encoder(given)[:, : self.latent]
                latent[begin : begin + n] = code[:n].cpu().numpy()
                if both:
                    off = ((decoder(code) - given) ** 2).flatten(1).mean(dim=1)
                    error[begin : begin + n] = off[:n].cpu().numpy()
        return latent, error * self._unit(learned)

    def _train(self, learned: Learned, items: NDArray[Any], rng: np.random.Generator) -> Fit:
        import torch

        networks = self._loaded(learned)
        adam = _Adam(networks, learned, self.learning_rate)
        device = self._device()
        held, rows = split(len(items), self.validation, rng)
        errors: list[float] = []
        best = _kept(networks, adam)
        epoch = 0
        for epoch in range(1, self.epochs + 1):
            networks.train()
            total = 0.0
            for batch in _batches(rng.permutation(rows), self.batch):
                loss = self._loss(learned, networks, self._inputs(learned, items[batch]).to(device), rng)
                loss.backward()
                adam.step()
                total += float(loss.detach())
            if not math.isfinite(total):
                return Fit(epoch, rows=len(rows), rolled_back=True)
            if len(held) and epoch >= 2:
                networks.eval()
                sums = []
                with torch.inference_mode():
                    for batch in _batches(held, self.batch):
                        given = self._inputs(learned, items[batch]).to(device)
                        sums.append(float(self._loss(learned, networks, given, None)) * len(batch))
                errors.append(sum(sums) / len(held))
                if not math.isfinite(errors[-1]):
                    return Fit(epoch, errors[-1], len(rows), rolled_back=True)
                if self.restore and errors[-1] == min(errors):
                    best = _kept(networks, adam)
                if stops(errors, self.patience):
                    break
        learned.update(best if self.restore and errors else _kept(networks, adam))
        if not all(np.isfinite(array).all() for array in learned["weights"].values()):
            return Fit(epoch, rows=len(rows), rolled_back=True)
        error = (min(errors) if self.restore else errors[-1]) if errors else math.nan
        return Fit(epoch, error, len(rows))

    def _device(self) -> str:
        """The device's name. Raises QDError where there is none of it."""
        return resolve_device(self.device, f"{type(self).__name__}.device")

    @contextmanager
    def _threads(self) -> Iterator[None]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            if self._device() == "cpu":
                yield
            else:
                with torch.backends.cudnn.flags(benchmark=False, deterministic=True, allow_tf32=False):
                    yield
        finally:
            torch.set_num_threads(before)


def split(rows: int, validation: float, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers that validate and row numbers that train, at random: the share, rounded down, validates."""
    order = rng.permutation(rows)
    held = int(rows * validation)
    return order[:held], order[held:]


def stops(errors: Sequence[float], patience: int) -> bool:
    """Whether the last ``patience`` validation errors are all above the best before them.

    >>> stops([3.0, 1.0, 1.2, 1.1, 1.3, 1.1], 4), stops([3.0, 1.0, 1.2, 1.1, 1.0, 1.1], 4)
    (True, False)
    """
    return len(errors) > patience and min(errors[-patience:]) > min(errors[:-patience])


def _batches(rows: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [rows[begin : begin + size] for begin in range(0, len(rows), size)]


class _Adam:
    """Adam (Kingma and Ba 2015) as torch's, whose own one takes seconds to load a compiler that is not used here."""

    def __init__(self, networks: Any, learned: Learned, rate: float) -> None:
        import torch

        self.weights = dict(networks.named_parameters())
        self.rate, self.steps = rate, int(learned["steps"])
        self.first, self.second = (
            {name: torch.tensor(learned[moment][name]).to(weight.device) for name, weight in self.weights.items()}
            for moment in ("first", "second")
        )

    def step(self) -> None:
        """One step along the gradients, which are gone after it."""
        self.steps += 1
        scale = 1.0 - _BETA_1**self.steps
        root = math.sqrt(1.0 - _BETA_2**self.steps)
        for name, weight in self.weights.items():
            gradient, weight.grad = weight.grad, None
            first, second = self.first[name], self.second[name]
            first.lerp_(gradient, 1.0 - _BETA_1)
            second.mul_(_BETA_2).addcmul_(gradient, gradient, value=1.0 - _BETA_2)
            weight.data.addcdiv_(first, (second.sqrt() / root).add_(_EPSILON), value=-self.rate / scale)


def _kept(networks: Any, adam: _Adam) -> Learned:
    """Copies of the weights and of Adam's moments, as arrays."""
    return {
        "weights": {name: _array(value) for name, value in networks.state_dict().items()},
        "first": {name: _array(moment) for name, moment in adam.first.items()},
        "second": {name: _array(moment) for name, moment in adam.second.items()},
        "steps": adam.steps,
    }


def _array(tensor: Any) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().numpy().copy()
    return array
