#!/usr/bin/env python3
"""The golden FY01 network over HTTP: whatever the order, the batching and the daemons, every verdict and every evaluation
of expected.json, exactly.

    test_golden.py ASSAYD [WORD…] [--seed=N] [--runs=N]
"""
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import oracle
import tap
from daemon import ROUTES, accept_all, order_path, parallel
from oracle import m

FOLDER = daemon.ROOT / "tests/data/fy01"
SCHEME = m.read_json(daemon.ROOT / "sql/schemes/hp-gold-fy01.json")
OPTIONS = dict(a[2:].split("=", 1) for a in sys.argv[1:] if a.startswith("--") and "=" in a)
SEED = int(OPTIONS.get("seed", 20001201))
RUNS = int(OPTIONS.get("runs", 10))

ORDER_FIELDS = {
    "closed_at": lambda v: v["closed_at"], "outcome": lambda v: v["outcome"], "reason": lambda v: v["reason"],
    "diagnosis": lambda v: of(v, "diagnosis", "outcome"), "diagnosis_seconds": lambda v: of(v, "diagnosis",
                                                                                            "elapsed_working_seconds"),
    "cycle": lambda v: of(v, "cycle", "outcome"), "rule": lambda v: of(v, "cycle", "rule"),
                "start": lambda v: of(v, "cycle", "start"),
    "governing_line": lambda v: of(v, "cycle", "governing_line"), "standard": lambda v: of(v, "cycle", "standard"),
    "standard_reason": lambda v: of(v, "cycle", "standard_reason"), "beyond_slowest": lambda v: of(v, "cycle", "beyond_slowest"),
}


def of(verdict, clock, field):
    return verdict[clock][field] if verdict[clock] else None


def decoded(row):
    """Instants as instants: the spelling does not matter."""
    return {k: m.parse_instant(v) if k in ("start", "closed_at") and v else v for k, v in row.items()}


class Golden:
    def __init__(self):
        self.providers = m.read_ndjson(FOLDER / "providers.ndjson")
        self.codes = [p["code"] for p in self.providers]
        self.records = oracle.records_of(FOLDER)
        self.accepted = oracle.count_accepted(self.records, self.codes)
        expected = m.read_json(FOLDER / "expected.json")
        self.orders = {tuple(k.split("/", 1)): decoded(v) for k, v in expected["orders"].items()}
        self.evaluations = {tuple(k.split("/")): v for k, v in expected["evaluations"].items()}
        self.months = sorted({month for _, month in self.evaluations})

    # --- what must hold ------------------------------------------------------------------------------------------------

    def check_verdicts(self, daemons, d):
        keys = list(self.orders)
        found = parallel(daemons, keys, lambda c, k: c.get(order_path(*k) + "/verdict"))
        for key, verdict in zip(keys, found):
            want = self.orders[key]
            row = decoded({name: read(verdict) for name, read in ORDER_FIELDS.items()})
            if want["outcome"] == "out_of_scope":
                d.equal("/".join(key), ["out_of_scope", None, None], [row["outcome"], verdict["diagnosis"], verdict["cycle"]])
                continue
            d.equal("/".join(key), {k: want[k] for k in ORDER_FIELDS}, row)

    def check_lists(self, daemons, d):
        """Every order with its outcome, and no other."""
        lists = parallel(daemons, self.codes, lambda c, p: c.items(f"/v1/providers/{p}/orders"))
        found = {(x["provider"], x["order"]): x for rows in lists for x in rows}
        d.equal("orders listed", len(found), sum(len(rows) for rows in lists))
        for key in found.keys() - self.orders.keys():
            d.add(f"{'/'.join(key)}: listed, not expected")
        for key, want in self.orders.items():
            row = found.get(key)
            if row is None:
                d.add(f"{'/'.join(key)}: not listed")
            elif (row["outcome"], row["reason"]) != (want["outcome"], want["reason"]):
                d.add(f"{'/'.join(key)}: wanted {want['outcome']} {want['reason']}, listed {row['outcome']} {row['reason']}")

    def check_evaluations(self, daemon, d):
        with daemon.client() as client:
            for month in self.months:
                rows = client.items(f"/v1/evaluations/hp-gold-fy01/{month}")
                d.equal(f"providers of {month}", sorted(p for p, x in self.evaluations if x == month),
                        sorted(r["provider"] for r in rows))
                for row in rows:
                    self.check_evaluation(f"{row['provider']}/{month}", self.evaluations.get((row["provider"], month)), row, d)
                    if row["rank"] == 1:
                        d.equal(f"{row['provider']}/{month} alone", row,
                                client.get(f"/v1/providers/{row['provider']}/evaluations/hp-gold-fy01/{month}"))

    @staticmethod
    def check_evaluation(key, want, row, d):
        if want is None:
            return
        tat, satisfaction = row["indicators"]
        for name in ("compliant", "counted", "undetermined"):
            d.equal(f"{key}.{name}", want[name], row["orders"][name])
        score, top = Fraction(0), Fraction(0)
        for i, document, wanted in ((tat, SCHEME["indicators"][0], want["tat_score"]),
                                    (satisfaction, SCHEME["indicators"][1], want["satisfaction_score"])):
            rate = Fraction(i["numerator"], i["denominator"]) if i["denominator"] else None
            exact = m.Curve(document["curve"]).at(rate) if rate is not None else None
            d.equal(f"{key} {i['code']} score", None if wanted is None else str(Fraction(wanted)),
                    None if exact is None else str(exact))
            d.equal(f"{key} {i['code']} as said", [m.decimal4(rate), m.decimal4(exact), exact is not None],
                    [i["value"], i["score"], i["rated"]])
            if exact is not None:
                score, top = score + exact, top + Fraction(i["max"])
        rate = want["satisfaction_rate"]
        d.equal(f"{key}.satisfaction_rate", rate and str(Fraction(rate)),
                str(Fraction(satisfaction["numerator"], satisfaction["denominator"])) if satisfaction["rated"] else None)
        d.equal(f"{key} total", [str(Fraction(want["score"])), str(Fraction(want["max"]))], [str(score), str(top)])
        d.equal(f"{key} as said", [m.decimal4(score), m.decimal4(top), m.decimal4(score / top) if top else None],
                [row["score"], row["max"], row["ratio"]])

    def check_all(self, db, daemons):
        d = tap.Differences()
        for each in daemons:
            each.see_all()
        self.check_verdicts(daemons, d)
        self.check_lists(daemons, d)
        for each in daemons:
            self.check_evaluations(each, d)
        d.finish()
        db.verify(self.accepted)

    def check_quick(self, db, daemons):
        d = tap.Differences()
        for each in daemons:
            each.see_all()
        self.check_lists(daemons, d)
        for each in daemons:
            self.check_evaluations(each, d)
        d.finish()
        db.verify(self.accepted)

    # --- ways in -------------------------------------------------------------------------------------------------------

    def files(self, client):
        """Each file as one body. -> accepted, duplicates"""
        total = [0, 0]
        for stream in ROUTES:
            said = accept_all(client.upload(stream, [r for s, r in self.records if s == stream])[0])
            total = [total[0] + said["accepted"], total[1] + said["duplicates"]]
        return total


