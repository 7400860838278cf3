import type { TLSSocket } from 'node:tls';

/** @throws when it does not come to that in time, or the other side closes */
export function untilSecure(socket: TLSSocket, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error('The TLS handshake took too long.')), withinMs);
    const fail = (error: Error): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onSecure = (): void => {
      settle();
      resolve();
    };
    const onClose = (): void => fail(new Error('The connection was closed during the TLS handshake.'));
    // An end is only told to who reads; this takes nothing.
    const onReadable = (): void => void socket.read(0);
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('secure', onSecure).off('close', onClose).off('error', fail);
      socket.off('end', onClose).off('readable', onReadable);
      // One that comes late is of a socket that nobody uses any more.
      socket.on('error', () => {});
    };
    socket.once('secure', onSecure).once('close', onClose).once('error', fail);
    socket.once('end', onClose).on('readable', onReadable);
  });
}
