"""The dynoxide binary (a durable DynamoDB on SQLite): where it is, and how it gets there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "1.2.1"
LOCAL = Path(os.environ.get("DOORSTEP_LOCAL_DIR", Path(__file__).parents[2] / ".local"))
INSTALL_TIMEOUT_SECONDS = 120

_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class NotAvailable(Exception):
    """No dynoxide binary here, and none can be installed; the message says why."""


def package() -> str:
    """The npm package that holds the binary for this operating system and architecture.

    Raises NotAvailable on a platform that has no prebuilt binary.
    """
    system, machine = platform.system().lower(), platform.machine().lower()
    architecture = _ARCHITECTURES.get(machine)
    if system not in {"linux", "darwin"} or architecture is None:
        raise NotAvailable(f"dynoxide has no prebuilt binary for {system} on {machine}")
    return f"@dynoxide/{system}-{architecture}"


def binary(directory: Path = LOCAL) -> Path:
    """The binary of the pinned version, installed with npm below `directory` when it is not there yet.

    DOORSTEP_DYNOXIDE names another binary to use. Raises NotAvailable.
    """
    if chosen := os.environ.get("DOORSTEP_DYNOXIDE"):
        return Path(chosen)
    name = package()
    home = directory / "node_modules" / name
    if not _is_pinned(home):
        with _one_installer_at_a_time(directory):
            if not _is_pinned(home):
                _install(name, directory)
    return home / "dynoxide"


def _is_pinned(home: Path) -> bool:
    try:
        return bool(json.loads((home / "package.json").read_text())["version"] == VERSION)
    except (OSError, ValueError, KeyError):
        return False


@contextlib.contextmanager
def _one_installer_at_a_time(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(name: str, directory: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotAvailable("npm is not installed")
    command = [npm, "install", "--prefix", str(directory), "--no-save", "--no-audit", "--no-fund"]
    command += ["--ignore-scripts", "--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    command.append(f"{name}@{VERSION}")
    print(f"installing {command[-1]} into {directory}", file=sys.stderr)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotAvailable(f"npm did not install {name} in {INSTALL_TIMEOUT_SECONDS} seconds") from None
    if done.returncode != 0 or not _is_pinned(directory / "node_modules" / name):
        raise NotAvailable(f"npm could not install {name}@{VERSION}: {done.stderr.strip()[-300:]}")
