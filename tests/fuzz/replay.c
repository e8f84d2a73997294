/* replay.c -- runs a fuzz target as an ordinary test: every file of the folders named, then mutants of each from a fixed
 * seed. A crash is the failure; the last line printed says which file it was and how to come to the mutant. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BIGGEST = 1 << 20 };
static int mutants; /* of each file: --mutants=N, first */

static uint64_t random_next(uint64_t *state) { /* splitmix64 */
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* In memory of its own, so that reading past the end shows. */
static void run(const uint8_t *data, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy) abort();
    memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

/* A few small wounds: a byte changed, a stretch cut out, a stretch doubled, the end cut off. Returns the new size. */
static size_t wound(uint8_t *data, size_t n, uint64_t *state) {
    static const char sharp[] = "{}[]\",:\\/0-e.\0\n\r\xFF\xC3";
    for (uint64_t wounds = 1 + random_next(state) % 3; wounds && n; wounds--) {
        size_t at = random_next(state) % n, len = 1 + random_next(state) % 16;
        if (len > n - at) len = n - at;
        switch (random_next(state) % 5) {
        case 0: data[at] = (uint8_t)random_next(state); break;
        case 1: data[at] = (uint8_t)sharp[random_next(state) % (sizeof sharp - 1)]; break;
        case 2:
            memmove(data + at, data + at + len, n - at - len);
            n -= len;
            break;
        case 3:
            if (n + len > BIGGEST) break;
            memmove(data + at + len, data + at, n - at);
            n += len;
            break;
        default: n = at; break;
        }
    }
    return n;
}

static int replay_file(const char *path, uint64_t seed) {
    static uint8_t whole[BIGGEST], mutant[BIGGEST];
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    size_t n = fread(whole, 1, sizeof whole, f);
    fclose(f);
    printf("# %s and %d mutants from seed %llu\n", path, mutants, (unsigned long long)seed);
    fflush(stdout);
    run(whole, n);
    for (int i = 0; i < mutants; i++) {
        memcpy(mutant, whole, n);
        run(mutant, wound(mutant, n, &seed));
    }
    return 1;
}

int main(int argc, char **argv) {
    int files = 0;
    for (int i = 1; i < argc; i++) {
        static const char option[] = "--mutants=";
        if (strncmp(argv[i], option, sizeof option - 1) == 0) {
            mutants = (int)strtol(argv[i] + sizeof option - 1, NULL, 10);
            continue;
        }
        DIR *dir = opendir(argv[i]);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            char path[4096];
            if (entry->d_name[0] == '.') continue;
            if (snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name) >= (int)sizeof path) continue;
            files += replay_file(path, (uint64_t)i);
        }
        if (dir) closedir(dir);
    }
    printf("%s\n1..1\n", files ? "ok 1 - replayed" : "not ok 1 - no corpus was found");
    return files ? EXIT_SUCCESS : EXIT_FAILURE;
}
