#!/usr/bin/env python3
"""Some 12,700 real service-desk cases over HTTP: nothing is lost, nothing is refused in silence, and the figures are the
plain model's.

    test_incidents.py ASSAYD [WORD…] [--report]

The cases are read from $ASSAY_SHARED/data/incidents (default: ../shared beside the checkout); where they are not, the
program skips. --report prints the table of best and worst providers.
"""
import gzip
import json
import os
import random
import sys
import time
from fractions import Fraction
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import oracle
import tap
from oracle import m

SHARED = Path(os.environ.get("ASSAY_SHARED", daemon.ROOT.parent / "shared"))
FOLDER = SHARED / "data/incidents"
SQL = daemon.ROOT / "sql"
SCHEME_CODE = "incidents-2016"
MONTHS = ["2016-03", "2016-04", "2016-05", "2016-06"]
FEW = 30  # orders counted, below which a rate says little


def read(name):
    with gzip.open(FOLDER / f"{name}.ndjson.gz", "rt", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def scheme():
    """FY01's rules, from 2016 on and with three working days for what needs no parts: nothing here does."""
    document = m.read_json(SQL / "schemes/hp-gold-fy01.json")
    document["name"] = {"en": "Service-desk cases of 2016", "zh-CN": "2016 年服务台工单"}
    document["starts"] = "2016-01-01"
    document["rates"] = SCHEME_CODE
    document["clocks"]["cycle"]["standards"]["no_parts"] = {"working_days": 3}
    return document


# Nobody says what a case earns; a rate for everything, and another from April on for one product in warranty or not.
RATES = {"currency": "EUR", "rates": [{"product": "*", "warranty": "*", "amount": "20.00"},
                                      {"product": "cat-55", "warranty": "*", "from": "2016-04-01", "amount": "12.35"}]}


class Cases:
    def __init__(self):
        self.streams = {"dispatch": read("dispatches"), "repair": read("events")}
        self.codes = sorted({r["provider"] for rows in self.streams.values() for r in rows})
        self.providers = [{"code": c, "name": f"Team {c}", "city": "Elsewhere", "ascim": False} for c in self.codes]
        self.records = [(stream, r) for stream, rows in self.streams.items() for r in rows]


def send_all(client, cases):
    """Bodies of ten thousand. -> sums by name, and the rows that were refused"""
    total, refused = dict.fromkeys(("received", "accepted", "duplicates", "rejected"), 0), []
    for stream, rows in cases.streams.items():
        for i in range(0, len(rows), 10000):
            said, _ = client.upload(stream, rows[i:i + 10000])
            for name in total:
                total[name] += said[name]
            if said["rejected"]:
                reply = client.send("GET", f"/v1/uploads/{said['upload']}/rejected?limit=1000")
                refused += [json.loads(line) for line in reply.data.decode().splitlines()]
    return total, refused


def incidents(cluster):
    """all cases as NDJSON: every one accepted or named, every figure the model's"""
    cases = Cases()
    with cluster.database() as db:
        served = db.serve()
        with served.client() as client:
            for path, document in ((f"/v1/rates/{SCHEME_CODE}", RATES), (f"/v1/schemes/{SCHEME_CODE}", scheme())):
                reply = client.put(path, document)
                tap.check(reply.status == 201, f"PUT {path}: {reply!r}")
            client.register(cases.providers)
            begin = time.monotonic()
            total, refused = send_all(client, cases)
            seconds = time.monotonic() - begin
        tap.comment(f"{total['received']} records in {seconds:.1f} s: {total}")
        sent = len(cases.records)
        tap.equal("sent", [sent, sent], [total["received"], total["accepted"] + total["duplicates"] + total["rejected"]])
        for row in refused:
            tap.comment(f"refused: {row}")
        model = oracle.model_of(cases.providers, cases.records, scheme(), m.read_json(SQL / "calendars/cn-office.json"), RATES)
        expected = oracle.Oracle(model, SCHEME_CODE)
        tap.equal("accepted", oracle.count_accepted(cases.records, cases.codes), total["accepted"])
        expected.compare([served], random.Random(2016).sample(list(model.verdicts), 400))
        db.verify(total["accepted"])
        with served.client() as client:
            again, _ = send_all(client, cases)
            tap.equal("a second time", [0, sent], [again["accepted"], again["duplicates"]])
            check_sums(client, model)
            if "--report" in sys.argv:
                for month in MONTHS:
                    report(month, client.items(f"/v1/evaluations/{SCHEME_CODE}/{month}"))


def check_sums(client, model):
    """The months' counts are those of the lists of orders; together they are all that was closed."""
    for month in MONTHS:
        for row in client.items(f"/v1/evaluations/{SCHEME_CODE}/{month}")[:10]:
            months = [x for x in ("2016-01", "2016-02", *MONTHS) if x <= month][-3:]
            closed = [o for x in months for o in client.items(f"/v1/providers/{row['provider']}/orders", scheme=SCHEME_CODE,
                                                              period=x)]
            closed = [o for o in closed if o["outcome"] != "out_of_scope"]
            found = {name: sum(o["outcome"] == name for o in closed) for name in ("compliant", "missed", "undetermined")}
            tap.equal(f"{row['provider']}/{month}", {k: row["orders"][k] for k in found}, found)
            tap.equal(f"{row['provider']}/{month} closed", row["orders"]["closed"], len(closed))


def percent(numerator, denominator):
    """Two decimals, half up."""
    n = (Fraction(10000 * numerator, denominator) + Fraction(1, 2)).__floor__()
    return f"{n // 100}.{n % 100:02d} %"


def report(month, rows):
    """The best and the worst of those with enough orders, as a table. By rate: below 90 % they all score nothing."""
    rows = [r for r in rows if r["orders"]["counted"] >= FEW]
    rows.sort(key=lambda r: (-Fraction(r["orders"]["compliant"], r["orders"]["counted"]), -r["orders"]["counted"], r["provider"]))
    tap.comment(f"\n{month}: {len(rows)} providers with at least {FEW} counted orders\n")
    tap.comment("| provider | counted | compliant | rate | score | rank | undetermined | open |\n" + "|---" * 8 + "|")
    for i, r in enumerate(rows):
        if 5 <= i < len(rows) - 5:
            if i == 5:
                tap.comment("| … | | | | | | | |")
            continue
        o, tat = r["orders"], r["indicators"][0]
        tap.comment(f"| {r['provider']} | {o['counted']} | {o['compliant']} | {percent(o['compliant'], o['counted'])} "
                    f"| {tat['score']} of {tat['max']} | {r['rank']} of {r['ranked']} | {o['undetermined']} | {o['open']} |")


if __name__ == "__main__":
    if not (FOLDER / "events.ndjson.gz").exists():
        tap.skip_all(f"no {FOLDER}: set ASSAY_SHARED to the folder that holds data/incidents")
    daemon.main([incidents])
