"""The benchmarks' models in PyTorch."""
import torch
import torch.nn as nn
import torch.nn.functional as F


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


def dense():
    hidden = [layer for _ in range(16) for layer in (nn.Linear(1024, 1024), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(1024, 10))


def batch(name, rows):
    """Inputs, targets and loss of a workload."""
    if name == 'cnn':
        return torch.rand(rows, 3, 64, 64), torch.randint(0, 10, (rows,)), F.cross_entropy
    if name == 'lstm':
        return torch.randint(0, 10000, (rows, 100)), torch.randint(0, 46, (rows,)), F.cross_entropy
    if name == 'transformer':
        return torch.rand(rows, 128, 128), torch.randint(0, 10, (rows,)), F.cross_entropy
    if name == 'dense':
        return torch.rand(rows, 1024), torch.randint(0, 10, (rows,)), F.cross_entropy
    x = torch.rand(rows, 784)
    return x, x, F.mse_loss


models = {'cnn': cnn, 'lstm': Lstm, 'transformer': Transformer, 'autoencoder': autoencoder, 'dense': dense}
