"""Whole journeys through HTTP on the local stack."""
