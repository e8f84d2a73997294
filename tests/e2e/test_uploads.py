#!/usr/bin/env python3
"""Uploads as a whole, over sockets: killed half way, given up by their clients, given to two daemons at once, taken back.

    test_uploads.py ASSAYD [WORD…]
"""
import json
import random
import socket
import sys
import threading
import time
from http.client import HTTPException
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import ROUTES
from records import CLOSED, OPENED, PROVIDERS, VOIDED

EVENTS = ROUTES["repair"]
ROWS = 12000


def rows_of(name, orders):
    """Openings and closes of so many orders."""
    for i in range(orders):
        order = {"provider": PROVIDERS[i % 2]["code"], "order": f"{name}-{i}"}
        yield {**OPENED, **order, "id": f"{name}-{i}o"}
        yield {**CLOSED, **order, "id": f"{name}-{i}c"}


def body_of(rows):
    return "".join(json.dumps(r) + "\n" for r in rows).encode()


def raw_post(served, path, body, sent):
    """A client that announces the body and sends a part of it. -> its socket"""
    head = (f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.client().key}\r\nContent-Type: application/x-ndjson\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    s = socket.create_connection(("127.0.0.1", served.port))
    s.sendall(head + body[:sent])
    return s


def wait_for(what, seconds=30):
    until = time.monotonic() + seconds
    while not (found := what()):
        tap.check(time.monotonic() < until, "it does not come to pass")
        time.sleep(0.02)
    return found


