"""Lineages to weights in torch, on any device: the same bits as the compiled kernels of ``operators.seed_noise``.

Whole numbers are added, and each mutation's share is one float32 product, rounded: there is nothing that a device could
round otherwise. Meant for a device; on a CPU the kernels are many times as fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qd.errors import QDError
from qd.lineages.decoder import mutation_keys
from qd.lineages.space import WORDS, Lineage
from qd.ragged import Ragged

if TYPE_CHECKING:
    import torch

_MASK = 0xFFFFFFFF
_M0, _M1, _W0, _W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85


def torch_weights(
    space: Lineage, lineages: Ragged, device: str = "cpu", parents: torch.Tensor | None = None, block: int = 2**20
) -> torch.Tensor:
    """The weights (n, d) float32 of some lineages, on the device.

    Args:
        space: the lineages' space.
        lineages: n valid rows.
        device: as torch names it.
        parents: (n, d) int32 in units of 2^-24, each row what the row's lineage without its last mutation grew to;
            then one mutation a row is added. By default all grow from their first seed.
        block: normals that are made at a time; eight times as many bytes are in use besides the weights.
    """
    import torch

    from operators.seed_noise import UNIT

    units = torch_units(space, lineages, device, parents, block)
    return units.to(torch.float32) * UNIT


def torch_units(
    space: Lineage, lineages: Ragged, device: str = "cpu", parents: torch.Tensor | None = None, block: int = 2**20
) -> torch.Tensor:
    """The weights (n, d) as int32 in units of 2^-24, which children are made from. Arguments as ``torch_weights``."""
    import torch

    from operators.seed_noise import INITIAL, MUTATION, factor, normal_table

    if block < 8 or block % 8:
        raise QDError(f"torch_units.block: got {block}, wanted a multiple of 8")
    n, d = len(lineages), space.weights
    if parents is not None and (tuple(parents.shape) != (n, d) or parents.dtype != torch.int32):
        raise QDError(
            f"torch_units.parents: got {parents.dtype} of shape {tuple(parents.shape)}, wanted int32 ({n}, {d})"
        )
    table = torch.from_numpy(normal_table().astype(np.int32)).to(device)
    first = torch.from_numpy(np.atleast_1d(factor(space.init_sigma))).to(device)
    out = torch.zeros((n, d), dtype=torch.int32, device=device) if parents is None else parents.to(device).clone()
    for start in range(0, d, block):
        stop = min(start + block, d)
        scale = first if len(first) == 1 else first[start:stop]
        for row, words in enumerate(lineages):
            origin = int(words[0]) | int(words[1]) << 32
            keys = mutation_keys(origin, words[WORDS::WORDS])
            sigmas = words[WORDS + 1 :: WORDS].view(np.float32)
            if parents is None:
                out[row, start:stop] = _share(origin, INITIAL, start, stop, scale, table)
            elif len(keys) == 0:
                raise QDError(f"torch_units.parents: row {row} has no mutation, so it is nobody's child")
            for key, sigma in zip(
                keys[0 if parents is None else -1 :], sigmas[0 if parents is None else -1 :], strict=True
            ):
                out[row, start:stop] += _share(int(key), MUTATION, start, stop, float(factor(sigma)), table)
    return out


def _share(key: int, purpose: int, start: int, stop: int, scale: Any, table: torch.Tensor) -> torch.Tensor:
    """What one seed adds to weights start..stop, start being a multiple of 8: (stop - start,) int32."""
    import torch

    counter = torch.arange(start // 8, -(-stop // 8), dtype=torch.int64, device=table.device)
    zero = torch.zeros_like(counter)
    words = [counter, zero, zero + purpose, zero]
    k0, k1 = key & _MASK, key >> 32
    for _ in range(10):
        p0, p1 = words[0] * _M0, words[2] * _M1  # the product wraps in 64 bits; both halves are read as unsigned
        high0, high1 = (p0 >> 32) & _MASK, (p1 >> 32) & _MASK
        words = [high1 ^ words[1] ^ k0, p1 & _MASK, high0 ^ words[3] ^ k1, p0 & _MASK]
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    halves = torch.stack([half for word in words for half in (word & 0xFFFF, word >> 16)], dim=1).reshape(-1)
    halves = halves[: stop - start]
    sizes = table[halves >> 1]
    normals = torch.where((halves & 1).bool(), -sizes, sizes).to(torch.float32)
    return torch.round(normals * scale).to(torch.int32)
