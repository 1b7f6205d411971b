#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""run.py FUZZER CORPUS DIRECTORY OPTION...

Runs a fuzzer of libFuzzer's kind on what is in CORPUS, and prints TAP. New inputs, and the one that
was a finding, are kept in DIRECTORY. The finding is also printed: what a machine of continuous
integration keeps is its log.

The seed is another one each time. With a fixed one every run would try the same inputs, which the
run before has found to be good; and it is its input that makes a finding reproducible, not the
seed.
"""

import base64
import gzip
import os
import re
import shutil
import subprocess
import sys

# Of what a fuzzer says, these lines tell what is wrong.
TELLING = re.compile(r'ERROR|CRITICAL|WARNING|SUMMARY|runtime error|Test unit|    #\d+ .*gspawn')
MAX_TELLING, COLUMNS = 10, 180


def explain(log, finding):
    """What a person needs who has nothing but this output."""
    telling = [line for line in log.splitlines() if TELLING.search(line)]
    for line in telling[:MAX_TELLING]:
        print(f'# {line[:COLUMNS]}')
    if finding is None:
        return

    print(f'# {finding}')
    with open(finding, 'rb') as file:
        text = base64.b64encode(gzip.compress(file.read(), mtime=0)).decode()
    print('The input, for base64 -d | gunzip:', file=sys.stderr)
    for start in range(0, len(text), COLUMNS):
        print(text[start:start + COLUMNS], file=sys.stderr)


def find(directory):
    names = sorted(os.listdir(directory))
    return os.path.join(directory, names[0]) if names else None


def main():
    fuzzer, corpus, directory, *options = sys.argv[1:]
    name = os.path.basename(fuzzer)
    found = os.path.join(directory, f'{name}-corpus')
    findings = os.path.join(directory, f'{name}-findings')
    shutil.rmtree(findings, ignore_errors=True)
    os.makedirs(findings)
    os.makedirs(found, exist_ok=True)

    print('TAP version 13\n1..1', flush=True)
    run = subprocess.run([fuzzer, *options, '-seed=0', '-timeout=60', '-print_final_stats=1',
                          f'-artifact_prefix={findings}/', found, corpus],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, check=False, text=True, errors='replace')

    for stat in re.findall(r'^(?:INFO: Seed|stat::number_of_executed_units): *\d+', run.stdout,
                           re.MULTILINE):
        print(f'# {stat}')
    tried = re.search(r'^stat::number_of_executed_units: *([1-9]\d*)', run.stdout, re.MULTILINE)
    if run.returncode == 0 and tried:
        print(f'ok 1 - {name}')
        return 0

    explain(run.stdout, find(findings))
    print(f'not ok 1 - {name} ended with {run.returncode}')
    return 1


sys.exit(main())
