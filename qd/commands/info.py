"""``qd info``: what is known of a run from its folder, also while it is still going. Nothing is executed."""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

from qd.commands.run import first_reason
from qd.errors import CheckpointError, QDError
from qd.store.archive_file import read_archives
from qd.store.checkpoint import checkpoints, read_checkpoint
from qd.store.files import RunFolder, read_json

_TAIL = 1 << 16  # bytes of a table that are read for its last row


def info(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd info RUN``."""
    folder = RunFolder(args.run)
    folder.check()
    known = gathered(folder)
    print(json.dumps(known, indent=2) if args.json else in_words(known))
    if known["archive_error"]:
        raise QDError(known["archive_error"])
    return 0


def gathered(folder: RunFolder) -> dict[str, Any]:
    """Everything that a run's folder says, as plain JSON."""
    config = read_json(folder.config)
    summary = read_json(folder.summary) if folder.summary.exists() else None
    saved = _checkpoints(folder)
    archives: dict[str, int] = {}
    archive_error = None
    if folder.archive.exists():
        try:
            archives = {name: len(archive) for name, archive in read_archives(folder.archive).items()}
        except QDError as error:
            archive_error = str(error)
    return {
        "folder": str(folder.path),
        "state": _state(summary, saved),
        "last_sign_of_life": _age(folder),
        "settings": config.get("settings"),
        "source": config.get("source"),
        "versions": config.get("versions"),
        "progress": _last_row(folder.metrics),
        "summary": summary,
        "failures": _failures(folder),
        "archives": archives,
        "archive_error": archive_error,
        "checkpoints": saved,
    }


def _state(summary: Any, saved: list[dict[str, Any]]) -> str:
    newest = next((entry for entry in saved if entry["good"]), None)
    if summary and summary.get("finished") and (newest is None or newest["finished"]):
        return "finished"
    if summary and not summary.get("finished") and (newest is None or newest["told"] == summary["generations"]):
        return "stopped"
    return "going, or ended without a word"


def _age(folder: RunFolder) -> float | None:
    """Seconds since the newest file of the run was written."""
    times = []
    for file in (folder.config, folder.metrics, folder.summary, *checkpoints(folder.checkpoints)):
        try:
            times.append(file.stat().st_mtime)
        except OSError:
            continue
    return round(max(0.0, time.time() - max(times)), 1) if times else None


def _last_row(path: Path) -> dict[str, Any] | None:
    """The last whole row of a table."""
    try:
        with open(path, "rb") as file:
            head = file.readline().decode()
            file.seek(max(file.tell(), path.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").splitlines(keepends=True)
    except OSError:
        return None
    whole = [line for line in lines if line.endswith("\n")]
    if not head.endswith("\n") or not whole:
        return None
    names, values = list(csv.reader([head, whole[-1]]))
    return {name: _number(value) for name, value in zip(names, values, strict=False)}


def _number(text: str) -> Any:
    if text == "":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _failures(folder: RunFolder) -> dict[str, Any]:
    """How many are written down, by status; the first's reason."""
    count: dict[str, int] = {}
    try:
        with open(folder.failures) as file:
            for line in file:
                try:
                    status = str(json.loads(line)["status"])
                except (ValueError, KeyError, TypeError):
                    continue
                count[status] = count.get(status, 0) + 1
    except OSError:
        pass
    return {"kept": count, "first": first_reason(folder.path) if count else None}


def _checkpoints(folder: RunFolder) -> list[dict[str, Any]]:
    """Newest first: file, bytes, good or what is wrong, evaluations."""
    found = []
    for file in checkpoints(folder.checkpoints):
        entry: dict[str, Any] = {"file": file.name, "good": True, "error": None, "finished": False}
        try:
            entry["bytes"] = file.stat().st_size
            tree = read_checkpoint(file)
            entry["finished"] = bool(tree["loop"]["finished"])
            entry["evaluations"] = tree["recorder"]["evaluations"]
            entry["told"] = tree["recorder"]["requests"]
        except (OSError, CheckpointError, KeyError, TypeError) as error:
            if not file.exists():  # a run that is going has dropped it
                continue
            entry |= {"good": False, "error": str(error)}
        found.append(entry)
    return found


def in_words(known: dict[str, Any]) -> str:
    """What ``gathered`` found, for people."""
    settings, source = known["settings"] or {}, known["source"] or {}
    age = known["last_sign_of_life"]
    lines = [
        f"{known['folder']}: {known['state']}" + (f", last written {age:,.0f} s ago" if age is not None else ""),
        f"experiment   {settings.get('name') or '(no name)'}, seed {settings.get('seed')}, "
        f"budget {_short(settings.get('budget'))}",
    ]
    if source.get("file"):
        lines.append(f"file         {source['file']}")
    if source.get("overrides"):
        lines.append(f"overrides    {' '.join(source['overrides'])}")
    for name in ("problem", "algorithm", "evaluator"):
        lines.append(f"{name:<12} {_short(settings.get(name))}")
    row = known["progress"] or {}
    if row:
        shown = [f"{key} {_short(value)}" for key, value in row.items() if value is not None]
        lines.append(f"progress     {', '.join(shown)}")
    else:
        lines.append("progress     no generation yet")
    if known["failures"]["kept"]:
        kept = ", ".join(f"{count} {status}" for status, count in known["failures"]["kept"].items())
        lines.append(f"failures     {kept}; the first: {known['failures']['first']}")
    if known["archive_error"]:
        lines.append("archives     cannot be read, see below")
    elif known["archives"]:
        lines.append(f"archives     {', '.join(f'{name} ({n} elites)' for name, n in known['archives'].items())}")
    for entry in known["checkpoints"]:
        about = f"good, at {entry['evaluations']:,} evaluations" if entry["good"] else entry["error"]
        lines.append(f"checkpoint   {entry['file']}: {about}")
    if not known["checkpoints"]:
        lines.append("checkpoint   none")
    if known["summary"]:
        lines.append(f"digest       {known['summary'].get('digest')}")
    return "\n".join(lines)


def _short(value: Any) -> str:
    """A setting in one line: a class with its own fields in brackets."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        inside = ", ".join(f"{key}={_short(item)}" for key, item in value.items() if key != "class")
        name = str(value.get("class", "")).rpartition(":")[2]
        return f"{name}({inside})" if name else f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(_short(item) for item in value[:8])}{', ...' if len(value) > 8 else ''}]"
    return str(value)
