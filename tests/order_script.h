/* order_script.h -- orders for tests, written as one line of text, and FY01's clocks as C structs to judge them by.
 *
 *   "open 02-05/09:00 walk_in; req 02-05/10:00 1 A; ship 02-05/15:00 A 2D10; deliver 02-06/09:30 A; close 02-07/12:00"
 *
 * Statements end with ';'. A leading '!' makes the record voided. Instants are [YYYY-]MM-DD/HH:MM[:SS[.ffffff]] at
 * UTC+8, the year 2001 where none is said. Options are name=value. Ids are e1, e2, ... unless id= says otherwise.
 *
 *   dispatch T [lines=R1,R2]    open T walk_in|ccc          req T NUMBER LINE [replaces=LINE] [local=1]
 *   ship T LINE CLASS           deliver T LINE              drop T LINE  (part.cancelled)
 *   receive T LINE              mark T LINE MARK            note T REASON
 *   complete T                  close T                     cancel T
 *   reopen T                    survey T ANSWER
 *   any also: id= product= class= serial= warranty= reported= outcome= source= resp= overall= */
#ifndef ASSAY_ORDER_SCRIPT_H
#define ASSAY_ORDER_SCRIPT_H

#include <stdio.h>
#include <stdlib.h>

#include "assay/verdict.h"
#include "fy01.h"

#define SCRIPT_MAX 64

struct script {
    struct assay_arena arena;
    size_t n;
    struct assay_folded_record recs[SCRIPT_MAX];
};

static inline void script_die(const char *what, const char *where) {
    fprintf(stderr, "order script: %s at \"%.40s\"\n", what, where);
    abort();
}

static inline assay_instant script_instant(const char *s) {
    int year = 2001, month, day, hour, minute, second = 0, used = 0;
    char fraction[7] = "0";
    int64_t us = 0;
    if (sscanf(s, "%4d-%2d-%2d/%n", &year, &month, &day, &used) != 3 || !used) {
        year = 2001;
        used = 0;
        if (sscanf(s, "%2d-%2d/%n", &month, &day, &used) != 2 || !used) script_die("no instant", s);
    }
    if (sscanf(s + used, "%2d:%2d:%2d.%6[0-9]", &hour, &minute, &second, fraction) < 2) script_die("no time", s);
    for (size_t i = 0; i < 6; i++) us = us * 10 + (i < strlen(fraction) ? fraction[i] - '0' : 0);
    int64_t seconds = (int64_t)assay_date_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - 8 * 3600;
    return seconds * ASSAY_SECOND + us;
}

static inline int script_word(const char *v, const char *const *words) {
    for (int i = 0; words[i]; i++) {
        if (!strcmp(v, words[i])) return i + 1;
    }
    script_die("unknown word", v);
    return 0;
}

/* The words of a field, from the table that decodes them. */
static inline int script_field_word(enum assay_type t, const char *field, const char *v) {
    for (size_t i = 0; i < assay_fields_count; i++) {
        const struct assay_field *f = &assay_fields[i];
        if (f->form == ASSAY_FORM_WORD && !strcmp(f->name, field) && (f->allowed & 1u << t)) return script_word(v, f->words);
    }
    script_die("no such field", field);
    return 0;
}

static inline void script_parts(struct script *s, struct assay_record *r, char *list) {
    struct assay_part *parts = assay_arena_alloc(&s->arena, SCRIPT_MAX * sizeof *parts);
    size_t n = 0;
    for (char *save, *p = strtok_r(list, ",", &save); p; p = strtok_r(NULL, ",", &save))
        parts[n++] = (struct assay_part){assay_str_c(p), ASSAY_STR("PN")};
    r->parts = parts;
    r->n_parts = n;
}

