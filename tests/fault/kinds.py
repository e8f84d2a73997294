"""The kinds of injections. Each is a function of a world, the number of the injection and how many of its kind there are; it
returns when the fault is over. What world it is done to, and its share of a run, stand with it (KINDS).
"""
import os
import signal
import time
from collections import namedtuple

import proxy
import tap

Kind = namedtuple("Kind", "name inject world share")
KINDS = []
STRIKE_SECONDS = 20


def kind(name, world, share):
    def add(inject):
        KINDS.append(Kind(name, inject, world, share))
        return inject
    return add


def moment(w, most=0.3):
    time.sleep(w.rng.uniform(0, most))


def strike(at, rule, seconds=STRIKE_SECONDS):
    """Set the rule until it has struck. -> whether it did"""
    at.rule = rule
    struck = rule.struck.wait(seconds) or (rule.hits > 0 and rule.struck.wait(STRIKE_SECONDS))
    at.rule = None
    return struck


# --- each step of a write transaction ----------------------------------------------------------------------------------


def longest(w, copies):
    """How many messages a write transaction has, or one that copies rows in."""
    lengths = w.__dict__.setdefault("lengths", {})
    if copies not in lengths:
        rule = proxy.Step(0, copies=copies)
        w.database.rule = rule
        began = time.monotonic()
        while time.monotonic() < began + STRIKE_SECONDS and (rule.longest == 0 or time.monotonic() < began + 1.5):
            time.sleep(0.05)
        w.database.rule = None
        tap.check(rule.longest > 10, f"a write transaction of {rule.longest} messages: the proxy does not see them")
        lengths[copies] = rule.longest
    return lengths[copies]


def at_step(w, i, n, passed, muted, then):
    """At the i-th of n places, spread over a write transaction; every third time over one that copies rows in. then(link) is
    done by the proxy."""
    copies, errors = i % 3 == 2, []

    def act(link):
        try:
            then(link)
        except Exception as e:
            errors.append(e)

    length, until = longest(w, copies), time.monotonic() + 3 * STRIKE_SECONDS
    k = 1 + i * (length - 1) // max(1, n - 1)
    while True:
        rule = proxy.Step(k, passed, muted, act, copies)
        if strike(w.database, rule, 3):
            break
        if rule.longest:  # such a long one is rare: the last step of those that came by
            k = min(k - 1, rule.longest)
        tap.check(k > 0 and time.monotonic() < until, "no write transaction came by")
    if errors:
        raise errors[0]
    w.run.steps.append((copies, k, rule.said))


@kind("daemon killed at a step", "one", 30)
def daemon_killed_at_step(w, i, n):
    """kill -9 of the daemon when the database has had the k-th message of a write transaction."""
    at_step(w, i, n, True, True, lambda link: w.daemons[0].kill())
    over = time.monotonic()
    w.restart(0)
    return over


@kind("PostgreSQL killed at a step", "one", 14)
def server_killed_at_step(w, i, n):
    """kill -9 of all of PostgreSQL's processes when it has had the k-th message of a write transaction."""
    at_step(w, i, n, True, i % 2 == 0, lambda link: w.server.kill())
    w.server.start()
    return time.monotonic()


@kind("connection cut at a step", "one", 44)
def cut_at_step(w, i, n):
    """The connection to the database is cut at the k-th message of a write transaction: before it, behind it, its answer lost."""
    passed, muted = ((False, False), (True, False), (True, True), (True, True))[i % 4]

    def then(link):
        time.sleep(0.05 if muted else 0)  # what was asked for is done; nobody hears of it
        link.cut()

    at_step(w, i, n, passed, muted, then)
    return time.monotonic()


# --- the daemon --------------------------------------------------------------------------------------------------------


@kind("daemon killed", "local", 14)
def daemon_killed(w, i, n):
    """kill -9 of the daemon at any moment."""
    moment(w)
    w.daemons[0].kill()
    over = time.monotonic()
    w.restart(0)
    return over


