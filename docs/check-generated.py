#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Holds a part of a document against what a program says, so that they cannot disagree.

    check-generated.py [--update] DOCUMENT NAME COMMAND...

The part lies between the lines "<!-- generated: NAME -->" and "<!-- end: NAME -->". It has to be
what COMMAND prints, or writes to the file that stands for @FILE@ in it; with --update it becomes
that.
"""

import argparse
import difflib
import pathlib
import subprocess
import sys
import tempfile


def output_of(command):
    with tempfile.NamedTemporaryFile() as file:
        words = [word.replace('@FILE@', file.name) for word in command]
        run = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
        if run.returncode != 0:
            sys.exit(f'{words[0]} failed with status {run.returncode}')
        output = run.stdout if words == command else pathlib.Path(file.name).read_bytes()
    return '\n' + output.decode('utf-8').strip('\n') + '\n\n'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--update', action='store_true')
    parser.add_argument('document', type=pathlib.Path)
    parser.add_argument('name')
    parser.add_argument('command', nargs=argparse.REMAINDER)
    options = parser.parse_args()

    begin, end = f'<!-- generated: {options.name} -->\n', f'<!-- end: {options.name} -->'
    text = options.document.read_text(encoding='utf-8')
    if text.count(begin) != 1 or text.count(end) != 1:
        sys.exit(f'{options.document} does not have one part "{options.name}"')
    head, rest = text.split(begin)
    written, tail = rest.split(end)

    generated = output_of(options.command)

    if options.update:
        options.document.write_text(head + begin + generated + end + tail, encoding='utf-8')
    elif written != generated:
        sys.stdout.writelines(difflib.unified_diff(
            written.splitlines(keepends=True), generated.splitlines(keepends=True),
            str(options.document), ' '.join(options.command)))
        sys.exit(1)


main()
