"""The endpoints that the routes of ordering are declared on."""

from __future__ import annotations

from chalicelib.edge.endpoint import Endpoints

endpoints = Endpoints(
    "ordering", "From a basket to an order at its end: for customers, and for the staff and their board."
)
