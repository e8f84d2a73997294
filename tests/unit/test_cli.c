/* test_cli.c -- command lines read by a table, help made of it, and the settings: where each comes from, what is wrong with
 * them all at once, what is unwise. */
#include "check_main.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/settings.h"

enum { NAME, FAST, LANG };
static const struct assay_option options[] = {
    [NAME] = {"name", "TEXT", "nobody", "TEST_NAME", NULL, "whose it is"},
    [FAST] = {"fast", NULL, NULL, "TEST_FAST", NULL, "at once"},
    [LANG] = {"lang", "LANGUAGE", NULL, NULL, "en zh", "in which language"},
};
static const struct assay_example examples[] = {{"Say it:", "assayd try --fast"}, {0}};
static const struct assay_exit_status exits[] = {{0, "done"}, {7, "not done"}, {0}};
static const struct assay_command plain = {.name = "try",
                                           .group = "Test",
                                           .summary = "tries",
                                           .synopsis = "[options] X",
                                           .about = "Tries it.\nTwice.",
                                           .examples = examples,
                                           .exit_status = exits,
                                           ASSAY_OPTIONS(options)};
static const struct assay_command with_settings = {
    .name = "run", .synopsis = "", .about = "Runs.", .settings = true, ASSAY_OPTIONS(options)};

#define ARGS(...) ((char *[]){(char *)"x", __VA_ARGS__, NULL})
static int count(char **argv) {
    int n = 0;
    while (argv[n]) n++;
    return n;
}

/* --- command lines ---------------------------------------------------------------------------------------------------------- */

START_TEST(test_parse) {
    struct assay_cli cli;
    struct assay_errors es = {0};
    char **argv = ARGS((char *)"a", (char *)"--name", (char *)"--fast", (char *)"-", (char *)"--lang=zh", (char *)"--name=c",
                       (char *)"--", (char *)"--fast");
    unsetenv("TEST_FAST");
    assay_cli_parse(&plain, count(argv), argv, &cli, &es);
    ck_assert_uint_eq(es.n, 0);
    ck_assert_str_eq(assay_cli_value(&cli, NAME), "c"); /* the last one; the first took "--fast" as its value */
    ck_assert_str_eq(assay_cli_value(&cli, LANG), "zh");
    ck_assert(!assay_cli_flag(&cli, FAST));
    ck_assert_int_eq(cli.n_operands, 3);
    ck_assert_str_eq(cli.operands[0], "a");
    ck_assert_str_eq(cli.operands[1], "-");
    ck_assert_str_eq(cli.operands[2], "--fast");
}
END_TEST

START_TEST(test_settings_are_passed_on) {
    struct assay_cli cli;
    struct assay_errors es = {0};
    char **argv = ARGS((char *)"--fast", (char *)"--read_workers", (char *)"5", (char *)"a", (char *)"--insecure-no-auth",
                       (char *)"--listen=1:2", (char *)"--name", (char *)"n");
    assay_cli_parse(&with_settings, count(argv), argv, &cli, &es);
    ck_assert_uint_eq(es.n, 0);
    ck_assert_int_eq(cli.n_settings, 4);
    ck_assert_str_eq(argv[1], "--read_workers");
    ck_assert_str_eq(argv[2], "5");
    ck_assert_str_eq(argv[3], "--insecure-no-auth");
    ck_assert_str_eq(argv[4], "--listen=1:2");
    ck_assert_int_eq(cli.n_operands, 1);
    ck_assert_str_eq(cli.operands[0], "a");
    ck_assert(assay_cli_flag(&cli, FAST));
    ck_assert_str_eq(assay_cli_value(&cli, NAME), "n");
}
END_TEST

