import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import { coordinate, get, start } from '../support/coordinator-run.ts';

describe('the status server', () => {
  test('serves a page, its data, and scrape targets, and takes no writes', async () => {
    const { coordinator, first, second } = await start();
    const address = coordinator.metricsAddress;
    first.commit(0);
    await first.until(() => first.messages.length > 1);
    const page = await get(address, '/');
    assert.match(page.contentType, /text\/html/);
    assert.match(page.text, /<svg/);
    assert.doesNotMatch(page.text, /(src|href)="(https?:)?\/\//, 'the page has no outside parts');
    const targets = JSON.parse((await get(address, '/targets')).text) as { targets: string[] }[];
    assert.deepEqual(
      targets.map(({ targets: [target] }) => target),
      [address, 'w0-host:9401', 'w1-host:9401'],
    );
    const status = JSON.parse((await get(address, '/status.json')).text) as {
      stage: string;
      workers: { id: string; phase: string }[];
    };
    assert.equal(status.stage, 'training');
    assert.deepEqual(
      status.workers.map(({ id, phase }) => [id, phase]),
      [
        ['w0', 'reduce'],
        ['w1', 'reduce'],
      ],
    );
    assert.equal((await get(address, '/healthz')).text, 'training\n');
    for (const path of ['/', '/metrics', '/status.json', '/targets']) {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
        assert.equal((await get(address, path, { method })).status, 405, `${method} ${path}`);
      }
    }
    assert.equal((await get(address, '/nothing')).status, 404);
    assert.equal((await get(address, '/constructor')).status, 404);
    coordinator.stop('the test is over');
    for (const worker of [first, second]) {
      await worker.receive('stop');
      worker.end();
    }
    await coordinator.ended;
  });

  test('on a taken port is an error before anything runs, and leaves no listener behind', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const inUse = (error: unknown) =>
      error instanceof LockstepError &&
      error.code === 'rpc/address-in-use' &&
      error.message.includes(`127.0.0.1:${port}`);
    await assert.rejects(coordinate({ metricsListen: `127.0.0.1:${port}` }), inUse);
    await assert.rejects(coordinate({ listen: `127.0.0.1:${port}` }), inUse);
    await new Promise((resolve) => taken.close(resolve));
  });
});
