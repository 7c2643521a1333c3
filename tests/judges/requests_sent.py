"""Reads what the client sent, and what it hands to the user's client."""

import json
from urllib.parse import parse_qsl, urlsplit

import xmltodict


class Request:
    def __init__(self, line):
        self.name = line["name"]
        self.judgement = line["judgement"]
        request = line["request"]
        self.method = request["method"]
        self.url = urlsplit(request["url"])
        self.headers = request["headers"]
        self.body = request["body"]
        self.sealed = line.get("sealed", {})
        self.private_key_pem = line.get("private_key_pem")

    def fields(self):
        """Of a V2 request: from the body, or from the query string, unescaped once."""
        if self.method == "GET":
            return dict(parse_qsl(self.url.query, strict_parsing=True))
        return dict(xmltodict.parse(self.body)["xml"])

    def is_v2(self):
        return not self.url.path.startswith("/v3/")


def read(path):
    """The keys, every request, and every launch."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    assert lines[0]["kind"] == "keys", "the first line holds the keys"
    requests = [Request(line) for line in lines if line["kind"] == "request"]
    return lines[0], requests, [line["launch"] for line in lines if line["kind"] == "launch"]


def read_v3_launches(path):
    """What opens WeChat for an order of V3."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return [line["launch"] for line in lines if line["kind"] == "v3 launch"]
