"""What can go wrong in the domain. Each error knows the HTTP status and stable code under which the edge tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Violation(msgspec.Struct, frozen=True):
    """One thing that is wrong with an input: ``pointer`` is a JSON pointer into the body, ``params`` its figures."""

    code: str
    pointer: str
    detail: str
    params: Mapping[str, Any] = msgspec.field(default_factory=dict)


class DomainError(Exception):
    """A refusal with a stable ``code``. ``retryable`` says that the same request may succeed later, unchanged."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int = 409,
        violations: Iterable[Violation] = (),
        retryable: bool = False,
        retry_after: int | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status
        self.violations = tuple(violations)
        self.retryable = retryable
        self.retry_after = retry_after
        self.extra = extra


class NotFound(DomainError):
    """404 ``<what>_not_found``. Also the answer to what exists but is not the caller's to see."""

    def __init__(self, what: str, identifier: str) -> None:
        super().__init__(f"{what}_not_found", f"There is no {what.replace('_', ' ')} {identifier}.", status=404)


class Unauthenticated(DomainError):
    """401: no token, or one that does not verify."""

    def __init__(self, detail: str) -> None:
        super().__init__("unauthenticated", detail, status=401)


class Forbidden(DomainError):
    """403: the caller is known and may not do this."""

    def __init__(self, detail: str = "Your role does not allow this.") -> None:
        super().__init__("forbidden", detail, status=403)


class Conflict(DomainError):
    """409: the state of things does not allow this now."""


class VersionConflict(DomainError):
    """412: somebody changed the resource since the caller read it."""

    def __init__(self, what: str, identifier: str) -> None:
        super().__init__(
            "version_conflict",
            f"The {what.replace('_', ' ')} {identifier} has changed since you read it: read it again and retry.",
            status=412,
        )


class Invalid(DomainError):
    """422: the input can't be taken; every violation that was found, at once."""

    def __init__(self, violations: Iterable[Violation], detail: str = "The request can't be taken as it is.") -> None:
        super().__init__("validation_failed", detail, status=422, violations=violations)


class Unavailable(DomainError):
    """503: something that we depend on does not answer; the same request may be sent again."""

    def __init__(self, code: str, detail: str, *, retry_after: int = 2) -> None:
        super().__init__(code, detail, status=503, retryable=True, retry_after=retry_after)


class Contention(Unavailable):
    """503: concurrent changes of the same items won every retry."""

    def __init__(self) -> None:
        super().__init__("contention", "Too many changes of the same thing at once: try again.", retry_after=1)


def joined(errors: list[DomainError]) -> DomainError:
    """The first of several refusals; where all share its code, with everybody's violations."""
    first = errors[0]
    if first.violations and all(error.code == first.code for error in errors):
        first.violations = tuple(violation for error in errors for violation in error.violations)
    return first