golden = Golden() if (FOLDER / "expected.json").exists() else None


def bodies(records, rng, sizes):
    """Cut records into bodies of one stream each."""
    out, i = [], 0
    while i < len(records):
        n = rng.choice(sizes)
        for stream in ROUTES:
            rows = [r for s, r in records[i:i + n] if s == stream]
            if rows:
                out.append((stream, rows))
        i += n
    return out


def post_body(client, body, rng):
    stream, rows = body
    if len(rows) == 1 and rng.random() < 0.5:
        reply = client.post(ROUTES[stream], rows[0])
        tap.check(reply.status in (200, 201), f"{rows[0]}: {reply!r}")
        return (1, 0) if reply.status == 201 else (0, 1)
    said = accept_all(client.upload(stream, rows, array=rng.random() < 0.5)[0])
    return said["accepted"], said["duplicates"]


def check_sums(results, accepted, sent):
    tap.equal("accepted and duplicates in all", [accepted, sent - accepted],
              [sum(a for a, _ in results), sum(b for _, b in results)])


def as_files(cluster):
    """each file as one NDJSON body"""
    with cluster.database() as db:
        served = db.serve()
        with served.client() as client:
            client.register(golden.providers)
            tap.equal("accepted, duplicates", [golden.accepted, len(golden.records) - golden.accepted], golden.files(client))
        golden.check_all(db, [served])


def shuffled(cluster):
    """all records shuffled, in NDJSON bodies and JSON arrays of mixed size"""
    rng = random.Random(SEED)
    records = golden.records[:]
    rng.shuffle(records)
    with cluster.database() as db:
        served = db.serve()
        with served.client() as client:
            client.register(golden.providers)
            results = [post_body(client, b, rng) for b in bodies(records, rng, [1, 2, 7, 60, 400, 1500])]
        check_sums(results, golden.accepted, len(records))
        golden.check_all(db, [served])


