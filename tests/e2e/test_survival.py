#!/usr/bin/env python3
"""What survives: corruption found and mended, records voided, new versions that judge again, crashes and stops under load.

    test_survival.py ASSAYD [WORD…] [--seed=N]
"""
import itertools
import json
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import oracle
import tap
from daemon import ROUTES, accept_all, said_of
from load import Ledger, Writers
from oracle import m
from records import CLOSED, DISPATCH, NOTED, OPENED, PROVIDERS, RATES, REQUESTED, SHIPPED, SURVEY, VOIDED, without

OPTIONS = dict(a[2:].split("=", 1) for a in sys.argv[1:] if a.startswith("--") and "=" in a)
SEED = int(OPTIONS.get("seed", 7))
SCHEME = m.read_json(daemon.ROOT / "sql/schemes/hp-gold-fy01.json")
CALENDAR = m.read_json(daemon.ROOT / "sql/calendars/cn-office.json")
EVENTS = ROUTES["repair"]


# --- what verify finds and repair mends --------------------------------------------------------------------------------

GOLDEN = daemon.ROOT / "tests/data/fy01"
OF_P003 = "provider_id = (SELECT provider_id FROM provider WHERE code = 'P003')"
# A compliant order, and a month, of P003.
ONE = f"{OF_P003} AND order_no = (SELECT order_no FROM verdict WHERE {OF_P003} AND outcome = 1 ORDER BY order_no LIMIT 1)"
MONTH = f"{OF_P003} AND month = 2001 * 12 + 1"
ANOTHER = "(SELECT packed FROM work_order p WHERE p.provider_id = o.provider_id AND p.order_no <> o.order_no LIMIT 1)"
ORDER = "state, channel, customer_class, warranty, opened_at, dispatched_at, closed_at, product, packed"
VERDICT = ("scheme_id, outcome, reason, scheme_version, calendar_version, month, diagnosis, cycle, diagnosis_deadline, "
           "cycle_deadline, rate")
NOT_VOIDED = "SELECT provider_id, kind, id FROM record WHERE type = 10 EXCEPT SELECT provider_id, kind, id FROM voided LIMIT 1"

CORRUPTIONS = [
    # what it is of, what is done, the statement, what else must be named
    ("order", "closed a day later", f"UPDATE work_order SET closed_at = closed_at + interval '1 day' WHERE {ONE}"),
    ("order", "state", f"UPDATE work_order SET state = 1 WHERE {ONE}"),
    ("order", "product", f"UPDATE work_order SET product = NULL WHERE {ONE}"),
    ("order", "the records of another", f"UPDATE work_order o SET packed = {ANOTHER} WHERE {ONE}"),
    ("order", "records cut", f"UPDATE work_order SET packed = substring(packed FROM 1 FOR length(packed) - 3) WHERE {ONE}"),
    ("order", "missing", f"DELETE FROM work_order WHERE {ONE}"),
    ("order", "one that no record names",
     f"INSERT INTO work_order (provider_id, order_no, {ORDER}) SELECT provider_id, 'NOT', {ORDER} FROM work_order WHERE {ONE}"),
    ("verdict", "outcome", f"UPDATE verdict SET outcome = 2 WHERE {ONE}"),
    ("verdict", "month", f"UPDATE verdict SET month = month + 1 WHERE {ONE}"),
    ("verdict", "rate", f"UPDATE verdict SET rate = rate + 1 WHERE {ONE}"),
    ("verdict", "deadline", f"UPDATE verdict SET cycle_deadline = now() WHERE {ONE}"),
    ("verdict", "missing", f"DELETE FROM verdict WHERE {ONE}"),
    ("verdict", "one of no order",
     f"INSERT INTO verdict (provider_id, order_no, {VERDICT}) SELECT provider_id, 'NOT', {VERDICT} FROM verdict WHERE {ONE}"),
    ("tally", "one compliant more", f"UPDATE tally SET counts[2] = counts[2] + 1 WHERE {MONTH}", "evaluation"),
    ("tally", "missing", f"DELETE FROM tally WHERE {MONTH}", "evaluation"),
    ("tally", "one of no order",
     f"INSERT INTO tally SELECT provider_id, scheme_id, 2005 * 12, counts FROM tally WHERE {MONTH}", "evaluation"),
    ("pay", "one order more", f"UPDATE pay_tally SET orders = orders + 1 WHERE {MONTH}"),
    ("pay", "missing", f"DELETE FROM pay_tally WHERE {MONTH}"),
    ("pay", "another rate", f"UPDATE pay_tally SET rate = rate + 100000 WHERE {MONTH}"),
    ("voided", "a mark lost", "DELETE FROM voided WHERE (provider_id, kind, id) IN (SELECT * FROM voided LIMIT 1)"),
    ("voided", "a mark too many", f"INSERT INTO voided {NOT_VOIDED}"),
    ("order", "all that is derived", "TRUNCATE work_order, verdict, tally, pay_tally, voided", "verdict", "tally", "evaluation",
     "pay", "voided"),
]


