#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Prints what `CONTRACT-TEST --list-differences` says, with the cases of one cause together.

    differences-table.py CONTRACT-TEST
"""

import re
import subprocess
import sys


def main():
    output = subprocess.run([sys.argv[1], '--list-differences'], check=True,
                            stdout=subprocess.PIPE, encoding='utf-8').stdout
    rows = re.findall(r'^\| (.*) \| (.*) \|$', output, re.MULTILINE)
    (case_title, difference_title), *rows = rows
    cases = {}
    for case, difference in rows:
        cases.setdefault(difference, []).append(case)

    print('|', difference_title, '|', case_title + 's', '|')
    print('| --- | --- |')
    for difference, names in cases.items():
        print('|', difference, '|', ', '.join(names), '|')


main()
