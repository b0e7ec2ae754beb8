"""Dispatch's API: riders, their shifts and what they earn, the pool that they may claim from, offers explained."""

from chalicelib.dispatch.routes import earnings as _earnings
from chalicelib.dispatch.routes import health as _health
from chalicelib.dispatch.routes import matching as _matching
from chalicelib.dispatch.routes import shifts as _shifts
from chalicelib.dispatch.routes.riders import endpoints

__all__ = ["endpoints"]

_DECLARED = (_earnings, _health, _matching, _shifts)  # imported for the routes that they declare
