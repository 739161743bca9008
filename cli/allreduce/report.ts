import type { ExchangeChoice } from '../../worker/collective/index.ts';
import type { Figures } from './figures.ts';

/** One worker count and size. */
export interface SizeReport {
  readonly workers: number;
  readonly bytes: number;
  /** How Lockstep's ranks exchanged. */
  readonly exchange?: ExchangeChoice | undefined;
  readonly lockstep: Figures;
  /** By name of the contestant, with how many times as fast Lockstep is. */
  readonly others: Readonly<Record<string, Figures & { readonly ratio: number }>>;
}

/** A Markdown table, aligned. */
export function formatAllreduce(reports: readonly SizeReport[]): string {
  const others = [...new Set(reports.flatMap((report) => Object.keys(report.others)))];
  const head = ['workers', 'size', 'time', 'bus bandwidth', 'CPU s per GB'];
  const rows = reports.map(({ workers, bytes, lockstep, others: beside }) => [
    String(workers),
    formatBytes(bytes),
    ...cells(lockstep),
    ...others.flatMap((name) => {
      const other = beside[name];
      return other === undefined ? ['–', '–', '–', '–'] : [...cells(other), `${other.ratio.toFixed(2)} ×`];
    }),
  ]);
  const beside = others.flatMap((name) => [`${name}: time`, 'bus bandwidth', 'CPU s per GB', 'Lockstep is']);
  return formatTable([...head, ...beside], rows);
}

function cells({ seconds, busGigabytesPerSecond, cpuSecondsPerGigabyte }: Figures): string[] {
  return [
    `${(seconds * 1e3).toFixed(2)} ms`,
    `${busGigabytesPerSecond.toFixed(2)} GB/s`,
    cpuSecondsPerGigabyte.toFixed(2),
  ];
}

/** `4 MB`, `4 MiB`, `512 bytes`: the largest unit that leaves a short number. */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['MiB', 2 ** 20],
    ['KB', 1e3],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size && Number.isInteger((bytes / size) * 10)) return `${bytes / size} ${unit}`;
  }
  return `${bytes} bytes`;
}

/** Numbers to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padStart(width)).join(' | ')} |`;
  const rule = `|${widths.map((width) => `${'-'.repeat(width + 1)}:`).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
