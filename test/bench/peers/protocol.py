"""The runner's side of test/bench/runner-protocol.ts: one JSON line in, one JSON line out."""
import json
import os
import sys
import time

# One thread each; read by the libraries as they load, so before their import.
for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS'):
    os.environ[name] = '1'
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['CUDA_VISIBLE_DEVICES'] = '-1'

BATCH_ROWS = 32


def timed(step, count):
    """Milliseconds of each of `count` steps."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def serve(version, load):
    """`load(workload)` gives (step, note): a function that trains one step and waits for it, and a remark or None."""
    steps = {}

    def answer(request):
        name = request['workload']
        if request['command'] == 'load':
            start = time.perf_counter()
            steps[name], note = load(name)
            steps[name]()
            first = (time.perf_counter() - start) * 1e3
            timed(steps[name], 2)
            reply = {'reply': 'loaded', 'version': version, 'firstStepMilliseconds': first}
            return {**reply, **({'note': note} if note else {})}
        timed(steps[name], request['untimed'])
        return {'reply': 'ran', 'milliseconds': timed(steps[name], request['steps'])}

    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:
            reply = {'reply': 'failed', 'reason': f'{type(error).__name__}: {error}'}
        print(json.dumps(reply), flush=True)
    # TensorFlow's and PyTorch's threads can hold up an orderly exit.
    os._exit(0)


def answer_lines(answers):
    """Answers each line of the input by what `answers` has for its kind; says first that it is there."""
    print(json.dumps({'kind': 'joined'}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = answers[request['kind']](request)
        except Exception as error:
            reply = {'kind': 'failed', 'reason': f'{type(error).__name__}: {error}'}
        print(json.dumps(reply), flush=True)
    # Threads of the libraries can hold up an orderly exit.
    os._exit(0)
