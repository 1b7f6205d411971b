# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Runs test functions and prints TAP.

GSPAWN_MUST_WORK=1 turns what would be skipped into failures.
"""

import os
import sys
import traceback


class Skip(Exception):
    """A test cannot be run here."""


def run(tests):
    """Runs the functions of a dictionary by path, and exits."""
    failed = False
    print(f'1..{len(tests)}')
    for number, (path, test) in enumerate(tests.items(), 1):
        try:
            test()
            print(f'ok {number} {path}')
        except Skip as reason:
            if os.environ.get('GSPAWN_MUST_WORK') == '1':
                failed = True
                print(f'not ok {number} {path}\n# cannot be skipped: {reason}')
            else:
                print(f'ok {number} {path} # SKIP {reason}')
        except Exception:  # pylint: disable=broad-except
            failed = True
            print(f'not ok {number} {path}')
            for line in traceback.format_exc().splitlines():
                print('#', line)
        sys.stdout.flush()
    sys.exit(failed)
