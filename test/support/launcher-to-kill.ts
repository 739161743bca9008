import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launch } from '../../cli/launcher/index.ts';
import { planForTest } from './launch-plan.ts';

/** Launches three fake processes that only wait, tells their pids to the test, and waits to be killed. */
process.env['FAKE_COORDINATOR'] = 'listen,wait';
process.env['FAKE_W0'] = 'interruptible';
process.env['FAKE_W1'] = 'interruptible';
let ready = 0;
void launch(planForTest(2), {
  module: fileURLToPath(new URL('./fake-launch-child.js', import.meta.url)),
  stdout: () => {},
  stderr: () => {},
  say: () => {
    ready++;
    if (ready < 2) return;
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
    process.send?.({ pids: children.trim().split(' ').map(Number) });
  },
  interrupts: () => () => {},
});