static inline void script_option(struct script *s, struct assay_record *r, char *name, char *v) {
    struct assay_str text = assay_str_c(v);
    if (!strcmp(name, "id")) r->id = text;
    else if (!strcmp(name, "lines")) script_parts(s, r, v);
    else if (!strcmp(name, "replaces")) r->replaces = text;
    else if (!strcmp(name, "local")) r->local = *v == '1';
    else if (!strcmp(name, "product")) r->product = text;
    else if (!strcmp(name, "serial")) r->serial = text;
    else if (!strcmp(name, "class")) r->customer_class = (enum assay_class)script_field_word(r->type, "customer_class", v);
    else if (!strcmp(name, "warranty")) r->warranty = (enum assay_warranty)script_field_word(r->type, "warranty", v);
    else if (!strcmp(name, "reported")) r->reported_at = script_instant(v);
    else if (!strcmp(name, "outcome")) r->outcome = (enum assay_close)script_field_word(r->type, "outcome", v);
    else if (!strcmp(name, "source")) r->source = (enum assay_source)script_field_word(r->type, "source", v);
    else if (!strcmp(name, "resp"))
        r->responsibility = (enum assay_responsibility)script_field_word(r->type, "responsibility", v);
    else if (!strcmp(name, "overall")) r->overall = (int8_t)(*v - '0');
    else script_die("unknown option", name);
}

static inline void script_argument(struct assay_record *r, int i, char *v) {
    struct assay_str text = assay_str_c(v);
    switch (r->type) {
    case ASSAY_ORDER_OPENED: r->channel = (enum assay_channel)script_field_word(r->type, "channel", v); return;
    case ASSAY_PART_REQUESTED:
        if (i == 0) r->request = (int32_t)strtol(v, NULL, 10);
        else r->line = text;
        return;
    case ASSAY_PART_SHIPPED:
        if (i == 0) r->line = text;
        else if (!assay_courier_parse(text, &r->courier)) script_die("no courier class", v);
        return;
    case ASSAY_PART_MARKED:
        if (i == 0) r->line = text;
        else r->mark = (enum assay_mark)script_field_word(r->type, "mark", v);
        return;
    case ASSAY_ORDER_NOTED: r->noted = (enum assay_note)script_field_word(r->type, "reason", v); return;
    case ASSAY_SURVEY_RESPONSE: r->answer = (enum assay_answer)script_field_word(r->type, "answer", v); return;
    default: r->line = text; return;
    }
}

static inline enum assay_type script_verb(const char *v) {
    static const struct {
        const char *verb;
        enum assay_type type;
    } verbs[] = {
        {"dispatch", ASSAY_DISPATCHED},      {"open", ASSAY_ORDER_OPENED},        {"req", ASSAY_PART_REQUESTED},
        {"ship", ASSAY_PART_SHIPPED},        {"deliver", ASSAY_PART_DELIVERED},   {"drop", ASSAY_PART_CANCELLED},
        {"receive", ASSAY_PART_RECEIVED},    {"mark", ASSAY_PART_MARKED},         {"note", ASSAY_ORDER_NOTED},
        {"complete", ASSAY_ORDER_COMPLETED}, {"close", ASSAY_ORDER_CLOSED_EVENT}, {"cancel", ASSAY_ORDER_CANCELLED},
        {"reopen", ASSAY_ORDER_REOPENED},    {"survey", ASSAY_SURVEY_RESPONSE},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (!strcmp(v, verbs[i].verb)) return verbs[i].type;
    }
    script_die("unknown verb", v);
    return ASSAY_TYPE_COUNT;
}

