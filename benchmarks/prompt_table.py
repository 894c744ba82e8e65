"""The table of the prompt study: accuracy on the test with paired bootstrap intervals."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.prompts.objectives import calibrated

DRAWS = 10_000
_LEAST = 1e-5


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a table for each data set, model and budget that there are lines of."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[(row["data"], row["model"], row["evaluations"])].append(row)
    return "\n\n".join(_one(name, group) for name, group in groups.items())


def _one(name: tuple[Any, ...], rows: list[dict[str, Any]]) -> str:
    base = {row["pair"]: row for row in rows if row["arm"] == "unpruned"}
    arms: dict[str, list[tuple[int, NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]]] = defaultdict(list)
    for row in rows:
        if row["pair"] not in base:
            continue
        right, adjusted = _right(row["test"], row["test_labels"])
        arms[row["arm"]].append((row["pair"], right, adjusted, row))
        if row["arm"] == "unpruned" and np.ndim(row["test"]) == 1:
            for kind, moved in thresholds(row).items():
                arms[f"unpruned, {kind}"].append((row["pair"], moved, adjusted, row))
    whole = {pair: _right(row["test"], row["test_labels"]) for pair, row in base.items()}
    lines = [
        f"{name[0]}, {name[1]}, {name[2]} evaluations",
        "",
        "| arm | runs | tokens | select | test | less unpruned | calibrated | less calibrated unpruned | CPU s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for arm, runs in sorted(arms.items(), key=lambda item: float(np.mean([run[1].mean() for run in item[1]]))):
        plain = _interval([(pair, right.astype(float)) for pair, right, _, _ in runs])
        apart = _interval([(pair, right.astype(float) - whole[pair][0]) for pair, right, _, _ in runs], sign=True)
        level = _interval([(pair, adjusted.astype(float)) for pair, _, adjusted, _ in runs])
        beyond = _interval(
            [(pair, adjusted.astype(float) - whole[pair][1]) for pair, _, adjusted, _ in runs], sign=True
        )
        picked = [row["select"] for *_, row in runs if isinstance(row["select"], float)]
        tokens = np.mean([row["tokens"] for *_, row in runs])
        cpu = np.mean([row["cpu_seconds"] for *_, row in runs])
        chosen = f"{100 * np.mean(picked):.1f}" if picked else ""
        lines.append(f"| {arm} | {len(runs)} | {tokens:.0f} | {chosen} | {plain} | {apart} | {level} | {beyond} | "
                     f"{cpu:.0f} |")  # fmt: skip
    return "\n".join(lines)


def _probabilities(stored: Any) -> NDArray[np.float64]:
    """(k, C) from what is stored: of two classes only the second's."""
    kept = np.asarray(stored, np.float64)
    return np.stack([1 - kept, kept], 1) if kept.ndim == 1 else kept


def _right(stored: Any, labels: list[int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which test examples are right as they are, and after calibration by the medians of these same answers."""
    probabilities, truth = _probabilities(stored), np.asarray(labels)
    return probabilities.argmax(1) == truth, calibrated(probabilities).argmax(1) == truth


def _log_odds(stored: Any) -> NDArray[np.float64]:
    kept = np.clip(np.asarray(stored, np.float64), _LEAST, 1 - _LEAST)
    made: NDArray[np.float64] = np.log(kept / (1 - kept))
    return made


def thresholds(row: dict[str, Any]) -> dict[str, NDArray[np.bool_]]:
    """Which test examples the unpruned prompt of two classes gets right with its threshold moved."""
    search, select, test = (_log_odds(row[split]) for split in ("search", "select", "test"))
    both = np.concatenate([search, select])
    truth = np.asarray(row["test_labels"])
    labels = np.concatenate([row["search_labels"], row["select_labels"]])
    moved = {
        "label-free median": float(np.median(both)),
        "threshold fitted on search": fitted(search, np.asarray(row["search_labels"])),
        "threshold fitted on search and select": fitted(both, labels),
    }
    return {kind: (test > threshold) == (truth == 1) for kind, threshold in moved.items()}


def fitted(log_odds: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The threshold with the most right answers; the middle of the widest stretch where several have as many."""
    order = np.sort(log_odds)
    cuts = np.concatenate([[order[0] - 1], (order[1:] + order[:-1]) / 2, [order[-1] + 1]])
    right = np.array([((log_odds > cut) == (labels == 1)).sum() for cut in cuts])
    best = cuts[right == right.max()]
    return float(np.median(best))


def _interval(runs: list[tuple[int, NDArray[np.float64]]], sign: bool = False) -> str:
    """Mean in percent with a 95 % interval: pairs are drawn anew, runs within each, and examples within each run."""
    rng = np.random.default_rng(0)
    pairs: dict[int, list[NDArray[np.float64]]] = defaultdict(list)
    for pair, values in runs:
        pairs[pair].append(values)
    groups, means = list(pairs.values()), np.zeros(DRAWS)
    for draw in range(DRAWS):
        drawn = [groups[i] for i in rng.integers(0, len(groups), len(groups))]
        picked = [group[i] for group in drawn for i in rng.integers(0, len(group), len(group))]
        means[draw] = np.mean([values[rng.integers(0, len(values), len(values))].mean() for values in picked])
    low, high = 100 * np.quantile(means, (0.025, 0.975))
    middle = 100 * np.mean([values.mean() for _, values in runs])
    return f"{middle:+.1f} [{low:+.1f}, {high:+.1f}]" if sign else f"{middle:.1f} [{low:.1f}, {high:.1f}]"
