# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright 2026 the gspawn authors
"""Reads what strace has seen of a tree of processes: who made whom, how, and what was executed.

This is the view from outside, which takes nothing from gspawn.
"""

import collections
import os
import pathlib
import re

OPTIONS = ['--follow-forks', '--seccomp-bpf', '-qqq', '--signal=none', '--string-limit=4096',
           '--trace=clone,clone3,fork,vfork,execve,execveat']

# The creator is the thread that made the call.
Birth = collections.namedtuple('Birth', 'creator child call flags')

LINE = re.compile(r'(?P<pid>\d+) +(?P<text>.*)')
RESUMED = re.compile(r'<\.\.\. \w+ resumed>(?P<rest>.*)')
CALL = re.compile(r'(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)')
FLAGS = re.compile(r'flags=(?P<flags>[A-Za-z0-9_|]+)')
FILE = re.compile(r'"(?P<file>[^"]*)"')


class Observation:
    """What a file of strace's says. The first process in it is the main one.

    What that one does before it has executed the last of n_programs, which are executed one after
    the other, is another program's doing.
    """

    def __init__(self, path, n_programs):
        self.main = None
        self.n_programs = n_programs
        self.births = []
        self.executed = collections.defaultdict(list)
        unfinished = {}
        for line in pathlib.Path(path).read_text(errors='replace').splitlines():
            match = LINE.fullmatch(line)
            if match is None:
                continue
            pid, text = int(match['pid']), match['text']
            if self.main is None:
                self.main = pid
            if text.endswith('<unfinished ...>'):
                unfinished[pid] = text[:-len('<unfinished ...>')]
                continue
            match = RESUMED.fullmatch(text)
            if match is not None:
                text = unfinished.pop(pid, '') + match['rest']
            match = CALL.match(text)
            if match is not None:
                self.add_call(pid, match['call'], match['arguments'], int(match['result']))

    def add_call(self, pid, call, arguments, result):
        if call in ('execve', 'execveat'):
            if result == 0:
                self.executed[pid].append(FILE.search(arguments)['file'])
        elif result > 0 and len(self.executed[self.main]) >= self.n_programs:
            match = FLAGS.search(arguments)
            flags = match['flags'].split('|') if match is not None else []
            if call == 'vfork':
                flags = ['CLONE_VM', 'CLONE_VFORK']
            self.births.append(Birth(pid, result, call, flags))

    def find_birth(self, pid):
        for birth in self.births:
            if birth.child == pid:
                return birth
        return None

    def get_process(self, thread):
        """The process that a thread belongs to."""
        birth = self.find_birth(thread)
        while birth is not None and 'CLONE_THREAD' in birth.flags:
            thread = birth.creator
            birth = self.find_birth(thread)
        return thread

    def list_forks(self):
        """The births of processes that are copies of the main process."""
        return [birth for birth in self.births
                if 'CLONE_THREAD' not in birth.flags and 'CLONE_VM' not in birth.flags and
                self.get_process(birth.creator) == self.main]

    def list_descendants(self, pid):
        descendants = [pid]
        for birth in self.births:
            if birth.creator in descendants:
                descendants.append(birth.child)
        return descendants

    def list_commands(self, pid):
        """The names of what a process has executed, or its descendants if it has nothing."""
        names = [os.path.basename(file) for file in self.executed[pid]]
        if not names:
            for birth in self.births:
                if birth.creator == pid:
                    names += self.list_commands(birth.child)
        return names
