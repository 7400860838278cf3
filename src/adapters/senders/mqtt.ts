import { connectAsync } from 'mqtt';
import { bareHost } from '../../lib/host.ts';
import { within } from '../../lib/within.ts';
import { SendError, type Sender } from '../../domain/notifications/ports.ts';

const timeoutMs = 15_000;

/** Publishes at QoS 1, over a connection for each message: few are sent, and a broker that was gone is found again. */
export function createMqttSender(brokerUrl: string): Sender {
  const { protocol, hostname } = new URL(brokerUrl);
  // The library makes the address of a web socket of it without putting brackets back.
  const host = protocol.startsWith('ws') ? hostname : bareHost(hostname);
  return {
    send: async ({ target, subject, body, data }) => {
      try {
        const client = await connectAsync(
          brokerUrl,
          { connectTimeout: timeoutMs, reconnectPeriod: 0, host },
          false,
        );
        try {
          const text = JSON.stringify({ subject, text: body, data });
          await within(client.publishAsync(target, text, { qos: 1 }), timeoutMs, 'The acknowledgement');
        } finally {
          await client.endAsync(true);
        }
        return 'acknowledged by the broker';
      } catch (error) {
        throw new SendError((error as Error).message, { isFinal: false });
      }
    },
  };
}
