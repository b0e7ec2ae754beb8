"""The deployment package: `make package STAGE=dev` leaves `packaged/<stage>/` with both templates and the zip.

Libraries come as wheels for the functions' runtime and processor, whatever interpreter packages; `--native` takes this
machine's instead, so that the very zip can be imported here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from infra import functions

ROOT = Path(__file__).parents[1]
# Lambda takes 250 MB unzipped; what counts for a cold start is far below.
MAX_ZIPPED_BYTES = 60 * 1024 * 1024
# The only services whose descriptions botocore needs here: two thirds of the package would be the other 400.
AWS_SERVICES = frozenset({"dynamodb", "dynamodbstreams", "events", "sqs", "geo-routes", "secretsmanager", "sts"})


class Target(NamedTuple):
    """Where wheels are to run: pip's names for a Python version and a platform; None for this machine's."""

    python: str
    platform: str | None

    @property
    def options(self) -> list[str]:
        """What pip has to be told."""
        if self.platform is None:
            return []
        return ["--platform", self.platform, "--python-version", self.python, "--only-binary=:all:"]


LAMBDA = Target(functions.RUNTIME.removeprefix("python"), "manylinux2014_aarch64")
NATIVE = Target(platform.python_version(), None)


def package(stage: str, out: Path, target: Target, *, libraries: bool = True) -> Path:
    """Write the templates and the zip into ``out``, and return the zip. Raises ``CalledProcessError``."""
    build = out / "build"
    shutil.rmtree(out, ignore_errors=True)
    build.mkdir(parents=True)
    _copy_sources(build)
    if libraries:
        _install_libraries(build / "vendor", target)
    _run_chalice(stage, build, out)
    shutil.rmtree(build)
    shutil.copy(ROOT / "infra" / "state.template.json", out / "state.json")
    return out / "deployment.zip"


def _copy_sources(build: Path) -> None:
    for name in ("chalicelib", ".chalice"):
        ignored = shutil.ignore_patterns("__pycache__", "deployments", "deployed", "venv")
        shutil.copytree(ROOT / name, build / name, ignore=ignored)
    shutil.copy(ROOT / "app.py", build)
    # chalice would fetch libraries for the interpreter that runs it; they are in vendor/ already.
    (build / "requirements.txt").touch()


def _install_libraries(vendor: Path, target: Target) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-compile", *target.options, "--target", str(vendor), "-r", str(ROOT / "requirements.txt")]
    subprocess.run(command, check=True)
    for services in vendor.glob("botocore/data"):
        for service in services.iterdir():
            if service.is_dir() and service.name not in AWS_SERVICES:
                shutil.rmtree(service)
    shutil.rmtree(vendor / "bin", ignore_errors=True)


def _run_chalice(stage: str, build: Path, out: Path) -> None:
    command = [sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())", "package"]
    command += ["--stage", stage, "--template-format", "json"]
    command += ["--merge-template", str(ROOT / "infra" / "merge.template.json"), str(out)]
    # chalice asks for a region, and uses it for nothing that is written into the template.
    environment = {"AWS_DEFAULT_REGION": "eu-central-1", **os.environ, "PYTHONPATH": str(build)}
    done = subprocess.run(command, cwd=build, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)


def sizes(zipped: Path) -> dict[str, int]:
    """Zipped bytes by what is at the top of the package, the largest first."""
    found: dict[str, int] = {}
    with zipfile.ZipFile(zipped) as archive:
        for entry in archive.infolist():
            top = entry.filename.partition("/")[0]
            found[top] = found.get(top, 0) + entry.compress_size
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def main() -> int:
    """Package, show what is in it, and check the template as CloudFormation would."""
    parser = argparse.ArgumentParser(description="Build the deployment package.")
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--native", action="store_true", help="for this machine's interpreter instead of Lambda's")
    options = parser.parse_args()
    out = (options.out or ROOT / "packaged" / options.stage).resolve()
    target = NATIVE if options.native else LAMBDA
    console = Console()
    with console.status(f"Packaging {options.stage} for Python {target.python}, {target.platform or 'this machine'} …"):
        try:
            zipped = package(options.stage, out, target)
        except subprocess.CalledProcessError as error:
            console.print(error.stdout or "", error.stderr or "")
            return 1
    table = Table("in the package", "MB zipped", title=str(zipped))
    for name, size in list(sizes(zipped).items())[:12]:
        table.add_row(name, f"{size / 1e6:.2f}")
    table.add_row("all", f"{zipped.stat().st_size / 1e6:.2f}")
    console.print(table)
    linted = subprocess.run(
        [str(Path(sysconfig.get_path("scripts")) / "cfn-lint"), "-r", "eu-central-1", "--", str(out / "sam.json")],
        check=False,
    )
    resources = json.loads((out / "sam.json").read_text())["Resources"]
    console.print(f"{len(resources)} resources; cfn-lint: {'clean' if linted.returncode == 0 else 'see above'}")
    if zipped.stat().st_size > MAX_ZIPPED_BYTES:
        console.print(f"The package is larger than {MAX_ZIPPED_BYTES / 1e6:.0f} MB.")
        return 1
    return linted.returncode


if __name__ == "__main__":
    sys.exit(main())
