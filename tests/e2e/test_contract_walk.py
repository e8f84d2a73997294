#!/usr/bin/env python3
"""A walk of the contract: each operation is answered, and refuses, in every way that api/openapi.yaml says it does.

    test_contract_walk.py ASSAYD [WORD…]

Everything is taken from the contract: a new operation is walked as soon as it stands there with its examples. What can
not be told from it stands in the tables below, a line each. Each exchange is judged by the client; the last case asks
whether each documented status has been seen.
"""
import json
import select
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import CONTRACT, PROBLEM, raw, raw_reply

import contract_coverage
from examples import NEW, Examples

# Values of path parameters that are well formed and name nothing; "none" where not said here.
UNKNOWN = {"period": "1999-01", "version": "999", "upload": "u0000000000000000"}

# What the contract's examples do not bring about: (operation, status, what is otherwise than in its good request; or what does
# it). Rows of what is not in the contract are passed over: what a row fails to reach the last case tells.
FURTHER = [
    ("put_provider", 202, lambda *world: put_off(*world, city="Harbin")),
    ("post_providers", 202, lambda *world: put_off(*world, city="Dalian")),
    ("put_calendar", 202, lambda *world: put_off(*world, code="cn-office", exceptions=[{"date": "2001-02-08", "hours": []}])),
    ("put_rates", 202, lambda *world: put_off(*world, code="fy01-labour")),
    ("put_scheme", 202, lambda *world: put_off(*world, if_match="*", window_months=4)),
    ("list_changes", 410, {"query": {"provider": "P001", "after": "20010214"}}),
    ("post_key_rotate", 409, lambda *world: rotate_revoked(*world)),
    ("post_revert", 409, lambda *world: revert_while_running(*world)),
]

# What an operation answers where the database is broken (500) or away (503), if neither that nor 200.
ELSE = {
    ("readyz", 500): (503,),
}

# Operations that may wait for a worker (503) but do not need the database.
HELD = {"list_providers"}

TAKEN = (200, 201, 202, 204)
RECORD_ID = {"at": "2000-12-31T00:00:00Z"}  # makes another record of one with the same id
BAD_KEYS = {"no key": None, "a wrong key": "Bearer not-the-key-of-anybody"}
FRESH = {"Cache-Control": "no-cache"}


class Walk:
    """One database and its daemon, in which the contract's examples are told."""

    def __init__(self, client):
        self.client, self.examples, self.d, self.keys = client, Examples(CONTRACT), tap.Differences(), {}

    def send(self, want, request, method=None):
        """want: a status, or several. What the reply is beyond that is the client's to judge."""
        statuses = {want} if isinstance(want, int) else set(want)
        try:
            reply = request.send(self.client, method)
        except tap.Differ as e:
            self.d.add(f"{request}: {e}")
            return None
        if reply.status not in statuses:
            body = tap.short(request.body.decode("utf-8", "replace")) if request.body else ""
            self.d.add(f"{request} {body}: wanted {sorted(statuses)}, got {reply!r}")
        if (method or request.op.method) == "POST":
            self.examples.learn(reply)
        return reply

    def good(self, op, **parts):
        return self.examples.good(op, **parts)

    @staticmethod
    def either(op, status):
        """A status where the operation documents it, else any that it does: one that comes all the same is found out."""
        return status if status in op.statuses else op.statuses

    def tell(self):
        """Send every example, the registry's before the records; what stands already is not replaced, nothing is deleted."""
        changing = [op for op in CONTRACT.operations if op.method in ("PUT", "POST")]
        for op in sorted(changing, key=lambda op: ("Registry" not in op.node["tags"], op.method != "PUT")):
            if op.method == "PUT" and self.stands(op):
                continue
            for request in self.examples.all_good(op):
                self.send(TAKEN, request)

    def key_of_another(self, op):
        """A key of a role that may not do this."""
        role = next(r for r in ("dashboard", "ccc", "logistics") if r not in op.node["x-roles"])
        if role not in self.keys:
            made = self.client.send("POST", "/v1/keys", json.dumps({"name": "walk", "role": role}).encode(), "application/json")
            self.keys[role] = made.json()["secret"]
        return self.keys[role]

    def stands(self, op):
        """What a PUT would replace is there already."""
        get = CONTRACT.find("GET", op.path)
        return get is not None and self.good(get).send(self.client).status == 200


