"""``report.html``: one page about a run, in one file without scripts: its numbers, pictures, best elites, failures and
costs, how to make it again, and its settings.

It says what the run's folder says. What is not known is left out, and everything is shown as text.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from qd.errors import QDError
from qd.result import Result
from qd.store.files import RunFolder, read_json, write_atomic
from qd.view.page import Html, cards, code, figures, folded, heading, note, page, picture, table
from qd.view.report_elites import best_elites

_PICTURES = 2_000_000  # bytes of all pictures in the page: base64 makes a third more of them
_TRACE = 4000  # characters of a failure's reason
_GROUPS = 20
_NUMBERS = re.compile(r"\bnan\b|\binf\b|[-+]?\d[\w.+-]*")
_LISTS = re.compile(r"#(?:[\s,]+#)+")
_CAPTIONS = (
    ("archive", "The archive: each cell's elite, coloured by its objective."),
    ("objectives", "The front: what no other elite beats in every objective."),
    ("positions", "Where evaluations came to lie, by generation."),
    ("metrics", "How the numbers grew over the evaluations."),
    ("solution", "The best solution, in the episode that it was judged by."),
    ("emitters", "Emitters, and what they found."),
    ("space", "The learned space through time."),
    ("reconstructions", "Observations, and what the encoder makes of them."),
    ("curves", "Novelty, surprise and reward areas over time."),
    ("prompt_lengths", "How long the prompts became."),
    ("prompt_map", "Prompts by their measures."),
    ("prompt_lineage", "How the best prompt came about."),
    ("prompt_influence", "What each token does to the objective."),
    ("prompt", "The best prompt."),
    ("success", "True success of what was selected."),
    ("sketches", "What the rewards teach."),
)


def write_report(result: Result, out: str | Path | None = None) -> Path:
    """Write a run's report.

    Args:
        result: live, or of ``qd.load``.
        out: the file; ``report.html`` in the run's folder by default.

    Raises:
        QDError: a run that was kept in memory and no ``out``; or a path that cannot be written.
    """
    if out is None and result.path is None:
        raise QDError("report: the run was kept in memory; name a file, e.g. result.report('report.html')")
    path = Path(out) if out is not None else RunFolder(result.path or Path()).report
    title, parts = report_parts(result)
    try:
        write_atomic(path, page(title, parts), sync=False)
    except OSError as error:
        raise QDError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path


def report_parts(result: Result) -> tuple[str, list[Html]]:
    """The title and the sections of a run's report."""
    folder = RunFolder(result.path) if result.path is not None else None
    config = read_json(folder.config) if folder is not None and folder.config.is_file() else {}
    config = config if isinstance(config, dict) else {}
    summary = result.summary
    title = f"{summary.get('algorithm') or '?'} on {summary.get('problem') or '?'}, seed {summary.get('seed')}"
    parts = [heading(title, 1), note(_subtitle(result)), cards(_headline(summary))]
    parts += _figures(folder)
    parts += best_elites(result)
    parts += _failures(folder, summary)
    parts += _costs(summary)
    parts += _again(config, summary, folder)
    parts += _settings(config, result)
    return title, parts


def _subtitle(result: Result) -> str:
    states = {"finished": "finished", "stopped": "stopped by a signal, and can be resumed", "going":
              "not ended: these are the numbers of its newest checkpoint"}  # fmt: skip
    name = result.summary.get("experiment")
    where = str(result.path) if result.path is not None else "kept in memory"
    return " · ".join([*([str(name)] if name else []), where, states[result.state]])


