"""Pieces of CloudFormation that every part of the state template uses."""

from __future__ import annotations

from typing import Any


def named(suffix: str) -> dict[str, str]:
    """A physical name: the stage's prefix and this suffix."""
    return {"Fn::Sub": f"${{Prefix}}-{suffix}"}


def kept(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A resource that outlives its stack: its data is the business."""
    return {
        "Type": kind,
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }
