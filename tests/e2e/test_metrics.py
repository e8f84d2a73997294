#!/usr/bin/env python3
"""/metrics of the real daemon: sound as Prometheus' exposition format and its naming rules, bounded, and true of what was done.

    test_metrics.py ASSAYD [WORD…]
"""
import json
import re
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import ROUTES
from records import CLOSED, OPENED, PROVIDERS

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'^({NAME})(?:\{{((?:{NAME}="(?:[^"\\\n]|\\.)*"(?:,|(?=\}})))*)\}})? ([-+]?[0-9.eE+-]+|[-+]Inf|NaN)$')
FOREIGN_UNITS = ("_ms", "_us", "_milliseconds", "_microseconds", "_kb", "_mb", "_kilobytes", "_minutes")


def parse(text):
    """{family: (type, help, {(sample, labels): value})}, refusing what promtool would."""
    families, current = {}, None
    tap.check(text.endswith("\n"), "the text does not end with a line feed")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, _, words = line[7:].partition(" ")
            tap.check(name not in families and words.strip(), f"HELP twice, or without words: {line}")
            families[name] = [None, words, {}]
            current = name
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            tap.check(name == current and families[name][0] is None and not families[name][2], f"TYPE out of place: {line}")
            tap.check(kind in ("counter", "gauge", "histogram"), f"no type: {line}")
            families[name][0] = kind
        else:
            found = SAMPLE.match(line)
            tap.check(found, f"no sample: {line}")
            sample, labels, value = found[1], found[2] or "", float(found[3])
            kind = families[current][0]
            own = {current} if kind != "histogram" else {f"{current}_{s}" for s in ("bucket", "sum", "count")}
            tap.check(sample in own, f"{sample} stands in the family {current}")
            key = (sample, labels.rstrip(","))
            tap.check(key not in families[current][2], f"twice: {line}")
            families[current][2][key] = value
    return families


def lint(families):
    for name, (kind, _, samples) in families.items():
        tap.check(kind and samples, f"{name} has no type or no sample")
        tap.check(re.fullmatch(r"[a-z][a-z0-9_]*", name), f"{name} is not snake_case")
        tap.check(name.startswith(("assay_", "process_")), f"{name} has no prefix")
        tap.check((kind == "counter") == name.endswith("_total"), f"{name} is a {kind}")
        tap.check(not name.removesuffix("_total").endswith(FOREIGN_UNITS), f"{name} has a unit that is no base unit")
        tap.check(not name.endswith(("_count", "_sum", "_bucket")), f"{name} ends like a histogram's sample")
        tap.check(kind == "gauge" or all(v >= 0 for v in samples.values()), f"{name} is below nothing")
        if kind == "histogram":
            lint_histogram(name, samples)


def lint_histogram(name, samples):
    series = {}
    for (sample, labels), value in samples.items():
        le = re.search(r'(?:^|,)le="([^"]*)"', labels)
        rest = re.sub(r'(?:^|,)le="[^"]*"', "", labels)
        entry = series.setdefault(rest, {"buckets": []})
        if sample.endswith("_bucket"):
            entry["buckets"].append((float(le[1]), value))
        else:
            entry[sample.rsplit("_", 1)[1]] = value
    for rest, s in series.items():
        bounds = [b for b, _ in s["buckets"]]
        counts = [c for _, c in s["buckets"]]
        tap.check(bounds == sorted(bounds) and counts == sorted(counts), f"{name}{{{rest}}} is not cumulative")
        tap.check(bounds[-1] == float("inf") and counts[-1] == s["count"], f"{name}{{{rest}}}: +Inf is not its count")
        tap.check("sum" in s, f"{name}{{{rest}}} has no sum")


def scrape(client):
    answer = client.send("GET", "/metrics")
    tap.equal("status", 200, answer.status)
    tap.equal("type", "text/plain; version=0.0.4; charset=utf-8", answer.headers["Content-Type"])
    families = parse(answer.data.decode())
    lint(families)
    return families


def value(families, name, labels=""):
    tap.check(name in families, f"there is no {name}")
    return families[name][2][(name, labels)]


POSITIVE = ("assay_http_connections", "assay_http_connections_limit", "assay_http_buffered_bytes_limit", "assay_committer_queue_limit",
            "assay_committer_batch_limit", "assay_database_connections", "assay_database_connects_total",
            "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds")
THERE = ("assay_http_in_flight", "assay_http_buffered_bytes", "assay_committer_waiting", "assay_committer_largest_batch",
         "assay_committer_busy_seconds_total", "assay_uploads_in_flight", "assay_spool_bytes", "assay_database_reconnects_total",
         "assay_database_connect_failures_total", "process_cpu_seconds_total")


