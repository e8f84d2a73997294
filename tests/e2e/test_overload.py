#!/usr/bin/env python3
"""Four times the load that the daemon can bear: what it can do it goes on doing, the rest is refused at once, and it recovers.

    test_overload.py ASSAYD [WORD…]

What it can bear is set by a database that takes 20 ms for each read, or each transaction that writes, so that it is a known number on
any machine, however busy.
"""
import itertools
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import ROUTES
from records import OPENED, PROVIDERS

SLOW_READS = ("ALTER TABLE work_order RENAME TO work_order_itself; CREATE VIEW work_order AS WITH s AS MATERIALIZED (SELECT pg_sleep(0.02)) "
              "SELECT o.* FROM s, work_order_itself o")
SLOW_WRITES = ("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END $$; "
               "CREATE TRIGGER slow BEFORE INSERT ON record FOR EACH STATEMENT EXECUTE FUNCTION slow()")
PATH = f"/v1/providers/{OPENED['provider']}/orders/{OPENED['order']}"
SECONDS, CLIENTS = 4, 32
ids = itertools.count()


def read(client):
    return client.send("GET", PATH, headers={"Cache-Control": "no-cache"})


def write(client):
    id = f"o{next(ids)}"
    return client.post(ROUTES["repair"], {**OPENED, "id": id, "order": id})


def offer(served, ask, per_second, clients):
    """So many requests a second for a while, each sender at its own times. -> [(status, seconds it took)]"""
    done, lock = [], threading.Lock()
    begin = time.monotonic() + 0.2

    def send(number):
        mine = []
        with served.client() as client:
            step = clients / per_second
            for k in range(int(SECONDS / step)):
                due = begin + (k + number / clients) * step
                time.sleep(max(0, due - time.monotonic()))
                asked = time.monotonic()
                reply = ask(client)
                mine.append((reply.status, time.monotonic() - asked))
                if time.monotonic() > begin + SECONDS:
                    break
        with lock:
            done.extend(mine)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(clients)]
    for t in threads:
        t.start()
    probes = []
    with served.client() as client:
        while any(t.is_alive() for t in threads):
            asked = time.monotonic()
            tap.equal("livez", 200, client.send("GET", "/livez").status)
            probes.append(time.monotonic() - asked)
            time.sleep(0.05)
    return done, max(probes)


def overload(served, ask, good):
    """good: the status of a request that is done; any other has to be 503."""
    with served.client() as client:
        tap.equal("slow", good, ask(client).status)
        began = time.monotonic()
        for _ in range(25):
            ask(client)
        can = 25 / (time.monotonic() - began)
    memory = served_memory(served)
    replies, probe = offer(served, ask, 4 * can, CLIENTS)
    done = sorted(t for status, t in replies if status == good)
    refused = sorted(t for status, t in replies if status == 503)
    with served.client() as client:
        began = time.monotonic()
        tap.equal("afterwards", [good] * 5, [ask(client).status for _ in range(5)])
        recovered = time.monotonic() - began
    grew = served_memory(served) - memory
    tap.comment(f"can {can:.0f}/s; offered {len(replies) / SECONDS:.0f}/s: {len(done) / SECONDS:.0f}/s done, "
                f"{len(refused) / SECONDS:.0f}/s refused; a refusal took {refused[len(refused) // 2] * 1000:.1f} ms in the median, "
                f"/livez {probe * 1000:.0f} ms at most; five afterwards {recovered * 1000:.0f} ms; {grew >> 10} KiB more")
    tap.equal("statuses", {good, 503}, {status for status, _ in replies})
    tap.check(len(done) >= 0.9 * can * SECONDS, f"throughput fell: {len(done) / SECONDS:.1f} of {can:.1f}/s")
    tap.check(len(refused) > len(replies) / 3, f"only {len(refused)} of {len(replies)} were too much")
    tap.check(refused[len(refused) // 2] < 0.02, f"a refusal takes {refused[len(refused) // 2]:.3f} s: it waits for the database")
    # One is worked on, four wait: whoever is let in has an answer after five turns or so.
    tap.check(done[len(done) * 9 // 10] < 1, "those let in wait for long")
    tap.check(probe < 1 and recovered < 2 and grew < 64 << 20, "see above")
    return len(done) + 1 + 25 + 5


def reads(cluster):
    """Under four times the reads that it can bear its throughput stays, what is too much is told so at once, /livez answers, and it recovers"""
    with cluster.database() as db:
        served = db.serve("--read-workers", "1", "--read-queue", "4")
        with served.client() as client:
            client.register(PROVIDERS)
            tap.equal("a record", 201, client.post(ROUTES["repair"], OPENED).status)
        db.sql(SLOW_READS)
        overload(served, read, 200)


def writes(cluster):
    """The same of single records; and those that were acknowledged, and no others, are there"""
    with cluster.database() as db:
        served = db.serve("--committer-batch", "1", "--committer-queue", "4")
        with served.client() as client:
            client.register(PROVIDERS)
        db.sql(SLOW_WRITES)
        kept = overload(served, write, 201)
        tap.equal("records", [[str(kept)]], db.sql("SELECT count(*) FROM record"))


def served_memory(served):
    for line in Path(f"/proc/{served.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


if __name__ == "__main__":
    daemon.main([reads, writes])
