import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LauncherOptions } from '../../../src/launcher/main-options.ts';
import { carriesToken, listPids, readProcess } from '../../../src/launcher/proc.ts';
import {
  frameBytes,
  type Isolation,
  type LimitHit,
  type OutputFrame,
  type ProgramEnd,
  type ProgramNews,
  type ProgramSpec,
  type ProgramStarted,
  type StartRefused,
  type StreamOffsets,
  type UsageSample,
} from '../../../src/launcher/protocol.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { LauncherClient } from '../../../src/launcher/client/client.ts';
import type { ProgramListener } from '../../../src/launcher/client/ports.ts';
import { until } from './until.ts';
import type { Stream } from '../../../src/contract/stream.ts';

/** What a listener heard. Fails a test when the order of calls or offsets breaks the contract. */
export class Heard implements ProgramListener {
  readonly frames: OutputFrame[] = [];
  readonly next: StreamOffsets;
  readonly first: StreamOffsets;
  end: ProgramEnd | null = null;
  lost: string | null = null;
  broken: string | null = null;
  #onOutput: () => void;

  constructor(from: StreamOffsets = { stdout: 0, stderr: 0 }, onOutput: () => void = () => {}) {
    this.first = { ...from };
    this.next = { ...from };
    this.#onOutput = onOutput;
  }

  onOutput(frame: OutputFrame): void {
    if (this.end ?? this.lost) this.broken = 'output after the end';
    if (frame.offset !== this.next[frame.stream])
      this.broken = `${frame.stream} offset ${frame.offset}, expected ${this.next[frame.stream]}`;
    if (frame.bytes.length > frameBytes) this.broken = `a frame of ${frame.bytes.length} bytes`;
    this.next[frame.stream] += frame.bytes.length;
    // The bytes are there for as long as this call.
    this.frames.push({ ...frame, bytes: Buffer.from(frame.bytes) });
    this.#onOutput();
  }

  readonly near: LimitHit[] = [];
  readonly samples: UsageSample[] = [];

  onWatched({ near, firstSample, samples }: ProgramNews): void {
    this.near.push(...near);
    if (firstSample > this.samples.length)
      this.broken = `sample ${firstSample}, expected ${this.samples.length}`;
    this.samples.splice(firstSample, samples.length, ...samples);
  }

  onEnd(end: ProgramEnd): void {
    if (this.end ?? this.lost) this.broken = 'a second end';
    this.end = end;
  }

  onLost(reason: string): void {
    if (this.end ?? this.lost) this.broken = 'lost after the end';
    this.lost = reason;
  }

  bytes(stream: Stream): Buffer {
    return Buffer.concat(this.frames.filter((frame) => frame.stream === stream).map(({ bytes }) => bytes));
  }

  text(stream: Stream): string {
    return this.bytes(stream).toString();
  }
}

/** Nobody switched to, no limits: what a test does not name. */
export function isolation(change: Partial<Isolation>): Isolation {
  return {
    user: null,
    group: null,
    groupsOf: null,
    limits: {},
    warnAt: null,
    nice: null,
    killGraceMs: 1_000,
    ...change,
  };
}

export class LauncherHarness {
  readonly folder = mkdtempSync(join(tmpdir(), 'launcher-test-'));
  readonly #options: LauncherOptions;
  readonly #clients: LauncherClient[] = [];
  readonly #keys = new Set<string>();
  readonly #launchers = new Set<number>();

  constructor(options: LauncherOptions = {}) {
    this.#options = options;
  }

  async client({
    idleSeconds = 30,
    folder = join(this.folder, 'launcher'),
    launcherOptions = this.#options,
  }: {
    idleSeconds?: number;
    folder?: string;
    launcherOptions?: LauncherOptions;
  } = {}): Promise<LauncherClient> {
    const client = new LauncherClient({
      folder,
      idleSeconds,
      logger: silentLogger,
      launcherOptions,
    });
    this.#clients.push(client);
    await client.start();
    this.note(client);
    return client;
  }

  /** Remembers the launcher, to end it after the test. */
  note(client: LauncherClient): number {
    const pid = client.launcherPid;
    if (pid === null) throw new Error('no launcher');
    this.#launchers.add(pid);
    return pid;
  }

  spec(file: string, args: string[] = [], more: Partial<ProgramSpec> = {}): ProgramSpec {
    const key = more.key ?? `${this.folder}-${this.#keys.size}`;
    this.#keys.add(key);
    return {
      key,
      file,
      args,
      env: { PATH: '/usr/bin:/bin', DAYBOOK_ATTEMPT_TOKEN: key },
      cwd: this.folder,
      stdin: null,
      isolation: null,
      masks: [],
      ...more,
    };
  }

  shell(script: string, more: Partial<ProgramSpec> = {}): ProgramSpec {
    return this.spec('/bin/sh', ['-c', script], more);
  }

  async start(
    client: LauncherClient,
    spec: ProgramSpec,
    heard = new Heard(),
  ): Promise<{ started: ProgramStarted; heard: Heard }> {
    const started = await client.launch(spec, heard);
    if ('exitCode' in started) throw new Error(started.message);
    return { started, heard };
  }

  /** To its end, which is forgotten. */
  async run(
    client: LauncherClient,
    spec: ProgramSpec,
    heard = new Heard(),
  ): Promise<{ end: ProgramEnd; heard: Heard }> {
    await this.start(client, spec, heard);
    const end = await this.ended(heard);
    client.forget(spec.key);
    return { end, heard };
  }

  async refused(client: LauncherClient, spec: ProgramSpec): Promise<StartRefused> {
    const answer = await client.launch(spec, new Heard());
    if (!('exitCode' in answer)) throw new Error('it was started');
    return answer;
  }

  async ended(heard: Heard): Promise<ProgramEnd> {
    const end = await until(`the end (heard ${heard.frames.length} frames)`, () => heard.end ?? heard.lost);
    if (typeof end === 'string') throw new Error(`lost: ${end}`);
    if (heard.broken) throw new Error(heard.broken);
    return end;
  }

  /** Living processes of this harness's programs; zombies count. */
  strays(): number[] {
    return listPids().filter((pid) => {
      const facts = readProcess(pid);
      if (facts && this.#launchers.has(facts.parent)) return true;
      return [...this.#keys].some((key) => carriesToken(pid, key));
    });
  }

  /** Ends everything. The processes that were there before are returned: a test that expects none checks it. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
    for (const pid of [...this.strays(), ...this.#launchers]) kill(pid);
    await until('everything has ended', () =>
      [...this.strays(), ...this.#launchers].every((pid) => !isAlive(pid)),
    );
    rmSync(this.folder, { recursive: true });
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended meanwhile
  }
}

export function isAlive(pid: number): boolean {
  const facts = readProcess(pid);
  return facts !== null && !facts.isZombie;
}