def everything(cluster):
    """Every queue and bound has its gauge and its limit, the process is told, and the text is what Prometheus takes"""
    with cluster.database() as database:
        d = database.serve()
        with d.client() as client:
            f = scrape(client)
            for lane in ("read", "write", "bulk"):
                for what in ("waiting", "busy", "workers", "queue_limit"):
                    value(f, f"assay_http_lane_{what}", f'lane="{lane}"')
                tap.check(value(f, "assay_http_lane_workers", f'lane="{lane}"') > 0, f"no worker in {lane}")
            for name in POSITIVE:
                tap.check(value(f, name) > 0, f"{name} is nothing")
            for name in THERE:
                tap.check(value(f, name) >= 0, f"{name} is below nothing")
            status = Path(f"/proc/{d.process.pid}/status").read_text()
            rss = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
            tap.check(0.5 < value(f, "process_resident_memory_bytes") / rss < 2, "not the process's memory")
            fds = len(list(Path(f"/proc/{d.process.pid}/fd").iterdir()))
            tap.check(abs(value(f, "process_open_fds") - fds) < 4, "not the process's files")
            tap.check(abs(value(f, "process_start_time_seconds") - time.time()) < 600, "not the process's start")
            tap.equal("builds", [1.0], list(f["assay_build_info"][2].values()))
            # No request adds a series.
            before = {k for x in scrape(client).values() for k in x[2]}
            for path in ("/nowhere", "/v1/providers/ZZZ", "/v1/%01", "/v1/providers?x=y", "/docs", "/v1/providers/P1/orders/%E4%B8%AD"):
                client.send("GET", path)
                client.send("DELETE", path)
            after = {k for x in scrape(client).values() for k in x[2]}
            tap.equal("series", [], sorted(map(str, after ^ before)))


def alarms(cluster):
    """The operator's guide names no metric that is not there"""
    told = set(re.findall(r"assay_[a-z_]+", (daemon.ROOT / "api/operating.md").read_text(encoding="utf-8")))
    with cluster.database() as db:
        keys = db.folder / "jwks.json"
        keys.write_text(json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "kid": "e1", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                                              "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}), encoding="utf-8")
        tokens = ("--oidc-issuer", "https://idp.example", "--oidc-audience", "assay", "--oidc-jwks", str(keys))
        with db.serve(*tokens).client() as client:
            families = scrape(client)
    tap.equal("keys of the issuer", 1, int(value(families, "assay_issuer_keys")))
    tap.check(len(told) > 8, f"only {told}")
    tap.equal("alarms on what is not measured", ["assay_tls_certificate_expiry_seconds"], sorted(told - families.keys()))


def counted(cluster):
    """Records are counted by kind and result, whichever way they came; so are connections that were lost"""
    with cluster.database() as database:
        with database.serve().client() as client:
            client.register(PROVIDERS)
            before = scrape(client)
            for record in (OPENED, OPENED, {**OPENED, "product": "another"}, {**OPENED, "at": "soon"}):
                client.post(ROUTES["repair"], record)
            client.post(ROUTES["repair"], [CLOSED, OPENED, {**CLOSED, "id": "x", "provider": "NOBODY"}, {"id": "y"}])
            client.send("POST", ROUTES["survey"], b"{\n", "application/x-ndjson")
            after = scrape(client)
            grew = lambda name, labels: int(value(after, name, labels) - value(before, name, labels))
            want = {"accepted": 2, "duplicate": 2, "refused": 2}
            tap.equal("decided", want, {r: grew("assay_records_total", f'kind="repair",result="{r}"') for r in want})
            tap.equal("invalid events", 2, grew("assay_records_invalid_total", 'intake="repair_events"'))
            tap.equal("invalid surveys", 1, grew("assay_records_invalid_total", 'intake="survey_responses"'))
            tap.equal("under way", 0, int(value(after, "assay_uploads_in_flight")))
            tap.equal("staged", 0, int(value(after, "assay_spool_bytes")))
            tap.check(value(after, "assay_committer_batches_total") >= 3, "no batch")
            tap.check(value(after, "assay_committer_busy_seconds_total") > 0, "it took no time")
            database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                         "AND pid <> pg_backend_pid() AND backend_type = 'client backend'")
            reply = client.post(ROUTES["repair"], {**OPENED, "id": "again", "order": "AGAIN"})
            tap.equal("status", 201, reply.status)
            cut = scrape(client)
            tap.check(value(cut, "assay_database_reconnects_total") > value(after, "assay_database_reconnects_total"), "not counted")
            tap.check(value(cut, "assay_database_connections") <= value(cut, "assay_database_connects_total"), "more open than made")


if __name__ == "__main__":
    daemon.main([everything, alarms, counted])
