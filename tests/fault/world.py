"""Writers, a daemon or several, a database, and proxies between them; and everything that must hold of them at any time.

    writers -> ClientProxy (one a daemon) -> daemons -> DatabaseProxy -> PostgreSQL

A world is made, suffers injections (kinds.py), is checked after each of them, and in the end is held against a world that
suffered nothing: a fresh database that was given the same records once and in order.
"""
import json
import random
import subprocess
import threading
import time
from fractions import Fraction

import daemon
import tap
from daemon import ROUTES, accept_all, segment
from load import Ledger, Writers
from oracle import m
from proxy import ClientProxy, DatabaseProxy
from server import Server

SCHEME = "hp-gold-fy01"
PERIODS = ["2000-12", "2001-01", "2001-02", "2001-03"]
FILES = (("dispatch", "dispatches"), ("repair", "events"), ("survey", "surveys"))


class Source:
    """The records of made-up networks, in the order of time but for a window that is shuffled: they come late, early, mixed."""

    WINDOW, PROVIDERS, ORDERS = 400, 5, 1500

    def __init__(self, assayd, folder, rng):
        self.assayd, self.folder, self.rng = assayd, folder, rng
        self.lock, self.waiting, self.networks = threading.Lock(), [], 0
        self.in_order = []  # all that was made
        self.more()
        self.providers = m.read_ndjson(folder / "network1/providers.ndjson")
        self.rates = m.read_json(folder / "network1/rates.json")

    def more(self):
        """Another network of the same providers, its ids apart from those before."""
        self.networks += 1
        out, mark = self.folder / f"network{self.networks}", f"N{self.networks}-"
        subprocess.run([self.assayd, "sample", "--providers", str(self.PROVIDERS), "--orders", str(self.ORDERS), "--months", str(len(PERIODS)),
                        "--seed", str(self.rng.randrange(1 << 30)), "--out", str(out)], check=True, capture_output=True)
        rows = [(stream, r) for stream, name in FILES for r in m.read_ndjson(out / f"{name}.ndjson")]
        for _, r in rows:
            r.update({name: mark + r[name] for name in ("id", "order", "target") if name in r})
        rows.sort(key=lambda x: m.parse_instant(x[1]["at"]))
        self.in_order += rows
        self.waiting += rows

    def take(self, most):
        """Up to so many, of one stream."""
        with self.lock:
            if len(self.waiting) < self.WINDOW:
                self.more()
            window = self.waiting[:self.WINDOW]
            first = self.rng.randrange(len(window))
            same = [i for i, x in enumerate(window) if x[0] == window[first][0] and i != first]
            chosen = [first, *self.rng.sample(same, min(most - 1, len(same)))]
            taken = set(chosen)
            self.waiting[:self.WINDOW] = [x for i, x in enumerate(window) if i not in taken]
            return [window[i] for i in chosen]


