#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Prints, as a table for a document, what `GSPAWN engines --json` says of needs and engines.

    engines-table.py GSPAWN
"""

import json
import subprocess
import sys


def row(cells):
    print('|', ' | '.join(cells), '|')


def main():
    output = subprocess.run([sys.argv[1], 'engines', '--json'], check=True,
                            stdout=subprocess.PIPE).stdout
    table = json.loads(output)
    engines = table['engines']
    row(['Need', 'The request', *(engine['name'] for engine in engines)])
    row(['---'] * (2 + len(engines)))
    for need in table['needs']:
        can = ('yes' if need['name'] in engine['capabilities'] else '–' for engine in engines)
        row([f'`{need["name"]}`', need['description'], *can])


main()
