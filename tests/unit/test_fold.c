/* test_fold.c -- the facts of an order, clause by clause (DOMAIN 2.5, 3). */
#include "order_script.h"

static const struct row {
    const char *name, *script, *want;
} rows[] = {
    /* existence and state */
    {"nothing at all", "", "none - opened - from - asked - closed -;;"},
    {"only a response names it: no order", "survey 02-05/09:00 satisfied", "none - opened - from - asked - closed -;;"},
    {"all voided: no order", "!open 02-05/09:00 walk_in; !close 02-06/09:00", "none - opened - from - asked - closed -;;"},
    {"one event that stands makes an order", "receive 02-05/09:00 A", "open - opened - from - asked - closed -;;"},
    {"a dispatch alone makes an order", "dispatch 02-05/09:00",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked - closed -;;"},
    {"open", "open 02-05/09:00 walk_in", "open walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;;"},
    {"closed", "open 02-05/09:00 walk_in; close 02-06/09:00",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed 02-06/09:00;;"},
    {"cancelled", "open 02-05/09:00 walk_in; cancel 02-06/09:00",
     "cancelled walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;;"},
    {"reopened", "open 02-05/09:00 walk_in; close 02-06/09:00; reopen 02-07/09:00",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;; LAST_CLOSE"},
    {"reopened after a cancellation", "open 02-05/09:00 walk_in; cancel 02-06/09:00; reopen 02-07/09:00",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;; LAST_CLOSE"},
    {"a reopening of an open order changes nothing", "open 02-05/09:00 walk_in; reopen 02-05/10:00; close 02-06/09:00",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed 02-06/09:00;;"},
    {"reopened and closed again: the last close",
     "open 02-05/09:00 walk_in; close 02-06/09:00; reopen 02-07/09:00; close 02-08/09:00",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed 02-08/09:00;; LAST_CLOSE"},
    {"a further close has no effect", "open 02-05/09:00 walk_in; close 02-06/09:00; close 02-08/09:00",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed 02-06/09:00;; END_STATES"},
    {"a cancellation of a closed order has no effect", "open 02-05/09:00 walk_in; close 02-06/09:00; cancel 02-08/09:00",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed 02-06/09:00;; END_STATES"},
    {"a close of a cancelled order has no effect", "open 02-05/09:00 walk_in; cancel 02-06/09:00; close 02-08/09:00",
     "cancelled walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;; END_STATES"},
    {"a further cancellation says nothing new", "open 02-05/09:00 walk_in; cancel 02-06/09:00; cancel 02-08/09:00",
     "cancelled walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;;"},
    {"what was ignored before a reopening does not matter",
     "open 02-05/09:00 walk_in; close 02-06/09:00; close 02-06/10:00; reopen 02-07/09:00; close 02-08/09:00",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed 02-08/09:00;; LAST_CLOSE"},
    {"cancelled after a reopening: no close ended it",
     "open 02-05/09:00 walk_in; close 02-06/09:00; reopen 02-07/09:00; cancel 02-08/09:00",
     "cancelled walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;;"},
    {"cancelled, reopened, closed", "open 02-05/09:00 walk_in; cancel 02-06/09:00; reopen 02-07/09:00; close 02-08/09:00",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed 02-08/09:00;; LAST_CLOSE"},
    {"at one instant a close comes before a cancellation",
     "open 02-05/09:00 walk_in; cancel 02-06/09:00 id=a; close 02-06/09:00 id=b",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed 02-06/09:00;; END_STATES"},
    {"at one instant a close comes before a reopening", "open 02-05/09:00 walk_in; reopen 02-06/09:00; close 02-06/09:00",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;; LAST_CLOSE"},
    {"a close before the opening counts", "close 02-04/09:00; open 02-05/09:00 walk_in",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed 02-04/09:00;;"},
    {"a voided close", "open 02-05/09:00 walk_in; !close 02-06/09:00",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;;"},
    {"a voided reopening", "open 02-05/09:00 walk_in; close 02-06/09:00; !reopen 02-07/09:00",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed 02-06/09:00;;"},
    /* opening and channel */
    {"the earliest opening", "open 02-06/09:00 ccc; open 02-05/09:00 walk_in",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;;"},
    {"at one instant the smaller id opens", "open 02-05/09:00 ccc id=b; open 02-05/09:00 walk_in id=a",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;;"},
    {"a dispatch makes it ccc whatever the opening says", "open 02-05/09:00 walk_in; dispatch 02-05/10:00",
     "open ccc opened 02-05/09:00 from 02-05/10:00 asked - closed -;;"},
    {"ccc without its dispatch: the opening stands in", "open 02-05/09:00 ccc",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked - closed -;;"},
    {"a dispatch opens where no opening is known", "dispatch 02-05/08:00; dispatch 02-05/07:00",
     "open ccc opened 02-05/07:00 from 02-05/07:00 asked - closed -;;"},
    {"a voided dispatch", "open 02-05/09:00 walk_in; !dispatch 02-05/08:00 lines=R1",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked - closed -;;"},
    {"neither opening nor dispatch", "req 02-05/10:00 1 A; close 02-06/09:00",
     "closed - opened - from - asked 02-05/10:00 closed 02-06/09:00; A(,);"},
    /* the first request */
    {"the lowest number whatever its time", "open 02-05/09:00 walk_in; req 02-05/10:00 2 A; req 02-05/12:00 1 B",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/12:00 closed -; B(,);"},
    {"all lines of it, from its earliest instant",
     "open 02-05/09:00 walk_in; req 02-05/12:00 1 B; req 02-05/10:00 1 A; req 02-05/09:30 2 C",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(,) B(,);"},
    {"a line asked for twice: every request counts",
     "open 02-05/09:00 walk_in; req 02-05/09:30 2 A; req 02-05/10:00 1 A; req 02-05/09:40 1 B",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/09:40 closed -; A(,) B(,);"},
    {"its local is the last one's",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A local=1; req 02-05/11:00 2 A; req 02-05/10:00 1 B; req 02-05/11:00 2 "
     "B local=1",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(,) B(,,local);"},
    {"a voided request", "open 02-05/09:00 walk_in; !req 02-05/10:00 1 A; req 02-05/11:00 2 B",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/11:00 closed -; B(,);"},
    {"before the opening", "open 02-05/09:00 walk_in; req 02-05/08:00 1 A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/08:00 closed -; A(,);"},
    {"after the close", "open 02-05/09:00 walk_in; close 02-05/12:00; req 02-05/13:00 1 A",
     "closed walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/13:00 closed 02-05/12:00; A(,);"},
    /* ccc: recommended and appended */
    {"recommended lines are considered unasked", "dispatch 02-05/09:00 lines=R2,R1",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked - closed -; R1(,) R2(,);"},
    {"the union of all dispatches", "dispatch 02-05/09:00 lines=R1; dispatch 02-05/10:00 lines=R2",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked - closed -; R1(,) R2(,);"},
    {"a request on a recommended line is no append", "dispatch 02-05/09:00 lines=R1; req 02-05/10:00 1 R1",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked - closed -; R1(,);"},
    {"recommended and the first append",
     "dispatch 02-05/09:00 lines=R1; req 02-05/10:00 1 R1; req 02-05/11:00 2 A; req 02-05/12:00 3 B",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked 02-05/11:00 closed -; A(,) R1(,);"},
    {"a confirmation with the append's number does not start it",
     "dispatch 02-05/09:00 lines=R1; req 02-05/10:00 1 R1; req 02-05/11:00 1 A",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked 02-05/11:00 closed -; A(,) R1(,);"},
    {"a recommended line's request may say local", "dispatch 02-05/09:00 lines=R1,R2; req 02-05/10:00 1 R1 local=1",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked - closed -; R1(,,local) R2(,);"},
    /* cancelled lines */
    {"cancelled and never shipped: leaves, its request still counts",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; drop 02-05/11:00 A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -;;"},
    {"cancelled before its shipment: leaves",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; drop 02-05/11:00 A; ship 02-05/12:00 A 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -;;"},
    {"cancelled at the instant of its shipment: stays",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; drop 02-05/12:00 A; ship 02-05/12:00 A 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e4,);"},
    {"cancelled 1 us before its shipment: leaves",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; drop 02-05/11:59:59.999999 A; ship 02-05/12:00 A 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -;;"},
    {"cancelled after its shipment: stays",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/12:00 A 2D10; drop 02-05/13:00 A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e3,);"},
    {"of several cancellations the earliest",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; drop 02-05/14:00 A; drop 02-05/11:00 A; ship 02-05/12:00 A 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -;;"},
    {"of several shipments every one",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/12:00 A 2D10; drop 02-05/13:00 A; ship 02-05/14:00 A 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e5,);"},
    {"a voided cancellation", "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; !drop 02-05/11:00 A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(,);"},
    {"later requests do not move up", "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/11:00 2 B; drop 02-05/12:00 A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -;;"},
    {"a recommended line too", "dispatch 02-05/09:00 lines=R1,R2; drop 02-05/10:00 R1",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked - closed -; R2(,);"},
    {"the replacement's shipment does not keep the original",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; drop 02-05/11:00 A; mark 02-05/12:00 A doa; req 02-05/13:00 2 B "
     "replaces=A; ship 02-05/14:00 B 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -;;"},
    /* shipments and deliveries */
    {"the latest shipment", "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-06/12:00 A 2D10; ship 02-05/12:00 A 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e3,);"},
    {"a voided shipment", "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; !ship 02-06/12:00 A 2D10; ship 02-05/12:00 A 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e4,);"},
    {"the latest delivery at or after it",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/12:00 A 2D10; deliver 02-07/12:00 A; deliver 02-06/12:00 A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e3,e4);"},
    {"a delivery at the instant of the shipment",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; deliver 02-05/12:00 A; ship 02-05/12:00 A 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e4,e3);"},
    {"a delivery before the shipment is another's",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; deliver 02-05/11:59:59.999999 A; ship 02-05/12:00 A 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e4,);"},
    {"a delivery without a shipment", "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; deliver 02-05/12:00 A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(,);"},
    {"receipt never stands in for delivery",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/12:00 A 2D10; receive 02-06/12:00 A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e3,);"},
    {"a wrong shipment keeps its line and ships again",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/12:00 A 2D10; mark 02-06/10:00 A wrong_shipment; ship "
     "02-06/15:00 A 3D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e5,);"},
    {"a shipment may precede request and opening", "ship 02-04/12:00 A 2D10; open 02-05/09:00 walk_in; req 02-05/10:00 1 A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e1,);"},
    /* replacements */
    {"doa: the replacement takes its place",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/12:00 A 2D10; deliver 02-06/09:00 A; mark 02-06/10:00 A "
     "doa; req 02-06/11:00 2 B replaces=A; ship 02-06/12:00 B 2D10; deliver 02-07/09:00 B",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(e7,e8); REPLACEMENT"},
    {"mismatch: until it ships there is none",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/12:00 A 2D10; mark 02-06/10:00 A mismatch; req "
     "02-06/11:00 2 B replaces=A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(,); REPLACEMENT"},
    {"the mark may come later",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-06/11:00 2 B replaces=A; ship 02-06/12:00 B 2D10; mark "
     "02-09/10:00 A doa",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(e4,); REPLACEMENT"},
    {"no mark: an ordinary request",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/11:00 1 B replaces=A; ship 02-06/12:00 B 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(,) B(e4,);"},
    {"another mark does not do",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; mark 02-05/11:00 A wrong_shipment; req 02-05/11:00 1 B replaces=A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(,) B(,);"},
    {"a voided mark does not do",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; !mark 02-05/11:00 A doa; req 02-05/11:00 1 B replaces=A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(,) B(,);"},
    {"itself is no other line", "open 02-05/09:00 walk_in; req 02-05/10:00 1 A replaces=A; mark 02-05/11:00 A doa",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(,);"},
    {"a replacement is no first request, whatever its number",
     "open 02-05/09:00 walk_in; req 02-05/10:00 2 A; mark 02-05/11:00 A doa; req 02-05/12:00 1 B replaces=A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(,); REPLACEMENT"},
    {"one request that says so is enough",
     "open 02-05/09:00 walk_in; req 02-05/10:00 2 A; mark 02-05/11:00 A doa; req 02-05/12:00 3 B replaces=A; req "
     "02-05/13:00 1 B",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(,); REPLACEMENT"},
    {"of several the last",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; mark 02-05/11:00 A doa; req 02-05/12:00 2 C replaces=A; req "
     "02-05/13:00 2 B replaces=A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(,); REPLACEMENT"},
    {"the last request decides, not the last new line",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; mark 02-05/11:00 A doa; req 02-05/12:00 2 B replaces=A; req "
     "02-05/13:00 2 C replaces=A; req 02-05/14:00 3 B replaces=A",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(,); REPLACEMENT"},
    {"a chain",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; mark 02-05/11:00 A doa; req 02-05/12:00 2 B replaces=A; mark "
     "02-05/13:00 B mismatch; req 02-05/14:00 3 C replaces=B; ship 02-05/15:00 C 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>C(e7,); REPLACEMENT"},
    {"a circle stops before a line repeats",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; mark 02-05/11:00 A doa; mark 02-05/11:00 B doa; mark 02-05/11:00 C "
     "doa; req 02-05/12:00 2 B replaces=A; req 02-05/13:00 3 C replaces=B; req 02-05/14:00 4 A replaces=C; req "
     "02-05/10:00 1 X; ship 02-05/15:00 C 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; X(,);"},
    {"recommended lines in a circle, each ends before itself",
     "dispatch 02-05/09:00 lines=A,B,C,D; mark 02-05/11:00 A doa; mark 02-05/11:00 B doa; mark 02-05/11:00 C doa; mark "
     "02-05/11:00 D doa; req 02-05/12:00 2 B replaces=A; req 02-05/13:00 3 C replaces=B; req 02-05/14:00 4 A replaces=C; "
     "req 02-05/14:00 4 B replaces=D",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked - closed -; A>C(,) B>A(,) C>B(,) D>A(,); REPLACEMENT"},
    {"one replacement for two lines",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B; mark 02-05/11:00 A doa; mark 02-05/11:00 B doa; "
     "req 02-05/12:00 2 C replaces=A; req 02-05/12:30 2 C replaces=B; ship 02-05/15:00 C 2D10",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>C(e8,) B>C(e8,); REPLACEMENT"},
    {"cancelled before it shipped: the original stands",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/10:30 A 2D10; mark 02-05/11:00 A doa; req 02-05/12:00 2 B "
     "replaces=A; drop 02-05/13:00 B",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(e3,); REPLACEMENT_CANCELLED"},
    {"cancelled after it shipped: it stands",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/10:30 A 2D10; mark 02-05/11:00 A doa; req 02-05/12:00 2 B "
     "replaces=A; ship 02-05/12:30 B 2D10; drop 02-05/13:00 B",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(e6,); REPLACEMENT"},
    {"of several the last that was not cancelled",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; mark 02-05/11:00 A doa; req 02-05/12:00 2 B replaces=A; req "
     "02-05/13:00 3 C replaces=A; drop 02-05/14:00 C",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(,); REPLACEMENT "
     "REPLACEMENT_CANCELLED"},
    {"an earlier one cancelled does not matter",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; mark 02-05/11:00 A doa; req 02-05/12:00 2 B replaces=A; req "
     "02-05/13:00 3 C replaces=A; drop 02-05/14:00 B",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>C(,); REPLACEMENT"},
    {"a cancelled replacement is no ordinary request",
     "dispatch 02-05/09:00 lines=R1; mark 02-05/11:00 R1 doa; req 02-05/12:00 1 B replaces=R1; drop 02-05/13:00 B",
     "open ccc opened 02-05/09:00 from 02-05/09:00 asked - closed -; R1(,); REPLACEMENT_CANCELLED"},
    {"a chain broken by a cancellation",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; mark 02-05/11:00 A doa; req 02-05/12:00 2 B replaces=A; mark "
     "02-05/13:00 B doa; req 02-05/14:00 3 C replaces=B; drop 02-05/15:00 C",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(,); REPLACEMENT "
     "REPLACEMENT_CANCELLED"},
    {"local is the replacement's",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; mark 02-05/11:00 A doa; req 02-05/12:00 2 B replaces=A local=1",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A>B(,,local); REPLACEMENT"},
    {"a replaced line that is not considered changes nothing",
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/11:00 2 B; mark 02-05/12:00 B doa; req 02-05/13:00 3 C "
     "replaces=B",
     "open walk_in opened 02-05/09:00 from 02-05/09:00 asked 02-05/10:00 closed -; A(,);"},
};

START_TEST(test_row) {
    const struct row *row = &rows[_i];
    struct script s = {0};
    struct assay_order o;
    struct assay_buf got = {0};
    script_read(&s, row->script);
    assay_order_fold(s.recs, s.n, &s.arena, &o);
    script_put_order(&got, &o);
    ck_assert_msg(!strcmp(got.p, row->want), "%s\n  %s\n  want %s\n  got  %s", row->name, row->script, row->want, got.p);
    assay_buf_free(&got);
    script_free(&s);
}
END_TEST

static void fold(struct script *s, const char *text, struct assay_order *o) {
    script_read(s, text);
    assay_order_fold(s->recs, s->n, &s->arena, o);
}

/* Product, class, warranty, serial, report: each the earliest opening's, where it has none the earliest dispatch's. */
START_TEST(test_header) {
    struct script s = {0};
    struct assay_order o;
    fold(&s,
         "open 02-05/09:00 ccc product=server serial=S1; open 02-05/10:00 ccc product=plotter class=ordinary warranty=in;"
         "dispatch 02-05/08:00 product=notebook class=key reported=02-05/07:00; dispatch 02-05/07:30 serial=S2; close "
         "02-06/09:00 outcome=replaced",
         &o);
    ck_assert(assay_str_is(o.product, "server"));
    ck_assert(assay_str_is(o.serial, "S1"));
    ck_assert_int_eq(o.customer_class, ASSAY_CLASS_NONE); /* the earliest dispatch has none either */
    ck_assert_int_eq(o.warranty, ASSAY_WARRANTY_NONE);
    ck_assert(o.reported_at == ASSAY_NO_INSTANT);
    ck_assert(o.dispatched_at == script_instant("02-05/07:30"));
    ck_assert_int_eq(o.outcome, ASSAY_CLOSE_REPLACED);
    ck_assert(assay_str_is(o.close->id, "e5"));
    script_free(&s);

    s = (struct script){0};
    fold(&s, "open 02-05/09:00 ccc product=server; dispatch 02-05/08:00 product=plotter class=key serial=S2 reported=02-05/07:00",
         &o);
    ck_assert(assay_str_is(o.product, "server"));
    ck_assert(assay_str_is(o.serial, "S2"));
    ck_assert_int_eq(o.customer_class, ASSAY_CLASS_KEY);
    ck_assert(o.reported_at == script_instant("02-05/07:00"));
    ck_assert_int_eq(o.outcome, ASSAY_CLOSE_NONE);
    script_free(&s);

    s = (struct script){0};
    fold(&s, "open 02-05/09:00 walk_in product=server class=ordinary warranty=out reported=02-05/08:00", &o);
    ck_assert_int_eq(o.customer_class, ASSAY_CLASS_ORDINARY);
    ck_assert_int_eq(o.warranty, ASSAY_WARRANTY_OUT);
    ck_assert(o.reported_at == script_instant("02-05/08:00"));
    ck_assert(o.dispatched_at == ASSAY_NO_INSTANT);
    script_free(&s);
}
END_TEST

START_TEST(test_notes_surveys_and_records) {
    struct script s = {0};
    struct assay_order o;
    fold(&s,
         "survey 02-08/09:00 complaint; survey 02-07/09:00 satisfied; !survey 02-07/09:00 average; note 02-06/09:00 customer;"
         "note 02-05/11:00 customer; !note 02-05/10:00 customer; note 02-05/12:00 force_majeure; open 02-05/09:00 walk_in",
         &o);
    ck_assert_uint_eq(o.n_surveys, 2);
    ck_assert(assay_str_is(o.surveys[0]->id, "e2"));
    ck_assert(assay_str_is(o.surveys[1]->id, "e1"));
    ck_assert_ptr_null(o.exempting[ASSAY_NOTE_MACHINE_TESTING]);
    ck_assert(assay_str_is(o.exempting[ASSAY_NOTE_CUSTOMER]->id, "e5"));
    ck_assert(assay_str_is(o.exempting[ASSAY_NOTE_FORCE_MAJEURE]->id, "e7"));
    ck_assert_uint_eq(o.n_records, 6);
    for (size_t i = 1; i < o.n_records; i++) ck_assert(o.records[i - 1]->at <= o.records[i]->at);
    for (size_t i = 1; i < s.n; i++) ck_assert(s.recs[i - 1].record.at <= s.recs[i].record.at); /* sorted in place */
    script_free(&s);
}
END_TEST

/* An order of 100,000 records costs no more than sorting them: chains, circles and repeated lines included. */
START_TEST(test_hostile_orders_are_folded_in_time) {
    enum { LINES = 25000, PER_LINE = 4, N = LINES * PER_LINE + 2 };
    struct assay_arena a = {0};
    struct assay_folded_record *recs = assay_xcalloc(N, sizeof *recs);
    struct assay_part *parts = assay_xcalloc(LINES, sizeof *parts);
    for (int i = 0; i < LINES; i++) parts[i].line = assay_str_c(assay_arena_printf(&a, "L%05d", i));
    size_t n = 0;
    for (int i = LINES - 1; i >= 0; i--) { /* line i + 1 replaces line i; the last one leads back to the first */
        struct assay_record base;
        assay_record_init(&base);
        base.line = parts[i].line;
        for (int k = 0; k < PER_LINE; k++) {
            static const enum assay_type types[] = {ASSAY_PART_REQUESTED, ASSAY_PART_SHIPPED, ASSAY_PART_MARKED,
                                                    ASSAY_PART_DELIVERED};
            struct assay_record *r = &recs[n].record;
            *r = base;
            r->type = types[k];
            r->kind = assay_type_kind(r->type);
            r->at = script_instant("02-05/09:00") + (k ? k : 1) * ASSAY_SECOND;
            r->id = assay_str_c(assay_arena_printf(&a, "r%zu", n));
            r->request = 1;
            r->replaces = parts[(i + LINES - 1) % LINES].line;
            r->mark = ASSAY_MARK_DOA;
            r->courier = 210;
            n++;
        }
    }
    for (int k = 0; k < 2; k++) {
        struct assay_record *r = &recs[n++].record;
        assay_record_init(r);
        r->type = k ? ASSAY_ORDER_CLOSED_EVENT : ASSAY_DISPATCHED;
        r->kind = assay_type_kind(r->type);
        r->at = script_instant(k ? "02-07/09:00" : "02-05/08:00");
        r->id = k ? ASSAY_STR("c") : ASSAY_STR("d");
        if (!k) r->parts = parts, r->n_parts = LINES;
    }
    struct assay_order o;
    assay_order_fold(recs, n, &a, &o);
    ck_assert_uint_eq(o.n_considered, LINES);
    ck_assert_uint_eq(o.n_lines, LINES);
    /* A circle: each line ends at the one before it. */
    ck_assert(assay_str_is(o.considered[0].shipment.line, "L24999"));
    ck_assert(assay_str_is(o.considered[1].shipment.line, "L00000"));
    free(parts);
    free(recs);
    assay_arena_free(&a);
}
END_TEST

static Suite *suite_of_fold(void) {
    Suite *s = suite_create("fold");
    TCase *t = tcase_create("rows");
    tcase_add_loop_test(t, test_row, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(t, test_header);
    tcase_add_test(t, test_notes_surveys_and_records);
    tcase_add_test(t, test_hostile_orders_are_folded_in_time);
    tcase_set_timeout(t, 20);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_fold)
