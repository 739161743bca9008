import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { openEngine } from '../support/engine-fixtures.ts';

const surface = new URL('../../worker/engine/index.js', import.meta.url).href;
const { skip } = await openEngine('tensorflow');

/** Runs a module in a process of its own. */
function run(code: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return { status, stdout, stderr };
}

test('importing the engine’s surface loads no native code', () => {
  const { stdout, stderr } = run(`
    import { createRequire } from 'node:module';
    await import('${surface}');
    const native = process.report.getReport().sharedObjects.filter((path) => /tfjs_binding|libtensorflow/.test(path));
    console.log(JSON.stringify(native));`);
  assert.equal(stdout.trim(), '[]', stderr);
});

test('the cpu engine trains without printing anything', () => {
  const result = run(`
    import { loadEngine, tf } from '${surface}';
    await loadEngine('cpu', { threads: 1 });
    tf.matMul(tf.ones([2, 2]), tf.ones([2, 2])).dataSync();`);
  assert.deepEqual(result, { status: 0, stdout: '', stderr: '' });
});

test('without the addon the tensorflow engine says how to get it, and what works instead', () => {
  const { stdout, stderr } = run(`
    import Module from 'node:module';
    const resolve = Module._resolveFilename;
    Module._resolveFilename = (request, ...rest) => {
      if (request.includes('tfjs-node-gpu')) throw new Error('Cannot find module');
      return resolve(request, ...rest);
    };
    const { loadEngine } = await import('${surface}');
    const failure = await loadEngine('tensorflow', { threads: 1 }).catch((error) => error);
    console.log(failure.code, failure.message);
    const other = await loadEngine('cpu', { threads: 1 });
    console.log(other.info.name);`);
  assert.match(stdout, /^engine\/unavailable .*npm run setup.*--engine cpu.*\ncpu\n$/, stderr);
});

test('a second engine in one process is refused', () => {
  const { stdout, stderr } = run(`
    import { loadEngine } from '${surface}';
    await loadEngine('cpu', { threads: 1 });
    const failure = await loadEngine('tensorflow', { threads: 1 }).catch((error) => error);
    console.log(failure.code, failure.message);`);
  assert.match(stdout, /^engine\/unavailable this process runs the cpu engine/, stderr);
});

test('the tensorflow engine loads where Node has no util.isNullOrUndefined, with its threads', { skip }, () => {
  const { stdout, stderr } = run(`
    import util from 'node:util';
    delete util.isNullOrUndefined;
    const { loadEngine, tf } = await import('${surface}');
    const { info } = await loadEngine('tensorflow', { threads: 1 });
    const top = tf.topk(tf.tensor1d([1, 3, 2]), 2).values.dataSync();
    console.log(info.name, info.threads, process.env.TF_NUM_INTRAOP_THREADS, [...top].join());`);
  assert.equal(stdout, 'tensorflow 1 1 3,2\n', stderr);
});
