"""Dispatch's API: riders and what they report, the pool that they may claim from, and offers explained."""

from chalicelib.dispatch.routes import health as _health
from chalicelib.dispatch.routes import matching as _matching
from chalicelib.dispatch.routes import shifts as _shifts
from chalicelib.dispatch.routes.riders import endpoints

__all__ = ["endpoints"]

_DECLARED = (_health, _matching, _shifts)  # imported for the routes that they declare
