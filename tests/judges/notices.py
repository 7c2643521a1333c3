"""Reads what the counterparty printed, and keeps the score of a judge."""

import base64
import json
import sys


class Notice:
    def __init__(self, line):
        self.kind = line["kind"]
        self.name = line["name"]
        self.protocol = line["protocol"]
        self.judgement = line["judgement"]
        self.headers = {name: value for name, value in line["headers"]}
        self.body = base64.b64decode(line["body"])
        self.certificate_pem = line.get("certificate_pem")
        # Of a notice with numbers of its own.
        self.numbers = line.get("numbers")


def read(path):
    """The keys, and every notice and answer."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    assert lines[0]["kind"] == "keys", "the first line holds the keys"
    return lines[0], [Notice(line) for line in lines[1:]]


class Score:
    """Counts agreements and ends the process at the first disagreement."""

    def __init__(self, judge):
        self.judge = judge
        self.genuine = 0
        self.forged = 0

    def of(self, notice, accepted, why=""):
        if accepted != (notice.judgement == "genuine"):
            verdict = "accepts" if accepted else "refuses"
            sys.exit(f"{self.judge} {verdict} the {notice.judgement} notice {notice.name!r} {why}")
        if accepted:
            self.genuine += 1
        else:
            self.forged += 1

    def end(self, genuine, forged):
        """Fails if fewer notices were judged than the list is known to hold: as many as were named with it, or as the printed one."""
        genuine, forged = map(int, sys.argv[2:4] or [genuine, forged])
        print(f"{self.judge}: {self.genuine} genuine ones accepted, {self.forged} forged ones refused")
        if self.genuine < genuine or self.forged < forged:
            sys.exit(f"{self.judge} was shown fewer than {genuine} genuine and {forged} forged notices")
