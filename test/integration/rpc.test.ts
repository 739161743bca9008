import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import {
  type Channel,
  type CoordinatorMessage,
  connect,
  controlService,
  isConnectionLost,
  loopbackSecurity,
  type MessageStream,
  peerService,
  type RunningServer,
  serve,
  startServer,
  type WorkerMessage,
} from '../../shared/rpc/index.ts';

type ServerStream = MessageStream<CoordinatorMessage, WorkerMessage>;

/** Records what a stream's owner is told, and lets a test wait for it. */
class Recorder<In> {
  readonly messages: In[] = [];
  readonly closings: (LockstepError | null)[] = [];
  #wake: () => void = () => {};

  readonly events = {
    message: (message: In) => {
      this.messages.push(message);
      this.#wake();
    },
    closed: (error: LockstepError | null) => {
      this.closings.push(error);
      this.#wake();
    },
  };

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async closed(): Promise<LockstepError | null> {
    await this.until(() => this.closings.length > 0);
    // A second callback would come in a later turn.
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(this.closings.length, 1);
    return this.closings[0] ?? null;
  }
}

async function controlServer(
  handler: (stream: ServerStream) => { message(m: WorkerMessage): void; closed(e: LockstepError | null): void },
): Promise<RunningServer> {
  return startServer({
    address: '127.0.0.1:0',
    kind: 'control',
    security: loopbackSecurity,
    services: [serve(controlService.session, handler)],
  });
}

function dial(address: string, deadlineMs = 10_000): Promise<Channel> {
  return connect(address, { kind: 'control', security: loopbackSecurity, deadlineMs, role: 'coordinator' });
}

