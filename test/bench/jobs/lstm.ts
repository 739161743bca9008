import { benchJob } from './bench-job.ts';

export default benchJob('lstm');