static inline void script_statement(struct script *s, char *text) {
    char *save, *word = strtok_r(text, " \n", &save);
    if (!word) return;
    if (s->n == SCRIPT_MAX) script_die("too many records", word);
    struct assay_folded_record *f = &s->recs[s->n++];
    f->voided = *word == '!';
    struct assay_record *r = &f->record;
    assay_record_init(r);
    r->type = script_verb(word + f->voided);
    r->kind = assay_type_kind(r->type);
    r->id = assay_str_c(assay_arena_printf(&s->arena, "e%zu", s->n));
    r->provider = ASSAY_STR("P1");
    r->order = ASSAY_STR("W1");
    if (!(word = strtok_r(NULL, " \n", &save))) script_die("no instant", "end");
    r->at = script_instant(word);
    for (int i = 0; (word = strtok_r(NULL, " \n", &save));) {
        char *equals = strchr(word, '=');
        if (equals) {
            *equals = '\0';
            script_option(s, r, word, equals + 1);
        } else {
            script_argument(r, i++, word);
        }
    }
}

/* Reads a script into *s (zero-initialised); ends the test program where it is not one. Free with script_free. */
static inline void script_read(struct script *s, const char *text) {
    char *copy = (char *)assay_arena_dup(&s->arena, assay_str_c(text)).p;
    for (char *save, *p = strtok_r(copy, ";", &save); p; p = strtok_r(NULL, ";", &save)) script_statement(s, p);
}

static inline void script_free(struct script *s) { assay_arena_free(&s->arena); }

/* --- the rules to judge by ------------------------------------------------------------------------------------------ */

#define SCRIPT_DAYS(n) \
    { ASSAY_WORKING_DAYS, n }

static const struct assay_str script_big_cities[] = {{"Beijing", 7},   {"北京", 6}, {"Shanghai", 8}, {"上海", 6},
                                                     {"Guangzhou", 9}, {"广州", 6}, {"Shenzhen", 8}, {"深圳", 6}};
static const struct assay_city_row script_cities[] = {{8, script_big_cities, SCRIPT_DAYS(2)}, {0, NULL, SCRIPT_DAYS(3)}};
static const struct assay_lateness_row script_lateness[] = {
    {"on_time", ASSAY_UNTIL_PROMISE, 0, "city", true, {0, 0}, false, ASSAY_POINT_STANDARD_CITY},
    {"late_1", ASSAY_UNTIL_CLASS, 310, "late_1", false, SCRIPT_DAYS(3), false, ASSAY_POINT_STANDARD_LATE_1},
    {"late_2", ASSAY_UNTIL_CLASS, 318, "late_2", false, SCRIPT_DAYS(4), false, ASSAY_POINT_STANDARD_LATE_2},
    {"beyond_slowest", ASSAY_UNTIL_EVER, 0, "late_2", false, SCRIPT_DAYS(4), true, ASSAY_POINT_STANDARD_LATE_2},
};
static const struct assay_assumption script_assumptions[] = {
    {"city-standards", ASSAY_POINT_STANDARD_CITY, "Standards by city are assumed.", "城市时限为假定。"},
    {"last-close", ASSAY_POINT_LAST_CLOSE, "The last close ends the cycle.", "以最后一次结单为准。"},
};

/* The scheme of fy01.h with its clocks. */
static inline struct assay_scheme script_fy01(void) {
    struct assay_scheme s = *test_fy01();
    s.calendar_code = "cn-office";
    s.diagnosis_limit = (struct assay_standard){ASSAY_WORKING_HOURS, 4};
    s.exempting_notes = 1 << ASSAY_NOTE_MACHINE_TESTING | 1 << ASSAY_NOTE_CUSTOMER | 1 << ASSAY_NOTE_FORCE_MAJEURE;
    s.no_parts = (struct assay_standard)SCRIPT_DAYS(1);
    s.n_city_rows = 2;
    s.city_rows = script_cities;
    s.n_lateness = 4;
    s.lateness = script_lateness;
    s.n_assumptions = sizeof script_assumptions / sizeof *script_assumptions;
    s.assumptions = script_assumptions;
    return s;
}

