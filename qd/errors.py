"""The one family of errors: what was given, what was wanted, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class QDError(ValueError):
    """Bad input or a run that cannot go on. The message names the field and the mend."""


class ProblemError(QDError):
    """A problem breaks its contract: wrong length, wrong width, undeclared names."""


class ModelError(QDError):
    """A language model gives no answer: an endpoint that is down, a wrong key, a folder that holds no model."""


class CheckpointError(QDError):
    """A checkpoint or record is damaged, of another format, or does not belong to this run."""


class StoppedError(QDError):
    """The machine ended a run that was going well: a full disk, a silent rank. It can be resumed."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a mistyped name: the closest known one, or all of them when none is close."""
    options = sorted(known)
    close = get_close_matches(name, options, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(options) or 'none'}"
