"""The sentence that explains a field, read from its class's source: the text below it, or its line in ``Args:``."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap

_ENTRY = re.compile(r"^ {4}(?P<names>\w[\w, ]*):\s+(?P<text>.*)$")


def sentences(cls: type) -> dict[str, str]:
    """Field -> sentence, of a class and those that it inherits from. Empty where the source is not at hand."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        except (OSError, TypeError, SyntaxError, IndexError):
            continue
        if isinstance(tree, ast.ClassDef):
            found |= _args(inspect.cleandoc(base.__doc__ or ""))
            found |= _below(tree)
    return found


def _below(tree: ast.ClassDef) -> dict[str, str]:
    found = {}
    for entry, after in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(entry, ast.AnnAssign)
            and isinstance(entry.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            found[entry.target.id] = " ".join(after.value.value.split())
    return found


def _args(doc: str) -> dict[str, str]:
    """The entries of a Google-style ``Args:``; several names may share one."""
    found: dict[str, str] = {}
    names: list[str] = []
    inside = False
    for line in doc.splitlines():
        if not line.startswith(" ") and line.strip():
            inside, names = line.strip() == "Args:", []
        elif inside and (match := _ENTRY.match(line)):
            names = [name.strip() for name in match["names"].split(",")]
            found |= dict.fromkeys(names, match["text"])
        elif inside:
            for name in names:
                found[name] = f"{found[name]} {line.strip()}".strip()
    return found