def corruption(cluster):
    """verify finds each kind of corrupted row, and repair mends it: the representations are the same bytes again"""
    with cluster.database() as db:
        served = db.serve()
        d = tap.Differences()
        with served.client() as client:
            client.register(m.read_ndjson(GOLDEN / "providers.ndjson"))
            tap.check(client.put("/v1/rates/fy01-labour", RATES).status == 201, "rates")
            for stream, row in (("dispatch", "dispatches"), ("repair", "events"), ("survey", "surveys")):
                accept_all(client.upload(stream, m.read_ndjson(GOLDEN / f"{row}.ndjson"))[0])
            paths = [f"/v1/{what}/2001-{x:02d}" for what in ("evaluations/hp-gold-fy01", "compensation") for x in range(1, 5)]
            paths += ["/v1/providers/P003/orders?limit=1000", "/v1/providers/P003/compensation/2001-02/lines?limit=1000",
                      "/v1/orders/at-risk?limit=1000&within_seconds=31536000"]
            fresh = lambda: [client.send("GET", p, headers={"Cache-Control": "no-cache"}).headers["ETag"] for p in paths]
            before = fresh()
            for kind, what, statement, *also in CORRUPTIONS:
                name, kinds = f"{kind}, {what}", {kind, *also}
                db.sql(statement)
                status, numbers, said = db.recompute()
                found = {line.split()[0] for line in said}
                d.equal(f"{name}: verify", [1, True], [status, numbers["differences"] == len(said) > 0])
                if not kinds <= found:
                    d.add(f"{name}: named {sorted(found)}, wanted {sorted(kinds)}: {said[:3]}")
                status, numbers, said = db.recompute("--repair")
                d.equal(f"{name}: repair", [0, True], [status, numbers["differences"] > 0])
                status, numbers, said = db.recompute()
                if status or said:
                    d.add(f"{name}: after repair {numbers}: {said[:5]}")
                after = fresh()
                for path in (p for p, x, y in zip(paths, before, after) if x != y):
                    d.add(f"{name}: {path} is not what it was")
                if status or after != before:
                    break  # what follows would only repeat it
        d.finish()


GONE = [
    # which records, how many lines tell of them
    ("an observation", "kind = (SELECT kind FROM record WHERE id = 'O-1') AND id = 'O-1'", 1),
    ("three in a row, in the middle", "provider_id = 1 AND seq BETWEEN 20 AND 22", 1),
    ("the last one", "provider_id = 2 AND seq = (SELECT seq FROM provider_head WHERE provider_id = 2)", 1),
    ("all of a provider", "provider_id = 3", 1),
]


def gone(cluster):
    """a record that is gone is found by its number, whatever it was of; repair mends what rested on it, and goes on saying so"""
    with cluster.database() as db:
        served = db.serve()
        d, lines = tap.Differences(), 0
        with served.client() as client:
            client.register(m.read_ndjson(GOLDEN / "providers.ndjson"))
            accept_all(client.upload("repair", m.read_ndjson(GOLDEN / "events.ndjson"))[0])
            observed = {"id": "O-1", "provider": "P001", "indicator": "audit", "at": "2001-02-05T09:00:00+08:00", "value": "97.5"}
            tap.equal("an observation", 201, client.post("/v1/observations", observed).status)
            db.verify()
            for what, where, more in GONE:
                db.sql(f"DELETE FROM record WHERE {where}")
                lines += more
                status, numbers, said = db.recompute()
                told = [x for x in said if x.startswith("record ")]
                d.equal(f"{what}: verify", [1, lines], [status, len(told)])
                status, numbers, said = db.recompute("--repair")
                d.equal(f"{what}: repair", [1, lines], [status, len([x for x in said if x.startswith("record ")])])
                status, numbers, said = db.recompute()
                d.equal(f"{what}: what is left", [1, told], [status, said])
            d.finish()


# --- voids -------------------------------------------------------------------------------------------------------------


def void(i, target, kind=None):
    return {**VOIDED, "id": f"v{i}", "target": target, **({"target_kind": kind} if kind else {})}