def singles(cluster):
    """one record a request, on many connections at once"""
    records = golden.records[:]
    random.Random(SEED + 1).shuffle(records)

    def post(client, record):
        reply = client.post(ROUTES[record[0]], record[1])
        said = reply.json()
        tap.check((reply.status, said.get("status")) in ((201, "accepted"), (200, "duplicate")) and said["id"] == record[1]["id"],
                  f"{record}: {reply!r}")
        return reply.status

    with cluster.database() as db:
        served = db.serve()
        with served.client() as client:
            client.register(golden.providers)
        statuses = parallel([served], records, post, threads=24)
        tap.equal("201 and 200", [golden.accepted, len(records) - golden.accepted], [statuses.count(201), statuses.count(200)])
        golden.check_all(db, [served])


def thousands(cluster):
    """batches of a thousand, JSON arrays and NDJSON in turn, on four connections"""
    rng = random.Random(SEED + 2)
    records = golden.records[:]
    rng.shuffle(records)
    parts = [(stream, [r for s, r in records if s == stream]) for stream in ROUTES]
    jobs = [(stream, rows[i:i + 1000]) for stream, rows in parts for i in range(0, len(rows), 1000)]
    jobs = [(i % 2 == 0, *job) for i, job in enumerate(jobs)]
    with cluster.database() as db:
        served = db.serve()
        with served.client() as client:
            client.register(golden.providers)
        said = parallel([served], jobs, lambda c, j: accept_all(c.upload(j[1], j[2], array=j[0])[0]))
        check_sums([(x["accepted"], x["duplicates"]) for x in said], golden.accepted, len(records))
        golden.check_all(db, [served])


def twice(cluster):
    """everything twice: the second time all are duplicates, and no representation changes"""
    with cluster.database() as db:
        served = db.serve()
        with served.client() as client:
            client.register(golden.providers)
            golden.files(client)
            paths = [f"/v1/evaluations/hp-gold-fy01/{x}" for x in golden.months] + [f"/v1/providers/{p}/orders?limit=1000"
                                                                                    for p in golden.codes]
            before = [client.send("GET", p).headers["ETag"] for p in paths]
            tap.equal("accepted, duplicates", [0, len(golden.records)], golden.files(client))
            tap.equal("ETags", before, [client.send("GET", p).headers["ETag"] for p in paths])
            again = client.register(golden.providers)
            tap.equal("providers made", 0, again["created"])
        statuses = parallel([served], random.Random(SEED).sample(golden.records, 300), lambda c,
                            r: c.post(ROUTES[r[0]], r[1]).status, threads=8)
        tap.equal("singles again", {200}, set(statuses))
        golden.check_all(db, [served])


def two_daemons(cluster, run):
    """Each order's records are split between two daemons that work at the same time on one database."""
    rng = random.Random(SEED + 100 + run)
    records = golden.records[:]
    rng.shuffle(records)
    halves = [[], []]
    for record in records:
        halves[rng.randrange(2)].append(record)
    with cluster.database() as db:
        served = db.serve_two()
        with served[0].client() as client:
            client.register(golden.providers)
        results = in_both(served, [bodies(half, rng, [1, 3, 20, 150, 800]) for half in halves])
        check_sums(results, golden.accepted, len(records))
        golden.check_quick(db, served)


def in_both(served, queues):
    """Each daemon's bodies by three clients of its own; both at once."""
    post = lambda client, body: post_body(client, body, random.Random(body[1][0]["id"]))
    with ThreadPoolExecutor(2) as pool:
        halves = [pool.submit(parallel, [d], queue, post, 3) for d, queue in zip(served, queues)]
        return [pair for half in halves for pair in half.result()]


