"""A user pool as Cognito keeps it, played by moto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from chalicelib.kernel import accounts, settings
from infra.local.wire import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


class Pool:
    """A user pool as Cognito keeps it."""

    def __init__(self) -> None:
        self.cognito: Any = boto3.client("cognito-idp", region_name=REGION)
        self.id = self.cognito.create_user_pool(PoolName="users", UsernameAttributes=["email"])["UserPool"]["Id"]
        self.cognito.create_group(UserPoolId=self.id, GroupName="staff")

    def sign_up(self, email: str, *, verified: bool = True) -> str:
        told = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": str(verified).lower()}]
        made = self.cognito.admin_create_user(UserPoolId=self.id, Username=email, UserAttributes=told)["User"]
        return str(next(each["Value"] for each in made["Attributes"] if each["Name"] == "sub"))

    def set_up_second_factor(self, subject: str) -> None:
        """As an app does it, with the person signed in."""
        named = {"UserPoolId": self.id, "Username": subject}
        self.cognito.admin_set_user_password(**named, Password="Doorstep-test-2026", Permanent=True)
        client = self.cognito.create_user_pool_client(
            UserPoolId=self.id, ClientName="staff-app", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        )["UserPoolClient"]["ClientId"]
        signed_in = self.cognito.admin_initiate_auth(
            UserPoolId=self.id,
            ClientId=client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": subject, "PASSWORD": "Doorstep-test-2026"},
        )["AuthenticationResult"]["AccessToken"]
        self.cognito.associate_software_token(AccessToken=signed_in)
        self.cognito.verify_software_token(AccessToken=signed_in, UserCode="123456")
        settings = {"Enabled": True, "PreferredMfa": True}
        self.cognito.admin_set_user_mfa_preference(**named, SoftwareTokenMfaSettings=settings)

    def groups(self, subject: str) -> list[str]:
        told = self.cognito.admin_list_groups_for_user(UserPoolId=self.id, Username=subject)["Groups"]
        return [each["GroupName"] for each in told]


def pool_in_use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """One that the accounts of this process are in, for as long as a fixture holds it."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", raising=False)
    with mock_aws():
        made = Pool()
        monkeypatch.setenv("DOORSTEP_USER_POOL_ID", made.id)
        monkeypatch.setattr(accounts, "_client", None)
        settings.reload()
        yield made
        monkeypatch.undo()
        settings.reload()
