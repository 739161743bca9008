import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { manifestProblems } from '../support/kubernetes-manifest.ts';
import { parseManifest, schemaProblems, unknownFields } from '../support/kubernetes-schema.ts';
import { repositoryRoot } from '../support/repository.ts';

const manifest = readFileSync(join(repositoryRoot, 'deploy', 'kubernetes', 'lockstep.yaml'), 'utf8');

test('the manifest keeps to Kubernetes’s schemas', () => {
  assert.deepEqual(schemaProblems(parseManifest(manifest)), []);
});

test('the manifest has no field that Kubernetes doesn’t know', async () => {
  assert.deepEqual(await unknownFields(parseManifest(manifest)), []);
});

test('options, ports, names, volumes and probes of the manifest agree with each other and with the commands', () => {
  assert.deepEqual(manifestProblems(parseManifest(manifest)), []);
});

/** [in the manifest, what stands there instead, what must be said about it] */
const errors: readonly (readonly [string, string, RegExp])[] = [
  ['--workers=2', '--worker=2', /coordinator has no --worker/],
  ['--workers=2', '--workers=3', /3 workers wanted, 2 completions/],
  ['--replicas=4', '--replicas=1', /1 replicas for 2 workers/],
  ['--threads=2', '--threads=many', /--threads many: expected a whole number/],
  ['--tls-key=/tls/lockstep-coordinator.key', '--json', /missing: TLS needs all/],
  ['--listen=0.0.0.0:4600', '--listen=0.0.0.0:4700', /listens on 0\.0\.0\.0:4700, but port control is 4600/],
  ['--coordinator=lockstep-coordinator:4600', '--coordinator=lockstep:4600', /no Service of the coordinator/],
  [
    '--coordinator=lockstep-coordinator:4600',
    '--coordinator=lockstep-coordinator:9464',
    /no Service of the coordinator/,
  ],
  ['targetPort: control', 'targetPort: peer', /port 4600 is not the container’s peer/],
  ['subdomain: lockstep-workers', 'subdomain: workers', /subdomain workers is no headless Service/],
  ['clusterIP: None', 'type: ClusterIP', /no headless Service of the workers/],
  ['--advertise=lockstep-worker-$(JOB', '--advertise=worker-$(JOB', /--advertise is not the pod’s name/],
  ['path: /healthz', 'path: /health', /asks for \/health, which is not served/],
  ['prometheus.io/port: "9464"', 'prometheus.io/port: "9465"', /scrape 9465\/metrics/],
  ['name: lockstep-job }', 'name: my-job }', /no ConfigMap my-job/],
  ['/job/job.ts', '/job/train.ts', /no ConfigMap holds \/job\/train\.ts/],
  ['--out=/out', '--out=/work', /\/work is on no volume/],
  ['app.kubernetes.io/component: worker\n  publish', 'app.kubernetes.io/component: peer\n  publish', /selects 0 Jobs/],
  ['readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false', /may write to its image/],
  ['enableServiceLinks: false', 'enableServiceLinks: true', /LOCKSTEP_… variables/],
  ['completionMode: Indexed', 'completionMode: NonIndexed', /\$\(JOB_COMPLETION_INDEX\) is not set/],
];

test('planted errors in options and agreements are found', () => {
  for (const [part, replacement, expected] of errors) {
    assert.ok(manifest.includes(part), `the manifest has no ${part}`);
    const problems = manifestProblems(parseManifest(manifest.replace(part, replacement)));
    assert.match(problems.join('\n'), expected, `${part} → ${replacement}`);
  }
});

test('planted errors in values and fields are found', async () => {
  const wrongValue = parseManifest(manifest.replace('completionMode: Indexed', 'completionMode: indexed'));
  assert.match(schemaProblems(wrongValue).join(), /completionMode must be equal to one of the allowed values/);
  const wrongType = parseManifest(manifest.replace('parallelism: 2', 'parallelism: two'));
  assert.match(schemaProblems(wrongType).join(), /parallelism must be integer/);
  const wrongKind = parseManifest(manifest.replace('kind: Service', 'kind: Servis'));
  assert.match(schemaProblems(wrongKind).join(), /Servis/);
  const wrongField = parseManifest(manifest.replace('terminationGracePeriodSeconds', 'terminationGraceSeconds'));
  assert.match(
    (await unknownFields(wrongField)).join(),
    /terminationGraceSeconds"?' does not exist in type 'IPodSpec'/,
  );
  assert.throws(() => parseManifest('a: [1\n'));
});
