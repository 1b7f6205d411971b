#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Fails when the reference manual leaves out a public symbol, or a parameter of one.

    check-reference.py DIRECTORY STAMP HEADER...

DIRECTORY is where gtk-doc worked. It lists there what it found wanting: symbols without
documentation, names of a section that are declared nowhere, and symbols that no section names. What
is private, that is in none of the HEADERs, does not matter.
"""

import pathlib
import re
import sys


def complaints(directory, public):
    sections = (directory / 'gspawn-sections.txt').read_text(encoding='utf-8')
    public |= set(re.findall(r'<FILE>(.*)</FILE>', sections))

    for kind in ('undocumented', 'undeclared', 'unused'):
        path = directory / f'gspawn-{kind}.txt'
        text = path.read_text(encoding='utf-8') if path.exists() else ''
        if kind == 'undocumented' and 'symbol docs coverage.' not in text:
            yield f'{path} is not what gtk-doc is known to write'
        # The first of them has statistics at its head.
        for line in re.findall(r'^[^\d\n].*', text, re.MULTILINE):
            if kind == 'undeclared' or re.split(r'[ :]', line)[0] in public:
                yield f'{kind}: {line}'


def main():
    directory, stamp, *headers = map(pathlib.Path, sys.argv[1:])
    public = {word for header in headers
              for word in re.findall(r'\w+', header.read_text(encoding='utf-8'))}
    found = list(complaints(directory, public))
    if found:
        sys.exit('\n'.join(found))
    stamp.write_text('', encoding='utf-8')


main()
