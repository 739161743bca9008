/**
 * Stands in for the coordinator and the workers of a launch. FAKE_<NAME> says what a child does once it is started:
 * a comma-separated list of `listen`, `crash` (exit 7), `kill` (SIGKILL itself), `freeze` (SIGSTOP itself), `stubborn`
 * (ignores SIGTERM), `interruptible` (exits 130 on SIGINT), `wait` (stays), `exit=N`, `exit-later=N` (after 50 ms).
 */
const name = process.argv[2] === 'worker' ? (process.argv[3] ?? '') : 'coordinator';
const script = (process.env[`FAKE_${name.toUpperCase()}`] ?? 'wait').split(',');

process.once('disconnect', () => process.exit(1));
process.once('message', () => {
  for (const word of script) act(word);
});

function act(word: string): void {
  const [verb, argument] = word.split('=');
  switch (verb) {
    case 'listen':
      process.send?.({ kind: 'listening', address: '127.0.0.1:1', metricsAddress: null });
      return;
    case 'crash':
      console.error(`error: job/threw: ${name} broke`);
      process.exit(7);
      return;
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'freeze':
      process.kill(process.pid, 'SIGSTOP');
      return;
    case 'stubborn':
      process.on('SIGTERM', () => {});
      return;
    case 'interruptible':
      process.on('SIGINT', () => process.exit(130));
      // From here on an interrupt is safe: the test waits for this line.
      console.error('ready');
      return;
    case 'exit':
      process.exit(Number(argument));
      return;
    case 'exit-later':
      setTimeout(() => process.exit(Number(argument)), 50);
      return;
    default:
  }
}
