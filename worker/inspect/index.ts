export { type PreflightOptions, runPreflight } from './preflight.ts';
export type { PreflightCheck } from './preflight-checks.ts';
export { type ProfileOptions, runProfile } from './profile.ts';
