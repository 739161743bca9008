import { createServer } from 'node:net';
import type { NetworkNode } from '../../cli/network/index.ts';

/** A port of the node that nobody uses: in a network of its own every one is; on this host one that was free just now. */
export async function freePort({ prefix }: NetworkNode): Promise<number> {
  if (prefix.length > 0) return FIRST_PORT + used++;
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Below the ports that systems give out by themselves. */
const FIRST_PORT = 20_000;
let used = 0;
