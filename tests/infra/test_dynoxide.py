"""Which DynamoDB a machine gets, and what it is told when it gets none."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from infra.local import dynoxide

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOORSTEP_DYNOXIDE", raising=False)


def on(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)


def installed(directory: Path, package: str, version: str) -> None:
    home = directory / "node_modules" / package
    home.mkdir(parents=True, exist_ok=True)
    (home / "package.json").write_text(json.dumps({"version": version}))
    (home / "dynoxide").touch()


@pytest.mark.parametrize(
    ("system", "machine", "package"),
    [
        ("Linux", "x86_64", "@dynoxide/linux-x64"),
        ("Linux", "aarch64", "@dynoxide/linux-arm64"),
        ("Darwin", "arm64", "@dynoxide/darwin-arm64"),
        ("Darwin", "x86_64", "@dynoxide/darwin-x64"),
    ],
)
def test_the_package_follows_the_platform(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, package: str
) -> None:
    on(monkeypatch, system, machine)
    assert dynoxide.package() == package


@pytest.mark.parametrize(("system", "machine"), [("Linux", "riscv64"), ("FreeBSD", "amd64")])
def test_a_platform_without_a_binary_is_named(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    on(monkeypatch, system, machine)
    with pytest.raises(dynoxide.NotAvailable, match=f"{system.lower()} on {machine}"):
        dynoxide.package()


def test_an_installed_binary_is_used_without_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: pytest.fail("npm is not needed"))
    installed(tmp_path, dynoxide.package(), dynoxide.VERSION)
    assert dynoxide.binary(tmp_path) == tmp_path / "node_modules" / dynoxide.package() / "dynoxide"


def test_another_version_is_replaced_by_the_pinned_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed(tmp_path, dynoxide.package(), "1.0.0")
    commands: list[list[str]] = []

    def npm(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        installed(tmp_path, dynoxide.package(), dynoxide.VERSION)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/npm")
    monkeypatch.setattr(subprocess, "run", npm)
    dynoxide.binary(tmp_path)
    assert commands[0][-1] == f"{dynoxide.package()}@{dynoxide.VERSION}"
    assert "--no-save" in commands[0]
    assert "--ignore-scripts" in commands[0]


def test_a_machine_without_npm_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(dynoxide.NotAvailable, match="npm is not installed"):
        dynoxide.binary(tmp_path)


def test_what_npm_said_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def npm(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "npm error network is away")

    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/npm")
    monkeypatch.setattr(subprocess, "run", npm)
    with pytest.raises(dynoxide.NotAvailable, match="network is away"):
        dynoxide.binary(tmp_path)
