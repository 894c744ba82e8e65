"""Runs beside each other at equal evaluations: aggregates with intervals, probabilities of improvement, tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from qd.comparison.courses import REFERENCE, Course, read_courses
from qd.comparison.groups import Group, Grouping, grouped
from qd.errors import QDError, nearest
from qd.statistics import (
    at,
    bootstrap_interval,
    holm,
    improvement_interval,
    iqm,
    mann_whitney,
    mean,
    mean_height,
    median,
    optimality_gap,
    probability_of_improvement,
)
from qd.statistics.scores import Array

STANDARD = ("coverage", "truth_coverage", "qd_score", "moqd_score", "hypervolume", "best_objective")
ALL = "all problems"
FEW = 5  # runs below which intervals are wide, and too narrow all the same
NAN = float("nan")


@dataclass(frozen=True)
class Settings:
    """How runs are compared.

    Args:
        metrics: columns of ``metrics.csv``; none: those of the usual ones that all runs have.
        over: what runs are equal in: ``"evaluations"``, or a cost unit.
        at: the place where values are taken; None: where the shortest run ends.
        baseline: the label of the group that the others are tested against; None: random search, else the first.
        by: the setting that tells groups apart; None: all of them.
        level: of the intervals.
        reps: resamples of the bootstrap.
        seed: of its draws.
    """

    metrics: tuple[str, ...] = ()
    over: str = "evaluations"
    at: float | None = None
    baseline: str | None = None
    by: str | None = None
    level: float = 0.95
    reps: int = 10_000
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """One line of the table: a group on a problem, by a metric.

    Args:
        n: runs that count; those whose metric is NaN do not.
        iqm, median, mean: of the values at equal evaluations, each with its interval where there is one.
        area: interquartile mean of the runs' mean heights, the area under the curve by its width.
        improvement: the probability that a run scores higher than one of the baseline.
        p, corrected: of Mann and Whitney's test against the baseline, and by Holm over the whole table.
        gap: on several problems, how far the normalised scores stay below the best.
    """

    metric: str
    problem: str
    group: str
    n: int
    iqm: float = NAN
    iqm_interval: tuple[float, float] = (NAN, NAN)
    median: float = NAN
    mean: float = NAN
    area: float = NAN
    area_interval: tuple[float, float] = (NAN, NAN)
    improvement: float = NAN
    improvement_interval: tuple[float, float] = (NAN, NAN)
    p: float = NAN
    corrected: float = NAN
    method: str = ""
    gap: float = NAN


@dataclass
class Comparison:
    """Groups of runs, compared.

    Attributes:
        groups: the groups, each with its runs by problem.
        problems: names of the problems.
        settings: as resolved: metrics, baseline.
        starts, ends: by problem, the stretch of evaluations that all runs have.
        rows: of the table.
        notes: what a reader must know.
    """

    groups: list[Group]
    problems: list[str]
    settings: Settings
    starts: list[float]
    ends: list[float]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def scores(self, metric: str, group: int, task: int) -> Array:
        """(n,) the metric of a group's runs on a problem at equal evaluations; runs without a number are left out."""
        values = self.curves(metric, group, task, np.array([self.ends[task]]))[:, 0]
        return values[~np.isnan(values)]

    def areas(self, metric: str, group: int, task: int) -> Array:
        """(n,) the mean heights of the runs' curves, NaN left out."""
        heights = np.array([
            mean_height(course.columns[self.settings.over], course.column(metric), self.starts[task], self.ends[task])
            for course in self.groups[group].tasks[task]
        ])  # fmt: skip
        return heights[~np.isnan(heights)]

    def curves(self, metric: str, group: int, task: int, places: Array) -> Array:
        """(n, k) the metric of each run at k places."""
        over = self.settings.over
        return np.stack([at(c.columns[over], c.column(metric), places) for c in self.groups[group].tasks[task]])

    @property
    def caption(self) -> str:
        """What the table shows and how it was worked out, in sentences."""
        s = self.settings
        where = ", ".join(
            f"{end:,.10g} {s.over}" + (f" on {name}" if len(self.ends) > 1 else "")
            for name, end in zip(self.problems, self.ends, strict=True)
        )
        methods = sorted({row.method for row in self.rows if row.method not in ("", "none")})
        tested = sum(row.p == row.p for row in self.rows)
        text = (
            f"Values at {where}. IQM: mean of the middle half of n runs; in brackets {100 * s.level:g} % percentile "
            f"intervals of a stratified bootstrap ({s.reps:,} resamples). area: mean height of the curve up to there."
        )
        if len(self.groups) > 1:
            text += f" P(>): probability that a run scores higher than one of {s.baseline}."
        if tested:
            text += (
                f" p: Mann-Whitney U test against it, two-sided ({' and '.join(methods)}); p Holm: corrected for "
                f"{tested} test{'' if tested == 1 else 's'}."
            )
        return text