def walk_of(served):
    return Walk(served.client(timeout=60))


# --- what is taken ---------------------------------------------------------------------------------------------------------


def answered(cluster):
    """every operation answers its examples; parameters, pages, ETags, HEAD and OPTIONS are as the contract says"""
    with cluster.database() as db:
        walk = walk_of(db.serve())
        walk.tell()
        for op in sorted(CONTRACT.operations, key=lambda op: ("GET", "PUT", "POST", "PATCH", "DELETE").index(op.method)):
            if op.method == "GET":
                read(walk, op)
            else:
                change(walk, op)
            options = walk.send(204, walk.good(op), "OPTIONS")
            tap.check(options is None or not options.data, f"OPTIONS {op.path} has a body")
        walk.client.close()
        walk.d.finish()


def read(walk, op):
    good = walk.good(op)
    reply = walk.send(200, good)
    if reply is None or reply.status != 200:
        return
    head = walk.send(200, good, "HEAD")
    names = ("Content-Type", "ETag", "Cache-Control")
    if head:
        walk.d.equal(f"{good}: HEAD", [reply.headers.get(x) for x in names], [head.headers.get(x) for x in names])
    for media_type in op.responses["200"].get("content", {}):
        shown = walk.send(200, good.but(headers={"Accept": media_type}))
        if shown:
            walk.d.equal(f"{good} as {media_type}", media_type.split(";")[0], shown.headers.get("Content-Type", "").split(";")[0])
    if 304 in op.statuses and reply.headers.get("ETag"):
        walk.send(304, good.but(headers={"If-None-Match": reply.headers["ETag"]}))
        walk.send(200, good.but(headers={"If-None-Match": '"another"'}))
    for query in walk.examples.good_queries(op):
        walk.send(200, good.but(query=query))
    if "limit" in op.named("query"):
        turn_page(walk, good.but(query={"limit": 1}))


def turn_page(walk, request):
    first = walk.send(200, request)
    if first and 304 in request.op.statuses:
        walk.send(304, request.but(headers={"If-None-Match": first.headers.get("ETag", "")}))
    if not first or first.headers.get("Content-Type") != "application/json" or first.json().get("next") is None:
        return
    link = first.headers.get("Link") or ""
    second = request.but(query={"cursor" if "cursor" in request.op.named("query") else "after": first.json()["next"]})
    walk.d.equal(f"{request}: Link leads to what `next` does", True, link.startswith("<") and 'rel="next"' in link)
    a, b = walk.send(200, second), walk.client.send("GET", link[1:].partition(">")[0])
    if a:
        walk.d.equal(f"{request}: the next page", a.data, b.data)


def change(walk, op):
    """What is new is 201, the same again 200."""
    good = walk.good(op)
    if op.method == "PUT" and good.path:
        new = good.but(path={list(good.path)[-1]: NEW})
        walk.send(walk.either(op, 201), new)
        walk.send(TAKEN, new.but(headers={"If-Match": "*"} if "If-Match" in op.named("header") else {}))
    elif op.method == "DELETE":
        walk.send(TAKEN, good)
    elif 201 in op.statuses and good.body and "id" in good.document:
        walk.send(201, good.but(body={**good.document, "id": "walk-1"}))
        walk.send(200, good)


# --- what is refused -------------------------------------------------------------------------------------------------------


def refused(cluster):
    """every operation refuses what the contract says it refuses: keys, parameters, paths, methods, media types, sizes, bodies"""
    with cluster.database() as db:
        served = db.serve()
        walk = walk_of(served)
        walk.tell()
        for op in CONTRACT.operations:
            good = walk.good(op)
            refuse_heads(walk, op, good)
            refuse_sizes(walk, served, op, good)
            if op.body:
                refuse_bodies(walk, op, good)
            refuse_states(walk, op, good)
        refuse_methods(walk)
        for op, status, how in FURTHER:
            if op in CONTRACT.by_id and status in CONTRACT.by_id[op].statuses:
                how(walk, served, op, status) if callable(how) else walk.send(status, walk.good(CONTRACT.by_id[op], **how))
        walk.client.close()
        walk.d.finish()


