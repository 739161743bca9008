/** A host, or what stands for one: where processes of a run live and how to start one there. */
export interface NetworkNode {
  /** Host name that a process there sees. */
  readonly name: string;
  /** IP address under which the other nodes reach it. */
  readonly address: string;
  /** Command that a program there is started by, the program and its arguments behind it; empty for this host itself. */
  readonly prefix: readonly string[];
}

/** A place for a run: one node for each worker and one for who coordinates them. */
export interface Network {
  readonly hub: NetworkNode;
  readonly nodes: readonly NetworkNode[];
  /** Removes all of it. Idempotent. Processes in it are to be ended first. */
  close(): Promise<void>;
}

/** This host alone: everybody reaches everybody by loopback. */
export function loopbackNetwork(nodes: number, hostname: string): Network {
  const node: NetworkNode = { name: hostname, address: '127.0.0.1', prefix: [] };
  return { hub: node, nodes: Array.from({ length: nodes }, () => node), close: async () => {} };
}

/** For `fork`: its module runs on the node. */
export function forkOptions({ prefix }: Pick<NetworkNode, 'prefix'>): { execPath: string; execArgv: string[] } {
  const [command, ...rest] = prefix;
  // The starter's own --inspect or --import must not reach the program.
  if (command === undefined) return { execPath: process.execPath, execArgv: [] };
  return { execPath: command, execArgv: [...rest, process.execPath] };
}

/** For `spawn`: command and arguments of `program` on the node. */
export function commandOn(
  { prefix }: Pick<NetworkNode, 'prefix'>,
  program: string,
  args: readonly string[],
): [command: string, args: string[]] {
  const [command = program, ...rest] = [...prefix, program, ...args];
  return [command, rest];
}
