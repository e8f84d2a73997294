"""A slow, plain model of Assay's business: the oracle the engine is compared with.

Written from DOMAIN.md alone (section numbers in the comments are its), with API.md's names and shapes, and from no line
of the engine. Nothing here is clever: calendars walk day by day, fractions are Fractions, and every order is folded
from all its records each time. Where DOMAIN allows two readings the one taken is said in a comment marked READING;
[golden] there means that the golden FY01 network (check_golden.py) confirms it; without it that network is silent.

Inputs are as on the wire (dicts decoded from JSON):
  providers  [{"code", "city", "ascim", "effective_from"?}]
  records    ("repair"|"dispatch"|"survey", dict) pairs; shipments arrive as repair events and are told apart by type
  scheme     a document like sql/schemes/hp-gold-fy01.json
  calendar   a document like sql/calendars/cn-office.json
  rates      {"currency", "rates": [{"product"|"*", "warranty"|"*", "from"?, "amount"}]}

Standard library only. Instants are aware datetimes in UTC (microseconds), durations are integers of microseconds.
"""
import json
import re
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

UTC = timezone.utc
SECOND = 1_000_000
HOUR = 3600 * SECOND
LAST_YEAR = 2200  # a deadline beyond it is not looked for

# --- instants ------------------------------------------------------------------------------------------------------

_INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([Zz]|[+-]\d\d:\d\d)\Z")


def parse_instant(text):
    m = _INSTANT.match(text)
    if not m:
        raise ValueError(f"not an RFC 3339 instant with an offset: {text!r}")
    year, month, day, hour, minute, second = (int(x) for x in m.groups()[:6])
    micro = int((m.group(7) or "").ljust(6, "0")) if m.group(7) else 0
    offset = timedelta(0)
    if m.group(8) not in "Zz":
        offset = timedelta(hours=int(m.group(8)[1:3]), minutes=int(m.group(8)[4:6]))
        if m.group(8)[0] == "-":
            offset = -offset
    return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC) - offset


def format_instant(t):
    """UTC with Z; a fraction only where there is one, in as few digits as say it."""
    if t is None:
        return None
    text = t.strftime("%Y-%m-%dT%H:%M:%S")
    if t.microsecond:
        text += (".%06d" % t.microsecond).rstrip("0")
    return text + "Z"


def micros(delta):
    return (delta.days * 86400 + delta.seconds) * SECOND + delta.microseconds


def seconds_shown(us):
    """2.1: durations are shown in whole seconds, rounded down."""
    return None if us is None else us // SECOND


# --- zones and calendars -------------------------------------------------------------------------------------------


class Zone:
    def __init__(self, name):
        self.name = name
        self.info = ZoneInfo(name)

    def local_date(self, t):
        return t.astimezone(self.info).date()

    def instant(self, day, second_of_day):
        """The instant of a wall clock (0..86400). Of a time that occurs twice the first; in a gap, the gap's end."""
        if second_of_day == 86400:
            day, second_of_day = day + timedelta(days=1), 0
        wall = datetime(day.year, day.month, day.day) + timedelta(seconds=second_of_day)
        first = wall.replace(tzinfo=self.info, fold=0).astimezone(UTC)
        if first.astimezone(self.info).replace(tzinfo=None) == wall:
            return first
        # A wall clock in a gap: fold=0 reads it by the offset before (an instant after the change), fold=1 by the
        # offset after it (an instant before the change). Walk the seconds between to the first that has the new offset.
        low = wall.replace(tzinfo=self.info, fold=1).astimezone(UTC)
        high = first
        new = high.astimezone(self.info).utcoffset()
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
            if middle.astimezone(self.info).utcoffset() == new:
                high = middle
            else:
                low = middle
        return high


def clock_seconds(text):
    hour, minute = text.split(":")
    return int(hour) * 3600 + int(minute) * 60


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Calendar:
    """Working time (4.2), days (4.3) and ledgers (4.4), walked day by day."""

    def __init__(self, document):
        self.zone = Zone(document["time_zone"])
        self.weekly = [self._hours(document["weekly"].get(d, [])) for d in WEEKDAYS]
        self.exceptions = {date.fromisoformat(x["date"]): self._hours(x["hours"]) for x in document.get("exceptions", [])}
        self._day = {}

    @staticmethod
    def _hours(pairs):
        return sorted((clock_seconds(a), clock_seconds(b)) for a, b in pairs)

    def hours(self, day):
        """A date's own hours win over the week's."""
        if day in self.exceptions:
            return self.exceptions[day]
        return self.weekly[day.weekday()]

    def is_working_day(self, day):
        return bool(self.hours(day))

    def stretches(self, day):
        """The whole of a local date as [(from, to, kind)], in order."""
        if day in self._day:
            return self._day[day]
        at = lambda s: self.zone.instant(day, s)
        hours = self.hours(day)
        if not hours:
            out = [(at(0), at(86400), "holiday" if day in self.exceptions else "weekend")]
        else:
            out, cursor = [], 0
            for opens, closes in hours:
                out.append((at(cursor), at(opens), "night" if cursor == 0 else "break"))
                out.append((at(opens), at(closes), "working"))
                cursor = closes
            out.append((at(cursor), at(86400), "night"))
        out = [s for s in out if s[0] < s[1]]
        self._day[day] = out
        return out

    def walk(self, start, end):
        """[start, end) cut into stretches, day by day."""
        day = self.zone.local_date(start)
        last = self.zone.local_date(end)
        while day <= last:
            for a, b, kind in self.stretches(day):
                a, b = max(a, start), min(b, end)
                if a < b:
                    yield a, b, kind
            day += timedelta(days=1)

    def working(self, start, end):
        return sum(micros(b - a) for a, b, kind in self.walk(start, end) if kind == "working")

    def ledger(self, start, end):
        """Maximal stretches of one kind, summing to end - start."""
        out = []
        for a, b, kind in self.walk(start, end):
            if out and out[-1][2] == kind and out[-1][1] == a:
                out[-1] = (out[-1][0], b, kind)
            else:
                out.append((a, b, kind))
        assert sum(micros(b - a) for a, b, _ in out) == micros(end - start)
        return out

    def after(self, start, budget):
        """The earliest instant by which `budget` working microseconds have passed since start; 0 does not move."""
        if budget == 0:
            return start
        day = self.zone.local_date(start)
        while day.year < LAST_YEAR:
            for a, b, kind in self.stretches(day):
                a = max(a, start)
                if kind != "working" or a >= b:
                    continue
                if micros(b - a) >= budget:
                    return a + timedelta(microseconds=budget)
                budget -= micros(b - a)
            day += timedelta(days=1)
        return None

    def count_days(self, start, end, working):
        """4.3: local dates after the start's, up to and including the end's, that are working (or any) days."""
        day, last, n = self.zone.local_date(start), self.zone.local_date(end), 0
        while day < last:
            day += timedelta(days=1)
            n += self.is_working_day(day) or not working
        return n

    def days_deadline(self, start, n, working):
        """The midnight after the nth counted day."""
        day = self.zone.local_date(start)
        while n > 0:
            day += timedelta(days=1)
            if day.year >= LAST_YEAR:
                return None
            n -= self.is_working_day(day) or not working
        return self.zone.instant(day, 86400)


