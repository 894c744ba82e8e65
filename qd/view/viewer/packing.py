"""Numbers on their way into a page: arrays side by side in one compressed text, the document in front of them."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ALIGN = 8  # bytes; typed arrays in a browser begin at multiples of their item's size
_TYPES = {"f4": "<f4", "i4": "<i4", "i2": "<i2", "u2": "<u2", "u1": "u1"}


class Packing:
    """Takes in arrays and gives references to them, which stand in the document where the arrays would."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def add(self, values: ArrayLike, kind: str = "f4") -> dict[str, Any]:
        """A reference to an array of any shape, row by row, as numbers of a kind: f4, i4, i2, u2, u1."""
        data = np.ascontiguousarray(np.asarray(values), dtype=_TYPES[kind]).tobytes()
        reference = {"at": self._at, "n": len(data) // np.dtype(_TYPES[kind]).itemsize, "type": kind}
        padding = -len(data) % _ALIGN
        self._parts.append(data + bytes(padding))
        self._at += len(data) + padding
        return reference

    def packed(self, document: Any) -> str:
        """Document and arrays as base64 of gzip: the document's length (u4), the document, padding, the arrays."""
        text = json.dumps(finite(document), separators=(",", ":"), allow_nan=False).encode()
        head = len(text).to_bytes(4, "little") + text
        whole = b"".join([head, bytes(-len(head) % _ALIGN), *self._parts])
        return base64.b64encode(gzip.compress(whole, 9, mtime=0)).decode()


def quantised(values: NDArray[np.float64], low: ArrayLike, high: ArrayLike, levels: int = 65535) -> NDArray[np.uint16]:
    """Numbers between ``low`` and ``high`` as whole ones from 0 to ``levels``; what lies outside is clipped."""
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    span = np.where(high > low, high - low, 1.0)
    share = np.nan_to_num((np.asarray(values, np.float64) - low) / span)
    made: NDArray[np.uint16] = np.clip(np.rint(share * levels), 0, levels).astype(np.uint16)
    return made


def finite(tree: Any) -> Any:
    """Plain data with null for what JSON has no number for."""
    if isinstance(tree, dict):
        return {str(key): finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [finite(value) for value in tree]
    if isinstance(tree, np.ndarray):
        return finite(tree.tolist())
    if isinstance(tree, np.generic):
        tree = tree.item()
    if isinstance(tree, float) and not np.isfinite(tree):
        return None
    return tree


__all__ = ["Packing", "finite", "quantised"]
