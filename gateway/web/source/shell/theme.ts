/** Light, dark, or as the system has it; kept in this browser. */
import { signal } from "@preact/signals";
import { keep } from "../api/kept";

export type Theme = "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");

function current(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return dark.matches ? "dark" : "light";
}

/** The theme that is shown: read it where a drawing must be made again when it changes. */
export const theme = signal<Theme>(current());

dark.addEventListener("change", () => {
  theme.value = current();
});

export function toggleTheme(): void {
  const chosen = theme.value === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  keep("theme", chosen);
  theme.value = chosen;
}

let probe: CanvasRenderingContext2D | null = null;

/** The colour of a token (`--accent`), as canvas draws it. Reading `theme` subscribes the caller. */
export function colour(token: string): string {
  void theme.value;
  const holder = document.createElement("span");
  holder.style.color = `var(${token})`;
  holder.style.display = "none";
  document.body.append(holder);
  const found = getComputedStyle(holder).color;
  holder.remove();
  probe ??= document.createElement("canvas").getContext("2d");
  if (probe === null) return found;
  probe.fillStyle = found;
  return probe.fillStyle;
}
