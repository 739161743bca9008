"""PyTorch, eager: see protocol.py."""
import protocol
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_num_interop_threads(1)
torch.manual_seed(1)

ROWS = protocol.BATCH_ROWS


def cnn():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 14 * 14, 64), nn.ReLU(), nn.Linear(64, 10))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.output = nn.Embedding(10000, 64), nn.LSTM(64, 64, batch_first=True), nn.Linear(64, 46)

    def forward(self, x):
        return self.output(self.lstm(self.embedding(x))[0][:, -1])


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(128, 4, batch_first=True)
        self.wide, self.narrow = nn.Linear(128, 512), nn.Linear(512, 128)
        self.norm1, self.norm2 = nn.LayerNorm(128), nn.LayerNorm(128)

    def forward(self, x):
        x = self.norm1(x + self.attention(x, x, x, need_weights=False)[0])
        return self.norm2(x + self.narrow(F.relu(self.wide(x))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks, self.output = nn.Sequential(Block(), Block()), nn.Linear(128, 10)

    def forward(self, x):
        return self.output(self.blocks(x).mean(1))


def autoencoder():
    return nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 256), nn.ReLU(),
        nn.Linear(256, 784), nn.Sigmoid())


def load(name):
    if name == 'cnn':
        model, x, y, loss = cnn(), torch.rand(ROWS, 3, 64, 64), torch.randint(0, 10, (ROWS,)), F.cross_entropy
    elif name == 'lstm':
        model, x, y, loss = Lstm(), torch.randint(0, 10000, (ROWS, 100)), torch.randint(0, 46, (ROWS,)), F.cross_entropy
    elif name == 'transformer':
        model, x, y, loss = Transformer(), torch.rand(ROWS, 128, 128), torch.randint(0, 10, (ROWS,)), F.cross_entropy
    else:
        model, loss = autoencoder(), F.mse_loss
        x = y = torch.rand(ROWS, 784)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, eps=1e-7)

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        value.item()
    return step, None


protocol.serve(f'PyTorch {torch.__version__}', load)
