import type { IJob } from 'kubernetes-models/batch/v1/Job';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import type { IProbe } from 'kubernetes-models/v1/Probe';
import type { IService } from 'kubernetes-models/v1/Service';
import { type Command, commands, envOf, flagOf, optionsOf, resolveOptions } from '../../shared/config/index.ts';
import { LockstepError, splitAddress } from '../../shared/core/index.ts';
import type { KubernetesObject } from './kubernetes-schema.ts';

/** The one container of a Job, and what its command line says. */
interface Process {
  readonly job: IJob;
  readonly name: string;
  readonly pod: IPodSpec;
  readonly container: IContainer;
  readonly command: string;
  readonly positional: readonly string[];
  /** By option name, as the schema has it. */
  readonly flags: ReadonlyMap<string, string | true>;
}

const indexVariable = 'JOB_COMPLETION_INDEX';
/** What `/` of the metrics port serves, by command. */
const served: Readonly<Record<string, readonly string[]>> = {
  coordinator: ['/', '/metrics', '/healthz', '/status.json', '/targets'],
  worker: ['/metrics', '/healthz'],
};

/** What is wrong with a manifest beyond Kubernetes's schemas: options, and everything that two places must agree on. */
export function manifestProblems(objects: readonly KubernetesObject[]): string[] {
  const jobs = objects.filter(({ kind }) => kind === 'Job') as unknown as IJob[];
  const processes = jobs.flatMap(readProcess);
  const coordinator = processes.find(({ command }) => command === 'coordinator');
  const worker = processes.find(({ command }) => command === 'worker');
  if (coordinator === undefined || worker === undefined) return ['a coordinator and a worker are needed'];
  return [
    ...processes.flatMap((process) =>
      [
        ...optionProblems(process),
        ...volumeProblems(process, objects),
        ...portProblems(process),
        ...safetyProblems(process),
      ].map((problem) => `${process.name}: ${problem}`),
    ),
    ...serviceProblems(objects, jobs),
    ...meetingProblems(objects, coordinator, worker),
  ];
}

function readProcess(job: IJob): Process[] {
  const pod = job.spec?.template.spec;
  const container = pod?.containers[0];
  if (pod === undefined || container === undefined) return [];
  const [command = '', ...rest] = container.args ?? [];
  const flags = new Map<string, string | true>();
  for (const argument of rest.filter((text) => text.startsWith('--'))) {
    const [flag = '', ...value] = argument.split('=');
    flags.set(camelCase(flag), value.length === 0 ? true : value.join('='));
  }
  const positional = rest.filter((text) => !text.startsWith('--'));
  return [{ job, name: job.metadata?.name ?? '', pod, container, command, positional, flags }];
}

