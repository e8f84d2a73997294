#!/usr/bin/env python3
"""Random networks over HTTP against the plain model: verdicts in full, evaluations and ranks, statements with their lines,
orders at risk.

    test_model.py ASSAYD [WORD…] [--seed=N] [--orders=N]

Schemes vary (no number of FY01 can be in the program), and so do zones, holidays, providers' facts and rates. Documents are
put before the records in some networks and after them in others: a new version must judge again what it touches.
"""
import argparse
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import oracle
import tap
from daemon import ROUTES, accept_all
from oracle import m

import make_network

OPTIONS = dict(a[2:].split("=", 1) for a in sys.argv[1:] if a.startswith("--") and "=" in a)
SEED = int(OPTIONS.get("seed", 1))
ORDERS = int(OPTIONS.get("orders", 360))


def make(seed, zone="Asia/Shanghai", vary=False, holidays=False, providers=7, orders=None):
    """A network's folder, and the seed said for whoever has to repeat it."""
    folder = daemon.new_folder()
    args = argparse.Namespace(seed=seed, providers=providers, orders=orders or ORDERS, out=str(folder), zone=zone, vary=vary,
                              holidays=holidays)
    make_network.Network(args).write()
    tap.comment(f"make_network.py --seed {seed} --providers {providers} --orders {args.orders} --zone {zone}"
                f"{' --vary' if vary else ''}{' --holidays' if holidays else ''}")
    return folder


# --- putting a network in ----------------------------------------------------------------------------------------------


def put_documents(client, folder, scheme):
    """Calendar, rates and scheme; the scheme's version is what comes back."""
    for path, name in (("/v1/calendars/cn-office", "calendar"), ("/v1/rates/fy01-labour", "rates")):
        reply = client.put(path, m.read_json(folder / f"{name}.json"))
        tap.check(reply.status in (200, 201), f"PUT {path}: {reply!r}")
    stands = client.send("GET", f"/v1/schemes/{scheme}")
    etag = stands.headers["ETag"] if stands.status == 200 else None
    reply = client.put(f"/v1/schemes/{scheme}", m.read_json(folder / "scheme.json"), etag)
    tap.check(reply.status == (200 if etag else 201), f"PUT /v1/schemes/{scheme}: {reply!r}")
    return reply.json()["version"]


def first_versions(providers):
    """The first row of each provider, and the rest."""
    seen, first, rest = set(), [], []
    for row in providers:
        (rest if row["code"] in seen else first).append(row)
        seen.add(row["code"])
    return first, rest


def put_records(client, records, rng):
    accepted, i = 0, 0
    while i < len(records):
        n = rng.choice([1, 10, 100, 700, 2000])
        for stream in ROUTES:
            rows = [r for s, r in records[i:i + n] if s == stream]
            if rows:
                accepted += accept_all(client.upload(stream, rows, array=rng.random() < 0.3)[0])["accepted"]
        i += n
    return accepted


