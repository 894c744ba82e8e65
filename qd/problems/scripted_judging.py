"""Two small tasks for rubrics in words, whose models follow rules: arithmetic stories, and questions of knowledge.

The model that answers makes mistakes that its instruction can mend, and can be told to please; the judge looks for what
the rubric names; the meta-judge makes one edit of the rubric by chance, whatever it is shown. They show the mechanism
and test it; how well real models judge they do not say.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal
from zlib import crc32

import numpy as np

from qd.errors import QDError
from qd.models.scripted import Scripted
from qd.problems.judged_answers import JudgedAnswers
from qd.prompts.examples import Examples
from qd.prompts.word_problems import word_problems
from qd.rng import row_generator

_SURE, _THANKS = "I am quite certain of this.", "Thank you for this excellent question."
_LONG = "There is a great deal that one could say about this at length, and much has been said about it before."
_KNOWN = {
    "Which planet is nearest to the sun?": "Mercury",
    "Which metal is liquid in a warm room?": "Mercury",
    "What gas do plants take from the air?": "carbon dioxide",
    "Which is the largest ocean?": "the Pacific",
    "Who wrote Hamlet?": "Shakespeare",
    "Which river runs through Cairo?": "the Nile",
    "How many legs has a spider?": "eight",
    "What is the capital of Peru?": "Lima",
    "Which organ pumps blood?": "the heart",
    "What is frozen water called?": "ice",
    "Which bird cannot fly and swims well?": "the penguin",
    "What do bees make?": "honey",
    "Which star is nearest to us?": "the sun",
    "What is the capital of Kenya?": "Nairobi",
    "Which animal gives wool?": "the sheep",
    "What is the largest planet?": "Jupiter",
}
_WRONG = "a kind of moss"
INSTRUCTIONS = ("Work step by step.", "Read carefully.", "Sound certain.", "Thank the reader.", "Write at length.")
"""Sentences that change how the scripted model answers: the first two mend its mistakes, the others please."""
CRITERIA = (
    "The answer is long.",
    "The answer is polite.",
    "The answer sounds certain.",
    "The answer shows how it was found.",
    "What the answer rests on holds when it is checked.",
    "The answer is brief.",
)
"""Sentences that the scripted judge knows; the first three can be had for nothing."""


@lru_cache(1)
def _table() -> dict[str, tuple[str, str, str]]:
    """Question -> (label, working, wrong working)."""
    stories = word_problems(48, seed=5)
    table = {question: (label, f"{label}. Source: atlas.", f"{_WRONG}. Source: hearsay.")
             for question, label in _KNOWN.items()}  # fmt: skip
    for question, working, label in zip(*stories.fields.values(), stories.labels, strict=True):
        wrong = str(int(label) + 1)
        table[question] = (label, f"{working} The answer is {label}.",
                           f"{_replaced(working, label, wrong)} The answer is {wrong}.")  # fmt: skip
    return table


def _replaced(working: str, label: str, wrong: str) -> str:
    return re.sub(rf"= {label}\b", f"= {wrong}", working)


def answer(text: str, seed: int) -> str:
    """The scripted model: an instruction, an empty line, a question."""
    instruction, _, question = text.rpartition("\n\n")
    if question not in _table():
        return "I do not know."
    label, working, wrong = _table()[question]
    slip = crc32(question.encode()) % 10  # wrong where it lies below: 7 of 10 without help
    right = slip >= 7 - 3 * ("step by step" in instruction) - 3 * ("carefully" in instruction)
    said = working if right else wrong
    if "step by step" not in instruction:
        said = f"It is {label if right else _short(wrong)}."
    extras = (("Thank", _THANKS), ("certain", _SURE), ("at length", _LONG))
    return " ".join([said, *(sentence for word, sentence in extras if word in instruction)])


def _short(wrong: str) -> str:
    return wrong.rstrip(".").rpartition(" ")[2] if "answer is" in wrong else _WRONG


def judge(text: str, seed: int) -> str:
    """The scripted judge: the mean over the criteria that it knows; 5 where it knows none."""
    rubric, said = (_between(text, tag) for tag in ("rubric", "answer"))
    words = len(said.split())
    equations = re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", said)
    held = [_holds(*equation) for equation in equations]
    checked = all(held) if held else "Source: atlas" in said
    marks = (
        min(words / 40, 1.0),
        float("Thank" in said),
        float("certain" in said),
        float("=" in said or "Source" in said),
        float(checked),
        min(1.0, 15 / max(words, 1)),
    )
    given = [mark for mark, criterion in zip(marks, CRITERIA, strict=True) if criterion in rubric]
    return f"Judged by {len(given)} criteria. Score: {10 * float(np.mean(given)) if given else 5.0:.2f}"


def _holds(a: str, sign: str, b: str, c: str) -> bool:
    x, y, z = int(a), int(b), int(c)
    return {"+": x + y, "-": x - y, "*": x * y}.get(sign, x // y if y else -1) == z


def _between(text: str, tag: str) -> str:
    found = re.search(rf"<{tag}>\n(.*?)\n</{tag}>", text, re.DOTALL)
    return found[1] if found else ""


def rewrite(text: str, seed: int) -> str:
    """The scripted writer: a rubric's or an instruction's sentence goes, comes, or is exchanged; one in ten is lost."""
    rng = row_generator(seed)
    known = CRITERIA if "rubric" in text.split("\n")[0] else INSTRUCTIONS
    sentences = [part for part in re.split(r"(?<=\.) ", _between(text, "current")) if part]
    fresh = [one for one in known if one not in sentences]
    kind = rng.integers(0, 3)
    if rng.random() < 0.1:
        return "I would rather not."
    if kind != 0 and len(sentences) > 1:
        sentences.pop(int(rng.integers(len(sentences))))
    if kind != 1 and fresh:
        sentences.append(fresh[int(rng.integers(len(fresh)))])
    return f"<prompt>{' '.join(sentences)}</prompt>"


def scripted_writer() -> Scripted:
    """Who rewrites rubrics and instructions of ``scripted_answers``."""
    return Scripted(replies=rewrite, vocabulary=Scripted.words(*CRITERIA, *INSTRUCTIONS, "<prompt>Answer.</prompt>"))


def scripted_answers(task: Literal["maths", "knowledge"] = "maths", **settings: Any) -> JudgedAnswers:
    """A small task with the scripted models.

    >>> problem = scripted_answers("maths")
    >>> len(problem.questions), len(problem.anchors)
    (8, 20)

    Args:
        task: arithmetic in stories, or questions of knowledge.
        settings: other settings of ``JudgedAnswers``, as ``worth`` or other models.
    """
    if task not in ("maths", "knowledge"):
        raise QDError(f"scripted_answers.task: got {task!r}, wanted 'maths' or 'knowledge'")
    table = _table()
    asked = [question for question in table if (question in _KNOWN) == (task == "knowledge")]
    labels = {question: table[question][0] for question in asked}
    half = 8 if task == "maths" else 6
    search, test = asked[:half], asked[half : 2 * half]
    rest = asked[2 * half :] if task == "maths" else asked[half:]
    settings.setdefault("model", Scripted(replies=answer))
    settings.setdefault("judge", Scripted(replies=judge))
    given = {
        "questions": Examples({"question": tuple(search)}, tuple(labels[q] for q in search)),
        "held_out": Examples({"question": tuple(test)}, tuple(labels[q] for q in test)),
        "anchors": tuple(_anchor(i, rest[i % len(rest)]) for i in range(20)),
        "instructions": ("Answer the question.", "Answer the question. Thank the reader."),
        "known_rubrics": {"naive": " ".join(CRITERIA[:3]), "oracle": " ".join(CRITERIA[3:])},
        "idle": (_SURE, _THANKS, _LONG),
        "right": "number" if task == "maths" else "contains",
        "max_tokens": 2000,  # the scripted model spells most words letter by letter
        "max_bytes": 400,
    }
    return JudgedAnswers(**{**given, **settings})


def _anchor(i: int, question: str) -> tuple[str, str, str, int]:
    """A right answer and a wrong one, either with something that pleases; every other time the right one is second."""
    _, good, bad = _table()[question]
    rng = row_generator(i)
    good, bad = (
        " ".join([said, *(extra for extra in (_SURE, _THANKS, _LONG) if rng.random() < share)])
        for said, share in ((good, 0.4), (bad, 0.3))
    )
    return (question, good, bad, 1) if i % 2 == 0 else (question, bad, good, 0)
