#!/usr/bin/env python3
"""The command line against a real daemon: load, orders, explain, health, check-config, completion, help, the manual page.

    test_cli.py ASSAYD [WORD…]
"""
import fcntl
import gzip
import json
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import ROUTES
from oracle import m
from records import CLOSED, DISPATCH, OPENED, PROVIDERS, REQUESTED, SHIPPED, SURVEY

GOLDEN = daemon.ROOT / "tests/data/fy01"
FILES = ["providers.ndjson", "dispatches.ndjson", "events.ndjson", "surveys.ndjson"]
SECONDS = 120


def environment(**more):
    """None of the caller's own settings; UTC and English."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("ASSAY_") or k in ("ASSAY_SOURCE_ROOT", "ASSAY_PG_BIN")}
    return {**plain, "LC_ALL": "C.UTF-8", "TZ": "UTC", **more}


class Said:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f"<exit {self.status}\n{self.out[-3000:]}\n--- stderr\n{self.err[-3000:]}>"


class Line:
    """assayd with a daemon's address and key."""

    def __init__(self, cluster, served, folder):
        self.assayd, self.folder = cluster.assayd, folder
        self.env = environment(ASSAY_URL=f"http://127.0.0.1:{served.port}", ASSAY_KEY_FILE=str(served.key_path))

    def start(self, *arguments, env=None, **options):
        return subprocess.Popen([self.assayd, *map(str, arguments)], cwd=self.folder, env={**self.env, **(env or {})}, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=daemon.die_with_parent, **options)

    def run(self, *arguments, status=0, env=None, stdin=""):
        p = self.start(*arguments, env=env, stdin=subprocess.PIPE)
        out, err = p.communicate(stdin, timeout=SECONDS)
        said = Said(p.returncode, out, err)
        tap.check(status is None or said.status == status, f"assayd {' '.join(map(str, arguments))}: wanted exit {status}: {said}")
        tap.check("Sanitizer" not in err and "runtime error" not in err, said)
        return said


def offline(cluster, *arguments, status=0, env=None):
    done = subprocess.run([cluster.assayd, *map(str, arguments)], env=environment(**(env or {})), capture_output=True, text=True, timeout=SECONDS)
    tap.check(done.returncode == status, f"assayd {' '.join(map(str, arguments))}: wanted exit {status}: {Said(done.returncode, done.stdout, done.stderr)}")
    return done


def contains(text, *parts):
    for part in parts:
        tap.check(part in text, f"{part!r} is not in:\n{text}")


def write(folder, name, rows):
    path = folder / name
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in rows), encoding="utf-8")
    return path


def records_of(db):
    return int(db.sql("SELECT count(*) FROM record")[0][0])


# --- load --------------------------------------------------------------------------------------------------------------


def load_golden(cluster):
    """load: a network in whatever order it is given, providers first; again it changes nothing; the rates get a version"""
    with cluster.database() as db:
        line = Line(cluster, db.serve(), db.folder)
        for name in FILES:
            shutil.copy(GOLDEN / name, db.folder)
        said = line.run("load", *reversed(FILES))
        numbers = {f: (int(a), int(b)) for f, a, b in re.findall(r"^(\S+): \S+: \d+ received, (\d+) accepted, (\d+) dup", said.out, re.M)}
        want = {name: len(m.read_ndjson(GOLDEN / name)) for name in FILES}
        tap.equal("accepted", {f: (n, 0) for f, n in want.items()}, numbers)
        tap.check(said.out.startswith("providers.ndjson: providers:"), f"providers do not come first: {said}")
        contains(said.out, f"together: {sum(want.values())} received, {sum(want.values())} accepted, 0 duplicates, 0 rejected")
        tap.check(said.err == "", f"progress where there is no terminal: {said}")
        again = line.run("load", *FILES, "--json")
        replies = [json.loads(x) for x in again.out.splitlines()]
        tap.equal("files", FILES, [r["file"] for r in replies])
        tap.equal("duplicates", [want[f] for f in FILES[1:]], [r["reply"]["duplicates"] for r in replies[1:]])
        tap.check(line.run("load", "--quiet", *FILES).out == "", "--quiet says something of files that were taken")
        rates = db.folder / "fy01-labour.json"
        rates.write_text(offline(cluster, "sample", "--kind", "rates").stdout)
        contains(line.run("load", rates).out, "fy01-labour.json: rates: 1 received, 1 accepted")
        line.run("load", rates)  # one stands already: the version that is replaced is named
        rates.rename(db.folder / "x.json").write_text(offline(cluster, "sample", "--kind", "rates", "--no-rate").stdout)
        line.run("load", "x.json", "--code", "fy01-labour")
        with db.daemons[0].client() as client:
            tap.equal("version of the rates: the same again makes none", 2, client.get("/v1/rates/fy01-labour")["version"])
        db.verify(sum(want[f] for f in FILES[1:]))


