/** The server's time: a hold ends by it, whatever this machine's clock says. It is read from the
 * `Date` of an answer, which is of a whole second. */
import { signal } from "@preact/signals";
import { useEffect, useReducer } from "preact/hooks";
import { request } from "../../api/client";

const HALF_SECOND_MS = 500;
/** How far the server is ahead. */
const ahead_ms = signal(0);
let asked: Promise<void> | null = null;

async function read(): Promise<void> {
  const before_ms = Date.now();
  const response = await request("/api");
  const told_ms = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isNaN(told_ms)) return;
  const middle_ms = (before_ms + Date.now()) / 2;
  ahead_ms.value = told_ms + HALF_SECOND_MS - middle_ms;
}

/** Now, by the server; the component is drawn again every second. */
export function useServerNow(): number {
  const [, draw] = useReducer((count: number, _: void) => count + 1, 0);
  useEffect(() => {
    asked ??= read().catch(() => {
      asked = null; // the server is away: asked anew by the next
    });
    const timer = setInterval(() => draw(), 1_000);
    return () => clearInterval(timer);
  }, []);
  return Date.now() + ahead_ms.value;
}
