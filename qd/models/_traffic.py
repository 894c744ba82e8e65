"""When a request to an endpoint may go, and whether it may: limits a minute, pauses, budgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic


class Trouble(Exception):
    """Why a request came to nothing.

    Args:
        reason: for people, with the setting and the mend.
        again: whether the same request may succeed later.
        wait: seconds that the server asks to wait before that.
        final: whether every other request would end the same.
    """

    def __init__(self, reason: str, again: bool = False, wait: float | None = None, final: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.again, self.wait, self.final = reason, again, wait, final


@dataclass
class Traffic:
    """What one process has sent, and when it may send more; shared by threads.

    Args:
        request_gap: seconds between two requests.
        token_gap: seconds for each token before the next request.
        max_requests, max_tokens: budgets.
    """

    request_gap: float
    token_gap: float
    max_requests: float
    max_tokens: float
    requests: int = 0
    """Requests sent, those that failed among them."""
    tokens: float = 0.0
    """Tokens that the server counted, and what requests under way may yet take."""
    _free: float = field(default_factory=monotonic)
    _lock: Lock = field(default_factory=Lock)

    def admit(self, tokens: float, wait: Callable[[float], None]) -> None:
        """Wait for the turn of a request that takes at most so many tokens.

        Raises:
            Trouble: where a budget does not allow it.
        """
        with self._lock:
            for name, spent, more, budget in (
                ("max_requests", self.requests, 1, self.max_requests),
                ("max_tokens_total", self.tokens, tokens, self.max_tokens),
            ):
                if spent + more > budget:
                    raise Trouble(f"Endpoint.{name}: the budget is spent: {spent:.0f} of {budget:.0f}, and the next "
                                  f"request may take {more:.0f}; raise it to go on", final=True)  # fmt: skip
            self.requests += 1
            self.tokens += tokens
            now = monotonic()
            turn = max(now, self._free)
            self._free = turn + max(self.request_gap, tokens * self.token_gap)
        if turn > now:
            wait(turn - now)

    def settle(self, reserved: float, used: float) -> None:
        """Put what a request took in the place of the most that it could take."""
        with self._lock:
            self.tokens += used - reserved
            self._free += max(self.request_gap, used * self.token_gap) - max(
                self.request_gap, reserved * self.token_gap
            )

    def pause(self, seconds: float) -> None:
        """No request goes for a while: the server asked for it."""
        with self._lock:
            self._free = max(self._free, monotonic() + seconds)
