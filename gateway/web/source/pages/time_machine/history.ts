/** What `/api/FAMILY/SYSTEM/history` answers, and how it is asked. */
import { getJson, queryString, request } from "../../api/client";

export interface PartitionHistory {
  partition: number;
  commands: number;
  events: number;
  first: number;
  last: number;
  first_ms: number | null;
  last_ms: number | null;
}

export interface Histories {
  system: string;
  rules_version: number;
  draws: boolean;
  partitions: PartitionHistory[];
}

export interface Timeline {
  axis: Axis;
  begin: number;
  width: number;
  commands: number[];
  events: number[];
  refused: number[];
  dead_letters: number[];
  adoptions: { partition: number; command_offset: number; at_ms: number; version: number }[];
  marked: number;
}

export interface Told {
  offset: number;
  timestamp: number;
  key: string | null;
  type: string;
  value: unknown;
}

export interface Difference {
  path: string;
  left: unknown;
  right: unknown;
}

export interface Moment {
  system: string;
  partition: number;
  first: number;
  last: number;
  command_offset: number;
  previous: number | null;
  next: number | null;
  at_ms: number;
  next_sequence: number;
  rules_version: number;
  command: Told | null;
  events: Told[];
  events_count: number;
  refused: boolean;
  rendering: string;
  digest: string | null;
  changes: { count: number; fields: Difference[] } | null;
}

export interface StatePart {
  name: string;
  path: string;
  value?: unknown;
  kind?: string;
  count?: number;
}

export interface StatePage {
  command_offset: number;
  path: string;
  count: number;
  begin: number;
  kinds: Record<string, number>;
  parts: StatePart[];
}

export interface Message {
  place: string;
  kind: "command" | "event";
  system: string;
  partition: number;
  offset: number;
  timestamp: number;
  type: string;
  key: string | null;
  fields: Record<string, unknown>;
  matches: boolean;
  came_from: string | null;
  events_left_out: number;
  children: Message[];
}

export interface Story {
  matching: number;
  messages: number;
  is_cut: boolean;
  roots: Message[];
}

export interface QueryArgument {
  name: string;
  kind: string;
  required: boolean;
  value: unknown;
}

export interface Question {
  query: string;
  description: string;
  answerable: boolean;
  arguments: QueryArgument[];
}

export interface Compared {
  left: { command_offset: number; at_ms: number; digest: string };
  right: { command_offset: number; at_ms: number; digest: string };
  count: number;
  fields: Difference[];
}

export interface QueryCompared {
  query: string;
  left: { count: number; rows: Row[] };
  right: { count: number; rows: Row[] };
  count: number;
  fields: Difference[];
}

export type Row = Record<string, unknown>;
export type Axis = "time" | "command";

/** The histories of one system. */
export class Past {
  readonly base: string;

  constructor(readonly system: string) {
    this.base = `/api/${system.replace(".", "/")}`;
  }

  histories(): Promise<Histories> {
    return getJson(`${this.base}/history`);
  }

  timeline(given: Record<string, unknown>): Promise<Timeline> {
    return getJson(`${this.base}/history/timeline${queryString(given)}`);
  }

  moment(partition: number, given: { at: string; by?: number; changes: boolean }): Promise<Moment> {
    return getJson(`${this.base}/history/partitions/${partition}/moment${queryString(given)}`);
  }

  state(partition: number, given: Record<string, unknown>): Promise<StatePage> {
    return getJson(`${this.base}/history/partitions/${partition}/state${queryString(given)}`);
  }

  find(partition: number, text: string, after: number): Promise<{ command_offset: number | null }> {
    return getJson(`${this.base}/history/partitions/${partition}/find${queryString({ text, after })}`);
  }

  compare(partition: number, left: number, right: number): Promise<Compared> {
    return getJson(`${this.base}/history/partitions/${partition}/compare${queryString({ left, right })}`);
  }

  story(of: string): Promise<Story> {
    return getJson(`${this.base}/history/story${queryString({ of, limit: 150 })}`);
  }

  questions(): Promise<Question[]> {
    return getJson(`${this.base}/history/questions`);
  }

  ask(query: string, given: Record<string, unknown>): Promise<unknown> {
    return getJson(`${this.base}/queries/${query}${queryString(given)}`);
  }

  compareQuery(query: string, given: Record<string, unknown>): Promise<QueryCompared> {
    return getJson(`${this.base}/history/queries/${query}/compare${queryString(given)}`);
  }

  async post<Found>(path: string, body: unknown): Promise<Found> {
    const headers = { "Content-Type": "application/json" };
    const given = { method: "POST", headers, body: JSON.stringify(body) };
    return (await (await request(`${this.base}/history/${path}`, given)).json()) as Found;
  }
}

/** One request at a time: of those that are asked for meanwhile, the last one follows. */
export class Conflated {
  private busy = false;
  private waiting: (() => Promise<void>) | null = null;

  run(work: () => Promise<void>): void {
    if (this.busy) {
      this.waiting = work;
      return;
    }
    this.busy = true;
    void work().finally(() => {
      this.busy = false;
      const next = this.waiting;
      this.waiting = null;
      if (next !== null) this.run(next);
    });
  }
}

export function timeText(at_ms: number): string {
  return new Date(at_ms).toISOString();
}

/** `2024-01-02 14:34:56.562`, in UTC as the log has it. */
export function moment(at_ms: number): string {
  return timeText(at_ms).replace("T", " ").replace("Z", "");
}

/** A value on one line. */
export function inline(value: unknown, longest = 160): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
