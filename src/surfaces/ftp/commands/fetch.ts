import { createToNetwork, type Conversion } from '../ascii.ts';
import { toBytes } from '../bytes.ts';
import type { Commands } from '../command.ts';
import type { OpenedFile } from '../../../domain/home/ports.ts';
import { sendBy } from '../data/open-data.ts';
import { givePiece, takePiece } from '../data/pieces.ts';
import { Refusal, reply } from '../replies.ts';
import type { Session } from '../session.ts';
import { Transfer } from '../transfer.ts';

export const fetchCommands: Commands = {
  RETR: {
    usage: 'RETR <path>',
    argument: 'required',
    run: async (session, argument) => {
      const first = session.restart;
      const file = await session.person.view.openFile(session.locate(argument));
      try {
        if (first > file.sizeBytes)
          throw new Refusal(554, `Invalid REST: position ${first} > file size ${file.sizeBytes}.`);
        session.data.require();
      } catch (error) {
        await file.close();
        throw error;
      }
      const transfer = new Transfer('Download', argument);
      return session.begin(transfer, async () => {
        try {
          await send(session, { transfer, file, first });
          return reply(226, `Transfer complete: ${transfer.bytes} bytes.`);
        } finally {
          await file.close();
        }
      });
    },
  },
};

async function send(
  session: Session,
  { transfer, file, first }: { transfer: Transfer; file: OpenedFile; first: number },
): Promise<void> {
  const isAscii = session.type === 'ascii';
  const conversion: Conversion | null = isAscii ? createToNetwork() : null;
  const answer = {
    code: 150,
    lines: [
      toBytes(
        `Opening ${isAscii ? 'ASCII' : 'BINARY'} mode data connection (${file.sizeBytes - first} bytes).`,
      ),
    ],
  } as const;
  await sendBy({ session, transfer, answer }, async (out) => {
    let [piece, other] = [takePiece(), takePiece()];
    let position = first;
    let reading = file.readInto(piece, position);
    for (let length = await reading; length > 0; length = await reading) {
      const chunk = piece.subarray(0, length);
      position += length;
      [piece, other] = [other, piece];
      // The disk and the network work at once.
      reading = file.readInto(piece, position);
      // What it throws counts when it is its turn.
      reading.catch(() => {});
      await out.write(conversion ? conversion.convert(chunk) : chunk);
      transfer.bytes += length;
    }
    // Not where it was broken off: somebody may still be reading or sending then.
    givePiece(piece);
    givePiece(other);
  });
}
