"""The documentation does what it says: its Python runs, its commands parse, its links lead somewhere."""

from __future__ import annotations

import argparse
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from qd import cli
from qd.commands.run import _RESUMABLE
from qd.commands.settings import Table, read_flags
from qd.errors import QDError
from qd.experiment_file import load_experiment, shipped

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
DRAWN_LATER = {"novelty_search_hard_maze.png", "map_elites_planar_arm.png"}  # by the experiments of these names
NOT_RUN = "<!-- not run -->"
LAUNCHERS = ("mpiexec", "mpirun")


class Block(NamedTuple):
    """A fenced block of a page: the line that its code begins on, its language, whether it is to be run."""

    line: int
    language: str
    code: str
    run: bool


def blocks(page: Path) -> Iterator[Block]:
    inside, begin, before, language = False, 0, "", ""
    lines = page.read_text().splitlines()
    for number, text in enumerate(lines):
        if not text.startswith("```"):
            before = text if not inside and text.strip() else before
        elif inside:
            code = "\n".join(lines[begin:number]) + "\n"
            yield Block(begin + 1, language, code, NOT_RUN not in before)
            inside, before = False, ""
        else:
            inside, begin, language = True, number + 1, text[3:].strip()
    assert not inside, f"{page.name}: a block is not closed"


def name_of(value: object) -> str:
    return value.name if isinstance(value, Path) else str(value)


WITH_PYTHON = [
    pytest.param(page, marks=pytest.mark.peer) if page.stem in ("gym", "pyribs", "reward_parts") else page
    for page in PAGES
    if any(block.language == "python" for block in blocks(page))
]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
@pytest.mark.thorough
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language == "python" and block.run:
            code = "\n" * (block.line - 1) + block.code  # so that a traceback names the page's own line
            exec(compile(code, str(page), "exec", dont_inherit=True), namespace)


def commands(page: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, words after qd) of each qd command in the bash blocks, with or without a launcher."""
    for block in blocks(page):
        if block.language != "bash":
            continue
        for offset, text in enumerate(block.code.splitlines()):
            words = shlex.split(text, comments=True)
            if words and words[0] in LAUNCHERS:
                assert words[1] == "-n" and words[2].isdigit(), text
                words = words[3:]
            if words and words[0] == "qd":
                yield block.line + offset, words[1:]


COMMANDS = [
    pytest.param(words, id=f"{page.name}:{line}:{' '.join(words[:2])}")
    for page in PAGES
    for line, words in commands(page)
]


def assert_known(words: list[str]) -> None:
    """That qd would take these words, as far as can be told without running them."""
    try:
        args, rest = cli._parser().parse_known_args(words)
    except SystemExit as stop:
        if stop.code:
            pytest.fail(f"qd {shlex.join(words)}: the parser refuses it")
        return
    if not rest:
        return
    assert args.settings, f"qd {shlex.join(words)}: {rest} is not known"
    assert words.index(rest[0]) > words.index(args.file), f"qd {shlex.join(words)}: settings come after the file"
    name = args.file if args.verb == "run" else "novelty_search_hard_maze"
    assert name in shipped(), f"qd {shlex.join(words)}: settings can be checked of experiments that ship, not of {name}"
    given = read_flags(rest, Table.of(load_experiment(name)[0]))
    if args.verb == "resume":
        assert {override.name.partition(".")[0] for override in given} <= set(_RESUMABLE)


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_parse(words: list[str]) -> None:
    assert_known(words)
    if words[0] == "run" and not words[1].endswith(".py"):
        assert words[1] in shipped()


@pytest.mark.parametrize("line", ["ran x", "plot x --colour red", "run novelty_search_hard_maze --algorithm.sgima 1"])
def test_a_wrong_command_would_be_found(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((AssertionError, QDError, pytest.fail.Exception)):
        assert_known(line.split())


def verbs() -> dict[str, argparse.ArgumentParser]:
    (actions,) = [a for a in cli._parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(actions.choices)


@pytest.mark.parametrize("verb", verbs())
def test_the_page_of_the_command_line_names_every_option(verb: str) -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    assert re.search(rf"\| `qd {verb}\b", text), f"qd {verb} is not in the table of verbs"
    common = ("--help", "--verbose", "--quiet")
    for action in verbs()[verb]._actions:
        for option in action.option_strings:
            if option.startswith("--") and option not in common:
                used = [words for _, words in commands(ROOT / "docs" / "cli.md") if words[0] == verb]
                assert any(option in words for words in used) or f"`{option}" in text, f"qd {verb} {option}"


def test_exit_codes() -> None:
    _, _, text = (ROOT / "docs" / "cli.md").read_text().partition("## Exit codes")
    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", text.partition("\n## ")[0], re.MULTILINE)]
    codes = [
        cli.OK,
        cli.UNEXPECTED,
        cli.BAD_INPUT,
        cli.ALL_FAILED,
        cli.STOPPED,
        cli.DIFFERS,
        cli.INTERRUPTED,
        128 + signal.SIGTERM,
    ]
    assert listed == codes
    assert cli.INTERRUPTED == 128 + signal.SIGINT


def prose(page: Path) -> str:
    """A page without its blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", LINKED, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        url = urlsplit(target)
        if url.scheme:
            assert url.scheme == "https", target
            continue
        file = (page.parent / url.path).resolve() if url.path else page
        if page.parent.name == "docs":
            assert file.is_relative_to(ROOT / "docs"), f"{target}: the site holds docs/ alone"
        assert file.exists() or (file.parent == ROOT / "docs" / "images" and file.name in DRAWN_LATER), target
        assert not url.fragment or url.fragment in headings(file), target


