import { createTransport } from 'nodemailer';
import { bareHost } from '../../lib/host.ts';
import { SendError, type Sender } from '../../domain/notifications/ports.ts';

export interface MailSettings {
  /** `smtp://user:password@host:587`, or `smtps://`. */
  smtpUrl: string;
  from: string;
  /** Where a receiver of a rule says that they want no more. */
  unsubscribeUrl(receiver: { ruleId: number; address: string }): string;
}

const timeoutMs = 20_000;

/** One connection for each message: few are sent, and a server that was gone is found again. */
export function createMailSender({ smtpUrl, from, unsubscribeUrl }: MailSettings): Sender {
  return {
    send: async ({ ruleId, target, subject, body }) => {
      const transport = createTransport({
        ...fromUrl(smtpUrl),
        connectionTimeout: timeoutMs,
        greetingTimeout: timeoutMs,
        socketTimeout: timeoutMs,
        dnsTimeout: timeoutMs,
      });
      const url = unsubscribeUrl({ ruleId, address: target });
      try {
        const sent = await transport.sendMail({
          from,
          to: target,
          subject,
          text: `${body}\n\n-- \nTo get no more of these: ${url}\n`,
          // RFC 8058: the mail program's own button.
          headers: {
            'List-Unsubscribe': `<${url}>`,
            'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
            'Auto-Submitted': 'auto-generated',
          },
        });
        return sent.response;
      } catch (error) {
        throw toSendError(error);
      } finally {
        transport.close();
      }
    },
  };
}

function fromUrl(text: string) {
  const url = new URL(text);
  const secure = url.protocol === 'smtps:';
  return {
    host: bareHost(url.hostname),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    ...(url.username
      ? { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }
      : {}),
  };
}

/** Replies of 5xx are final (RFC 5321 §4.2.1), all but those to a sign-in, which a person mends. */
function toSendError(error: unknown): SendError {
  const { responseCode, code, message } = error as Error & { responseCode?: number; code?: string };
  const isFinal = responseCode !== undefined && responseCode >= 500 && code !== 'EAUTH';
  return new SendError(message, { isFinal });
}
