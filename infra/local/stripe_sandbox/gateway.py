"""From a request to its answer: which operation, who may call it, faults, idempotency, one transaction."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import errors, forms, render
from infra.local.stripe_sandbox.endpoints import charges, control, events, payment_intents
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.store import StoredAnswer
from infra.local.stripe_sandbox.work import Answer, Call, Work, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.stripe_sandbox.deliveries import Deliveries
    from infra.local.stripe_sandbox.faults import Fault, Faults
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.store import Store
    from infra.local.stripe_sandbox.webhooks import Endpoint

LOG = logging.getLogger(__name__)

_ID: Final = r"([A-Za-z0-9_.\-]+)"
_INTENT: Final = f"/v1/payment_intents/{_ID}"
_LONGEST_KEY: Final = 255


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    operation: Callable[[Work], Answer]
    access: str
    """secret: the secret key. client: that, or an intent's client secret. open: anybody (/sandbox)."""


def _route(method: str, pattern: str, operation: Callable[[Work], Answer], access: str = "secret") -> _Route:
    return _Route(method, re.compile(pattern), operation, access)


_ROUTES: Final = (
    _route("POST", "/v1/payment_intents", payment_intents.create),
    _route("GET", "/v1/payment_intents", payment_intents.list_),
    _route("GET", "/v1/payment_intents/search", payment_intents.search_),
    _route("GET", _INTENT, payment_intents.retrieve, "client"),
    _route("POST", _INTENT, payment_intents.update),
    _route("POST", f"{_INTENT}/confirm", payment_intents.confirm, "client"),
    _route("POST", f"{_INTENT}/capture", payment_intents.capture),
    _route("POST", f"{_INTENT}/cancel", payment_intents.cancel),
    _route("GET", "/v1/charges", charges.list_),
    _route("GET", f"/v1/charges/{_ID}", charges.retrieve),
    _route("POST", "/v1/refunds", charges.create_refund),
    _route("GET", "/v1/refunds", charges.list_refunds),
    _route("GET", f"/v1/refunds/{_ID}", charges.retrieve_refund),
    _route("GET", "/v1/events", events.list_),
    _route("GET", f"/v1/events/{_ID}", events.retrieve),
    _route("GET", "/sandbox/health", control.health, "open"),
    _route("GET", "/sandbox/summary", control.summary, "open"),
    _route("POST", f"/sandbox/payment_intents/{_ID}/authenticate", control.authenticate, "open"),
    _route("POST", f"/sandbox/payment_intents/{_ID}/settle", control.settle, "open"),
    _route("POST", f"/sandbox/payment_intents/{_ID}/expire", control.expire, "open"),
    _route("POST", "/sandbox/events/resend", control.resend_since, "open"),
    _route("POST", f"/sandbox/events/{_ID}/resend", control.resend, "open"),
    _route("POST", "/sandbox/faults", control.add_fault, "open"),
    _route("GET", "/sandbox/faults", control.list_faults, "open"),
    _route("DELETE", "/sandbox/faults", control.clear_faults, "open"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. Header names are lower case; `key` is the API key, from Bearer or Basic."""

    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]
    key: str | None
    base_url: str


@dataclass(frozen=True, slots=True)
class Response:
    """What goes out. `silent_for` (seconds): nothing is sent, the connection is closed after that time."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    silent_for: float | None = None


class Gateway:
    """Answers requests. Thread-safe; operations run one at a time, under the store's lock."""

    def __init__(
        self,
        store: Store,
        deliveries: Deliveries,
        faults: Faults,
        *,
        secret_key: str,
        publishable_key: str,
        endpoint: Endpoint | None,
        wake_webhooks: Callable[[], None],
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._faults = faults
        self._secret_key = secret_key
        self._publishable_key = publishable_key
        self._endpoint = endpoint
        self._wake_webhooks = wake_webhooks
        self._keys_in_use: set[str] = set()
        self._keys_lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        request_id = new_id("req")
        publishable = False
        try:
            route, ids = _find_route(request)
            values = _decode(request)
            publishable = self._check_access(request, route, values)
            values.pop("key", None)
            call = Call(
                request.method,
                request.path,
                values,
                ids,
                request_id,
                request.base_url,
                _idempotency_key(request) if route.access != "open" else None,
                publishable,
            )
            response = self._respond(call, route)
        except StripeError as failure:
            response = _failed(failure, reduced=publishable)
        except Exception:
            LOG.exception("request %s failed: %s %s", request_id, request.method, request.path)
            response = _failed(errors.server_error(remembered=False))
        response.headers["Request-Id"] = request_id
        return response

    def _respond(self, call: Call, route: _Route) -> Response:
        if call.idempotency_key is None:
            return self._perform(call, route, "")
        fingerprint = _fingerprint(call)
        with self._using(call.idempotency_key):
            with self._store.lock:
                kept = self._store.kept_answer(call.idempotency_key, int(time.time()))
            if kept is None:
                return self._perform(call, route, fingerprint)
        if kept.fingerprint != fingerprint:
            raise errors.idempotency_mismatch(call.idempotency_key)
        replayed = {"Idempotent-Replayed": "true", "Original-Request": kept.request}
        return Response(kept.status, kept.body, {**kept.headers, **replayed, **_echoed(call)})

    @contextmanager
    def _using(self, key: str) -> Iterator[None]:
        """Hold the key while its request runs; another request with it is refused until then."""
        with self._keys_lock:
            if key in self._keys_in_use:
                raise errors.idempotency_key_in_use(key)
            self._keys_in_use.add(key)
        try:
            yield
        finally:
            with self._keys_lock:
                self._keys_in_use.discard(key)

    def _perform(self, call: Call, route: _Route, fingerprint: str) -> Response:
        """Run the operation and keep its answer for the idempotency key in the same transaction."""
        if call.method == "GET":
            with self._store.lock:
                return _succeeded(route.operation(self._work(call)))
        if route.access != "open" and self._faults.are_set:
            with self._store.transaction():
                fault = self._faults.take_before(call.method, call.path)
            _suffer(fault, lambda failure: self._keep(call, fingerprint, _failed(failure)))
        try:
            with self._store.transaction():
                work = self._work(call)
                response = _succeeded(route.operation(work), _echoed(call))
                late = None
                if response.status < 300 and route.access != "open":
                    late = self._faults.take_after(call.method, call.path)
                self._keep_within(call, fingerprint, response)
        except StripeError as failure:
            response = _failed(failure, reduced=call.publishable)
            response.headers.update(_echoed(call))
            if failure.remembered:
                self._keep(call, fingerprint, response)
            return response
        if work.queued:
            self._wake_webhooks()
        return Response(200, b"", silent_for=late.delay_ms / 1000) if late else response

    def _work(self, call: Call) -> Work:
        return Work(
            call,
            store=self._store,
            deliveries=self._deliveries,
            faults=self._faults,
            endpoint=self._endpoint,
            now=time.time(),
        )

    def _keep(self, call: Call, fingerprint: str, response: Response) -> None:
        with self._store.transaction():
            self._keep_within(call, fingerprint, response)

    def _keep_within(self, call: Call, fingerprint: str, response: Response) -> None:
        if call.idempotency_key is None:
            return
        retry = {name: value for name, value in response.headers.items() if name == "Stripe-Should-Retry"}
        answer = StoredAnswer(fingerprint, response.status, retry, response.body, call.request_id)
        self._store.keep_answer(call.idempotency_key, answer, int(time.time()))

    def _check_access(self, request: Request, route: _Route, values: Mapping[str, Any]) -> bool:
        """Whether the caller holds no secret key but may call this all the same. Raises 401 or 403."""
        if route.access == "open":
            return False
        key = request.key or values.get("key")
        account = request.headers.get("stripe-account")
        if account:
            raise errors.no_connected_account(account)
        if key == self._secret_key:
            return False
        if key is not None and key != self._publishable_key:
            raise errors.invalid_key(str(key))
        if route.access == "client" and (key or "client_secret" in values):
            return True
        raise errors.secret_key_required() if key else errors.missing_key()


def _find_route(request: Request) -> tuple[_Route, tuple[str, ...]]:
    for route in _ROUTES:
        if route.method == request.method and (match := route.pattern.fullmatch(request.path)):
            return route, match.groups()
    raise errors.unknown_url(request.method, request.path[:200])


def _decode(request: Request) -> dict[str, Any]:
    values = forms.decode(request.query)
    if not request.body:
        return values
    try:
        text = request.body.decode()
        if "json" not in request.headers.get("content-type", ""):
            return {**values, **forms.decode(text)}
        if request.path.startswith("/sandbox/") and isinstance(document := json.loads(text), dict):
            return {**values, **document}
    except (ValueError, RecursionError) as error:
        raise StripeError("The request body could not be read.") from error
    raise StripeError("Invalid request: Stripe's API takes form-encoded bodies (application/x-www-form-urlencoded).")


def _idempotency_key(request: Request) -> str | None:
    if request.method != "POST":
        return None
    key = request.headers.get("idempotency-key")
    if key is not None and len(key) > _LONGEST_KEY:
        raise StripeError(f"Idempotency keys can have up to {_LONGEST_KEY} characters.", type="idempotency_error")
    return key or None


def _fingerprint(call: Call) -> str:
    asked = json.dumps([call.path, call.values], sort_keys=True)
    return hashlib.blake2b(asked.encode(), digest_size=16).hexdigest()


def _suffer(fault: Fault | None, keep: Callable[[StripeError], None]) -> None:
    if fault is None:
        return
    if fault.kind == "slow_request":
        time.sleep(fault.delay_ms / 1000)
        return
    failure = errors.rate_limited() if fault.kind == "error_429" else errors.server_error(remembered=fault.remembered)
    if failure.remembered:
        keep(failure)
    raise failure


def _echoed(call: Call) -> dict[str, str]:
    return {"Idempotency-Key": call.idempotency_key} if call.idempotency_key else {}


def _succeeded(answer: Answer, headers: dict[str, str] | None = None) -> Response:
    return Response(answer.status, _encode(answer.body), headers or {})


def _failed(failure: StripeError, *, reduced: bool = False) -> Response:
    headers = {}
    if failure.should_retry is not None:
        headers["Stripe-Should-Retry"] = str(failure.should_retry).lower()
    return Response(failure.status, _encode(render.error(failure, reduced=reduced)), headers)


def _encode(document: Json) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
