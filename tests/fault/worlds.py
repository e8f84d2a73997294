"""The worlds that injections are done to, by name: one daemon, three, few connections, a hasty database, a small disk, another
clock, a pair of servers."""
import os
import struct
import subprocess
import time

import daemon
import tap
from world import World


class Local(World):
    """Without a proxy before the database, as it is with the embedded server."""

    def __init__(self, run, name, seed):
        super().__init__(run, name, seed, direct=True)


class Three(World):
    def __init__(self, run, name, seed):
        super().__init__(run, name, seed, daemons=3)


class Few(World):
    """As many connections as the daemon may need, and a few more."""

    def __init__(self, run, name, seed):
        super().__init__(run, name, seed, settings={"max_connections": 24})


class Hasty(World):
    def __init__(self, run, name, seed):
        super().__init__(run, name, seed, options=("--statement-seconds", "1"))


class Small(World):
    """All lies on a disk of its own, which is memory and soon full."""

    SIZE = "160m"

    def __init__(self, run, name, seed):
        self.disk = run.folder / name
        self.disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.SIZE},mode=0755", "assay-fault", str(self.disk)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
            raise tap.Skip("a small disk can only be made by root, where mounting is allowed")
        super().__init__(run, name, seed, settings={"max_wal_size": "8MB", "min_wal_size": "2MB", "wal_keep_size": "0"}, segment=1)

    def close(self):
        super().close()
        if self.problems:  # the evidence outlives the disk
            subprocess.run(["cp", "-a", f"{self.disk}/.", f"{self.disk}.kept"], capture_output=True)
        subprocess.run(["umount", "-l", str(self.disk)], capture_output=True)


class Clock(World):
    def __init__(self, run, name, seed):
        shim, self.offset = run.folder / "clock.so", run.folder / f"{name}.clock"
        if not shim.exists():
            done = subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(daemon.ROOT / "tests/fault/clock.c")], capture_output=True,
                                  text=True)
            tap.check(done.returncode == 0, done.stderr)
        self.set_clock(0)
        sanitizer = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0".strip(":")
        super().__init__(run, name, seed, env={"LD_PRELOAD": str(shim), "ASSAY_FAULT_CLOCK": str(self.offset), "ASAN_OPTIONS": sanitizer})

    def set_clock(self, microseconds):
        """In place: the daemon has the file mapped."""
        fd = os.open(self.offset, os.O_RDWR | os.O_CREAT, 0o644)
        os.write(fd, struct.pack("=q", microseconds))
        os.close(fd)


class Pair(World):
    """A primary and a standby that has applied what was acknowledged; the daemon knows both addresses."""

    SYNCHRONOUS = {"synchronous_standby_names": "*", "synchronous_commit": "remote_apply"}
    STATEMENT_SECONDS = 2

    def __init__(self, run, name, seed):
        self.rebuild = True
        super().__init__(run, name, seed, options=("--statement-seconds", str(self.STATEMENT_SECONDS)), standby=True)

    def build(self, daemons):
        super().build(daemons)
        self.cursor = None  # of the feed: another server begins another
        self.mend()

    def fail_over(self, kill, without):
        """The primary dies; the standby takes over, and waits for none until it has one of its own. without: the standby was
        away before, for so many seconds."""
        primary, standby = self.servers
        if without:
            standby.kill()
            time.sleep(without)
        primary.kill() if kill else primary.immediate()
        standby.start()
        standby.set(synchronous_standby_names="")
        standby.promote()
        self.servers, self.server, self.rebuild = [standby, primary], standby, True

    def mend(self):
        """The one that was lost becomes the standby of the other."""
        if not self.rebuild:
            return
        primary, standby = self.servers
        standby.copy_of(primary).start()
        primary.set(**self.SYNCHRONOUS)
        standby.set(**self.SYNCHRONOUS)
        until = time.monotonic() + 30
        while not primary.sql("SELECT 1 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')", "postgres"):
            tap.check(time.monotonic() < until, f"the standby does not follow:\n{standby.tail()}")
            time.sleep(0.05)
        self.rebuild = False


WORLDS = {"one": World, "local": Local, "three": Three, "few": Few, "hasty": Hasty, "small": Small, "clock": Clock, "pair": Pair}
