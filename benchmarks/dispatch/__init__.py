"""Recorded days of orders, played in virtual time by the planner of the dispatching centre."""
