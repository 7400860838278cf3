/**
 * Holds the stream of events for all pages of this browser. Browsers open six connections to a server over HTTP/1.1, for
 * all tabs together, so a stream for each tab would leave none for anything else from the sixth tab on (WHATWG HTML,
 * server-sent events, "authoring notes").
 */
import { FeedConnection } from './feed-connection.ts';
import type { FeedMessage } from './messages.ts';

/** What a page says by its port. */
export type PageMessage = { type: 'join'; isNewSession: boolean } | { type: 'leave' };

const ports = new Set<MessagePort>();
let connection: FeedConnection | null = null;

function tellAll(message: FeedMessage): void {
  for (const port of ports) port.postMessage(message);
}

function listen(port: MessagePort, message: PageMessage): void {
  if (message.type === 'leave') {
    ports.delete(port);
    if (ports.size > 0) return;
    connection?.close();
    connection = null;
    return;
  }
  ports.add(port);
  if (connection && !message.isNewSession) {
    port.postMessage(connection.state);
    return;
  }
  const wasOpen = connection !== null;
  connection?.close();
  connection = new FeedConnection(tellAll, { wasOpen });
  connection.open();
}

// A page that crashed says nothing: what it is told then goes nowhere, and costs nothing.
addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports;
  if (!port) return;
  port.addEventListener('message', ({ data }: MessageEvent<PageMessage>) => listen(port, data));
  port.start();
});
