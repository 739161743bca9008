import { define } from './definition.ts';
import { hostList, integer, onOff, text } from './values.ts';

/** Commands that listen for other hosts. */
export const listens = ['coordinator', 'worker'] as const;

const file = text('FILE', 'a file');

/** Who may join a run, and what shows it. */
export const securityOptions = {
  runToken: define(text('TOKEN', 'a text'), {
    commands: listens,
    default: null,
    defaultText: 'none',
    secret: true,
    description:
      'Shared secret of a run; a worker with another one is refused. Better given by environment than by flag.',
  }),
  tlsCa: define(file, {
    commands: listens,
    default: null,
    defaultText: 'none',
    description: 'Certificate authority (PEM) that both ends trust.',
  }),
  tlsCert: define(file, {
    commands: listens,
    default: null,
    defaultText: 'none',
    description: 'Certificate (PEM) of this process.',
  }),
  tlsKey: define(file, {
    commands: listens,
    default: null,
    defaultText: 'none',
    description: 'Private key (PEM) of this process.',
  }),
  hosts: define(hostList(), {
    commands: ['certs'],
    default: null,
    defaultText: 'none',
    requiredBy: ['certs'],
    description: 'Hosts that get a certificate, as the others will address them.',
  }),
  days: define(integer(1, 3650), {
    commands: ['certs'],
    default: 365,
    description: 'How long the certificates of hosts are valid. The authority is for ten years.',
  }),
  insecure: define(onOff(), {
    commands: listens,
    default: false,
    description: 'Allow listening beyond loopback without TLS: whoever reaches the port can read and change the run.',
  }),
} as const;
