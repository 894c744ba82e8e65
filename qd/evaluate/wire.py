"""Requests and evaluations as bytes, for ranks and child processes. No pickle."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.codec import decode, encode
from qd.contracts import Evaluation, Request
from qd.errors import ProblemError, QDError, StoppedError

_CONTEXTS_KEPT = 8


class ContextCache:
    """The contexts that the other end holds: each content crosses once. Both ends run the same rule."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def needs(self, key: str) -> bool:
        """Whether the content must be sent; afterwards the other end has it."""
        missing = key not in self._kept
        self.put(key, None) if missing else self._kept.move_to_end(key)
        return missing

    def put(self, key: str, context: Any) -> None:
        """Keep a content that arrived, dropping the one unused for longest."""
        self._kept[key] = context
        if len(self._kept) > _CONTEXTS_KEPT:
            self._kept.popitem(last=False)

    def get(self, key: str) -> Any:
        """A content that is held here."""
        self._kept.move_to_end(key)
        return self._kept[key]


def context_key(context: Mapping[str, Any]) -> str:
    """A hash of a context's content; empty for an empty context."""
    return sha256(encode(dict(context))).hexdigest() if context else ""


def request_tree(request: Request) -> dict[str, Any]:
    """A request as plain data; ``Request(**tree)`` makes it again."""
    return {
        "solutions": request.solutions,
        "parents": request.parents,
        "operators": request.operators if isinstance(request.operators, str) else list(request.operators),
        "purpose": request.purpose,
        "fidelity": dict(request.fidelity),
        "role": request.role,
        "draws": request.draws,
        "columns": request.columns,
        "context": dict(request.context),
        "emitter": request.emitter,
        "number": request.number,
        "first": request.first,
    }


def pack_request(request: Request, seeds: NDArray[np.uint64], key: str, cache: ContextCache) -> bytes:
    """A request for the other end of a channel; what only the search needs stays behind."""
    tree = request_tree(request) | {"parents": None, "operators": "", "draws": None, "emitter": None}
    tree["context"] = dict(request.context) if key and cache.needs(key) else {}
    return encode({"request": tree, "seeds": seeds, "key": key})


def unpack_request(message: Any, cache: ContextCache) -> tuple[Request, NDArray[np.uint64]]:
    """The request of a message, with its seeds."""
    tree = decode(message)
    request = Request(**tree["request"])
    key = tree["key"]
    if key:
        if request.context:
            cache.put(key, request.context)
        request.context = cache.get(key)
    return request, tree["seeds"]


def pack_evaluation(evaluation: Evaluation) -> bytes:
    """An evaluation for the other end of a channel."""
    return encode(vars(evaluation))


def pack_error(error: QDError) -> bytes:
    """Word that the problem breaks its contract, or that this machine stops the run, instead of an evaluation."""
    return encode({"error": str(error), "stopped": isinstance(error, StoppedError)})


def unpack_evaluation(message: Any) -> Evaluation:
    """The evaluation of a message. Raises ProblemError or StoppedError where the other end met one."""
    tree = decode(message)
    if "error" in tree:
        raise (StoppedError if tree["stopped"] else ProblemError)(tree["error"])
    return Evaluation(**tree)
