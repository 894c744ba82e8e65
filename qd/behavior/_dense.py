"""Small dense networks whose weights and moments are plain numpy arrays; torch computes, numpy draws.

Sums of a product of matrices depend on its shape, so rows are put through in padded blocks of one size: then a row's
result is the same whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qd.device import resolve_device
from qd.errors import QDError

BLOCK = 256  # rows that go through a network at once

Network = dict[str, Any]  # "weights": [(out, in) float32], "biases": [(out,)], "moments": Adam's


class Schedule(NamedTuple):
    """How a network is trained: Adam (Kingma and Ba 2015) until the examples that validate get no better."""

    epochs: int
    patience: int  # epochs without a better validation after which training ends
    batch_size: int
    learning_rate: float
    validation: float  # share of the examples that validates
    threads: int
    device: str


class Trained(NamedTuple):
    """What a training came to. ``error``: mean loss over the examples that validate, of the weights that were kept."""

    epochs: int
    error: float
    finite: bool


def check(settings: Any) -> None:
    """Refuse settings of a training that make no sense; ``settings`` has the fields of Schedule."""
    owner = type(settings).__name__
    for name in ("epochs", "patience", "batch_size", "threads"):
        if getattr(settings, name) < 1:
            raise QDError(f"{owner}.{name}: got {getattr(settings, name)}, wanted at least 1")
    if not 0 < settings.learning_rate < np.inf:
        raise QDError(f"{owner}.learning_rate: got {settings.learning_rate}, wanted a number above 0")
    if not 0 <= settings.validation < 1:
        raise QDError(f"{owner}.validation: got {settings.validation}, wanted a share from 0 to below 1")


def check_device(settings: Any) -> None:
    """Refuse a device that torch cannot use here."""
    resolve_device(settings.device, f"{type(settings).__name__}.device")


def schedule(settings: Any) -> Schedule:
    """The Schedule of a dataclass that has its fields."""
    plain = Schedule(*(getattr(settings, name) for name in Schedule._fields))
    return plain._replace(device=resolve_device(plain.device))


def dense(sizes: tuple[int, ...], rng: np.random.Generator) -> Network:
    """A network of layers ``sizes``, input first: weights normal with variance 1 / inputs (for SELU), biases 0."""
    weights = [(rng.normal(size=(out, inputs)) / np.sqrt(inputs)).astype(np.float32) for inputs, out in pairwise(sizes)]
    biases = [np.zeros(out, np.float32) for out in sizes[1:]]
    return {"weights": weights, "biases": biases, "moments": {}}


def forward(parameters: list[Any], rows: Any) -> Any:
    """(n, out) of torch rows (n, in): SELU between the layers, none after the last. ``parameters``: weights, biases."""
    import torch

    layers = len(parameters) // 2
    for layer in range(layers):
        rows = torch.nn.functional.linear(rows, parameters[layer], parameters[layers + layer])
        if layer < layers - 1:
            rows = torch.nn.functional.selu(rows)
    return rows


def applied(network: Network, rows: NDArray[Any], threads: int, device: str) -> NDArray[np.float64]:
    """(n, out) of rows (n, in), block by block."""
    import torch

    device = resolve_device(device)
    out = np.empty((len(rows), len(network["biases"][-1])))
    with torch_threads(threads), torch.no_grad():
        parameters = [torch.from_numpy(array).to(device) for array in network["weights"] + network["biases"]]
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            block = np.zeros((BLOCK, rows.shape[1]), np.float32)
            block[: len(part)] = part
            out[start : start + BLOCK] = forward(parameters, torch.from_numpy(block).to(device)).cpu()[: len(part)]
    return out


def trained(
    network: Network,
    arrays: tuple[NDArray[Any], ...],
    loss: Callable[..., Any],
    schedule: Schedule,
    rng: np.random.Generator,
    penalty: Callable[[list[Any]], Any] | None = None,
) -> Trained:
    """Train a network in place, going on from its weights and moments; it stays as it was if they stop being finite.

    Args:
        network: of ``dense``.
        arrays: of one length: example e is what stands at e in each. Every 1 / validation-th of them validates, in
            this training and in those that follow with more examples behind; all of them where they are too few.
        loss: (parameters, *arrays of a batch) -> (batch,) loss of each example.
        schedule: how long and how fast.
        rng: draws the order of the examples.
        penalty: parameters -> what is added to a batch's mean loss.
    """
    import torch

    numbers = np.arange(len(arrays[0]))
    held = np.floor((numbers + 1) * schedule.validation) > np.floor(numbers * schedule.validation)  # the same next time
    learners = numbers[~held]
    with torch_threads(schedule.threads):
        data = [torch.from_numpy(np.ascontiguousarray(array)).to(schedule.device) for array in arrays]
        start = [torch.from_numpy(array) for array in network["weights"] + network["biases"]]
        parameters = [array.clone().to(schedule.device).requires_grad_(True) for array in start]
        adam = torch.optim.Adam(parameters, lr=schedule.learning_rate)
        _give_moments(adam, parameters, network["moments"])
        judges = torch.from_numpy(numbers[held] if held.any() else numbers)

        def judged() -> float:
            with torch.no_grad():
                return float(loss(parameters, *(array[judges] for array in data)).mean())

        best, kept, since, epoch = judged(), None, 0, 0
        while epoch < schedule.epochs and since < schedule.patience:
            epoch += 1
            mixed = learners[rng.permutation(len(learners))]
            for first in range(0, len(mixed), schedule.batch_size):
                batch = torch.from_numpy(mixed[first : first + schedule.batch_size])
                value = loss(parameters, *(array[batch] for array in data)).mean()
                if penalty is not None:
                    value = value + penalty(parameters)
                adam.zero_grad()
                value.backward()
                adam.step()
            error = judged()
            if not np.isfinite(error):
                return Trained(epoch, best, finite=False)
            since += 1
            if error < best:
                best, since = error, 0
                kept = [parameter.detach().clone() for parameter in parameters]
        final = [array.cpu().numpy().copy() for array in (kept or start)]
        moments = _taken_moments(adam, parameters)
    if not all(np.isfinite(array).all() for array in final):
        return Trained(epoch, best, finite=False)
    layers = len(network["weights"])
    network.update(weights=final[:layers], biases=final[layers:], moments=moments)
    return Trained(epoch, best, finite=True)


def _give_moments(adam: Any, parameters: list[Any], moments: dict[str, Any]) -> None:
    import torch

    if not moments:
        return
    for parameter, first, second in zip(parameters, moments["first"], moments["second"], strict=True):
        adam.state[parameter] = {
            "step": torch.tensor(float(moments["steps"])),
            "exp_avg": torch.from_numpy(first.copy()).to(parameter.device),
            "exp_avg_sq": torch.from_numpy(second.copy()).to(parameter.device),
        }


def _taken_moments(adam: Any, parameters: list[Any]) -> dict[str, Any]:
    states = [adam.state[parameter] for parameter in parameters]
    if not all(states):
        return {}
    return {
        "steps": int(states[0]["step"]),
        "first": [state["exp_avg"].cpu().numpy().copy() for state in states],
        "second": [state["exp_avg_sq"].cpu().numpy().copy() for state in states],
    }


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """So many threads for torch's calls, and what there were before after it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
