/**
 * `npm run check`: everything that guards the quality of the source. The steps that only read run side
 * by side, two at a time; the unit tests come last. `node scripts/check.ts types directions` does just these.
 */
import { spawn } from 'node:child_process';

const steps: Record<string, string[]> = {
  format: ['oxfmt', '--check', '.'],
  lint: ['oxlint', '--type-aware', '--deny-warnings'],
  types: ['tsc', '--noEmit'],
  'types of browser tests': ['tsc', '--noEmit', '--project', 'test/e2e'],
  'types of pages': ['vue-tsc', '--noEmit', '--project', 'web'],
  directions: ['depcruise', '--config', '.dependency-cruiser.cjs', 'src', 'web/src'],
  'dead code': ['knip'],
};

const chosen = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = chosen.filter((name) => !(name in steps));
if (unknown.length > 0) {
  console.error(`There is no check ${unknown.join(', ')}; expected one of ${Object.keys(steps).join(', ')}.`);
  process.exit(2);
}
const isSkippingTests = process.argv.includes('--no-tests') || chosen.length > 0;

const failed: string[] = [];
const queue = Object.entries(steps).filter(([name]) => chosen.length === 0 || chosen.includes(name));
await Promise.all([drain(), drain()]);
if (!isSkippingTests && failed.length === 0) await run('unit tests', ['vitest', 'run', '--project', 'unit']);
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join(', ')}`);
  process.exit(1);
}

async function drain(): Promise<void> {
  for (let step = queue.shift(); step; step = queue.shift()) await run(...step);
}

function run(name: string, [command = '', ...args]: string[]): Promise<void> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => output.push(bytes));
    child.on('error', (error) => output.push(Buffer.from(`${error.message}\n`)));
    child.on('close', (code) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
      if (code !== 0) {
        failed.push(name);
        console.log(Buffer.concat(output).toString());
      }
      resolve();
    });
  });
}
