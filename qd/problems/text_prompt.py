"""Prompts that are texts of several components, written by a language model or by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Any

from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.problems._prompt_problem import PromptProblem
from qd.prompts import Prompt
from qd.ragged import Ragged, Solutions
from qd.replay import Words, named_texts
from qd.space import Space
from qd.texts import Texts


@dataclass(frozen=True)
class TextPrompt(PromptProblem):
    """A prompt is the components of a solution in a layout, and then what the task makes of that text.

    A component may name fields of the examples, such as ``{text}``; where the whole text names none, the task's own
    query follows at its end. Components that are not shown (the prompt by which a writer changes the others) are part
    of a solution all the same.
    """

    texts: Texts | None = None
    """The components and what they start from; None: one, the task's whole base prompt."""
    shown: tuple[str, ...] = ()
    """Components that are in the prompt, in that order; empty: those of the layout, or all."""
    layout: str = ""
    """Where they stand, e.g. ``"{instruction}\\n\\n{examples}"``, fields of the examples too; empty: one after the
    other with a blank line between, those that are empty left out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.texts is None:
            object.__setattr__(self, "texts", Texts(("prompt",), (self.task.base().text(self.task.model),)))
        if not isinstance(self.texts, Texts):
            raise QDError(f"TextPrompt.texts: got {type(self.texts).__name__}, wanted qd.Texts")
        object.__setattr__(self, "shown", tuple(self.shown))
        names = self.texts.names
        for name in self.shown:
            if name not in names:
                raise QDError(f"TextPrompt.shown: got {name!r}, {nearest(name, names)}")
        placed = [name for _, name in self._pieces if name]
        known = {*names, *self.task.splits.search.fields}
        for name in placed:
            if name not in known:
                raise QDError(f"TextPrompt.layout: {{{name}}} is no component and no field, {nearest(name, known)}")
        in_layout = tuple(dict.fromkeys(name for name in placed if name in names))
        if self.layout and not in_layout:
            raise QDError(f"TextPrompt.layout: {self.layout!r} shows none of {', '.join(names)}")
        if self.layout and self.shown and set(self.shown) != set(in_layout):
            raise QDError(f"TextPrompt.shown: got {', '.join(self.shown)}, but the layout shows "
                          f"{', '.join(in_layout)}; leave one of the two out")  # fmt: skip
        object.__setattr__(self, "shown", self.shown or in_layout or names)

    @cached_property
    def _pieces(self) -> tuple[tuple[str, str], ...]:
        """The layout as (text, name after it or "")."""
        try:
            cut = list(Formatter().parse(self.layout))
        except ValueError as error:
            raise QDError(
                f"TextPrompt.layout: {self.layout!r} is no layout: {error}; write {{{{ for a brace"
            ) from error
        if any(name == "" for _, name, _, _ in cut):
            raise QDError(f"TextPrompt.layout: {self.layout!r} has braces without a name; write {{{{}}}} for braces")
        return tuple((text, name or "") for text, name, _, _ in cut)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """The texts."""
        assert self.texts is not None  # __post_init__ filled it in
        return self.texts

    @property
    def start(self) -> Ragged:
        """(1 row) the first of the initial texts: what a written one is compared with."""
        assert self.texts is not None
        return self.texts.start[:1]

    @cached_property
    def longest(self) -> int:
        """A token has at least a byte, so bytes bound tokens; the task's own query comes on top."""
        assert self.texts is not None
        copies = max((sum(name == one for _, name in self._pieces) for one in self.shown), default=1)
        around = len(self.layout.encode()) + 2 * len(self.shown)
        return self.texts.max_bytes * max(1, copies) + around + self.task.from_text("").length

    def replay(self, solution: NDArray[Any], seed: int) -> Words:
        """The texts by name."""
        assert self.texts is not None
        return named_texts(self.texts, solution)

    def prompts(self, solutions: Solutions) -> list[Prompt | str]:
        assert self.texts is not None
        return [self._prompt(texts) for texts in self.texts.named(solutions)]

    def _prompt(self, texts: dict[str, str]) -> Prompt | str:
        try:
            return self.task.from_text(self.text(texts))
        except QDError as error:
            return str(error)

    def text(self, texts: dict[str, str]) -> str:
        """The text of one solution, given by name, before the task's query."""
        if not self.layout:
            return "\n\n".join(texts[name] for name in self.shown if texts[name])
        return "".join(before + texts.get(name, f"{{{name}}}" if name else "") for before, name in self._pieces)
