import { createHmac, timingSafeEqual } from 'node:crypto';

/** Says whose link it is, signed: nobody can make one for somebody else. */
export function toUnsubscribeToken(
  key: Buffer,
  { ruleId, address }: { ruleId: number; address: string },
): string {
  const text = Buffer.from(JSON.stringify([ruleId, address.toLowerCase()])).toString('base64url');
  return `${text}.${sign(key, text)}`;
}

/** Null: not ours. */
export function fromUnsubscribeToken(key: Buffer, token: string): { ruleId: number; address: string } | null {
  const [text = '', signature = ''] = token.split('.');
  const expected = Buffer.from(sign(key, text));
  const given = Buffer.from(signature);
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return null;
  const [ruleId, address] = JSON.parse(Buffer.from(text, 'base64url').toString()) as [number, string];
  return { ruleId, address };
}

/** Of a web hook, made of the server's key, so that none has to be stored. In the form of standardwebhooks.com. */
export function toSigningKey(key: Buffer, ruleId: number): string {
  return `whsec_${createHmac('sha256', key).update(`web hook of rule ${ruleId}`).digest('base64')}`;
}

function sign(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(`unsubscribe ${text}`).digest('base64url');
}
