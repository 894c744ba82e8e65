"""A run as the data of its page: what is in its folder, packed. Replays alone execute something: the run's problem."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from qd.errors import QDError
from qd.ragged import Ragged
from qd.result import Result
from qd.store.files import RunFolder, read_json
from qd.store.history import History, read_history
from qd.store.metrics import read_metrics
from qd.store.unfinished import class_name
from qd.view.replaying import Replays
from qd.view.scene import drawing_data, scene_of
from qd.view.space_axes import MeasureAxes, measure_axes
from qd.view.viewer.archives import Map, carried_genes, map_of
from qd.view.viewer.packing import Packing, quantised
from qd.view.viewer.replays import Carrier
from qd.view.viewer.through_time import film, moments, tree

log = logging.getLogger("qd")

FORMAT = 1  # of the document
_CURVE = 600  # points of a curve
_FAILURES = 200  # shown one by one
_REASON = 4000  # characters of a reason
_SAMPLE = 4000  # evaluations that are shown where nothing is archived


class Page:
    """Gathers a run's folder into a document.

    Args:
        path: the run's folder; the run may be going, or have been cut off.
        replays: make replays with the run's problem, which executes its experiment's file.
        live: they are made when they are asked for, so the document carries none.

    Raises:
        QDError: the folder holds no run.
    """

    def __init__(self, path: str | Path, replays: bool = True, live: bool = False) -> None:
        self.folder = RunFolder(path)
        self.folder.check()
        self.notes: list[str] = []
        self._live, self._wanted = live, replays
        self.experiment = self._experiment() if replays else None
        self.result = self._result()
        self.about = read_json(self.folder.config)
        self.history = self._history()
        self.maps = self._maps()

    def packed(self) -> str:
        """The document with all of its numbers, as text for the page."""
        packing = Packing()
        stops = moments(self.history) if self.history is not None and len(self.history) else np.zeros(0, np.int64)
        document = {
            "format": FORMAT,
            "title": self._title(),
            "state": self.result.state,
            "numbers": self._numbers(),
            "settings": self.about.get("settings"),
            "versions": self.about.get("versions"),
            "metrics": self._metrics(packing),
            "failures": self._failures(),
            "stops": stops,
            "evaluations": self._evaluations_at(stops),
            "scene": self._scene(),
        }
        document["maps"] = [self._map(made, packing, stops) for made in self.maps]
        document["tree"] = self._tree(packing)
        document["replays"], document["scenes"], document["why"] = self._replays(packing)
        document["notes"] = self.notes
        return packing.packed(document)

    def replay(self, name: str, row: int) -> str | None:
        """One elite's replays as packed text, for a page that asks for them; None where there are none."""
        made = next((made for made in self.maps if made.name == name), None)
        if made is None or not 0 <= row < len(made):
            return None
        carrier = self._carrier(Packing())
        found = carrier.one(made, row)
        return None if found is None else carrier.packing.packed({"replays": found, "scenes": carrier.scenes})

    def _carrier(self, packing: Packing) -> Carrier:
        problem = None if self.experiment is None else self.experiment.problem
        try:
            context, drawing = self.result.populations, drawing_data(self.result)
        except QDError:  # archive.npz or scene.json is damaged, which costs no more than this
            context, drawing = {}, {}
        return Carrier(Replays(problem, drawing, context), self.experiment, self.history, packing)

    def _experiment(self) -> Any:
        from qd.loading import experiment_of

        try:
            return experiment_of(self.folder.path)
        except QDError as error:
            self.notes.append(f"No replays: {error}")
        except Exception as error:  # whatever a file does when it is loaded: the rest of the page stands
            self.notes.append(f"No replays: the run's experiment cannot be loaded: {type(error).__name__}: {error}")
        return None

    def _result(self) -> Result:
        """The run as far as it can be read; with nothing in it where that is not far."""
        try:
            found = Result.load(self.folder.path, self.experiment)
            if found.state == "going":
                self.notes.append("This run has not come to its end: its archive is that of its newest checkpoint.")
            elif found.summary.get("archives"):
                _ = found.archives  # a file that is damaged is known now
            return found
        except QDError as error:
            self.notes.append(str(error))
        empty = Result(None, self.folder.path, {})
        empty._archives, empty._populations = {}, {}
        empty.state = "going"
        return empty

    def _history(self) -> History | None:
        try:
            found = read_history(self.folder)
        except QDError as error:
            self.notes.append(f"No history: {error}")
            return None
        if found is None:
            self.notes.append("This run kept no history, so there are no earlier maps and no lineages.")
        return found

    def _maps(self) -> list[Map]:
        known = self._measures()
        objectives = tuple(self.result.summary.get("objectives", ()))
        found = []
        for name, archive in self.result.archives.items():
            try:
                made = map_of(name, archive, known, objectives, self.history)
            except (ValueError, KeyError, IndexError, TypeError) as error:
                self.notes.append(f"Archive {name!r} cannot be read: {type(error).__name__}: {error}")
                continue
            if made is not None:
                found.append(made)
        if not any(len(made) for made in found) and self.history is not None and (self.history.status == 0).any():
            found.append(self._sample(known, objectives))
        return found

    def _best(self) -> dict[str, Any] | None:
        """The best row of the search, with its solution; None where it is not known."""
        try:
            return self.result.best
        except (QDError, KeyError):
            return None

    def _measures(self) -> MeasureAxes:
        try:
            return measure_axes(self.result)
        except QDError:  # archive.npz is not there yet, or is damaged, which has been noted
            return MeasureAxes()

    def _sample(self, known: MeasureAxes, objectives: tuple[str, ...]) -> Map:
        """The last evaluations where no archive holds any."""
        from qd.store.archive_file import StoredArchive

        assert self.history is not None
        rows = np.flatnonzero(self.history.status == 0)[-_SAMPLE:]
        if (best := self._best()) is not None and 0 <= best["id"] < len(self.history):
            rows = np.union1d(rows, [best["id"]])
        fields = {
            "objective": self.history.objective[rows],
            "measures": self.history.measures[rows],
            "id": rows.astype(np.int64),
        }
        stored = StoredArchive("Evaluations", fields, {})
        made = map_of(f"last {len(rows):,} evaluations", stored, known, objectives, self.history)
        assert made is not None
        return made

    def _title(self) -> dict[str, Any]:
        settings, summary = self.about.get("settings") or {}, self.result.summary
        named = {key: class_name(settings.get(key)) for key in ("algorithm", "problem")}
        return {
            "name": settings.get("name") or self.folder.path.name,
            "folder": self.folder.path.name,
            "algorithm": summary.get("algorithm") or named["algorithm"],
            "problem": summary.get("problem") or named["problem"],
            "seed": settings.get("seed"),
        }

    def _numbers(self) -> dict[str, Any]:
        names = (
            "evaluations",
            "generations",
            "coverage",
            "qd_score",
            "best_objective",
            "failed",
            "seconds",
            "ranks",
            "digest",
        )
        return {name: value for name in names if (value := self.result.summary.get(name)) is not None}

    def _metrics(self, packing: Packing) -> dict[str, Any]:
        import pandas as pd

        try:
            frame = read_metrics(self.folder.metrics)
        except (QDError, ValueError) as error:  # a last line that is being written
            self.notes.append(f"metrics.csv cannot be read: {error}")
            return {}
        rows = np.zeros(0, np.int64)
        if len(frame):
            rows = np.unique(np.linspace(0, len(frame) - 1, min(len(frame), _CURVE)).round().astype(np.int64))
        found = {}
        for name in frame.columns:
            values = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64)
            if np.isfinite(values).any():
                found[str(name)] = packing.add(
                    values[rows], "f4" if name not in ("generation", "evaluations") else "i4"
                )
        return found

    def _failures(self) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        try:
            with open(self.folder.failures, errors="replace") as file:
                for line in file:
                    try:
                        entry = json.loads(line)
                        rows.append({key: entry.get(key) for key in ("id", "generation", "status")}
                                    | {"reason": str(entry.get("reason", ""))[:_REASON]})  # fmt: skip
                    except (ValueError, AttributeError):  # half a line
                        continue
                    if len(rows) >= _FAILURES:
                        break
        except OSError:
            pass
        return {"total": self.result.summary.get("failed", len(rows)), "rows": rows}

    def _evaluations_at(self, stops: Any) -> list[int]:
        """How many evaluations there were by the end of each stop's generation."""
        if self.history is None or not len(stops):
            return []
        generation = np.maximum.accumulate(self.history.generation)
        return np.searchsorted(generation, stops, side="right").tolist()

    def _scene(self) -> Any:
        scene = scene_of(self.result)
        return {
            "lines": [line.tolist() for line in scene.lines],
            "circles": scene.circles,
            "points": scene.points,
            "invert_y": scene.invert_y,
        }

    def _map(self, made: Map, packing: Packing, stops: Any) -> dict[str, Any]:
        written: dict[str, Any] = {
            "name": made.name, "kind": made.stored.kind, "shape": made.shape, "count": len(made), "dims": made.dims,
            "cells": made.cells, "own": made.own, "front": made.front,
            "columns": [
                {"name": column.name, "role": column.role, "low": column.low, "high": column.high,
                 "values": packing.add(column.values)}
                for column in made.columns
            ],
            "ids": packing.add(made.ids, "i4"), "cell": packing.add(made.cell, "i4"),
        }  # fmt: skip
        if made.outlines:
            low, high = (
                np.array([made.columns[j].low for j in (0, 1)]),
                np.array([made.columns[j].high for j in (0, 1)]),
            )
            written["outlines"] = {
                "corners": packing.add(quantised(np.concatenate(made.outlines), low, high), "u2"),
                "counts": packing.add([len(corners) for corners in made.outlines], "u2"),
                "low": low,
                "high": high,
            }
        if genes := carried_genes(made):
            assert made.solutions is not None and not isinstance(made.solutions, Ragged)
            flat = np.asarray(made.solutions).reshape(len(made), -1)
            written["genome"] = {
                "width": genes,
                "length": flat.shape[1],
                "values": packing.add(flat[:, :genes].astype(np.float64)),
            }
        elif isinstance(made.solutions, Ragged) and len(made):
            written["lengths"] = packing.add(np.diff(made.solutions.offsets), "i4")
        if self.history is not None and len(stops):
            inside = (made.ids >= 0) & (made.ids < len(self.history))
            born = np.where(inside, self.history.generation[np.where(inside, made.ids, 0)], 0)
            written["born"] = packing.add(np.searchsorted(stops, born), "i4")
            if (shown := film(made, self.history, stops)) is not None:
                written["film"] = {
                    "frame": packing.add(shown.frame, "u1" if len(stops) < 256 else "i4"),
                    "cell": packing.add(shown.cell, "i4"),
                    "objective": packing.add(shown.objective),
                    "ids": packing.add(shown.ids, "i4"),
                }
        return written

    def _tree(self, packing: Packing) -> dict[str, Any] | None:
        if self.history is None or not self.maps:
            return None
        best_first = np.concatenate(
            [made.ids[np.argsort(-np.nan_to_num(made.objective, nan=-np.inf))] for made in self.maps]
        )
        found = tree(best_first, self.history)
        rows = found.ids
        objective = self.history.objective[rows]
        places = self.history.measures[rows]
        return {
            "ids": packing.add(rows, "i4"),
            "parent": packing.add(found.parent, "i4"),
            "objective": packing.add(objective if objective.ndim == 1 else objective[:, 0]),
            "generation": packing.add(self.history.generation[rows], "i4"),
            "operator": packing.add(self.history.operator[rows], "u1"),
            "operators": list(self.history.operators),
            "width": places.shape[1],
            "places": packing.add(places[:, :2]),
        }

    def _replays(self, packing: Packing) -> tuple[dict[str, Any], list[Any], str]:
        """Replays by archive and row, the scenes in them, and why there are none."""
        if self._live or not self._wanted:
            return {}, [], "" if self._live else "they were not wanted"
        carrier = self._carrier(packing)
        found = {made.name: carrier.all(made) for made in self.maps}
        best = self._best()
        for made in self.maps:
            if made.solutions is None and best is not None:  # where nothing is archived
                rows = np.flatnonzero(made.ids == best["id"])
                if len(rows) and (shown := carrier.of(best["solution"], int(best["id"]))) is not None:
                    found[made.name][str(int(rows[0]))] = shown
        return found, carrier.scenes, "" if any(found.values()) else carrier.replays.why


__all__ = ["FORMAT", "Page"]
