import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { retryPolicy } from '../../src/contract/job.ts';
import type { ClaimedJob } from '../../src/domain/jobs/ports.ts';
import type { OutputSink } from '../../src/domain/output/ports.ts';
import type { RunnableKind } from '../../src/domain/jobs/kind-ports.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { AttemptFolders } from '../../src/worker/files/attempt-folders.ts';
import { AttemptRun, type AttemptRunDependencies } from '../../src/worker/attempt/attempt-run.ts';

const leaseMs = 10_000;
const folder = mkdtempSync(join(tmpdir(), 'daybook-late-'));
const job: ClaimedJob = {
  jobId: 7,
  number: 1,
  token: 'a token',
  uid: 'a uid',
  kind: 'sleepy',
  name: 'a job',
  input: {},
  owner: 'ana',
  ownerId: null,
  retry: retryPolicy.parse({}),
  timeoutMs: null,
  run: null,
  scriptSha256: null,
  tries: 1,
  isLimited: false,
  claimedAt: new Date(0),
};

let nowMs = 0;
let sleepsMs = 0;
let launches = 0;
let ends: string[] = [];

beforeEach(() => {
  nowMs = 0;
  launches = 0;
  ends = [];
});
afterEach(() => {
  sleepsMs = 0;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Its worker falls asleep just before the program is started. */
const sleepy: RunnableKind = {
  name: 'sleepy',
  title: '',
  description: '',
  input: z.unknown(),
  result: z.unknown(),
  nameOf: () => '',
  runsProgram: true,
  run: async (_job, context) => {
    await context.program(async () => {
      nowMs += sleepsMs;
      return { file: 'true', args: [], script: null };
    });
    return { state: 'succeeded' };
  },
};

const sink: OutputSink = {
  received: { stdout: 0, stderr: 0 },
  pendingBytes: 0,
  append: () => {},
  gap: () => {},
  close: async () => true,
};

/** The few calls that one attempt makes; the rest of the ports would be a mistake here. */
const dependencies = {
  settings: {
    name: 'a worker',
    leaseMs,
    homeDirectory: '/',
    outputLimitBytes: 1_000,
    killGraceMs: 1,
    programUser: null,
    defaultLimits: {},
    defaultNice: null,
    warnAt: null,
  },
  homeOf: async () => '/',
  kinds: { get: () => sleepy },
  clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs },
  logger: silentLogger,
  recorder: { open: () => sink },
  folders: new AttemptFolders(folder, { installation: 'a worker' }),
  copies: { write: async () => {} },
  capsules: { findScript: async () => null },
  launcher: {
    launch: async () => {
      launches += 1;
      return { exitCode: 127, message: 'there is none' };
    },
    forget: () => {},
  },
  jobs: {
    finish: async ({ outcome }: { outcome: { state: string } }) => {
      ends.push(outcome.state);
    },
  },
} as unknown as AttemptRunDependencies;

it('an attempt whose worker slept between claim and start is given back, not started, as it may be lost by now', async () => {
  sleepsMs = leaseMs;
  await new AttemptRun(job, dependencies, { adopted: null, confirmedMs: () => 0 }).run();
  expect(launches).toBe(0);
  expect(ends).toEqual(['released']);
});

it('an attempt whose worker was awake is started', async () => {
  sleepsMs = leaseMs / 10;
  await new AttemptRun(job, dependencies, { adopted: null, confirmedMs: () => 0 }).run();
  expect(launches).toBe(1);
  expect(ends).toEqual(['succeeded']);
});