@kind("one of three daemons", "three", 12)
def one_of_three(w, i, n):
    """Of three daemons on the same orders one is killed, stands still for a while (perhaps within a transaction), or is told to end."""
    k = w.rng.randrange(len(w.daemons))
    moment(w)
    victim = w.daemons[k]
    if i % 3 == 1:
        victim.process.send_signal(signal.SIGSTOP)
        time.sleep(w.rng.uniform(0.3, 1.5))
        victim.process.send_signal(signal.SIGCONT)
        return time.monotonic()
    if i % 3 == 0:
        victim.kill()
    else:
        victim.stop(check=False)
        tap.check(victim.process.returncode == 0, f"{victim.name} ended with {victim.process.returncode}: {victim.tail(5)}")
    over = time.monotonic()
    w.restart(k)
    return over


HOUR = 3600 * 1000000
JUMPS = (HOUR, -2 * HOUR, 24 * HOUR, -24 * HOUR, 400 * 24 * HOUR, -30 * 24 * HOUR, -1000000, 0)


@kind("clock jumps", "clock", 6)
def clock(w, i, n):
    """The daemon's clock of the day jumps."""
    moment(w)
    w.set_clock(JUMPS[i % len(JUMPS)])
    return time.monotonic()


# --- PostgreSQL --------------------------------------------------------------------------------------------------------


@kind("PostgreSQL killed", "local", 6)
@kind("PostgreSQL killed, over TCP", "one", 2)
def server_killed(w, i, n):
    """kill -9 of all of PostgreSQL's processes at any moment."""
    moment(w)
    w.server.kill()
    moment(w)
    w.server.start()
    return time.monotonic()


@kind("PostgreSQL stopped at once", "local", 6)
def server_stopped(w, i, n):
    """Immediate shutdown of PostgreSQL."""
    moment(w)
    w.server.immediate()
    moment(w)
    w.server.start()
    return time.monotonic()


@kind("a backend killed", "local", 5)
def backend_killed(w, i, n):
    """kill -9 of one of the daemon's backends: PostgreSQL ends them all and recovers."""
    moment(w)
    os.kill(w.rng.choice(w.server.backends()), signal.SIGKILL)
    return time.monotonic()


@kind("backends terminated", "local", 4)
@kind("backends terminated, over TCP", "one", 4)
def terminated(w, i, n):
    """pg_terminate_backend or pg_cancel_backend of all the daemon's backends, several times."""
    how = "pg_cancel_backend" if i % 4 == 3 else "pg_terminate_backend"
    for _ in range(w.rng.randint(1, 5)):
        moment(w, 0.1)
        w.sql(f"SELECT {how}(pid) FROM pg_stat_activity WHERE application_name = 'assayd'")
    return time.monotonic()


@kind("connections exhausted", "few", 5)
def exhausted(w, i, n):
    """Others take all connections, also those of the daemon, which are cut."""
    taken, until, full = [], time.monotonic() + w.rng.uniform(0.5, 1.5), False
    while time.monotonic() < until:
        try:
            taken.append(w.server.session("postgres"))
        except OSError:
            if not full:
                w.database.cut()
                full = True
            time.sleep(0.002)
    for s in taken:
        s.close()
    tap.check(full, "there were always connections to be had: the injection is blind")
    return time.monotonic()


HELD = ("LOCK TABLE record IN ACCESS EXCLUSIVE MODE", "SELECT 1 FROM provider_head FOR UPDATE", "LOCK TABLE work_order IN EXCLUSIVE MODE",
        "LOCK TABLE upload IN ACCESS EXCLUSIVE MODE", "LOCK TABLE config IN ACCESS EXCLUSIVE MODE", "LOCK TABLE tally IN ACCESS EXCLUSIVE MODE")


@kind("locks", "hasty", 6)
def locks(w, i, n):
    """Another session holds tables or rows for longer than a statement may take, or than lock_timeout allows."""
    w.server.set(lock_timeout="200ms" if i % 2 else "0")
    time.sleep(0.2)
    w.database.cut()  # sessions that have the setting
    put_off = w.ledger.refused
    found = w.sql(f"BEGIN; SET LOCAL lock_timeout = 0; {HELD[i % len(HELD)]}; SELECT pg_sleep({w.rng.uniform(1.3, 2.3):.2f}); "
                  "SELECT 'waiting', pid FROM pg_locks WHERE NOT granted; ROLLBACK")
    tap.check(w.ledger.refused > put_off or any(row[0] == "waiting" for row in found),
              f"{HELD[i % len(HELD)]}: nobody waited nor was put off, the injection is blind")
    return time.monotonic()


