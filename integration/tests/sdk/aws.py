"""How the scripts of AWS's official SDK, boto3, reach one address: usage `SCRIPT BASE_URL MODEL PART...`."""

import os
import sys

BASE, MODEL, *PARTS = sys.argv[1:]
# The client's own key. With a token the SDK speaks over TLS alone; with what follows it signs requests.
if BASE.startswith("https:"):
    os.environ["AWS_BEARER_TOKEN_BEDROCK"] = "bedrock-client-key"
else:
    os.environ.update(AWS_ACCESS_KEY_ID="AKIACLIENTKEY", AWS_SECRET_ACCESS_KEY="client-secret", AWS_SESSION_TOKEN="client-session")

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError


def connect(service):
    config = Config(retries={"total_max_attempts": 1}, read_timeout=120)
    return boto3.client(service, endpoint_url=BASE, region_name="eu-central-1", config=config)


# The exception by which the SDK tells each status of a provider.
EXCEPTIONS = {
    "400": "ValidationException",
    "401": "ModelErrorException",
    "403": "ModelErrorException",
    "404": "ResourceNotFoundException",
    "429": "ThrottlingException",
    "500": "InternalServerException",
    "529": "ServiceUnavailableException",
}


def refused(client, ways, asked):
    """Each way of asking raises what the provider's status is told by."""
    for status, name in EXCEPTIONS.items():
        for way in ways:
            try:
                answer = way(**asked(f"[sim:{status}]", {}))
            except ClientError as error:
                assert isinstance(error, getattr(client.exceptions, name)), (status, type(error), error.response)
                assert error.response["Error"]["Code"] == name and error.response["Error"]["Message"], error.response
                headers = error.response["ResponseMetadata"]["HTTPHeaders"]
                assert headers["x-amzn-requestid"] and headers["content-type"] == "application/json", headers
                assert status != "429" or headers["retry-after"] == "7", headers
            else:
                raise AssertionError(f"{status}: no error but {answer}")


def broken(collect):
    """A stream that fails or breaks off raises, whatever came before."""
    for kind in ("error-in-stream", "half-stream"):
        try:
            collect(f"[sim:{kind}]")
        except EventStreamError as error:
            assert error.response["Error"]["Code"].endswith("Exception") and error.response["Error"]["Message"], error.response
        else:
            raise AssertionError(f"{kind}: the stream looked complete")
