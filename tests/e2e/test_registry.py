#!/usr/bin/env python3
"""The registry: schemas and the daemon refuse the same mistakes, versions and preconditions, and changes that are worked out
while records keep coming, whoever dies.

    test_registry.py ASSAYD [WORD…]
"""
import copy
import json
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import ROUTES, pointers
from oracle import m
from records import CLOSED, OPENED, PROVIDERS, RATES

SCHEME = m.read_json(daemon.ROOT / "sql/schemes/hp-gold-fy01.json")
CALENDAR = m.read_json(daemon.ROOT / "sql/calendars/cn-office.json")
EVENTS = ROUTES["repair"]
GONE = object()

# --- documents: the schema and the daemon -------------------------------------------------------------------------------
# what is put where, the daemon's pointer and code, a part of what it says is right; whether a schema can tell

MISTAKES = [
    ("/name", GONE, "/name", "missing_field", "", True),
    ("/name", "Gold", "/name", "wrong_type", "object", True),
    ("/name/zh-CN", "", "/name/zh-CN", "invalid_value", "empty", True),
    ("/nmae", {}, "/nmae", "unknown_field", "known here: name", True),
    ("/starts", "2000-13-01", "/starts", "invalid_time", "2001-02-03", True),
    ("/starts", 20001201, "/starts", "wrong_type", "", True),
    ("/effective_from", "today", "/effective_from", "invalid_time", "2001-02-03", True),
    ("/cycle", "week", "/cycle", "invalid_value", "month", True),
    ("/window_months", 0, "/window_months", "out_of_range", "1", True),
    ("/window_months", 37, "/window_months", "out_of_range", "36", True),
    ("/window_months", "3", "/window_months", "wrong_type", "integer", True),
    ("/calendar", "cn office", "/calendar", "invalid_value", "A-Z a-z 0-9", True),
    ("/clocks/diagnosis/limit", {"working_days": 1}, "/clocks/diagnosis/limit", "invalid_value", "working_hours", True),
    ("/clocks/diagnosis/limit", {}, "/clocks/diagnosis/limit", "invalid_value", "exactly one", True),
    ("/clocks/diagnosis/exempted_by", ["sleep"], "/clocks/diagnosis/exempted_by/0", "invalid_value", "machine_testing", True),
    ("/clocks/cycle/standards/no_parts", {"working_days": 1, "calendar_days": 1}, "/clocks/cycle/standards/no_parts",
     "invalid_value", "exactly one", True),
    ("/clocks/cycle/standards/late_2", {"working_days": -1}, "/clocks/cycle/standards/late_2/working_days", "out_of_range", "0", True),
    ("/clocks/cycle/standards/late_9", {"working_days": 1}, "/clocks/cycle/standards/late_9", "unknown_field", "late_2", True),
    ("/clocks/cycle/standards/city", [], "/clocks/cycle/standards/city", "out_of_range", "1 to 16", True),
    ("/clocks/cycle/lateness/0/standard", "late_3", "/clocks/cycle/lateness/0/standard", "invalid_value", "late_1", True),
    ("/clocks/cycle/lateness/0/until", "10D30", "/clocks/cycle/lateness/0/until", "invalid_value", "3D10", True),
    ("/clocks/cycle/lateness/0/beyond_slowest", "no", "/clocks/cycle/lateness/0/beyond_slowest", "wrong_type", "true or false", True),
    ("/indicators", [], "/indicators", "out_of_range", "1 to 16", True),
    ("/indicators/0/measure", "speed", "/indicators/0/measure", "invalid_value", "compliance", True),
    ("/indicators/0/weights", {}, "/indicators/0/weights", "unknown_field", "code, measure", True),
    ("/indicators/1/weights/complaint", "-1", "/indicators/1/weights/complaint", "out_of_range", "at least 0", True),
    ("/indicators/1/weights/complaint", GONE, "/indicators/1/weights/complaint", "missing_field", "", True),
    ("/indicators/1/responsibility_shares/shared", "1.5", "/indicators/1/responsibility_shares/shared", "out_of_range", "at most 1", True),
    ("/indicators/0/max", "many", "/indicators/0/max", "invalid_value", "", True),
    ("/indicators/0/curve/kind", "wavy", "/indicators/0/curve/kind", "invalid_value", "linear", True),
    ("/indicators/0/curve/points/0", ["1"], "/indicators/0/curve/points/0", "invalid_value", "pair", True),
    ("/pay/unrated", -1, "/pay/unrated", "out_of_range", "at least 0", True),
    ("/pay/multiplier/points", GONE, "/pay/multiplier/points", "missing_field", "", True),
    ("/grades", [{}], "/grades", "invalid_value", "empty list", True),
    ("/assumptions/0/text/en", 5, "/assumptions/0/text/en", "wrong_type", "", True),
    ("/assumptions/0/id", "x" * 65, "/assumptions/0/id", "too_long", "64", True),
    # what no schema can say
    ("/calendar", "nowhere", "/calendar", "invalid_value", "there is no calendar nowhere", False),
    ("/time_zone", "Asia/Atlantis", "/time_zone", "invalid_value", "", False),
    ("/clocks/cycle/lateness/1/name", SCHEME["clocks"]["cycle"]["lateness"][0]["name"], "/clocks/cycle/lateness/1/name",
     "invalid_value", "already", False),
    ("/indicators/1/code", SCHEME["indicators"][0]["code"], "/indicators/1/code", "invalid_value", "already", False),
    ("/indicators/0/curve/points/1/0", SCHEME["indicators"][0]["curve"]["points"][0][0], "/indicators/0/curve/points/1/0",
     "invalid_value", "greater", False),
    ("/assumptions/0/about", "the weather", "/assumptions/0/about", "invalid_value", "pointer", False),
]