def load_rejected(cluster):
    """load: refused rows are named, written, mended and loaded again; several files have theirs in a folder"""
    with cluster.database() as db:
        line = Line(cluster, db.serve(), db.folder)
        write(db.folder, "p.ndjson", PROVIDERS)
        bad = {**CLOSED, "outcom": "repaired"}
        write(db.folder, "events.ndjson", [OPENED, REQUESTED, bad, "{oops", {**SHIPPED, "at": "2001-02-05T09:00:00"}])
        said = line.run("load", "p.ndjson", "events.ndjson", "--rejected", "bad", status=1)
        contains(said.out, "events.ndjson: repair-events: 5 received, 2 accepted, 0 duplicates, 3 rejected",
                 "  line 3 (e6): unknown_field: the records of this route have no such field (/outcom)",
                 "  line 4: invalid_json:", "  line 5 (e3): missing_offset:")
        tap.equal("folder", ["events.ndjson"], os.listdir(db.folder / "bad"))
        said = line.run("load", "events.ndjson", "--rejected", "bad.ndjson", "--errors", "1", status=1)
        contains(said.out, "2 duplicates, 3 rejected", "  and 2 more\n")
        tap.equal("one file or a folder of them", (db.folder / "bad/events.ndjson").read_text(), (db.folder / "bad.ndjson").read_text())
        rows = m.read_ndjson(db.folder / "bad.ndjson")
        tap.equal("lines", [3, 4, 5], [r["_line"] for r in rows])
        tap.equal("codes", ["unknown_field", "invalid_json", "missing_offset"], [r["_code"] for r in rows])
        write(db.folder, "bad.ndjson", [{k: v for k, v in rows[0].items() if k != "outcom"}, {**rows[2], "at": SHIPPED["at"]}])
        contains(line.run("load", "bad.ndjson").out, "bad.ndjson: repair-events: 2 received, 2 accepted, 0 duplicates, 0 rejected")
        db.verify(4)
        # Many refused rows are more than one page.
        write(db.folder, "many.ndjson", [{**OPENED, "id": f"m{i}", "warrant": "in"} for i in range(2500)])
        line.run("load", "many.ndjson", "--rejected", "many.bad", status=1)
        tap.equal("rows of all pages", [f"m{i}" for i in range(2500)], [r["id"] for r in m.read_ndjson(db.folder / "many.bad")])
        # Providers are all or nothing: nothing was kept that could be given back.
        write(db.folder, "q.ndjson", [PROVIDERS[0], {"code": "Q1", "name": "x"}])
        said = line.run("load", "q.ndjson", "--rejected", "q.bad", status=1)
        contains(said.err, "  line 2: missing_field:", "mend the file itself")