def compare(runs: Sequence[str | Path | Course], settings: Settings | None = None) -> Comparison:
    """Compare runs: ``qd compare`` from Python.

    Args:
        runs: folders of runs, folders that hold runs, ``"reference:NAME"``, or courses.
        settings: how.

    Raises:
        QDError: no runs, a run twice, a metric that a run lacks, problems that do not fit together.

    >>> import tempfile
    >>> import qd
    >>> arm, folders = qd.problems.PlanarArm(joints=4), []
    >>> for search in (qd.algorithms.RandomSearch(), qd.algorithms.MapElites(dims=(16, 16))):
    ...     for seed in range(5):
    ...         folders.append(tempfile.mkdtemp())
    ...         _ = qd.run(qd.Experiment(arm, search, 2_000, seed=seed), folders[-1])
    >>> comparison = qd.compare(folders, qd.comparison.Settings(metrics=("best_objective",)))
    >>> [(row.group, row.n) for row in comparison.rows]
    [('RandomSearch', 5), ('MapElites', 5)]
    """
    given = settings or Settings()
    if given.reps < 1 or not 0 < given.level < 1:
        raise QDError(f"compare: got level {given.level} and reps {given.reps}, wanted a level between 0 and 1 and at "
                      "least 1 resample")  # fmt: skip
    courses = [course for run in runs for course in ([run] if isinstance(run, Course) else read_courses([run]))]
    _refuse_repeats(courses)
    courses, notes = _with_rows(courses, given.over)
    grouping = grouped(courses, given.by)
    notes += grouping.notes
    for course in courses:
        course.column(given.over)
    starts, ends, more = _stretch(grouping, given)
    notes += more
    made = Comparison(
        grouping.groups,
        grouping.problems,
        replace(given, metrics=_metrics(courses, given), baseline=_baseline(grouping.groups, given.baseline)),
        starts,
        ends,
        notes=notes,
    )
    _fill(made)
    made.notes += _notes(made)
    return made


def _refuse_repeats(courses: Sequence[Course]) -> None:
    seen: set[tuple[str, int]] = set()
    for course in courses:
        key = (f"{REFERENCE}{course.reference}" if course.reference else str(Path(course.name).resolve()),
               course.seed if course.reference else 0)  # fmt: skip
        if key in seen:
            raise QDError(f"compare: {course.name} is given twice; name each run once")
        seen.add(key)


def _with_rows(courses: Sequence[Course], over: str) -> tuple[list[Course], list[str]]:
    """The courses that have begun, and notes about the others and about those that have not ended."""
    begun = [course for course in courses if course.columns]
    notes = [f"{course.name} has no metrics yet: left out" for course in courses if not course.columns]
    for course in begun:
        if not course.finished:
            last = course.columns[over][-1] if over in course.columns else NAN
            notes.append(f"{course.name} is not finished: it is going on, or was cut off, after {last:,.10g} {over}")
    if courses and not begun:
        raise QDError(f"compare: none of the {len(courses)} runs has written metrics yet")
    return begun, notes


def _stretch(grouping: Grouping, settings: Settings) -> tuple[list[float], list[float], list[str]]:
    """By problem, from where to where all runs have numbers."""
    starts, ends, notes = [], [], []
    for i, problem in enumerate(grouping.problems):
        courses = [course for group in grouping.groups for course in group.tasks[i]]
        lasts = [float(course.columns[settings.over][-1]) for course in courses]
        firsts = [float(course.columns[settings.over][0]) for course in courses]
        end = min(lasts) if settings.at is None else settings.at
        short = [f"{c.name} ({last:,.10g})" for c, last in zip(courses, lasts, strict=True) if last < end]
        if short:
            raise QDError(f"--at {end:,.10g}: {len(short)} of {len(courses)} runs end before: {', '.join(short[:3])}; "
                          f"the most that all have is {min(lasts):,.10g}")  # fmt: skip
        if end < max(firsts):
            late = courses[int(np.argmax(firsts))].name
            raise QDError(f"compare: {late} begins at {max(firsts):,.10g} {settings.over}, which is after {end:,.10g}, "
                          "where values would be taken; leave out the shortest run")  # fmt: skip
        if settings.at is None and max(lasts) > end:
            notes.append(f"{problem}: the runs end between {end:,.10g} and {max(lasts):,.10g} {settings.over}; values "
                         "are taken where the shortest ends")  # fmt: skip
        starts.append(max(firsts))
        ends.append(float(end))
    return starts, ends, notes


def _metrics(courses: Sequence[Course], settings: Settings) -> tuple[str, ...]:
    if settings.metrics:
        for name in dict.fromkeys(settings.metrics):
            lacking = [course for course in courses if name not in course.columns]
            if lacking:
                known = set.intersection(*(set(course.columns) for course in courses))
                raise QDError(f"--metric {name}: {len(lacking)} of {len(courses)} runs have no such column, such as "
                              f"{lacking[0].name}; {nearest(name, known)}")  # fmt: skip
        return tuple(dict.fromkeys(settings.metrics))
    usual = tuple(
        name for name in STANDARD if all(name in c.columns and not np.isnan(c.columns[name]).all() for c in courses)
    )
    if not usual:
        known = set.intersection(*(set(course.columns) for course in courses))
        raise QDError(f"compare: the runs share none of {', '.join(STANDARD)}; name one with --metric, "
                      f"of {', '.join(sorted(known)) or 'none'}")  # fmt: skip
    return usual


