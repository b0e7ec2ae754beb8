"""The endpoints that the routes of ordering are declared on."""

from __future__ import annotations

from chalicelib.edge.endpoint import Endpoints

endpoints = Endpoints("ordering")
