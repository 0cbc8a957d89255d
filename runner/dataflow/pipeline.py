"""One Beam pipeline that carries out the splits of a read: each by the runner's own extractor, as a child of the worker.

What a split is, only the extractor knows. This side gives its id away, listens, counts, and tries it again.
The words on the child's standard input and output are described in docs/dataflow.md.
"""

import argparse
import json
import logging
import os
import queue
import random
import re
import signal
import subprocess
import sys
import threading
import time

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import DebugOptions, DirectOptions, PipelineOptions, WorkerOptions
from apache_beam.utils.shared import Shared

COUNTS = {'rows': 'rows', 'bytes': 'bytes', 'rejected': 'rejects'}
ATTEMPTS = 4
LONGEST_LINE = 65536


def setting(name, default):
    return float(os.environ.get(f'TRIBUTARY_SPLIT_{name}_SECONDS', default))


def extractor(word):
    return [*json.loads(os.environ.get('TRIBUTARY_EXTRACTOR', '["node", "/app/runner/main.js"]')), word]


def died(split, how):
    return {
        'code': 'SPLIT_DIED',
        'title': 'The process that read a piece ended without a result.',
        'detail': f'Split {split}: {how}.',
        'fix': 'Where memory ran out, give the workers a larger machine; the log of the worker says more. '
        'Nothing was committed: run again.',
        'origin': 'platform',
        'retryable': True,
    }


def silent(split, seconds):
    return {
        'code': 'SPLIT_SILENT',
        'title': 'The process that read a piece said nothing for too long and was ended.',
        'detail': f'Split {split}: no sign of life for {seconds:g} s.',
        'fix': 'Look into the log of the worker for what it waits for. Nothing was committed: run again.',
        'origin': 'platform',
        'retryable': True,
    }


class SplitFailed(Exception):
    """Its text is what the messages of the job show: once for people, once for the runner that watches."""

    def __init__(self, split, problem):
        super().__init__(words({**problem, 'split': split}))


def words(problem):
    return '{code}: {title} {detail} Fix: {fix}\nTRIBUTARY_PROBLEM '.format(**problem) + json.dumps(problem)


class Remembered(dict):
    """Splits that no attempt can save, by id. Beam tries them again all the same: that must cost nothing."""


class ExtractSplit(beam.DoFn):
    def __init__(self, work):
        self.work = work
        self.shared = Shared()
        self.child = None

    def setup(self):
        self.hopeless = self.shared.acquire(Remembered)

    def teardown(self):
        end(self.child)

    def process(self, split):
        if split in self.hopeless:
            raise SplitFailed(split, self.hopeless[split])
        counted = dict.fromkeys(COUNTS, 0)
        for attempt in range(1, ATTEMPTS + 1):
            problem = self.attempt(split, counted)
            if problem is None:
                count('splits', 1)
                return
            if problem['retryable'] is False:
                self.hopeless[split] = problem
                break
            if attempt < ATTEMPTS:
                logging.warning('split %s is tried again: %s: %s', split, problem['code'], problem['detail'])
                count('retries', 1)
                time.sleep(setting('PAUSE', 2) * 3 ** (attempt - 1) * random.uniform(0.5, 1))
        raise SplitFailed(split, problem)

    def attempt(self, split, counted):
        """What went wrong; None: the split has its result."""
        pipe = subprocess.PIPE
        self.child = child = subprocess.Popen(
            extractor('extract-split'), stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors='replace', start_new_session=True
        )
        heard = queue.SimpleQueue()
        threading.Thread(target=listen, args=(child.stdout, heard.put), daemon=True).start()
        threading.Thread(target=listen, args=(child.stderr, log), daemon=True).start()
        try:
            ask(child, self.work, split)
            return self.follow(child, heard, split, counted)
        finally:
            end(child)

    def follow(self, child, heard, split, counted):
        patience, last, done, problem = setting('SILENCE', 120), time.monotonic(), False, None
        while True:
            try:
                line = heard.get(timeout=max(0, last + patience - time.monotonic()))
            except queue.Empty:
                return silent(split, patience)
            if line is None:
                break
            said = parse(line)
            if said is None:
                logging.warning('split %s: not understood: %s', split, line[:500].rstrip())
                continue
            last = time.monotonic()
            if 'problem' in said:
                problem = said['problem']
            elif 'splits' not in said:
                done = 'done' in said
                add(counted, said['done' if done else 'progress'], done)
        code = wait(child, 10)
        if problem is not None:
            return problem
        return None if done and code == 0 else died(split, describe(code))


