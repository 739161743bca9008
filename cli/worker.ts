import { hostname } from 'node:os';
import type { Command } from 'commander';
import { formatAddress } from '../shared/core/index.ts';
import { runAsWorker } from './launcher/index.ts';
import { addOptions, readOptions } from './options.ts';
import { checkPaths } from './paths.ts';
import type { Finish } from './program.ts';
import { checkedSecurity } from './security.ts';

const examples = `
Examples:
  lockstep worker job.ts --coordinator 127.0.0.1:4600
  lockstep worker job.ts --coordinator trainer-0:4600 --peer-listen 0.0.0.0:4601 --advertise trainer-3 \\
    --tls-ca ca.pem --tls-cert me.pem --tls-key me.key

Workers may start before the coordinator: they go on trying for --connect-timeout-ms. All workers of a run need the
same job file, data, engine and --threads. Give each its own GPU by CUDA_VISIBLE_DEVICES.`;

export function workerCommand(program: Command, finish: Finish): void {
  const line = program
    .command('worker')
    .description('Run one worker, which joins the run of a coordinator.')
    .argument('<job.ts>', 'job file, the same on all workers');
  addOptions(line, 'worker')
    .addHelpText('after', examples)
    .action(async (jobFile: string) => {
      const options = readOptions('worker', line);
      checkPaths({ jobFile, data: options.data, model: options.model, out: options.out });
      const { coordinator, index, engine, threads, out, peerListen, advertise, connectTimeoutMs } = options;
      const { metricsHost, metricsPort, logLevel } = options;
      const code = await runAsWorker({
        ...{
          jobFile,
          jobPlace: null,
          count: null,
          coordinator,
          engine,
          threads,
          out,
          peerListen,
          advertise,
          connectTimeoutMs,
          logLevel,
        },
        workerId: options.workerId ?? (index === null ? `${hostname()}-${process.pid}` : `w${index}`),
        dataDirectory: options.data ?? undefined,
        checkpoint: options.model,
        dumpGraph: options.dumpGraph,
        metricsListen: metricsPort === null ? null : formatAddress(metricsHost, metricsPort),
        sharedMemory: options.sharedMemory,
        security: await checkedSecurity(options),
        runToken: options.runToken ?? '',
      });
      finish(code);
    });
}
