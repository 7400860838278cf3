import type { Service } from '../../lib/service.ts';
import type {
  Fence,
  HeldProgram,
  OutputFrame,
  ProgramEnd,
  ProgramNews,
  ProgramSpec,
  ProgramStarted,
  SignalName,
  StartRefused,
  StreamOffsets,
} from '../protocol.ts';

/**
 * What a program tells. Frames come in order, each byte once; the end after the last of them. At most one of
 * `onEnd` and `onLost` comes, once, and nothing after it.
 */
export interface ProgramListener {
  /**
   * The bytes are overwritten after the call.
   * After some 8 MiB without `committed` no more comes until it is called, so commit as you go.
   * @see sendWindowBytes in the protocol
   */
  onOutput(frame: OutputFrame): void;
  /** Limits that came near, and samples of its use, counted from 0; all of them once more after an attach. */
  onWatched(news: ProgramNews): void;
  onEnd(end: ProgramEnd): void;
  /** The launcher died, or does not know the key. How the program ended is not known; it does not run any more. */
  onLost(reason: string): void;
}

/** What starts programs and holds them, as a worker sees it. A program is known by its key, which is any text. */
export interface ProgramLauncher extends Service {
  /** What the launcher still held when it was last connected to: programs that ran on while no worker was there. */
  readonly held: readonly HeldProgram[];
  /** Keys that an earlier launcher started and lost with its life; none of their processes run any more. */
  readonly startedBefore: readonly string[];
  /** False during an outage. */
  readonly isUp: boolean;
  /** Waits for the launcher during an outage. @throws when it is not known whether the program was started */
  launch(spec: ProgramSpec, listener: ProgramListener): Promise<ProgramStarted | StartRefused>;
  /** All output from these offsets on, then what is printed from now on, then the end. */
  attach(key: string, from: StreamOffsets, listener: ProgramListener): void;
  /** To the whole process group. Does nothing once the main process has ended. */
  signal(key: string, signal: SignalName): void;
  /** The launcher may drop what is before these offsets. */
  committed(key: string, upTo: StreamOffsets): void;
  /** The database confirmed a beat: these programs are fenced from now on, by the newest beat that was confirmed. */
  confirm(fence: Fence, keys: readonly string[]): void;
  /** The end is committed, or the loss: the key is free to be dropped. A program that still runs is killed. */
  forget(key: string): void;
}
