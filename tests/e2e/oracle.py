"""All that the daemon says of a network, held against the plain model of tests/model, field by field."""
import sys
import time
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model"))
import assay_model as m
import expect
import tap
from daemon import order_path, parallel, segment

MOST_SECONDS = 31536000  # the widest at-risk there is


class Oracle:
    """A model's expectations under the name and version that the scheme has in the daemon."""

    def __init__(self, model, scheme="hp-gold-fy01", version=1):
        for i, s in enumerate(model.schemes):
            s.code, s.version = scheme, version + i
        self.model, self.scheme = model, scheme
        self.expected = expect.expected(model)
        self.providers = sorted(model.facts)

    def compare(self, daemons, keys=None):
        """Everything there is to compare; of the orders that are not in `keys` (where given) only what lists say."""
        d = tap.Differences()
        self.compare_orders(daemons, d)
        self.compare_verdicts(daemons, d, list(self.model.verdicts) if keys is None else keys)
        self.compare_months(daemons, d)
        self.compare_at_risk(daemons, d)
        d.finish()

    # --- orders --------------------------------------------------------------------------------------------------------

    def compare_orders(self, daemons, d):
        """Each provider's list holds its orders and no other, newest opening first."""
        lists = parallel(daemons, self.providers, lambda c, p: c.items(f"/v1/providers/{segment(p)}/orders", scheme=self.scheme))
        for provider, found in zip(self.providers, lists):
            rows = [v for (p, _), v in self.model.verdicts.items() if p == provider]
            rows.sort(key=lambda v: (v.order.opened_at is not None, v.order.opened_at or 0, v.order.number.encode()),
                      reverse=True)
            d.equal(f"orders of {provider}", [self.summary(provider, v) for v in rows], found)

    def summary(self, provider, v):
        o = v.order
        clocks = [c for c in (v.diagnosis, v.cycle) if c is not None and c.outcome == "pending" and c.deadline]
        return {
            "provider": provider, "order": o.number, "state": o.state, "channel": o.channel, "product": o.product,
            "customer_class": o.customer_class, "warranty": o.warranty, "opened_at": m.format_instant(o.opened_at),
            "closed_at": m.format_instant(o.closed_at), "outcome": v.outcome, "reason": v.reason,
            "deadline": m.format_instant(min((c.deadline for c in clocks), default=None)),
            "verdict": verdict_link(provider, o.number, self.scheme),
        }

    def compare_verdicts(self, daemons, d, keys):
        found = parallel(daemons, keys, lambda c, k: c.get(order_path(*k) + "/verdict", scheme=self.scheme))
        for key, reply in zip(keys, found):
            want = {k: v for k, v in self.expected["orders"]["/".join(key)].items() if k not in ("order_facts", "exact")}
            tap.check(isinstance(reply.pop("calendar_version"), int), f"{key}: calendar_version")
            said = reply["explanation"]
            records, text = said.pop("records"), said.pop("text")
            standing = {f"{r.kind}:{r.id}" for r in self.model.orders[key].records}
            if not set(records) <= standing:
                d.add(f"verdict {'/'.join(key)}: records that do not stand: {sorted(set(records) - standing)}")
            if not (text.get("en") and text.get("zh-CN") and len(text) == 2):
                d.add(f"verdict {'/'.join(key)}: text {text}")
            d.equal("verdict " + "/".join(key), want, reply)

    # --- months --------------------------------------------------------------------------------------------------------

    def compare_months(self, daemons, d):
        months = self.expected["months"]
        evaluations = parallel(daemons, months, lambda c, x: c.items(f"/v1/evaluations/{self.scheme}/{x}", sort="rank"))
        statements = parallel(daemons, months, lambda c, x: c.items(f"/v1/compensation/{x}", scheme=self.scheme))
        cells = [(p, x) for x in months for p in self.providers]
        lines = parallel(daemons, cells, lambda c, k: c.items(f"/v1/providers/{segment(k[0])}/compensation/{k[1]}/lines",
                                                              scheme=self.scheme))
        lines = dict(zip(cells, lines))
        for month, listed, paid in zip(months, evaluations, statements):
            d.equal(f"ranking of {month}", self.expected["rankings"][month], [e["provider"] for e in listed])
            d.equal(f"statements of {month}", self.expected["rankings"][month], [c["provider"] for c in paid])
            paid = {c["provider"]: c for c in paid}
            for e in listed:
                self.compare_evaluation(e, paid.get(e["provider"]), d)
            for provider, statement in paid.items():
                self.compare_statement(statement, lines[provider, month], d)

    def compare_evaluation(self, found, statement, d):
        key = f"{found['provider']}/{found['period']}"
        want = self.expected["evaluations"].get(key)
        if want is None:
            d.add(f"evaluation {key}: not expected")
            return
        d.equal(f"evaluation {key}.status", "provisional", found.pop("status"))
        d.equal(f"evaluation {key}.compensation", statement and statement["total"], found.pop("compensation"))
        last, any_order = found.pop("last_record_at"), want["orders"]["closed"] + want["orders"]["open"] > 0
        if (last is None and any_order) or (last is not None and found["provider"] not in self.model.senders):
            d.add(f"evaluation {key}.last_record_at: {last}")
        d.equal(f"evaluation {key}", without_exact(want), found)
        self.compare_scores(key, want, found, d)

    def compare_scores(self, key, want, found, d):
        """Scores worked out from the numerators and denominators that the reply states, exactly."""
        for i, w in zip(found["indicators"], want["indicators"]):
            curve = m.Curve(next(x["curve"] for x in self.model.schemes[-1].indicators if x["code"] == i["code"]))
            if i["rated"] and len(self.model.schemes) == 1:
                exact = curve.at(Fraction(i["numerator"], i["denominator"]))
                d.equal(f"exact score {key} {i['code']}", w["score_exact"], m.exact(exact))

    def compare_statement(self, found, lines, d):
        key = f"{found['provider']}/{found['period']}"
        want = self.expected["compensation"][key]
        d.equal(f"statement {key}.status", "draft", found.pop("status"))
        if Fraction(found["adjustments"]["amount"]) != 0:
            d.add(f"statement {key}.adjustments: {found['adjustments']}")
        found.pop("adjustments")
        items = [{**x, "multiplier": want["multiplier"], "verdict": verdict_link(found["provider"], x["order"], self.scheme)}
                 for x in want["items"]]
        d.equal(f"statement {key}", {k: v for k, v in without_exact(want).items() if k != "items"}, found)
        d.equal(f"lines {key}", items, lines)
        if found["total"] is not None:
            total = sum((Fraction(x["amount"]["amount"]) for x in lines), Fraction(0))
            d.equal(f"statement {key}: the sum of its lines", Fraction(found["total"]["amount"]), total)

    # --- at risk -------------------------------------------------------------------------------------------------------

    def compare_at_risk(self, daemons, d, seconds=(MOST_SECONDS,)):
        for within in seconds:
            for _ in range(5):  # a deadline may pass between the clocks of the daemon and of this program
                before = self.at_risk(within)
                with daemons[0].client() as client:
                    found = client.items("/v1/orders/at-risk", scheme=self.scheme, within_seconds=within)
                if before == self.at_risk(within):
                    break
                time.sleep(0.05)
            if sorted(x["deadline"] for x in found) != [x["deadline"]
                                                        for x in found] and len({len(x["deadline"]) for x in found}) == 1:
                d.add(f"at risk within {within}: not by deadline")
            found = {(x["provider"], x["order"]): x for x in found}
            d.equal(f"at risk within {within}", before, {f"{p}/{o}": {"deadline": x["deadline"], "clock": x["clock"]}
                                                         for (p, o), x in found.items()})
            for (p, o), x in found.items():
                want = {**self.summary(p, self.model.verdicts[p, o]), "deadline": x["deadline"], "clock": x["clock"]}
                d.equal(f"at risk {p}/{o}", want, x)

    def at_risk(self, within):
        now = datetime.now(timezone.utc)
        return {f"{p}/{o}": {"deadline": m.format_instant(t), "clock": clock} for t, (p, o),
                clock in self.model.at_risk(now, within)}


