"""From a request to its answer: which operation, who may call it, faults, idempotency, one transaction."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox import errors, forms, render, routes
from infra.local.stripe_sandbox.errors import StripeError
from infra.local.stripe_sandbox.model import PLATFORM, Account
from infra.local.stripe_sandbox.store import StoredAnswer
from infra.local.stripe_sandbox.work import Answer, Call, Work, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.stripe_sandbox.balances import Balances
    from infra.local.stripe_sandbox.deliveries import Deliveries
    from infra.local.stripe_sandbox.faults import Fault, Faults
    from infra.local.stripe_sandbox.model import Json
    from infra.local.stripe_sandbox.routes import Route
    from infra.local.stripe_sandbox.store import Store
    from infra.local.stripe_sandbox.webhooks import Endpoint

LOG = logging.getLogger(__name__)

_LONGEST_KEY: Final = 255


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
        balances: Balances,
        deliveries: Deliveries,
        faults: Faults,
        *,
        secret_key: str,
        publishable_key: str,
        endpoint: Endpoint | None,
        funds_after: int,
        wake_webhooks: Callable[[], None],
    ) -> None:
        self._store = store
        self._balances = balances
        self._deliveries = deliveries
        self._faults = faults
        self._secret_key = secret_key
        self._publishable_key = publishable_key
        self._endpoint = endpoint
        self._funds_after = funds_after
        self._wake_webhooks = wake_webhooks
        self._keys_in_use: set[str] = set()
        self._keys_lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        request_id = new_id("req")
        publishable = False
        try:
            route, ids = routes.find(request.method, request.path)
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
                self._account(request, route),
            )
            response = self._respond(call, route)
        except StripeError as failure:
            response = _failed(failure, reduced=publishable)
        except Exception:
            LOG.exception("request %s failed: %s %s", request_id, request.method, request.path)
            response = _failed(errors.server_error(remembered=False))
        response.headers["Request-Id"] = request_id
        return response

    def _respond(self, call: Call, route: Route) -> Response:
        if call.idempotency_key is None:
            return self._perform(call, route, "")
        fingerprint = _fingerprint(call)
        with self._using(_key(call)):
            with self._store.lock:
                kept = self._store.kept_answer(_key(call), int(time.time()))
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
                raise errors.idempotency_key_in_use(key.rpartition(" ")[2])
            self._keys_in_use.add(key)
        try:
            yield
        finally:
            with self._keys_lock:
                self._keys_in_use.discard(key)

    def _perform(self, call: Call, route: Route, fingerprint: str) -> Response:
        """Run the operation and keep its answer for the idempotency key in the same transaction."""
        if call.method == "GET":
            return self._read(call, route)
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
                if late is not None and late.kind == "error_500_after_success":
                    response = _failed(errors.server_error(remembered=True))
                self._keep_within(call, fingerprint, response)
        except StripeError as failure:
            response = _failed(failure, reduced=call.publishable)
            response.headers.update(_echoed(call))
            if failure.remembered:
                self._keep(call, fingerprint, response)
            return response
        if work.queued:
            self._wake_webhooks()
        return _silent(late) or response

    def _read(self, call: Call, route: Route) -> Response:
        faulty = route.access != "open" and self._faults.are_set
        if faulty:
            with self._store.transaction():
                fault = self._faults.take_before(call.method, call.path)
            _suffer(fault, lambda _: None)
        with self._store.lock:
            response = _succeeded(route.operation(self._work(call)))
        if not faulty:
            return response
        with self._store.transaction():
            late = self._faults.take_after(call.method, call.path)
        if late is not None and late.kind == "error_500_after_success":
            return _failed(errors.server_error(remembered=False))
        return _silent(late) or response

    def _work(self, call: Call) -> Work:
        return Work(
            call,
            store=self._store,
            balances=self._balances,
            deliveries=self._deliveries,
            faults=self._faults,
            endpoint=self._endpoint,
            now=time.time(),
            funds_after=self._funds_after,
        )

    def _keep(self, call: Call, fingerprint: str, response: Response) -> None:
        with self._store.transaction():
            self._keep_within(call, fingerprint, response)

    def _keep_within(self, call: Call, fingerprint: str, response: Response) -> None:
        if call.idempotency_key is None:
            return
        retry = {name: value for name, value in response.headers.items() if name == "Stripe-Should-Retry"}
        answer = StoredAnswer(fingerprint, response.status, retry, response.body, call.request_id)
        self._store.keep_answer(_key(call), answer, int(time.time()))

    def _check_access(self, request: Request, route: Route, values: Mapping[str, Any]) -> bool:
        """Whether the caller holds no secret key but may call this all the same. Raises 401 or 403."""
        if route.access == "open":
            return False
        key = request.key or values.get("key")
        if key == self._secret_key:
            return False
        if key is not None and key != self._publishable_key:
            raise errors.invalid_key(str(key))
        if route.access == "client" and (key or "client_secret" in values):
            return True
        raise errors.secret_key_required() if key else errors.missing_key()

    def _account(self, request: Request, route: Route) -> str:
        """The connected account that the request is made for. Raises 403 for one that is not the platform's."""
        account = request.headers.get("stripe-account")
        if not account or route.access == "open":
            return PLATFORM
        with self._store.lock:
            known = self._store.find(Account, account)
        if known is None:
            raise errors.no_connected_account(account)
        if not route.connected:
            raise StripeError(
                f"The sandbox does not support {request.method} {request.path} with the header Stripe-Account."
            )
        return known.id


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


def _key(call: Call) -> str:
    """An idempotency key belongs to the account that the request is made for."""
    return f"{call.account} {call.idempotency_key}" if call.account else str(call.idempotency_key)


def _silent(late: Fault | None) -> Response | None:
    if late is None or late.kind != "timeout_after_success":
        return None
    return Response(200, b"", silent_for=late.delay_ms / 1000)


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
