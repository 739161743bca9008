import type { GraphReport, LayerReport, OpKindReport, ProfileReport } from './profile-report.ts';

/** Kinds of ops that are listed by name; the rest is one line. */
const LISTED_OPS = 12;

/** The report as `lockstep profile` prints it. */
export function profileText(report: ProfileReport): string {
  const { phases, steps, memory } = report;
  const total = phases.data + phases.forwardBackward + phases.apply;
  return [
    `${report.job}: ${report.engine}, ${report.threads} thread${report.threads === 1 ? '' : 's'}, ` +
      `${report.precision}, batch ${report.batchSize}`,
    '',
    `Steps (medians of ${steps.counted} of ${steps.trained}, ms)`,
    ...table([
      ['data', ms(phases.data), share(phases.data, total)],
      ['forward and backward', ms(phases.forwardBackward), share(phases.forwardBackward, total)],
      ['apply', ms(phases.apply), share(phases.apply, total)],
      ['step', ms(total), `${report.samplesPerSecond.toFixed(0)} samples/s`],
    ]),
    ...report.graphs.flatMap(graphText),
    '',
    ...wrapped(`Method: ${report.method}`),
    '',
    ...wrapped(
      `Memory: ${mib(memory.peakResident)} at most in the whole process, ${mib(memory.residentBefore)} of it before the ` +
        'job was loaded. By shapes and lifetimes, the values of one forward and backward pass need ' +
        `${mib(memory.values)}${memory.valuesUnknown === 0 ? '.' : `, without ${memory.valuesUnknown} ops of unknown shape.`}`,
    ),
    '',
    `Trace: ${report.trace} (open it in chrome://tracing or ui.perfetto.dev)`,
  ].join('\n');
}

function graphText(graph: GraphReport): string[] {
  const { title, ops, whole, timed, sum, byOp, byLayer } = graph;
  return [
    '',
    `${title}: ${ops} ops, ${ms(sum)} ms in sum; the whole run takes ${ms(whole)} ms, ${ms(timed)} ms while it is timed`,
    ...table([['op', 'count', 'ms', ''], ...opRows(byOp, sum)]),
    ...(byLayer.length < 2 ? [] : ['', ...table([['layer', 'forward', 'backward', ''], ...layerRows(byLayer, sum)])]),
  ];
}

function opRows(kinds: readonly OpKindReport[], sum: number): string[][] {
  const rest = kinds.slice(LISTED_OPS);
  const restRow: OpKindReport = {
    op: `${rest.length} other kinds`,
    count: rest.reduce((count, kind) => count + kind.count, 0),
    milliseconds: rest.reduce((time, { milliseconds }) => time + milliseconds, 0),
  };
  return [...kinds.slice(0, LISTED_OPS), ...(rest.length === 0 ? [] : [restRow])].map((kind) => [
    kind.op,
    String(kind.count),
    ms(kind.milliseconds),
    share(kind.milliseconds, sum),
  ]);
}

function layerRows(layers: readonly LayerReport[], sum: number): string[][] {
  return layers.map(({ layer, forward, backward }) => [
    layer ?? '(loss, metrics, packing)',
    ms(forward),
    layer === null ? '' : ms(backward),
    share(forward + backward, sum),
  ]);
}

/** Lines with the first column to the left and the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    return `  ${cells.join('  ').trimEnd()}`;
  });
}

const LINE_LENGTH = 100;

/** A paragraph in lines, those after the first indented. */
function wrapped(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line.length + 1 + word.length > LINE_LENGTH) lines.push(`  ${word}`);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

function ms(milliseconds: number): string {
  return milliseconds.toFixed(milliseconds < 10 ? 2 : 1);
}

function share(part: number, whole: number): string {
  return whole === 0 ? '' : `${((100 * part) / whole).toFixed(1)} %`;
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