START_TEST(test_mistakes_all_at_once) {
    static const char *const want[] = {"there is no option --nme; did you mean --name?",
                                       "--lang: \"fr\" is none of: en zh",
                                       "--fast takes no value",
                                       "there is no option -f; options begin with --",
                                       "there is no option --zzzzzzzz",
                                       "--lang: \"e\" is none of: en zh",
                                       "--name needs a value: TEXT"};
    struct assay_cli cli;
    struct assay_errors es = {0};
    char **argv = ARGS((char *)"--nme=a", (char *)"--lang", (char *)"fr", (char *)"--fast=1", (char *)"-f", (char *)"--zzzzzzzz",
                       (char *)"--lang=e", (char *)"--name");
    assay_cli_parse(&plain, count(argv), argv, &cli, &es);
    ck_assert_uint_eq(es.n, sizeof want / sizeof *want);
    for (size_t i = 0; i < es.n; i++) ck_assert_str_eq(es.items[i].detail, want[i]);
}
END_TEST

START_TEST(test_environment_behind_the_command_line) {
    struct assay_cli cli;
    struct assay_errors es = {0};
    char **none = ARGS(NULL), **said = ARGS((char *)"--name", (char *)"said");
    setenv("TEST_NAME", "environment", 1);
    setenv("TEST_FAST", "false", 1);
    assay_cli_parse(&plain, 1, none, &cli, &es);
    ck_assert_str_eq(assay_cli_value(&cli, NAME), "environment");
    ck_assert_ptr_null(assay_cli_given(&cli, NAME));
    ck_assert(!assay_cli_flag(&cli, FAST));
    setenv("TEST_FAST", "true", 1);
    ck_assert(assay_cli_flag(&cli, FAST));
    assay_cli_parse(&plain, count(said), said, &cli, &es);
    ck_assert_str_eq(assay_cli_value(&cli, NAME), "said");
    setenv("TEST_NAME", "", 1);
    assay_cli_parse(&plain, 1, none, &cli, &es);
    ck_assert_ptr_null(assay_cli_value(&cli, NAME));
    unsetenv("TEST_NAME");
    unsetenv("TEST_FAST");
}
END_TEST

START_TEST(test_nearest) {
    static const char *const words[] = {"load", "orders", NULL, "explain", "check-config", "completion"};
    static const char *const pairs[][2] = {
        {"laod", "load"}, {"order", "orders"}, {"exp", "explain"},   {"chekc-config", "check-config"}, {"comp", "completion"},
        {"LOAD", NULL},   {"x", NULL},         {"frobnicate", NULL}, {"checkconfig", "check-config"},  {"", NULL}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *found = assay_nearest(pairs[i][0], words, sizeof words / sizeof *words);
        ck_assert_msg(found == pairs[i][1] || (found && pairs[i][1] && !strcmp(found, pairs[i][1])), "%s: %s", pairs[i][0],
                      found ? found : "-");
    }
}
END_TEST

START_TEST(test_help_says_all_of_the_table) {
    static const char *const parts[] = {"usage: assayd try [options] X\n",  "Tries it.\n\nTwice.\n", "    --name TEXT\n",
                                        "whose it is [nobody] (TEST_NAME)", "    --fast\n",          "one of: en zh",
                                        "        assayd try --fast\n",      "    7   not done\n"};
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    assay_help_command(&plain, f);
    fclose(f);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(text, parts[i]) != NULL, "%s\n%s", parts[i], text);
    for (char *line = text; *line; line += strcspn(line, "\n") + 1) ck_assert_uint_le(strcspn(line, "\n"), 80);
    free(text);
    f = open_memstream(&text, &n);
    assay_help_command(&with_settings, f);
    fclose(f);
    struct assay_setting s;
    for (size_t i = 0; assay_setting_at(i, &s); i++)
        ck_assert_msg(strstr(text, s.name) && strstr(text, s.env), "no word of the setting %s", s.name);
    free(text);
}
END_TEST

/* --- settings ------------------------------------------------------------------------------------------------------------------ */

static char dir[] = "/tmp/assay-cli-XXXXXX", config[64], secret[64];

static void write_file(const char *path, const char *text, mode_t mode) {
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
}

static void begin(void) {
    static const char *const used[] = {
        "ASSAY_LISTEN",       "ASSAY_STATE_DIR",         "ASSAY_CONFIG",      "ASSAY_ADMIN_KEY", "ASSAY_ADMIN_KEY_FILE",
        "ASSAY_DATABASE_URL", "ASSAY_DATABASE_URL_FILE", "ASSAY_READ_WORKERS"};
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(config, sizeof config, "%s/conf", dir);
    snprintf(secret, sizeof secret, "%s/key", dir);
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) unsetenv(used[i]);
}

