"""People of the local user pool: made, put into groups and signed in as Cognito does it, with signed tokens."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.local.environment import known_id
from infra.local.wire import COGNITO, Emulator, EmulatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

PASSWORD = "Doorstep-local-2026"  # noqa: S105 (every local user's)
DOMAIN = "doorstep.example"
RENEW_BEFORE_SECONDS = 600

# role: (groups, app client)
ROLES: dict[str, tuple[tuple[str, ...], str]] = {
    "customer": ((), "customer-app"),
    "staff": (("staff",), "staff-app"),
    "rider": (("riders",), "rider-app"),
    "admin": (("admins",), "staff-app"),
}


@dataclass(frozen=True)
class User:
    """Someone who is signed in. `token` is an access token, good for an hour of the wall's time."""

    sub: str
    token: str
    email: str

    @property
    def authorization(self) -> dict[str, str]:
        """The header that a request of this user carries."""
        return {"Authorization": f"Bearer {self.token}"}


class Users:
    """The users of a pool. Each is made once; its tokens are renewed when they get old."""

    def __init__(self, moto: Emulator, pool_id: str) -> None:
        self._moto = moto
        self._pool = {"UserPoolId": pool_id}
        self._signed_in: dict[tuple[str, str], tuple[User, float]] = {}

    def of_role(self, role: str, name: str | None = None) -> User:
        """A user with a role; named after it when no name is given."""
        groups, client = ROLES[role]
        return self.sign_in(name or role, groups, client=client)

    def sign_in(self, name: str, groups: Sequence[str] = (), *, client: str | None = None) -> User:
        """The user of this name (or e-mail address), made when there is none, in these groups besides its own.

        The app client follows from the first group when it is not given.
        """
        email = name if "@" in name else f"{name}@{DOMAIN}"
        client = client or _client_of(groups)
        key = (email, f"{client} {sorted(groups)}")
        user, until = self._signed_in.get(key, (None, 0.0))
        if user is None or time.monotonic() > until:
            sub = self._ensure(email, groups)
            user = User(sub, self._token(email, client), email)
            self._signed_in[key] = (user, time.monotonic() + 3600 - RENEW_BEFORE_SECONDS)
        return user

    def _ensure(self, email: str, groups: Sequence[str]) -> str:
        try:
            made = self._moto.call(COGNITO, "AdminCreateUser", **self._pool, Username=email, MessageAction="SUPPRESS")[
                "User"
            ]
            attributes = made["Attributes"]
            self._moto.call(
                COGNITO,
                "AdminSetUserPassword",
                **self._pool,
                Username=email,
                Password=PASSWORD,
                Permanent=True,
            )
        except EmulatorError as error:
            if error.code != "UsernameExistsException":
                raise
            attributes = self._moto.call(COGNITO, "AdminGetUser", **self._pool, Username=email)["UserAttributes"]
        for group in groups:
            self._moto.call(COGNITO, "AdminAddUserToGroup", **self._pool, Username=email, GroupName=group)
        return str(next(each["Value"] for each in attributes if each["Name"] == "sub"))

    def _token(self, email: str, client: str) -> str:
        answer = self._moto.call(
            COGNITO,
            "AdminInitiateAuth",
            **self._pool,
            ClientId=known_id(client),
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )
        return str(answer["AuthenticationResult"]["AccessToken"])


def _client_of(groups: Sequence[str]) -> str:
    for known, client in ROLES.values():
        if set(known) & set(groups):
            return client
    return "customer-app"
