"""SIGINT and SIGTERM: the first asks for a checkpoint and a clean end, a second SIGINT leaves at once."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any


class StopRunError(BaseException):
    """A signal came while fitness ran; not an Exception, so that a problem's own handlers let it through."""


class Signals:
    """The handlers, for as long as the block lasts (in the main thread; elsewhere they stay as they were).

    Attributes:
        received: the number of the last signal; 0 where none came.
        interruptible: whether StopRunError may be raised at this moment.
    """

    def __init__(self) -> None:
        self.received = 0
        self.interruptible = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: Any) -> None:
        if self.received and number == signal.SIGINT:
            os._exit(128 + number)
        first, self.received = not self.received, number
        if first and self.interruptible:
            raise StopRunError
