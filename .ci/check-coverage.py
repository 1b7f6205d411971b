#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Holds the lines of the libraries that no test has run against docs/uncovered.md.

check-coverage.py BUILD-DIRECTORY SOURCE-DIRECTORY [--list]

The build is one with -Dline_coverage=true whose tests have been run. Prints TAP: a result for the
share of lines that ran, which must be LEAST percent, and one for each source: all its other lines
are in the document, and no others. With --list: those lines, in the form of the document.
"""

import glob
import os
import re
import subprocess
import sys

LEAST = 92.0
LIBRARIES = 'libgspawn-1.0.so.0', 'libgspawn-dropin-1.0.so.0'
# These may run or not, from one time to the next.
EITHER = '(now and then)'
# What a compiler counts, but nobody would miss.
TRIVIAL = re.compile(r'[{}\s;]*$|(else|do|default:)$|#define ')
FUNCTION = re.compile(r'(\w+) \(')
HEADING = re.compile(r'#+ `(?P<file>[^`]+)`: `(?P<function>\w+)\(\)`\s*(?P<either>\(now and then\))?$')


def tool(name):
    for candidate in (name, *(f'{name}-{version}' for version in range(30, 11, -1))):
        for directory in os.environ['PATH'].split(os.pathsep):
            if os.access(os.path.join(directory, candidate), os.X_OK):
                return candidate
    sys.exit(f'{name} is not installed')


def read_counters(build):
    """How often each line ran, for each file."""
    profiles = glob.glob(os.path.join(build, 'line-coverage', '*.profraw'))
    if not profiles:
        sys.exit('No test has been run')
    merged = os.path.join(build, 'line-coverage', 'merged')
    subprocess.run([tool('llvm-profdata'), 'merge', '-o', merged, *profiles], check=True)
    first, *others = [os.path.join(build, 'glib', library) for library in LIBRARIES]
    command = [tool('llvm-cov'), 'export', '-format=lcov', '-instr-profile=' + merged, first]
    for other in others:
        command += ['-object', other]
    counts, lines = {}, {}
    for record in subprocess.run(command, stdout=subprocess.PIPE, text=True,
                                 check=True).stdout.splitlines():
        kind, _, value = record.partition(':')
        if kind == 'SF':
            lines = counts.setdefault(os.path.realpath(value), {})
        elif kind == 'DA':
            number, count = (int(part) for part in value.split(',')[:2])
            lines[number] = max(count, lines.get(number, 0))
    return counts


def read_source(path, counts):
    """Yields for each line that counts: its function, its text, and whether it ran."""
    function = '?'
    with open(path, encoding='utf-8') as source:
        for number, line in enumerate(source, 1):
            match = FUNCTION.match(line)
            if match:
                function = match.group(1)
            text = line.strip()
            if number in counts and not TRIVIAL.match(text):
                yield function, text, counts[number] > 0


def read_document(path):
    """The lines that the document names: {(file, function, text): whether they must not run}."""
    listed, heading = {}, None
    with open(path, encoding='utf-8') as document:
        for line in document:
            match = HEADING.match(line)
            if match:
                heading = match
            elif line.startswith('#'):
                heading = None
            elif heading and line.startswith('    '):
                key = (heading['file'], heading['function'], line.strip())
                listed[key] = not heading['either']
    return listed


def show_list(sources):
    for name, lines in sources:
        last = None
        for function, text, ran in lines:
            if not ran:
                if function != last:
                    print(f'\n### `{name}`: `{function}()`\n')
                print(f'    {text}')
                last = function


def check_file(name, lines, listed):
    """What is wrong with the document as to one file."""
    ran = {(name, *line[:2]) for line in lines if line[2]}
    missed = {(name, *line[:2]) for line in lines if not line[2]}
    for _, function, text in sorted(missed - listed.keys()):
        yield f'never run, and not in the document: {function}(): {text}'
    for key, must_not_run in sorted(listed.items()):
        if key[0] == name and key not in missed and (must_not_run or key not in ran):
            yield f'in the document, but {"run" if key in ran else "gone"}: {key[1]}(): {key[2]}'


def main():
    build, source = sys.argv[1:3]
    counts = read_counters(build)
    sources = []
    for path in sorted(glob.glob(os.path.join(os.path.realpath(source), 'glib', '*.c'))):
        if path in counts:
            sources.append((os.path.basename(path), list(read_source(path, counts[path]))))
    if '--list' in sys.argv:
        return show_list(sources)

    listed = read_document(os.path.join(source, 'docs', 'uncovered.md'))
    total = sum(len(lines) for _, lines in sources)
    share = 100 * sum(line[2] for _, lines in sources for line in lines) / total
    print(f'1..{len(sources) + 2}')
    print('ok' if share >= LEAST else 'not ok', f'1 {share:.1f} % of {total} lines have run')
    names = {name for name, _ in sources}
    unknown = sorted({key[0] for key in listed} - names)
    for name in unknown:
        print(f'# in the document, but no source: {name}')
    print('not ok' if unknown else 'ok', '2 the sources of the document')
    failed = share < LEAST or bool(unknown)
    for number, (name, lines) in enumerate(sources, 3):
        problems = list(check_file(name, lines, listed))
        for problem in problems:
            print('#', problem)
        print('not ok' if problems else 'ok', number, name)
        failed |= bool(problems)
    return int(failed)


sys.exit(main())
