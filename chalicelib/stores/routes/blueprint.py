"""The endpoints that the routes of stores are declared on."""

from __future__ import annotations

from chalicelib.edge.endpoint import Endpoints

endpoints = Endpoints("stores", "Who sells, where and when: merchants, their stores, and the people who work there.")