def refuse_heads(walk, op, good):
    for value in BAD_KEYS.values():
        want = {401} if not op.open else set(op.statuses) - {401}
        if op.method == "GET" or not op.open:
            walk.send(want, good.but(headers={"Authorization": value}))
    if 403 in op.statuses:
        walk.send(403, good.but(headers={"Authorization": f"Bearer {walk.key_of_another(op)}"}))
    walk.send(400, good.but(query={"walked": "1"}))
    for name, value in walk.examples.bad_parameters(op):
        walk.send(400, good.but(query={name: value}))
    for name in good.path if op.method != "PUT" else ():
        walk.send(walk.either(op, 404), good.but(path={name: UNKNOWN.get(name, "none")}))
    walk.send(walk.either(op, 406), good.but(headers={"Accept": "image/png"}))


def refuse_sizes(walk, served, op, good):
    """As bytes: a client of HTTP would not let them through."""
    head, fields = f"{op.method} {good.target} HTTP/1.1", good.fields(walk.client.key)
    rows = [(414, f"{op.method} {good.target}?x={'0' * 9000} HTTP/1.1", fields), (431, head, {**fields, "X-Walked": "0" * 40000})]
    if good.media_type == "application/json":
        rows.append((413, head, {**fields, "Content-Length": 10**12}))
    for status, head, fields in rows:
        try:
            reply = raw_reply(raw(served.port, head, fields=fields), head, fields)
            walk.d.equal(f"{op.id} {tap.short(head)}", status, reply.status)
        except tap.Differ as e:
            walk.d.add(f"{op.id} {tap.short(head)}: {e}")


def refuse_bodies(walk, op, good):
    at = good.but(path={list(good.path)[-1]: f"{NEW}-bad"} if op.method == "PUT" and good.path else {}, body=good.body or b"{}")
    walk.send(415, at.but(media_type="application/x-walked"))
    walk.send(415, at.but(headers={"Content-Encoding": "br"}, media_type=good.media_type or next(iter(op.body["content"]))))
    if "application/json" in op.body["content"]:
        walk.send(400, at.but(body=b"{", media_type="application/json"))
    if 422 not in op.statuses or good.media_type != "application/json":
        return
    schema = CONTRACT.validator(op.body["content"]["application/json"]["schema"], False)
    for what, document in walk.examples.bad_documents(good):
        taken = schema.is_valid(document)  # where anything goes; else the contract and the daemon refuse the same
        reply = walk.send(TAKEN if taken else 422, at.but(body=document))
        if taken and reply and reply.status == 422:
            walk.d.add(f"{op.id}: {what}: the contract's schema takes what the daemon refuses")


def refuse_states(walk, op, good):
    if op.method == "PUT":
        walk.send(walk.either(op, 412), good.but(headers={"If-Match": '"v999"'}))
        walk.send(walk.either(op, 428), good)
    elif good.body and "id" in good.document:
        walk.send({200, 201}, good)
        walk.send(walk.either(op, 409), good.but(body={**good.document, **RECORD_ID}))


def refuse_methods(walk):
    for path in CONTRACT.doc["paths"]:
        ops = [op for op in CONTRACT.operations if op.path == path]
        for method in {"GET", "PUT", "POST", "PATCH", "DELETE", "TRACE"} - CONTRACT.allowed(path):
            walk.send(405, walk.good(ops[0]).but(media_type="application/json", body=b"{}"), method)


# --- what comes too late, or is too much -----------------------------------------------------------------------------------


def late(cluster):
    """a body that does not come is 408, for every operation that takes one"""
    with cluster.database() as db:
        served = db.serve("--body-seconds", "1", "--idle-seconds", "1")
        walk, open_ones = walk_of(served), []
        for op in filter(lambda op: op.body, CONTRACT.operations):
            good = walk.good(op)
            head, fields = f"{op.method} {good.target} HTTP/1.1", {**good.fields(walk.client.key), "Content-Length": 1000}
            fields.setdefault("Content-Type", next(iter(op.body["content"])))
            open_ones.append((op, head, fields, raw(served.port, head, b"{", fields)))
        for op, head, fields, s in open_ones:
            walk.d.equal(f"{op.id}: half a body", 408, raw_reply(s, head, fields).status)
        walk.d.finish()


