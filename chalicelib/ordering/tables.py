"""Orders and quotes at rest, in the table ``ordering``.

| item     | pk                | sk              | written                                        |
|----------|-------------------|-----------------|------------------------------------------------|
| quote    | CUS#<customer id> | QTE#<ulid>      | once; vanishes an hour after it has expired    |
| document | CUS#<customer id> | ORD#<ulid>      | once, with the order: its quote, for good      |
| order    | ORD#<ulid>        | STATE           | at every step; below 1 KB with a full timeline |
| erasure  | ERA#<digest>      | JOB             | at every step of forgetting a customer         |

The claims of the few customers who ask for something after the store accepted are part of the order's state.

Access patterns and what they read (units of eventually consistent reads are half of these):

- a customer's quote, order or document: by key, 1 unit each
- a customer's orders, newest first: Query CUS#, begins_with ORD#; then the states by key
- a store's board: Query the sparse index ``board``; about 60 open orders are one unit of an eventually consistent read
- a store's orders, newest first: Query the index ``stores``; then the states by key

``board`` holds the orders that the staff have something to do with, and is the only index whose items change.
``stores`` holds every order from its confirmation on, and is written once for each.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from chalicelib.kernel import clock, tables
from chalicelib.kernel.ids import is_id, retag
from chalicelib.kernel.money import Money
from chalicelib.ordering.model.claim import Claim
from chalicelib.ordering.model.erasure import KEPT_AS_PROOF, Erasure
from chalicelib.ordering.model.order import CUSTOMER, Actor, Entry, Order, Promise, Status
from chalicelib.ordering.model.proposal import Proposal
from chalicelib.ordering.model.quote import Quote

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE = "STATE"
_QUOTE_LIFE = timedelta(hours=1)
_ORDER = ORDERED = "ORD#"
_QUOTE = QUOTED = "QTE#"


class BoardIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """A store's orders that are on its board, by the time that was promised at first."""

    class Meta:
        index_name = "board"
        projection = IncludeProjection(["v", "st", "cu"])

    board_pk = UnicodeAttribute(hash_key=True)
    board_sk = UnicodeAttribute(range_key=True)


class StoresIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
    """Every confirmed order of a store, by order id, which is by time."""

    class Meta:
        index_name = "stores"
        projection = KeysOnlyProjection()

    stores_pk = UnicodeAttribute(hash_key=True)
    stores_sk = UnicodeAttribute(range_key=True)


class OrderRow(tables.Row):
    """What changes about an order. Attribute names are short: each byte counts against the write unit."""

    class Meta(tables.Meta):
        context = "ordering"

    version = NumberAttribute(attr_name="v")
    status = UnicodeAttribute(attr_name="st")
    customer_id = UnicodeAttribute(attr_name="cu")
    code_failures = NumberAttribute(attr_name="cf", default=0)
    body = tables.JsonZ(attr_name="b", null=True)  # absent from the rows of the indexes
    board_pk = UnicodeAttribute(null=True)
    board_sk = UnicodeAttribute(null=True)
    stores_pk = UnicodeAttribute(null=True)
    stores_sk = UnicodeAttribute(null=True)
    board = BoardIndex()
    stores = StoresIndex()


class DocumentRow(tables.Row):
    """A quote, or the quote that became an order; never changes."""

    class Meta(tables.Meta):
        context = "ordering"

    document = tables.JsonZ(attr_name="d")


class ErasureRow(tables.Row):
    """The job of forgetting a customer, and afterwards the proof that it was done."""

    class Meta(tables.Meta):
        context = "ordering"

    phase = UnicodeAttribute(attr_name="ph")
    step = NumberAttribute()
    body = tables.JsonZ(attr_name="b", null=True)


def order_key(order_id: str) -> str:
    """The partition of an order's state, and the sort key of its document; nothing lies under what is no order's id."""
    return _ORDER + _ulid(order_id, "ord_")


def order_id_of(row: tables.Row) -> str:
    """The id of the order whose state or document this is."""
    key = row.pk if row.pk.startswith(_ORDER) else row.sk
    return "ord_" + key.removeprefix(_ORDER)


def customer_key(customer_id: str) -> str:
    """The partition of what a customer was quoted and has ordered."""
    return f"CUS#{customer_id}"


def order_ref(order_id: str) -> tables.Ref[Order | None]:
    """Where an order's state is read."""
    return tables.Ref(OrderRow, order_key(order_id), STATE, to_order)


