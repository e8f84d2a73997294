#!/usr/bin/env python3
"""Polling: what two daemons on one database show of each other's writes, and when; ETags; pages of a ranking that moves.

    test_polling.py ASSAYD [WORD…]
"""
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import ROUTES, accept_all

SCHEME = "hp-gold-fy01"
RATES = {"currency": "CNY", "rates": [{"product": "*", "warranty": "*", "amount": "80.00"}]}
RANKING = f"/v1/evaluations/{SCHEME}/2001-02"
LATE = 20  # seconds after which "within a second" has certainly not come true, however busy the machine is


def providers(n):
    return [{"code": f"P{i:03}", "name": f"Provider {i}", "city": "Beijing", "ascim": False} for i in range(1, n + 1)]


def order(provider, number, close_day, tag="x"):
    """A walk-in order without parts, opened on Monday 5 February 2001: closed that day it is compliant, a day later missed."""
    of = {"provider": provider, "order": number}
    opened = {"id": f"o-{number}-{tag}", "type": "order.opened", **of, "at": "2001-02-05T09:00:00+08:00", "channel": "walk_in",
              "product": "server"}
    return [opened, {"id": f"c-{number}-{tag}", "type": "order.closed", **of, "at": f"2001-02-{close_day:02}T10:00:00+08:00"}]


def start(db, n=5):
    pair = db.serve_two()
    with pair[0].client() as c:
        c.register(providers(n))
        tap.check(c.put("/v1/rates/fy01-labour", RATES).status in (200, 201), "rates")
        accept_all(c.upload("repair", [e for i in range(1, n + 1) for e in order(f"P{i:03}", f"W{i}", 5)])[0])
    with pair[1].client() as c:
        tap.equal("status", 200, reply(c, RANKING, Cache_Control="no-cache").status)  # from here on both know the same
    return pair


def of(provider):
    return {
        "orders": f"/v1/providers/{provider}/orders",
        "order": f"/v1/providers/{provider}/orders/NEW",
        "verdict": f"/v1/providers/{provider}/orders/NEW/verdict",
        "evaluation": f"/v1/providers/{provider}/evaluations/{SCHEME}/2001-02",
        "ranking": RANKING,
        "compensation": f"/v1/providers/{provider}/compensation/2001-02",
        "lines": f"/v1/providers/{provider}/compensation/2001-02/lines",
        "all compensation": "/v1/compensation/2001-02",
    }


def reply(client, path, etag=None, **headers):
    fields = {**({"If-None-Match": etag} if etag else {}), **{k.replace("_", "-"): v for k, v in headers.items()}}
    return client.send("GET", path, headers=fields)


def shows(cluster):
    """A write shows at once where it was sent, and on the other daemon within a second."""
    with cluster.database() as db:
        a, b = start(db)
        longest = 0
        with a.client() as ca, b.client() as cb:
            writes = [lambda: accept_all(ca.upload("repair", order("P002", "NEW", 6))[0]),
                      lambda: ca.post(ROUTES["survey"], {"id": "s1", "provider": "P002", "order": "NEW", "answer": "complaint",
                                                         "at": "2001-02-07T10:00:00+08:00", "source": "sampled"}),
                      lambda: ca.put("/v1/rates/fy01-labour", {**RATES, "rates": [{**RATES["rates"][0], "amount": "90.00"}]})]
            moved = [set(of("P002")), {"order", "evaluation", "ranking", "compensation", "lines", "all compensation"},
                     {"compensation", "lines", "all compensation", "evaluation", "ranking"}]
            for write, what in zip(writes, moved):
                before = {name: (reply(ca, path), reply(cb, path)) for name, path in of("P002").items()}
                for name, (x, y) in before.items():
                    tap.check(x.status == y.status and x.data == y.data or x.status == 404, f"{name}: the daemons differ: {x!r} {y!r}")
                    tap.check(x.headers.get("ETag") == y.headers.get("ETag"), f"{name}: ETags of equal replies differ")
                write()
                for name, path in of("P002").items():
                    etag = before[name][0].headers.get("ETag")
                    now = reply(ca, path, etag)
                    tap.check((now.status == 200) == (name in what), f"{name}: at once, on the daemon itself: {now!r}")
                done = time.monotonic()
                for name in what:
                    path, etag = of("P002")[name], before[name][1].headers.get("ETag")
                    while (now := reply(cb, path, etag)).status != 200:
                        tap.check(time.monotonic() < done + LATE, f"{name}: does not show on the other daemon: {now!r}")
                        time.sleep(0.01)
                    longest = max(longest, time.monotonic() - done)
                    there = reply(ca, path)
                    tap.check(now.data == there.data and now.headers["ETag"] == there.headers["ETag"],
                              f"{name}: the daemons differ:\n{now!r}\n{there!r}")
        tap.comment(f"longest wait on the other daemon: {longest:.2f} s")


