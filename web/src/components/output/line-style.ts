import type { StyleValue } from 'vue';
import type { AnsiStyle } from '../../../../src/contract/terminal-line.ts';

/**
 * How a style looks. A colour on the page's own ground is a hint (`--ink`): the style sheet makes it dark or light
 * enough to be read; on a ground of its own it stays what the program said.
 */
export function toLook(style: AnsiStyle): { class: string[]; style: StyleValue } {
  const [ink, ground] = style.isInverse ? [style.background, style.color] : [style.color, style.background];
  const hasGround = ground !== undefined || style.isInverse === true;
  const classes = [
    style.isBold ? 'ansi-bold' : '',
    style.isDim ? 'ansi-dim' : '',
    style.isItalic ? 'italic' : '',
    style.isUnderlined ? 'underline' : '',
    style.isStruck ? 'line-through' : '',
    hasGround ? 'ansi-ground' : '',
    ink !== undefined && !hasGround ? 'ansi-ink' : '',
  ].filter((name) => name !== '');
  if (!hasGround) return { class: classes, style: ink === undefined ? {} : { '--ink': ink } };
  const shown = ground ?? 'var(--ui-text)';
  return {
    class: classes,
    style: { backgroundColor: shown, color: ink ?? (ground ? readableOn(ground) : 'var(--ui-bg)') },
  };
}

/** Black or white, whichever stands out more (relative luminance of WCAG 2). */
export function readableOn(hex: string): '#000000' | '#ffffff' {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000000' : '#ffffff';
}
