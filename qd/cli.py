"""The ``qd`` command.

Exit codes:

=======  ==========================================================================
0        done
1        an unexpected error: a bug here or in the problem; the traceback is printed
2        bad input: one line that says what was given, what was wanted, what to do
3        the run finished, but every evaluation failed
4        stopped by the machine: a full disk, a silent rank
5        a replay came out differently from what is stored
130/143  stopped by SIGINT / SIGTERM, with a checkpoint on disk where a run was going
=======  ==========================================================================

This file imports next to nothing, so that ``qd --help`` is quick and Ctrl-C during the imports is caught; a
verb's own module is loaded when the verb is called.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module

OK, UNEXPECTED, BAD_INPUT, ALL_FAILED, STOPPED, DIFFERS, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

_EPILOG = """\
exit codes: 0 done; 1 unexpected error; 2 bad input; 3 the run finished but every evaluation failed;
            4 stopped by the machine (full disk, silent rank): mend it, then qd resume;
            5 a replay came out differently from what is stored;
            130/143 stopped by SIGINT/SIGTERM with a checkpoint written
"""
_RUN_EPILOG = """\
Any field of the experiment, its problem and its algorithm can be given, e.g. --algorithm.sigma 0.1,
--evaluator processes, --evaluator.timeout 3, --budget '{"steps": 1e6}'. `qd run FILE --help` lists them.
On several ranks: mpiexec -n 8 qd run FILE ...
"""
_SWEEP_EPILOG = """\
Any field of the experiment can be given as in qd run, for all runs: qd sweep FILE --algorithm.batch_size 64.
The same command goes on with a sweep that was stopped. On several ranks: mpiexec -n 8 qd sweep FILE ...
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code.

    Args:
        argv: the words after ``qd``; those of this process by default.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        args, rest = _parser().parse_known_args(words)
    except SystemExit as stop:  # argparse has printed its help or its error
        return stop.code if isinstance(stop.code, int) else BAD_INPUT
    try:
        from qd.commands.logs import logging_to_stderr

        with logging_to_stderr(args.verbose, args.quiet):
            return _command(args, rest, words)
    except KeyboardInterrupt:
        return _left(INTERRUPTED, args, "interrupted")
    except BrokenPipeError:  # `qd list | head`: whoever reads has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        from qd.errors import QDError, StoppedError

        if isinstance(error, QDError):
            return _left(
                STOPPED if isinstance(error, StoppedError) else BAD_INPUT, args, str(error), trace=args.verbose
            )
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _left(
                STOPPED,
                args,
                f"{error}; make room, then give the command again, or for a run: qd resume",
                trace=args.verbose,
            )
        return _left(UNEXPECTED, args, f"unexpected error: {type(error).__name__}: {error}", trace=True)


def _command(args: argparse.Namespace, rest: list[str], words: list[str]) -> int:
    from qd.errors import QDError

    if rest and not args.settings:
        raise QDError(f"{rest[0]!r} is not known to qd {args.verb}; see: qd {args.verb} --help")
    if rest and args.file is not None:
        first = next(i for i, word in enumerate(words) if word == rest[0])
        if first < words.index(args.file):  # its value may be what was taken for the file
            raise QDError(f"{rest[0]}: settings come after the file: qd {args.verb} FILE {rest[0]} ...")
    if args.file is None and args.verb != "run" and _repeats():
        return OK
    module, _, function = args.call.partition(":")
    code: int = getattr(import_module(module), function)(args, rest)
    sys.stdout.flush()
    return code


def _repeats() -> bool:
    """Whether another rank of the same job says this already."""
    from qd.launcher import launched_rank

    return launched_rank() > 0


