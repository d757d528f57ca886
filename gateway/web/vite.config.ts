/// <reference types="vite/client" />
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import preact from "@preact/preset-vite";
import { defineConfig, type Plugin } from "vite";

const here = import.meta.dirname;

/** All that the build is made of; types (`.d.ts`) leave nothing in it. */
function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".d.ts"))
    .map((entry) => relative(here, join(entry.parentPath, entry.name)));
}

/** Writes down what the build was made of, so that a test can tell that it is not of yesterday. */
function digestOfSources(): Plugin {
  return {
    name: "digest-of-sources",
    generateBundle() {
      const files = [...sources(join(here, "source")), "package-lock.json", "vite.config.ts"].sort();
      const digest = createHash("sha256");
      for (const file of files) {
        digest.update(`${file}\0`).update(readFileSync(join(here, file))).update("\0");
      }
      this.emitFile({
        type: "asset",
        fileName: "sources.sha256",
        source: `${digest.digest("hex")}\n`,
      });
    },
  };
}

const server = process.env.REFOLD_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  root: join(here, "source"),
  base: "/",
  plugins: [preact({ devToolsEnabled: false }), digestOfSources()],
  build: {
    outDir: join(here, "built"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
    // Names that stay, so that a change of one page changes one file; ETags tell old from new.
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name].js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
  server: { proxy: { "/api": { target: server, ws: true }, "/schema": server } },
});
