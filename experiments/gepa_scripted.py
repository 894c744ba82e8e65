"""GEPA without weights: a scripted model that classifies, and a scripted writer that reads its mistakes.

The model judges reviews by words that it knows, leans to "terrible", and half hears what it reads. Words of the
instruction mend that: some take the leaning away, some sharpen its hearing, others do nothing. The writer looks at a
few examples, as GEPA shows them, and adds a word that might have helped; one answer in six cannot be read.

What to see: ``best_mean_score`` climbs from 0.63 to 0.93 within twenty evaluations and to 0.98 within fifty, most of
them on five examples; ``rejected`` counts the children that did no better there and were never judged on all. At the
end the best few are chosen on examples of their own, and the winner, 88 % right, is tested beside the first
instruction, 64 %. Two seconds.
"""

import re

import numpy as np

import qd
from qd.rng import generator, row_generator

BAD, GOOD = ("dull", "weak", "stale", "empty"), ("fresh", "warm", "sharp", "clever")
MENDS = {"terrible": ("kind", "fair"), "great": ("stern", "strict")}  # said wrongly -> words that lean the other way
OTHERS = ("carefully", "slowly", "today", "please", "closely")


def reviews(name: str, count: int) -> qd.prompts.Examples:
    """Reviews of two kinds, half of each: two words that tell, of which one may be of the other kind."""
    rng = generator(11, name)
    texts, labels = [], []
    for number in range(count):
        own, other = (GOOD, BAD) if number % 2 else (BAD, GOOD)
        words = [*rng.choice(own, 2, replace=False), *([rng.choice(other)] if rng.random() < 0.3 else [])]
        texts.append(f"{' and '.join(words)}, said guest {name} {number}")
        labels.append("positive" if number % 2 else "negative")
    return qd.prompts.Examples({"text": tuple(texts)}, tuple(labels))


def rewrite(text: str, seed: int) -> str:
    """A writer by rule: the current text and one more word, by what went wrong."""
    rng = row_generator(seed)
    if rng.random() < 1 / 6:
        return "I am sorry, I cannot help with that."
    current = re.search(r"<current>\n(.*?)\n</current>", text, re.DOTALL)
    wrong = re.findall(r"said (\w+), right is", text)
    choices = (*OTHERS, *(word for said in wrong for word in MENDS[said]))
    word = choices[int(rng.integers(len(choices)))]
    return f"One word was missing. <prompt>{current[1].rstrip('.') if current else 'Read'} {word}.</prompt>"


model = qd.models.Scripted(
    evidence={**dict.fromkeys(BAD, (0.5, 0.0)), **dict.fromkeys(GOOD, (0.0, 0.5))},
    effects={"kind": (0.0, 0.6), "fair": (0.0, 0.5), "stern": (0.6, 0.0), "strict": (0.5, 0.0)},
    gains={"carefully": 0.6, "closely": 0.6},
    bias=(1.4, 0.0),
    noise=0.5,
    vocabulary=("terrible", "great"),
)
template = qd.prompts.Template(
    "guests", "Review: {text}\nSentiment: {label}", verbalizers={"negative": "terrible", "positive": "great"}
)
task = qd.prompts.Classification(
    model,
    qd.prompts.Splits(search=reviews("a", 40), select=reviews("b", 60), test=reviews("c", 200)),
    template,
)
experiment = qd.Experiment(
    problem=qd.problems.TextPrompt(
        task,
        objective="accuracy",
        texts=qd.Texts(("instruction",), ("Read the review.",), max_bytes=300),
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.GEPA(
            writer=qd.models.Scripted(replies=rewrite), task="telling bad reviews from good ones", minibatch=5
        ),
        candidates=3,
    ),
    budget={"examples": 2000.0},
    seed=1,
)

if __name__ == "__main__":
    result = qd.run(experiment)
    shown = result.summary["metrics"]
    print({name: np.round(shown[name], 3) for name in ("best_mean_score", "test_objective", "compared_test_objective")})
