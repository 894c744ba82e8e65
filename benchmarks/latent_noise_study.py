"""Best-of-N beside evolution of latents, on random reward nets and on digits: what used and held-out rewards say.

Claims: evolution beats the best of N random latents from 1000 evaluations on, on the used rewards and on the held-out
one; several rewards do better on the held-out one than a single; a norm prior keeps latents natural; an adversary among
the rewards deceives their mean, and soft caps help. Numbers are standard deviations above random latents: mean of the
used rewards, the held-out one, and the latent's length (8 is natural for the toy, 5.66 for digits), mean and half of
the 95 % t interval over runs, each with a landscape or a digit of its own. The last evaluation of a run tests the best,
chosen by the used rewards alone. And a tree of beginnings, beside the others on the noise of a diffusion in closed
form: with few evaluations it does better than the best of N, and evolution better than both. Arguments: ``toy``,
``adversary``, ``digits``, two runs a digit, and ``diffusion``, each a minute or two, all of them without; numbers of
evaluations take part of the toy's; ``picture`` draws digits for the docs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qd
from benchmarks.machine import describe
from qd.algorithms import SNES, EvolutionStrategy, GeneticAlgorithm, OpenAIES, PrefixTree, RandomSearch, Selected
from qd.problems import DigitLatents, LatentNoise, MixtureDiffusion
from qd.rewards import Feature, Gene, Reward, SoftCap

RUNS = 20
PICTURE = Path("docs/images/latent_digits.png")
ES = EvolutionStrategy("sep_cma", population_size=20, sigma=0.5)
BEST = RandomSearch(batch_size=50)
CAPPED = Reward(
    tuple(Feature(f"reward_{k}", weight=None) | SoftCap(Gene("cap", default=5.0, low=0.0, high=10.0)) for k in range(4))
)
TOY: dict[str, tuple[qd.Algorithm, dict[str, Any]]] = {
    "best of N": (BEST, {}),
    "ES, 1 reward": (ES, {"prior": "none", "climbed": 1}),
    "ES, no prior": (ES, {"prior": "none"}),
    "ES, norm term": (ES, {"prior": "norm"}),
    "ES, sphere": (ES, {}),
}
ADVERSARY: dict[str, tuple[qd.Algorithm, dict[str, Any]]] = {
    "ES, honest": (ES, {"prior": "none"}),
    "best of N, deceived": (BEST, {"adversary": 10.0}),
    "ES, deceived": (ES, {"prior": "none", "adversary": 10.0}),
    "ES, sphere, deceived": (ES, {"adversary": 10.0}),
    "ES, capped, deceived": (ES, {"prior": "none", "adversary": 10.0, "reward": CAPPED}),
    "ES, capped, sphere": (ES, {"adversary": 10.0, "reward": CAPPED}),
}
DIGITS: dict[str, tuple[qd.Algorithm, dict[str, Any]]] = {
    "best of N": (BEST, {}),
    "ES, 1 reward": (ES, {"climbed": 1}),
    "ES, no prior": (ES, {"prior": "none"}),
    "ES, norm term": (ES, {"prior": "norm"}),
    "ES, sphere": (ES, {}),
    "SNES, sphere": (SNES(20, sigma=0.5), {}),
    "OpenAIES, sphere": (OpenAIES(20, sigma=0.2, learning_rate=0.2), {}),
    "GA, sphere": (GeneticAlgorithm(20, parents=5, sigma=0.3), {}),
}
DIFFUSION: dict[str, qd.Algorithm] = {
    "best of N": RandomSearch(batch_size=20),
    "tree": PrefixTree(),
    "ES": ES,
    "GA": GeneticAlgorithm(20, parents=5, sigma=0.3),
}


def spread(values: NDArray[np.float64]) -> str:
    """Mean and half of the 95 % t interval."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():6.2f} ± {half:.2f}"


def found(problem: qd.Problem, search: qd.Algorithm, evaluations: int, seed: int) -> NDArray[np.float64]:
    """Mean of all rewards but the held-out one, the held-out one, and the length."""
    algorithm = Selected(search, candidates=1)
    result = qd.run(qd.Experiment(problem, algorithm, evaluations + 2, seed=seed), progress=False)
    scores = result.populations["test_scores"][0]
    return np.array([scores[:-1].mean(), scores[-1], result.populations["test_norm"][0]])