def load_forms(cluster):
    """load: the standard input, one object, an array, gzip, a told kind, --atomic and --dry-run as the daemon takes them"""
    with cluster.database() as db:
        served = db.serve()
        line = Line(cluster, served, db.folder)
        write(db.folder, "p.ndjson", PROVIDERS)
        line.run("load", "p.ndjson")
        contains(line.run("load", "-", stdin=json.dumps(OPENED) + "\n").out, "standard input: repair-events: 1 received, 1 accepted")
        contains(line.run("load", "-", "--kind", "repair-events", stdin=json.dumps(REQUESTED) + "\n" + json.dumps(OPENED)).out,
                 "2 received, 1 accepted, 1 duplicates")
        write(db.folder, "one.json", [json.dumps(DISPATCH, indent=2)])
        contains(line.run("load", "one.json").out, "one.json: ccc-dispatches: 1 received, 1 accepted, 0 duplicates, 0 rejected")
        contains(line.run("load", "one.json").out, "1 received, 0 accepted, 1 duplicates")
        write(db.folder, "array.json", [json.dumps([SURVEY, {**SURVEY, "id": "s2"}], indent=1)])
        contains(line.run("load", "array.json").out, "array.json: survey-responses: 2 received, 2 accepted")
        write(db.folder, "one.json", [json.dumps({**SURVEY, "id": "s3", "answer": "?"})])
        contains(line.run("load", "one.json", status=1).err, "one.json: refused with 422 validation_failed", "  invalid_value: one of these", "(/answer)")
        contains(line.run("load", "mystery", status=2).err, "cannot read mystery: No such file or directory")
        write(db.folder, "mystery", ['{"a": 1}'])
        contains(line.run("load", "p.ndjson", "mystery", status=2).err, "what mystery holds is not plain; say it with --kind")
        contains(line.run("load", status=2).err, "say which files")
        before = records_of(db)
        # What this daemon has not learned it refuses, and load says so; what it has must come through.
        (db.folder / "events.ndjson.gz").write_bytes(gzip.compress((json.dumps(SHIPPED) + "\n").encode()))
        said = line.run("load", "events.ndjson.gz", status=None)
        if said.status == 0:
            contains(said.out, "events.ndjson.gz: repair-events: 1 received, 1 accepted")
            before += 1
        else:
            contains(said.err, "refused with 415")
            tap.check(said.status == 3, said)
        write(db.folder, "events.ndjson", [CLOSED, {**CLOSED, "id": "e9", "at": "x"}])
        said = line.run("load", "--dry-run", "events.ndjson", status=None)
        tap.check(said.status in (1, 3) and ("dry run: nothing was kept" in said.out or "unknown_parameter" in said.err), said)
        said = line.run("load", "--atomic", "events.ndjson", status=None)
        tap.check(said.status == 1 if "422" in said.err or "rejected" in said.out else "unknown_parameter" in said.err, said)
        tap.equal("records that stand", before, records_of(db))
        # A whole directory, a closed standard output: no crash.
        contains(line.run("load", ".", status=2).err, "Is a directory")


def refused(cluster):
    """load: a wrong key, no key, a wrong address and a dead daemon are exit 3, each with a word of what to do"""
    with cluster.database() as db:
        served = db.serve()
        line = Line(cluster, served, db.folder)
        write(db.folder, "p.ndjson", PROVIDERS)
        write(db.folder, "e.ndjson", [OPENED])
        said = line.run("load", "--key", "wrong", "p.ndjson", "e.ndjson", status=3)
        contains(said.err, "p.ndjson: refused with 401 unauthorized", "--key-file", "e.ndjson: not sent")
        contains(line.run("load", "--key-file", "nowhere", "p.ndjson", status=2).err, "no key can be read from nowhere: No such file")
        line.run("load", "p.ndjson", status=3, env={"ASSAY_KEY_FILE": ""})
        # The command line wins over the environment, a key over a file.
        line.run("load", "p.ndjson", "--key-file", served.key_path, env={"ASSAY_KEY": "wrong"})
        line.run("load", "p.ndjson", status=3, env={"ASSAY_KEY": "wrong"})
        line.run("load", "p.ndjson", "--state-dir", cluster.folder / "state", status=3)  # another daemon's key
        contains(line.run("load", "--url", "ftp://x", "p.ndjson", status=2).err, "is no address of a daemon")
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            said = line.run("load", "--retries", "1", "--url", f"http://127.0.0.1:{closed.getsockname()[1]}", "p.ndjson", status=3)
        contains(said.err, "p.ndjson: ", "; again in ", "cannot be reached", "(tried 2 times)")
        line.run("health", "--quiet")
        served.stop()
        tap.check(line.run("health", status=1).out == "", "health of a daemon that is gone")


def restarted(cluster):
    """load: a daemon killed and started anew under it; everything is taken, once"""
    with cluster.database() as db:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        first = db.serve("--listen", f"127.0.0.1:{port}")
        line = Line(cluster, first, db.folder)
        offline(cluster, "sample", "--orders", "3000", "--out", str(db.folder / "net"))
        names = [f"net/{n}" for n in FILES]
        want = sum(len((db.folder / n).read_text().splitlines()) for n in names[1:])
        p = line.start("load", "--retries", "60", *names)
        until = time.monotonic() + 30
        while records_of(db) < 1 and time.monotonic() < until:
            time.sleep(0.01)
        first.kill()
        time.sleep(0.7)  # long enough that a try fails
        db.serve("--listen", f"127.0.0.1:{port}")
        out, err = p.communicate(timeout=SECONDS)
        said = Said(p.returncode, out, err)
        tap.check(p.returncode == 0, said)
        contains(said.err, "; again in ")
        tap.equal("refused", ["0"] * len(FILES), re.findall(r"^net.* (\d+) rejected", said.out, re.M))
        tap.equal("records that stand", want, records_of(db))
        db.verify(want)


