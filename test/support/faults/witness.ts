import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pollUntil } from '../poll.ts';
import type { Client } from './client.ts';
import type { Installation } from './installation.ts';

/**
 * Writes who runs and when, again and again: `<job> <attempt> <monotonic centiseconds> <who>`, each in one write to the
 * end of a file that all programs of the test share. So the order of the lines is the order of what happened. It heeds
 * no SIGTERM, and a process that left its session writes as well: what ends it has to end both.
 */
const witnessScript = `#!/bin/bash
trap '' TERM
file=$1 gate=$2
tell() {
  while [ ! -e "$gate" ]; do
    read -r up _ < /proc/uptime
    echo "$DAYBOOK_JOB_ID $DAYBOOK_ATTEMPT $up $1" >> "$file"
    sleep 0.02
  done
}
export -f tell
export file gate
setsid bash -c 'tell child' &
tell main
echo "$DAYBOOK_JOB_ID $DAYBOOK_ATTEMPT 0 end" >> "$file"
`;

const scriptName = 'witness.sh';

/** What programs of a test that must not run side by side say of themselves. */
export class Witness {
  readonly #installation: Installation;
  readonly #file: string;
  readonly #gate: string;

  constructor(installation: Installation, name = 'witness') {
    this.#installation = installation;
    this.#file = join(installation.folder, `${name}.log`);
    this.#gate = join(installation.folder, `${name}.go`);
  }

  /** The script must be there on every worker that may run it. */
  addTo(data: string): void {
    this.#installation.addScript(scriptName, witnessScript, data);
  }

  async submit(client: Client, options: object = {}): Promise<number> {
    const input = { script: scriptName, arguments: [['', `${this.#file} ${this.#gate}`]] };
    return (await client.submit({ input, ...options })).id;
  }

  /** They come to their end by themselves. */
  letGo(): void {
    writeFileSync(this.#gate, '');
  }

  /** Each attempt that wrote, once for each time that it wrote after another one. */
  get turns(): string[] {
    const names = this.#lines.map(([job, attempt]) => `${job}.${attempt}`);
    return names.filter((name, index) => name !== names[index - 1]);
  }

  hasEnded(job: number, attempt = 1): boolean {
    return this.#lines.some(
      ([id, number, , who]) => Number(id) === job && Number(number) === attempt && who === 'end',
    );
  }

  async untilRuns(job: number, attempt = 1): Promise<void> {
    await pollUntil(
      () => this.turns,
      (turns) => turns.includes(`${job}.${attempt}`),
    );
  }

  get #lines(): string[][] {
    if (!existsSync(this.#file)) return [];
    const lines = readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => line.split(' '));
  }
}
