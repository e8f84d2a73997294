#!/usr/bin/env python3
"""Two daemons on one database are replaced one after the other, under load, as in an upgrade: no request is lost.

    test_rolling.py ASSAYD [WORD…]

Clients do what any proxy does: connect to a daemon that takes connections, keep the connection while it lasts, and send a request
again, to the other one, where the connection ended before a byte of the reply came.
"""
import sys
import threading
import time
from http.client import BadStatusLine, HTTPException
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import ROUTES, accept_all
from records import NOTED, OPENED, PROVIDERS

EVENTS = ROUTES["repair"]
ORDERS = f"/v1/providers/{OPENED['provider']}/orders"
LINES = 1500


def record(id):
    """Three records an order: an opening and two notes."""
    name, i = id.rsplit("-", 1)
    return {**(OPENED if int(i) % 3 == 0 else NOTED), "id": id, "order": f"{name}-{int(i) // 3}"}


class Caller:
    """A client in a thread, over whichever daemon takes its connections."""

    def __init__(self, site, name, work):
        self.site, self.name, self.client = site, name, None
        self.acknowledged, self.again, self.statuses, self.error = set(), 0, {}, None
        self.thread = threading.Thread(target=self.run, args=(work,), daemon=True)
        self.thread.start()

    def run(self, work):
        try:
            for i in range(10**9):
                if self.site.over:
                    return
                work(self, i)
        except Exception as e:
            self.error = e

    def ask(self, send, good):
        """send(client) until there is a reply, which must be one of the good statuses."""
        for _ in range(20):
            if not self.client:
                self.client = self.site.connect()
            try:
                reply = send(self.client)
            except (ConnectionError, BadStatusLine):  # refused, or closed before it answered
                self.client.close()
                self.client, self.again = None, self.again + 1
                continue
            self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
            if reply.status not in good:
                raise tap.Differ(f"{self.name}: {reply!r}")
            if reply.headers.get("Connection") == "close":
                self.client.close()
                self.client = None
            return reply
        raise tap.Differ(f"{self.name}: nobody answers")


class Site:
    """The daemons that take connections."""

    def __init__(self, daemons):
        self.daemons, self.over, self.turn = list(daemons), False, 0

    def connect(self):
        self.turn += 1
        return self.daemons[self.turn % len(self.daemons)].client(timeout=60)


def single(caller, i):
    id = f"{caller.name}-{i}"
    caller.ask(lambda c: c.post(EVENTS, record(id)), (200, 201))
    caller.acknowledged.add(id)


def bulk(caller, i):
    ids = [f"{caller.name}x{i}-{k}" for k in range(LINES)]
    accept_all(caller.ask(lambda c: c.ndjson(EVENTS, [record(x) for x in ids]), (200,)).json())
    caller.acknowledged.update(ids)


def poll(caller, i):
    etag = getattr(caller, "etag", None)
    reply = caller.ask(lambda c: c.send("GET", ORDERS, headers={"If-None-Match": etag}), (200, 304))
    caller.etag = reply.headers["ETag"]


def rolled(cluster):
    """each of two daemons is stopped and started again, twice, under load: every request has a good answer, all acknowledged is there"""
    with cluster.database() as db:
        site = Site(db.serve_two())
        with site.daemons[0].client() as client:
            client.register(PROVIDERS)
        for d in site.daemons:
            d.see_all()
        callers = [Caller(site, f"s{k}", single) for k in range(6)] + [Caller(site, f"p{k}", poll) for k in range(3)]
        callers.append(Caller(site, "b", bulk))
        slowest = 0
        for k in range(4):
            time.sleep(0.7)
            leaving = site.daemons[k % 2]
            site.daemons[k % 2] = site.daemons[1 - k % 2]  # what a proxy learns of /readyz
            began = time.monotonic()
            leaving.stop()  # raises where it does not end well
            slowest = max(slowest, time.monotonic() - began)
            site.daemons[k % 2] = db.serve()
        time.sleep(0.7)
        site.over = True
        for c in callers:
            c.thread.join(60)
            tap.check(not c.thread.is_alive(), f"{c.name} waits for ever")
            if c.error:
                raise c.error
        acknowledged = set().union(*(c.acknowledged for c in callers))
        kept = {row[0] for row in db.sql("SELECT id FROM record")}
        answered = sum(sum(c.statuses.values()) for c in callers)
        tap.comment(f"{answered} requests answered well, {len(acknowledged)} records acknowledged; {sum(c.again for c in callers)} requests "
                    f"were sent again; the slowest stop took {slowest:.1f} s")
        tap.equal("acknowledged and lost", set(), acknowledged - kept)
        tap.check(len(acknowledged) > 2000 and answered > 500, "too little to say anything")
        db.verify(len(kept))


if __name__ == "__main__":
    daemon.main([rolled])
