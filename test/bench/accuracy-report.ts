import { mean } from './mean.ts';

export const accuracyWorkloads = ['cifar10', 'reuters'] as const;
export type AccuracyWorkload = (typeof accuracyWorkloads)[number];

/** How far the mean accuracies may be apart, in points. */
export const ACCURACY_GOAL = 1.5;

/** One training of one library from one seed. */
export interface AccuracyRun {
  readonly seed: number;
  /** On the test data, 0 to 1. */
  readonly accuracy: number;
  /** In `fit` alone. */
  readonly trainSeconds: number;
  /** From the start of the process to its end, with loading, compiling and evaluation. */
  readonly wallSeconds: number;
}

export interface AccuracyReport {
  readonly workload: AccuracyWorkload;
  readonly samples: number | null;
  readonly epochs: number;
  readonly lockstep: readonly AccuracyRun[];
  /** Empty where there is no Keras. */
  readonly keras: readonly AccuracyRun[];
  /** Lockstep's mean test accuracy less Keras's, in points; null without Keras. */
  readonly points: number | null;
  /** Lockstep's mean wall time ÷ Keras's. */
  readonly ofKerasWall: number | null;
  readonly goalsMet: boolean | null;
}

export function reportAccuracy(
  run: Pick<AccuracyReport, 'workload' | 'samples' | 'epochs' | 'lockstep' | 'keras'>,
): AccuracyReport {
  if (run.keras.length === 0) return { ...run, points: null, ofKerasWall: null, goalsMet: null };
  const of = (runs: readonly AccuracyRun[], field: 'accuracy' | 'wallSeconds') => mean(runs.map((one) => one[field]));
  const points = 100 * (of(run.lockstep, 'accuracy') - of(run.keras, 'accuracy'));
  const ofKerasWall = of(run.lockstep, 'wallSeconds') / of(run.keras, 'wallSeconds');
  return { ...run, points, ofKerasWall, goalsMet: Math.abs(points) <= ACCURACY_GOAL && ofKerasWall < 1 };
}

/** Head and rows of a table: a row for each seed, and one for the means with the verdict. */
export function accuracyTable(reports: readonly AccuracyReport[]): [head: string[], rows: string[][]] {
  const head = ['test accuracy', 'seed', 'Lockstep', 'Keras', 'points', 'wall s', 'Keras', 'ratio', 'fit s', 'Keras'];
  return [[...head, 'goals met'], reports.flatMap(rowsOf)];
}

function rowsOf(report: AccuracyReport): string[][] {
  const { workload, lockstep, keras, points, ofKerasWall, goalsMet } = report;
  const row = (seed: string, own: Omit<AccuracyRun, 'seed'>, other: Omit<AccuracyRun, 'seed'> | undefined) => {
    const difference = other === undefined ? null : 100 * (own.accuracy - other.accuracy);
    const ratio = other === undefined ? null : own.wallSeconds / other.wallSeconds;
    return [
      ...[workload, seed, percent(own.accuracy), percent(other?.accuracy), signed(difference)],
      ...[seconds(own.wallSeconds), seconds(other?.wallSeconds), ratio?.toFixed(2) ?? '–'],
      ...[seconds(own.trainSeconds), seconds(other?.trainSeconds), ''],
    ];
  };
  const rows = lockstep.map((own, index) => row(String(own.seed), own, keras[index]));
  const means = row('mean', meansOf(lockstep), keras.length === 0 ? undefined : meansOf(keras));
  const verdict = goalsMet === null ? '–' : goalsMet ? 'yes' : 'no';
  means.splice(4, 1, points === null ? '–' : `${signed(points)} (≤ ${ACCURACY_GOAL})`);
  means.splice(7, 1, ofKerasWall === null ? '–' : `${ofKerasWall.toFixed(2)} (< 1)`);
  return [...rows, [...means.slice(0, -1), verdict]];
}

function meansOf(runs: readonly AccuracyRun[]): Omit<AccuracyRun, 'seed'> {
  const of = (field: keyof AccuracyRun) => mean(runs.map((run) => run[field]));
  return { accuracy: of('accuracy'), wallSeconds: of('wallSeconds'), trainSeconds: of('trainSeconds') };
}

function percent(value: number | undefined): string {
  return value === undefined ? '–' : `${(100 * value).toFixed(2)} %`;
}

function signed(points: number | null): string {
  return points === null ? '–' : `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(2)}`;
}

function seconds(value: number | undefined): string {
  return value?.toFixed(1) ?? '–';
}