def voids_of(*targets):
    return [("repair", void(i, *(target if isinstance(target, tuple) else (target,)))) for i, target in enumerate(targets, 1)]


EVERYTHING = voids_of("e1", "e2", ("e3", "shipment"), "e6")
LOOSE = without(SURVEY, "order")

# What each story sends beside OPENED, REQUESTED, SHIPPED and CLOSED of one order; the model says what comes of it.
VOIDS = {
    "the close": voids_of("e6"),
    "the opening": voids_of("e1"),
    "the request": voids_of("e2"),
    "the shipment": voids_of(("e3", "shipment")),
    "the dispatch": [("dispatch", DISPATCH)] + voids_of(("d1", "dispatch")),
    "a response": [("survey", SURVEY), ("survey", {**SURVEY, "id": "s2", "answer": "satisfied"})] + voids_of(("s1", "survey")),
    "a response of no order": [("survey", LOOSE)] + voids_of(("s1", "survey")),
    "a response of no order, twice": [("survey", LOOSE)] + voids_of(("s1", "survey"), ("s1", "survey")),
    "an observation that never comes": voids_of(("o1", "observation")),
    "what never comes": voids_of("e99", ("e99", "shipment")),
    "the wrong kind": voids_of(("e6", "shipment"), "e3"),
    "a void": voids_of("e6", "v1"),
    "itself": voids_of("v1"),
    "everything": EVERYTHING,
    "everything but a response": [("survey", SURVEY)] + EVERYTHING,
    "the close, sent again under another id": voids_of("e6") + [("repair", {**CLOSED, "id": "e8"})],
}
STORY = [("repair", r) for r in (OPENED, REQUESTED, SHIPPED, CLOSED)]
WAYS = ("after", "before", "mixed", "one body", "one body turned round")


def voids(cluster):
    """voids of every kind, before and after their target, alone and in a body: always what the model says"""
    rng = random.Random(SEED)
    d = tap.Differences()
    with cluster.database() as db:
        served = db.serve()
        providers, records, plan = [], [], []
        for name, extra in VOIDS.items():
            for way in WAYS:
                code = f"V{len(providers)}"
                providers.append({**PROVIDERS[0], "code": code})
                own = [(stream, {**r, "provider": code}) for stream, r in STORY + extra]
                plan.append((f"{name}, {way}", way, own))
                records += own
        with served.client() as client:
            client.register(providers)
            client.put("/v1/rates/fy01-labour", RATES)
            for name, way, own in plan:
                send_voids(client, way, own, rng, d, name)
        model = oracle.model_of(providers, records, SCHEME, CALENDAR, RATES)
        tap.comment(f"{len(plan)} stories, {len(model.verdicts)} orders exist")
        d.finish()
        oracle.Oracle(model).compare([served])
        db.verify(oracle.count_accepted(records, [p["code"] for p in providers]))


def send_voids(client, way, own, rng, d, name):
    if way == "mixed":
        rng.shuffle(own)
    else:
        own.sort(key=lambda x: x[1].get("type") == "event.voided", reverse=way in ("before", "one body turned round"))
    if way.startswith("one body"):
        for stream in dict.fromkeys(s for s, _ in own):
            accept_all(client.upload(stream, [r for s, r in own if s == stream])[0])
        return
    for stream, record in own:
        d.equal(f"{name}: {record['id']}", 201, client.post(ROUTES[stream], record).status)


# --- new versions ------------------------------------------------------------------------------------------------------


class Changing:
    """Some of the golden network in a database with two daemons, and the configuration as it should now be."""

    CHOSEN = ("P002", "P006", "P010", "Q-095")

    def __init__(self, db):
        self.db, self.daemons = db, db.serve_two()
        self.providers = [p for p in m.read_ndjson(GOLDEN / "providers.ndjson") if p["code"] in self.CHOSEN]
        self.records = [(s, r) for s, r in oracle.records_of(GOLDEN) if r["provider"] in self.CHOSEN]
        self.calendar, self.rates, self.later = CALENDAR, None, []
        with self.daemons[0].client() as client:
            client.register(self.providers)
            for stream in ROUTES:
                accept_all(client.upload(stream, [r for s, r in self.records if s == stream])[0])

    def check(self, step):
        """Both daemons say what the model says of the configuration. -> the model"""
        rates = self.rates or {"currency": "CNY", "rates": []}
        model = oracle.model_of(self.providers, self.records, SCHEME, self.calendar, rates, scheme_versions=self.later)
        expected, some = oracle.Oracle(model), random.Random(step).sample(list(model.verdicts), 60)
        d = tap.Differences()
        time.sleep(1.1)  # one daemon's changes show at the other within a second
        for each in self.daemons:
            expected.compare_orders([each], d)
            expected.compare_verdicts([each], d, some)
            if self.rates:
                expected.compare_months([each], d)
        if d.count:
            d.lines.insert(0, f"after {step}:")
        d.finish()
        self.db.verify(len(self.records))
        return model


