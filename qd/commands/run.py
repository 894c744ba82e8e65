"""``qd run`` and ``qd resume``."""

from __future__ import annotations

import argparse
import json
import logging
import re
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from qd.commands.settings import Override, Table, overridden, read_flags
from qd.device import resolve_device
from qd.errors import QDError
from qd.experiment import Experiment
from qd.experiment_file import load_experiment
from qd.launcher import launched_rank, launched_size
from qd.loading import started_from
from qd.result import Result
from qd.store.files import RunFolder

log = logging.getLogger("qd")

_PLOT_SECONDS = 5.0  # runs longer than this are drawn without being asked
_RESUMABLE = ("evaluator", "checkpoint_seconds")  # what a resumed run may set anew


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd run FILE``."""
    if args.file is None:
        if args.help:
            args.parser.print_help()
            return 0
        raise QDError("run: name a file, or one of: qd list")
    experiment, source = load_experiment(args.file)
    if args.help:
        if launched_rank() == 0:
            _print_settings(args, experiment)
        return 0
    words = [f"--{name}={value}" for name in ("seed", "evaluations") if (value := getattr(args, name)) is not None]
    table = Table.of(experiment)
    if args.device is not None:
        words.append(f"--{_device_setting(experiment, table)}={args.device}")
    overrides = read_flags([*words, *rest], table)
    experiment = overridden(experiment, overrides)
    if args.device is not None:
        resolve_device(args.device, "--device")
    from qd.loop import run as start

    record = source.record([override.record for override in overrides])
    if launched_size() > 1 and launched_rank():  # the first rank alone decides about the folder
        start(experiment)
        return 0
    trackers = _trackers(args)
    made, out = _folder(args, experiment)
    try:
        if args.overwrite or made or not _occupied(out):
            _announce(args, experiment, out)
        result = start(experiment, out, overwrite=args.overwrite, progress=_bar(args), source=record, trackers=trackers)
    except QDError:
        if made:
            _remove_if_empty(out)
        raise
    return _finish(args, result)


def resume(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd resume RUN``."""
    out = Path(args.file)
    experiment, table, records = started_from(out)
    given = read_flags(rest, table)
    for override in given:
        if override.name.partition(".")[0] not in _RESUMABLE and not _resumable(table, override):
            raise QDError(f"{override.flag}: a resumed run keeps its settings; start another with: qd run")
    overrides = [*_still_fitting(records), *given]
    experiment = overridden(experiment, overrides)
    evaluations = None
    if args.evaluations is not None:
        (budget,) = read_flags([f"--evaluations={args.evaluations}"], table)
        evaluations = budget.value
    from qd.loop import resume as go_on

    summary = RunFolder(out).summary
    before = summary.stat().st_mtime_ns if summary.exists() else 0
    kept = [override.record for override in given if _resumable(table, override)]
    result = go_on(
        out, experiment, evaluations=evaluations, progress=_bar(args), overrides=kept, trackers=_trackers(args)
    )
    if result.root and before and summary.stat().st_mtime_ns == before:
        if not args.quiet:
            print(f"{out} is finished: nothing to do. A higher --evaluations goes on with it")
        return 0
    return _finish(args, result)


def _trackers(args: argparse.Namespace) -> list[Any]:
    """Those that ``--log`` names; on rank 0 alone."""
    if not args.log or launched_rank():
        return []
    from qd.tracking import tracker

    return [tracker(name) for name in dict.fromkeys(args.log)]


def _resumable(table: Table, override: Override) -> bool:
    """Whether the problem says of its setting that no result depends on it."""
    setting = table.settings[override.name]
    return setting.name.startswith("problem.") and setting.leaf in getattr(setting.owner, "resumable", ())


def _device_setting(experiment: Experiment, table: Table) -> str:
    """The setting of the problem, or of the problem in it, that says where it is evaluated."""
    for name in table.settings:
        if re.fullmatch(r"(problem\.)+device", name):
            return name
    raise QDError(f"--device: {experiment.problem.name} has no device; where it offers a world, give the experiment "
                  "problem=qd.problems.OnDevice(...) in its file")  # fmt: skip


def _still_fitting(overrides: list[Override]) -> list[Override]:
    """The recorded ones, but where fitness runs is decided by where the run is resumed."""
    processes = launched_size() < 2
    return [o for o in overrides if o.name != "evaluator.kind" or (o.value == "processes" and processes)]


def _print_settings(args: argparse.Namespace, experiment: Experiment) -> None:
    from qd.commands.settings import listed

    args.parser.print_help()
    print(f"\nsettings of {args.file} ({experiment.algorithm.name} on {experiment.problem.name}), now in []:")
    print(listed(experiment))


