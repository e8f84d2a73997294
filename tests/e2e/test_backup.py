#!/usr/bin/env python3
"""Backups: what comes back from one gives the same figures, to the byte, and goes on from there.

    test_backup.py ASSAYD [WORD…]
"""
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import oracle
import tap
from daemon import ROUTES, accept_all
from oracle import m

FOLDER = daemon.ROOT / "tests/data/fy01"
SCHEME = "hp-gold-fy01"
PERIODS = ("2001-01", "2001-02", "2001-03")
RECORDS = oracle.records_of(FOLDER)
CODES = [p["code"] for p in m.read_ndjson(FOLDER / "providers.ndjson")]
ACCEPTED = oracle.count_accepted(RECORDS, CODES)


def program(cluster, name, *arguments):
    done = subprocess.run([str(Path(cluster.psql).parent / name), *map(str, arguments)], capture_output=True, text=True, timeout=120)
    tap.check(done.returncode == 0, f"{name}: {done.stderr.strip()[-2000:]}")


def load(client):
    client.register(m.read_ndjson(FOLDER / "providers.ndjson"))
    send(client, RECORDS)


def send(client, records):
    """-> accepted, duplicates"""
    total = [0, 0]
    for stream in ROUTES:
        rows = [r for s, r in records if s == stream]
        if rows:
            said = accept_all(client.upload(stream, rows)[0])
            total = [total[0] + said["accepted"], total[1] + said["duplicates"]]
    return total


def figures(served):
    """Everything that somebody is judged or paid by, as bytes, by path."""
    paths = [f"/v1/evaluations/{SCHEME}/{p}?limit=1000" for p in PERIODS] + [f"/v1/compensation/{p}?limit=1000" for p in PERIODS]
    paths += [f"/v1/providers/{c}/orders?limit=1000" for c in CODES]
    paths += [f"/v1/providers/{c}/compensation/{p}/lines?limit=1000" for c in CODES for p in PERIODS]
    with served.client() as client:
        replies = {p: client.send("GET", p, headers={"Cache-Control": "no-cache"}) for p in paths}
    for path, reply in replies.items():
        tap.equal(path, 200, reply.status)
    return {p: r.data for p, r in replies.items()}


def check_same(want, found, besides=rb"(?!)"):
    tap.equal("figures that differ", [], [p for p in want if re.sub(besides, b"", want[p]) != re.sub(besides, b"", found[p])])


def dumped(cluster):
    """pg_dump and pg_restore: the same figures to the byte, nothing to repair, and what is sent again is known"""
    with cluster.database() as db, cluster.database() as copy:
        served = db.serve()
        with served.client() as client:
            load(client)
        before = figures(served)
        program(cluster, "pg_dump", "-Fc", "-f", db.folder / "dump", "-d", db.conninfo)
        program(cluster, "pg_restore", "--exit-on-error", "-d", copy.conninfo, db.folder / "dump")
        copy.verify(ACCEPTED)
        restored = copy.serve()
        check_same(before, figures(restored))
        with restored.client() as client:
            tap.equal("sent again", [0, len(RECORDS)], send(client, RECORDS))
        check_same(before, figures(restored))


def copied_while_written(cluster):
    """A base backup with its log, taken while records come: all that was acknowledged before it is there, and it goes on"""
    folder = cluster.folder / "base"
    folder.mkdir()
    first = daemon.Embedded(cluster.assayd, folder / "state")
    half = len(RECORDS) // 2
    going, failed = threading.Event(), []

    def write():
        try:
            with first.client() as client:
                for at in range(half, len(RECORDS), 50):
                    send(client, RECORDS[at:at + 50])
                    going.set()
        except Exception as e:  # told by the thread that waits
            failed.append(e)
            going.set()

    with first.client() as client:
        client.register(m.read_ndjson(FOLDER / "providers.ndjson"))
        send(client, RECORDS[:half])
    writer = threading.Thread(target=write)
    writer.start()
    going.wait(60)
    second = folder / "copy"
    second.mkdir(mode=0o755)
    program(cluster, "pg_basebackup", "-D", second / "postgres", "-X", "stream", "-c", "fast", "-d", first.conninfo())
    writer.join()
    tap.check(not failed, f"the writer: {failed}")
    want = figures(first)
    first.stop()
    owner = (folder / "state/postgres").stat()
    for path in [second / "postgres", *(second / "postgres").rglob("*")]:
        shutil.chown(path, owner.st_uid, owner.st_gid)
    again = daemon.Embedded(cluster.assayd, second)
    kept = daemon.verify(cluster.assayd, again.conninfo())["records"]
    before = oracle.count_accepted(RECORDS[:half], CODES)
    tap.check(before <= kept <= ACCEPTED, f"{kept} records in the backup, {before} were acknowledged before it began")
    with again.client() as client:
        accepted, duplicates = send(client, RECORDS)
        tap.equal("what was lost is sent again", [ACCEPTED - kept, len(RECORDS)], [accepted, accepted + duplicates])
    check_same(want, figures(again), rb'"last_record_at":"[^"]*"')  # what is sent again comes later
    daemon.verify(cluster.assayd, again.conninfo(), ACCEPTED)
    again.stop()
    tap.comment(f"{before} records before the backup, {kept} in it, {ACCEPTED} in the end")


if __name__ == "__main__":
    daemon.main([dumped, copied_while_written])