static void end(void) {
    unlink(config);
    unlink(secret);
    rmdir(dir);
}

static struct assay_settings settings;
static struct assay_errors errors, wrong, unwise;
static enum assay_status read_them(char **argv) { return assay_settings_read_all(count(argv), argv, &settings, &errors); }

START_TEST(test_places_and_sources) {
    char line[128];
    write_file(config, "# a comment\n\n listen = 127.0.0.1:1\nread_workers=7\nlog-level = warn\n", 0600);
    write_file(secret, "  a-key-of-a-file-0123456789abcdef  \n", 0600);
    setenv("ASSAY_READ_WORKERS", "8", 1);
    setenv("ASSAY_LISTEN", "127.0.0.1:2", 1);
    setenv("ASSAY_ADMIN_KEY_FILE", secret, 1);
    ck_assert_int_eq(
        read_them(ARGS((char *)"--listen", (char *)"127.0.0.1:3", (char *)"--config", config, (char *)"--insecure-no-auth")),
        ASSAY_OK);
    ck_assert_str_eq(settings.listen, "127.0.0.1:3");
    ck_assert_str_eq(settings.from[ASSAY_SETTING_AT_listen], "command line");
    ck_assert_int_eq(settings.read_workers, 8);
    ck_assert_str_eq(settings.from[ASSAY_SETTING_AT_read_workers], "ASSAY_READ_WORKERS");
    ck_assert_str_eq(settings.log_level, "warn");
    snprintf(line, sizeof line, "%s line 5", config);
    ck_assert_str_eq(settings.from[ASSAY_SETTING_AT_log_level], line);
    ck_assert_str_eq(settings.admin_key, "a-key-of-a-file-0123456789abcdef");
    ck_assert_str_eq(settings.from[ASSAY_SETTING_AT_admin_key], "ASSAY_ADMIN_KEY_FILE");
    ck_assert_str_eq(settings.from[ASSAY_SETTING_AT_upload_queue], "default");
    ck_assert(settings.insecure_no_auth);
    struct assay_buf shown = {0};
    struct assay_setting s;
    for (size_t i = 0; assay_setting_at(i, &s); i++) assay_setting_show(&settings, i, &shown);
    ck_assert_ptr_nonnull(strstr(shown.p, "********"));
    ck_assert_ptr_null(strstr(shown.p, "a-key-of-a-file"));
    assay_buf_free(&shown);
    assay_settings_free(&settings);
}
END_TEST

START_TEST(test_all_that_is_wrong) {
    char want[6][200];
    write_file(config, "listn = x\nread-workers = 0\nnonsense\n", 0600);
    setenv("ASSAY_ADMIN_KEY_FILE", "/nowhere/key", 1);
    ck_assert_int_eq(
        read_them(ARGS((char *)"--config", config, (char *)"--upload-queue", (char *)"many", (char *)"--insecure-no-auth=yes")),
        ASSAY_CONFIG);
    snprintf(want[0], 200, "%s line 1: there is no setting \"listn\"; did you mean listen?", config);
    snprintf(want[1], 200, "read-workers (%s line 2): a whole number from 1 to 64, not \"0\"", config);
    snprintf(want[2], 200, "%s line 3: `name = value` is wanted", config);
    snprintf(want[3], 200, "admin-key (ASSAY_ADMIN_KEY_FILE): cannot read /nowhere/key: No such file or directory");
    snprintf(want[4], 200, "upload-queue (command line): a whole number from 1 to 10000, not \"many\"");
    snprintf(want[5], 200, "insecure-no-auth (command line): true or false, not \"yes\"");
    ck_assert_uint_eq(errors.n, 6);
    for (size_t i = 0; i < 6; i++) ck_assert_str_eq(errors.items[i].detail, want[i]);
    ck_assert_int_eq(settings.read_workers, 3); /* what is wrong changes nothing */
    assay_settings_free(&settings);
}
END_TEST

