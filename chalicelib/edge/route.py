"""What the edge deals in: a declared route, a decoded request, a reply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from chalicelib.edge import problems
from chalicelib.kernel.errors import Unauthenticated, VersionConflict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.edge.permissions import Permission
    from chalicelib.kernel.idempotency import IdempotencyKey
    from chalicelib.kernel.limits import Limit
    from chalicelib.kernel.principals import Principal

B = TypeVar("B")
T = TypeVar("T")

MAX_BODY_BYTES = 512 * 1024
_PARAMETER = re.compile(r"\{(\w+)\}")


class Request(msgspec.Struct, Generic[B], frozen=True):
    """What a use case may need of an HTTP request, decoded and checked. ``wanted`` is the media type to answer with."""

    path: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes
    request_id: str
    source_ip: str
    caller: Principal | None
    decoded: B | None
    query: Any
    if_match: str | None
    if_none_match: str | None
    idempotency: IdempotencyKey | None
    wanted: str = "application/json"

    @property
    def principal(self) -> Principal:
        """The verified caller; only to be asked on routes that are not public."""
        if self.caller is None:
            raise Unauthenticated("Send an access token: `Authorization: Bearer …`.")
        return self.caller

    @property
    def body(self) -> B:
        """The decoded body of a route that takes one."""
        if self.decoded is None:
            raise problems.malformed("A JSON body is required.")
        return self.decoded

    @property
    def key(self) -> IdempotencyKey:
        """The caller's `Idempotency-Key`; only to be asked on routes that are idempotent."""
        if self.idempotency is None:
            raise TypeError("the route is not idempotent")
        return self.idempotency

    @property
    def expected_version(self) -> int | None:
        """The version in ``If-Match``: the number before the tag's first dot. A tag of another form matches nothing."""
        if self.if_match is None:
            return None
        number = self.if_match.partition(".")[0]
        if not number.isascii() or not number.isdigit() or len(number) > 15:
            raise VersionConflict("resource", "of this path")
        return int(number)


class Reply(msgspec.Struct, Generic[T]):
    """What a use case answers."""

    body: T | bytes | None = None
    etag: str | int | None = None
    retry_after: int | None = None
    location: str | None = None
    status: int | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = msgspec.field(default_factory=dict)

    @classmethod
    def not_modified(cls, etag: str | int, retry_after: int | None = None) -> Reply[T]:
        """304: what the caller has is still true."""
        return cls(etag=etag, retry_after=retry_after, status=304)


class Route(msgspec.Struct, frozen=True):
    """One operation of the API, as declared: the source of the OpenAPI document and of the table of permissions."""

    method: str
    path: str
    tag: str
    permission: Permission
    body: Any
    query: type[msgspec.Struct] | None
    returns: Any
    status: int
    if_match: bool
    idempotent: bool
    errors: tuple[str, ...]
    content_type: str
    also: tuple[str, ...]
    max_body: int
    name: str
    summary: str
    description: str
    answer: Callable[[Any], Reply[Any]] | None
    finish: Callable[[Request[Any], Any], Any] | None
    limit: Limit | None = None

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return _PARAMETER.findall(self.path)


ROUTES: list[Route] = []
TAGS: dict[str, str] = {}
"""What the routes of a tag are about."""
