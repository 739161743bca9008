import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { usage } from '../../cli/setup/setup-arguments.mjs';
import { type DockerFacts, dockerfileProblems, parseDockerfile } from '../support/dockerfile.ts';
import { repositoryRoot } from '../support/repository.ts';

const read = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const dockerfile = read('deploy/docker/Dockerfile');
const manifest = JSON.parse(read('package.json')) as { bin: { lockstep: string }; scripts: Record<string, string> };
const { references } = JSON.parse(read('tsconfig.json')) as { references: { path: string }[] };

const facts: DockerFacts = {
  files: repositoryFiles(),
  ignored: read('deploy/docker/Dockerfile.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#')),
  scripts: Object.keys(manifest.scripts),
  projects: references.map(({ path }) => path.replace('./', '')),
  bin: manifest.bin.lockstep,
  setupVariables: [...usage.matchAll(/LOCKSTEP_\w+/g)].map(([name]) => name),
};

/** What is committed, where there is a repository: a file that is only on this disk will be missing elsewhere. */
function repositoryFiles(): string[] {
  if (!existsSync(join(repositoryRoot, '.git'))) return readdirSync(repositoryRoot, { recursive: true }) as string[];
  return execFileSync('git', ['ls-files'], { cwd: repositoryRoot, encoding: 'utf8' }).trim().split('\n');
}

test('the image is made from what the repository has, and its process is lockstep without root’s rights', () => {
  assert.deepEqual(dockerfileProblems(parseDockerfile(dockerfile), facts), []);
});

/** [in the Dockerfile, what stands there instead, what must be said about it] */
const errors: readonly (readonly [string, string, RegExp])[] = [
  ['COPY worker worker', 'COPY workers workers', /COPY workers: not in the repository\nthe build needs worker/],
  ['COPY proto proto', 'COPY docs docs', /COPY docs: left out by \.dockerignore/],
  ['USER node', '', /runs as root/],
  ['USER node', 'USER root', /runs as root/],
  ['npm run setup', 'npm run set-up', /no script set-up|no script set/],
  ['LOCKSTEP_ACCELERATOR=', 'LOCKSTEP_DEVICE=', /set-up reads no LOCKSTEP_DEVICE/],
  ['/lockstep/cli/lockstep.mjs /usr', '/lockstep/cli/main.mjs /usr', /lockstep is not cli\/lockstep\.mjs/],
  ['--from=build /lockstep/examples', '--from=build /lockstep/docs', /\/lockstep\/docs: not there/],
  ['--from=build /opt', '--from=builder /opt', /no such stage before/],
  ['ENTRYPOINT ["lockstep"]', 'ENTRYPOINT ["node"]', /the entry point is not lockstep/],
];

test('planted errors in the Dockerfile are found', () => {
  for (const [part, replacement, expected] of errors) {
    assert.ok(dockerfile.includes(part), `the Dockerfile has no ${part}`);
    const problems = dockerfileProblems(parseDockerfile(dockerfile.replace(part, replacement)), facts);
    assert.match(problems.join('\n'), expected, `${part} → ${replacement}`);
  }
});
