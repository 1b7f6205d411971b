#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Reads the sources with a tool that looks for mistakes, and prints TAP, a result for each file.

analyse.py gcc|clang-tidy|cppcheck BUILD-DIRECTORY SOURCE-DIRECTORY

Files and their flags are those of the build; the tests themselves are left out, for most of what
is found in them is that an assertion might return. Any finding fails its file. What is no mistake is
marked in the source, or in .clang-tidy or cppcheck.supp, with a reason.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SUPPRESSIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'cppcheck.supp')

# Not from Meson, and no tool but the compiler knows them all.
DROPPED = re.compile(r'-(Werror|W(?!p,).*|fdiagnostics-.*|pipe|fno-tree-.*|fsanitize.*|M[DMGP]*|'
                     r'include|f(no-)?ipa-.*|fstack-usage|fno-partial-inlining)$')
CPPCHECK_OPTION = re.compile(r'-[DIU].*')
LINES_OF_FILE = 40


def flags(entry):
    """The options of a compilation that say what the source means."""
    words = iter(shlex.split(entry['command'])[1:])
    kept = []
    for word in words:
        if word in ('-o', '-MF', '-MQ', '-MT'):
            next(words)
        elif word in ('-include', '-isystem', '-I'):
            kept += [word, next(words)]
        elif word != '-c' and not DROPPED.match(word) and not word.endswith(('.c', '.S')):
            kept.append(word)
    return kept


def by_gcc(path, options):
    # It loses sight of what initializes a variable with a cleanup function.
    return ['gcc', *options, '-fanalyzer', '-Wno-analyzer-use-of-uninitialized-value',
            '-fdiagnostics-color=never', '-c', '-o', '/dev/null', path]


def by_clang_tidy(path, options):
    return ['clang-tidy', '--quiet', path, '--', *options, '-Wno-unknown-warning-option']


def by_cppcheck(path, options):
    return ['cppcheck', '--quiet', '--enable=warning,portability,performance', '--inconclusive',
            '--inline-suppr', '--suppressions-list=' + SUPPRESSIONS, '--template=gcc',
            '--std=c11', '--library=gtk', '--library=posix', '--max-configs=1',
            *[option for option in options if CPPCHECK_OPTION.match(option)], path]


TOOLS = {'gcc': by_gcc, 'clang-tidy': by_clang_tidy, 'cppcheck': by_cppcheck}
# What a tool says of itself.
CHATTER = re.compile(r'^\d+ warnings? (generated|treated)|^Suppressed \d|^Use -header-filter')


def analyse(tool, entry):
    command = TOOLS[tool](entry['file'], flags(entry))
    result = subprocess.run(command, cwd=entry['directory'], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False)
    lines = [line for line in result.stdout.splitlines() if line and not CHATTER.match(line)]
    if result.returncode != 0 and not lines:
        lines = [f'exit status {result.returncode}']
    return lines


def sources(build, source):
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as database:
        entries = json.load(database)
    seen = {}
    for entry in entries:
        path = os.path.realpath(os.path.join(entry['directory'], entry['file']))
        if path.endswith('.c') and path.startswith(source + os.sep) and '/tests/' not in path:
            seen.setdefault(os.path.relpath(path, source), entry)
    return sorted(seen.items())


def main():
    tool, build, source = sys.argv[1:]
    files = sources(build, os.path.realpath(source))
    print(f'1..{len(files)}', flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda file: analyse(tool, file[1]), files)
        failed = 0
        for number, ((name, _), lines) in enumerate(zip(files, results), 1):
            for line in lines[:LINES_OF_FILE]:
                print('#', line)
            print('not ok' if lines else 'ok', number, name, flush=True)
            failed += bool(lines)
    return failed > 0


sys.exit(main())