def _baseline(groups: Sequence[Group], asked: str | None) -> str:
    labels = [group.label for group in groups]
    if asked is None:
        random = [group.label for group in groups if group.search == "RandomSearch"]
        return random[0] if random else labels[0]
    if asked in labels:
        return asked
    begins = [label for label in labels if label.startswith(asked)]
    if len(begins) == 1:
        return begins[0]
    raise QDError(f"--baseline {asked}: no such group, {nearest(asked, labels)}")


def _fill(made: Comparison) -> None:
    """The rows of the table, and Holm's correction over all of them."""
    count = len(made.problems)
    for metric in made.settings.metrics:
        scores = [[made.scores(metric, g, t) for t in range(count)] for g in range(len(made.groups))]
        areas = [[made.areas(metric, g, t) for t in range(count)] for g in range(len(made.groups))]
        for t in range(count):
            made.rows += _rows(made, metric, made.problems[t], [s[t : t + 1] for s in scores],
                               [a[t : t + 1] for a in areas])  # fmt: skip
        if count > 1:
            made.rows += _rows(made, metric, ALL, _normalised(scores), _normalised(areas))
    corrected = holm([row.p for row in made.rows])
    made.rows = [replace(row, corrected=float(p)) for row, p in zip(made.rows, corrected, strict=True)]


def _rows(
    made: Comparison, metric: str, problem: str, scores: list[list[Array]], areas: list[list[Array]]
) -> list[Row]:
    s = made.settings
    base = next(i for i, group in enumerate(made.groups) if group.label == s.baseline)
    rows = []
    for g, group in enumerate(made.groups):
        n = sum(len(task) for task in scores[g])
        row = Row(metric, problem, group.label, n)
        if all(len(task) for task in scores[g]):
            row = replace(
                row,
                iqm=iqm(scores[g]),
                iqm_interval=bootstrap_interval(scores[g], level=s.level, reps=s.reps, seed=s.seed),
                median=median(scores[g]),
                mean=mean(scores[g]),
                gap=optimality_gap(scores[g]) if problem == ALL else NAN,
            )
        if all(len(task) for task in areas[g]):
            row = replace(
                row,
                area=iqm(areas[g]),
                area_interval=bootstrap_interval(areas[g], level=s.level, reps=s.reps, seed=s.seed),
            )
        if g != base and all(len(task) for task in (*scores[g], *scores[base])):
            row = replace(
                row,
                improvement=probability_of_improvement(scores[g], scores[base]),
                improvement_interval=improvement_interval(scores[g], scores[base], s.level, seed=s.seed),
            )
            if problem != ALL:
                test = mann_whitney(scores[g][0], scores[base][0])
                row = replace(row, p=test.p, method=test.method)
        rows.append(row)
    return rows


def _normalised(values: list[list[Array]]) -> list[list[Array]]:
    """Each problem's numbers with the lowest of all its runs at 0 and the highest at 1: problems weigh alike."""
    made: list[list[Array]] = [[] for _ in values]
    for t in range(len(values[0])):
        together = np.concatenate([group[t] for group in values])
        low, high = (float(together.min()), float(together.max())) if together.size else (0.0, 1.0)
        for g, group in enumerate(values):
            made[g].append((group[t] - low) / (high - low) if high > low else np.full(len(group[t]), 0.5))
    return made


def _notes(made: Comparison) -> list[str]:
    """Few runs, and runs that count for nothing."""
    notes = []
    sizes = {group.label: min(len(task) for task in group.tasks) for group in made.groups}
    single = [label for label, n in sizes.items() if n == 1]
    few = [f"{label} ({n})" for label, n in sizes.items() if 1 < n < FEW]
    if single:
        notes.append(f"one seed only, so no interval and no test: {', '.join(single)}")
    if few:
        notes.append(f"fewer than {FEW} runs, whose intervals are wide and still cover too little: {', '.join(few)}")
    for metric in made.settings.metrics:
        for g, group in enumerate(made.groups):
            for t, problem in enumerate(made.problems):
                runs = len(group.tasks[t])
                lost = runs - len(made.scores(metric, g, t))
                if lost:
                    on = f" on {problem}" if len(made.problems) > 1 else ""
                    notes.append(f"{metric} is NaN in {lost} of {runs} runs of {group.label}{on}: left out")
    if len(made.problems) > 1:
        notes.append(f"{ALL}: of each problem the lowest value of all runs is 0, the highest 1; areas likewise")
    cells = {_cells(group) for group in made.groups} - {""}
    if len(cells) > 1 and {"coverage", "qd_score"} & set(made.settings.metrics):
        notes.append("the searches' archives have different cells, so coverage and QD score do not mean the same")
    return notes


def _cells(group: Group) -> str:
    """The cells of a group's archive, as far as its settings say; empty where it is counted on the problem's grid."""
    algorithm = group.courses[0].settings.get("algorithm")
    found = algorithm.get("dims", algorithm.get("cells")) if isinstance(algorithm, dict) else None
    return str(found) if found is not None else ""