def put_result(reply):
    said = reply.json()
    return [reply.status, said["version"], said["changed"]]


def versions(cluster):
    """a provider's facts, a calendar, rates and a scheme's version judge again what they touch; If-Match guards schemes"""
    with cluster.database() as db:
        network = Changing(db)
        before = network.check("loading")
        with network.daemons[0].client() as client, network.daemons[1].client() as other:
            new_rates(network, client, other)
            new_facts(network, other, before)
            # A holiday and a make-up day: a correction, for every order.
            network.calendar = {**CALENDAR, "exceptions": [
                {"date": "2001-02-06", "hours": [], "name": "holiday"},
                {"date": "2001-02-10", "hours": [["08:30", "17:30"]], "name": "make-up day"}]}
            tap.equal("PUT calendar", [200, 2, True], put_result(client.put("/v1/calendars/cn-office", network.calendar)))
            network.check("a holiday")
            new_scheme(network, client)


def new_rates(network, client, other):
    path = "/v1/rates/fy01-labour"
    tap.equal("PUT rates", [201, 1, True], put_result(other.put(path, RATES)))
    network.rates = RATES
    network.check("rates")
    later = {"product": "notebook", "warranty": "*", "from": "2001-02-01", "amount": "33.33"}
    network.rates = {**RATES, "rates": RATES["rates"] + [later]}
    tap.equal("PUT rates again", [200, 2, True], put_result(client.put(path, network.rates)))
    network.check("rates from February")
    tap.equal("PUT the same rates", [200, 2, False], put_result(client.put(path, network.rates)))
    tap.equal("rates that are not the newest", 412, client.put(path, RATES, '"v1"').status)


def new_facts(network, client, before):
    """A provider moves, is corrected for the same date, and another stops to keep stock."""
    for code, city, ascim, since in (("P002", "Beijing", True, "2001-01-15"), ("P002", "北京", False, "2001-01-15"),
                                     ("P006", "Harbin", False, "2001-02-01")):
        row = {"code": code, "name": f"Provider {code}", "city": city, "ascim": ascim, "effective_from": since}
        tap.equal(f"PUT {row}", 200, client.put(f"/v1/providers/{code}", row).status)
        network.providers.append(row)
    after = network.check("new facts")
    changed = sum(before.verdicts[k].outcome != v.outcome for k, v in after.verdicts.items())
    tap.check(changed, "the new facts change no outcome: the test is blind")


def new_scheme(network, client):
    """From February on, everything is otherwise; whoever puts it says what it follows."""
    document = json.loads(json.dumps(SCHEME))
    document["effective_from"] = "2001-02-01"
    document["clocks"]["diagnosis"]["limit"] = {"working_hours": 2}
    document["clocks"]["cycle"]["standards"]["no_parts"] = {"calendar_hours": 30}
    document["indicators"][0]["curve"] = {"kind": "stepped", "points": [["0", "0"], ["0.5", "20"], ["0.8", "40"]]}
    document["pay"]["multiplier"]["points"] = [["0", "0.5"], ["1", "1.25"]]
    path = "/v1/schemes/hp-gold-fy01"
    tap.equal("without If-Match", [428, "precondition_required", []], said_of(client.put(path, document)))
    for wrong in ('"v2"', '"v0"', '"x"', 'W/"v1"', "v1"):
        tap.equal(f"If-Match {wrong}", [412, "precondition_failed", []], said_of(client.put(path, document, wrong)))
    tap.equal("no such version yet", 404, client.send("GET", path + "/versions/2").status)
    etag = client.send("GET", path).headers["ETag"]
    tap.equal("with If-Match", [200, 2, True], put_result(client.put(path, document, etag)))
    network.later = [("2001-02-01", document)]
    network.check("a scheme's version from February on")
    tap.equal("the old If-Match", 412, client.put(path, SCHEME, etag).status)
    tap.equal("the versions", [SCHEME, document], [client.get(path + f"/versions/{n}")["document"] for n in (1, 2)])


