"""One rank of DistributedDataParallel over gloo, one thread: `pytorch_ddp.py RANK WORLD ADDRESS PORT`, then one JSON line in,
one JSON line out. What a turn measures: whole steps, the same without any communication, or the communication alone."""
import sys
import protocol
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from pytorch_models import batch, models

torch.set_num_threads(1)
torch.set_num_interop_threads(1)
torch.manual_seed(1)
rank, world, address, port = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
runs = {}
# DDP's own default.
BUCKET_BYTES = 25 * 1024 * 1024


def buckets(model):
    """The gradients' sizes in DDP's buckets: the last parameters first, a bucket of 1 MB before the others."""
    sizes, current, limit = [], 0, 1024 * 1024
    for parameter in reversed(list(model.parameters())):
        current += parameter.numel()
        if current * 4 >= limit:
            sizes.append(current)
            current, limit = 0, BUCKET_BYTES
    return sizes + ([current] if current else [])


def load(request):
    name = request['workload']
    model = DistributedDataParallel(models[name]())
    x, y, loss = batch(name, request['rows'])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    flat = [torch.zeros(size) for size in buckets(model)]

    def step():
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        value.item()

    def compute():
        with model.no_sync():
            step()

    def communicate():
        for work in [dist.all_reduce(values, async_op=True) for values in flat]:
            work.wait()

    runs[name] = {'step': step, 'compute': compute, 'communicate': communicate}
    protocol.timed(step, 3)
    return {'kind': 'loaded', 'version': f'PyTorch {torch.__version__}'}


def turn(request):
    run = runs[request['workload']][request['what']]
    protocol.timed(run, request['untimed'])
    dist.barrier()
    return {'kind': 'took', 'seconds': [ms / 1e3 for ms in protocol.timed(run, request['steps'])]}


dist.init_process_group('gloo', init_method=f'tcp://{address}:{port}', rank=rank, world_size=world)
protocol.answer_lines({'load': load, 'turn': turn})
