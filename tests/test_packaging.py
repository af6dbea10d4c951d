"""The wheel and the source distribution, as somebody else would receive them.

Lives here: what must be inside them, and that the wheel works away from this checkout.
Not here: the set-up from a clone (the Makefile).
"""

from __future__ import annotations

import json
import os
import posixpath
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import visavis

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
STATIC = "visavis/web/static"


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command and return what it printed; fail with its last lines if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built in the profile that `make` has built already."""
    out = tmp_path_factory.mktemp("wheel")
    maturin = Path(sys.executable).with_name("maturin")
    run(maturin, "build", "--release", "--locked", "--quiet", "--out", out, cwd=ROOT)
    (built,) = out.glob("visavis-*.whl")
    return built


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment that holds the wheel and nothing of this checkout."""
    home = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", home / "venv", cwd=home)
    run(home / "venv/bin/pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    return home


def test_the_version_is_said_once() -> None:
    """The package, its metadata and the crates bear one version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    crates = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"][
        "version"
    ]
    assert visavis.__version__ == project == crates == metadata.version("visavis")


def test_the_wheel_carries_everything(wheel: Path) -> None:
    """The wheel holds the engine, the templates, the whole bundle, the styles, the fonts and the licence."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read(f"{STATIC}/bundle/manifest.json"))
    assert "visavis/_sfu.abi3.so" in names
    assert {"visavis/py.typed", "visavis/_sfu.pyi"} <= names
    for folder, ending in (
        ("visavis/web/templates", ".html"),
        ("visavis/paper/templates", ".html"),
        ("visavis/paper/templates", ".css"),
        (f"{STATIC}/css", ".css"),
        (f"{STATIC}/fonts", ".woff2"),
    ):
        assert [name for name in names if name.startswith(folder) and name.endswith(ending)], folder
    assert [name for name in names if name.endswith("/LICENSE")]
    assert manifest
    for address in manifest.values():
        path = posixpath.normpath(f"{STATIC}/bundle/{urlsplit(address).path}")
        assert archive.getinfo(path).file_size > 0, address


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    """The wheel holds no test, no source map of a build and no data of a node."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].split("-")[0].split(".")[0] for name in names} <= {"visavis"}
    assert not [name for name in names if name.endswith((".sqlite3", ".db", ".visavis", ".pyc", ".map"))]


def test_the_wheel_serves_every_python_from_3_11(wheel: Path) -> None:
    """One wheel (abi3) is enough for all Pythons that the project supports."""
    assert "-cp311-abi3-" in wheel.name


def test_the_wheel_works_alone(clean: Path) -> None:
    """Away from the checkout the engine loads, the resources are found and the command answers."""
    program = (
        "import importlib.resources as r, visavis, visavis._sfu;"
        "web = r.files('visavis').joinpath('web');"
        "assert web.joinpath('static/bundle/manifest.json').is_file();"
        "assert web.joinpath('templates').is_dir();"
        "print(visavis.__file__)"
    )
    where = run(clean / "venv/bin/python", "-c", program, cwd=clean)
    assert Path(where.strip()).is_relative_to(clean)
    # The libraries come from this environment (they are pinned, and installed already); the product does not.
    libraries = sysconfig.get_path("purelib")
    told = run(clean / "venv/bin/visavis", "--help", cwd=clean, PYTHONPATH=libraries)
    assert {"serve", "rehearse", "record"} <= set(told.split())


def test_the_source_distribution_builds_a_whole_wheel(tmp_path: Path) -> None:
    """The source distribution holds what a wheel needs, the bundle that git ignores too."""
    maturin = Path(sys.executable).with_name("maturin")
    run(maturin, "sdist", "--out", tmp_path, cwd=ROOT)
    (built,) = tmp_path.glob("visavis-*.tar.gz")
    with tarfile.open(built) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "Cargo.lock", "LICENSE", "README.md"} <= names
    assert {f"src/{STATIC}/bundle/manifest.json", "crates/sfu-py/Cargo.toml"} <= names
    assert [name for name in names if name.endswith(".woff2")]
