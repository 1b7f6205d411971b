#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Prints what `CONTRACT-TEST --list-differences` and `DIFFERENTIAL-TEST --list-differences` say,
with all that has one cause together. A row of the second names a case of the first, or its own
cause.

    differences-table.py CONTRACT-TEST DIFFERENTIAL-TEST
"""

import re
import subprocess
import sys


def table_of(program, n_columns):
    output = subprocess.run([program, '--list-differences'], check=True,
                            stdout=subprocess.PIPE, encoding='utf-8').stdout
    cells = r'\| (.*) ' * n_columns
    return re.findall(rf'^{cells}\|$', output, re.MULTILINE)


def main():
    (case_title, difference_title), *contract = table_of(sys.argv[1], 2)
    (row_title, _, _), *differential = table_of(sys.argv[2], 3)
    causes, cases, rows = {}, {}, {}
    for case, cause in contract:
        causes[case.strip('`')] = cause
        cases.setdefault(cause, []).append(case)
    for row, cause, like in differential:
        if like and like not in causes:
            sys.exit(f'The row {row} is like {like}, which is no case in which GLib differs')
        cause = causes[like] if like else cause
        cases.setdefault(cause, [])
        rows.setdefault(cause, []).append(row)

    print('|', difference_title, '|', case_title + 's', '|', row_title + 's', '|')
    print('| --- | --- | --- |')
    for cause, names in cases.items():
        print('|', cause, '|', ', '.join(names) or '–', '|', ', '.join(rows.get(cause, '–')),
              '|')


main()