test('messages arrive in order in both directions, and an ended stream closes both ends once without an error', async () => {
  const serverSide = new Recorder<WorkerMessage>();
  const server = await controlServer((stream) => ({
    message: (message) => {
      serverSide.events.message(message);
      void stream.send({ runId: 'r', generation: message.generation ?? 0, drain: { reason: 'as asked' } });
    },
    closed: serverSide.events.closed,
  }));
  const channel = await dial(server.address);
  const client = new Recorder<CoordinatorMessage>();
  const stream = channel.open(controlService.session, client.events);
  for (let generation = 1; generation <= 100; generation++) await stream.send({ generation, heartbeat: { step: 1 } });
  stream.end();
  assert.equal(await client.closed(), null);
  assert.equal(await serverSide.closed(), null);
  assert.deepEqual(
    serverSide.messages.map((m) => m.generation),
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
  assert.deepEqual(
    client.messages.map((m) => m.generation),
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
  assert.equal(client.messages[0]?.body, 'drain');
  channel.close();
  await server.close();
});

test('an error that the server raises reaches the client whole', async () => {
  const server = await controlServer((stream) => ({
    message: () => {
      throw new LockstepError('rpc/refused', `${stream.open} token is wrong`, {
        details: { expected: 3 },
        action: 'fatal',
      });
    },
    closed: () => {},
  }));
  const channel = await dial(server.address);
  const client = new Recorder<CoordinatorMessage>();
  void channel.open(controlService.session, client.events).send({ heartbeat: { step: 1 } });
  const error = await client.closed();
  assert.equal(error?.code, 'rpc/refused');
  assert.equal(error?.message, 'true token is wrong');
  assert.deepEqual(error?.details, { expected: 3 });
  assert.equal(isConnectionLost(error), false);
  channel.close();
  await server.close();
});

test('a server that goes away is a lost connection that names it', async () => {
  const server = await controlServer(() => ({ message: () => {}, closed: () => {} }));
  const channel = await dial(server.address);
  const client = new Recorder<CoordinatorMessage>();
  const stream = channel.open(controlService.session, client.events);
  await stream.send({ heartbeat: { step: 1 } });
  await server.close(0);
  const error = await client.closed();
  assert.ok(isConnectionLost(error));
  assert.match(error?.message ?? '', new RegExp(`coordinator ${server.address}`));
  await assert.rejects(stream.send({}), { code: 'rpc/connection-lost' });
  channel.close();
});

test('a client that goes away is a lost connection for the server', async () => {
  const serverSide = new Recorder<WorkerMessage>();
  const server = await controlServer((stream) => {
    stream.rename('worker w-1');
    return serverSide.events;
  });
  const channel = await dial(server.address);
  await channel.open(controlService.session, { message: () => {}, closed: () => {} }).send({ heartbeat: { step: 1 } });
  await serverSide.until(() => serverSide.messages.length === 1);
  channel.close();
  const error = await serverSide.closed();
  assert.ok(isConnectionLost(error));
  await server.close();
});

test('bytes that are no message end the stream with an error that names the sender', async () => {
  const serverSide = new Recorder<WorkerMessage>();
  const server = await controlServer(() => serverSide.events);
  const channel = await dial(server.address);
  const client = new Recorder<unknown>();
  const garbage = { ...controlService.session, request: peerService.pull.response };
  void channel.open(garbage, client.events).send(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  assert.equal((await client.closed())?.code, 'rpc/protocol');
  assert.match((await serverSide.closed())?.message ?? '', /client 127\.0\.0\.1:\d+ sent 4 bytes/);
  channel.close();
  await server.close();
});

test('send waits while the other end does not read, and a sender that ignores that is cut off', async () => {
  const server = await startServer({
    address: '127.0.0.1:0',
    kind: 'bulk',
    security: loopbackSecurity,
    services: [
      serve(peerService.pull, (stream) => ({
        message: () => {
          for (let i = 0; i < 100; i++) void stream.send(Buffer.alloc(1024 * 1024));
        },
        closed: serverSide.events.closed,
      })),
    ],
  });
  const serverSide = new Recorder<unknown>();
  const channel = await connect(server.address, {
    kind: 'bulk',
    security: loopbackSecurity,
    deadlineMs: 10_000,
    role: 'peer',
  });
  const client = new Recorder<Uint8Array>();
  const stream = channel.open(peerService.pull, client.events);
  await stream.send({});
  assert.equal((await serverSide.closed())?.code, 'rpc/slow-reader');
  assert.equal((await client.closed())?.code, 'rpc/slow-reader');
  channel.close();
  await server.close();
});

test('an address where nobody listens is reported with the attempts, the reason and the advice', async () => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  const failed = connect(`127.0.0.1:${port}`, {
    kind: 'control',
    security: loopbackSecurity,
    deadlineMs: 500,
    role: 'coordinator',
    advice: 'is `lockstep coordinator` running there?',
  });
  await assert.rejects(failed, (error: LockstepError) => {
    assert.equal(error.code, 'rpc/unreachable');
    assert.match(
      error.message,
      /^coordinator 127\.0\.0\.1:\d+ could not be reached in 0\.5 s \([2-9] attempts; last: ECONNREFUSED\); is `lockstep coordinator` running there\?$/,
    );
    assert.ok(isConnectionLost(error));
    return true;
  });
});

test('a host name that does not exist and an address without a port are told apart', async () => {
  await assert.rejects(dial('no-such-host.invalid:7171', 200), { code: 'rpc/unreachable' });
  await assert.rejects(dial('no-port'), { code: 'config/invalid' });
});

test('connect goes on until the server is there', async () => {
  const first = await controlServer(() => ({ message: () => {}, closed: () => {} }));
  await first.close(0);
  const dialing = dial(first.address);
  await new Promise((resolve) => setTimeout(resolve, 150));
  const second = await startServer({
    address: first.address,
    kind: 'control',
    security: loopbackSecurity,
    services: [serve(controlService.session, () => ({ message: () => {}, closed: () => {} }))],
  });
  (await dialing).close();
  await second.close();
});

test('connect ends at once when its signal does', async () => {
  const controller = new AbortController();
  const dialing = connect('127.0.0.1:9', {
    kind: 'control',
    security: loopbackSecurity,
    deadlineMs: 60_000,
    role: 'coordinator',
    signal: controller.signal,
  });
  const reason = new LockstepError('run/interrupted', 'stopped by the user');
  setImmediate(() => controller.abort(reason));
  await assert.rejects(dialing, reason);
});

test('a taken port is an error that names it', async () => {
  const first = await controlServer(() => ({ message: () => {}, closed: () => {} }));
  await assert.rejects(
    startServer({ address: first.address, kind: 'control', security: loopbackSecurity, services: [] }),
    (error: LockstepError) => error.code === 'rpc/address-in-use' && error.message.includes(first.address),
  );
  await first.close();
});

test('close lets an open call finish within its grace', async () => {
  const held: ServerStream[] = [];
  const server = await controlServer((stream) => {
    held.push(stream);
    return { message: () => {}, closed: () => {} };
  });
  const channel = await dial(server.address);
  const client = new Recorder<CoordinatorMessage>();
  const stream = channel.open(controlService.session, client.events);
  await stream.send({ heartbeat: { step: 1 } });
  await dial(server.address).then((other) => other.close());
  const closing = server.close(10_000);
  while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await held[0]?.send({ stop: {} });
  held[0]?.end();
  assert.equal(await client.closed(), null);
  assert.equal(client.messages[0]?.body, 'stop');
  await closing;
  channel.close();
});
