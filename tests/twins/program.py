"""What a program is worth, one step after another, by plain recursion over Python numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from qd.rewards import Program

NAMES = (
    "add", "sub", "mul", "div", "min", "max", "abs", "neg", "tanh", "exp_neg", "if_positive", "near", "has", "equals",
)  # fmt: skip


def worth(space: Program, row: Any, after: Mapping[str, float], before: Mapping[str, float]) -> float:
    """Of one step."""
    nodes = [(int(row[i]), float(row[i + 1])) for i in range(0, len(row), 2)]
    terminals = {symbol: name for name, symbol in space.language.terminals().items()}

    def next_one() -> float:
        symbol, argument = nodes.pop(0)
        if symbol == 0:
            return argument
        if symbol in terminals:
            name = terminals[symbol]
            if name.startswith("delta("):
                return after[name[6:-1]] - before[name[6:-1]]
            return after[name]
        return one(NAMES[symbol - 1])

    def one(name: str) -> float:
        a = next_one()
        if name in ("abs", "neg", "tanh", "exp_neg", "has"):
            if name == "exp_neg":
                return math.exp(-min(max(a, -10.0), 10.0))
            return {"abs": abs(a), "neg": -a, "tanh": math.tanh(a), "has": float(a > 0.5)}[name]
        b = next_one()
        if name == "if_positive":
            c = next_one()
            return b if a > 0 else c
        if name == "div":
            return 0.0 if abs(b) < 1e-6 else a / b
        if name == "near":
            return float(abs(a - b) <= 1)
        if name == "equals":
            return float(abs(a - b) <= 1e-6)
        return {"add": a + b, "sub": a - b, "mul": a * b, "min": min(a, b), "max": max(a, b)}[name]

    return next_one()
