"""A loaded network of transformers: choices by a shared prefix, greedy and sampled texts, likelihoods."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.device import resolve_device
from qd.errors import ModelError
from qd.models.language_model import Ids, Reply
from qd.models.weights import Weights, unpack
from qd.rng import row_generator

_SAME = 1e-3  # log-probabilities of the output layer by itself must be those of the whole network to this
_ROUNDED = 0.5  # ... and in half precision, where the network rounds its own logits to 8 bits, to this


class Network:
    """Weights and tokenizer of one model in this process.

    Args:
        weights: where they are.
        kind: causal, masked or auto.
        device, dtype: where and in what to compute.
    """

    def __init__(self, weights: Weights, kind: str, device: str, dtype: str) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            import torch
            import transformers
        except ImportError as error:
            raise ModelError("a local model needs transformers: pip install 'qd-evolution[prompts]'") from error
        transformers.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self.torch = torch
        self.device = torch.device(resolve_device(device, "Local.device"))
        try:
            folder = str(unpack(weights)) if weights.gguf else weights.folder
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            config = transformers.AutoConfig.from_pretrained(folder)
            named = "".join(config.architectures or [])
            self.masked = kind == "masked" or (kind == "auto" and "MaskedLM" in named)
            loader = transformers.AutoModelForMaskedLM if self.masked else transformers.AutoModelForCausalLM
            self.network = loader.from_pretrained(folder, dtype=getattr(torch, dtype)).eval().to(self.device)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"Local.path: {weights.name!r} cannot be loaded as a language model: "
                             f"{str(error).strip().splitlines()[0]}") from error  # fmt: skip
        if self.masked and self.tokenizer.mask_token_id is None:
            raise ModelError(f"Local.kind: {weights.name!r} has no mask token, so it is no masked model")
        # What the tokenizer puts before every text, for models that were trained so; nothing for the others.
        before = [] if self.masked else self.tokenizer.encode("")
        self.begin: Ids = np.array(before if before != [self.tokenizer.eos_token_id] else [], np.int32)
        self.context_length = int(getattr(config, "max_position_embeddings", None) or 2**31 - 1)
        can_write = not self.masked and self.network.can_generate()
        end = self.network.generation_config.eos_token_id if can_write else None
        several = end if isinstance(end, list) else [end]
        self.ends = {int(one) for one in (*several, self.tokenizer.eos_token_id) if one is not None}  # end a text
        self.last = threading.local()  # the prefix that this thread ran last
        self.whole_head = False
        self.whole_head = not self._head_agrees()
        if self.whole_head and not self.masked:
            raise ModelError(f"{type(self.network).__name__} changes its logits in a way that is not known here, so "
                             "its choices cannot be scored by rows")  # fmt: skip

    # ------------------------------------------------------------ choices

    def choice_logits(
        self, prefix: Ids, items: Sequence[Ids], choices: Ids, block: int, threads: int
    ) -> NDArray[np.float64]:
        """(I, C) logits of the choices after prefix and item; items go through the network ``block`` at a time."""
        torch = self.torch
        self._use(threads)
        prefix = np.concatenate([self.begin, prefix])
        out = np.zeros((len(items), len(choices)))
        chosen = torch.as_tensor(np.asarray(choices, np.int64), device=self.device)
        with torch.inference_mode():
            for start in range(0, len(items), block):
                rows = items[start : start + block]
                logits = (
                    self._at_mask(prefix, rows)[:, chosen]
                    if self.masked
                    else self._logits(self._last_hidden(prefix, rows), chosen)
                )  # (b, C)
                out[start : start + len(rows)] = logits.double().cpu().numpy()
        return out

    def _last_hidden(self, prefix: Ids, items: Sequence[Ids]) -> Any:
        """(b, h) what the network has made of the last token of each item, the prefix before it run once."""
        torch = self.torch
        if len(prefix) == 0 or min(len(item) for item in items) == 0:  # no shared pass, or nothing after it
            items, prefix = [np.concatenate([prefix, item]) for item in items], prefix[:0]
        ids, last = self._padded(items)
        if len(prefix) == 0:
            hidden = self._trunk(input_ids=ids, use_cache=False).last_hidden_state
        else:
            cache = self._expanded(self._run_prefix(prefix)[0], len(items))
            hidden = self._trunk(input_ids=ids, past_key_values=cache, use_cache=True).last_hidden_state
        return hidden[torch.arange(len(items), device=self.device), last]  # pads come after: causal, so unseen

    def _padded(self, items: Sequence[Ids]) -> tuple[Any, Any]:
        """(b, l) ids padded on the right, and (b,) the place of each row's last token."""
        lengths = np.array([len(item) for item in items])
        ids = np.full((len(items), lengths.max()), self.tokenizer.pad_token_id or 0, np.int64)
        for row, item in enumerate(items):
            ids[row, : len(item)] = item
        to = self.device
        return self.torch.as_tensor(ids, device=to), self.torch.as_tensor(lengths - 1, device=to)

    def _run_prefix(self, prefix: Ids) -> tuple[list[tuple[Any, Any]], Any]:
        """Keys and values a layer, and the hidden states (p, h), of a prefix; the last one is remembered."""
        key = np.asarray(prefix, np.int32).tobytes()
        if getattr(self.last, "key", None) != key:
            ids = self.torch.as_tensor(np.asarray(prefix, np.int64)[None], device=self.device)
            made = self._trunk(input_ids=ids, use_cache=True)
            kept = [(layer.keys, layer.values) for layer in made.past_key_values.layers]
            self.last.key, self.last.value = key, (kept, made.last_hidden_state[0])
        remembered: tuple[list[tuple[Any, Any]], Any] = self.last.value
        return remembered

    def _expanded(self, kept: list[tuple[Any, Any]], n: int) -> Any:
        """A cache of n rows that all have read the prefix."""
        from transformers import DynamicCache

        cache = DynamicCache(config=self.network.config)
        for layer, (keys, values) in enumerate(kept):
            cache.update(keys.expand(n, -1, -1, -1), values.expand(n, -1, -1, -1), layer)
        return cache

    def _at_mask(self, prefix: Ids, items: Sequence[Ids]) -> Any:
        """(b, v) logits at the mask token of each row; a masked model reads both ways, so nothing is shared."""
        torch, special = self.torch, self.tokenizer
        begin = [] if special.cls_token_id is None else [special.cls_token_id]
        end = [] if special.sep_token_id is None else [special.sep_token_id]
        rows = [np.concatenate([begin, prefix, item, end]).astype(np.int32) for item in items]
        ids, last = self._padded(rows)
        there = torch.arange(ids.shape[1], device=self.device) <= last[:, None]
        found = (ids == special.mask_token_id) & there
        if not bool(found.any(1).all()):
            raise ModelError("a masked model answers at its mask token, and a prompt has none; end the template's cue "
                             "with it")  # fmt: skip
        places = torch.arange(len(rows), device=self.device), found.int().argmax(1)
        if self.whole_head:
            return self.network(input_ids=ids, attention_mask=there.long()).logits[places].float()
        return self._logits(self._trunk(input_ids=ids, attention_mask=there.long()).last_hidden_state[places])

    # ------------------------------------------------------------ the output layer

    @property
    def _trunk(self) -> Any:
        """The network without its output layer."""
        return self.network.base_model

    def _logits(self, hidden: Any, chosen: Any = None) -> Any:
        """(b, C) logits of the chosen ids, or (b, v) of all; by rows of the output layer where that is exact."""
        if self.masked:
            return self._head(hidden)
        layer = self.network.get_output_embeddings()
        weight = layer.weight if chosen is None else layer.weight[chosen]
        logits = hidden.float() @ weight.float().T
        if getattr(layer, "bias", None) is not None:
            logits = logits + (layer.bias if chosen is None else layer.bias[chosen]).float()
        cap = getattr(self.network.config, "final_logit_softcapping", None)
        return self.torch.tanh(logits / cap) * cap if cap else logits

    def _head(self, hidden: Any) -> Any:
        """All logits of a masked model, whose output layer is a small network of its own."""
        for name in ("cls", "lm_head", "predictions"):
            part = getattr(self.network, name, None)
            if part is not None:
                return part(hidden).float()
        return self.network.get_output_embeddings()(hidden).float()

    def _head_agrees(self) -> bool:
        """Whether the output layer alone, at one place, gives what the whole network gives there."""
        torch = self.torch
        with torch.inference_mode():
            ids = torch.arange(1, min(8, len(self.tokenizer)), device=self.device)[None]
            own = self.network(input_ids=ids).logits[0, -1].float()
            try:
                ours = self._logits(self._trunk(input_ids=ids).last_hidden_state[0, -1:])[0]
            except (RuntimeError, TypeError):
                return False
            off = float((own.log_softmax(-1) - ours.log_softmax(-1)).abs().max())
        return off < (_SAME if self.network.dtype == torch.float32 else _ROUNDED)

    # ------------------------------------------------------------ texts

    def log_likelihood(self, ids: Ids, threads: int) -> float:
        """Mean log-probability of the tokens from the second on."""
        torch = self.torch
        self._use(threads)
        with torch.inference_mode():
            hidden = self._run_prefix(np.concatenate([self.begin, ids]))[1]
            logits = self._logits(hidden[len(self.begin) : -1]).log_softmax(-1)
            after = torch.as_tensor(np.asarray(ids[1:], np.int64), device=self.device)
            return float(logits.gather(1, after[:, None]).mean())

    def go_on(
        self,
        prefix: Ids,
        items: Sequence[Ids],
        max_tokens: int,
        temperature: float,
        seeds: NDArray[np.uint64] | None,
        stop: tuple[str, ...],
        block: int,
        threads: int,
    ) -> list[Reply]:
        """What is written after prefix and item, ``block`` texts at a time."""
        self._use(threads)
        replies: list[Reply] = []
        with self.torch.inference_mode():
            for start in range(0, len(items), block):
                rows = [np.concatenate([self.begin, prefix, item]) for item in items[start : start + block]]
                given = [None] * len(rows) if seeds is None else [int(s) for s in seeds[start : start + block]]
                replies += self._write(rows, max_tokens, temperature, given, stop)
        return replies

    def _write(
        self,
        rows: list[Ids],
        max_tokens: int,
        temperature: float,
        seeds: Sequence[int | None],
        stop: tuple[str, ...],
    ) -> list[Reply]:
        torch = self.torch
        n, longest = len(rows), max(len(row) for row in rows)
        room = min(max_tokens, self.context_length - longest)
        if room < 1:
            return [
                Reply("", len(row), f"the prompt of {len(row)} tokens leaves no room for an answer") for row in rows
            ]
        ids = np.full((n, longest), self.tokenizer.pad_token_id or 0, np.int64)
        there = np.zeros((n, longest), np.int64)
        for row, item in enumerate(rows):  # padded on the left, so that all go on at the same place
            ids[row, longest - len(item) :], there[row, longest - len(item) :] = item, 1
        step, mask = torch.as_tensor(ids, device=self.device), torch.as_tensor(there, device=self.device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        generators = [None if seed is None else row_generator(seed) for seed in seeds]
        written: list[list[int]] = [[] for _ in rows]
        texts, done, cache = [""] * n, [False] * n, None
        for _ in range(room):
            made = self._trunk(input_ids=step, attention_mask=mask, position_ids=positions, past_key_values=cache,
                               use_cache=True)  # fmt: skip
            cache = made.past_key_values
            logits = self._logits(made.last_hidden_state[:, -1]).double().cpu().numpy()  # (n, v)
            drawn = [_choose(logits[row], temperature, generators[row]) for row in range(n)]
            for row, token in enumerate(drawn):
                if done[row]:
                    continue
                if token in self.ends:
                    done[row] = True
                    continue
                written[row].append(token)
                texts[row] = self.tokenizer.decode(written[row], clean_up_tokenization_spaces=False)
                at = min((texts[row].find(end) for end in stop if end in texts[row]), default=-1)
                if at >= 0:
                    texts[row], done[row] = texts[row][:at], True
            if all(done):
                break
            step = torch.as_tensor(np.array(drawn)[:, None], device=self.device)
            mask = torch.cat([mask, mask.new_ones(n, 1)], 1)
            positions = positions[:, -1:] + 1
        return [Reply(text, len(row) + len(new)) for text, row, new in zip(texts, rows, written, strict=True)]

    def embeddings(self, ids: Ids) -> NDArray[np.float32]:
        """(k, h) rows of the input layer."""
        table = self.network.get_input_embeddings().weight
        chosen = self.torch.as_tensor(np.asarray(ids, np.int64), device=table.device)
        rows: NDArray[np.float32] = table[chosen].detach().float().cpu().numpy()
        return rows

    def _use(self, threads: int) -> None:
        if self.device.type == "cpu" and self.torch.get_num_threads() != threads:
            self.torch.set_num_threads(threads)


def _choose(logits: NDArray[np.float64], temperature: float, rng: np.random.Generator | None) -> int:
    """The likeliest token; with a temperature, one drawn by the Gumbel maximum."""
    if temperature <= 0 or rng is None:
        return int(logits.argmax())
    return int((logits / temperature + rng.gumbel(size=len(logits))).argmax())
