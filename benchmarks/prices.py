"""AWS list prices, before any free tier or discount: the one table that `benchmarks.cost` multiplies with.

us-east-1, first tier, as published on the pages named; the copies read were of 2025-07 to 2026-06. Prices change and
differ by region (eu-central-1 is 5 to 25 % dearer): put your own in here.
"""

from __future__ import annotations

from dataclasses import dataclass

REGION = "us-east-1"
AS_OF = "2026-06"


@dataclass(frozen=True)
class Price:
    """Dollars for a number of units, and who says so."""

    service: str
    usd: float
    per: float
    unit: str
    source: str

    def of(self, units: float) -> float:
        """What so many units cost, in dollars."""
        return units * self.usd / self.per


MILLION = 1e6
GB = 1e9

DYNAMODB_WRITE = Price(
    "DynamoDB", 0.625, MILLION, "write request units", "https://aws.amazon.com/dynamodb/pricing/on-demand/"
)
DYNAMODB_READ = Price(
    "DynamoDB", 0.125, MILLION, "read request units", "https://aws.amazon.com/dynamodb/pricing/on-demand/"
)
# What a Lambda function reads of a stream is free.
STREAM_READ = Price(
    "DynamoDB",
    0.0,
    MILLION,
    "stream reads by Lambda",
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CostOptimization_StreamsUsage.html",
)
LAMBDA_REQUEST = Price("Lambda", 0.20, MILLION, "invocations", "https://aws.amazon.com/lambda/pricing/")
LAMBDA_TIME = Price("Lambda", 0.0000133334, 1, "GB-seconds (arm64)", "https://aws.amazon.com/lambda/pricing/")
REST_API = Price(
    "API Gateway",
    3.50,
    MILLION,
    "REST requests",
    "https://docs.aws.amazon.com/whitepapers/latest/best-practices-api-gateway-private-apis-integration/cost-optimization.html",
)
HTTP_API = Price("API Gateway", 1.00, MILLION, "HTTP API requests", REST_API.source)
TRANSFER_OUT = Price("Data transfer", 0.09, GB, "bytes out", "https://aws.amazon.com/ec2/pricing/on-demand/")
WAF = Price("WAF", 0.60, MILLION, "requests inspected", "https://aws.amazon.com/waf/pricing/")
EVENTBRIDGE = Price(
    "EventBridge", 1.00, MILLION, "custom events of 64 KB", "https://aws.amazon.com/eventbridge/pricing/"
)
SQS = Price("SQS", 0.40, MILLION, "requests of 64 KB", "https://aws.amazon.com/sqs/pricing/")
LOGS = Price("CloudWatch Logs", 0.50, GB, "bytes ingested", "https://aws.amazon.com/cloudwatch/pricing/")
TRACES = Price("X-Ray", 5.00, MILLION, "traces recorded", "https://aws.amazon.com/xray/pricing/")
IOT_MESSAGE = Price("IoT Core", 1.00, MILLION, "messages of 5 KB", "https://aws.amazon.com/iot-core/pricing/")
IOT_MINUTE = Price("IoT Core", 0.08, MILLION, "minutes connected", "https://aws.amazon.com/iot-core/pricing/")
