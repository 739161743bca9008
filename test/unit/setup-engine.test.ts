import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { addonKey } from '../../cli/setup/addon.mjs';
import { planEngine } from '../../cli/setup/engine.mjs';
import { cacheDirectory, locateEngine } from '../../cli/setup/engine-location.mjs';
import { openGivenLibrary } from '../../cli/setup/library.mjs';
import { engineRequirement, readReport } from '../../cli/setup/wheel-index.mjs';

function makeTree(t: TestContext, files: Record<string, string | Uint8Array>): string {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-engine-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

/** The first bytes of a shared library for x64. */
function elfHeader(machine = 62): Uint8Array {
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 'latin1');
  header.writeUInt16LE(machine, 18);
  return header;
}

test('the cache is where the user says, then where the desktop standard says, then in the home directory', () => {
  assert.equal(cacheDirectory({ LOCKSTEP_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' }), '/a');
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: '/b', HOME: '/c' }), '/b/lockstep');
  assert.equal(cacheDirectory({ HOME: '/c' }), '/c/.cache/lockstep');
});

test('the addon key changes with each source of the addon', (t) => {
  const files = { 'binding/a.cc': 'int a;', 'binding/a.h': 'int b;' };
  const key = addonKey(makeTree(t, files));
  assert.equal(addonKey(makeTree(t, files)), key);
  assert.notEqual(addonKey(makeTree(t, { ...files, 'binding/a.h': 'int c;' })), key);
  assert.notEqual(addonKey(makeTree(t, { 'binding/a.cc': 'int a;', 'binding/b.h': 'int b;' })), key);
});

test('accelerators are cached side by side', (t) => {
  const root = makeTree(t, { 'package.json': '{}' });
  const env = { LOCKSTEP_CACHE: '/cache' };
  const plans = ['cpu', 'cuda'].map((name) => planEngine(root, { ...env, LOCKSTEP_ACCELERATOR: name }).home);
  assert.equal(new Set(plans).size, 2);
  assert.match(plans[1] ?? '', /^\/cache\/engine\/tensorflow-2\.21\.0-cuda-/);
  assert.throws(
    () => planEngine(root, { ...env, LOCKSTEP_ACCELERATOR: 'rocm' }),
    /LOCKSTEP_ACCELERATOR=rocm: expected cpu or cuda/,
  );
});

test('an engine is linked while its addon, manifest and library exist, and missing once the cache is deleted', (t) => {
  const root = makeTree(t, {
    'package.json': '{}',
    'node_modules/@tensorflow/tfjs-node-gpu/package.json': '{}',
    'cache/addon/tfjs_binding.node': '',
    'cache/library/x': '',
  });
  assert.equal(locateEngine(root).state, 'missing');
  const link = join(root, 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node');
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(join(root, 'cache/addon/tfjs_binding.node'), link);
  assert.equal(locateEngine(root).state, 'foreign');
  const manifest = { tensorflow: '2.21.0', accelerator: 'cpu', library: join(root, 'cache/library'), builtAt: '' };
  writeFileSync(join(root, 'cache/addon/engine.json'), JSON.stringify(manifest));
  const location = locateEngine(root);
  assert.deepEqual(location.state === 'linked' && location.manifest, manifest);
  rmSync(join(root, 'cache'), { recursive: true });
  assert.equal(locateEngine(root).state, 'missing');
});

test('a checkout keeps the engine that it was set up with', (t) => {
  const root = makeTree(t, {
    'package.json': '{}',
    'node_modules/@tensorflow/tfjs-node-gpu/package.json': '{}',
    'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node': '',
    'given/lib/libtensorflow.so.2': elfHeader(process.arch === 'arm64' ? 183 : 62),
    'given/include/tensorflow/c/c_api.h': '',
  });
  const file = join(root, 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/engine.json');
  const library = join(root, 'given/lib');
  writeFileSync(file, JSON.stringify({ tensorflow: '2.21.0', accelerator: 'cuda', library, builtAt: '' }));
  assert.equal(planEngine(root, {}).accelerator, 'cuda');
  assert.equal(planEngine(root, { LOCKSTEP_ACCELERATOR: 'cpu' }).accelerator, 'cpu');
  writeFileSync(file, JSON.stringify({ given: join(root, 'given'), accelerator: 'custom', library, builtAt: '' }));
  assert.equal(planEngine(root, {}).given?.directory, library);
});

test('a given library is found as lib/ + include/, as a flat directory and as an unpacked wheel', (t) => {
  const layouts = [
    ['lib/libtensorflow.so.2', 'lib/libtensorflow_framework.so.2', 'include/tensorflow/c/c_api.h'],
    ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'include/tensorflow/c/c_api.h'],
    ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/include/tensorflow/c/c_api.h'],
  ];
  for (const layout of layouts) {
    const root = makeTree(t, Object.fromEntries(layout.map((path) => [path, elfHeader()])));
    const library = openGivenLibrary(root, 'x64');
    assert.match(library.files[0] ?? '', /^libtensorflow(_cc)?\.so\.2$/);
    assert.equal(library.files.length, layout.length - 1);
  }
});

test('a given library that is not one is refused with what is wrong', (t) => {
  const header = { 'include/tensorflow/c/c_api.h': '' };
  const open = (files: Record<string, string | Uint8Array>) => () => openGivenLibrary(makeTree(t, files), 'x64');
  assert.throws(() => openGivenLibrary('/nowhere/at/all', 'x64'), /there is no such directory/);
  assert.throws(open(header), /none of libtensorflow_cc\.so\.2/);
  assert.throws(open({ 'lib/libtensorflow.so.2': elfHeader() }), /no tensorflow\/c\/c_api\.h/);
  assert.throws(
    open({ ...header, 'lib/libtensorflow.so.2': 'a text file that is long enough' }),
    /is not a shared library/,
  );
  assert.throws(open({ ...header, 'lib/libtensorflow.so.2': elfHeader(183) }), /another CPU type than x64/);
});

test('the requirement fits the accelerator and the CPU type', () => {
  const of = (accelerator: 'cpu' | 'cuda', arch: string) => engineRequirement({ version: '2.21.0', accelerator, arch });
  assert.equal(of('cpu', 'x64').requirement, 'tensorflow-cpu==2.21.0');
  assert.equal(of('cpu', 'arm64').requirement, 'tensorflow==2.21.0');
  const cuda = of('cuda', 'x64');
  assert.equal(cuda.requirement, 'tensorflow[and-cuda]==2.21.0');
  const files = ['tensorflow-2.21.0-cp312.whl', 'nvidia_cudnn_cu12-9.3.whl', 'numpy-2.1.whl', 'tensorflow_io-1.whl'];
  assert.deepEqual(files.filter(cuda.isWanted), files.slice(0, 2));
});

test('an installation report of pip gives name, address and checksum in both of its spellings', () => {
  const install = [
    { download_info: { url: 'file:///w/a%2Bb-1.whl', archive_info: { hashes: { sha256: 'aa' } } } },
    { download_info: { url: 'file:///w/c-1.whl', archive_info: { hash: 'sha256=bb' } } },
    { download_info: { url: 'file:///w/d-1.whl' } },
  ];
  assert.deepEqual(readReport(JSON.stringify({ install })), [
    { name: 'a+b-1.whl', url: 'file:///w/a%2Bb-1.whl', sha256: 'aa' },
    { name: 'c-1.whl', url: 'file:///w/c-1.whl', sha256: 'bb' },
    { name: 'd-1.whl', url: 'file:///w/d-1.whl', sha256: '' },
  ]);
});