def killed_atomic(cluster):
    """kill -9 while atomic uploads run: of each all is there or nothing, its row agrees, and sent again it is whole"""
    state, rng, seen = daemon.new_folder() / "state", random.Random(11), set()
    sql = lambda text: daemon.sql(cluster.psql, embedded.conninfo(), text)
    embedded = daemon.Embedded(cluster.assayd, state)
    with embedded.client() as client:
        client.register(PROVIDERS)
        begin = time.monotonic()
        tap.equal("the first", 200, client.send("POST", EVENTS + "?atomic=true", body_of(rows_of("first", ROWS // 2)),
                                                "application/x-ndjson").status)
        whole = time.monotonic() - begin
    for round_ in range(6):
        body, said = body_of(rows_of(f"k{round_}", ROWS // 2)), []

        def post():
            try:
                with embedded.client() as client:
                    said.append(client.send("POST", EVENTS + "?atomic=true", body, "application/x-ndjson").status)
            except (HTTPException, OSError):
                pass

        thread = threading.Thread(target=post)
        thread.start()
        time.sleep(whole * rng.uniform(0.3, 1.2))
        embedded.kill()
        thread.join()
        embedded = daemon.Embedded(cluster.assayd, state)
        uploads = sql("SELECT u.upload_id, u.status, u.accepted, count(r.id) FROM upload u LEFT JOIN record r USING (upload_id) "
                      "GROUP BY 1, 2, 3")
        for upload, status, accepted, n in uploads:
            tap.check(int(n) in (0, ROWS) and n == (accepted if status == "done" else "0"),
                      f"upload {upload} is {status}, says {accepted} records and has {n}")
        kept = int(sql(f"SELECT count(*) FROM record WHERE id LIKE 'k{round_}-%'")[0][0])
        tap.check(kept == ROWS or not said, "what was answered is not there")
        seen.add(kept)
        with embedded.client() as client:
            reply = client.send("POST", EVENTS + "?atomic=true", body, "application/x-ndjson").json()
            tap.equal(f"round {round_}, again", [ROWS - kept, kept], [reply["accepted"], reply["duplicates"]])
    tap.comment(f"an upload took {whole:.2f} s; kept at the kill: {sorted(seen)}")
    daemon.verify(cluster.assayd, embedded.conninfo(), 7 * ROWS)
    embedded.stop()


def gone_clients(cluster):
    """a client goes in the middle of its body: nothing of an atomic upload is kept, it was interrupted, and a dry run leaves nothing"""
    with cluster.database() as db:
        served = db.serve()
        body = body_of(rows_of("g", 10000))  # a worker begins with a body once a good part of it is there
        with served.client() as client:
            client.register(PROVIDERS)
            gone = [raw_post(served, f"{EVENTS}?{how}=true", body, len(body) // 2) for how in ("dry_run", "atomic")]
            running = wait_for(lambda: client.items("/v1/uploads", status="running"))
            tap.equal("while it runs", 409, client.send("POST", running[0]["self"] + "/revert").status)
            for each in gone:
                each.close()
            row = wait_for(lambda: [u for u in client.items("/v1/uploads") if u["status"] != "running"])
            tap.equal("uploads", [["interrupted", True, 0]], [[u["status"], u["atomic"], u["accepted"]] for u in row])
            tap.equal("records", [["0", "1"]], [list(r) for r in db.sql("SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM upload)")])
            reverted = client.send("POST", row[0]["self"] + "/revert").json()
            tap.equal("nothing to take back", [0, 0], [reverted["voided"], reverted["already_voided"]])


def bounded(cluster):
    """more than may be taken as a whole is refused before its end, and nothing is kept; a wrong word for a flag is named"""
    with cluster.database() as db:
        served = db.serve("--atomic-records", "100")
        with served.client() as client:
            client.register(PROVIDERS)
            for how in ("atomic", "dry_run"):
                body = body_of(rows_of("b", 51))
                reply = client.send("POST", f"{EVENTS}?{how}=true", body, "application/x-ndjson")
                tap.equal(how, [413, "too_large"], [reply.status, reply.json()["code"]])
                client.close()
                reply = client.post(f"{EVENTS}?{how}=yes", OPENED)
                tap.equal(how, [400, "invalid_parameter"], [reply.status, reply.json()["code"]])
            tap.equal("records", "0", db.sql("SELECT count(*) FROM record")[0][0])
            tap.equal("statuses", ["refused"], [u["status"] for u in client.items("/v1/uploads")])
            reply = client.send("POST", EVENTS + "?atomic=true", body_of(rows_of("b", 50)), "application/x-ndjson")
            tap.equal("100 are taken", [200, 100], [reply.status, reply.json()["accepted"]])


def alone(cluster):
    """one object tried: what would be answered, never 201, and what its verdict would be; then the object itself"""
    with cluster.database() as db:
        served = db.serve()
        with served.client() as client:
            client.register(PROVIDERS)
            tried = lambda record: client.post(EVENTS + "?dry_run=true", record)
            for record, after in ((OPENED, "pending"), (CLOSED, "compliant")):
                reply = tried(record)
                change = [{"scheme": "hp-gold-fy01", "provider": "R1", "order": "W1", "after": after,
                           "before": None if record is OPENED else "pending"}]
                tap.equal("tried", [200, {"id": record["id"], "status": "accepted", "dry_run": True, "verdicts": change}],
                          [reply.status, reply.json()])
                tap.equal("sent", 201, client.post(EVENTS + "?atomic=true", record).status)
                tap.equal("tried again", [200, {"id": record["id"], "status": "duplicate", "dry_run": True, "verdicts": []}],
                          [tried(record).status, tried(record).json()])
            tap.equal("conflict", 409, tried({**CLOSED, "outcome": "replaced"}).status)
            tap.equal("unknown provider", 422, tried({**CLOSED, "id": "x", "provider": "NO"}).status)
            tap.equal("void", [{"before": "compliant", "after": "pending"}],
                      [{k: c[k] for k in ("before", "after")} for c in tried({**VOIDED, "target": CLOSED["id"]}).json()["verdicts"]])
            tap.equal("records", "2", db.sql("SELECT count(*) FROM record")[0][0])


def lists(cluster):
    """uploads and observations page by page while others come in, newest first, by their filters; nonsense is named"""
    with cluster.database() as db:
        served = db.serve()
        seen = lambda i, **more: {"id": f"o{i:02d}", "provider": "R1", "at": f"2001-02-{1 + i % 20:02d}T00:00:00Z",
                                  "indicator": ("audit", "calls")[i % 2], "value": f"{i}.50", **more}
        with served.client() as client:
            client.register(PROVIDERS)
            made = [client.ndjson("/v1/observations", [seen(i)]).json()["upload"] for i in range(40)]
            tap.equal("duplicate", 1, client.ndjson("/v1/observations", [seen(3, value="3.5")]).json()["duplicates"])
            client.ndjson(EVENTS, [OPENED])
            tap.equal("uploads", made[::-1], [u["upload"] for u in paged(client, "/v1/uploads", made, kind="observations")][1:])
            tap.equal("of events", 1, len(client.items("/v1/uploads", kind="repair-events")))
            tap.equal("refused", [], client.items("/v1/uploads", status="refused"))
            tap.equal("before all", [], client.items("/v1/uploads", to="2001-01-01T00:00:00Z"))
            tap.equal("from then on", int(db.sql("SELECT count(*) FROM upload")[0][0]), len(client.items("/v1/uploads", **{"from": "2001-01-01T08:00:00+08:00"})))
            order = sorted((seen(i) for i in range(40)), key=lambda r: (r["at"], r["id"]), reverse=True)
            path = "/v1/providers/R1/observations"
            tap.equal("observations", [r["id"] for r in order], [r["id"] for r in paged(client, path, made)])
            some = [r for r in order if r["indicator"] == "calls" and "2001-02-05" <= r["at"] < "2001-02-09"]
            found = client.items(path, indicator="calls", **{"from": "2001-02-05T00:00:00Z", "to": "2001-02-09T00:00:00Z"})
            tap.equal("some", [[r["id"], r["value"].rstrip("0"), False] for r in some], [[r["id"], r["value"], r["voided"]] for r in found])
            client.post(EVENTS, {**VOIDED, "target": "o07", "target_kind": "observation"})
            tap.equal("voided", ["o07"], [r["id"] for r in client.items(path) if r["voided"]])
            for query in ("kind=events", "status=open", "from=yesterday", "to=2001-02-05", "limit=0", "cursor=x"):
                tap.equal(query, 400, client.send("GET", "/v1/uploads?" + query).status)
            for query in ("indicator=a%20b", "from=yesterday", "cursor=x", "rater=self"):
                tap.equal(query, 400, client.send("GET", f"{path}?{query}").status)
            tap.equal("nobody's", 404, client.send("GET", "/v1/providers/NO/observations").status)
            tap.equal("no upload", [404, 404], [client.send("POST", f"/v1/uploads/{u}/revert").status for u in ("u0000000000000001", "x")])
        db.verify(42)


def paged(client, path, made, **params):
    """A list seven at a time, with a newer upload before each page."""
    out, cursor = [], {}
    while True:
        page = client.get(path, limit=7, **params, **cursor)
        out += page["items"]
        client.ndjson("/v1/observations", [])
        if page["next"] is None:
            return out
        cursor = {"cursor": page["next"]}


def killed_revert(cluster):
    """an upload too large for one transaction is taken back, the daemon killed half way: said again, all is taken back"""
    state = daemon.new_folder() / "state"
    options = ("--atomic-records", "1000", "--upload-slice", "500")
    embedded = daemon.Embedded(cluster.assayd, state, *options)
    with embedded.client() as client:
        client.register(PROVIDERS)
        said = client.send("POST", EVENTS, body_of(rows_of("r", ROWS // 2)), "application/x-ndjson").json()
    path, voided = f"/v1/uploads/{said['upload']}/revert", lambda: int(daemon.sql(
        cluster.psql, embedded.conninfo(), "SELECT count(*) FROM record WHERE id LIKE 'revert:%'")[0][0])

    def ask():
        try:
            with embedded.client() as client:
                client.send("POST", path)
        except (HTTPException, OSError):
            pass

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(lambda: voided() > 0)
    embedded.kill()
    thread.join()
    embedded = daemon.Embedded(cluster.assayd, state, *options)
    tap.comment(f"{voided()} of {ROWS} were voided when it was killed")
    tap.check(voided() < ROWS, "it was done before it was killed: the test is blind")
    with embedded.client() as client:
        first, again = client.send("POST", path).json(), client.send("POST", path).json()
        tap.equal("taken back", [ROWS, 0], [first["voided"], first["already_voided"]])
        tap.equal("the same answer", first, again)
        tap.equal("no order is left", [], client.items("/v1/providers/R1/orders") + client.items("/v1/providers/R2/orders"))
        tap.equal("its row", [said["upload"], "done", first["reverted_by"]],
                  [client.get(f"/v1/uploads/{said['upload']}")[k] for k in ("upload", "status", "reverted_by")])
    daemon.verify(cluster.assayd, embedded.conninfo(), 2 * ROWS)
    embedded.stop()


if __name__ == "__main__":
    daemon.main([killed_atomic, gone_clients, bounded, alone, lists, killed_revert])