/* Monday to Friday 08:30-12:00 and 13:00-17:30. */
static inline struct assay_calendar *script_calendar(const struct assay_zone *z) {
    static const struct assay_hours office[] = {{30600, 43200}, {46800, 63000}};
    struct assay_calendar_spec spec = {.zone = z};
    for (int day = 0; day < 5; day++) spec.weekly[day] = (struct assay_day_hours){2, office};
    struct assay_calendar *c = NULL;
    struct assay_error e;
    if (assay_calendar_new(&spec, &c, &e) != ASSAY_OK) script_die("calendar", e.detail);
    return c;
}

/* All that judging asks: one scheme version, one version of the provider's facts, one calendar. Change the fields between
 * judgings at will. */
struct rulebook {
    struct assay_calendar *calendar;
    struct assay_scheme scheme;
    const struct assay_scheme *versions[1];
    struct assay_scheme_versions schemes;
    struct assay_provider_facts facts;
    struct assay_provider_versions provider;
    struct assay_rules rules;
};

static inline const struct assay_calendar *rulebook_calendar(void *ctx, const char *code) {
    return strcmp(code, "cn-office") ? NULL : ((struct rulebook *)ctx)->calendar;
}

static inline void rulebook_init(struct rulebook *b) {
    *b = (struct rulebook){.scheme = script_fy01()};
    b->calendar = script_calendar(b->scheme.zone);
    b->versions[0] = &b->scheme;
    b->schemes = (struct assay_scheme_versions){1, b->versions};
    b->facts = (struct assay_provider_facts){ASSAY_NO_DATE, ASSAY_STR("Beijing"), false};
    b->provider = (struct assay_provider_versions){1, &b->facts};
    b->rules = (struct assay_rules){&b->schemes, &b->provider, rulebook_calendar, b};
}

static inline void rulebook_free(struct rulebook *b) { assay_calendar_free(b->calendar); }

/* --- what came out, as text ----------------------------------------------------------------------------------------- */

/* MM-DD/HH:MM[:SS[.ffffff]] at UTC+8, "-" for none. */
static inline void script_put_instant(struct assay_buf *b, assay_instant t) {
    if (t == ASSAY_NO_INSTANT) {
        assay_buf_addc(b, '-');
        return;
    }
    int year, month, day;
    int64_t local = t + 28800 * ASSAY_SECOND, second = local / ASSAY_SECOND % 86400, us = local % ASSAY_SECOND;
    assay_date_to_civil((assay_date)(local / ASSAY_DAY), &year, &month, &day);
    if (year != 2001) assay_buf_printf(b, "%04d-", year);
    assay_buf_printf(b, "%02d-%02d/%02d:%02d", month, day, (int)(second / 3600), (int)(second / 60 % 60));
    if (second % 60 || us) assay_buf_printf(b, ":%02d", (int)(second % 60));
    if (us) assay_buf_printf(b, ".%06d", (int)us);
}

static inline void script_put_points(struct assay_buf *b, assay_points points) {
    static const char *const names[] = {
#define X(name, about) #name,
        ASSAY_POINTS(X)
#undef X
    };
    assay_buf_adds(b, ";");
    for (int p = 0; p < ASSAY_POINT_COUNT; p++) {
        if (points & 1u << p) assay_buf_printf(b, " %s", names[p]);
    }
}

/* What the fold found, as one line: state, channel, the instants, then the considered lines with their shipment's and
 * delivery's ids (A>B: B finally replaces A; "local" where its last request says so), then the points. */