#define GOOD_KEY "0123456789abcdef0123456789abcdef"
#define TOKENS "--state-dir=/d", "--oidc-issuer=https://idp.example", "--oidc-audience=assay"
/* A row: settings, then the field that must be wrong (or NULL), then the one that must be unwise (or NULL). */
START_TEST(test_what_is_unwise) {
    static const struct {
        const char *argv[7], *wrong, *unwise;
    } rows[] = {
        {{"--state-dir", "/var/lib/assay"}, NULL, NULL},
        {{"--state-dir", "/d", "--database-url", "postgresql://assay@localhost/assay"}, NULL, NULL},
        {{"--state-dir", "/d", "--database-url", "host=/run/postgresql dbname=assay"}, NULL, NULL},
        {{"--state-dir", "/d", "--database-url", "postgresql://a@db.example/assay?sslmode=verify-full"}, NULL, NULL},
        {{NULL}, "admin-key", NULL},
        {{"--insecure-no-auth"}, "state-dir", "insecure-no-auth"},
        {{"--state-dir", "/d", "--insecure-no-auth"}, NULL, "insecure-no-auth"},
        {{"--state-dir", "/d", "--insecure-no-auth", "--listen", "0.0.0.0:80"}, "insecure-no-auth", "insecure-no-auth"},
        {{"--state-dir", "/d", "--listen", "0.0.0.0:80"}, NULL, "listen"},
        {{"--state-dir", "/d", "--listen", ":80"}, NULL, "listen"},
        {{"--state-dir", "/d", "--listen", "[::1]:80"}, NULL, NULL},
        {{"--state-dir", "/d", "--listen", "127.0.0.1"}, "listen", NULL},
        {{"--state-dir", "/d", "--listen", "127.0.0.1:"}, "listen", NULL},
        {{"--state-dir", "/d", "--listen", "127.0.0.1:65536"}, "listen", NULL},
        {{"--state-dir", "/d", "--listen", "::1:80"}, "listen", NULL},
        {{"--state-dir", "/d", "--admin-key", "short"}, "admin-key", "admin-key"},
        {{"--state-dir", "/d", "--admin-key", GOOD_KEY}, NULL, "admin-key"},
        {{"--state-dir", "/d", "--database-url", "postgresql://a:secret@localhost/assay"}, NULL, "database-url"},
        {{"--state-dir", "/d", "--database-url", "postgresql://a@db.example/assay"}, NULL, "database-url"},
        {{"--state-dir", "/d", "--database-url", "host=db.example dbname=assay"}, NULL, "database-url"},
        {{"--state-dir", "/d", "--database-url", "dbname=a options='-c synchronous_commit=off'"}, NULL, "database-url"},
        {{"--state-dir", "/dev/shm"}, NULL, "state-dir"},
        {{"--state-dir", "/dev/null"}, "state-dir", NULL},
        {{"--state-dir", "/d", "--read-workers", "64", "--upload-workers", "32"}, NULL, "read-workers"},
        {{"--state-dir", "/d", "--drain-seconds", "0"}, NULL, "drain-seconds"},
        {{"--state-dir", "/d", "--upload-memory", "1073741824", "--upload-workers", "32"}, NULL, "upload-memory"},
        {{"--state-dir", "/d", "--log-level", "loud"}, "log-level", NULL},
        {{"--state-dir", "/d", "--log-format", "xml"}, "log-format", NULL},
        {{"--state-dir", "/d", "--connections", "3000"}, "connections", NULL},
        {{TOKENS, "--oidc-jwks=/etc/jwks.json"}, NULL, NULL},
        {{TOKENS, "--oidc-jwks=https://idp.example/jwks", "--oidc-roles=portal,ccc"}, NULL, NULL},
        {{TOKENS, "--oidc-jwks=http://127.0.0.1:81/jwks"}, NULL, NULL},
        {{TOKENS, "--oidc-jwks=http://idp.example/jwks"}, "oidc-jwks", NULL},
        {{TOKENS, "--oidc-jwks=https://u:p@idp.example/jwks"}, "oidc-jwks", NULL},
        {{TOKENS}, "oidc-jwks", NULL},
        {{TOKENS, "--oidc-jwks=/k", "--oidc-audience="}, "oidc-audience", NULL},
        {{TOKENS, "--oidc-jwks=/k", "--oidc-roles=portal,admin"}, "oidc-roles", NULL},
        {{TOKENS, "--oidc-jwks=/k", "--oidc-roles="}, "oidc-roles", NULL},
        {{TOKENS, "--oidc-jwks=/k", "--oidc-roles=manufacturer"}, NULL, "oidc-roles"},
        {{TOKENS, "--oidc-jwks=/k", "--oidc-role-claim="}, "oidc-role-claim", NULL},
        {{TOKENS, "--oidc-jwks=/k", "--oidc-provider-claim="}, "oidc-provider-claim", NULL},
        {{TOKENS, "--oidc-jwks=/k", "--oidc-issuer=http://idp.example"}, NULL, "oidc-issuer"},
        {{"--state-dir=/d", "--oidc-jwks=/k"}, "oidc-jwks", NULL},
    };
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){2000, 2000});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *argv[9] = {(char *)"x"};
        for (size_t k = 0; k < 7; k++) argv[k + 1] = (char *)rows[i].argv[k];
        wrong.n = unwise.n = 0;
        ck_assert_msg(read_them(argv) == ASSAY_OK, "row %zu: %s", i, errors.items[0].detail);
        assay_settings_check(&settings, &wrong, &unwise);
        ck_assert_msg(rows[i].wrong ? wrong.n && !strcmp(wrong.items[0].field, rows[i].wrong) : !wrong.n, "row %zu: wrong: %s", i,
                      wrong.n ? wrong.items[0].detail : "nothing");
        ck_assert_msg(rows[i].unwise ? unwise.n && !strcmp(unwise.items[0].field, rows[i].unwise) : !unwise.n,
                      "row %zu: unwise: %s", i, unwise.n ? unwise.items[0].detail : "nothing");
        assay_settings_free(&settings);
    }
}
END_TEST

