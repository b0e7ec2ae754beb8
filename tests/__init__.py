"""Doorstep's tests."""

import os

# A row learns its table's name when its module is imported, and the fixtures' own imports already bring some along.
# A process of a stack that imports a test's app has its stack's prefix already.
os.environ.setdefault("DOORSTEP_TABLE_PREFIX", "doorstep-test")