def ask(child, work, split):
    """The input stays open: its end tells the child that this worker is gone."""
    try:
        child.stdin.write(json.dumps({'work': work, 'split': split}) + '\n')
        child.stdin.flush()
    except BrokenPipeError:
        pass


def parse(line):
    """A message of the child; None where the line is none."""
    try:
        said = json.loads(line)
        if 'problem' in said:
            told = {key: said['problem'].get(key) for key in ('code', 'title', 'detail', 'fix', 'origin', 'retryable')}
            return {'problem': told} if all(isinstance(told[key], str) for key in ('code', 'title', 'detail', 'fix')) else None
        if 'splits' in said:
            return said if all(isinstance(split, str) for split in said['splits']) else None
        counts = said.get('done', said.get('progress'))
        return said if all(isinstance(counts[key], int) for key in COUNTS) else None
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None


def add(counted, said, final):
    """An attempt that begins anew counts nothing again: only what goes beyond the farthest so far. The end is exact."""
    for key, name in COUNTS.items():
        if final or said[key] > counted[key]:
            count(name, said[key] - counted[key])
            counted[key] = said[key]


def count(name, by):
    Metrics.counter('tributary', name).inc(by)


def listen(stream, tell):
    for line in iter(lambda: stream.readline(LONGEST_LINE), ''):
        tell(line)
    tell(None)


def log(line):
    if line is None or not line.strip():
        return
    found = re.search(r'"severity":"(DEBUG|INFO|WARNING|ERROR|CRITICAL)"', line)
    logging.log(getattr(logging, found[1]) if found else logging.INFO, '%s', line.rstrip())


def wait(child, seconds):
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def describe(code):
    if code is None:
        return 'it closed its output and did not end'
    return f'signal {signal.Signals(-code).name}' if code < 0 else f'exit code {code} and no result'


def end(child):
    if child is None or child.poll() is not None:
        return
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def list_splits(work):
    """Ids of the splits that have no result yet, and how many may be read at the same time."""
    question = json.dumps({'work': work}) + '\n'
    answer = subprocess.run(extractor('list-splits'), input=question, stdout=subprocess.PIPE, text=True, timeout=300, check=False)
    for said in filter(None, map(parse, answer.stdout.splitlines())):
        if 'problem' in said:
            sys.exit(words(said['problem']))
        if 'splits' in said and answer.returncode == 0:
            return said
    sys.exit(f'The extractor did not list the splits of {work}: {describe(answer.returncode)}.')


def build(arguments):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument('--work', required=True, help='address of the work in the staging bucket')
    parser.add_argument('--workers', type=int, help='at most so many at the same time; default: what the work says')
    parser.add_argument('--run', help='id of the run, for people')
    parser.add_argument('--source', help='name of the source, for people')
    own, others = parser.parse_known_args(arguments)
    listed = list_splits(own.work)
    options = PipelineOptions(others)
    workers = own.workers or listed.get('workers') or 1
    direct = options.view_as(DirectOptions)
    direct.direct_running_mode, direct.direct_num_workers = 'multi_processing', workers
    options.view_as(WorkerOptions).max_num_workers = workers
    # One extractor at a time per machine: it takes the memory and the connection of one.
    debug = options.view_as(DebugOptions)
    debug.number_of_worker_harness_threads = 1
    debug.add_experiment('no_use_multiple_sdk_containers')
    pipeline = beam.Pipeline(options=options)
    _ = (
        pipeline
        | 'Splits' >> beam.Create(listed['splits'], reshuffle=False)
        | 'Spread' >> beam.Reshuffle()
        | 'Extract' >> beam.ParDo(ExtractSplit(own.work))
    )
    return pipeline


def main():
    logging.getLogger().setLevel(logging.INFO)
    result = build(sys.argv[1:]).run()
    if result.state == 'DONE':
        counters = {one.key.metric.name: one.result for one in result.metrics().query()['counters'] if one.key.metric.namespace == 'tributary'}
        print(json.dumps({'counters': counters}), flush=True)


if __name__ == '__main__':
    main()
