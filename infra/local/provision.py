"""Creates the template's resources in the emulators; what exists already stays as it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from infra import resources
from infra.local.wire import ACCESS_KEY, ACCOUNT, COGNITO, DYNAMODB, EVENTS, REGION, SQS, Emulator

Template = dict[str, Any]

_TABLE_PARAMETERS = (
    "TableName",
    "BillingMode",
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
)


@dataclass
class Names:
    """Resolves the template's intrinsic functions as one stack with this prefix would."""

    template: Template
    prefix: str
    references: dict[str, str] = field(default_factory=dict)

    def resolve(self, value: Any) -> Any:
        """The value with every Ref, Fn::Sub and Fn::GetAtt replaced."""
        if isinstance(value, list):
            return [self.resolve(each) for each in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Fn::Sub": text}:
                return text.replace("${Prefix}", self.prefix)
            case {"Ref": logical_id}:
                return self.references[logical_id]
            case {"Fn::GetAtt": [logical_id, attribute]}:
                return self._attribute(logical_id, attribute)
        return {key: self.resolve(each) for key, each in value.items()}

    def of_type(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """(logical id, properties as written) of every resource of a type."""
        found = self.template["Resources"].items()
        return [(logical_id, each["Properties"]) for logical_id, each in found if each["Type"] == kind]

    def _attribute(self, logical_id: str, attribute: str) -> str:
        resource = self.template["Resources"][logical_id]
        properties = resource["Properties"]
        match resource["Type"], attribute:
            case "AWS::SQS::Queue", "Arn":
                return queue_arn(self.resolve(properties["QueueName"]))
            case "AWS::IAM::Role", "Arn":
                return f"arn:aws:iam::{ACCOUNT}:role/{self.prefix}-{logical_id}"
            case "AWS::Events::EventBus", "Name":
                return str(self.resolve(properties["Name"]))
        raise KeyError(f"{logical_id}.{attribute} has no local meaning")


def deploy(address: str, prefix: str, template: Template | None = None) -> None:
    """Tables, queues, bus and rules by CloudFormation, which moto plays at this address. It makes no user pools."""
    import boto3

    made = dict(template or resources.template())
    made.pop("Outputs", None)  # some name the user pool
    made["Resources"] = {
        key: each for key, each in made["Resources"].items() if not each["Type"].startswith("AWS::Cognito::")
    }
    client = boto3.client(
        "cloudformation",
        region_name=REGION,
        endpoint_url=address,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=ACCESS_KEY,
    )
    client.create_stack(
        StackName=f"{prefix}-state",
        TemplateBody=json.dumps(made),
        Parameters=[{"ParameterKey": "Prefix", "ParameterValue": prefix}],
    )
    (stack,) = client.describe_stacks(StackName=f"{prefix}-state")["Stacks"]
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise RuntimeError(f"CloudFormation: {stack['StackStatus']} {stack.get('StackStatusReason', '')}")


def queue_arn(name: str) -> str:
    """The ARN of a local queue."""
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def create_tables(dynamodb: Emulator, prefix: str, template: Template | None = None) -> None:
    """Every table of the template, and the indexes that a table from an earlier run lacks."""
    names = Names(template or resources.template(), prefix)
    existing = set(dynamodb.call(DYNAMODB, "ListTables")["TableNames"])
    for _, written in names.of_type("AWS::DynamoDB::Table"):
        properties = names.resolve(written)
        if properties["TableName"] in existing:
            _add_indexes(dynamodb, properties)
        else:
            _create_table(dynamodb, properties)


def _create_table(dynamodb: Emulator, properties: dict[str, Any]) -> None:
    parameters = {name: properties[name] for name in _TABLE_PARAMETERS if name in properties}
    if stream := properties.get("StreamSpecification"):
        parameters["StreamSpecification"] = {"StreamEnabled": True, **stream}
    dynamodb.call(DYNAMODB, "CreateTable", **parameters)
    dynamodb.call(
        DYNAMODB,
        "UpdateTimeToLive",
        TableName=properties["TableName"],
        TimeToLiveSpecification=properties["TimeToLiveSpecification"],
    )


def _add_indexes(dynamodb: Emulator, properties: dict[str, Any]) -> None:
    table = dynamodb.call(DYNAMODB, "DescribeTable", TableName=properties["TableName"])["Table"]
    existing = {index["IndexName"] for index in table.get("GlobalSecondaryIndexes") or ()}
    for index in properties.get("GlobalSecondaryIndexes", ()):
        if index["IndexName"] not in existing:
            dynamodb.call(
                DYNAMODB,
                "UpdateTable",
                TableName=properties["TableName"],
                AttributeDefinitions=properties["AttributeDefinitions"],
                GlobalSecondaryIndexUpdates=[{"Create": index}],
            )


def create_messaging(moto: Emulator, prefix: str, template: Template | None = None) -> None:
    """Queues with their dead-letter queues, the bus, its rules and targets."""
    names = Names(template or resources.template(), prefix)
    queues = [names.resolve(written) for _, written in names.of_type("AWS::SQS::Queue")]
    # A dead-letter queue must be there before the queue that names it.
    for properties in sorted(queues, key=lambda each: "RedrivePolicy" in each):
        _create_queue(moto, properties)
    buses = {bus["Name"] for bus in moto.call(EVENTS, "ListEventBuses")["EventBuses"]}
    for _, written in names.of_type("AWS::Events::EventBus"):
        name = names.resolve(written["Name"])
        if name not in buses:
            moto.call(EVENTS, "CreateEventBus", Name=name)
    for _, written in names.of_type("AWS::Events::Rule"):
        rule = names.resolve(written)
        where = {"EventBusName": rule["EventBusName"]}
        moto.call(EVENTS, "PutRule", Name=rule["Name"], EventPattern=json.dumps(rule["EventPattern"]), **where)
        moto.call(EVENTS, "PutTargets", Rule=rule["Name"], Targets=rule["Targets"], **where)


def _create_queue(moto: Emulator, properties: dict[str, Any]) -> None:
    attributes = {
        name: json.dumps(value) if isinstance(value, dict) else str(value)
        for name, value in properties.items()
        if name not in {"QueueName", "SqsManagedSseEnabled"}
    }
    moto.call(SQS, "CreateQueue", QueueName=properties["QueueName"], Attributes=attributes)


def create_users(moto: Emulator, prefix: str, template: Template | None = None) -> None:
    """The user pool, its groups and app clients."""
    names = Names(template or resources.template(), prefix)
    pool_id = _create_pool(moto, names)
    names.references["UserPool"] = pool_id
    groups = moto.call(COGNITO, "ListGroups", UserPoolId=pool_id)["Groups"]
    existing = {group["GroupName"] for group in groups}
    for _, written in names.of_type("AWS::Cognito::UserPoolGroup"):
        if written["GroupName"] not in existing:
            moto.call(COGNITO, "CreateGroup", **names.resolve(written))
    clients = moto.call(COGNITO, "ListUserPoolClients", UserPoolId=pool_id, MaxResults=60)["UserPoolClients"]
    existing = {client["ClientName"] for client in clients}
    for _, written in names.of_type("AWS::Cognito::UserPoolClient"):
        if written["ClientName"] not in existing:
            client = names.resolve(written)
            # The local stack signs its demo users in itself, by their passwords.
            client["ExplicitAuthFlows"].append("ALLOW_ADMIN_USER_PASSWORD_AUTH")
            moto.call(COGNITO, "CreateUserPoolClient", **client)


def _create_pool(moto: Emulator, names: Names) -> str:
    ((_, written),) = names.of_type("AWS::Cognito::UserPool")
    properties = names.resolve(written)
    name = properties.pop("UserPoolName")
    for pool in moto.call(COGNITO, "ListUserPools", MaxResults=60)["UserPools"]:
        if pool["Name"] == name:
            return str(pool["Id"])
    return str(moto.call(COGNITO, "CreateUserPool", PoolName=name, **properties)["UserPool"]["Id"])
