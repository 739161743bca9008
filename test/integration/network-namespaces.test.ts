import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { commandOn, createNetwork, type Network, parseLink, whyNoNamespaces } from '../../cli/network/index.ts';
import { LockstepRun, removeOutputs } from '../support/lockstep-run.ts';

after(removeOutputs);

const skip = whyNoNamespaces() ?? false;
const program = new URL('../support/tcp-probe.js', import.meta.url).pathname;

interface Probe {
  readonly hostname: string;
  readonly roundTripMs: number;
  readonly bitsPerSecond: number;
}

/** Namespaces that a process made. */
const namespacesOf = (pid: number): string[] =>
  existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.startsWith(`lockstep-${pid}-`)) : [];

async function probe({ nodes: [from, to] }: Network, bytes: number): Promise<Probe> {
  assert.ok(from !== undefined && to !== undefined);
  const [command, args] = commandOn(to, process.execPath, [program, 'serve', to.address]);
  const server = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [port] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
    const line = commandOn(from, process.execPath, [program, 'probe', to.address, port, String(bytes)]);
    return JSON.parse(execFileSync(...line, { encoding: 'utf8' })) as Probe;
  } finally {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
}

test('two nodes have the delay and the rate of their link, and names of their own', { skip }, async () => {
  const before = execFileSync('ip', ['-br', 'link'], { encoding: 'utf8' });
  const network = await createNetwork({ nodes: 2, link: parseLink('50mbit,10ms') });
  try {
    const { hostname, roundTripMs, bitsPerSecond } = await probe(network, 5_000_000);
    // Never faster than the link; how much slower depends on what else the machine does.
    assert.ok(roundTripMs >= 20, `a round trip took ${roundTripMs} ms`);
    assert.ok(bitsPerSecond <= 50e6 && bitsPerSecond > 5e6, `${bitsPerSecond} bit/s`);
    assert.equal(hostname, network.nodes[0]?.name);
    assert.equal(execFileSync('ip', ['-br', 'link'], { encoding: 'utf8' }), before, 'the host has the devices it had');
  } finally {
    await network.close();
  }
  assert.deepEqual(namespacesOf(process.pid), []);
});

test('closing twice, and a network whose owner was killed, leave nothing', { skip }, async () => {
  const index = new URL('../../cli/network/index.js', import.meta.url).href;
  const script = `import { createNetwork } from ${JSON.stringify(index)};
    await createNetwork({ nodes: 1, link: { bitsPerSecond: 1e8, delayMs: 1 } });
    process.kill(process.pid, 'SIGKILL');`;
  const { pid: killed } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  assert.ok(namespacesOf(killed).length > 0, 'a killed process removes nothing');
  const network = await createNetwork({ nodes: 1, link: parseLink('100mbit,1ms') });
  await network.close();
  await network.close();
  assert.deepEqual([...namespacesOf(killed), ...namespacesOf(process.pid)], []);
});

test('lockstep bench allreduce --link measures on that link', { skip }, async () => {
  const line = ['bench', 'allreduce', '--workers', '2', '--bytes', '1MB', '--rounds', '1', '--link', '100mbit,1ms'];
  const run = new LockstepRun([...line, '--json']);
  const { code, stdout, stderr } = await run.ended;
  assert.equal(code, 0, stderr);
  const { link, sizes } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  assert.deepEqual(link, { bitsPerSecond: 100e6, delayMs: 1 });
  // Each of two workers sends and receives all bytes once: 80 ms at 100 Mbit/s, and two times 1 ms.
  assert.ok(sizes[0].lockstep.seconds >= 0.082, `1 MB took ${sizes[0].lockstep.seconds} s`);
  assert.deepEqual(namespacesOf(run.pid), []);
});

test('Ctrl-C removes the network', { skip }, async () => {
  const line = ['bench', 'allreduce', '--workers', '2', '--bytes', '1MB', '--link', '100mbit,1ms', '--rounds', '1000'];
  const run = new LockstepRun(line);
  await run.stderrMatches(/round 1 of/);
  assert.equal(namespacesOf(run.pid).length, 3);
  run.signal('SIGINT');
  assert.equal((await run.ended).code, 130);
  assert.deepEqual(namespacesOf(run.pid), []);
});
