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
ACCESS_TOKEN_MINUTES = 60
# The app, and for how many days somebody stays signed in: on their own phone for long, at a store's tablet for a week.
APP_CLIENTS = {"customer-app": 90, "staff-app": 7, "rider-app": 30}
# What people may say of themselves in an app. Who verifies what, and which groups they are in, is not among it.
_OWN_ATTRIBUTES = ["email", "family_name", "given_name", "locale", "name", "phone_number"]


def resources() -> dict[str, Any]:
    """The pool, its groups and its app clients, by logical id."""
    made: dict[str, Any] = {
        "UserPool": kept("AWS::Cognito::UserPool", _pool()),
        "UserPoolSmsRole": _sms_role(),
    }
    for group, purpose in GROUPS.items():
        made[f"{group.title()}Group"] = {
            "Type": "AWS::Cognito::UserPoolGroup",
            "Properties": {"GroupName": group, "Description": purpose, "UserPoolId": {"Ref": "UserPool"}},
        }
    for client, days in APP_CLIENTS.items():
        made[client_logical_id(client)] = _client(client, days)
    return made


def _pool() -> dict[str, Any]:
    """Customers sign up with a phone or an e-mail address. What anybody else may is in groups, which nobody can join.

    A second factor (an authenticator app) can be set up by everybody; without one nobody becomes a manager or owner
    (`stores.service.invitations`), and no admin is made (docs/operations.md).
    """
    return {
        "UserPoolName": named("users"),
        "UsernameAttributes": ["email", "phone_number"],
        "AutoVerifiedAttributes": ["email", "phone_number"],
        # Somebody who moves to another address keeps the old one until the new one is theirs.
        "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email", "phone_number"]},
        "UsernameConfiguration": {"CaseSensitive": False},
        "DeletionProtection": "ACTIVE",
        "MfaConfiguration": "OPTIONAL",
        "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
        "AdminCreateUserConfig": {
            "AllowAdminCreateUserOnly": False,
            "InviteMessageTemplate": {
                "EmailSubject": "Your Doorstep account",
                "EmailMessage": "<p>Your account is {username}. Sign in once with {####} within three days.</p>",
                "SMSMessage": "Doorstep: sign in as {username} with {####} within three days.",
            },
        },
        "AccountRecoverySetting": {
            "RecoveryMechanisms": [
                {"Name": "verified_email", "Priority": 1},
                {"Name": "verified_phone_number", "Priority": 2},
            ]
        },
        "SmsConfiguration": {
            "ExternalId": named("users"),
            "SnsCallerArn": {"Fn::GetAtt": ["UserPoolSmsRole", "Arn"]},
        },
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
    }


def _sms_role() -> dict[str, Any]:
    """What lets the pool, and nobody else, send codes to phones. A phone number is no resource that could be named."""
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "cognito-idp.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                        "Condition": {
                            "StringEquals": {
                                "sts:ExternalId": named("users"),
                                "aws:SourceAccount": {"Ref": "AWS::AccountId"},
                            }
                        },
                    }
                ],
            },
            "Policies": [
                {
                    "PolicyName": "send-codes",
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Deny",
                                "Action": "sns:Publish",
                                "Resource": {"Fn::Sub": "arn:${AWS::Partition}:sns:*:*:*"},
                            },
                            {"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"},
                        ],
                    },
                }
            ],
        },
    }


def _client(client: str, days: int) -> dict[str, Any]:
    return {
        "Type": "AWS::Cognito::UserPoolClient",
        "Properties": {
            "ClientName": client,
            "UserPoolId": {"Ref": "UserPool"},
            "GenerateSecret": False,
            "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "PreventUserExistenceErrors": "ENABLED",
            "EnableTokenRevocation": True,
            "ReadAttributes": [*_OWN_ATTRIBUTES, "email_verified", "phone_number_verified"],
            "WriteAttributes": _OWN_ATTRIBUTES,
            "AccessTokenValidity": ACCESS_TOKEN_MINUTES,
            "IdTokenValidity": ACCESS_TOKEN_MINUTES,
            "RefreshTokenValidity": days,
            "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
        },
    }


def client_logical_id(client: str) -> str:
    """The logical id of an app client in the template."""
    return "".join(part.title() for part in client.split("-"))
