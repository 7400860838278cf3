import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { submitScript, untilState } from './lab.ts';
import type { TestServer } from './server.ts';

const scripts = {
  'wing.sh': `#!/bin/sh
# wing.sh <section> <steps> [<pause>]: the residual of a wing section, a step at a time.
echo "solver 4.2, section $1, $2 steps"
awk -v n="$2" -v s="$1" -v part="\${3:+0.64}" 'BEGIN {
  for (i = 1; i <= n; i++) {
    r = exp(-i / 12) * (1 + 0.2 * sin(i * s))
    printf "step %4d  residual %.6f  lift %.4f\\n", i, r, 0.4 + 0.02 * s * (1 - r)
    printf "{\\"daybook\\": {\\"progress\\": %.3f, \\"series\\": {\\"name\\": \\"residual\\", \\"x\\": %d, \\"y\\": %.6f}}}\\n", i / n * (part ? part : 1), i, r
    printf "{\\"daybook\\": {\\"series\\": {\\"name\\": \\"lift\\", \\"unit\\": \\"kN\\", \\"x\\": %d, \\"y\\": %.4f}}}\\n", i, 0.4 + 0.02 * s * (1 - r)
  }
}'
printf 'section,steps\\n%s,%s\\n' "$1" "$2" > "$DAYBOOK_OUTPUT_DIR/section.csv"
sleep "\${3:-0}"
echo '{"daybook": {"result": {"lift": 0.52, "drag": 0.031, "converged": true}}}'
echo "converged"
`,
  'mesh.sh': `#!/bin/sh
echo "meshing section $1 with 1.2 million cells"
echo "ERROR: negative volume in cell 10$1$1 of /home/lab/section_$1.msh" >&2
exit 3
`,
};

export interface Lab {
  measured: number;
  failed: number;
  running: number;
  waiting: number;
  /** Tests of a URL, and of three. */
  tested: number;
  testedList: number;
}

/** Some days of a small group: runs that converged, some that did not, one that runs, some that wait. */
export async function fillLab(server: TestServer): Promise<Lab> {
  for (const [name, text] of Object.entries(scripts))
    writeFileSync(join(server.folder, 'scripts', name), text, { mode: 0o755 });
  for (const [name, role] of [
    ['ana', 'member'],
    ['bo', 'operator'],
  ])
    await server.call('POST', '/api/v1/users', { name, role, password: 'a long password' });
  await server.call('PUT', '/api/v1/queues/nightly', { note: 'From ten at night' });
  await server.call('PUT', '/api/v1/lanes/licence:solver', { capacity: 1, note: 'One licence' });

  const good: number[] = [];
  const bad: number[] = [];
  for (let section = 1; section <= 24; section += 1) {
    const isBad = section % 5 === 0;
    const options = {
      name: isBad ? `Mesh of wing section ${section}` : `Wing section ${section}, angle ${section / 2}°`,
      project: `300123${section % 3}`,
      tags: section % 4 === 0 ? ['wing', 'release'] : ['wing'],
      ...(section % 6 === 0 ? { info: 'Does the finer mesh change the lift?' } : {}),
    };
    const words = [String(section), '120'];
    (isBad ? bad : good).push(await submitScript(server, isBad ? 'mesh.sh' : 'wing.sh', words, options));
  }
  await untilState(server, good, 'succeeded');
  await untilState(server, bad, 'failed');
  const [measured = 0, base = 0] = good.toReversed();
  await server.call('PATCH', `/api/v1/jobs/${base}`, { assessment: 'ok', analysis: 'done', keep: true });
  await server.call('PATCH', `/api/v1/jobs/${measured}`, {
    info: 'Does the finer mesh change the lift?',
    summary:
      'Lift **0.52 kN**, as measured in the tunnel.\n\n- the residual falls as before\n- drag is 3 % lower than in the base run',
    assessment: 'ok',
    analysis: 'ongoing',
    baseRuns: [{ jobId: base }],
  });
  const [failed = 0, other = 0] = bad;
  await server.call('PATCH', `/api/v1/jobs/${other}`, {
    assessment: 'issue',
    summary: 'The mesh of the tip is broken.',
  });
  const running = await submitScript(server, 'wing.sh', ['7', '400', '600'], {
    name: 'Whole wing, fine mesh',
    project: '3001234',
    lanes: ['licence:solver'],
    info: 'The run that the report waits for.',
  });
  await untilState(server, [running], 'running');
  const waiting = await submitScript(server, 'wing.sh', ['8', '400', '600'], {
    name: 'Whole wing, coarse mesh',
    lanes: ['licence:solver'],
  });
  await submitScript(server, 'wing.sh', ['9', '100'], { name: 'Summary of the night', afterOk: [running] });
  await addSchedules(server);
  await server.call('POST', '/api/v1/notification-rules', {
    name: 'Broken meshes',
    filter: 'name:mesh*',
    events: ['first_failure', 'recovered'],
    channel: { type: 'webhook', url: 'http://127.0.0.1:9/lab' },
  });
  return { measured, failed, running, waiting, ...(await testUrls(server)) };
}

/** Of this server's own pages, which tests may not reach unless it is started so, and of names that never are. */
async function testUrls(server: TestServer): Promise<{ tested: number; testedList: number }> {
  const submit = async (urls: readonly string[]): Promise<number> => {
    const body = { kind: 'url', input: { urls, pauseMs: 1 } };
    return (await server.call('POST', '/api/v1/jobs', body)).json<{ id: number }>().id;
  };
  const testedList = await submit([
    `${server.url}/healthz`,
    `${server.url}/nowhere`,
    'http://nothing.invalid/',
  ]);
  const tested = await submit([`${server.url}/healthz`]);
  await untilState(server, [tested, testedList], 'succeeded', 'failed');
  await server.call('POST', '/api/v1/schedules', {
    name: 'watch-pages',
    cron: '*/5 * * * *',
    timezone: 'Europe/Berlin',
    submit: { kind: 'url', input: { urls: [`${server.url}/healthz`, 'http://nothing.invalid/'] } },
  });
  return { tested, testedList };
}

/** One that has run, one that is paused, one with a blackout. */
async function addSchedules(server: TestServer): Promise<void> {
  const submit = (script: string) => ({
    kind: 'script',
    input: {
      script,
      arguments: [
        ['', '3'],
        ['', '20'],
      ],
    },
  });
  const plain = { timezone: 'Europe/Berlin', submit: submit('wing.sh') };
  for (const schedule of [
    { ...plain, name: 'nightly-wing', cron: '30 2 * * *', note: 'The mesh of the day, as the group left it' },
    { ...plain, name: 'weekly-report', cron: '0 6 * * mon', paused: true },
    {
      ...plain,
      name: 'watch-mesh',
      cron: '*/30 * * * *',
      submit: submit('mesh.sh'),
      overlap: 'queue',
      blackouts: [{ days: ['sat', 'sun'], from: '00:00', until: '00:00' }],
    },
  ])
    await server.call('POST', '/api/v1/schedules', schedule);
  for (const name of ['nightly-wing', 'watch-mesh'])
    await server.call('POST', `/api/v1/schedules/${name}/run`);
}
