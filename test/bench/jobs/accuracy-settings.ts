/** Training samples that a job of the accuracy benchmark takes; the benchmark says so by environment. */
export const trainSamples = Number(process.env['LOCKSTEP_BENCH_SAMPLES'] ?? Number.MAX_SAFE_INTEGER);