def begin_upload(served, walk, body=b'{"id": "walk'):
    """The head of an upload and the beginning of its body, which keep a worker busy. -> what raw_reply() takes"""
    op = next(op for op in CONTRACT.operations if op.body and "application/x-ndjson" in op.body["content"] and 409 in op.statuses)
    head = f"POST {op.path} HTTP/1.1"
    fields = {"Authorization": f"Bearer {walk.client.key}", "Content-Type": "application/x-ndjson", "Content-Length": 1 << 20}
    return raw(served.port, head, body, fields), head, fields


def put_off(walk, served, op, status, code=None, if_match=None, **members):
    """A change that touches orders, and does not wait for them to be judged again."""
    good = walk.good(CONTRACT.by_id[op], path={"code": code} if code else {}, headers={"Prefer": "respond-async", "If-Match": if_match})
    document = good.document
    first = document[0] if isinstance(document, list) else document
    changed = {**first, **members}
    walk.send(status, good.but(body=[changed] if isinstance(document, list) else changed))


def revert_while_running(walk, served, op, status):
    """The blank lines are more than is held back before a worker begins, which makes the upload known."""
    upload, _, _ = begin_upload(served, walk, b"\n" * (900 << 10))
    for _ in range(100):
        running = walk.client.send("GET", "/v1/uploads?status=running").json()["items"]
        if running:
            break
        time.sleep(0.05)
    tap.check(running, "an upload under way is not listed as running")
    walk.send(status, walk.good(CONTRACT.by_id[op], path={"upload": running[0]["upload"]}))
    upload.close()


def rotate_revoked(walk, served, op, status):
    made = walk.client.send("POST", "/v1/keys", b'{"name": "walk", "role": "ccc"}', "application/json").json()
    walk.send(TAKEN, walk.good(CONTRACT.by_id["delete_key"], path={"key": made["key"]}))
    walk.send(status, walk.good(CONTRACT.by_id[op], path={"key": made["key"]}))


def too_much(cluster):
    """503 with Retry-After: more uploads than may wait, and what a stop leaves unfinished"""
    with cluster.database() as db:
        served = db.serve("--upload-workers", "1", "--upload-queue", "1", "--drain-seconds", "1")
        walk = walk_of(served)
        held = [begin_upload(served, walk) for _ in range(6)]
        wait_for_replies([s for s, _, _ in held], 4)  # one upload is under way and one may wait
        served.process.terminate()
        codes = []
        for s, head, fields in held:
            reply = raw_reply(s, head, fields)
            codes.append((reply.status, reply.json()["code"]))
        tap.equal("how many are answered 503", len(held), sum(status == 503 for status, _ in codes))
        tap.equal("why", {"overloaded", "draining"}, {code for _, code in codes})


def too_often(cluster):
    """429 with Retry-After: a key that asks more often than it may; what needs no key is answered"""
    with cluster.database() as db:
        served = db.serve("--rate-limit", "1", "--rate-burst", "2")
        with served.client() as client:
            replies = [client.send("GET", "/v1/providers") for _ in range(6)]
            last = replies[-1]
            tap.equal("statuses", [200, 200, 429, 429, 429, 429], [r.status for r in replies])
            tap.equal("code", "rate_limited", last.json()["code"])
            tap.equal("wait", "1", last.headers["Retry-After"])
            zh = client.send("PUT", "/v1/providers/P1", b"{}", "application/json", {"Accept-Language": "zh-CN"})
            tap.check(zh.status == 429 and "密钥" in zh.json()["title"], f"in Chinese: {zh!r}")
        with served.client() as client:
            for path in ("/livez", "/readyz", "/openapi.json"):
                tap.equal(path, 200, client.send("GET", path).status)
            tap.equal("a wrong key", 401, client.send("GET", "/v1/providers", headers={"Authorization": "Bearer not-it"}).status)
            time.sleep(int(last.headers["Retry-After"]))
            text = client.send("GET", "/metrics").data.decode()
        tap.check('assay_http_rejected_total{reason="rate"} 5\n' in text and "assay_http_rate_limit 1\n" in text, "not counted")


