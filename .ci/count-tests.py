#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Counts the results in a testlog.json of Meson, and shows the logs of what failed.

Prints "PASSED FAILED SKIPPED" on standard output and the logs on standard error. Every line of a
TAP program counts by itself; a program of another kind counts once. A program that did not end
well counts as one more failure, unless a line of its own already said so.
"""

import json
import re
import sys

TAP_LINE = re.compile(r'(not )?ok\b[^#]*(?:#\s*(skip\S*|todo)\b)?', re.IGNORECASE)
GOOD = {'OK': 'passed', 'SKIP': 'skipped', 'EXPECTEDFAIL': 'skipped'}
LINES_OF_ONE, LINES_OF_PROGRAM, COLUMNS = 12, 60, 200


def count_tap(output):
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    for line in output.splitlines():
        match = TAP_LINE.match(line)
        if match is None:
            continue
        bad, directive = match.groups()
        if directive and (directive.lower() == 'todo' or not bad):
            counts['skipped'] += 1
        else:
            counts['failed' if bad else 'passed'] += 1
    return counts


def count_program(program):
    counts = count_tap(program.get('stdout') or '')
    verdict = GOOD.get(program['result'], 'failed')
    if sum(counts.values()) == 0 or (verdict == 'failed' and counts['failed'] == 0):
        counts[verdict] += 1
    return counts


def failures(program):
    """The lines that belong to what failed: those since the result before it."""
    since, last = [], 'nothing'
    for line in (program.get('stdout') or '').splitlines():
        match = TAP_LINE.match(line)
        if not re.match(r'# (Start|End) of |1\.\.', line):
            since.append(line)
        if match:
            if match.group(1):
                yield from since[-LINES_OF_ONE:]
            since, last = [], line
    if program['result'] == 'TIMEOUT':
        yield f'stopped after: {last}'
    yield from since[-LINES_OF_ONE:]
    yield from (program.get('stderr') or '').splitlines()[-LINES_OF_ONE:]


def show(program, build):
    print(f'--- {build}: {program["name"]}: {program["result"]}', file=sys.stderr)
    lines = [line for line in failures(program) if line.strip()]
    for line in lines[:LINES_OF_PROGRAM]:
        print(f'    {line[:COLUMNS]}', file=sys.stderr)
    if len(lines) > LINES_OF_PROGRAM:
        print(f'    ({len(lines) - LINES_OF_PROGRAM} lines more)', file=sys.stderr)


def main():
    build, path = sys.argv[1:]
    total = {'passed': 0, 'failed': 0, 'skipped': 0}
    with open(path, encoding='utf-8') as log:
        for line in log:
            program = json.loads(line)
            counts = count_program(program)
            for verdict, number in counts.items():
                total[verdict] += number
            if counts['failed']:
                show(program, build)
    print(total['passed'], total['failed'], total['skipped'])


main()