def number(value: Any) -> str:
    """A number for reading; empty where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.6g}" if isfinite(value) else ""


def _headline(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "evaluations", number(summary.get("evaluations"))
    coverage = summary.get("coverage")
    if isinstance(coverage, float) and isfinite(coverage):
        yield "coverage", f"{coverage:.1%}"
    for key, label in (("qd_score", "QD score"), ("best_objective", "best objective")):
        if text := number(summary.get(key)):
            yield label, text
    for name, count in (summary.get("archives") or {}).items():
        yield f"elites in {name!r}", number(count)
    if failed := summary.get("failed"):
        yield "failed evaluations", number(failed)
    if text := number(summary.get("seconds")):
        yield "seconds", text


# ---------------------------------------------------------------- how to make it again


def _again(config: dict[str, Any], summary: dict[str, Any], folder: RunFolder | None) -> list[Html]:
    source = config.get("source") or {}
    parts = [heading("How to make it again")]
    if command := again_command(config):
        parts.append(code(command))
    elif config:
        parts.append(note("The run was started from Python: qd.run(experiment, out=...), with the settings below."))
    rows: list[tuple[str, Any]] = []
    if (seed := summary.get("seed")) is not None:
        rows.append(("seed", str(seed)))
    if source.get("file"):
        rows.append(("file", source["file"]))
        rows.append(("SHA-256 of the file", source.get("sha256")))
    if source.get("overrides"):
        rows.append(("overrides", " ".join(map(str, source["overrides"]))))
    if summary.get("digest"):
        sure = "" if summary.get("digest_promised", True) else " (of this time only: evaluations timed out)"
        rows.append(("digest", f"{summary['digest']}{sure}"))
    if config.get("git_commit"):
        rows.append(("commit", config["git_commit"]))
    if versions := config.get("versions"):
        rows.append(("versions", ", ".join(f"{name} {version}" for name, version in versions.items())))
    if machine := config.get("machine"):
        rows.append(("machine", ", ".join(str(part) for part in machine.values() if part)))
    if summary.get("evaluator"):
        rows.append(("evaluator", summary["evaluator"]))
    parts.append(table(rows, kinds=("name", "")))
    if summary.get("digest") and folder is not None:
        parts.append(note("The same digest means the same evaluations and archives, to the bit: qd digest "
                          f"{shlex.quote(str(folder.path))}"))  # fmt: skip
    return parts


def again_command(config: dict[str, Any]) -> str:
    """The command that starts a run of these settings; empty where it was not started by the qd command."""
    source, settings = config.get("source") or {}, config.get("settings") or {}
    if not source.get("file"):
        return ""
    overrides = [str(entry).partition("=") for entry in source.get("overrides", [])]
    words = ["qd", "run", str(source["file"]), *(f"--{name}={value}" for name, _, value in overrides)]
    if not any(name == "seed" for name, _, _ in overrides) and settings.get("seed") is not None:
        words.append(f"--seed={settings['seed']}")
    return shlex.join(words)


# ---------------------------------------------------------------- settings


def _settings(config: dict[str, Any], result: Result) -> list[Html]:
    settings = config.get("settings")
    if not isinstance(settings, dict) and result.experiment is not None:
        from qd.store.settings import described

        settings = described(result.experiment)
    if not isinstance(settings, dict):
        return []
    rows = [row for key, value in settings.items() if key != "class" for row in _flat(key, value)]
    return [heading("Settings"), table(rows, ("setting", "value"), ("name", ""))]


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A setting, or those inside it, with dotted names."""
    if isinstance(value, dict):
        if "class" in value:
            yield name, str(value["class"]).rpartition(":")[2]
        for key, item in value.items():
            if key != "class":
                yield from _flat(f"{name}.{key}", item)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for place, item in enumerate(value):
            yield from _flat(f"{name}.{place}", item)
    else:
        text = value if isinstance(value, str) else json.dumps(value)
        yield name, text if len(text) <= 400 else f"{text[:400]} ... ({len(text):,} characters)"


# ---------------------------------------------------------------- pictures


def _figures(folder: RunFolder | None) -> list[Html]:
    if folder is None or not folder.plots.is_dir():
        return []
    order = {name: place for place, (name, _) in enumerate(_CAPTIONS)}
    files = sorted(folder.plots.glob("*.png"), key=lambda file: (order.get(_kind(file.stem), 99), file.name))
    made, spent, left = [], 0, 0
    for file in files:
        try:
            size = file.stat().st_size
            if spent + size > _PICTURES:
                left += 1
                continue
            made.append(picture(file.read_bytes(), caption(file.stem)))
        except OSError:
            continue
        spent += size
    if not made and not left:
        return []
    parts = [heading("Pictures"), figures(made)]
    return parts + ([note(f"{left} more in {folder.plots}: they are too large for one page.")] if left else [])