def document_ref(customer_id: str, order_id: str) -> tables.Ref[Quote | None]:
    """Where what was ordered is read."""
    return tables.Ref(DocumentRow, customer_key(customer_id), order_key(order_id), to_quote)


def quote_ref(customer_id: str, quote_id: str) -> tables.Ref[Quote | None]:
    """Where a customer's quote is read."""
    return tables.Ref(DocumentRow, customer_key(customer_id), _QUOTE + _ulid(quote_id, "qte_"), to_quote)


def documents_of(customer_id: str, *, limit: int, cursor_key: dict[str, Any] | None) -> tables.Page[DocumentRow]:
    """A page of what a customer has ordered, newest first."""
    return tables.query(
        DocumentRow,
        customer_key(customer_id),
        DocumentRow.sk.startswith(_ORDER),
        limit=limit,
        cursor_key=cursor_key,
        ascending=False,
    )


def oldest_of(customer_id: str, kind: str, *, after: str = "", limit: int) -> tables.Page[DocumentRow]:
    """A page of a customer's documents (``kind`` is ORDERED or QUOTED), oldest first, behind a sort key."""
    pk = customer_key(customer_id)
    start = {"pk": {"S": pk}, "sk": {"S": after}} if after.startswith(kind) else None
    return tables.query(
        DocumentRow, pk, DocumentRow.sk.startswith(kind), limit=limit, cursor_key=start, consistent=True
    )


def erasure_ref(erasure_id: str) -> tables.Ref[Erasure | None]:
    """Where a customer's erasure is read, by its id."""
    return tables.Ref(ErasureRow, *erasure_key(erasure_id), to_erasure)


def erasure_key(erasure_id: str) -> tuple[str, str]:
    """The key of a customer's erasure."""
    return f"ERA#{erasure_id.removeprefix('era_')}", "JOB"


def erasure_row(erasure: Erasure) -> ErasureRow:
    """The item of an erasure. One that is done vanishes when nothing needs its proof any longer."""
    pk, sk = erasure_key(erasure.id)
    ttl = None if erasure.erased_at is None else int((erasure.erased_at + KEPT_AS_PROOF).timestamp())
    return ErasureRow(pk=pk, sk=sk, phase=erasure.phase, step=erasure.step, body=msgspec.to_builtins(erasure), ttl=ttl)


def to_erasure(row: ErasureRow | None) -> Erasure | None:
    """The erasure in an item."""
    return None if row is None else msgspec.convert(row.body, Erasure)


def quote_row(quote: Quote) -> DocumentRow:
    """The item of a quote."""
    return DocumentRow(
        pk=customer_key(quote.customer_id),
        sk=_QUOTE + _ulid(quote.id, "qte_"),
        document=_packed(quote),
        ttl=int((quote.expires_at + _QUOTE_LIFE).timestamp()),
    )


def document_row(quote: Quote) -> DocumentRow:
    """The item that keeps the quote of an order for good."""
    return DocumentRow(
        pk=customer_key(quote.customer_id),
        sk=order_key(retag(quote.id, "ord")),
        document=_packed(quote),
    )


def to_quote(row: DocumentRow | None) -> Quote | None:
    """The quote in an item. Of an order's document, too, it carries the quote's id."""
    if row is None:
        return None
    ulid = row.sk.partition("#")[2]
    identity = {"id": f"qte_{ulid}", "customer_id": row.pk.removeprefix("CUS#")}
    return msgspec.convert({**row.document, **identity}, Quote)


def _ulid(identifier: str, prefix: str) -> str:
    return identifier.removeprefix(prefix) if identifier.startswith(prefix) else "-"


def _packed(quote: Quote) -> dict[str, Any]:
    packed: dict[str, Any] = msgspec.to_builtins(quote)
    # Both stand in the key already.
    del packed["id"], packed["customer_id"]
    return packed


# --- the order's state ------------------------------------------------------------------------------------------------


def to_row(order: Order) -> OrderRow:
    """The item of an order. On the board, and among the store's orders, only as long as it belongs there."""
    row = OrderRow(
        pk=order_key(order.id),
        sk=STATE,
        version=order.version,
        status=order.status.value,
        customer_id=order.customer_id,
        code_failures=order.code_failures,
        body=_body(order),
    )
    if order.confirmed_at is not None:
        row.stores_pk, row.stores_sk = order.store_id, order.id
    if order.is_on_board:
        row.board_pk = order.store_id
        row.board_sk = str(clock.epoch_ms(order.asked_from))
    return row