class World:
    """daemons: how many. options, env: of `assayd serve`. settings, segment: of the server. standby: there is a second server.
    direct: the daemons reach the server over its own socket, where a connection ends otherwise than over TCP."""

    THREADS = 6

    def __init__(self, run, name, seed, daemons=1, options=(), settings=None, segment=16, env=None, standby=False, direct=False):
        self.run, self.rng, self.seed = run, random.Random(seed), seed
        self.folder = run.folder / name
        self.folder.mkdir(mode=0o755, exist_ok=True)
        self.options, self.env, self.count = options, env, 0
        self.key = "key-of-the-fault-harness-for-tests"
        (self.folder / "admin.key").write_text(self.key + "\n")
        self.problems, self.daemons, self.doors = [], [], []
        self.ledger, self.writers = Ledger(), None
        self.server = Server(run.psql, self.folder, "a", settings, segment)
        self.servers = [self.server]
        self.database = DatabaseProxy(lambda: self.server.address())
        self.url = f"host=127.0.0.1 port={self.database.port} user=assay dbname=assay"
        if direct:
            self.url = self.server.conninfo()
        if standby:
            self.servers.append(Server(run.psql, self.folder, "b", settings, segment))
            self.url = f"host={self.servers[0].folder},{self.servers[1].folder} port=5432,5432 user=assay dbname=assay"
        try:
            self.build(daemons)
        except BaseException:
            self.close()
            raise

    def build(self, daemons):
        self.server.create().start()
        self.server.sql("CREATE DATABASE assay", "postgres")
        self.source = Source(self.run.assayd, self.folder, random.Random(f"{self.seed}/source"))
        for k in range(daemons):
            self.daemons.append(self.serve())
            self.doors.append(ClientProxy(lambda k=k: ("127.0.0.1", self.daemons[k].port)))
        with self.daemons[0].client() as client:
            client.register(self.source.providers)
            tap.check(client.put("/v1/rates/fy01-labour", self.source.rates).status == 201, "rates")
            self.cursor = client.get("/v1/changes")["next"]

    # --- its parts

    def serve(self, name=None, url=None):
        self.count += 1
        name = name or f"daemon{self.count}"
        state = self.folder / name
        state.mkdir()
        return daemon.Daemon(self.run.assayd, self.folder, name, "--database-url", url or self.url, "--admin-key", self.key,
                             "--state-dir", str(state), *self.options, env=self.env)

    def restart(self, k):
        """Another daemon in place of the k-th, as a supervisor would start it."""
        self.daemons[k] = self.serve()

    def connect(self, k):
        return daemon.Client(self.doors[k % len(self.doors)].port, self.key, timeout=60)

    def begin(self):
        self.writers = Writers(self.connect, self.source.take, self.ledger, self.THREADS, self.seed, bulk=0.12, most=160, again=0.2,
                               think=0.03)
        self.writers.wait_beyond(0)

    def mend(self):
        """After a check, before the writers go on."""

    def sql(self, text):
        return self.server.sql(text)

    def close(self):
        for proxy in [*self.doors, self.database]:
            proxy.stop()
        for d in self.daemons:
            if d in daemon._alive:
                d.kill()
        for s in self.servers:
            s.kill()

    # --- what must hold at any time

    def check(self, what):
        """With no client waiting: everything acknowledged is there, nothing but what was sent is, once, and incremental = full.
        -> how many problems there are"""
        problems = []
        for _ in range(20):  # a request whose client has gone may still be at work
            kept = self.kept()
            status, numbers, lines = daemon.recompute(self.run.assayd, self.server.conninfo())
            if self.kept() == kept:
                break
            time.sleep(0.2)
        if len(set(kept)) != len(kept):
            problems.append(f"{len(kept) - len(set(kept))} records stand twice")
        problems += self.ledger.check(set(kept))
        if status or lines or numbers["differences"]:
            problems.append(f"recompute --verify: exit {status}, {numbers}: {lines[:5]}")
        if numbers["records"] != len(kept):
            problems.append(f"recompute --verify read {numbers['records']} of {len(kept)} records")
        for d in self.daemons:
            if d.process.poll() is not None:
                problems.append(f"{d.name} ended by itself with {d.process.returncode}: {d.tail(5)}")
        self.note(what, problems)
        return len(problems)

    def kept(self):
        return [row[0] for row in self.sql("SELECT id FROM record ORDER BY id")]

    def note(self, what, problems):
        for x in problems:
            tap.comment(f"{self.folder.name}: {what}: {x}")
        self.problems += [f"{what}: {x}" for x in problems]

    # --- in the end

    def finish(self):
        """What had no answer is sent again and known or taken; the figures are those of a database that was fed once and in
        order; the money ties out. -> how many problems there are"""
        before = len(self.problems)
        try:
            self.writers.finish()
            self.send_again(len(self.ledger.unanswered))
            self.check("in the end")
            self.check_feed()
            found = [self.figures(d) for d in self.daemons]
            for d in self.daemons:
                d.stop(check=False)
            self.check_logs()
            self.compare(found)
        except tap.Differ as e:
            self.note("in the end", [str(e)])
        return len(self.problems) - before

    def send_again(self, left):
        """All of it, of which `left` had no answer; and once more, when all of it is known."""
        with self.daemons[-1].client() as client:
            for again in (False, True):
                total = duplicates = 0
                for stream in ROUTES:
                    rows = [r for s, r in self.ledger.known.values() if s == stream]
                    if rows:
                        said = accept_all(client.upload(stream, rows)[0])
                        total, duplicates = total + len(rows), duplicates + said["duplicates"]
                tap.check(duplicates >= total - (0 if again else left),
                          f"sent again: {duplicates} of {total} are known; {left} had no answer" + (", the first time" if again else ""))
        self.ledger.took(self.ledger.known)

    def check_feed(self):
        """Who followed the feed from the beginning has heard of every order, and of no change twice."""
        if self.cursor is None:
            return
        orders = {tuple(row) for row in self.sql("SELECT code, order_no FROM work_order JOIN provider USING (provider_id)")}
        heard, seen, twice = set(), set(), 0
        cursor, until = self.cursor, time.monotonic() + 30
        with self.daemons[0].client() as client:
            while orders - heard and time.monotonic() < until:
                page = client.get("/v1/changes", after=cursor, limit=1000)
                for x in page["items"]:
                    key = json.dumps(x)
                    twice += key in seen
                    seen.add(key)
                    if x["kind"] == "order":
                        heard.add((x["provider"], x["order"]))
                cursor = page["next"]
                time.sleep(0 if page["more"] else 0.05)
        d = tap.Differences()
        if twice:
            d.add(f"the feed said {twice} changes twice")
        d.equal("orders that the feed did not tell of", [], sorted(orders - heard)[:5])
        d.finish()

    def figures(self, served):
        """Everything that somebody is judged or paid by."""
        served.see_all()
        out, codes = {}, [p["code"] for p in self.source.providers]
        with served.client() as client:
            for p in PERIODS:
                out[f"evaluations {p}"] = client.items(f"/v1/evaluations/{SCHEME}/{p}")
                out[f"compensation {p}"] = client.items(f"/v1/compensation/{p}")
                for c in codes:
                    out[f"lines {c} {p}"] = client.items(f"/v1/providers/{segment(c)}/compensation/{p}/lines")
                    out[f"evaluation {c} {p}"] = client.get(f"/v1/providers/{segment(c)}/evaluations/{SCHEME}/{p}")
            for c in codes:
                out[f"orders {c}"] = client.items(f"/v1/providers/{segment(c)}/orders")
        return out

    def compare(self, found):
        """With a fresh database that was fed once, in order, by one client."""
        self.server.sql("CREATE DATABASE fresh", "postgres")
        fresh = self.serve("fresh", self.server.conninfo("fresh"))
        with fresh.client() as client:
            client.register(self.source.providers)
            client.put("/v1/rates/fy01-labour", self.source.rates)
            for stream in ROUTES:
                rows = [r for s, r in self.source.in_order if s == stream and r["id"] in self.ledger.known]
                if rows:
                    accept_all(client.upload(stream, rows)[0])
        want, d = self.figures(fresh), tap.Differences()
        fresh.stop()
        for k, figures in enumerate(found):
            for name in want:
                d.equal(f"daemon {k + 1}: {name}", without_time(want[name]), without_time(figures[name]))
            paid = sum(check_money(figures, p, d) for p in PERIODS)
            if not paid and len(self.ledger.known) > 3000:  # fewer may hold no order that is closed
                d.add("nobody is paid anything: the check is blind")
        records = "SELECT code, kind, id, type, party, order_no, at, content FROM record JOIN provider USING (provider_id) ORDER BY id"
        d.equal("records", self.server.sql(records, "fresh"), self.sql(records))
        d.equal("providers whose records are not numbered from 1 without gaps", [],
                self.sql("SELECT provider_id FROM record GROUP BY 1 HAVING count(*) <> max(seq) OR count(*) <> count(DISTINCT seq)"))
        d.finish()

    def check_logs(self):
        """No daemon complained of itself: a fault is answered by 503, and that is all there is to be said of it."""
        for path in sorted(self.folder.glob("daemon*.log")):
            torn = lambda x: "event=request_failed" in x and "detail=" not in x  # by a full disk
            is_bad = lambda x: "Sanitizer" in x or "runtime error:" in x or (
                "level=error" in x and not torn(x) and not any(p in x for p in PASSING))
            bad = [x for x in path.read_text(errors="replace").splitlines() if is_bad(x)]
            if bad:
                self.note(path.name, bad[:5])


PASSING = ("code=database_unavailable", "code=retry")


def without_time(x):
    """What is sent again comes later."""
    if isinstance(x, dict):
        return {k: without_time(v) for k, v in x.items() if k != "last_record_at"}
    return [without_time(v) for v in x] if isinstance(x, list) else x


def check_money(figures, period, d):
    """The lines of a statement sum to its total, exactly. -> what is paid"""
    paid = Fraction(0)
    for statement in figures[f"compensation {period}"]:
        if statement["total"] is None:
            continue
        code = statement["provider"]
        lines = sum((Fraction(x["amount"]["amount"]) for x in figures[f"lines {code} {period}"]), Fraction(0))
        d.equal(f"{code} {period}: the sum of its lines", Fraction(statement["total"]["amount"]), lines)
        paid += lines
    return paid
