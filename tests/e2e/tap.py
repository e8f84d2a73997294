"""TAP for the end-to-end tests, and the comparison of documents. Must not know the daemon.

A test program is a list of cases. A case is a function whose docstring's first line names it; it fails by raising. Run
all with run(), or those whose name holds a word given on the command line.
"""
import os
import sys
import traceback


class Skip(Exception):
    """Raised by a case that cannot run here; says why."""


def comment(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}", flush=True)
    sys.exit(0)


def note_skip(name, reason):
    """For the summary of the whole run."""
    if "ASSAY_TEST_SKIPS" in os.environ:
        with open(os.environ["ASSAY_TEST_SKIPS"], "a", encoding="utf-8") as f:
            f.write(f"skipped {name}: {reason}\n")


def run(cases, words=()):
    """Run (name, function) pairs; the exit status says whether all passed."""
    chosen = [(name, f) for name, f in cases if not words or any(w in f"{name} {f.__name__}" for w in words)]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(chosen, 1):
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            note_skip(name, reason)
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception as e:
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            comment(e if isinstance(e, Differ) else traceback.format_exc())
    return 1 if failed else 0


class Differ(AssertionError):
    """What is not as expected, a line each."""


class Differences:
    """Gathers what differs, so that one case tells all of it; the first `shown` lines are said."""

    def __init__(self, shown=25):
        self.lines, self.count, self.shown = [], 0, shown

    def add(self, line):
        self.count += 1
        if self.count <= self.shown:
            self.lines.append(str(line))

    def equal(self, what, want, found):
        for line in differences(want, found, what):
            self.add(line)

    def finish(self):
        if self.count:
            more = f"\n… {self.count} differences in all" if self.count > self.shown else ""
            raise Differ("\n".join(self.lines) + more)


def short(value):
    text = repr(value)
    return text if len(text) <= 160 else text[:157] + "..."


def differences(want, found, where):
    """The leaves in which two documents differ, each as "where.member: wanted …, found …"."""
    if isinstance(want, dict) and isinstance(found, dict):
        for key in list(want) + [k for k in found if k not in want]:
            if key not in found:
                yield f"{where}.{key}: missing, wanted {short(want[key])}"
            elif key not in want:
                yield f"{where}.{key}: unexpected {short(found[key])}"
            else:
                yield from differences(want[key], found[key], f"{where}.{key}")
    elif isinstance(want, list) and isinstance(found, list) and len(want) == len(found):
        for i, (a, b) in enumerate(zip(want, found)):
            yield from differences(a, b, f"{where}[{i}]")
    elif want != found or type(want) is not type(found):
        yield f"{where}: wanted {short(want)}, found {short(found)}"


def equal(what, want, found):
    d = Differences()
    d.equal(what, want, found)
    d.finish()


def check(condition, message):
    if not condition:
        raise Differ(str(message))