MADE = ("gallery.md", "reference/", "changes.md")  # while the site is built


def leaves(tree: Any) -> Iterator[str]:
    """The files of a navigation."""
    if isinstance(tree, str):
        yield tree
    else:
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(branch)


def test_the_site_has_every_page() -> None:
    yaml = pytest.importorskip("yaml")
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    listed = [file for file in leaves(settings["nav"]) if file not in MADE]
    tutorials = [f"tutorials/{file.name}" for file in (ROOT / "docs" / "tutorials").glob("*.ipynb")]
    assert sorted(listed) == sorted([*tutorials, *(page.name for page in PAGES if page.parent.name == "docs")])


def test_benchmarks_in_the_results_exist() -> None:
    text = (ROOT / "docs" / "results.md").read_text()
    named = set(re.findall(r"benchmarks/(\w+\.py)", text))
    claims = {file.name for file in (ROOT / "benchmarks").glob("*.py") if "def main(" in file.read_text()}
    assert named == claims, "a benchmark without its figure, or a figure without its benchmark"


def test_the_documentation_speaks_of_the_project_alone() -> None:
    for page in LINKED:
        found = re.search(r"/(tmp|home|root|workspace)/|site-packages|localhost", page.read_text())
        assert not found, f"{page.name}: {found[0] if found else ''}"


@pytest.mark.parametrize("script", sorted((ROOT / "docs" / "slurm").glob("*")), ids=name_of)
def test_scripts_for_clusters_are_sound_shell(script: Path) -> None:
    import shutil
    import subprocess

    if (bash := shutil.which("bash")) is None:
        pytest.skip("no bash")
    subprocess.run([bash, "-n", str(script)], check=True, timeout=30)
    text = re.sub(r"\\\n\s*", " ", script.read_text())
    for words in re.findall(r"\bqd ((?:run|resume|sweep) .*?)(?: \|\||$)", text, flags=re.MULTILINE):
        cli._parser().parse_known_args(shlex.split(words.replace("$", "")))


@pytest.mark.slow
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    import subprocess
    import sys

    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    gallery = (tmp_path / "site" / "gallery" / "index.html").read_text()
    for name in shipped():
        assert f'id="{name}"' in gallery, name
    assert (tmp_path / "site" / "reference" / "qd" / "algorithms" / "map_elites" / "index.html").exists()