def changed(document, pointer, value):
    out = copy.deepcopy(document)
    *way, last = pointer.split("/")[1:]
    at = out
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    if isinstance(at, list):
        at[int(last)] = value
    elif value is GONE:
        del at[last]
    else:
        at[last] = value
    return out


def validators():
    try:
        import jsonschema
    except ImportError:
        raise tap.Skip("there is no python3-jsonschema")
    out = {}
    for kind in ("scheme", "calendar", "rates"):
        schema = m.read_json(daemon.ROOT / f"api/{kind}.schema.json")
        jsonschema.Draft202012Validator.check_schema(schema)
        out[kind] = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    return out


def contract_and_schemas(cluster):
    """the schemas that are served are those of the contract"""
    done = subprocess.run([sys.executable, daemon.ROOT / "api/schemas.py", "--check"], capture_output=True, text=True)
    tap.equal("api/schemas.py --check", (0, ""), (done.returncode, done.stderr))


def same_mistakes(cluster):
    """the schema refuses what the daemon refuses, and the daemon says where and what would be right"""
    check = validators()
    d = tap.Differences()
    d.equal("the shipped scheme", [], [e.message for e in check["scheme"].iter_errors(SCHEME)])
    d.equal("the shipped calendar", [], [e.message for e in check["calendar"].iter_errors(CALENDAR)])
    d.equal("rates", [], [e.message for e in check["rates"].iter_errors(RATES)])
    with cluster.database() as db:
        with db.serve().client() as client:
            for kind in check:
                served = client.send("GET", f"/v1/schemas/{kind}")
                d.equal(f"served: {kind}", [200, "application/schema+json", m.read_json(daemon.ROOT / f"api/{kind}.schema.json")],
                        [served.status, served.headers["Content-Type"], served.json()])
            d.equal("no such schema", 404, client.send("GET", "/v1/schemas/providers").status)
            for pointer, value, at, code, right, formal in MISTAKES:
                what = f"{pointer} = {'gone' if value is GONE else tap.short(value)}"
                document = changed(SCHEME, pointer, value)
                reply = client.put("/v1/schemes/other", document)
                d.equal(f"{what}: status", 422, reply.status)
                if reply.status == 422:
                    errors = reply.json()["errors"]
                    found = [e for e in errors if e["pointer"] == at and e["code"] == code]
                    if not any(right in e["detail"] for e in found):
                        d.add(f"{what}: wanted {at} {code} …{right}…, found {tap.short(errors)}")
                d.equal(f"{what}: the schema refuses it", formal, not check["scheme"].is_valid(document))
            d.equal("nothing was kept", 404, client.send("GET", "/v1/schemes/other").status)
            d.equal("the shipped one is taken", 201, client.put("/v1/schemes/other", SCHEME).status)
    d.finish()


# --- versions and preconditions --------------------------------------------------------------------------------------------


def send(client, path, document, **headers):
    return client.send("PUT", path, json.dumps(document).encode(), "application/json",
                       {k.replace("_", "-"): v for k, v in headers.items()})


