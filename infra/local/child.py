"""Runs a module that knows nothing of the stack as one of its children: `python -m infra.local.child module …`."""

from __future__ import annotations

import runpy
import sys

from infra.local.lifeline import follow_parent

if __name__ == "__main__":
    follow_parent()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
