/**
 * Memory for what comes and goes, used again and again. New memory for each piece of a file costs more than moving it: the
 * collector was busy for two of three seconds of a gigabyte.
 */
const pieceBytes = 262_144;
/** Kept for later transfers; more are made when more run at once. */
const mostKept = 32;

const kept: Buffer[] = [];

export function takePiece(): Buffer {
  return kept.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
}

/** Only what nothing is read into, and nothing is sent from any more. */
export function givePiece(piece: Buffer): void {
  if (kept.length < mostKept) kept.push(piece);
}
