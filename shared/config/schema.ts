import { checkpointOptions } from './checkpoint-options.ts';
import { define } from './definition.ts';
import { decides, exchangeOptions } from './exchange-options.ts';
import { listens, securityOptions } from './security-options.ts';
import { address, choice, integer, milliseconds, onOff, text } from './values.ts';

const launched = ['train', 'evaluate', 'predict', 'run', 'demo'] as const;
const trains = ['train', 'demo', 'coordinator'] as const;
const computes = ['train', 'evaluate', 'predict', 'run', 'demo', 'worker'] as const;
/** Compute alone, in the command's own process. */
const inspects = ['profile', 'doctor'] as const;

const directory = text('DIR', 'a directory');
const file = text('FILE', 'a file');

/** Every option of every command. Flags, environment variables, file keys, types and docs/configuration.md follow. */
export const optionDefinitions = {
  workers: define(integer(1, 4096), {
    commands: [...decides, 'predict'],
    default: 1,
    commandDefaults: { demo: 2 },
    description:
      'Worker processes. With the same --replicas they change the speed and never the result. When one is lost, the ' +
      'others go on; `MIN:MAX` also sets --min-workers.',
  }),
  minWorkers: define(integer(1, 4096), {
    commands: ['train', 'evaluate', 'coordinator'],
    default: null,
    defaultText: '1, and all to begin with',
    description:
      'Fewest workers that train. Training begins with as many when no more come in time. With fewer left, the run ' +
      'waits for more as long as for joining, then ends with everything saved.',
  }),
  replicas: define(integer(1, 4096), {
    commands: decides,
    default: null,
    defaultText: 'as many as workers',
    description:
      'Data-parallel lanes that every batch is cut into; fixed for the whole run and part of the result. ' +
      'At least as many as workers, and a divisor of the batch size.',
  }),
  epochs: define(integer(1), {
    commands: trains,
    default: null,
    defaultText: 'the job’s',
    description: 'Passes over the training data.',
  }),
  maxSteps: define(integer(1), {
    commands: trains,
    default: null,
    defaultText: 'no limit',
    description: 'End after this many steps, even inside an epoch.',
  }),
  batchSize: define(integer(1), {
    commands: [...decides, 'predict', ...inspects],
    default: null,
    defaultText: 'the job’s',
    description:
      'Samples per batch over all replicas (as in Keras): those of a step, or, with --accumulate, of each of its batches.',
  }),
  accumulate: define(integer(1, 65_536), {
    commands: trains,
    default: null,
    defaultText: 'the job’s',
    description:
      'Batches whose gradients are summed for one update, as Keras’s `gradient_accumulation_steps`: a step is then ' +
      'this many times the batch size. Part of the result.',
  }),
  seed: define(integer(0), {
    commands: [...trains, 'run'],
    default: null,
    defaultText: 'the job’s',
    description: 'Decides initial weights, the order of samples and every random op.',
  }),
  model: define(text('PATH', 'a path'), {
    commands: ['train', 'evaluate', 'predict', 'worker'],
    default: null,
    defaultText: 'none',
    requiredBy: ['evaluate', 'predict'],
    description:
      'Saved model whose weights are loaded first: a directory with model.json, or a .keras, .h5 or .safetensors file.',
  }),
  data: define(directory, {
    commands: [...computes, ...inspects],
    default: null,
    defaultText: 'as the job says',
    description: 'Directory of the data files, where the job names none.',
  }),
  engine: define(choice(['tensorflow', 'cpu']), {
    commands: computes,
    default: 'tensorflow',
    description: '`tensorflow`, or `cpu`: plain JavaScript, slow, runs anywhere.',
  }),
  eager: define(onOff(), {
    commands: [...decides, 'predict', 'doctor'],
    default: null,
    defaultText: 'as the job’s `compile` says: off',
    description:
      'Run each op as it comes instead of compiling the step to a TensorFlow graph: slow, but for models that cannot ' +
      'be compiled. Wins over `compile` in the job, both ways: `--no-eager` compiles.',
  }),
  precision: define(choice(['float32', 'mixed_bfloat16']), {
    commands: [...decides, 'predict', ...inspects],
    default: null,
    defaultText: 'the job’s',
    description:
      'Of matrix products and convolutions. `mixed_bfloat16` gives them bfloat16 inputs, which is faster where the ' +
      'processor has instructions for it; weights and everything else stay float32.',
  }),
  threads: define(integer(1, 1024), {
    commands: [...computes, ...inspects],
    default: 1,
    description:
      'Threads that one TensorFlow op of one worker may use. The order of additions depends on it, so it is part of ' +
      'what decides the result’s bits: that is why it does not follow from the number of workers or cores. ' +
      'Equal on all workers of a run.',
  }),
  out: define(directory, {
    commands: [...launched, ...listens, 'profile', 'certs', 'export'],
    requiredBy: ['export'],
    default: 'lockstep-out',
    commandDefaults: {
      evaluate: 'lockstep-out/evaluation',
      predict: 'lockstep-out/prediction',
      profile: 'lockstep-out/profile',
      certs: 'lockstep-certs',
    },
    description: 'Where the model, the journal and other results go; of export, the file or directory to make.',
  }),
  format: define(choice(['keras', 'savedmodel', 'tfjs', 'safetensors']), {
    commands: ['export'],
    default: null,
    defaultText: 'none',
    requiredBy: ['export'],
    description:
      'Form of the exported model: `keras` (a .keras file), `savedmodel` (a directory for TensorFlow), `tfjs` (a ' +
      'directory with model.json) or `safetensors` (the weights alone).',
  }),
  force: define(onOff(), {
    commands: ['export'],
    default: false,
    description: 'Replace what is at --out.',
  }),
  output: define(file, {
    commands: ['predict'],
    default: null,
    defaultText: 'standard output',
    description:
      'File for the predictions, replaced only when complete: one JSON object a line, or, if its name ends in .npy, a ' +
      'NumPy array (of several outputs, a file each, with the output’s name before .npy).',
  }),
  count: define(integer(1), {
    commands: ['predict'],
    default: null,
    defaultText: 'all',
    description: 'Predict only the first N samples.',
  }),
  steps: define(integer(1), {
    commands: inspects,
    default: 30,
    commandDefaults: { doctor: 5 },
    description: 'Training steps to measure, on the job’s data; `doctor` takes them only with a job.',
  }),
  dumpGraph: define(file, {
    commands: ['train', 'worker', 'profile'],
    default: null,
    defaultText: 'none',
    description:
      'File for the compiled graph, a TensorFlow GraphDef; as text if its name ends in .pbtxt, which TensorBoard opens. ' +
      'Started by train, the first worker writes it.',
  }),
  json: define(onOff(), {
    commands: [...decides, ...inspects],
    default: false,
    description: 'Make the last line of standard output one JSON object with the result.',
  }),
  verbose: define(choice(['auto', '0', '1', '2']), {
    commands: ['train', 'evaluate', 'run', 'demo', 'coordinator'],
    default: 'auto',
    description:
      'Progress on standard error, as in Keras: `0` nothing but errors, `1` a line that updates in place, `2` a line for ' +
      'each epoch; `auto` is `1` on a terminal, and elsewhere a line every few seconds.',
  }),
  mode: define(choice(['train', 'evaluate', 'loop']), {
    commands: ['coordinator'],
    default: 'train',
    description:
      'Train, measure a saved model on the job’s test data (workers need --model), or let a program’s own loop do the work.',
  }),
  listen: define(address(0), {
    commands: ['coordinator'],
    default: '127.0.0.1:4600',
    description: 'Where workers reach the coordinator. Beyond loopback it needs TLS or --insecure.',
  }),
  coordinator: define(address(1), {
    commands: ['worker'],
    default: null,
    defaultText: 'none',
    requiredBy: ['worker'],
    description: 'Address of the coordinator.',
  }),
  peerListen: define(address(0), {
    commands: ['worker'],
    default: '127.0.0.1:0',
    description: 'Where other workers reach this one. Beyond loopback it needs TLS or --insecure.',
  }),
  advertise: define(text('HOST', 'a host name or address, without a port'), {
    commands: ['worker'],
    default: null,
    defaultText: 'the host of peer-listen, or this host’s name if that is 0.0.0.0',
    description: 'Host under which other workers reach this one.',
  }),
  workerId: define(text('ID', 'a name'), {
    commands: ['worker'],
    default: null,
    defaultText: 'w and the index, or host name and process id',
    description: 'Name of this worker in messages and metrics.',
  }),
  index: define(integer(0, 4095), {
    commands: ['worker'],
    default: null,
    defaultText: 'none',
    foreignEnv: ['JOB_COMPLETION_INDEX'],
    description: 'Number of this worker; Kubernetes sets it in Indexed Jobs.',
  }),
  metricsPort: define(integer(0, 65_535), {
    commands: [...launched, ...listens],
    default: null,
    commandDefaults: { demo: 0 },
    defaultText: 'off',
    description:
      'Port of /metrics (and of the coordinator’s status page); 0 picks a free one. Started by train, evaluate or demo, ' +
      'the coordinator gets it and the workers get those that follow.',
  }),
  metricsHost: define(text('HOST', 'a host name or address'), {
    commands: [...launched, ...listens],
    default: '127.0.0.1',
    description: 'Where /metrics listens. It only tells, and it takes no writes.',
  }),
  heartbeatIntervalMs: define(milliseconds(10, 60_000), {
    commands: [...decides, 'predict'],
    default: 500,
    description: 'How often a worker says that it is alive.',
  }),
  heartbeatTimeoutMs: define(milliseconds(100, 3_600_000), {
    commands: [...decides, 'predict'],
    default: 5000,
    description: 'Silence after which a worker counts as dead. More than twice the interval.',
  }),
  joinTimeoutMs: define(milliseconds(100), {
    commands: [...decides, 'predict'],
    default: 120_000,
    description: 'How long the coordinator waits for all workers to join.',
  }),
  connectTimeoutMs: define(milliseconds(100), {
    commands: [...launched, 'worker'],
    default: 30_000,
    description: 'How long a worker goes on trying to reach the coordinator.',
  }),
  ...exchangeOptions,
  ...checkpointOptions,
  sharedMemory: define(choice(['auto', 'off']), {
    commands: ['train', 'evaluate', 'run', 'demo', 'worker'],
    default: 'auto',
    description:
      'Gradients between workers on one host go through memory that they share (/dev/shm, Linux), where it works; ' +
      '`off` sends all of them over gRPC. The result is the same.',
  }),
  ...securityOptions,
  logLevel: define(choice(['debug', 'info', 'warn', 'error', 'silent']), {
    commands: [...decides, 'predict', 'worker'],
    default: 'warn',
    description: 'Least severe records of the log on standard error, the coordinator’s and the workers’.',
  }),
} as const;
