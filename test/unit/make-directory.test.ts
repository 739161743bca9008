import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LockstepError, makeDirectory } from '../../shared/core/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'lockstep-directory-'));
after(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'file'), '');
symlinkSync(join(directory, 'nowhere'), join(directory, 'dangling'));

function refusal(path: string): string {
  try {
    makeDirectory(path, '--out');
  } catch (error) {
    assert.ok(error instanceof LockstepError);
    assert.equal(error.code, 'config/invalid');
    assert.ok(error.message.startsWith(`--out ${path} `), error.message);
    return error.message;
  }
  assert.fail(`${path} was made`);
}

test('a directory is made with its parents, and an existing one is taken as it is', () => {
  const path = join(directory, 'a/b/c');
  makeDirectory(path, '--out');
  makeDirectory(path, '--out');
  assert.ok(statSync(path).isDirectory());
});

test('a file in its place, or in the place of a parent, is named', () => {
  assert.match(refusal(join(directory, 'file')), /ENOTDIR at .*file\)$/);
  assert.match(refusal(join(directory, 'file/under/it')), /ENOTDIR at /);
});

test('a link that leads nowhere is refused', () => {
  assert.match(refusal(join(directory, 'dangling')), /EEXIST at .*dangling\)$/);
});

test('a place where the system makes no directories is refused at once', { skip: !existsSync('/proc/self') }, () => {
  assert.match(refusal('/proc/lockstep-out'), /(ENOENT|EACCES|EPERM) at \/proc\/lockstep-out\)$/);
  assert.match(refusal('/proc/self/a/b'), /(ENOENT|EACCES|EPERM) at /);
});