def load(db, folder, scheme, documents_first, rng):
    """-> (daemon, version of the scheme)"""
    served = db.serve()
    providers, records = m.read_ndjson(folder / "providers.ndjson"), oracle.records_of(folder)
    rng.shuffle(records)
    first, rest = first_versions(providers)
    with served.client() as client:
        version = put_documents(client, folder, scheme) if documents_first else None
        client.register(providers if documents_first else first)
        tap.equal("accepted", oracle.count_accepted(records, [p["code"] for p in providers]), put_records(client, records, rng))
        if not documents_first:
            for row in rest[: len(rest) // 2]:
                reply = client.put(f"/v1/providers/{row['code']}", {k: v for k, v in row.items() if k != "code"})
                tap.check(reply.status == 200, f"{row}: {reply!r}")
            if rest[len(rest) // 2:]:
                client.register(rest[len(rest) // 2:])
            version = put_documents(client, folder, scheme)
    return served, version


def network(cluster, folder, seed, scheme, documents_first):
    rng = random.Random(f"load {seed}")
    with cluster.database() as db:
        served, version = load(db, folder, scheme, documents_first, rng)
        expected = oracle.Oracle(oracle.load_folder(folder), scheme, version)
        expected.compare([served])
        numbers = db.verify()
        tap.comment(f"{numbers['records']} records, {len(expected.model.verdicts)} orders")


# --- networks ----------------------------------------------------------------------------------------------------------

NETWORKS = [
    # name, options, the scheme's code (its own, or FY01's replaced), documents first
    ("FY01 as it is", {}, "hp-gold-fy01", True),
    ("FY01 with holidays, registered after the records", {"holidays": True}, "hp-gold-fy01", False),
    ("another scheme in FY01's place, put after the records", {"vary": True}, "hp-gold-fy01", False),
    ("another scheme under a code of its own, with holidays", {"vary": True, "holidays": True}, "other-1", True),
    ("another scheme in New York", {"vary": True, "zone": "America/New_York"}, "other-2", True),
    ("another scheme in New York with holidays, put after the records",
     {"vary": True, "holidays": True, "zone": "America/New_York"}, "other-3", False),
    ("FY01 in Kolkata, put after the records", {"zone": "Asia/Kolkata", "holidays": True}, "hp-gold-fy01", False),
    ("another scheme in Lord Howe, where the clock moves half an hour", {"vary": True, "zone": "Australia/Lord_Howe"}, "other-4",
     True),
]


def network_case(i, name, options, scheme, documents_first):
    def case(cluster):
        network(cluster, make(SEED + i, **options), SEED + i, scheme, documents_first)

    case.__doc__ = name
    case.__name__ = f"network{i + 1}"
    return case


# --- a network of now --------------------------------------------------------------------------------------------------


def shift_text(text, by):
    return m.format_instant(m.parse_instant(text) + by)


def shift_record(row, by):
    return {k: shift_text(v, by) if k in ("at", "reported_at") and v is not None else v for k, v in row.items()}


def shift_date(text, days):
    return (date.fromisoformat(text) + timedelta(days=days)).isoformat()


def of_now(folder, days):
    """The network moved by `days`, as far as it has happened yet: the clocks of what is open run now."""
    limit = datetime.now(timezone.utc) - timedelta(seconds=30)
    by = timedelta(days=days)
    dated = lambda row, name: {**row, name: shift_date(row[name], days)} if row.get(name) else row
    scheme, calendar, rates = (m.read_json(folder / f"{x}.json") for x in ("scheme", "calendar", "rates"))
    scheme["starts"] = shift_date(scheme["starts"], days)
    calendar["exceptions"] = [dated(x, "date") for x in calendar["exceptions"]]
    rates["rates"] = [dated(x, "from") for x in rates["rates"]]
    providers = [dated(p, "effective_from") for p in m.read_ndjson(folder / "providers.ndjson")]
    records = [(s, shift_record(r, by)) for s, r in oracle.records_of(folder)]
    records = [(s, r) for s, r in records if m.parse_instant(r["at"]) <= limit]
    return providers, records + just_opened(providers, limit), scheme, calendar, rates


def just_opened(providers, limit):
    """Orders opened within the last hours, whatever the hour of this test: their clocks run, and some have a part under way."""
    out = []
    for i in range(16):
        at = m.format_instant(limit - timedelta(minutes=11 * i))
        common = {"provider": providers[i % len(providers)]["code"], "order": f"NOW-{i}", "at": at}
        out.append(("repair", {"id": f"now-{i}", "type": "order.opened", **common, "channel": "walk_in", "product": "server",
                               "warranty": "in"}))
        if i % 4 == 1:
            out.append(("repair", {"id": f"now-{i}-r", "type": "part.requested", **common, "request": 1, "line": "1",
                                   "part_no": "C4096"}))
        if i % 8 == 1:
            out.append(("repair", {"id": f"now-{i}-s", "type": "part.shipped", **common, "line": "1", "courier": "2D10"}))
        if i % 4 == 2:
            out.append(("dispatch", {"id": f"now-{i}", **common, "parts": [{"line": "R1", "part_no": "Q1860"}]}))
    return out


def write_folder(folder, providers, records, scheme, calendar, rates):
    make_network.Network.ndjson(folder / "providers.ndjson", providers)
    for stream, name in (("dispatch", "dispatches"), ("repair", "events"), ("survey", "surveys")):
        make_network.Network.ndjson(folder / f"{name}.ndjson", [r for s, r in records if s == stream])
    for name, document in (("scheme", scheme), ("calendar", calendar), ("rates", rates)):
        (folder / f"{name}.json").write_text(m.json.dumps(document, ensure_ascii=False), encoding="utf-8")


def at_risk_now(cluster):
    """orders at risk: a network in the middle of its life, within every span"""
    today = datetime.now(timezone.utc).date()
    for seed, vary, middle in ((SEED + 50, False, date(2001, 3, 7)), (SEED + 51, True, date(2001, 2, 14))):
        folder = make(seed, vary=vary, holidays=vary, orders=500)
        # Whole weeks, so that the working day of now is one of the network's.
        days = (today - middle).days // 7 * 7 + 7 * (seed % 2)
        network_now = of_now(folder, days)
        write_folder(folder, *network_now)
        with cluster.database() as db:
            served, version = load(db, folder, "of-now", seed % 2 == 0, random.Random(seed))
            expected = oracle.Oracle(oracle.model_of(*network_now), "of-now", version)
            d = tap.Differences()
            expected.compare_at_risk([served], d, (0, 60, 3600, 14400, 86400, 5 * 86400, 30 * 86400, oracle.MOST_SECONDS))
            d.finish()
            running = expected.at_risk(oracle.MOST_SECONDS).values()
            counts = {clock: sum(x["clock"] == clock for x in running) for clock in ("diagnosis", "cycle")}
            tap.comment(f"seed {seed}, {days} days on: {len(expected.model.verdicts)} orders, at risk {counts}")
            tap.check(min(counts.values()) > 0, f"no such clock runs: {counts}")
            expected.compare([served])
            db.verify()


def all_at_once(cluster):
    """records to two daemons while providers, calendar, rates and scheme change: the end is as if they never had"""
    for seed in (SEED + 60, SEED + 61):
        folder = make(seed, vary=True, holidays=True)
        providers, records = m.read_ndjson(folder / "providers.ndjson"), oracle.records_of(folder)
        rng = random.Random(seed)
        rng.shuffle(records)
        first, rest = first_versions(providers)
        with cluster.database() as db:
            served = db.serve_two()
            with served[0].client() as client:
                client.register(first)
            jobs, i = [], 0
            while i < len(records):
                n = rng.choice([1, 1, 5, 30, 150])
                jobs += [(stream, rows) for stream in ROUTES if (rows := [r for s, r in records[i:i + n] if s == stream])]
                i += n
            with ThreadPoolExecutor(2) as pool:
                sending = pool.submit(daemon.parallel, served, jobs, lambda c, j: accept_all(c.upload(*j)[0])["accepted"], 6)
                changing = pool.submit(change_all, served, folder, rest)
                accepted, version = sum(sending.result()), changing.result()
            tap.equal("accepted", oracle.count_accepted(records, [p["code"] for p in providers]), accepted)
            time.sleep(1.1)  # the other daemon's view of the last change
            oracle.Oracle(oracle.load_folder(folder), "hp-gold-fy01", version).compare(served)
            db.verify(accepted)


def change_all(served, folder, rest):
    """Every kind of configuration, by both daemons in turn: what it will be, what it was, and what it will be again."""
    sql = daemon.ROOT / "sql"
    was = {"calendar": m.read_json(sql / "calendars/cn-office.json"), "scheme": m.read_json(sql / "schemes/hp-gold-fy01.json"),
           "rates": {"currency": "CNY", "rates": []}}
    will = {name: m.read_json(folder / f"{name}.json") for name in was}
    paths = {"calendar": "/v1/calendars/cn-office", "rates": "/v1/rates/fy01-labour", "scheme": "/v1/schemes/hp-gold-fy01"}
    version = 1
    with served[0].client() as one, served[1].client() as two:
        clients = [one, two]
        for documents in (will, was, will):
            for name, path in paths.items():
                clients.reverse()
                reply = put_newest(clients[0], path, documents[name])
                if name == "scheme":
                    version = reply["version"]
            half, rest = rest[:len(rest) // 2], rest[len(rest) // 2:]
            if half:
                clients[0].register(half)
        if rest:
            one.register(rest)
    return version


def put_newest(client, path, document):
    """Put over whatever stands; another daemon's version may show a moment late."""
    for _ in range(100):
        stands = client.send("GET", path)
        reply = client.put(path, document, stands.headers["ETag"] if stands.status == 200 else None)
        if reply.status in (200, 201):
            return reply.json()
        tap.check(reply.status in (412, 428, 503), f"PUT {path}: {reply!r}")
        time.sleep(0.05)
    raise tap.Differ(f"PUT {path} never meets the version that stands: {reply!r}")


def what_was_sent(cluster):
    """an order shows each record it was sent, as it was sent"""
    folder = make(SEED + 70, orders=120)
    with cluster.database() as db:
        served, _ = load(db, folder, "hp-gold-fy01", True, random.Random(SEED))
        model = oracle.load_folder(folder)
        sent = {}
        for stream, row in oracle.records_of(folder):
            record = m.Record(stream, row)
            if record.order is not None and record.type != "event.voided":
                sent.setdefault((record.provider, record.order), {})[record.kind, record.id] = record
        d = tap.Differences()
        keys = list(model.verdicts)
        for key, reply in zip(keys, daemon.parallel([served], keys, lambda c, k: c.get(daemon.order_path(*k)))):
            shown = {(x["kind"], x["id"]): x for x in reply["records"]}
            d.equal(f"records of {'/'.join(key)}", sorted(sent[key]), sorted(shown))
            for k, record in sent[key].items():
                if k in shown:
                    compare_record("/".join(key), record, shown[k], model, d)
        d.finish()


def compare_record(where, record, shown, model, d):
    """Every field that was sent, instants as instants; whether a void names it."""
    for name, value in record.fields.items():
        said = shown.get(name)
        if name in ("at", "reported_at"):
            value, said = m.parse_instant(value), said and m.parse_instant(said)
        if name == "parts":
            value, said = (sorted((p["line"], p["part_no"]) for p in x or []) for x in (value, said))
        if name == "responsibility" and record.get("answer") == "satisfied":
            continue  # ignored on a satisfied answer (2.3)
        if value is not False and value != []:
            d.equal(f"{where} {record.kind}:{record.id}.{name}", value, said)
    stands = any(r.key == record.key for r in model.orders[record.provider, record.order].records) or record.kind == "survey"
    if record.kind != "survey":
        d.equal(f"{where} {record.kind}:{record.id}.voided", not stands, shown.get("voided"))


if __name__ == "__main__":
    daemon.main([network_case(i, *row) for i, row in enumerate(NETWORKS)] + [at_risk_now, all_at_once, what_was_sent])
