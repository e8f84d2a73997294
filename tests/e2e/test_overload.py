#!/usr/bin/env python3
"""Four times the load that the daemon can bear: what it can do it goes on doing, the rest is refused at once, and it recovers.

    test_overload.py ASSAYD [WORD…]

What it can bear is set by a database that takes 20 ms for each read, so that it is a known number on any machine, however busy.
"""
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

SLOW = ("ALTER TABLE work_order RENAME TO work_order_itself; CREATE VIEW work_order AS WITH s AS MATERIALIZED (SELECT pg_sleep(0.02)) "
        "SELECT o.* FROM s, work_order_itself o")
PATH = f"/v1/providers/{OPENED['provider']}/orders/{OPENED['order']}"
SECONDS, CLIENTS = 4, 32


def offer(served, per_second, clients):
    """So many reads a second for a while, each sender at its own times. -> [(status, seconds it took)]"""
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
                reply = client.send("GET", PATH, headers={"Cache-Control": "no-cache"})
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


def reads(cluster):
    """Under four times the load its throughput stays, what is too much is told so at once, /livez answers, and it recovers"""
    with cluster.database() as db:
        served = db.serve("--read-workers", "1", "--read-queue", "4")
        with served.client() as client:
            client.register(PROVIDERS)
            tap.equal("a record", 201, client.post(ROUTES["repair"], OPENED).status)
            db.sql(SLOW)
            tap.equal("slow", 200, client.send("GET", PATH, headers={"Cache-Control": "no-cache"}).status)
            began = time.monotonic()
            for _ in range(25):
                client.send("GET", PATH, headers={"Cache-Control": "no-cache"})
            can = 25 / (time.monotonic() - began)
        memory = served_memory(served)
        done, probe = offer(served, 4 * can, CLIENTS)
        statuses = {status for status, _ in done}
        good = [t for status, t in done if status == 200]
        refused = sorted(t for status, t in done if status == 503)
        with served.client() as client:
            began = time.monotonic()
            tap.equal("afterwards", [200] * 5, [client.send("GET", PATH, headers={"Cache-Control": "no-cache"}).status for _ in range(5)])
            recovered = time.monotonic() - began
        grew = served_memory(served) - memory
        tap.comment(f"can {can:.0f}/s; offered {len(done) / SECONDS:.0f}/s: {len(good) / SECONDS:.0f}/s answered, "
                    f"{len(refused) / SECONDS:.0f}/s refused; a refusal took {refused[len(refused) // 2] * 1000:.1f} ms in the median, "
                    f"/livez {probe * 1000:.0f} ms at most; five reads afterwards {recovered * 1000:.0f} ms; {grew >> 10} KiB more")
        tap.equal("statuses", {200, 503}, statuses)
        tap.check(len(good) >= 0.9 * can * SECONDS, f"throughput fell: {len(good) / SECONDS:.1f} of {can:.1f}/s")
        tap.check(len(refused) > len(done) / 3, f"only {len(refused)} of {len(done)} were too much")
        tap.check(refused[len(refused) // 2] < 0.02, f"a refusal takes {refused[len(refused) // 2]:.3f} s: it waits for the database")
        # One is worked on, four wait: whoever is let in has an answer after five turns or so.
        tap.check(sorted(good)[len(good) * 9 // 10] < 1, "those let in wait for long")
        tap.check(probe < 1 and recovered < 2 and grew < 64 << 20, "see above")


def served_memory(served):
    for line in Path(f"/proc/{served.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


if __name__ == "__main__":
    daemon.main([reads])