def no_cache(cluster):
    """no-cache reads what another daemon has just committed, and leaves it for those who come after."""
    with cluster.database() as db:
        a, b = start(db)
        with a.client() as ca, b.client() as cb:
            for n in range(20):
                before = reply(cb, RANKING)
                accept_all(ca.upload("repair", order("P003", f"N{n}", 5 + n % 2))[0])
                fresh = reply(cb, RANKING, Cache_Control="no-cache")
                tap.check(fresh.data == reply(ca, RANKING).data and fresh.data != before.data, f"no-cache, {n}: {fresh!r}")
                tap.check(reply(cb, RANKING).data == fresh.data, f"after no-cache, {n}: an older reply")
                # The registry too, which is else served without any worker.
                ca.put("/v1/providers/P004", {"name": f"Name {n}", "city": "Beijing", "ascim": False})
                tap.equal("name", f"Name {n}", reply(cb, "/v1/providers/P004", Cache_Control="no-cache").json()["name"])
                # As a list, and where a reply that is never kept rests on it.
                new = [f"NEW{n}-{k}" for k in range(4)]
                for code, path in zip(new, ("/v1/providers?limit=1000", "/v1/completeness/2001-02?limit=1000",
                                            f"/v1/providers/{new[2]}/evaluations/{SCHEME}?from=2001-01&to=2001-02",
                                            f"/v1/orders/at-risk?provider={new[3]}&within_seconds=1")):
                    ca.put(f"/v1/providers/{code}", {"name": code, "city": "Beijing", "ascim": False})
                    found = reply(cb, path, Cache_Control="no-cache")
                    listed = [x.get("code", x.get("provider")) for x in found.json().get("items", [])]
                    tap.check(found.status == 200 and ("limit" not in path or code in listed), f"{path}: {code}: {found!r}")


def etags(cluster):
    """ETags are of the bytes: the same after a restart, on another daemon, after there and back; gzip has its own."""
    with cluster.database() as db:
        a, b = start(db)
        paths = [RANKING, f"/v1/providers/P001/evaluations/{SCHEME}/2001-02", "/v1/providers/P001/orders", "/v1/providers",
                 "/v1/schemes/hp-gold-fy01", "/openapi.json"]
        with a.client() as ca:
            first = {p: (reply(ca, p).headers["ETag"], reply(ca, p, Accept_Encoding="gzip").headers["ETag"]) for p in paths}
            tap.check(first[RANKING][0] != first[RANKING][1], "the gzip form has the ETag of the plain one")
        a.stop()
        c = db.serve()
        for d in (b, c):
            with d.client() as client:
                for path, (plain, zipped) in first.items():
                    for etag, encoding in ((plain, None), (zipped, "gzip")):
                        now = reply(client, path, etag, **({"Accept_Encoding": encoding} if encoding else {}))
                        tap.check(now.status == 304 and now.data == b"" and now.headers["ETag"] == etag, f"{path}: {now!r}")
        with b.client() as cb:
            void = lambda n, target: cb.post(ROUTES["repair"], {"id": n, "type": "event.voided", "provider": "P001", "target": target,
                                                                "at": "2001-02-07T10:00:00+08:00"})
            accept_all(cb.upload("repair", order("P001", "BACK", 6))[0])
            tap.check(reply(cb, RANKING, first[RANKING][0]).status == 200, "a write does not show")
            void("v1", "o-BACK-x"), void("v2", "c-BACK-x")
            now = reply(cb, "/v1/providers/P001/orders", first["/v1/providers/P001/orders"][0])
            tap.check(now.status == 304, f"voided again, the list of orders is what it was: {now!r}")