# --- numbers ---------------------------------------------------------------------------------------------------------


def exact(f):
    return None if f is None else f"{f.numerator}/{f.denominator}"


def decimal4(f):
    """5: for display, half away from zero to 4 decimals."""
    if f is None:
        return None
    scaled = abs(f) * 10000
    n = (scaled + Fraction(1, 2)).__floor__()
    sign = "-" if f < 0 and n else ""
    return f"{sign}{n // 10000}.{n % 10000:04d}"


class Curve:
    def __init__(self, document):
        self.kind = document["kind"]
        assert self.kind in ("linear", "stepped")
        self.points = [(Fraction(x), Fraction(y)) for x, y in document["points"]]
        assert all(a[0] < b[0] for a, b in zip(self.points, self.points[1:]))

    def at(self, x):
        points = self.points
        if x <= points[0][0]:
            return points[0][1]
        if x >= points[-1][0]:
            return points[-1][1]
        for (x0, y0), (x1, y1) in zip(points, points[1:]):
            if x0 <= x < x1:
                return y0 if self.kind == "stepped" else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        raise AssertionError("no piece of the curve")


MINOR_DIGITS = {"CNY": 2, "USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}


def money_minor(text, currency):
    value = Fraction(text) * 10 ** MINOR_DIGITS[currency]
    assert value.denominator == 1, f"{text} has more decimals than {currency}"
    return value.numerator


def money_shown(minor, currency):
    digits = MINOR_DIGITS[currency]
    sign, minor = ("-" if minor < 0 else ""), abs(minor)
    text = str(minor) if digits == 0 else f"{minor // 10**digits}.{minor % 10**digits:0{digits}d}"
    return {"amount": sign + text, "currency": currency}


def half_up(f):
    return (f + Fraction(1, 2)).__floor__()


# --- records (2) -----------------------------------------------------------------------------------------------------

# 2.5: the tie order of the sort: dispatch, then the rows of 2.1 from top to bottom.
TYPE_ORDER = {
    name: i
    for i, name in enumerate(
        ["dispatch", "order.opened", "part.requested", "part.shipped", "part.delivered", "part.cancelled", "part.received",
         "part.marked", "order.noted", "order.completed", "order.closed", "order.cancelled", "order.reopened", "event.voided"]
    )
}


class Record:
    """One accepted record. `type` is the event's, or "dispatch" or "survey"; `kind` is the scope of its id (2.1)."""

    def __init__(self, stream, fields):
        self.fields = {k: v for k, v in fields.items() if not k.startswith("_") and v is not None}
        self.type = fields["type"] if stream == "repair" else stream
        self.kind = "shipment" if self.type in ("part.shipped", "part.delivered") else stream
        self.id = fields["id"]
        self.provider = fields["provider"]
        self.order = self.get("order")
        self.at = parse_instant(fields["at"])

    def get(self, name, default=None):
        return self.fields.get(name, default)

    @property
    def key(self):
        return (self.provider, self.kind, self.id)

    @property
    def sort_key(self):
        return (self.at, TYPE_ORDER.get(self.type, 99), self.id.encode())

    def __repr__(self):
        return f"<{self.kind}:{self.id} {self.type} {format_instant(self.at)}>"


def accept(stream_records, providers):
    """2.5: the first of equal ids stands; a record of an unknown provider is refused."""
    by_key = {}
    for stream, fields in stream_records:
        record = Record(stream, fields)
        if record.provider in providers:
            by_key.setdefault(record.key, record)
    return list(by_key.values())


def drop_voided(records):
    """What stands. A void reaches its target wherever either arrived or is dated; a void of a void has no effect."""
    voided = {
        (r.provider, r.get("target_kind", "repair"), r.get("target")) for r in records if r.type == "event.voided"
    }
    return [r for r in records if r.type != "event.voided" and r.key not in voided]


# --- the fold (3) ----------------------------------------------------------------------------------------------------


class Order:
    """An order's facts: a pure function of the set of its standing records (surveys apart)."""

    def __init__(self, provider, number, records, surveys):
        self.provider, self.number = provider, number
        self.records = sorted(records, key=lambda r: r.sort_key)
        self.surveys = surveys
        self.points = set()
        self._opening()
        self._state()
        self._lines()

    def of(self, *types):
        return [r for r in self.records if r.type in types]

    def _opening(self):
        dispatches, openings = self.of("dispatch"), self.of("order.opened")
        dispatch = dispatches[0] if dispatches else None
        opening = openings[0] if openings else None
        self.dispatched_at = dispatch.at if dispatch else None
        self.opened_at = opening.at if opening else self.dispatched_at
        self.channel = "ccc" if dispatch else opening.get("channel") if opening else None
        # A ccc order whose dispatch is not known: opened_at stands in for dispatched_at.
        if self.channel == "ccc":
            self.clock_start = self.dispatched_at or self.opened_at
        else:
            self.clock_start = self.opened_at

        def first_said(name):
            for r in (opening, dispatch):
                if r and r.get(name) is not None:
                    return r.get(name)
            return None

        self.product = first_said("product")
        self.customer_class = first_said("customer_class")
        self.warranty = first_said("warranty")
        # READING: reported_at is found as product, class and warranty are (DOMAIN does not say; the golden file is silent).
        reported = first_said("reported_at")
        self.reported_at = parse_instant(reported) if reported else None
        self.recommended = {p["line"] for r in dispatches for p in (r.get("parts") or [])}

    def _state(self):
        """READING: an assumption is named where the result depended on it. What a reopening followed, however it had ended the
        order, no longer matters; that a cancelled order cannot be cancelled again needs no assumption; that the cycle goes on
        after a reopening matters to any order but a cancelled one."""
        self.state, self.closed_at, reopened, ignored = "open", None, False, False
        for r in self.of("order.closed", "order.cancelled", "order.reopened"):
            if r.type == "order.reopened":
                # READING: a reopening of an open order has no effect.
                if self.state != "open":
                    self.state, self.closed_at, reopened, ignored = "open", None, True, False
            elif self.state != "open":
                ignored = ignored or not (self.state == "cancelled" and r.type == "order.cancelled")
            elif r.type == "order.closed":
                self.state, self.closed_at = "closed", r.at
            else:
                self.state = "cancelled"
        if ignored:
            self.points.add("end_states")
        if self.state != "cancelled" and reopened:
            self.points.add("last_close")

    def _lines(self):
        requests = self.of("part.requested")
        self.shipments = defaultdict(list)
        for r in self.of("part.shipped"):
            self.shipments[r.get("line")].append(r)
        self.deliveries = defaultdict(list)
        for r in self.of("part.delivered"):
            self.deliveries[r.get("line")].append(r)
        cancels = {}
        for r in self.of("part.cancelled"):
            cancels.setdefault(r.get("line"), r)
        faulty = {r.get("line") for r in self.of("part.marked") if r.get("mark") in ("doa", "mismatch")}
        self.last_request = {r.get("line"): r for r in requests}  # in sort order: the last stays

        def cancelled_unshipped(line):
            """Its earliest cancellation precedes (strictly) every shipment of that very line."""
            return line in cancels and all(cancels[line].at < s.at for s in self.shipments[line])

        def replaces(r):
            """What a request replaces: another line, marked doa or mismatch at any time; else nothing."""
            original = r.get("replaces")
            return original if original is not None and original != r.get("line") and original in faulty else None

        replacement_lines = {r.get("line") for r in requests if replaces(r)}
        # READING: the last in sort order of those that replace (a cancelled one replaces nothing, so it is none of the
        # several). A cancelled replacement is still no ordinary request: it neither stops the diagnosis nor is considered.
        # The golden file is silent on both.
        self.replaced_by, self.passed_over = {}, set()
        for r in requests:
            original = replaces(r)
            if original is None:
                continue
            if cancelled_unshipped(r.get("line")):
                self.passed_over.add(original)
            else:
                self.replaced_by[original] = r.get("line")

        ordinary = [r for r in requests if r.get("line") not in self.recommended and r.get("line") not in replacement_lines]
        lowest = min((r.get("request") for r in ordinary), default=None)
        first = [r for r in ordinary if r.get("request") == lowest]
        self.first_requested_at = min((r.at for r in first), default=None)

        considered = {r.get("line") for r in first} | (self.recommended if self.channel == "ccc" else set())
        self.considered = sorted((x for x in considered if not cancelled_unshipped(x)), key=str.encode)
        for line in self.considered:
            chain = self._chain(line)
            if len(chain) > 1:
                self.points.add("replacement_in_place")
            if any(x in self.passed_over for x in chain):
                self.points.add("replacement_cancelled")

    def _chain(self, line):
        """The line and those that replace it in turn, stopping before one repeats."""
        chain = [line]
        while self.replaced_by.get(chain[-1]) is not None and self.replaced_by[chain[-1]] not in chain:
            chain.append(self.replaced_by[chain[-1]])
        return chain

    def candidate(self, line, ascim):
        """A considered line with its effective shipment and delivery."""
        final = self._chain(line)[-1]
        shipped = self.shipments[final][-1] if self.shipments[final] else None
        delivered = None
        if shipped:
            arrived = [d for d in self.deliveries[final] if d.at >= shipped.at]
            delivered = arrived[-1] if arrived else None
        request = self.last_request.get(final)
        return Candidate(line, final, shipped, delivered, ascim and bool(request and request.get("local")))


class Candidate:
    def __init__(self, line, final, shipped, delivered, local):
        self.line, self.final, self.local = line, final, local
        self.shipped_at = shipped.at if shipped else None
        self.courier = shipped.get("courier") if shipped else None
        self.delivered_at = delivered.at if delivered else None
        self.expected_at = None
        self.severity = None  # index of its row of the lateness table


# --- the scheme ------------------------------------------------------------------------------------------------------


class Scheme:
    def __init__(self, document, code="hp-gold-fy01", version=1, effective_from=None):
        self.document, self.code, self.version = document, code, version
        self.effective_from = date.fromisoformat(effective_from) if effective_from else None
        self.zone = Zone(document["time_zone"])
        self.starts = date.fromisoformat(document["starts"])
        self.window_months = document["window_months"]
        clocks = document["clocks"]
        self.limit = clocks["diagnosis"]["limit"]
        self.exempted_by = clocks["diagnosis"]["exempted_by"]
        self.standards = clocks["cycle"]["standards"]
        self.lateness = clocks["cycle"]["lateness"]
        self.indicators = document["indicators"]
        self.multiplier = Curve(document["pay"]["multiplier"])
        self.unrated = Fraction(document["pay"]["unrated"])
        self.assumptions = document["assumptions"]

    def ids(self, points):
        """Points the result depended on -> ids of the scheme's assumptions about them, in the document's order."""
        return [a["id"] for a in self.assumptions if a["about"] in points]

    def city_standard(self, city):
        for row in self.standards["city"]:
            if "cities" not in row or city in row["cities"]:
                return row["standard"]
        raise AssertionError("the last row of the city table holds for any city")

    def arrival(self, shipped_at, courier):
        """4.1: class nDhh is hh:00 local on day n, the day of shipment being day 1, calendar days."""
        days, hours = int(courier[0]), int(courier[2:])
        day = self.zone.local_date(shipped_at) + timedelta(days=days - 1)
        return self.zone.instant(day, hours * 3600)

    def lateness_row(self, c):
        """4.3: the rows are tried from the top; class instants are counted from the line's own effective shipment."""
        for i, row in enumerate(self.lateness):
            until = row.get("until")
            if until is None:
                return i
            limit = c.expected_at if until == "promise" else self.arrival(c.shipped_at, until)
            # "no delivery recorded" is said of the first row only; it is the promise's.
            if (until == "promise" and c.delivered_at is None) or (c.delivered_at is not None and c.delivered_at <= limit):
                return i
        raise AssertionError("the last row of the lateness table holds always")


def standard_parts(standard):
    ((unit, n),) = standard.items()
    return unit, n


def measure(standard, calendar, start, end):
    """-> (comparison value, budget) in one unit: microseconds for hours, dates for days."""
    unit, n = standard_parts(standard)
    if unit == "working_hours":
        return calendar.working(start, end), n * HOUR
    if unit == "calendar_hours":
        return micros(end - start), n * HOUR
    return calendar.count_days(start, end, unit == "working_days"), n


def deadline_of(standard, calendar, start):
    """4.4: the instant the budget is used up."""
    unit, n = standard_parts(standard)
    if unit == "working_hours":
        return calendar.after(start, n * HOUR)
    if unit == "calendar_hours":
        return start + timedelta(hours=n)
    return calendar.days_deadline(start, n, unit == "working_days")


def check_deadline(standard, calendar, start, end, met, deadline):
    """The deadline agrees with the comparison on both sides of it; after it, only what is not counted is grace."""
    if deadline is None:
        return
    unit, _ = standard_parts(standard)
    by_days = unit.endswith("_days")
    if end < deadline or (end == deadline and not by_days):
        assert met, (standard, start, end, deadline)
        return
    grace = calendar.working(deadline, end) == 0 if unit == "working_hours" else False
    if unit == "calendar_hours":
        grace = end == deadline
    if unit == "working_days":
        day, grace = calendar.zone.local_date(deadline), True
        while day <= calendar.zone.local_date(end):
            grace = grace and not calendar.is_working_day(day)
            day += timedelta(days=1)
    assert met == grace, (standard, start, end, deadline)


# --- the verdict (4) -------------------------------------------------------------------------------------------------


class Clock:
    """Outcome, ends and amounts of one clock; None: does not apply."""

    def __init__(self):
        self.outcome = self.start = self.end = None
        self.elapsed = self.working = self.days = self.margin = self.deadline = None
        self.rule = self.governing = self.standard = self.standard_reason = None
        self.exempt_reason = None
        self.beyond_slowest = False


class Verdict:
    def __init__(self, order):
        self.order = order
        self.outcome = self.reason = None
        self.scheme = self.calendar = self.facts = self.opened_on = None
        self.diagnosis = self.cycle = None
        self.candidates, self.segments = [], []
        self.points = set()

    @property
    def closed_on(self):
        return self.scheme.zone.local_date(self.order.closed_at) if self.order.closed_at else None

    @property
    def in_scope_closed(self):
        return self.order.state == "closed" and self.outcome != "out_of_scope"

    def undetermined_by_provider(self):
        return self.outcome == "undetermined" and self.reason != "missing_shipment"

    @property
    def counted(self):
        return self.outcome in ("compliant", "missed") or self.undetermined_by_provider()


def judge(order, model):
    v = Verdict(order)
    # The order's clocks are judged by what was in force on its opening date; where no opening is known the close's
    # date stands in (for scope [golden], and so for the scheme's version and the rate); with neither, the newest version.
    asked = order.opened_at or order.closed_at
    v.scheme = model.scheme_at(asked)
    v.calendar = model.calendar
    v.opened_on = v.scheme.zone.local_date(asked) if asked else None
    # READING: the provider's facts are those of an opening date only: null where none is known.
    v.facts = model.facts_on(order.provider, v.opened_on) if order.opened_at else None

    # READING: scope asks opened_at also where a ccc order's dispatch is the earlier or the later [golden].
    before = v.opened_on is not None and v.opened_on < v.scheme.starts
    if order.state == "cancelled" or before:
        v.outcome = "out_of_scope"  # wins over all
        # READING: of an order out of scope only the outcome is judged, so it depends on nothing else than its state.
        if not before:
            v.points = order.points & {"end_states"}
        return v
    if order.opened_at is None:
        # Open without opening and dispatch: pending. Closed so: missing_open. Both clocks are null.
        v.outcome = "pending" if order.state == "open" else "undetermined"
        v.reason = None if order.state == "open" else "missing_open"
        v.points = order.points & ({"end_states"} if order.state == "open" else {"end_states", "last_close"})
        return v

    v.points |= order.points
    v.diagnosis = judge_diagnosis(v)
    v.cycle = judge_cycle(v)
    if order.state == "open" and v.cycle.deadline is None:
        v.points.discard("last_close")  # no cycle runs that a reopening could have restarted
    v.outcome, v.reason = conclude(v)
    v.segments = segments(v)
    return v


def conclude(v):
    clocks = (v.diagnosis, v.cycle)
    if v.order.state == "open":
        return "pending", None  # whatever its diagnosis already says
    if any(c.outcome == "missed" for c in clocks):
        return "missed", None  # wins over undetermined, also over missing_shipment: such an order is counted [golden]
    if v.diagnosis.outcome == "undetermined":
        return "undetermined", "request_before_open"
    if v.cycle.outcome == "undetermined":
        return "undetermined", "missing_shipment" if v.cycle.start is None else "close_before_start"
    assert v.cycle.outcome == "met" and v.diagnosis.outcome in ("met", "exempt", "not_applicable")
    return "compliant", None


def judge_diagnosis(v):
    o, s, cal = v.order, v.scheme, v.calendar
    c = Clock()
    # 4.2: from opened_at (walk-in) or dispatched_at (CCC, or what stands in for it) to the first request.
    c.start, c.end = o.clock_start, o.first_requested_at
    if c.end is None:
        c.outcome = "not_applicable" if o.state == "closed" else "pending"
    if c.outcome == "not_applicable":
        return c  # READING: start is said, deadline is null: the clock does not run
    c.deadline = deadline_of(s.limit, cal, c.start)
    v.points.add("/calendar")
    if c.outcome == "pending":
        return c
    if c.end < c.start:
        c.outcome = "undetermined"  # request_before_open. READING: elapsed times are null, the deadline stands
        return c
    c.elapsed, c.working = micros(c.end - c.start), cal.working(c.start, c.end)
    value, budget = measure(s.limit, cal, c.start, c.end)
    met = value <= budget
    check_deadline(s.limit, cal, c.start, c.end, met, c.deadline)
    if met:
        c.outcome = "met"
        if value == budget and standard_parts(s.limit)[0].endswith("_hours"):
            v.points.add("limit_inclusive")
        return c
    notes = [r for r in o.of("order.noted") if r.get("reason") in s.exempted_by and r.at <= c.end]
    if notes:
        c.outcome, c.exempt_reason = "exempt", notes[0].get("reason")
        v.points.add("exempt_only_diagnosis")
    else:
        c.outcome = "missed"
    return c


def judge_cycle(v):
    o, s, cal = v.order, v.scheme, v.calendar
    c = Clock()
    c.end = o.closed_at
    v.candidates = [o.candidate(line, v.facts["ascim"]) for line in o.considered]
    travelling = [x for x in v.candidates if not x.local]
    if not v.candidates:
        c.rule = "no_parts"
    elif not travelling:
        c.rule = "local_stock"
    else:
        c.rule = "last_shipment"

    for x in travelling:
        if x.shipped_at:
            x.expected_at = s.arrival(x.shipped_at, x.courier)
            x.severity = s.lateness_row(x)
            v.points.add("expected_arrival")

    if c.rule != "last_shipment":
        c.start = o.clock_start
        c.standard, c.standard_reason = s.standards["no_parts"], "no_parts"
    elif all(x.shipped_at for x in travelling):
        # The line expected to arrive last; ties: the later shipment, then the greater considered line id (bytes).
        governing = max(travelling, key=lambda x: (x.expected_at, x.shipped_at, x.line.encode()))
        if sum(x.expected_at == governing.expected_at for x in travelling) > 1:
            v.points.add("governing_tie")
        c.governing, c.start = governing, governing.shipped_at
        worst = max(x.severity for x in travelling)
        if any(x.severity != worst for x in travelling):
            v.points.add("worst_line")
        row = s.lateness[worst]
        c.standard_reason = row["standard"]
        c.standard = s.city_standard(v.facts["city"]) if row["standard"] == "city" else s.standards[row["standard"]]
        c.beyond_slowest = any(s.lateness[x.severity].get("beyond_slowest", False) for x in travelling)
        if c.beyond_slowest:
            v.points.add("beyond_slowest")

    if c.start is None:
        c.outcome = "pending" if o.state == "open" else "undetermined"  # missing_shipment
        return c
    v.points.add("/clocks/cycle/standards/" + c.standard_reason)
    unit, _ = standard_parts(c.standard)
    if unit.startswith("working"):
        v.points.add("/calendar")
    c.deadline = deadline_of(c.standard, cal, c.start)
    if o.state == "open":
        c.outcome = "pending"
        return c
    if c.end < c.start:
        c.outcome = "undetermined"  # close_before_start
        return c
    c.elapsed, c.working = micros(c.end - c.start), cal.working(c.start, c.end)
    # elapsed_days in the standard's kind of day, working days for hours.
    c.days = cal.count_days(c.start, c.end, unit != "calendar_days")
    value, budget = measure(c.standard, cal, c.start, c.end)
    met = value <= budget
    check_deadline(c.standard, cal, c.start, c.end, met, c.deadline)
    c.outcome = "met" if met else "missed"
    # The margin in the standard's unit, rounded down: whole hours or days.
    c.margin = (budget - value) // HOUR if unit.endswith("_hours") else budget - value
    # READING: "exactly the limit" is a duration's; that n days are within n is plain [S].
    if unit.endswith("_hours") and value == budget:
        v.points.add("limit_inclusive")
    return c


def segments(v):
    """4.4: where the time went. Unknown or negative stretches are left out."""
    o, c = v.order, v.cycle
    begin = "dispatch" if o.channel == "ccc" else "open"
    chain = [("report_to_open", o.reported_at, o.opened_at)]
    # READING: "without parts" is every cycle that no shipment starts (no_parts and local_stock): there is no governing
    # line to go along.
    if c.rule != "last_shipment":
        chain.append((begin + "_to_close", o.clock_start, o.closed_at))
    else:
        g = c.governing
        shipped, delivered = (g.shipped_at, g.delivered_at) if g else (None, None)
        chain += [
            (begin + "_to_request", o.clock_start, o.first_requested_at),
            ("request_to_ship", o.first_requested_at, shipped),
            ("ship_to_deliver", shipped, delivered),
            ("deliver_to_close", delivered, o.closed_at),
        ]
    out = []
    for code, start, end in chain:
        if start is None or end is None or end < start:
            continue
        party = "manufacturer" if code in ("request_to_ship", "ship_to_deliver") else "provider"
        out.append((code, start, end, party, micros(end - start), v.calendar.working(start, end)))
    return out


# --- the verdict as the API says it ------------------------------------------------------------------------------------


def ledger_json(calendar, clock):
    """READING: an entry's seconds are the difference of the rounded-down elapsed seconds at its ends, so that the
    entries sum to the clock's elapsed_seconds also where its ends have microseconds."""
    if clock is None or clock.elapsed is None:
        return []
    out = []
    for a, b, kind in calendar.ledger(clock.start, clock.end):
        seconds = micros(b - clock.start) // SECOND - micros(a - clock.start) // SECOND
        out.append({"from": format_instant(a), "to": format_instant(b), "kind": kind, "seconds": seconds})
    assert sum(e["seconds"] for e in out) == clock.elapsed // SECOND
    # One stretch's working time is the sum of the whole: exact, before any rounding.
    assert sum(micros(b - a) for a, b, k in calendar.ledger(clock.start, clock.end) if k == "working") == clock.working
    return out


def limit_seconds(limit):
    unit, n = standard_parts(limit)
    return n * 3600 if unit.endswith("_hours") else None


def verdict_json(v):
    o, s = v.order, v.scheme
    diagnosis = cycle = None
    if v.diagnosis:
        d = v.diagnosis
        diagnosis = {
            "outcome": d.outcome, "start": format_instant(d.start), "end": format_instant(d.end),
            "elapsed_working_seconds": seconds_shown(d.working), "elapsed_seconds": seconds_shown(d.elapsed),
            "limit_working_seconds": limit_seconds(s.limit), "exempt_reason": d.exempt_reason,
            "deadline": format_instant(d.deadline),
        }
    if v.cycle:
        c = v.cycle
        cycle = {
            "outcome": c.outcome, "rule": c.rule, "start": format_instant(c.start), "end": format_instant(c.end),
            "governing_line": c.governing.line if c.governing else None, "standard": c.standard,
            "standard_reason": c.standard_reason, "elapsed_working_seconds": seconds_shown(c.working),
            "elapsed_seconds": seconds_shown(c.elapsed), "elapsed_days": c.days, "margin": c.margin,
            "deadline": format_instant(c.deadline), "beyond_slowest": c.beyond_slowest,
        }
    return {
        "provider": o.provider, "order": o.number, "scheme": s.code, "scheme_version": s.version,
        "calendar": s.document["calendar"],
        "outcome": v.outcome, "reason": v.reason, "channel": o.channel,
        "opened_at": format_instant(o.opened_at), "closed_at": format_instant(o.closed_at),
        "diagnosis": diagnosis, "cycle": cycle, "assumptions": s.ids(v.points),
        "provider_facts": v.facts,
        "segments": [
            {"code": code, "from": format_instant(a), "to": format_instant(b), "party": party,
             "seconds": seconds_shown(elapsed), "working_seconds": seconds_shown(working)}
            for code, a, b, party, elapsed, working in v.segments
        ],
        "explanation": {
            "candidates": [
                # READING: shipped_line is null while nothing shipped; lateness and expected_at are null of a local line.
                {"line": c.line, "shipped_line": c.final if c.shipped_at else None,
                 "shipped_at": format_instant(c.shipped_at), "expected_at": format_instant(c.expected_at),
                 "delivered_at": format_instant(c.delivered_at), "courier": c.courier,
                 "lateness": s.lateness[c.severity]["name"] if c.severity is not None else None, "local": c.local}
                for c in v.candidates
            ],
            "ledger": ledger_json(v.calendar, v.cycle),
            "diagnosis_ledger": ledger_json(v.calendar, v.diagnosis),
        },
    }


# --- months ----------------------------------------------------------------------------------------------------------


def month_of(day):
    return day.year * 12 + day.month - 1


def month_name(m):
    return f"{m // 12:04d}-{m % 12 + 1:02d}"


def month_first(m):
    return date(m // 12, m % 12 + 1, 1)


def month_last(m):
    return month_first(m + 1) - timedelta(days=1)


# --- the whole ---------------------------------------------------------------------------------------------------------


class Model:
    def __init__(self, providers, records, scheme, calendar, rates=None, scheme_code="hp-gold-fy01", scheme_versions=()):
        """scheme_versions: later versions of the scheme as [(effective_from, document)]."""
        self.facts = defaultdict(list)
        for p in providers:
            self._add_facts(p)
        self.schemes = [Scheme(scheme, scheme_code)]
        self.schemes += [Scheme(d, scheme_code, i + 2, on) for i, (on, d) in enumerate(scheme_versions)]
        self.calendar = Calendar(calendar)
        self.rates = rates or {"currency": "CNY", "rates": []}
        self._load(accept(records, self.facts))
        self.orders = {k: o for k, o in self.orders.items() if o.records}  # else it does not exist
        self.verdicts = {k: judge(o, self) for k, o in self.orders.items()}
        self._contribute()

    def _add_facts(self, p):
        versions = self.facts[p["code"]]
        on = date.fromisoformat(p["effective_from"]) if p.get("effective_from") else None
        versions[:] = [x for x in versions if x[0] != on]  # the same date again is a correction
        versions.append((on, {"city": p["city"], "ascim": p["ascim"]}))
        versions.sort(key=lambda x: x[0] or date.min)

    def _load(self, records):
        standing = drop_voided(records)
        grouped, surveys = defaultdict(list), defaultdict(list)
        self.responses, self.last_at = defaultdict(list), None
        for r in records:
            self.last_at = r.at if self.last_at is None else max(self.last_at, r.at)
        for r in standing:
            if r.type != "survey":
                grouped[r.provider, r.order].append(r)
                continue
            self.responses[r.provider].append(r)
            if r.order is not None:
                surveys[r.provider, r.order].append(r)
        self.orders = {k: Order(k[0], k[1], rs, surveys[k]) for k, rs in grouped.items()}

    # what was in force

    def facts_on(self, provider, day):
        versions = self.facts[provider]
        in_force = [facts for on, facts in versions if on is None or on <= day]
        return in_force[-1] if in_force else versions[0][1]

    def scheme_on(self, day):
        in_force = [s for s in self.schemes if s.effective_from is None or s.effective_from <= day]
        return in_force[-1]

    def scheme_at(self, t):
        if t is None:
            return self.schemes[-1]
        return self.scheme_on(self.schemes[-1].zone.local_date(t))

    # evaluation (5)

    def _contribute(self):
        """Sort what counts by provider and month (of the close, of the opening, of the response)."""
        self.closed_in = defaultdict(list)
        self.opened_in = defaultdict(list)
        self.responded_in = defaultdict(list)
        for (provider, _), v in self.verdicts.items():
            if v.in_scope_closed:
                self.closed_in[provider, month_of(v.closed_on)].append(v)
            # READING: `open` counts orders in scope; one without an opening was not opened before any window's end.
            if v.outcome == "pending" and v.opened_on is not None:
                self.opened_in[provider, month_of(v.opened_on)].append(v)
        for provider, responses in self.responses.items():
            for r in responses:
                if r.order is None:
                    s = self.scheme_at(r.at)
                    day = s.zone.local_date(r.at)
                    if day >= s.starts:
                        self.responded_in[provider, month_of(day)].append((r, None))
                    continue
                v = self.verdicts.get((provider, r.order))
                # While the order exists, is in scope and closed: in the window of that order's close. READING: whatever its
                # outcome, missing_open and missing_shipment too [golden].
                if v and v.in_scope_closed:
                    self.responded_in[provider, month_of(v.closed_on)].append((r, v))

    def evaluate(self, provider, month):
        """-> dict of exact values. The version of the period's last day rules indicators, curves and pay."""
        s = self.scheme_on(month_last(month))
        window = range(month - s.window_months + 1, month + 1)
        closed = [v for m in window for v in self.closed_in.get((provider, m), [])]
        answers = [a for m in window for a in self.responded_in.get((provider, m), [])]
        counted = [v for v in closed if v.counted]
        compliant = sum(v.outcome == "compliant" for v in closed)
        points = set().union(*(v.points for v in closed))
        if len(counted) < len(closed):
            points.add("missing_shipment_left_out")

        indicators = []
        for i in s.indicators:
            if i["measure"] == "compliance":
                rate = Fraction(compliant, len(counted)) if counted else None
                shown = (compliant, len(counted))
            else:
                assert i["measure"] == "satisfaction"
                satisfied, unsatisfied, used = satisfaction(i, answers)
                points |= used
                whole = satisfied + unsatisfied
                rate = satisfied / whole if whole else None
                shown = (rate.numerator, rate.denominator) if whole else (0, 0)
                if rate is not None:
                    points.add("/indicators/" + i["code"])
            indicators.append({
                "code": i["code"], "rated": rate is not None, "numerator": shown[0], "denominator": shown[1],
                "value": rate, "score": Curve(i["curve"]).at(rate) if rate is not None else None, "max": Fraction(i["max"]),
            })

        rated = [i for i in indicators if i["rated"]]
        score = sum((i["score"] for i in rated), Fraction(0))
        top = sum((i["max"] for i in rated), Fraction(0))
        if rated:
            points.add("total")
        opened = sum(len(vs) for (p, m), vs in self.opened_in.items() if p == provider and m <= month)
        result = {
            "scheme": s, "window": (max(month_first(window[0]), s.starts), month_last(month)), "indicators": indicators,
            "score": score, "max": top, "ratio": score / top if rated else None, "points": points, "rank": None,
            "orders": {
                "closed": len(closed), "counted": len(counted), "compliant": compliant,
                "missed": sum(v.outcome == "missed" for v in closed),
                "exempt": sum(v.diagnosis is not None and v.diagnosis.outcome == "exempt" for v in counted),
                "undetermined": sum(v.outcome == "undetermined" for v in closed), "open": opened,
            },
        }
        n = result["orders"]
        assert n["closed"] == n["compliant"] + n["missed"] + n["undetermined"]
        return result

    def evaluate_all(self, month):
        """All providers' evaluations of a month, ranked: by score ratio, then counted orders; equals share a rank."""
        rows = {p: self.evaluate(p, month) for p in self.facts}
        keys = {p: (e["ratio"], e["orders"]["counted"]) for p, e in rows.items() if e["ratio"] is not None}
        for p, key in keys.items():
            rows[p]["rank"] = 1 + sum(other > key for other in keys.values())
        for e in rows.values():
            e["ranked"] = len(keys)
        return rows

    def listed(self, rows):
        """The order of the ranking: by rank, equals by code; those not rated last."""
        return sorted(rows, key=lambda p: (rows[p]["rank"] is None, rows[p]["rank"] or 0, p.encode()))

    # pay (6)

    def rate_of(self, v):
        """The exact product beats *, then the exact warranty beats *; of the same the latest in force."""
        best = None
        for row in self.rates["rates"]:
            since = date.fromisoformat(row["from"]) if row.get("from") else date.min
            if since > v.opened_on:
                continue
            if row["product"] not in ("*", v.order.product) or row["warranty"] not in ("*", v.order.warranty):
                continue
            key = (row["product"] != "*", row["warranty"] != "*", since)
            if best is None or key > best[0]:
                best = (key, money_minor(row["amount"], self.rates["currency"]))
        return best[1] if best else None

    def compensate(self, provider, month, evaluation):
        s = evaluation["scheme"]
        ratio = evaluation["ratio"]
        multiplier = s.unrated if ratio is None else s.multiplier.at(ratio)
        lines = []
        for v in sorted(self.closed_in.get((provider, month), []), key=lambda v: v.order.number.encode()):
            rate = self.rate_of(v)
            amount = None if rate is None else half_up(rate * multiplier)
            lines.append((v, rate, amount))
        missing = sum(rate is None for _, rate, _ in lines)
        base = sum(rate for _, rate, _ in lines if rate is not None)
        total = None if missing else sum(amount for _, _, amount in lines)
        points = set(evaluation["points"]) | {"/pay/multiplier"}
        if lines:
            points.add("/rates")
        return {"multiplier": multiplier, "lines": lines, "no_rate": missing, "base": base, "total": total, "points": points}

    # at risk

    def running(self):
        """Open orders with a clock that runs: [(key, diagnosis deadline or None, cycle deadline or None)]."""
        out = []
        for key, v in self.verdicts.items():
            if v.outcome != "pending" or v.cycle is None:
                continue
            diagnosis = v.diagnosis.deadline if v.diagnosis.outcome == "pending" else None
            if diagnosis or v.cycle.deadline:
                out.append((key, diagnosis, v.cycle.deadline))
        return out

    def at_risk(self, now, within_seconds):
        """As GET /v1/orders/at-risk lists them at `now`: soonest first; a cycle past its deadline stays, a diagnosis not.
        READING: one entry an order, the earlier clock that is listable at `now`; equal deadlines are the diagnosis'."""
        rows = []
        for key, diagnosis, cycle in self.running():
            clocks = [(d, rank, name) for d, rank, name in ((diagnosis, 0, "diagnosis"), (cycle, 1, "cycle"))
                      if d and not (name == "diagnosis" and d < now)]
            if clocks and min(clocks)[0] <= now + timedelta(seconds=within_seconds):
                rows.append((min(clocks)[0], key, min(clocks)[2]))
        return sorted(rows)

    # periods

    def months(self):
        """Months of the scheme that hold anything: from its start to the month of the last record."""
        first = month_of(self.schemes[0].starts)
        last = month_of(self.schemes[-1].zone.local_date(self.last_at)) if self.last_at else first
        return range(first, max(first, last) + 1)


def satisfaction(indicator, answers):
    """5: S and U of the weighted satisfaction rate, and the assumptions met."""
    weight = {k: Fraction(x) for k, x in indicator["weights"].items()}
    factor = {k: Fraction(x) for k, x in indicator["class_factors"].items()}
    share = {k: Fraction(x) for k, x in indicator["responsibility_shares"].items()}
    satisfied, unsatisfied, points, seen = Fraction(0), Fraction(0), set(), defaultdict(int)
    for r, v in answers:
        customer = r.get("customer_class") or (v.order.customer_class if v else None)
        if customer is None:
            customer = "ordinary"
            points.add("survey_class")
        if v is None:
            points.add("survey_no_order")
        else:
            seen[r.order] += 1
        f = factor[customer]
        # READING: the "1" of the formulas is the weight of `satisfied`, which the document states.
        if r.get("answer") == "satisfied":
            satisfied += f * weight["satisfied"]
            continue
        responsible = r.get("responsibility")
        if responsible is None:
            responsible = "provider"
            points.add("survey_responsibility")
        if responsible == "manufacturer":
            points.add("survey_manufacturer")
        s = share[responsible]
        unsatisfied += f * weight[r.get("answer")] * s
        satisfied += f * weight["satisfied"] * (1 - s)
    if any(n > 1 for n in seen.values()):
        points.add("survey_each")
    return satisfied, unsatisfied, points


# --- evaluations and statements as the API says them, exact values beside -----------------------------------------------


def evaluation_json(provider, month, e):
    s = e["scheme"]
    return {
        "provider": provider, "scheme": s.code, "scheme_version": s.version, "period": month_name(month),
        "window": {"from": e["window"][0].isoformat(), "to": e["window"][1].isoformat()},
        "indicators": [
            {"code": i["code"], "numerator": i["numerator"], "denominator": i["denominator"],
             "value": decimal4(i["value"]), "value_exact": exact(i["value"]),
             "score": decimal4(i["score"]), "score_exact": exact(i["score"]),
             "max": decimal4(i["max"]), "max_exact": exact(i["max"]), "rated": i["rated"]}
            for i in e["indicators"]
        ],
        "score": decimal4(e["score"]), "score_exact": exact(e["score"]), "max": decimal4(e["max"]), "max_exact": exact(e["max"]),
        "ratio": decimal4(e["ratio"]), "ratio_exact": exact(e["ratio"]), "grade": None,
        "rank": e["rank"], "ranked": e["ranked"], "orders": e["orders"], "assumptions": s.ids(e["points"]),
    }


def compensation_json(provider, month, c, e, currency):
    money = lambda x: None if x is None else money_shown(x, currency)
    lines = [
        {"order": v.order.number, "product": v.order.product, "warranty": v.order.warranty, "rate": money(rate),
         "amount": money(amount), "status": "no_rate" if rate is None else "ok"}
        for v, rate, amount in c["lines"]
    ]
    if c["total"] is not None:
        digits = 10 ** MINOR_DIGITS[currency]
        assert sum(Fraction(x["amount"]["amount"]) for x in lines) * digits == c["total"]
    return {
        "provider": provider, "scheme": e["scheme"].code, "period": month_name(month),
        "lines": len(lines), "no_rate_lines": c["no_rate"], "base": money(c["base"]), "multiplier": decimal4(c["multiplier"]),
        "multiplier_exact": exact(c["multiplier"]), "total": money(c["total"]), "assumptions": e["scheme"].ids(c["points"]),
        "items": lines,
    }


# --- folders -----------------------------------------------------------------------------------------------------------


def read_ndjson(path):
    path = Path(path)
    if not path.exists():
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def read_json(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def load_folder(folder, scheme=None, calendar=None, rates=None):
    """A network's folder: providers, dispatches, events and surveys, with its own scheme.json, calendar.json and
    rates.json where it has them."""
    folder = Path(folder)
    sql = Path(__file__).resolve().parents[2] / "sql"

    def document(given, name, default):
        if given is not None:
            return read_json(given)
        own = folder / name
        return read_json(own) if own.exists() else read_json(default) if default else None

    records = [("dispatch", r) for r in read_ndjson(folder / "dispatches.ndjson")]
    records += [("repair", r) for r in read_ndjson(folder / "events.ndjson")]
    records += [("survey", r) for r in read_ndjson(folder / "surveys.ndjson")]
    return Model(
        read_ndjson(folder / "providers.ndjson"), records,
        document(scheme, "scheme.json", sql / "schemes" / "hp-gold-fy01.json"),
        document(calendar, "calendar.json", sql / "calendars" / "cn-office.json"),
        document(rates, "rates.json", None),
    )
