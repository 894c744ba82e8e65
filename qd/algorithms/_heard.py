"""What a person says while a search goes on: a text file that is read anew, and a journal of what was heard when."""

from __future__ import annotations

import json
from pathlib import Path

from qd.errors import QDError
from qd.store.files import write_atomic

_MOST_LINE = 500  # characters


def said(file: str, seed: int, generation: int, known: list[str]) -> list[str]:
    """The lines that a person has added to a file since the last generation, at most 500 characters each.

    What a generation heard is written down beside the file before anything is made of it, so that a run that was
    killed and resumed hears the same, whatever the file says by then. A file that is such a journal is replayed.

    Args:
        file: where the person writes; it may not exist yet. A name that ends in ``.jsonl`` is a journal.
        seed: the run's; each has its own journal.
        generation: from 0 on: at 0 a journal that an earlier run left is begun anew.
        known: lines that were heard before.

    Raises:
        QDError: a journal that cannot be read.
    """
    if file.endswith(".jsonl"):
        return _journal(Path(file)).get(generation, [])
    journal = Path(f"{file}.{seed}.jsonl")
    if generation == 0:
        journal.unlink(missing_ok=True)
    before = _journal(journal) if journal.exists() else {}
    if generation in before:
        return before[generation]
    text = Path(file).read_text("utf-8", errors="replace") if Path(file).is_file() else ""
    lines = [line.strip()[:_MOST_LINE] for line in text.splitlines()]
    new = list(dict.fromkeys(line for line in lines if line and line not in known))
    before[generation] = new
    journal.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(journal, "".join(json.dumps({"generation": g, "said": lines}) + "\n" for g, lines in before.items()))
    return new


def _journal(file: Path) -> dict[int, list[str]]:
    """Generation -> what was heard."""
    found: dict[int, list[str]] = {}
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        raise QDError(
            f"feedback: {file} cannot be read ({error.strerror}); give a text file, or such a run's journal"
        ) from None
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            found[int(entry["generation"])] = [str(text) for text in entry["said"]]
        except (ValueError, KeyError, TypeError):
            raise QDError(f"feedback: {file}, line {number} is no entry of a journal; remove it") from None
    return found
