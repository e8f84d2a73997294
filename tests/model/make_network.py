#!/usr/bin/env python3
"""Make a random network of providers that meets every rule of DOMAIN.md and many exact boundaries.

    make_network.py --seed N --providers N --orders N --out DIR [--zone ZONE] [--vary] [--holidays]

Writes providers.ndjson, dispatches.ndjson, events.ndjson, surveys.ndjson, scheme.json, calendar.json and rates.json into
DIR: what `expect.py DIR` reads. The same arguments give the same bytes. --zone sets the zone of scheme and calendar
(default Asia/Shanghai), --vary changes the numbers of the scheme (it stays a valid document), --holidays gives the calendar
holidays and make-up days.

Every record is acceptable to a manufacturer's upload (DOMAIN 2): ids are unique per provider and kind, except for
duplicates of the same content in another spelling. The model is asked only where a boundary lies, to put a record on it
or a microsecond beside it.

Providers: P… take the orders at random; C… lie exactly on the points of the turnaround curve, in pairs, so that scores sit
on its corners and ranks are shared; N-NONE has nothing, N-SURVEY only responses.
"""
import argparse
import copy
import json
import random
import sys
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import assay_model as m

US = timedelta(microseconds=1)
SEC = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
PRODUCTS = ["commercial_pc", "server", "notebook", "laser_printer", "plotter", "inkjet_high_end", "optical_library",
            "tape_library"]
CITIES = ["Beijing", "北京", "Shanghai", "上海", "Guangzhou", "广州", "Shenzhen", "深圳", "Xi'an", "Harbin", "Chengdu",
          "beijing", "成都"]
RATE_DATES = ["2000-12-10", "2001-01-15", "2001-02-01", "2001-03-20", "2000-06-01"]
CHANGE_DATES = ["2000-12-20", "2001-01-15", "2001-02-01", "2001-03-05", "2000-12-01"]
ODD_NUMBERS = ["w{}", "{}", "A&B={}", "x\"{}\"", "back\\{}", "~{}!", "a,b;{}", "'{}'", "<{}>", "Z:{}@1", "{}+{}"]
KINDS = ["repair", "shipment", "dispatch", "survey", "observation"]
COURIERS = ["2D10", "2D10", "3D10", "3D18", "1D18", "4D12", "2D18", "9D23", "1D00", "5D09"]
LINES = ["1", "2", "3", "10", "9", "R1", "R2", "a", "A", "_x", "-7", "Z.9", "zz"]
OFFSETS = [0, 0, 480, 480, 480, 540, -300, 345, -210, 840]


