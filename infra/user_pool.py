"""Who may sign in: the Cognito user pool, its groups and the apps that get tokens from it."""

from __future__ import annotations

from typing import Any

from infra.template import kept, named

GROUPS = {
    "customers": "Staff, riders and operators who order for themselves too; who is in no group is a customer anyhow",
    "staff": "People who work for a store; which store and which role is the store's own record",
    "riders": "People who deliver",
    "admins": "Doorstep's own operators",
}
APP_CLIENTS = ("customer-app", "staff-app", "rider-app")
ACCESS_TOKEN_MINUTES = 60


def resources() -> dict[str, Any]:
    """The pool, its groups and its app clients, by logical id."""
    made: dict[str, Any] = {
        "UserPool": kept(
            "AWS::Cognito::UserPool",
            {
                "UserPoolName": named("users"),
                "UsernameAttributes": ["email"],
                "AutoVerifiedAttributes": ["email"],
                "UsernameConfiguration": {"CaseSensitive": False},
                "DeletionProtection": "ACTIVE",
                "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": False},
                "AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
                "Policies": {
                    "PasswordPolicy": {
                        "MinimumLength": 12,
                        "RequireLowercase": True,
                        "RequireNumbers": True,
                        "RequireSymbols": False,
                        "RequireUppercase": True,
                        "TemporaryPasswordValidityDays": 3,
                    }
                },
            },
        ),
    }
    for group, purpose in GROUPS.items():
        made[f"{group.title()}Group"] = {
            "Type": "AWS::Cognito::UserPoolGroup",
            "Properties": {"GroupName": group, "Description": purpose, "UserPoolId": {"Ref": "UserPool"}},
        }
    for client in APP_CLIENTS:
        made[client_logical_id(client)] = {
            "Type": "AWS::Cognito::UserPoolClient",
            "Properties": {
                "ClientName": client,
                "UserPoolId": {"Ref": "UserPool"},
                "GenerateSecret": False,
                "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
                "PreventUserExistenceErrors": "ENABLED",
                "EnableTokenRevocation": True,
                "AccessTokenValidity": ACCESS_TOKEN_MINUTES,
                "IdTokenValidity": ACCESS_TOKEN_MINUTES,
                "RefreshTokenValidity": 30,
                "TokenValidityUnits": {
                    "AccessToken": "minutes",
                    "IdToken": "minutes",
                    "RefreshToken": "days",
                },
            },
        }
    return made


def client_logical_id(client: str) -> str:
    """The logical id of an app client in the template."""
    return "".join(part.title() for part in client.split("-"))
