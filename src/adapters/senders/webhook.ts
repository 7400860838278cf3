import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { request as requestPlainly, type IncomingMessage } from 'node:http';
import { request as requestByTls } from 'node:https';
import { SendError, type Sender } from '../../domain/notifications/ports.ts';

const timeoutMs = 20_000;
const mostAnswered = 500;

/** Signed as standardwebhooks.com says. A redirect is not followed: the receiver is who was named. */
export function createWebhookSender(signingKeyOf: (ruleId: number) => string): Sender {
  return {
    send: async ({ id, ruleId, target, subject, body, data }) => {
      const text = JSON.stringify({ type: 'notification', subject, text: body, data });
      const timestamp = String(Math.floor(Date.now() / 1000));
      const messageId = `daybook-${id}`;
      const key = Buffer.from(signingKeyOf(ruleId).slice('whsec_'.length), 'base64');
      const signature = createHmac('sha256', key)
        .update(`${messageId}.${timestamp}.${text}`)
        .digest('base64');
      const response = await post(target, text, {
        'content-type': 'application/json',
        'user-agent': 'Daybook',
        'webhook-id': messageId,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      });
      if (response.status >= 200 && response.status < 300) return response.text;
      const isFinal = response.status < 500 && response.status !== 408 && response.status !== 429;
      throw new SendError(response.text, { isFinal });
    },
  };
}

/**
 * By Node's own client: `fetch` keeps the rules of browsers, which send to no address with a user in it and to no port of
 * certain other services. Here a user is sent as Basic (RFC 7617), and a redirect is an answer like any other.
 */
async function post(
  url: string,
  body: string,
  headers: Record<string, string>,
): Promise<{ status: number; text: string }> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const request = url.startsWith('https:') ? requestByTls : requestPlainly;
    // A connection for each: few are sent, and one that was kept may be dead.
    const sent = request(url, { method: 'POST', headers, agent: false, signal });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const { statusCode: status = 0, statusMessage = '' } = response;
    return { status, text: `${status} ${statusMessage} ${await readStart(response)}`.trim() };
  } catch (error) {
    throw new SendError(reasonOf(error as Error), { isFinal: false });
  }
}

/** A name with several addresses fails with an error for each, and no words of its own. */
function reasonOf(error: Error): string {
  return error instanceof AggregateError ? reasonOf(error.errors[0] as Error) : error.message;
}

/** What it said, without waiting for more than is kept. */
async function readStart(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of response.setEncoding('utf8')) {
    text += String(piece);
    if (text.length >= mostAnswered) break;
  }
  return text.slice(0, mostAnswered);
}
