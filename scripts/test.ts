/**
 * `npm test`: the checks of the source, then every test, then a short kill loop (ten rounds with one server, ten with
 * web and worker apart) and a thousand requests made from the API's own description. Ends with one line that counts
 * tests, because a run that executed none must not look like a success.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'daybook-test-report-'));
const report = join(folder, 'report.json');

run('node', ['scripts/check.ts', '--no-tests']);
const tests = run('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`], {
  mayFail: true,
});
const counts = JSON.parse(readFileSync(report, 'utf8')) as {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
};
rmSync(folder, { recursive: true });
const { numPassedTests: passed, numFailedTests: failedTests, numPendingTests: skipped } = counts;
if (tests === 0) {
  const codes = await Promise.all([
    runBeside('node', ['test/faults/kill-loop.ts', '--rounds', '10', '--mode', 'both']),
    // The same requests each time, so that a red run is about the change; `npm run test:fuzz` looks for new ones.
    runBeside('node', ['test/fuzz/api.ts', '--requests', '1000', '--seed', '1']),
  ]);
  const failed = codes.find((code) => code !== 0);
  if (failed !== undefined) process.exit(failed);
}
const areSkipsForbidden = process.env['CI_NO_SKIPS'] === '1' && skipped > 0;
if (areSkipsForbidden) console.error(`${skipped} tests were skipped, which CI_NO_SKIPS forbids.`);
console.log(`${passed} passed, ${failedTests} failed, ${skipped} skipped`);
process.exit(tests !== 0 || passed === 0 || areSkipsForbidden ? 1 : 0);

async function runBeside(command: string, args: string[]): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function run(command: string, args: string[], { mayFail = false } = {}): number {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error) console.error(error.message);
  const code = status ?? 1;
  if (code !== 0 && !mayFail) process.exit(code);
  return code;
}
