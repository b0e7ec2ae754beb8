"""The endpoints that the routes of payments are declared on."""

from __future__ import annotations

from chalicelib.edge.endpoint import Endpoints

endpoints = Endpoints("payments", "How an order is paid, and the notices of the payment provider.")
