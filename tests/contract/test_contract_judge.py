#!/usr/bin/env python3
"""The judge of exchanges and the coverage are themselves held against the contract: what is right passes, and each thing that
can be wrong is found and named.

    test_contract_judge.py [WORD…]
"""
import gzip
import json
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
import contract_coverage
import tap
from contract import FILE, PROBLEM, Contract

CONTRACT = Contract()
EXAMPLES = FILE.parent / "examples"
JSON = "application/json"
ID = {"X-Request-Id": "0f8fad5bd9cb469f"}
OF_GET = {**ID, "Content-Type": JSON, "ETag": '"x"', "Cache-Control": "private, no-cache"}


def example(name):
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def faults(method, target, status, headers, body, request_headers=None, request=None):
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return CONTRACT.judge(method, target, request_headers or {}, request, status, headers, data)[1]


ORDERS = "/v1/providers/P001/orders"
EVALUATION = "/v1/providers/P001/evaluations/hp-gold-fy01/2001-02"
RECORD = example("post_repair_events.request")
ACCEPTED = example("post_repair_events.reply")
NOT_FOUND = example("problem.not_found.reply")


def with_(document, **members):
    return {**document, **members}


def post(record, status=201, content_type=JSON, target="/v1/repair-events"):
    return faults("POST", target, status, {**ID, "Content-Type": JSON}, ACCEPTED, {"Content-Type": content_type},
                  record if isinstance(record, bytes) else json.dumps(record).encode())


def right():
    """what the contract describes has no fault: replies, gzip, HEAD, 304, problems, OPTIONS, 405, records"""
    evaluation = example("get_evaluation.reply")
    packed = gzip.compress(json.dumps(evaluation).encode())
    problem = {**ID, "Content-Type": PROBLEM}
    rows = [("GET", EVALUATION, 200, OF_GET, evaluation),
            ("GET", EVALUATION, 200, {**OF_GET, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}, packed),
            ("HEAD", EVALUATION, 200, OF_GET, b""),
            ("GET", EVALUATION, 304, {k: v for k, v in OF_GET.items() if k != "Content-Type"}, b""),
            ("GET", ORDERS + "?state=open&limit=5", 200, {**OF_GET, "Link": '<x>; rel="next"'}, example("list_orders.reply")),
            ("GET", ORDERS + "/W999999", 404, problem, NOT_FOUND),
            ("DELETE", ORDERS, 405, {**problem, "Allow": "GET, HEAD, OPTIONS"}, NOT_FOUND),
            ("OPTIONS", ORDERS, 204, {**ID, "Allow": "GET, HEAD, OPTIONS"}, b""),
            ("GET", "/nowhere", 404, problem, NOT_FOUND), ("GET", EVALUATION, 431, problem, NOT_FOUND)]
    d = tap.Differences()
    for row in rows:
        d.equal(f"{row[0]} {row[1]} {row[2]}", [], faults(*row))
    d.equal("a record", [], post(RECORD))
    d.finish()


