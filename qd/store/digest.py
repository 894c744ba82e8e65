"""One number for what a run did: SHA-256 chained over every told request, then the archives."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Request
from qd.ragged import Ragged

START = bytes(32)
_HEAD = Struct("<qq")
_PIECE = 1 << 22  # bytes of an archive's column hashed at a time
_REAL, _BYTE = np.dtype("<f8"), np.dtype("<i1")


def chained(before: bytes, request: Request, evaluation: Evaluation) -> bytes:
    """The chain after one told request: ids, objective, measures and status, little-endian, one NaN.

    Times, ranks, paths and versions stay out.
    """
    chain = sha256(before)
    chain.update(_HEAD.pack(request.first, len(evaluation)))
    lost = bool(evaluation.status.any())  # only lost rows hold NaN
    for array, dtype in ((evaluation.objective, _REAL), (evaluation.measures, _REAL), (evaluation.status, _BYTE)):
        chain.update(_plain(array, dtype, lost))  # type: ignore[arg-type]
    return chain.digest()


def final(chain: bytes, archives: Mapping[str, Any]) -> str:
    """The run's digest: the chain, then each archive's elites in their order."""
    total = sha256(chain)
    for name in sorted(archives):
        total.update(name.encode())
        archive = archives[name]
        read = archive.column if hasattr(archive, "column") else archive.data  # ours: views
        for key in ("objective", "measures", "solution"):
            column = read(key)
            if isinstance(column, Ragged):
                total.update(_plain(column.offsets, np.dtype("<i8"), False).tobytes())
                column = column.values
            array = np.asarray(column)
            rows = max(1, _PIECE // max(1, array[:1].nbytes))
            for start in range(0, len(array), rows):
                piece = array[start : start + rows]
                total.update(_plain(piece, array.dtype.newbyteorder("<"), True).tobytes())
    return total.hexdigest()


def _plain(array: NDArray[Any], dtype: Any, may_have_nan: bool) -> NDArray[Any]:
    """The array little-endian, in C order, with one kind of NaN."""
    plain = np.ascontiguousarray(array, dtype)
    if may_have_nan and plain.dtype.kind == "f":
        plain = np.where(np.isnan(plain), np.array(np.nan, plain.dtype), plain)
    return plain
