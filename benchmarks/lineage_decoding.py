"""Lineages to weights: nanoseconds a weight, cold decoding beside a table of noise, and a generation's own work.

Claims: a child of a kept parent of 4.05 M weights takes at most 6 ns a weight on one core, beside numpy's Philox
normals and a slice of a noise table, added the same way; a generation of Deep GA, 1000 networks of 1 M weights on two
threads, takes at most twice as long as decoding alone, and no more memory than the parents and one chunk. Times are
processor time on one thread, but for the generation's. Half a minute.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

import numpy as np

import qd
from benchmarks.machine import describe
from qd.lineages import Decoder, Lineage, children, draws
from qd.lineages.bytes import compression

WEIGHTS = 4_052_658  # the large network of Deep GA with 18 actions
FLOOR_NS, FLOOR_GENERATION = 6.0, 2.0


class Idle(qd.Problem):
    """A network whose objective is its first weight: everything that takes time here is the search's own work."""

    solution_space = qd.Box(-np.inf, np.inf, 1_000_000, init_sigma=0.05, dtype="float32")
    batching = "rows"
    chunk_size = 16

    def evaluate(self, request, seeds):  # type: ignore[no-untyped-def]
        return qd.Evaluation(np.array(request.solutions[:, 0], np.float64))


def seconds(call: Callable[[], object], rounds: int = 5, clock: Callable[[], float] = time.process_time) -> float:
    """The median of some calls."""
    taken = []
    for _ in range(rounds):
        begin = clock()
        call()
        taken.append(clock() - begin)
    return float(np.median(taken))


def first(space: Lineage) -> qd.Ragged:
    """One lineage without mutations."""
    rows = space.sample(1, np.random.default_rng(0))
    assert isinstance(rows, qd.Ragged)
    return rows


def a_child() -> float:
    """Prints nanoseconds a weight of each way to make a child; returns ours."""
    space = Lineage(WEIGHTS, 0.05)
    parent = first(space)
    decoder = Decoder(space)
    decoder.grown(parent.row(0))
    child = children(parent, np.zeros(1, np.int64), draws(0, [1]), 0.002)
    out = np.empty((1, WEIGHTS), np.float32)
    decoder.weights(child, out)
    ours = seconds(lambda: decoder.weights(child, out)) / WEIGHTS * 1e9
    dense, rng = np.zeros(WEIGHTS, np.float32), np.random.Generator(np.random.Philox(0))
    philox = seconds(lambda: dense + np.float32(0.002) * rng.standard_normal(WEIGHTS, np.float32)) / WEIGHTS * 1e9
    table = rng.standard_normal(25_000_000, np.float32)

    def slice_of_table() -> None:
        start = int(rng.integers(0, len(table) - WEIGHTS))
        np.multiply(table[start : start + WEIGHTS], np.float32(0.002), out=out[0])
        np.add(out[0], dense, out=out[0])

    read = seconds(slice_of_table) / WEIGHTS * 1e9
    print(f"a child, ns a weight: ours {ours:.2f} (reads 4 bytes a weight, writes 4), numpy's Philox {philox:.1f}, "
          f"a slice of a noise table {read:.2f} (reads 12 bytes or more)")  # fmt: skip
    return ours


def cold(generations: int = 400) -> None:
    """Prints what a lineage of some generations costs without a parent, beside so many table slices."""
    space = Lineage(WEIGHTS, 0.05)
    rows = first(space)
    for number in range(generations):
        rows = children(rows, np.zeros(1, np.int64), draws(0, [number]), 0.002)
    taken = seconds(lambda: Decoder(space).weights(rows), 1)
    published = generations * 4.2e-3
    print(f"cold decoding of {generations} generations: {taken:.2f} s; so many table slices at the published design's "
          f"4.2 ms: {published:.2f} s, ratio {taken / published:.1f}; "
          f"{compression(WEIGHTS, generations):,.0f} times smaller than its weights")  # fmt: skip


def generation(threads: int = 2) -> float:
    """Prints a generation's own work over decoding alone; returns the ratio."""
    problem = qd.problems.Decoded(Idle(), decoding_threads=threads, chunk=32)
    search = qd.algorithms.DeepGA(1000, 20, 0.002, validation_episodes=0)
    state = search.init(problem, 0)
    done = 0
    taken: dict[str, list[float]] = {"whole": [], "decoding": []}
    for number in range(3):
        begin = time.perf_counter()
        request = search.ask(state, 10**6)
        assert request is not None
        search.tell(state, request, qd.evaluate_batch(problem, request, 0, first=done, number=number))
        done += len(request)
        taken["whole"].append(time.perf_counter() - begin)
        begin = time.perf_counter()
        for start in range(0, 1000, 32):
            problem.weights(request.solutions[start : start + 32])  # type: ignore[arg-type]
        taken["decoding"].append(time.perf_counter() - begin)
    ratio = taken["whole"][-1] / taken["decoding"][-1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"a generation of 1000 x 1 M weights, {threads} threads: {taken['whole'][-1]:.2f} s, decoding alone "
          f"{taken['decoding'][-1]:.2f} s, ratio {ratio:.2f} (at most {FLOOR_GENERATION}); peak memory {peak:,.0f} MB, "
          "of which parents 80 to 160 MB and a chunk 128 MB")  # fmt: skip
    return ratio


def main() -> int:
    """Prints the three measurements; 1 where one misses its floor."""
    describe()
    ratio = generation()
    ours = a_child()
    cold()
    print(f"{ours:.2f} ns a weight (at most {FLOOR_NS})")
    return int(ours > FLOOR_NS or ratio > FLOOR_GENERATION)


if __name__ == "__main__":
    sys.exit(main())