def table(kind: str, arms: dict[str, tuple[qd.Algorithm, dict[str, Any]]], sizes: tuple[int, ...]) -> dict[Any, Any]:
    """Prints a row an arm and size; (arm, size) -> (runs, 3)."""
    rows = {}
    for evaluations in sizes:
        for name, (search, settings) in arms.items():
            problems = [
                DigitLatents(wanted=run % 10, **settings)
                if kind == "digits"
                else LatentNoise(landscape=run, **settings)
                for run in range(RUNS)
            ]
            numbers = np.array([found(one, search, evaluations, run) for run, one in enumerate(problems)])
            rows[name, evaluations] = numbers
            print(f"{kind:9s}  {evaluations:5d}  {name:22s}  used {spread(numbers[:, 0])}   held out "
                  f"{spread(numbers[:, 1])}   length {spread(numbers[:, 2])}", flush=True)  # fmt: skip
    return rows


def denoised() -> bool:
    """Prints the best reward at the end of denoising by every search; whether the tree's is above that of draws."""
    means = {}
    for evaluations in (200, 1000):
        for name, search in DIFFUSION.items():
            best = [
                qd.run(qd.Experiment(MixtureDiffusion(), search, evaluations, seed=seed), progress=False).summary[
                    "best_objective"
                ]
                for seed in range(RUNS)
            ]
            means[name, evaluations] = np.mean(best)
            low = min(best)
            print(
                f"diffusion  {evaluations:5d}  {name:22s}  best {spread(np.array(best))}   worst run {low:.2f}",
                flush=True,
            )
    return bool(means["tree", 200] > means["best of N", 200])


def draw() -> None:
    """Ten digits by three arms, 1000 evaluations each."""
    from qd.view.latent_plots import Drawn, strips_figure

    arms = {}
    for name in ("best of N", "ES, no prior", "ES, sphere"):
        search, settings = DIGITS[name]
        rows = []
        for wanted in range(10):
            problem = DigitLatents(wanted=wanted, **settings)
            experiment = qd.Experiment(problem, Selected(search, candidates=1), 1002, seed=wanted)
            kept = qd.run(experiment, progress=False).populations
            picture = problem.pictures(problem.latents(np.atleast_2d(kept["selected"])))[0].reshape(8, 8)
            scores = kept["test_scores"][0]
            rows.append((picture, scores[:-1].mean(), scores[-1]))
        pictures, used, held_out = (np.array(column) for column in zip(*rows, strict=True))
        arms[name] = Drawn(pictures, used, held_out)
    strips_figure(arms, "Digits by 1000 evaluations: used rewards / held-out one").savefig(PICTURE, dpi=110)


def main() -> int:
    """Prints the tables; 1 where evolution does not beat best-of-N at 1000 evaluations or a claim above fails."""
    describe("scipy")
    wanted = [word for word in sys.argv[1:] if not word.isdigit()] or ["toy", "adversary", "digits", "diffusion"]
    sizes, good = tuple(int(word) for word in sys.argv[1:] if word.isdigit()) or (200, 1000, 4000), True
    if "picture" in wanted:
        draw()
    if "toy" in wanted:
        rows = table("toy", TOY, sizes)
    if "toy" in wanted and 1000 in sizes:
        good &= bool((rows["ES, sphere", 1000].mean(0) > rows["best of N", 1000].mean(0))[:2].all())
        good &= rows["ES, no prior", 1000][:, 1].mean() > rows["ES, 1 reward", 1000][:, 1].mean()
    if "adversary" in wanted:
        rows = table("adversary", ADVERSARY, (1000,))
        held_out = {name: numbers[:, 1].mean() for (name, _), numbers in rows.items()}
        good &= held_out["ES, deceived"] < held_out["ES, capped, deceived"]
    if "digits" in wanted:
        rows = table("digits", DIGITS, (1000,))
        gain = rows["ES, sphere", 1000] - rows["best of N", 1000]  # run by run: the same digit
        print(f"ES less best of N at 1000: {spread(gain[:, 0])} used, {spread(gain[:, 1])} held out (floor 0)")
        good &= bool((gain.mean(axis=0)[:2] > 0).all())
    if "diffusion" in wanted:
        good &= denoised()
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
