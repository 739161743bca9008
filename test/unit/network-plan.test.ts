import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandOn, forkOptions, formatLink, loopbackNetwork, parseLink } from '../../cli/network/index.ts';
import { planNetwork } from '../../cli/network/plan.ts';

const link = { bitsPerSecond: 1e9, delayMs: 0.5 };
const owner = { owner: 4711, sequence: 3 };

test('a link is a rate and, perhaps, a delay of one way', () => {
  assert.deepEqual(parseLink('1gbit,0.5ms'), link);
  assert.deepEqual(parseLink('100mbit,20ms'), { bitsPerSecond: 1e8, delayMs: 20 });
  assert.deepEqual(parseLink('2.5gbit,50us'), { bitsPerSecond: 2.5e9, delayMs: 0.05 });
  assert.deepEqual(parseLink('10mbit'), { bitsPerSecond: 1e7, delayMs: 0 });
  assert.equal(formatLink(link), '1 Gbit/s, 0.5 ms one way');
});

test('a link that cannot be is refused with an example', () => {
  for (const text of ['', '1gbit,', '1gbps,1ms', '1kbit,1ms', '1gbit,1h', '1gbit,20s', '-1gbit']) {
    assert.throws(() => parseLink(text), { code: 'config/invalid', message: /such as 1gbit,0\.5ms/ });
  }
});

test('every namespace is named after its process, and all that are made are removed', () => {
  for (const shaping of ['netem', 'wire'] as const) {
    const { create, remove, hub, nodes } = planNetwork({ nodes: 3, link }, { ...owner, shaping });
    const made = create.filter((command) => command[2] === 'add').map((command) => command[3]);
    assert.deepEqual(made, ['lockstep-4711-3-hub', 'lockstep-4711-3-n0', 'lockstep-4711-3-n1', 'lockstep-4711-3-n2']);
    assert.deepEqual(
      remove.map((command) => command[3]),
      made,
    );
    assert.equal(new Set([hub, ...nodes].map(({ address }) => address)).size, 4);
  }
});

test('no command touches a device of the host', () => {
  for (const shaping of ['netem', 'wire'] as const) {
    const { connect } = planNetwork({ nodes: 2, link }, { ...owner, shaping });
    assert.ok(connect.length > 0);
    for (const [, flag, namespace] of connect) {
      assert.equal(flag, '-n');
      assert.match(namespace ?? '', /^lockstep-4711-3-/);
    }
  }
});

test('with netem a node sends at the rate and with the delay, and receives at the rate', () => {
  const { connect } = planNetwork({ nodes: 1, link }, { ...owner, shaping: 'netem' });
  const netem = connect
    .filter(([program]) => program === 'tc')
    .map((command) => command.slice(command.indexOf('netem')));
  assert.deepEqual(netem, [
    ['netem', 'rate', '1000000000bit', 'delay', '500us', 'limit', '1084'],
    ['netem', 'rate', '1000000000bit', 'limit', '1084'],
  ]);
});

test('a program on a node is started through its prefix, on this host as it is', () => {
  const [here] = loopbackNetwork(1, 'this').nodes;
  const [there] = planNetwork({ nodes: 1, link }, { ...owner, shaping: 'wire' }).nodes;
  assert.ok(here !== undefined && there !== undefined);
  assert.deepEqual(commandOn(here, 'python3', ['x.py']), ['python3', ['x.py']]);
  assert.deepEqual(forkOptions(here), { execPath: process.execPath, execArgv: [] });
  const [command, args] = commandOn(there, 'python3', ['x.py']);
  assert.deepEqual(
    [command, args.slice(0, 3), args.slice(-2)],
    ['ip', ['netns', 'exec', there.namespace], ['python3', 'x.py']],
  );
  const { execPath, execArgv } = forkOptions(there);
  assert.deepEqual([execPath, execArgv.at(-1)], ['ip', process.execPath]);
});
