/* test_verdict.c -- every rule of the turnaround verdict fires, on both sides of its boundary (DOMAIN 4). */
#include "order_script.h"

static struct rulebook book;

static void setup(void) { rulebook_init(&book); }
static void teardown(void) { rulebook_free(&book); }

static void judge(struct script *s, const char *text, struct assay_order *o, struct assay_verdict *v) {
    script_read(s, text);
    assay_order_fold(s->recs, s->n, &s->arena, o);
    assay_verdict_judge(o, &book.rules, &s->arena, v);
}

/* --- rows ----------------------------------------------------------------------------------------------------------- */

enum { ASCIM = 1, HARBIN = 2 };
static const struct row {
    const char *name;
    int provider; /* in Beijing and without stock unless said */
    const char *script, *want;
} rows[] = {
    /* 4.1: the start, rules from the top (2001-02-05 is a Monday) */
    {"no_parts, walk-in", 0, "open 02-05/09:00 walk_in; close 02-06/17:00",
     "compliant; not_applicable 02-05/09:00..- due -; met no_parts 02-05/09:00..02-06/17:00 no_parts 1wd days 1 margin 0 "
     "due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS"},
    {"no_parts, ccc: from the dispatch", 0, "dispatch 02-05/08:00; open 02-06/09:00 walk_in; close 02-06/17:00",
     "compliant; not_applicable 02-05/08:00..- due -; met no_parts 02-05/08:00..02-06/17:00 no_parts 1wd days 1 margin 0 "
     "due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS"},
    {"no_parts: the only line was cancelled; its request stops the diagnosis", 0,
     "open 02-05/09:00 walk_in; req 02-05/11:00 1 A; drop 02-05/12:00 A; close 02-06/17:00",
     "compliant; met 02-05/09:00..02-05/11:00 used 7200 due 02-05/14:00; met no_parts 02-05/09:00..02-06/17:00 no_parts "
     "1wd days 1 margin 0 due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS"},
    {"no_parts at an ASCIM provider", ASCIM, "open 02-05/09:00 walk_in; close 02-06/17:00",
     "compliant; not_applicable 02-05/09:00..- due -; met no_parts 02-05/09:00..02-06/17:00 no_parts 1wd days 1 margin 0 "
     "due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS"},
    {"local_stock: every line local and the provider ASCIM", ASCIM,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A local=1; req 02-05/10:00 1 B local=1; close 02-06/17:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met local_stock 02-05/09:00..02-06/17:00 "
     "no_parts 1wd days 1 margin 0 due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS"},
    {"local_stock, ccc: from the dispatch", ASCIM,
     "dispatch 02-05/08:00 lines=R1; open 02-06/09:00 ccc; req 02-06/10:00 1 R1 local=1; close 02-06/17:00",
     "compliant; not_applicable 02-05/08:00..- due -; met local_stock 02-05/08:00..02-06/17:00 no_parts 1wd days 1 margin "
     "0 due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS"},
    {"local said, but no ASCIM: it has to ship", 0, "open 02-05/09:00 walk_in; req 02-05/10:00 1 A local=1; close 02-06/17:00",
     "undetermined/missing_shipment; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; undetermined last_shipment "
     "-..02-06/17:00 due -; HOLIDAYS"},
    {"ASCIM, but one line is not local: the local one needs no shipment and never governs", ASCIM,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B local=1; ship 02-05/15:00 A 2D10; ship "
     "02-05/16:00 B 9D10; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"a local line takes no part in lateness", ASCIM,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B local=1; ship 02-05/15:00 A 2D10; ship "
     "02-05/15:00 B 2D10; deliver 02-06/10:00 A; deliver 02-09/10:00 B; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"last_shipment: the one line", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-06/09:00 A; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"expected last governs, even where another left later", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B; ship 02-05/15:00 A 3D10; ship 02-06/15:00 B "
     "1D18; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"across recommended and appended", 0,
     "dispatch 02-05/09:00 lines=R1; req 02-05/10:00 1 A; ship 02-05/09:30 R1 3D18; ship 02-05/15:00 A 2D10; close "
     "02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment R1 02-05/09:30..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"expected at one instant: the later shipment", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B; ship 02-06/08:00 A 1D10; ship 02-05/15:00 B "
     "2D10; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-06/08:00..02-07/12:00 "
     "city 2wd days 1 margin 1 due 02-09/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL GOVERNING_TIE"},
    {"and shipped at one instant: the greater line", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B; ship 02-05/15:00 A 2D10; ship 02-05/15:00 B "
     "2D10; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment B 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL GOVERNING_TIE"},
    {"a tie below the last does not matter", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B; req 02-05/10:00 1 C; ship 02-05/15:00 A 2D10; "
     "ship 02-05/15:00 B 2D10; ship 02-05/15:00 C 2D11; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment C 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"a later request never counts", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/11:00 2 B; ship 02-05/15:00 A 2D10; ship 02-06/15:00 B "
     "2D10; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"one line not shipped: no start", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "undetermined/missing_shipment; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; undetermined last_shipment "
     "-..02-07/12:00 due -; HOLIDAYS EXPECTED_ARRIVAL"},
    {"a replacement governs under the considered line's name", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-06/09:00 A; mark 02-06/09:10 A "
     "doa; req 02-06/09:20 2 Z replaces=A; ship 02-06/15:00 Z 2D10; deliver 02-07/09:00 Z; close 02-08/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-06/15:00..02-08/12:00 "
     "city 2wd days 2 margin 0 due 02-09/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL REPLACEMENT"},
    {"a replacement that has not shipped", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; mark 02-06/09:10 A mismatch; req "
     "02-06/09:20 2 Z replaces=A; close 02-08/12:00",
     "undetermined/missing_shipment; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; undetermined last_shipment "
     "-..02-08/12:00 due -; HOLIDAYS REPLACEMENT"},
    {"a replacement cancelled before it shipped", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; mark 02-06/09:10 A doa; req 02-06/09:20 2 Z "
     "replaces=A; drop 02-06/10:00 Z; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL REPLACEMENT_CANCELLED"},
    {"a replacement from own stock", ASCIM,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; mark 02-06/09:10 A doa; req 02-06/09:20 2 Z "
     "replaces=A local=1; close 02-06/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met local_stock 02-05/09:00..02-06/12:00 "
     "no_parts 1wd days 1 margin 0 due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS REPLACEMENT"},
    /* 4.2: the diagnosis rule, 4 working hours */
    {"exactly 4 hours across lunch", 0,
     "open 02-05/09:00 walk_in; req 02-05/14:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/14:00 used 14400 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS LIMIT_INCLUSIVE EXPECTED_ARRIVAL"},
    {"1 us over", 0, "open 02-05/09:00 walk_in; req 02-05/14:00:00.000001 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "missed; missed 02-05/09:00..02-05/14:00:00.000001 used 14400.000001 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"1 us under", 0, "open 02-05/09:00 walk_in; req 02-05/13:59:59.999999 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/13:59:59.999999 used 14399.999999 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"used up at the end of a day: the night is grace", 0,
     "open 02-05/13:30 walk_in; req 02-06/08:30 1 A; ship 02-06/15:00 A 2D10; close 02-08/12:00",
     "compliant; met 02-05/13:30..02-06/08:30 used 14400 due 02-05/17:30; met last_shipment A 02-06/15:00..02-08/12:00 "
     "city 2wd days 2 margin 0 due 02-09/00:00; STANDARD_CITY HOLIDAYS LIMIT_INCLUSIVE EXPECTED_ARRIVAL"},
    {"and the next morning's first us is over", 0,
     "open 02-05/13:30 walk_in; req 02-06/08:30:00.000001 1 A; ship 02-06/15:00 A 2D10; close 02-08/12:00",
     "missed; missed 02-05/13:30..02-06/08:30:00.000001 used 14400.000001 due 02-05/17:30; met last_shipment A "
     "02-06/15:00..02-08/12:00 city 2wd days 2 margin 0 due 02-09/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"over a weekend", 0, "open 02-09/16:30 walk_in; req 02-12/11:30 1 A; ship 02-12/15:00 A 2D10; close 02-14/12:00",
     "compliant; met 02-09/16:30..02-12/11:30 used 14400 due 02-12/11:30; met last_shipment A 02-12/15:00..02-14/12:00 "
     "city 2wd days 2 margin 0 due 02-15/00:00; STANDARD_CITY HOLIDAYS LIMIT_INCLUSIVE EXPECTED_ARRIVAL"},
    {"opened on a Sunday", 0, "open 02-04/10:00 walk_in; req 02-05/12:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; met 02-04/10:00..02-05/12:00 used 12600 due 02-05/13:30; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"at the instant of the opening", 0,
     "open 02-05/09:00 walk_in; req 02-05/09:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/09:00 used 0 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 city "
     "2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"1 us before the opening", 0,
     "open 02-05/09:00 walk_in; req 02-05/08:59:59.999999 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "undetermined/request_before_open; undetermined 02-05/09:00..02-05/08:59:59.999999 due 02-05/14:00; met "
     "last_shipment A 02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS "
     "EXPECTED_ARRIVAL"},
    {"ccc: from the dispatch, to the first append", 0,
     "dispatch 02-05/09:00 lines=R1; open 02-05/11:00 ccc; req 02-05/10:00 1 R1; req 02-05/15:00 2 A; ship 02-05/15:00 R1 "
     "2D10; ship 02-05/15:30 A 2D10; close 02-07/12:00",
     "missed; missed 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A 02-05/15:30..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL GOVERNING_TIE"},
    {"ccc: a request after the dispatch but before the opening is in order", 0,
     "dispatch 02-05/09:00; open 02-05/11:00 ccc; req 02-05/10:00 2 A; ship 02-05/15:30 A 2D10; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:30..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"nothing appended: not_applicable once closed", 0,
     "dispatch 02-05/09:00 lines=R1; req 02-05/16:00 1 R1; ship 02-05/15:00 R1 2D10; close 02-07/12:00",
     "compliant; not_applicable 02-05/09:00..- due -; met last_shipment R1 02-05/15:00..02-07/12:00 city 2wd days 2 "
     "margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"and pending while open", 0, "dispatch 02-05/09:00 lines=R1; req 02-05/16:00 1 R1; ship 02-05/15:00 R1 2D10",
     "pending; pending 02-05/09:00..- due 02-05/14:00; pending last_shipment R1 02-05/15:00..- city 2wd due 02-08/00:00; "
     "STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"over, noted machine_testing", 0,
     "open 02-05/09:00 walk_in; note 02-05/10:00 machine_testing; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close "
     "02-07/12:00",
     "compliant; exempt by machine_testing of e2 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXEMPT_ONLY_DIAGNOSIS "
     "EXPECTED_ARRIVAL"},
    {"over, noted customer", 0,
     "open 02-05/09:00 walk_in; note 02-05/10:00 customer; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; exempt by customer of e2 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXEMPT_ONLY_DIAGNOSIS "
     "EXPECTED_ARRIVAL"},
    {"over, noted force_majeure", 0,
     "open 02-05/09:00 walk_in; note 02-05/10:00 force_majeure; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close "
     "02-07/12:00",
     "compliant; exempt by force_majeure of e2 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXEMPT_ONLY_DIAGNOSIS "
     "EXPECTED_ARRIVAL"},
    {"of several notes the earliest", 0,
     "open 02-05/09:00 walk_in; note 02-05/10:00 customer id=b; note 02-05/10:00 force_majeure id=a; note 02-05/11:00 "
     "machine_testing; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; exempt by force_majeure of a 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXEMPT_ONLY_DIAGNOSIS "
     "EXPECTED_ARRIVAL"},
    {"a note at the instant of the request", 0,
     "open 02-05/09:00 walk_in; note 02-05/15:00 customer; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; exempt by customer of e2 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXEMPT_ONLY_DIAGNOSIS "
     "EXPECTED_ARRIVAL"},
    {"a note 1 us after the request does not excuse", 0,
     "open 02-05/09:00 walk_in; note 02-05/15:00:00.000001 customer; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close "
     "02-07/12:00",
     "missed; missed 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"a voided note does not excuse", 0,
     "open 02-05/09:00 walk_in; !note 02-05/10:00 customer; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close "
     "02-07/12:00",
     "missed; missed 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"a note before the opening excuses", 0,
     "open 02-05/09:00 walk_in; note 02-04/10:00 customer; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; exempt by customer of e2 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXEMPT_ONLY_DIAGNOSIS "
     "EXPECTED_ARRIVAL"},
    {"in time, a note changes nothing", 0,
     "open 02-05/09:00 walk_in; note 02-05/10:00 customer; req 02-05/11:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/11:00 used 7200 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"a note excuses the diagnosis only", 0,
     "open 02-05/09:00 walk_in; note 02-05/10:00 customer; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close 02-08/00:00",
     "missed; exempt by customer of e2 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; missed last_shipment A "
     "02-05/15:00..02-08/00:00 city 2wd days 3 margin -1 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXEMPT_ONLY_DIAGNOSIS "
     "EXPECTED_ARRIVAL"},
    /* 4.3: lateness of a delivery, class 2D10 shipped on the 5th */
    {"delivered exactly at the promise", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-06/10:00 A; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"1 us after the promise", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-06/10:00:00.000001 A; close "
     "02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "late_1 3wd days 2 margin 1 due 02-09/00:00; STANDARD_LATE_1 HOLIDAYS EXPECTED_ARRIVAL"},
    {"exactly at 3D10", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-07/10:00 A; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "late_1 3wd days 2 margin 1 due 02-09/00:00; STANDARD_LATE_1 HOLIDAYS EXPECTED_ARRIVAL"},
    {"1 us after 3D10", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-07/10:00:00.000001 A; close "
     "02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "late_2 4wd days 2 margin 2 due 02-10/00:00; STANDARD_LATE_2 HOLIDAYS EXPECTED_ARRIVAL"},
    {"exactly at 3D18", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-07/18:00 A; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "late_2 4wd days 2 margin 2 due 02-10/00:00; STANDARD_LATE_2 HOLIDAYS EXPECTED_ARRIVAL"},
    {"1 us after 3D18", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-07/18:00:00.000001 A; close "
     "02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "late_2 4wd beyond days 2 margin 2 due 02-10/00:00; STANDARD_LATE_2 HOLIDAYS EXPECTED_ARRIVAL BEYOND_SLOWEST"},
    {"no delivery recorded", 0, "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"a delivery before the shipment is none", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-05/14:00 A; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"promised 3D10 and late: late_2 at once", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 3D10; deliver 02-07/10:00:00.000001 A; close "
     "02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "late_2 4wd days 2 margin 2 due 02-10/00:00; STANDARD_LATE_2 HOLIDAYS EXPECTED_ARRIVAL"},
    {"promised 3D18 and late: beyond at once", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 3D18; deliver 02-07/18:00:00.000001 A; close "
     "02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "late_2 4wd beyond days 2 margin 2 due 02-10/00:00; STANDARD_LATE_2 HOLIDAYS EXPECTED_ARRIVAL BEYOND_SLOWEST"},
    {"promised 1D18, delivered the next morning", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 1D18; deliver 02-06/08:00 A; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "late_1 3wd days 2 margin 1 due 02-09/00:00; STANDARD_LATE_1 HOLIDAYS EXPECTED_ARRIVAL"},
    {"a class slower than 3D18, on time", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 4D12; deliver 02-08/12:00 A; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"a promise that had passed at shipment", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 1D10; deliver 02-05/16:00 A; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "late_1 3wd days 2 margin 1 due 02-09/00:00; STANDARD_LATE_1 HOLIDAYS EXPECTED_ARRIVAL"},
    {"calendar days: promised over a weekend", 0,
     "open 02-09/09:00 walk_in; req 02-09/10:00 1 A; ship 02-09/15:00 A 2D10; deliver 02-10/10:00 A; close 02-13/12:00",
     "compliant; met 02-09/09:00..02-09/10:00 used 3600 due 02-09/14:00; met last_shipment A 02-09/15:00..02-13/12:00 "
     "city 2wd days 2 margin 0 due 02-14/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"the worst line decides, another governs", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B; ship 02-05/15:00 A 2D10; ship 02-05/15:00 B "
     "3D10; deliver 02-07/11:00 A; deliver 02-07/09:00 B; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment B 02-05/15:00..02-07/12:00 "
     "late_2 4wd days 2 margin 2 due 02-10/00:00; STANDARD_LATE_2 HOLIDAYS EXPECTED_ARRIVAL WORST_LINE"},
    {"lines alike: no choice of the worst", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; req 02-05/10:00 1 B; ship 02-05/15:00 A 2D10; ship 02-05/16:00 B "
     "2D12; deliver 02-06/11:00 A; deliver 02-06/13:00 B; close 02-07/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment B 02-05/16:00..02-07/12:00 "
     "late_1 3wd days 2 margin 1 due 02-09/00:00; STANDARD_LATE_1 HOLIDAYS EXPECTED_ARRIVAL"},
    {"elsewhere three days", HARBIN, "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; close 02-08/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-08/12:00 "
     "city 3wd days 3 margin 0 due 02-09/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"elsewhere late_1 is the same for all", HARBIN,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-06/12:00 A; close 02-08/12:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-08/12:00 "
     "late_1 3wd days 3 margin 0 due 02-09/00:00; STANDARD_LATE_1 HOLIDAYS EXPECTED_ARRIVAL"},
    /* 4.3: days and 4.4: the cycle's outcome */
    {"the last us of the second working day", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/23:59:59.999999",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/23:59:59.999999 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"midnight is the third", 0, "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; close 02-08/00:00",
     "missed; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; missed last_shipment A 02-05/15:00..02-08/00:00 "
     "city 2wd days 3 margin -1 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"the weekend after the last day is grace", 0,
     "open 02-07/09:00 walk_in; req 02-07/10:00 1 A; ship 02-07/15:00 A 2D10; close 02-11/23:59:59.999999",
     "compliant; met 02-07/09:00..02-07/10:00 used 3600 due 02-07/14:00; met last_shipment A "
     "02-07/15:00..02-11/23:59:59.999999 city 2wd days 2 margin 0 due 02-10/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"and Monday is over", 0, "open 02-07/09:00 walk_in; req 02-07/10:00 1 A; ship 02-07/15:00 A 2D10; close 02-12/00:00",
     "missed; met 02-07/09:00..02-07/10:00 used 3600 due 02-07/14:00; missed last_shipment A 02-07/15:00..02-12/00:00 "
     "city 2wd days 3 margin -1 due 02-10/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"shipped on a Saturday", 0, "open 02-09/09:00 walk_in; req 02-09/10:00 1 A; ship 02-10/15:00 A 2D10; close 02-13/12:00",
     "compliant; met 02-09/09:00..02-09/10:00 used 3600 due 02-09/14:00; met last_shipment A 02-10/15:00..02-13/12:00 "
     "city 2wd days 2 margin 0 due 02-14/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"closed at the start", 0, "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; close 02-05/15:00",
     "compliant; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; met last_shipment A 02-05/15:00..02-05/15:00 "
     "city 2wd days 0 margin 2 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"closed 1 us before the start", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; close 02-05/14:59:59.999999",
     "undetermined/close_before_start; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; undetermined last_shipment "
     "A 02-05/15:00..02-05/14:59:59.999999 city 2wd due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"closed before the opening", 0, "open 02-05/09:00 walk_in; close 02-05/08:00",
     "undetermined/close_before_start; not_applicable 02-05/09:00..- due -; undetermined no_parts "
     "02-05/09:00..02-05/08:00 no_parts 1wd due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS"},
    {"reopened: the last close, from the first start", 0,
     "open 02-05/09:00 walk_in; close 02-06/12:00; reopen 02-07/09:00; close 02-07/12:00",
     "missed; not_applicable 02-05/09:00..- due -; missed no_parts 02-05/09:00..02-07/12:00 no_parts 1wd days 2 margin -1 "
     "due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS LAST_CLOSE"},
    {"a further close has no effect", 0, "open 02-05/09:00 walk_in; close 02-06/12:00; close 02-09/12:00",
     "compliant; not_applicable 02-05/09:00..- due -; met no_parts 02-05/09:00..02-06/12:00 no_parts 1wd days 1 margin 0 "
     "due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS END_STATES"},
    /* 4.4: the order's outcome */
    {"pending, whatever the diagnosis says", 0, "open 02-05/09:00 walk_in; req 02-06/15:00 1 A; ship 02-06/15:30 A 2D10",
     "pending; missed 02-05/09:00..02-06/15:00 used 46800 due 02-05/14:00; pending last_shipment A 02-06/15:30..- city "
     "2wd due 02-09/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"pending, a shipment missing", 0, "open 02-05/09:00 walk_in; req 02-05/10:00 1 A",
     "pending; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; pending last_shipment -..- due -; HOLIDAYS"},
    {"pending, request inverted", 0, "open 02-05/09:00 walk_in; req 02-04/10:00 1 A; ship 02-06/15:30 A 2D10",
     "pending; undetermined 02-05/09:00..02-04/10:00 due 02-05/14:00; pending last_shipment A 02-06/15:30..- city 2wd due "
     "02-09/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"pending without an opening", 0, "req 02-05/10:00 1 A", "pending; -; -;"},
    {"pending after a reopening", 0, "open 02-05/09:00 walk_in; close 02-06/09:00; reopen 02-07/09:00",
     "pending; pending 02-05/09:00..- due 02-05/14:00; pending no_parts 02-05/09:00..- no_parts 1wd due 02-07/00:00; "
     "STANDARD_NO_PARTS HOLIDAYS LAST_CLOSE"},
    {"out of scope: cancelled", 0, "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; cancel 02-06/09:00", "out_of_scope; -; -;"},
    {"out of scope: cancelled, a close without effect", 0, "open 02-05/09:00 walk_in; cancel 02-06/09:00; close 02-07/09:00",
     "out_of_scope; -; -; END_STATES"},
    {"out of scope: opened 1 us before the scheme", 0,
     "open 2000-11-30/23:59:59.999999 walk_in; close 2000-12-04/09:00; close 2000-12-05/09:00", "out_of_scope; -; -;"},
    {"in scope: opened at its first instant", 0, "open 2000-12-01/00:00 walk_in; close 2000-12-04/09:00",
     "compliant; not_applicable 2000-12-01/00:00..- due -; met no_parts 2000-12-01/00:00..2000-12-04/09:00 no_parts 1wd "
     "days 1 margin 0 due 2000-12-05/00:00; STANDARD_NO_PARTS HOLIDAYS"},
    {"out of scope while open", 0, "open 2000-11-30/09:00 walk_in", "out_of_scope; -; -;"},
    {"the opening is asked, not the dispatch", 0, "dispatch 2000-11-30/09:00; open 2000-12-01/09:00 ccc; close 2000-12-01/10:00",
     "compliant; not_applicable 2000-11-30/09:00..- due -; met no_parts 2000-11-30/09:00..2000-12-01/10:00 no_parts 1wd "
     "days 1 margin 0 due 2000-12-02/00:00; STANDARD_NO_PARTS HOLIDAYS"},
    {"missing_open: closed with neither opening nor dispatch", 0,
     "req 02-05/10:00 1 A; mark 02-05/11:00 A doa; req 02-05/12:00 2 B replaces=A; close 02-06/09:00",
     "undetermined/missing_open; -; -;"},
    {"missing_open: the close stands in where scope is asked", 0, "close 2000-11-30/23:59:59.999999", "out_of_scope; -; -;"},
    {"missing_open: and at the scheme's first instant", 0, "close 2000-12-01/00:00", "undetermined/missing_open; -; -;"},
    {"missing_open, reopened and closed", 0, "close 02-05/09:00; reopen 02-06/09:00; close 02-07/09:00; cancel 02-08/09:00",
     "undetermined/missing_open; -; -; END_STATES LAST_CLOSE"},
    {"missed: the diagnosis alone", 0,
     "open 02-05/09:00 walk_in; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "missed; missed 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A 02-05/15:00..02-07/12:00 "
     "city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"missed: the cycle alone", 0, "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; close 02-08/12:00",
     "missed; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; missed last_shipment A 02-05/15:00..02-08/12:00 "
     "city 2wd days 3 margin -1 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"missed: both", 0, "open 02-05/09:00 walk_in; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close 02-08/12:00",
     "missed; missed 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; missed last_shipment A 02-05/15:00..02-08/12:00 "
     "city 2wd days 3 margin -1 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"missed wins over missing_shipment", 0, "open 02-05/09:00 walk_in; req 02-05/15:00 1 A; close 02-08/12:00",
     "missed; missed 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; undetermined last_shipment -..02-08/12:00 due "
     "-; HOLIDAYS"},
    {"missed wins over close_before_start", 0,
     "open 02-05/09:00 walk_in; req 02-05/15:00 1 A; ship 02-09/15:00 A 2D10; close 02-08/12:00",
     "missed; missed 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; undetermined last_shipment A "
     "02-09/15:00..02-08/12:00 city 2wd due 02-14/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"missed wins over request_before_open", 0,
     "open 02-05/09:00 walk_in; req 02-05/08:00 1 A; ship 02-05/15:00 A 2D10; close 02-08/12:00",
     "missed; undetermined 02-05/09:00..02-05/08:00 due 02-05/14:00; missed last_shipment A 02-05/15:00..02-08/12:00 city "
     "2wd days 3 margin -1 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"undetermined: request_before_open, the cycle met", 0,
     "open 02-05/09:00 walk_in; req 02-05/08:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "undetermined/request_before_open; undetermined 02-05/09:00..02-05/08:00 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"undetermined: of two reasons the diagnosis clock's (shipment)", 0,
     "open 02-05/09:00 walk_in; req 02-05/08:00 1 A; close 02-07/12:00",
     "undetermined/request_before_open; undetermined 02-05/09:00..02-05/08:00 due 02-05/14:00; undetermined last_shipment "
     "-..02-07/12:00 due -; HOLIDAYS"},
    {"undetermined: of two reasons the diagnosis clock's (close)", 0,
     "open 02-05/09:00 walk_in; req 02-05/08:00 1 A; ship 02-08/12:00 A 2D10; close 02-07/12:00",
     "undetermined/request_before_open; undetermined 02-05/09:00..02-05/08:00 due 02-05/14:00; undetermined last_shipment "
     "A 02-08/12:00..02-07/12:00 city 2wd due 02-13/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"undetermined: close_before_start", 0,
     "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-08/12:00 A 2D10; close 02-07/12:00",
     "undetermined/close_before_start; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; undetermined last_shipment "
     "A 02-08/12:00..02-07/12:00 city 2wd due 02-13/00:00; STANDARD_CITY HOLIDAYS EXPECTED_ARRIVAL"},
    {"undetermined: missing_shipment", 0, "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; close 02-07/12:00",
     "undetermined/missing_shipment; met 02-05/09:00..02-05/10:00 used 3600 due 02-05/14:00; undetermined last_shipment "
     "-..02-07/12:00 due -; HOLIDAYS"},
    {"compliant with an exempt diagnosis", 0,
     "open 02-05/09:00 walk_in; note 02-05/10:00 customer; req 02-05/15:00 1 A; ship 02-05/15:00 A 2D10; close 02-07/12:00",
     "compliant; exempt by customer of e2 02-05/09:00..02-05/15:00 used 18000 due 02-05/14:00; met last_shipment A "
     "02-05/15:00..02-07/12:00 city 2wd days 2 margin 0 due 02-08/00:00; STANDARD_CITY HOLIDAYS EXEMPT_ONLY_DIAGNOSIS "
     "EXPECTED_ARRIVAL"},
    {"compliant without a diagnosis", 0, "open 02-05/09:00 walk_in; close 02-05/12:00",
     "compliant; not_applicable 02-05/09:00..- due -; met no_parts 02-05/09:00..02-05/12:00 no_parts 1wd days 0 margin 1 "
     "due 02-07/00:00; STANDARD_NO_PARTS HOLIDAYS"},
    {"no order", 0, "survey 02-05/09:00 satisfied", "none; -; -;"},
};

START_TEST(test_row) {
    const struct row *row = &rows[_i];
    struct script s = {0};
    struct assay_order o;
    struct assay_verdict v;
    struct assay_buf got = {0};
    book.facts.ascim = row->provider & ASCIM;
    if (row->provider & HARBIN) book.facts.city = ASSAY_STR("Harbin");
    judge(&s, row->script, &o, &v);
    script_put_verdict(&got, &v);
    ck_assert_msg(!strcmp(got.p, row->want), "%s\n  %s\n  want %s\n  got  %s", row->name, row->script, row->want, got.p);
    assay_buf_free(&got);
    script_free(&s);
}
END_TEST

/* --- rules that are data -------------------------------------------------------------------------------------------- */

static void expect(const char *script, const char *want) {
    struct script s = {0};
    struct assay_order o;
    struct assay_verdict v;
    struct assay_buf got = {0};
    judge(&s, script, &o, &v);
    script_put_verdict(&got, &v);
    ck_assert_msg(!strcmp(got.p, want), "%s\n  want %s\n  got  %s", script, want, got.p);
    assay_buf_free(&got);
    script_free(&s);
}

/* Whether the verdict's text holds a piece. */
static void expect_piece(const char *script, const char *piece) {
    struct script s = {0};
    struct assay_order o;
    struct assay_verdict v;
    struct assay_buf got = {0};
    judge(&s, script, &o, &v);
    script_put_verdict(&got, &v);
    ck_assert_msg(strstr(got.p, piece), "%s\n  want %s\n  in   %s", script, piece, got.p);
    assay_buf_free(&got);
    script_free(&s);
}

#define SHIPPED "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; "

START_TEST(test_city_is_matched_exactly) {
    static const struct {
        const char *city;
        int days;
    } cities[] = {{"Beijing", 2}, {"北京", 2},    {"Shanghai", 2}, {"上海", 2},   {"Guangzhou", 2}, {"广州", 2},  {"Shenzhen", 2},
                  {"深圳", 2},    {"beijing", 3}, {"Beijing ", 3}, {"北京市", 3}, {"", 3},          {"Harbin", 3}};
    for (size_t i = 0; i < sizeof cities / sizeof *cities; i++) {
        char piece[32];
        book.facts.city = assay_str_c(cities[i].city);
        snprintf(piece, sizeof piece, " city %dwd ", cities[i].days);
        expect_piece(SHIPPED "close 02-06/12:00", piece);
    }
    book.provider.n = 0;
    expect_piece(SHIPPED "close 02-06/12:00", " city 3wd ");
    book.rules.provider = NULL;
    expect_piece(SHIPPED "close 02-06/12:00", " city 3wd ");
    expect_piece("open 02-05/09:00 walk_in; req 02-05/10:00 1 A local=1", "pending last_shipment");
}
END_TEST

START_TEST(test_notes_that_exempt_are_the_schemes) {
    book.scheme.exempting_notes = 1 << ASSAY_NOTE_CUSTOMER;
    const char *text =
        "open 02-05/09:00 walk_in; note 02-05/10:00 machine_testing; note 02-05/11:00 customer; req 02-05/15:00 1 A; "
        "ship 02-05/15:00 A 2D10; close 02-07/12:00";
    expect_piece(text, "exempt by customer of e3");
    book.scheme.exempting_notes = 1 << ASSAY_NOTE_FORCE_MAJEURE;
    expect_piece(text, "missed; missed");
}
END_TEST

/* The cycle in each unit: what is in time, what is not, and the deadline between. */
START_TEST(test_units_of_the_cycle) {
    book.scheme.no_parts = (struct assay_standard){ASSAY_WORKING_HOURS, 8};
    expect_piece("open 02-05/09:00 walk_in; close 02-06/09:00",
                 "met no_parts 02-05/09:00..02-06/09:00 no_parts 8wh days 1 margin 0 due 02-06/09:00; STANDARD_NO_PARTS HOLIDAYS "
                 "LIMIT_INCLUSIVE");
    expect_piece("open 02-05/09:00 walk_in; close 02-06/09:00:00.000001",
                 "missed no_parts 02-05/09:00..02-06/09:00:00.000001 no_parts 8wh days 1 margin -1 due 02-06/09:00");
    expect_piece("open 02-05/09:00 walk_in; close 02-06/08:00", "no_parts 8wh days 1 margin 0 due");
    expect_piece("open 02-05/09:00 walk_in; close 02-05/16:30", "no_parts 8wh days 0 margin 1 due");

    book.scheme.no_parts = (struct assay_standard){ASSAY_CALENDAR_HOURS, 24};
    expect(
        "open 02-09/09:00 walk_in; close 02-10/09:00",
        "compliant; not_applicable 02-09/09:00..- due -; met no_parts 02-09/09:00..02-10/09:00 no_parts 24h days 0 margin 0 due "
        "02-10/09:00; STANDARD_NO_PARTS LIMIT_INCLUSIVE");
    expect_piece("open 02-09/09:00 walk_in; close 02-10/09:00:00.000001", "missed no_parts");
    expect_piece("open 02-09/09:00 walk_in; close 02-10/08:00:00.000001", "margin 0");
    expect_piece("open 02-09/09:00 walk_in; close 02-10/08:00", "margin 1");

    book.scheme.no_parts = (struct assay_standard){ASSAY_CALENDAR_DAYS, 2};
    expect("open 02-09/09:00 walk_in; close 02-11/23:59:59.999999",
           "compliant; not_applicable 02-09/09:00..- due -; met no_parts 02-09/09:00..02-11/23:59:59.999999 no_parts 2d days 2 "
           "margin 0 due 02-12/00:00; STANDARD_NO_PARTS");
    expect_piece("open 02-09/09:00 walk_in; close 02-12/00:00",
                 "missed no_parts 02-09/09:00..02-12/00:00 no_parts 2d days 3 margin -1");

    book.scheme.no_parts = (struct assay_standard){ASSAY_WORKING_DAYS, 0};
    expect_piece("open 02-09/09:00 walk_in; close 02-11/23:59:59.999999",
                 "met no_parts 02-09/09:00..02-11/23:59:59.999999 no_parts "
                 "0wd days 0 margin 0 due 02-10/00:00");
}
END_TEST

START_TEST(test_units_of_the_diagnosis) {
    book.scheme.diagnosis_limit = (struct assay_standard){ASSAY_CALENDAR_HOURS, 4};
    expect_piece("open 02-05/11:00 walk_in; req 02-05/15:00 1 A", "; met 02-05/11:00..02-05/15:00 used 10800 due 02-05/15:00");
    expect_piece("open 02-05/11:00 walk_in; req 02-05/15:00:00.000001 1 A", "; missed ");
    book.scheme.diagnosis_limit = (struct assay_standard){ASSAY_WORKING_DAYS, 1};
    expect_piece("open 02-09/11:00 walk_in; req 02-12/23:59 1 A", "; met 02-09/11:00..02-12/23:59 used 48600 due 02-13/00:00");
    expect_piece("open 02-09/11:00 walk_in; req 02-13/00:00 1 A", "; missed ");
    book.scheme.diagnosis_limit = (struct assay_standard){ASSAY_CALENDAR_DAYS, 1};
    expect_piece("open 02-09/11:00 walk_in; req 02-10/23:59 1 A", "; met 02-09/11:00..02-10/23:59 used 19800 due 02-11/00:00");
    expect_piece("open 02-09/11:00 walk_in; req 02-11/00:00 1 A", "; missed ");
}
END_TEST

/* --- versions -------------------------------------------------------------------------------------------------------- */

/* The provider's facts and the scheme are those of the opening's local date, whatever changed before or after. */
START_TEST(test_versions_of_the_opening_date) {
    assay_date sixth = assay_date_from_civil(2001, 2, 6);
    struct assay_provider_facts facts[] = {{ASSAY_NO_DATE, ASSAY_STR("Harbin"), false}, {sixth, ASSAY_STR("Beijing"), true}};
    book.provider = (struct assay_provider_versions){2, facts};
    const char *local = "open 02-05/23:59:59.999999 walk_in; req 02-06/10:00 1 A local=1; close 02-07/12:00";
    expect_piece(local, "undetermined last_shipment");
    expect_piece("open 02-06/00:00 walk_in; req 02-06/10:00 1 A local=1; close 02-07/12:00", "met local_stock");
    expect_piece("open 02-05/23:00 walk_in; req 02-06/10:00 1 A; ship 02-06/11:00 A 2D10; close 02-07/12:00", " city 3wd ");
    expect_piece("open 02-06/00:00 walk_in; req 02-06/10:00 1 A; ship 02-06/11:00 A 2D10; close 02-07/12:00", " city 2wd ");

    struct assay_scheme later = book.scheme;
    later.version = 2;
    later.effective_from = sixth;
    later.no_parts.n = 5;
    const struct assay_scheme *versions[] = {&book.scheme, &later};
    book.schemes = (struct assay_scheme_versions){2, versions};
    expect_piece("open 02-05/23:59:59 walk_in; close 02-09/12:00", "missed no_parts 02-05/23:59:59..02-09/12:00 no_parts 1wd");
    expect_piece("open 02-06/00:00 walk_in; close 02-09/12:00", "met no_parts 02-06/00:00..02-09/12:00 no_parts 5wd");
    expect_piece("dispatch 02-05/09:00; open 02-06/09:00 ccc; close 02-09/12:00",
                 "met no_parts 02-05/09:00..02-09/12:00 no_parts 5wd");
}
END_TEST

START_TEST(test_facts_are_null_without_an_opening) {
    struct script s = {0};
    struct assay_order o;
    struct assay_verdict v;
    judge(&s, "close 02-09/12:00", &o, &v);
    ck_assert_ptr_null(v.facts);
    ck_assert_int_eq(v.opened_on, assay_date_from_civil(2001, 2, 9));
    ck_assert_ptr_eq(v.scheme, &book.scheme);
    script_free(&s);
}
END_TEST

static const struct assay_calendar *no_calendar(void *ctx, const char *code) {
    (void)ctx;
    (void)code;
    return NULL;
}

START_TEST(test_nothing_to_judge_by) {
    book.schemes.n = 0;
    expect("open 02-05/09:00 walk_in", "none; -; -;");
    book.schemes.n = 1;
    book.rules.calendar = no_calendar;
    expect("open 02-05/09:00 walk_in", "none; -; -;");
}
END_TEST

/* --- deadlines and names ---------------------------------------------------------------------------------------------- */

START_TEST(test_next_deadline) {
    static const struct {
        const char *script, *which, *at;
    } cases[] = {
        {"open 02-05/09:00 walk_in", "diagnosis", "02-05/14:00"},
        {"open 02-05/09:00 walk_in; req 02-05/10:00 1 A", NULL, NULL},
        {SHIPPED, "cycle", "02-08/00:00"},
        {"dispatch 02-05/09:00 lines=R1; ship 02-05/09:00 R1 2D10", "diagnosis", "02-05/14:00"},
        {"dispatch 02-05/09:00 lines=R1; ship 02-01/09:00 R1 2D10", "diagnosis", "02-05/14:00"},
        {"dispatch 02-05/09:00 lines=R1; ship 01-30/09:00 R1 2D10", "cycle", "02-02/00:00"},
        {SHIPPED "close 02-06/09:00", NULL, NULL},
        {"open 02-05/09:00 walk_in; cancel 02-05/10:00", NULL, NULL},
        {"req 02-05/10:00 1 A", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script s = {0};
        struct assay_order o;
        struct assay_verdict v;
        const char *which;
        judge(&s, cases[i].script, &o, &v);
        assay_instant at = assay_verdict_next_deadline(&v, &which);
        const char *want = cases[i].which;
        ck_assert_msg(want ? which && !strcmp(which, want) : !which, "%s: %s", cases[i].script, which ? which : "none");
        assay_instant due = cases[i].at ? script_instant(cases[i].at) : ASSAY_NO_INSTANT;
        ck_assert_msg(at == due, "%s", cases[i].script);
        script_free(&s);
    }
}
END_TEST

START_TEST(test_names) {
    for (int i = 1; i <= ASSAY_OUT_OF_SCOPE; i++) {
        enum assay_outcome back;
        ck_assert(assay_outcome_parse(assay_str_c(assay_outcome_name((enum assay_outcome)i)), &back));
        ck_assert_int_eq(back, i);
    }
    enum assay_outcome none;
    ck_assert(!assay_outcome_parse(ASSAY_STR("met"), &none));
    ck_assert(!assay_outcome_parse(ASSAY_STR(""), &none));
    ck_assert_ptr_null(assay_outcome_name(ASSAY_OUTCOME_NONE));
    ck_assert_ptr_null(assay_reason_name(ASSAY_REASON_NONE));
    ck_assert_ptr_null(assay_rule_name(ASSAY_RULE_NONE));
    ck_assert_ptr_null(assay_clock_outcome_name(ASSAY_CLOCK_NONE));
    ck_assert_ptr_null(assay_clock_outcome_name((enum assay_clock_outcome)99));
    ck_assert_str_eq(assay_state_name(ASSAY_STATE_CANCELLED), "cancelled");
}
END_TEST

static Suite *suite_of_verdict(void) {
    Suite *s = suite_create("verdict");
    TCase *t = tcase_create("rows");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, test_row, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(t, test_city_is_matched_exactly);
    tcase_add_test(t, test_notes_that_exempt_are_the_schemes);
    tcase_add_test(t, test_units_of_the_cycle);
    tcase_add_test(t, test_units_of_the_diagnosis);
    tcase_add_test(t, test_versions_of_the_opening_date);
    tcase_add_test(t, test_facts_are_null_without_an_opening);
    tcase_add_test(t, test_nothing_to_judge_by);
    tcase_add_test(t, test_next_deadline);
    tcase_add_test(t, test_names);
    suite_add_tcase(s, t);
    return s;
}

ASSAY_TESTS(suite_of_verdict)
