"""The API's stage: what is logged, how fast, behind which firewall and under which name."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.edge.route import ROUTES
from infra.template import named

# Of all callers together; API Gateway answers 429 beyond. An account has 10,000 a second and 5,000 at once.
RATE_PER_SECOND = 2_000
BURST = 1_000
# Of one address in five minutes, at the firewall: a rider's and a shop's tablets behind one router stay far below.
REQUESTS_PER_ADDRESS = 3_000
ACCESS_LOG_DAYS = 90

# No token, no body, no query: an address and what was asked are all that a request leaves here.
ACCESS_LOG_FORMAT = {
    "request_id": "$context.requestId",
    "extended_request_id": "$context.extendedRequestId",
    "xray_trace_id": "$context.xrayTraceId",
    "at": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "ms": "$context.responseLatency",
    "integration_ms": "$context.integrationLatency",
    "integration_status": "$context.integration.status",
    "source_ip": "$context.identity.sourceIp",
    "user_agent": "$context.identity.userAgent",
    "waf": "$context.waf.status",
    "error": "$context.error.responseType",
}


def parameters() -> dict[str, Any]:
    """What a stage may have of its own."""
    return {
        "DomainName": {
            "Type": "String",
            "Default": "",
            "Description": "The API's own name, such as api.example.com; empty for none",
        },
        "CertificateArn": {
            "Type": "String",
            "Default": "",
            "Description": "Its ACM certificate, in this region",
        },
        "WebAclArn": {
            "Type": "String",
            "Default": "",
            "Description": "A regional web ACL to stand behind; empty for Doorstep's own",
        },
    }


def conditions() -> dict[str, Any]:
    """Which of them a stage has."""
    return {
        "HasDomainName": {"Fn::Not": [{"Fn::Equals": [{"Ref": "DomainName"}, ""]}]},
        "HasOwnWebAcl": {"Fn::Equals": [{"Ref": "WebAclArn"}, ""]},
    }


def rest_api() -> dict[str, Any]:
    """The properties that chalice leaves out of its API, and each route's way to the alias that is live."""
    return {
        "Properties": {
            "TracingEnabled": True,
            "AccessLogSetting": {
                "DestinationArn": {"Fn::GetAtt": ["AccessLog", "Arn"]},
                "Format": json.dumps(ACCESS_LOG_FORMAT, separators=(",", ":")),
            },
            "MethodSettings": [
                {
                    "HttpMethod": "*",
                    "ResourcePath": "/*",
                    "MetricsEnabled": True,
                    "ThrottlingRateLimit": RATE_PER_SECOND,
                    "ThrottlingBurstLimit": BURST,
                }
            ],
            "DefinitionBody": {"paths": _live_paths()},
        }
    }


def _live_paths() -> dict[str, Any]:
    """Requests go to the alias: a version is rolled out by moving it, and only versions start from a snapshot."""
    uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Live}/invocations"
    integration = {"uri": {"Fn::Sub": [uri, {"Live": {"Ref": "APIHandler.Alias"}}]}}
    paths: dict[str, Any] = {}
    for route in ROUTES:
        methods = paths.setdefault(route.path, {})
        methods[route.method.lower()] = {"x-amazon-apigateway-integration": integration}
    return {path: paths[path] for path in sorted(paths)}


def resources() -> dict[str, Any]:
    """Beside the API: its access log, its firewall, its name."""
    return {
        "AccessLog": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": {"Fn::Sub": "/aws/apigateway/${AWS::StackName}"},
                "RetentionInDays": ACCESS_LOG_DAYS,
            },
        },
        "APIHandlerInvokePermission": {"Properties": {"FunctionName": {"Ref": "APIHandler.Alias"}}},
        # chalice names the log group after a function that it does not make (`ApiHandler`).
        "ApiHandlerLogGroup": {"Properties": {"LogGroupName": {"Fn::Sub": "/aws/lambda/${APIHandler}"}}},
        "WebAcl": {"Type": "AWS::WAFv2::WebACL", "Condition": "HasOwnWebAcl", "Properties": _web_acl()},
        "WebAclAssociation": {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "Properties": {
                "ResourceArn": {
                    "Fn::Sub": [
                        "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${RestAPI}/stages/${LiveStage}",
                        {"LiveStage": {"Ref": "RestAPI.Stage"}},
                    ]
                },
                "WebACLArn": {"Fn::If": ["HasOwnWebAcl", {"Fn::GetAtt": ["WebAcl", "Arn"]}, {"Ref": "WebAclArn"}]},
            },
        },
        "ApiDomain": {
            "Type": "AWS::ApiGateway::DomainName",
            "Condition": "HasDomainName",
            "Properties": {
                "DomainName": {"Ref": "DomainName"},
                "RegionalCertificateArn": {"Ref": "CertificateArn"},
                "EndpointConfiguration": {"Types": ["REGIONAL"]},
                "SecurityPolicy": "TLS_1_2",
            },
        },
        "ApiDomainMapping": {
            "Type": "AWS::ApiGateway::BasePathMapping",
            "Condition": "HasDomainName",
            "Properties": {
                "DomainName": {"Ref": "ApiDomain"},
                "RestApiId": {"Ref": "RestAPI"},
                "Stage": {"Ref": "RestAPI.Stage"},
            },
        },
    }


def _web_acl() -> dict[str, Any]:
    return {
        "Name": named("api"),
        "Scope": "REGIONAL",
        "DefaultAction": {"Allow": {}},
        "VisibilityConfig": _visible("api"),
        "Rules": [
            {
                "Name": "one-address",
                "Priority": 0,
                "Action": {"Block": {"CustomResponse": {"ResponseCode": 429}}},
                "Statement": {"RateBasedStatement": {"Limit": REQUESTS_PER_ADDRESS, "AggregateKeyType": "IP"}},
                "VisibilityConfig": _visible("one-address"),
            },
            {
                "Name": "known-bad-inputs",
                "Priority": 1,
                "OverrideAction": {"None": {}},
                "Statement": {
                    "ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesKnownBadInputsRuleSet"}
                },
                "VisibilityConfig": _visible("known-bad-inputs"),
            },
            {
                "Name": "bad-reputation",
                "Priority": 2,
                "OverrideAction": {"None": {}},
                "Statement": {
                    "ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesAmazonIpReputationList"}
                },
                "VisibilityConfig": _visible("bad-reputation"),
            },
        ],
    }


def _visible(metric: str) -> dict[str, Any]:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": metric}
