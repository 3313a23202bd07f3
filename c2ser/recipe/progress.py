"""How far jobs are, read from their logs: on a terminal one line that renews itself, elsewhere a line now and then.

A job says how far it is in its log and needs to know of nobody who reads it: a tqdm bar that counts utterances
(unit="utt"), or a line with "120/400 updates".
"""

import os
import re
import shutil
import sys
import time

COUNT = re.compile(rb"(\d+)/(\d+) (?:updates\b|\[[^\]\r\n]*utt)")
TAIL = 4096
"""Bytes at the end of a log in which the count is looked for."""
PERIOD, TERMINAL_PERIOD = 60.0, 1.0
"""Seconds between lines; on a terminal, between renewals."""


class Progress:
    """The progress of one request of run.py or slurm.py. stream: where it is shown, stderr by default; clock: s."""

    def __init__(self, request, stream=None, clock=time.monotonic):
        self.request, self.clock = request, clock
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty()
        self.period = TERMINAL_PERIOD if self.terminal else PERIOD
        self.started = self.shown = clock()
        self.first = None
        self.counts = {}
        self.name = os.path.basename(request.log).removesuffix(".log")
        if request.variable:
            self.name = self.name.replace(f".{request.variable}", "")

    def show(self, running, finished):
        """Say how far the jobs are, where it is time to. running, finished: their numbers."""
        now = self.clock()
        if now - self.shown < self.period:
            return
        self.shown = now
        for number in running:
            found = count_in(self.request.log_of(number))
            if found:
                self.counts[number] = found
        for number in finished:
            if number in self.counts:
                self.counts[number] = (self.counts[number][1],) * 2
        text = f"  {self.name}: {self._text(now, len(finished))}"
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            text = f"\r\033[K{text[:width]}"
        print(text, end="" if self.terminal else "\n", file=self.stream, flush=True)

    def close(self):
        """Leave the terminal's line empty for what comes next."""
        if self.terminal and self.shown > self.started:
            print("\r\033[K", end="", file=self.stream, flush=True)
            self.shown = self.started

    def _text(self, now, finished):
        jobs = len(self.request.numbers)
        words = [f"{finished} of {jobs} jobs done"] if jobs > 1 else []
        done, known = (sum(each) for each in zip(*self.counts.values())) if self.counts else (0, 0)
        if known:
            total = round(known * jobs / len(self.counts))  # jobs that have not begun are taken to be like the others
            words.insert(0, f"{done} of {total} ({100 * done // total} %)")
            self.first = self.first or (now, done)
            since, before = now - self.first[0], done - self.first[1]
            if before > 0:
                return ", ".join([*words, f"{duration(since * (total - done) / before)} left"])
        return ", ".join([*words, f"{duration(now - self.started)} so far"])


def count_in(log):
    """The last count that a log tells, as (done, total); None where it tells none, or is not there yet."""
    try:
        with open(log, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL))
            found = COUNT.findall(stream.read())
    except OSError:
        return None
    done, total = map(int, found[-1]) if found else (0, 0)
    return (done, total) if 0 <= done <= total and total else None


def duration(seconds):
    """Seconds as "0:07", "12:30" or "3:05:00"."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
