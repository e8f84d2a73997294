#!/usr/bin/env python3
"""The feed of changes of real daemons: a follower that only reads what the feed names holds the same as a full read.

    test_changes.py ASSAYD [WORD…]

Two daemons on one database take records at once, in bulk and one by one; followers go from daemon to daemon with their
cursors, over a restart too.
"""
import json
import random
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap

PROVIDERS = [{"code": f"P{i:03}", "name": f"Provider {i}", "city": "Beijing", "ascim": False} for i in range(1, 6)]
ORDERS = 60
SCHEME = "hp-gold-fy01"


def records():
    """A few orders of each provider, opened and most of them closed, shuffled."""
    out = []
    for p in PROVIDERS:
        for n in range(ORDERS):
            day = 1 + n % 27
            base = {"provider": p["code"], "order": f"W{n:04}"}
            out.append({"id": f"{n}-1", "type": "order.opened", "at": f"2001-02-{day:02}T09:00:00+08:00", "channel": "walk_in",
                        "product": "notebook", **base})
            if n % 5:
                out.append({"id": f"{n}-2", "type": "order.closed", "at": f"2001-02-{day:02}T16:00:00+08:00", **base})
    random.Random(8).shuffle(out)
    return out


class Follower:
    """Keeps a copy by the feed alone: whatever an item names it reads again, of a daemon that may be the other one."""

    def __init__(self, serving, **params):
        self.serving, self.params = serving, params  # serving: the daemons, a list that may change
        self.turn, self.seen, self.seqs, self.copy = 0, 0, {}, {}
        self.cursor = self.ask()["next"]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.fault = None

    def ask(self, **more):
        self.turn += 1
        with self.serving[self.turn % len(self.serving)].client(timeout=60) as client:
            return client.get("/v1/changes", **self.params, **more)

    def run(self):
        try:
            while True:
                last = self.over.is_set()
                page = self.ask(after=self.cursor, wait=1, limit=20)
                self.take(page)
                self.cursor = page["next"]
                if last and not page["items"] and not page["more"]:
                    return
        except Exception as e:
            self.fault = e

    def take(self, page):
        page_seqs = {}
        for item in page["items"]:
            if item["kind"] == "configuration":
                continue
            provider, seq = item["provider"], item["seq"]
            if seq <= self.seqs.get(provider, 0):
                raise tap.Differ(f"{provider}: {seq} after {self.seqs[provider]}")
            page_seqs[provider] = max(seq, page_seqs.get(provider, 0))
            self.seen += item["kind"] == "order"
        self.seqs.update(page_seqs)
        links = {item["href"] for item in page["items"]}
        with self.serving[self.turn % len(self.serving)].client() as client:
            for link in links:
                self.copy[link] = client.get(link)


def stable(document):
    """Without what moves with every record of the provider, or with other providers (documented so)."""
    if "indicators" in document:
        drop = ("rank", "ranked", "last_record_at")
        return {**{k: v for k, v in document.items() if k not in drop}, "orders": {k: v for k, v in document["orders"].items() if k != "open"}}
    return document


def compare(follower, client):
    tap.check(follower.fault is None, f"{follower.fault!r}")
    d = tap.Differences()
    for link, kept in sorted(follower.copy.items()):
        d.equal(link, stable(kept), stable(client.get(link)))
    d.finish()


def send_bulk(served, rows):
    with served.client() as client:
        for i in range(0, len(rows), 37):
            daemon.accept_all(client.upload("repair", rows[i:i + 37])[0])


def send_one_by_one(served, rows):
    def one(client, row):
        reply = client.post("/v1/repair-events", row)
        tap.check(reply.status in (200, 201), f"{reply!r}")

    daemon.parallel([served], rows, one, threads=3)


def followed(cluster):
    """who follows the feed over two daemons holds what a full read gives"""
    with cluster.database() as db:
        serving = db.serve_two()
        with serving[0].client() as client:
            client.register(PROVIDERS)
        time.sleep(1.2)  # the other daemon knows them within a second
        followers = [Follower(serving), Follower(serving), Follower(serving[1:], provider="P003")]
        for f in followers:
            f.thread.start()
        rows = records()
        half = len(rows) // 2
        crew = [threading.Thread(target=send_bulk, args=(serving[0], rows[:half])),
                threading.Thread(target=send_one_by_one, args=(serving[1], rows[half:]))]
        for t in crew:
            t.start()
        for t in crew:
            t.join()
        for f in followers:
            f.over.set()
        for f in followers:
            f.thread.join()
        with serving[0].client() as client:
            for f in followers[:2]:
                compare(f, client)
                tap.equal("providers seen", sorted(p["code"] for p in PROVIDERS), sorted(f.seqs))
                orders = [x for x in f.copy if x.count("/") == 5 and "/orders/" in x]
                tap.equal("orders seen", len(PROVIDERS) * ORDERS, len(orders))
            compare(followers[2], client)
            tap.equal("of P003 alone", ["P003"], list(followers[2].seqs))
            tap.equal("both saw the same changes", followers[0].seen, followers[1].seen)
            kept = db.sql("SELECT count(*) FROM change WHERE what = 1")
            tap.equal("each change once", int(kept[0][0]), followers[0].seen)
        db.verify(len(rows))


def over_a_restart(cluster):
    """a cursor is good over a restart, a drain answers who waits, and a restored copy refuses it"""
    with cluster.database() as db:
        served = db.serve()
        with served.client() as client:
            client.register(PROVIDERS)
            cursor = client.get("/v1/changes")["next"]
            answer = {}

            def wait():
                with served.client(timeout=90) as waiting:
                    begin = time.monotonic()
                    answer["reply"] = waiting.get("/v1/changes", after=cursor, wait=60)
                    answer["seconds"] = time.monotonic() - begin

            thread = threading.Thread(target=wait)
            thread.start()
            until = time.monotonic() + 20
            while "assay_change_waiters 1" not in client.send("GET", "/metrics").data.decode() and time.monotonic() < until:
                time.sleep(0.02)
        served.stop()
        thread.join()
        tap.check(answer["reply"]["items"] == [] and answer["seconds"] < 15, f"{answer}")
        again = db.serve()
        with again.client() as client:
            daemon.accept_all(client.upload("repair", records()[:50])[0])
            page = client.get("/v1/changes", after=answer["reply"]["next"], limit=1000)
            tap.check(len({(x["provider"], x["seq"]) for x in page["items"]}) > 10, f"{len(page['items'])} items")
        again.stop()
        copy = f"{db.name}_copy"
        cluster.sql(f"CREATE DATABASE {copy} TEMPLATE {db.name}")
        restored = daemon.Database.__new__(daemon.Database)
        restored.cluster, restored.name, restored.folder = cluster, copy, cluster.folder / copy
        restored.folder.mkdir()
        (restored.folder / "admin.key").write_text("key-of-the-copy-for-tests\n")
        restored.conninfo, restored.daemons = cluster.first.conninfo(copy), []
        with restored:
            with restored.serve().client() as client:
                reply = client.send("GET", f"/v1/changes?after={page['next']}")
                tap.equal("a cursor of the original", [410, "cursor_expired", [("after", "cursor_expired")]], daemon.said_of(reply))
                client.get("/v1/changes", after=client.get("/v1/changes")["next"])


if __name__ == "__main__":
    daemon.main([followed, over_a_restart])
