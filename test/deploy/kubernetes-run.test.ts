import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseManifest } from '../support/kubernetes-schema.ts';
import { LockstepRun, lockstep, outputs, type RunJson, removeOutputs } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

interface JobDocument {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly args: string[] }[] } };
  };
}

/** What the cluster provides, on this machine: names, volumes and ports. */
function onThisMachine(args: readonly string[], coordinatorPort: string): string[] {
  return args.map((text) =>
    text
      .replaceAll('lockstep-worker-$(JOB_COMPLETION_INDEX).lockstep-workers', 'localhost')
      .replaceAll('lockstep-coordinator', 'localhost')
      .replace('0.0.0.0', '127.0.0.1')
      .replace(':4600', `:${coordinatorPort}`)
      .replace(':4601', ':0')
      .replace('--metrics-port=9464', '--metrics-port=0')
      .replace('--threads=2', '--threads=1')
      .replace(/^\/|=\//, (slash) => slash.replace('/', `${outputs}/pod/`)),
  );
}

test('the manifest’s command lines train the ConfigMap’s job over mutual TLS', async (context) => {
  const objects = parseManifest(readFileSync(join(repositoryRoot, 'deploy', 'kubernetes', 'lockstep.yaml'), 'utf8'));
  const argsOf = (name: string) => {
    const found = objects.find(({ kind, metadata }) => kind === 'Job' && metadata.name === name);
    return (found as unknown as JobDocument).spec.template.spec.containers[0]?.args ?? [];
  };
  const configMap = objects.find(({ kind }) => kind === 'ConfigMap') as unknown as { data: Record<string, string> };
  const pod = join(outputs, 'pod');
  for (const directory of ['job', 'out', 'tmp']) mkdirSync(join(pod, directory), { recursive: true });
  for (const [name, text] of Object.entries(configMap.data)) writeFileSync(join(pod, 'job', name), text);
  const certs = await lockstep(['certs', '--hosts', 'localhost', '--out', join(pod, 'tls')]);
  assert.equal(certs.code, 0, certs.stderr);

  const engine = process.env['LOCKSTEP_ENGINE'] || 'tensorflow';
  const coordinator = new LockstepRun([...onThisMachine(argsOf('lockstep-coordinator'), '0'), '--max-steps=3']);
  context.after(() => coordinator.signal('SIGKILL'));
  const pattern = /workers at 127\.0\.0\.1:(\d+)/;
  const port = pattern.exec(await coordinator.stderrMatches(pattern))?.[1] ?? '';
  const workers = [0, 1].map((index) => {
    const args = [...onThisMachine(argsOf('lockstep-worker'), port), `--engine=${engine}`];
    return new LockstepRun(args, { JOB_COMPLETION_INDEX: String(index) });
  });
  context.after(() => {
    for (const worker of workers) worker.signal('SIGKILL');
  });

  const [ended, ...workersEnded] = await Promise.all([coordinator.ended, ...workers.map((worker) => worker.ended)]);
  assert.equal(ended.code, 0, ended.stderr);
  for (const worker of workersEnded) assert.equal(worker.code, 0, worker.stderr);
  const result = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as RunJson;
  assert.deepEqual([result.steps, result.workers, result.replicas], [3, 2, 4]);
  assert.equal(result.checkpoint, join(pod, 'out', 'model'));
});
