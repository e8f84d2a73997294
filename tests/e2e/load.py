"""Clients that write without pause and remember: what was sent, what of it was acknowledged, what had no answer yet.

A record without an answer (the connection broke, or 503) may have been taken or not; it is sent again, with the same id, by
whichever client comes by, also while the first try may still be under way. Must not know where records come from, nor what is
done to the daemon meanwhile.
"""
import random
import threading
import time
from http.client import HTTPException

import tap
from daemon import ROUTES, short_upload

ANSWER_SECONDS = 60
# Refusals of single lines in an upload that was taken: the daemon's trouble, not the record's.
PASSING = {"database_unavailable", "retry"}


class Ledger:
    """Of each id: the record, how often it was sent, and whether it was acknowledged. An id without an answer is `unanswered`."""

    def __init__(self):
        self.lock = threading.Lock()
        self.known, self.acknowledged, self.unanswered, self.times = {}, set(), set(), {}
        self.requests = self.broken = self.refused = self.repeated = 0
        self.last = 0.0  # when something new was acknowledged
        self.errors = []

    def sending(self, rows):
        with self.lock:
            self.requests += 1
            for stream, r in rows:
                self.known.setdefault(r["id"], (stream, r))
                self.times[r["id"]] = self.times.get(r["id"], 0) + 1
                if r["id"] not in self.acknowledged:
                    self.unanswered.add(r["id"])
            self.repeated += self.times[rows[0][1]["id"]] > 1

    def once(self, records):
        """Whether each of them was sent once only, by whomever."""
        with self.lock:
            return all(self.times[r["id"]] == 1 for r in records)

    def took(self, ids):
        ids = set(ids)
        with self.lock:
            if ids - self.acknowledged:
                self.last = time.monotonic()
            self.acknowledged |= ids
            self.unanswered -= ids

    def to_repeat(self, rng, most):
        """Some of what had no answer, all of one stream."""
        with self.lock:
            some = [self.known[x] for x in rng.sample(sorted(self.unanswered), min(most, len(self.unanswered)))]
        return [x for x in some if x[0] == some[0][0]]

    def fail(self, error):
        with self.lock:
            self.errors.append(error)

    def check(self, kept):
        """`kept`: the ids in the database. -> what is wrong, a line each"""
        with self.lock:
            lost, strange = self.acknowledged - kept, kept - set(self.known)
            many = len(self.acknowledged)
        out = []
        if lost:
            out.append(f"{len(lost)} of {many} acknowledged records are lost: {sorted(lost)[:5]}")
        if strange:
            out.append(f"{len(strange)} records were never sent, and are there: {sorted(strange)[:5]}")
        return out


class Writers:
    """Clients at work: single records, bulk bodies, and again what had no answer.

    take(n): up to n new (stream, record), all of one stream, or none. connect(k): a Client for the k-th writer.
    bulk: the share of bulk bodies, of `most` records at most; again: the share of repetitions; think: the longest pause between
    two requests. surely_new: a record that was sent once is not answered as a duplicate. patient: who loses the connection goes on.
    """

    def __init__(self, connect, take, ledger, threads, seed=1, bulk=0.0, most=200, again=0.0, think=0.0, surely_new=True, patient=True):
        self.connect, self.take, self.ledger = connect, take, ledger
        self.bulk, self.most, self.again, self.think = bulk, most, again, think
        self.surely_new, self.patient = surely_new, patient
        self.stopping, self.gate, self.busy, self.moved = False, threading.Event(), 0, threading.Condition()
        self.gate.set()
        self.crew = [threading.Thread(target=self.work, args=(k, random.Random(f"{seed}/{k}")), daemon=True) for k in range(threads)]
        for t in self.crew:
            t.start()

    # --- one writer

    def work(self, k, rng):
        client = None
        while not self.stopping:
            self.gate.wait(0.1)
            with self.moved:
                if not self.gate.is_set():
                    continue
                self.busy += 1
            try:
                rows = self.choose(rng)
                if rows:
                    client = client or self.connect(k)
                    self.send(client, rows)
            except (HTTPException, OSError):
                self.ledger.broken += 1
                if client:
                    client.close()
                client = None
                if not self.patient:
                    return
                time.sleep(rng.uniform(0.002, 0.03))
            except Exception as e:
                self.ledger.fail(e)
                return
            finally:
                with self.moved:
                    self.busy -= 1
                    self.moved.notify_all()
            if self.think:
                time.sleep(rng.uniform(0, self.think))
        if client:
            client.close()

    def choose(self, rng):
        most = rng.randint(2, self.most) if rng.random() < self.bulk else 1
        if rng.random() < self.again:
            rows = self.ledger.to_repeat(rng, most)
            if rows:
                return rows
        return self.take(most)

    def send(self, client, rows):
        stream, records = rows[0][0], [r for _, r in rows]
        self.ledger.sending(rows)
        if len(rows) == 1:
            self.single(records[0], client.post(ROUTES[stream], records[0]))
        else:
            self.upload(records, client.ndjson(ROUTES[stream], records))

    def first(self, records):
        return self.surely_new and self.ledger.once(records)

    def single(self, record, reply):
        if reply.status in (200, 201):
            tap.check(reply.status == 201 or not self.first([record]), f"sent once, and known: {record}: {reply!r}")
            self.ledger.took([record["id"]])
        else:
            self.put_off(reply, record)

    def upload(self, records, reply):
        if reply.status != 200:
            self.put_off(reply, records[:3])
            return
        said = reply.json()
        wrong = {records[x["line"] - 1]["id"]: x["code"] for x in said["errors"]}
        tap.check(set(wrong.values()) <= PASSING, f"refused: {short_upload(said)}")
        tap.check(said["accepted"] + said["duplicates"] + len(wrong) == len(records) == said["received"], f"numbers: {short_upload(said)}")
        tap.check(not said["duplicates"] or not self.first(records), f"sent once, and known: {short_upload(said)}")
        self.ledger.took({r["id"] for r in records} - set(wrong))

    def put_off(self, reply, what):
        tap.check(reply.status in (429, 503), f"{tap.short(what)}: {reply!r}")
        self.ledger.refused += 1
        time.sleep(0.01)

    # --- all of them

    def pause(self, seconds=ANSWER_SECONDS + 30):
        """Until no request is under way."""
        self.gate.clear()
        with self.moved:
            if not self.moved.wait_for(lambda: self.busy == 0, seconds):
                raise tap.Differ(f"{self.busy} requests have no answer and no end after {seconds} s")

    def resume(self):
        self.gate.set()

    def wait_for(self, count, seconds=60):
        """Until so many records were acknowledged."""
        until = time.monotonic() + seconds
        while len(self.ledger.acknowledged) < count and not self.ledger.errors and time.monotonic() < until:
            time.sleep(0.005)

    def wait_beyond(self, moment, seconds=60):
        """Until something new is acknowledged after `moment`. -> how long after it"""
        until = time.monotonic() + seconds
        while self.ledger.last <= moment and not self.ledger.errors and time.monotonic() < until:
            time.sleep(0.002)
        if self.ledger.errors:
            raise self.ledger.errors[0]
        if self.ledger.last <= moment:
            raise tap.Differ(f"nothing was acknowledged for {seconds} s")
        return self.ledger.last - moment

    def finish(self):
        self.stopping = True
        self.gate.set()
        for t in self.crew:
            t.join(ANSWER_SECONDS + 30)
        if self.ledger.errors:
            raise self.ledger.errors[0]
        tap.check(not any(t.is_alive() for t in self.crew), "a client waits for ever")
