"""Programs as text: a formula that is read by an allow-list, never run, and written so that it reads back the same.

Text is refused by its length and its characters before it is parsed at all: letters, digits, ``_ + - * / ( ) , .`` and
blanks, all ASCII. Python's parser folds look-alikes of letters into letters, which is why none comes so far.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any

import numpy as np

from qd.errors import QDError, nearest
from qd.rewards._tree import ARITY, CONSTANT, NAMED, SYMBOL, Language, Tree

MOST_TEXT = 2000  # characters: 30 nodes with long names fit
MOST_BRACKETS = 60
_ALLOWED = re.compile(r"[A-Za-z0-9_+\-*/(),. ]*")
_INFIX: dict[Any, str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
_SIGNS = {"add": ("+", 1), "sub": ("-", 1), "mul": ("*", 2), "div": ("/", 2)}
_CALLED = {"min", "max", "abs", "neg", "tanh", "if_positive", "near", "has", "equals"}
WORDS = frozenset({*_CALLED, "exp", "delta"})


def parsed(text: str, language: Language, max_depth: int, max_nodes: int, bound: float) -> Tree:
    """The tree of a formula. Raises QDError, naming the place, for anything that is no formula over the language."""
    if not isinstance(text, str):
        raise QDError(f"program: got {type(text).__name__}, wanted a formula as text")
    if len(text) > MOST_TEXT:
        raise QDError(f"program: got {len(text)} characters, wanted at most {MOST_TEXT}")
    allowed = _ALLOWED.match(text)
    end = allowed.end() if allowed else 0
    if end < len(text):
        raise QDError(f"program, character {end}: {text[end]!a} has no place in a formula; "
                      "wanted ASCII letters, digits, + - * / ( ) , . and blanks")  # fmt: skip
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth > MOST_BRACKETS:
            raise QDError(f"program, character {i}: brackets are nested deeper than {MOST_BRACKETS}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            root = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise QDError(f"program, character {max(0, (error.offset or 1) - 1)}: {error.msg}") from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise QDError(f"program: it cannot be parsed ({type(error).__name__}); write it shorter") from None
    return _tree(root, language, max_depth, max_nodes, bound)


def _tree(root: ast.expr, language: Language, max_depth: int, max_nodes: int, bound: float) -> Tree:
    nodes: list[tuple[float, float]] = []
    waiting: list[tuple[ast.expr, int]] = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        where = f"program, character {node.col_offset}"
        if depth > max_depth:
            raise QDError(f"{where}: deeper than max_depth = {max_depth}; simplify it")
        symbol, argument, parts = _read(node, language, bound, where)
        nodes.append((symbol, argument))
        waiting += [(part, depth + 1) for part in parts[::-1]]
        if len(nodes) + len(waiting) > max_nodes:
            raise QDError(f"{where}: more than max_nodes = {max_nodes} nodes; simplify it")
    return np.array(nodes, np.float64)


def _read(node: ast.expr, language: Language, bound: float, where: str) -> tuple[int, float, list[ast.expr]]:
    """One node: its symbol, its number where it is a constant, its arguments."""
    number = _number(node)
    if number is not None:
        if not abs(number) <= bound:
            raise QDError(f"{where}: a constant lies outside -{bound:g} .. {bound:g}")
        return CONSTANT, float(number), []
    if isinstance(node, ast.BinOp) and type(node.op) in _INFIX:
        return SYMBOL[_INFIX[type(node.op)]], 0.0, [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return SYMBOL["neg"], 0.0, [node.operand]
    terminals = language.terminals()
    if isinstance(node, ast.Name):
        if node.id not in terminals:
            raise QDError(f"{where}: no variable {node.id[:40]!r}, {nearest(node.id[:40], terminals)}")
        return terminals[node.id], 0.0, []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _called(node, node.func.id, terminals, where)
    raise QDError(f"{where}: {_kind(node)} has no place in a formula; wanted numbers, variables, + - * /, and "
                  f"{', '.join(sorted(WORDS))}")  # fmt: skip


def _called(node: ast.Call, name: str, terminals: dict[str, int], where: str) -> tuple[int, float, list[ast.expr]]:
    if name not in WORDS:
        raise QDError(f"{where}: no function {name[:40]!r}, {nearest(name[:40], WORDS)}")
    wanted = 1 if name in ("exp", "delta") else ARITY[name]
    if node.keywords or len(node.args) != wanted or any(isinstance(arg, ast.Starred) for arg in node.args):
        raise QDError(f"{where}: {name} takes {wanted} plain argument{'s' * (wanted > 1)}")
    if name == "delta":
        inner = node.args[0]
        known = f"delta({inner.id})" if isinstance(inner, ast.Name) else ""
        if known not in terminals:
            raise QDError(f"{where}: delta is of a state variable; known: "
                          f"{', '.join(key for key in terminals if key.startswith('delta(')) or 'none'}")  # fmt: skip
        return terminals[known], 0.0, []
    if name != "exp":
        return SYMBOL[name], 0.0, list(node.args)
    inner = node.args[0]
    if isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.USub):
        return SYMBOL["exp_neg"], 0.0, [inner.operand]
    minus = ast.copy_location(ast.UnaryOp(ast.USub(), inner), inner)
    hidden = ast.copy_location(ast.Call(ast.Name("neg"), [inner], []), inner) if _number(inner) is not None else minus
    return SYMBOL["exp_neg"], 0.0, [hidden]  # exp(x) is exp(-(-x))


def _number(node: ast.expr) -> int | float | None:
    """A plain number, its sign included."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = node.operand
        if isinstance(inner, ast.Constant) and type(inner.value) in (int, float):
            return -inner.value if inner.value else -0.0  # type: ignore[operator,return-value]
        return None
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    return None


def _kind(node: ast.expr) -> str:
    if isinstance(node, ast.BinOp | ast.UnaryOp):
        return f"the operator {type(node.op).__name__}"
    return f"a {type(node).__name__}"


def written(tree: Tree, language: Language, digits: int | None = None) -> str:
    """The formula of a tree: every bit of it without ``digits``, else numbers to so many digits, for people."""
    names = {symbol: name for name, symbol in language.terminals().items()}
    stack: list[tuple[str, int]] = []  # text, and how tightly it binds
    for symbol, argument in zip(tree[::-1, 0].astype(int), tree[::-1, 1], strict=True):
        if symbol == CONSTANT:
            text = repr(float(argument)) if digits is None else f"{argument:.{digits}g}"
            stack.append((text, 3 if np.signbit(argument) else 5))
        elif symbol in names:
            stack.append((names[symbol], 4))
        else:
            name = NAMED[symbol]
            stack.append(_applied(name, [stack.pop() for _ in range(ARITY[name])]))
    return stack[0][0]


def _applied(name: str, parts: list[tuple[str, int]]) -> tuple[str, int]:
    texts = [text for text, _ in parts]
    if name in _SIGNS:
        sign, tight = _SIGNS[name]
        left = texts[0] if parts[0][1] >= tight else f"({texts[0]})"
        right = texts[1] if parts[1][1] > tight else f"({texts[1]})"
        return f"{left} {sign} {right}", tight
    inside = texts[0] if parts[0][1] >= 3 else f"({texts[0]})"
    if name == "neg":
        return (f"neg({texts[0]})", 4) if parts[0][1] == 5 else (f"-{inside}", 3)
    if name == "exp_neg":
        return f"exp(-{inside})", 4
    return f"{name}({', '.join(texts)})", 4
