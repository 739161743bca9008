export { hashJobFile, loadJob } from './job-loader.ts';
export { Link } from './link.ts';
export { runSession } from './session.ts';