def put_off(cluster):
    """load: 503 with Retry-After is waited out for as long as it says; what is answered before the body's end is heard"""
    answers = [b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
               b"",  # the connection ends without a word
               b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 31\r\n\r\n" + b'{"id":"e1","status":"accepted"}']
    times, bodies = [], []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            for answer in answers:
                connection, _ = server.accept()
                times.append(time.monotonic())
                data = b""
                while b"\r\n\r\n" not in data or not data.endswith(b"}\n"):
                    data += connection.recv(65536)
                bodies.append(data.split(b"\r\n\r\n", 1)[1])
                connection.sendall(answer)
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        folder = daemon.new_folder()
        write(folder, "e.json", [OPENED])
        env = environment(ASSAY_URL=f"http://127.0.0.1:{server.getsockname()[1]}", ASSAY_KEY="k")
        done = subprocess.run([cluster.assayd, "load", "e.json"], cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS)
        thread.join(10)
    said = Said(done.returncode, done.stdout, done.stderr)
    tap.check(done.returncode == 0 and len(times) == 3, said)
    contains(said.err, "it answered 503; again in 1.0 s")
    tap.check(1.0 <= times[1] - times[0] < 5, f"Retry-After was 1 s, the wait {times[1] - times[0]}")
    tap.check(len(set(bodies)) == 1 and json.loads(bodies[0]) == OPENED, f"the body was not the same again: {bodies}")


def stopped(cluster):
    """load: Ctrl-C in the middle of a body says what stands, and that is true"""
    with cluster.database() as db:
        line = Line(cluster, db.serve(), db.folder)
        write(db.folder, "p.ndjson", PROVIDERS)
        write(db.folder, "s.ndjson", [SURVEY])
        line.run("load", "p.ndjson")
        p = line.start("load", "-", "s.ndjson", stdin=subprocess.PIPE)
        p.stdin.write("".join(json.dumps({**OPENED, "id": f"x{i}", "order": f"W{i}"}) + "\n" for i in range(3000)))
        p.stdin.flush()
        time.sleep(1)  # the rest does not come
        tap.check(p.poll() is None, "it ended before its input did")
        p.send_signal(signal.SIGINT)
        p.wait(SECONDS)
        said = Said(p.returncode, p.stdout.read(), p.stderr.read())
        p.stdin.close()
        tap.check(said.status == 130, said)
        contains(said.err, "standard input: nothing: it was not sent to its end", "s.ndjson: nothing: it was not sent")
        time.sleep(0.5)
        tap.equal("records that stand", 0, records_of(db))


def on_a_terminal(cluster):
    """load: on a terminal there is a bar of progress, within its width, and it is gone at the end"""
    with cluster.database() as db:
        line = Line(cluster, db.serve(), db.folder)
        offline(cluster, "sample", "--orders", "4000", "--out", str(db.folder / "net"))
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
        p = subprocess.Popen([cluster.assayd, "load", "net/providers.ndjson", "net/events.ndjson"], cwd=db.folder, env=line.env,
                             stdout=subprocess.PIPE, stderr=side, preexec_fn=daemon.die_with_parent)
        os.close(side)
        seen = b""
        while True:
            try:
                chunk = os.read(main, 65536)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
        out = p.stdout.read().decode()
        tap.check(p.wait(SECONDS) == 0, out)
        text = seen.decode()
        lines = [x.replace("\x1b[K", "") for x in text.split("\r") if x.replace("\x1b[K", "")]
        tap.check(any(re.search(r"net/events\.ndjson \[#+-*\] +\d+% .* ?B  (.*B/s  ETA|being applied) \d+:\d\d", x) for x in lines), f"no bar: {text!r}")
        tap.check(max(map(len, lines)) < 70, f"wider than the terminal: {lines}")
        tap.check(text.endswith("\r\x1b[K"), f"the bar was left standing: {text[-100:]!r}")
        contains(out, "net/events.ndjson: repair-events:")


# --- orders, explain, health -------------------------------------------------------------------------------------------


def columns_of(text):
    """Where the columns of a table begin, by display width, for each line."""
    import unicodedata

    def wide(s):
        return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in s)

    return [[wide(line[: x.start()]) for x in re.finditer(r"(?:(?<=  )|^)\S", line)] for line in text.splitlines()]


