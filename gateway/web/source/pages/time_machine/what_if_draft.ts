/** What is to be other in a what-if: edits of recorded commands, as a person makes them. */
import type { Difference, Row } from "./history";

export interface Edit {
  op: "remove" | "change" | "add";
  partition: number;
  offset: number;
  type: string;
  /** The recorded command; of an added one, what it begins as. */
  value: Record<string, unknown>;
  /** The fields that are other. */
  set: Record<string, unknown>;
}

export interface Draft {
  edits: readonly Edit[];
  rules: string;
}

export interface KindCount {
  kind: string;
  before: number;
  after: number;
  removed: number;
  added: number;
  changed: number;
}

export interface Example {
  partition: number;
  offset: number;
  edit: string;
  at_ms: number;
  command: unknown;
  kinds_before: string[];
  kinds_after: string[];
  fields: string[];
}

export interface Result {
  events: {
    commands: number;
    changed: number;
    edited_changed: number;
    removed: number;
    added: number;
    events_before: number;
    events_after: number;
    kinds: KindCount[];
    examples: Example[];
  };
  before: { rules: string; origin: string };
  after: { rules: string; origin: string };
  states: { partition: number; differences: Difference[]; differences_count: number }[];
  queries: {
    query: string;
    before: { rows: Row[]; error: string };
    after: { rows: Row[]; error: string };
    differences: Difference[];
    differences_count: number;
  }[];
  elapsed_s: number;
}

export interface Alternative {
  id: string;
  location: string;
  state: "running" | "done" | "failed" | "cancelled";
  doing: string;
  done: number;
  total: number;
  problem: { type: string; title: string; status: number; detail?: string } | null;
  result: Result | null;
}

const ENVELOPE = ["origin_topic", "origin_partition", "origin_sequence", "origin_index", "idempotency_key"];

/** Fields of a command that a person may change. */
export function editable(edit: Edit): [string, unknown][] {
  return Object.entries(edit.value).filter(([name]) => name !== "type" && !ENVELOPE.includes(name));
}

/** What was typed, as the field's kind: numbers stay numbers. Null where it is none. */
export function parsed(text: string, like: unknown): unknown {
  if (typeof like === "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return typeof like === "number" || typeof like === "object" ? null : text;
  }
}

/** As the API takes them. */
export function lines(draft: Draft): object[] {
  return draft.edits.map((edit) => {
    const { op, partition, offset } = edit;
    if (op === "remove") return { op, partition, offset };
    if (op === "change") return { op, partition, offset, set: edit.set };
    const own = Object.fromEntries(editable(edit));
    return { op, partition, after: offset, command: { type: edit.type, ...own, ...edit.set } };
  });
}

/** Whether each edit says something. */
export function isWhole(draft: Draft): boolean {
  const said = draft.edits.every((edit) => edit.op !== "change" || Object.keys(edit.set).length > 0);
  return said && (draft.edits.length > 0 || draft.rules !== "");
}