def _left(code: int, args: argparse.Namespace, message: str, trace: bool = False) -> int:
    """Say why the command ends early; under MPI, once for all ranks and without leaving one behind."""
    from qd.commands.ranks import leave

    def say(who: str) -> None:
        if trace:
            import traceback

            traceback.print_exc()
        print(f"qd: {who}{message}", file=sys.stderr, flush=True)

    leave(code, say)
    return code


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--verbose", action="store_true", help="log everything, and tracebacks of errors")
    common.add_argument("--quiet", action="store_true", help="errors only; no bar, no summary")
    parser = argparse.ArgumentParser(
        prog="qd",
        description="Evolution and quality diversity: run experiments, look at runs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, call: str, text: str, **more: object) -> argparse.ArgumentParser:
        made = verbs.add_parser(
            name, parents=[common], help=text, description=text, allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter, **more,  # type: ignore[arg-type]
        )  # fmt: skip
        made.set_defaults(call=f"qd.{call}", settings=False, file=None)
        return made

    run = verb("run", "commands.run:run", "Run an experiment.", epilog=_RUN_EPILOG, add_help=False)
    run.add_argument("file", metavar="FILE", nargs="?", help="a Python file with a value named `experiment`, "
                     "or the name of one that ships (qd list)")  # fmt: skip
    run.add_argument("-h", "--help", action="store_true", help="this help; with FILE, all of its settings")
    run.add_argument("--seed", metavar="N", help="the run's seed")
    run.add_argument("--evaluations", metavar="N", help="the budget, in evaluations")
    run.add_argument("--device", metavar="NAME", help="where the problem is evaluated: cpu, cuda, cuda:1 or auto")
    run.add_argument("--out", metavar="DIR", help="the run's folder; by default runs/NAME-SEED-N")
    run.add_argument("--overwrite", action="store_true", help="replace a run that the folder holds")
    _plots(run)
    run.set_defaults(settings=True, parser=run)

    resume = verb("resume", "commands.run:resume", "Go on with a run from its newest good checkpoint.",
                  epilog="--evaluator, --evaluator.FIELD and --checkpoint_seconds may differ from the first start; "
                  "so may the number of ranks, and --problem.chunk where the problem has it.")  # fmt: skip
    resume.add_argument("file", metavar="RUN", help="the run's folder")
    resume.add_argument("--evaluations", metavar="N", help="a raised budget")
    _plots(resume)
    resume.set_defaults(settings=True)

    info = verb("info", "commands.info:info", "Show a run's settings, progress, failures and checkpoints.")
    info.add_argument("run", metavar="RUN", help="the run's folder; the run may still be going")
    info.add_argument("--json", action="store_true", help="as JSON")
    plot = verb("plot", "commands.show:plot", "Draw a run's pictures.")
    plot.add_argument("run", metavar="RUN", help="the run's folder")
    plot.add_argument("--out", metavar="DIR", help="where to; RUN/plots by default")
    report = verb("report", "commands.show:report", "Write a run's report, one page of HTML.")
    report.add_argument("run", metavar="RUN", help="the run's folder; the run may still be going")
    report.add_argument("--out", metavar="FILE", help="RUN/report.html by default")
    report.add_argument("--plots", action=argparse.BooleanOptionalAction, default=None,
                        help="draw the pictures first; by default where a finished run has none yet")  # fmt: skip
    watch = verb("watch", "commands.watch:watch", "Watch a run in the terminal while it goes.")
    watch.add_argument("run", metavar="RUN", help="the run's folder; another process makes it")
    watch.add_argument(
        "--interval", metavar="S", type=float, default=1.0, help="seconds between two looks; 1 by default"
    )
    watch.add_argument("--once", action="store_true", help="one look, as text")
    watch.add_argument("--wait", action="store_true", help="wait for the run to begin")
    watch.add_argument("--axes", metavar="A,B", default="0,1", help="the measures of the map; 0,1 by default")
    replay = verb("replay", "commands.replay:replay", "Evaluate an elite again, and show what it does.",
                  epilog="This executes the run's experiment file.")  # fmt: skip
    replay.add_argument("run", metavar="RUN", help="the run's folder")
    which = replay.add_mutually_exclusive_group()
    which.add_argument("--best", action="store_true", help="the best of the run, or of --archive; the default")
    which.add_argument("--cell", metavar="I,J", help="the elite of a cell: its place in the grid, or its number")
    which.add_argument("--id", metavar="N", type=int, help="the elite with this evaluation number")
    replay.add_argument("--archive", metavar="NAME", help="which archive; the first by default")
    replay.add_argument("--out", metavar="FILE", help="a .gif, .mp4, .png or .txt file; by default in RUN/replays")
    reeval = verb("reeval", "commands.reeval:reeval", "Evaluate all elites again under fresh noise.",
                  epilog="This executes the run's experiment file. On ranks: mpiexec -n 8 qd reeval RUN")  # fmt: skip
    reeval.add_argument("file", metavar="RUN", help="the run's folder")
    reeval.add_argument("--repeats", metavar="K", type=int, default=32, help="evaluations of each elite; 32 by default")
    reeval.add_argument("--seed", metavar="N", type=int, default=0, help="of the fresh noise")
    reeval.add_argument("--archive", metavar="NAME", help="which archive; the first by default")
    reeval.add_argument(
        "--out", metavar="DIR", help="where reeval.json and its picture go; the run's folder by default"
    )
    view = verb("view", "commands.view:view", "Show a run as an interactive page.",
                epilog="Replays are made with the run's problem, which executes its experiment's file.")  # fmt: skip
    view.add_argument("run", metavar="RUN", help="the run's folder; the run may still be going")
    view.add_argument("--out", metavar="FILE", help="where to; RUN/view.html by default")
    view.add_argument("--serve", action="store_true", help="serve the page on this machine, and follow the run")
    view.add_argument("--port", metavar="N", type=int, help="of --serve; any that is free by default")
    view.add_argument("--replays", action=argparse.BooleanOptionalAction, default=True, help="make replays")
    digest = verb("digest", "commands.show:digest", "Print the SHA-256 of what a finished run did.")
    digest.add_argument("run", metavar="RUN", help="the run's folder")
    export = verb("export", "commands.show:export", "Write a run's elites as a table.")
    export.add_argument("run", metavar="RUN", help="the run's folder")
    export.add_argument("--format", choices=("npz", "csv", "parquet", "ribs", "qdax"),
                        help="by --out's ending, else csv; ribs: csv of pyribs' names; qdax: a repertoire")  # fmt: skip
    export.add_argument("--out", metavar="FILE", help="RUN/elites.FORMAT by default; qdax: a folder or .npz")
    export.add_argument("--archive", metavar="NAME", help="which archive; the first by default")

    compare = verb("compare", "commands.compare:compare_runs", "Compare runs: a table and figures.")
    compare.add_argument("runs", metavar="RUN", nargs="+", help="folders of runs, folders that hold runs, or "
                         "reference:NAME")  # fmt: skip
    compare.add_argument("--with", dest="beside", metavar="reference:NAME", action="append", default=[],
                         help="a reference curve that ships; may be given several times")  # fmt: skip
    compare.add_argument("--out", metavar="DIR", help="where to; by default compare/ beside the runs")
    _comparing(compare)

    sweep = verb("sweep", "commands.sweep:sweep", "Run an experiment over seeds and settings, and compare the runs.",
                 epilog=_SWEEP_EPILOG)  # fmt: skip
    sweep.add_argument("file", metavar="FILE", help="as of qd run")
    sweep.add_argument("--seeds", metavar="N", default="5", help="how many, from 0 on, or a list such as 3,5,8; 5")
    sweep.add_argument("--grid", metavar="FIELD=A,B", action="append", default=[],
                       help="a setting and its values; may be given several times: all combinations")  # fmt: skip
    sweep.add_argument("--evaluations", metavar="N", help="the budget of each run, in evaluations")
    sweep.add_argument("--out", metavar="DIR", help="the sweep's folder; by default runs/NAME-sweep")
    sweep.add_argument("--parallel", metavar="N", default="1", help="so many runs at a time, in child processes; 1")
    sweep.add_argument("--ranks-per-run", metavar="N", default="1", help="under mpiexec: ranks that make a run; 1")
    sweep.add_argument("--retry", action="store_true", help="make the runs again that failed")
    sweep.add_argument("--reference", metavar="FILE", help="write the runs as a reference curve, NAME.json")
    _comparing(sweep)
    sweep.set_defaults(settings=True)

    verb("list", "commands.start:shipped", "List the experiments that ship.")
    new = verb("new", "commands.start:new", "Write an experiment of your own to start from.")
    new.add_argument("name", metavar="NAME", help="its name: the file is NAME.py")
    new.add_argument("--here", action="store_true",
                     help="in this folder, also where there is an experiments/ in it")  # fmt: skip
    verb("doctor", "doctor:main", "Check this machine: MPI, cores, threads, caches, devices, versions.")
    return parser


def _plots(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log", metavar="NAME", action="append", default=[],
                        help="follow the run with tensorboard, wandb or mlflow; may be given again")  # fmt: skip
    parser.add_argument("--plots", action=argparse.BooleanOptionalAction, default=None,
                        help="draw the pictures at the end; by default where the run took over 5 s")  # fmt: skip
    parser.add_argument("--report", action=argparse.BooleanOptionalAction, default=True,
                        help="write report.html at the end; by default it is written")  # fmt: skip


def _comparing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metric", metavar="NAME", action="append", default=[],
                        help="a column of metrics.csv; may be given several times; else the usual ones")  # fmt: skip
    parser.add_argument("--over", metavar="UNIT", default="evaluations",
                        help="what runs are equal in: evaluations, or a cost such as steps")  # fmt: skip
    parser.add_argument("--at", metavar="N", help="where values are taken; by default where the shortest run ends")
    parser.add_argument("--by", metavar="FIELD", help="the setting that tells groups apart; by default all of them")
    parser.add_argument("--baseline", metavar="LABEL",
                        help="the group to test against; by default random search, else the first")  # fmt: skip
    parser.add_argument("--plots", action=argparse.BooleanOptionalAction, default=None,
                        help="draw the figures too, which is the default")  # fmt: skip


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        from qd import __version__

        print(f"qd {__version__}")
        parser.exit()
