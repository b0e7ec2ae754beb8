"""The rules of stores: hours, pauses, zones, fulfilment, staff roles. No I/O."""

from __future__ import annotations

from chalicelib.stores.model.cells import (
    DELIVERY_RESOLUTIONS,
    WALK_IN_RADIUS_M,
    WALK_IN_RESOLUTION,
    CellEntry,
    Listing,
    cell_entries,
    center_distance_m,
)
from chalicelib.stores.model.checks import check_store
from chalicelib.stores.model.fulfilment import FulfilmentTerms, check_fulfilment, minutes_from_now
from chalicelib.stores.model.opening import OpeningState, opening_state
from chalicelib.stores.model.pauses import PauseRequest, pause, pauses_in_force, unpause
from chalicelib.stores.model.roles import Role, StaffMember, at_least, may_assign
from chalicelib.stores.model.store import (
    MODES,
    Address,
    AfterSales,
    AnswerPolicy,
    DeliveryZone,
    FeeTier,
    Merchant,
    Mode,
    ModeSettings,
    Pause,
    PaymentMethod,
    Polygon,
    Proof,
    Radius,
    SmallOrderFee,
    Store,
    Taxes,
    payment_methods,
)
from chalicelib.stores.model.zones import Reach, reach, travel_minutes

__all__ = [
    "DELIVERY_RESOLUTIONS",
    "MODES",
    "WALK_IN_RADIUS_M",
    "WALK_IN_RESOLUTION",
    "Address",
    "AfterSales",
    "AnswerPolicy",
    "CellEntry",
    "DeliveryZone",
    "FeeTier",
    "FulfilmentTerms",
    "Listing",
    "Merchant",
    "Mode",
    "ModeSettings",
    "OpeningState",
    "Pause",
    "PauseRequest",
    "PaymentMethod",
    "Polygon",
    "Proof",
    "Radius",
    "Reach",
    "Role",
    "SmallOrderFee",
    "StaffMember",
    "Store",
    "Taxes",
    "at_least",
    "cell_entries",
    "center_distance_m",
    "check_fulfilment",
    "check_store",
    "may_assign",
    "minutes_from_now",
    "opening_state",
    "pause",
    "pauses_in_force",
    "payment_methods",
    "reach",
    "travel_minutes",
    "unpause",
]
