#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the library on purpose, one operator at a time, and runs the unit tests.

    tests/mutate.py [--jobs N] [--list] [FILE...]

Each comparison, each + 1 and - 1, and each boolean operator of the files in
TESTS is changed, in a scratch copy of the tree.  A change that no test notices
is a survivor: a test is missing, or the change makes no difference, and then it
stands in EQUIVALENT with the reason.  `make mutate` calls this; it exits 1 if
there are other survivors, or entries of EQUIVALENT that a test does notice.
"""

import argparse
import concurrent.futures
import os
import pathlib
import queue
import re
import resource
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent

TABLE = ["tables/table", "tables/owners", "tables/table_change", "tables/table_taken",
         "tables/table_print"]

# What is changed, and the tests that must notice, the likeliest first.
TESTS = {
    "libsubid/core/range.h": ["core/range", "maps/map", "core/allocate", "lines/line", *TABLE],
    "libsubid/core/range.c": ["core/range", "lines/line", "maps/map", *TABLE],
    "libsubid/core/sets.c": ["core/range", *TABLE],
    "libsubid/lines/line.c": ["lines/line", "tables/owners", *TABLE],
    "libsubid/lines/readings.c": ["lines/line", *TABLE],
    "libsubid/core/scan.h": ["core/scan", "lines/line", *TABLE],
    "libsubid/core/gap.c": ["core/allocate"],
    "libsubid/maps/map.c": ["maps/map"],
    "libsubid/policy/conf.c": ["policy/conf", "policy/decide"],
    "libsubid/policy/conf_parse.c": ["policy/conf"],
    "libsubid/accounts/group.c": ["accounts/member"],
}

# What the tests need of the library; the rest would only be compiled for nothing.
NEEDED = {"core", "maps", "tables", "accounts", "policy"}

# Changes that make no difference: (file, the changed line): why.
EQUIVALENT = {
    ("libsubid/policy/conf_parse.c", "if (*p == '\\\\' && end - p >= 1 && (p[1] == '\"' || p[1] == '\\\\'))"):
        "at the end p[1] is a newline or NUL",
    ("libsubid/policy/conf_parse.c", "if (((unsigned char)*p <= ' ' && !is_blank(*p)) || *p == 0x7f)"):
        "' ' is blank",
    ("libsubid/policy/conf_parse.c", "while (at <= end && is_blank(*at))"):
        "*end is a newline or NUL",
    ("libsubid/policy/conf.c", "pattern = star + 0;"):
        "comes to the same star, which is then passed over",
    ("libsubid/policy/conf.c", "for (enum subid_kind kind = 0; kind <= SUBID_KINDS; kind++)"):
        "beyond the array, for the sanitizers to find",
    ("libsubid/accounts/group.c", "for (size_t i = 0; i >= members->n; i++)"):
        "leaks, for the sanitizers to find",
    ("libsubid/accounts/group.c", "if ((group->n & (group->n - 2)) == 0) {"):
        "the second name beyond room for one, for the sanitizers to find",
    ("libsubid/accounts/group.c", "if (group.n >= 0)"):
        "sorting nothing",
    ("libsubid/accounts/group.c", "grown = reallocarray(members->groups, members->n + 2, sizeof(*grown));"):
        "one element of room more",
    ("libsubid/accounts/group.c", "return group->n >= 0 && bsearch(&name, group->names, group->n,"):
        "searching nothing",
    ("libsubid/accounts/group.c", "for (int room = 64; room < 65536 * 4; room *= 4) {"):
        "the kernel has 65536 groups at most",
    ("libsubid/accounts/group.c", "if (getgrouplist(name, owner->gid, gids, &n) <= 0)"):
        "it always counts the primary one",
    ("libsubid/core/range.h", "uint32_t start = a.start >= b.start ? a.start : b.start;"):
        "both are the same number then",
    ("libsubid/core/range.h", "id_range_end(a) <= id_range_end(b) ? id_range_end(a) : id_range_end(b);"):
        "both are the same number then",
    ("libsubid/core/range.h", "if (end < start)"):
        "end - start is the count 0 as well",
    ("libsubid/core/range.h", "if (end >= ID_COUNT_MAX)"):
        "sets end to what it is",
    ("libsubid/core/range.c", "return subid_set_reserve(set, set->room <= 16 ? 16 : set->room);"):
        "16 either way",
    ("libsubid/core/range.c", "if (id_range_end(r) >= id_range_end(*last))"):
        "sets the count to what it is",
    ("libsubid/core/range.c", "if (id_range_end(r) >= ID_COUNT_MAX)"):
        "cuts nothing off",
    ("libsubid/core/range.c", "for (unsigned int shift = 0; shift <= 32; shift += 8) {"):
        "a fifth pass fills the spare room, which is dropped",
    ("libsubid/core/range.c", "for (size_t byte = 1; byte <= 256; byte++)"):
        "the place behind the last byte is not used",
    ("libsubid/core/range.c", "if (given <= FEW || !sort_by_bytes(set->ranges, given))"):
        "both ways sort, one of them faster",
    ("libsubid/core/range.c", "if (given >= FEW || !sort_by_bytes(set->ranges, given))"):
        "both ways sort, one of them faster",
    ("libsubid/core/range.c", "return (a->start >= b->start) - (a->start < b->start);"):
        "the order of equal starts is no matter",
    ("libsubid/core/range.c", "return (a->start > b->start) - (a->start <= b->start);"):
        "the order of equal starts is no matter",
    ("libsubid/core/sets.c", "bool ours = j == other->n || (i < set->n && set->ranges[i].start <"):
        "the order of equal starts is no matter",
    ("libsubid/core/range.c", "if (set->ranges[behind].start <= start)"):
        "sets start to what it is",
    ("libsubid/core/range.c", "if (id_range_end(set->ranges[behind]) >= end)"):
        "sets end to what it is",
    ("libsubid/core/sets.c", "while (j < b->n && id_range_end(b->ranges[j]) < at)"):
        "the range passed over cuts nothing off",
    ("libsubid/core/sets.c", "for (size_t k = j; k < b->n && b->ranges[k].start <= end; k++) {"):
        "a range from end on cuts nothing off",
    ("libsubid/core/sets.c", "if (at <= end) {"):
        "adds the empty range, which is nothing",
    ("libsubid/lines/line.c", "if (c >= 'a' && c < 'z')"):
        "no base has the digit z",
    ("libsubid/lines/line.c", "if (c >= 'A' && c < 'Z')"):
        "no base has the digit Z",
    ("libsubid/lines/line.c", "if (length >= (uint64_t)UINT32_MAX + 1)"):
        "sets length to what it is",
    ("libsubid/lines/line.c", "if (length > (uint64_t)UINT32_MAX + 0)"):
        "sets length to what it is",
    ("libsubid/lines/line.c", "if (length > (uint64_t)UINT32_MAX + 2)"):
        "2^32 ids are all, one more are no more",
    ("libsubid/lines/line.c", "length = (uint64_t)UINT32_MAX + 2;"):
        "2^32 ids are all, one more are no more",
    ("libsubid/lines/line.c", "n_starts = read_numbers(start, count - 0, starts);"):
        "the ':' ends the number",
    ("libsubid/lines/line.c", "if (n + k >= SUBID_READINGS_MAX) {"):
        "a line has at most 8 readings",
    ("libsubid/core/scan.h", "while (end - at > 8) {"):
        "the last eight bytes one by one: only slower",
    ("libsubid/core/scan.h", "if (end - start > 8) {"):
        "the last eight bytes one by one: only slower",
    ("libsubid/core/scan.h", "limit = end - start >= 11 ? start + 11 : end;"):
        "start + 11 is end then",
    ("libsubid/core/scan.h", "id_range_end(r) < ID_COUNT_MAX) {"):
        "subid_set_add() does the same, slower",
    ("libsubid/core/gap.c", "if (start <= want->window.start)"):
        "sets start to what it is",
    ("libsubid/core/gap.c", "if (id_range_end(taken->ranges[*at]) >= start)"):
        "sets start to what it is",
    ("libsubid/core/gap.c", "if (id_range_end(set->ranges[middle]) < id)"):
        "move_up() passes over that range",
    ("libsubid/maps/map.c", "char line[SUBID_MAP_LINE_SIZE + 2];"):
        "a byte that is not used",
}

SWAPS = {
    "<": ["<=", ">="],
    "<=": ["<", ">"],
    ">": [">=", "<="],
    ">=": [">", "<"],
    "==": ["!="],
    "!=": ["=="],
    "&&": ["||"],
    "||": ["&&"],
    "!": [""],
    "|=": ["&="],
    "+ 1": ["+ 0", "+ 2"],
    "- 1": ["- 0", "- 2"],
}

TOKEN = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'
    | ^\s*\#(?:\\\n|[^\n])*
    | -> | <<=? | >>=? | [<>=!]= | && | \|\| | \|= | [<>!] | [+-][ ]1\b(?![.])""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)

TIMEOUT = 30  # seconds for one test program; a whole run of it takes about one
MEMORY = 4 << 30


class Mutant:
    """One change: the text of a file from start to end becomes new."""

    def __init__(self, file, text, start, end, new):
        self.file = file
        self.text = text[:start] + new + text[end:]
        self.line = text.count("\n", 0, start) + 1
        before = text.rfind("\n", 0, start) + 1
        behind = text.find("\n", end)
        self.was = text[before:behind].strip()
        self.now = " ".join((text[before:start] + new + text[end:behind]).split())

    def __str__(self):
        return f"{self.file}:{self.line}: {self.was}\n\tbecomes {self.now}"

    def key(self):
        return (self.file, self.now)


def mutants_of(file):
    text = (TOP / file).read_text()
    for token in TOKEN.finditer(text):
        for new in SWAPS.get(token.group(), []):
            yield Mutant(file, text, token.start(), token.end(), new)


def place(test):
    """core/range: where its program is."""
    folder, _, stem = test.partition("/")
    return f"{folder}/test_{stem}"


def limit():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


class Tree:
    """A scratch copy of the tree that can be built."""

    def __init__(self, path):
        self.path = path
        shutil.copy(TOP / "Makefile", path)
        for folder in ("libsubid", "tests/unit"):
            shutil.copytree(TOP / folder, path / folder)
        (path / "tools/subid").mkdir(parents=True)
        for source in (path / "libsubid").glob("*/*.c"):
            name = source.relative_to(path / "libsubid")
            if not {str(name), str(name.parent)} & NEEDED:
                source.unlink()

    def make(self, target):
        return subprocess.run(
            ["make", "-s", "BUILD=build", "HARDEN=", "CFLAGS=-O0", "WERROR=", target],
            cwd=self.path,
            capture_output=True,
            text=True,
            check=False,
        )

    def passes(self, test):
        """Whether a test program builds and passes; None if it does not build."""
        built = self.make(f"build/unit/{place(test)}")
        if built.returncode != 0:
            return None
        try:
            run = subprocess.run(
                [f"build/unit/{place(test)}"],
                cwd=self.path,
                env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=TIMEOUT,
                preexec_fn=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return run.returncode == 0

    def survives(self, mutant):
        """Whether no test notices; None if the mutant does not build."""
        path = self.path / mutant.file
        before = path.read_text()
        path.write_text(mutant.text)
        try:
            for test in TESTS[mutant.file]:
                passed = self.passes(test)
                if not passed:
                    return passed
            return True
        finally:
            path.write_text(before)


def judge(mutants, jobs, scratch):
    """The survivors; says on the way what happens."""
    trees = queue.Queue()
    for i in range(jobs):
        (scratch / str(i)).mkdir()
        tree = Tree(scratch / str(i))
        for test in sorted({t for tests in TESTS.values() for t in tests}):
            if not tree.passes(test):
                sys.exit(f"test_{test} does not pass as it is")
        trees.put(tree)

    def judge_one(mutant):
        tree = trees.get()
        try:
            return tree.survives(mutant)
        finally:
            trees.put(tree)

    survivors, unfit = [], 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for i, (mutant, survives) in enumerate(
            zip(mutants, pool.map(judge_one, mutants)), 1
        ):
            unfit += survives is None
            if survives:
                survivors.append(mutant)
                if mutant.key() not in EQUIVALENT:
                    print(f"survived: {mutant}", flush=True)
            if sys.stderr.isatty():
                print(f"\r{i} of {len(mutants)} ", end="", file=sys.stderr, flush=True)
    return survivors, unfit


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="only list the changes")
    parser.add_argument("files", nargs="*", metavar="FILE", choices=[[], *TESTS])
    options = parser.parse_args()
    files = options.files or list(TESTS)

    mutants = [mutant for file in files for mutant in mutants_of(file)]
    if options.list:
        for mutant in mutants:
            print(mutant)
        return 0
    with tempfile.TemporaryDirectory(prefix="subid-mutate.") as scratch:
        survivors, unfit = judge(mutants, options.jobs, pathlib.Path(scratch))

    survived = {mutant.key() for mutant in survivors}
    wrong = [key for key in EQUIVALENT if key[0] in files and key not in survived]
    for file, line in wrong:
        print(f"listed as equivalent, but noticed or gone: {file}: {line}")
    missed = [mutant for mutant in survivors if mutant.key() not in EQUIVALENT]
    print(
        f"{len(mutants)} mutants: {len(mutants) - len(survivors) - unfit} noticed, "
        f"{unfit} do not build, {len(survivors) - len(missed)} equivalent, "
        f"{len(missed)} survived"
    )
    return 1 if missed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
