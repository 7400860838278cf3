import createDomPurify from 'dompurify';
import { Marked } from 'marked';

const marked = new Marked({ gfm: true, breaks: true });
const purifier = createDomPurify(window);

/** Links lead out of the page without telling where from; nothing is loaded from elsewhere. */
purifier.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName !== 'A') return;
  node.setAttribute('rel', 'noopener noreferrer');
  if (/^https?:/.test(node.getAttribute('href') ?? '')) node.setAttribute('target', '_blank');
});

/** HTML of a text in Markdown that somebody wrote; whatever could run or load something is taken out. */
export function toSafeHtml(text: string): string {
  const html = marked.parse(text, { async: false });
  return purifier.sanitize(html, {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ['style', 'form', 'img', 'input'],
  });
}
