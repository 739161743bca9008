"""One rank of gloo's allreduce, by torch.distributed: `gloo_allreduce.py RANK WORLD ADDRESS PORT`, then one JSON line in,
one JSON line out, as in cli/allreduce/group.ts."""
import resource
import sys
import time
import protocol
import torch
import torch.distributed as dist

torch.set_num_threads(1)
rank, world, address, port = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
values = None


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def prepare(request):
    global values
    values = torch.full((request['bytes'] // 4,), float(1 + rank))
    dist.all_reduce(values)
    expected = world * (world + 1) / 2
    if not bool((values == expected).all()):
        raise RuntimeError(f'gloo summed wrongly: {values[0]} where {expected} was due')
    values.zero_()
    return {'kind': 'prepared'}


def turn(request):
    for _ in range(request['untimed']):
        dist.all_reduce(values)
    seconds = []
    before = cpu_seconds()
    for _ in range(request['iterations']):
        start = time.perf_counter()
        dist.all_reduce(values)
        seconds.append(time.perf_counter() - start)
    return {'kind': 'took', 'seconds': seconds, 'cpuSeconds': cpu_seconds() - before}


dist.init_process_group('gloo', init_method=f'tcp://{address}:{port}', rank=rank, world_size=world)
protocol.answer_lines({'prepare': prepare, 'turn': turn})
