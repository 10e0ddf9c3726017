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


def connect(service):
    config = Config(retries={"total_max_attempts": 1}, read_timeout=120)
    return boto3.client(service, endpoint_url=BASE, region_name="eu-central-1", config=config)
