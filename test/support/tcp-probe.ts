/**
 * Measures a path between two nodes: `tcp-probe.js serve ADDRESS` says its port; `tcp-probe.js probe ADDRESS PORT BYTES`
 * prints the median round trip of one byte and the rate of a transfer, as JSON.
 */
import { connect, createServer, type Socket } from 'node:net';

const [role, address = '', port = '', bytes = ''] = process.argv.slice(2);
const one = Buffer.of(1);

function serve(): void {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      // One byte is a ping; the last byte of a transfer is answered as well.
      if (data.length === 1 || data[data.length - 1] === 2) socket.write(one);
    });
  });
  server.listen(0, address, () => console.log((server.address() as { port: number }).port));
}

async function probe(): Promise<void> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opened: Socket = connect(Number(port), address, () => resolve(opened)).once('error', reject);
  });
  socket.setNoDelay(true);
  const answer = () => new Promise((resolve) => socket.once('data', resolve));
  const trips: number[] = [];
  for (let count = 0; count < 41; count++) {
    const start = performance.now();
    socket.write(one);
    await answer();
    trips.push(performance.now() - start);
  }
  const roundTripMs = trips.sort((a, b) => a - b)[20];
  const data = Buffer.alloc(Number(bytes));
  data[data.length - 1] = 2;
  const start = performance.now();
  socket.write(data);
  await answer();
  const bitsPerSecond = (data.length * 8e3) / (performance.now() - start);
  console.log(JSON.stringify({ hostname: (await import('node:os')).hostname(), roundTripMs, bitsPerSecond }));
  socket.destroy();
}

if (role === 'serve') serve();
else await probe();
