import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pollUntil } from './poll.ts';
import type { TestServer } from './server.ts';

const scripts = {
  'measure.sh': `#!/bin/sh
echo "section $1 begins"
i=0
while [ $i -lt \${2:-20} ]; do i=$((i + 1)); echo "step $i of section $1, residual 0.0$i"; [ -z "$3" ] || sleep "$3"; done
echo "the needle of section $1"
`,
  'diverge.sh': `#!/bin/sh
echo "section $1 begins"
echo "ERROR: the solution diverged at step 17 in section $1" >&2
exit 3
`,
  'wait.sh': `#!/bin/sh
echo "waiting"
while [ ! -e "$1" ]; do sleep 0.05; done
echo "the file is there"
`,
};

/** Scripts as a lab has them: one that measures, one that diverges, one that waits for a file of the home directory. */
export function addLabScripts({ folder }: TestServer): void {
  for (const [name, text] of Object.entries(scripts))
    writeFileSync(join(folder, 'scripts', name), text, { mode: 0o755 });
}

/** Submits a script; resolves with the job's number. */
export async function submitScript(
  server: TestServer,
  script: string,
  words: readonly string[],
  options: Record<string, unknown> = {},
): Promise<number> {
  const input = { script, arguments: words.map((word) => ['', word]) };
  const answer = await server.call('POST', '/api/v1/jobs', { kind: 'script', input, ...options });
  if (answer.status !== 201)
    throw new Error(`submitting ${script} was answered ${answer.status}: ${answer.text}`);
  return answer.json<{ id: number }>().id;
}

/** Resolves when each of these jobs has been in one of the states. */
export async function untilState(
  server: TestServer,
  ids: readonly number[],
  ...states: string[]
): Promise<void> {
  for (const id of ids)
    await pollUntil(
      async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<{ state: string }>().state,
      (state) => states.includes(state),
    );
}
