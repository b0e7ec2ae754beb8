"""What riders report of a delivery."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.dispatch.schemas.values import CapturedAt, Cash, FailureReason, Instant, StatusName
from chalicelib.dispatch.schemas.work import JobView

OpId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.:-]{8,36}$(?!\n)",
        max_length=36,
        description="Identifies the operation (a UUID or ULID): sent again, it is answered as the first time.",
        examples=["018f3b5e-7c1a-7d2b-8e3f-9a0b1c2d3e4f"],
    ),
]


Pin = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4,8}$(?!\n)",
        max_length=8,
        description="What the customer says, where the store demands a PIN.",
        examples=["4711"],
    ),
]
PhotoReference = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_./:~-]{1,200}$(?!\n)",
        max_length=200,
        description="Where the photo was uploaded, if the store demands one.",
        examples=["proofs/2026/03/01/7d1f5d0e.jpg"],
    ),
]


PhotoHash = Annotated[
    str,
    Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", max_length=64, description="SHA-256 of the photo's bytes, in hexadecimal."),
]


class RiderCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report from the road. Reports that were taken down offline may come late, twice and out of order."""

    op_id: OpId
    captured_at: CapturedAt


class Deliver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The order is in the customer's hands."""

    op_id: OpId
    captured_at: CapturedAt
    pin: Pin | None = None
    photo: PhotoReference | None = None
    photo_sha256: PhotoHash | None = None
    cash_collected: Annotated[Cash | None, Meta(description="Must be what was due, where cash is due.")] = None
    age_proven: Annotated[
        bool | None,
        Meta(
            description="What the look at the document said, where the job says `age_check`: old enough or not. "
            "No date of birth is taken down."
        ),
    ] = None


class MissCustomer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nobody took the order; you try again on this trip."""

    op_id: OpId
    captured_at: CapturedAt
    reason: Literal["customer_absent", "address_not_found", "other"]


class FailDelivery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The order can't be handed over."""

    op_id: OpId
    captured_at: CapturedAt
    reason: FailureReason


class StepReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What your operation did; the same for every repeat of it."""

    delivery_id: str
    op_id: str
    status: Annotated[StatusName, Meta(description="The status that this operation reached.")]
    recorded_at: Instant
    captured_at: Instant


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the timeline."""

    status: StatusName
    at: Instant
    captured_at: Instant | None
    actor: Literal["system", "store", "customer", "admin", "rider"]
    reason: str | None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery of yours with its timeline, ordered by when things happened."""

    delivery: JobView
    timeline: list[StepView]
