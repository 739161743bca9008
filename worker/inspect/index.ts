export { type ProfileOptions, runProfile } from './profile.ts';