# --- crashes and stops -------------------------------------------------------------------------------------------------


class Kept:
    """One state directory, over all its daemons, and the ledger of all that was posted to them."""

    def __init__(self, cluster):
        self.cluster, self.state, self.ledger = cluster, daemon.new_folder() / "state", Ledger()

    def serve(self):
        """The next daemon; where the one before was killed, it adopts the PostgreSQL that was left behind."""
        first = not self.state.exists()
        embedded = daemon.Embedded(self.cluster.assayd, self.state)
        if first:
            with embedded.client() as client:
                client.register(PROVIDERS)
        return embedded

    def load(self, embedded, threads, name):
        """Clients that post single records without pause, until they lose the connection."""
        numbers = itertools.count()
        return Writers(lambda k: embedded.client(timeout=60), lambda most: [("repair", load_record(f"{name}-{next(numbers)}"))], self.ledger,
                       threads, patient=False)

    def check(self, embedded):
        """Everything acknowledged is there; of the rest nothing but what was under way may be; and verify is clean."""
        kept = {row[0] for row in daemon.sql(self.cluster.psql, embedded.conninfo(), "SELECT id FROM record")}
        wrong = self.ledger.check(kept)
        tap.check(not wrong, "\n".join(wrong))
        daemon.verify(self.cluster.assayd, embedded.conninfo(), len(kept))


def load_record(id):
    """Three records an order: an opening and two notes."""
    name, i = id.rsplit("-", 1)
    return {**(OPENED if int(i) % 3 == 0 else NOTED), "id": id, "order": f"L{name}-{int(i) // 3}"}


def killed(cluster):
    """kill -9 while singles are posted: everything acknowledged is there after a restart, and verify is clean"""
    kept = Kept(cluster)
    ledger = kept.ledger
    for round_ in range(3):
        embedded = kept.serve()
        kept.check(embedded)
        before = len(ledger.acknowledged)
        load = kept.load(embedded, 8, f"k{round_}x")
        load.wait_for(before + 250 * (round_ + 1))
        embedded.kill()
        load.finish()
        acknowledged = len(ledger.acknowledged) - before
        tap.comment(f"kill {round_ + 1}: {acknowledged} acknowledged, {len(ledger.unanswered)} without an answer")
        tap.check(acknowledged >= 250, "too little was acknowledged to say anything")
    embedded = kept.serve()
    kept.check(embedded)
    # Whoever sends again what had no answer does no harm.
    with embedded.client() as client:
        said = accept_all(client.upload("repair", [load_record(x) for x in sorted(ledger.known)])[0])
    tap.check(said["duplicates"] >= len(ledger.acknowledged), f"sent again: {said}")
    daemon.verify(cluster.assayd, embedded.conninfo(), len(ledger.known))
    embedded.stop()


def stopped(cluster):
    """SIGTERM under load: what the daemon has taken it acknowledges, and nothing acknowledged is lost"""
    kept = Kept(cluster)
    ledger = kept.ledger
    for round_ in range(2):
        embedded = kept.serve()
        before = len(ledger.acknowledged)
        load = kept.load(embedded, 12, f"t{round_}x")
        load.wait_for(before + 200)
        with ThreadPoolExecutor(1) as pool:
            bulk = pool.submit(post_bulk, embedded, ledger, f"bulk{round_}")
            load.wait_for(before + 300)
            begin = time.monotonic()
            embedded.stop()  # raises where it does not end well
            seconds = time.monotonic() - begin
            load.finish()
            acknowledged = bulk.result()
        tap.comment(f"stop {round_ + 1} took {seconds:.1f} s: {len(ledger.acknowledged) - before} acknowledged, {ledger.refused} refused, "
                    f"{ledger.broken} without an answer; bulk body {'acknowledged' if acknowledged else 'given up'}")
        tap.check(seconds < 30, f"stopping took {seconds:.1f} s")
    embedded = kept.serve()
    kept.check(embedded)
    embedded.stop()


def post_bulk(served, ledger, name):
    """One bulk body under way while the daemon is stopped; given up, it may be there in part. -> whether it was acknowledged"""
    records = [load_record(f"{name}-{i}") for i in range(6000)]
    ledger.sending([("repair", r) for r in records])
    with served.client() as client:
        try:
            acknowledged = client.ndjson(EVENTS, records).status == 200
        except (HTTPException, OSError):
            return False
    if acknowledged:
        ledger.took(r["id"] for r in records)
    return acknowledged


if __name__ == "__main__":
    daemon.main([corruption, gone, voids, versions, killed, stopped])
