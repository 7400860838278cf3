import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { createServerDatabase } from '../database.ts';
import { pollUntil } from '../poll.ts';
import type { Client } from './client.ts';
import { Installation, type InstallationOptions } from './installation.ts';

/**
 * Gives installations that are gone after the test, with all that ran in them. Their servers use a database of the
 * test's own on the PostgreSQL of the run, which saves making a cluster; with `embedded` they bring their own.
 */
export function useInstallations(): (
  options?: InstallationOptions & { database?: 'of the run' | 'embedded' },
) => Promise<Installation> {
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).toReversed()) await step();
  });
  return async ({ env = {}, database = 'of the run' } = {}) => {
    const isOwn = database === 'embedded' || env['DATABASE_URL'] !== undefined;
    const created = isOwn ? null : await createServerDatabase();
    if (created) undo.push(() => created.drop());
    const installation = new Installation({
      env: { ...(created ? { DATABASE_URL: created.url } : {}), ...env },
    });
    undo.push(() => installation.close());
    return installation;
  };
}

const gateScript = `#!/bin/bash
name=$1 code=$2
for (( i = 0; i < 50; i++ )); do echo "before $i"; echo "before $i" >&2; done
touch "$HOME/started-$name-$DAYBOOK_ATTEMPT"
until [ -e "$HOME/go-$name" ]; do sleep 0.02; done
for (( i = 0; i < 50; i++ )); do echo "after $i"; echo "after $i" >&2; done
touch "$HOME/ended-$name-$DAYBOOK_ATTEMPT"
exit "$code"
`;

/** What a program of \`Gate\` prints on each stream when it comes to its end. */
export const gateOutput = [...part('before'), ...part('after')].join('');
export const gateOutputBefore = part('before').join('');

function part(word: string): string[] {
  return Array.from({ length: 50 }, (_, i) => `${word} ${i}\n`);
}

/** A job that prints, waits until it is let through, prints more and exits with the code given. */
export class Gate {
  readonly id: number;
  readonly #home: string;
  readonly #name: string;

  private constructor(id: number, home: string, name: string) {
    this.id = id;
    this.#home = home;
    this.#name = name;
  }

  static async submit(
    { installation, client, data = 'data' }: { installation: Installation; client: Client; data?: string },
    options: { exitCode?: number; name?: string; retry?: object; timeoutSeconds?: number } = {},
  ): Promise<Gate> {
    const { exitCode = 0, name = 'gate', ...limits } = options;
    installation.addScript('gate.sh', gateScript, data);
    const job = await client.submit({
      input: { script: 'gate.sh', arguments: [['', `${name} ${exitCode}`]] },
      ...limits,
    });
    const home = installation.home(data);
    mkdirSync(home, { recursive: true });
    return new Gate(job.id, home, name);
  }

  /** Resolves when the program of this attempt has printed its first part. */
  untilStarted(attempt = 1): Promise<boolean> {
    return this.#untilThere(`started-${this.#name}-${attempt}`);
  }

  /** The program goes on, now or when it comes to the gate. */
  let(): void {
    writeFileSync(join(this.#home, `go-${this.#name}`), '');
  }

  untilProgramEnded(attempt = 1): Promise<boolean> {
    return this.#untilThere(`ended-${this.#name}-${attempt}`);
  }

  hasStarted(attempt: number): boolean {
    return existsSync(join(this.#home, `started-${this.#name}-${attempt}`));
  }

  #untilThere(file: string): Promise<boolean> {
    return pollUntil(() => existsSync(join(this.#home, file)), Boolean);
  }
}

/** For faults that consist of time passing. */
export function pass(ms: number): Promise<void> {
  return wait(ms);
}
