/** Numbers, prices and times as people read them. Integers come in; text goes out. */

const WHOLE = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export function whole(count: number): string {
  return WHOLE.format(count);
}

/** 12,345,678 as 12.3M. */
export function short(count: number): string {
  return SHORT.format(count);
}

/** An amount in its smallest unit, with so many decimals: (1005, 2) is 10.05. */
export function decimal(amount: number, decimals: number): string {
  const digits = String(Math.abs(amount)).padStart(decimals + 1, "0");
  const cut = digits.length - decimals;
  const head = WHOLE.format(Number(digits.slice(0, cut)));
  return `${amount < 0 ? "-" : ""}${head}${decimals > 0 ? `.${digits.slice(cut)}` : ""}`;
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = count;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

/** 14:05:09 */
export function clock(at_ms: number): string {
  return TIME.format(at_ms);
}

/** 14:05:09.123 */
export function clockMs(at_ms: number): string {
  return `${TIME.format(at_ms)}.${String(Math.trunc(at_ms) % 1000).padStart(3, "0")}`;
}

/** 5 Mar 2026 */
export function date(at_ms: number): string {
  return DATE.format(at_ms);
}

/** 3 s, 5 min, 2 h, 4 d */
export function span(length_ms: number): string {
  const seconds = Math.max(0, Math.round(length_ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/** `best_bid_price` as "best bid price". */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}
