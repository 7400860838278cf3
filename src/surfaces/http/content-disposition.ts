/**
 * RFC 6266: a name for old readers in plain signs, and the real one as RFC 8187 writes it. Only the last part of a
 * path: where a file is saved is not ours to say.
 */
export function contentDisposition(kind: 'inline' | 'attachment', path: string): string {
  const name = (path.split('/').at(-1) ?? '').toWellFormed();
  const plain = name.replaceAll(/[^A-Za-z0-9._ -]/g, '_');
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
