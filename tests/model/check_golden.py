#!/usr/bin/env python3
"""Compare the model with the golden FY01 network.

    check_golden.py [DIR]        DIR holds providers, dispatches, events, surveys and expected.json (default tests/data/fy01)

Each order and each evaluation of expected.json must be equal in every field it states, and the model must know no order
that expected.json does not. Exit status 1 and the differences otherwise; 77 (skipped) where DIR is not there.
"""
import json
import sys
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import assay_model as m


def order_facts(v):
    """A verdict as expected.json states it. Of an order out of scope only the outcome is said."""
    names = ("reason", "rule", "start", "governing_line", "standard", "standard_reason", "diagnosis", "diagnosis_seconds",
             "cycle", "beyond_slowest", "closed_at")
    out = dict.fromkeys(names)
    out["outcome"] = v.outcome
    if v.outcome == "out_of_scope":
        return out
    out.update(reason=v.reason, closed_at=v.order.closed_at)
    if v.diagnosis:
        out.update(diagnosis=v.diagnosis.outcome, diagnosis_seconds=m.seconds_shown(v.diagnosis.working))
    if v.cycle:
        c = v.cycle
        out.update(cycle=c.outcome, rule=c.rule, start=c.start, governing_line=c.governing.line if c.governing else None,
                   standard=c.standard, standard_reason=c.standard_reason, beyond_slowest=c.beyond_slowest)
    return out


def evaluation_facts(e):
    by_code = {i["code"]: i for i in e["indicators"]}
    return {
        "compliant": e["orders"]["compliant"], "counted": e["orders"]["counted"], "undetermined": e["orders"]["undetermined"],
        "tat_score": by_code["tat"]["score"], "satisfaction_score": by_code["satisfaction"]["score"],
        "satisfaction_rate": by_code["satisfaction"]["value"], "score": e["score"], "max": e["max"],
    }


def decoded(facts):
    """Instants as instants and fractions as fractions, so that spelling does not matter."""
    out = dict(facts)
    for name in ("start", "closed_at"):
        if isinstance(out.get(name), str):
            out[name] = m.parse_instant(out[name])
    for name in ("tat_score", "satisfaction_score", "satisfaction_rate", "score", "max"):
        if isinstance(out.get(name), str):
            out[name] = Fraction(out[name])
    return out


def compare(kind, expected, found):
    """The differences, one line a field."""
    out = []
    for key in sorted(expected.keys() | found.keys()):
        if key not in expected or key not in found:
            out.append(f"{kind} {key}: only in the {'model' if key in found else 'expected'}")
            continue
        want = decoded(expected[key])
        out += [f"{kind} {key} {name}: expected {want[name]}, model {found[key].get(name)}"
                for name in want if want[name] != found[key].get(name)]
    return out


def main():
    default = Path(__file__).resolve().parents[1] / "data" / "fy01"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    if not (folder / "expected.json").exists():
        print(f"skipped: no {folder}/expected.json")
        return 77
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    model = m.load_folder(folder)
    orders = {f"{p}/{o}": order_facts(v) for (p, o), v in model.verdicts.items()}
    months = sorted({key.split("/")[1] for key in expected["evaluations"]})
    evaluations = {}
    for name in months:
        year, month = name.split("-")
        rows = model.evaluate_all(int(year) * 12 + int(month) - 1)
        evaluations |= {f"{p}/{name}": evaluation_facts(e) for p, e in rows.items()}
    differences = compare("order", expected["orders"], orders) + compare("evaluation", expected["evaluations"], evaluations)
    for line in differences[:200]:
        print(line)
    print(f"{len(expected['orders'])} orders, {len(expected['evaluations'])} evaluations: {len(differences)} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
