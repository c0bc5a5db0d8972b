import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** Writes `.gz` and `.br` beside what gets smaller by it: the server only picks a file. */
function compressed(directory: string): Plugin {
  const compress = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) compress(path)
      else if (/\.(js|css|html|svg|json|webmanifest)$/.test(entry.name)) {
        const content = readFileSync(path)
        const params = {
          [constants.BROTLI_PARAM_QUALITY]: 11,
          [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
        }
        for (const [ending, bytes] of [
          ['.br', brotliCompressSync(content, { params })],
          ['.gz', gzipSync(content, { level: 9 })],
        ] as const) {
          if (bytes.length < content.length) writeFileSync(path + ending, bytes)
        }
      }
    }
  }
  return { name: 'compressed', apply: 'build', closeBundle: () => compress(directory) }
}

/** Where a server for development is: `SANDBOXED_SH_URL=http://127.0.0.1:3000 npm run dev`. */
const server = process.env.SANDBOXED_SH_URL ?? 'http://127.0.0.1:3000'

export default defineConfig({
  plugins: [react(), compressed('dist')],
  build: {
    outDir: 'dist',
    // The directory is watched by cargo and stays; scripts/dashboard.sh empties it.
    emptyOutDir: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: false,
  },
  worker: { format: 'es' },
  server: {
    proxy: {
      '/api': {
        target: server,
        changeOrigin: true,
        ws: true,
        // The server answers to pages of its own only.
        configure: proxy => {
          proxy.on('proxyReq', request => request.setHeader('origin', server))
          proxy.on('proxyReqWs', request => request.setHeader('origin', server))
        },
      },
      '/metrics': { target: server, changeOrigin: true },
    },
  },
  test: {
    environment: 'node',
    include: ['src/**/*.test.{ts,tsx}'],
    reporters: ['default', './scripts/count.ts'],
  },
})
