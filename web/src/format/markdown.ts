import createDomPurify from 'dompurify';
import { Marked } from 'marked';

const marked = new Marked({ gfm: true, breaks: true });
const purifier = createDomPurify(window);

/**
 * What Markdown itself makes, and nothing else. Elements or attributes more (`style`, `class`, forms, media) could cover
 * the page with another one, such as a false sign-in.
 */
const allowed = {
  ALLOWED_TAGS:
    'a blockquote br code del em h1 h2 h3 h4 h5 h6 hr li ol p pre strong table tbody td th thead tr ul'.split(
      ' ',
    ),
  ALLOWED_ATTR: ['href', 'title', 'start', 'align'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|[/#?])/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

/** Links lead out of the page without telling where from; nothing is loaded from elsewhere. */
purifier.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName !== 'A') return;
  node.setAttribute('rel', 'noopener noreferrer');
  if (/^https?:/.test(node.getAttribute('href') ?? '')) node.setAttribute('target', '_blank');
});

/** HTML of a text in Markdown that somebody wrote. */
export function toSafeHtml(text: string): string {
  return purifier.sanitize(marked.parse(text, { async: false }), allowed);
}