def preconditions(cluster):
    """If-Match and If-None-Match hold on every put; the entity tag is the version"""
    documents = {"/v1/calendars/cn-office": [CALENDAR, {**CALENDAR, "exceptions": [{"date": "2001-01-24", "hours": []}]}],
                 "/v1/schemes/hp-gold-fy01": [SCHEME, {**SCHEME, "window_months": 2}],
                 "/v1/rates/other": [RATES, {**RATES, "currency": "EUR"}],
                 "/v1/providers/R1": [{k: v for k, v in PROVIDERS[0].items() if k != "code"},
                                      {"name": "New", "city": "Harbin", "ascim": True, "effective_from": "2001-01-01"}]}
    d = tap.Differences()
    with cluster.database() as db:
        with db.serve().client() as client:
            client.register(PROVIDERS[1:])  # someone whom changes touch
            for path, (first, second) in documents.items():
                if "schemes" in path:
                    d.equal("a scheme needs If-Match", [428, "precondition_required"],
                            [(r := send(client, path, second)).status, r.json()["code"]])
                if client.send("GET", path).status == 404:
                    d.equal(f"{path} must exist", 412, send(client, path, first, If_Match="*").status)
                    reply = send(client, path, first, If_None_Match="*")
                    d.equal(f"{path} made", [201, '"v1"'], [reply.status, reply.headers["ETag"]])
                d.equal(f"{path} exists", 412, send(client, path, second, If_None_Match="*").status)
                d.equal(f"{path} v7", 412, send(client, path, second, If_Match='"v7"').status)
                d.equal(f"{path} weak", 412, send(client, path, second, If_Match='W/"v1"').status)
                d.equal(f"{path} v1", '"v1"', client.send("GET", path).headers["ETag"])
                d.equal(f"{path} said again", [200, '"v1"'],
                        [(r := send(client, path, dict(reversed(first.items())), If_Match='"v1"')).status, r.headers["ETag"]])
                reply = send(client, path, second, If_Match='"v9", "v1"')
                d.equal(f"{path} replaced", [200, '"v2"'], [reply.status, reply.headers["ETag"]])
                d.equal(f"{path} link", 1 if "other" not in path else 0, int(reply.json()["recomputation"] is not None))
                d.equal(f"{path} v1 once more", 412, send(client, path, first, If_Match='"v1"').status)
                shown = client.get(path + "/versions")["items"]
                d.equal(f"{path} versions", [2, 1], [x["version"] for x in shown])
                if "providers" in path:
                    d.equal("provider", [("in_force", "Harbin", "2001-01-01"), ("in_force", "Beijing", None)],
                            [(x["state"], x["city"], x["effective_from"]) for x in shown])
                    continue
                d.equal(f"{path} states", ["in_force", "superseded"], [x["status"] for x in shown])
                d.equal(f"{path} v1 as it was", first, client.get(shown[1]["href"])["document"])
                d.equal(f"{path} v2", second, client.get(shown[0]["href"])["document"])
                for number in ("3", "0", "x", "1.0", "-1", "01"):
                    d.equal(f"{path} version {number}", 404, client.send("GET", f"{path}/versions/{number}").status)
            later = {**SCHEME, "effective_from": "2001-02-01"}
            d.equal("a scheme from a date on", 200, send(client, "/v1/schemes/hp-gold-fy01", later, If_Match='"v2"').status)
            d.equal("beside those before", [("in_force", "2001-02-01"), ("in_force", None), ("superseded", None)],
                    [(x["status"], x["effective_from"]) for x in client.get("/v1/schemes/hp-gold-fy01/versions")["items"]])
            for path in ("/v1/calendars/none/versions", "/v1/rates/none/versions", "/v1/schemes/none/versions",
                         "/v1/providers/none/versions", "/v1/recomputations/99", "/v1/recomputations/x", "/v1/recomputations/0"):
                d.equal(path, 404, client.send("GET", path).status)
            d.equal("recomputations, newest first", [4, 3, 2, 1], [x["id"] for x in client.items("/v1/recomputations", limit=3)])
            errors = client.ndjson("/v1/providers", [PROVIDERS[0], {**PROVIDERS[1], "city": 5, "colour": 1}, "nonsense"])
            d.equal("a bad list of providers", [422, [(2, "unknown_field", "/colour"), (2, "wrong_type", "/city"),
                                                      (3, "invalid_json", "")]],
                    [errors.status, sorted((x["line"], x["code"], x["pointer"]) for x in errors.json()["errors"])])
    d.finish()


# --- worked out while records keep coming --------------------------------------------------------------------------------------

N = 4000


def orders(first, n):
    for i in range(first, first + n):
        of = {"provider": f"R{1 + i % 2}", "order": f"W{(i * 7919) % 1000003:06}"}
        yield {**OPENED, **of, "id": f"o{i}"}
        yield {**CLOSED, **of, "id": f"c{i}", "at": "2001-02-05T18:00:00+08:00"}