START_TEST(test_files_that_others_read) {
    write_file(config, "admin-key = " GOOD_KEY "\n", 0644);
    for (int i = 0; i < 2; i++) {
        if (i) chmod(config, 0600);
        wrong.n = unwise.n = 0;
        ck_assert_int_eq(read_them(ARGS((char *)"--config", config, (char *)"--state-dir", (char *)"/d")), ASSAY_OK);
        assay_settings_check(&settings, &wrong, &unwise);
        ck_assert_uint_eq(unwise.n, i ? 0 : 1);
        if (!i) ck_assert_str_eq(unwise.items[0].field, "config");
        assay_settings_free(&settings);
    }
    chmod(dir, 0777);
    wrong.n = unwise.n = 0;
    ck_assert_int_eq(read_them(ARGS((char *)"--state-dir", dir)), ASSAY_OK);
    assay_settings_check(&settings, &wrong, &unwise);
    ck_assert_uint_eq(unwise.n, 1);
    ck_assert_str_eq(unwise.items[0].field, "state-dir");
    assay_settings_free(&settings);
}
END_TEST

static Suite *suite_of_cli(void) {
    Suite *suite = suite_create("cli");
    TCase *lines = tcase_create("lines"), *read = tcase_create("settings");
    tcase_add_test(lines, test_parse);
    tcase_add_test(lines, test_settings_are_passed_on);
    tcase_add_test(lines, test_mistakes_all_at_once);
    tcase_add_test(lines, test_environment_behind_the_command_line);
    tcase_add_test(lines, test_nearest);
    tcase_add_test(lines, test_help_says_all_of_the_table);
    suite_add_tcase(suite, lines);
    tcase_add_checked_fixture(read, begin, end);
    tcase_add_test(read, test_places_and_sources);
    tcase_add_test(read, test_all_that_is_wrong);
    tcase_add_test(read, test_what_is_unwise);
    tcase_add_test(read, test_files_that_others_read);
    suite_add_tcase(suite, read);
    return suite;
}

ASSAY_TESTS(suite_of_cli)
