#!/usr/bin/env python3
"""Faults: writers that remember what was acknowledged, injections, and after each of them every invariant.

    fault.py ASSAYD [INJECTIONS] [--seed=N] [--only=KIND,…] [--short]

Exit status 1 where an invariant was violated; what there is of evidence is then kept. --short is a test among others (TAP).
The same seed gives the same injections at the same places; what the writers are doing just then is the machine's to say.
"""
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "e2e")]
import daemon
import tap
from kinds import KINDS
from worlds import WORLDS

OPTIONS = {name: value for name, _, value in (a[2:].partition("=") for a in sys.argv[1:] if a.startswith("--"))}
ARGUMENTS = [a for a in sys.argv[1:] if not a.startswith("--")]
PER_WORLD = 30  # injections, before a fresh one is made
SHORT = {"daemon killed": 1, "daemon killed at a step": 1, "connection cut at a step": 5, "PostgreSQL killed": 1, "backends terminated": 1,
         "client: cut": 1, "client: truncated": 1, "client: duplicated": 1, "one of three daemons": 1}


class Run:
    def __init__(self, assayd, seed):
        self.assayd, self.psql, self.seed = os.path.abspath(assayd), daemon.find_psql(), seed
        self.folder = Path(tempfile.mkdtemp(prefix="assay-fault-"))
        self.folder.chmod(0o755)
        self.rows = defaultdict(lambda: {"injections": 0, "acknowledged": 0, "unanswered": 0, "differences": 0, "recovery": []})
        self.problems, self.steps, self.worlds = [], [], 0

    def inject(self, w, kind, i, n):
        """One injection, and then everything that must hold."""
        row, ledger = self.rows[kind.name], w.ledger
        acknowledged, unanswered = len(ledger.acknowledged), ledger.broken + ledger.refused
        row["injections"] += 1
        over = kind.inject(w, i, n)
        row["recovery"].append(w.writers.wait_beyond(over))
        w.writers.pause()
        row["acknowledged"] += len(ledger.acknowledged) - acknowledged
        row["unanswered"] += ledger.broken + ledger.refused - unanswered
        row["differences"] += w.check(f"{kind.name}, {i + 1} of {n}")
        w.mend()
        w.writers.resume()

    def world(self, name, plan):
        """plan: [(kind, i, n)], for one world."""
        self.worlds += 1
        began, w, at = time.monotonic(), None, plan[0][0]
        try:
            w = WORLDS[name](self, f"{self.worlds}-{name}", f"{self.seed}/{self.worlds}")
            w.begin()
            for at, i, n in plan:
                self.inject(w, at, i, n)
            self.rows[at.name]["differences"] += w.finish()
        except tap.Skip as reason:
            tap.note_skip(f"fault: {', '.join(sorted({k.name for k, _, _ in plan}))}", reason)
            tap.comment(f"skipped: {reason}")
        except Exception as e:
            text = f"{name}, {at.name}: {e if isinstance(e, tap.Differ) else traceback.format_exc()}"
            tap.comment(text)
            (w or self).problems.append(text)
            self.rows[at.name]["differences"] += 1
        finally:
            if w:
                self.problems += w.problems
                w.close()
                ledger = w.ledger
                tap.comment(f"{w.folder.name}: {len(plan)} injections in {time.monotonic() - began:.0f} s; {ledger.requests} requests, "
                            f"{len(ledger.acknowledged)} records acknowledged, {ledger.broken} requests without an answer, "
                            f"{ledger.refused} put off, {ledger.repeated} sent again")

    def plan(self, wanted):
        """wanted: how many of each kind, by its name. -> [(world, [(kind, i, n)])]"""
        rng, by_world = random.Random(self.seed), defaultdict(list)
        for kind in KINDS:
            n = wanted.get(kind.name, 0)
            by_world[kind.world] += [(kind, i, n) for i in range(n)]
        out = []
        for name, plan in by_world.items():
            rng.shuffle(plan)
            out += [(name, plan[at:at + PER_WORLD]) for at in range(0, len(plan), PER_WORLD)]
        return out

    def table(self):
        rows = [("kind", "injections", "acknowledged", "unanswered", "differences", "recovery: median", "longest")]
        counts = ("injections", "acknowledged", "unanswered", "differences")
        for name in [k.name for k in KINDS if k.name in self.rows] + ["all"]:
            of = list(self.rows.values()) if name == "all" else [self.rows[name]]
            times = [t for r in of for t in r["recovery"]] or [0]
            rows.append((name, *(sum(r[c] for r in of) for c in counts), f"{statistics.median(times):.2f} s", f"{max(times):.2f} s"))
        widths = [max(len(str(r[i])) for r in rows) for i in range(len(rows[0]))]
        for r in rows:
            tap.comment("  ".join(str(x).ljust(w) if i == 0 else str(x).rjust(w) for i, (x, w) in enumerate(zip(r, widths))))

    def end(self):
        self.table()
        if self.steps:
            plain, copied = (len({k for c, k, _ in self.steps if c == copies}) for copies in (False, True))
            tap.comment(f"places of a write transaction that were struck: {plain}, and {copied} of one that copies rows in; its COMMIT "
                        f"{sum('COMMIT' in said for _, _, said in self.steps)} times")
        if self.problems:
            raise tap.Differ(f"{len(self.problems)} invariants violated; evidence: {self.folder}; again: --seed={self.seed}\n"
                             + "\n".join(self.problems[:20]))
        shutil.rmtree(self.folder, ignore_errors=True)


def shares(total, kinds):
    """So many injections, spread by the kinds' shares, none without one."""
    whole = sum(k.share for k in kinds)
    out = {k.name: max(1, total * k.share // whole) for k in kinds}
    by_share = sorted(kinds, key=lambda k: -k.share)
    for i in range(total - sum(out.values())):
        out[by_share[i % len(by_share)].name] += 1
    return out


def main():
    if not ARGUMENTS or not os.access(ARGUMENTS[0], os.X_OK):
        sys.exit("fault.py: say where assayd is")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, daemon.leave)
    only = [x.strip() for x in OPTIONS.get("only", "").split(",") if x.strip()]
    kinds = [k for k in KINDS if not only or any(x in k.name for x in only)]
    if not kinds:
        sys.exit("fault.py: there is no such kind; there are: " + ", ".join(k.name for k in KINDS))
    wanted = SHORT if "short" in OPTIONS else shares(int(ARGUMENTS[1]) if len(ARGUMENTS) > 1 else 200, kinds)
    seed = int(OPTIONS.get("seed") or random.SystemRandom().randrange(1 << 31))

    def faults():
        run = Run(ARGUMENTS[0], seed)
        plan = run.plan(wanted)
        tap.comment(f"seed {seed}: {sum(len(p) for _, p in plan)} injections in {len(plan)} worlds, below {run.folder}")
        for name, injections in plan:
            run.world(name, injections)
        run.end()

    sys.exit(tap.run([(f"{sum(wanted.values())} faults: nothing acknowledged is lost, nothing counts twice, every figure is right", faults)]))


if __name__ == "__main__":
    main()
