"""HTTP as a well-behaved app speaks it: kept-alive connections, ETags, and no second try that could do harm.

urllib3 without `requests` around it: a quarter of the CPU, on machines where the clients share it with the stack.
Connections belong to a pool that all actors share, as a server sees phones behind one load balancer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3

from infra.local.actors.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ATTEMPTS = 6
TIMEOUT_SECONDS = 30.0
CONNECTIONS = 32

_pool = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False, timeout=TIMEOUT_SECONDS)
_TRY_AGAIN = frozenset((429, 502, 503, 504))


@dataclass(frozen=True)
class Answer:
    """What the API answered. After a 304, `body` is what the client had already and `changed` is False."""

    status: int
    body: Any
    etag: str | None = None
    retry_after: int | None = None
    changed: bool = True
    replayed: bool = False
    location: str | None = None


class Refused(Exception):
    """The API said no. `code` is stable; `errors` has every violation with its pointer; `problem` is all of it."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: int | None = None) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", status))
        self.errors: list[dict[str, Any]] = list(problem.get("errors", ()))
        self.retry_after = retry_after
        found = "; ".join(f"{each['code']} at {each['pointer']}" for each in self.errors)
        super().__init__(f"{status} {self.code}: {problem.get('detail', '')} {found}".strip())

    @property
    def codes(self) -> set[str]:
        """The codes of all violations."""
        return {str(each["code"]) for each in self.errors}


class Client:
    """Speaks to one API process as one user. `token` is asked for each request, so that it can be a fresh one.

    What says "try again" (429, 503, a connection that broke) is tried again after the time that it names: requests
    that must not happen twice carry an idempotency key, a version or an operation id that sees to it.
    """

    def __init__(self, base_url: str, token: Callable[[], str] | None = None, watch: Watch | None = None) -> None:
        self.base_url = base_url
        self.watch = watch or Watch()
        self.polls = 0
        self.unchanged = 0
        self._token = token
        self._seen: dict[str, Answer] = {}

    def get(self, path: str, **query: Any) -> Answer:
        """Read a resource."""
        given = urlencode({name: value for name, value in query.items() if value is not None})
        return self.send("GET", f"{path}?{given}" if given else path)

    def poll(self, path: str) -> Answer:
        """Read a resource again: only what changed since the last poll comes over the wire."""
        seen = self._seen.get(path)
        answer = self.send("GET", path, if_none_match=seen.etag if seen else None)
        self.polls += 1
        if answer.status == 304 and seen is not None:
            self.unchanged += 1
            return Answer(304, seen.body, seen.etag, answer.retry_after, changed=False)
        self._seen[path] = answer
        return answer

    def post(self, path: str, body: Any = None, *, key: str | None = None, if_match: str | None = None) -> Answer:
        """POST, with an Idempotency-Key where the route wants one, and If-Match where it changes something."""
        return self.send("POST", path, body, key=key, if_match=if_match)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Answer:
        """Any request. Raises Refused, or OSError when nobody answers."""
        headers = {
            "Content-Type": None if body is None else "application/json",
            "Idempotency-Key": key,
            "If-Match": None if if_match is None else f'"{if_match}"',
            "If-None-Match": None if if_none_match is None else f'"{if_none_match}"',
        }
        content = None if body is None else json.dumps(body).encode()
        given = {name: value for name, value in headers.items() if value is not None}
        for left in reversed(range(ATTEMPTS)):
            try:
                return self._exchange(method, path, content, given)
            except Refused as refused:
                if refused.status not in _TRY_AGAIN or not left:
                    raise
                self.watch.sleep(refused.retry_after or 1)
            except OSError:
                if not left:
                    raise
                self.watch.sleep(1)
        raise AssertionError("the last attempt returns or raises")

    def _exchange(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> Answer:
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token()}"
        try:
            response = _pool.urlopen(method, self.base_url + path, body=content, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise OSError(f"{method} {path}: {error}") from error
        told, text = response.headers, response.data
        body = json.loads(text) if text and "json" in told.get("Content-Type", "") else None
        retry_after = int(told["Retry-After"]) if "Retry-After" in told else None
        if response.status >= 400:
            raise Refused(response.status, body or {"detail": f"{method} {path}"}, retry_after)
        return Answer(
            response.status,
            body,
            etag=told.get("ETag", "").strip('"') or None,
            retry_after=retry_after,
            replayed=told.get("Idempotent-Replayed") == "true",
            location=told.get("Location"),
        )
