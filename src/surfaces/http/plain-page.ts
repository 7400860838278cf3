/** A page of plain HTML that needs nothing from elsewhere, no script included; light and dark as the reader likes it. */
export function plainPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Daybook</title>
<style>
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5d6778; --line: #d9dee7; --mark: #2b62c4; --paper: #fff; --code: #f3f5f9 }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebf3; --soft: #9aa5b8; --line: #333b4a; --mark: #7aa8ff; --paper: #12161f; --code: #1b212d } }
body { margin: 0 auto; max-width: 960px; padding: 24px 16px 48px; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.05rem; margin: 28px 0 4px } p { color: var(--soft); margin: 4px 0 20px }
a { color: var(--mark) } nav { margin-bottom: 12px } nav a { margin-right: 16px }
pre { background: var(--code); padding: 12px 14px; border-radius: 6px; overflow-x: auto; font-size: 14px }
.drawing { overflow-x: auto } svg { width: 100%; min-width: 620px; height: auto } svg text { fill: var(--soft); font-size: 13px } svg .grid { stroke: var(--line) }
.bars rect { fill: var(--mark) } polyline { fill: none; stroke: var(--mark); stroke-width: 2 }
table { border-collapse: collapse; margin-top: 12px; font-variant-numeric: tabular-nums } td, th { padding: 4px 16px 4px 0; text-align: left; border-bottom: 1px solid var(--line) }
summary { cursor: pointer; color: var(--soft) }
</style>
</head>
<body>
${body}
</body>
</html>
`;
}

/** Text as it may stand in such a page. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
