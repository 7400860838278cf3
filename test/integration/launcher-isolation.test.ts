import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LauncherClient } from '../../src/worker/launcher-client.ts';
import { isolation, LauncherHarness } from '../support/programs/launcher-harness.ts';

const isRoot = process.getuid?.() === 0;

let harness: LauncherHarness;
let client: LauncherClient;
let folder = '';

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-isolation-'));
  chmodSync(folder, 0o777);
  harness = new LauncherHarness();
  client = await harness.client();
});

afterEach(async () => {
  await harness.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.runIf(isRoot)('a program that runs as another user, started by root', () => {
  it('gets no library of its own loaded while it is still root, and yet all its variables', async () => {
    const witness = join(folder, 'witness');
    const source = join(folder, 'witness.c');
    const library = join(folder, 'witness.so');
    writeFileSync(
      source,
      `#include <stdio.h>\n#include <unistd.h>\n__attribute__((constructor)) static void look(void) {\n  FILE *f = fopen("${witness}", "a");\n  if (f) { fprintf(f, "%d\\n", geteuid()); fclose(f); }\n}\n`,
    );
    execFileSync('gcc', ['-shared', '-fPIC', '-o', library, source]);
    writeFileSync(witness, '');
    chmodSync(witness, 0o666);
    const spec = harness.shell('echo "$LD_PRELOAD $PLAIN"');
    const { heard } = await harness.run(client, {
      ...spec,
      env: { ...spec.env, LD_PRELOAD: library, PLAIN: 'a = b' },
      isolation: isolation({ user: 'nobody' }),
    });
    expect(heard.text('stdout')).toBe(`${library} a = b\n`);
    const users = readFileSync(witness, 'utf8').trim().split('\n').map(Number);
    expect(users.length).toBeGreaterThan(0);
    expect(users).not.toContain(0);
  });
});
