"""Doorstep's tests."""

import os

# A row learns its table's name when its module is imported, and the fixtures' own imports already bring some along.
os.environ["DOORSTEP_TABLE_PREFIX"] = "doorstep-test"
