"""Models behind an address: any server that speaks OpenAI's protocol."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from math import exp, inf, isfinite
from threading import Event, Lock
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from qd.errors import ModelError, QDError, nearest
from qd.models._session import Answer, Session
from qd.models._traffic import Trouble
from qd.models.language_model import Ids, LanguageModel, Reply
from qd.models.words import Words

log = logging.getLogger("qd")

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_ROUTES = ("chat", "completions")
_MOST_STOPS = 4  # that servers take; the rest is cut here
_MOST_LISTED = 20  # top_logprobs of a request
_LEAST = 1e-12  # probability of a choice
_OPENING = Lock()


@dataclass(frozen=True)
class Endpoint(LanguageModel):
    """A model at an address, asked through the ``openai`` client: ``pip install 'qd-evolution[endpoint]'``.

    The key is read from the environment when the first request goes, and is nowhere else: not in the settings, nor in
    what is stored, logged or sent to other processes. The first request goes alone, so that a wrong key or address
    costs one. What may pass (429, 500 and up, timeouts, a lost connection) is tried again, after what ``Retry-After``
    says or else after a wait that doubles; 401, 403 and 404 are not.

    Endpoints show no tokenizer: ids are UTF-8 bytes, but for the words in ``vocabulary``, which have ids of their own;
    give the words that ``score_choices`` is asked about. Limits and budgets count for one process: with several ranks,
    divide.

    >>> Endpoint("small", "http://127.0.0.1:8000/v1", key_variable="").identity
    'endpoint small http://127.0.0.1:8000/v1 ...'
    """

    model: str
    """The model's name at the server."""
    base_url: str = "https://api.openai.com/v1"
    """The address that the routes follow, as the client takes it."""
    key_variable: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key; empty: the server wants none."""
    route: Literal["chat", "completions"] = "chat"
    """Whether a text is a user's message (``/chat/completions``) or to be gone on with (``/completions``)."""
    system: str = ""
    """The system message before each text; the route ``chat`` alone has one."""
    vocabulary: Sequence[str] = ()
    """Words with an id of their own: those that are chosen among, and those that prompts are written with."""
    timeout: float = 60.0
    """Seconds without a byte after which a request has failed."""
    retries: int = 5
    """How often a request is sent again."""
    backoff: float = 1.0
    """Seconds before the first retry; each next wait is twice as long."""
    patience: float = 120.0
    """Seconds of waiting at most; a server that asks for more has failed."""
    concurrency: int = 4
    """Requests under way at once."""
    requests_per_minute: float = inf
    """Requests go at an even pace, no more than so many."""
    tokens_per_minute: float = inf
    """The same for tokens, read and written."""
    max_requests: float = inf
    """Budget: requests in all, retries counted."""
    max_tokens_total: float = inf
    """Budget: tokens in all. A request is not sent where it could go beyond."""
    cut: Literal["error", "keep"] = "error"
    """What becomes of a reply that ``max_tokens`` cut off."""
    limit_field: str = "max_tokens"
    """What the server calls the most tokens to write; newer servers say ``max_completion_tokens``."""
    omit: tuple[str, ...] = ()
    """Fields that are not sent since the server refuses them: ``temperature``, ``seed``, ``stop``, ``top_logprobs``."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields that are sent besides, such as ``{"reasoning_effort": "low"}``."""
    context_length: int = 2**31 - 1
    """Tokens that fit, where it is known."""

    resumable = (
        "timeout", "retries", "backoff", "patience", "concurrency", "requests_per_minute", "tokens_per_minute",
        "max_requests", "max_tokens_total", "key_variable",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not self.model:
            raise QDError("Endpoint.model: got nothing, wanted the model's name at the server")
        try:
            url = urlsplit(self.base_url)
            host = url.hostname if url.port != 0 else None
        except ValueError:
            url, host = urlsplit(""), None
        if url.scheme not in ("http", "https") or not host or url.username or url.password or url.query:
            raise QDError("Endpoint.base_url: wanted an address such as https://api.openai.com/v1, without a user, a "
                          "password or a query; the key is given by Endpoint.key_variable")  # fmt: skip
        if self.key_variable and not _VARIABLE.fullmatch(self.key_variable):
            raise QDError("Endpoint.key_variable: wanted the name of an environment variable in capitals, such as "
                          "OPENAI_API_KEY; what was given is not shown, in case it is the key itself")  # fmt: skip
        for name, known in (("route", _ROUTES), ("cut", ("error", "keep"))):
            if getattr(self, name) not in known:
                raise QDError(
                    f"Endpoint.{name}: got {getattr(self, name)!r}, {nearest(str(getattr(self, name)), known)}"
                )
        if self.system and self.route != "chat":
            raise QDError("Endpoint.system: the route 'completions' has no system message; put it into the prompt")
        for name in ("timeout", "concurrency", "requests_per_minute", "tokens_per_minute", "context_length"):
            self._at_least(name, 1 if name in ("concurrency", "context_length") else 1e-3)
        for name in ("retries", "backoff", "patience", "max_requests", "max_tokens_total"):
            self._at_least(name, 0)
        object.__setattr__(self, "vocabulary", tuple(self.vocabulary))
        object.__setattr__(self, "omit", tuple(self.omit))
        _ = self._words  # raises for what is no word

    def _at_least(self, name: str, least: float) -> None:
        value = getattr(self, name)
        endless = name.endswith(("_per_minute", "max_requests", "max_tokens_total"))
        if not isinstance(value, int | float) or not (value >= least and (endless or isfinite(value))):
            raise QDError(f"Endpoint.{name}: got {value!r}, wanted a number of at least {least}")

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def identity(self) -> str:
        """Model, address, and a hash of whatever else its answers depend on."""
        names = ("route", "system", "vocabulary", "cut", "limit_field", "omit")
        rest = repr([getattr(self, name) for name in names] + [sorted(self.extra.items())])
        return f"endpoint {self.model} {self.base_url} {blake2b(rest.encode(), digest_size=8).hexdigest()}"

    @property
    def spent(self) -> tuple[int, int]:
        """Requests and tokens of this process so far."""
        session: Session | None = self.__dict__.get("_opened")
        return (session.traffic.requests, round(session.traffic.tokens)) if session else (0, 0)

    # ------------------------------------------------------------ the alphabet

    @cached_property
    def _words(self) -> Words:
        return Words(dict.fromkeys(self.vocabulary), "Endpoint.vocabulary")

    def encode(self, text: str) -> Ids:
        return self._words.encode(text)

    def decode(self, ids: Ids) -> str:
        return self._words.decode(ids)

    def word_ids(self) -> Ids:
        """(v,) the words of ``vocabulary``, after a space."""
        return self._words.beginnings()

    # ------------------------------------------------------------ answers

    def generate(
        self,
        texts: Sequence[str],
        max_tokens: int = 128,
        temperature: float = 0.0,
        seeds: NDArray[np.uint64] | None = None,
        stop: Sequence[str] = (),
    ) -> list[Reply]:
        """What the model writes after each text, in their order.

        A text whose request fails has a reply that says why; so has one whose answer is empty, garbled, or cut off by
        ``max_tokens`` (unless ``cut`` keeps those). Servers treat seeds as a wish: to have the same answers in a
        resumed run, wrap the model in ``Remembered``.

        Raises:
            ModelError: where no text got an answer and none could have: a wrong key or address, a spent budget.
        """
        stops = [end for end in stop if end]
        bodies = []
        for row, text in enumerate(texts):
            body = self._body(text) | {self.limit_field: int(max_tokens), "temperature": float(temperature)}
            if stops:
                body["stop"] = stops[:_MOST_STOPS]
            if seeds is not None and temperature > 0:
                body["seed"] = int(seeds[row]) % 2**31  # what all servers take
            bodies.append(body)
        return [self._reply(answer, stops) for answer in self._answers(bodies)]

    def score_choices(self, prefix: Ids, items: Sequence[Ids], choices: Ids) -> NDArray[np.float64]:
        """How likely each choice is as the first token of the answer, among the choices alone.

        The server lists its likeliest first tokens, 20 at most. A choice has the probability of the listed tokens that
        are the choice, or a beginning of it and of no other; spaces are not looked at. A choice that is not listed gets
        as much as it could have at most: an even share of what the list leaves, and no more than the last listed. The
        row is then divided by its sum. Where no choice is listed all are equally likely, and a warning says so once.

        Raises:
            ModelError: where a request fails, or the server lists no probabilities.
        """
        texts = [self.decode(np.concatenate([prefix, item])) for item in items]
        names = [
            self._words.spelled(int(choice)).decode(errors="replace").strip() for choice in self._words.checked(choices)
        ]
        if "" in names:
            raise QDError(f"choices: got {names}, wanted words, and none of white space")
        if len(set(names)) < len(names):
            raise QDError(f"choices: got {names}: two are the same; where they are single bytes of longer words, give "
                          "these words in Endpoint.vocabulary")  # fmt: skip
        if "" in texts:
            raise QDError(f"prefix and item {texts.index('')} are empty, wanted at least one token")
        asked = {"logprobs": True, "top_logprobs": _MOST_LISTED} if self.route == "chat" else {"logprobs": _MOST_LISTED}
        bodies = [self._body(text) | {self.limit_field: 1, "temperature": 0.0, **asked} for text in texts]
        rows = np.empty((len(items), len(names)))
        for row, answer in enumerate(self._answers(bodies)):
            if isinstance(answer, Trouble):
                raise ModelError(f"item {row} of {len(items)}: {answer.reason}")
            rows[row] = self._renormalised(_listed(answer.choice, self.route), names)
        return rows

    def _renormalised(self, listed: list[tuple[str, float]], names: list[str]) -> NDArray[np.float64]:
        if not listed:
            raise ModelError(f"Endpoint.base_url: {self.base_url} lists no probabilities of tokens (logprobs) for "
                             f"{self.model!r}, so choices cannot be scored; take a server that does, or a task that "
                             "reads written answers")  # fmt: skip
        found = np.zeros(len(names))
        for token, probability in listed:
            begun = [place for place, name in enumerate(names) if token.strip() and name.startswith(token.strip())]
            exact = [place for place in begun if names[place] == token.strip()]
            if len(exact or begun) == 1:
                found[(exact or begun)[0]] += probability
        missing = found == 0
        if missing.all():
            if self._session.first_warning():
                likeliest, _ = max(listed, key=lambda pair: pair[1])
                log.warning("%s answers %r rather than one of %s: they count as equally likely. Does the prompt say "
                            "what to answer with?", self.model, likeliest, names)  # fmt: skip
            return np.full(len(names), 1 / len(names))
        left = 1 - sum(probability for _, probability in listed)
        most = min(left / max(1, missing.sum()), *(probability for _, probability in listed))
        found[missing] = max(most, _LEAST)
        return np.asarray(found / found.sum(), np.float64)

    def _reply(self, answer: Answer | Trouble, stops: list[str]) -> Reply:
        if isinstance(answer, Trouble):
            return Reply("", 0, answer.reason)
        said = answer.choice.get("message") if self.route == "chat" else answer.choice
        text = said.get("content" if self.route == "chat" else "text") if isinstance(said, dict) else None
        reason = answer.choice.get("finish_reason")
        error = ""
        if reason == "length" and self.cut == "error":
            error = (
                "half an answer: max_tokens cut it off (finish_reason length); allow more, or set Endpoint.cut='keep'"
            )
        elif reason == "content_filter":
            error = "the server's filter took the answer away (finish_reason content_filter)"
        elif not isinstance(text, str):
            error = f"the answer holds no text (finish_reason {reason})"
        if error:
            return Reply("", answer.tokens, error)
        text = str(text).encode(errors="replace").decode()  # half a pair of surrogates is no text
        ends = [place for end in stops if (place := text.find(end)) >= 0]
        return Reply(text[: min(ends, default=len(text))], answer.tokens)

    # ------------------------------------------------------------ requests

    def _body(self, text: str) -> dict[str, Any]:
        if self.route == "completions":
            return {"prompt": text}
        system = [{"role": "system", "content": self.system}] if self.system else []
        return {"messages": [*system, {"role": "user", "content": text}]}

    @property
    def _session(self) -> Session:
        """The session of this process; one that came over a fork is left alone. Raises ModelError without a key."""
        with _OPENING:
            session: Session | None = self.__dict__.get("_opened")
            if session is None or session.process != os.getpid():
                session = Session(self)
                object.__setattr__(self, "_opened", session)
            return session

    def _answers(self, bodies: list[dict[str, Any]]) -> list[Answer | Trouble]:
        """The answer to each request, or why there is none.

        Raises:
            ModelError: where there is none to any, and would be none to others.
        """
        if not bodies:
            return []
        session, halt = self._session, Event()
        finals: list[Trouble] = []

        def answered(body: dict[str, Any]) -> Answer | Trouble:
            if finals:
                return finals[0]
            try:
                return session.ask(body, halt)
            except Trouble as trouble:
                if trouble.final:
                    finals.append(trouble)
                    halt.set()
                return trouble

        alone = 0 if session.met else 1
        answers = [answered(body) for body in bodies[:alone]]
        if bodies[alone:]:
            pool = ThreadPoolExecutor(min(int(self.concurrency), len(bodies)))
            try:
                answers += pool.map(answered, bodies[alone:])
            finally:  # after an interruption nobody waits for what is under way
                halt.set()
                pool.shutdown(wait=False, cancel_futures=True)
        if finals and not any(isinstance(one, Answer) for one in answers):
            raise ModelError(finals[0].reason)
        return answers


def _listed(choice: dict[str, Any], route: str) -> list[tuple[str, float]]:
    """The first token's likeliest, each with its probability; none where the server does not say."""
    about = choice.get("logprobs")
    try:
        if route == "chat":
            pairs = [(one["token"], one["logprob"]) for one in about["content"][0]["top_logprobs"]]  # type: ignore[index]
        else:
            pairs = list(about["top_logprobs"][0].items())  # type: ignore[index]
        return [(str(token), exp(min(0.0, float(logprob)))) for token, logprob in pairs]
    except (TypeError, KeyError, IndexError, ValueError, AttributeError):
        return []