def figures(cluster):
    """orders and explain: tables in two languages, filters, all pages, raw JSON; the same as the API's"""
    with cluster.database() as db:
        served = db.serve()
        line = Line(cluster, served, db.folder)
        line.run("load", "--quiet", *(GOLDEN / name for name in FILES))
        with served.client() as client:
            want = client.items("/v1/providers/P003/orders")
            everyone = [o for p in client.items("/v1/providers") for o in client.items(f"/v1/providers/{p['code']}/orders")]
            missed = client.items("/v1/providers/P003/orders", outcome="missed", period="2001-02")
            a_missed = next(o for o in everyone if o["outcome"] == "missed")
            at = (a_missed["provider"], a_missed["order"])
            verdict = client.get(daemon.order_path(*at) + "/verdict")
        json_of = lambda *a: [json.loads(x) for x in line.run("orders", "--json", *a).out.splitlines()]
        tap.equal("one provider's", want, json_of("P003", "--limit", "all"))
        tap.equal("everybody's", everyone, json_of("--limit", "all"))
        tap.equal("filtered", missed, json_of("P003", "--outcome", "missed", "--period", "2001-02"))
        tap.equal("so many", everyone[:130], json_of("--limit", "130"))
        tap.check(len(everyone) > 130, "too few orders for that to say anything")
        for lang, words in (("en", ("PROVIDER", "missed", "walk-in")), ("zh", ("服务商", "未达标", "自行送修"))):
            said = line.run("orders", "--limit", "300", "--lang", lang)
            contains(said.out, *words)
            begins = columns_of(said.out)
            tap.check(len(begins) == 301 and all(len(b) == 12 and b == begins[0] for b in begins), f"not aligned:\n{said.out[:2000]}")
            contains(said.err, "300")
        contains(line.run("orders", "NOBODY", status=3).err, "404 not_found")
        contains(line.run("orders", "--state", "opn", status=2).err, '--state: "opn" is none of: open closed cancelled')
        contains(line.run("orders", "P003", "--period", "2001-13", status=3).err, "invalid_parameter", "period")
        contains(line.run("orders", "--limit", "0", status=2).err, "--limit")
        # explain
        tap.equal("raw", verdict, json.loads(line.run("explain", *at, "--json").out))
        for lang, text, words in (("en", "en", ("missed", "ledger of the cycle", "records used:")), ("zh", "zh-CN", ("未达标", "周期时间明细", "所依据的记录："))):
            said = line.run("explain", *at, "--lang", lang).out
            contains(said, f"{at[0]} / {at[1]}: ", verdict["explanation"]["text"][text], *words, *verdict["explanation"]["records"])
        contains(line.run("explain", at[0], "NOPE", status=3).err, "404 not_found")
        contains(line.run("explain", *at, "--scheme", "nope", status=3).err, "40")
        line.run("explain", "P003", status=2)
        contains(line.run("explain", "--file", GOLDEN / "providers.ndjson", "--file", GOLDEN / "dispatches.ndjson", "--file",
                          GOLDEN / "events.ndjson", *at, "--lang", "zh").out, verdict["explanation"]["text"]["zh-CN"].split("\n")[0])
        contains(line.run("health").out, "/readyz: good")
        contains(line.run("health", "--live").out, "/livez: good")