def killed_and_taken_over(cluster):
    """a change outlives its daemon, records come meanwhile, and nobody sees half of it"""
    small = ["--recompute-page=20", "--recompute-lease-seconds=1"]
    d = tap.Differences()
    with cluster.database() as db:
        first, other = db.serve(*small), db.serve(*small)
        with first.client() as client, other.client() as spare:
            client.register(PROVIDERS)
            client.put("/v1/rates/fy01-labour", RATES)
            client.upload("repair", list(orders(0, N)))
            base = [x for x in client.items("/v1/recomputations")]
            before = pay(spare)
            reply = send(client, "/v1/rates/fy01-labour", {**RATES, "rates": [{"product": "*", "warranty": "*", "amount": "1.00"}]},
                         Prefer="respond-async")
            tap.equal("taken", 202, reply.status)
            link = reply.headers["Location"]
            tap.equal("running", "running", reply.json()["status"])
            tap.equal("shown as pending", ["pending", "in_force"], [x["status"] for x in client.get("/v1/rates/fy01-labour/versions")["items"]])
            first.kill()
            db.daemons.remove(first)
            fed, seen = N, {before: 0}
            while (r := spare.get(link))["status"] == "running":
                spare.upload("repair", list(orders(fed, 5)))
                fed += 5
                now = rates_of(spare)
                seen[now] = seen.get(now, 0) + 1
            tap.equal("done", "done", r["status"])
            tap.check(fed - N >= 20, f"only {fed - N} orders were taken while it ran")
            tap.check(r["orders"]["judged"] >= N // 2, r)
            d.equal("in force", ["in_force", "superseded"], [x["status"] for x in spare.get("/v1/rates/fy01-labour/versions")["items"]])
            tap.check(pay(spare) != before, "nothing changed")
            d.equal("one more recomputation", len(base) + 1, len(spare.items("/v1/recomputations")))
            for line in spare.get("/v1/providers/R1/compensation/2001-02/lines", limit=1000)["items"]:
                if line["rate"]["amount"] != "1.00":
                    d.add(f"an old rate is left: {line}")
            wait_tidy(db)
        d.finish()
        db.verify(2 * fed)


def pay(client):
    return json.dumps(client.get("/v1/providers/R1/compensation/2001-02")["base"])


def rates_of(client):
    """All the lines' rates are of one table."""
    rates = {x["rate"]["amount"] for x in client.get("/v1/providers/R1/compensation/2001-02/lines", limit=1000)["items"]}
    tap.check(rates in ({"1.00"}, {"80.00"}), f"a mixture: {rates}")
    return rates.pop()


def wait_tidy(db):
    for _ in range(200):
        if db.sql("SELECT count(*) FROM recomputation WHERE untidy") == [["0"]]:
            break
        time.sleep(0.05)
    tap.equal("rows left behind", [["0"]], db.sql("SELECT (SELECT count(*) FROM verdict) - (SELECT count(*) FROM verdict_in_force)"))


def turns(cluster):
    """one at a time: a second change waits, then is told to come again; what touches nothing never waits"""
    with cluster.database() as db:
        served = db.serve("--recompute-page=1", "--change-seconds=1")
        with served.client() as client:
            client.register(PROVIDERS)
            client.upload("repair", list(orders(0, N)))
            reply = client.put("/v1/rates/fy01-labour", RATES)
            tap.equal("longer than it waits", 202, reply.status)
            busy = client.put("/v1/calendars/cn-office", {**CALENDAR, "exceptions": [{"date": "2001-01-24", "hours": []}]})
            tap.equal("busy", [503, "recomputation_busy", "5"], [busy.status, busy.json()["code"], busy.headers["Retry-After"]])
            tap.equal("new ones do not wait", 1, client.register([{**PROVIDERS[0], "code": "R3"}])["created"])
            tap.equal("nor does what nobody rests on", 201, client.put("/v1/calendars/spare", CALENDAR).status)
            tap.equal("still running", "running", client.get(reply.headers["Location"])["status"])


def preferences(cluster):
    """Prefer says how long to wait, at most as long as the daemon would; what cannot be read is passed over"""
    d = tap.Differences()
    with cluster.database() as db:
        served = db.serve("--recompute-page=1", "--change-seconds=2")
        with served.client() as client:
            client.register(PROVIDERS)
            client.upload("repair", list(orders(0, 6000)))
            for i, (prefer, least, most) in enumerate([("handling=lenient, Wait=1; x=y", 1, 1.9), ("wait=x, wait=600", 2, 60)]):
                began = time.monotonic()
                reply = send(client, "/v1/rates/fy01-labour", {**RATES, "rates": [{"product": "*", "warranty": "*", "amount": f"{i}.00"}]},
                             Prefer=prefer)
                took = time.monotonic() - began
                d.equal(f"{prefer}: status", 202, reply.status)
                if not least <= took < most:
                    d.add(f"{prefer}: took {took:.2f} s")
                while client.get(reply.headers["Location"])["status"] == "running":
                    time.sleep(0.1)
    d.finish()


if __name__ == "__main__":
    daemon.main([contract_and_schemas, same_mistakes, preconditions, killed_and_taken_over, turns, preferences])