def wrong():
    """each thing that differs from the contract is a fault that names it"""
    evaluation, orders = example("get_evaluation.reply"), example("list_orders.reply")
    problem = {**ID, "Content-Type": PROBLEM}
    less = {k: v for k, v in evaluation.items() if k != "score"}
    get = lambda body, **headers: faults("GET", EVALUATION, 200, {**OF_GET, **headers}, body)
    without = lambda name: {k: v for k, v in OF_GET.items() if k != name}
    long = with_(orders, items=[with_(orders["items"][0], state="lost")] * 500)
    rows = [
        ("a status it has not", "no 418", faults("GET", EVALUATION, 418, OF_GET, evaluation)),
        ("no ETag", "no ETag", faults("GET", EVALUATION, 200, without("ETag"), evaluation)),
        ("no request id", "no X-Request-Id", faults("GET", EVALUATION, 200, without("X-Request-Id"), evaluation)),
        ("a header's value", "X-Request-Id: ", get(evaluation, **{"X-Request-Id": "a b"})),
        ("a header more", "location", get(evaluation, Location="/x")),
        ("a media type", "Content-Type", get(evaluation, **{"Content-Type": "text/html"})),
        ("a member more", "'colour'", get(with_(evaluation, colour=1))),
        ("a member more, deep", "/window", get(with_(evaluation, window={**evaluation["window"], "x": 1}))),
        ("a member less", "'score'", get(less)),
        ("a type", "/ranked", get(with_(evaluation, ranked="120"))),
        ("a pattern", "/score", get(with_(evaluation, score="60.26"))),
        ("a number with a fraction", "no whole number", get(with_(evaluation, ranked=1.0))),
        ("an instant in another zone", "/last_record_at", get(with_(evaluation, last_record_at="2001-02-12T01:40:00+08:00"))),
        ("a member twice", "twice", get(json.dumps(evaluation).encode()[:-1] + b', "score": "1.0000"}')),
        ("no JSON", "is not application/json", get(b"{")),
        ("no UTF-8", "is not application/json", get(b'"\xff"')),
        ("no gzip", "is not application/json", get(evaluation, **{"Content-Encoding": "gzip"})),
        ("a long list", "/items/", faults("GET", ORDERS, 200, OF_GET, long)),
        ("HEAD with a body", "HEAD", faults("HEAD", EVALUATION, 200, OF_GET, evaluation)),
        ("304 with a body", "a body", faults("GET", EVALUATION, 304, without("Content-Type"), evaluation)),
        ("a problem's member", "'code'", faults("GET", ORDERS, 404, problem, {k: v for k, v in NOT_FOUND.items() if k != "code"})),
        ("405 without Allow", "Allow", faults("DELETE", ORDERS, 405, problem, NOT_FOUND)),
        ("405 with another", "Allow", faults("DELETE", ORDERS, 405, {**problem, "Allow": "GET"}, NOT_FOUND)),
        ("503 without Retry-After", "Retry-After", faults("GET", "/v1/providers", 503, problem, NOT_FOUND)),
        ("200 of a path it has not", "not in the contract", faults("GET", "/nowhere", 200, OF_GET, {})),
        ("a parameter taken", "is no parameter", faults("GET", ORDERS + "?x=1", 200, OF_GET, orders)),
        ("a parameter's value taken", "limit was taken", faults("GET", ORDERS + "?limit=0", 200, OF_GET, orders)),
        ("a path taken", "provider was taken", faults("GET", "/v1/providers/a%20b/orders", 200, OF_GET, orders)),
        ("a record taken", "the request was taken", post(with_(RECORD, colour=1))),
        ("a record's value taken", "the request was taken", post(with_(RECORD, channel="phone"))),
        ("a media type taken", "takes no text/plain", post(b"x", content_type="text/plain")),
    ]
    d = tap.Differences()
    for what, named, found in rows:
        if not any(named in x for x in found):
            d.add(f"{what}: wanted a fault with \"{named}\", found {found}")
    d.finish()


def everything():
    return {f"{op.id} {status} -" for op in CONTRACT.operations for status in op.statuses} | \
        {f"* {status} -" for status in CONTRACT.anywhere_statuses}


def covered():
    """a run that has seen everything has no gaps; each operation and status left out is missed, and so is what is not documented"""
    lines, d = everything(), tap.Differences()
    d.equal("everything", [], contract_coverage.gaps(CONTRACT, lines))
    for line in sorted(lines):
        name, status, _ = line.split(" ")
        found = contract_coverage.gaps(CONTRACT, lines - {line})
        want = f"no request was answered {status}, which any may be" if name == "*" else f"{name}: never answered {status}"
        if name != "*" and CONTRACT.by_id[name].statuses == [int(status)]:
            want = f"{name}: never exercised"
        if name != "*" or not any(f" {status} -" in x for x in lines - {line}):
            d.equal(f"without {line}", [want], found)
    for op in CONTRACT.operations:
        left = {x for x in lines if x.split(" ")[0] != op.id}
        d.equal(f"without {op.id}", [f"{op.id}: never exercised"], contract_coverage.gaps(CONTRACT, left))
    d.equal("a fault", ["seen, but not as documented: livez 418 -"], contract_coverage.gaps(CONTRACT, lines | {"!livez 418 -"}))
    d.equal("another contract's", ["walk: no operation of the contract"], contract_coverage.gaps(CONTRACT, lines | {"walk 200 -"}))
    d.finish()


def recorded():
    """what processes have seen is read back from their files, and the check's exit status says whether anything is missing"""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "seen"
        one = contract_coverage.Recorder(where)
        lines = everything()
        for line in sorted(lines):
            operation, status, _ = line.split(" ")
            one.add(operation, int(status), None)
            one.add(operation, int(status), None)
        tap.equal("read back", lines, contract_coverage.read(where))
        tap.equal("nothing missing", 0, quietly(where))
        (where / "another").write_text("!livez 418 application/json\n")
        tap.equal("a fault of another process", 1, quietly(where))
        (where / "another").write_text("walk 200 application/json\n")
        tap.equal("an operation that is none", 1, quietly(where))
        tap.equal("no test ran", 0, quietly(Path(folder) / "none"))


def quietly(folder):
    """The check's exit status; its TAP is not this test's."""
    out, sys.stdout = sys.stdout, open("/dev/null", "w")
    try:
        return contract_coverage.main(folder)
    finally:
        sys.stdout.close()
        sys.stdout = out


if __name__ == "__main__":
    cases = [right, wrong, covered, recorded]
    sys.exit(tap.run([(case.__doc__, case) for case in cases], sys.argv[1:]))
