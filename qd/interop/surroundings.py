"""What libraries reach for beside their arguments, set for a block and put back: threads, global generators, log."""

from __future__ import annotations

import logging
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread: its sums round by the number of threads, which is the launcher's choice."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def tensor(array: NDArray[Any]) -> Any:
    """A tensor with a copy of an array, in rows and aligned: products round by how their factors lie in memory.

    An array out of a checkpoint lies elsewhere and otherwise than the one that went in.
    """
    import torch

    source = torch.from_numpy(np.asarray(array))
    return torch.empty(source.shape, dtype=source.dtype).copy_(source)


@contextmanager
def quiet() -> Iterator[None]:
    """evotorch without its lines about dtype, device and actors, and torch without its advice to evotorch."""
    logger = logging.getLogger("evotorch")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "To copy construct from a tensor")
            yield
    finally:
        logger.setLevel(before)


def global_generators(seed: int) -> list[Any]:
    """States for ``swapped``, as if the global generators of numpy, Python and torch had just been given a seed.

    torch's is left out where nothing has imported torch: then nothing can use it.
    """
    states: list[Any] = [np.random.RandomState(seed % 2**32).get_state(), random.Random(seed).getstate()]
    if "torch" in sys.modules:
        import torch

        states.append(torch.Generator().manual_seed(seed % 2**63).get_state())
    return states


@contextmanager
def swapped(states: list[Any]) -> Iterator[None]:
    """The global generators in these states; afterwards ``states`` holds what became of them, and all is put back."""
    before = _exchange(states)
    try:
        yield
    finally:
        states[:] = _exchange(before)


def _exchange(states: list[Any]) -> list[Any]:
    """Set the global generators; what they were before."""
    before: list[Any] = [np.random.get_state(), random.getstate()]
    np.random.set_state(states[0])
    random.setstate(states[1])
    if len(states) > 2:
        import torch

        before.append(torch.random.get_rng_state())
        torch.random.set_rng_state(states[2])
    return before
