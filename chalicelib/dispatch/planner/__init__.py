"""The planner of the dispatching centre: who is asked to bring what, when. Pure: no I/O, no clock."""
