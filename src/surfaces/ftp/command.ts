import type { Bytes } from './bytes.ts';
import type { Reply } from './replies.ts';
import type { Session } from './session.ts';

export interface Command {
  /** For HELP: `RETR <path>`. */
  usage: string;
  argument: 'none' | 'optional' | 'required';
  /** True: before somebody is signed in, too. */
  isOpen?: true;
  /** True: also while a transfer runs. Others wait for its end, so that no reply is taken for the transfer's. */
  isAtOnce?: true;
  /** True: also while a STOU waits for its data connection. */
  opensData?: true;
  /** True: what REST said still holds afterwards; it only prepares the transfer (RFC 3659, section 5.3). */
  keepsRestart?: true;
  /**
   * @returns null when it answers by itself
   * @throws Refusal or HomeError, which are told
   */
  run(session: Session, argument: Bytes): Promise<Reply | null> | Reply | null;
}

export type Commands = Readonly<Record<string, Command>>;
