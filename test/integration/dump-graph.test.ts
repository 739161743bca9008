import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tensorflow } from '../../proto/generated/tensorflow.js';
import { openEngine } from '../support/engine-fixtures.ts';
import { lockstep, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { findPythonWithTensorFlow } from '../support/python-tensorflow.ts';
import { repositoryRoot } from '../support/repository.ts';

const { skip } = await openEngine('tensorflow');
const directory = mkdtempSync(join(tmpdir(), 'lockstep-graph-'));
after(() => {
  rmSync(directory, { recursive: true, force: true });
  removeOutputs();
});
const small = join(repositoryRoot, 'test/support/jobs/small.ts');
const [binary, text] = [join(directory, 'step.pb'), join(directory, 'step.pbtxt')];

test('train writes the graph that it runs, with layers as names and the shapes of values', { skip }, async () => {
  await trainJson([small, '--workers', '2', '--max-steps', '1', '--dump-graph', binary]);
  const { node: nodes = [] } = tensorflow.GraphDef.decode(readFileSync(binary));
  const byOp = (op: string) => nodes?.filter((node) => node.op === op) ?? [];
  assert.equal(byOp('ResourceApplyAdam').length, 6);
  const backward = byOp('Conv2DBackpropFilter').find(({ name }) => name?.startsWith('step18/conv2d/gradient/'));
  assert.ok(backward !== undefined, 'named after section, layer and pass');
  const shape = backward.attr?.['_output_shapes']?.list?.shape?.[0]?.dim?.map(({ size }) => Number(size));
  assert.deepEqual(shape, [3, 3, 3, 6]);
});

test('profile writes it as text under a name with .pbtxt, in mixed precision as well', { skip }, async () => {
  const args = ['profile', small, '--steps', '1', '--out', directory, '--precision', 'mixed_bfloat16'];
  const ended = await lockstep([...args, '--dump-graph', text]);
  assert.equal(ended.code, 0, ended.stderr);
  const written = readFileSync(text, 'utf8');
  assert.match(written, /^node \{\n {2}name: "/);
  assert.match(written, /type: DT_BFLOAT16/);
});

test('without a graph, or a place to write it to, the run ends with the reason', { skip }, async () => {
  const run = (...args: string[]) => lockstep(['train', small, '--max-steps', '1', '--out', directory, ...args]);
  const eager = await run('--eager', '--dump-graph', join(directory, 'eager.pb'));
  assert.equal(eager.code, 2);
  assert.match(eager.stderr, /config\/invalid: --dump-graph .*eager\.pb: op by op there is no graph/);
  const nowhere = await run('--dump-graph', join(directory, 'nowhere/step.pb'));
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.stderr, /config\/invalid: --dump-graph .*cannot be written: ENOENT/);
});

const python = findPythonWithTensorFlow();

const importBoth = `
import sys, tensorflow as tf
from google.protobuf import text_format
binary, text = tf.compat.v1.GraphDef(), tf.compat.v1.GraphDef()
binary.ParseFromString(open(sys.argv[1], 'rb').read())
text_format.Parse(open(sys.argv[2]).read(), text)
for graph_def in (binary, text):
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name='')
    print(len(graph.get_operations()), len(graph_def.node))
`;

test('Python TensorFlow imports both forms and knows every op and attribute', {
  skip: skip || (python === undefined ? 'no Python with TensorFlow on this machine' : false),
}, () => {
  assert.ok(python !== undefined && existsSync(binary) && existsSync(text));
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '-1' };
  const printed = execFileSync(python, ['-c', importBoth, binary, text], { encoding: 'utf8', env });
  const counts = printed
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  assert.equal(counts.length, 2);
  for (const [imported, written] of counts) {
    assert.equal(imported, written);
    assert.ok((written ?? 0) > 200);
  }
});
