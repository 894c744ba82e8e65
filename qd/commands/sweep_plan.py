"""What a sweep is to run: an experiment with every combination of a grid's values, each with every seed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from qd.commands.settings import Override, Table, overridden, read_flags
from qd.commands.values import is_sequence
from qd.comparison.courses import SWEEP
from qd.errors import QDError
from qd.experiment import Experiment
from qd.experiment_file import Source, load_experiment
from qd.store.files import read_json, write_json

FORMAT = 1


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep.

    Args:
        folder: its name in the sweep's folder.
        seed: its seed.
        words: its settings beside those of the sweep, as ``--NAME=VALUE``.
    """

    folder: str
    seed: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A sweep's ``sweep.json``.

    Args:
        file: the experiment's file.
        sha256: of that file, so that a sweep is not gone on with after the file has changed.
        name: the experiment's.
        words: settings of all runs, as ``--NAME=VALUE``.
        grid: the values of each setting that is varied, as they were written.
        runs: in the order in which they are made: all settings with the first seed, then with the next.
    """

    file: str
    sha256: str
    name: str
    words: tuple[str, ...]
    grid: dict[str, list[str]]
    runs: tuple[PlannedRun, ...]

    @property
    def seeds(self) -> list[int]:
        """The seeds, each once."""
        return list(dict.fromkeys(run.seed for run in self.runs))

    def experiment(self, run: PlannedRun) -> tuple[Experiment, dict[str, Any]]:
        """The experiment of a run, made anew from its file, and where it came from, for ``config.json``.

        Raises:
            QDError: the file is gone, or is not the one that the sweep was planned with.
        """
        experiment, source = load_experiment(self.file)
        if source.sha256 != self.sha256:
            raise QDError(f"{self.file}: has changed since the sweep was planned; put it back, or sweep into another "
                          "folder with --out")  # fmt: skip
        overrides = read_flags([*self.words, *run.words, f"--seed={run.seed}"], Table.of(experiment))
        return overridden(experiment, overrides), source.record([override.record for override in overrides])


def planned(file: str, seeds: str, grids: Sequence[str], words: Sequence[str]) -> Plan:
    """The plan of ``qd sweep FILE --seeds N --grid K=a,b --FIELD VALUE``.

    Every combination is made into an experiment here, so that what is wrong with one is said before any work.

    Raises:
        QDError: as ``qd run`` says it, or the seeds or a grid are not understood.
    """
    experiment, source = load_experiment(file)
    table = Table.of(experiment)
    fixed = read_flags(words, table)
    numbers = _seeds(seeds)
    axes: dict[str, list[Override]] = {}
    for grid in grids:
        name, overrides = _axis(grid, table)
        if name in axes:
            raise QDError(f"--grid {name}: is given twice; give all values at once")
        axes[name] = overrides
    for override in fixed:
        if override.name in axes:
            raise QDError(f"{override.flag}: is also varied by --grid; give one of the two")
    if "seed" in [*axes, *(override.name for override in fixed)]:
        raise QDError("seed: the seeds of a sweep are given by --seeds, such as --seeds 10 or --seeds 3,5,8")
    runs = _runs(experiment, source, fixed, axes, numbers)
    given = tuple(f"--{override.record}" for override in fixed)
    texts = {name: [override.text for override in overrides] for name, overrides in axes.items()}
    return Plan(str(source.file), source.sha256, experiment.name, given, texts, runs)


def _seeds(text: str) -> list[int]:
    """``10`` for 0 to 9; ``3,5,8`` for these."""
    wanted = "a number of seeds such as 10, which are 0 to 9, or a list such as 3,5,8"
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() for part in parts):
        raise QDError(f"--seeds {text}: wanted {wanted}")
    numbers = [int(part) for part in parts] if "," in text else list(range(int(parts[0])))
    if not numbers:
        raise QDError(f"--seeds {text}: wanted {wanted}")
    if len(set(numbers)) < len(numbers):
        raise QDError(f"--seeds {text}: a seed is given twice")
    return numbers


def _axis(grid: str, table: Table) -> tuple[str, list[Override]]:
    """The dotted name of a grid, and its values."""
    typed, equals, text = grid.partition("=")
    typed = typed.removeprefix("--").strip()
    if not equals or not text.strip():
        raise QDError(f"--grid {grid}: wanted NAME=VALUE,VALUE such as algorithm.sigma=0.05,0.1")
    try:
        setting = table.find(typed)
        texts = _values(text, is_sequence(setting.hint))
        overrides = [read_flags([f"--{typed}={value}"], table)[0] for value in texts]
    except QDError as error:
        raise QDError(f"--grid {str(error).removeprefix('--')}") from None
    seen = [json.dumps(override.value, default=str) for override in overrides]
    if len(set(seen)) < len(seen):
        raise QDError(f"--grid {grid}: the same value twice")
    return setting.name, overrides


def _values(text: str, lists: bool) -> list[str]:
    """The values of a grid: split at commas, or the items of a JSON list."""
    try:
        tree = json.loads(text)
    except ValueError:
        tree = None
    if isinstance(tree, list) and (not lists or all(isinstance(item, list) for item in tree)):
        return [item if isinstance(item, str) else json.dumps(item) for item in tree]
    if lists:
        raise QDError(f"{text}: its values are lists, so give a list of lists, such as '[[8,8],[16,16]]'")
    return [value.strip() for value in text.split(",") if value.strip()]


def _runs(
    experiment: Experiment, source: Source, fixed: list[Override], axes: dict[str, list[Override]], seeds: list[int]
) -> tuple[PlannedRun, ...]:
    leaves = [name.rpartition(".")[2] for name in axes]
    runs: list[PlannedRun] = []
    for seed in seeds:
        for point in product(*axes.values()):
            overridden(replace(experiment, seed=seed), [*fixed, *point])
            words = [
                f"{leaf if leaves.count(leaf) == 1 else override.name}={override.text}"
                for leaf, override in zip(leaves, point, strict=True)
            ]
            label = re.sub(r"[^\w.=,+-]+", "_", ",".join(words) or experiment.name or source.file.stem)[:120]
            runs.append(PlannedRun(f"{label}-{seed}", seed, tuple(f"--{override.record}" for override in point)))
    names = [run.folder for run in runs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise QDError(f"--grid: two combinations would both be kept in {twice[0]}; their values look alike as names")
    return tuple(runs)


def settled(plan: Plan, out: Path) -> Plan:
    """The plan that a folder holds from here on: this one, with the seeds that were there before. Writes it.

    Raises:
        QDError: the folder holds another sweep, or something else.
    """
    file = out / SWEEP
    if file.exists():
        before = read_plan(out)
        differing = [
            f"{what}: {old} -> {new}"
            for what, old, new in (
                ("experiment", before.file, plan.file),
                ("settings", " ".join(before.words) or "none", " ".join(plan.words) or "none"),
                ("grid", before.grid or "none", plan.grid or "none"),
            )
            if old != new
        ]
        if not differing and before.sha256 != plan.sha256:
            differing = [f"the file {plan.file} has changed"]
        if differing:
            raise QDError(f"{out}: holds another sweep ({'; '.join(differing)}); name another folder with --out")
        known = {run.folder for run in plan.runs}
        plan = replace(plan, runs=(*plan.runs, *(run for run in before.runs if run.folder not in known)))
    elif out.exists() and (not out.is_dir() or any(entry.name[0] != "." for entry in out.iterdir())):
        raise QDError(f"{out}: is there already and holds no sweep; name another folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    write_json(file, {"format": FORMAT, **asdict(plan)})
    return plan


def read_plan(out: Path) -> Plan:
    """The plan that a folder holds. Raises QDError where it holds none."""
    tree = read_json(out / SWEEP)
    try:
        if tree["format"] != FORMAT:
            raise QDError(f"{out / SWEEP}: format {tree['format']}, this program reads {FORMAT}")
        runs = tuple(PlannedRun(run["folder"], int(run["seed"]), tuple(run["words"])) for run in tree["runs"])
        grid = {str(name): list(values) for name, values in tree["grid"].items()}
        return Plan(tree["file"], tree["sha256"], tree["name"], tuple(tree["words"]), grid, runs)
    except (KeyError, TypeError, AttributeError) as error:
        raise QDError(f"{out / SWEEP}: is no plan of a sweep: {type(error).__name__}: {error}") from error
