"""An HTTP/2 client without TLS (prior knowledge): usage `http2.py BASE`; JSON requests come on standard input, the answers go out the same way."""

import concurrent.futures
import json
import sys

import httpx2

client = httpx2.Client(base_url=sys.argv[1], http1=False, http2=True, timeout=60)


def answer(asked):
    with client.stream(asked["method"], asked["path"], headers=asked["headers"], content=asked["body"] or None) as response:
        pieces, broken = [], False
        try:
            pieces.extend(response.iter_raw())
        except httpx2.RemoteProtocolError:
            broken = True
        return {
            "version": response.http_version,
            "status": response.status_code,
            "headers": dict(response.headers),
            "body": b"".join(pieces).decode(),
            "pieces": len(pieces),
            "broken": broken,
        }


requests = json.load(sys.stdin)
alone = [answer(asked) for asked in requests]
# This library's threads fail on a stream that the other side has ended while they send on it, as a server may that refuses a body.
short = [asked for asked in requests if len(asked["body"]) < 65536]
with concurrent.futures.ThreadPoolExecutor(len(short)) as pool:
    together = list(pool.map(answer, short))
json.dump({"alone": alone, "together": together}, sys.stdout)
