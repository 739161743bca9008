"""PyTorch, eager: see protocol.py."""
import protocol
import torch
from pytorch_models import batch, models

torch.set_num_threads(1)
torch.set_num_interop_threads(1)
torch.manual_seed(1)


def load(name):
    model = models[name]()
    x, y, loss = batch(name, protocol.BATCH_ROWS)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, eps=1e-7)

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        value.item()
    return step, None


protocol.serve(f'PyTorch {torch.__version__}', load)
