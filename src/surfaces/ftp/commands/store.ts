/**
 * Uploads. What comes lies under a hidden name until it is whole, and whole is more than that the data ended: the kernel of
 * a client that was killed closes its connections in as good order as a client that is done. So
 *
 * - in clear the control connection has to be there still, a moment after the data ended: of one that was killed it ends,
 *   too, before or after the data (RFC 959, section 4.1.1: an unexpected close of the control connection acts as ABOR).
 *   The moment is as long as the transfer took, 25 to 200 ms, so that small files are not slow; there is none where the
 *   client had said how long the file is (ALLO) and it is, or had sent QUIT, which allows the control connection to end.
 * - with TLS the end has to be said (`tls-source.ts`), which a killed client does not; QUIT, and a control connection that
 *   is there still, stand for it.
 *
 * Anything else keeps what came for the account to go on with, and leaves the file as it was.
 */
import { isHomeError, type HomeEntry, type Upload, type UploadOptions } from '../../../domain/home/ports.ts';
import { delay } from '../../../lib/delay.ts';
import { createFromNetwork } from '../ascii.ts';
import { fromBytes, toBytes, type Bytes } from '../bytes.ts';
import type { Commands } from '../command.ts';
import type { Incoming } from '../data/incoming.ts';
import { receiveBy } from '../data/open-data.ts';
import { pathIn } from '../paths.ts';
import { Refusal, reply, type Reply } from '../replies.ts';
import type { Session } from '../session.ts';
import { Transfer } from '../transfer.ts';

const graceMs = { least: 25, most: 200 };

export const storeCommands: Commands = {
  STOR: {
    usage: 'STOR <path>',
    argument: 'required',
    run: (session, argument) => {
      const path = session.resolve(argument);
      return store(session, { path, mode: 'replace', offset: session.restart });
    },
  },
  APPE: {
    usage: 'APPE <path>',
    argument: 'required',
    run: (session, argument) => {
      refuseRestart(session, 'APPE');
      return store(session, { path: session.resolve(argument), mode: 'append' });
    },
  },
  STOU: {
    usage: 'STOU',
    argument: 'optional',
    run: (session) => {
      refuseRestart(session, 'STOU');
      return store(session, { path: session.folder, mode: 'unique' });
    },
  },
};

interface Target extends UploadOptions {
  path: Bytes;
}

/** What became of it is in the reply. */
interface Receiving {
  upload: Upload;
  path: Bytes;
  isUnique: boolean;
  /** Of ALLO. */
  announcedBytes: number | null;
  tell: ReturnType<Session['teller']>;
}

function refuseRestart({ restart }: Session, verb: string): void {
  if (restart > 0) throw new Refusal(450, `Can't ${verb} while REST request is pending.`);
}

async function store(session: Session, { path, ...options }: Target): Promise<null> {
  const { announcedBytes } = session;
  session.announcedBytes = null;
  const upload = await begin(session, path, options);
  const isUnique = options.mode === 'unique';
  const receiving: Receiving = {
    upload,
    path: isUnique ? pathIn(path, toBytes(upload.name)) : path,
    isUnique,
    announcedBytes,
    tell: session.teller(),
  };
  const transfer = new Transfer('Upload', receiving.path);
  if (isUnique && !session.data.isOpen) transfer.waitsForData = true;
  else await requireData(session, upload);
  return session.begin(transfer, () => receive(session, transfer, receiving));
}

async function begin(session: Session, path: Bytes, options: UploadOptions): Promise<Upload> {
  try {
    return await session.person.view.beginUpload(fromBytes(path), options);
  } catch (error) {
    if (!isHomeError(error) || error.code !== 'bad-offset') throw error;
    throw new Refusal(554, `Invalid REST: position ${session.restart} > file size. ${error.message}`);
  }
}

async function requireData(session: Session, upload: Upload): Promise<void> {
  try {
    session.data.require();
  } catch (error) {
    await upload.discard();
    throw error;
  }
}

async function receive(session: Session, transfer: Transfer, receiving: Receiving): Promise<Reply> {
  const { upload, path, isUnique, tell } = receiving;
  // As RFC 1123 has it, section 4.1.2.9.
  const answer: Reply = isUnique
    ? { code: 150, lines: [`FILE: ${toBytes(upload.name)}`] }
    : reply(150, 'Ok to send data.');
  const before = upload.sizeBytes;
  try {
    const waited = transfer.waitsForData;
    if (waited) await waitForData(session, transfer, answer);
    let entry: HomeEntry | undefined;
    await receiveBy({ session, transfer, answer: waited ? null : answer }, async (data) => {
      await take(session, transfer, { ...receiving, data });
      entry = await upload.commit();
    });
    tell('home.upload', path, { bytes: transfer.bytes, sizeBytes: entry?.sizeBytes });
    return reply(226, `Transfer complete: ${transfer.bytes} bytes.`);
  } catch (error) {
    await settle(upload, {
      error,
      isUnique,
      isWorthKeeping: upload.sizeBytes > 0 && (before > 0 || transfer.bytes > 0),
    });
    throw error;
  }
}

async function waitForData(session: Session, transfer: Transfer, answer: Reply): Promise<void> {
  await session.control.send(answer);
  await session.data.untilOpen(transfer.signal);
  transfer.waitsForData = false;
  transfer.signal.throwIfAborted();
}

/** Returns when everything came and was meant to be everything. */
async function take(
  session: Session,
  transfer: Transfer,
  { data, upload, announcedBytes }: Receiving & { data: Incoming },
): Promise<void> {
  const startedAt = performance.now();
  const conversion = session.type === 'ascii' ? createFromNetwork() : null;
  try {
    for await (const chunk of data.chunks()) {
      await upload.write(conversion ? conversion.convert(chunk) : chunk);
      transfer.bytes += chunk.length;
    }
  } catch (error) {
    if (!data.endedUnsaid || !(await isQuitAndThere(session))) throw error;
  }
  if (conversion) await upload.write(conversion.end());
  const isAsAnnounced =
    announcedBytes !== null && [transfer.bytes, upload.sizeBytes].includes(announcedBytes);
  const isSaid = session.isDataPrivate || session.isQuitting || isAsAnnounced;
  const { least, most } = graceMs;
  const tookMs = performance.now() - startedAt;
  await delay(isSaid ? 0 : Math.min(most, Math.max(least, tookMs)), transfer.signal);
  transfer.signal.throwIfAborted();
}

/**
 * A client that sent QUIT by TLS while it sent the file, and still listens for how that went, was neither killed nor cut
 * off: some close such a data connection without a word. Tests of pyftpdlib do.
 */
async function isQuitAndThere({ isQuitting, control }: Session): Promise<boolean> {
  if (!isQuitting) return false;
  await delay(graceMs.most);
  return !control.isClosed;
}

/** What came of a broken upload is for its account to go on with; of a full disk it would only take the space. */
async function settle(
  upload: Upload,
  { error, isUnique, isWorthKeeping }: { error: unknown; isUnique: boolean; isWorthKeeping: boolean },
): Promise<void> {
  const isFull = isHomeError(error) && error.code === 'no-space';
  if (isUnique || isFull || !isWorthKeeping) await upload.discard();
  else await upload.keep();
}
