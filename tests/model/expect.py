#!/usr/bin/env python3
"""Run the model on a network's folder and write all it says.

    expect.py DIR > DIR/expected_full.json

DIR holds providers, dispatches, events and surveys (.ndjson) and its own scheme.json, calendar.json and rates.json where
it has them (else sql/schemes/hp-gold-fy01.json, sql/calendars/cn-office.json, no rates). One object, keys sorted:

  months         periods with an evaluation: from the scheme's start to the month of the last record
  orders         "P001/W1" -> the verdict as GET .../verdict says it, without calendar_version, records and text;
                 beside it `order_facts`: state, product, customer_class, warranty; and `exact`: what the reply rounds down, as
                 microseconds: diagnosis and cycle elapsed and working. Orders that do not exist are not there
  evaluations    "P001/2001-02" -> the evaluation, without status, last_record_at and compensation; each fraction beside
                 its display as "n/d" (`value_exact`, `score_exact`, `max_exact`, `ratio_exact`)
  rankings       "2001-02" -> codes of all providers in the order of the ranking
  compensation   "P001/2001-02" -> the statement without status and adjustments; `items` are its lines, by order (bytes),
                 without status held and verdict; `multiplier_exact`
  at_risk        open orders with a clock that runs, by (deadline, provider, order): `deadline` and `clock` are the earlier
                 of `diagnosis_deadline` (null once requested) and `cycle_deadline` (null while a shipment is missing).
                 What GET /v1/orders/at-risk lists depends on the time it is asked: a diagnosis past its deadline leaves
                 the cycle's

Instants are RFC 3339 in UTC with Z, with a fraction only where there is one. Lists of assumptions are in the scheme's
order, candidates by line (bytes), segments and ledgers by time.
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import assay_model as m


def order_json(v):
    out = m.verdict_json(v)
    o = v.order
    out["order_facts"] = {"state": o.state, "product": o.product, "customer_class": o.customer_class, "warranty": o.warranty}
    out["exact"] = {
        name: None if clock is None else {"elapsed_us": clock.elapsed, "working_us": clock.working}
        for name, clock in (("diagnosis", v.diagnosis), ("cycle", v.cycle))
    }
    return out


def at_risk_json(model):
    rows = []
    for (provider, order), diagnosis, cycle in model.running():
        deadline, _, clock = min((d, rank, name) for d, rank, name in ((diagnosis, 0, "diagnosis"), (cycle, 1, "cycle")) if d)
        rows.append((deadline, provider.encode(), order.encode(), {
            "provider": provider, "order": order, "deadline": m.format_instant(deadline), "clock": clock,
            "diagnosis_deadline": m.format_instant(diagnosis), "cycle_deadline": m.format_instant(cycle),
        }))
    return [row[3] for row in sorted(rows, key=lambda row: row[:3])]


def expected(model):
    out = {
        "months": [m.month_name(x) for x in model.months()],
        "orders": {f"{p}/{o}": order_json(v) for (p, o), v in model.verdicts.items()},
        "evaluations": {}, "rankings": {}, "compensation": {}, "at_risk": at_risk_json(model),
    }
    for month in model.months():
        rows = model.evaluate_all(month)
        name = m.month_name(month)
        out["rankings"][name] = model.listed(rows)
        for provider, e in rows.items():
            key = f"{provider}/{name}"
            out["evaluations"][key] = m.evaluation_json(provider, month, e)
            c = model.compensate(provider, month, e)
            out["compensation"][key] = m.compensation_json(provider, month, c, e, model.rates["currency"])
    return out


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    model = m.load_folder(sys.argv[1])
    json.dump(expected(model), sys.stdout, ensure_ascii=False, sort_keys=True, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