def _folder(args: argparse.Namespace, experiment: Experiment) -> tuple[bool, Path]:
    """Whether the run's folder was made here, and the folder: the one asked for, or the first that is free."""
    if args.out is not None:
        return False, Path(args.out)
    name = re.sub(r"[^\w.-]+", "_", experiment.name)
    number = 1
    while True:
        out = Path("runs") / f"{name}-{experiment.seed}-{number}"
        try:
            out.mkdir(parents=True)  # making it reserves it: another run may be starting
            return True, out
        except FileExistsError:
            if out.parent.is_file():
                return False, out  # the loop says what is wrong
            number += 1
        except OSError:
            return False, out


def _occupied(out: Path) -> bool:
    """Whether the loop will refuse the folder."""
    try:
        return out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError:
        return True


def _remove_if_empty(out: Path) -> None:
    with suppress(OSError):
        out.rmdir()


def _announce(args: argparse.Namespace, experiment: Experiment, out: Path) -> None:
    if not args.quiet:
        print(
            f"qd: {experiment.name}: if it is stopped, go on with: {_resume_command(out)}", file=sys.stderr, flush=True
        )


def _resume_command(out: Path) -> str:
    return f"qd resume {shlex.quote(str(out))}"


def _bar(args: argparse.Namespace) -> bool | None:
    return False if args.quiet else None


def _finish(args: argparse.Namespace, result: Result) -> int:
    """The end of a run: summary and plots; returns the exit code."""
    if not result.root:
        return 0
    assert result.path is not None  # the command line always names a folder
    summary = result.summary
    if not args.quiet:
        print(in_words(summary, result.path))
    code = 0
    if result.stopped_by:
        if not args.quiet:
            print(f"stopped by a signal; go on with: {_resume_command(result.path)}")
        code = 128 + result.stopped_by
    elif not summary["statuses"]["ok"]:
        print(f"qd: every evaluation failed; the first one: {first_reason(result.path)}", file=sys.stderr)
        code = 3
    elif args.plots or (args.plots is None and summary["seconds"] > _PLOT_SECONDS):
        _draw(result)
    if args.report:
        _report(result)
    return code


def _report(result: Result) -> None:
    try:
        result.report()
    except Exception as error:  # as of pictures
        log.debug("report", exc_info=True)
        log.warning("the report was not written: %s: %s; again with: qd report %s",
                    type(error).__name__, error, shlex.quote(str(result.path)))  # fmt: skip


def _draw(result: Result) -> None:
    try:
        result.plot()
    except Exception as error:  # the run is done and on disk: its pictures can be drawn again
        log.debug("plots", exc_info=True)
        log.warning("the pictures were not drawn: %s: %s; again with: qd plot %s",
                    type(error).__name__, error, shlex.quote(str(result.path)))  # fmt: skip


def in_words(summary: dict[str, Any], path: Path) -> str:
    """A run's summary for people."""
    per_second = summary["evaluations_per_second"]
    rate = f", {per_second:,.{0 if per_second >= 10 else 2}f}/s" if summary["seconds"] else ""
    lines = [
        f"{summary['experiment'] or summary['algorithm']}, seed {summary['seed']}: {summary['evaluations']:,} "
        f"evaluations in {summary['seconds']:.3g} s ({summary['evaluator']}{rate})"
    ]
    scores = [
        text
        for name, form in (
            ("coverage", "coverage {:.1%}"),
            ("qd_score", "QD score {:.6g}"),
            ("best_objective", "best {:.6g}"),
        )
        if (value := summary[name]) is not None and value == value
        for text in [form.format(value)]
    ]
    if scores:
        lines.append(", ".join(scores))
    if summary["failed"]:
        share = summary["failed"] / max(1, sum(summary["statuses"].values()))
        lines.append(f"{summary['failed']:,} evaluations failed ({share:.1%}): see {path / 'failures.jsonl'}")
    unsure = "" if summary["digest_promised"] else ", of this time only: evaluations timed out"
    lines.append(f"digest {summary['digest'][:12]}{unsure}")
    lines.append(f"folder {path}")
    return "\n".join(lines)


def first_reason(path: Path) -> str:
    """Why the first failed evaluation failed: the last line of its reason, which says it of a traceback."""
    try:
        with open(RunFolder(path).failures) as file:
            reason = json.loads(file.readline())["reason"]
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"
    lines = str(reason).strip().splitlines()
    return lines[-1].strip() if lines else "unknown"
