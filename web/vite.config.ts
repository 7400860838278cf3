import ui from '@nuxt/ui/vite';
import vue from '@vitejs/plugin-vue';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const outDir = join(import.meta.dirname, 'dist');

/** The server that `npm run dev` passes everything on to that is no page. */
const server = process.env['DAYBOOK_URL'] ?? 'http://127.0.0.1:8000';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [
    vue(),
    ui({
      autoImport: false,
      components: false,
      dts: false,
      // Only the styles of components that are used.
      experimental: { componentDetection: true },
      // Bundled: the pages ask nothing of the network.
      icon: { clientBundle: { scan: { globInclude: ['src/**/*.{vue,ts}'] } } },
      ui: {
        colors: {
          primary: 'ink',
          neutral: 'stone',
          success: 'emerald',
          info: 'sky',
          warning: 'amber',
          error: 'rose',
        },
        // The library's own three quarters leave white words on a light blue, below WCAG AA.
        button: {
          compoundVariants: (['primary', 'success', 'info', 'warning', 'error'] as const).map((color) => ({
            color,
            variant: 'solid' as const,
            class: `hover:bg-${color}/90 active:bg-${color}/90`,
          })),
        },
      },
    }),
    compressed(),
  ],
  server: { proxy: { '^/(api|task|healthz|readyz|metrics)': { target: server, changeOrigin: true } } },
  build: { outDir, emptyOutDir: true, target: 'es2023' },
});

/** Lays a `.br` and a `.gz` beside each file that gets smaller, so that the server compresses nothing while it runs. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    closeBundle() {
      const files = readdirSync(outDir, { recursive: true, encoding: 'utf8' });
      for (const file of files.filter((name) => /\.(js|css|html|svg)$/.test(name))) {
        const bytes = readFileSync(join(outDir, file));
        if (bytes.length < 1024) continue;
        writeFileSync(join(outDir, `${file}.br`), brotliCompressSync(bytes));
        writeFileSync(join(outDir, `${file}.gz`), gzipSync(bytes, { level: 9 }));
      }
    },
  };
}
