"""Which runs belong together: those that differ in nothing but the seed; and what such a group is called."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qd.comparison.courses import Course, class_name, flattened
from qd.errors import QDError, nearest


@dataclass
class Group:
    """Runs of one search with one set of settings.

    Args:
        label: what tells it from the other groups.
        tasks: one list of runs a problem, in the order of ``Grouping.problems``.
    """

    label: str
    tasks: list[list[Course]] = field(default_factory=list)

    @property
    def courses(self) -> list[Course]:
        """All runs."""
        return [course for task in self.tasks for course in task]

    @property
    def search(self) -> str:
        """The class of the algorithm."""
        return class_name(self.courses[0].settings.get("algorithm"))


@dataclass
class Grouping:
    """Runs in groups.

    Args:
        groups: in the order in which they were given.
        problems: what the tasks are called.
        notes: what a reader of the comparison must know.
    """

    groups: list[Group]
    problems: list[str]
    notes: list[str] = field(default_factory=list)


def grouped(courses: Sequence[Course], by: str | None = None) -> Grouping:
    """Sort runs into groups.

    Args:
        courses: the runs.
        by: the dotted name of a setting that alone tells groups apart; by default all settings do but the seed, the
            budget, and what no result depends on.

    Raises:
        QDError: nothing to group, a run given twice, an unknown setting, or runs of problems that do not fit together.
    """
    if not courses:
        raise QDError("compare: got no runs; give the folders of runs, or of a sweep")
    if by is not None:
        return _by_setting(courses, by)
    searches = [_key(course, "algorithm") for course in courses]
    problems = [_key(course, "problem") for course in courses]
    notes: list[str] = []
    if len(set(problems)) == 1:
        labels = _labels(courses, searches, "algorithm")
        keys, tasks, names = labels, [0] * len(courses), [_task_name(courses[0])]
    elif len(set(searches)) == 1 and len({_task_name(course) for course in courses}) == 1:
        labels = _labels(courses, problems, "problem")
        keys, tasks, names = labels, [0] * len(courses), [_task_name(courses[0])]
        varied = sorted(_differing(courses, "problem"))
        notes.append(f"the runs differ in their problem ({', '.join(varied)}): its numbers may not mean the same")
    else:
        keys = _labels(courses, searches, "algorithm")
        order = list(dict.fromkeys(problems))
        tasks = [order.index(problem) for problem in problems]
        names = _labels([courses[tasks.index(i)] for i in range(len(order))], order, "problem")
    made = _collected(courses, keys, tasks, len(names))
    _refuse_gaps(made, names)
    _refuse_twins(made)
    return Grouping(made, names, notes)


def _by_setting(courses: Sequence[Course], by: str) -> Grouping:
    flat = [flattened(course.settings) for course in courses]
    known = {name for settings in flat for name in settings}
    name = by if by in known else next((other for other in sorted(known) if other.rpartition(".")[2] == by), by)
    if name not in known:
        raise QDError(f"--by {by}: no setting of these runs, {nearest(by, known)}")
    short = name.rpartition(".")[2]
    plain = name in ("algorithm", "problem", "name")
    labels = [settings.get(name, "none") if plain else f"{short}={settings.get(name, 'none')}" for settings in flat]
    other = {task for course in courses if (task := _task_name(course))}
    if len(other) > 1 and name != "problem":
        raise QDError(f"--by {by}: the runs are of different problems, {', '.join(sorted(other))}; compare them one by "
                      "one, or without --by")  # fmt: skip
    notes = []
    rest = sorted({n for label in set(labels) for n in _differing(
        [c for c, its in zip(courses, labels, strict=True) if its == label], "")} - {name})  # fmt: skip
    if rest:
        notes.append(f"within a group the runs differ in {', '.join(rest[:5])} too")
    made = _collected(courses, labels, [0] * len(courses), 1)
    return Grouping(made, [_task_name(courses[0])], notes)


def _collected(courses: Sequence[Course], keys: Sequence[str], tasks: Sequence[int], count: int) -> list[Group]:
    groups: dict[str, Group] = {}
    for course, key, task in zip(courses, keys, tasks, strict=True):
        group = groups.setdefault(key, Group(key, [[] for _ in range(count)]))
        group.tasks[task].append(course)
    return list(groups.values())


def _refuse_gaps(groups: Sequence[Group], problems: Sequence[str]) -> None:
    missing = [
        f"{group.label} has none on {problems[i]}" for group in groups for i, task in enumerate(group.tasks) if not task
    ]
    if missing:
        raise QDError(
            f"compare: the runs are of different problems, {', '.join(problems)}, and not every search has runs on "
            f"each: {'; '.join(missing[:4])}. Compare the runs of one problem at a time, or make those that are missing"
        )


def _refuse_twins(groups: Sequence[Group]) -> None:
    for group in groups:
        for task in group.tasks:
            by_seed: dict[int, str] = {}
            for course in task:
                if course.seed in by_seed:
                    raise QDError(f"compare: {by_seed[course.seed]} and {course.name} are the same run, {group.label} "
                                  f"with seed {course.seed}; name it once")  # fmt: skip
                by_seed[course.seed] = course.name


def _key(course: Course, part: str) -> str:
    """Equal where runs belong together; a reference is a group of its own."""
    source = course.reference if part == "algorithm" else ""
    return source + json.dumps(course.settings.get(part), sort_keys=True)


def _task_name(course: Course) -> str:
    return class_name(course.settings.get("problem"))


def _differing(courses: Sequence[Course], part: str) -> list[str]:
    """Dotted names of the settings in which runs differ, the seed and what no result depends on left out."""
    flat = [flattened(course.settings.get(part) if part else _of_result(course.settings), part) for course in courses]
    names = dict.fromkeys(name for settings in flat for name in settings)
    return [name for name in names if len({settings.get(name) for settings in flat}) > 1]


def _of_result(settings: dict[str, Any]) -> dict[str, Any]:
    free = ("seed", "evaluator", "checkpoint_seconds", "history", "name", "budget")
    return {name: value for name, value in settings.items() if name not in free}


def _labels(courses: Sequence[Course], keys: Sequence[str], part: str) -> list[str]:
    """One label a run, equal within a key: the class, and the settings that differ between those of the same class."""
    first = {key: courses[keys.index(key)] for key in dict.fromkeys(keys)}
    classes = Counter(class_name(course.settings.get(part)) for course in first.values())
    leaves = Counter(name.rpartition(".")[2] for name in _differing(list(first.values()), part))
    made: dict[str, str] = {}
    for key, course in first.items():
        name = class_name(course.settings.get(part))
        words = [name]
        if classes[name] > 1:
            alike = [c for c in first.values() if class_name(c.settings.get(part)) == name]
            flat = flattened(course.settings.get(part), part)
            for path in _differing(alike, part):
                leaf = path.rpartition(".")[2]
                short = leaf if leaves[leaf] == 1 else path.partition(".")[2]
                words.append(f"{short}={flat.get(path, 'none')}")
        if course.reference and part == "algorithm":
            words.append(f"({course.reference})")
        made[key] = " ".join(words)
    for label, count in Counter(made.values()).items():
        if count > 1:  # as where only a described array differs in what is cut
            twins = [key for key, its in made.items() if its == label]
            for number, key in enumerate(twins, 1):
                made[key] = f"{label} #{number}"
    return [made[key] for key in keys]
