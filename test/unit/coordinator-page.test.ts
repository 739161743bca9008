import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import type { StatusSnapshot } from '../../coordinator/status/index.ts';
import { statusPage } from '../../coordinator/status/page.ts';

/** As much of a browser's element as the page uses. */
class FakeElement {
  textContent: unknown = '';
  children: FakeElement[] = [];
  readonly style: Record<string, string> = {};
  readonly attributes = new Map<string, string>();
  readonly parentElement: FakeElement | undefined;

  constructor(parent?: FakeElement) {
    this.parentElement = parent;
  }

  append(...children: FakeElement[]): void {
    this.children.push(...children);
  }

  replaceChildren(...children: FakeElement[]): void {
    this.children = children;
  }

  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }

  get text(): string {
    return [String(this.textContent), ...this.children.map((child) => child.text)].join(' ').trim();
  }
}

const snapshot: StatusSnapshot = {
  ...{ runId: 'r', stage: 'training', error: null, model: 'cnn', generation: 1, replicas: 4, workersWanted: 2 },
  ...{ epoch: 1, epochs: 2, stepInEpoch: 5, stepsPerEpoch: 10, step: 5, totalSteps: 20, samples: 160, loss: 0.5 },
  ...{ metrics: { accuracy: 0.75 }, samplesPerSecond: 128, etaSeconds: 65 },
  evaluations: [{ split: 'validation', step: 5, loss: 0.25, metrics: { accuracy: 0.8 } }],
  lossCurve: [
    [1, 2],
    [3, 1],
    [5, 0.5],
  ],
  workers: [
    {
      ...{ id: 'w0', host: '<b>host</b>', pid: 7, rank: 0, replicas: [0, 2], phase: 'reduce', phaseMs: 3, step: 5 },
      ...{ heartbeatAgeMs: 120, bytesSent: 2048, bytesReceived: 0, deviceMemoryBytes: 0, metricsAddress: '' },
    },
  ],
};

async function show(answer: () => Promise<unknown>): Promise<(id: string) => FakeElement> {
  const script = /<script>([\s\S]*)<\/script>/.exec(statusPage)?.[1] ?? '';
  const elements = new Map<string, FakeElement>();
  const at = (id: string): FakeElement => {
    assert.ok(statusPage.includes(`id="${id}"`), `the page has an element ${id}`);
    const element = elements.get(id) ?? new FakeElement(new FakeElement());
    elements.set(id, element);
    return element;
  };
  let polled = () => {};
  const polledAgain = new Promise<void>((resolve) => {
    polled = resolve;
  });
  runInNewContext(script, {
    document: { getElementById: at, createElement: () => new FakeElement() },
    fetch: async () => ({ json: answer }),
    setTimeout: () => polled(),
  });
  await polledAgain;
  return at;
}

test('the live page shows progress, curve and workers, and never takes a name for markup', async () => {
  const at = await show(async () => snapshot);
  assert.equal(at('stage').text, 'training · generation 1 · 4 replicas');
  assert.equal(at('done').style['width'], '25%');
  assert.match(at('numbers').text, /loss 0\.5000 .*accuracy 0\.7500 .*left 1:05 .*validation accuracy 0\.8000/);
  assert.equal(at('curve').attributes.get('points'), '0.00,3.00 50.00,65.67 100.00,97.00');
  assert.match(at('workers').text, /w0 <b>host<\/b> 7 0–1 5 reduce 0\.1 s ago 2\.0 KiB/);
  assert.doesNotMatch(statusPage, /innerHTML/);
});

test('the live page says so when the coordinator is gone', async () => {
  const at = await show(() => Promise.reject(new Error('connection refused')));
  assert.match(at('stage').text, /the coordinator does not answer/);
});
