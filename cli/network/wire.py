"""Carries IP packets between nodes at a rate and with a delay, where the kernel has no netem:
`wire.py NODES BITS_PER_SECOND DELAY_SECONDS`. Makes TUN devices link0, link1, ... in its network namespace, says "ready",
and forwards by the last two bytes of the address (10.203.0.1 is link0). Ends with its standard input.

Each node has a full-duplex port: what it sends takes the port for its length at the rate, then travels for the delay, and
takes the receiver's port in the same way, so that several senders share a receiver's rate. Packets are as large as TCP
makes them before segmentation (virtio_net_hdr), which keeps this cheap: about a tenth of a core at 1 Gbit/s.
"""
import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x1, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4 = 0x1, 0x2
HEADER = 10  # struct virtio_net_hdr, of the host's byte order
FRAME = 14 + 24  # Ethernet header, checksum, preamble and gap of each frame on a real link
# A port takes packets while it is busy for less than this; the rest waits in the sender's kernel, as before a real port.
AHEAD_SECONDS = 0.001
# What a switch keeps for one port.
QUEUE_BYTES = 2_000_000

# A network is not slower because processors are busy: real-time priority, where the system gives it.
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
except OSError:
    pass

nodes, rate, delay = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])


def open_device(index):
    device = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack('16sH', f'link{index}'.encode(), IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)
    return device


def wire_seconds(packet):
    size = len(packet) - HEADER
    gso_size = struct.unpack_from('=H', packet, 4)[0]
    frames = 1 if gso_size == 0 else -(-size // gso_size)
    # Every frame of a large packet has headers of its own: 40 bytes, the first one's are counted.
    return (size + frames * FRAME + (frames - 1) * 40) * 8 / rate


devices = [open_device(index) for index in range(nodes)]
by_device = {device: index for index, device in enumerate(devices)}
sending_until = [0.0] * nodes
receiving_until = [0.0] * nodes
# Of each receiver: (when it has arrived whole, packet), in order.
travelling = [collections.deque() for _ in devices]


def accept(sender, now):
    try:
        packet = os.read(devices[sender], 1 << 17)
    except BlockingIOError:
        return False
    ip = HEADER
    if len(packet) < ip + 20 or packet[ip] >> 4 != 4 or packet[ip + 16:ip + 18] != b'\x0a\xcb':
        return True
    receiver = (packet[ip + 18] << 8 | packet[ip + 19]) - 1
    if not 0 <= receiver < nodes:
        return True
    seconds = wire_seconds(packet)
    sending_until[sender] = max(sending_until[sender], now) + seconds
    arrives = sending_until[sender] + delay
    free = receiving_until[receiver]
    if (free - arrives) * rate / 8 > QUEUE_BYTES:
        return True  # The switch's queue is full.
    receiving_until[receiver] = max(arrives, free + seconds)
    travelling[receiver].append((receiving_until[receiver], packet))
    return True


def deliver(now):
    """Hands over what has arrived; returns when the next packet does."""
    soonest = None
    for receiver, packets in enumerate(travelling):
        while packets and packets[0][0] <= now:
            try:
                os.write(devices[receiver], packets.popleft()[1])
            except OSError:
                pass  # The device is down or its node is gone.
        if packets and (soonest is None or packets[0][0] < soonest):
            soonest = packets[0][0]
    return soonest


print('ready', flush=True)
while True:
    now = time.monotonic()
    wake = deliver(now)
    ready = [0]
    for index, device in enumerate(devices):
        busy = sending_until[index] - now - AHEAD_SECONDS
        if busy <= 0:
            ready.append(device)
        elif wake is None or now + busy < wake:
            wake = now + busy
    timeout = None if wake is None else max(0.0, wake - time.monotonic())
    for device in select.select(ready, [], [], timeout)[0]:
        if device == 0:
            if not os.read(0, 1024):
                sys.exit(0)
            continue
        sender = by_device[device]
        now = time.monotonic()
        while sending_until[sender] - now < AHEAD_SECONDS and accept(sender, now):
            pass
