"""The accounts that people sign in with: what the user pool keeps of somebody, and how it forgets them.

A stage whose issuer of tokens is no Cognito pool names none (``DOORSTEP_USER_POOL_ID``): its accounts are looked after
where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from chalicelib.kernel import settings
from chalicelib.kernel.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_client: Any = None
# Of somebody whom the pool does not know, and of what can be nobody's name.
_NOBODY: Final = frozenset(("UserNotFoundException", "InvalidParameterException"))


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of somebody who signs in. ``groups`` are none for who is a customer only."""

    attributes: Mapping[str, str]
    groups: tuple[str, ...]
    has_second_factor: bool = False

    @property
    def verified_contacts(self) -> tuple[str, ...]:
        """The e-mail address and phone number that somebody has shown to be theirs."""
        given = self.attributes
        return tuple(
            given[name]
            for name in ("email", "phone_number")
            if name in given and given.get(f"{name}_verified", "").lower() == "true"
        )


def find_account(subject: str) -> Account | None:
    """The account of a token's subject; None where there is none, or no pool to ask. Two requests to Cognito."""
    pool = settings.get().user_pool_id
    if not pool:
        return None
    told = _ask("admin_get_user", UserPoolId=pool, Username=subject)
    if told is None:
        return None
    groups = _ask("admin_list_groups_for_user", UserPoolId=pool, Username=subject) or {"Groups": ()}
    return Account(
        attributes={each["Name"]: each["Value"] for each in told["UserAttributes"]},
        groups=tuple(sorted(each["GroupName"] for each in groups["Groups"])),
        has_second_factor=bool(told.get("UserMFASettingList")),
    )


def delete_account(subject: str) -> None:
    """Remove somebody from the pool: name, e-mail, phone and every way to sign in. Removed before: nothing."""
    pool = settings.get().user_pool_id
    if pool:
        _ask("admin_delete_user", UserPoolId=pool, Username=subject)


def add_to_group(subject: str, group: str) -> None:
    """Put somebody into a group of the pool; their next token says so."""
    pool = settings.get().user_pool_id
    if pool:
        _ask("admin_add_user_to_group", UserPoolId=pool, Username=subject, GroupName=group)


def _ask(operation: str, **parameters: str) -> dict[str, Any] | None:
    """One request; None where the pool knows nobody of this name. Raises ``Unavailable`` when it does not answer."""
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        answer: dict[str, Any] = getattr(_connected(), operation)(**parameters)
    except ParamValidationError:
        return None
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOBODY:
            return None
        raise _unavailable() from error
    except BotoCoreError as error:
        raise _unavailable() from error
    return answer


def _unavailable() -> Unavailable:
    return Unavailable("accounts_unavailable", "The user pool does not answer: try again.")


def _connected() -> Any:
    global _client
    if _client is None:
        import botocore.session
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard", "total_max_attempts": 3},
            connect_timeout=2,
            read_timeout=5,
            user_agent=settings.USER_AGENT,
        )
        _client = botocore.session.get_session().create_client("cognito-idp", settings.get().region, config=config)
    return _client
