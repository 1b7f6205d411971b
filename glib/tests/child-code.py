#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Looks at the compiled code of what runs in a child, before a program has been executed.

    child-code.py --objdump OBJDUMP --shipped ARCHIVE --shared ARCHIVE --copied ARCHIVE --source DIR

SHIPPED is the child's side as it is linked into the library. SHARED is the same, compiled with a
section for each function and with -fstack-usage; it runs in memory that is the caller's. COPIED is
what else has functions that run in a child, with nothing put into its caller. Every reference of a
function to something outside of it is a relocation; what they lead to is held against a table, in
which each entry has its reason. The deepest way of calls has to fit the stack that the source gives
to the child. Prints TAP.
"""

import argparse
import pathlib
import re
import subprocess
import sys

SECTION = re.compile(r'Disassembly of section (\S+):')
LABEL = re.compile(r'[0-9a-f]+ <([^>]+)>:')
RELOCATION = re.compile(r'\s*[0-9a-f]+: (R_\w+)\s+(\S+?)(?:[+-]0x[0-9a-f]+)?$')
INSTRUCTION = re.compile(r'\s*[0-9a-f]+:\t(.*)')
CALL = re.compile(r'(?:callq?|bl|jal)\s+(?:ra,)?[0-9a-f]+ <([^>]+)>')
INDIRECT_CALL = re.compile(r'(?:callq?\s+\*|blr\s|jalr\s+(?:ra,)?)')
THREAD_AREA = re.compile(r'%[fg]s:|tpidr_el0|\btp\b')
THREAD_RELOCATION = re.compile(r'TLS|TPOFF|TPREL|DTP')
CONSTANT = re.compile(r'\.(rodata|data\.rel\.ro|eh_frame|debug)')
# Return address and alignment, where the compiler does not count them.
PER_CALL = 16

# What a child that shares its memory may refer to outside of the compiled child's side.
SHARED_ALLOWED = {
    'environ': 'the environment that the program is to have, read once, for execve()',
    '_gspawn_clone_enter': 'the entry in assembly, by which the one in the middle makes the next',
}
# What one that is a copy of the caller may, because libc has made it fit to run there.
COPIED_ALLOWED = {
    'fork': 'the process in the middle makes the next',
    'close': 'the end of a pipe that the caller keeps',
    'getpid': 'of whom the report is',
    'getppid': 'whether the caller has another PID namespace',
    'write': 'the report',
    'memset': 'what a compiler puts in; it needs nothing but memory',
    '_exit': 'the end, without the caller\'s handlers',
    '__errno_location': 'the copy has a libc, and so an errno, of its own',
    '_gspawn_child_run': 'the child\'s side, looked at by itself',
}
SHARED_ROOTS = re.compile(r'_gspawn_clone_\w+_main$')
COPIED_ROOTS = re.compile(r'child_|fork_child$')
# The child setup function, of which only the engine that copies knows.
INDIRECT_CALLERS = {'_gspawn_child_run': 1, '_gspawn_clone_enter': 1}
# Stacks by the constants of the source, the functions that run on them, and what is to remain: the
# frames of no handler, since all signals are blocked or at their default, but of a tool, perhaps.
STACKS = (
    ('gspawn-clone-slot.c', 'STACK_SIZE', SHARED_ROOTS, 16 * 1024),
    ('gspawn-clone.c', 'LOCAL_STACK_SIZE', SHARED_ROOTS, 1024),
    ('gspawn-posix-spawn.c', 'PROBE_STACK_SIZE', re.compile(r'child_mark$'), 4 * 1024),
)


class Function:
    def __init__(self):
        # Symbols that anything refers to, those among them that are called, and functions of the
        # same section that are.
        self.references, self.called_symbols, self.calls = set(), set(), set()
        self.n_indirect, self.thread_area = 0, False


class Code:
    """The functions of an archive, and where its symbols are."""

    def __init__(self, objdump, archive):
        self.functions, self.of_section, self.section_of, self.undefined = {}, {}, {}, set()
        self.read_symbols(run(objdump, '-t', archive))
        self.read_code(run(objdump, '-dr', '--no-show-raw-insn', archive))
        self.frames = read_frames(pathlib.Path(str(archive) + '.p'))

    def read_symbols(self, text):
        for line in text.splitlines():
            words = line.split()
            if len(words) < 4 or not re.match(r'[0-9a-f]{8,}$', words[0]):
                continue
            section = next((word for word in words[1:] if word.startswith(('.', '*'))), None)
            if section == '*UND*':
                self.undefined.add(words[-1])
            elif section is not None:
                self.section_of[words[-1]] = section
        # Where the table of addresses is, is for the linker to know.
        self.undefined -= {*self.section_of, '_GLOBAL_OFFSET_TABLE_'}

    def read_code(self, text):
        section, function = None, None
        pending = None
        for line in text.splitlines():
            if match := SECTION.match(line):
                section = match[1]
            elif match := LABEL.match(line):
                # A part that is seldom run is put elsewhere, and still in the same frame.
                name = match[1].removesuffix('.cold')
                function = self.functions.setdefault(name, Function())
                self.of_section.setdefault(section, set()).add(name)
            elif match := RELOCATION.match(line):
                function.references.add(match[2])
                if pending:
                    function.called_symbols.add(match[2])
                pending = None
                function.thread_area |= THREAD_RELOCATION.search(match[1]) is not None
            elif match := INSTRUCTION.match(line):
                if pending:
                    function.calls.add(pending)
                call = CALL.match(match[1])
                # A relocation on the next line says better where the call goes to.
                pending = re.sub(r'\+0x.*', '', call[1]) if call else None
                function.n_indirect += INDIRECT_CALL.match(match[1]) is not None
                function.thread_area |= THREAD_AREA.search(match[1]) is not None

    def find(self, symbol):
        return {symbol} if symbol in self.functions else self.of_section.get(symbol, set())

    def calls_itself(self, name):
        function = self.functions[name]
        return name in function.calls.union(*map(self.find, function.called_symbols))

    def resolve(self, name):
        """The functions, the external names and the data that the function refers to."""
        functions, external, data = set(self.functions[name].calls), set(), set()
        for symbol in self.functions[name].references:
            if found := self.find(symbol):
                functions |= found
            elif symbol in self.undefined:
                external.add(symbol)
            elif not CONSTANT.match(self.section_of.get(symbol, symbol)):
                data.add(symbol)
        return functions, external, data

    def reach(self, roots):
        seen, todo = set(), {name for name in self.functions if roots.match(name)}
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo |= self.resolve(name)[0]
        return seen

    def depth(self, name, above=()):
        """The deepest way of calls from a function: its bytes and its names."""
        if name in above:
            raise RecursionError(' → '.join(above + (name,)))
        size, kind = self.frames.get(name, (0, 'static'))
        if kind != 'static':
            raise OverflowError(f'{name} has a frame that is {kind}')
        ways = [self.depth(callee, above + (name,)) for callee in self.resolve(name)[0] - {name}]
        if self.calls_itself(name):
            raise RecursionError(f'{name} calls itself')
        deepest = max(ways, default=(0, ()))
        return size + PER_CALL + deepest[0], (name,) + deepest[1]


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def read_frames(directory):
    """What -fstack-usage says of each function. A part that was split off is in the same frame."""
    frames = {}
    for path in directory.glob('**/*.su'):
        for line in path.read_text(encoding='utf-8').splitlines():
            place, size, kind = line.split('\t')
            frames[place.rsplit(':', 1)[1]] = (int(size), kind)
    return frames


def read_constant(path, name):
    match = re.search(rf'^#define {name} \((\d+) \* (\d+)\)$', path.read_text(encoding='utf-8'),
                      re.MULTILINE)
    if match is None:
        sys.exit(f'{path} does not define {name}')
    return int(match[1]) * int(match[2])


class Tap:
    def __init__(self):
        self.number, self.failed = 0, False

    def say(self, name, complaints, notes=()):
        self.number += 1
        self.failed |= bool(complaints)
        for line in [*complaints, *notes]:
            print(f'# {line}')
        print(f'{"not ok" if complaints else "ok"} {self.number} {name}', flush=True)


def check_references(tap, title, code, roots, allowed):
    names = code.reach(roots)
    complaints = [] if names else ['there is no such function']
    used = set()
    for name in sorted(names):
        _, external, data = code.resolve(name)
        used |= external
        complaints += [f'{name} uses {symbol}' for symbol in sorted(external - set(allowed))]
        complaints += [f'{name} uses data that can change, in {symbol}' for symbol in sorted(data)]
    tap.say(f'/child-code/{title}/references', complaints,
            [f'{symbol}: {allowed[symbol]}' for symbol in sorted(used & set(allowed))])


def check_thread_area(tap, title, code, roots):
    tap.say(f'/child-code/{title}/thread-area',
            [f'{name} uses the area of a thread' for name in sorted(code.reach(roots))
             if code.functions[name].thread_area])


def check_indirect(tap, title, code, roots):
    complaints = []
    for name in sorted(code.reach(roots)):
        known = INDIRECT_CALLERS.get(re.sub(r'\..*', '', name), 0)
        if code.functions[name].n_indirect > known:
            complaints.append(f'{name} has {code.functions[name].n_indirect} calls by pointer')
    tap.say(f'/child-code/{title}/indirect-calls', complaints)


def check_stack(tap, codes, source, constant, roots, margin):
    size = read_constant(source, constant)
    complaints, notes, found = [], [], False
    for code in codes:
        for root in filter(roots.match, sorted(code.functions)):
            found = True
            if root not in code.frames:
                complaints.append(f'nothing is known of the frame of {root}')
            try:
                depth, way = code.depth(root)
            except (RecursionError, OverflowError) as error:
                complaints.append(str(error))
                continue
            line = f'{" → ".join(way)}: {depth} of {size} bytes'
            (complaints if depth + margin > size else notes).append(line)
    if not found:
        complaints.append('there is no such function')
    tap.say(f'/child-code/stack/{source.stem}/{constant}', complaints, notes)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--objdump', required=True)
    for name in ('shipped', 'shared', 'copied', 'source'):
        parser.add_argument('--' + name, type=pathlib.Path, required=True)
    options = parser.parse_args()

    shipped = Code(options.objdump, options.shipped)
    shared = Code(options.objdump, options.shared)
    copied = Code(options.objdump, options.copied)
    tap = Tap()

    # An archive of the clone engine has its roots; without it there is the child of fork() alone.
    roots = SHARED_ROOTS if shared.reach(SHARED_ROOTS) else re.compile(r'_gspawn_child_run$')
    tap.say('/child-code/shipped/symbols',
            [f'needs {symbol}' for symbol in sorted(shipped.undefined - set(SHARED_ALLOWED))])
    check_references(tap, 'shared', shared, roots, SHARED_ALLOWED)
    check_thread_area(tap, 'shared', shared, roots)
    check_indirect(tap, 'shared', shared, roots)
    check_references(tap, 'copied', copied, COPIED_ROOTS, COPIED_ALLOWED)
    for file, constant, stack_roots, margin in STACKS:
        codes = [code for code in (shared, copied)
                 if any(map(stack_roots.match, code.functions))]
        if codes:
            check_stack(tap, codes, options.source / file, constant, stack_roots, margin)

    print(f'1..{tap.number}')
    sys.exit(tap.failed)


main()
