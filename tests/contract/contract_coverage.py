"""Which operations and statuses of the contract a run of the tests has seen, and which it has not.

Every judged exchange is a line "operation status media-type" in the folder that ASSAY_CONTRACT_SEEN names, in a file for
each process (test_examples.c writes the same); one that the contract does not describe is led by "!". As a program:

    contract_coverage.py FOLDER

reads all of them and prints the result as TAP: it fails on an operation never exercised, on a documented status of one
never seen, and on a reply that is not documented.
"""
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))


class Recorder:
    """What this process has seen."""

    def __init__(self, folder=os.environ.get("ASSAY_CONTRACT_SEEN")):
        self.folder, self.lines = folder, set()

    def add(self, operation, status, media_type, faulty=False):
        line = f"{'!' if faulty else ''}{operation or '*'} {status} {media_type or '-'}"
        if line in self.lines:
            return
        self.lines.add(line)
        if self.folder:
            os.makedirs(self.folder, exist_ok=True)
            with open(Path(self.folder) / str(os.getpid()), "a", encoding="utf-8") as f:
                f.write(line + "\n")


def read(folder):
    return {line for file in Path(folder).iterdir() for line in file.read_text(encoding="utf-8").splitlines()}


def gaps(contract, lines):
    """What a run that saw `lines` has missed of the contract, or seen beside it."""
    seen = {}
    out = [f"seen, but not as documented: {line[1:]}" for line in sorted(lines) if line.startswith("!")]
    for line in lines:
        operation, status, _ = line.lstrip("!").split(" ", 2)
        seen.setdefault(operation, set()).add(int(status))
    for op in contract.operations:
        if op.id not in seen:
            out.append(f"{op.id}: never exercised")
            continue
        out += [f"{op.id}: never answered {status}" for status in op.statuses if status not in seen[op.id]]
    everywhere = set().union(*seen.values()) if seen else set()
    out += [f"no request was answered {status}, which any may be" for status in sorted(set(contract.anywhere_statuses) - everywhere)]
    return out + [f"{name}: no operation of the contract" for name in sorted(seen) if name != "*" and name not in contract.by_id]


def main(folder):
    from contract import Contract
    name = "the tests have seen every operation of the contract with every documented status"
    print("1..1")
    lines = read(folder) if Path(folder).is_dir() else set()
    if not any(line.startswith("* ") for line in lines):  # every end-to-end run has some, the test in C has none
        print(f"ok 1 - {name} # SKIP no end-to-end test has talked to the daemon")
        return 0
    found = gaps(Contract(), lines)
    print(f"{'not ' if found else ''}ok 1 - {name}")
    for line in found:
        print(f"# {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
