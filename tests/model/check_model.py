#!/usr/bin/env python3
"""The model against itself: examples worked by hand, and what must hold of any network.

    check_model.py [--seeds N]

Hand-worked examples come from DOMAIN.md. Random networks (make_network.py, every option) must be acceptable uploads, come
out byte for byte the same from the same seed, and give the same answers whatever the order their records arrive in; the
sums inside the model (ledgers, statements, deadlines against comparisons) are asserted where they are made.
"""
import argparse
import random
import re
import sys
import tempfile
from datetime import date
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import assay_model as m
import expect
import make_network

SQL = Path(__file__).resolve().parents[2] / "sql"
SCHEME = m.read_json(SQL / "schemes" / "hp-gold-fy01.json")
CALENDAR = m.read_json(SQL / "calendars" / "cn-office.json")


def equal(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def at(text):
    return m.parse_instant(text + "+08:00")


def model_of(events=(), dispatches=(), surveys=(), city="Beijing", ascim=False, rates=None):
    fill = lambda i, r: {"id": f"x{i}", "provider": "P1", "order": "W1", **r}
    records = [("repair", fill(i, r)) for i, r in enumerate(events)]
    records += [("dispatch", fill(i, r)) for i, r in enumerate(dispatches)]
    records += [("survey", {"id": f"s{i}", "provider": "P1", **r}) for i, r in enumerate(surveys)]
    return m.Model([{"code": "P1", "city": city, "ascim": ascim}], records, SCHEME, CALENDAR, rates)


def event(type, when, **fields):
    return {"type": type, "at": when + "+08:00", **fields}


def check_numbers():
    curve = m.Curve(SCHEME["indicators"][0]["curve"])
    for a, score in (("0.95", 30), ("0.90", 0), ("1", 40), ("0.5", 0), ("0.975", 35), ("0.925", 15)):
        equal(curve.at(Fraction(a)), score)
    for a in (Fraction(96, 100), Fraction(99, 101)):
        equal(curve.at(a), 200 * a - 160)
    for a in (Fraction(91, 100), Fraction(94, 99)):
        equal(curve.at(a), 600 * a - 540)
    stepped = m.Curve({"kind": "stepped", "points": [["0.5", "1"], ["0.75", "2"]]})
    equal([stepped.at(Fraction(x)) for x in ("0", "0.5", "0.74", "0.75", "1")], [1, 1, 1, 2, 2])
    equal([m.decimal4(Fraction(x)) for x in ("0.00005", "-0.00005", "2/3", "-0.00004", "60.2622")],
          ["0.0001", "-0.0001", "0.6667", "0.0000", "60.2622"])
    equal([m.half_up(Fraction(x)) for x in ("2.5", "3.5", "2.49")], [3, 4, 2])


def check_satisfaction():
    """5, the example: S 127, U 6.5, rate 254/267."""
    answers = [{"answer": "satisfied", "customer_class": "key"}] * 30
    answers += [{"answer": "satisfied", "customer_class": "ordinary"}] * 66
    answers += [{"answer": "complaint", "customer_class": "key", "responsibility": "provider"},
                {"answer": "dissatisfied", "responsibility": "provider"}]
    answers += [{"answer": "average", "customer_class": "ordinary", "responsibility": "shared"}] * 2
    satisfied, unsatisfied, _ = m.satisfaction(SCHEME["indicators"][1], [(r, None) for r in answers])
    equal((satisfied, unsatisfied), (127, Fraction(13, 2)))
    equal(satisfied / (satisfied + unsatisfied), Fraction(254, 267))


def check_calendar():
    c = m.Calendar(CALENDAR)
    friday, monday = "2001-02-02T", "2001-02-05T"
    equal(c.working(at(friday + "16:30:00"), at(monday + "09:30:00")), 2 * m.HOUR)
    equal(c.working(at(friday + "11:00:00"), at(friday + "14:00:00")), 2 * m.HOUR)
    equal(c.after(at(friday + "16:30:00"), m.HOUR), at(friday + "17:30:00"))  # ends at closing, not at the next opening
    equal(c.after(at(friday + "16:30:00"), m.HOUR + 1), at(monday + "08:30:00.000001"))
    equal(c.after(at(friday + "20:00:00"), 0), at(friday + "20:00:00"))
    equal(c.count_days(at(friday + "23:59:59"), at(monday + "00:00:00"), True), 1)
    equal(c.count_days(at(friday + "23:59:59"), at(monday + "00:00:00"), False), 3)
    equal(c.days_deadline(at(friday + "10:00:00"), 1, True), at("2001-02-06T00:00:00"))
    equal(c.days_deadline(at(friday + "10:00:00"), 0, True), at("2001-02-03T00:00:00"))
    kinds = [(k, m.micros(b - a) // m.HOUR) for a, b, k in c.ledger(at(friday + "10:00:00"), at(monday + "09:30:00"))]
    equal(kinds, [("working", 2), ("break", 1), ("working", 4), ("night", 6), ("weekend", 48), ("night", 8), ("working", 1)])
    exceptions = [{"date": "2001-02-05", "hours": []}, {"date": "2001-02-03", "hours": [["08:30", "12:00"]]}]
    c = m.Calendar(dict(CALENDAR, exceptions=exceptions))
    equal(c.working(at(friday + "17:00:00"), at("2001-02-06T08:30:00")), 4 * m.HOUR)
    equal([k for _, _, k in c.ledger(at("2001-02-04T10:00:00"), at("2001-02-05T10:00:00"))], ["weekend", "holiday"])
    z = m.Zone("America/New_York")
    equal(z.instant(date(2001, 4, 1), 2 * 3600 + 1800), m.parse_instant("2001-04-01T07:00:00Z"))  # a gap: where it ends
    equal(z.instant(date(2000, 10, 29), 3600 + 1800), m.parse_instant("2000-10-29T05:30:00Z"))  # twice: the first


def check_orders():
    opened = event("order.opened", "2001-02-05T09:00:00", channel="walk_in", product="server", warranty="in")
    closed = lambda when: event("order.closed", when)
    verdict = lambda *a, **k: model_of(*a, **k).verdicts["P1", "W1"]

    # Without parts: one working day, to the midnight after it.
    v = verdict([opened, closed("2001-02-06T23:59:59.999999")])
    equal((v.outcome, v.cycle.rule, v.cycle.margin, v.diagnosis.outcome), ("compliant", "no_parts", 0, "not_applicable"))
    equal(verdict([opened, closed("2001-02-07T00:00:00")]).outcome, "missed")

    # The line expected to arrive last governs, also where another leaves later.
    parts = [event("part.requested", "2001-02-05T14:00:00", request=1, line=x, part_no="p") for x in "12"]
    ships = [event("part.shipped", "2001-02-05T15:00:00", line="1", courier="4D12"),
             event("part.shipped", "2001-02-06T15:00:00", line="2", courier="2D10")]
    v = verdict([opened, *parts, *ships, closed("2001-02-07T12:00:00")])
    equal((v.cycle.governing.line, v.cycle.start, v.cycle.standard), ("1", at("2001-02-05T15:00:00"), {"working_days": 2}))
    equal((v.diagnosis.outcome, v.diagnosis.working, v.outcome), ("met", 4 * m.HOUR, "compliant"))
    equal(v.points & {"limit_inclusive"}, {"limit_inclusive"})
    # A line without a shipment leaves no start; cancelled before any shipment it leaves the considered lines.
    v = verdict([opened, *parts, ships[0], closed("2001-02-07T12:00:00")])
    equal((v.outcome, v.reason, v.cycle.start), ("undetermined", "missing_shipment", None))
    cancel = event("part.cancelled", "2001-02-06T12:00:00", line="2")
    equal(verdict([opened, *parts, ships[0], cancel, closed("2001-02-07T12:00:00")]).outcome, "compliant")
    # Late by class instants of the line's own shipment: 2D10 promised 02-06 10:00; 3D10 is 02-07 10:00.
    for when, reason, flag in (("2001-02-06T10:00:00", "city", False), ("2001-02-06T10:00:00.000001", "late_1", False),
                               ("2001-02-07T10:00:00.000001", "late_2", False), ("2001-02-07T18:00:00.000001", "late_2", True)):
        ship = event("part.shipped", "2001-02-05T15:00:00", line="1", courier="2D10")
        v = verdict([opened, parts[0], ship, event("part.delivered", when, line="1"), closed("2001-02-07T19:00:00")])
        equal((v.cycle.standard_reason, v.cycle.beyond_slowest), (reason, flag))

    # A void of a void has no effect; a void dated before its target has.
    void = lambda i, target: {"id": i, "type": "event.voided", "at": "2001-01-01T00:00:00Z", "target": target}
    v = verdict([opened, {**closed("2001-02-06T10:00:00"), "id": "c"}, void("v", "c"), void("w", "v")])
    equal((v.outcome, v.cycle.deadline), ("pending", at("2001-02-07T00:00:00")))
    # An order all of whose records are voided does not exist.
    equal(model_of([{**opened, "id": "o"}, void("v", "o")]).verdicts, {})
    # Closed with neither opening nor dispatch.
    v = verdict([closed("2001-02-06T10:00:00")])
    equal((v.outcome, v.reason, v.cycle, v.diagnosis), ("undetermined", "missing_open", None, None))
    equal(verdict([closed("2000-11-30T23:59:59")]).outcome, "out_of_scope")


def check_pay():
    rates = {"currency": "CNY", "rates": [
        {"product": "*", "warranty": "in", "amount": "1.00"}, {"product": "server", "warranty": "*", "amount": "2.00"},
        {"product": "server", "warranty": "in", "from": "2001-02-06", "amount": "3.00"},
        {"product": "*", "warranty": "*", "from": "2001-02-06", "amount": "4.00"}]}
    cases = ((5, "server", "in", 200), (6, "server", "in", 300), (6, "server", None, 200), (5, "plotter", "in", 100),
             (5, "plotter", "out", None), (6, "plotter", "out", 400), (6, "plotter", None, 400))
    for day, product, warranty, rate in cases:
        opened = event("order.opened", f"2001-02-{day:02d}T00:00:00", channel="walk_in", product=product, warranty=warranty)
        model = model_of([opened, event("order.closed", f"2001-02-{day:02d}T10:00:00")], rates=rates)
        month = 2001 * 12 + 1
        pay = model.compensate("P1", month, model.evaluate("P1", month))
        equal((pay["lines"][0][1], pay["total"], pay["multiplier"]), (rate, rate, 1))


# --- networks --------------------------------------------------------------------------------------------------------

FORMS = {
    "id": re.compile(r"[\x20-\x7e]{1,64}\Z"), "order": re.compile(r"[!\"$&-.0->@-~]{1,64}\Z"),
    "provider": re.compile(r"[A-Za-z0-9._-]{1,32}\Z"), "line": re.compile(r"[A-Za-z0-9._-]{1,16}\Z"),
    "replaces": re.compile(r"[A-Za-z0-9._-]{1,16}\Z"), "courier": re.compile(r"[1-9]D([01]\d|2[0-3])\Z"),
    "target": re.compile(r"[\x20-\x7e]{1,64}\Z"),
}
REQUIRED = {
    "order.opened": {"channel", "product"}, "part.requested": {"request", "line", "part_no"}, "part.shipped": {"line", "courier"},
    "part.delivered": {"line"}, "part.cancelled": {"line"}, "part.received": {"line"}, "part.marked": {"line", "mark"},
    "order.noted": {"reason"}, "order.completed": set(), "order.closed": set(), "order.cancelled": set(), "order.reopened": set(),
    "event.voided": {"target"},
}


def content(record):
    """Decoded values: instants as instants, null as absent, defaults filled in, the order of parts ignored."""
    out = {k: v for k, v in record.items() if v is not None and not k.startswith("_")}
    for name in ("at", "reported_at"):
        if name in out:
            out[name] = m.parse_instant(out[name])
    if out.get("type") == "part.requested":
        out.setdefault("local", False)
    if out.get("type") == "event.voided":
        out.setdefault("target_kind", "repair")
        out.pop("order", None)
    if "parts" in out:
        out["parts"] = sorted((p["line"], p["part_no"]) for p in out["parts"])
        assert len({line for line, _ in out["parts"]}) == len(out["parts"])
    return out


def check_acceptable(folder):
    """Nothing ingestion would refuse (2.1, 2.5)."""
    seen = {}
    codes = {p["code"] for p in m.read_ndjson(folder / "providers.ndjson")}
    for stream, name in (("dispatch", "dispatches"), ("repair", "events"), ("survey", "surveys")):
        for row in m.read_ndjson(folder / f"{name}.ndjson"):
            record = m.Record(stream, row)
            assert record.provider in codes, row
            for field, form in FORMS.items():
                assert row.get(field) is None or form.match(row[field]), row
            if stream == "repair":
                needs = REQUIRED[record.type] | (set() if record.type == "event.voided" else {"order"})
                assert needs <= row.keys(), row
            elif stream == "dispatch":
                assert "order" in row, row
            assert seen.setdefault(record.key, content(row)) == content(row), f"conflict: {row}"
    return len(seen)


def check_network(seed, *options):
    argv = ["make_network.py", "--seed", str(seed), "--providers", "5", "--orders", "250", *options]
    with tempfile.TemporaryDirectory() as d:
        folder, again = Path(d) / "a", Path(d) / "b"
        for out in (folder, again):
            sys.argv = [*argv, "--out", str(out)]
            make_network.main()
        for path in sorted(folder.iterdir()):
            equal(path.read_bytes(), (again / path.name).read_bytes())
        records = check_acceptable(folder)
        said = expect.expected(m.load_folder(folder))
        # Another order of arrival, with everything sent twice.
        rng = random.Random(seed)
        for name in ("dispatches", "events", "surveys"):
            lines = (folder / f"{name}.ndjson").read_text(encoding="utf-8").splitlines(keepends=True) * 2
            rng.shuffle(lines)
            (again / f"{name}.ndjson").write_text("".join(lines), encoding="utf-8")
        equal(expect.expected(m.load_folder(again)) == said, True)
        outcomes = {(v["outcome"], v["reason"]) for v in said["orders"].values()}
        print(f"seed {seed} {' '.join(options)}: {records} records, {len(said['orders'])} orders, {len(outcomes)} outcomes")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seeds", type=int, default=2)
    args = p.parse_args()
    for check in (check_numbers, check_satisfaction, check_calendar, check_orders, check_pay):
        check()
        print(check.__name__, "ok")
    for seed in range(1, args.seeds + 1):
        check_network(seed)
        check_network(seed, "--vary", "--holidays")
        check_network(seed, "--vary", "--zone", "America/New_York")
    return 0


if __name__ == "__main__":
    sys.exit(main())