static inline void script_put_order(struct assay_buf *b, const struct assay_order *o) {
    static const char *const channels[] = {"-", "walk_in", "ccc"};
    const char *state = assay_state_name(o->state);
    assay_buf_printf(b, "%s %s opened ", state ? state : "none", channels[o->channel]);
    script_put_instant(b, o->opened_at);
    assay_buf_adds(b, " from ");
    script_put_instant(b, o->clock_start);
    assay_buf_adds(b, " asked ");
    script_put_instant(b, o->first_requested_at);
    assay_buf_adds(b, " closed ");
    script_put_instant(b, o->closed_at);
    assay_buf_adds(b, ";");
    for (size_t i = 0; i < o->n_considered; i++) {
        const struct assay_considered *c = &o->considered[i];
        const struct assay_shipment *s = &c->shipment;
        assay_buf_printf(b, " %.*s", ASSAY_STR_ARG(c->line));
        if (s->replaced) assay_buf_printf(b, ">%.*s", ASSAY_STR_ARG(s->line));
        assay_buf_printf(b, "(%.*s,%.*s%s)", s->shipped ? (int)s->shipped->id.n : 0, s->shipped ? s->shipped->id.p : "",
                         s->delivered ? (int)s->delivered->id.n : 0, s->delivered ? s->delivered->id.p : "",
                         s->local_said ? ",local" : "");
    }
    script_put_points(b, o->points);
}

/* The verdict as text: outcome/reason; the diagnosis clock: outcome, start..end, working time, deadline; the cycle clock:
 * outcome, rule, governing line, start..end, standard by reason, days used, margin, deadline; the points. */
static inline void script_put_clock(struct assay_buf *b, assay_instant from, assay_instant to) {
    assay_buf_addc(b, ' ');
    script_put_instant(b, from);
    assay_buf_adds(b, "..");
    script_put_instant(b, to);
}

static inline void script_put_seconds(struct assay_buf *b, int64_t us) {
    if (us < 0) return;
    assay_buf_printf(b, " used %lld", (long long)(us / ASSAY_SECOND));
    if (us % ASSAY_SECOND) assay_buf_printf(b, ".%06lld", (long long)(us % ASSAY_SECOND));
}

static inline void script_put_diagnosis(struct assay_buf *b, const struct assay_diagnosis *d) {
    static const char *const notes[] = {"", "machine_testing", "customer", "force_majeure"};
    if (!d->outcome) {
        assay_buf_adds(b, "; -");
        return;
    }
    assay_buf_printf(b, "; %s", assay_clock_outcome_name(d->outcome));
    if (d->exempt) assay_buf_printf(b, " by %s of %.*s", notes[d->exempt], ASSAY_STR_ARG(d->exempt_record->id));
    script_put_clock(b, d->start, d->end);
    script_put_seconds(b, d->working_us);
    assay_buf_adds(b, " due ");
    script_put_instant(b, d->deadline);
}

static inline void script_put_standard(struct assay_buf *b, const struct assay_cycle *c) {
    static const char *const units[] = {"", "wh", "h", "wd", "d"};
    if (!c->standard.unit) return;
    assay_buf_printf(b, " %s %d%s", c->standard_reason, c->standard.n, units[c->standard.unit]);
    if (c->beyond_slowest) assay_buf_adds(b, " beyond");
}

static inline void script_put_cycle(struct assay_buf *b, const struct assay_cycle *c) {
    if (!c->outcome) {
        assay_buf_adds(b, "; -");
        return;
    }
    assay_buf_printf(b, "; %s %s", assay_clock_outcome_name(c->outcome), assay_rule_name(c->rule));
    if (c->governing) assay_buf_printf(b, " %.*s", ASSAY_STR_ARG(c->governing->considered->line));
    script_put_clock(b, c->start, c->end);
    script_put_standard(b, c);
    if (c->elapsed_days >= 0) assay_buf_printf(b, " days %d margin %d", (int)c->elapsed_days, (int)c->margin);
    assay_buf_adds(b, " due ");
    script_put_instant(b, c->deadline);
}

static inline void script_put_verdict(struct assay_buf *b, const struct assay_verdict *v) {
    assay_buf_adds(b, v->outcome ? assay_outcome_name(v->outcome) : "none");
    if (v->reason) assay_buf_printf(b, "/%s", assay_reason_name(v->reason));
    script_put_diagnosis(b, &v->diagnosis);
    script_put_cycle(b, &v->cycle);
    script_put_points(b, v->points);
}

#endif
