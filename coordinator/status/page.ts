/** The live page: one file without outside parts, so that it works where no internet is. It polls /status.json. */
export const statusPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lockstep</title>
<style>
:root { color-scheme: light dark; --line: #8884; --accent: #2f6fdb; --bad: #c62828; --dim: #777; }
@media (prefers-color-scheme: dark) { :root { --accent: #7aa7f7; --bad: #ff7b72; --dim: #999; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .25rem; } h2 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
.dim { color: var(--dim); } .bad { color: var(--bad); }
.bar { height: .6rem; border: 1px solid var(--line); border-radius: .3rem; overflow: hidden; margin: .75rem 0; }
.bar > div { height: 100%; background: var(--accent); width: 0; transition: width .3s; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .75rem; margin: 0; }
dt { color: var(--dim); font-size: .8rem; } dd { margin: 0; font-variant-numeric: tabular-nums; font-size: 1.15rem; }
svg { width: 100%; height: 14rem; display: block; } polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.curve { border: 1px solid var(--line); } .scale { display: flex; justify-content: space-between; font-size: .8rem; color: var(--dim); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 500; color: var(--dim); font-size: .8rem; }
</style></head><body>
<h1 id="title">Lockstep</h1><div id="stage" class="dim">connecting</div><div id="error" class="bad" role="alert"></div>
<div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-label="steps of the run"><div id="done"></div></div>
<dl id="numbers"></dl>
<h2>Loss by step</h2><div class="curve"><svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="loss curve"><polyline id="curve" points=""/></svg></div>
<div class="scale"><span id="from"></span><span id="range"></span><span id="to"></span></div>
<h2>Workers</h2><div class="wide"><table><thead><tr><th>worker</th><th>host</th><th>pid</th><th>replicas</th><th>step</th><th>phase</th><th>heartbeat</th><th>sent</th><th>received</th><th>memory</th></tr></thead><tbody id="workers"></tbody></table></div>
<p class="dim"><a href="/metrics">/metrics</a> · <a href="/status.json">/status.json</a> · <a href="/targets">/targets</a></p>
<script>
const at = (id) => document.getElementById(id);
const text = (id, value) => { at(id).textContent = value; };
const short = (value) => value == null ? '–' : Math.abs(value) < 1000 ? value.toPrecision(4) : Math.round(value).toLocaleString();
const bytes = (value) => { let unit = 0; while (value >= 1024 && unit < 4) { value /= 1024; unit++; } return value.toFixed(unit ? 1 : 0) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]; };
const time = (seconds) => seconds == null ? '–' : Math.floor(seconds / 60) + ':' + String(Math.floor(seconds % 60)).padStart(2, '0');
function cells(row, values) { for (const value of values) { const cell = document.createElement('td'); cell.textContent = value; row.append(cell); } return row; }
function show(s) {
  text('title', s.model ? 'Lockstep · ' + s.model : 'Lockstep');
  text('stage', s.stage === 'gathering' ? s.workers.length + ' of ' + s.workersWanted + ' workers joined' : s.stage + ' · generation ' + s.generation + ' · ' + s.replicas + ' replicas');
  text('error', s.error ?? '');
  const percent = s.totalSteps ? 100 * s.step / s.totalSteps : 0;
  at('done').style.width = percent + '%';
  at('done').parentElement.setAttribute('aria-valuenow', percent.toFixed(0));
  const numbers = [['epoch', s.epoch + ' / ' + s.epochs], ['step', s.step + ' / ' + s.totalSteps], ['loss', short(s.loss)],
    ...Object.entries(s.metrics).map(([name, value]) => [name, short(value)]),
    ['samples/s', short(s.samplesPerSecond)], ['left', time(s.etaSeconds)],
    ...s.evaluations.flatMap((e) => [[e.split + ' loss', short(e.loss)], ...Object.entries(e.metrics).map(([name, value]) => [e.split + ' ' + name, short(value)])])];
  at('numbers').replaceChildren(...numbers.map(([name, value]) => {
    const box = document.createElement('div'), term = document.createElement('dt'), detail = document.createElement('dd');
    term.textContent = name; detail.textContent = value; box.append(term, detail); return box;
  }));
  const points = s.lossCurve.filter(([, loss]) => Number.isFinite(loss));
  if (points.length > 1) {
    const losses = points.map(([, loss]) => loss), low = Math.min(...losses), high = Math.max(...losses);
    const first = points[0][0], last = points[points.length - 1][0];
    at('curve').setAttribute('points', points.map(([step, loss]) => (100 * (step - first) / (last - first)).toFixed(2) + ',' + (97 - 94 * (loss - low) / ((high - low) || 1)).toFixed(2)).join(' '));
    text('from', 'step ' + first); text('to', 'step ' + last); text('range', 'loss ' + short(low) + ' to ' + short(high));
  }
  at('workers').replaceChildren(...s.workers.map((w) => cells(document.createElement('tr'), [w.id, w.host, w.pid,
    w.replicas ? (w.replicas[1] - w.replicas[0] === 1 ? w.replicas[0] : w.replicas[0] + '–' + (w.replicas[1] - 1)) : '–', w.step, w.phase,
    w.heartbeatAgeMs == null ? '–' : (w.heartbeatAgeMs / 1000).toFixed(1) + ' s ago', bytes(w.bytesSent), bytes(w.bytesReceived), w.deviceMemoryBytes ? bytes(w.deviceMemoryBytes) : '–'])));
}
async function poll() {
  try { show(await (await fetch('/status.json', { cache: 'no-store' })).json()); }
  catch { text('stage', 'the coordinator does not answer: it has ended, or cannot be reached'); }
  setTimeout(poll, 1000);
}
poll();
</script></body></html>
`;
