/** Live queries over one WebSocket: a snapshot, then changes. After a break, or a gap in the
 * numbers, a query is subscribed again and begins with a new snapshot: no row is lost or doubled.
 * However many messages come, pages see them once a frame of the screen. */
import { batch, type Signal, signal } from "@preact/signals";
import { immutableJSONPatch, type JSONPatchDocument } from "immutable-json-patch";
import { useEffect, useMemo } from "preact/hooks";
import type { Arguments, Problem, QueryPath, Rows } from "./client";
import { ticket } from "./key";

/** What a live query shows. `value` is null until the first snapshot. */
export interface Shown<Value> {
  value: Value | null;
  /** Next sequence, by partition: how far the read models were. */
  applied: Record<string, number>;
  problem: Problem | null;
}

interface Subscription {
  system: string;
  query: string;
  arguments: Record<string, unknown>;
  number: number;
  /** As of the last message; `shown` follows with the next frame of the screen. */
  latest: Shown<unknown>;
  shown: Signal<Shown<unknown>>;
}

interface Snapshot {
  type: "snapshot";
  id: string;
  number: number;
  applied: Record<string, number>;
  value: unknown;
}
interface Delta {
  type: "delta";
  id: string;
  number: number;
  applied: Record<string, number>;
  changes: JSONPatchDocument;
}
interface Failure {
  type: "problem";
  id: string;
  problem: Problem;
}
type Message = Snapshot | Delta | Failure | { type: "answer"; id: string };

const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 5_000;

class Live {
  readonly state = signal<"idle" | "opening" | "open" | "lost">("idle");
  private socket: WebSocket | null = null;
  private opening = false;
  private pauseMs = FIRST_PAUSE_MS;
  private count = 0;
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly changed = new Set<Subscription>();

  /** Follow a query; returns its signal, and what ends it. */
  follow(system: string, query: string, given: Record<string, unknown>): [Signal<Shown<unknown>>, () => void] {
    const id = `q${++this.count}`;
    const latest: Shown<unknown> = { value: null, applied: {}, problem: null };
    const shown = signal(latest);
    this.subscriptions.set(id, { system, query, arguments: given, number: 0, latest, shown });
    if (this.socket?.readyState === WebSocket.OPEN) this.subscribe(id);
    else void this.open();
    return [shown, () => this.leave(id)];
  }

  private leave(id: string): void {
    this.subscriptions.delete(id);
    this.tell({ type: "unsubscribe", id });
  }

  private tell(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private subscribe(id: string): void {
    const found = this.subscriptions.get(id);
    if (found === undefined) return;
    const { system, query, arguments: given } = found;
    this.tell({ type: "subscribe", id, system, query, arguments: given });
  }

  private async open(): Promise<void> {
    if (this.opening || this.subscriptions.size === 0) return;
    this.opening = true;
    if (this.state.value !== "lost") this.state.value = "opening";
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    try {
      const socket = new WebSocket(`${scheme}://${location.host}/api/live${await ticket()}`);
      this.socket = socket;
      socket.onopen = () => {
        this.opening = false;
        this.pauseMs = FIRST_PAUSE_MS;
        this.state.value = "open";
        for (const id of this.subscriptions.keys()) this.subscribe(id);
      };
      socket.onmessage = (event) => this.take(JSON.parse(String(event.data)) as Message);
      socket.onclose = () => this.again();
    } catch {
      this.again();
    }
  }

  /** A little later each time, and not all clients at once. */
  private again(): void {
    this.socket = null;
    this.opening = false;
    this.state.value = this.subscriptions.size === 0 ? "idle" : "lost";
    setTimeout(() => void this.open(), this.pauseMs * (0.5 + Math.random()));
    this.pauseMs = Math.min(this.pauseMs * 2, LAST_PAUSE_MS);
  }

  private take(message: Message): void {
    const found = this.subscriptions.get(message.id);
    if (found === undefined || message.type === "answer") return;
    if (message.type === "problem") {
      this.show(found, { ...found.latest, problem: message.problem });
    } else if (message.type === "snapshot") {
      found.number = message.number;
      this.show(found, { value: message.value, applied: message.applied, problem: null });
    } else if (message.number !== found.number + 1) {
      this.tell({ type: "unsubscribe", id: message.id });
      this.subscribe(message.id);
    } else {
      found.number = message.number;
      const value = immutableJSONPatch(found.latest.value, message.changes);
      this.show(found, { value, applied: message.applied, problem: null });
    }
  }

  private show(found: Subscription, latest: Shown<unknown>): void {
    found.latest = latest;
    if (this.changed.size === 0) requestAnimationFrame(() => this.draw());
    this.changed.add(found);
  }

  private draw(): void {
    const changed = [...this.changed];
    this.changed.clear();
    batch(() => changed.forEach((found) => (found.shown.value = found.latest)));
  }
}

export const live = new Live();

/** A query that follows what happens, for as long as the component is there. Null arguments: not
 * yet. A row that did not change is the same object as before. */
export function useLive<Path extends QueryPath>(path: Path, given: Arguments<Path> | null): Shown<Rows<Path>> {
  const [, , family = "", system = "", , query = ""] = path.split("/");
  return useLiveUntyped(`${family}.${system}`, query, given) as Shown<Rows<Path>>;
}

const NOTHING: Shown<unknown> = { value: null, applied: {}, problem: null };

/** As `useLive`, where the query is known by the document alone. */
export function useLiveUntyped(system: string, query: string, given: object | null): Shown<unknown> {
  const key = given === null ? null : JSON.stringify([system, query, given]);
  const [shown, leave] = useMemo(
    () => (given === null ? [null, null] : live.follow(system, query, given as Record<string, unknown>)),
    [key],
  );
  useEffect(() => leave ?? undefined, [leave]);
  return shown?.value ?? NOTHING;
}
