"""Who may sign in, and what nobody can make of themselves."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.kernel.principals import ROLE_OF_GROUP, principal
from infra import user_pool

MADE = user_pool.resources()


def of_type(kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in MADE.values() if each["Type"] == f"AWS::Cognito::{kind}"]


def test_people_sign_in_with_a_phone_or_an_e_mail_address_that_is_theirs() -> None:
    (pool,) = of_type("UserPool")
    assert pool["UsernameAttributes"] == pool["AutoVerifiedAttributes"] == ["email", "phone_number"]
    assert pool["UserAttributeUpdateSettings"]["AttributesRequireVerificationBeforeUpdate"] == ["email", "phone_number"]
    assert pool["SmsConfiguration"]["SnsCallerArn"] == {"Fn::GetAtt": ["UserPoolSmsRole", "Arn"]}


def test_a_second_factor_can_be_set_up() -> None:
    (pool,) = of_type("UserPool")
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"])


def test_who_signs_up_is_a_customer_whatever_the_app() -> None:
    """Roles come from groups alone, and no app may write what decides about them."""
    assert principal("usr", []).roles == {"customer"}
    assert {group["GroupName"] for group in of_type("UserPoolGroup")} == set(ROLE_OF_GROUP)
    for client in of_type("UserPoolClient"):
        assert not [each for each in client["WriteAttributes"] if "verified" in each or "group" in each]


@pytest.mark.parametrize("client", of_type("UserPoolClient"), ids=lambda each: each["ClientName"])
def test_every_app_has_a_client_that_takes_no_password_in_clear(client: dict[str, Any]) -> None:
    assert client["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert client["EnableTokenRevocation"] is True
    assert client["AccessTokenValidity"] <= 60
    assert client["RefreshTokenValidity"] == user_pool.APP_CLIENTS[client["ClientName"]]


def test_only_the_pool_sends_codes_and_only_to_phones() -> None:
    role = MADE["UserPoolSmsRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"]["sts:ExternalId"] == {"Fn::Sub": "${Prefix}-users"}
    (policy,) = role["Policies"]
    deny, allow = policy["PolicyDocument"]["Statement"]
    assert (deny["Effect"], allow["Effect"]) == ("Deny", "Allow")  # a phone is no topic
    assert allow["Action"] == "sns:Publish"
