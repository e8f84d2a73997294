"""One good record of each kind, and what they need: what tests of refusals change a little."""

PROVIDERS = [{"code": "R1", "name": "Refused 1", "city": "Beijing", "ascim": False},
             {"code": "R2", "name": "Refused 2", "city": "Harbin", "ascim": True}]
RATES = {"currency": "CNY", "rates": [{"product": "*", "warranty": "*", "amount": "80.00"},
                                      {"product": "server", "warranty": "in", "amount": "120.55"}]}

AT = "2001-02-05T09:00:00+08:00"
OF_W1 = {"provider": "R1", "order": "W1", "at": AT}
OPENED = {"id": "e1", "type": "order.opened", **OF_W1, "channel": "walk_in", "product": "server"}
REQUESTED = {"id": "e2", "type": "part.requested", **OF_W1, "request": 1, "line": "1", "part_no": "C4096"}
SHIPPED = {"id": "e3", "type": "part.shipped", **OF_W1, "line": "1", "courier": "2D10"}
MARKED = {"id": "e4", "type": "part.marked", **OF_W1, "line": "1", "mark": "doa"}
NOTED = {"id": "e5", "type": "order.noted", **OF_W1, "reason": "customer"}
CLOSED = {"id": "e6", "type": "order.closed", **OF_W1, "at": "2001-02-06T10:00:00+08:00"}
VOIDED = {"id": "e7", "type": "event.voided", "provider": "R1", "at": AT, "target": "e1"}
DISPATCH = {"id": "d1", **OF_W1, "parts": [{"line": "R1", "part_no": "Q1"}, {"line": "R2", "part_no": "Q2"}]}
SURVEY = {"id": "s1", **OF_W1, "answer": "average"}


def without(record, *names):
    return {k: v for k, v in record.items() if k not in names}