@kind("disk full", "small", 6)
def disk_full(w, i, n):
    """No room is left on the database's disk, for data and for the log."""
    ballast, put_off, until = w.folder / "ballast", w.ledger.refused, time.monotonic() + 20
    with open(ballast, "wb", buffering=0) as f:
        while w.ledger.refused == put_off and time.monotonic() < until:
            try:
                f.write(bytes(1 << 16))
            except OSError:
                time.sleep(0.01)
    moment(w, 1.0)
    ballast.unlink()
    tap.check(w.ledger.refused > put_off, "a full disk put nobody off: the injection is blind")
    w.server.start()  # where it gave up
    return time.monotonic()


@kind("failover", "pair", 6)
def failover(w, i, n):
    """The primary dies, the standby takes over; every other time it had been away for longer than a statement may take."""
    moment(w)
    w.fail_over(kill=i % 4 >= 2, without=1.75 * w.STATEMENT_SECONDS if i % 2 else 0)
    return time.monotonic()


# --- the network -------------------------------------------------------------------------------------------------------


def bytes_rule(w, act):
    return proxy.Bytes(w.rng.choice(("request", "answer")), w.rng.randrange(4000), act)


@kind("database: cut", "one", 5)
def database_cut(w, i, n):
    """A connection to the database is cut at any byte of either direction."""
    tap.check(strike(w.database, bytes_rule(w, proxy.cut_after)), "nothing came by")
    return time.monotonic()


@kind("database: truncated", "one", 5)
def database_truncated(w, i, n):
    """The stream to or from the database ends in good order, within a message."""
    tap.check(strike(w.database, bytes_rule(w, proxy.truncate)), "nothing came by")
    return time.monotonic()


@kind("database: silent", "one", 4)
def database_silent(w, i, n):
    """A connection to the database stands still, then is gone."""
    tap.check(strike(w.database, bytes_rule(w, proxy.hold(w.rng.uniform(0.3, 1.5)))), "nothing came by")
    return time.monotonic()


@kind("database: delayed", "one", 3)
def database_delayed(w, i, n):
    """Each chunk to and from the database is late."""
    w.database.rule = proxy.Delay(lambda: w.rng.uniform(0, 0.03))
    time.sleep(1)
    w.database.rule = None
    return time.monotonic()


@kind("database: duplicated", "one", 4)
def database_duplicated(w, i, n):
    """All that a connection has said to the database is said to it again by another."""
    recorded = max((bytes(x.recorded) for x in w.database.links()), key=lambda x: x.count(proxy.BEGIN_WRITE))
    tap.check(proxy.BEGIN_WRITE in recorded, "nothing was written on any connection: the injection is blind")
    tap.check(proxy.replay(recorded, w.server.address()) > 1000, "the database did not listen: the injection is blind")
    return time.monotonic()


def client_rule(w, rule):
    tap.check(strike(w.rng.choice(w.doors), rule), "no request came by")
    return time.monotonic()


@kind("client: cut", "one", 6)
def client_cut(w, i, n):
    """Clients' connections are cut within a request, or within its reply."""
    rule = proxy.CutReplies if i % 2 else proxy.CutRequests
    return client_rule(w, rule(w.rng, w.rng.randint(3, 8)))


@kind("client: truncated", "one", 5)
def client_truncated(w, i, n):
    """Requests end too early."""
    return client_rule(w, proxy.TruncateRequests(w.rng, w.rng.randint(3, 8)))


@kind("client: duplicated", "one", 6)
def client_duplicated(w, i, n):
    """Whole requests arrive twice, on two connections."""
    w.writers.surely_new = False
    return client_rule(w, proxy.DuplicateRequests(w.rng, w.rng.randint(5, 15)))


@kind("client: delayed", "one", 3)
def client_delayed(w, i, n):
    """Requests and replies are late."""
    return client_rule(w, proxy.DelayRequests(w.rng, w.rng.randint(5, 15)))
