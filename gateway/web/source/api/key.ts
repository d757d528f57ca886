/** The caller's key, where the server wants one: kept for this tab alone. */
import { signal } from "@preact/signals";
import { keep, kept } from "./kept";

const NAME = "key";

export const keyWanted = signal(false);

let key = kept(NAME, "sessionStorage");
const waiting: (() => void)[] = [];

export function setKey(given: string): void {
  key = given;
  keep(NAME, given, "sessionStorage");
  keyWanted.value = false;
  for (const go of waiting.splice(0)) go();
}

/** For the headers of a request. */
export function authorization(): Record<string, string> {
  return key === "" ? {} : { Authorization: `Bearer ${key}` };
}

/** The server refused the key that is known: ask for another, and go on once it is there. */
export async function anotherKey(): Promise<void> {
  keyWanted.value = true;
  await new Promise<void>((resolve) => waiting.push(resolve));
}

/** The query string for a connection that cannot have headers: a ticket, good once. */
export async function ticket(): Promise<string> {
  if (key === "") return "";
  const response = await fetch("/api/tickets", { method: "POST", headers: authorization() });
  if (!response.ok) return "";
  const { ticket: found } = (await response.json()) as { ticket: string };
  return `?ticket=${encodeURIComponent(found)}`;
}
