/** Hands a file to the browser, to be kept. */
export function saveFile(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/**
 * A chart as a picture, twice as large as on screen, with its title and what the colours mean.
 *
 * @throws when the browser cannot draw it
 */
export async function toPng(
  chart: SVGSVGElement | HTMLCanvasElement,
  { title, legend }: { title: string; legend: readonly { name: string; color: string }[] },
): Promise<Blob> {
  const scale = 2;
  const { width, height } = chart.getBoundingClientRect();
  const image = chart instanceof SVGSVGElement ? await toImage(chart, { width, height }) : chart;
  const style = getComputedStyle(document.body);
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser draws no pictures.');
  const margin = 16;
  context.font = `12px ${style.fontFamily}`;
  const places = placeLegend(context, legend, width);
  const top = margin + 28 + (places.at(-1)?.y ?? -20) + 28;
  canvas.width = (width + 2 * margin) * scale;
  canvas.height = (top + height + margin) * scale;
  context.scale(scale, scale);
  context.fillStyle = style.backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = style.color;
  context.font = `600 15px ${style.fontFamily}`;
  context.fillText(title, margin, margin + 14);
  context.font = `12px ${style.fontFamily}`;
  for (const { name, color, x, y } of places) {
    context.fillStyle = resolve(color);
    context.fillRect(margin + x, margin + 30 + y, 10, 10);
    context.fillStyle = style.color;
    context.fillText(name, margin + x + 15, margin + 39 + y);
  }
  context.drawImage(image, margin, top, width, height);
  return new Promise((done, failed) => {
    canvas.toBlob(
      (blob) => (blob ? done(blob) : failed(new Error('The picture is too large.'))),
      'image/png',
    );
  });
}

function placeLegend(
  context: CanvasRenderingContext2D,
  legend: readonly { name: string; color: string }[],
  width: number,
): { name: string; color: string; x: number; y: number }[] {
  let [x, y] = [0, 0];
  return legend.map(({ name, color }) => {
    const needed = 15 + context.measureText(name).width + 16;
    if (x > 0 && x + needed > width) [x, y] = [0, y + 18];
    const place = { name, color, x, y };
    x += needed;
    return place;
  });
}

/** A copy in which every style stands with its element: a picture has no style sheet. */
async function toImage(
  svg: SVGSVGElement,
  { width, height }: { width: number; height: number },
): Promise<HTMLImageElement> {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const copies = copy.querySelectorAll<SVGElement>('*');
  for (const [index, element] of svg.querySelectorAll('*').entries()) {
    const style = getComputedStyle(element);
    const target = copies[index];
    if (!target) continue;
    for (const name of ['fill', 'stroke', 'stroke-width', 'font-family', 'font-size', 'opacity'])
      target.style.setProperty(name, style.getPropertyValue(name));
  }
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
}

function resolve(color: string): string {
  const probe = document.createElement('span');
  probe.style.color = color;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
