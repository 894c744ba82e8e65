"""Where the logger ``qd`` writes while a command runs: stderr, warnings and up unless asked otherwise."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from qd.launcher import launched_rank


class _Stderr(logging.Handler):
    """Writes to whatever stderr is now, and puts a progress bar out of the way first."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            bar = sys.modules.get("tqdm")
            if bar is not None:
                bar.tqdm.write(text, file=sys.stderr)
            else:
                print(text, file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)


@contextmanager
def logging_to_stderr(verbose: bool, quiet: bool) -> Iterator[None]:
    """Log to stderr in the block. Other ranks than the first repeat it, so they log errors alone."""
    rank = launched_rank()
    level = logging.DEBUG if verbose else logging.ERROR if quiet or rank else logging.WARNING
    handler = _Stderr(level)
    handler.setFormatter(logging.Formatter(f"qd: {f'rank {rank}: ' if rank else ''}%(message)s"))
    log = logging.getLogger("qd")
    before = log.level
    log.addHandler(handler)
    log.setLevel(level)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