def _kind(stem: str) -> str:
    return next((name for name, _ in _CAPTIONS if stem == name or stem.startswith(f"{name}_")), "")


def caption(stem: str) -> str:
    """What the picture of this file name shows."""
    kind = _kind(stem)
    text = dict(_CAPTIONS).get(kind, stem)
    name = stem.removeprefix(kind).removeprefix("_")
    return f"{text} ({name})" if kind in ("archive", "objectives") and name else text


# ---------------------------------------------------------------- failures


@dataclass
class _Group:
    status: str
    line: str
    whole: str
    first: Any
    count: int = 0


def grouped_failures(folder: RunFolder) -> list[_Group]:
    """What is kept of failed evaluations, by status and last line of the reason, the most frequent first.

    Lines that differ in numbers alone are one reason; the first one stands for it.
    """
    groups: dict[tuple[str, str], _Group] = {}
    try:
        with open(folder.failures, encoding="utf-8", errors="replace") as file:
            for text in file:
                try:
                    entry = json.loads(text)
                    status, reason = str(entry["status"]), str(entry.get("reason", "")).strip()
                except (ValueError, KeyError, TypeError, AttributeError):
                    continue  # the last line of a run that is going may be half written
                line = reason.splitlines()[-1].strip() if reason else "no reason was given"
                group = groups.setdefault(
                    (status, _NUMBERS.sub("#", line)), _Group(status, line, reason, entry.get("id"))
                )
                group.count += 1
    except OSError:
        return []
    return sorted(groups.values(), key=lambda group: -group.count)


def _failures(folder: RunFolder | None, summary: dict[str, Any]) -> list[Html]:
    groups = grouped_failures(folder) if folder is not None else []
    failed = summary.get("failed") or 0
    if not groups and not failed:
        return [heading("Failures"), note("No evaluation failed.")]
    statuses = {name: count for name, count in (summary.get("statuses") or {}).items() if name != "ok" and count}
    said = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in statuses.items())
    total = sum((summary.get("statuses") or {}).values())
    share = f" of {total:,} evaluations" if total else ""
    parts = [heading("Failures"), note(f"{said}{share}." if said else f"{failed:,} evaluations failed.")]
    rows = [
        (number(group.count), group.status.replace("_", " "), _reason(group), str(group.first))
        for group in groups[:_GROUPS]
    ]
    if rows:
        parts.append(table(rows, ("kept", "status", "reason", "first evaluation"), ("number", "", "text", "number")))
    if len(groups) > _GROUPS:
        parts.append(note(f"and {len(groups) - _GROUPS} other reasons: see {folder.failures if folder else ''}"))
    return parts


def _reason(group: _Group) -> Any:
    if group.whole in ("", group.line):
        return group.line[:_TRACE]
    return folded(group.line[:300], code(group.whole[-_TRACE:]))


# ---------------------------------------------------------------- costs


def _costs(summary: dict[str, Any]) -> list[Html]:
    rows: list[tuple[str, str]] = []
    for key, label in (
        ("generations", "generations"), ("evaluations", "evaluations"),
        ("evaluations_per_second", "evaluations a second"), ("seconds", "seconds of search"),
        ("setup_seconds", "seconds before it"), ("ranks", "ranks"),
        ("bytes_sent", "bytes sent to ranks"), ("bytes_received", "bytes received from them"),
    ):  # fmt: skip
        value = summary.get(key)
        if (text := number(value)) and (value or not key.startswith("bytes")):
            rows.append((label, text))
    rows += [(str(unit), number(float(spent))) for unit, spent in (summary.get("cost") or {}).items()]
    metrics = [(str(name), number(value)) for name, value in (summary.get("metrics") or {}).items() if number(value)]
    parts = [heading("Costs and speed"), table(rows, kinds=("name", "number"))] if rows else []
    if metrics:
        parts += [heading("The search's own numbers", 3), table(metrics, kinds=("name", "number"))]
    return parts


__all__ = ["again_command", "caption", "grouped_failures", "number", "report_parts", "write_report"]