class Network:
    def __init__(self, args):
        self.args = args
        self.rng = random.Random(f"assay network {args.seed}")
        self.zone_name = args.zone
        self.scheme = self.make_scheme()
        self.calendar_document = self.make_calendar()
        self.calendar = m.Calendar(self.calendar_document)
        self.zone = m.Zone(args.zone)
        self.rules = m.Scheme(self.scheme)
        self.starts = date.fromisoformat(self.scheme["starts"])
        self.streams = {"dispatch": [], "repair": [], "survey": []}
        self.providers = []
        self.numbers = {}
        self.make_providers()

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, *weighted):
        """pick((weight, value), …)"""
        return self.rng.choices([v for _, v in weighted], [w for w, _ in weighted])[0]

    # --- documents ---------------------------------------------------------------------------------------------------

    def make_scheme(self):
        sql = Path(__file__).resolve().parents[2] / "sql"
        scheme = m.read_json(sql / "schemes" / "hp-gold-fy01.json")
        scheme["time_zone"] = self.zone_name
        if self.args.vary:
            self.vary(scheme)
        return scheme

    def standard(self):
        unit = self.pick((3, "working_days"), (2, "working_hours"), (2, "calendar_days"), (2, "calendar_hours"))
        n = self.rng.randint(0, 5) if unit.endswith("days") else self.rng.choice([0, 1, 4, 8, 12, 16, 24, 36, 48, 72])
        return {unit: n}

    def curve(self, top):
        """Points with x in 0..1 and y from 0 up to `top`, not falling."""
        n = self.rng.randint(2, 5)
        xs = sorted(self.rng.sample(range(10, 100), n - 1)) + [100]
        ys = sorted(self.rng.sample(range(0, 4 * top), n - 1)) + [4 * top]
        two = lambda k, d: m.decimal4(Fraction(k, d))[:-2]
        return {"kind": self.pick((3, "linear"), (2, "stepped")), "points": [[two(x, 100), two(y, 4)] for x, y in zip(xs, ys)]}

    def vary(self, scheme):
        rng = self.rng
        scheme["starts"] = rng.choice(["2000-12-01", "2000-12-15", "2001-01-10", "2000-11-20"])
        scheme["window_months"] = rng.randint(1, 6)
        diagnosis, cycle = scheme["clocks"]["diagnosis"], scheme["clocks"]["cycle"]
        diagnosis["limit"] = {"working_hours": rng.choice([1, 2, 3, 4, 5, 8, 12])}
        diagnosis["exempted_by"] = rng.sample(["machine_testing", "customer", "force_majeure"], rng.randint(1, 3))
        cities = rng.sample(CITIES, 9)
        cycle["standards"] = {
            "no_parts": self.standard(),
            "city": [{"cities": cities[:4], "standard": self.standard()}, {"cities": cities[4:6], "standard": self.standard()},
                     {"standard": self.standard()}][rng.choice([0, 1]):],
            "late_1": self.standard(), "late_2": self.standard(),
        }
        middle = [
            {"name": "late_0", "until": rng.choice(["2D10", "2D18"]), "standard": "late_1"},
            {"name": "late_1", "until": "3D10", "standard": "late_1"},
            {"name": "late_2", "until": rng.choice(["3D18", "4D12"]), "standard": "late_2"},
        ]
        kept = sorted(rng.sample(range(3), rng.randint(1, 3)))
        last = {"name": "beyond_slowest", "standard": rng.choice(["late_2", "late_1"]), "beyond_slowest": True}
        cycle["lateness"] = [{"name": "on_time", "until": "promise", "standard": "city"}] + [middle[i] for i in kept] + [last]
        tat, satisfaction = scheme["indicators"]
        for indicator in (tat, satisfaction):
            top = rng.choice([40, 50, 60, 100])
            indicator["max"], indicator["curve"] = str(top), self.curve(top)
        satisfaction["weights"] = {"satisfied": "1", "average": rng.choice(["1", "0.5", "0.75"]),
                                   "dissatisfied": rng.choice(["1.5", "1.25", "2"]), "complaint": rng.choice(["2", "3", "2.5"])}
        satisfaction["class_factors"] = {"ordinary": "1", "key": rng.choice(["2", "3", "1.5"])}
        satisfaction["responsibility_shares"] = {"provider": "1", "shared": rng.choice(["0.5", "0.25", "0.6"]),
                                                 "manufacturer": rng.choice(["0", "0.1"])}
        scheme["pay"] = {
            "multiplier": rng.choice([
                {"kind": "linear", "points": [["0", "0"], ["1", "1"]]},
                {"kind": "linear", "points": [["0.25", "0.4"], ["0.75", "0.95"], ["1", "1.2"]]},
                {"kind": "stepped", "points": [["0", "0.7"], ["0.5", "0.85"], ["0.75", "1"], ["1", "1.15"]]},
            ]),
            "unrated": rng.choice(["1", "0.8"]),
        }

    def make_calendar(self):
        sql = Path(__file__).resolve().parents[2] / "sql"
        calendar = m.read_json(sql / "calendars" / "cn-office.json")
        calendar["time_zone"] = self.zone_name
        if not self.args.holidays:
            return calendar
        day = date(2000, 11, 10)
        while day < date(2001, 6, 30):
            weekend = day.weekday() >= 5
            entry = None
            if not weekend and self.chance(0.06):
                entry = {"date": day.isoformat(), "hours": [], "name": "holiday"}
            elif not weekend and self.chance(0.04):
                entry = {"date": day.isoformat(), "hours": self.rng.choice([
                    [["08:30", "12:00"]], [["09:15", "10:45"], ["11:00", "12:30"], ["14:00", "20:00"]], [["13:00", "17:30"]]])}
            elif weekend and self.chance(0.12):
                entry = {"date": day.isoformat(), "hours": [["08:30", "12:00"], ["13:00", "17:30"]], "name": "make-up day"}
            elif weekend and self.chance(0.05):
                entry = {"date": day.isoformat(), "hours": [], "name": "a holiday on a weekend"}
            if entry:
                calendar["exceptions"].append(entry)
            day += timedelta(days=1)
        # The Spring Festival of 2001, with its make-up weekend.
        taken = {x["date"] for x in calendar["exceptions"]}
        for k in range(24, 31):
            if f"2001-01-{k}" not in taken:
                calendar["exceptions"].append({"date": f"2001-01-{k}", "hours": [], "name": "春节"})
        self.rng.shuffle(calendar["exceptions"])
        return calendar

    def make_rates(self):
        """Exact and wildcard rows, from dates on both sides of everything, and products with no rate at all."""
        amount = lambda: f"{self.rng.randint(10, 400)}.{self.rng.randint(0, 99):02d}"
        rows = []
        for product in PRODUCTS[:5]:
            for warranty in ("in", "out", "*"):
                if self.chance(0.6):
                    rows.append({"product": product, "warranty": warranty, "amount": amount()})
                for since in self.rng.sample(RATE_DATES, self.rng.randint(0, 2)):
                    rows.append({"product": product, "warranty": warranty, "from": since, "amount": amount()})
        wild = self.pick((1, "none"), (1, "from"), (2, "warranty"), (2, "all"))
        if wild in ("from", "all"):
            rows.append({"product": "*", "warranty": "*", "from": "2001-01-20", "amount": amount()})
        if wild in ("warranty", "all"):
            rows.append({"product": "*", "warranty": "in", "amount": amount()})
        if wild == "all":
            rows.append({"product": "*", "warranty": "*", "amount": "0.01"})
        if not rows:
            rows.append({"product": PRODUCTS[0], "warranty": "*", "amount": amount()})
        self.rng.shuffle(rows)
        return {"currency": "CNY", "rates": rows}

    # --- providers -----------------------------------------------------------------------------------------------------

    def add_provider(self, code, city, ascim, effective_from=None):
        row = {"code": code, "name": f"Provider {code}", "city": city, "ascim": ascim}
        if effective_from:
            row["effective_from"] = effective_from
        self.providers.append(row)

    def make_providers(self):
        # Codes in byte order are neither in order of making nor of letters.
        self.coded = [f"p{i}.x_-" if i % 7 == 3 else f"P{i + 1:03d}" for i in range(self.args.providers)]
        for i in range(self.args.providers):
            code = self.coded[i]
            city, ascim = self.rng.choice(CITIES), self.chance(0.45)
            self.add_provider(code, city, ascim)
            changes = self.rng.sample(CHANGE_DATES, self.rng.choice([0, 0, 1, 2]))
            for on in sorted(changes):
                if self.chance(0.3):
                    self.add_provider(code, "Corrected below", not ascim, on)
                city, ascim = self.rng.choice(CITIES), not ascim if self.chance(0.6) else ascim
                self.add_provider(code, city, ascim, on)

    def change_dates(self, provider):
        own = [p for p in self.providers if p["code"] == provider]
        return [date.fromisoformat(p["effective_from"]) for p in own if "effective_from" in p]

    # --- instants --------------------------------------------------------------------------------------------------------

    def local(self, day, seconds, us=0):
        return self.zone.instant(day, seconds) + timedelta(microseconds=us)

    def near(self, t, spread=True):
        """t exactly, or as near as it gets."""
        return t + self.rng.choice([timedelta(0), timedelta(0), -US, US, -SEC, SEC] + ([-MINUTE, MINUTE] if spread else []))

    def moment(self, first=date(2000, 11, 20), last=date(2001, 4, 25)):
        """An opening: any time of day, many in working hours, some on a boundary of hours, months, scheme or facts."""
        day = first + timedelta(days=self.rng.randint(0, (last - first).days))
        kind = self.rng.random()
        if kind < 0.55:
            while not self.calendar.is_working_day(day):
                day += timedelta(days=1)
            opens, closes = self.rng.choice(self.calendar.hours(day))
            return self.grain(self.local(day, self.rng.randrange(opens, closes)))
        if kind < 0.75:
            return self.grain(self.local(day, self.rng.randrange(86400)))
        if kind < 0.88:
            edges = [s for pair in self.calendar.hours(day) for s in pair] or [0, 43200]
            return self.near(self.local(day, self.rng.choice(edges)))
        edge = self.rng.choice([self.starts, date(2001, 1, 1), date(2001, 2, 1), date(2001, 3, 1), date(2001, 4, 1)])
        return self.near(self.local(edge, 0))

    def grain(self, t):
        """Minutes, seconds or microseconds."""
        t = t.replace(microsecond=0)
        kind = self.rng.random()
        if kind < 0.5:
            return t - timedelta(seconds=t.second)
        return t if kind < 0.8 else t + timedelta(microseconds=self.rng.choice([1, 500000, 999999, self.rng.randrange(1000000)]))

    def later(self, t, hours):
        return self.grain(t + timedelta(seconds=self.rng.randrange(int(hours * 3600) + 1)))

    # --- the wire ----------------------------------------------------------------------------------------------------------

    def say(self, t):
        """An instant in one of the spellings RFC 3339 allows."""
        minutes = self.rng.choice(OFFSETS)
        local = t + timedelta(minutes=minutes)
        text = local.strftime("%Y-%m-%dT%H:%M:%S")
        if local.microsecond:
            fraction = f"{local.microsecond:06d}"
            text += "." + (fraction.rstrip("0") if self.chance(0.5) else fraction)
        elif self.chance(0.05):
            text += ".000"
        if minutes == 0:
            return text + self.pick((20, "Z"), (5, "+00:00"), (2, "-00:00"), (1, "z"))
        return text + f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"

    def put(self, stream, record):
        """Write a record (instants as datetimes); now and then again in another spelling: a duplicate."""
        self.streams[stream].append(self.spell(record))
        if self.chance(0.03):
            again = dict(record)
            if record.get("type") == "part.requested" and "local" not in again:
                again["local"] = False
            if record.get("type") == "event.voided" and "target_kind" not in again:
                again["target_kind"] = "repair"
            if stream == "dispatch" and again.get("parts"):
                again["parts"] = list(reversed(again["parts"]))
            if stream == "survey" and "responsibility" not in again:
                again["responsibility"] = None
            names = list(again)
            self.rng.shuffle(names)
            self.streams[stream].append(self.spell({k: again[k] for k in names}))

    def spell(self, record):
        out = {k: self.say(v) if hasattr(v, "tzinfo") else v for k, v in record.items() if not k.startswith("_")}
        if self.chance(0.02):
            out["_line"] = self.rng.randint(1, 9)
        return out

    # --- orders ------------------------------------------------------------------------------------------------------------

    def judge(self, story):
        """The model's verdict of a story, to learn where its boundaries lie."""
        providers = [p for p in self.providers if p["code"] == story.provider]
        records = [("dispatch" if "type" not in r else "repair", {**r, "at": m.format_instant(r["at"]),
                    **({"reported_at": m.format_instant(r["reported_at"])} if r.get("reported_at") else {})})
                   for stream, r in story.records if stream != "survey"]
        model = m.Model(providers, records, self.scheme, self.calendar_document)
        return model.verdicts.get((story.provider, story.order))

    def write(self):
        n = self.args.orders
        exact = self.exact_providers(n // 4)
        for _ in range(n - exact):
            self.order(self.rng.choice(self.coded))
        self.loose_ends()
        out = Path(self.args.out)
        out.mkdir(parents=True, exist_ok=True)
        for name, stream in (("dispatches", "dispatch"), ("events", "repair"), ("surveys", "survey")):
            self.rng.shuffle(self.streams[stream])
            self.ndjson(out / f"{name}.ndjson", self.streams[stream])
        self.ndjson(out / "providers.ndjson", self.providers)
        for name, document in (("scheme", self.scheme), ("calendar", self.calendar_document), ("rates", self.make_rates())):
            (out / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    @staticmethod
    def ndjson(path, rows):
        with open(path, "w", encoding="utf-8") as f:
            for row in rows:
                f.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")

    def number(self, provider):
        """Order numbers: unique within the provider only, and any printable ASCII but space / ? # %."""
        i = self.numbers[provider] = self.numbers.get(provider, 0) + 1
        kind = self.rng.random()
        if kind < 0.9:
            return f"W{i:06d}"
        return self.rng.choice(ODD_NUMBERS).replace("{}", str(i))

    def order(self, provider):
        story = Story(self, provider, self.number(provider))
        kind = self.rng.random()
        if kind < 0.03:
            story.orphan()
        else:
            story.open()
            story.parts()
            story.noise()
            story.finish()
            story.void_some()
        story.survey()
        for stream, record in story.records:
            self.put(stream, record)

    def exact_providers(self, budget):
        """Providers whose rate A lies exactly on the points of the turnaround curve, two of each. -> orders used"""
        used, points = 0, [Fraction(x) for x, _ in self.scheme["indicators"][0]["curve"]["points"]]
        month = self.starts.replace(day=1) + timedelta(days=45)
        for k, x in enumerate(points):
            n = x.denominator if x.denominator > 1 else 3
            if 2 * n > budget - used:
                continue
            for twin in "AB":
                code = f"C{k}{twin}"
                self.add_provider(code, self.rng.choice(CITIES), False)
                for i in range(n):
                    self.plain_order(code, f"X{i}", month, i < x * n)
                used += 2 * n
        self.add_provider("N-NONE", "Beijing", False)
        self.add_provider("N-SURVEY", "Wuhan", True)
        return used

    def plain_order(self, provider, number, month, compliant):
        story = Story(self, provider, number)
        day = month.replace(day=1) + timedelta(days=self.rng.randint(3, 15))
        opened = self.grain(self.local(day, 10 * 3600))
        story.event("order.opened", opened, channel="walk_in", product=self.rng.choice(PRODUCTS),
                    warranty=self.rng.choice(["in", "out"]))
        verdict = self.judge(story)
        deadline = verdict.cycle.deadline
        if compliant:
            unit, _ = m.standard_parts(verdict.cycle.standard)
            story.event("order.closed", deadline - US if unit.endswith("_days") else deadline)
        else:
            # The next stretch of counted time after the deadline, by one microsecond.
            working = m.standard_parts(verdict.cycle.standard)[0].startswith("working")
            late = self.calendar.after(deadline, 1) if working else deadline + US
            story.event("order.closed", late)
        for stream, record in story.records:
            self.put(stream, record)

    def loose_ends(self):
        """Responses of nobody's order, voids of nothing, observations' voids."""
        every = self.coded + ["N-SURVEY"]
        for i in range(max(8, self.args.orders // 25)):
            provider = self.rng.choice(every)
            at = self.pick((3, self.moment()), (1, self.near(self.local(self.starts, 0))),
                           (1, self.near(self.local(date(2001, 3, 1), 0))))
            self.put("survey", self.response(provider, f"free-{i}", at, self.pick((5, None), (1, f"NOBODY-{i}"))))
            self.put("repair", {"id": f"lost-{i}", "type": "event.voided", "provider": self.rng.choice(self.coded),
                                "at": self.moment(), "target": f"never-{i}", "target_kind": self.rng.choice(KINDS)})

    def response(self, provider, id, at, order):
        answer = self.pick((14, "satisfied"), (3, "average"), (2, "dissatisfied"), (1, "complaint"))
        r = {"id": id, "provider": provider, "at": at, "answer": answer}
        if order is not None:
            r["order"] = order
        if self.chance(0.6):
            r["customer_class"] = self.rng.choice(["ordinary", "key"])
        if self.chance(0.7):
            r["responsibility"] = self.rng.choice(["provider", "shared", "manufacturer"])
        if self.chance(0.8):
            r["source"] = self.rng.choice(["sampled", "volunteered"])
        if self.chance(0.4):
            r.update(overall=self.rng.randint(1, 5), attitude=self.rng.randint(1, 5), recommend=self.rng.randint(0, 10))
        return r


def kind_of(stream, record):
    """The kind whose ids a record shares (2.1)."""
    return "shipment" if record.get("type") in ("part.shipped", "part.delivered") else stream


class Story:
    """One order's records as they are invented. Instants stay datetimes until they are written."""

    def __init__(self, network, provider, order):
        self.net, self.rng, self.provider, self.order = network, network.rng, provider, order
        self.chance, self.pick, self.near, self.later = network.chance, network.pick, network.near, network.later
        self.records = []
        self.counts = {}

    # Ids are counted by kind, so that equal ids of different kinds abound and only target_kind tells them apart.
    def new_id(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{self.order}-{self.counts[kind]}"

    def event(self, type, at, **fields):
        kind = kind_of("repair", {"type": type})
        record = {"id": self.new_id(kind), "type": type, "provider": self.provider, "order": self.order, "at": at, **fields}
        self.records.append(("repair", {k: v for k, v in record.items() if v is not None}))
        return record

    def of(self, type):
        return [r for _, r in self.records if r.get("type") == type]

    def dispatch(self, at, parts):
        record = {"id": self.new_id("dispatch"), "provider": self.provider, "order": self.order, "at": at}
        if parts is not None:
            record["parts"] = [{"line": x, "part_no": f"C{self.rng.randint(1000, 9999)}-69001"} for x in parts]
        for name, p, value in (("product", 0.8, self.rng.choice(PRODUCTS)),
                               ("customer_class", 0.6, self.rng.choice(["ordinary", "key"])),
                               ("reported_at", 0.4, self.later(at - timedelta(hours=8), 9))):
            if self.chance(p):
                record[name] = value
        self.records.append(("dispatch", record))
        return record

    # --- opening -------------------------------------------------------------------------------------------------------

    def opening(self, at, channel):
        self.event("order.opened", at, channel=channel, product=self.rng.choice(PRODUCTS + ["激光打印机"]),
                   customer_class=self.pick((4, None), (3, "ordinary"), (3, "key")),
                   warranty=self.pick((1, None), (3, "in"), (2, "out")),
                   serial=self.pick((3, None), (1, "CN1234567")),
                   reported_at=self.later(at - timedelta(hours=5), 6) if self.chance(0.4) else None)

    def open(self):
        net = self.net
        changes = net.change_dates(self.provider)
        self.opened = net.moment()
        if changes and self.chance(0.15):
            self.opened = self.near(net.local(self.rng.choice(changes), 0), spread=False)
        kind = self.pick((46, "walk_in"), (36, "ccc"), (6, "ccc_alone"), (6, "dispatch_alone"), (6, "walk_in_dispatched"))
        self.recommended = []
        self.start = self.opened
        if kind != "dispatch_alone":
            self.opening(self.opened, "walk_in" if kind.startswith("walk_in") else "ccc")
            if self.chance(0.05):  # another opening says otherwise: the earliest counts
                self.opening(self.near(self.opened, spread=False) if self.chance(0.5) else self.later(self.opened, 30),
                             self.rng.choice(["walk_in", "ccc"]))
        if kind in ("ccc", "dispatch_alone", "walk_in_dispatched"):
            self.start = self.pick((5, self.later(self.opened - timedelta(hours=3), 3)), (1, self.opened),
                                   (2, self.later(self.opened, 3)),
                                   (1, self.later(self.opened - timedelta(hours=40), 30)))
            self.recommended = self.rng.sample(LINES, self.pick((3, 0), (4, 1), (3, 2), (1, 3)))
            self.dispatch(self.start, self.recommended if self.recommended or self.chance(0.5) else None)
            if self.chance(0.12):
                more = self.rng.sample(LINES, self.rng.randint(0, 2))
                self.recommended = sorted(set(self.recommended) | set(more))
                self.dispatch(self.later(self.start, 20) if self.chance(0.7) else self.near(self.start), more)
        self.ascim_likely = self.chance(0.5)

    # --- parts -----------------------------------------------------------------------------------------------------------

    def request_time(self):
        """Where the diagnosis clock's boundaries are."""
        net, limit = self.net, self.net.rules.limit
        deadline = m.deadline_of(limit, net.calendar, self.start)
        return self.pick(
            (45, self.later(self.start, 2)), (8, self.later(self.start, 30)), (14, self.near(deadline)),
            (6, self.later(deadline, 20)), (3, net.calendar.after(deadline, 1)), (2, self.near(self.start, spread=False)),
            (3, self.later(self.start - timedelta(hours=3), 3)), (1, self.start))

    def request(self, at, number, line, **fields):
        return self.event("part.requested", at, request=number, line=line, part_no=f"Q{self.rng.randint(1000, 9999)}", **fields)

    def parts(self):
        local_all = self.chance(0.25)

        def is_local():
            return self.pick((9, True), (1, None)) if local_all else self.pick((9, None), (1, True), (1, False))

        unused = [x for x in LINES if x not in self.recommended]
        self.rng.shuffle(unused)
        lines = list(self.recommended)
        for line in self.recommended:
            if self.chance(0.5):  # confirms: no append
                self.request(self.later(self.start, 6), self.rng.randint(1, 3), line, local=is_local())
        if self.chance(0.62):
            first = self.pick((8, 1), (2, 2), (1, 7))
            at = self.request_time()
            own = [unused.pop() for _ in range(self.pick((5, 1), (3, 2), (1, 3)))]
            for k, line in enumerate(own):
                self.request(at if k == 0 or self.chance(0.7) else self.later(at, 5), first, line, local=is_local())
            lines += own
            if self.chance(0.25):  # a later request never counts, even where it is dated earlier
                for line in [unused.pop() for _ in range(self.rng.randint(1, 2))]:
                    when = self.pick((2, self.later(at, 40)), (1, self.later(self.start - timedelta(hours=4), 4)), (1, at))
                    self.request(when, first + self.rng.randint(1, 3), line, local=is_local())
                    if self.chance(0.5):
                        self.ship(line, at)
            if self.chance(0.15):  # a line requested again: every request counts, its `local` is the last one's
                when = self.near(at) if self.chance(0.5) else self.later(at, 10)
                self.request(when, first + self.rng.randint(0, 1), self.rng.choice(own),
                             local=self.pick((1, True), (1, False), (1, None)))
            self.note(at)
        elif self.chance(0.1):
            self.note(self.later(self.start, 10))
        for line in lines:
            if local_all and self.chance(0.85):
                continue
            self.ship(line, self.start)
        if lines and self.chance(0.06):
            self.tie(lines)
        if lines and self.chance(0.25):
            self.replace(lines, unused)
        for line in lines:
            if self.chance(0.07):
                self.cancel(line)

    def note(self, at):
        if self.chance(0.3):
            for _ in range(self.pick((4, 1), (1, 2))):
                when = self.pick((3, self.near(at, spread=False)), (2, self.later(at - timedelta(hours=3), 3)),
                                 (1, self.later(at, 9)))
                self.event("order.noted", when,
                           reason=self.rng.choice(["machine_testing", "customer", "force_majeure"]),
                           note=self.pick((2, None), (1, "等待客户确认"), (1, "waiting")))

    def ship(self, line, after, courier=None, at=None, deliver=True):
        if at is None and self.chance(0.07):
            return None  # logistics recorded none
        at = at or self.pick((10, self.later(after, 30)), (2, self.later(after - timedelta(hours=10), 9)), (1, self.near(after)),
                             (1, self.near(self.net.local(self.net.zone.local_date(after), 86400))))
        courier = courier or self.rng.choice(COURIERS)
        shipped = self.event("part.shipped", at, line=line, courier=courier, warehouse=self.pick((2, None), (1, "SH")))
        if deliver:
            self.deliver(line, shipped)
        if self.chance(0.08):  # shipped again: the latest counts, as does a delivery at or after it
            if self.chance(0.6):
                self.event("part.marked", self.later(at, 60), line=line, mark="wrong_shipment")
            when = self.pick((3, self.later(at, 60)), (1, at), (1, at + US))
            again = self.event("part.shipped", when, line=line, courier=self.rng.choice(COURIERS))
            if self.chance(0.7):
                self.deliver(line, again)
        return shipped

    def deliver(self, line, shipped):
        arrival = lambda c: self.net.rules.arrival(shipped["at"], c)
        at = self.pick(
            (40, self.later(shipped["at"], 40)), (10, None), (12, self.near(arrival(shipped["courier"]))),
            (6, self.near(arrival("3D10"))), (6, self.near(arrival("3D18"))), (2, self.near(arrival("2D10"))),
            (2, self.near(arrival("4D12"))),
            (6, self.later(arrival("3D18"), 30)), (2, shipped["at"]), (2, shipped["at"] - US))
        if at is not None:
            self.event("part.delivered", at, line=line)
            if self.chance(0.06):
                self.event("part.delivered", self.later(at, 20), line=line)

    def tie(self, lines):
        """Two lines expected at the same instant: shipped apart or together, the same class or one that meets it."""
        if len(lines) < 2:
            return
        a, b = self.rng.sample(lines, 2)
        day = self.net.zone.local_date(self.start) + timedelta(days=2)
        at = self.net.local(day, 9 * 3600)
        self.event("part.shipped", at, line=a, courier="3D10")
        if self.chance(0.3):
            self.event("part.shipped", at, line=b, courier="3D10")
        elif self.chance(0.5):
            self.event("part.shipped", self.net.local(day, 15 * 3600, 1), line=b, courier="3D10")
        else:
            self.event("part.shipped", self.net.local(day + timedelta(days=1), 8 * 3600), line=b, courier="2D10")

    def replace(self, lines, unused):
        """Faulty parts asked for again: one, several for one, chains, cycles, without the mark, cancelled, local."""
        original = self.rng.choice(lines)
        at = self.later(self.start, 60)
        kind = self.pick((8, "one"), (4, "chain"), (3, "several"), (3, "cycle"), (3, "unmarked"), (2, "itself"), (3, "cancelled"),
                         (2, "cancelled_last"), (2, "among_considered"), (2, "marked_later"), (2, "mixed"), (2, "unshipped"),
                         (2, "cancelled_in_chain"))
        mark = lambda line, when=None: self.event("part.marked", when or self.later(at, 5), line=line,
                                                  mark=self.rng.choice(["doa", "mismatch"]))
        new = lambda: unused.pop() if unused else f"N{self.rng.randint(0, 99)}"
        number = lambda: self.rng.randint(1, 4)
        local = self.pick((6, None), (1, True))
        if kind == "one":
            x = new()
            mark(original)
            self.request(self.later(at, 20), number(), x, replaces=original, local=local)
            self.ship(x, at)
        elif kind == "chain":
            line = original
            for _ in range(self.rng.randint(2, 3)):
                x = new()
                mark(line)
                self.request(self.later(at, 20), number(), x, replaces=line, local=local)
                if self.chance(0.8):
                    self.ship(x, at)
                at, line = self.later(at, 20), x
        elif kind == "several":
            mark(original)
            for _ in range(2):
                x = new()
                self.request(self.pick((2, self.later(at, 20)), (1, at)), number(), x, replaces=original)
                if self.chance(0.7):
                    self.ship(x, at)
        elif kind == "cycle":
            x = new()
            mark(original)
            mark(x)
            self.request(self.later(at, 20), number(), x, replaces=original)
            self.request(self.later(at, 20), number(), original, replaces=x)
            self.ship(x, at)
        elif kind == "unmarked":
            x = new()
            if self.chance(0.5):
                self.event("part.marked", at, line=original, mark=self.rng.choice(["used", "unused", "wrong_shipment"]))
            self.request(self.later(at, 20) if self.chance(0.6) else self.later(self.start, 3), number(), x, replaces=original)
            if self.chance(0.6):
                self.ship(x, at)
        elif kind == "itself":
            mark(original)
            self.request(self.later(at, 20), number(), original, replaces=original)
        elif kind in ("cancelled", "cancelled_last"):
            mark(original)
            if kind == "cancelled_last":
                keep = new()
                self.request(at, 2, keep, replaces=original)
                self.ship(keep, at)
            x = new()
            asked = self.later(at, 20)
            self.request(asked, number(), x, replaces=original)
            cancelled = self.event("part.cancelled", self.later(asked, 10), line=x)
            if self.chance(0.6):  # at the very instant it shipped it is not cancelled before; a microsecond earlier it is
                self.ship(x, at, at=cancelled["at"] + self.rng.choice([timedelta(0), US, -US, 60 * MINUTE]))
        elif kind == "among_considered" and len(lines) > 1:
            other = self.rng.choice([x for x in lines if x != original])
            mark(original)
            self.request(self.later(at, 20), number(), other, replaces=original)
        elif kind == "marked_later":
            x = new()
            self.request(self.later(self.start, 10), 1, x, replaces=original)
            mark(original, self.later(at + timedelta(hours=200), 50))
            self.ship(x, at)
        elif kind == "mixed":  # one request of the line says it replaces, another does not
            x = new()
            mark(original)
            self.request(self.later(self.start, 3), 1, x)
            self.request(self.later(at, 20), number(), x, replaces=original)
            self.ship(x, at)
        elif kind == "cancelled_in_chain":
            x, y = new(), new()
            mark(original)
            mark(x)
            self.request(at, 2, x, replaces=original)
            self.ship(x, at)
            self.request(self.later(at, 20), 3, y, replaces=x)
            self.event("part.cancelled", self.later(at, 30), line=y)
        elif kind == "unshipped":
            mark(original)
            self.request(self.later(at, 20), number(), new(), replaces=original)

    def cancel(self, line):
        ships = [r["at"] for r in self.of("part.shipped") if r["line"] == line]
        base = min(ships) if ships else self.later(self.start, 20)
        at = base + self.rng.choice([timedelta(0), US, -US, 30 * MINUTE, -30 * MINUTE])
        self.event("part.cancelled", at, line=line, reason=self.pick((1, None), (1, "not needed")))
        if self.chance(0.15):
            self.event("part.cancelled", self.later(at, 30), line=line)

    def noise(self):
        if self.chance(0.3):
            self.event("part.received", self.later(self.start, 90), line=self.rng.choice(LINES))
        if self.chance(0.3):
            self.event("part.marked", self.later(self.start, 90), line=self.rng.choice(LINES),
                       mark=self.rng.choice(["used", "unused"]))
        if self.chance(0.3):
            self.event("order.completed", self.later(self.start, 90))

    # --- the end -----------------------------------------------------------------------------------------------------------

    def close_time(self):
        """By the cycle's boundaries as they stand."""
        net = self.net
        verdict = net.judge(self)
        cycle = verdict.cycle if verdict else None
        if cycle is None or cycle.start is None:
            return self.later(self.start, 150)
        next_month = (net.zone.local_date(cycle.start).replace(day=1) + timedelta(days=32)).replace(day=1)
        options = [(20, self.later(cycle.start, 40)), (3, self.near(cycle.start, spread=False)),
                   (3, self.later(cycle.start - timedelta(hours=5), 5)), (4, self.later(cycle.start, 240)),
                   (2, self.near(net.local(next_month, 0)))]
        if cycle.deadline:
            options += [(16, self.near(cycle.deadline)), (4, self.later(cycle.deadline, 50)),
                        (3, self.near(net.calendar.after(cycle.deadline, 1)))]
        return self.pick(*options)

    def close(self, at):
        return self.event("order.closed", at, outcome=self.pick((1, None), (3, "repaired"), (1, "replaced"), (1, "unrepaired")))

    def finish(self):
        at = self.close_time()
        kind = self.pick((64, "close"), (7, "open"), (4, "cancel"), (5, "close_twice"), (3, "close_cancel"), (3, "cancel_close"),
                         (6, "reopen_close"), (2, "reopen"), (2, "cancel_reopen_close"), (2, "reopened_while_open"),
                         (2, "same_instant"), (2, "close_cancel_reopen"), (2, "cancel_twice"))
        after = lambda: self.near(at, spread=False) if self.chance(0.3) else self.later(at, 60)
        if kind in ("close", "close_twice", "close_cancel", "reopen_close", "reopen", "same_instant", "close_cancel_reopen"):
            self.close(at)
        if kind in ("cancel", "cancel_close", "cancel_reopen_close", "cancel_twice"):
            self.event("order.cancelled", at, reason=self.pick((1, None), (1, "customer withdrew")))
        if kind == "close_twice":
            self.close(after())
        elif kind in ("close_cancel", "cancel_twice"):
            self.event("order.cancelled", after())
        elif kind == "cancel_close":
            self.close(after())
        elif kind in ("reopen_close", "cancel_reopen_close"):
            again = after()
            self.event("order.reopened", again, reason="not repaired")
            self.close(self.later(again, 70) if self.chance(0.7) else self.near(again, spread=False))
        elif kind == "reopen":
            self.event("order.reopened", after())
        elif kind == "reopened_while_open":
            self.event("order.reopened", at - US)
            self.close(at)
        elif kind == "same_instant":  # by type: closed, cancelled, reopened
            self.event("order.reopened", at)
            self.event("order.cancelled", at)
            if self.chance(0.5):
                self.close(at)
        elif kind == "close_cancel_reopen":
            again = after()
            self.event("order.cancelled", again)
            self.event("order.reopened", again + US)
            if self.chance(0.5):
                self.event("order.cancelled", again + 2 * US)

    def orphan(self):
        """Records of an order that was never opened."""
        at = self.net.moment()
        kind = self.pick((5, "close"), (2, "ship"), (2, "cancel"), (2, "request"), (2, "scope"), (1, "void"))
        if kind == "close":
            self.request(at, 1, "1")
            self.ship("1", at)
            self.close(self.later(at, 50))
        elif kind == "ship":
            self.ship("R1", at, at=at)
        elif kind == "cancel":
            self.event("order.cancelled", at)
        elif kind == "request":
            self.request(at, 1, "1")
            self.event("order.reopened", at)
        elif kind == "scope":  # the close stands in for the opening where scope is asked
            self.close(self.near(self.net.local(self.net.starts, 0), spread=False))
        elif kind == "void":
            self.void("repair", self.close(at)["id"], at)

    # --- voids and responses -----------------------------------------------------------------------------------------------

    def void(self, kind, target, at):
        fields = {"target": target}
        if kind != "repair" or self.chance(0.5):
            fields["target_kind"] = kind
        void = self.event("event.voided", at, reason=self.pick((2, None), (1, "entered by mistake")), **fields)
        record = self.records[-1][1]
        how = self.rng.random()
        if how < 0.5:
            del record["order"]
        elif how < 0.6:
            record["order"] = "SOME-OTHER-ORDER"  # ignored
        return void

    def void_some(self):
        kind = self.pick((80, None), (6, "record"), (3, "before"), (2, "wrong_kind"), (3, "void_of_void"), (1, "itself"),
                         (2, "end"), (2, "all"), (3, "again"))
        if kind is None:
            return
        targets = [(kind_of(stream, r), r) for stream, r in self.records]
        k, r = self.rng.choice(targets)
        if kind == "record":
            self.void(k, r["id"], self.later(r["at"], 30))
        elif kind == "before":
            self.void(k, r["id"], r["at"] - timedelta(hours=self.rng.randint(1, 500)))
        elif kind == "wrong_kind":  # another kind's id, or nobody's: what it names decides, not what was meant
            self.void(self.rng.choice(["shipment", "dispatch", "survey", "observation"]), r["id"], self.later(r["at"], 5))
        elif kind == "void_of_void":  # has no effect: the target stays voided
            first = self.void(k, r["id"], self.later(r["at"], 5))
            self.void("repair", first["id"], self.later(r["at"], 9))
        elif kind == "itself":
            void = self.void("repair", "", self.later(r["at"], 5))
            self.records[-1][1]["target"] = void["id"]
        elif kind == "end":
            ends = self.of("order.closed") + self.of("order.cancelled") + self.of("order.reopened")
            if ends:
                end = self.rng.choice(ends)
                self.void("repair", end["id"], self.later(end["at"], 40))
        elif kind == "all":
            for k, r in targets:
                self.void(k, r["id"], self.later(r["at"], 40))
        elif kind == "again":  # voided and sent again under a new id
            self.void(k, r["id"], self.later(r["at"], 5))
            stream = "dispatch" if k == "dispatch" else "repair"
            copied = copy.deepcopy(r)
            copied["id"] = self.new_id(k)
            if self.chance(0.5):
                copied["at"] = self.near(r["at"])
            self.records.append((stream, copied))

    def survey(self):
        count = self.pick((60, 0), (34, 1), (6, self.rng.randint(2, 3)))
        for _ in range(count):
            at = self.later(getattr(self, "opened", self.net.moment()), 900)
            self.records.append(("survey", self.net.response(self.provider, self.new_id("survey"), at, self.order)))
            if self.chance(0.05):
                self.void("survey", self.records[-1][1]["id"], self.later(at, 40))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seed", type=int, required=True)
    p.add_argument("--providers", type=int, default=12)
    p.add_argument("--orders", type=int, default=1000)
    p.add_argument("--out", required=True)
    p.add_argument("--zone", default="Asia/Shanghai")
    p.add_argument("--vary", action="store_true")
    p.add_argument("--holidays", action="store_true")
    Network(p.parse_args()).write()


if __name__ == "__main__":
    main()
