import type { Config } from '../config/config.ts';
import { httpAddress } from '../lib/host.ts';
import type { Senders } from '../domain/notifications/ports.ts';
import { toSigningKey, toUnsubscribeToken } from '../domain/notifications/unsubscribe-token.ts';
import type { SecretKey } from '../domain/secrets/ports.ts';
import { createMailSender } from '../adapters/senders/mail.ts';
import { createMqttSender } from '../adapters/senders/mqtt.ts';
import { createWebhookSender } from '../adapters/senders/webhook.ts';

/** By which notifications can go out here. */
export function createSenders(config: Config, key: SecretKey): Senders {
  const { smtpUrl, mailFrom, mqttUrl } = config.senders;
  return {
    email:
      smtpUrl === undefined
        ? null
        : createMailSender({
            smtpUrl,
            from: mailFrom,
            unsubscribeUrl: (receiver) =>
              `${publicAddress(config)}/unsubscribe?token=${toUnsubscribeToken(key.loadOrMake(), receiver)}`,
          }),
    webhook: createWebhookSender((ruleId) => toSigningKey(key.loadOrMake(), ruleId)),
    mqtt: mqttUrl === undefined ? null : createMqttSender(mqttUrl),
  };
}

/** What links to pages begin with. */
export function publicAddress({ http }: Config): string {
  return http.publicUrl ?? httpAddress(http.host, http.port);
}