def verdict_link(provider, order, scheme):
    keep = "-._~!$&'()*+,;=:@"
    provider, order, scheme = (quote(x, safe=keep) for x in (provider, order, scheme))
    return f"/v1/providers/{provider}/orders/{order}/verdict?scheme={scheme}"


def without_exact(document):
    """An expectation as the API says it: without the fractions beside their display."""
    if isinstance(document, dict):
        return {k: without_exact(v) for k, v in document.items() if not k.endswith("_exact")}
    return [without_exact(x) for x in document] if isinstance(document, list) else document


def model_of(providers, records, scheme, calendar, rates=None, **options):
    """The model, and beside it who sent anything at all."""
    model = m.Model(providers, records, scheme, calendar, rates, **options)
    model.senders = {fields["provider"] for _, fields in records if fields["provider"] in model.facts}
    return model


def load_folder(folder):
    folder = Path(folder)
    records = records_of(folder)
    document = lambda name, default: m.read_json(folder / name) if (folder / name).exists() else default
    sql = Path(__file__).resolve().parents[2] / "sql"
    return model_of(
        m.read_ndjson(folder / "providers.ndjson"), records,
        document("scheme.json", m.read_json(sql / "schemes/hp-gold-fy01.json")),
        document("calendar.json", m.read_json(sql / "calendars/cn-office.json")), document("rates.json", None))


def records_of(folder):
    names = (("dispatch", "dispatches"), ("repair", "events"), ("survey", "surveys"))
    return [(stream, row) for stream, name in names for row in m.read_ndjson(Path(folder) / f"{name}.ndjson")]


def count_accepted(records, codes):
    """How many records stand after all that is sent: one an id, provider and kind."""
    return len(m.accept(records, dict.fromkeys(codes)))
