"""What requests and answers of dispatch look like."""

from __future__ import annotations

from chalicelib.dispatch.schemas.commands import (
    Deliver,
    DeliveryView,
    FailDelivery,
    MissCustomer,
    RiderCommand,
    StepReceipt,
    StepView,
)
from chalicelib.dispatch.schemas.riders import (
    ChangeRider,
    ChangeShift,
    HandInCash,
    PositionView,
    RegisterRider,
    ReportPosition,
    RiderProfile,
    RiderView,
)
from chalicelib.dispatch.schemas.values import Cash, Spot
from chalicelib.dispatch.schemas.work import (
    DecisionsView,
    DecisionView,
    FeedView,
    JobView,
    OfferView,
    PoolItemView,
    PoolView,
    StopView,
)

__all__ = [
    "Cash",
    "ChangeRider",
    "ChangeShift",
    "DecisionView",
    "DecisionsView",
    "Deliver",
    "DeliveryView",
    "FailDelivery",
    "FeedView",
    "HandInCash",
    "JobView",
    "MissCustomer",
    "OfferView",
    "PoolItemView",
    "PoolView",
    "PositionView",
    "RegisterRider",
    "ReportPosition",
    "RiderCommand",
    "RiderProfile",
    "RiderView",
    "Spot",
    "StepReceipt",
    "StepView",
    "StopView",
]