def to_order(row: OrderRow | None) -> Order | None:
    """The order in an item."""
    if row is None:
        return None
    body = row.body
    base = clock.from_epoch_ms(body["at"])

    def instant(offset: int | None) -> datetime | None:
        return None if offset is None else base + timedelta(milliseconds=offset)

    def known(offset: int) -> datetime:
        return base + timedelta(milliseconds=offset)

    wanted, ready, promised = body["p"]
    return Order(
        id=order_id_of(row),
        customer_id=row.customer_id,
        store_id=body["s"],
        mode=body["m"],
        payment_method=body["pm"],
        total=Money(body["t"], body["c"]),
        status=Status(row.status),
        version=int(row.version),
        placed_at=base,
        pay_by=known(body["pb"]),
        asked_from=known(body["af"]),
        accept_within=timedelta(milliseconds=body["aw"]),
        promise=Promise(instant(wanted), known(ready), known(promised)),
        pickup_code=body["pc"],
        delivery_pin=body.get("pin"),
        confirmed_at=instant(body.get("ok")),
        code_failures=int(row.code_failures),
        payment_step=body.get("ps", ""),
        attention=tuple(body.get("!", ())),
        timeline=tuple(
            Entry(step, known(at), _actor(actor, row.customer_id), cause, reason)
            for step, at, actor, cause, reason in body["l"]
        ),
        claims=msgspec.convert(body.get("q", ()), tuple[Claim, ...]),
        resend_of=body.get("ro"),
        also_reserved=body.get("also", {}),
        proposal=msgspec.convert(body["pp"], Proposal) if "pp" in body else None,
    )


def _body(order: Order) -> dict[str, Any]:
    """Everything that no condition and no index needs. Instants are milliseconds since the placement."""

    def offset(instant: datetime | None) -> int | None:
        return None if instant is None else clock.epoch_ms(instant) - clock.epoch_ms(order.placed_at)

    promise = order.promise
    body = {
        "s": order.store_id,
        "m": order.mode,
        "pm": order.payment_method,
        "t": order.total.amount,
        "c": order.total.currency,
        "at": clock.epoch_ms(order.placed_at),
        "pb": offset(order.pay_by),
        "af": offset(order.asked_from),
        "aw": round(order.accept_within.total_seconds() * 1000),
        "p": [offset(promise.wanted_at), offset(promise.ready_at), offset(promise.promised_at)],
        "pc": order.pickup_code,
        "pin": order.delivery_pin,
        "ok": offset(order.confirmed_at),
        "ps": order.payment_step or None,
        "!": list(order.attention) or None,
        "l": [
            [entry.step, offset(entry.at), _actor_code(entry.actor, order.customer_id), entry.cause, entry.reason]
            for entry in order.timeline
        ],
        "q": msgspec.to_builtins(order.claims) or None,
        "ro": order.resend_of,
        "also": dict(order.also_reserved) or None,
        "pp": msgspec.to_builtins(order.proposal) if order.proposal else None,
    }
    return {name: value for name, value in body.items() if value is not None}


def _actor_code(actor: Actor, customer_id: str) -> list[Any]:
    """The actor as ``[kind, id]``; who has ordered stands in the row already, and the system has no id."""
    if actor.id is None or (actor.kind == CUSTOMER and actor.id == customer_id):
        return [actor.kind]
    return [actor.kind, actor.id]


def _actor(code: list[Any], customer_id: str) -> Actor:
    if len(code) == 2:
        return Actor(code[0], code[1])
    return Actor(code[0], customer_id if code[0] == CUSTOMER else None)


# --- where pages of lists begin ---------------------------------------------------------------------------------------
# A cursor comes from outside: of its key only the id is taken, so that it can't lead out of the list.


def list_key(customer_id: str, start: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Where a page of a customer's orders begins; None for the first one."""
    sk = (start or {}).get("sk", {}).get("S", "")
    if not sk.startswith(_ORDER) or not is_id("ord_" + sk.removeprefix(_ORDER), "ord"):
        return None
    return {"pk": {"S": customer_key(customer_id)}, "sk": {"S": sk}}


def store_list_key(store_id: str, start: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Where a page of a store's orders begins; None for the first one."""
    order_id = (start or {}).get("stores_sk", {}).get("S", "")
    if not is_id(order_id, "ord"):
        return None
    return {
        "pk": {"S": order_key(order_id)},
        "sk": {"S": STATE},
        "stores_pk": {"S": store_id},
        "stores_sk": {"S": order_id},
    }
