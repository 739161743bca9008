import { register as registerCommonJs } from 'tsx/cjs/api';
import { register as registerModules } from 'tsx/esm/api';
import { LockstepError } from '../../../shared/core/index.ts';
import type { DatasetDescription, TensorSpec } from '../../../shared/job/index.ts';
import type { OpenContext, Source } from '../source.ts';

/**
 * A user's module. TypeScript is understood from here on in this thread.
 * @throws LockstepError job/threw with the module's own error as cause, job/invalid when what it opened is no source
 */
export async function openCustom(description: DatasetDescription, context: OpenContext): Promise<Source> {
  const href = description.location ?? '';
  registerModules();
  // A file in a package without "type": "module" goes through Node's CommonJS loader.
  registerCommonJs();
  let source: unknown;
  try {
    const module = unwrapDefault(await import(href));
    if (typeof module.open !== 'function') {
      throw new LockstepError('job/invalid', `${href} exports no function open(options, context)`);
    }
    source = await module.open(description.options['options'], context);
  } catch (error) {
    throw LockstepError.from(error, 'job/threw', `data set ${href} threw while it was opened: `);
  }
  checkSource(href, source);
  return withOwnErrors(href, source);
}

/** CommonJS exports are one level down, as the default export. */
function unwrapDefault(module: { open?: unknown; default?: unknown }): { open?: unknown } {
  const { default: inner } = module;
  return module.open === undefined && typeof inner === 'object' && inner !== null ? inner : module;
}

function withOwnErrors(href: string, source: Source): Source {
  return {
    size: source.size,
    inputs: source.inputs,
    targets: source.targets,
    ...(source.labels === undefined ? {} : { labels: source.labels }),
    ...(source.weigh === undefined ? {} : { weigh: (index, targets) => source.weigh?.(index, targets) ?? 1 }),
    read(index, inputs, targets, visit) {
      try {
        const returned: unknown = source.read(index, inputs, targets, visit);
        if (returned instanceof Promise) {
          returned.catch(() => {});
          throw new LockstepError(
            'job/invalid',
            `read() of data set ${href} returned a promise; it must fill the sample before it returns (read what is ` +
              'slow in open, which may be async)',
          );
        }
      } catch (error) {
        throw LockstepError.from(error, 'job/threw', `data set ${href} threw while it read sample ${index}: `);
      }
    },
    close: () => source.close?.(),
  };
}

function checkSource(href: string, value: unknown): asserts value is Source {
  const source = value as Partial<Source> | null | undefined;
  const problem =
    typeof source !== 'object' || source === null
      ? `returned ${String(source)}`
      : typeof source.read !== 'function'
        ? 'has no function read'
        : !Number.isSafeInteger(source.size) || (source.size as number) < 0
          ? `has size ${String(source.size)}`
          : !areSpecs(source.inputs)
            ? 'has no proper inputs'
            : !areSpecs(source.targets)
              ? 'has no proper targets'
              : undefined;
  if (problem === undefined) return;
  throw new LockstepError(
    'job/invalid',
    `what open() of ${href} made ${problem}; expected { size, inputs, targets, read(index, inputs, targets) } ` +
      "with inputs and targets like [{ shape: [28, 28, 1], dtype: 'float32' }]",
  );
}

function areSpecs(value: unknown): value is TensorSpec[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (spec: Partial<TensorSpec> | null) =>
        (spec?.dtype === 'float32' || spec?.dtype === 'int32') &&
        Array.isArray(spec.shape) &&
        spec.shape.every((size) => Number.isSafeInteger(size) && size >= 1),
    )
  );
}
