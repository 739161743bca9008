import type { Command } from 'commander';
import { writeCertificates } from './certificates/index.ts';
import { exitCodes } from './failures.ts';
import { addOptions, readOptions } from './options.ts';
import type { Finish } from './program.ts';

const examples = `
Examples:
  lockstep certs --hosts trainer-0,trainer-1,trainer-2
  lockstep certs --hosts 10.0.0.7 --days 30               later: one more host under the same authority

Copy to each host ca.pem and its own .pem and .key; keep ca.key where none of the others can read it.`;

export function certsCommand(program: Command, finish: Finish): void {
  const line = program
    .command('certs')
    .description('Make a certificate authority and a certificate for each host, for mutual TLS.');
  addOptions(line, 'certs')
    .addHelpText('after', examples)
    .action(() => {
      const { out, hosts, days } = readOptions('certs', line);
      const names = hosts.split(',').map((host) => host.trim());
      for (const path of writeCertificates({ directory: out, hosts: names, days }, new Date())) console.log(path);
      finish(exitCodes.success);
    });
}