def keys(cluster):
    """key: made, listed, replaced and revoked; a secret goes to stdout alone, and lets in while it should"""
    with cluster.database() as db:
        served = db.serve()
        line = Line(cluster, served, db.folder)
        line.run("load", "--quiet", GOLDEN / "providers.ndjson")
        asked = lambda secret, path: served.client().send("GET", path, headers={"Authorization": f"Bearer {secret}"}).status
        made = line.run("key", "new", "服务台 P003", "--role", "provider", "--provider", "P003")
        secret = made.out.strip()
        tap.check(re.fullmatch(r"assay_[0-9a-f]{16}_[0-9a-f]{64}", secret) and secret not in made.err, f"{made.out} {made.err}")
        contains(made.err, secret[:22], "role provider", "only time")
        tap.equal("its own, another's, the network", [200, 404, 403],
                  [asked(secret, f"/v1/providers{x}") for x in ("/P003", "/P001", "")])
        listed = line.run("key", "list").out
        contains(listed, "KEY", "LAST USED", secret[:22], "服务台 P003", "active")
        tap.check(secret[23:] not in listed, "a secret is listed")
        tap.equal("as JSON", [secret[:22]], [json.loads(x)["key"] for x in line.run("key", "list", "--json").out.splitlines()])
        second = line.run("key", "rotate", secret[:22], "--overlap", "3600").out.strip()
        tap.equal("both hold", [200, 200], [asked(x, "/v1/providers/P003") for x in (secret, second)])
        contains(line.run("key", "revoke", secret[:22]).err, "revoked")
        tap.equal("one holds", [401, 200], [asked(x, "/v1/providers/P003") for x in (secret, second)])
        contains(line.run("key", "rotate", secret[:22], status=3).err, "409 key_ended")
        contains(line.run("key", "new", "x", "--role", "provider", status=3).err, "missing_field", "/provider")
        contains(line.run("key", "new", "x", "--role", "provider", "--provider", "P999", status=3).err, "unknown_provider")
        contains(line.run("key", "new", "x", "--role", "portal", "--expires", "2001-01-01T00:00:00Z", status=3).err, "/expires_at")
        for wrong in (["key"], ["key", "make"], ["key", "new"], ["key", "new", "x"], ["key", "list", "x"],
                      ["key", "new", "x", "--role", "boss"], ["key", "rotate", "x", "--overlap", "-1"]):
            line.run(*wrong, status=2)
        log = served.log()
        tap.check(not any(x[23:] in log for x in (secret, second)), "a secret is in the log")
        contains(log, f"principal={secret[:22]}")


def pages(cluster):
    """orders: behind the cursors as far as is wanted, no order lost or doubled"""
    with cluster.database() as db:
        served = db.serve()
        line = Line(cluster, served, db.folder)
        offline(cluster, "sample", "--providers", "1", "--orders", "2300", "--out", str(db.folder / "net"))
        line.run("load", "--quiet", *(f"net/{n}" for n in FILES))
        with served.client() as client:
            want = client.items("/v1/providers/P001/orders")
        tap.check(len(want) > 2000, f"{len(want)} orders are too few to need three pages")
        for limit, n in (("all", len(want)), ("1000", 1000), ("1001", 1001), ("2000", 2000), ("999999", len(want))):
            said = line.run("orders", "--json", "--limit", limit)
            tap.equal(f"--limit {limit}", [o["order"] for o in want[:n]], [json.loads(x)["order"] for x in said.out.splitlines()])
        for limit, more in (("1000", True), (str(len(want)), False)):
            said = line.run("orders", "P001", "--limit", limit)
            tap.check(("only; --limit all" in said.err) == more, f"--limit {limit}: {said.err}")


# --- without a daemon --------------------------------------------------------------------------------------------------


def check_config(cluster):
    """check-config: every mistake at once, where each value comes from, no secret shown, exit codes"""
    folder = daemon.new_folder()
    (folder / "conf").write_text("listen = 127.0.0.1:1\nread-workers = 4\nadmin-key = 0123456789abcdef0123456789abcdef\n")
    (folder / "conf").chmod(0o600)
    said = offline(cluster, "check-config", "--config", folder / "conf", "--state-dir", folder / "state", env={"ASSAY_READ_WORKERS": "5"})
    for row in (f"listen +127.0.0.1:1 +{folder}/conf line 1", "read-workers +5 +ASSAY_READ_WORKERS", "upload-queue +32 +default",
                f"state-dir +{folder}/state +command line", r"admin-key +\*\*\*\*\*\*\*\* +"):
        tap.check(re.search(f"^{row}", said.stdout, re.M), f"{row}\n{said.stdout}")
    contains(said.stdout, "the settings are sound\n")
    tap.check("0123456789abcdef" not in said.stdout + said.stderr, "the key is shown")
    tap.check(not (folder / "state").exists(), "it made something")
    said = offline(cluster, "check-config", "--state-dir", "/d", "--listen", "0.0.0.0:80")
    contains(said.stderr, "unwise: listen: 0.0.0.0:80 is more than loopback")
    offline(cluster, "check-config", "--state-dir", "/d", "--listen", "0.0.0.0:80", "--strict", "--quiet", status=1)
    wrong = ["--reed-workers", "1", "--upload-queue", "x", "--log-level", "loud"]
    said = offline(cluster, "check-config", *wrong, status=2, env={"ASSAY_IDLE_SECONDS": "-1"})
    contains(said.stderr, "there is no option --reed-workers; did you mean --read-workers?", "upload-queue (command line)",
             "idle-seconds (ASSAY_IDLE_SECONDS)", "log-level: debug, info, warn or error", "state-dir: give --state-dir")
    # serve names all of them too, before anything is started.
    said = offline(cluster, "serve", *wrong[2:], status=2, env={"ASSAY_IDLE_SECONDS": "-1"})
    contains(said.stderr, "upload-queue", "idle-seconds")


