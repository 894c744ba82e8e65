"""One process's talk with an endpoint: the client and its key, retries, and what each failure means."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import isfinite
from threading import Event, Semaphore
from time import time
from typing import TYPE_CHECKING, Any
from zlib import crc32

from qd.errors import ModelError
from qd.models._traffic import Traffic, Trouble

if TYPE_CHECKING:
    from qd.models.endpoint import Endpoint

log = logging.getLogger("qd")

_BYTES_A_TOKEN = 3.0  # of text, on the safe side: what a request may take before the server has counted
_PASSES = (408, 409, 429)  # what may be better the next time, and all from 500 on


@dataclass(frozen=True)
class Answer:
    """What a server answered to one request: the first choice, and the tokens read and written."""

    choice: dict[str, Any]
    tokens: int


class Session:
    """The client of one process, with its counts. Raises ModelError where there is no key or no client."""

    def __init__(self, settings: Endpoint) -> None:
        self.settings = settings
        self.process = os.getpid()
        self.met = False
        """Whether the server has answered anything yet."""
        self.traffic = Traffic(
            60 / settings.requests_per_minute,
            60 / settings.tokens_per_minute,
            settings.max_requests,
            settings.max_tokens_total,
        )
        self._slots = Semaphore(int(settings.concurrency))  # threads that share the model share them
        self._warned = False
        name = settings.key_variable
        self._key = os.environ.get(name, "").strip() if name else ""
        if name and not self._key:
            raise ModelError(f"Endpoint.key_variable: the environment has no {name}; export {name}=... with the key, "
                             "or set key_variable to '' where the server wants none")  # fmt: skip
        if not self._key.isascii() or not self._key.isprintable():
            raise ModelError(f"Endpoint.key_variable: {name} holds characters that no key has; is it copied whole?")
        try:
            import openai
        except ImportError:
            raise ModelError(
                "Endpoint: the openai client is not installed: pip install 'qd-evolution[endpoint]'"
            ) from None
        self._openai = openai
        client = openai.OpenAI(
            api_key=self._key or "none", base_url=settings.base_url, timeout=settings.timeout, max_retries=0
        )
        route: Any = client.chat.completions if settings.route == "chat" else client.completions
        self._create = route.with_raw_response.create

    def first_warning(self) -> bool:
        """True the first time alone."""
        first, self._warned = not self._warned, True
        return first

    def ask(self, body: dict[str, Any], halt: Event) -> Answer:
        """The answer to one request, after as many retries as it takes.

        Args:
            body: its fields, but for the model.
            halt: set where nobody waits for the answer any more.

        Raises:
            Trouble: where there is none.
        """
        settings = self.settings
        body = {name: value for name, value in body.items() if name not in settings.omit} | dict(settings.extra)
        text = json.dumps(body, ensure_ascii=False, sort_keys=True).encode(errors="replace")
        reserved = len(text) / _BYTES_A_TOKEN + float(body.get(settings.limit_field, 0))
        for attempt in range(settings.retries + 1):
            if halt.is_set():
                raise Trouble("not asked, since another request has failed for good")
            self.traffic.admit(reserved, lambda seconds: wait(halt, seconds))
            used = 0.0
            try:
                with self._slots:
                    answer = self._sent(body, reserved)
                used = answer.tokens
                return answer
            except Trouble as trouble:
                seconds = trouble.wait
                if seconds is None:  # twice as long each time, and no two texts at the same moment
                    spread = 0.75 + 0.5 * crc32(text) / 2**32
                    seconds = min(settings.patience, settings.backoff * 2**attempt * spread)
                if not trouble.again:
                    raise
                if seconds > settings.patience:
                    raise Trouble(f"{trouble.reason}; it asks to wait {seconds:.0f} s, and Endpoint.patience is "
                                  f"{settings.patience:g} s") from None  # fmt: skip
                if attempt == settings.retries:
                    tried = f" (tried {attempt + 1} times, Endpoint.retries)" if attempt else ""
                    raise Trouble(trouble.reason + tried, final=not self.met) from None
                if trouble.wait:
                    self.traffic.pause(trouble.wait)
                log.info("%s: %s; again in %.1f s", settings.model, trouble.reason, seconds)
            finally:
                self.traffic.settle(reserved, used)
            wait(halt, seconds)
        raise AssertionError("the last attempt returns or raises")

    def _sent(self, body: dict[str, Any], reserved: float) -> Answer:
        """The answer to one request, sent once. Raises Trouble."""
        given = "messages" if self.settings.route == "chat" else "prompt"
        rest = {name: value for name, value in body.items() if name != given}
        try:
            raw = self._create(model=self.settings.model, **{given: body[given]}, extra_body=rest)
            content = raw.http_response.content
        except self._openai.APITimeoutError:
            raise Trouble(f"Endpoint.timeout: no answer within {self.settings.timeout:g} s", again=True) from None
        except self._openai.APIConnectionError as error:
            raise self._unreachable(error) from None
        except self._openai.APIStatusError as error:
            raise self._refused(error) from None
        except self._openai.OpenAIError as error:
            raise Trouble(self._safe(f"the client says: {error}")) from None
        self.met = True
        return self._read(content, reserved)

    def _read(self, content: bytes, reserved: float) -> Answer:
        """What is in an answer's body. Raises Trouble where it is garbled, or the half of one."""
        try:
            tree = json.loads(content)
        except ValueError:
            begins = self._safe(content[:80].decode(errors="replace"))
            raise Trouble(f"the server's answer is no JSON, or the half of it: it begins with {begins!r}") from None
        choices = tree.get("choices") if isinstance(tree, dict) else None
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            error = tree.get("error") if isinstance(tree, dict) else None
            said = f", but says {self._safe(str(error))[:200]}" if error else ""
            raise Trouble(f"the server's answer holds no choices{said}")
        usage = tree.get("usage")
        counted = usage.get("total_tokens") if isinstance(usage, dict) else None
        if not isinstance(counted, int | float) or not isfinite(counted) or counted < 0:
            counted = reserved
        return Answer(choices[0], round(counted))

    # ------------------------------------------------------------ what failures mean

    def _unreachable(self, error: Exception) -> Trouble:
        settings = self.settings
        causes = list(_causes(error))
        if any(isinstance(cause, socket.gaierror) for cause in causes) or "Name or service" in str(causes[-1]):
            return Trouble(f"Endpoint.base_url: the host of {settings.base_url} is not known ({causes[-1]}); is the "
                           "address right, and is there a network?", again=self.met, final=not self.met)  # fmt: skip
        why = self._safe(str(causes[-1]) or type(causes[-1]).__name__)
        return Trouble(f"Endpoint.base_url: {settings.base_url} cannot be reached, or the connection broke ({why}); is "
                       "the server running?", again=True)  # fmt: skip

    def _refused(self, error: Any) -> Trouble:
        settings, status = self.settings, int(error.status_code)
        said, code = self._said(error)
        where = f"{status}: {said}"
        if status in (401, 403):
            mend = f"is the key in {settings.key_variable} right, and may it use {settings.model!r}?"
            if not settings.key_variable:
                mend = "it wants a key: name the environment variable that holds it"
            return Trouble(f"Endpoint.key_variable: the server refuses the key ({where}); {mend}", final=True)
        if status == 404:
            return Trouble(f"Endpoint.model, Endpoint.base_url: the server knows no model {settings.model!r}, or no "
                           f"route {settings.route!r} below {settings.base_url} ({where})", final=True)  # fmt: skip
        if code == "insufficient_quota":
            return Trouble(f"Endpoint.key_variable: the account of the key has nothing left ({where})", final=True)
        if status in _PASSES or status >= 500:
            return Trouble(f"the server answers {where}", again=True, wait=_retry_after(error.response.headers))
        for name in ("max_tokens", "top_logprobs", "logprobs", "temperature", "seed", "stop"):
            if name in said:
                setting = "Endpoint.limit_field" if name == "max_tokens" else "Endpoint.omit, or in Endpoint.extra,"
                return Trouble(f"the server refuses {name} ({where}); {setting} can say it otherwise, or leave it out")
        return Trouble(f"the server refuses the request ({where})")

    def _said(self, error: Any) -> tuple[str, str]:
        """What the server says of a failure, and its code."""
        body = error.body
        inner = body.get("error", body) if isinstance(body, dict) else body
        if isinstance(inner, dict):
            return self._safe(str(inner.get("message") or inner))[:300], str(inner.get("code") or "")
        return self._safe(" ".join(str(inner or error.response.reason_phrase).split()))[:300], ""

    def _safe(self, text: str) -> str:
        """A text without the key: servers may quote it."""
        return text.replace(self._key, "***") if self._key else text


def wait(halt: Event, seconds: float) -> None:
    """Wait, but not after ``halt``."""
    halt.wait(seconds)


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    inner = error.__cause__ or error.__context__
    if inner is not None:
        yield from _causes(inner)


def _retry_after(headers: Any) -> float | None:
    """Seconds that a server asks to wait: a number, or a date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(value).timestamp() - time()
            except (ValueError, TypeError):
                continue
        if isfinite(seconds):
            return max(0.0, seconds)
    return None
