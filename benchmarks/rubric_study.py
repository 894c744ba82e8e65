"""Co-evolved rubrics against rubrics that stay, that are refined alone, and random search: what the reports are worth.

Every arm has the same number of evaluations, rubrics and policies together; the arms whose rubric stays spend them all
on policies. Seeds, and with them the labelled pairs, are others than those by which settings were chosen (0 to 5).
Claim: co-evolved rubrics lead to better reports, on a topic that the search never saw, and to a lower exploit rate than
a naive rubric that stays and than one rubric refined by hill climbing. Means, 95 % intervals (Student's t), and a
two-sided Mann-Whitney test against the co-evolved population, p-values corrected by Holm. The exploit rate is the share
of the final policies most of whose words state nothing new.

Run a few arms at a time with ``--arms``; rows are kept in ``--rows`` and taken up again. Three seconds a run.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qd
from benchmarks.machine import describe
from qd.algorithms import RubricCoevolution
from qd.problems import JudgedReports, RubricWorth
from qd.view.gold_proxy import GoldProxy, plot_gold_proxy

FIRST_SEED = 200
PLAIN = RubricWorth(exploitability=0.0)
ANY = "any"
ARMS: dict[str, tuple[RubricCoevolution, dict[str, Any]]] = {
    "co-evolved": (RubricCoevolution(), {}),
    "fixed naive": (RubricCoevolution("fixed", "naive"), {}),
    "refined": (RubricCoevolution("single"), {"worth": PLAIN}),
    "refined, exploitability": (RubricCoevolution("single"), {}),
    "random": (RubricCoevolution("random"), {}),
    "fixed oracle": (RubricCoevolution("fixed", "oracle"), {}),
    "co-evolved, no exploitability": (RubricCoevolution(), {"worth": PLAIN}),
    "co-evolved, no halls": (RubricCoevolution(hall=0), {}),
    "co-evolved, one judge": (RubricCoevolution(judges=1, remembered=0), {}),
    "co-evolved, any edits": (RubricCoevolution(), {"probe": ANY}),
}
SHOWN = ("co-evolved", "refined", "refined, exploitability", "fixed naive", "random", "fixed oracle")
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "rubric_study.png"


def one_run(arm: str, seed: int, evaluations: int) -> dict[str, Any]:
    """What came of one run: final numbers, and the curve of the best ten of each generation."""
    algorithm, settings = ARMS[arm]
    problem = JudgedReports(anchor_seed=seed, **settings)
    result = qd.run(qd.Experiment(problem, algorithm, evaluations, seed=seed), progress=False)
    if not result.summary["finished"]:
        raise SystemExit(f"{arm}, seed {seed}: stopped before its end; what is done is kept in --rows")
    metrics, trace = result.summary["metrics"], result.positions
    steps, gold, proxy, stuffed, seen = [], [], [], [], 0
    for request in np.unique(trace["generation"]):
        rows = np.flatnonzero(trace["generation"] == request)
        if np.isnan(trace["measures"][rows]).any():
            continue  # rubrics
        seen += len(rows)
        best = rows[np.argsort(-trace["objective"][rows], kind="stable")[: algorithm.parents]]
        steps.append(seen)
        gold.append(float(trace["measures"][best, 0].mean()))
        proxy.append(float(trace["objective"][best].mean()))
        stuffed.append(float((trace["measures"][best, 1] > 0.5).mean()))
    return {
        "arm": arm, "seed": seed, "evaluations": evaluations, "gold": metrics["test_gold"],
        "exploit_rate": metrics["test_exploit_rate"], "proxy": metrics["policy_score"],
        "agreement": metrics["rubric_agreement"], "exploit_rate_search": float(np.mean(stuffed)),
        "curve": {"steps": steps, "gold": gold, "proxy": proxy},
    }  # fmt: skip


def mean_interval(values: NDArray[np.float64]) -> str:
    """Mean and its 95 % interval."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():.3f} [{values.mean() - half:.3f}, {values.mean() + half:.3f}]"


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """Corrected for their number (Holm 1979)."""
    corrected, least = {}, 0.0
    for place, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        least = max(least, min(1.0, p_values[name] * (len(p_values) - place)))
        corrected[name] = least
    return corrected


def curves(rows: list[dict[str, Any]], evaluations: int) -> dict[str, GoldProxy]:
    """The arms' curves on common steps."""
    steps, arms = np.linspace(40, evaluations, 60), {}
    for arm in SHOWN:
        own = [row["curve"] for row in rows if row["arm"] == arm]
        if own:
            read = {
                key: np.array([np.interp(steps, one["steps"], one[key], right=np.nan) for one in own])
                for key in ("gold", "proxy")
            }
            arms[arm] = GoldProxy(steps, read["gold"], read["proxy"])
    return arms


def main() -> int:
    """Prints a row an arm; 1 where the co-evolved rubrics are not better than the naive and the refined ones."""
    from scipy.stats import mannwhitneyu

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=4000)
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--rows", type=Path, help="a file of JSON lines with the runs made so far")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    given = parser.parse_args()
    describe("scipy")
    rows = (
        [json.loads(line) for line in given.rows.read_text().splitlines()] if given.rows and given.rows.exists() else []
    )
    done = {(row["arm"], row["seed"]) for row in rows if row["evaluations"] == given.evaluations}
    for arm in given.arms:
        for seed in range(FIRST_SEED, FIRST_SEED + given.seeds):
            if (arm, seed) not in done:
                rows.append(one_run(arm, seed, given.evaluations))
                if given.rows:
                    with given.rows.open("a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    rows = [row for row in rows if row["evaluations"] == given.evaluations]
    table = {
        arm: {key: np.array([row[key] for row in rows if row["arm"] == arm], float)
              for key in ("gold", "exploit_rate", "exploit_rate_search", "proxy")}
        for arm in ARMS
    }  # fmt: skip
    table = {arm: read for arm, read in table.items() if len(read["gold"])}
    ours = table.get("co-evolved")
    tests: dict[str, dict[str, float]] = {}
    for key in ("gold", "exploit_rate"):
        others = {arm: read[key] for arm, read in table.items() if arm != "co-evolved"} if ours else {}
        tests[key] = holm({arm: float(mannwhitneyu(ours[key], other).pvalue) for arm, other in others.items()})  # type: ignore[index]
    print("arm | seeds | true worth | p | exploit rate | p | exploit rate while searching | judges' score")
    for arm, read in table.items():
        p_gold, p_rate = (f"{tests[key][arm]:.4f}" if arm in tests[key] else "" for key in ("gold", "exploit_rate"))
        print(f"{arm} | {len(read['gold'])} | {mean_interval(read['gold'])} | {p_gold} | "
              f"{mean_interval(read['exploit_rate'])} | {p_rate} | {mean_interval(read['exploit_rate_search'])} | "
              f"{mean_interval(read['proxy'])}")  # fmt: skip
    if given.picture:
        title = "Reports judged by rubrics: the ten that the judges like best"
        plot_gold_proxy(curves(rows, given.evaluations), title).savefig(given.picture)
    if ours is None:
        return 0
    beaten = [arm for arm in ("fixed naive", "refined", "refined, exploitability") if arm in table]
    held = [
        ours["gold"].mean() > table[arm]["gold"].mean()
        and ours["exploit_rate"].mean() < table[arm]["exploit_rate"].mean()
        for arm in beaten
    ]
    print("better and less exploited than " + (", ".join(a for a, h in zip(beaten, held, strict=True) if h) or "none"))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