def doctor(cluster):
    """doctor: a line for each thing that it looks at, beside a daemon and without one; what is wrong it says, and changes nothing"""
    with cluster.database() as db:
        served = db.serve()
        key = served.key_path.read_text().strip()
        settings = ["--database-url", db.conninfo, "--admin-key", key, "--state-dir", str(db.folder / "d")]
        asked = [*settings, "--url", f"http://127.0.0.1:{served.port}"]
        (db.folder / "d").mkdir(mode=0o700)
        said = offline(cluster, "doctor", *asked).stdout
        for what in ("settings", "time zones", "disk", "schema", "database", "durability", "connections", "clocks", "transactions",
                     "commits", "daemon"):
            tap.check(re.search(rf"^(good|unwise)  +{what}  ", said, re.M), f"{what}\n{said}")
        contains(said, "PostgreSQL 1", "synchronous_commit is on", " is ready", ", 0 wrong")
        tap.check(key not in said, "the key is shown")
        offline(cluster, "doctor", *asked, "--strict", status=1)  # the key stands on the command line
        db.sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$")
        (db.folder / "d" / "admin.key").write_text("x")
        (db.folder / "d" / "admin.key").chmod(0o644)
        said = offline(cluster, "doctor", "--quiet", *asked, status=1).stdout
        contains(said, "WRONG   durability    synchronous_commit is off", "others than its owner may read")
        tap.check(not re.search("^good", said, re.M), said)
        db.sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET synchronous_commit', current_database()); END $$")
        (db.folder / "d" / "admin.key").unlink()
        served.stop()
        contains(offline(cluster, "doctor", *asked, status=1).stdout, "WRONG   daemon", "cannot be reached")
        db.sql("INSERT INTO schema_migration SELECT 999, 'future', now()")
        contains(offline(cluster, "doctor", *settings, status=1).stdout, "WRONG   schema", "newer than this program")
        contains(offline(cluster, "doctor", "--database-url", "host=/nowhere dbname=x", "--state-dir", str(db.folder / "d"), status=1).stdout,
                 "WRONG   database")
        contains(offline(cluster, "doctor", "--state-dir", str(db.folder / "none")).stdout, "there is none yet")
        tap.check(not (db.folder / "none").exists(), "it made something")
        contains(offline(cluster, "doctor", "--read-workers", "x", "--state-dir", "/d", status=1).stdout, "WRONG   settings", "read-workers")


def help_of_all(cluster):
    """help: every command has what it needs to be understood; a wrong word names the nearest; the version"""
    text = offline(cluster, "--help").stdout
    commands = re.findall(r"^    ([a-z-]+)  +\S.*$", text, re.M)
    tap.check({"serve", "load", "orders", "explain", "health", "check-config", "completion", "man"} <= set(commands), text)
    tap.equal("examples", 3, len(re.findall(r"^        assayd ", text, re.M)))
    for command in commands:
        one = offline(cluster, command, "--help").stdout
        contains(one, f"usage: assayd {command}", "\nExamples\n", "\nExit status\n    0 ", "\n    2   wrong")
        tap.equal(f"help {command}", one, offline(cluster, "help", command).stdout)
        said = offline(cluster, command, "--frobnicate", status=2)
        contains(said.stderr, "there is no option --frobnicate")
    contains(offline(cluster, "laod", status=2).stderr, "there is no command laod; did you mean load?")
    contains(offline(cluster, "serve", "--sate-dir", "x", status=2).stderr, "did you mean --state-dir?")
    tap.check(re.fullmatch(r"assayd \d+\.\d+\.\d+\n", offline(cluster, "--version").stdout), "--version")
    contains(offline(cluster, status=2).stderr, "usage: assayd COMMAND")