def metric(client, name):
    text = client.send("GET", "/metrics").data.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def polls_are_free(cluster):
    """Polls of what has not moved reach no worker; after a write of one provider one row is read again."""
    with cluster.database() as db:
        a, _ = start(db, 30)
        with a.client() as c:
            etag = reply(c, RANKING).headers["ETag"]
            before = {n: metric(c, n) for n in ("assay_http_cache_hits_total", "assay_http_cache_not_modified_total",
                                                "assay_http_cache_misses_total", "assay_period_refreshes_total")}
            for _ in range(50):
                tap.equal("status", 304, reply(c, RANKING, etag).status)
                tap.equal("status", 200, c.send("HEAD", RANKING).status)
            tap.equal("misses", before["assay_http_cache_misses_total"], metric(c, "assay_http_cache_misses_total"))
            tap.equal("hits", before["assay_http_cache_hits_total"] + 100, metric(c, "assay_http_cache_hits_total"))
            tap.equal("304", before["assay_http_cache_not_modified_total"] + 50, metric(c, "assay_http_cache_not_modified_total"))
            rows = metric(c, "assay_period_rows_total")
            c.post(ROUTES["repair"], order("P007", "ONE", 6)[0])
            c.post(ROUTES["repair"], order("P007", "ONE", 6)[1])
            tap.equal("status", 200, reply(c, RANKING, etag).status)
            tap.equal("rows read", rows + 1, metric(c, "assay_period_rows_total"))


def blind(cluster):
    """While the database is away nothing kept is given out; when it is back, what changed meanwhile shows."""
    with cluster.database() as db:
        a, b = start(db)
        b.stop()
        with a.client() as c:
            first = reply(c, RANKING)
            tap.equal("status", 200, first.status)
            cluster.sql(f"ALTER DATABASE {db.name} ALLOW_CONNECTIONS false")
            cluster.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{db.name}'")
            until = time.monotonic() + LATE
            while (now := reply(c, RANKING, first.headers["ETag"])).status != 503:
                tap.check(now.status == 304 and time.monotonic() < until, f"without a database: {now!r}")
            for _ in range(5):
                tap.equal("status", 503, reply(c, RANKING, first.headers["ETag"]).status)
            # Restored from a backup: other figures under revisions that were seen before.
            cluster.sql(f"ALTER DATABASE {db.name} ALLOW_CONNECTIONS true")
            db.sql("UPDATE tally SET counts[2] = counts[2] - 1, counts[3] = counts[3] + 1 WHERE provider_id = 1")
            while (now := reply(c, RANKING, first.headers["ETag"])).status == 503:
                tap.check(time.monotonic() < until + LATE, f"with the database again: {now!r}")
                time.sleep(0.05)
            tap.check(now.status == 200 and now.data != first.data, f"restored figures do not show: {now!r}")
        a.stop(check=False)  # it has logged that the database was away


def walk(cluster):
    """Pages of a ranking that moves all the time, from two daemons in turn: each provider once, none lost."""
    count = 24
    with cluster.database() as db:
        pair = start(db, count)
        stop, errors = threading.Event(), []

        def write():
            try:
                with pair[0].client() as c:
                    n = 0
                    while not stop.is_set():
                        n += 1
                        provider = f"P{n * 7 % count + 1:03}"
                        accept_all(c.upload("repair", order(provider, f"M{n}", 5 + (n // 3) % 2))[0])
            except Exception as e:
                errors.append(e)

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        moved = 0
        try:
            with pair[0].client() as ca, pair[1].client() as cb:
                for path in (RANKING, "/v1/compensation/2001-02"):
                    for limit in (1, 5, 7, 24, 100):
                        got, ranks, query, turn = [], [], {"limit": limit}, 0
                        while True:
                            page = reply((ca, cb)[turn % 2], f"{path}?{urlencode(query)}")
                            turn += 1
                            tap.check(page.status == 200, f"{path} {query}: {page!r}")
                            said = page.json()
                            got += [x["provider"] for x in said["items"]]
                            ranks += [x.get("rank", 0) for x in said["items"]]
                            if said["next"] is None:
                                break
                            query["cursor"] = said["next"]
                            time.sleep(0.02)
                        tap.equal(f"{path} by {limit}", sorted(x["code"] for x in providers(count)), sorted(got))
                        moved += ranks != sorted(ranks)
        finally:
            stop.set()
            writer.join()
        if errors:
            raise errors[0]
        tap.check(moved, "the ranking never moved while it was read: this has shown nothing")


def origins_refused(cluster):
    """A list of origins that is not sound ends the start, and check-config names what is wrong."""
    for text, wrong in (("*", "name the origins"), ("https://a.example/x", "path"), ("a.example", "http://")):
        for command in (["check-config"], ["serve", "--listen", "127.0.0.1:0", "--state-dir", str(cluster.folder / "never")]):
            done = subprocess.run([cluster.assayd, *command, "--cors-origins", text], capture_output=True, text=True, timeout=60)
            tap.check(done.returncode == 2 and wrong in done.stderr and "cors-origins" in done.stderr,
                      f"{command[0]} {text}: {done.returncode} {done.stderr}")


daemon.main([shows, no_cache, etags, polls_are_free, blind, walk, origins_refused])
