"""What a language model is told of programs, and how programs are read from what it answers: text in, text out.

Nothing that a model writes is ever run: an answer is searched for a formula, and that goes through ``Program.parse``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.edits import balanced
from qd.rewards.program import Program
from qd.rewards.steps import Variable

_MOST_ANSWER = 20_000  # characters that are looked at
_MOST_LINES = 20  # that are tried as formulas
_TAGGED = re.compile(r"<reward>(.*?)(?:</reward>|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """A program as a writer is shown it.

    Args:
        formula: its text.
        worth: what it taught.
        seen: what its policies did, as a sentence; may be empty.
        advice: what that suggests, a sentence each.
    """

    formula: str
    worth: float
    seen: str = ""
    advice: tuple[str, ...] = ()


def schema(space: Program) -> str:
    """All that a program may read and call, as typed text.

    >>> from qd.rewards import Variable
    >>> print(schema(Program((Variable("bump", "flag", about="step", meaning="it led into a wall"),))).splitlines()[0])
    bump: 0 or 1, in the step: it led into a wall
    """
    known = {name for name in space.language.terminals() if not name.startswith("delta(")}
    lines = [_described(variable) for variable in space.variables if variable.name in known]
    changes = [name for name in space.language.terminals() if name.startswith("delta(")]
    if changes:
        lines.append(f"How much a variable changed in the step: {', '.join(changes)}")
    lines.append("Functions: a + b, a - b, a * b, a / b, min(a, b), max(a, b), abs(a), neg(a), tanh(a), exp(-a), "
                 "if_positive(condition, a, b), near(a, b), has(a), equals(a, b)")  # fmt: skip
    lines.append(f"At most {space.max_nodes} numbers, variables and functions, nested at most {space.max_depth} deep; "
                 f"numbers from -{space.bound:g} to {space.bound:g}. What differs in its unit is added or compared "
                 "only after a multiplication by a number: 0.5 * distance + flag")  # fmt: skip
    return "\n".join(lines)


def _described(variable: Variable) -> str:
    if variable.kind == "flag":
        kind = "0 or 1"
    else:
        ends = [f"{word} {end:g}" for word, end in (("from", variable.low), ("to", variable.high)) if np.isfinite(end)]
        kind = " ".join(["a number", *ends, *([f"in {variable.unit}"] if variable.unit else [])])
    when = "in the step" if variable.about == "step" else "after the step"
    return f"{variable.name}: {kind}, {when}" + (f": {variable.meaning}" if variable.meaning else "")


def instruction(space: Program, task: str, shown: list[Shown], refused: list[str], heard: list[str]) -> str:
    """What a model that follows instructions is asked.

    Args:
        space: of the programs.
        task: what is to be learned, in words; may be empty.
        shown: programs that were tried, the worst first.
        refused: formulas that were refused untried, with the reasons.
        heard: what a person said, the oldest first.
    """
    blocks = ["Write a reward for reinforcement learning: a formula that is paid in every step of an episode. Success "
              "itself is paid beside it." + (f"\nWhat is to be learned: {task}" if task else "")]  # fmt: skip
    blocks.append(f"What a formula may read and call:\n{schema(space)}")
    if shown:
        lines = ["Tried so far, the worst first, with the area under the curve of true success from 0 to 1:"]
        for one in shown:
            lines.append(f"{one.worth:.3f} <reward>{one.formula}</reward>" + (f" ({one.seen})" if one.seen else ""))
            lines += [f"  to try: {advice}" for advice in one.advice]
        blocks.append("\n".join(lines))
    if refused:
        blocks.append("\n".join(["Refused, without a trial:", *refused]))
    if heard:
        blocks.append("\n".join(["A person who watched says:", *heard]))
    blocks.append("Write one formula that will teach better than these. Answer with it alone, between <reward> and "
                  "</reward>.")  # fmt: skip
    return "\n\n".join(blocks)


def continuation(space: Program, task: str, shown: list[Shown], heard: list[str]) -> str:
    """The same as a text that ends where the next formula stands: for models that follow no instructions.

    Args:
        space, task, shown, heard: as for ``instruction``.
    """
    names = list(space.language.terminals())
    lines = [f"Reward formulas{f' for {task}' if task else ''}, each better than the one before."]
    lines += [f"Variables: {', '.join(names)}", *(f"Remark: {one}" for one in heard)]
    lines += [f"Reward: {one.formula}" for one in shown]
    return "\n".join([*lines, "Reward:"])


def repair(asked: str, answer: str, reason: str) -> str:
    """The request after an answer that was refused."""
    return (f"{asked}\n\nYour last answer was: {_one_line(answer)}\nIt was refused: {reason}\nWrite another formula, "
            "between <reward> and </reward>.")  # fmt: skip


def read(space: Program, answer: str) -> NDArray[np.float64]:
    """The program in an answer: between the last <reward> tags, or else the first line that is one.

    A long sum, which is written as deep as it has summands, is balanced. Of a line without tags the last summand may
    be cut off where the answer ended; it is left out.

    Raises QDError, saying what is wrong with the first thing that looks like a program, where there is none.
    """
    answer = answer[:_MOST_ANSWER]
    tagged = [text for text in _TAGGED.findall(answer) if text.strip()]
    texts = [tagged[-1]] if tagged else answer.splitlines()
    lines = [line for line in (_plain(text) for text in texts) if line]
    error: QDError | None = None
    for line in lines[:_MOST_LINES]:
        whole = line if tagged else re.sub(r" [+-] [^+-]*$", "", line)
        for text in dict.fromkeys((line, whole)):
            try:
                return _parsed(space, text)
            except QDError as wrong:
                error = error or wrong
    raise error or QDError("program: the answer holds no formula; write one between <reward> and </reward>")


def _parsed(space: Program, text: str) -> NDArray[np.float64]:
    deeper = replace(space, max_depth=max(space.max_depth, min(50, space.max_nodes)))
    row = deeper.parse(text)
    if not space.refusal(row):
        return row
    flat = balanced(space, row)
    return space.parse(text) if space.refusal(flat) else flat  # the former raises, with the reason


def _plain(text: str) -> str:
    line = " ".join(text.split()).strip("`* ")
    return re.sub(r"^(?:reward\s*[:=]|<reward>)\s*|</reward>$", "", line, flags=re.IGNORECASE)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:297] + "..."
