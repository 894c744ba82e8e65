"""Writes the reference while the site is built: a page a module, with all that it makes public."""

from __future__ import annotations

import ast
from pathlib import Path

import mkdocs_gen_files

ROOT = Path(__file__).resolve().parents[2]
INNER = ("qd/commands/", "qd/view/viewer/", "qd/_experiments/")  # what people reach through the qd command


def public(file: Path) -> bool:
    """Whether a module has public names with a docstring."""
    path = file.relative_to(ROOT).as_posix()
    if path.startswith(INNER) or any(part.startswith("_") for part in file.with_suffix("").parts[-3:] if part):
        return False
    tree = ast.parse(file.read_text())
    named = (node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    return any(not node.name.startswith("_") and ast.get_docstring(node) for node in named)


nav = mkdocs_gen_files.Nav()
for package in ("qd", "archives", "operators"):
    for file in sorted((ROOT / package).rglob("*.py")):
        if not public(file):
            continue
        parts = file.relative_to(ROOT).with_suffix("").parts
        page = Path(*parts).with_suffix(".md")
        nav[parts] = page.as_posix()
        with mkdocs_gen_files.open(Path("reference") / page, "w") as out:
            out.write(f"# {'.'.join(parts)}\n\n::: {'.'.join(parts)}\n")
with mkdocs_gen_files.open("reference/SUMMARY.md", "w") as out:
    out.writelines(nav.build_literate_nav())
