/** One group of addresses in the form of Prometheus's HTTP service discovery. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Where the coordinator and those workers that serve metrics can be scraped. Workers come and go; their groups do too. */
export function scrapeTargets(
  coordinatorAddress: string,
  workers: readonly { readonly workerId: string; readonly metricsAddress: string }[],
): TargetGroup[] {
  return [
    { targets: [coordinatorAddress], labels: { lockstep_component: 'coordinator' } },
    ...workers
      .filter(({ metricsAddress }) => metricsAddress !== '')
      .map(({ workerId, metricsAddress }) => ({
        targets: [metricsAddress],
        labels: { lockstep_component: 'worker', lockstep_worker: workerId },
      })),
  ];
}
