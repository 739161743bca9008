import type { Command } from 'commander';
import { formatAddress } from '../shared/core/index.ts';
import { fewestWorkers, runAsCoordinator, runSettings } from './launcher/index.ts';
import { addOptions, readOptions } from './options.ts';
import type { Finish } from './program.ts';
import { checkedSecurity } from './security.ts';

const examples = `
Examples:
  lockstep coordinator --workers 4                        on this machine; then four times
  lockstep worker job.ts --coordinator 127.0.0.1:4600

  lockstep coordinator --workers 8 --listen 0.0.0.0:4600 --tls-ca ca.pem --tls-cert me.pem --tls-key me.key

The coordinator decides who trains and what counts; it never loads TensorFlow or the job. It ends with the run.
Ctrl-C or SIGTERM ends the run after the current step; a second one stops at once.`;

export function coordinatorCommand(program: Command, finish: Finish): void {
  const line = program.command('coordinator').description('Run the coordinator alone, for workers on several hosts.');
  addOptions(line, 'coordinator')
    .addHelpText('after', examples)
    .action(async () => {
      const options = readOptions('coordinator', line);
      const { listen, out, json, logLevel, verbose, metricsHost, metricsPort } = options;
      const { heartbeatIntervalMs, heartbeatTimeoutMs, joinTimeoutMs } = options;
      const start = {
        ...{ listen, out, json, logLevel, verbose, heartbeatIntervalMs, heartbeatTimeoutMs, joinTimeoutMs },
        settings: runSettings(options.mode, options),
        ...fewestWorkers(options.minWorkers),
        metricsListen: metricsPort === null ? null : formatAddress(metricsHost, metricsPort),
        security: await checkedSecurity(options),
        runToken: options.runToken ?? '',
      };
      const announce = (address: string, metricsAddress: string | null) => {
        console.error(`lockstep: waiting for ${options.workers} workers at ${address}`);
        if (metricsAddress !== null) console.error(`lockstep: metrics and status at http://${metricsAddress}`);
      };
      finish(await runAsCoordinator(start, { onListening: announce, drainOn: ['SIGINT', 'SIGTERM'] }));
    });
}
