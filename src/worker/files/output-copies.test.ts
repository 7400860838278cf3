import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ClaimedJob } from '../../domain/jobs/ports.ts';
import type { OutputReader } from '../../domain/output/ports.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createOutputCopies } from './output-copies.ts';

const job = { jobId: 7, number: 2, uid: '00000000-0000-4000-8000-000000000000' } as ClaimedJob;
let folder = '';
let warnings: object[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-copies-'));
  warnings = [];
});

afterEach(() => rmSync(folder, { recursive: true }));

function create(
  directories: { stdout?: string; stderr?: string },
  bytes: OutputReader['bytes'] = async function* (_attempt, stream) {
    yield Buffer.from(`${stream} `);
    yield Buffer.from([0, 0xff, 10]);
  },
) {
  const logger = { ...silentLogger, warn: (fields: object) => void warnings.push(fields) };
  return createOutputCopies({ bytes }, { stdout: null, stderr: null, ...directories }, logger);
}

it('writes each stream, byte for byte, into the directory set for it, which it makes', async () => {
  const stdout = join(folder, 'deep', 'out');
  await create({ stdout, stderr: folder }).write(job);
  expect(readdirSync(stdout)).toEqual([`${job.uid}_stdout.log`]);
  expect(readFileSync(join(stdout, `${job.uid}_stdout.log`), 'latin1')).toBe('stdout \0\u00ff\n');
  expect(readFileSync(join(folder, `${job.uid}_stderr.log`), 'latin1')).toBe('stderr \0\u00ff\n');
  expect(warnings).toEqual([]);
});

it('writes nothing where no directory is set', async () => {
  await create({ stderr: folder }).write(job);
  expect(readdirSync(folder)).toEqual([`${job.uid}_stderr.log`]);
});

it('warns of a directory that cannot be, and still writes the other copy', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'untouched');
  await create({ stdout: join(file, 'out'), stderr: folder }).write(job);
  expect(warnings).toMatchObject([{ job: 7, directory: join(file, 'out') }]);
  expect(existsSync(join(folder, `${job.uid}_stderr.log`))).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe('untouched');
});

it('leaves the copy of an earlier attempt whole when the output cannot be read to its end', async () => {
  const path = join(folder, `${job.uid}_stdout.log`);
  writeFileSync(path, 'of attempt 1');
  const copies = create({ stdout: folder }, async function* () {
    yield Buffer.from('half');
    throw new Error('the database went away');
  });
  await copies.write(job);
  expect(warnings).toHaveLength(1);
  expect(readdirSync(folder)).toEqual([`${job.uid}_stdout.log`]);
  expect(readFileSync(path, 'utf8')).toBe('of attempt 1');
});

it('writes through no link that a program put there, who knows the uid of its job', async () => {
  const foreign = join(folder, 'of somebody else');
  writeFileSync(foreign, 'untouched');
  const copies = join(folder, 'copies');
  await create({ stdout: copies }).write(job);
  symlinkSync(foreign, join(copies, `${job.uid}_stdout.log.${job.number}.partial`));
  await create({ stdout: copies }).write(job);
  expect(readFileSync(foreign, 'utf8')).toBe('untouched');
  expect(readdirSync(copies)).toEqual([`${job.uid}_stdout.log`]);
});