def reads_while_written(cluster):
    """read while records arrive: no list loses or doubles a row, no figure contradicts another, what is acknowledged is read"""
    records = golden.records[:]
    random.Random(SEED + 3).shuffle(records)
    with cluster.database() as db:
        served = db.serve_two()
        half, rest = records[:len(records) // 2], records[len(records) // 2:]
        with served[0].client() as client:
            client.register(golden.providers)
            for body in bodies(half, random.Random(1), [500]):
                post_body(client, body, random.Random(2))
        settled = settled_orders(half, rest)
        rest = bodies(rest, random.Random(3), [1, 5, 40])
        with ThreadPoolExecutor(4) as pool:
            writing = [pool.submit(parallel, [d], half, lambda c, b: post_body(c, b, random.Random(4)), 2) for d,
                       half in zip(served, (rest[::2], rest[1::2]))]
            reading = [pool.submit(read_until, d, writing, k, settled) for k, d in enumerate(served)]
            rounds = [r.result() for r in reading]
            results = [pair for w in writing for pair in w.result()]
        tap.comment(f"rounds of reading: {rounds}; bodies written meanwhile: {len(results)}; "
                    f"orders that keep their place: {sum(map(len, settled.values()))}")
        golden.check_quick(db, served)


def settled_orders(there, coming):
    """Orders that keep their place in the lists, by provider: nothing that opens or voids them is still to come."""
    of = lambda records: [m.Record(s, r) for s, r in records]
    opening = lambda rs: {(r.provider, r.order) for r in rs if r.type in ("order.opened", "dispatch")}
    there, coming = of(there), of(coming)
    orders = {r.key: (r.provider, r.order) for r in there + coming}
    void = {orders.get((r.provider, r.get("target_kind", "repair"), r.get("target"))) for r in there + coming
            if r.type == "event.voided"}
    out = {p: set() for p in golden.codes}
    for provider, order in opening(there) - opening(coming) - void:
        out[provider].add(order)
    return out


def read_until(served, writing, seed, settled):
    """Read and check until the writers are done. -> rounds"""
    rng, rounds = random.Random(seed), 0
    with served.client() as client:
        while not all(w.done() for w in writing):
            rounds += 1
            provider, month = rng.choice(golden.codes), rng.choice(golden.months)
            numbers = [x["order"] for x in client.items(f"/v1/providers/{provider}/orders", limit=7)]
            tap.equal(f"{provider}: settled orders, each listed once", sorted(settled[provider]),
                      sorted(x for x in numbers if x in settled[provider]))
            rows = client.items(f"/v1/evaluations/hp-gold-fy01/{month}", limit=5)
            for row in rows:
                o, tat = row["orders"], row["indicators"][0]
                tap.equal(f"{row['provider']}/{month}", [o["closed"], o["compliant"], o["counted"]],
                          [o["compliant"] + o["missed"] + o["undetermined"], tat["numerator"], tat["denominator"]])
            statement = client.get(f"/v1/providers/{provider}/compensation/{month}")
            tap.check(statement["no_rate_lines"] == statement["lines"], statement)
    return rounds


def acknowledged_is_read(cluster):
    """polling: 304 until something changes; what is acknowledged is read at once, and by another daemon within a second"""
    with cluster.database() as db:
        first, second = db.serve_two()
        with first.client() as client, second.client() as other:
            client.register(golden.providers)
            golden.files(client)
            paths = ["/v1/evaluations/hp-gold-fy01/2001-02", "/v1/providers/P001/evaluations/hp-gold-fy01/2001-02",
                     "/v1/providers/P001/orders",
                     "/v1/compensation/2001-02", "/v1/providers/P001/orders?period=2001-02"]
            tags = {p: client.send("GET", p).headers["ETag"] for p in paths}
            time.sleep(1.1)
            for each, p in ((c, p) for c in (client, other) for p in paths):
                reply = each.send("GET", p, headers={"If-None-Match": f'"x", W/{tags[p]}'})
                tap.equal(f"{p} unchanged", [304, b"", tags[p]], [reply.status, reply.data, reply.headers["ETag"]])
            for i in range(40):
                order, at = f"NEW-{i}", f"2001-02-{i % 27 + 1:02d}T09:00:00+08:00"
                common = {"provider": "P001", "order": order, "at": at}
                tap.equal("opened", 201, client.post(ROUTES["repair"],
                                                     {"id": f"{order}-1", "type": "order.opened", **common, "channel": "walk_in",
                                                      "product": "server"}).status)
                tap.equal("read at once", "pending", client.get(order_path("P001", order) + "/verdict")["outcome"])
                tap.equal("closed", 201, client.post(ROUTES["repair"],
                                                     {"id": f"{order}-2", "type": "order.closed", **common}).status)
                tap.equal("read at once", "compliant", client.get(order_path("P001", order) + "/verdict")["outcome"])
                tap.check(order in [x["order"] for x in client.items("/v1/providers/P001/orders")], f"{order} is not listed")
            time.sleep(1.1)
            for p in paths:
                new = [each.send("GET", p, headers={"If-None-Match": tags[p]}) for each in (client, other)]
                tap.equal(f"{p} changed", [200, 200, True, False],
                          [new[0].status, new[1].status, new[0].headers["ETag"] == new[1].headers["ETag"],
                           new[0].headers["ETag"] == tags[p]])
                tap.equal(f"{p}: the same bytes of both", True, new[0].data == new[1].data)
        db.verify(golden.accepted + 80)


def run_number(run):
    def case(cluster):
        two_daemons(cluster, run)

    case.__doc__ = f"two daemons on one database, run {run + 1}"
    case.__name__ = "two_daemons"
    return case


if __name__ == "__main__":
    if golden is None:
        tap.skip_all(f"no {FOLDER}/expected.json")
    tap.comment(f"seed {SEED}: {len(golden.records)} records, {golden.accepted} of them new, {len(golden.orders)} orders, "
                f"{len(golden.evaluations)} evaluations")
    daemon.main([as_files, shuffled, singles, thousands, twice, reads_while_written, acknowledged_is_read]
                + [run_number(i) for i in range(RUNS)])
