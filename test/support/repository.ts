import { findPackageRoot } from '../../cli/setup/package-root.mjs';

/** Absolute path of the checkout. */
export const repositoryRoot: string = findPackageRoot();
