"""A run's ``config.json``: written at the start, compared on resume, and changed where a resumed run may differ."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qd.errors import QDError
from qd.experiment import Experiment
from qd.store.files import FORMAT, RunFolder, read_json, write_json
from qd.store.settings import described, differences, surroundings, without_resumable

log = logging.getLogger("qd")


def write_settings(folder: RunFolder, experiment: Experiment, source: Mapping[str, Any] | None) -> None:
    """Write what a run is started with: its settings, its experiment's own file, what its pictures are drawn on."""
    source = dict(source or {})
    code = source.pop("code", None)
    if code is not None:
        folder.experiment.write_text(code)
    config = {"format": FORMAT, "settings": described(experiment), "source": source, **surroundings()}
    write_json(folder.config, config)
    write_json(folder.scene, _plain(experiment.problem.scene()))


def check_format(folder: RunFolder) -> None:
    """Refuse a run of a newer format; one of an older format is read as far as it goes, and the log says so."""
    config = read_json(folder.config)
    found = config.get("format") if isinstance(config, dict) else None
    writer = (config.get("versions") or {}).get("qd-evolution", "another version") if isinstance(config, dict) else "?"
    if isinstance(found, int) and found > FORMAT:
        raise QDError(f"{folder.path}: was written by qd {writer} in format {found}, this one reads up to {FORMAT}: "
                      "update qd")  # fmt: skip
    if found != FORMAT:
        log.warning("%s: was written by qd %s in format %s, this one writes %s: some of it may not be read",
                    folder.path, writer, found, FORMAT)  # fmt: skip


def record_settings(folder: RunFolder, experiment: Experiment, overrides: Sequence[str]) -> None:
    """Write down what the problem is set to from here on."""
    config = read_json(folder.config)
    problem = described(experiment.problem)
    if config["settings"]["problem"] == problem and not overrides:
        return
    config["settings"]["problem"] = problem
    if overrides:
        config["source"]["overrides"] = [*config["source"].get("overrides", []), *overrides]
    write_json(folder.config, config)


def refuse_other_settings(folder: RunFolder, experiment: Experiment) -> None:
    """Refuse an experiment that is not the one that the folder was started with, by what differs."""
    before = read_json(folder.config)
    if before.get("format") != FORMAT:
        raise QDError(f"{folder.config}: format {before.get('format')}, this program reads {FORMAT}")
    now = described(experiment)
    free = ("evaluator", "budget", "checkpoint_seconds", "history", "name")
    changed = differences(
        *(
            without_resumable({k: v for k, v in settings.items() if k not in free}, experiment)
            for settings in (before["settings"], now)
        )
    )
    if changed:
        raise QDError(f"{folder.path}: the experiment is not the one that was started: {'; '.join(changed[:5])}")


def _plain(tree: Any) -> Any:
    """Drawing data as JSON has it."""
    if isinstance(tree, dict):
        return {str(key): _plain(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_plain(value) for value in tree]
    return tree.tolist() if isinstance(tree, np.ndarray | np.generic) else tree
