import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { repositoryRoot } from './repository.ts';

/** One document of a manifest. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** @throws Error with all syntax errors */
export function parseManifest(text: string): KubernetesObject[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.map(({ message }) => message).join('\n'));
    return document.toJS() as KubernetesObject;
  });
}

/** What breaks Kubernetes's own schemas: values, types, missing fields. */
export function schemaProblems(objects: readonly KubernetesObject[]): string[] {
  return objects.flatMap((object) => {
    const { apiVersion, kind, metadata } = object;
    const name = `${kind} ${metadata?.name}`;
    try {
      // The classes carry the validators; which one is needed is known only now.
      const module = load(`kubernetes-models/${apiVersion}/${kind}`) as Record<string, ModelClass>;
      const Model = module[kind];
      if (Model === undefined) return [`${name}: no schema for ${apiVersion} ${kind}`];
      new Model(object).validate();
      return [];
    } catch (error) {
      return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}

const load = createRequire(import.meta.url);

type ModelClass = new (data: object) => { validate(): void };

/**
 * Fields that Kubernetes doesn't know, which its schemas let pass: each document becomes an object literal of its type,
 * and the compiler names what the type doesn't have.
 */
export async function unknownFields(objects: readonly KubernetesObject[]): Promise<string[]> {
  // Inside of the repository, so that the types are found.
  const directory = mkdtempSync(join(repositoryRoot, 'dist', 'manifest-'));
  const source = objects.map(({ apiVersion, kind }, index) => {
    const literal = JSON.stringify(objects[index], null, 1);
    return `import type { I${kind} as T${index} } from 'kubernetes-models/${apiVersion}/${kind}';\nexport const o${index}: T${index} = ${literal};\n`;
  });
  try {
    const file = join(directory, 'manifest.ts');
    writeFileSync(file, source.join('\n'));
    const tsc = join(repositoryRoot, 'node_modules', 'typescript', 'bin', 'tsc');
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--types',
      'node',
    ];
    await promisify(execFile)(process.execPath, [tsc, ...options, file], { cwd: repositoryRoot });
    return [];
  } catch (error) {
    return (error as { stdout: string }).stdout.trim().split('\n');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
