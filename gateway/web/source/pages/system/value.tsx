/** Values as people read them, whatever they are. */
import { clockMs, date, words } from "../../parts/format";

const SOME_TIME_MS = 100_000_000_000;
const YEAR_10000_MS = 253_402_300_800_000;

/** Whether a number is a moment: by its name, and as of about 1973. */
function isMoment(name: string, value: number): boolean {
  return name.endsWith("_ms") && value >= SOME_TIME_MS && value < YEAR_10000_MS;
}

export function textOf(name: string, value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number" && isMoment(name, value)) return `${date(value)} ${clockMs(value)}`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Fields and their values, a line each. */
export function Fields({ fields }: { fields: Record<string, unknown> }) {
  const entries = Object.entries(fields);
  if (entries.length === 0) return null;
  return (
    <dl class="system-values">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{words(name)}</dt>
          <dd class={typeof value === "object" ? "mono" : undefined}>{textOf(name, value)}</dd>
        </div>
      ))}
    </dl>
  );
}
