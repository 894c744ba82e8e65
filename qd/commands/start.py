"""``qd list`` and ``qd new``: where to begin."""

from __future__ import annotations

import argparse
import ast
import re
from pathlib import Path

from qd import experiment_file
from qd.errors import QDError

_TEMPLATE = Path(__file__).parents[1] / "templates" / "experiment.py.txt"


def shipped(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd list``. The files are read, not executed."""
    found = experiment_file.shipped()
    width = max((len(name) for name in found), default=0)
    for name, file in found.items():
        print(f"{name:{width}}  {_first_line(file)}".rstrip())
    if not found:
        print("no experiments ship with this qd")
    return 0


def _first_line(file: Path) -> str:
    try:
        doc = ast.get_docstring(ast.parse(file.read_bytes()))
    except (OSError, SyntaxError, ValueError) as error:
        return f"(cannot be read: {error})"
    return (doc or "").strip().partition("\n")[0]


def new(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd new NAME``."""
    name = args.name.removesuffix(".py")
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise QDError(f"NAME: got {args.name!r}, wanted letters, digits and _, e.g. my_experiment")
    folder = Path("experiments")
    file = Path(f"{name}.py") if args.here or not folder.is_dir() else folder / f"{name}.py"
    text = _TEMPLATE.read_text().replace("NAME", name)
    try:
        with open(file, "x") as out:  # x: never over a file that is there
            out.write(text)
    except FileExistsError:
        raise QDError(f"{file}: is there already, and is left as it is; choose another name") from None
    except OSError as error:
        raise QDError(f"{file}: cannot be written: {error.strerror or error}") from error
    print(f"{file} is written. Run it as it is, then make it yours:\n  qd run {file}\n  qd run {file} --help")
    return 0
