"""Writes the gallery while the site is built: every experiment that ships, by what its file says of itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import mkdocs_gen_files

ROOT = Path(__file__).resolve().parents[2]
RESULTS = (ROOT / "docs" / "results.md").read_text()
PICTURES = {file.stem: file.name for file in (ROOT / "docs" / "images").glob("*.png")}


def anchor(title: str) -> str:
    """The name of a heading in a link."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


def results_of(name: str) -> str:
    """A link to the first section of the results that speaks of an experiment."""
    for section in re.split(r"^## ", RESULTS, flags=re.MULTILINE)[1:]:
        if re.search(rf"\b{name}\b", section):
            title = section.splitlines()[0]
            return f"[{title}](results.md#{anchor(title)})"
    return ""


def entry(file: Path) -> str:
    """One experiment: what it is, what to see, its picture, its figures, its file."""
    code = file.read_text()
    tree = ast.parse(code)
    text = ast.get_docstring(tree) or ""
    first, _, rest = text.partition("\n")
    body = code[len(code.split('"""', 2)[0]) + len(code.split('"""', 2)[1]) + 6 :].strip()
    lines = [f"## {file.stem}", "", f"**{first.strip()}**", ""]
    for paragraph in re.split(r"\n\s*\n", rest.strip()):
        if paragraph.startswith("    "):
            lines += ["```bash", *(line.strip() for line in paragraph.splitlines()), "```", ""]
        elif paragraph:
            lines += [" ".join(paragraph.split()), ""]
    for stem, picture in PICTURES.items():
        if stem == file.stem or stem.startswith(f"{file.stem}_"):
            lines += [f"![{stem}](images/{picture})", ""]
    if found := results_of(file.stem):
        lines += [f"Figures: {found}", ""]
    lines += [f'??? example "qd run {file.stem}"', "", "    ```python", *(f"    {line}" for line in body.splitlines()),
              "    ```", ""]  # fmt: skip
    return "\n".join(lines)


files = sorted((ROOT / "experiments").glob("*.py"))
with mkdocs_gen_files.open("gallery.md", "w") as out:
    out.write("# Gallery\n\nThe experiments that ship, as `qd list` names them. Each is a file of its own to copy.\n\n")
    out.write("\n".join(entry(file) for file in files if not file.stem.startswith("_")))
with mkdocs_gen_files.open("changes.md", "w") as out:
    out.write((ROOT / "CHANGELOG.md").read_text())