def crowded(cluster):
    """503 with Retry-After: more reads than may wait; other operations are answered meanwhile"""
    with cluster.database() as db:
        served = db.serve("--read-workers", "1", "--read-queue", "1")
        walk = walk_of(served)
        walk.tell()
        slow = walk.good(CONTRACT.by_id["get_order"], headers=FRESH)
        head, fields = f"GET {slow.target} HTTP/1.1", slow.fields(walk.client.key)
        with locked(cluster, db):
            held = [raw(served.port, head, fields=fields) for _ in range(6)]
            wait_for_replies(held, 4)
            for op in (op for op in CONTRACT.operations if op.method == "GET" and 503 in op.statuses):
                for media_type in op.responses["200"]["content"]:
                    walk.send((200, 503), walk.good(op, headers={**FRESH, "Accept": media_type}))
        tap.equal("one read was under way and one waited", [200] * 2 + [503] * 4, sorted(raw_reply(s, head).status for s in held))
        walk.client.close()
        walk.d.finish()


@contextmanager
def locked(cluster, db):
    """Nobody can read orders."""
    psql = subprocess.Popen([cluster.psql, "-X", "-q", "-d", db.conninfo], stdin=subprocess.PIPE, text=True)
    try:
        psql.stdin.write("BEGIN; LOCK TABLE work_order;\n")
        psql.stdin.flush()
        until = time.monotonic() + 30
        while db.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted "
                     "AND relation = 'work_order'::regclass") == [["0"]]:
            tap.check(time.monotonic() < until, "the table could not be locked")
            time.sleep(0.02)
        yield
    finally:
        psql.kill()
        psql.wait()
        psql.stdin.close()


def wait_for_replies(sockets, count, seconds=30):
    until = time.monotonic() + seconds
    while len(found := select.select(sockets, [], [], 0)[0]) < count and time.monotonic() < until:
        time.sleep(0.01)
    tap.equal("how many are answered at once", count, len(found))


# --- when the database breaks, or goes away --------------------------------------------------------------------------------

# Somebody moves the tables away under the running daemon; that of the migrations stays, so that it is a schema it knows.
BREAK = """DO $$ DECLARE t record; BEGIN
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%migration%' LOOP
        EXECUTE format('ALTER TABLE %I RENAME TO %I', t.tablename, t.tablename || '_gone');
    END LOOP; END $$"""


def ask_all(served, walk, status):
    """A good request of every operation, each on its own connection: those that document the status answer it, the others
    need no database, or say so too. Why is for the log."""
    def ask(op):
        good = walk.good(op, headers=FRESH)
        if op.method == "PUT" and good.path:
            good = good.but(path={list(good.path)[-1]: f"{NEW}-{status}"})
        want = (status,) if status in op.statuses and op.id not in HELD else ELSE.get((op.id, status), (*TAKEN, status))
        try:
            with served.client(timeout=60) as client:
                reply = good.send(client)
        except tap.Differ as e:
            return f"{good}: {e}"
        told = reply.json() if reply.headers.get("Content-Type") == PROBLEM else {}
        if told.get("detail") != told.get("title"):
            return f"{good}: tells of the daemon's insides: {told['detail']}"
        return None if reply.status in want else f"{good}: wanted {want}, got {reply!r}"

    with ThreadPoolExecutor(8) as pool:
        for line in filter(None, pool.map(ask, CONTRACT.operations)):
            walk.d.add(line)


def stop_after_errors(served):
    """It has logged errors, as it should, and ends well all the same."""
    served.stop(check=False)
    bad = [x for x in served.log().splitlines() if "Sanitizer" in x or "runtime error:" in x]
    tap.check(served.process.returncode == 0 and not bad, f"{served.process.returncode}: {bad}\n{served.tail()}")


def broken(cluster):
    """500 where the database is not what it was"""
    with cluster.database() as db:
        served = db.serve()
        walk = walk_of(served)
        walk.tell()
        db.sql(BREAK)
        ask_all(served, walk, 500)
        stop_after_errors(served)
        walk.d.finish()


def away(cluster):
    """503 with Retry-After where the database is away"""
    db = cluster.database()
    served = db.serve()
    walk = walk_of(served)
    walk.tell()
    cluster.stop()
    ask_all(served, walk, 503)
    stop_after_errors(served)
    walk.d.finish()


def seen(cluster):
    """every documented status of every operation has been seen"""
    gaps = contract_coverage.gaps(CONTRACT, daemon.SEEN.lines)
    tap.check(not gaps, "\n".join(gaps))


if __name__ == "__main__":
    daemon.main([answered, refused, late, too_much, too_often, crowded, broken, away, seen])
