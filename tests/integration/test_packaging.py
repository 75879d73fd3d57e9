"""What a person gets who installs the built wheel."""

import os
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("producers", "tasks", "worker", "bulkhead", "sandbox")
CARD = {"celery", "redis", "requests", "mesibo", "structlog"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, unpacked as pip would lay it out."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    place = folder / "site"
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(place)
    return place


def in_wheel(wheel, *words):
    """Run the product from the wheel, which comes before this checkout on the path."""
    code = f"import sys; sys.path[0] = {str(wheel)!r}; from producers.cli import main; main()"
    kept = {name: text for name, text in os.environ.items() if "BULKHEAD" not in name}
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=wheel,
        env=kept | {"PYTHONPATH": str(wheel), "BULKHEAD_HOME": str(wheel / "home")},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_the_wheel_holds_every_script_and_says_that_it_is_typed(wheel):
    scripts = {path.name for path in (ROOT / "bulkhead/engine/scripts").glob("*.lua")}

    assert {path.name for path in (wheel / "bulkhead/engine/scripts").glob("*.lua")} == scripts
    assert (wheel / "bulkhead/py.typed").exists()
    assert list(wheel.glob("*.dist-info/licenses/NOTICE"))


def test_the_wheel_holds_the_schemas_of_messages(wheel):
    schemas = {path.name for path in (ROOT / "bulkhead/payloads/schemas").glob("*.json")}

    assert {path.name for path in (wheel / "bulkhead/payloads/schemas").glob("*.json")} == schemas
    assert "submit.json" in schemas


def test_the_wheel_lacks_no_package(wheel):
    assert {path.name for path in wheel.iterdir() if path.is_dir()} >= set(PACKAGES)
    for package in PACKAGES:
        ours = {path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py")}

        assert ours <= {path.relative_to(wheel) for path in (wheel / package).rglob("*.py")}


def test_the_demo_runs_from_the_wheel_and_says_what_came_of_it_and_where_to_look_next(wheel):
    done = in_wheel(wheel, "demo", "-o", "table")

    assert done.returncode == 0, done.stderr
    assert "up --sandbox" in done.stdout
    assert "each accounted for" in done.stdout
    assert "988 skipped, because the record says that they are done" in done.stdout
    assert "0 calls; the sandbox received 0" in done.stdout
    assert "4 went back to the key before: 1 PUSH_FAILED, 3 WAVE_FAILED" in done.stdout
    assert "20 have it; the sandbox finds it in 20, byte for byte" in done.stdout
    assert "2 are unknown: no answer came, so they are not sent it again unless" in done.stdout


def test_the_five_packages_of_the_card_are_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {word.split(">")[0].split("[")[0] for word in project["dependencies"]}

    assert names >= CARD
    assert "mesibo>=2.7.1; python_version < '3.14'" in project["dependencies"]
    assert "Private :: Do Not Upload" in project["classifiers"]


def test_no_installed_distribution_claims_a_name_of_ours():
    claimed = packages_distributions()

    assert not {name: claimed[name] for name in PACKAGES if name in claimed}


def test_the_lock_files_hold_hashes_and_no_addresses():
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()

        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "index-url" not in text
