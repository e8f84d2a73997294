#!/usr/bin/env python3
"""What is refused, and what is kept: bad input with its exact answer, duplicates and conflicts, arrays and NDJSON with bad rows.

    test_refusals.py ASSAYD [WORD…]
"""
import json
import sys
from datetime import datetime, timedelta, timezone
from http.client import HTTPException
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import ROUTES, order_path, pointers, said_of
from oracle import m
from records import AT, CLOSED, DISPATCH, MARKED, NOTED, OPENED, PROVIDERS, RATES, REQUESTED, SHIPPED, SURVEY, VOIDED, without

SQL = daemon.ROOT / "sql"
SCHEME = m.read_json(SQL / "schemes/hp-gold-fy01.json")
CALENDAR = m.read_json(SQL / "calendars/cn-office.json")
EVENTS, DISPATCHES, SURVEYS = ROUTES["repair"], ROUTES["dispatch"], ROUTES["survey"]


def raw(record, name, text):
    """The record's JSON with the raw bytes `text` for one value."""
    return json.dumps({**record, name: "@@"}).encode().replace(b'"@@"', text)


def from_now(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()


# --- one record, refused -----------------------------------------------------------------------------------------------
# path, body (a document, or bytes), status, code, (pointer, code) of each error

INVALID = "validation_failed"


def one(path, record, pointer, code):
    return path, record, 422, INVALID, [(pointer, code)]


def time_rows():
    times = {"invalid_time": ["2001-02-29T09:00:00+08:00", "2001-13-01T09:00:00Z", "2001-00-10T09:00:00Z", "2001-02-05T24:00:00Z",
                              "2001-02-05T23:59:60Z", "2001-02-05 09:00:00Z", "2001-02-05T09:00Z", "2001-02-05T09:00:00.Z",
                              "2001-02-05T09:00:00.1234567Z", "2001-02-05T09:00:00+0800", "2001-02-05T09:00:00+24:00",
                              "2001-02-05T09:00:00+08:60", "2001-2-5T09:00:00Z", "2001-02-05T09:00:00Zulu", " " + AT, AT + " ",
                              "", "now",
                              "1900-02-29T00:00:00Z", "20010205T090000Z"],
             "missing_offset": ["2001-02-05T09:00:00", "2001-02-05T09:00:00.5"],
             "out_of_range": ["1969-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59Z"],
             "future_time": [from_now(330), from_now(86400 * 365)]}
    for code, texts in times.items():
        for text in texts:
            yield one(EVENTS, {**OPENED, "at": text}, "/at", code)
    yield one(EVENTS, {**OPENED, "reported_at": "2001-02-05T09:00:00"}, "/reported_at", "missing_offset")
    yield one(DISPATCHES, {**DISPATCH, "at": "2001-02-30T00:00:00Z"}, "/at", "invalid_time")
    yield one(SURVEYS, {**SURVEY, "at": "2001-02-05T09:00:00"}, "/at", "missing_offset")


def field_rows():
    for record in (OPENED, REQUESTED, SHIPPED, CLOSED, VOIDED):
        yield one(EVENTS, {**record, "chanel": "x"}, "/chanel", "unknown_field")
    yield one(EVENTS, {**OPENED, "line": "1"}, "/line", "unknown_field")
    yield one(EVENTS, {**CLOSED, "product": "server"}, "/product", "unknown_field")
    yield one(EVENTS, {**OPENED, "a/b~c": 1}, "/a~1b~0c", "unknown_field")
    yield one(EVENTS, {**OPENED, "": 1}, "/", "unknown_field")
    yield one(EVENTS, {**OPENED, "ID": "e1"}, "/ID", "unknown_field")
    yield one(DISPATCHES, {**DISPATCH, "type": "dispatch"}, "/type", "unknown_field")
    yield one(SURVEYS, {**SURVEY, "channel": "ccc"}, "/channel", "unknown_field")
    complete = [(record, EVENTS) for record in (OPENED, REQUESTED, SHIPPED, MARKED, NOTED, VOIDED)]
    complete += [(without(DISPATCH, "parts"), DISPATCHES), (without(SURVEY, "order"), SURVEYS)]
    for record, path in complete:
        for name in record:
            yield one(path, without(record, name), f"/{name}", "missing_field")
            yield one(path, {**record, name: None}, f"/{name}", "missing_field")
    everything = [(f"/{x}", "missing_field") for x in ("type", "id", "provider", "at")]
    yield EVENTS, {}, 422, INVALID, everything
    several = {"type": "part.shipped", "x": 1, "id": 5, "at": "yesterday", "courier": "0D10"}
    yield EVENTS, several, 422, INVALID, [
        ("/x", "unknown_field"), ("/id", "wrong_type"), ("/at", "invalid_time"), ("/courier", "invalid_value"),
        ("/provider", "missing_field"), ("/order", "missing_field"), ("/line", "missing_field")]


def value_rows():
    mistyped = {"id": [5, True, [], {}, 1.5], "at": [981334800, True, []], "provider": [1], "order": [17], "channel": [1, True],
                "product": [0, ["server"]], "serial": [123], "type": [1, []]}
    for name, values in mistyped.items():
        for value in values:
            yield one(EVENTS, {**OPENED, name: value}, f"/{name}", "wrong_type")
    for value in ("1", True, [1]):
        yield one(EVENTS, {**REQUESTED, "request": value}, "/request", "wrong_type")
    for text in (b"1.0", b"1e0", b"1.5", b"-0.0"):
        yield EVENTS, raw(REQUESTED, "request", text), 422, INVALID, [("/request", "wrong_type")]
    for value in (0, -1, 2**31, 2**53, -2**63):
        yield one(EVENTS, {**REQUESTED, "request": value}, "/request", "out_of_range")
    for value in ("true", 1, 0, "", []):
        yield one(EVENTS, {**REQUESTED, "local": value}, "/local", "wrong_type")
    for name, bad, long in (("id", ["", "é", "a\tb", "a\nb", "\x7f", "一"], "x" * 65),
                            ("order", ["", "a b", "a/b", "a?b", "a#b", "a%b", "é"], "9" * 65),
                            ("provider", ["", "a b", "R1/", "ü"], "R" * 33)):
        for value in bad:
            yield one(EVENTS, {**OPENED, name: value}, f"/{name}", "invalid_value")
        yield one(EVENTS, {**OPENED, name: long}, f"/{name}", "too_long")
    for value in ("", "a b", "1/2", "é"):
        yield one(EVENTS, {**REQUESTED, "line": value}, "/line", "invalid_value")
    yield one(EVENTS, {**REQUESTED, "line": "x" * 17}, "/line", "too_long")
    yield one(EVENTS, {**REQUESTED, "replaces": "x" * 17}, "/replaces", "too_long")
    yield one(EVENTS, {**REQUESTED, "part_no": "x" * 65}, "/part_no", "too_long")
    yield one(EVENTS, {**REQUESTED, "part_no": ""}, "/part_no", "invalid_value")
    yield one(EVENTS, {**OPENED, "serial": "x" * 65}, "/serial", "too_long")
    yield one(EVENTS, {**OPENED, "product": "机" * 1001}, "/product", "too_long")
    yield one(EVENTS, {**OPENED, "product": ""}, "/product", "invalid_value")
    yield one(EVENTS, {**VOIDED, "reason": "x" * 1001}, "/reason", "too_long")
    yield one(EVENTS, {**VOIDED, "reason": "x" * (1 << 20)}, "/reason", "too_long")
    for value in ("0D10", "2D24", "2d10", "10D10", "2D1", "D10", "", "2D10 ", "２D10"):
        yield one(EVENTS, {**SHIPPED, "courier": value}, "/courier", "invalid_value")
    words = ((EVENTS, OPENED, "channel", "phone"), (EVENTS, OPENED, "customer_class", "KEY"), (EVENTS, OPENED, "warranty", "yes"),
             (EVENTS, OPENED, "type", "order.opend"), (EVENTS, OPENED, "type", "dispatch"), (EVENTS, OPENED, "type", "survey"),
             (EVENTS, MARKED, "mark", "broken"), (EVENTS, NOTED, "reason", "weather"), (EVENTS, CLOSED, "outcome", "done"),
             (EVENTS, VOIDED, "target_kind", "order"), (EVENTS, VOIDED, "target", ""), (SURVEYS, SURVEY, "answer", "good"),
             (SURVEYS, SURVEY, "source", "web"), (SURVEYS, SURVEY, "responsibility", "nobody"))
    for path, record, name, value in words:
        yield one(path, {**record, name: value}, f"/{name}", "invalid_value")
    for name, values in (("overall", [0, 6, -1]), ("attitude", [0, 6, 256]), ("recommend", [-1, 11, 2**40])):
        for value in values:
            yield one(SURVEYS, {**SURVEY, name: value}, f"/{name}", "out_of_range")
    yield one(DISPATCHES, {**DISPATCH, "parts": {}}, "/parts", "wrong_type")
    yield one(DISPATCHES, {**DISPATCH, "parts": ["R1"]}, "/parts/0", "wrong_type")
    yield one(DISPATCHES, {**DISPATCH, "parts": [{"line": "R1", "part_no": "Q1"}, {"line": "R2"}]}, "/parts/1/part_no",
              "missing_field")
    yield one(DISPATCHES, {**DISPATCH, "parts": [{"line": "R1", "part_no": "Q1", "qty": 2}]}, "/parts/0/qty", "unknown_field")
    yield one(DISPATCHES, {**DISPATCH, "parts": [{"line": "R1", "part_no": "Q1"}, {"line": "R1", "part_no": "Q2"}]},
              "/parts/1/line", "invalid_value")
    yield one(EVENTS, {**OPENED, "id": "a\0b"}, "/id", "nul_character")
    yield one(EVENTS, {**OPENED, "product": "a\0b"}, "/product", "nul_character")
    yield EVENTS, {**OPENED, "provider": "NOBODY"}, 422, "unknown_provider", [("/provider", "unknown_provider")]
    yield DISPATCHES, {**DISPATCH, "provider": "r1"}, 422, "unknown_provider", [("/provider", "unknown_provider")]
    yield SURVEYS, {**SURVEY, "provider": "R"}, 422, "unknown_provider", [("/provider", "unknown_provider")]


def body_rows():
    good = json.dumps(OPENED).encode()
    order = lambda text: good.replace(b'"W1"', text)
    bodies = {
        "empty_body": [b"", b" \r\n\t "],
        "invalid_json": [b"{", good[:-1], good + b"}", good + good, good.replace(b",", b",,", 1), good.replace(b'"', b"'"),
                         b"\xef\xbb\xbf" + good, order(b"NaN"), order(b"01"), b"[" + good, b"[" + good + b",]", b"// x\n" + good,
                         order(b'"W\\ud8001"'), order(b'"W\n1"')],
        "invalid_utf8": [order(b'"W\xff1"'), order(b'"W\xc0\x801"'), order(b'"\xed\xa0\x80"')],
        "duplicate_key": [good[:-1] + b',"id":"e2"}', good[:-1] + b',"_x":{"a":1,"a":2}}'],
        "nul_character": [good + b"\0", order(b'"W\0"')],
        "too_deep": [good[:-1] + b',"_x":' + b"[" * 40 + b"]" * 40 + b"}", b"[" * 100000],
    }
    for code, texts in bodies.items():
        for body in texts:
            yield EVENTS, body, 400, code, []
    for body in (b"null", b"true", b'"text"', b"5", b"-1.5e3"):
        yield EVENTS, body, 422, INVALID, [("", "wrong_type")]
    for size in (3 << 20, 10 << 20):
        yield EVENTS, b'{"id":"' + b"x" * size + b'"}', 413, "too_large", []


def check_rows(client, rows, d):
    count = 0
    for path, body, status, code, errors in rows:
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        try:
            reply = client.send("POST", path, data, "application/json")
        except (HTTPException, OSError) as e:
            d.add(f"{path} {tap.short(data)}: {e!r}")
            client.close()
            continue
        shown = [(p, c) for p, c in errors]
        # A body that is no JSON has one error at no place, where its code says it all.
        found = said_of(reply)
        if status == 400 or status == 413:
            found[2] = [x for x in found[2] if x != ("", code)]
        d.equal(f"{path} {tap.short(data)}", [status, code, sorted(shown)], found)
        count += 1
    return count


def nothing_kept(db, client, d, uploads=0):
    for p in PROVIDERS:
        d.equal(f"orders of {p['code']}", [], client.items(f"/v1/providers/{p['code']}/orders"))
    tables = ("record", "work_order", "verdict", "tally", "voided", "upload")
    counts = db.sql("SELECT " + ", ".join(f"(SELECT count(*) FROM {t})" for t in tables))
    d.equal("rows kept", [["0", "0", "0", "0", "0", str(uploads)]], counts)


def one_by_one(cluster):
    """single records refused: status, code and pointer of each; nothing is kept"""
    with cluster.database() as db:
        served = db.serve()
        d = tap.Differences()
        with served.client() as client:
            client.register(PROVIDERS)
            count = sum(check_rows(client, rows(), d) for rows in (time_rows, field_rows, value_rows, body_rows))
            tap.comment(f"{count} bodies")
            nothing_kept(db, client, d)
        d.finish()
        db.verify(0)


# --- requests, refused -------------------------------------------------------------------------------------------------


def requests_refused(cluster):
    """requests refused: media types, methods, paths, keys, parameters, cursors"""
    with cluster.database() as db:
        served = db.serve()
        d = tap.Differences()
        good = json.dumps(OPENED).encode()
        with served.client() as client:
            client.register(PROVIDERS)
            for content_type in (None, "text/plain", "application/jsonx", "application/xml", "application/x-www-form-urlencoded",
                                 ""):
                d.equal(f"Content-Type {content_type}", [415, "unsupported_media_type"],
                        said_of(client.send("POST", EVENTS, good, None, {"Content-Type": content_type}))[:2])
            d.equal("PUT of a text", [415, "unsupported_media_type"],
                    said_of(client.send("PUT", "/v1/providers/R3", good, "text/plain"))[:2])
            for method, path, allow in (("DELETE", EVENTS, {"POST"}), ("GET", DISPATCHES, {"POST"}),
                                        ("PATCH", "/v1/providers/R1", {"GET", "HEAD", "PUT"}),
                                        ("POST", "/v1/orders/at-risk", {"GET", "HEAD"}),
                                        ("PUT", "/v1/evaluations/hp-gold-fy01/2001-02", {"GET", "HEAD"})):
                reply = client.send(method, path, b"{}", "application/json")
                d.equal(f"{method} {path}", [405, "method_not_allowed", allow | {"OPTIONS"}],
                        [*said_of(reply)[:2], set(reply.headers.get("Allow", "").replace(" ", "").split(","))])
            missing = ["/v1", "/v1/", "/v2/repair-events", "/v1/repair-events/", "/v1//repair-events"]
            missing += [f"/v1/providers/NOBODY{x}" for x in ("", "/orders", "/evaluations/hp-gold-fy01/2001-02",
                                                             "/compensation/2001-02", "/compensation/2001-02/lines")]
            missing += [f"/v1/providers/{x}" for x in ("R1/orders/W1", "R1/orders/W1/verdict", "R1%2Forders",
                                                       "R1/evaluations/hp-gold-fy01/2000-11")]
            missing += [f"/v1/{x}" for x in ("schemes/none", "schemes/hp-gold-fy01/versions/2",
                                             "schemes/hp-gold-fy01/versions/01",
                                             "calendars/none", "rates/none", "compensation/2000-11")]
            missing += [f"/v1/uploads/{x}" for x in ("u0000000000000000", "u392aefe260000000/rejected", "u1", "x")]
            missing += [f"/v1/evaluations/{x}" for x in ("none/2001-02", "hp-gold-fy01/2000-11", "hp-gold-fy01/2099-12",
                                                         "hp-gold-fy01/2001-13", "hp-gold-fy01/2001-2")]
            for path in missing:
                d.equal(f"GET {path}", [404, "not_found"], said_of(client.send("GET", path))[:2])
            for path in ("/v1/providers/%", "/v1/providers/%2", "/v1/providers/%zz", "/v1/providers/%00", "/v1/providers/%ff",
                         "/v1/providers/R1/orders?limit=%zz"):
                d.equal(f"GET {path}", [400, "bad_request"], said_of(client.send("GET", path))[:2])
            check_keys(client, d)
            check_parameters(client, d)
            check_long(client, d)
            nothing_kept(db, client, d)
        d.finish()


def check_keys(client, d):
    good = json.dumps(OPENED).encode()
    for value in (None, "Bearer", "Bearer ", "Bearer x", f"Bearer {client.key}x", f"Bearer {client.key[:-1]}",
                  f"Basic {client.key}", client.key, f"Bearer{client.key}",
                  f"Bearer {client.key.upper()}", "Bearer " + "x" * 5000):
        for method, path, body in (("GET", "/v1/providers", None), ("POST", EVENTS, good), ("PUT", "/v1/providers/R9", b"{}"),
                                   ("GET", "/metrics", None)):
            reply = client.send(method, path, body, "application/json" if body else None, {"Authorization": value})
            d.equal(f"{method} {path} with {tap.short(value)}", [401, "unauthorized", []], said_of(reply))
            d.equal(f"{method} {path} asks for", 'Bearer realm="assay"', reply.headers.get("WWW-Authenticate"))
    d.equal("a scheme's letters do not matter", 200, client.send("GET", "/v1/providers",
                                                                 headers={"Authorization": f"bEARER {client.key}"}).status)
    for path in ("/livez", "/readyz", "/openapi.json", "/"):
        d.equal(f"{path} without a key", 200, client.send("GET", path, headers={"Authorization": None}).status)


def check_parameters(client, d):
    orders, risk, lines = "/v1/providers/R1/orders", "/v1/orders/at-risk", "/v1/providers/R1/compensation/2001-02/lines"
    invalid, unknown, cursor = "invalid_parameter", "unknown_parameter", "invalid_cursor"
    rows = [(orders + "?limt=5", unknown, [("limt", unknown)]),
            (orders + "?limt=5&stat=open", unknown, [("limt", unknown), ("stat", unknown)]),
            ("/v1/providers/R1?x=1", unknown, [("x", unknown)]), (EVENTS + "?x=1", unknown, [("x", unknown)]),
            (orders + "?limit=5&limit=6", invalid, [("limit", invalid)])]
    rows += [(f"{path}?limit={x}", invalid, [("limit", invalid)])
             for path in (orders, risk, lines, "/v1/providers", "/v1/evaluations/hp-gold-fy01/2001-02")
             for x in ("0", "1001", "-1", "x", "", "1.5", "99999999999999999999")]
    rows += [(f"{risk}?within_seconds={x}", invalid, [("within_seconds", invalid)]) for x in ("-1", "31536001", "4h")]
    rows += [(f"{orders}?{x}", invalid, [(x.split("=")[0], invalid)])
             for x in ("state=shut", "state=", "outcome=good", "period=2001-13", "period=2001", "scheme=none")]
    rows += [(f"{risk}?provider=NOBODY", invalid, [("provider", invalid)]),
             ("/v1/evaluations/hp-gold-fy01/2001-02?sort=name", invalid, [("sort", invalid)]),
             (f"{orders}?state=x&limit=0&period=y", invalid, [("state", invalid), ("limit", invalid), ("period", invalid)])]
    given = client.get("/v1/providers", limit=1)["next"]
    tap.check(given, "two providers, a page of one, and no next")
    bad = ["", "x", "p", "o", given[:-2], given[:-1] + ("0" if given[-1] != "0" else "1"), given + "00", given.upper(),
           "%F0%9F%98%80", "9" * 4000]
    rows += [(f"/v1/providers?cursor={x}", cursor, [("cursor", cursor)]) for x in bad]
    rows += [(f"{path}?cursor={given}", cursor, [("cursor", cursor)])
             for path in (orders, risk, lines, "/v1/evaluations/hp-gold-fy01/2001-02", "/v1/compensation/2001-02")]
    for path, code, errors in rows:
        method = "POST" if path.startswith(EVENTS) else "GET"
        reply = client.send(method, path, json.dumps(OPENED).encode() if method == "POST" else None,
                            "application/json" if method == "POST" else None)
        d.equal(f"{method} {tap.short(path)}", [400, code, sorted(errors)], said_of(reply))


def check_long(client, d):
    d.equal("a long target", [414, "uri_too_long"], said_of(client.send("GET", "/v1/providers?cursor=" + "0" * 9000))[:2])
    reply = client.send("PUT", "/v1/calendars/cn-office", b'{"time_zone":"' + b"x" * (5 << 20) + b'"}', "application/json")
    d.equal("PUT of 5 MiB", [413, "too_large"], said_of(reply)[:2])


def documents_refused(cluster):
    """providers, calendars, rates and schemes refused: every error at once, and nothing moves"""
    with cluster.database() as db:
        served = db.serve()
        d = tap.Differences()
        provider = without(PROVIDERS[0], "code")
        rows = [
            ("providers/R1", without(provider, "name", "city"), [("/name", "missing_field"), ("/city", "missing_field")]),
            ("providers/R1", {**provider, "ascim": "no", "town": "x"}, [("/ascim", "wrong_type"), ("/town", "unknown_field")]),
            ("providers/R1", {**provider, "code": "R2"}, [("/code", "invalid_value")]),
            ("providers/R1", {**provider, "effective_from": "2001-02-30"}, [("/effective_from", "invalid_time")]),
            ("providers/R1", {**provider, "status": "asleep"}, [("/status", "invalid_value")]),
            ("providers/R1", {**provider, "city": "x" * 65, "name": ""}, [("/city", "too_long"), ("/name", "invalid_value")]),
            ("calendars/cn-office", {**CALENDAR, "time_zone": "Asia/Nowhere"}, [("/time_zone", "invalid_value")]),
            ("calendars/cn-office", {**CALENDAR, "time_zone": "../../etc/passwd"}, [("/time_zone", "invalid_value")]),
            ("calendars/cn-office", {**CALENDAR, "weekly": {"mon": [["12:00", "08:30"]],
                                                            "tue": [["08:30", "12:00"], ["11:00", "13:00"]], "sat": "x",
                                                            "mo": []}},
             [("/weekly/mon/0", "invalid_value"), ("/weekly/tue/1", "invalid_value"), ("/weekly/sat", "wrong_type"),
              ("/weekly/mo", "unknown_field")]),
            ("calendars/cn-office", {**CALENDAR, "exceptions": [{"date": "2001-01-01", "hours": []},
                                                                {"date": "2001-01-01", "hours": []}, {"date": "2001-02-29"}]},
             [("/exceptions/1/date", "invalid_value"), ("/exceptions/2/date", "invalid_time"),
              ("/exceptions/2/hours", "missing_field")]),
            ("rates/fy01-labour", {"currency": "XYZ", "rates": []}, [("/currency", "invalid_value")]),
            ("rates/fy01-labour", {"currency": "CNY", "rates": [{"product": "*", "warranty": "*", "amount": "1.005"},
                                                                {"product": "*", "warranty": "maybe", "amount": "-1"},
                                                                {"product": "a", "warranty": "*", "amount": 5}]},
             [("/rates/0/amount", "invalid_value"), ("/rates/1/warranty", "invalid_value"), ("/rates/1/amount", "out_of_range"),
              ("/rates/2/amount", "wrong_type")]),
            ("rates/fy01-labour", {"currency": "CNY", "rates": [RATES["rates"][0]] * 2}, [("/rates/1", "invalid_value")]),
            ("schemes/other", {**SCHEME, "window_months": 0, "starts": "soon", "clocks": {}, "colour": 1},
             [("/window_months", "out_of_range"), ("/starts", "invalid_time"), ("/clocks/diagnosis", "missing_field"),
              ("/clocks/cycle", "missing_field"), ("/colour", "unknown_field")]),
            ("schemes/other", {**SCHEME, "calendar": "none"}, [("/calendar", "invalid_value")]),
        ]
        with served.client() as client:
            client.register(PROVIDERS)
            before = db.sql("SELECT revision FROM config")
            for path, document, errors in rows:
                reply = client.put(f"/v1/{path}", document)
                d.equal(f"PUT {path} {tap.short(document)}", [422, INVALID, sorted(errors)], said_of(reply))
            for code in ("a b", "x" * 33, "%C3%A9"):
                for kind in ("providers", "calendars", "rates", "schemes"):
                    reply = client.put(f"/v1/{kind}/{code.replace(' ', '%20')}", {})
                    d.equal(f"PUT {kind}/{code}", [422, INVALID], said_of(reply)[:2])
            d.equal("the configuration's revision", before, db.sql("SELECT revision FROM config"))
            check_bulk_providers(client, d)
            d.equal("the configuration's revision", before, db.sql("SELECT revision FROM config"))
        d.finish()


def check_bulk_providers(client, d):
    """All or nothing: a registry is one thing."""
    lines = "\n".join([json.dumps({**PROVIDERS[0], "code": "N1"}), '{"code":"N2","name":',
                       json.dumps({**PROVIDERS[0], "code": "N3", "city": 5})])
    answer = client.send("POST", "/v1/providers", lines.encode(), "application/x-ndjson")
    said = answer.json()
    d.equal("bulk providers", [422, sorted([(2, "invalid_json", ""), (3, "wrong_type", "/city")])],
            [answer.status, sorted((x["line"], x["code"], x.get("pointer", "")) for x in said["errors"])])
    for code in ("N1", "N2", "N3"):
        client.get(f"/v1/providers/{code}", 404)


# --- duplicates and conflicts ------------------------------------------------------------------------------------------


def repeated(cluster):
    """one id: the same content is a duplicate in any spelling, other content a conflict; kinds and providers are apart"""
    with cluster.database() as db:
        served = db.serve()
        d = tap.Differences()
        opened = {**OPENED, "serial": "S1", "reported_at": "2001-02-05T08:00:00+08:00"}

        def say(what, want, path, record):
            reply = client.post(path, record)
            document = reply.json()
            d.equal(what, want, [reply.status, document.get("status") if reply.status < 400 else document["code"]])
            if reply.status == 409:
                d.equal(what, [("/id", "id_conflict")], pointers(document))

        accepted, duplicate, conflict = [201, "accepted"], [200, "duplicate"], [409, "id_conflict"]
        with served.client() as client:
            client.register(PROVIDERS)
            say("first", accepted, EVENTS, opened)
            say("again", duplicate, EVENTS, opened)
            say("turned round", duplicate, EVENTS, dict(reversed(opened.items())))
            say("in another zone", duplicate, EVENTS, {**opened, "at": "2001-02-05T01:00:00Z",
                                                       "reported_at": "2001-02-04T19:00:00.000-05:00"})
            say("with nulls and notes", duplicate, EVENTS, {**opened, "warranty": None, "_note": "x", "_x": {"a": [1]}})
            for name, value in (("at", "2001-02-05T09:00:00.000001+08:00"), ("product", "Server"), ("order", "W2"),
                                ("serial", "S2"), ("serial", None),
                                ("warranty", "in"), ("channel", "ccc"), ("reported_at", None)):
                say(f"other {name}", conflict, EVENTS, {**opened, name: value})
            say("other type", conflict, EVENTS, {**CLOSED, "id": "e1"})
            say("the first stands", duplicate, EVENTS, opened)
            d.equal("W2", 404, client.send("GET", order_path("R1", "W2")).status)
            say("the same id at another provider", accepted, EVENTS, {**opened, "provider": "R2"})
            say("the same id of a shipment", accepted, EVENTS, {**SHIPPED, "id": "e1"})
            say("the same id of a delivery is a shipment's", conflict, EVENTS,
                {**without(SHIPPED, "courier"), "type": "part.delivered", "id": "e1"})
            say("the same id of a dispatch", accepted, DISPATCHES, {**DISPATCH, "id": "e1"})
            say("its parts turned round", duplicate, DISPATCHES, {**DISPATCH, "id": "e1", "parts": DISPATCH["parts"][::-1]})
            say("one part less", conflict, DISPATCHES, {**DISPATCH, "id": "e1", "parts": DISPATCH["parts"][:1]})
            say("the same id of a response", accepted, SURVEYS, {**SURVEY, "id": "e1"})
            say("request", accepted, EVENTS, REQUESTED)
            say("its default said", duplicate, EVENTS, {**REQUESTED, "local": False})
            say("not its default", conflict, EVENTS, {**REQUESTED, "local": True})
            say("void", accepted, EVENTS, {**VOIDED, "target": "nothing"})
            say("its default said, its order ignored", duplicate, EVENTS,
                {**VOIDED, "target": "nothing", "target_kind": "repair", "order": "WHATEVER"})
            say("a case of letters is another id", accepted, EVENTS, {**opened, "id": "E1"})
            both = client.ndjson(EVENTS, [{**NOTED, "id": "n"}, {**NOTED, "id": "n"}, {**NOTED, "id": "n", "note": "x"},
                                          {**NOTED, "id": "n"}]).json()
            d.equal("four of one id in a body", [4, 1, 2, 1],
                    [both[k] for k in ("received", "accepted", "duplicates", "rejected")])
            d.equal("the one", [(3, "n", "id_conflict", "/id")],
                    [(x["line"], x["id"], x["code"], x["pointer"]) for x in both["errors"]])
        d.finish()
        db.verify()


def edges_accepted(cluster):
    """what lies just inside the bounds is accepted, and read back as it was sent"""
    with cluster.database() as db:
        served = db.serve()
        printable = "".join(map(chr, range(32, 127)))
        order = "".join(c for c in printable if c not in " /?#%")
        rows = [(EVENTS, {**OPENED, "id": printable[:64], "order": order[:64]}),
                (EVENTS, {**OPENED, "id": printable[31:], "order": order[-64:]}),
                (EVENTS, {**OPENED, "id": " ", "order": ".."}), (EVENTS, {**OPENED, "id": "a1", "order": "."}),
                (EVENTS, {**OPENED, "id": "a2", "product": "机" * 1000}),
                (EVENTS, {**OPENED, "id": "a3", "product": "\U0001f5a8 \u202e\u200b", "serial": "\x01\x1f\x7f\\\"</script>"}),
                (EVENTS, {**OPENED, "id": "a4", "at": from_now(240)}),
                (EVENTS, {**OPENED, "id": "a5", "at": "1970-01-01T00:00:00Z"}),
                (EVENTS, {**OPENED, "id": "a6", "at": "2000-02-29t23:59:59.999999z"}),
                (EVENTS, {**OPENED, "id": "a7", "at": "2001-02-05T09:00:00-00:00"}),
                (EVENTS, {**OPENED, "id": "a8", "at": "2001-02-05T09:00:00+23:59"}),
                (EVENTS, {**REQUESTED, "id": "a9", "request": 2**31 - 1, "line": "-._-Zz09AaBb0123", "part_no": "x" * 64}),
                (EVENTS, {**SHIPPED, "id": "b1", "courier": "9D23", "warehouse": ""}),
                (EVENTS, {**SHIPPED, "id": "b2", "courier": "1D00"}), (EVENTS, {**VOIDED, "id": "b3", "reason": "x" * 1000}),
                (SURVEYS, {**SURVEY, "id": "b4", "overall": 5, "attitude": 1, "recommend": 0}),
                (SURVEYS, {**SURVEY, "id": "b5", "recommend": 10, "order": "NOBODY"}),
                (DISPATCHES, {**DISPATCH, "id": "b6", "parts": []}),
                (DISPATCHES, {**DISPATCH, "id": "b7", "parts": [{"line": str(i), "part_no": "x"} for i in range(500)]})]
        d = tap.Differences()
        with served.client() as client:
            client.register(PROVIDERS)
            for path, record in rows:
                reply = client.post(path, record)
                d.equal(f"{path} {tap.short(record)}", [201, record["id"]], [reply.status, reply.json().get("id")])
                if reply.status == 201 and record.get("order", "NOBODY") != "NOBODY":
                    read_back(client, record, d)
            db.verify(len(rows))
        d.finish()


def read_back(client, record, d):
    shown = client.get(order_path("R1", record["order"]))
    found = [x for x in shown["records"] if x["id"] == record["id"]]
    d.equal(f"{record['id']} is shown once", 1, len(found))
    for name in ("product", "serial", "line", "part_no", "courier", "warehouse", "recommend", "overall"):
        if name in record and found:
            d.equal(f"{record['id']}.{name}", record[name], found[0].get(name))
    d.equal(f"{record['id']}: the verdict's link", 200, client.send("GET", shown["verdict"]).status)


# --- arrays and NDJSON -------------------------------------------------------------------------------------------------


def numbers(said):
    return [said[k] for k in ("received", "accepted", "duplicates", "rejected")]


def arrays(cluster):
    """an array that does not parse keeps nothing; of one that does, the good are kept and the bad named by element"""
    with cluster.database() as db:
        served = db.serve()
        d = tap.Differences()
        good = json.dumps(OPENED).encode()
        with served.client() as client:
            client.register(PROVIDERS)
            for body, code in ((b"[" + good + b",", "invalid_json"), (b"[" + good + b"," + good[:-5] + b"]", "invalid_json"),
                               (b"[" + good + b"]]", "invalid_json"),
                               (b"[" + good + b',{"id":"\xff"}]', "invalid_utf8"),
                               (b"[" + good + b',{"a":1,"a":2}]', "duplicate_key"), (b"[" + good + b"]\0", "nul_character"),
                               (b"[" * 33 + good + b"]" * 33, "too_deep")):
                d.equal(f"array {tap.short(body)}", [400, code],
                        said_of(client.send("POST", EVENTS, body, "application/json"))[:2])
            nothing_kept(db, client, d)
            said = client.post(EVENTS, []).json()
            d.equal("an empty array", [0, 0, 0, 0], numbers(said))
            rows = [OPENED, {**CLOSED, "at": "2001-02-06T10:00:00", "outcome": "done"}, 5, None, [], "x", {},
                    {**OPENED, "provider": "NOBODY", "id": "u"}, {**CLOSED, "chanel": 1}, CLOSED, OPENED,
                    {**OPENED, "product": "other"}]
            said = client.post(EVENTS, rows).json()
            d.equal("numbers", [len(rows), 2, 1, 9], numbers(said))
            d.equal("errors", [(2, "missing_offset", "/at"), (2, "invalid_value", "/outcome"), (3, "wrong_type", ""),
                               (4, "wrong_type", ""), (5, "wrong_type", ""), (6, "wrong_type", ""),
                               (7, "missing_field", "/type"), (7, "missing_field", "/id"), (7, "missing_field", "/provider"),
                               (7, "missing_field", "/at"), (8, "unknown_provider", "/provider"),
                               (9, "unknown_field", "/chanel"), (12, "id_conflict", "/id")],
                    [(x["line"], x["code"], x["pointer"]) for x in said["errors"]])
            d.equal("ids", {2: "e6", 8: "u", 9: "e6", 12: "e1", 7: None, 3: None},
                    {x["line"]: x["id"] for x in said["errors"] if x["line"] in (2, 3, 7, 8, 9, 12)})
            d.equal("the order", "compliant", client.get(order_path("R1", "W1") + "/verdict")["outcome"])
        d.finish()
        db.verify(2)


def lines(cluster):
    """NDJSON with bad lines keeps the good; the upload tells of the bad, and mended they are sent again"""
    with cluster.database() as db:
        served = db.serve()
        d = tap.Differences()
        good = [json.dumps({**OPENED, "id": f"g{i}", "order": f"G{i}"}) for i in range(6)]
        bad = [
            '{"id":"b1",', good[0].replace('"g0"', '"b2"').replace("+08:00", ""), "[1,2]",
               json.dumps({**SHIPPED, "id": "b4", "courier": "late", "order": "G1"}),
            json.dumps({**OPENED, "id": "b5", "order": "G9", "serial": "x" * 70000}),
               json.dumps({**OPENED, "id": "b6", "provider": "NOBODY"}),
            '{"id":"b7","id":"b7"}', '{"id":"b\\u0000"}', "\x0b", json.dumps({**OPENED, "id": "b10", "order": "G 10"}),
        ]
        body = "\r\n".join([good[0], "", bad[0], good[1], "   ", bad[1], bad[2], bad[3], good[2], bad[4], bad[5], good[3], bad[6],
                            bad[7], bad[8], good[0], bad[9], good[4]])
        body = body.encode() + b"\n" + good[5].encode().replace(b'"server"',
                                                                b'"\xff"') + b"\n\n" + good[5].encode()  # no newline at the end
        with served.client() as client:
            client.register(PROVIDERS)
            reply = client.send("POST", EVENTS, body, "application/x-ndjson")
            tap.equal("status", 200, reply.status)
            said = reply.json()
            d.equal("numbers", [18, 6, 1, 11], numbers(said))
            d.equal("errors", [(3, "invalid_json", ""), (6, "missing_offset", "/at"), (7, "wrong_type", ""),
                               (8, "invalid_value", "/courier"), (10, "too_large", ""), (11, "unknown_provider", "/provider"),
                               (13, "duplicate_key", ""), (14, "nul_character", "/id"), (15, "invalid_json", ""),
                               (17, "invalid_value", "/order"), (19, "invalid_utf8", "")],
                    sorted({(x["line"], x["code"], x["pointer"]) for x in said["errors"] if x["line"] != 14
                            or x["code"] == "nul_character"}))
            shown = client.get(f"/v1/uploads/{said['upload']}")
            d.equal("the upload", [18, 6, 1, 11, "done", "manufacturer"], [*numbers(shown), shown["status"], shown["party"]])
            reply = client.send("GET", shown["rejected_rows"])
            d.equal("rejected rows come as", "application/x-ndjson", reply.headers["Content-Type"])
            rows = sorted((json.loads(line) for line in reply.data.decode().splitlines()), key=lambda r: r["_line"])
            d.equal("a row each", [3, 6, 7, 8, 10, 11, 13, 14, 15, 17, 19], [r["_line"] for r in rows])
            tap.check(all(r["_code"] and r["_detail"] for r in rows), rows)
            again, _ = client.upload("repair", rows)
            d.equal("sent again as they are", [11, 0, 0, 11], numbers(again))
            mended = [dict(r) for r in rows if r["_line"] in (6, 8, 11, 17)]
            mended[0]["at"] += "+08:00"
            mended[1]["courier"], mended[2]["provider"], mended[3]["order"] = "2D10", "R2", "G10"
            again, _ = client.upload("repair", mended)
            d.equal("mended", [4, 4, 0, 0], numbers(again))
            paged = sorted(pages_of_rejected(client, said["upload"]), key=lambda r: r["_line"])
            d.equal("page by page", rows, paged)
            d.equal("orders", sorted(["G0", "G1", "G2", "G3", "G4", "G5", "G10"]),
                    sorted(x["order"] for x in client.items("/v1/providers/R1/orders")))
            # Empty and all-bad bodies are uploads too.
            for text, want in ((b"", [0, 0, 0, 0]), (b"\n\n \n", [0, 0, 0, 0]), (b"x\ny\n", [2, 0, 0, 2])):
                d.equal(f"NDJSON {text!r}", want, numbers(client.send("POST", EVENTS, text, "application/x-ndjson").json()))
            many = client.send("POST", SURVEYS, b"x\n" * 2500, "application/x-ndjson").json()
            d.equal("2,500 bad lines", [2500, 0, 0, 2500, 1000, 1000],
                    [*numbers(many), len(many["errors"]), many["errors"][-1]["line"]])
            d.equal("all readable", list(range(1, 2501)), [r["_line"] for r in pages_of_rejected(client, many["upload"], 700)])
        d.finish()
        db.verify(10)


def pages_of_rejected(client, upload, limit=3):
    rows, path = [], f"/v1/uploads/{upload}/rejected?limit={limit}"
    while path:
        reply = client.send("GET", path)
        tap.check(reply.status == 200, f"GET {path}: {reply!r}")
        rows += [json.loads(line) for line in reply.data.decode().splitlines()]
        link = reply.headers.get("Link")
        path = link[link.index("<") + 1:link.index(">")] if link else None
    return rows


if __name__ == "__main__":
    daemon.main([one_by_one, requests_refused, documents_refused, repeated, edges_accepted, arrays, lines])