def completion(cluster):
    """completion: bash completes commands, options, settings, values and files as the help has them; zsh and fish take theirs"""
    folder = daemon.new_folder()
    (folder / "events.ndjson").write_text("")
    (folder / "evil dir").mkdir()
    script = folder / "assayd.bash"
    script.write_text(offline(cluster, "completion", "bash").stdout)

    def complete(*words):
        run = f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _assayd; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "--norc", "-c", run, "bash", *words], cwd=folder, capture_output=True, text=True, timeout=60)
        tap.check(done.returncode == 0 and not done.stderr, f"{words}: {done.stderr}")
        return [x for x in done.stdout.split("\n") if x]

    text = offline(cluster, "--help").stdout
    commands = re.findall(r"^    ([a-z-]+)  +\S.*$", text, re.M)
    tap.equal("commands", sorted(commands + ["--help", "--version"]), sorted(complete("assayd", "")))
    tap.equal("a command", ["completion"], complete("assayd", "comp"))
    for command in commands:
        options = re.findall(r"^    (--[a-z-]+)", offline(cluster, command, "--help").stdout, re.M)
        tap.equal(f"options of {command}", sorted(options + ["--help"]), sorted(complete("assayd", command, "--")))
    tap.equal("values", ["ccc-dispatches"], complete("assayd", "load", "--kind", "cc"))
    tap.equal("values behind =", ["ccc-dispatches"], complete("assayd", "load", "--kind", "=", "cc"))
    tap.equal("a setting's values", ["debug"], complete("assayd", "serve", "--log-level", "d"))
    tap.equal("files", ["events.ndjson", "evil dir"], sorted(complete("assayd", "load", "--atomic", "ev")))
    tap.equal("folders", ["evil dir"], complete("assayd", "serve", "--state-dir", "e"))
    tap.equal("a value nobody knows", [], complete("assayd", "load", "--time-zone", "e"))
    tap.equal("operands", ["bash", "zsh", "fish"], complete("assayd", "completion", ""))
    tap.equal("no operand", [], complete("assayd", "migrate", "e"))
    contains(offline(cluster, "completion", "csh", status=2).stderr, "bash, zsh or fish")
    for shell, check in (("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])):
        path = folder / f"c.{shell}"
        path.write_text(offline(cluster, "completion", shell).stdout)
        contains(path.read_text(), "check-config", "time-zone", "survey-responses")
        if shutil.which(shell):
            done = subprocess.run([shell, *check, path], capture_output=True, text=True, timeout=60)
            tap.check(done.returncode == 0 and not done.stderr, f"{shell}: {done.stderr}")
    if shutil.which("fish"):
        run = f"source {folder}/c.fish; complete -C 'assayd load --kind cc'; complete -C 'assayd che'"
        said = subprocess.run(["fish", "--no-config", "-c", run], capture_output=True, text=True, cwd=folder, timeout=60).stdout
        tap.check(said.startswith("ccc-dispatches") and "check-config" in said, f"fish completes {said!r}")


def manual(cluster):
    """man: every command, option and setting is on the page, and the tools that read it have no complaint"""
    page = daemon.new_folder() / "assayd.1"
    page.write_text(offline(cluster, "man").stdout)
    text = page.read_text().replace("\\-", "-")
    for command in re.findall(r"^    ([a-z-]+)  +\S.*$", offline(cluster, "--help").stdout, re.M):
        contains(text, f".Cm {command}\n", f".Ss assayd {command}\n")
        for option in re.findall(r"^    --([a-z-]+)", offline(cluster, command, "--help").stdout, re.M):
            contains(text, f".It Fl -{option}")
    readers = [["mandoc", "-T", "lint", "-W", "warning", page], ["groff", "-mdoc", "-Tutf8", "-ww", "-z", page]]
    found = [r for r in readers if shutil.which(r[0])]
    if not found:
        raise tap.Skip("neither mandoc nor groff is here")
    for reader in found:
        done = subprocess.run(reader, capture_output=True, text=True, timeout=60)
        said = [x for x in (done.stdout + done.stderr).splitlines() if "outdated mandoc.db" not in x]
        tap.check(not said, f"{reader[0]}: " + "\n".join(said))


daemon.main([load_golden, load_rejected, load_forms, refused, restarted, put_off, stopped, on_a_terminal, figures, keys, pages, check_config, doctor, help_of_all,
             completion, manual])
