import { createHmac } from 'node:crypto';
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

async function post(
  url: string,
  body: string,
  headers: Record<string, string>,
): Promise<{ status: number; text: string }> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal });
    const text = await readStart(response);
    return { status: response.status, text: `${response.status} ${response.statusText} ${text}`.trim() };
  } catch (error) {
    const { message, cause } = error as Error;
    throw new SendError(cause instanceof Error ? cause.message : message, { isFinal: false });
  }
}

/** What it said, without waiting for more than is kept. */
async function readStart({ body }: Response): Promise<string> {
  if (!body) return '';
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of body) {
    text += decoder.decode(piece as Uint8Array, { stream: true });
    if (text.length >= mostAnswered) break;
  }
  return text.slice(0, mostAnswered);
}