function camelCase(flag: string): string {
  return flag.replace(/^--/, '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function optionProblems({ command, flags, container, job }: Process): string[] {
  const known: readonly string[] = commands;
  if (!known.includes(command)) return [`lockstep has no command ${command}`];
  const options: readonly string[] = optionsOf(command as Command);
  const variables = (container.env ?? []).map(({ name }) => name);
  const indexed = job.spec?.completionMode === 'Indexed' ? [indexVariable] : [];
  const problems = [
    ...[...flags.keys()].filter((name) => !options.includes(name)).map((name) => `${command} has no ${flagOf(name)}`),
    ...variables
      .filter((name) => name.startsWith('LOCKSTEP_') && !options.some((option) => envOf(option) === name))
      .map((name) => `${command} reads no variable ${name}`),
    ...(container.args ?? [])
      .flatMap((text) => [...text.matchAll(/\$\((\w+)\)/g)].map((match) => match[1] ?? ''))
      .filter((name) => !variables.includes(name) && !indexed.includes(name))
      .map((name) => `$(${name}) is not set`),
  ];
  const values = Object.fromEntries([...flags].map(([name, value]) => [name, expand(value, 0)]));
  const resolved = resolveOptions(command as Command, values, {}, null);
  return resolved instanceof LockstepError ? [...problems, resolved.message] : problems;
}

function expand(value: string | true, index: number): string | true {
  return value === true ? value : value.replaceAll(`$(${indexVariable})`, String(index));
}

function volumeProblems(
  { pod, container, flags, positional }: Process,
  objects: readonly KubernetesObject[],
): string[] {
  const mounts = container.volumeMounts ?? [];
  const volumes = pod.volumes ?? [];
  const has = (kind: string, name: string | undefined) =>
    objects.some((object) => object.kind === kind && object.metadata.name === name);
  const paths = [
    ...positional,
    ...['out', 'data', 'tlsCa', 'tlsCert', 'tlsKey'].flatMap((name) => flags.get(name) ?? []),
  ];
  const isMounted = (path: string | true) =>
    path !== true && mounts.some(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`));
  const files = volumes.flatMap(({ name, configMap }) => {
    const data = objects.find((object) => object.kind === 'ConfigMap' && object.metadata.name === configMap?.name);
    const mount = mounts.find((candidate) => candidate.name === name)?.mountPath;
    return data === undefined
      ? []
      : Object.keys((data as unknown as IConfigMap).data ?? {}).map((key) => `${mount}/${key}`);
  });
  const writable = mounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
  return [
    ...mounts
      .filter(({ name }) => !volumes.some((volume) => volume.name === name))
      .map(({ name }) => `no volume ${name}`),
    ...volumes.flatMap(({ configMap, persistentVolumeClaim: claim }) => [
      ...(configMap && !has('ConfigMap', configMap.name) ? [`no ConfigMap ${configMap.name}`] : []),
      ...(claim && !has('PersistentVolumeClaim', claim.claimName) ? [`no claim ${claim.claimName}`] : []),
    ]),
    ...paths.filter((path) => !isMounted(path)).map((path) => `${path} is on no volume`),
    ...positional.filter((path) => !files.includes(path)).map((path) => `no ConfigMap holds ${path}`),
    ...['/tmp', flags.get('out')]
      .filter((path) => !writable.some((mount) => mount === path))
      .map((path) => `${path} cannot be written`),
  ];
}

function portProblems({ command, container, flags, job }: Process): string[] {
  const ports = new Map((container.ports ?? []).map(({ name, containerPort }) => [name, containerPort]));
  const own = command === 'coordinator' ? 'control' : 'peer';
  const listens = String(flags.get(command === 'coordinator' ? 'listen' : 'peerListen'));
  const metrics = Number(flags.get('metricsPort'));
  const annotations = job.spec?.template.metadata?.annotations ?? {};
  const probes: [string, IProbe | undefined][] = [
    ['startupProbe', container.startupProbe],
    ['readinessProbe', container.readinessProbe],
    ['livenessProbe', container.livenessProbe],
  ];
  const scraped = `${annotations['prometheus.io/port']}${annotations['prometheus.io/path']}`;
  return [
    ...(splitAddress(listens)?.port === ports.get(own)
      ? []
      : [`listens on ${listens}, but port ${own} is ${ports.get(own)}`]),
    ...(metrics === ports.get('metrics') ? [] : [`metrics on ${metrics}, but port metrics is ${ports.get('metrics')}`]),
    ...(scraped === `${metrics}/metrics` ? [] : [`annotations let Prometheus scrape ${scraped}`]),
    ...probes.flatMap(([name, probe]) => {
      const { path, port } = probe?.httpGet ?? {};
      if (port !== 'metrics') return [`${name} asks port ${port}`];
      return served[command]?.includes(path ?? '') ? [] : [`${name} asks for ${path}, which is not served`];
    }),
  ];
}

function safetyProblems({ pod, container }: Process): string[] {
  const rules: [boolean, string][] = [
    [pod.securityContext?.runAsNonRoot === true, 'may run as root'],
    [container.securityContext?.readOnlyRootFilesystem === true, 'may write to its image'],
    [container.securityContext?.allowPrivilegeEscalation === false, 'may gain privileges'],
    [pod.automountServiceAccountToken === false, 'gets a token of the cluster'],
    // Variables such as LOCKSTEP_COORDINATOR_PORT would land among the options.
    [pod.enableServiceLinks === false, 'gets LOCKSTEP_… variables from Kubernetes'],
    [container.resources?.requests?.['memory'] !== undefined, 'asks for no memory'],
  ];
  return rules.flatMap(([holds, problem]) => (holds ? [] : [problem]));
}

function serviceProblems(objects: readonly KubernetesObject[], jobs: readonly IJob[]): string[] {
  return servicesOf(objects).flatMap((service) => {
    const name = `Service ${service.metadata?.name}`;
    const selected = jobs.filter((job) => selects(service, job));
    if (selected.length !== 1) return [`${name} selects ${selected.length} Jobs`];
    const ports = selected[0]?.spec?.template.spec?.containers[0]?.ports ?? [];
    return (service.spec?.ports ?? [])
      .filter(({ targetPort, port }) => !ports.some((own) => own.name === targetPort && own.containerPort === port))
      .map(({ targetPort, port }) => `${name}: port ${port} is not the container’s ${targetPort}`);
  });
}

function servicesOf(objects: readonly KubernetesObject[]): IService[] {
  return objects.filter(({ kind }) => kind === 'Service') as unknown as IService[];
}

function selects(service: IService, job: IJob): boolean {
  const labels = job.spec?.template.metadata?.labels ?? {};
  return Object.entries(service.spec?.selector ?? {}).every(([key, value]) => labels[key] === value);
}

/** What the coordinator's and the workers' sides must agree on. */
function meetingProblems(objects: readonly KubernetesObject[], coordinator: Process, worker: Process): string[] {
  const services = servicesOf(objects);
  const { completions, parallelism, completionMode } = worker.job.spec ?? {};
  const workers = Number(coordinator.flags.get('workers'));
  const target = splitAddress(String(worker.flags.get('coordinator')));
  const entry = services.find(({ metadata }) => metadata?.name === target?.host);
  const reachesCoordinator =
    entry !== undefined &&
    selects(entry, coordinator.job) &&
    (entry.spec?.ports ?? []).some(({ name, port }) => name === 'control' && port === target?.port);
  const subdomain = services.find(({ metadata }) => metadata?.name === worker.pod.subdomain);
  const isNamed = subdomain?.spec?.clusterIP === 'None' && selects(subdomain, worker.job);
  const host = `${worker.name}-$(${indexVariable}).${worker.pod.subdomain}`;
  return [
    ...(completionMode === 'Indexed' ? [] : ['the workers’ Job is not Indexed']),
    ...(completions === workers && parallelism === workers
      ? []
      : [`${workers} workers wanted, ${completions} completions, ${parallelism} at once`]),
    ...(reachesCoordinator
      ? []
      : [`--coordinator ${worker.flags.get('coordinator')} is no Service of the coordinator`]),
    ...(isNamed ? [] : [`subdomain ${worker.pod.subdomain} is no headless Service of the workers`]),
    ...(worker.flags.get('advertise') === host ? [] : [`--advertise is not the pod’s name ${host}`]),
    ...(coordinator.container.image === worker.container.image
      ? []
      : ['coordinator and workers have different images']),
  ];
}
